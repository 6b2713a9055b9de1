"""Chapter 6: the error of three ways to measure a derivative, against the step."""

import numpy as np
import traitlets

from mnist_helpers.widgets._base import Interactive

__all__ = ["FUNCTIONS", "StepSize"]

# A complex number is a pair (real part, imaginary part) of arrays of one format. The page computes with the same
# operations in the same order. Each is rounded correctly by the IEEE standard, so both get the same bits.


def plus(number, z):
    """Return a real number plus z."""
    return number + z[0], z[1]


def times(w, z):
    """Return w z."""
    return w[0] * z[0] - w[1] * z[1], w[0] * z[1] + w[1] * z[0]


def inverse(z):
    """Return 1 / z, after R. L. Smith: for a real z it is the ordinary quotient."""
    real, imag = z
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        ratio = imag / real
        below = real + imag * ratio
        wide = 1 / below, -ratio / below
        ratio = real / imag
        below = imag + real * ratio
        tall = ratio / below, -1 / below
    return tuple(np.where(np.abs(real) >= np.abs(imag), a, b) for a, b in zip(wide, tall, strict=True))


def root(z):
    """Return the square root of z, whose real part is positive."""
    real, imag = z
    length = np.sqrt(real * real + imag * imag)
    half = np.sqrt((real + length) / 2)
    return half, imag / (2 * half)


def square(z):
    """Return z**2."""
    return times(z, z)


# name: the function, and its first three derivatives at a real x
FUNCTIONS = {
    "x²": (square, lambda x: (2 * x, 2.0, 0.0)),
    "x³": (lambda z: times(square(z), z), lambda x: (3 * (x * x), 6 * x, 6.0)),
    "x³ + 1000": (lambda z: plus(1000, times(square(z), z)), lambda x: (3 * (x * x), 6 * x, 6.0)),
    "√(1 + x²)": (
        lambda z: root(plus(1, square(z))),
        lambda x: (x / _length(x), 1 / (_length(x) * (1 + x * x)), -3 * x / (_length(x) * (1 + x * x) * (1 + x * x))),
    ),
    "1/(1 + x²)": (
        lambda z: inverse(plus(1, square(z))),
        lambda x: (
            -2 * x / ((1 + x * x) * (1 + x * x)),
            (6 * (x * x) - 2) / ((1 + x * x) * (1 + x * x) * (1 + x * x)),
            24 * x * (1 - x * x) / ((1 + x * x) * (1 + x * x) * (1 + x * x) * (1 + x * x)),
        ),
    ),
}
FORMATS = {"float64": np.float64, "float32": np.float32}
METHODS = ("forward", "central", "complex step")
STYLES = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#009E73", "-.", "^"))
LOWEST_STEP = 1e-16
SMALLEST_ERROR = 1e-17
# Four steps to each halving. No powers of two: those are exact more often than others and would look too good.
MANTISSAS = (1.89, 1.59, 1.33, 1.13)


def _length(x):
    return np.sqrt(1 + x * x)


def grid():
    """Return the steps at which the curves are computed, from below 1 down to 1e-16, shape (N,)."""
    steps = np.array([np.ldexp(m, -k) for k in range(1, 55) for m in MANTISSAS])
    return steps[steps >= LOWEST_STEP]


class StepSize(Interactive):
    """Relative errors of forward difference, central difference and complex step, and the best steps.

    Parameters
    ----------
    function : str
        One of `FUNCTIONS`: "x²", "x³" (the default), "x³ + 1000", "√(1 + x²)", "1/(1 + x²)".
    x : float
        Where the derivative is measured, between 0.1 and 10; up to 3 on the page's slider. The default is 1.
    step : float
        The step h, between 1e-16 and 1. The default is 1e-7.
    precision : str
        "float64" (the default) or "float32", the format of everything but the exact derivative.

    Raises
    ------
    traitlets.TraitError, ValueError
        If the function or the format is unknown, or a number is out of its range.

    Notes
    -----
    Formulas (6.1), (6.2), (6.3) and (6.5) of chapter 6.
    """

    module = "step_size"
    function = traitlets.Unicode("x³").tag(sync=True)
    x = traitlets.Float(1.0).tag(sync=True)
    step = traitlets.Float(1e-7).tag(sync=True)
    precision = traitlets.Unicode("float64").tag(sync=True)

    @traitlets.validate("function", "precision")
    def _check_name(self, proposal):
        names = FUNCTIONS if proposal.trait.name == "function" else FORMATS
        if proposal.value not in names:
            raise ValueError(f"{proposal.trait.name} must be one of {list(names)}, got {proposal.value!r}")
        return proposal.value

    @traitlets.validate("x", "step")
    def _check_range(self, proposal):
        low, high = {"x": (0.1, 10), "step": (LOWEST_STEP, 1)}[proposal.trait.name]
        if not low <= proposal.value <= high:
            raise ValueError(f"{proposal.trait.name} must be between {low} and {high}, got {proposal.value}")
        return proposal.value

    def estimates(self, steps):
        """Return what the three methods measure at some steps, shape (3, N), computed in the chosen format."""
        dtype = FORMATS[self.precision]
        f, h = FUNCTIONS[self.function][0], np.asarray(steps, dtype=dtype)
        x, zero = np.full_like(h, self.x), np.zeros_like(h)
        right, here, left = (f((point, zero))[0] for point in (x + h, x, x - h))
        with np.errstate(under="ignore"):
            return np.stack([(right - here) / h, (right - left) / (2 * h), f((x, h))[1] / h])

    def derivatives(self):
        """Return the exact first three derivatives, in float64, at x as the format holds it."""
        return np.array(FUNCTIONS[self.function][1](np.float64(FORMATS[self.precision](self.x))))

    def best_steps(self):
        """Return the best steps of forward and central difference by (6.5), shape (2,); inf where f'' or f''' is 0."""
        f, dtype = FUNCTIONS[self.function][0], FORMATS[self.precision]
        x = np.array([self.x], dtype=dtype)
        noise = np.finfo(dtype).eps / 2 * float(np.abs(f((x, 0 * x))[0])[0])
        _, second, third = np.abs(self.derivatives())
        with np.errstate(divide="ignore"):
            return np.array([2 * np.sqrt(noise / second), np.cbrt(3 * noise / third)])

    def log10_errors(self, steps):
        """Return the logarithms of the relative errors, shape (3, N); -inf where there is none."""
        slope = self.derivatives()[0]
        with np.errstate(divide="ignore"):
            return np.log10(np.abs((self.estimates(steps).astype(np.float64) - slope) / slope))

    def results(self):
        """Return what the page shows in numbers, and publishes; the curves are `log10_errors` at the steps of `grid`.

        Returns
        -------
        dict of ndarray
            `slope`, shape (1,), `estimates` and `log10_errors` at the reader's step, shape (3,), and
            `log10_best_steps`, shape (2,). Methods in the order of `METHODS`; in float64, but for `estimates`, which
            have the format of the state. An error of 0 has the logarithm -inf, no best step the logarithm inf.
        """
        return {
            "slope": self.derivatives()[:1],
            "estimates": self.estimates([self.step])[:, 0],
            "log10_errors": self.log10_errors([self.step])[:, 0],
            "log10_best_steps": np.log10(self.best_steps()),
        }

    def draw_still(self, figure):
        """Draw the three errors against the step, the reader's step and the best ones."""
        ax, results = figure.subplots(), self.results()
        curves = self.log10_errors(grid())
        for curve, at, name, (color, style, marker) in zip(
            curves, results["log10_errors"], METHODS, STYLES, strict=True
        ):
            ax.loglog(grid(), np.maximum(10**curve, SMALLEST_ERROR), style, color=color, linewidth=1.4)
            ax.plot(self.step, max(10**at, SMALLEST_ERROR), marker, color=color, clip_on=False)
            ax.plot([], [], style, marker=marker, color=color, label=name, linewidth=1.4)
        for best, (color, _, _) in zip(self.best_steps(), STYLES, strict=False):
            if np.isfinite(best):
                ax.plot(best, 3 * SMALLEST_ERROR, "v", color=color, markersize=9)
        ax.axvline(self.step, color="black", linewidth=0.8)
        ax.set(xlim=(1, LOWEST_STEP), ylim=(SMALLEST_ERROR, 100), xlabel="step h", ylabel="relative error")
        ax.set_title(f"{self.function} at x = {self.x:g}, {self.precision}; ▼ best step, line: your step")
        ax.legend()
