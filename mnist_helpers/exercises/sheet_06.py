"""Sheet 6: check the gradient before you trust it."""

import math

import numpy as np

from mnist_helpers.exercises import given
from mnist_helpers.exercises._plain import Given
from mnist_helpers.exercises._tasks import Task, close, has_shape

CUBES, FIFTHS, LOSS = Given("sum_of_cubes"), Given("sum_of_fifth_powers"), Given("mean_loss_of_last_class")


def _points_to_measure(rng):
    cases = [
        (CUBES, np.array([1.0]), 0.1),
        (CUBES, np.array([1.0, -2.0]), 0.1),
        (FIFTHS, np.array([1.0, -2.0]), 0.1),
        (LOSS, np.array([0.5, 1.0, -1.0]), 0.1),
        (LOSS, np.array([[0.5, 1.0], [-1.0, 2.0]]), 0.1),
    ]
    shapes = [(3,), (2, 3), (3, 2), (2, 1, 3)]
    functions = [FIFTHS, LOSS, CUBES, LOSS]
    draws = [rng.normal(0, 1, shape).round(2) for shape in shapes]
    return cases + [(f, x, float(rng.choice([0.01, 0.05, 0.2]))) for f, x in zip(functions, draws, strict=True)]


def _judge_refined_gradient(args, slopes):
    f, x, step = args
    if not has_shape(slopes, x.shape):
        return "one-number" if has_shape(slopes, ()) else "shape"
    slopes = np.asarray(slopes, dtype=float)
    expected = _slopes_of_quartics(getattr(given, f.name), x, step)
    if close(slopes, expected, rtol=1e-7, atol=1e-8):
        return None
    if not np.isfinite(slopes).all():
        return "wrong"
    if not slopes.any():
        return "unmoved"
    if x.size > 1 and close(slopes, np.full(x.shape, slopes.flat[0])):
        return "together"
    if close(np.sort(slopes, axis=None), np.sort(expected, axis=None), atol=1e-8):
        return "reordered"
    if x.ndim > 1 and close(
        slopes, _slopes_of_quartics(lambda y: getattr(given, f.name)(y.ravel()), x, step), atol=1e-8
    ):
        return "flattened"
    if f == LOSS:
        return "left-moved" if close(slopes.flat[0], expected.flat[0], rtol=1e-7, atol=1e-8) else "wrong"
    return _judge_on_cubes(x, step, slopes) if f == CUBES else _judge_on_fifths(x, slopes)


def _slopes_of_quartics(f, x, step):
    """For each entry the slope in the middle of the polynomial of degree four through the five points."""
    places = np.arange(-2.0, 3.0)
    moves = np.eye(x.size).reshape(x.size, *x.shape)
    values = [[f(x + place * step * move) for move in moves] for place in places]
    return np.linalg.solve(np.vander(places), np.array(values))[3].reshape(x.shape) / step


def _judge_on_cubes(x, step, slopes):
    """Differences of cubes are off by a known multiple of the squared step."""
    slope, square = 3 * x**2, step**2
    found = {
        "not-refined": (slope + square, slope + 4 * square),
        "sign": (slope + 2 * square,),
        "swapped": (slope + 5 * square,),
        "scale": (3 * slope,),
        "distance": ((2 * slope - 4 * square) / 3,),
        "only-the-error": (3 * square + 0 * x, square + 0 * x),
        "one-sided": (slope + 3 * x * step + square,),
        "too-much": (slope - 2 * square,),
        "wider": (slope + 3 * square,),
    }
    for key, values in found.items():
        if any(close(slopes, value) for value in values):
            return key
    return "wrong"


def _judge_on_fifths(x, slopes):
    """Without the term with the squared step, only a multiple of its square is left: the same at every entry."""
    left = 5 * x**4 - slopes
    return "points" if close(left, np.full(x.shape, left.flat[0]), atol=1e-8) else "wrong"


def _judge_step_factor(args, factor):
    if not has_shape(factor, ()):
        return "shape"
    if close(factor, 1 / 255, rtol=1e-3):
        return None
    slips = {
        "same": (1,),
        "way": (255, 255 ** (1 / 3), 255**3),
        "once": (255 ** (-1 / 3), 255**-0.5),
        "no-root": (255**-3,),
    }
    for key, values in slips.items():
        if any(close(factor, value, rtol=1e-2) for value in values):
            return key
    return "wrong"


def _gradients_to_pass(rng):
    pairs = [
        ([1.0], [1.0], 1e-6),
        ([1.0], [2.0], 1e-6),
        ([-1.0], [1.0], 1e-6),
        ([2e-9], [1e-9], 1e-6),
        ([2e-15], [1e-15], 0.01),
        ([3000.0], [3000.1], 1e-3),
        ([0.002], [0.001], 0.6),
        ([0.001], [0.002], 0.6),
        ([0.003], [0.001], 0.6),
        ([2.0], [1.0], 0.5),
        ([[1e-3, 5.0]], [[-1e-3, 5.0]], 1e-2),
        ([0.0, 1.0], [0.0, 1.0], 1e-6),
        ([1.0, np.nan], [1.0, 2.0], 1e-6),
        ([1.0, 2.0], [np.nan, 2.0], 1e-6),
        ([np.inf, 2.0], [1.0, 2.0], 1e-6),
        ([np.inf, 2.0], [np.inf, 2.0], 1e-6),
        ([1.0, 1.0], [[1.0, 1.0]], 1e-6),
        ([1.0], [1.0, 1.0], 1e-6),
        ([1.0, 2.0], [1.0, 2.0, 3.0], 1e-6),
    ]
    cases = [(np.array(analytic), np.array(numerical), tolerance) for analytic, numerical, tolerance in pairs]
    return cases + [_pair(rng, shape, wrong) for shape in [(3,), (4, 25)] for wrong in (0, 1, 1)]


def _pair(rng, shape, num_wrong):
    """Two gradients that agree to a tolerance, but for some entries."""
    tolerance = float(rng.choice([1e-7, 1e-4, 1e-2]))
    numerical = rng.normal(size=shape)
    ratios = 1 + tolerance * rng.uniform(-0.9, 0.9, size=shape)
    ratios.flat[rng.choice(ratios.size, num_wrong, replace=False)] += float(rng.choice([-4, 4])) * tolerance
    return numerical * ratios, numerical, tolerance


def _judge_gradient_passes(args, passed):
    analytic, numerical, tolerance = args
    if not has_shape(passed, ()) or np.asarray(passed).dtype.kind != "b":
        return "not-bool"
    if analytic.shape != numerical.shape:
        return "shapes-differ" if passed else None
    pairs = list(zip(analytic.ravel().tolist(), numerical.ravel().tolist(), strict=True))
    misfits = [pair for pair in pairs if not _agree(*pair, tolerance)]
    if bool(passed) != bool(misfits):
        return None
    return _too_lenient(pairs, misfits, tolerance) if passed else _too_strict(pairs, tolerance)


def _agree(first, second, tolerance):
    if not (math.isfinite(first) and math.isfinite(second)):
        return False
    return abs(first - second) <= max(abs(first), abs(second)) * tolerance


def _too_lenient(pairs, misfits, tolerance):
    first, second = misfits[0]
    if not (math.isfinite(first) and math.isfinite(second)):
        return "nan-passes"
    if len(pairs) > 1:
        return "drowned"
    if first == -second:
        return "sign-blind"
    if abs(first - second) <= tolerance * (abs(first) + abs(second)):
        return "denominator"
    if abs(first - second) <= tolerance:
        return "absolute"
    return "signed" if first < second else "wrong"


def _too_strict(pairs, tolerance):
    if any(first == second == 0 for first, second in pairs):
        return "zeros"
    if len(pairs) == 1 and abs(pairs[0][0] - pairs[0][1]) == max(map(abs, pairs[0])) * tolerance:
        return "limit"
    if any(abs(first - second) > tolerance for first, second in pairs):
        return "absolute"
    return "denominator" if len(pairs) == 1 and pairs[0][0] != pairs[0][1] else "wrong"


TASKS = [
    Task(
        "refined_gradient",
        _judge_refined_gradient,
        {
            "one-number": "It gives one number, but each entry of x has a slope of its own.",
            "unmoved": "All slopes are exactly 0: every value of f was taken at the same place. Did you move a copy "
            "that f never sees?",
            "together": "All entries of x got the same slope, so it seems that all were moved at once. That measures "
            "the sum of the slopes.",
            "left-moved": "The first slope is right and a later one is not. Where do the entries stand that you have "
            "already dealt with?",
            "reordered": "The slopes are right, but they stand in the wrong places.",
            "flattened": "It calls f with all entries in one long row. What f makes of them may depend on the shape.",
            "not-refined": "That is D(h) or D(2h) itself, with its error of order step**2.",
            "sign": "The error has been added, not taken away: what is left is larger than before.",
            "swapped": "What is left has a larger error than either measurement. Which of the two, D(h) or D(2h), has "
            "the smaller error?",
            "scale": "The error of order step**2 is gone, but the result is three times the slope.",
            "only-the-error": "That is a measured error of D(h), or three times that. The slope is missing.",
            "distance": "D(2h) has the wrong size. How far apart are x + 2h and x - 2h?",
            "too-much": "The error has changed its sign and doubled: D(2h) - D(h) as a whole is more than the error of "
            "D(h). (Slopes that come from one side of x, combined in this way, also end here.)",
            "wider": "The measured error is that of D(h), but it was taken from D(2h), whose error is another one.",
            "one-sided": "It seems that the values of f come from one side of x only, or from x itself.",
            "points": "The error of order step**2 is gone, but f was measured at other distances than step and 2*step.",
        },
        _points_to_measure,
    ),
    Task(
        "step_factor",
        _judge_step_factor,
        {
            "same": "The loss has the same value as before. But how fast does it change when the weight changes?",
            "way": "Large pixels make the loss change faster with the weight. Must the step grow then?",
            "once": "You let f''' grow as fast as f' or f'' does. Differentiate three times: what does each "
            "derivative bring along?",
            "no-root": "That is how f''' changes. It stands under a root in (6.5).",
        },
        is_value=True,
    ),
    Task(
        "gradient_passes",
        _judge_gradient_passes,
        {
            "not-bool": "It must return one True or False for the whole gradient, not a number, nor one for each "
            "entry.",
            "nan-passes": "A gradient with nan or infinity in it passes. What does a comparison with nan give?",
            "shapes-differ": "Gradients of different shapes pass: NumPy has repeated the smaller one to fit the "
            "larger.",
            "drowned": "One wrong entry passes beside many right ones, or beside a large one. Each entry counts by "
            "itself.",
            "sign-blind": "A gradient that points the other way passes.",
            "signed": "A gradient that is too small by half passes: a negative difference is below any tolerance.",
            "absolute": "The verdict depends on the size of the derivatives. Twice a tiny slope is as wrong as twice "
            "a large one.",
            "denominator": "The difference is divided by something else than the larger of the two absolute values.",
            "limit": "An entry fails although its relative error is not more than the tolerance.",
            "zeros": "A right gradient fails because an entry is 0 in both: 0 / 0 is no error, by what the task says.",
        },
        _gradients_to_pass,
    ),
]
