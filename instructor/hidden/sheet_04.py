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


def _weighted_grad(features, delta, importance):
    outer = np.einsum("nd,nk->ndk", features, delta)
    return np.average(outer, axis=0, weights=importance)


def _batches(*sizes, kind="real"):
    draw = {
        "real": lambda rng, n: rng.uniform(0.2, 4, n),
        "whole": lambda rng, n: rng.integers(1, 5, n),
        "zeros": lambda rng, n: np.append(rng.integers(0, 2, n - 1) * 1.5, 2.0),
        "large": lambda rng, n: rng.uniform(1e5, 1e6, n),
    }[kind]

    def group(rng):
        batches = []
        for n, d, k in sizes:
            delta = softmax(rng.normal(size=(n, k)), axis=1) - np.eye(k)[rng.integers(k, size=n)]
            batches.append((rng.normal(size=(n, d)), delta, draw(rng, n)))
        return batches

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
            "many classes": _backs((3, 800)),
        },
    ),
    Hidden(
        "weighted_grad",
        _weighted_grad,
        {
            "one example": _batches((1, 3, 4), (1, 1, 2)),
            "ordinary batches": _batches((5, 3, 4), (20, 6, 10)),
            "as many examples as classes": _batches((4, 3, 4), (10, 2, 10)),
            "all three sizes equal": _batches((4, 4, 4)),
            "importances of nought": _batches((6, 3, 4), (9, 2, 3), kind="zeros"),
            "whole-number importances": _batches((6, 3, 4), kind="whole"),
            "large importances": _batches((6, 3, 4), kind="large"),
        },
    ),
]
