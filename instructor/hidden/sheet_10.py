"""Hidden tests of sheet 10."""

import numpy as np
from scipy.special import softmax

from instructor.hidden import Hidden


def _velocity(x, labels, num_classes, rate):
    pull = (np.eye(num_classes)[labels] - 1 / num_classes) / len(x)
    return rate * (x @ (x.T @ pull) + pull.sum(axis=0))


def _steps_to_overflow(weights, bias, x, labels, learning_rate, limit):
    start, velocity = x @ weights + bias, _velocity(x, labels, len(bias), learning_rate)
    if start.max() > limit:
        return 0
    rising = velocity > 0
    return int(np.floor(((limit - start[rising]) / velocity[rising]).min())) + 1


def _run(rng, num_images, num_features, num_classes, steps, rate=0.1, scale=0.1, labels=None):
    """Return arguments for which the limit is passed half a step before `steps`."""
    x = rng.random((num_images, num_features))
    labels = rng.integers(num_classes, size=num_images) if labels is None else labels
    weights, bias = rng.normal(0, scale, (num_features, num_classes)), rng.normal(0, scale, num_classes)
    velocity = _velocity(x, labels, num_classes, rate)
    limit = float((x @ weights + bias + (steps - 0.5) * velocity).max())
    return weights, bias, x, labels, rate, limit


def _over_already(rng):
    weights, bias, x, labels, rate, _ = _run(rng, 5, 3, 4, 10, scale=2.0)
    return weights, bias, x, labels, rate, float((x @ weights + bias).max()) - 0.1


def _low_logits(rng):
    """One class lies far below zero and sinks; the limit is passed by another, later."""
    _, _, x, _, rate, _ = _run(rng, 6, 2, 3, 10)
    labels, bias = np.array([0, 0, 0, 1, 1, 1]), np.array([0.0, 0.0, -50.0])
    limit = float((bias + 1000.5 * _velocity(x, labels, 3, rate)).max())
    return np.zeros((2, 3)), bias, x, labels, rate, limit


def _train(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    for _ in range(num_steps):
        delta = (softmax(x @ weights + bias, axis=1) - np.eye(num_classes)[labels]) / len(x)
        weights, bias = weights - learning_rate * x.T @ delta, bias - learning_rate * delta.sum(axis=0)
    return weights, bias


def _training(*settings, scale=1.0):
    def group(rng):
        return [
            (scale * rng.normal(size=(num, width)), rng.integers(classes, size=num), classes, rate, steps)
            for num, width, classes, rate, steps in settings
        ]

    return group


HIDDEN = [
    Hidden(
        "steps_to_overflow",
        _steps_to_overflow,
        {
            "a few images": lambda rng: [_run(rng, n, 3, 4, 40) for n in (2, 5, 9)],
            "first weights that count": lambda rng: [_run(rng, 6, 4, 3, 400, scale=3.0) for _ in range(4)],
            "many images": lambda rng: [_run(rng, 60, 20, 10, 1500)],
            "millions of steps": lambda rng: [_run(rng, 8, 3, 5, 4_000_000, rate=1e-3)],
            "a class without images": lambda rng: [_run(rng, 6, 3, 3, 50, labels=np.array([0, 1, 1, 0, 0, 1]))],
            "over the limit from the start": lambda rng: [_over_already(rng) for _ in range(3)],
            "logits far below zero": lambda rng: [_low_logits(rng)],
        },
        atol=1e-6,
    ),
    Hidden(
        "step_of_death", lambda: float(1600 * 5 * np.log(np.finfo("f4").max) / np.log(np.finfo("f8").max)), rtol=0.03
    ),
    Hidden(
        "train_with_feedback",
        _train,
        {
            "a few steps": _training((5, 2, 3, 0.5, 3), (8, 3, 2, 0.2, 4)),
            "no steps": _training((4, 2, 3, 0.5, 0)),
            "one image": _training((1, 3, 4, 1.0, 5)),
            "more classes": _training((12, 4, 10, 0.3, 6)),
            "many steps": _training((10, 2, 3, 0.3, 100)),
            "large logits": _training((4, 2, 3, 0.1, 2), (3, 2, 2, 0.1, 3), scale=200.0),
        },
    ),
]
