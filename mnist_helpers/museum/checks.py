"""Checks that several exhibits share: each takes a program and the record of a run, and returns a complaint or None.

A check must find nothing in any right program, with or without hidden layer, momentum or penalty. Those that train or
differentiate do so with the program's own functions on a small problem.
"""

import numpy as np

from mnist_helpers.gradcheck import GradientError, check_gradient

__all__ = ["few_images", "gradient_is_right", "num_hidden", "overfits_few_images"]


def few_images(record, num_per_class=2):
    """Return the first training images of each class and their labels."""
    chosen = np.concatenate([np.flatnonzero(record["labels"] == k)[:num_per_class] for k in range(10)])
    return record["x"][chosen], record["labels"][chosen]


def num_hidden(record):
    """Return the number of hidden units, 0 for none."""
    return record["first_params"].get("hidden_bias", np.empty(0)).size


def overfits_few_images(program, record, num_steps=500, learning_rate=0.5):
    """Twenty images can be learned by heart: their loss goes to zero."""
    x, labels = few_images(record)
    rng = np.random.default_rng(0)
    params = program.start(x.shape[1], num_hidden(record), 10, rng)
    velocity = {name: np.zeros_like(value) for name, value in params.items()}
    for _ in range(num_steps):
        program.make_step(params, program.gradients(params, x, labels, 0.0), velocity, learning_rate, 0.0)
    found = program.loss(params, x, labels, 0.0)
    return None if found < 0.1 else f"20 images cannot be learned by heart: their loss stays at {found:.2f} nats"


def gradient_is_right(program, record, l2=0.1):
    """The gradient agrees with central differences along a random direction, penalty included.

    One direction: among several, rounding would choose the one that is reported.
    """
    x, labels = few_images(record, num_per_class=1)
    rng = np.random.default_rng(0)
    params = program.start(x.shape[1], num_hidden(record), 10, rng)
    try:
        check_gradient(
            lambda moved: float(program.loss(moved, x, labels, l2)),
            lambda moved: program.gradients(moved, x, labels, l2),
            params,
            num_directions=1,
            rng=rng,
        )
    except GradientError as error:
        found, expected = f"{error.analytic:.2f}", f"{error.numerical:.2f}"
        return f"along a random direction the gradient says {found}, differences of the loss {expected}"
    return None
