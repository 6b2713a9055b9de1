"""The training loop: its arithmetic, its history, when it stops, and what it refuses."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from mnist_helpers import optim
from mnist_helpers.models import init_params, logits, loss_and_grads
from mnist_helpers.training import TrainingDiverged, evaluate, fit, train_epoch

N, D, H, K = 7, 4, 5, 3
ACTIVATIONS = ["relu", "tanh", "sigmoid"]


def problem(n=N, dtype=np.float64, seed=0):
    """Return parameters, noise as features, and random labels; none of them can be written to."""
    rng = np.random.default_rng(seed)
    params = {"weights": rng.standard_normal((D, K)).astype(dtype), "bias": rng.standard_normal(K).astype(dtype)}
    x, labels = rng.standard_normal((n, D)).astype(dtype), rng.integers(K, size=n)
    for array in (*params.values(), x, labels):
        array.flags.writeable = False
    return params, x, labels


def hidden_problem(n=N, dtype=np.float64, seed=0):
    """Return the same with the parameters of a network with a hidden layer."""
    _, x, labels = problem(n, dtype, seed)
    params = init_params(D, K, num_hidden=H, scale=1.0, rng=np.random.default_rng(seed), dtype=dtype)
    for array in params.values():
        array.flags.writeable = False
    return params, x, labels


def quick_fit(params, x, labels, **changes):
    settings = {"epochs": 3, "batch_size": 2, "learning_rate": 0.1, "rng": np.random.default_rng(0), "progress": False}
    return fit(params, x, labels, **settings | changes)


def assert_same_params(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert_array_equal(value, right[name])


def where(diverged):
    return diverged.epoch, diverged.step, diverged.quantity


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


# The arithmetic


def test_full_batch_step_is_the_hand_formula():
    params, x, labels = problem()
    weights, bias = params.values()
    moved = train_epoch(params, x, labels, batch_size=N, learning_rate=0.5, rng=None, l1=0.01, l2=0.02)
    delta = scipy.special.softmax(x @ weights + bias, axis=1) - np.eye(K)[labels]
    step = x.T @ delta / N + 0.01 * np.sign(weights) + 0.02 * weights
    assert_allclose(moved["weights"], weights - 0.5 * step, rtol=1e-13)
    assert_allclose(moved["bias"], bias - 0.5 * delta.mean(axis=0), rtol=1e-13)


@pytest.mark.parametrize("batch_size", [1, 3, N, N + 1])
def test_epoch_steps_through_all_batches_and_reports_each_loss(batch_size):
    params, x, labels = problem()
    losses, expected_losses = [], []
    moved = train_epoch(
        params, x, labels, batch_size=batch_size, learning_rate=0.5, rng=None, l2=0.1, on_step=losses.append
    )
    for start in range(0, N, batch_size):  # the last batch is short for 3, and the only one is for N + 1
        stop = start + batch_size
        loss, grads = loss_and_grads(params, x[start:stop], labels[start:stop], l2=0.1)
        params = {name: params[name] - 0.5 * grads[name] for name in params}
        expected_losses.append(loss)
    assert losses == expected_losses
    assert_same_params(moved, params)


def test_epoch_goes_through_the_examples_in_the_order_of_the_generator():
    params, x, labels = problem()
    order = np.random.default_rng(5).permutation(N)
    shuffled = train_epoch(params, x, labels, batch_size=2, learning_rate=0.5, rng=np.random.default_rng(5))
    in_order = train_epoch(params, x[order], labels[order], batch_size=2, learning_rate=0.5, rng=None)
    assert_same_params(shuffled, in_order)


def test_reaches_the_optimum_that_scikit_learn_finds():
    x, labels = load_iris(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    l2 = 0.01
    judge = LogisticRegression(C=1 / (len(x) * l2), solver="newton-cg", tol=1e-6).fit(x, labels)
    expected = {"weights": judge.coef_.T, "bias": judge.intercept_}

    result = quick_fit(init_params(4, 3), x, labels, epochs=2000, batch_size=len(x), learning_rate=1.0, l2=l2)
    assert result.history["train_loss"][-1] == pytest.approx(
        sklearn.metrics.log_loss(labels, judge.predict_proba(x)), rel=1e-6
    )
    best_loss = loss_and_grads(expected, x, labels, l2=l2)[0]
    assert loss_and_grads(result.params, x, labels, l2=l2)[0] == pytest.approx(best_loss, rel=1e-9)
    assert_allclose(result.params["weights"], expected["weights"], atol=1e-4)
    assert_array_equal(logits(result.params, x).argmax(axis=1), judge.predict(x))


def test_float32_stays_float32():
    result = quick_fit(*problem(dtype=np.float32), learning_rate=np.float64(0.1), l1=np.float64(0.1), l2=0.1)
    assert {value.dtype for value in result.params.values()} == {np.dtype(np.float32)}


# Momentum, weight decay and a hidden layer


@pytest.mark.parametrize("start", [problem, hidden_problem])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
@pytest.mark.parametrize("rule", [optim.sgd, optim.momentum, optim.nesterov])
def test_fit_is_a_loop_over_the_update_rule(rule, weight_decay, start):
    params, x, labels = start()
    chosen = {} if rule is optim.sgd else {"momentum": 0.9, "nesterov": rule is optim.nesterov}
    settings = {"weight_decay": weight_decay, "l2": 0.01, "activation": "tanh", **chosen}
    result = quick_fit(params, x, labels, epochs=2, rng=np.random.default_rng(5), **settings)
    rng = np.random.default_rng(5)
    velocity = {name: np.zeros_like(value) for name, value in params.items()}  # once, not in each epoch
    for _ in range(2):
        order = rng.permutation(N)
        for first in range(0, N, 2):
            batch = order[first : first + 2]
            _, grads = loss_and_grads(params, x[batch], labels[batch], l2=0.01, activation="tanh")
            if weight_decay:
                shrunk = {name: (1 - 0.1 * 0.5) * value for name, value in params.items() if name.endswith("weights")}
                params = params | shrunk
            if rule is optim.sgd:
                params = rule(params, grads, learning_rate=0.1)
            else:
                params, velocity = rule(params, grads, velocity, learning_rate=0.1, momentum=0.9)
    assert_same_params(result.params, params)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("activation", "its_name"), [("relu", "relu"), ("tanh", "tanh"), ("sigmoid", "logistic")])
def test_training_a_network_with_momentum_agrees_with_scikit_learn(activation, its_name, nesterov):
    _, x, labels = problem(n=20)
    settings = {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": nesterov, "alpha": 0.0, "shuffle": False}
    start, judge = (
        MLPClassifier(
            (H,), activation=its_name, batch_size=6, learning_rate_init=learning_rate, random_state=0, **settings
        )
        for learning_rate in (1e-300, 0.1)  # the first moves by nothing, so that it shows where the second starts
    )
    start.partial_fit(x, labels, classes=range(K))
    for _ in range(5):
        judge.partial_fit(x, labels, classes=range(K))
    before, after = (
        {
            "hidden_weights": net.coefs_[0],
            "hidden_bias": net.intercepts_[0],
            "weights": net.coefs_[1],
            "bias": net.intercepts_[1],
        }
        for net in (start, judge)
    )
    settings = {"epochs": 5, "batch_size": 6, "rng": None, "momentum": 0.9, "nesterov": nesterov}
    result = quick_fit(before, x, labels, activation=activation, **settings)
    for name, value in result.params.items():
        assert_allclose(value, after[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_epochs_of_fit_are_epochs_of_train_epoch_with_a_hidden_layer(activation):
    params, x, labels = hidden_problem()
    result = quick_fit(params, x, labels, epochs=2, l1=0.1, activation=activation, rng=np.random.default_rng(4))
    rng = np.random.default_rng(4)
    settings = {"batch_size": 2, "learning_rate": 0.1, "rng": rng, "l1": 0.1, "activation": activation}
    for _ in range(2):
        params = train_epoch(params, x, labels, **settings)
    assert_same_params(result.params, params)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_activation_is_that_of_the_measurements_too(activation):
    params, x, labels = hidden_problem()
    _, *valid = problem(seed=1)
    result = quick_fit(params, x, labels, valid=valid, activation=activation)
    for epoch, measured in ((0, params), (-1, result.params)):
        for name, (features, targets) in {"train": (x, labels), "valid": valid}.items():
            scores = logits(measured, features, activation=activation)
            loss = -scipy.special.log_softmax(scores, axis=1)[np.arange(N), targets].mean()
            accuracy = (scores.argmax(axis=1) == targets).mean()
            assert result.history[f"{name}_loss"][epoch] == pytest.approx(loss, rel=1e-12)
            assert result.history[f"{name}_accuracy"][epoch] == pytest.approx(accuracy, rel=1e-12)
            assert evaluate(measured, features, targets, activation=activation) == pytest.approx((loss, accuracy))


def fit_digits(num_hidden, **changes):
    """Train on 1297 of scikit-learn's digits and measure on the other 500."""
    x, labels = load_digits(return_X_y=True)
    x = x / 16
    params = init_params(64, 10, num_hidden=num_hidden, rng=np.random.default_rng(1))
    settings = {"epochs": 15, "batch_size": 32, "valid": (x[1297:], labels[1297:]), "rng": np.random.default_rng(2)}
    return quick_fit(params, x[:1297], labels[:1297], **settings | changes)


def test_a_hidden_layer_reads_digits_better_than_softmax_regression_and_repeats():
    network, again = (fit_digits(32, momentum=0.9) for _ in range(2))
    best_of_the_others = max(
        accuracy
        for changes in ({}, {"momentum": 0.9}, {"learning_rate": 1.0})
        for accuracy in fit_digits(None, **changes).history["valid_accuracy"]
    )
    assert network.history["valid_accuracy"][-1] > best_of_the_others > 0.85
    assert_same_params(network.params, again.params)
    assert without_seconds(network.history) == without_seconds(again.history)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32_with_momentum_and_a_hidden_layer(activation, nesterov):
    settings = {"learning_rate": np.float64(0.1), "momentum": np.float64(0.9), "weight_decay": np.float64(0.1)}
    settings |= {"nesterov": nesterov, "activation": activation, "l1": np.float64(0.01)}
    result = quick_fit(*hidden_problem(dtype=np.float32), **settings)
    assert {name: value.dtype for name, value in result.params.items()} == dict.fromkeys(
        ["hidden_weights", "hidden_bias", "weights", "bias"], np.dtype(np.float32)
    )


# A schedule of the learning rate, and changed examples


@pytest.mark.parametrize("rule", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
@pytest.mark.parametrize("start", [problem, hidden_problem])
def test_schedule_multiplies_the_learning_rate_of_its_epoch(start, weight_decay, rule):
    params, x, labels = start()
    rule = rule | {"weight_decay": weight_decay}
    result = quick_fit(
        params, x, labels, epochs=3, rng=np.random.default_rng(5), schedule=[None, 1, 0.5, 2.5].__getitem__, **rule
    )
    rng, velocity = np.random.default_rng(5), optim.zero_velocity(params)
    for factor in (1, 0.5, 2.5):
        update = optim.update_rule(learning_rate=0.1 * factor, **rule)
        order = rng.permutation(N)
        for first in range(0, N, 2):
            batch = order[first : first + 2]
            _, grads = loss_and_grads(params, x[batch], labels[batch])
            params, velocity = update(params, grads, velocity)  # the velocity goes on over the epochs
    assert_same_params(result.params, params)


@pytest.mark.parametrize(
    "changes", [{"schedule": lambda epoch: 1}, {"augment": lambda x, rng: x}, {"schedule": None, "augment": None}]
)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_schedule_and_augment_that_do_nothing_change_nothing(changes, momentum):
    settings = {"momentum": momentum, "weight_decay": 0.1, "valid": problem(seed=1)[1:], "patience": 2}
    plain = quick_fit(*problem(dtype=np.float32), **settings)
    result = quick_fit(*problem(dtype=np.float32), **settings, **changes)
    assert_same_params(result.params, plain.params)
    assert without_seconds(result.history) == without_seconds(plain.history)


def test_float32_stays_float32_with_a_schedule_in_float64():
    result = quick_fit(*problem(dtype=np.float32), momentum=0.9, schedule=lambda epoch: np.float64(1 / epoch))
    assert {value.dtype for value in result.params.values()} == {np.dtype(np.float32)}


def test_schedule_is_asked_for_all_epochs_before_the_first():
    asked = []
    x, labels = np.zeros((2, 1)), np.array([0, 1])  # nothing to learn, so that patience ends it
    result = quick_fit(
        init_params(1, 2),
        x,
        labels,
        epochs=5,
        patience=1,
        valid=(x, labels),
        schedule=lambda epoch: asked.append(epoch) or 1,
    )
    assert result.history["epoch"] == [0, 1]
    assert asked == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("factor", "error", "message"),
    [
        (0, ValueError, "learning_rate must be a finite number above 0"),
        (-1, ValueError, "learning_rate must"),
        (np.nan, ValueError, "learning_rate must"),
        (np.inf, ValueError, "learning_rate must"),
        (21, ValueError, "weight_decay must"),  # 0.1 * 21 * 0.5 is more than 1
        (None, TypeError, "None"),
        ("1", TypeError, "multiply"),
    ],
)
def test_bad_values_of_the_schedule_are_refused_before_training(factor, error, message):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(error, match=message):
        quick_fit(*problem(), rng=rng, weight_decay=0.5, schedule=lambda epoch: 1 if epoch < 3 else factor)
    assert rng.bit_generator.state == before  # no epoch was begun


def test_augment_gets_each_batch_and_the_generator():
    params, x, labels = problem()
    rng, seen = np.random.default_rng(5), []

    def augment(batch, draw):
        assert draw is rng
        seen.append(batch.copy())
        return batch + draw.standard_normal(batch.shape)

    result = quick_fit(params, x, labels, epochs=2, batch_size=3, rng=rng, augment=augment)
    same = np.random.default_rng(5)
    for _ in range(2):
        order = same.permutation(N)
        for first in range(0, N, 3):
            batch = order[first : first + 3]
            assert_array_equal(seen.pop(0), x[batch])
            changed = x[batch] + same.standard_normal((len(batch), D))
            _, grads = loss_and_grads(params, changed, labels[batch])
            params = optim.sgd(params, grads, learning_rate=0.1)
    assert seen == []
    assert_same_params(result.params, params)


def test_augment_does_not_touch_what_is_measured_or_given():
    params, x, labels = problem()
    before = x.copy()
    _, *valid = problem(seed=1)

    def spoil(batch, rng):
        batch[:] = rng.standard_normal(batch.shape)  # in place: batches are copies
        return batch

    result = quick_fit(params, x, labels, valid=valid, augment=spoil)
    assert_array_equal(x, before)
    for name, examples in {"train": (x, labels), "valid": valid}.items():
        for epoch, measured in ((0, params), (-1, result.params)):
            values = result.history[f"{name}_loss"][epoch], result.history[f"{name}_accuracy"][epoch]
            assert values == evaluate(measured, *examples)


def test_augment_that_shifts_by_a_constant_trains_on_shifted_examples():
    params, x, labels = problem()
    shifted = quick_fit(params, x + 1, labels)
    assert_same_params(quick_fit(params, x, labels, augment=lambda batch, rng: batch + 1).params, shifted.params)


def test_augment_needs_a_generator():
    with pytest.raises(ValueError, match="augment needs rng"):
        quick_fit(*problem(), rng=None, augment=lambda x, rng: x)


def test_augment_that_makes_numbers_that_are_not_finite_is_reported():
    with pytest.raises(TrainingDiverged, match="x became nan in epoch 1, step 1") as caught:
        quick_fit(*problem(), augment=lambda x, rng: x * np.nan)
    assert where(caught.value) == (1, 1, "x")


@pytest.mark.parametrize(
    ("augment", "message"), [(lambda x, rng: x[:, 1:], "x must have shape"), (lambda x, rng: x[1:], "1 .*2|2 .*1")]
)
def test_augment_that_changes_the_shape_is_refused(augment, message):
    with pytest.raises(ValueError, match=message):
        quick_fit(*problem(), augment=augment)


# The history


def test_evaluate_agrees_with_scikit_learn():
    params, x, labels = problem(n=50)
    probs = scipy.special.softmax(logits(params, x), axis=1)
    loss, accuracy = evaluate(params, x, labels)
    assert loss == pytest.approx(sklearn.metrics.log_loss(labels, probs), rel=1e-12)
    assert accuracy == pytest.approx(sklearn.metrics.accuracy_score(labels, probs.argmax(axis=1)))


@pytest.mark.parametrize("with_valid", [False, True])
def test_history_has_an_entry_for_each_epoch_and_one_before(with_valid):
    _, x, labels = problem()
    _, *valid = problem(seed=1)
    result = quick_fit(init_params(D, K), x, labels, l2=0.1, valid=valid if with_valid else None)
    history = result.history
    names = ["train_loss", "train_accuracy"] + ["valid_loss", "valid_accuracy"] * with_valid
    assert set(history) == {"epoch", "seconds", *names}
    assert history["epoch"] == [0, 1, 2, 3]
    assert [len(values) for values in history.values()] == [4] * len(history)
    assert all(seconds >= 0 for seconds in history["seconds"])
    assert history["train_loss"][0] == pytest.approx(np.log(K), rel=1e-15)
    assert [history[name][-1] for name in names[:2]] == list(evaluate(result.params, x, labels))
    assert [history[name][-1] for name in names[2:]] == (list(evaluate(result.params, *valid)) if with_valid else [])
    assert result.best_epoch == 3


def test_epochs_of_fit_are_epochs_of_train_epoch():
    params, x, labels = problem()
    result = quick_fit(params, x, labels, epochs=2, l1=0.1, rng=np.random.default_rng(4))
    rng = np.random.default_rng(4)  # one generator for both: each epoch has its own order
    for _ in range(2):
        params = train_epoch(params, x, labels, batch_size=2, learning_rate=0.1, rng=rng, l1=0.1)
    assert_same_params(result.params, params)


def test_same_seed_same_run():
    first, second, other = (quick_fit(*problem(), rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert_same_params(first.params, second.params)
    assert without_seconds(first.history) == without_seconds(second.history)
    assert first.history["train_loss"] != other.history["train_loss"]


# Early stopping


def overfit(epochs=15, patience=None):
    """Fit a few noisy examples with large steps, so that the validation loss falls, wavers and rises."""
    rng = np.random.default_rng(33)
    x = rng.standard_normal((30, D))
    labels = (x[:, :K] + rng.standard_normal((30, K))).argmax(axis=1)
    valid = (x[15:], labels[15:])
    settings = {"epochs": epochs, "patience": patience, "batch_size": 4, "learning_rate": 0.5, "valid": valid}
    return quick_fit(init_params(D, K), x[:15], labels[:15], **settings)


@pytest.mark.parametrize(("patience", "best", "last"), [(1, 3, 4), (2, 5, 7), (3, 8, 11), (5, 8, 13)])
def test_stops_after_patience_epochs_without_progress_and_returns_the_best(patience, best, last):
    # The validation losses from epoch 0: 1.10 0.81 0.77 0.770 0.79 0.76 0.80 0.79 0.66 0.73 0.79 0.73 0.75 0.80 0.73
    valid_loss = overfit().history["valid_loss"]
    result = overfit(patience=patience)
    assert result.history["valid_loss"] == valid_loss[: last + 1]
    assert result.best_epoch == best == np.argmin(valid_loss[: last + 1])
    assert_same_params(result.params, overfit(epochs=best).params)


def test_equal_validation_loss_is_no_progress():
    x, labels = np.zeros((2, 1)), np.array([0, 1])  # nothing to learn: all gradients are exactly 0
    result = quick_fit(init_params(1, 2), x, labels, epochs=9, patience=4, valid=(x, labels))
    assert result.history["epoch"] == [0, 1, 2, 3, 4]
    assert result.best_epoch == 0


def test_epochs_may_end_before_patience_does():
    result = overfit(epochs=9, patience=5)
    assert len(result.history["epoch"]) == 10
    assert result.best_epoch == 8
    assert_same_params(result.params, overfit(epochs=8).params)


def test_without_patience_the_last_parameters_are_returned():
    result, before = overfit(epochs=9), overfit(epochs=8)
    assert result.history["valid_loss"][-1] > before.history["valid_loss"][-1]
    assert result.best_epoch == 9
    assert (result.params["weights"] != before.params["weights"]).all()


# Divergence


@pytest.mark.parametrize(
    ("dtype", "pixel", "learning_rate", "quantity"),
    [
        (np.float64, 255, 1e305, "logits"),  # weights of 127.5e305 still fit, 255 times as much does not
        (np.float64, 255, 1e307, "weights"),
        (np.float32, 255, 1e36, "logits"),
        (np.float32, 255, 1e37, "weights"),
        (np.float32, 1, 1e39, "weights"),  # the learning rate itself does not fit into float32
    ],
)
def test_too_large_a_learning_rate_is_reported(dtype, pixel, learning_rate, quantity):
    x, labels = np.full((3, 1), pixel, dtype), np.zeros(3, int)
    with pytest.raises(TrainingDiverged, match=rf"{quantity} became .*learning_rate") as caught:
        quick_fit(init_params(1, 2, dtype=dtype), x, labels, batch_size=1, learning_rate=learning_rate)
    assert where(caught.value) == (1, 2, quantity)


def test_divergence_in_the_last_step_is_found_by_the_measurement():
    with pytest.raises(TrainingDiverged) as caught:
        quick_fit(init_params(1, 2), np.full((2, 1), 255.0), np.zeros(2, int), batch_size=2, learning_rate=1e307)
    assert where(caught.value) == (1, 1, "weights")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["train", "valid"])
def test_features_that_are_not_finite_are_reported_before_training(part, value):
    params, x, labels = problem()
    bad = np.where(x == x[4, 2], value, x)
    train_x, valid_x = (bad, x) if part == "train" else (x, bad)
    with pytest.raises(TrainingDiverged, match=f"x became {value} in epoch 0, step 0: the input already") as caught:
        quick_fit(params, train_x, labels, valid=(valid_x, labels))
    assert where(caught.value) == (0, 0, "x")


def test_train_epoch_reports_its_epoch_and_step():
    params, x, labels = problem()
    bad = np.where(x == x[4, 2], np.nan, x)
    with pytest.raises(TrainingDiverged, match="epoch 9, step 5") as caught:
        train_epoch(params, bad, labels, batch_size=1, learning_rate=0.1, rng=None, epoch=9)
    assert where(caught.value) == (9, 5, "x")


@pytest.mark.parametrize(
    ("pixel", "weights", "bias", "quantity"),
    [
        (np.nan, [[np.nan, 0.0]], [0.0, 0.0], "x"),
        (1.0, [[np.nan, 0.0]], [0.0, np.nan], "weights"),
        (1.0, [[0.0, 0.0]], [0.0, np.nan], "bias"),
        (1.0, [[1e308, 0.0]], [1e308, 0.0], "logits"),
        (1.0, [[1e308, -1e308]], [0.0, 0.0], "loss"),  # each logit is finite, but not the distance between them
    ],
)
def test_first_quantity_that_is_not_finite_is_named(pixel, weights, bias, quantity):
    params = {"weights": np.array(weights), "bias": np.array(bias)}
    x, labels = np.full((2, 1), pixel), np.ones(2, int)
    with pytest.raises(TrainingDiverged) as caught:
        quick_fit(params, x, labels)
    assert where(caught.value) == (0, 0, quantity)
    with pytest.raises(TrainingDiverged) as caught:
        train_epoch(params, x, labels, batch_size=2, learning_rate=0.1, rng=None)
    assert where(caught.value) == (1, 1, quantity)


def test_divergence_of_a_network_names_the_hidden_parameter():
    params, x, labels = hidden_problem()
    with pytest.raises(TrainingDiverged, match=r"hidden_weights became .*learning_rate") as caught:
        quick_fit(params, 255 * x, labels, learning_rate=1e307)
    assert where(caught.value) == (1, 2, "hidden_weights")


@pytest.mark.parametrize("name", ["hidden_weights", "hidden_bias", "weights", "bias"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_first_parameter_of_a_network_that_is_not_a_number_is_named(activation, name):
    params, x, labels = hidden_problem()
    later = list(params)[list(params).index(name) :]
    params = params | {other: np.full_like(params[other], np.nan) for other in later}
    with pytest.raises(TrainingDiverged) as caught:
        quick_fit(params, x, labels, activation=activation)
    assert where(caught.value) == (0, 0, name)
    with pytest.raises(TrainingDiverged) as caught:
        train_epoch(params, x, labels, batch_size=2, learning_rate=0.1, rng=None, activation=activation)
    assert where(caught.value) == (1, 1, name)


@pytest.mark.parametrize(
    ("activation", "value"),
    [("relu", -np.inf), ("tanh", np.inf), ("tanh", -np.inf), ("sigmoid", np.inf), ("sigmoid", -np.inf)],
)
@pytest.mark.parametrize("name", ["hidden_weights", "hidden_bias"])
def test_infinite_parameters_are_reported_even_where_the_activation_hides_them(name, activation, value):
    params, x, labels = hidden_problem()
    params = params | {name: np.full_like(params[name], value)}
    with pytest.raises(TrainingDiverged) as caught:
        quick_fit(params, np.abs(x), labels, activation=activation)  # no inf - inf
    assert where(caught.value) == (0, 0, name)


def test_hidden_weights_that_training_makes_infinite_are_reported_though_the_loss_stays_finite():
    params = {
        "hidden_weights": np.zeros((1, 1)),
        "hidden_bias": np.zeros(1),
        "weights": np.array([[100.0, -100.0]]),
        "bias": np.zeros(2),
    }
    with pytest.raises(TrainingDiverged) as caught:  # a step of 1e307 * 100
        quick_fit(params, np.ones((2, 1)), np.zeros(2, int), epochs=1, learning_rate=1e307, activation="tanh")
    assert where(caught.value) == (1, 1, "hidden_weights")


def test_penalty_beyond_the_range_of_numbers_is_a_loss_that_diverged():
    # The first step makes weights of 5e159, whose squares are beyond the range; the loss without penalty is 0.
    with pytest.raises(TrainingDiverged, match="loss became inf in epoch 2, step 1"):
        quick_fit(init_params(1, 2), np.ones((2, 1)), np.zeros(2, int), learning_rate=1e160, l2=1.0)


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must"),
        ({"epochs": 1.5}, "epochs must"),
        ({"batch_size": 0}, "batch_size must"),
        ({"batch_size": 2.0}, "batch_size must"),
        ({"learning_rate": 0}, "learning_rate must"),
        ({"learning_rate": -0.1}, "learning_rate must"),
        ({"learning_rate": np.nan}, "learning_rate must"),
        ({"learning_rate": np.inf}, "learning_rate must"),
        ({"patience": 0, "valid": problem()[1:]}, "patience must"),
        ({"patience": 2}, "patience needs valid"),
        ({"l1": -0.1}, "penalties must"),
        ({"l2": -0.1}, "penalties must"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        quick_fit(*problem(), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "softplus"}, "activation must be one of"),
        ({"activation": None}, "activation must be one of"),
        ({"momentum": 1}, "momentum must"),
        ({"momentum": -0.1}, "momentum must"),
        ({"momentum": np.nan}, "momentum must"),
        ({"nesterov": True}, "needs a momentum"),
        ({"weight_decay": -0.1}, "weight_decay must"),
        ({"weight_decay": 10.0}, "weight_decay must"),  # times the learning rate of 0.1
        ({"weight_decay": np.nan}, "weight_decay must"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_settings_of_networks_and_momentum_are_refused_before_training(changes, message):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(ValueError, match=message):
        quick_fit(*hidden_problem(), rng=rng, **changes)
    assert rng.bit_generator.state == before  # no epoch was begun


def test_evaluate_and_train_epoch_refuse_an_unknown_activation():
    with pytest.raises(ValueError, match="activation must be one of"):
        evaluate(*hidden_problem(), activation="softplus")
    with pytest.raises(ValueError, match="activation must be one of"):
        train_epoch(*hidden_problem(), batch_size=2, learning_rate=0.1, rng=None, activation="softplus")


def test_a_seed_instead_of_a_generator_is_refused():
    with pytest.raises(TypeError, match="default_rng"):
        quick_fit(*problem(), rng=42)


@pytest.mark.parametrize(
    ("x", "labels", "error", "message"),
    [
        (np.zeros(D), [0], ValueError, "x must have shape"),
        (np.zeros((2, D + 1)), [0, 1], ValueError, "x must have shape"),
        (np.zeros((2, 2, 2)), [0, 1], ValueError, "to_features"),
        (np.zeros((2, D)), [0], ValueError, "2 examples and labels has 1"),
        (np.zeros((0, D)), np.array([], int), ValueError, "0 examples"),
        (np.zeros((2, D), np.uint8), [0, 1], TypeError, "to_features"),
        (np.zeros((2, D)), [0, K], ValueError, r"labels must lie in 0 \.\. 2"),
        (np.zeros((2, D)), [0, -1], ValueError, "negative label"),
        (np.zeros((2, D)), [0.0, 1.0], TypeError, "labels must be integers"),
        (np.zeros((2, D)), [[1, 0, 0], [0, 1, 0]], ValueError, "argmax"),
    ],
)
@pytest.mark.parametrize("part", ["train", "valid"])
def test_examples_that_do_not_fit_are_refused(part, x, labels, error, message):
    params, *good = problem()
    bad = (x, np.array(labels))
    train, valid = (bad, good) if part == "train" else (good, bad)
    with pytest.raises(error, match=message):
        quick_fit(params, *train, valid=valid)


def test_train_epoch_leaves_errors_in_the_labels_as_they_are():
    params, x, _ = problem()
    with pytest.raises(ValueError, match="labels must lie"):
        train_epoch(params, x, np.full(N, K), batch_size=2, learning_rate=0.1, rng=None)


# The progress bar


def output_of_fit(progress, tmp_path, **environment):
    """Return what fit writes to stderr in a new interpreter with this environment."""
    program = f"""
import numpy as np
from mnist_helpers.models import init_params
from mnist_helpers.training import fit

settings = dict(epochs=2, batch_size=1, learning_rate=0.1, rng=None{progress})
fit(init_params(3, 2), np.ones((5, 3)), np.zeros(5, int), **settings)
"""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TQDM_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=inherited | environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


def test_progress_bar_shows_steps_rate_and_loss(tmp_path):
    shown = output_of_fit("", tmp_path).split("\r")[-1]
    assert "100%" in shown
    assert "10/10" in shown
    assert "step/s" in shown
    assert "loss=0." in shown


@pytest.mark.parametrize(("progress", "environment"), [(", progress=False", {}), ("", {"TQDM_DISABLE": "1"})])
def test_progress_bar_can_be_hidden(progress, environment, tmp_path):
    assert output_of_fit(progress, tmp_path, **environment) == ""


def test_any_number_of_epochs_may_be_allowed_where_patience_ends_the_run():
    x, labels = np.ones((4, 2)), np.array([0, 1, 0, 1])  # nothing can be learned from it
    options = {"batch_size": 4, "learning_rate": 0.1, "rng": None, "progress": False}
    result = fit(init_params(2, 2), x, labels, epochs=10**12, valid=(x, labels), patience=2, **options)
    assert len(result.history["epoch"]) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": 0.5}, "schedule must be a function or None, got float"),
        ({"augment": "flip"}, "augment must be a function or None, got str"),
        ({"valid": 3}, "valid must be a pair"),
    ],
)
def test_fit_says_what_a_setting_must_be(options, message):
    x, labels = np.ones((4, 2)), np.array([0, 1, 0, 1])
    usual = {"epochs": 1, "batch_size": 4, "learning_rate": 0.1, "rng": np.random.default_rng(0), "progress": False}
    with pytest.raises(TypeError, match=message):
        fit(init_params(2, 2), x, labels, **usual | options)


def test_train_epoch_refuses_labels_without_examples():
    """As `fit` does; without examples it returned the parameters as if it had trained."""
    with pytest.raises(ValueError, match="x has 0 examples"):
        train_epoch(init_params(2, 2), np.ones((0, 2)), np.array([], int), batch_size=1, learning_rate=0.1, rng=None)


def test_small_numpy_integers_are_numbers_of_examples_and_epochs():
    x, labels = np.ones((300, 2)), np.zeros(300, int)
    options = {"learning_rate": 0.1, "rng": None, "progress": False}
    result = fit(init_params(2, 2), x, labels, epochs=np.uint8(2), batch_size=np.uint8(200), **options)
    assert result.history["epoch"] == [0, 1, 2]


def test_train_epoch_returns_no_parameters_that_are_not_finite():
    """The last step of an epoch, whose loss is not computed any more."""
    params = {name: np.ones_like(value) for name, value in init_params(1, 2, num_hidden=1, scale=0).items()}
    with pytest.raises(TrainingDiverged, match="x became -inf in epoch 3, step 1"):
        train_epoch(params, np.array([[-np.inf]]), np.array([0]), batch_size=1, learning_rate=0.1, rng=None, epoch=3)
