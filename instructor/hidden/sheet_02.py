"""Hidden tests of sheet 2."""

import numpy as np
from scipy.special import softmax

from instructor.hidden import Hidden


def _soften(logits, temperature):
    return softmax(np.asarray(logits, dtype=float) / temperature, axis=1)


def _logits(*shapes, scale=3.0, shift=0.0, dtype=float):
    def group(rng):
        temperatures = (1.0, 0.7, 3.0)
        return [((rng.normal(0, scale, shape) + shift).astype(dtype), t) for shape in shapes for t in temperatures]

    return group


def _pairs(scale, shift):
    def group(rng):
        return [(rng.normal(0, scale, (n, 6)) + shift, *map(int, rng.choice(6, 2, replace=False))) for n in (1, 4, 30)]

    return group


HIDDEN = [
    Hidden(
        "soften",
        _soften,
        {
            "ordinary logits": _logits((3, 4), (50, 10), (1, 2)),
            "as many examples as classes": _logits((3, 3), (10, 10)),
            "one class only": _logits((4, 1)),
            "large logits": _logits((4, 5), shift=3000.0),
            "very negative logits": _logits((4, 5), shift=-3000.0),
            "rows far from each other": lambda rng: [
                (rng.normal(size=(3, 4)) + np.array([[0.0], [900.0], [-900.0]]), 1.5)
            ],
            "whole numbers": lambda rng: [(rng.integers(-5, 5, (4, 6)), 2)],
        },
    ),
    Hidden("gap", lambda: float(np.log(2)), rtol=1e-4),
    Hidden(
        "odds",
        lambda logits, first, second: np.exp(logits[:, first] - logits[:, second]),
        {
            "ordinary logits": _pairs(3.0, 0.0),
            "large logits": _pairs(2.0, 5000.0),
            "probabilities too small to store": lambda rng: [
                (rng.normal(size=(4, 3)) + np.array([-2000, -2000, 0]), 1, 0)
            ],
        },
    ),
]
