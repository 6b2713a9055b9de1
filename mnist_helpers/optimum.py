"""The exact minimum of softmax regression with an L2 penalty, by Newton's method.

The loss is convex, and with l2 > 0 its lowest value is reached and known to any precision: see `gap_bound`.
"""

import numpy as np

from mnist_helpers.functional import softmax
from mnist_helpers.models import logits, loss_and_grads

__all__ = ["gap_bound", "gradient_norm", "hessian_product", "load_optimum", "newton"]


def hessian_product(params, x, direction, *, l2=0.0):
    """Return the Hessian of `mnist_helpers.models.loss_and_grads` times a direction, without forming the Hessian.

    Parameters
    ----------
    params : dict
        ``weights`` (D, K) and ``bias`` (K,): softmax regression only.
    x : ndarray of float, shape (N, D)
    direction : dict
        Same names and shapes as `params`.
    l2 : float

    Returns
    -------
    dict
        Same names and shapes.

    Raises
    ------
    ValueError
        If there is a hidden layer.

    Notes
    -----
    B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
    """
    if "hidden_weights" in params:
        raise ValueError("the Hessian product is for softmax regression; these parameters have a hidden layer")
    probs = softmax(logits(params, x))
    moved = logits(direction, x)  # how the logits move along the direction
    delta = probs * (moved - (probs * moved).sum(axis=1, keepdims=True)) / len(x)
    return {"weights": x.T @ delta + l2 * direction["weights"], "bias": delta.sum(axis=0)}


def gradient_norm(grads):
    """Return the Euclidean norm of all gradients together."""
    return float(np.sqrt(sum((grad**2).sum() for grad in grads.values())))


def gap_bound(grads, *, l2):
    """Return how far above the minimum the penalised loss can be, at most, where it has these gradients.

    norm(weights' gradient)**2 / (2 * l2), exact if the bias is at its best for the weights, that is, if its gradient
    is zero. The loss with the best bias for each W is strongly convex in W with constant `l2`.

    Parameters
    ----------
    grads : dict
    l2 : float
        Above 0.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If `l2` is not above 0, or the gradient of the bias is larger than that of the weights.
    """
    if not l2 > 0:
        raise ValueError(f"without a penalty there is no bound; l2 must be above 0, got {l2}")
    slope, bias_slope = (np.linalg.norm(grads[name]) for name in ("weights", "bias"))
    if bias_slope > slope:
        raise ValueError(f"the bias is not at its best: its gradient {bias_slope:.1e} exceeds the weights' {slope:.1e}")
    return float(slope**2 / (2 * l2))


def newton(params, x, labels, *, l2, tolerance=1e-9, max_steps=50):
    """Minimise the penalised loss of softmax regression by Newton's method, with conjugate gradients for each step.

    Parameters
    ----------
    params : dict
        Where to start. Not changed.
    x : ndarray of float64, shape (N, D)
    labels : ndarray of int, shape (N,)
    l2 : float
        Above 0, else there is no minimum.
    tolerance : float
        Stop when the norm of the gradient is below.
    max_steps : int

    Returns
    -------
    params : dict
    log : list of tuple (loss, norm of the gradient, products with the Hessian so far)
        One entry before the first step and after each.

    Raises
    ------
    ValueError
        If `l2` is not above 0.
    ArithmeticError
        If the tolerance is not reached in `max_steps` steps, or no step along the direction lowers the loss.

    Notes
    -----
    J. Nocedal, S. J. Wright, *Numerical Optimization*, 2nd ed., Springer 2006, chapter 7.1 (line search Newton-CG).
    """
    if not l2 > 0:
        raise ValueError(f"without a penalty there need not be a minimum; l2 must be above 0, got {l2}")
    loss, grads = loss_and_grads(params, x, labels, l2=l2)
    log = [(loss, gradient_norm(grads), 0)]
    while log[-1][1] > tolerance:
        if len(log) > max_steps:
            raise ArithmeticError(f"gradient norm {log[-1][1]:.1e} after {max_steps} steps, above {tolerance:.1e}")
        direction, products = _newton_direction(params, x, grads, l2)
        params = _downhill(params, direction, grads, x, labels, l2, loss)
        loss, grads = loss_and_grads(params, x, labels, l2=l2)
        log.append((loss, gradient_norm(grads), log[-1][2] + products))
    return params, log


def _newton_direction(params, x, grads, l2):
    """Solve H d = -g by conjugate gradients, the more exactly the smaller the gradient is."""
    residual = {name: -grad for name, grad in grads.items()}
    direction = {name: np.zeros_like(grad) for name, grad in grads.items()}
    search, norm = residual, gradient_norm(grads)
    enough, square, products = min(0.3, norm**0.5) * norm, norm**2, 0
    while square**0.5 > enough and products < 2000:
        image = hessian_product(params, x, search, l2=l2)
        products += 1
        size = square / _dot(search, image)
        direction = _moved(direction, search, size)
        residual = _moved(residual, image, -size)
        square, before = _dot(residual, residual), square
        search = _moved(residual, search, square / before)
    return direction, products


def _downhill(params, direction, grads, x, labels, l2, loss):
    """Go along the direction, half as far until the loss falls by a part of what the slope promises."""
    slope = _dot(direction, grads)
    rounding = 1e-14 * abs(loss)  # near the minimum the loss itself no longer shows the difference
    for halvings in range(40):
        size = 0.5**halvings
        candidate = _moved(params, direction, size)
        if loss_and_grads(candidate, x, labels, l2=l2)[0] <= loss + 1e-4 * size * slope + rounding:
            return candidate
    raise ArithmeticError("no step along Newton's direction lowers the loss")


def _dot(a, b):
    return float(sum((a[name] * b[name]).sum() for name in a))


def _moved(a, b, size):
    return {name: a[name] + size * b[name] for name in a}


def load_optimum():
    """Return the stored optima of MNIST, all 60,000 images with pixels / 255 and l2 = 1e-4.

    Computed by ``experiments/optimum.py``.

    Returns
    -------
    dict of str: dict
        For the solvers ``"newton"`` and ``"l-bfgs"`` the parameters, to be checked with
        `mnist_helpers.models.loss_and_grads`.
    """
    from mnist_helpers.longruns import results_folder

    with np.load(results_folder() / "optimum.npz") as arrays:
        return {
            solver: {part: arrays[f"{solver}_{part}"] for part in ("weights", "bias")}
            for solver in ("newton", "l-bfgs")
        }
