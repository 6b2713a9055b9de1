"""Hidden tests of sheet 4."""

import numpy as np
from scipy.special import softmax

from instructor.hidden import Hidden


def _back_to_logits(probs, grad_of_log_probs):
    slopes = np.eye(probs.shape[1]) - probs[:, None, :]  # (4.2), one matrix for each example
    return np.einsum("nij,ni->nj", slopes, grad_of_log_probs)


def _backs(*shapes, scale=2.0, size=1.0):
    def group(rng):
        return [(softmax(rng.normal(0, scale, shape), axis=1), rng.normal(0, size, shape)) for shape in shapes]

    return group


def _slope_of_scale(logits, labels, scale):
    delta = softmax(scale * logits, axis=1) - np.eye(logits.shape[1])[labels]
    return (delta * logits).sum() / len(logits)


def _batches(*shapes, scales=(1.0, 0.3, 2.5), shift=0.0, size=2.0):
    def group(rng):
        return [
            (rng.normal(0, size, shape) + shift, rng.integers(shape[1], size=shape[0]), scale)
            for shape in shapes
            for scale in scales
        ]

    return group


HIDDEN = [
    Hidden("drift", lambda: -0.0004, rtol=0.03),
    Hidden(
        "back_to_logits",
        _back_to_logits,
        {
            "ordinary numbers": _backs((1, 2), (3, 4), (20, 10)),
            "as many examples as classes": _backs((3, 3), (10, 10)),
            "one class only": lambda rng: [(np.ones((3, 1)), rng.normal(size=(3, 1)))],
            "a cross-entropy with targets": lambda rng: [
                (softmax(rng.normal(size=(5, 4)), axis=1), -np.eye(4)[rng.integers(4, size=5)] / 5)
            ],
            "rows that sum to nought": lambda rng: [
                (softmax(rng.normal(size=(2, 4)), axis=1), np.array([[1.0, -1, 2, -2], [0, 3, -3, 0]]))
            ],
            "probabilities of exactly 0": lambda rng: [
                (np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]), rng.normal(size=(2, 3))),
                (softmax(rng.normal(0, 600, (6, 5)), axis=1), rng.normal(size=(6, 5))),
            ],
            "many classes": _backs((2, 100)),
        },
    ),
    Hidden(
        "slope_of_scale",
        _slope_of_scale,
        {
            "one example": _batches((1, 2), (1, 5)),
            "ordinary batches": _batches((5, 4), (30, 10)),
            "as many examples as classes": _batches((4, 4)),
            "one class only": _batches((3, 1)),
            "a scale of nought": _batches((5, 4), scales=(0.0,)),
            "a negative scale": _batches((5, 4), scales=(-0.7,)),
            "a common shift": _batches((5, 4), shift=7.0),
            "large logits": _batches((5, 4), shift=4000.0),
            "very negative logits": _batches((5, 4), shift=-4000.0),
            "rows far from each other": lambda rng: [
                (rng.normal(size=(3, 4)) + np.array([[0.0], [1500.0], [-1500.0]]), np.array([0, 1, 3]), 1.2)
            ],
            "logits far from each other": _batches((6, 4), size=900.0),
        },
    ),
]
