"""Hidden tests of sheet 6."""

import numpy as np

from instructor.hidden import Hidden
from mnist_helpers.exercises._plain import Given

NAMES = ("sum_of_cubes", "sum_of_fifth_powers", "mean_loss_of_last_class")


def _refined_gradient(f, x, step):
    """Weights 1, -8, 8, -1 over 12h: the five-point formula."""
    slopes = np.empty(x.shape)
    for i in range(x.size):
        move = (np.arange(x.size) == i).reshape(x.shape) * step
        slopes.flat[i] = (f(x - 2 * move) - 8 * f(x - move) + 8 * f(x + move) - f(x + 2 * move)) / (12 * step)
    return slopes


def _points(*shapes, step=0.1, scale=1.0):
    def group(rng):
        return [(Given(name), rng.normal(0, scale, shape), step) for shape in shapes for name in NAMES]

    return group


def _gradient_passes(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape or not (np.isfinite(analytic).all() and np.isfinite(numerical).all()):
        return False
    larger = np.fmax(abs(analytic), abs(numerical))
    with np.errstate(all="ignore"):
        relative = np.where(larger == 0, 0.0, abs(analytic - numerical) / larger)
    return bool(relative.max() <= tolerance)


def _pairs(shape, *changes, scale=1.0, tolerance=1e-5):
    """Gradients that fit well, with one entry changed in each."""

    def group(rng):
        pairs = []
        for change in changes:
            numerical = scale * rng.normal(size=shape)
            analytic = numerical * (1 + tolerance * rng.uniform(-0.8, 0.8, shape))
            analytic.flat[rng.integers(analytic.size)] *= change
            pairs.append((analytic, numerical, tolerance))
        return pairs

    return group


def _zeros(rng):
    sparse = rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.5)
    other = sparse.copy()
    other[np.nonzero(sparse == 0)[0][:1], np.nonzero(sparse == 0)[1][:1]] = 1e-12
    return [
        (sparse, sparse.copy(), 1e-6),
        (np.zeros(3), np.zeros(3), 1e-6),
        (other, sparse, 1e-6),
        (sparse, other, 0.1),
    ]


HIDDEN = [
    Hidden(
        "refined_gradient",
        _refined_gradient,
        {
            "a single entry": _points((1,), (1, 1)),
            "vectors": _points((4,), (7,)),
            "matrices": _points((3, 4), (5, 2), (1, 3), (3, 1)),
            "three axes": _points((2, 3, 2)),
            "short steps": _points((2, 3), step=1e-3),
            "long steps": _points((2, 3), step=0.7),
            "large parameters": _points((3, 2), scale=30.0),
        },
        atol=1e-7,
    ),
    Hidden("step_factor", lambda: 1 / 255, rtol=1e-3),
    Hidden(
        "gradient_passes",
        _gradient_passes,
        {
            "right gradients": _pairs((6, 5), 1.0, 1.0, 1.0),
            "one wrong entry": _pairs((6, 5), 1.0001, 0.9999, 2.0, 0.5, -1.0),
            "tiny derivatives": _pairs((6, 5), 1.0, 1.0001, 0.9999, -1.0, scale=1e-11),
            "large derivatives": _pairs((6, 5), 1.0, 1.0001, 0.9999, scale=1e9),
            "an error of just the tolerance": lambda rng: [
                (np.array([2.0, -4.0]), np.array([1.0, -4.0]), 0.5),
                (np.array([0.75]), np.array([1.0]), 0.25),
            ],
            "not a number": _pairs((2, 3), np.nan),
            "infinity": lambda rng: [
                *_pairs((2, 3), np.inf, -np.inf)(rng),
                (np.full(2, np.inf), np.full(2, np.inf), 1e-6),
                (np.ones(2), np.full(2, np.inf), 1.0),
            ],
            "zeros": _zeros,
            "other shapes": lambda rng: [
                (np.ones((3, 1)), np.ones(3), 1e-6),
                (np.ones(3), np.ones((2, 3)), 1e-6),
                (np.ones((2, 3)), np.ones((3, 2)), 1e-6),
                (np.array(1.0), np.ones(3), 1e-6),
            ],
        },
    ),
]
