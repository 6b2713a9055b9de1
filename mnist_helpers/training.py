"""The training loop: mini-batch gradient descent with a history, early stopping and an alarm."""

import os
import time
from dataclasses import dataclass, field
from itertools import repeat
from math import isfinite
from numbers import Real

import numpy as np
from tqdm.auto import tqdm

from mnist_helpers._checks import callable_or_none, kind_of, real_number, whole_number
from mnist_helpers.data import iter_minibatches
from mnist_helpers.functional import check_labels, cross_entropy
from mnist_helpers.metrics import accuracy
from mnist_helpers.models import logits, loss_and_grads
from mnist_helpers.optim import update_rule, zero_velocity

__all__ = ["FitResult", "TrainingDiverged", "evaluate", "fit", "train_epoch"]


class TrainingDiverged(ArithmeticError):
    """Training met a number that is not finite.

    Attributes
    ----------
    epoch, step : int
        Where it was met, both counted from 1. Step 0 is the measurement before the first update.
    quantity : str
        The first thing that was not finite: ``"x"``, the name of a parameter, ``"logits"`` or ``"loss"``.
    """

    def __init__(self, epoch, step, quantity, value):
        self.epoch, self.step, self.quantity = epoch, step, quantity
        cause = (
            "the input already holds it" if quantity == "x" else "try a smaller learning_rate, check the input's range"
        )
        super().__init__(f"{quantity} became {value} in epoch {epoch}, step {step}: {cause}")


@dataclass(frozen=True)
class FitResult:
    """What `fit` returns.

    Attributes
    ----------
    params : dict of ndarray
        The last parameters, or with ``patience`` those of the epoch with the lowest validation loss.
    history : dict of list
        One entry per epoch, entry 0 before training: ``epoch``, ``train_loss``, ``train_accuracy``, ``seconds``
        (training time of that epoch, without the measurement) and, with validation data, ``valid_loss`` and
        ``valid_accuracy``. Losses are means in nats without penalties, accuracies lie in [0, 1].
    best_epoch : int
        The epoch that `params` come from.
    """

    params: dict
    history: dict = field(repr=False)
    best_epoch: int


def evaluate(params, x, labels, *, activation="relu"):
    """Return the mean cross-entropy in nats (without penalties) and the accuracy.

    Parameters
    ----------
    params : dict
    x : ndarray of float, shape (N, D)
    labels : ndarray of int, shape (N,)
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer, if there is one.

    Returns
    -------
    loss, accuracy : float
        The loss as in `mnist_helpers.functional.cross_entropy`, which says when it is ``inf``.

    Raises
    ------
    TypeError, ValueError
        As `mnist_helpers.models.logits` and `mnist_helpers.functional.cross_entropy`.
    """
    scores = logits(params, x, activation=activation)
    return cross_entropy(scores, labels), accuracy(labels, scores.argmax(axis=1))


# Overflow is looked for in the results, where it becomes an error that says what to do; NumPy need not warn as well.
@np.errstate(over="ignore", invalid="ignore")
def train_epoch(
    params, x, labels, *, batch_size, learning_rate, rng, l1=0.0, l2=0.0, activation="relu", epoch=1, on_step=None
):
    """Run one epoch of mini-batch gradient descent, without momentum.

    Parameters
    ----------
    params : dict
        Not changed.
    x : ndarray of float, shape (N, D)
    labels : ndarray of int, shape (N,)
    batch_size : int
        Examples per step; the last batch may be smaller.
    learning_rate, l1, l2 : float
    rng : numpy.random.Generator or None
        Shuffles the examples; None keeps their order.
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer, if there is one.
    epoch : int
        Named in the error if the loss stops being finite.
    on_step : callable, optional
        Called as ``on_step(loss)`` after each step.

    Returns
    -------
    dict
        The new parameters.

    Raises
    ------
    TrainingDiverged
        As soon as a loss is not finite, or if a parameter is not after the last step.
    TypeError, ValueError
        For settings or shapes that cannot work; nothing has been trained then.
    """
    callable_or_none(on_step, "on_step")
    _check_examples(params, x, labels, activation)
    batches = iter_minibatches(x, labels, batch_size, rng=rng)
    update = update_rule(learning_rate=learning_rate)
    model = {"l1": l1, "l2": l2, "activation": activation}
    params, _ = _steps(params, None, batches, update, model, epoch, on_step)
    if not all(np.isfinite(value).all() for value in params.values()):  # the last step, whose loss nobody computes
        _raise_if_diverged(params, x, epoch, -(-len(x) // int(batch_size)), activation)
    return params


def _steps(params, velocity, batches, update, model, epoch, on_step):
    """Make one step for each batch; `model` holds the keyword arguments of loss_and_grads."""
    for step, (x, labels) in enumerate(batches, start=1):
        try:
            loss, grads = loss_and_grads(params, x, labels, **model)
        except ValueError:
            _raise_if_diverged(params, x, epoch, step, model["activation"])
            raise
        if not isfinite(loss):
            _raise_if_diverged(params, x, epoch, step, model["activation"])
            raise TrainingDiverged(epoch, step, "loss", loss)
        params, velocity = update(params, grads, velocity)
        if on_step:
            on_step(loss)
    return params, velocity


@np.errstate(over="ignore", invalid="ignore")
def fit(
    params,
    x,
    labels,
    *,
    epochs,
    batch_size,
    learning_rate,
    rng,
    valid=None,
    patience=None,
    l1=0.0,
    l2=0.0,
    momentum=0.0,
    nesterov=False,
    weight_decay=0.0,
    activation="relu",
    schedule=None,
    augment=None,
    progress=True,
):
    """Train by mini-batch gradient descent and keep a history.

    Parameters
    ----------
    params : dict
        Where to start, see `mnist_helpers.models.init_params`. Not changed.
    x : ndarray of float, shape (N, D)
    labels : ndarray of int, shape (N,)
    epochs : int
        How many times to go through the examples, at most.
    batch_size : int
        Examples per step.
    learning_rate : float
        Step size, above 0.
    rng : numpy.random.Generator or None
        Shuffles the examples anew in each epoch; None keeps their order.
    valid : tuple (x_valid, labels_valid), optional
        Measured after each epoch, never trained on.
    patience : int, optional
        Stop after this many epochs in a row without a lower validation loss. Needs `valid`.
    l1, l2 : float
        Penalties, see `mnist_helpers.models.loss_and_grads`.
    momentum, nesterov, weight_decay
        See `mnist_helpers.optim.update_rule`. The velocity is zero at first and goes on from epoch to epoch.
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer, if there is one.
    schedule : callable, optional
        ``schedule(epoch)``, with epochs counted from 1, is multiplied with `learning_rate`; it must stay above 0.
    augment : callable, optional
        ``augment(x_batch, rng)`` returns what to train on in place of each batch. The losses and accuracies in the
        history are those of the examples as they are. Needs `rng`.
    progress : bool
        Show a tqdm bar with the rate in steps and the current loss.

    Returns
    -------
    FitResult

    Raises
    ------
    TrainingDiverged
        When a loss or a parameter stops being finite; it says in which epoch and step, and which quantity.
    TypeError, ValueError
        For settings or shapes that cannot work; nothing has been trained then. Also if `augment` returns what does not
        fit.
    """
    callable_or_none(schedule, "schedule")
    callable_or_none(augment, "augment")
    _check_settings(epochs, batch_size, learning_rate, valid, patience)
    epochs, batch_size = int(epochs), int(batch_size)  # products of small NumPy integers may not fit into their dtype
    if augment is not None and rng is None:
        raise ValueError("augment needs rng=np.random.default_rng(seed)")
    _check_examples(params, x, labels, activation)
    if valid is not None:
        if not isinstance(valid, tuple | list) or len(valid) != 2:
            raise TypeError(f"valid must be a pair (x_valid, labels_valid), got {kind_of(valid)}")
        _check_examples(params, *valid, activation)
    rule = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    if schedule is None:  # without a list for all epochs: with patience there may be any number of them
        updates = repeat(update_rule(learning_rate=learning_rate, **rule))
    else:
        updates = iter([_scheduled(learning_rate, schedule, epoch, rule) for epoch in range(1, epochs + 1)])
    velocity = zero_velocity(params) if momentum else None
    model = {"l1": l1, "l2": l2, "activation": activation}
    steps = -(-len(x) // batch_size)
    best, best_epoch = params, 0
    history = {}
    with _ProgressBar(epochs * steps, progress) as bar:
        for epoch in range(epochs + 1):
            start = time.perf_counter()
            if epoch:
                batches = _augmented(iter_minibatches(x, labels, batch_size, rng=rng), augment, rng)
                params, velocity = _steps(params, velocity, batches, next(updates), model, epoch, bar.step)
            seconds = time.perf_counter() - start
            row = {"epoch": epoch, "seconds": seconds, **_measure(params, (x, labels), valid, epoch, steps, activation)}
            for name, value in row.items():
                history.setdefault(name, []).append(value)
            if patience is None or not epoch or row["valid_loss"] < history["valid_loss"][best_epoch]:
                best, best_epoch = params, epoch
            elif epoch - best_epoch >= patience:
                break
    return FitResult(best, history, best_epoch)


def _scheduled(learning_rate, schedule, epoch, rule):
    factor = schedule(epoch)
    if not isinstance(factor, Real):
        raise TypeError(f"schedule(epoch) must be a number to multiply learning_rate with, got {kind_of(factor)}")
    factor = real_number(factor, "schedule(epoch) * learning_rate", "a finite number above 0")
    return update_rule(learning_rate=learning_rate * factor, **rule)


def _augmented(batches, augment, rng):
    return batches if augment is None else ((augment(x, rng), labels) for x, labels in batches)


def _measure(params, train, valid, epoch, steps, activation):
    """Return the losses and accuracies after an epoch; raise if one of them is not finite."""
    row, step = {}, steps if epoch else 0
    parts = {"train": train} if valid is None else {"train": train, "valid": valid}
    for name, (x, labels) in parts.items():
        try:
            loss, row[f"{name}_accuracy"] = evaluate(params, x, labels, activation=activation)
        except ValueError:
            _raise_if_diverged(params, x, epoch, step, activation)
            raise
        for parameter, value in params.items():  # a saturated unit hides an infinite weight from the loss
            _raise_if_not_finite(parameter, value, epoch, step)
        _raise_if_not_finite("loss", np.array([loss]), epoch, step)
        row[f"{name}_loss"] = loss
    return row


def _raise_if_diverged(params, x, epoch, step, activation):
    for name, value in {"x": x, **params}.items():
        _raise_if_not_finite(name, value, epoch, step)
    with np.errstate(over="ignore", invalid="ignore"):
        _raise_if_not_finite("logits", logits(params, x, activation=activation), epoch, step)


def _raise_if_not_finite(name, value, epoch, step):
    bad = value[~np.isfinite(value)]
    if bad.size:
        raise TrainingDiverged(epoch, step, name, bad[0])


class _ProgressBar(tqdm):
    """A tqdm bar that shows the loss; TQDM_DISABLE=1 in the environment hides it."""

    # No thread that watches the bar: in the browser there is none, and tqdm warns. It would lower miniters, which is 1.
    monitor_interval = 0

    def __init__(self, total, progress):
        # tqdm's notebook bar does not look at the environment by itself.
        hidden = not progress or os.environ.get("TQDM_DISABLE") == "1"
        super().__init__(total=total, unit="step", miniters=1, disable=hidden)

    def step(self, loss):
        if not self.disable and self.n % 50 == 0:
            self.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self.update()


def _check_settings(epochs, batch_size, learning_rate, valid, patience):
    for name, value in {"epochs": epochs, "batch_size": batch_size, "patience": patience}.items():
        if name != "patience" or value is not None:
            whole_number(value, name)
    if real_number(learning_rate, "learning_rate", "a finite number above 0") <= 0:
        raise ValueError(f"learning_rate must be a finite number above 0, got {learning_rate!r}")
    if patience is not None and valid is None:
        raise ValueError("patience needs valid=(x_valid, labels_valid): stopping is decided on validation data")


def _check_examples(params, x, labels, activation):
    scores = logits(params, x[:1] if np.ndim(x) == 2 else x, activation=activation)
    check_labels(labels, scores.shape[1])
    if len(x) != len(labels) or not len(x):
        raise ValueError(f"x has {len(x)} examples and labels has {len(labels)}; both must be the same and above 0")
    if x.dtype.kind != "f":
        raise TypeError(f"x must be floating point (see to_features), got dtype {x.dtype}")
