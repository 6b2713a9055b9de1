"""Long runs: train by a dictionary of settings, and read the stored results.

The settings are the YAML files in ``experiments/``, which ``experiments/run.py`` checks and runs; the results lie
beside them as JSON, and inside the installed package.
"""

import json
import platform
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mnist_helpers._checks import real_number, whole_number
from mnist_helpers._files import FASHION_MNIST, MNIST
from mnist_helpers.data import load_fashion_mnist, load_mnist, shift_images, standardize, to_features, train_valid_split
from mnist_helpers.models import init_params
from mnist_helpers.training import TrainingDiverged, evaluate, fit

__all__ = ["data_hashes", "load_result", "mean_and_spread", "result_names", "results_folder", "run_one"]

_DATA = {"mnist": (MNIST, load_mnist), "fashion-mnist": (FASHION_MNIST, load_fashion_mnist)}
_PIXELS = {
    "divided by 255": lambda x: x,
    "divided by 255, minus 0.1": lambda x: x - x.dtype.type(0.1),
    "standardized per image": standardize,
}
_SCHEDULES = {
    "constant": lambda epoch, epochs: 1.0,
    "1 / (1 + 0.1 epoch)": lambda epoch, epochs: 1 / (1 + 0.1 * (epoch - 1)),  # epochs counted from 0
    "linear to zero": lambda epoch, epochs: (epochs + 1 - epoch) / epochs,
}
_ONE_AT_A_TIME = threading.Lock()  # how many threads BLAS may use is a matter of the whole process


def result_names():
    """Return the names of all stored results."""
    return sorted(path.stem for path in results_folder().glob("*.json"))


def load_result(name):
    """Return a stored long run.

    Parameters
    ----------
    name : str
        As in `result_names`.

    Returns
    -------
    dict
        ``settings`` (as in the YAML file), ``data`` (SHA-256 of each file) and ``runs``, a list with one dictionary
        for each seed: ``seed``, ``history`` (one entry per epoch, entry 0 before training), ``best_epoch``, ``final``
        (losses in nats and accuracies of the parameters that were kept), ``versions``, ``seconds``. A run that did
        not end has ``failure`` in the place of the last results.

    Raises
    ------
    ValueError
        If there is no such result.
    """
    if name not in result_names():
        raise ValueError(f"no result named {name!r}; there are {', '.join(result_names())}")
    return json.loads((results_folder() / f"{name}.json").read_text())


def mean_and_spread(result, quantity="test_accuracy"):
    """Return the mean and the standard deviation over the seeds of a final number.

    Parameters
    ----------
    result : dict
        See `load_result`.
    quantity : str
        A name in ``final``.

    Returns
    -------
    mean, spread : float
        The spread is the sample standard deviation (divided by the number of runs minus 1).

    Raises
    ------
    ValueError
        If a run failed, there are fewer than two, or they lack the quantity or it is not finite.
    TypeError
        If `result` is no dictionary of this kind, or the quantity no number.
    """
    runs = result.get("runs") if isinstance(result, dict) else None
    if not isinstance(runs, list) or not all(isinstance(run, dict) and "seed" in run for run in runs):
        raise TypeError('result must be a dictionary with "runs", a list of dictionaries with "seed"; see load_result')
    failed = [run["seed"] for run in result["runs"] if "failure" in run]
    if failed or len(result["runs"]) < 2:
        raise ValueError(f"needs at least two finished runs, got {len(result['runs'])} of which {failed} failed")
    values = [_final(run, quantity) for run in result["runs"]]
    return float(np.mean(values)), float(np.std(values, ddof=1))


def _final(run, quantity):
    final = run.get("final")
    if not isinstance(final, dict) or not isinstance(quantity, str) or quantity not in final:
        raise ValueError(f"the run with seed {run['seed']} has no final {quantity!r}")
    return real_number(final[quantity], quantity)


def data_hashes(name):
    """Return the SHA-256 of the four files of a data set, "mnist" or "fashion-mnist", which every load checks.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    if not isinstance(name, str) or name not in _DATA:
        raise ValueError(f"data must be one of {sorted(_DATA)}, got {name!r}")
    return {file.name: file.sha256 for file in _DATA[name][0].files}


def run_one(settings, seed):
    """Train once by the settings.

    Parameters
    ----------
    settings : dict
        With the keys of ``experiments/schema.json``.
    seed : int
        Decides the split, the first weights and the order of the examples, in this sequence.

    Returns
    -------
    dict
        One entry of ``runs``, see `load_result`. Numbers are rounded to six digits.

    Raises
    ------
    TypeError, ValueError
        If a setting is missing, unknown or cannot work (``experiments/run.py`` says beforehand which, by the schema),
        or if only the stand-in for MNIST can be found.
    """
    whole_number(seed, "seed", least=0)
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    # The order of additions, and so the last digits, must not depend on the machine's cores.
    with _ONE_AT_A_TIME, threadpool_limits(1):
        start = time.perf_counter()
        result = _train(settings, seed)
    return {"seed": seed, **result, "versions": _versions(), "seconds": round(time.perf_counter() - start, 1)}


def _check_settings(settings):
    """Raise unless the parts are there that `run_one` takes by name; their own functions see to the rest."""
    for name, known in {"data": _DATA, "pixels": _PIXELS, "model": None, "training": None}.items():
        if not isinstance(settings, dict) or name not in settings:
            raise ValueError(f"settings must be a dictionary with {name!r}")
        if known is None and not isinstance(settings[name], dict):
            raise TypeError(f"{name} must be a dictionary, got {settings[name]!r}")
        if known is not None and (not isinstance(settings[name], str) or settings[name] not in known):
            raise ValueError(f"{name} must be one of {sorted(known)}, got {settings[name]!r}")
    for name in ("n_valid", "train_size", "test_size"):
        if name in settings:
            whole_number(settings[name], name)
    _check_training(settings["training"])


def _check_training(training):
    if missing := {"epochs", "batch_size", "learning_rate"} - training.keys():
        raise ValueError(f"training lacks {sorted(missing)}")
    whole_number(training["epochs"], "epochs")
    schedule = training.get("schedule", "constant")
    if not isinstance(schedule, str) or schedule not in _SCHEDULES:
        raise ValueError(f"schedule must be one of {sorted(_SCHEDULES)}, got {schedule!r}")


def _train(settings, seed):
    _check_settings(settings)
    rng = np.random.default_rng(seed)
    train, held_out, test = _parts(settings, rng)
    activation = settings["model"].get("activation", "relu")
    params = _first_params(settings["model"], train[0], rng)
    measured = "valid" if "n_valid" in settings else "test"
    try:
        result = fit(params, *train, valid=held_out, activation=activation, progress=False, **_options(settings, rng))
    except TrainingDiverged as failure:
        return {"failure": str(failure)}
    parts = {"train": train, measured: held_out, "test": test}
    history = {name.replace("valid", measured): values for name, values in result.history.items() if name != "seconds"}
    final = {}
    for part, examples in parts.items():
        final[f"{part}_loss"], final[f"{part}_accuracy"] = evaluate(result.params, *examples, activation=activation)
    if "test_size" in settings:  # the published number; the one of the whole test part stands beside it
        first = evaluate(result.params, *held_out, activation=activation)
        final["first_test_loss"], final["first_test_accuracy"] = first
    return {
        "history": {name: [_rounded(value) for value in values] for name, values in history.items()},
        "best_epoch": result.best_epoch,
        "final": {name: _rounded(value) for name, value in final.items()},
    }


def _parts(settings, rng):
    """Return (x, labels) to train on, to measure after each epoch, and of the whole test part."""
    data = _DATA[settings["data"]][1]()
    if data.is_stand_in:
        raise ValueError("long runs need real MNIST; python -m mnist_helpers.data says where it is looked for")
    prepare = _PIXELS[settings["pixels"]]
    dtype = settings.get("dtype", "float32")
    x, x_test = (prepare(to_features(images, dtype)) for images in (data.x_train, data.x_test))
    test = (x_test, data.y_test)
    if "n_valid" in settings:
        x, y, x_valid, y_valid = train_valid_split(x, data.y_train, n_valid=settings["n_valid"], rng=rng)
        return (x, y), (x_valid, y_valid), test
    size = settings.get("train_size")
    return (x[:size], data.y_train[:size]), tuple(part[: settings.get("test_size")] for part in test), test


def _first_params(model, x, rng):
    options = {name: value for name, value in model.items() if name not in ("init", "scale")} | {"dtype": x.dtype}
    if model.get("init") != "uniform":
        return init_params(x.shape[1], 10, scale=model.get("scale"), rng=rng, **options)
    params = init_params(x.shape[1], 10, scale=0.0, **options)
    for name, value in params.items():
        if name.endswith("weights"):  # S0's program: as wide as sqrt(2 / (inputs * units)), which is narrow
            params[name] = (rng.uniform(-1, 1, value.shape) * (2 / value.size) ** 0.5).astype(x.dtype)
    return params


def _options(settings, rng):
    options = dict(settings["training"])
    schedule, epochs = _SCHEDULES[options.pop("schedule", "constant")], int(options["epochs"])
    max_shift = options.pop("max_shift", 0)
    if max_shift:
        options["augment"] = lambda x, draw: shift_images(x, draw, max_shift=max_shift, fill=x.min(axis=1))
    shuffled = options.pop("shuffle", True)
    return options | {"schedule": lambda epoch: schedule(epoch, epochs), "rng": rng if shuffled else None}


def _rounded(value):
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _versions():
    packages = {name: version(name) for name in ("mnist_helpers", "numpy")}
    return {"python": platform.python_version(), **packages}


def results_folder():
    """Return where the results lie: in the installed package, or in a checkout of the repository."""
    inside = Path(__file__).with_name("results")
    return inside if inside.is_dir() else Path(__file__).resolve().parent.parent / "experiments" / "results"
