"""Check a hand-written gradient against differences of the function itself.

`check_gradient` raises where the two disagree and says which entry, both numbers, and what the pattern of the
differences suggests. ``x`` may be an array or a dictionary of named arrays, as everywhere in this package.

How far the two may differ is measured, not chosen. A difference quotient has two errors: the curve, or a kink, between
its points (truncation) and the rounding of f (noise). The first is seen in the third and fourth differences of f, the
second by shaking x in its last digits. Chapter 6 derives both.
"""

import warnings
from dataclasses import dataclass, fields

import numpy as np

from mnist_helpers._checks import real_number, whole_number, zeros
from mnist_helpers._gradcauses import likely_cause

__all__ = [
    "GradientError",
    "GradientReport",
    "WeakCheckWarning",
    "best_step",
    "check_gradient",
    "complex_step_gradient",
    "numerical_gradient",
]

SIGMAS = 8  # rounding errors beyond 8 standard deviations are not expected in any check that will ever be run
SHRINK = 16  # by how much the step is made smaller where truncation dominates
WEAK = 20  # a derivative should be this many times its tolerance for a check to mean anything
LARGEST_VALUE = 1e300  # of f
OFFSETS = np.array([-2, -1, 1, 2])  # of the points around x, in steps
THIRD = np.array([-1, 2, 0, -2, 1])
FOURTH = np.array([1, -4, 6, -4, 1])


class GradientError(AssertionError):
    """The gradient differs from the slope of the function.

    Attributes
    ----------
    name : str
        The parameter, "" for a plain array.
    index : tuple of int
        The worst entry: largest error in units of its tolerance. For directional checks the number of the direction.
    analytic, numerical, error, tolerance : float
        What the gradient says there, what differences of f say, how far apart they are, and how far they may be.
    cause : str
        What the pattern of all entries suggests, "" if nothing simple fits.
    """

    def __init__(self, message, *, name, index, analytic, numerical, error, tolerance, cause):
        super().__init__(message)
        self.name, self.index, self.cause = name, index, cause
        self.analytic, self.numerical, self.error, self.tolerance = analytic, numerical, error, tolerance

    def __reduce__(self):  # so that it survives the way between processes
        return _restored_error, (str(self), self.__dict__)


def _restored_error(message, attributes):
    return GradientError(message, **attributes)


class WeakCheckWarning(UserWarning):
    """The check passed, but could hardly have failed: no derivative of a parameter stands out from its tolerance."""


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` returns when nothing is wrong.

    Attributes
    ----------
    num_checked : int
        Entries, or directions.
    num_kinks : int
        How many of them sit on a kink of f. There the gradient need only lie between the slopes on the two sides.
    num_evaluations : int
        Calls of f.
    step : float
        Half the distance between the two points of a difference.
    noise : float
        Standard deviation of the rounding errors of f.
    largest_error, largest_tolerance : float
        Over all entries, in the units of the derivative.
    """

    num_checked: int
    num_kinks: int
    num_evaluations: int
    step: float
    noise: float
    largest_error: float
    largest_tolerance: float

    def __str__(self):
        kinks = f", {self.num_kinks} at a kink" if self.num_kinks else ""
        return (
            f"{self.num_checked} derivatives agree{kinks}: largest difference {self.largest_error:.0e}, "
            f"largest tolerance {self.largest_tolerance:.0e} (step {self.step:.0e}, {self.num_evaluations} evaluations)"
        )


def best_step(dtype, method="central"):
    """Return the step at which a difference quotient is most accurate.

    With u the unit roundoff of the format (half the machine epsilon) and f, f'' and f''' of about equal size:

    - forward: the error h/2 + 2u/h is least at h = 2 u**(1/2);
    - central: the error h**2/6 + u/h is least at h = (3u)**(1/3).

    Parameters
    ----------
    dtype : float32 or float64
    method : "forward" or "central"

    Returns
    -------
    float
        For a function that changes on a scale of about 1 in x; multiply by the scale otherwise.

    Raises
    ------
    TypeError
        If `dtype` is not floating point.
    ValueError
        If the method is unknown.

    Notes
    -----
    W. H. Press et al., *Numerical Recipes*, 3rd edition, section 5.7; derived in chapter 6.
    """
    if dtype is None or np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be floating point, got {dtype!r}")
    unit_roundoff = float(np.finfo(dtype).eps) / 2
    steps = {"forward": 2 * unit_roundoff**0.5, "central": (3 * unit_roundoff) ** (1 / 3)}
    if not isinstance(method, str) or method not in steps:
        raise ValueError(f"method must be one of {sorted(steps)}, got {method!r}")
    return steps[method]


def numerical_gradient(f, x, *, method="central", step=None):
    """Return the gradient of f by finite differences, one entry at a time.

    Parameters
    ----------
    f : callable
        Takes `x`, returns one real number.
    x : ndarray of float32 or float64, or dict of such arrays
        Not changed.
    method : "central" or "forward"
        (f(x+h) - f(x-h)) / 2h, two evaluations per entry; or (f(x+h) - f(x)) / h, one per entry and one more.
    step : float, optional
        h. Default: `best_step` of the format of `x`.

    Returns
    -------
    ndarray of float64, or dict of them
        Shaped like `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` is not floating point, or f does not return one finite number of at most 1e300.
    """
    point = _Point(x)
    step = _positive(step, default=best_step(point.flat.dtype, method))
    f = _Function(f, point)
    low = -step if method == "central" else 0.0
    return point.unpack(np.array([_quotient(f, point.flat, i, low, step) for i in range(point.flat.size)]))


def complex_step_gradient(f, x, *, step=1e-20):
    """Return the gradient of f from Im f(x + i*step) / step: no difference is formed, so nothing cancels.

    Parameters
    ----------
    f : callable
        Takes a complex `x`, returns one complex number. It must be built from analytic functions only: ``abs``,
        ``max``, ``np.sign``, conjugation and conversions to float break it.
    x : ndarray of float32 or float64, or dict of such arrays
    step : float
        Its square must be negligible beside the roundoff; otherwise its size does not matter.

    Returns
    -------
    ndarray of float64, or dict of them

    Raises
    ------
    TypeError
        If f does not return one complex number: it has lost the imaginary part on the way.
    ValueError
        If the step is not above 0, or is 0 or infinite in the format of `x`, or the value of f is not finite.

    Notes
    -----
    W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40 (1998).
    """
    point = _Point(x)
    step = _positive(step, default=step)
    dtype = np.result_type(point.flat.dtype, np.complex64)
    with np.errstate(over="ignore"):
        taken = dtype.type(1j * step).imag  # what the format makes of it
    if not 0 < taken < np.inf:
        raise ValueError(f"step {step:.3g} is {taken} in {dtype}; take another one")
    slopes = np.empty(point.flat.size)
    for i in range(point.flat.size):
        moved = point.flat.astype(dtype)
        moved[i] += 1j * taken
        value = np.asarray(f(point.unpack(moved)))
        if value.shape != () or value.dtype.kind != "c":
            raise TypeError(
                f"f must return one complex number for complex x, got {value.dtype} of shape {value.shape}; "
                "abs, max or a conversion to float on the way?"
            )
        if not np.isfinite(value):
            raise ValueError(f"f returned {value} for complex x; it must be finite")
        slopes[i] = value.imag / taken
    return point.unpack(slopes)


def check_gradient(f, grad, x, *, num_directions=None, rng=None, step=None):
    """Raise `GradientError` if grad is not the gradient of f at x.

    Parameters
    ----------
    f : callable
        Takes `x`, returns one real number.
    grad : callable
        Takes `x`, returns an array shaped like `x`, or a dictionary with the same names and shapes.
    x : ndarray of float32 or float64, or dict of such arrays (all of one dtype)
        Not changed. Its dtype says how exact the gradient must be.
    num_directions : int, optional
        Check this many random directions instead of every entry. Much cheaper, a little less powerful, and without
        the index of the error.
    rng : numpy.random.Generator
        Needed for `num_directions`.
    step : float, optional
        Default: `best_step` for central differences. Give the scale on which f changes times that, if it is not
        about 1.

    Returns
    -------
    GradientReport

    Raises
    ------
    GradientError
        With the worst entry, both numbers and the likely cause; also if names or shapes differ or an entry of the
        gradient is not finite.
    ValueError
        If f gives two values for the same `x`, changes it, or is not finite or above 1e300; if x is so large that the
        step is lost beside it, or its neighbours are beyond the range of its dtype; or if x sits on kinks in more than
        half of all directions, so that hardly anything can be concluded.
    TypeError
        If `x` is not floating point or f returns no real number.

    Warns
    -----
    WeakCheckWarning
        If the check passes, but no derivative of a parameter is more than 20 times as large as its own tolerance.

    Notes
    -----
    The numerical value is the central difference D(h). The tolerance of an entry is the sum of

    - (abs(third) + abs(fourth)) / 4h, with the third and fourth difference of f at the points x - 2h ... x + 2h. For a
      smooth f this is abs(D(2h) - D(h)), three times the truncation error of D(h). If the slope jumps somewhere
      between x - h and x + h, it is at least the distance of D(h) from the slope at x, and exactly half the jump if
      the kink is at x. Where it is more than a few times the rest, it is measured again with h/16;
    - for an entry that would fail, twice what D(h/4) - D(h) exceeds the noise by: where there are many kinks their
      differences may cancel;
    - 8 standard deviations of the rounding error of D(h), sqrt(2)*noise/2h. The noise is estimated from fourth
      differences of f at points a few units in the last place apart (J. J. Moré and S. M. Wild, "Estimating
      computational noise", SIAM J. Sci. Comput. 33, 2011), and is at least machine epsilon times abs(f);
    - 8 machine epsilons of the largest entry of the gradient.

    In float32 the step is long. With hundreds of examples and a ReLU it crosses so many kinks that a right gradient may
    be accused: take few examples, or float64.
    """
    point = _Point(x)
    function = _Function(f, point)
    analytic = _analytic_gradient(grad, point)
    step = _positive(step, default=best_step(point.flat.dtype))
    lines = _Entries(point.flat.size) if num_directions is None else _random(num_directions, point.flat.size, rng)
    noise = _noise(function, point.flat, step)
    slopes = _Slopes.measure(function, point.flat, lines, step, analytic, noise)
    loose = np.flatnonzero(slopes.truncation > SHRINK * slopes.rounding)
    num_kinks = 0
    if loose.size:
        again = _Slopes.measure(function, point.flat, (lines[i] for i in loose), step / SHRINK, analytic, noise)
        # The truncation error of a smooth function would now be 256 times smaller, that of a kink at x as it was.
        smallest = np.maximum(slopes.truncation[loose] / SHRINK, np.abs(slopes.central).max() / 1000)
        num_kinks = int((again.truncation > np.maximum(smallest, again.rounding)).sum())
        slopes = slopes.sharpened(loose, again)
    if num_kinks > len(lines) / 2:
        raise ValueError(
            f"x sits on a kink of f in {num_kinks} of {len(lines)} directions (of abs at 0, of a ReLU?), so hardly "
            "anything can be concluded; check at another x"
        )
    roundings = SIGMAS * np.finfo(point.flat.dtype).eps * np.abs(analytic).max()
    tolerance = slopes.truncation + slopes.rounding + roundings
    error = np.abs(slopes.expected - slopes.central)
    doubtful = np.flatnonzero(error > tolerance)
    if doubtful.size:  # many kinks may cancel in the differences; then another step gives another slope
        again = _Slopes.measure(function, point.flat, (lines[i] for i in doubtful), step / 4, analytic, noise)
        beyond_noise = np.abs(again.central - slopes.central[doubtful]) - again.rounding / 4
        tolerance[doubtful] += 2 * np.maximum(beyond_noise, 0)
    if (error > tolerance).any():
        raise _gradient_error(point, slopes.expected, slopes.central, tolerance, by_entry=num_directions is None)
    _warn_if_weak(point, slopes.expected, slopes.central, tolerance, by_entry=num_directions is None)
    return GradientReport(
        num_checked=len(error),
        num_kinks=num_kinks,
        num_evaluations=function.count,
        step=step,
        noise=noise,
        largest_error=float(error.max()),
        largest_tolerance=float(tolerance.max()),
    )


class _Point:
    """x as one flat vector, and the way back to its names and shapes."""

    def __init__(self, x):
        self.is_named = isinstance(x, dict)
        arrays = {name: np.asarray(array) for name, array in (x if self.is_named else {"": x}).items()}
        dtypes = {array.dtype for array in arrays.values()}
        if dtypes not in ({np.dtype(np.float64)}, {np.dtype(np.float32)}):
            raise TypeError(f"x must be float64 or float32 throughout, got {sorted(map(str, dtypes))}")
        self.shapes = {name: array.shape for name, array in arrays.items()}
        self.flat = np.concatenate([array.ravel() for array in arrays.values()])
        if not self.flat.size:
            raise ValueError("x holds no number")
        if not np.isfinite(self.flat).all():
            raise ValueError("x contains NaN or infinity")
        ends = np.cumsum([array.size for array in arrays.values()])
        self.slices = {
            name: slice(end - array.size, end) for (name, array), end in zip(arrays.items(), ends, strict=True)
        }

    def unpack(self, flat):
        arrays = {name: flat[self.slices[name]].reshape(shape) for name, shape in self.shapes.items()}
        return arrays if self.is_named else arrays[""]


class _Function:
    """f as a function of the flat vector that returns a float, complains, and counts its calls."""

    def __init__(self, f, point):
        self.f, self.point, self.count = f, point, 0
        flat = point.flat.copy()
        self.value = self(flat)
        if not np.array_equal(flat, point.flat):
            raise ValueError("f changes its argument, so every later value is one of another x; let it work on a copy")
        if self(flat) != self.value:
            raise ValueError("f returned two different values for the same x: dropout, or a random batch, inside?")

    def __call__(self, flat):
        self.count += 1
        value = np.asarray(self.f(self.point.unpack(flat)))
        if value.shape != () or value.dtype.kind not in "fiu":
            raise TypeError(f"f must return one real number, got {value.dtype} of shape {value.shape}")
        if not np.isfinite(value):
            raise ValueError(f"f returned {value}; it must be finite at x and a step away from it")
        if abs(float(value)) > LARGEST_VALUE:
            raise ValueError(f"f returned {value:.3g}; differences of numbers above {LARGEST_VALUE:.0e} may overflow")
        return float(value)


def _positive(step, default):
    if step is None:
        return default
    if real_number(step, "step", "a finite number above 0") <= 0:
        raise ValueError(f"step must be a finite number above 0, got {step!r}")
    return float(step)  # its negative would be positive in an unsigned integer


def _check_reached(points, step):
    if not all(np.isfinite(point).all() for point in points):
        raise ValueError(f"step {step:.3g} leads beyond the range of {points[0].dtype}; take a smaller one")


def _quotient(f, flat, i, low, high):
    """Return a difference quotient; it divides by the distance that the format really took."""
    below, above = flat.copy(), flat.copy()
    with np.errstate(over="ignore"):
        below[i] += low
        above[i] += high
    _check_reached([below, above], high)
    width = float(above[i]) - float(below[i])
    if not width:
        raise ValueError(f"step {high:.3g} is lost beside {flat[i]:.3g} in {flat.dtype}; take a larger one")
    return (f(above) - (f(below) if low else f.value)) / width


def _analytic_gradient(grad, point):
    flat = point.flat.copy()
    grads = grad(point.unpack(flat))
    if not np.array_equal(flat, point.flat):
        raise _plain_error("grad changes its argument; let it work on a copy")
    grads = grads if point.is_named else {"": grads}
    if not isinstance(grads, dict) or grads.keys() != point.shapes.keys():
        names = sorted(grads) if isinstance(grads, dict) else type(grads).__name__
        raise _plain_error(f"grad returned {names}, expected the names of x: {sorted(point.shapes)}")
    for name, shape in point.shapes.items():
        array = np.asarray(grads[name])
        if array.shape != shape:
            hint = "; transposed?" if array.shape == shape[::-1] else ""
            raise _plain_error(f"the gradient{_of(name)} has shape {array.shape}, expected {shape}{hint}", name)
        if array.dtype.kind not in "fiub":
            raise _plain_error(f"the gradient{_of(name)} has dtype {array.dtype}, expected real numbers", name)
        if not np.isfinite(array).all():
            index = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
            text = f"the gradient{_of(name)} is {array[index]} at index {index}, where f is finite: overflow or 0/0?"
            raise _plain_error(text, name, index, float(array[index]))
    return np.concatenate([np.asarray(grads[name], dtype=float).ravel() for name in point.shapes])


def _plain_error(text, name="", index=(), analytic=np.nan):
    nothing = {"numerical": np.nan, "error": np.nan, "tolerance": np.nan, "cause": ""}
    return GradientError(text, name=name, index=index, analytic=analytic, **nothing)


def _of(name):
    return f" of {name!r}" if name else ""


class _Entries:
    """The unit vectors, each made when it is asked for: all together would be a large matrix."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        if i >= self.size:
            raise IndexError(i)
        vector = np.zeros(self.size)
        vector[i] = 1.0
        return vector


def _random(num_directions, size, rng):
    if rng is None or num_directions == 0:
        raise ValueError("num_directions must be at least 1 and needs rng=np.random.default_rng(seed)")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, as from np.random.default_rng(seed), got {rng!r}")
    whole_number(num_directions, "num_directions")
    directions = zeros((num_directions, size))
    rng.standard_normal(out=directions)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def _noise(f, flat, step, num_lines=3, num_points=9):
    """Return the standard deviation of the rounding errors of f near x, at least one roundoff of its value."""
    rng = np.random.default_rng(0)
    last_place = np.spacing(np.clip(np.abs(flat), 1, np.finfo(flat.dtype).max / 2))  # that of the largest is infinite
    eps = float(np.finfo(flat.dtype).eps)
    fourths = []
    for _ in range(num_lines):
        shake = last_place * (rng.choice([-1, 1], flat.size) * rng.integers(2, 9, flat.size)).astype(flat.dtype)
        values = _shaken(f, flat, shake, num_points)
        # If f moves in steps coarser than that, most differences are 0 and say nothing: shake more.
        while np.mean(np.diff(values) == 0) >= 0.5 and np.abs(shake).max() < step / SHRINK / num_points:
            shake = 8 * shake
            values = _shaken(f, flat, shake, num_points)
        with np.errstate(over="ignore"):
            single = np.float32(f.value)
        if (values == single).all():  # it does not move at all: constant, or computed in float32
            eps = float(np.finfo(np.float32).eps)
        fourths.append(np.convolve(values, FOURTH, mode="valid") / np.linalg.norm(FOURTH))
    return max(float(np.sqrt(np.mean(np.square(fourths)))), eps * abs(f.value))


def _shaken(f, flat, shake, num_points):
    with np.errstate(over="ignore"):
        points = [flat + k * shake for k in range(num_points)]
    if not np.isfinite(points[-1]).all():
        raise ValueError(f"x is so large that numbers beside it are beyond the range of {flat.dtype}")
    return np.array([f(point) for point in points])


@dataclass(frozen=True)
class _Slopes:
    """Slopes of f along lines through x, and how exact they are; arrays with one number for each line."""

    central: np.ndarray  # the central difference
    expected: np.ndarray  # what the gradient says, along the line that was really taken
    truncation: np.ndarray
    rounding: np.ndarray

    @classmethod
    def measure(cls, f, flat, lines, step, gradient, noise):
        rows = []
        for line in lines:
            with np.errstate(over="ignore", invalid="ignore"):
                points = [flat + (t * step * line).astype(flat.dtype) for t in OFFSETS]
            _check_reached(points, step)
            width = points[2].astype(float) - points[1]
            distance = np.linalg.norm(width)
            if not distance:
                raise ValueError(f"step {step:.3g} is lost beside x in {flat.dtype}; take a larger one")
            values = np.array([f(point) for point in points])
            central = (values[2] - values[1]) / distance
            values = np.insert(values, 2, f.value)
            truncation = (abs(values @ THIRD) + abs(values @ FOURTH)) / (2 * distance)
            rows.append((central, gradient @ width / distance, truncation, SIGMAS * np.sqrt(2) * noise / distance))
        return cls(*np.array(rows).T)

    def sharpened(self, rows, other):
        """Take the other measurement for those of the rows where it is the sharper one."""
        better = other.truncation + other.rounding < (self.truncation + self.rounding)[rows]
        arrays = {part.name: getattr(self, part.name).copy() for part in fields(self)}
        for name, array in arrays.items():
            array[rows[better]] = getattr(other, name)[better]
        return _Slopes(**arrays)


def _by_name(point, by_entry):
    """Return the rows that belong to each parameter; all of them to "" in a directional check."""
    return point.slices if by_entry else {"": slice(None)}


def _gradient_error(point, analytic, numerical, tolerance, by_entry):
    error = np.abs(analytic - numerical)
    worst = int(np.argmax(error / tolerance))
    name, rows = next(
        item for item in _by_name(point, by_entry).items() if worst in range(*item[1].indices(len(error)))
    )
    shape = point.shapes[name] if by_entry else error.shape
    index = tuple(map(int, np.unravel_index(worst - (rows.start or 0), shape)))
    parts = [array[rows].reshape(shape) for array in (analytic, numerical, tolerance)]
    cause = likely_cause(*parts, point.flat[rows].reshape(shape) if by_entry else None)
    bad = error > tolerance
    where = f"at index {index}" if by_entry else f"along direction {index[0]}"
    numbers = f"analytic {analytic[worst]:.10g}, numerical {numerical[worst]:.10g}"
    fine = [repr(other) for other, part in _by_name(point, by_entry).items() if not bad[part].any()]
    message = (
        f"the gradient{_of(name)} is wrong {where}: {numbers}, difference {error[worst]:.2g}, "
        f"tolerance {tolerance[worst]:.1g}; {bad[rows].sum()} of {bad[rows].size} values are wrong"
        + (f", {' and '.join(fine)} agree{'s' * (len(fine) == 1)}" if fine else "")
        + (f". Likely cause: {cause}" if cause else "")
    )
    numbers = {"analytic": analytic, "numerical": numerical, "error": error, "tolerance": tolerance}
    numbers = {key: float(array[worst]) for key, array in numbers.items()}
    return GradientError(message, name=name, index=index, cause=cause, **numbers)


def _warn_if_weak(point, analytic, numerical, tolerance, by_entry):
    size = np.maximum(np.abs(analytic), np.abs(numerical))
    for name, rows in _by_name(point, by_entry).items():
        if not size[rows].size or (size[rows] > WEAK * tolerance[rows]).any():
            continue
        if (size[rows] <= tolerance[rows]).all():
            text = f"all derivatives{_of(name)} are zero to within {tolerance[rows].max():.0e}"
        else:
            text = f"the derivatives{_of(name)} could only be checked to within {tolerance[rows].min():.0e}"
        text += (
            ", so hardly any error would show: choose another x (not all zero, not saturated), check the small terms "
            "of f by themselves, or use float64"
        )
        warnings.warn(text, WeakCheckWarning, stacklevel=3)
