"""The exact minimum of softmax regression with an L2 penalty, by Newton's method.

The loss is convex, and with l2 > 0 its lowest value is reached and known to any precision: see `gap_bound`.
"""

import numpy as np

from mnist_helpers._checks import float_arrays, kind_of, real_number, whole_number
from mnist_helpers.functional import check_labels, log_softmax, logsumexp, softmax
from mnist_helpers.models import logits, loss_and_grads

__all__ = ["gap_bound", "gradient_norm", "hessian_product", "load_optimum", "newton", "with_best_bias"]


@np.errstate(over="ignore", invalid="ignore")
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
        Same names and shapes. Infinite or NaN where a sum is beyond the range of its dtype.

    Raises
    ------
    TypeError, ValueError
        As `mnist_helpers.models.logits`; if there is a hidden layer, no example, or a logit is NaN or +inf; if the
        direction is not finite, or `l2` no finite number.

    Notes
    -----
    B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
    """
    _check_no_hidden_layer(params)
    l2 = real_number(l2, "l2")
    float_arrays(direction, "direction")
    if not all(np.isfinite(array).all() for array in direction.values()):
        raise ValueError("the direction must be finite, got NaN or infinity in it")
    return _hessian_product(params, x, direction, l2)


def _hessian_product(params, x, direction, l2):
    probs = softmax(logits(params, x))
    if not len(x):
        raise ValueError("the mean over an empty batch is undefined: got 0 examples")
    moved = logits(direction, x)  # how the logits move along the direction
    delta = probs * (moved - (probs * moved).sum(axis=1, keepdims=True)) / len(x)
    return {"weights": x.T @ delta + l2 * direction["weights"], "bias": delta.sum(axis=0)}


def _check_no_hidden_layer(params):
    float_arrays(params, "params")
    if "hidden_weights" in params:
        raise ValueError("this is for softmax regression; these parameters have a hidden layer")


def _check_float64(x):
    """Raise TypeError unless x is float64: nothing less gives a gradient that is as small as it must be here."""
    if getattr(x, "dtype", None) != np.float64:
        raise TypeError(f"x must be an array of float64, got {kind_of(x)}")


def gradient_norm(grads):
    """Return the Euclidean norm of all gradients together.

    Raises
    ------
    TypeError
        If `grads` is no dictionary of floating-point arrays.
    ValueError
        If a gradient is NaN or infinite, or the norm itself is beyond the range of float64.
    """
    float_arrays(grads, "grads")
    with np.errstate(over="ignore"):
        norm = float(np.sqrt(sum((grad**2).sum() for grad in grads.values())))
        if not 1e-17 < norm < 1e17:  # squares may have left the range of float32, or of float64
            norm = _scaled_norm([grad.astype(np.float64) for grad in grads.values()])
    if not norm < np.inf:
        raise ValueError(f"the norm of the gradients is {norm}; they must be finite")
    return norm


def _scaled_norm(arrays):
    """Return the norm by way of numbers of at most 1, whose squares cannot overflow."""
    largest = max((float(np.abs(array).max(initial=0)) for array in arrays), default=0.0)
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.sqrt(sum(((array / largest) ** 2).sum() for array in arrays)))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def with_best_bias(params, x, labels):
    """Return the parameters with the bias replaced by the one of lowest loss for these weights.

    Parameters
    ----------
    params : dict
        Softmax regression. Not changed.
    x : ndarray of float64, shape (N, D)
    labels : ndarray of int, shape (N,)

    Returns
    -------
    dict
        The gradient with respect to this bias is zero up to rounding.

    Raises
    ------
    ValueError
        As `mnist_helpers.functional.cross_entropy`, if there is a hidden layer, and if a class has no example: the
        lower its bias, the lower the loss, without end.
    TypeError
        As `mnist_helpers.functional.cross_entropy`.
    ArithmeticError
        If its gradient does not come below 1e-12.
    """
    _check_no_hidden_layer(params)
    _check_float64(x)
    num_classes = logits(params, x).shape[1]
    labels = check_labels(labels, num_classes)
    if len(labels) != len(x):
        raise ValueError(f"{len(x)} examples but {len(labels)} labels")
    if len(np.unique(labels)) < num_classes:
        raise ValueError(f"each of the {num_classes} classes needs an example, else there is no best bias")
    scores, bias = x @ params["weights"], params["bias"]
    frequencies = np.bincount(labels.astype(np.intp), minlength=num_classes) / len(labels)
    for _ in range(50):  # from anywhere: raise the bias of a class that is predicted too rarely by the log of the ratio
        mean_log_probs = logsumexp(log_softmax(scores + bias), axis=0) - np.log(len(x))
        bias = bias + np.log(frequencies) - mean_log_probs
    for _ in range(20):  # from nearby: Newton
        probs = softmax(scores + bias)
        slope = probs.mean(axis=0) - frequencies
        if np.linalg.norm(slope) < 1e-14:
            break
        curvature = np.diag(probs.mean(axis=0)) - probs.T @ probs / len(x)
        bias = bias - np.linalg.lstsq(curvature, slope, rcond=1e-12)[0]
    if not np.linalg.norm(slope) < 1e-12:
        raise ArithmeticError(f"the best bias was not found; its gradient is still {np.linalg.norm(slope):.0e}")
    return params | {"bias": bias}


def gap_bound(params, x, labels, *, l2):
    """Return how far the penalised loss of these parameters can be above the minimum, at most.

    With the best bias for the weights it is norm(G)**2 / (2 * l2), with the gradient G with respect to the weights,
    because the loss is strongly convex in them with the constant `l2`. To this comes what the best bias gains.

    Parameters
    ----------
    params : dict
        Softmax regression.
    x : ndarray of float64, shape (N, D)
    labels : ndarray of int, shape (N,)
    l2 : float
        Above 0.

    Returns
    -------
    float
        In nats. Rounding errors of the loss itself, about 1e-15, are not in it.

    Raises
    ------
    ValueError
        If `l2` is not above 0, or as `with_best_bias`.
    TypeError
        As `with_best_bias`, or if `l2` is no number.
    ArithmeticError
        As `with_best_bias`, or if the bound is beyond the range of float64.
    """
    l2 = float(real_number(l2, "l2", "finite; l2 must be above 0"))  # twice a small NumPy integer may not fit its dtype
    if not l2 > 0:
        raise ValueError(f"without a penalty there is no bound; l2 must be above 0, got {l2}")
    _check_float64(x)
    loss, _ = loss_and_grads(params, x, labels, l2=l2)
    best_loss, grads = loss_and_grads(with_best_bias(params, x, labels), x, labels, l2=l2)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = max(loss - best_loss, 0.0) + float((grads["weights"] ** 2).sum() / np.float64(2 * l2))
    if not bound < np.inf:
        raise ArithmeticError(f"the bound is {bound}: l2 is too small, or weights or features are too large")
    return bound


@np.errstate(over="ignore", invalid="ignore")
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
    TypeError, ValueError
        As `mnist_helpers.models.loss_and_grads`, if there is a hidden layer, if `l2` is not above 0, or if `tolerance`
        or `max_steps` is negative, not finite or no number.
    ArithmeticError
        If the tolerance is not reached in `max_steps` steps, no step along the direction lowers the loss, or numbers
        leave their range.

    Notes
    -----
    J. Nocedal, S. J. Wright, *Numerical Optimization*, 2nd ed., Springer 2006, chapter 7.1 (line search Newton-CG).
    """
    _check_no_hidden_layer(params)
    _check_float64(x)
    whole_number(max_steps, "max_steps", least=0)
    if real_number(tolerance, "tolerance") < 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    l2 = float(real_number(l2, "l2", "finite; l2 must be above 0"))  # twice a small NumPy integer may not fit its dtype
    if not l2 > 0:
        raise ValueError(f"without a penalty there need not be a minimum; l2 must be above 0, got {l2}")
    loss, grads = loss_and_grads(params, x, labels, l2=l2)
    log = [(loss, gradient_norm(grads), 0)]
    while log[-1][1] > tolerance:
        if len(log) > max_steps:
            raise ArithmeticError(f"gradient norm {log[-1][1]:.1e} after {max_steps} steps, above {tolerance:.1e}")
        try:
            direction, products = _newton_direction(params, x, grads, l2)
        except (OverflowError, ZeroDivisionError) as error:
            raise ArithmeticError(f"Newton's direction is beyond the range of the numbers: {error}") from error
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
        image = _hessian_product(params, x, search, l2)
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
