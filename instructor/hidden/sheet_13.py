"""Hidden tests of sheet 13."""

import math

import numpy as np
from scipy.special import softmax

from instructor.hidden import Hidden


def _tied_grads(params, x, labels):
    """Image by image, by the rules for products of matrices and vectors."""
    total = {name: np.zeros(array.shape) for name, array in params.items()}
    u, c, w, b = (params[name] for name in ("hidden_weights", "hidden_bias", "weights", "bias"))
    for image, label in zip(x, labels, strict=True):
        h = np.tanh(u.T @ image + c)
        g = np.tanh(u.T @ h + c)
        delta = softmax(w.T @ g + b) - np.eye(len(b))[label]
        into_g = np.diag(1 - g**2) @ w @ delta
        into_h = np.diag(1 - h**2) @ u @ into_g
        total["weights"] += np.outer(g, delta) / len(x)
        total["bias"] += delta / len(x)
        total["hidden_weights"] += (np.outer(h, into_g) + np.outer(image, into_h)) / len(x)
        total["hidden_bias"] += (into_g + into_h) / len(x)
    return total


def _networks(*sizes, scale=1.0, last=1.0):
    def group(rng):
        cases = []
        for num_examples, num_features, num_classes in sizes:
            params = {
                "hidden_weights": scale * rng.normal(size=(num_features, num_features)) / num_features**0.5,
                "hidden_bias": scale * rng.normal(size=num_features),
                "weights": last * rng.normal(size=(num_features, num_classes)),
                "bias": rng.normal(size=num_classes),
            }
            x = rng.normal(size=(num_examples, num_features))
            cases.append((params, x, rng.integers(num_classes, size=num_examples)))
        return cases

    return group


def _calibration_error(labels, probs, borders):
    bins = {}
    for label, row in zip(labels.tolist(), probs.tolist(), strict=True):
        confidence = max(row)
        number = sum(confidence >= border for border in borders)
        bins.setdefault(number, []).append((confidence, row.index(confidence) == label))
    gaps = [abs(math.fsum(c for c, _ in part) - sum(right for _, right in part)) for part in bins.values()]
    return math.fsum(gaps) / len(labels)


def _predictions(*sizes, borders=(0.3, 0.5, 0.7, 0.9), luck=0.7, peak=0.5):
    def group(rng):
        cases = []
        for size, num_classes in sizes:
            probs = rng.dirichlet(np.full(num_classes, peak), size)
            by_chance = rng.integers(num_classes, size=size)
            labels = np.where(rng.random(size) < luck, probs.argmax(axis=1), by_chance)
            cases.append((labels, probs, np.array(borders, dtype=float)))
        return cases

    return group


def _on_the_border(rng):
    """Confidences on a border are all right, those between are all wrong."""
    sixteenths = rng.permutation(np.repeat([9, 10, 11, 12, 13, 14, 15], [4, 12, 1, 6, 4, 7, 2]))
    probs = np.column_stack([sixteenths / 16, 1 - sixteenths / 16])
    return [(sixteenths % 2, probs, np.array([0.625, 0.75, 0.875]))]


HIDDEN = [
    Hidden(
        "tied_grads",
        _tied_grads,
        {
            "one image": _networks((1, 1, 2), (1, 4, 3)),
            "a batch": _networks((20, 5, 4)),
            "ten classes": _networks((8, 6, 10)),
            "as many classes as features": _networks((7, 4, 4)),
            "saturated units": _networks((5, 3, 3), scale=20.0),
            "very large logits": _networks((4, 3, 5), last=5000.0),
        },
        atol=1e-10,
    ),
    Hidden("twins", lambda: math.factorial(5) * 2**5),
    Hidden(
        "calibration_error",
        _calibration_error,
        {
            "ordinary predictions": _predictions((50, 3), (500, 10)),
            "one prediction": _predictions((1, 3), (1, 2)),
            "no borders": _predictions((30, 4), borders=()),
            "empty bins": _predictions((10, 2), borders=(0.1, 0.2, 0.3, 0.8, 0.999999)),
            "confidences on a border": _on_the_border,
            "too unsure": _predictions((80, 5), luck=1.0, peak=2.0),
        },
    ),
]
