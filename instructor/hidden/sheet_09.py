"""Hidden tests of sheet 9."""

import numpy as np
from scipy.optimize import brentq

from instructor.hidden import Hidden
from mnist_helpers.optim import decay_weights
from mnist_helpers.optim import momentum as momentum_step


def _drop_features_step(weights, grads, learning_rate, price):
    """Look for the best length along the direction of each row."""
    rows = []
    for row in np.asarray(weights, dtype=float) - learning_rate * np.asarray(grads, dtype=float):
        reach, threshold = float(np.sqrt(row @ row)), learning_rate * price
        if reach <= threshold:
            rows.append(0 * row)
            continue
        rows.append(brentq(_slope, 0, 1, args=(threshold / reach,), xtol=1e-15) * row)
    return np.array(rows)


def _slope(share, ratio):
    return share - 1 + ratio


def _steps(*shapes, scale=1.0, price=1.0):
    def group(rng):
        rates = (0.05, 0.3, 1.5)
        return [
            (rng.normal(0, scale, shape), rng.normal(0, scale, shape), rate, price / rate)
            for shape in shapes
            for rate in rates
        ]

    return group


def _with_zero_rows(rng):
    weights, grads = rng.normal(size=(2, 5, 3))
    weights[1], grads[1] = 0, 0
    weights[3] = 0.5 * grads[3]
    return [(weights, grads, 0.5, 1.0), (weights, grads, 0.5, 0.0), (np.zeros((3, 2)), np.zeros((3, 2)), 0.1, 0.2)]


def _decayed_step(params, velocity, grads, learning_rate, momentum, weight_decay):
    shrunk = decay_weights(params, learning_rate=learning_rate, weight_decay=weight_decay)
    return momentum_step(shrunk, grads, velocity, learning_rate=learning_rate, momentum=momentum)


def _one_step(*settings, rest=False, shapes=((2, 3), (5, 4))):
    def group(rng):
        cases = []
        for num_features, num_classes in shapes:
            names = {"weights": (num_features, num_classes), "bias": (num_classes,)}
            params, velocity, grads = ({name: rng.normal(size=size) for name, size in names.items()} for _ in range(3))
            velocity = {name: 0 * value for name, value in velocity.items()} if rest else velocity
            cases.append((params, velocity, grads, *settings))
        return cases

    return group


HIDDEN = [
    Hidden(
        "drop_features_step",
        _drop_features_step,
        {
            "ordinary weights": _steps((4, 3), (20, 10)),
            "as many features as classes": _steps((3, 3)),
            "one class": _steps((6, 1), price=0.7),
            "rows that are zero": _with_zero_rows,
            "no price": _steps((4, 3), price=0.0),
            "a price that drops everything": _steps((4, 3), price=100.0),
            "tiny and huge weights": lambda rng: [
                *_steps((4, 3), scale=1e-4, price=1e-4)(rng),
                *_steps((4, 3), scale=1e4, price=1e4)(rng),
            ],
        },
    ),
    Hidden("steps_to_half", lambda: 69),
    Hidden(
        "decayed_step",
        _decayed_step,
        {
            "ordinary numbers": _one_step(0.1, 0.9, 0.3),
            "no momentum": _one_step(0.2, 0.0, 0.5),
            "no decay": _one_step(0.2, 0.8, 0.0),
            "the first step, from rest": _one_step(0.1, 0.9, 0.5, rest=True),
            "as many features as classes": _one_step(0.3, 0.6, 0.2, shapes=((3, 3),)),
            "strong decay": _one_step(0.5, 0.9, 1.8),
        },
    ),
]
