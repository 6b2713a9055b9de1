"""The programs of chapter 10: one is correct, each suspect is one change, and the stored tables are theirs."""

import importlib.util
import json
import math
import os
import sys
from dataclasses import fields, replace
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp, softmax

from mnist_helpers import suspects
from mnist_helpers.data import load_mnist
from mnist_helpers.longruns import data_hashes
from mnist_helpers.models import loss_and_grads
from mnist_helpers.suspects import CORRECT, CURES, PRINTED, SUSPECTS, combine, cured, forward, load_stored, run, train

ROOT = Path(__file__).resolve().parent.parent
FRAGILE = {"naive exp", "naive log"}  # right, as long as nothing overflows
TABLES = ("lineup", "pairs", "cures")
FIT = {"sum over batch axis", "sum, wrong index", "delta, wrong index"}


def toy(seed=0, num_train=600, num_valid=60):
    """Ten classes of noisy bytes that can be told apart."""
    rng = np.random.default_rng(seed)
    prototypes = rng.integers(0, 200, (10, 784))
    labels = rng.permutation(np.arange(num_train + num_valid) % 10)
    images = (prototypes[labels] + rng.integers(0, 56, (len(labels), 784))).astype(np.uint8)
    return suspects.Split(images[:num_train], labels[:num_train], images[num_train:], labels[num_train:])


@pytest.fixture(scope="module")
def split():
    return toy()


@pytest.fixture(scope="module")
def mnist_split():
    if not os.environ.get("MNIST_HELPERS_DATA"):
        pytest.skip("MNIST_HELPERS_DATA names no real data")
    return suspects.split_as_reported(load_mnist(), np.random.default_rng(0))


def first_states(program, split, number, **settings):
    return list(islice(train(program, split, batch_size=100, **settings), number))


# ------------------------------------------------------------------------------------ the correct program


def test_every_step_of_the_correct_program_follows_the_gradient_of_the_package(split):
    for state in first_states(CORRECT, split, 8, learning_rate=0.05):
        params = dict(zip(("weights", "bias"), state.params, strict=True))
        loss, grads = loss_and_grads(params, state.x, state.labels)
        assert_allclose(state.now.loss, loss, rtol=1e-12)
        assert state.rate == 0.05
        for new, name in zip(state.new_params, params, strict=True):
            assert_allclose(new, params[name] - 0.05 * grads[name], rtol=1e-12, atol=1e-15)


def test_correct_forward_pass_agrees_with_scipy_where_the_formulas_overflow():
    rng = np.random.default_rng(1)
    x, weights, bias = rng.normal(size=(20, 5)), 2000 * rng.normal(size=(5, 4)), rng.normal(size=4)
    now = forward(CORRECT, (weights, bias), x, labels := rng.integers(0, 4, 20))
    logits = x @ weights + bias
    assert_allclose(now.probs, softmax(logits, axis=1), rtol=1e-9, atol=1e-300)
    expected = logsumexp(logits, axis=1) - logits[np.arange(20), labels]
    assert_allclose(now.loss, expected.mean(), rtol=1e-12)


def test_correct_program_learns_and_never_dies(split):
    found = run(CORRECT, split, batch_size=50, epochs=5)
    assert found.died_at is None
    assert found.first is None
    assert found.best > 0.95


def test_each_epoch_sees_each_example_once(split):
    states = list(train(CORRECT, split, batch_size=100, epochs=2))
    assert len(states) == 12
    for epoch in (states[:6], states[6:]):
        seen = np.sort(np.concatenate([state.x for state in epoch]), axis=0)
        assert_array_equal(seen, np.sort(split.images / 255, axis=0))
    assert not np.array_equal(states[0].labels, states[6].labels)


def test_the_split_is_the_reported_one(mnist_split):
    assert mnist_split.images.shape == (54_000, 784)
    assert mnist_split.images_valid.shape == (6_000, 784)
    assert mnist_split.images.dtype == np.uint8
    together = np.concatenate([mnist_split.labels, mnist_split.labels_valid])
    assert_array_equal(np.bincount(together), np.bincount(load_mnist().y_train))


# ------------------------------------------------------------------------------------------- the suspects


def test_there_are_suspects_enough():
    assert len(SUSPECTS) >= 16


def test_each_suspect_replaces_one_step_and_leaves_the_correct_program_alone():
    names = {field.name for field in fields(suspects.Program)}
    before = replace(CORRECT)
    for changes in SUSPECTS.values():
        assert len(changes) == 1
        assert changes.keys() <= names
        assert combine(changes) != CORRECT
    assert before == CORRECT


def trace(program, split):
    with np.errstate(all="ignore"):
        states = first_states(program, split, 4, learning_rate=0.1)
    return [np.ravel(part) for state in states for part in (*state.new_params, state.now.loss, state.now.probs)]


@pytest.mark.parametrize("name", sorted(SUSPECTS.keys() - FRAGILE))
def test_suspect_differs_from_the_correct_program(name, split):
    right, wrong = trace(CORRECT, split), trace(combine(SUSPECTS[name]), split)
    same_shape = [a.shape for a in right] == [b.shape for b in wrong]
    assert not same_shape or not all(
        np.allclose(a, b, rtol=1e-9, atol=1e-15) and a.dtype == b.dtype for a, b in zip(right, wrong, strict=True)
    )


@pytest.mark.parametrize("name", sorted(FRAGILE))
def test_fragile_suspects_are_right_until_something_overflows(name, split):
    for a, b in zip(trace(CORRECT, split), trace(combine(SUSPECTS[name]), split), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    params = 1e4 * np.random.default_rng(0).normal(size=(784, 10)), np.zeros(10)
    x, labels = split.images[:50] / 255, split.labels[:50]
    now = forward(combine(SUSPECTS[name]), params, x, labels)
    assert not (np.isfinite(now.loss) and np.isfinite(now.probs).all())
    right = forward(CORRECT, params, x, labels)
    assert np.isfinite(right.loss)
    assert np.isfinite(right.probs).all()


@pytest.mark.parametrize("names", [(), *((name,) for name in SUSPECTS)], ids=str)
def test_runs_repeat_with_the_seed_and_change_nothing(names, split):
    program = combine(*(SUSPECTS[name] for name in names))
    before = split.images.copy(), split.labels.copy()
    first, again, other = (run(program, split, batch_size=100, epochs=2, seed=seed) for seed in (3, 3, 4))
    assert first == again or math.isnan(first.largest)
    assert (first.accuracies, first.largest) != (other.accuracies, other.largest)
    assert_array_equal(split.images, before[0])
    assert_array_equal(split.labels, before[1])


def test_single_precision_stays_single_with_every_other_suspect(split):
    for name in SUSPECTS.keys() - {"float32"}:
        program = combine(SUSPECTS["float32"], SUSPECTS[name])
        state = first_states(program, split, 3)[-1]
        assert {part.dtype for part in (*state.new_params, state.now.logits, state.now.probs)} == {np.dtype("f4")}, name


def test_two_changes_of_one_step_cannot_be_combined():
    for a, b in combinations(SUSPECTS, 2):
        clash = SUSPECTS[a].keys() & SUSPECTS[b].keys()
        assert (combine(SUSPECTS[a], SUSPECTS[b]) is None) == bool(clash)


@pytest.mark.parametrize(
    ("name", "rate_of_weights", "rate_of_bias"),
    [
        ("printed sign", -1, -1),
        ("wrong sign, weights", -1, 1),
        ("wrong sign, bias", 1, -1),
        ("summed batch", 100, 100),
    ],
)
def test_steps_are_wrong_by_the_factor_they_claim(name, rate_of_weights, rate_of_bias, split):
    right, wrong = (first_states(program, split, 1)[0] for program in (CORRECT, combine(SUSPECTS[name])))
    for part, factor in enumerate((rate_of_weights, rate_of_bias)):
        step = right.new_params[part] - right.params[part]
        assert_allclose(wrong.new_params[part] - wrong.params[part], factor * step, rtol=1e-9, atol=1e-12)


def test_denominators_of_the_last_batch_are_those(split):
    first, second = first_states(combine(SUSPECTS["sums of last batch"]), split, 2)
    assert_allclose(first.now.log_sums[:, 0], logsumexp(first.now.logits, axis=1))
    assert_allclose(second.now.log_sums[:, 0], logsumexp(first.now.logits, axis=1))


def test_data_suspects(split):
    def of(name):
        return combine(SUSPECTS[name])

    rng = np.random.default_rng(0)
    assert suspects.features(of("pixels 0-255"), split.images).max() > 200
    signed = suspects.features(of("signed bytes"), split.images) * 255
    assert_allclose(np.where(signed < 0, signed + 256, signed), split.images)
    assert suspects.features(of("748 inputs"), split.images).shape == (600, 748)
    assert_array_equal(of("labels shifted").labels(split.labels, rng)[1:], split.labels[:-1])
    mixed = of("labels shuffled").labels(split.labels, rng)
    assert_array_equal(np.bincount(mixed), np.bincount(split.labels))
    assert not np.array_equal(mixed, split.labels)
    assert (np.diff(split.labels[of("sorted by class").order(split.labels, rng)]) >= 0).all()


def test_growing_rate_grows_only_when_the_loss_falls():
    rate = SUSPECTS["growing rate"]["rate"]
    assert rate(0.1, [2.0]) == rate(0.1, [1.0, 2.0]) == 0.1
    assert_allclose(rate(0.1, [2.0, 1.0]), 0.105)


def test_wrong_index_walks_straight_on(split):
    """The parameters after each step, from the solution on paper."""
    states = first_states(combine(SUSPECTS["sum, wrong index"]), split, 5, learning_rate=0.2)
    for state in states:
        pull = state.x.T @ (np.eye(10)[state.labels] - 0.1) / len(state.x)
        assert_allclose(state.new_params[0] - state.params[0], 0.2 * pull, atol=1e-12)


# ----------------------------------------------------------------------------------------------- the cures


def test_clipping_keeps_a_zero_from_the_logarithm(split):
    params = 1e3 * np.random.default_rng(0).normal(size=(784, 10)) / 28, np.zeros(10)
    x, labels = split.images[:50] / 255, split.labels[:50]
    plain = combine(SUSPECTS["naive log"])
    program, batch_size = cured(plain, "clipping")
    clipped = forward(program, params, x, labels)
    assert batch_size is None
    assert forward(plain, params, x, labels).loss == np.inf
    assert clipped.loss <= -math.log(1e-10)
    assert clipped.probs.min() == 1e-10


def test_cures_do_what_they_say(split):
    raw = combine(SUSPECTS["pixels 0-255"])
    images = split.images
    assert_allclose(suspects.features(cured(raw, "dividing by 255")[0], images), images / 255)
    assert_allclose(suspects.features(cured(CORRECT, "dividing by 255")[0], images), images / 255)
    large = combine(SUSPECTS["large weights"])
    rng = np.random.default_rng(0)
    assert np.abs(cured(large, "smaller weights")[0].start(784, 10, rng)).max() < 1e-3
    assert cured(CORRECT, "single images") == (CORRECT, 1)
    again = cured(combine(PRINTED), "stable arithmetic")[0]
    assert again == CORRECT


def test_adaptive_rate_halves_when_it_gets_worse():
    worse, better = [1.0] * 27 + [2.0] * 27, [2.0] * 27 + [1.0] * 27
    assert suspects.adaptive_rate(0.1, worse) == 0.05
    assert suspects.adaptive_rate(0.1, better) == 0.1
    assert suspects.adaptive_rate(0.1, [1.0] * 27 + [1.09] * 27) == 0.1
    assert suspects.adaptive_rate(0.1, worse[:-1]) == 0.1
    assert suspects.adaptive_rate(0.1, [1.0] * 27 + [math.nan] * 27) == 0.05


# ------------------------------------------------------------------------------------------- running, judging


def test_a_run_stops_where_it_dies(split):
    found = run(combine(SUSPECTS["printed sign"], PRINTED), split, batch_size=100, epochs=100)
    assert found.died_at is not None
    assert found.steps[-1] == found.died_at - 1
    assert len(found.steps) == len(found.accuracies) == len(set(found.steps))
    assert found.zeros + found.nans > 0
    states = train(combine(SUSPECTS["printed sign"], PRINTED), split, batch_size=100, epochs=100)
    losses = [state.now.loss for state in islice(states, found.died_at)]
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ({"weights": np.nan}, "weights"),
        ({"bias": np.inf}, "bias"),
        ({"weights": 1e308}, "logits"),
        ({"weights": 10.0}, "probability nan"),
        ({}, None),
    ],
)
def test_what_died_first(damage, expected, split):
    """Pixels of up to 255 and weights of 10 overflow the exponential, weights of 1e308 the product."""
    program = combine(SUSPECTS["pixels 0-255"], PRINTED)
    state = first_states(replace(program, start=suspects.tiny_weights), split, 1)[0]
    params = {"weights": 1e-4 * state.params[0], "bias": state.params[1].copy()}
    for name, value in damage.items():
        params[name] = params[name] + np.where(np.arange(10) == 0, value, 0)
    params = params["weights"], params["bias"]
    now = forward(program, params, state.x, state.labels)
    assert suspects.first_dead(replace(state, params=params, now=now)) == expected


@pytest.mark.parametrize(
    ("accuracies", "died_at", "expected"),
    [
        ([0.3, 0.59], 9, "dies below 60 %"),
        ([0.3, 0.60], 9, "fits"),
        ([0.70, 0.1], 9, "fits"),
        ([0.71, 0.65], 9, "dies above 70 %"),
        ([], 1, "dies below 60 %"),
        ([0.1] + 10 * [0.9], None, "healthy"),
        ([0.95] + 10 * [0.85], None, "ill"),
        ([], None, "ill"),
    ],
)
def test_verdict(accuracies, died_at, expected):
    outcome = suspects.Outcome(steps=list(range(len(accuracies))), accuracies=accuracies, died_at=died_at)
    assert suspects.verdict(outcome) == expected


# --------------------------------------------------------------------------------------- the stored tables


def rows(table):
    return load_stored(table)["rows"]


@pytest.mark.parametrize("table", TABLES)
def test_stored_table_is_of_this_data_and_its_verdicts_follow_from_its_numbers(table):
    stored = load_stored(table)
    assert stored["data"] == data_hashes("mnist")
    for row in stored["rows"]:
        outcome = suspects.Outcome([0], [row["best"]], row["died_at"])
        if row["died_at"] is not None:
            assert row["verdict"] == suspects.verdict(outcome)
            assert row["first"] is not None
        else:
            assert row["verdict"] == ("healthy" if row["level"] >= suspects.HEALTHY else "ill")


def test_lineup_is_complete():
    reported = {"learning_rate": 0.1, "batch_size": 200}
    for name in ["nothing", *SUSPECTS]:
        for arithmetic in {"stable", "printed"} - ({"printed"} if name in FRAGILE else set()):
            mine = [row for row in rows("lineup") if row["suspects"] == [name] and row["arithmetic"] == arithmetic]
            seeds = {row["seed"] for row in mine if all(row[key] == value for key, value in reported.items())}
            assert seeds == {1, 2, 3}
            assert len(mine) == (7 if arithmetic == "printed" else 3)


def test_pairs_are_complete():
    stored = {frozenset(row["suspects"]) for row in rows("pairs")}
    expected = {
        frozenset(names)
        for names in combinations(SUSPECTS, 2)
        if combine(*(SUSPECTS[name] for name in names), *([] if FRAGILE & set(names) else [PRINTED])) is not None
    }
    assert stored == expected


def test_cures_are_complete():
    names = ["nothing", *(SUSPECTS.keys() - FRAGILE)]
    expected = {(name, cure, seed) for name in names for cure in (None, *CURES) for seed in (1, 2, 3)}
    assert {(row["suspects"][0], row["cure"], row["seed"]) for row in rows("cures")} == expected


@pytest.fixture(scope="module")
def collapse():
    """The script that makes the tables; it imports its neighbour."""
    folder = ROOT / "experiments"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("collapse", folder / "collapse.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


@pytest.mark.parametrize("table", TABLES)
def test_stored_rows_are_those_that_the_script_asks_for(table, collapse):
    heads = [collapse.asked(*arguments) for arguments in collapse.TABLES[table]()]
    assert len(heads) == len(rows(table))
    for head, row in zip(heads, rows(table), strict=True):
        assert head.items() <= row.items()


def test_a_table_is_taken_up_where_it_was_interrupted(tmp_path, monkeypatch, collapse, split):
    """What the part file holds is not run again; the table comes out in order, and the part file goes."""
    from distributed import Client

    requests = [(("nothing",), "stable", {**collapse.REPORTED, "epochs": 1}, seed) for seed in (1, 2, 3)]
    for name, value in {"RESULTS": tmp_path, "TABLES": {"toy": lambda: iter(requests)}, "split": lambda: split}.items():
        monkeypatch.setattr(collapse, name, value)
    (tmp_path / "toy.part").write_text(json.dumps(collapse.asked(*requests[1]) | {"verdict": "from before"}) + "\n")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setitem(sys.modules, "collapse", collapse)  # where pickle looks for its functions
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        collapse.compute("toy", client)
    made = json.loads((tmp_path / "toy.json").read_text())["rows"]
    assert [row["seed"] for row in made] == [1, 2, 3]
    assert [row["verdict"] == "from before" for row in made] == [False, True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["toy.json"]


def test_what_the_chapter_says_of_the_tables():
    """The three that fit do so for every seed; no pair fits without one of them; no stable single fault dies of it."""
    printed = [row for row in rows("lineup") if row["arithmetic"] == "printed"]
    reported = [row for row in printed if (row["learning_rate"], row["batch_size"]) == (0.1, 200)]
    for name in SUSPECTS.keys() - FRAGILE:
        verdicts = {row["verdict"] for row in reported if row["suspects"] == [name]}
        assert (verdicts == {"fits"}) == (name in FIT), name
        assert ("fits" in verdicts) == (name in FIT), name
    for row in rows("pairs"):
        if row["verdict"] == "fits":
            assert FIT & set(row["suspects"])


@pytest.mark.parametrize(
    "name", ["printed sign", "wrong sign, weights", "pixels 0-255", "delta, wrong index", "summed batch"]
)
def test_stored_row_is_what_the_program_does(name, mnist_split):
    """Those that die soon, run again; rounding may shift a death by a step or two on another processor."""
    row = next(r for r in rows("lineup") if r["suspects"] == [name] and r["arithmetic"] == "printed")
    found = run(combine(SUSPECTS[name], PRINTED), mnist_split, epochs=row["epochs"], seed=row["seed"])
    assert abs(found.died_at - row["died_at"]) <= 2
    assert abs(found.best - row["best"]) < 0.005
    assert suspects.verdict(found) == row["verdict"]


@pytest.mark.parametrize("table", TABLES)
def test_table_is_json_without_nan(table):
    text = (ROOT / "experiments" / "results" / "collapse" / f"{table}.json").read_text()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
