"""Every public function with arguments of every kind: a right result, or an error that its docstring announces.

Each function is called twice over: with valid arguments, which must give the right result, and with one or two of them
spoilt, where a documented error will do as well. Right is what another way of computing says (`fuzz_references`). A
warning, a changed argument, another error, NaN out of nowhere: each of them is a failure.

MNIST_HELPERS_FUZZ=10000 runs that many examples of each function, other ones each time, and MNIST_HELPERS_FUZZ_COUNTS
names a folder for the counts; see benchmarks/reliability.py.
"""

import dataclasses
import functools
import importlib
import inspect
import itertools
import json
import math
import os
import shutil
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import fuzz_references as reference
import numpy as np
import pytest
import sklearn.datasets
import test_data
from fuzzing import (
    FLOATS,
    SEEDS,
    Fuzz,
    anything,
    arrays,
    calls,
    filled,
    generators,
    labels_of,
    learning_rates,
    momenta,
    outcome,
    penalties,
    shapes,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from instructor.implementations import all_answers
from mnist_helpers import _files, data, exercises, longruns, metrics, museum
from mnist_helpers.exercises._tasks import GENERIC, all_tasks

MODULES = [
    *("data", "functional", "gradcheck", "metrics", "models", "optim", "training", "optimum", "longruns", "plotting"),
    *("exercises", "museum"),
]
EXAMPLES = int(os.environ.get("MNIST_HELPERS_FUZZ", "0"))
LONG = {"max_examples": EXAMPLES // 2, "derandomize": False}
QUICK = {"max_examples": 12, "derandomize": True}
SETTINGS = settings(
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    **(LONG if EXAMPLES else QUICK),
)

# --- what is valid ------------------------------------------------------------------------------------------------

LOGIT_DTYPES = (*FLOATS, "float64", "float16", "int8", "int64", "uint8")
SCALES = (1, 50, 800, 1e308)


@st.composite
def logit_arrays(draw, shape, all_may_be_out=False):
    """Draw logits of every size, some of them -inf, and where that is allowed all of an example."""
    logits = draw(arrays(shape, LOGIT_DTYPES, SCALES))
    if logits.dtype.kind == "f" and draw(st.booleans()):
        places = np.random.default_rng(draw(SEEDS)).random(logits.shape) < 0.3
        places[..., :1] = all_may_be_out
        logits[places] = -np.inf
    return logits


@st.composite
def logits_with_axis(draw, all_may_be_out=False, **more):
    shape = draw(shapes())
    axis = draw(st.sampled_from([-1, len(shape) - 1]))
    return {"logits": draw(logit_arrays(shape, all_may_be_out)), "axis": axis} | {
        name: draw(part) for name, part in more.items()
    }


@st.composite
def labelled_logits(draw):
    n, num_classes = draw(shapes(2, 2))
    return {"logits": draw(logit_arrays((n, num_classes))), "labels": draw(labels_of(n, num_classes))}


@st.composite
def probabilities(draw, shape):
    rng, flat = np.random.default_rng(draw(SEEDS)), np.ones(shape[-1])
    if draw(st.booleans()):  # quarters: equal ones, certainty, and those on the border of a bin
        probs = rng.multinomial(4, flat / flat.sum(), shape[:-1]) / 4
    else:
        probs = rng.dirichlet(flat, shape[:-1])
    return probs.astype(draw(st.sampled_from(FLOATS)))


@st.composite
def labels_and_more(draw, *names, **more):
    """Draw several arrays of labels of one length, and the number of classes."""
    n, num_classes = draw(shapes(2, 2, largest=6))
    known = {name: draw(labels_of(n, num_classes)) for name in names}
    return known | ({"num_classes": num_classes} if "num_classes" in more else {})


@st.composite
def calibrations(draw):
    n, num_classes = draw(shapes(2, 2, largest=6))
    probs = draw(probabilities((n, num_classes)))
    return {
        "labels": draw(labels_of(n, num_classes)),
        "probs": probs,
        "num_bins": draw(st.one_of(st.sampled_from([2, 4]), st.integers(1, 20))),
    }


@st.composite
def examples(draw, **more):
    """Draw x and y of one length."""
    n = draw(st.integers(2, 6))
    x = draw(arrays((n, *draw(shapes(0, 2))), (*FLOATS, "uint8")))
    return {"x": x, "y": draw(labels_of(n, 10))} | {
        name: draw(part(n) if callable(part) else part) for name, part in more.items()
    }


@st.composite
def images_to_shift(draw):
    n, height, width = draw(shapes(3, 3))
    fill = draw(st.sampled_from([0.0, 0, -0.5, filled(draw(SEEDS), n, "float64")]))
    return {
        "features": draw(arrays((n, height * width))),
        "rng": draw(generators),
        "max_shift": draw(st.integers(0, min(2, max(height, width)))),
        "fill": fill,
        "shape": (height, width),
    }


@st.composite
def features_and_reference(draw):
    n, m, d = draw(shapes(3, 3))
    scales = (1, 1, 1e3, 1e-3)
    features = draw(arrays((n, d), scales=scales))
    reference = draw(st.sampled_from([None, filled(draw(SEEDS), (m, d), features.dtype)]))
    return {"features": features, "reference": reference}


FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))


@st.composite
def idx_files(draw, damaged=False):
    """Draw the path of an IDX file that is written on the way."""
    array = np.random.default_rng(draw(SEEDS)).integers(0, 256, draw(shapes(0, 3, smallest=0)), np.uint8)
    content = test_data.idx(array)
    content = test_data.pack(content) if draw(st.booleans()) else content
    if damaged:
        content = draw(damages(content))
    path = FOLDER / "file"
    path.write_bytes(content)
    return draw(st.sampled_from([str, Path]))(path)


@st.composite
def damages(draw, content):
    """Draw bytes that differ from these in some way."""
    place = draw(st.integers(0, len(content)))
    more = draw(st.binary(max_size=5))
    ways = [content + more, content[:place], content[:place] + more + content[place:]]
    ways += [content[:place] + more + content[place + 5 :]]
    return draw(st.sampled_from(ways))


@st.composite
def folders(draw, damaged=False):
    """Draw a folder with the tiny data set, or an absent one."""
    name = draw(
        st.sampled_from(["damaged", "damaged", "short", "empty", "absent", "plain"] if damaged else ["plain", "zipped"])
    )
    return draw(st.sampled_from([str, Path]))(FOLDER / name)


@st.composite
def model_inputs(draw, *names, l2=None, dtypes=FLOATS, hidden=True, each_class=False, scales=(1,)):
    """Draw params and x that fit, and of the other arguments those that are named."""
    n, d, k = draw(shapes(3, 3, largest=3))
    dtype = draw(st.sampled_from(dtypes))
    num_hidden = draw(st.sampled_from([None, 1, 3])) if hidden else None
    params = drawn_params(draw(SEEDS), d, k, num_hidden, dtype)
    n = max(n, k) if each_class else n
    labels = draw(labels_of(n, k))
    if each_class:
        labels[:k] = np.arange(k)
    x = draw(arrays((n, d), (dtype,), scales))
    possible = {"labels": labels, "x": x, "params": params}
    activation = {"activation": draw(st.sampled_from(["relu", "tanh", "sigmoid"]))} if hidden else {}
    return {name: possible[name] for name in ("params", "x", *names)} | activation


def drawn_params(seed, d, k, num_hidden, dtype):
    rng = np.random.default_rng(seed)
    layers = [("", d, k)] if num_hidden is None else [("hidden_", d, num_hidden), ("", num_hidden, k)]
    params = {}
    for prefix, inputs, outputs in layers:
        params[f"{prefix}weights"] = rng.standard_normal((inputs, outputs)).astype(dtype)
        params[f"{prefix}bias"] = rng.standard_normal(outputs).astype(dtype)
    return params


@st.composite
def and_more(draw, strategy, **more):
    """Draw a call and some more arguments."""
    return draw(strategy) | {name: draw(part) for name, part in more.items()}


@st.composite
def dictionaries(draw, *names, **more):
    """Draw dictionaries with one set of names and shapes: params, grads, velocity."""
    d, k = draw(shapes(2, 2))
    num_hidden = draw(st.sampled_from([None, 2]))
    drawn = {name: drawn_params(draw(SEEDS), d, k, num_hidden, draw(st.sampled_from(FLOATS))) for name in names}
    return drawn | {name: draw(part) for name, part in more.items()}


def constant(epoch):
    return 1.0


def falling(epoch):
    return 1 / (1 + epoch)


def doubled(x, rng):
    return 2 * x


@st.composite
def fits(draw):
    call = draw(model_inputs("labels"))
    d = call["x"].shape[1]
    call |= {
        "epochs": draw(st.integers(1, 3)),
        "batch_size": draw(st.integers(1, 4)),
        "learning_rate": draw(learning_rates),
        "rng": draw(generators),
        "l1": draw(st.sampled_from([0.0, 0.01])),
        "l2": draw(penalties),
        "momentum": draw(momenta),
        "weight_decay": draw(st.sampled_from([0.0, 0.01])),
        "schedule": draw(st.sampled_from([None, constant, falling])),
        "augment": draw(st.sampled_from([None, doubled])),
        "progress": False,
    }
    call["nesterov"] = bool(call["momentum"]) and draw(st.booleans())
    if draw(st.booleans()):
        m = draw(st.integers(1, 3))
        num_classes = call["params"]["bias"].size
        call["valid"] = (filled(draw(SEEDS), (m, d), call["x"].dtype), draw(labels_of(m, num_classes)))
        call["patience"] = draw(st.sampled_from([None, 1, 2]))
    return call


def heard(loss):
    assert math.isfinite(loss)


@st.composite
def checks(draw, *names, wrong=False):
    """Draw a function, its gradient and a point."""
    dtype = draw(st.sampled_from(["float64", "float64", "float32"]))
    x = filled(draw(SEEDS), draw(shapes(0, 2, largest=3)), dtype)
    if draw(st.booleans()):
        x = {"a": x, "b": filled(draw(SEEDS), draw(shapes(1, 1)), dtype)}
    f = reference.Smooth(draw(SEEDS))
    possible = {
        "grad": reference.Smooth(f.seed, 1.01 if dtype == "float32" else 1.0001).gradient if wrong else f.gradient,
        "num_directions": draw(st.sampled_from([None, 1, 3])),
        "rng": draw(generators),
        "method": draw(st.sampled_from(["central", "forward"])),
    }
    return {"f": f, "x": x} | {name: possible[name] for name in names}


# --- longruns, plotting, exercises, museum: what is right ---------------------------------------------------------


def right_hashes(result, name):
    source = {"mnist": _files.MNIST, "fashion-mnist": _files.FASHION_MNIST}[name]
    assert result == {file.name: file.sha256 for file in source.files}


def right_result(result, name):
    assert result == json.loads((longruns.results_folder() / f"{name}.json").read_text(encoding="utf-8"))


def right_spread(result, result_, quantity="test_accuracy"):
    values = [run["final"][quantity] for run in result_["runs"]]
    reference.assert_close(result, [statistics.mean(values), statistics.stdev(values)], rtol=1e-9, atol=1e-12)


def spread_calls():
    runs = st.lists(
        st.floats(0, 1, width=32).map(lambda value: {"seed": 1, "final": {"test_accuracy": value}}),
        min_size=2,
        max_size=4,
    )
    return calls(result=calls(runs=runs), quantity="test_accuracy")


def right_run(result, settings, seed):
    measured = "valid" if "n_valid" in settings else "test"
    assert result["seed"] == seed
    if "failure" in result:
        assert "became" in result["failure"]
        return
    history, best = result["history"], result["best_epoch"]
    assert history["epoch"] == list(range(len(history["epoch"])))
    assert len(history["epoch"]) <= settings["training"]["epochs"] + 1
    for name in ("train_loss", "train_accuracy", f"{measured}_loss", f"{measured}_accuracy"):
        assert len(history[name]) == len(history["epoch"])
        shortened = "test_size" in settings and measured == "test" and "test" in name
        assert shortened or history[name][best] == result["final"][name]
    again = longruns.run_one(settings, seed)
    assert {**result, "seconds": 0} == {**again, "seconds": 0}


@st.composite
def runs(draw):
    """Draw the settings of a long run that is short."""
    num_hidden = draw(st.sampled_from([None, 2]))
    model = (
        {} if num_hidden is None else {"num_hidden": num_hidden, "activation": draw(st.sampled_from(["relu", "tanh"]))}
    )
    training = {"epochs": draw(st.integers(1, 2)), "batch_size": 20, "learning_rate": 0.1, "momentum": draw(momenta)}
    pixels = draw(st.sampled_from(sorted(longruns._PIXELS)))
    part = draw(st.sampled_from([{}, {"n_valid": 10}, {"train_size": 30, "test_size": 10}]))
    schedule = {"schedule": draw(st.sampled_from(sorted(longruns._SCHEDULES)))}
    settings = {"title": "tiny", "data": "mnist", "pixels": pixels, "model": model, "training": training | schedule}
    return {"settings": settings | part, "seed": draw(st.integers(0, 3))}


def right_images(result, images, titles=None, num_columns=10, **options):
    images = np.asarray(images)
    assert len(result) == len(images)
    for ax, image in zip(result, images, strict=True):
        shown = np.ma.filled(np.ma.masked_invalid(np.asarray(ax.images[0].get_array(), float)), 0)
        np.testing.assert_array_equal(shown, np.where(np.isfinite(image.astype(float)), image, 0).astype(float))
    if titles is not None:
        assert [ax.get_title() for ax in result] == [str(title) for title in titles]


def assert_line(line, x, y):
    """Raise unless the line has these coordinates; what is not finite is left out."""
    for found, expected in ((line.get_xdata(), x), (line.get_ydata(), y)):
        found = np.ma.filled(np.ma.masked_invalid(np.ma.asarray(found, dtype=float)), -1)
        expected = np.asarray(expected, float)
        np.testing.assert_array_equal(found, np.where(np.isfinite(expected), expected, -1))


def right_history(result, history, quantity="loss", ax=None):
    names = [name for name in (f"train_{quantity}", f"valid_{quantity}") if name in history]
    assert len(result.lines) == len(names)
    for line, name in zip(result.lines, names, strict=True):
        assert_line(line, history["epoch"], history[name])


@st.composite
def histories(draw):
    length = draw(st.integers(1, 4))
    names = ["train_loss", "train_accuracy", "valid_loss", "valid_accuracy"]
    return {"epoch": list(range(length))} | {name: np.abs(filled(draw(SEEDS), length, "f8")).tolist() for name in names}


def right_runs(result, histories, quantities=("train_loss", "valid_accuracy")):
    assert len(result) == len(quantities)
    for ax, quantity in zip(result, quantities, strict=True):
        for line, history in zip(ax.lines, histories.values(), strict=True):
            assert_line(line, range(len(history[quantity])), history[quantity])


def right_weights(result, weights, titles=None, shape=(28, 28)):
    weights = np.asarray(weights)
    assert len(result) == weights.shape[1]
    for ax, column in zip(result, weights.T, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array().ravel(), column)
        low, high = ax.images[0].get_clim()
        assert low == -high
    wanted = range(len(result)) if titles is None else titles
    assert [ax.get_title() for ax in result] == [str(title) for title in wanted]


@st.composite
def weights_to_show(draw):
    height, width, k = draw(shapes(3, 3, largest=3))
    weights = draw(arrays((height * width, k)))
    return {"weights": weights, "titles": draw(st.sampled_from([None, list("abc")[:k]])), "shape": (height, width)}


def right_confusion(result, matrix, class_names, ax=None):
    counts = np.asarray(matrix)
    assert [text.get_text() for text in result.texts] == [str(count) for count in counts.ravel()]
    assert [text.get_position() for text in result.texts] == [(j, i) for i, j in np.ndindex(counts.shape)]
    assert [tick.get_text() for tick in result.get_xticklabels()] == [str(name) for name in class_names]


@st.composite
def confusions(draw):
    k = draw(st.integers(1, 3))
    matrix = np.random.default_rng(draw(SEEDS)).integers(0, 50, (k, k))
    return {"matrix": matrix, "class_names": list("abc")[:k], "ax": axes()}


def right_reliability(result, calibrations, ax=None):
    assert len(result.lines) == len(calibrations) + 1
    for line, found in zip(result.lines[1:], calibrations.values(), strict=True):
        assert_line(line, found.confidence, found.accuracy)


@st.composite
def found_calibrations(draw):
    return metrics.calibration(**draw(calibrations()))


def above(points):
    """Return class 1 above a line, class 0 below; no point of a grid lies on it."""
    return (points[:, 1] > 0.9137 * points[:, 0] + 0.0317).astype(int)


def right_regions(result, predict, ax=None, points=None, labels=None, limits=None, num_steps=300):
    left, right, bottom, top = result.axis()
    across, up = (
        [(i + 0.5) / num_steps * (b - a) + a for i in range(num_steps)] for a, b in ((left, right), (bottom, top))
    )
    classes = np.unique(predict(np.array([(x, y) for y in up for x in across])))
    markers = [line for line in result.lines if line.get_markersize() == 2]
    assert len(markers) == len(classes)
    assert len(result.lines) - len(markers) == (0 if labels is None else len(np.unique(labels)))
    if limits is not None:
        np.testing.assert_allclose(result.axis(), limits, rtol=1e-6)


@st.composite
def regions(draw):
    n = draw(st.integers(2, 4))
    points = draw(arrays((n, 2), ("float64",)))
    limits = draw(st.sampled_from([None, (-1.0, 1.0, -2.0, 2.0)]))
    return {
        "predict": above,
        "ax": axes(),
        "points": points,
        "labels": draw(labels_of(n, 3)),
        "limits": limits,
        "num_steps": 6,
    }


ANSWERS = all_answers()
RIGHT = [(name, answer) for name, (right, _) in ANSWERS.items() for answer in right]
WRONG = [(name, answer) for name, (_, wrong) in ANSWERS.items() for answer, _ in wrong]


def identity(value):
    return id(value) if callable(value) else repr(value)


KNOWN_RIGHT = {(name, identity(answer)) for name, answer in RIGHT}
KNOWN_WRONG = {(name, identity(answer)) for name, answer in WRONG}


def right_verdict(result, name, answer, rng=None):
    key = (name, identity(answer))
    assert result.right == (key in KNOWN_RIGHT) or key not in KNOWN_RIGHT | KNOWN_WRONG
    assert result.right == (result.key == "")
    task = exercises.find_task(name)
    assert result.right or result.key in task.misconceptions or result.key in GENERIC
    assert result.message.startswith(f"{name}: ")


def answered():
    return st.sampled_from(RIGHT + WRONG).flatmap(
        lambda pair: calls(name=pair[0], answer=st.just(pair[1]), rng=generators)
    )


def right_check(result, name, answer, rng=None):
    assert result is None


def right_names(result):
    folder = Path(museum.__file__).parent
    assert result == sorted(path.stem for path in folder.glob("[a-z]*.py") if path.stem not in ("program", "checks"))


# --- the table ----------------------------------------------------------------------------------------------------


def as_result(function):
    """Let a reference call its argument `result` although the function has one of the same name."""
    return lambda found, result, **rest: function(found, result, **rest)


one_label = labelled_logits()
params_and_x = model_inputs()
exact = {"hidden": False, "dtypes": ("float64",), "each_class": True}

TABLE = {
    "data.iter_minibatches": Fuzz(
        examples(batch_size=st.integers(1, 7), rng=st.one_of(st.none(), generators)), reference.iter_minibatches
    ),
    "data.load_fashion_mnist": Fuzz(
        calls(data_dir=folders(), download=st.booleans()), lambda found, **call: right_set(found)
    ),
    "data.load_mnist": Fuzz(
        calls(data_dir=folders(), download=st.booleans()), lambda found, **call: found.is_stand_in or right_set(found)
    ),
    "data.read_idx": Fuzz(calls(path=idx_files()), reference.read_idx),
    "data.shift_images": Fuzz(images_to_shift(), reference.shift_images),
    "data.standardize": Fuzz(features_and_reference(), reference.standardize),
    "data.to_features": Fuzz(
        calls(images=arrays(shapes(3, 3, 0), ("uint8",), (100,)), dtype=st.sampled_from([*FLOATS, np.float32, float])),
        reference.to_features,
    ),
    "data.train_valid_split": Fuzz(
        examples(n_valid=lambda n: st.integers(1, n - 1), rng=generators), reference.train_valid_split
    ),
    "functional.cross_entropy": Fuzz(one_label, reference.cross_entropy),
    "functional.cross_entropy_and_grad": Fuzz(one_label, reference.cross_entropy_and_grad),
    "functional.cross_entropy_grad": Fuzz(one_label, reference.cross_entropy_grad),
    "functional.log_softmax": Fuzz(logits_with_axis(), reference.log_softmax),
    "functional.logsumexp": Fuzz(logits_with_axis(all_may_be_out=True, keepdims=st.booleans()), reference.logsumexp),
    "functional.one_hot": Fuzz(labels_and_more("labels", num_classes=True), reference.one_hot),
    "functional.softmax": Fuzz(logits_with_axis(), reference.softmax),
    "functional.softmax_jacobian": Fuzz(calls(probs=shapes().flatmap(probabilities)), reference.softmax_jacobian),
    "gradcheck.best_step": Fuzz(
        calls(dtype=st.sampled_from([*FLOATS, np.float32, float]), method=st.sampled_from(["central", "forward"])),
        reference.best_step,
    ),
    "gradcheck.check_gradient": Fuzz(checks("grad", "num_directions", "rng"), reference.check_gradient),
    "gradcheck.complex_step_gradient": Fuzz(
        and_more(checks(), step=st.sampled_from([1e-20, 1e-10])), reference.complex_step_gradient
    ),
    "gradcheck.numerical_gradient": Fuzz(
        and_more(checks("method"), step=st.sampled_from([None, 1e-3])), reference.numerical_gradient
    ),
    "longruns.data_hashes": Fuzz(calls(name=st.sampled_from(["mnist", "fashion-mnist"])), right_hashes),
    "longruns.load_result": Fuzz(calls(name=st.sampled_from(longruns.result_names())), right_result),
    "longruns.mean_and_spread": Fuzz(spread_calls(), as_result(right_spread)),
    "longruns.result_names": Fuzz(
        calls(), lambda found: (longruns.results_folder() / f"{found[0]}.json").is_file() or pytest.fail("no such file")
    ),
    "longruns.results_folder": Fuzz(calls(), lambda found: found.is_dir() or pytest.fail("no such folder")),
    "longruns.run_one": Fuzz(runs(), right_run),
    "metrics.accuracy": Fuzz(labels_and_more("labels", "predictions"), reference.accuracy),
    "metrics.calibration": Fuzz(calibrations(), reference.calibration),
    "metrics.confusion_matrix": Fuzz(
        labels_and_more("labels", "predictions", num_classes=True), reference.confusion_matrix
    ),
    "models.hidden_layer": Fuzz(params_and_x, reference.hidden_layer),
    "models.init_params": Fuzz(
        calls(
            num_features=st.integers(1, 5),
            num_classes=st.integers(1, 4),
            num_hidden=st.sampled_from([None, 1, 3]),
            activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
            scale=st.sampled_from([None, 0, 0.0, 1e-3, 2, np.float32(0.5)]),
            rng=generators,
            dtype=st.sampled_from([*FLOATS, np.float32]),
        ),
        reference.init_params,
    ),
    "models.logits": Fuzz(params_and_x, reference.logits),
    "models.loss_and_grads": Fuzz(
        and_more(model_inputs("labels"), l1=penalties, l2=penalties), reference.loss_and_grads
    ),
    "models.predict": Fuzz(params_and_x, reference.predict),
    "museum.load": Fuzz(
        calls(name=st.sampled_from(museum.names())), lambda found, name: found.name == name or pytest.fail(name)
    ),
    "museum.names": Fuzz(calls(), right_names),
    "optim.decay_weights": Fuzz(
        dictionaries("params", learning_rate=learning_rates, weight_decay=penalties), reference.decay_weights
    ),
    "optim.momentum": Fuzz(
        dictionaries("params", "grads", "velocity", learning_rate=learning_rates, momentum=momenta), reference.momentum
    ),
    "optim.nesterov": Fuzz(
        dictionaries("params", "grads", "velocity", learning_rate=learning_rates, momentum=momenta),
        functools.partial(reference.momentum, nesterov=True),
    ),
    "optim.sgd": Fuzz(dictionaries("params", "grads", learning_rate=learning_rates), reference.sgd),
    "optim.update_rule": Fuzz(
        calls(
            learning_rate=learning_rates,
            momentum=st.sampled_from([0.5, 0.9, np.float32(0.25)]),
            nesterov=st.booleans(),
            weight_decay=penalties,
        ),
        lambda found, **call: right_rule(found, **call),
    ),
    "optim.zero_velocity": Fuzz(dictionaries("params"), reference.zero_velocity),
    "optimum.gap_bound": Fuzz(
        and_more(model_inputs("labels", **exact), l2=st.sampled_from([1e-3, 0.1, 1])), reference.gap_bound
    ),
    "optimum.gradient_norm": Fuzz(dictionaries("grads"), reference.gradient_norm),
    "optimum.hessian_product": Fuzz(
        and_more(model_inputs(hidden=False, dtypes=("float64",)), l2=penalties).map(
            lambda call: call | {"direction": {name: np.cos(value) for name, value in call["params"].items()}}
        ),
        reference.hessian_product,
    ),
    "optimum.load_optimum": Fuzz(calls(), lambda found: right_optima(found)),
    "optimum.newton": Fuzz(
        and_more(
            model_inputs("labels", **exact), l2=st.sampled_from([0.01, 0.1, 1]), tolerance=st.sampled_from([1e-9, 1e-3])
        ),
        reference.newton,
    ),
    "optimum.with_best_bias": Fuzz(model_inputs("labels", **exact), reference.with_best_bias),
    "plotting.plot_confusion": Fuzz(confusions(), right_confusion),
    "plotting.plot_history": Fuzz(
        calls(history=histories(), quantity=st.sampled_from(["loss", "accuracy"]), ax=st.builds(lambda: axes())),
        right_history,
    ),
    "plotting.plot_regions": Fuzz(regions(), right_regions),
    "plotting.plot_reliability": Fuzz(
        calls(calibrations=st.fixed_dictionaries({"a": found_calibrations()}), ax=st.builds(lambda: axes())),
        right_reliability,
    ),
    "plotting.plot_runs": Fuzz(
        calls(
            histories=st.fixed_dictionaries({"a": histories(), "b": histories()}),
            quantities=("train_loss", "valid_accuracy"),
        ),
        right_runs,
    ),
    "plotting.plot_weights": Fuzz(weights_to_show(), right_weights),
    "plotting.show_images": Fuzz(
        calls(images=arrays(shapes(3, 3, largest=3), (*FLOATS, "uint8")), num_columns=st.integers(1, 4)), right_images
    ),
    "training.evaluate": Fuzz(model_inputs("labels"), reference.evaluate),
    # Not spoilt: a huge number of epochs is work that was asked for.
    "training.fit": Fuzz(
        fits(), lambda found, progress=False, **call: reference.fit(found, **call), kept=("epochs", "progress")
    ),
    "training.train_epoch": Fuzz(
        and_more(
            model_inputs("labels"),
            batch_size=st.integers(1, 4),
            learning_rate=learning_rates,
            rng=st.one_of(st.none(), generators),
            l1=st.sampled_from([0.0, 0.01]),
            l2=penalties,
            on_step=st.sampled_from([None, heard]),
        ),
        reference.train_epoch,
    ),
    "exercises.check": Fuzz(answered(), right_check),
    "exercises.find_task": Fuzz(
        calls(name=st.sampled_from([task.name for task in all_tasks()])),
        lambda found, name: found.name == name or pytest.fail(name),
    ),
    "exercises.verdict": Fuzz(answered(), right_verdict),
}
# Spoilt otherwise than argument by argument: the file instead of its path, the gradient by a little.
WILD = {
    "gradcheck.check_gradient": st.one_of(
        TABLE["gradcheck.check_gradient"].wild, checks("grad", "num_directions", "rng", wrong=True)
    ),
    "data.read_idx": calls(path=st.one_of(idx_files(damaged=True), idx_files(damaged=True), anything)),
    "data.load_fashion_mnist": calls(data_dir=st.one_of(folders(damaged=True), anything), download=anything),
    "data.load_mnist": calls(data_dir=st.one_of(folders(damaged=True), anything), download=anything),
    "longruns.run_one": TABLE["longruns.run_one"].wild.filter(lambda call: not has_many_epochs(call["settings"])),
}


def has_many_epochs(settings):
    """Tell whether a run would take hours, as it was asked to."""
    training = settings.get("training") if isinstance(settings, dict) else None
    epochs = training.get("epochs") if isinstance(training, dict) else None
    return isinstance(epochs, int | np.integer) and epochs > 1000


def right_set(found):
    for array, expected in zip(
        (found.x_train, found.y_train, found.x_test, found.y_test), test_data.ARRAYS, strict=True
    ):
        np.testing.assert_array_equal(array, expected)


def right_rule(update, learning_rate, momentum=0.0, nesterov=False, weight_decay=0.0):
    params, grads, velocity = (drawn_params(seed, 2, 3, None, "float64") for seed in range(3))
    shrunk = {
        name: value * (1 - float(learning_rate) * float(weight_decay)) if name == "weights" else value
        for name, value in params.items()
    }
    if momentum:
        reference.momentum(
            update(params, grads, velocity), shrunk, grads, velocity, learning_rate, momentum, bool(nesterov)
        )
    else:
        moved, unmoved = update(params, grads, velocity)
        reference.sgd(moved, shrunk, grads, learning_rate)
        assert unmoved is velocity


def right_optima(found):
    newton, other = found["newton"], found["l-bfgs"]
    assert newton["weights"].shape == (784, 10)
    for name in ("weights", "bias"):
        np.testing.assert_allclose(
            newton[name] - newton[name].mean(axis=-1, keepdims=True),
            other[name] - other[name].mean(axis=-1, keepdims=True),
            atol=1e-3,
        )


# --- drawing, fast ------------------------------------------------------------------------------------------------


USES = itertools.count()


@functools.lru_cache(maxsize=8)
def grid(num_rows, num_columns, generation):
    """Return Axes that are used again and again, and the places where they stand."""
    figure = Figure(figsize=(2, 2))
    made = figure.subplots(num_rows, num_columns, squeeze=False)
    return made, [ax.get_subplotspec() for ax in made.flat]


def cleared(num_rows, num_columns):
    made, places = grid(num_rows, num_columns, next(USES) // 40)  # not for ever: removed colour bars leave traces
    for ax in [ax for ax in made.flat[0].figure.axes if ax not in made.ravel().tolist()]:
        ax.remove()  # a colour bar
    for ax, place in zip(made.flat, places, strict=True):
        for artist in [*ax.lines, *ax.images, *ax.texts, *ax.collections]:
            artist.remove()
        ax.set_title("")
        ax.set_subplotspec(place)
    return made


def axes():
    return cleared(1, 1)[0, 0]


def subplots(num_rows=1, num_columns=1, squeeze=True, figsize=None):
    made = cleared(num_rows, num_columns)
    return made[0, 0].figure, made[0, 0] if squeeze else made


@pytest.fixture(autouse=True, scope="module")
def little_memory():
    """At most 6 GiB of addresses: what asks for an array of 16 GiB must get an error, not the machine's memory."""
    if os.name != "posix":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    most = 6 * 2**30 if before[1] == resource.RLIM_INFINITY else min(6 * 2**30, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(autouse=True, scope="module")
def surroundings():
    """The tiny data set instead of MNIST, no network, stand-in digits read once, and Axes that are used again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_HELPERS_DOWNLOAD", "0")
        patch.setenv("MNIST_HELPERS_CACHE", str(FOLDER / "cache"))
        patch.delenv("MNIST_HELPERS_DATA", raising=False)
        patch.setattr(sklearn.datasets, "load_digits", functools.cache(sklearn.datasets.load_digits))
        patch.setattr("mnist_helpers.plotting.plt", SimpleNamespace(subplots=subplots, gca=axes))
        for name in ("MNIST", "FASHION_MNIST"):
            patch.setattr(data, name, dataclasses.replace(getattr(data, name), files=test_data.FILES))
        patch.setitem(longruns._DATA, "mnist", (_files.MNIST, lambda: small_set))
        small_set = SimpleNamespace(**small_digits(), is_stand_in=False)
        write_folders()
        yield
        shutil.rmtree(FOLDER)


def small_digits():
    """Return a set that `run_one` trains on in a millisecond."""
    rng = np.random.default_rng(0)
    sizes = {"x_train": (40, 28, 28), "x_test": (20, 28, 28)}
    images = {name: rng.integers(0, 256, shape, np.uint8) for name, shape in sizes.items()}
    return images | {"y_train": rng.integers(0, 10, 40), "y_test": rng.integers(0, 10, 20)}


def write_folders():
    """Write the tiny data set as it should be, and in the ways in which a folder can be wrong."""
    for kind in ("mnist", "fashion-mnist"):
        for name in ("plain", "zipped"):
            test_data.write_set(FOLDER / name / kind, zipped=name == "zipped")
        test_data.write_set(FOLDER / "short" / kind, **{test_data.LABELS + ".gz": None})
        damaged = test_data.pack(test_data.flipped(test_data.PLAIN[test_data.IMAGES], -1))
        test_data.write_set(FOLDER / "damaged" / kind, **{test_data.IMAGES + ".gz": damaged})
    (FOLDER / "empty").mkdir()


# --- the tests ----------------------------------------------------------------------------------------------------


def function_of(name):
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"mnist_helpers.{module}"), function)


def public_functions():
    modules = [importlib.import_module(f"mnist_helpers.{name}") for name in MODULES]
    return [
        f"{short}.{name}"
        for short, module in zip(MODULES, modules, strict=True)
        for name in module.__all__
        if inspect.isfunction(getattr(module, name))
    ]


def test_every_public_function_is_fuzzed():
    assert sorted(TABLE) == sorted(public_functions())


@pytest.mark.parametrize("name", TABLE)
def test_right_result_or_documented_error(name, capsys):
    counts = Counter()
    try:
        fuzz_valid(name, counts)
        valid = counts["right"]
        fuzz_wild(name, counts)
    except BaseException:
        counts["wrong"] += 1
        raise
    finally:
        write_counts(name, counts)
    possible = valid < SETTINGS.max_examples  # there are no more valid calls than these
    assert possible or counts["right"] >= 0.2 * counts.total()
    assert counts["error"] or not inspect.signature(function_of(name)).parameters


def fuzz_valid(name, counts):
    """Call with valid arguments: nothing but a right result will do."""

    @SETTINGS
    @given(TABLE[name].valid)
    def run(call):
        assert outcome(function_of(name), TABLE[name], call) == "right"
        counts["right"] += 1

    run()


def fuzz_wild(name, counts):
    """Call with spoilt arguments: a right result or a documented error."""

    @SETTINGS
    @given(WILD.get(name, TABLE[name].wild))
    def run(call):
        counts[outcome(function_of(name), TABLE[name], call)] += 1

    run()


def write_counts(name, counts):
    folder = os.environ.get("MNIST_HELPERS_FUZZ_COUNTS")
    if folder:
        Path(folder, f"{name}.json").write_text(json.dumps(counts), encoding="utf-8")
