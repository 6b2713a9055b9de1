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


def _shared_grad(features, delta, owner, num_shared):
    grad = np.zeros((num_shared, delta.shape[1]))
    np.add.at(grad, owner, features.T @ delta / len(features))
    return grad


def _batches(*sizes, owners=None):
    """Sizes are N, D, G, K."""

    def group(rng):
        batches = []
        for n, d, g, k in sizes:
            delta = softmax(rng.normal(size=(n, k)), axis=1) - np.eye(k)[rng.integers(k, size=n)]
            owner = rng.permutation(np.arange(d) % g) if owners is None else owners(rng, d, g)
            batches.append((rng.normal(size=(n, d)), delta, owner, g))
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
            "many classes": _backs((2, 100)),
        },
    ),
    Hidden(
        "shared_grad",
        _shared_grad,
        {
            "one example": _batches((1, 4, 2, 3), (1, 2, 1, 2)),
            "ordinary batches": _batches((5, 6, 3, 4), (20, 12, 4, 10)),
            "all features share one row": _batches((6, 5, 1, 4)),
            "no feature shares": _batches((6, 5, 5, 4)),
            "unused rows": _batches((6, 4, 9, 3), (5, 4, 6, 3), owners=lambda rng, d, g: rng.integers(g // 2, size=d)),
            "rows used unequally often": _batches((6, 20, 4, 3), owners=lambda rng, d, g: rng.integers(4, size=d) // 2),
            "all sizes equal": _batches((4, 4, 4, 4), owners=lambda rng, d, g: rng.integers(g, size=d)),
        },
    ),
]
