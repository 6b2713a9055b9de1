"""A correct program for softmax regression, and suspects: programs that differ from it in one step. For chapter 10.

A `Program` is a set of small functions. A suspect replaces one of them; a cure replaces one as well, so every cure can
be tried on every suspect, and suspects can be combined. The programs never stop by themselves and give no warnings:
they do what the programs of the readers do.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite, log

import numpy as np

from mnist_helpers.longruns import results_folder

__all__ = [
    "CORRECT",
    "CURES",
    "PRINTED",
    "SUSPECTS",
    "Outcome",
    "Program",
    "Split",
    "State",
    "combine",
    "cured",
    "features",
    "first_dead",
    "forward",
    "load_stored",
    "run",
    "split_as_reported",
    "train",
    "verdict",
]

EPSILON = 1e-10  # of the clipping, as in S3
HEALTHY = 0.89  # validation accuracy that a correct program passes in its second epoch

# ------------------------------------------------------------------- the correct program, function by function


def scaled_pixels(images):
    return images / 255


def right_labels(labels, rng):
    return labels


def shuffled(labels, rng):
    return rng.permutation(len(labels))


def small_weights(num_features, num_classes, rng):
    return 0.01 * rng.standard_normal((num_features, num_classes))


def log_sum_exp(logits, last):
    """Logarithm of the denominators, shape (N, 1). `last` holds the logits of the batch before; not needed."""
    largest = logits.max(axis=1, keepdims=True)
    return largest + np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))


def stable_probs(logits, log_sums):
    return np.exp(logits - log_sums)


def stable_loss(logits, log_sums, probs, labels):
    return (log_sums - logits)[np.arange(len(labels)), labels].mean()


def mean_delta(probs, labels):
    return (probs - np.eye(probs.shape[1], dtype=probs.dtype)[labels]) / len(labels)


def constant_rate(rate, losses):
    return rate


def downhill(params, x, delta, rate, delta_at):
    """One step. `delta_at(params)` would compute delta again with other parameters, which it does not need."""
    weights, bias = params
    return weights - rate * (x.T @ delta), bias - rate * delta.sum(axis=0)


@dataclass(frozen=True)
class Program:
    """Softmax regression, step by step; each step may be replaced."""

    features: Callable = scaled_pixels  # images (N, 784), bytes -> x (N, D)
    labels: Callable = right_labels  # (labels, rng) -> what is trained on
    order: Callable = shuffled  # (labels, rng) -> order of the examples in an epoch
    start: Callable = small_weights  # (D, K, rng) -> weights; the bias starts at zero
    log_sums: Callable = log_sum_exp  # (logits, those of the last batch) -> logarithm of the denominators
    probs: Callable = stable_probs  # (logits, log_sums) -> probs (N, K)
    loss: Callable = stable_loss  # (logits, log_sums, probs, labels) -> what is reported, nats
    delta: Callable = mean_delta  # (probs, labels) -> derivative of the loss by the logits
    rate: Callable = constant_rate  # (rate of the last step, reported losses so far) -> rate
    step: Callable = downhill  # (params, x, delta, rate, delta_at) -> params
    dtype: type = np.float64


CORRECT = Program()

# ---------------------------------------------------------------------------------------- suspects: the data


def raw_pixels(images):
    return images.astype(float)


def signed_bytes(images):
    return images.view(np.int8) / 255


def first_748_pixels(images):
    return images[:, :748] / 255


def labels_shifted_by_one(labels, rng):
    return np.roll(labels, 1)


def labels_shuffled_alone(labels, rng):
    return rng.permutation(labels)


def sorted_by_class(labels, rng):
    return np.argsort(labels, kind="stable")


# ---------------------------------------------------------------------------------- suspects: the arithmetic


def naive_exp(logits, log_sums):
    return np.exp(logits) / np.exp(log_sums)


def naive_log(logits, log_sums, probs, labels):
    return -np.log(probs[np.arange(len(labels)), labels]).mean()


def large_weights(num_features, num_classes, rng):
    return rng.standard_normal((num_features, num_classes))


# ------------------------------------------------------------------------------------ suspects: the formulas


def sum_over_the_batch(logits, last):
    largest = logits.max(axis=0, keepdims=True)
    return largest + np.log(np.exp(logits - largest).sum(axis=0, keepdims=True))


def sum_over_the_wrong_index(logits, last):
    return logits + log(logits.shape[1])


def sums_of_the_last_batch(logits, last):
    return log_sum_exp(logits if last is None else last, None)


def delta_with_the_wrong_index(probs, labels):
    of_label = probs[np.arange(len(labels)), labels]
    return mean_delta(np.repeat(of_label[:, None], probs.shape[1], axis=1), labels)


def summed_delta(probs, labels):
    return mean_delta(probs, labels) * len(labels)


# ---------------------------------------------------------------------------------------- suspects: the step


def printed_sign(params, x, delta, rate, delta_at):
    return downhill(params, x, delta, -rate, delta_at)


def wrong_sign_in_weights(params, x, delta, rate, delta_at):
    uphill = printed_sign(params, x, delta, rate, delta_at)
    return uphill[0], downhill(params, x, delta, rate, delta_at)[1]


def wrong_sign_in_bias(params, x, delta, rate, delta_at):
    uphill = printed_sign(params, x, delta, rate, delta_at)
    return downhill(params, x, delta, rate, delta_at)[0], uphill[1]


def bias_after_new_weights(params, x, delta, rate, delta_at):
    weights, _ = downhill(params, x, delta, rate, delta_at)
    return weights, params[1] - rate * delta_at((weights, params[1])).sum(axis=0)


def growing_rate(rate, losses):
    """5 % more whenever the loss has fallen; never less."""
    return 1.05 * rate if len(losses) > 1 and losses[-1] < losses[-2] else rate


SUSPECTS = {
    "pixels 0-255": {"features": raw_pixels},
    "signed bytes": {"features": signed_bytes},
    "748 inputs": {"features": first_748_pixels},
    "labels shifted": {"labels": labels_shifted_by_one},
    "labels shuffled": {"labels": labels_shuffled_alone},
    "sorted by class": {"order": sorted_by_class},
    "large weights": {"start": large_weights},
    "float32": {"dtype": np.float32},
    "naive exp": {"probs": naive_exp},
    "naive log": {"loss": naive_log},
    "sum over batch axis": {"log_sums": sum_over_the_batch},
    "sum, wrong index": {"log_sums": sum_over_the_wrong_index},
    "sums of last batch": {"log_sums": sums_of_the_last_batch},
    "delta, wrong index": {"delta": delta_with_the_wrong_index},
    "summed batch": {"delta": summed_delta},
    "printed sign": {"step": printed_sign},
    "wrong sign, weights": {"step": wrong_sign_in_weights},
    "wrong sign, bias": {"step": wrong_sign_in_bias},
    "new weights for bias": {"step": bias_after_new_weights},
    "growing rate": {"rate": growing_rate},
}
PRINTED = {"probs": naive_exp, "loss": naive_log}  # the arithmetic of the printed formulas

# -------------------------------------------------------------------------------------------------- the cures


def clipped(probs_of):
    """Clip probabilities to [EPSILON, 1 - EPSILON], for loss and gradient."""

    def probs(logits, log_sums):
        return np.clip(probs_of(logits, log_sums), EPSILON, 1 - EPSILON)

    return probs


def tiny_weights(num_features, num_classes, rng):
    return 0.01 * small_weights(num_features, num_classes, rng)


def divided_by_255(features_of):
    def features(images):
        x = features_of(images)
        return x / 255 if np.abs(x).max() > 1 else x

    return features


def adaptive_rate(rate, losses, window=27):
    """Half of it whenever the mean loss of a window is over a tenth above the last one."""
    if len(losses) < 2 * window or len(losses) % window:
        return rate
    before, now = np.mean(losses[-2 * window : -window]), np.mean(losses[-window:])
    return rate if now <= 1.1 * before else rate / 2


# name: (changes to a program, batch size or None for the reported one)
CURES = {
    "clipping": (lambda program: replace(program, probs=clipped(program.probs), loss=naive_log), None),
    "smaller weights": (lambda program: replace(program, start=tiny_weights), None),
    "dividing by 255": (lambda program: replace(program, features=divided_by_255(program.features)), None),
    "single images": (lambda program: program, 1),
    "adaptive rate": (lambda program: replace(program, rate=adaptive_rate), None),
    "stable arithmetic": (lambda program: replace(program, probs=stable_probs, loss=stable_loss), None),
}


def combine(*changes):
    """Return the correct program with the changes of suspects, or None if two of them replace the same step.

    Parameters
    ----------
    *changes : dict
        Values of `SUSPECTS`, or `PRINTED`.

    Returns
    -------
    Program or None
    """
    names = [name for change in changes for name in change]
    if len(set(names)) < len(names):
        return None
    return replace(CORRECT, **{name: step for change in changes for name, step in change.items()})


def cured(program, name):
    """Return a program with one of the `CURES` applied, and the batch size it wants (None: any)."""
    change, batch_size = CURES[name]
    return change(program), batch_size


# ---------------------------------------------------------------------------------------------- running them


@dataclass(frozen=True)
class Split:
    """Images as bytes, shape (N, 784), and their labels."""

    images: np.ndarray
    labels: np.ndarray
    images_valid: np.ndarray
    labels_valid: np.ndarray


def split_as_reported(mnist, rng):
    """Return nine tenths of the training part for training and one tenth for validation: 54,000 and 6,000 of MNIST.

    Parameters
    ----------
    mnist : mnist_helpers.data.Dataset
    rng : numpy.random.Generator

    Returns
    -------
    Split
        The test part is not in it: a diagnosis needs no test images.
    """
    order = rng.permutation(len(mnist.x_train))
    images, labels = mnist.x_train.reshape(len(order), -1)[order], mnist.y_train[order]
    valid = len(order) // 10
    return Split(images[valid:], labels[valid:], images[:valid], labels[:valid])


@dataclass(frozen=True)
class Forward:
    """What a program computes on its way from a batch to the reported loss."""

    logits: np.ndarray
    log_sums: np.ndarray
    probs: np.ndarray
    loss: float


def forward(program, params, x, labels, last=None):
    """Run a program's forward pass; warnings of NumPy are switched off, because the broken results are the point.

    Parameters
    ----------
    program : Program
    params : tuple (weights, bias)
    x : ndarray, shape (N, D)
    labels : ndarray of int, shape (N,)
    last : ndarray, optional
        The logits of the batch before.

    Returns
    -------
    Forward
    """
    with np.errstate(all="ignore"):
        logits = x @ params[0] + params[1]
        log_sums = program.log_sums(logits, last)
        probs = program.probs(logits, log_sums)
        return Forward(logits, log_sums, probs, float(program.loss(logits, log_sums, probs, labels)))


@dataclass(frozen=True)
class State:
    """One step of a run: the batch, what was computed from it, and the parameters before and after it."""

    step: int
    x: np.ndarray
    labels: np.ndarray
    params: tuple
    now: Forward
    rate: float
    new_params: tuple


def train(program, split, *, learning_rate=0.1, batch_size=200, epochs=10, seed=0):
    """Yield one state after the other, for ever finite or not.

    Parameters
    ----------
    program : Program
    split : Split
    learning_rate : float
    batch_size, epochs, seed : int
        The last examples of an epoch, if they do not fill a batch, are left out.

    Yields
    ------
    State
    """
    rng = np.random.default_rng(seed)
    x, labels = features(program, split.images), program.labels(split.labels, rng)
    num_classes = split.labels.max() + 1
    weights = program.start(x.shape[1], num_classes, rng).astype(program.dtype)
    params, last, rate, losses = (weights, np.zeros(num_classes, program.dtype)), None, learning_rate, []
    for step, batch in enumerate(_batches(program, labels, batch_size, epochs, rng), start=1):
        now = forward(program, params, x[batch], labels[batch], last)
        losses.append(now.loss)
        rate = program.rate(rate, losses)
        delta_at = _delta_at(program, x[batch], labels[batch], last)
        with np.errstate(all="ignore"):
            new_params = program.step(params, x[batch], program.delta(now.probs, labels[batch]), rate, delta_at)
        yield State(step, x[batch], labels[batch], params, now, rate, new_params)
        params, last = new_params, now.logits


def features(program, images):
    """Return what a program makes of images, in its number format."""
    return program.features(images).astype(program.dtype)


def _batches(program, labels, batch_size, epochs, rng) -> Iterator[np.ndarray]:
    for _ in range(epochs):
        order = program.order(labels, rng)
        yield from (order[i : i + batch_size] for i in range(0, len(order) - batch_size + 1, batch_size))


def _delta_at(program, x, labels, last):
    return lambda params: program.delta(forward(program, params, x, labels, last).probs, labels)


@dataclass
class Outcome:
    """What a run did.

    Attributes
    ----------
    steps, accuracies : list
        Steps done, and the validation accuracy after them, in [0, 1].
    died_at : int or None
        The step, counted from 1, whose loss or parameters were not finite; None for a run that stayed finite.
    first : str or None
        What was not finite, or a label's probability of zero, first on the way from the parameters to the loss.
    zeros, nans : int
        How many labels of that batch had the probability 0, or NaN.
    largest : float
        The largest logit of the last batch, in absolute value.
    """

    steps: list = field(default_factory=list)
    accuracies: list = field(default_factory=list)
    died_at: int | None = None
    first: str | None = None
    zeros: int = 0
    nans: int = 0
    largest: float = 0.0

    @property
    def best(self):
        """The highest validation accuracy, in [0, 1]."""
        return max(self.accuracies, default=0.0)

    @property
    def last(self):
        """The last validation accuracy before the end, in [0, 1]."""
        return self.accuracies[-1] if self.accuracies else 0.0

    @property
    def level(self):
        """Mean of the last ten validation accuracies, in [0, 1]: single ones may jump."""
        return float(np.mean(self.accuracies[-10:])) if self.accuracies else 0.0


def run(program, split, *, learning_rate=0.1, batch_size=200, epochs=10, seed=0):
    """Train with a program until its epochs are over or it has died.

    Parameters
    ----------
    program : Program
    split : Split
    learning_rate : float
    batch_size, epochs, seed : int

    Returns
    -------
    Outcome
        With the accuracy after each of the first 50 steps, every fifth up to 500, after each tenth of an epoch, and
        before death: fast deaths need a fast pulse.
    """
    x_valid, outcome = features(program, split.images_valid), Outcome()
    every = max(1, len(split.images) // batch_size // 10)
    settings = {"learning_rate": learning_rate, "batch_size": batch_size, "epochs": epochs, "seed": seed}
    for state in train(program, split, **settings):
        outcome.largest = float(np.abs(state.now.logits).max())
        outcome.first = first_dead(state)
        if outcome.first:
            of_labels = _of_labels(state)
            outcome.died_at = state.step
            outcome.zeros, outcome.nans = int((of_labels == 0).sum()), int(np.isnan(of_labels).sum())
            _measure(outcome, state.step - 1, state.params, x_valid, split.labels_valid)
            break
        if state.step <= 50 or state.step % every == 0 or (state.step <= 500 and state.step % 5 == 0):
            _measure(outcome, state.step, state.new_params, x_valid, split.labels_valid)
    return outcome


def _measure(outcome, step, params, x, labels):
    if step in outcome.steps:
        return
    with np.errstate(all="ignore"):
        accuracy = float(((x @ params[0] + params[1]).argmax(axis=1) == labels).mean())
    outcome.steps.append(step)
    outcome.accuracies.append(accuracy)


def _of_labels(state):
    return state.now.probs[np.arange(len(state.labels)), state.labels]


def first_dead(state):
    """Return the first quantity of the forward pass that is ruined, or None if loss and parameters are finite."""
    weights, bias = state.params
    if isfinite(state.now.loss) and np.isfinite(weights).all() and np.isfinite(bias).all():
        return None
    quantities = {"weights": weights, "bias": bias, "logits": state.now.logits, "sums": state.now.log_sums}
    for name, value in quantities.items():
        if not np.isfinite(value).all():
            return name
    of_labels = _of_labels(state)
    if not np.isfinite(of_labels).all():
        return "probability nan"
    return "probability 0" if (of_labels == 0).any() else "loss"


def verdict(outcome):
    """Compare a run with the report: between 60 and 70 % at best, then a loss that is infinite or nan.

    Returns
    -------
    str
        ``"fits"``, ``"dies below 60 %"``, ``"dies above 70 %"``; of finite runs ``"healthy"`` or, with a level below
        `HEALTHY`, ``"ill"``.
    """
    if outcome.died_at is None:
        return "healthy" if outcome.level >= HEALTHY else "ill"
    if outcome.best < 0.6:
        return "dies below 60 %"
    return "fits" if outcome.best <= 0.7 else "dies above 70 %"


def load_stored(name):
    """Return a stored table of this chapter's long runs, see ``experiments/collapse.py``.

    Parameters
    ----------
    name : "lineup", "pairs" or "cures"

    Returns
    -------
    dict
    """
    return json.loads((results_folder() / "collapse" / f"{name}.json").read_text())
