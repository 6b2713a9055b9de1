"""Hidden tests of sheet 3."""

import numpy as np
from scipy.special import log_softmax, rel_entr, softmax

from instructor.hidden import Hidden


def _loss_of_votes(log_probs, votes):
    return float(np.mean([-np.average(row, weights=count) for row, count in zip(log_probs, votes, strict=True)]))


def _votes(*shapes, most=6, scale=2.0):
    def group(rng):
        inputs = []
        for shape in shapes:
            votes = rng.integers(0, most, shape)
            votes[:, 0] += votes.sum(axis=1) == 0
            inputs.append((log_softmax(rng.normal(0, scale, shape), axis=1), votes))
        return inputs

    return group


def _crowds(rng):
    """One image with a thousand votes, the others with one."""
    votes = np.eye(4, dtype=int)[rng.integers(4, size=6)]
    votes[2] = rng.multinomial(1000, [0.1, 0.2, 0.3, 0.4])
    return [(log_softmax(rng.normal(0, 2, votes.shape), axis=1), votes)]


def _beliefs(*shapes, scale=2.0):
    def group(rng):
        return [tuple(softmax(rng.normal(0, scale, (2, *shape)), axis=2)) for shape in shapes]

    return group


def _with_zeros(rng, *, shared):
    """Targets with zeros; the beliefs are 0 there too if `shared`, and nowhere else."""
    targets, beliefs = rng.dirichlet(np.ones(6), (2, 5))
    never = np.eye(6, dtype=bool)[rng.integers(6, size=5)] | np.eye(6, dtype=bool)[1]
    targets[never] = 0
    beliefs[never & shared] = 0
    return [tuple(rows / rows.sum(axis=1, keepdims=True) for rows in (targets, beliefs))]


def _impossible(rng):
    targets, beliefs = rng.dirichlet(np.ones(4), (2, 5))
    beliefs[1:3, 2] = 0
    return [(targets, beliefs / beliefs.sum(axis=1, keepdims=True)), (targets, np.eye(4)[[0, 1, 2, 3, 0]])]


def _tiny(rng):
    small = np.array([[1e-300], [1e-100], [1e-17]])
    sure = np.hstack([small, np.ones((3, 1))])
    even = np.full((3, 2), 0.5)
    return [(even, sure), (sure, even), (sure, sure[::-1])]


def _same_rows(args, result, expected):
    return bool(np.allclose(result, expected, rtol=1e-6, atol=1e-9))


HIDDEN = [
    Hidden("same_probability", lambda: 10.0**-1),
    Hidden(
        "loss_of_votes",
        _loss_of_votes,
        {
            "few images": _votes((1, 3), (2, 5), (3, 2)),
            "many images and classes": _votes((40, 10), (60, 26)),
            "as many images as classes": _votes((4, 4), (10, 10)),
            "one vote per image": lambda rng: [
                (log_softmax(rng.normal(size=(8, 5)), axis=1), np.eye(5, dtype=int)[rng.integers(5, size=8)])
            ],
            "very different numbers of votes": _crowds,
            "very small probabilities": _votes((5, 4), scale=300.0),
        },
    ),
    Hidden(
        "divergence",
        lambda targets, beliefs: rel_entr(targets, beliefs).sum(axis=1),
        {
            "no zeros": _beliefs((1, 2), (4, 3), (30, 10)),
            "as many rows as classes": _beliefs((3, 3)),
            "belief equals target": lambda rng: [(rows, rows.copy()) for rows in rng.dirichlet(np.ones(5), (2, 4))],
            "zeros in the targets": lambda rng: _with_zeros(rng, shared=False),
            "zeros at the same place": lambda rng: _with_zeros(rng, shared=True),
            "impossible, and yet it happens": _impossible,
            "tiny probabilities": _tiny,
        },
        compare=_same_rows,
    ),
]
