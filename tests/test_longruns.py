"""The long runs: what settings are allowed, that no finished run is repeated, and what the stored results hold."""

import contextlib
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import threadpoolctl
import yaml
from distributed import Client, LocalCluster
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnist_helpers import longruns
from mnist_helpers._files import MNIST, DataError
from mnist_helpers.data import shift_images, to_features, train_valid_split
from mnist_helpers.longruns import data_hashes, load_result, mean_and_spread, result_names, run_one
from mnist_helpers.models import init_params
from mnist_helpers.training import evaluate, fit

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
COMMAND = EXPERIMENTS / "run.py"
NAMES = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))
SECONDS = 120  # to wait for another process; a few are needed

spec = importlib.util.spec_from_file_location("run", COMMAND)
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)

needs_mnist = pytest.mark.skipif(
    not os.environ.get("MNIST_HELPERS_DATA"), reason="MNIST_HELPERS_DATA names no real data"
)

TINY = """\
title: tiny
source: course
data: mnist
pixels: divided by 255
train_size: 200
test_size: 100
model: {}
training:
  epochs: 2
  batch_size: 50
  learning_rate: 0.1
"""


def tiny(training=None, model=None, **changes):
    """Return the tiny settings, some of them changed; None leaves one out."""
    base = yaml.safe_load(TINY)
    changes |= {"training": base["training"] | (training or {}), "model": model or {}}
    return {key: value for key, value in (base | changes).items() if value is not None}


def write_yaml(folder, **settings_of):
    folder.mkdir(exist_ok=True)
    for name, chosen in settings_of.items():
        (folder / f"{name}.yaml").write_text(chosen if isinstance(chosen, str) else yaml.safe_dump(chosen))


def message_of(tmp_path, text):
    """Return what is said of a settings file with this text, and check that each line names the file."""
    path = tmp_path / "tiny.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(run.SettingsError) as caught:
        run.load_settings(path)
    message = str(caught.value)
    assert message.startswith("tiny.yaml: ")
    return message


# Settings files


@pytest.mark.parametrize("name", NAMES)
def test_settings_file_is_right(name):
    run.load_settings(EXPERIMENTS / f"{name}.yaml")


def test_tiny_settings_are_right(tmp_path):
    write_yaml(tmp_path, tiny=TINY)
    assert run.load_settings(tmp_path / "tiny.yaml") == tiny()


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("epochs: 2", "epoch: 2", "training: unknown key 'epoch'; did you mean epochs?"),
        ("epochs: 2", "epochs: 2\n  lr: 0.1", "training: unknown key 'lr'; known are epochs, patience,"),
        ("epochs: 2", "epochs: 2\n  7: 0.1", "training: unknown key 7; known are"),
        ("model: {}", "model: {hidden: 5}", "model: unknown key 'hidden'; did you mean num_hidden?"),
        ("title: tiny", "titel: tiny", "unknown key 'titel'; did you mean title?"),
        ("title: tiny\n", "", "'title' is a required property"),
        ("  epochs: 2\n", "", "training: 'epochs' is a required property"),
        ("title: tiny", "title: 5", "title: 5 is not of type 'string'"),
        ("title: tiny", "title:", "title: nothing given, expected string"),
        ("data: mnist", "data: cifar", "data: 'cifar' is not one of ['mnist', 'fashion-mnist']"),
        ("model: {}", "model: []", "model: [] is not of type 'object'"),
        ("model: {}", "model: '5'", "model: '5' is not of type 'object'\n"),
        ("epochs: 2", "epochs: many", "training.epochs: 'many' is not of type 'integer'"),
        ("epochs: 2", "epochs: 2.5", "training.epochs: 2.5 is not of type 'integer'"),
        ("epochs: 2", "epochs: 2.0", "training.epochs: 2.0 is not of type 'integer'"),
        ("epochs: 2", "epochs: true", "training.epochs: True is not of type 'integer'"),
        ("epochs: 2", "epochs: 0", "training.epochs: 0 is less than the minimum of 1"),
        ("train_size: 200", "train_size: 60001", "train_size: 60001 is greater than the maximum of 60000"),
        ("learning_rate: 0.1", "learning_rate: 0", "training.learning_rate: 0 is less than or equal to the minimum"),
        (
            "learning_rate: 0.1",
            "learning_rate: 1e-4",
            "training.learning_rate: '1e-4' is not of type 'number' (YAML reads",
        ),
        (
            "learning_rate: 0.1",
            "learning_rate: '0.1'",
            "training.learning_rate: '0.1' is not of type 'number' (YAML reads",
        ),
        ("learning_rate: 0.1", "learning_rate: .nan", "training.learning_rate: must be finite, got nan"),
        ("learning_rate: 0.1", "learning_rate: .inf", "training.learning_rate: inf is greater than the maximum"),
        ("model: {}", "model: {scale: .nan}", "model.scale: must be finite, got nan"),
        ("epochs: 2", "epochs: 2\n  epochs: 3", "epochs given twice"),
        ("title: tiny", "title: tiny\ntitle: other", "title given twice"),
        ("epochs: 2", "epochs: 2\n  momentum: 1", "training.momentum: 1 is greater than or equal to the maximum of 1"),
        ("epochs: 2", "epochs: 2\n  nesterov: true", "training: nesterov=True needs a momentum above 0"),
        ("epochs: 2", "epochs: 2\n  weight_decay: 20", "training: 1 - learning_rate * weight_decay must lie in (0, 1]"),
        ("epochs: 2", "epochs: 2\n  patience: 1", "training.patience needs n_valid: stopping is decided on"),
        ("epochs: 2", "epochs: 2\n  max_shift: 1\n  shuffle: false", "training.shuffle: max_shift draws at random"),
        ("test_size: 100", "n_valid: 9", "train_size: cannot be used together with n_valid"),
        ("train_size: 200", "n_valid: 9", "test_size: cannot be used together with n_valid"),
        ("model: {}", "model: {activation: tanh}", "model: activation needs num_hidden"),
        ("model: {}", "model: {init: uniform, scale: 1}", "model.init: cannot be used together with scale"),
    ],
)
def test_fault_in_the_settings_is_explained(tmp_path, right, wrong, message):
    assert TINY.count(right) == 1
    lines = message_of(tmp_path, TINY.replace(right, wrong)).splitlines()
    assert [line for line in lines if f"{line}\n".startswith(f"tiny.yaml: {message}")]
    assert len(lines) == 1 or "is a required property" in "".join(lines)  # a wrong name is a missing one as well


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing given, expected object"),
        ("# only a comment\n", "nothing given, expected object"),
        ("tiny", "'tiny' is not of type 'object'"),
        ("- title: tiny", "is not of type 'object'"),
        ("title: [", "line 1, column 9"),
        ("title: a: b", "mapping values are not allowed here"),
        ("title:\ttiny\n\tsource: course", "cannot start any token"),
        (TINY + "---\n" + TINY, "expected a single document"),
        (b"title: \xff", "codec can't decode"),
        ("title: \x07", "special characters are not allowed"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("!!map tiny", "expected a mapping"),
        ("? [title]\n: tiny", "unhashable key"),
        ("&a {a: *a}", "unknown key 'a'"),
    ],
)
def test_file_without_settings_is_explained(tmp_path, text, message):
    assert message in message_of(tmp_path, text)


def test_all_faults_are_named(tmp_path):
    lines = message_of(tmp_path, TINY.replace("source: course", "sauce: 1").replace("0.1", "-1")).splitlines()
    expected = ["'source' is a required property", "unknown key 'sauce'; did you mean source?"]
    assert sorted(lines[:2]) == [f"tiny.yaml: {text}" for text in expected]
    assert lines[2].startswith("tiny.yaml: training.learning_rate: -1 is less than")


def test_a_file_without_training_is_not_asked_for_n_valid(tmp_path):
    assert message_of(tmp_path, TINY[: TINY.index("training")]) == "tiny.yaml: 'training' is a required property"


def test_absent_and_unreadable_files_are_explained(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    for name in ("absent.yaml", "folder.yaml"):
        with pytest.raises(run.SettingsError, match=f"^{name}: "):
            run.load_settings(tmp_path / name)


keys = (
    st.sampled_from(["title", "data", "n_valid", "model", "training", "epochs", "momentum"]) | st.text() | st.integers()
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
trees = st.recursive(scalars, lambda parts: st.lists(parts) | st.dictionaries(keys, parts), max_leaves=10)
quickly = settings(
    deadline=None, database=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quickly
@given(tree=trees, text=st.text(), where=st.integers(0, len(TINY)))
def test_no_file_makes_it_stumble(tmp_path, tree, text, where):
    """Whatever a file holds, the settings are returned or a SettingsError is raised."""
    for content in (yaml.safe_dump(tree), TINY[:where] + text + TINY[where:]):
        (tmp_path / "any.yaml").write_text(content, encoding="utf-8")
        with contextlib.suppress(run.SettingsError):
            assert isinstance(run.load_settings(tmp_path / "any.yaml"), dict)


# What one run computes, on noise in place of MNIST


def noise(*, is_stand_in=False):
    rng = np.random.default_rng(0)
    images, test_images = (rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (60, 30))
    labels, test_labels = (rng.integers(10, size=n) for n in (60, 30))
    return SimpleNamespace(
        x_train=images, y_train=labels, x_test=test_images, y_test=test_labels, is_stand_in=is_stand_in
    )


@pytest.fixture
def noise_as_mnist(monkeypatch):
    def absent():
        raise DataError("no Fashion-MNIST")

    monkeypatch.setattr(longruns, "_DATA", {"mnist": (MNIST, noise), "fashion-mnist": (MNIST, absent)})


def numbers(result):
    return {name: value for name, value in result.items() if name != "seconds"}


def test_a_run_depends_on_its_seed_alone(noise_as_mnist):
    chosen = tiny(train_size=None, test_size=None, n_valid=10)
    first, again, other = (numbers(run_one(chosen, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first["history"]["train_loss"] != other["history"]["train_loss"]
    assert first["versions"].keys() == {"python", "mnist_helpers", "numpy"}


def test_a_run_with_validation_data_is_a_fit(noise_as_mnist):
    training = {"epochs": 9, "patience": 1, "momentum": 0.9, "l2": 0.01, "learning_rate": 0.05}
    model = {"num_hidden": 5, "activation": "tanh"}
    result = run_one(tiny(training, model, train_size=None, test_size=None, n_valid=20), 7)

    rng, data = np.random.default_rng(7), noise()
    x, y, *valid = train_valid_split(to_features(data.x_train, np.float32), data.y_train, n_valid=20, rng=rng)
    params = init_params(784, 10, num_hidden=5, activation="tanh", rng=rng, dtype=np.float32)
    fitted = fit(params, x, y, valid=valid, rng=rng, activation="tanh", batch_size=50, progress=False, **training)
    assert result["best_epoch"] == fitted.best_epoch
    assert result["history"].keys() == fitted.history.keys() - {"seconds"}
    for name, values in result["history"].items():
        assert values == pytest.approx(fitted.history[name], rel=1e-5)
    loss, accuracy = evaluate(fitted.params, to_features(data.x_test, np.float32), data.y_test, activation="tanh")
    assert result["final"]["test_loss"] == pytest.approx(loss, rel=1e-5)
    assert result["final"]["test_accuracy"] == pytest.approx(accuracy, rel=1e-5)
    assert result["final"]["valid_loss"] == min(result["history"]["valid_loss"])


def test_without_validation_data_the_test_part_is_measured(noise_as_mnist):
    result = run_one(tiny(train_size=40, test_size=10), 1)
    assert set(result["history"]) == {"epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    final = result["final"]
    assert final["first_test_loss"] == result["history"]["test_loss"][-1]  # of the first 10 images
    assert final["test_loss"] != final["first_test_loss"]  # of all 30


def test_schedule_and_shifts_are_those_of_fit(noise_as_mnist):
    training = {"epochs": 4, "schedule": "linear to zero", "max_shift": 2}
    result = run_one(tiny(training, train_size=None, test_size=None, pixels="divided by 255, minus 0.1"), 3)

    data, rng = noise(), np.random.default_rng(3)
    x = to_features(data.x_train, np.float32) - np.float32(0.1)
    by_hand = fit(
        init_params(784, 10, dtype=np.float32),
        x,
        data.y_train,
        epochs=4,
        batch_size=50,
        learning_rate=0.1,
        rng=rng,
        schedule={1: 1.0, 2: 0.75, 3: 0.5, 4: 0.25}.get,
        augment=lambda x, draw: shift_images(x, draw, max_shift=2, fill=x.min(axis=1)),
        progress=False,
    )
    assert result["history"]["train_loss"] == pytest.approx(by_hand.history["train_loss"], rel=1e-5)


def test_published_schedule_falls_from_the_second_epoch_on():
    factors = [longruns._SCHEDULES["1 / (1 + 0.1 epoch)"](epoch, 7) for epoch in (1, 2, 3, 7)]
    assert factors == pytest.approx([1, 1 / 1.1, 1 / 1.2, 1 / 1.6])


def test_uniform_weights_are_as_wide_as_that_program_has_them():
    rng = np.random.default_rng(0)
    model = {"num_hidden": 100, "activation": "relu", "init": "uniform"}
    params = longruns._first_params(model, np.zeros((1, 784), np.float32), rng)
    for name, size in (("hidden_weights", 78400), ("weights", 1000)):
        assert np.abs(params[name]).max() == pytest.approx((2 / size) ** 0.5, rel=0.01)
        assert params[name].dtype == np.float32
    assert not params["hidden_bias"].any()


@pytest.fixture
def starts(noise_as_mnist, monkeypatch):
    """What each fit begins with: parameters, features and options."""
    seen = []

    def spy(params, x, labels, **options):
        seen.append((params, x, options))
        return fit(params, x, labels, **options)

    monkeypatch.setattr(longruns, "fit", spy)
    return seen


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("init", ["normal", "uniform"])
def test_features_and_parameters_have_the_same_dtype(starts, dtype, init):
    run_one(tiny(model={"num_hidden": 3, "init": init}, dtype=dtype), 1)
    ((params, x, _),) = starts
    assert {value.dtype for value in (x, *params.values())} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("pixels", "prepare"),
    [
        ("divided by 255", lambda x: x),
        ("divided by 255, minus 0.1", lambda x: x - 0.1),
        ("standardized per image", lambda x: (x - x.mean(axis=1)[:, None]) / x.std(axis=1)[:, None]),
    ],
)
def test_pixels_are_prepared_as_named(starts, pixels, prepare):
    run_one(tiny(pixels=pixels, train_size=None), 1)
    ((_, x, options),) = starts
    expected, expected_test = (prepare(part.reshape(-1, 784) / 255) for part in (noise().x_train, noise().x_test))
    np.testing.assert_allclose(x, expected, atol=1e-5)
    np.testing.assert_allclose(options["valid"][0], expected_test, atol=1e-5)


@pytest.mark.parametrize(("shuffle", "shuffled"), [({}, True), ({"shuffle": True}, True), ({"shuffle": False}, False)])
def test_order_is_kept_only_if_asked_for(starts, shuffle, shuffled):
    run_one(tiny(shuffle), 1)
    ((_, _, options),) = starts
    assert isinstance(options["rng"], np.random.Generator) if shuffled else options["rng"] is None


def test_divergence_is_the_result_of_a_run(noise_as_mnist):
    result = run_one(tiny({"learning_rate": 1000, "l2": 1000, "batch_size": 2, "epochs": 9}), 1)
    assert "became" in result["failure"]
    assert result.keys() == {"seed", "failure", "versions", "seconds"}


def test_the_stand_in_is_refused(monkeypatch):
    stand_in = {"mnist": (MNIST, lambda: noise(is_stand_in=True))}
    monkeypatch.setattr(longruns, "_DATA", stand_in)
    with pytest.raises(ValueError, match="long runs need real MNIST"):
        run_one(tiny(), 1)


def test_threads_of_a_process_run_one_after_the_other(monkeypatch):
    """As on a Dask worker with several: the first to end would lift the limit on BLAS threads for all."""
    running = set()

    def train(settings, seed):
        running.add(seed)
        time.sleep(0.02)
        alone = running == {seed}
        running.remove(seed)
        pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
        return {"alone": alone, "threads": max(pools)}

    monkeypatch.setattr(longruns, "_train", train)
    results = []
    threads = [threading.Thread(target=lambda seed=seed: results.append(run_one({}, seed))) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(result["alone"], result["threads"]) for result in results] == [(True, 1)] * 3


some_settings = st.fixed_dictionaries(
    {
        "pixels": st.sampled_from(["divided by 255", "divided by 255, minus 0.1", "standardized per image"]),
        "training": st.fixed_dictionaries(
            {},
            optional={
                "epochs": st.sampled_from([1, 2, 2.0]),
                "patience": st.integers(0, 2),
                "batch_size": st.integers(0, 70) | st.just(20.0),
                "learning_rate": st.sampled_from([1, 1e-30, 0.5, 1000, 0]),
                "schedule": st.sampled_from(["constant", "1 / (1 + 0.1 epoch)", "linear to zero", "zero"]),
                "shuffle": st.booleans(),
                "momentum": st.sampled_from([0, 0.9, 1]),
                "nesterov": st.booleans(),
                "weight_decay": st.sampled_from([0, 0.1, 1, 1000]),
                "l1": st.sampled_from([0, 0.1, 1000]),
                "l2": st.sampled_from([0, 0.1, 1000]),
                "max_shift": st.integers(0, 27) | st.just(1.0),
            },
        ),
        "model": st.fixed_dictionaries(
            {},
            optional={
                "num_hidden": st.integers(0, 5) | st.just(3.0),
                "activation": st.sampled_from(["relu", "tanh", "sigmoid", "softplus"]),
                "init": st.sampled_from(["normal", "uniform"]),
                "scale": st.sampled_from([0, 0.1, 10, 11]),
            },
        ),
    },
    optional={
        "dtype": st.sampled_from(["float32", "float64", "int8"]),
        "n_valid": st.integers(0, 59) | st.just(5.0),
        "train_size": st.integers(0, 60) | st.none(),
        "test_size": st.integers(0, 30) | st.none(),
    },
)


@quickly
@given(chosen=some_settings)
def test_settings_that_are_accepted_can_be_run(tmp_path, noise_as_mnist, chosen):
    write_yaml(tmp_path, any=tiny(**chosen))
    try:
        accepted = run.load_settings(tmp_path / "any.yaml")
    except run.SettingsError:
        return
    result = run_one(accepted, 1)
    assert "failure" in result or all(map(math.isfinite, result["final"].values()))
    assert json.loads(json.dumps(result)) == result


# What is stored, and what is run again


def some_runs(*seeds):
    return [{"seed": seed, "final": {"test_accuracy": seed / 10}} for seed in seeds]


def store(folder, name, chosen, *seeds, **changes):
    result = {"settings": chosen, "data": data_hashes(chosen["data"]), "runs": some_runs(*seeds)} | changes
    folder.mkdir(exist_ok=True)
    run.write_result(folder / f"{name}.json", result)
    return result


def missing_of(folder, **settings_of):
    return run.missing_runs(settings_of, run.SEEDS, folder)[0]


def test_what_is_stored_is_not_missing(tmp_path):
    store(tmp_path, "all", tiny(), 1, 2, 3)
    store(tmp_path, "one", tiny(), 2)
    missing = missing_of(tmp_path, all=tiny(), one=tiny(), none=tiny())
    assert missing == [("one", 1), ("none", 1), ("none", 2), ("one", 3), ("none", 3)]  # the first seeds first


@pytest.mark.parametrize("change", [{"settings": tiny({"epochs": 3})}, {"data": {"train-images-idx3-ubyte": "0"}}])
def test_other_settings_or_data_are_run_again(tmp_path, change):
    store(tmp_path, "old", tiny(), 1, 2, 3, **change)
    missing, stored = run.missing_runs({"old": tiny()}, run.SEEDS, tmp_path)
    assert missing == [("old", 1), ("old", 2), ("old", 3)]
    assert stored == {"old": {"settings": tiny(), "data": data_hashes("mnist"), "runs": []}}


def test_an_unfinished_file_is_not_looked_at(tmp_path):
    (tmp_path / "a.part").write_text('{"settings"')
    (tmp_path / "b.part").write_text('{"settings"')
    store(tmp_path, "b", tiny(), 1, 2, 3)
    assert missing_of(tmp_path, a=tiny(), b=tiny()) == [("a", 1), ("a", 2), ("a", 3)]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"settings"', b"<<<<<<< HEAD\n{}", b"null", b"[]", b"{}", b'{"runs": [1]}', b'{"runs": []}', b"\xff"],
)
def test_a_damaged_result_is_reported_and_kept(tmp_path, content):
    write_yaml(tmp_path / "settings", tiny=TINY)
    path = tmp_path / "tiny.json"
    path.write_bytes(content)
    for option in ("--list", "--check", "--processes=1"):
        with pytest.raises(SystemExit, match=r"tiny.json is damaged .*: restore it, or delete it to run it again"):
            run.main([option, "--settings", str(tmp_path / "settings"), "--results", str(tmp_path)])
    assert path.read_bytes() == content


def test_a_result_is_written_with_one_line_for_each_run_in_the_order_of_seeds(tmp_path):
    result = store(tmp_path, "tiny", tiny(), 3, 1, 2)
    text = (tmp_path / "tiny.json").read_text()
    assert json.loads(text) == result
    assert [json.loads(line.strip(","))["seed"] for line in text.splitlines() if line.startswith('{"seed"')] == [
        1,
        2,
        3,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_an_interruption_of_writing_leaves_the_old_result(tmp_path, monkeypatch):
    old = store(tmp_path, "tiny", tiny(), 1)

    def interrupted(path, text):
        path.write_bytes(text.encode()[: len(text) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store(tmp_path, "tiny", tiny(), 1, 2)
    assert json.loads((tmp_path / "tiny.json").read_text()) == old
    assert missing_of(tmp_path, tiny=tiny()) == [("tiny", 2), ("tiny", 3)]


@pytest.fixture
def client(noise_as_mnist):
    """A cluster of one thread in this process, where the noise is."""
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


def test_failures_stop_no_other_run(tmp_path, client):
    results = tmp_path / "not" / "there" / "yet"
    settings_of = {
        "good": tiny(),
        "diverging": tiny({"learning_rate": 1000, "l2": 1000, "batch_size": 2, "epochs": 9}),
        "raising": tiny(data="fashion-mnist"),
    }
    problems = run.run_missing(settings_of, client, results=results)
    assert sorted(problems) == [f"raising, seed {seed}: DataError('no Fashion-MNIST')" for seed in (1, 2, 3)]
    assert sorted(path.name for path in results.iterdir()) == ["diverging.json", "good.json"]
    stored = {path.stem: json.loads(path.read_text()) for path in results.iterdir()}
    for name, result in stored.items():
        assert [run["seed"] for run in result["runs"]] == [1, 2, 3]
        assert result["settings"] == settings_of[name]
        assert result["data"] == data_hashes("mnist")
    assert all("failure" in run for run in stored["diverging"]["runs"])
    for again in stored["good"]["runs"]:
        assert numbers(run_one(tiny(), again["seed"])) == numbers(again)


def test_only_missing_seeds_are_run_and_others_stay(tmp_path, client):
    old = store(tmp_path, "tiny", tiny(), 2)
    assert run.run_missing({"tiny": tiny()}, client, results=tmp_path) == []
    runs = json.loads((tmp_path / "tiny.json").read_text())["runs"]
    assert [run["seed"] for run in runs] == [1, 2, 3]
    assert runs[1] == old["runs"][0]


def test_runs_that_the_cluster_gave_up_are_named(tmp_path, client, monkeypatch):
    def submit(*arguments, **options):
        future = Client.submit(client, *arguments, **options)
        future.cancel()
        return future

    monkeypatch.setattr(client, "submit", submit)
    problems = run.run_missing({"tiny": tiny()}, client, results=tmp_path, seeds=(1, 2))
    assert sorted(problems) == ["tiny, seed 1: 'cancelled'", "tiny, seed 2: 'cancelled'"]
    assert list(tmp_path.iterdir()) == []


# The command


def test_the_command_shows_problems_last(tmp_path, client, monkeypatch, capsys):
    monkeypatch.setattr(run, "connect", lambda address, processes: contextlib.nullcontext(client))
    write_yaml(tmp_path / "settings", good=TINY, bad=tiny(data="fashion-mnist"))
    monkeypatch.setenv("TQDM_DISABLE", "0")
    options = ["--settings", str(tmp_path / "settings"), "--results", str(tmp_path), "--scheduler", "this"]
    with pytest.raises(SystemExit, match=r"bad, seed 1: DataError.*"):
        run.main(options)
    assert "6/6" in capsys.readouterr().err
    run.main([*options, "good"])
    assert capsys.readouterr().out == "1 settings are right, 0 runs are missing\n"
    run.main([*options, "--list"])
    good, bad = capsys.readouterr().out.splitlines()[1::-1]
    assert good.split()[:4] == ["good", "3", "of", "3"]
    assert bad.split()[:4] == ["bad", "0", "of", "3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["s3_rellu"], "no s3_rellu.yaml in .*; did you mean s3_relu?"),
        (["xyz"], "no xyz.yaml in .*; known are course_best, "),
        (["--settings", "nowhere"], "no settings in nowhere"),
        (["--scheduler", "nonsense", "s0_per_sample"], "no Dask scheduler answers at nonsense: missing port"),
        (["--scheduler", "http://localhost:1", "s0_per_sample"], "no Dask scheduler answers .* unknown address scheme"),
        (
            ["--scheduler", "tcp://127.0.0.1:9", "s0_per_sample"],
            "no Dask scheduler answers at tcp://127.0.0.1:9: Timed",
        ),
    ],
)
def test_the_command_refuses(tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(run, "TIMEOUT", "300ms")
    with pytest.raises(SystemExit, match=message):
        run.main([*arguments, "--results", str(tmp_path)])


@pytest.mark.parametrize("processes", ["0", "-1", "1.5", "many"])
def test_at_least_one_process_is_needed(processes, capsys):
    with pytest.raises(SystemExit):
        run.main([f"--processes={processes}"])
    assert f"must be a whole number of at least 1, got '{processes}'" in capsys.readouterr().err


# Interruptions, and clusters of other processes


def start(folder, *more):
    """Start the command in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TQDM_")}
    options = ["--settings", folder / "settings", "--results", folder / "results", "--processes", "2", *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in a background job's children
    return subprocess.Popen(
        [sys.executable, COMMAND, *options], env=environment, cwd=folder, start_new_session=True, **pipes
    )


def stored_lines(folder):
    """Return the line of each stored run."""
    lines = {}
    for path in (folder / "results").glob("*.json"):
        for line in path.read_text().splitlines():
            if line.startswith('{"seed"'):
                lines[path.stem, json.loads(line.rstrip(","))["seed"]] = line.rstrip(",")
    return lines


def interrupt(child, number, *, when):
    """Send a signal when something holds; return the output, and check that no process is left behind."""
    deadline = time.monotonic() + SECONDS
    while not when():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    workers = psutil.Process(child.pid).children(recursive=True)
    assert len(workers) >= 2
    os.killpg(child.pid, number) if number == signal.SIGINT else child.send_signal(number)  # Ctrl-C reaches all
    output, _ = child.communicate(timeout=SECONDS)
    assert psutil.wait_procs(workers, timeout=SECONDS)[1] == []
    return output


@needs_mnist
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_killed_command_goes_on_without_repeating_a_run(tmp_path):
    slow = {"epochs": 500}  # else all runs are over before the signal comes
    write_yaml(tmp_path / "settings", a=tiny(slow), b=tiny(slow | {"learning_rate": 0.2}))
    first = start(tmp_path)
    output = interrupt(first, signal.SIGINT, when=lambda: stored_lines(tmp_path))
    assert output.splitlines()[-1] == "interrupted; the same command goes on with what is missing"
    assert "Traceback" not in output
    once = stored_lines(tmp_path)
    assert 1 <= len(once) < 6

    second = start(tmp_path)
    interrupt(second, signal.SIGKILL, when=lambda: len(stored_lines(tmp_path)) > len(once))
    twice = stored_lines(tmp_path)
    assert once.items() < twice.items()
    assert len(twice) < 6

    last = start(tmp_path)
    output, _ = last.communicate(timeout=SECONDS)
    assert last.returncode == 0
    assert f"{6 - len(twice)}/{6 - len(twice)} " in output  # the progress bar counts what was missing
    finished = stored_lines(tmp_path)
    assert twice.items() < finished.items()
    assert sorted(finished) == [(name, seed) for name in "ab" for seed in (1, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["a.json", "b.json"]


@needs_mnist
def test_a_dask_cluster_gives_the_same_as_processes_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    write_yaml(tmp_path / "settings", tiny=tiny(model={"num_hidden": 20, "activation": "relu"}))
    options = {"processes": True, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    arguments = ["--settings", str(tmp_path / "settings")]
    with LocalCluster(**options) as cluster:
        run.main([*arguments, "--results", str(tmp_path / "dask"), "--scheduler", cluster.scheduler_address])
    run.main([*arguments, "--results", str(tmp_path / "local"), "--processes", "1"])
    dask, local = (json.loads((tmp_path / name / "tiny.json").read_text()) for name in ("dask", "local"))
    assert len(local["runs"]) == 3
    for result in (dask, local):
        result["runs"] = [numbers(run) for run in result["runs"]]
    assert dask == local


# The stored results of the published runs


def test_there_is_a_result_for_each_settings_file():
    assert result_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_stored_result_is_complete(name):
    result, chosen = load_result(name), run.load_settings(EXPERIMENTS / f"{name}.yaml")
    assert result["settings"] == chosen
    assert result["data"] == data_hashes(chosen["data"])
    assert [run["seed"] for run in result["runs"]] == [1, 2, 3]
    for finished in result["runs"]:
        assert finished["versions"].keys() == {"python", "mnist_helpers", "numpy"}
        assert finished["seconds"] > 0
        assert finished.get("failure") or not complaints(finished, chosen)


def complaints(finished, chosen):
    """Return what does not fit together in a run."""
    history, final, best = finished["history"], finished["final"], finished["best_epoch"]
    epochs, patience = (chosen["training"].get(name) for name in ("epochs", "patience"))
    measured = "valid" if "n_valid" in chosen else "test"
    last = epochs if patience is None else min(epochs, best + patience)
    kept = "first_test" if "test_size" in chosen else measured
    losses, accuracies = (
        [value for name, values in history.items() if name.endswith(kind) for value in values]
        for kind in ("loss", "accuracy")
    )
    checks = {
        "quantities": history.keys()
        == {"epoch", *(f"{part}_{kind}" for part in ("train", measured) for kind in ("loss", "accuracy"))},
        "epochs": history["epoch"] == list(range(last + 1)),
        "lengths": {len(values) for values in history.values()} == {last + 1},
        "best epoch": best == last if patience is None else history["valid_loss"][best] == min(history["valid_loss"]),
        "losses": all(math.isfinite(loss) and loss >= 0 for loss in losses),
        "accuracies": all(0 <= accuracy <= 1 for accuracy in accuracies),
        "final is finite": all(map(math.isfinite, final.values())),
        "final is of the best epoch": final[f"{kept}_loss"] == history[f"{measured}_loss"][best]
        and final["train_loss"] == history["train_loss"][best],
    }
    return [what for what, holds in checks.items() if not holds]


@needs_mnist
@pytest.mark.parametrize(("name", "seed"), [("s3_softmax", 1), ("s3_relu", 2), ("s1_100_epochs", 3)])
def test_first_epochs_of_a_stored_run_repeat(name, seed):
    result = load_result(name)
    chosen = result["settings"] | {"training": result["settings"]["training"] | {"epochs": 2}}
    (stored,) = [run["history"] for run in result["runs"] if run["seed"] == seed]
    history = run_one(chosen, seed)["history"]
    assert history.keys() == stored.keys()
    for quantity, values in history.items():  # in float32 another processor may round otherwise
        tolerance = {"rel": 1e-3} if quantity.endswith("loss") else {"abs": 0.003}
        assert values == pytest.approx(stored[quantity][:3], **tolerance)


# Reading results


@pytest.fixture
def stored_results(tmp_path, monkeypatch):
    monkeypatch.setattr(longruns, "results_folder", lambda: tmp_path)
    return tmp_path


def test_results_are_read_by_name(stored_results):
    result = store(stored_results, "a", tiny(), 1, 2)
    store(stored_results, "b", tiny())
    (stored_results / "c.part").touch()
    assert result_names() == ["a", "b"]
    assert load_result("a") == result
    for name in ("c", "../a", ""):
        with pytest.raises(ValueError, match=r"no result named .*; there are a, b"):
            load_result(name)


def test_mean_and_spread_of_the_seeds():
    assert mean_and_spread({"runs": some_runs(1, 2, 6)}) == pytest.approx((0.3, 0.07**0.5))


@pytest.mark.parametrize("runs", [[], some_runs(1), [*some_runs(1, 2), {"seed": 3, "failure": "diverged"}]])
def test_mean_and_spread_need_two_runs_without_failure(runs):
    with pytest.raises(ValueError, match=f"got {len(runs)} of which"):
        mean_and_spread({"runs": runs})


@pytest.mark.parametrize("name", ["cifar", None, []])
def test_hashes_of_unknown_data_are_refused(name):
    with pytest.raises(ValueError, match=r"data must be one of \['fashion-mnist', 'mnist'\]"):
        longruns.data_hashes(name)


def test_a_result_without_the_quantity_is_refused():
    result = {"runs": [{"seed": seed, "final": {"test_loss": 0.1}} for seed in (1, 2)]}
    with pytest.raises(ValueError, match="the run with seed 1 has no final 'test_accuracy'"):
        longruns.mean_and_spread(result)
    with pytest.raises(TypeError, match="result must be a dictionary"):
        longruns.mean_and_spread([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "cifar"}, "data must be one of"),
        ({"training": {}}, "training lacks"),
        ({"n_valid": 1.5}, "n_valid must be"),
    ],
)
def test_run_one_says_which_setting_is_wrong(changes, message):
    training = {"epochs": 1, "batch_size": 1, "learning_rate": 1}
    settings = {"data": "mnist", "pixels": "divided by 255", "model": {}, "training": training}
    with pytest.raises(ValueError, match=message):
        run_one(settings | changes, 1)
