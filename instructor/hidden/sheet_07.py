"""Hidden tests of sheet 7."""

import numpy as np
from scipy.special import log_softmax

from instructor.hidden import Hidden


def _weighted_gradients(params, x, labels, importance):
    grads = {"weights": np.zeros(params["weights"].shape), "bias": np.zeros(params["bias"].shape)}
    for row, label, share in zip(x, labels, importance / importance.sum(), strict=True):
        delta = np.exp(log_softmax(row @ params["weights"] + params["bias"])) - np.eye(len(params["bias"]))[label]
        grads["weights"] += share * np.outer(row, delta)
        grads["bias"] += share * delta
    return grads


def _weighted(*sizes, low=0.1, high=3.0, scale=1.0, shift=0.0, whole=False):
    def group(rng):
        cases = []
        for num_examples, num_features, num_classes in sizes:
            params = {
                "weights": rng.normal(0, scale, (num_features, num_classes)),
                "bias": rng.normal(shift, scale, num_classes),
            }
            x, labels = rng.normal(size=(num_examples, num_features)), rng.integers(num_classes, size=num_examples)
            importance = rng.uniform(low, high, num_examples)
            cases.append((params, x, labels, rng.integers(1, 6, num_examples) if whole else importance))
        return cases

    return group


def _mostly_zero(rng):
    cases = _weighted((6, 3, 4), (8, 2, 3))(rng)
    for *_, importance in cases:
        importance[1:] *= rng.random(len(importance) - 1) < 0.5
        importance[-1] = 0
    return cases


def _stopping(valid_losses, patience):
    losses = np.asarray(valid_losses)
    first_of_lowest = [int(losses[: epoch + 1].argmin()) for epoch in range(len(losses))]
    stops = [epoch for epoch, best in enumerate(first_of_lowest) if epoch - best >= patience]
    stopped = stops[0] if stops else len(losses) - 1
    return stopped, first_of_lowest[stopped]


def _noisy(digits):
    def group(rng):
        shape = (6, 30)
        curves = 2 * 0.85 ** np.arange(30) + 0.02 * np.arange(30) + rng.uniform(0, 0.4, shape)
        patiences = (1, 2, 3, 4, 5, 6)
        return [(curve.round(digits).tolist(), patience) for curve, patience in zip(curves, patiences, strict=True)]

    return group


HIDDEN = [
    Hidden(
        "weighted_gradients",
        _weighted_gradients,
        {
            "ordinary examples": _weighted((6, 3, 4), (40, 8, 10)),
            "one example": _weighted((1, 3, 4)),
            "as many examples as features and classes": _weighted((3, 3, 3), (5, 5, 5)),
            "importances that are 0": _mostly_zero,
            "importances that are whole numbers": _weighted((6, 3, 4), whole=True),
            "tiny and huge importances": lambda rng: [
                *_weighted((6, 3, 4), low=1e-7, high=1e-6)(rng),
                *_weighted((6, 3, 4), low=1e6, high=1e7)(rng),
            ],
            "large logits": _weighted((5, 3, 4), scale=900.0, shift=2000.0),
            "very negative logits": _weighted((5, 3, 4), scale=900.0, shift=-4000.0),
        },
    ),
    Hidden("bias_of_threes", lambda: 0.005625, rtol=1e-4),
    Hidden(
        "stopping",
        _stopping,
        {
            "noisy losses": _noisy(3),
            "equal losses": lambda rng: [*_noisy(1)(rng), ([0.7] * 9, 3), ([2.0, 0.5, 0.6, 0.5, 0.5, 0.4], 3)],
            "a lower loss after the stop": lambda rng: [
                ([2.0, 0.9, 1.0, 1.0, 1.1, 0.2], 3),
                ([2.0, 0.9, 0.95, 0.3, 0.2], 1),
            ],
            "an end before the stop": lambda rng: [([2.3, 1.0, 0.8, 0.9], 2), ([2.3, 2.2, 2.1, 2.0], 1)],
            "worse from the start": lambda rng: [([1.0, 2.0, 1.9, 1.8, 1.7, 1.6], 4)],
            "one measurement only": lambda rng: [([2.3], 1), ([2.3], 5)],
        },
    ),
]
