"""Functions that tasks pass to a student's function, by name (see `Given`)."""

import numpy as np


def sum_of_cubes(x):
    """Return the sum of the cubes of all entries."""
    return float(np.sum(x**3))


def sum_of_fifth_powers(x):
    """Return the sum of the fifth powers of all entries."""
    return float(np.sum(x**5))


def mean_loss_of_last_class(logits):
    """Return the mean cross-entropy in nats of logits of shape (..., K), if the label is always the last class."""
    top = logits.max(axis=-1)
    return float(np.mean(top + np.log(np.exp(logits - top[..., None]).sum(axis=-1)) - logits[..., -1]))
