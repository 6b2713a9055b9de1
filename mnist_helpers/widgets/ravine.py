"""Chapter 8: gradient descent, the heavy ball and Nesterov's method run down the same ravine."""

import numpy as np
import traitlets

from mnist_helpers.optim import momentum, nesterov, sgd, zero_velocity
from mnist_helpers.widgets._base import Interactive

__all__ = ["Ravine"]

CURVATURES = np.array([1.0, 100.0])
START = np.array([1.0, 0.1])
COLORS = ("#0072B2", "#D55E00", "#009E73")
METHODS = ("gradient descent", "heavy ball", "Nesterov")
MAX_STEPS = 400
LEARNING_RATES = 1e-6, 1.0  # beyond, a factor is rounded to 1, or squares overflow before a long run is seen


def loss_at(w):
    """Return the loss of the ravine, (x**2 + 100 y**2) / 2, along the last axis of an array of points."""
    return 0.5 * (CURVATURES * np.square(w)).sum(axis=-1)


def ravine_paths(learning_rate, gamma, num_steps):
    """Return the points of the three methods from (1, 0.1) on, by the packaged update rules.

    Parameters
    ----------
    learning_rate, gamma : float
        Learning rate, above 0, and momentum, at least 0 and below 1.
    num_steps : int
        At least 0.

    Returns
    -------
    ndarray of float64, shape (3, num_steps + 1, 2)
        In the order of `METHODS`; of Nesterov's method the points ahead. A path that diverges far enough overflows to
        inf and then NaN.

    Notes
    -----
    Chapter 8; `mnist_helpers.optim.sgd`, `momentum` and `nesterov`.
    """
    rules = {
        METHODS[0]: lambda *state: (sgd(*state[:2], learning_rate=learning_rate), state[2]),
        METHODS[1]: lambda *state: momentum(*state, learning_rate=learning_rate, momentum=gamma),
        METHODS[2]: lambda *state: nesterov(*state, learning_rate=learning_rate, momentum=gamma),
    }
    paths = np.empty((len(METHODS), num_steps + 1, 2))
    for path, rule in zip(paths, rules.values(), strict=True):
        params = {"w": START}
        velocity = zero_velocity(params)
        path[0] = START
        for k in range(num_steps):
            params, velocity = rule(params, {"w": CURVATURES * params["w"]}, velocity)
            path[k + 1] = params["w"]
    return paths


def long_run_factors(learning_rate, gamma):
    """Return by what each method multiplies the distance per step in the long run.

    Parameters
    ----------
    learning_rate, gamma : float
        Learning rate, finite and above 0, and momentum, at least 0 and below 1.

    Returns
    -------
    ndarray of float64, shape (3,)
        In the order of `METHODS`: the largest modulus among the roots of both directions, (8.1), (8.7) and the same
        for Nesterov's method. Below 1 the method converges, above it diverges. At 1 one root is -1 and the other of
        smaller modulus: the path settles into a swing that neither grows nor shrinks.
    """
    factors = []
    for step in learning_rate * CURVATURES:
        shrunk = 1 - step
        polynomials = ([1, -shrunk], [1, -(1 + gamma - step), gamma], [1, -shrunk * (1 + gamma), shrunk * gamma])
        factors.append([np.abs(np.roots(polynomial)).max(initial=0) for polynomial in polynomials])
    return np.max(factors, axis=0)


def steps_to_thousandth(paths):
    """Return the first step at which each path is within a thousandth of its first distance from the bottom, or -1.

    Takes paths of shape (M, N, 2) and returns ndarray of int, shape (M,). Paths swing, so a later step may be outside.
    """
    distances = np.linalg.norm(paths, axis=-1)
    near = distances < distances[:, :1] / 1000
    return np.where(near.any(axis=1), near.argmax(axis=1), -1)


class Ravine(Interactive):
    """Three methods that go down the bowl (x**2 + 100 y**2) / 2 from (1, 0.1), and their losses.

    Parameters
    ----------
    learning_rate : float
        1e-6 to 1; 0.0001 to 0.04 on the page's slider. The default is 0.0198.
    momentum : float
        At least 0 and below 1. Gradient descent does without. The default is 0.67.
    num_steps : int
        How many steps are shown, 0 to 400. The default is 40.

    Raises
    ------
    traitlets.TraitError, ValueError
        If a number is of the wrong kind or out of range.

    Notes
    -----
    The methods are those of `mnist_helpers.optim`; Nesterov's is shown at the point ahead, where it takes its gradient.
    See chapter 8. The button that sets the best numbers for Nesterov's method uses those of L. Lessard, B. Recht and
    A. Packard, "Analysis and design of optimization algorithms via integral quadratic constraints", SIAM J. Optim. 26
    (2016), section 2.2.
    """

    module = "ravine"
    learning_rate = traitlets.Float(0.0198).tag(sync=True)
    momentum = traitlets.Float(0.67).tag(sync=True)
    num_steps = traitlets.Int(40).tag(sync=True)

    @traitlets.validate("learning_rate")
    def _check_learning_rate(self, proposal):
        low, high = LEARNING_RATES
        if not low <= proposal.value <= high:
            raise ValueError(f"learning_rate must be between {low} and {high}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("momentum")
    def _check_momentum(self, proposal):
        if not 0 <= proposal.value < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {proposal.value}")
        return proposal.value

    @traitlets.validate("num_steps")
    def _check_num_steps(self, proposal):
        if not 0 <= proposal.value <= MAX_STEPS:
            raise ValueError(f"num_steps must be 0 to {MAX_STEPS}, got {proposal.value}")
        return proposal.value

    def results(self):
        """Return what is shown of the three methods, in the order gradient descent, heavy ball, Nesterov.

        Returns
        -------
        dict of ndarray
            `losses`, shape (3,), and `positions`, shape (3, 2), after the last step; they overflow to inf or NaN where
            a method diverges far enough. `factors`, shape (3,), as `long_run_factors` returns them. `steps_needed`,
            shape (3,), as `steps_to_thousandth` returns them, -1 if that is not reached among the steps shown.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            paths = ravine_paths(self.learning_rate, self.momentum, self.num_steps)
            losses = loss_at(paths[:, -1])
            needed = steps_to_thousandth(paths)
        factors = long_run_factors(self.learning_rate, self.momentum)
        return {"losses": losses, "positions": paths[:, -1], "factors": factors, "steps_needed": needed}

    def draw_still(self, figure):
        """Draw the three paths on the contours, and the losses beside them."""
        left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
        x, y = np.meshgrid(np.linspace(-1, 1.2, 200), np.linspace(-0.3, 0.3, 200))
        levels = np.geomspace(0.01, 10, 10)
        left.contour(x, y, loss_at(np.stack([x, y], axis=-1)), levels=levels, colors="lightgrey", linewidths=0.8)
        with np.errstate(over="ignore", invalid="ignore"):
            paths = ravine_paths(self.learning_rate, self.momentum, self.num_steps)
            losses = loss_at(paths)
        factors = long_run_factors(self.learning_rate, self.momentum)
        for k, style in enumerate(("o-", "s--", "^-.")):
            label = f"{METHODS[k]}: × {factors[k]:.3f}"
            left.plot(*paths[k].T, style, color=COLORS[k], markersize=3, linewidth=1, label=label)
            right.semilogy(losses[k], style, color=COLORS[k], markersize=2, linewidth=1)
        left.plot(0, 0, "k+", markersize=10)
        left.set(xlim=(-1, 1.2), ylim=(-0.3, 0.3), xlabel="$x$ (flat)", ylabel="$y$ (steep)")
        title = f"η = {self.learning_rate:.4g}, γ = {self.momentum:.3g}; long-run factor per step"
        place = {"loc": "outside upper left", "ncols": 3, "fontsize": 8, "frameon": False}
        figure.legend(*left.get_legend_handles_labels(), title=title, **place)
        right.set(ylim=(1e-8, 1e4), xlabel="step", ylabel="loss $f$")
