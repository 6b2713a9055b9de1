"""Hidden tests of sheet 5."""

import numpy as np
from scipy.special import logsumexp

from instructor.hidden import Hidden


def _running(logits):
    return np.stack([logsumexp(logits[:, : k + 1], axis=1) for k in range(logits.shape[1])], axis=1)


def _sequences(*shapes, scale=3.0, shift=0.0, order=None):
    def group(rng):
        draws = [rng.normal(0, scale, shape) + shift for shape in shapes]
        return [(draw if order is None else np.sort(draw, axis=1)[:, ::order].copy(),) for draw in draws]

    return group


def _exclusion(logits, excluded):
    losses = [logsumexp([0.0, row[k] - logsumexp(np.delete(row, k))]) for row, k in zip(logits, excluded, strict=True)]
    return np.array(losses)


def _batches(*shapes, scale=3.0, shift=0.0, lead=0.0):
    """The excluded class is ahead by about `lead`."""

    def group(rng):
        batches = []
        for n, k in shapes:
            logits, excluded = rng.normal(0, scale, (n, k)) + shift, rng.integers(k, size=n)
            logits[np.arange(n), excluded] += lead
            batches.append((logits, excluded))
        return batches

    return group


HIDDEN = [
    Hidden("certain_gap", lambda: float(53 * np.log(2)), rtol=1e-3),
    Hidden(
        "running_logsumexp",
        _running,
        {
            "ordinary logits": _sequences((3, 4), (5, 10)),
            "as many sequences as logits": _sequences((3, 3), (10, 10)),
            "one logit in each row": _sequences((4, 1)),
            "long sequences": _sequences((2, 150)),
            "equal logits": lambda rng: [(np.full((2, 9), value),) for value in (0.0, 7.0, -900.0)],
            "rising logits far apart": _sequences((3, 8), scale=3000.0, order=1),
            "falling logits far apart": _sequences((3, 8), scale=3000.0, order=-1),
            "large logits": _sequences((4, 6), shift=5000.0),
            "very negative logits": _sequences((4, 6), shift=-5000.0),
            "rows far from each other": lambda rng: [(rng.normal(size=(3, 5)) + np.array([[0.0], [2000], [-2000]]),)],
            "logits up to a million": _sequences((3, 5), scale=3e5),
        },
    ),
    Hidden(
        "exclusion_loss",
        _exclusion,
        {
            "ordinary logits": _batches((3, 4), (40, 10)),
            "two classes": _batches((6, 2)),
            "as many examples as classes": _batches((5, 5)),
            "the excluded class ahead by 35": _batches((5, 2), (5, 4), scale=1.0, lead=35.0),
            "the excluded class ahead by 100": _batches((5, 2), (5, 4), scale=1.0, lead=100.0),
            "the excluded class ahead by 3000": _batches((5, 2), (5, 4), scale=1.0, lead=3000.0),
            "the excluded class far behind": _batches((5, 2), (5, 4), scale=1.0, lead=-3000.0),
            "large logits": _batches((5, 4), shift=5000.0),
            "very negative logits": _batches((5, 4), shift=-5000.0),
            "rows far from each other": lambda rng: [
                (rng.normal(size=(3, 5)) + np.array([[0.0], [2000.0], [-2000.0]]), np.array([4, 0, 2]))
            ],
            "logits up to a million": _batches((5, 4), scale=3e5),
        },
    ),
]
