"""Softmax regression, and a network with one hidden layer, as plain functions on a dictionary of named arrays.

Softmax regression: ``params = {"weights": (D, K), "bias": (K,)}``. With a hidden layer of H units also
``"hidden_weights": (D, H)`` and ``"hidden_bias": (H,)``, and ``weights`` has the shape (H, K). The names decide which
of the two it is. Gradients have the same names and shapes.
"""

import numpy as np

from mnist_helpers._checks import float_arrays, kind_of, real_number, whole_number, zeros
from mnist_helpers.functional import cross_entropy_and_grad

__all__ = ["ACTIVATIONS", "hidden_layer", "init_params", "logits", "loss_and_grads", "predict"]

_NAMES = {"weights", "bias"}
_HIDDEN_NAMES = {"hidden_weights", "hidden_bias"}


def relu(a):
    """Return max(a, 0); NaN stays NaN."""
    return np.maximum(a, 0)


def sigmoid(a):
    """Return 1 / (1 + exp(-a)), computed as (1 + tanh(a / 2)) / 2, which overflows nowhere."""
    return (1 + np.tanh(a / 2)) / 2


# name: (the function, its slope in terms of its output, the factor in the variance of the weights that feed it)
ACTIVATIONS = {
    "relu": (relu, lambda h: h > 0, 2.0),
    "tanh": (np.tanh, lambda h: 1 - h**2, 1.0),
    "sigmoid": (sigmoid, lambda h: h * (1 - h), 1.0),
}


def init_params(
    num_features, num_classes, *, num_hidden=None, activation="relu", scale=None, rng=None, dtype=np.float64
):
    """Return weights drawn from a normal distribution and biases of zeros.

    Parameters
    ----------
    num_features, num_classes : int
        D and K.
    num_hidden : int, optional
        H, the units of the hidden layer; None for softmax regression.
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer; it decides the default scale.
    scale : float, optional
        Standard deviation of all weights. Default without a hidden layer: 0, because softmax regression is convex and
        needs no random start. With one: sqrt(1 / inputs) for each layer, sqrt(2 / inputs) for the one before a ReLU.
    rng : numpy.random.Generator, optional
        Needed unless all weights are 0.
    dtype : float32 or float64

    Returns
    -------
    dict
        See the module. In the order of the forward pass.

    Raises
    ------
    TypeError
        If `scale` is no number, `rng` no Generator or `dtype` not floating point.
    ValueError
        If a size is not a whole number of at least 1 or too large, `scale` is negative, not finite or beyond the range
        of `dtype`, is not 0 without an `rng`, or the activation is unknown.

    Notes
    -----
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, for the factor 2 of the ReLU.
    """
    if scale is not None and real_number(scale, "scale", "a finite number of at least 0") < 0:
        raise ValueError(f"scale must be a finite number of at least 0, got {scale}")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, as from np.random.default_rng(seed), got {rng!r}")
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be floating point, got {np.dtype(dtype)}")
    sizes = {"num_features": num_features, "num_hidden": num_hidden, "num_classes": num_classes}
    sizes = [whole_number(size, name) for name, size in sizes.items() if name != "num_hidden" or size is not None]
    gains = [1.0] if num_hidden is None else [_activation(activation)[2], 1.0]
    params = {}
    for prefix, inputs, outputs, gain in zip(("hidden_", "")[-len(gains) :], sizes[:-1], sizes[1:], gains, strict=True):
        weights = zeros((inputs, outputs))  # first, because it complains of what is too large
        default = 0.0 if num_hidden is None else (gain / inputs) ** 0.5
        deviation = default if scale is None else scale
        if deviation and rng is None:
            raise ValueError("random weights (scale > 0, or a hidden layer) need rng=np.random.default_rng(seed)")
        if deviation:
            rng.standard_normal(out=weights)
        params |= {f"{prefix}weights": _scaled(weights, deviation, dtype), f"{prefix}bias": zeros(outputs, dtype)}
    return params


@np.errstate(over="ignore")
def _scaled(weights, deviation, dtype):
    weights = (deviation * weights).astype(dtype)
    if not np.isfinite(weights).all():
        raise ValueError(f"scale is too large: some weights are beyond the range of {np.dtype(dtype)}")
    return weights


# What is not finite is found by those who look at the results; NumPy need not warn as well.
@np.errstate(over="ignore", invalid="ignore")
def hidden_layer(params, x, *, activation="relu"):
    """Return what the last layer sees: the output of the hidden layer, or `x` itself if there is none.

    Parameters
    ----------
    params : dict
    x : ndarray of float, shape (N, D)
    activation : "relu", "tanh" or "sigmoid"
        Not used without a hidden layer.

    Returns
    -------
    ndarray, shape (N, H) or (N, D)
        Infinite where a sum is beyond the range of its dtype; NaN where `x` or `params` hold NaN, or infinities meet.

    Raises
    ------
    TypeError
        If `params` is no dictionary of floating-point arrays, or `x` no array of real numbers.
    ValueError
        If the names or shapes do not fit or the activation is unknown.
    """
    _check(params, x)
    if "hidden_weights" not in params:
        return x
    function, _, _ = _activation(activation)
    return function(_affine(x, params["hidden_weights"], params["hidden_bias"]))


@np.errstate(over="ignore", invalid="ignore")
def logits(params, x, *, activation="relu"):
    """Return one score per example and class: ``h @ weights + bias`` with the output h of `hidden_layer`.

    Parameters
    ----------
    params : dict
    x : ndarray of float, shape (N, D)
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer, if there is one.

    Returns
    -------
    ndarray, shape (N, K)
        Unnormalised log-probabilities, in the dtype of the product. Infinite or NaN as `hidden_layer`.

    Raises
    ------
    TypeError, ValueError
        As `hidden_layer`.
    """
    return _affine(hidden_layer(params, x, activation=activation), params["weights"], params["bias"])


@np.errstate(over="ignore", invalid="ignore")
def loss_and_grads(params, x, labels, *, l1=0.0, l2=0.0, activation="relu"):
    """Return the penalised mean cross-entropy and its gradient.

    The loss is cross_entropy + l1 * sum(abs(w)) + l2 / 2 * sum(w**2) with the sums over all weights; no bias is
    penalised.

    Parameters
    ----------
    params : dict
    x : ndarray of float, shape (N, D)
    labels : ndarray of int, shape (N,)
    l1, l2 : float
        Strengths of the penalties, at least 0. They do not depend on the batch size.
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer, if there is one.

    Returns
    -------
    loss : float
        In nats, mean over the batch; inf where the penalty or the loss of an example is beyond the range of its dtype.
    grads : dict
        Same names and shapes as `params`, in the dtype of `x` (with a hidden layer, of `x` and `params` together).
        Where a weight is exactly 0, the derivative taken for its absolute value is 0; so is that of the ReLU at 0.
        Infinite or NaN as `hidden_layer`.

    Raises
    ------
    TypeError, ValueError
        As `logits` and `mnist_helpers.functional.cross_entropy`, if `x` is not floating point, and for a penalty that
        is negative or not finite.
    """
    l1, l2 = real_number(l1, "l1"), real_number(l2, "l2")
    if l1 < 0 or l2 < 0:
        raise ValueError(f"penalties must be at least 0, got l1={l1}, l2={l2}")
    if getattr(x, "dtype", np.dtype(object)).kind != "f":  # the gradients get its dtype, and integers would round them
        raise TypeError(f"x must be floating point (see to_features), got {kind_of(x)}")
    h = hidden_layer(params, x, activation=activation)
    loss, delta = cross_entropy_and_grad(_affine(h, params["weights"], params["bias"]), labels)
    delta = delta.astype(h.dtype, copy=False)  # else float32 features would be copied to float64 for the product
    grads = {"weights": h.T @ delta, "bias": delta.sum(axis=0)}
    if "hidden_weights" in params:
        hidden_delta = (delta @ params["weights"].T) * _activation(activation)[1](h)
        grads = {"hidden_weights": x.T @ hidden_delta, "hidden_bias": hidden_delta.sum(axis=0), **grads}
    for name in [name for name in params if name.endswith("weights")]:
        weights = params[name]
        if l1:
            loss += float(l1) * float(np.abs(weights).sum())
            grads[name] += l1 * np.sign(weights)
        if l2:
            loss += float(l2) / 2 * float((weights**2).sum())
            grads[name] += l2 * weights
    return loss, grads


def predict(params, x, *, activation="relu"):
    """Return the class with the largest logit for each example; the first of equals.

    Parameters
    ----------
    params : dict
    x : ndarray of float, shape (N, D)
    activation : "relu", "tanh" or "sigmoid"
        Of the hidden layer, if there is one.

    Returns
    -------
    ndarray of int64, shape (N,)

    Raises
    ------
    TypeError, ValueError
        As `hidden_layer`, and if there is no class, or a logit is NaN (which argmax would take for the largest).
    """
    scores = logits(params, x, activation=activation)
    if np.isnan(scores).any():
        raise ValueError("logits contain NaN, so there is no largest one; the run has probably diverged")
    return scores.argmax(axis=1)


def _check(params, x):
    """Raise unless these can be parameters and features; whether x fits the weights, `_affine` sees."""
    float_arrays(params, "params")
    hidden = _HIDDEN_NAMES if "hidden_weights" in params else set()
    if params.keys() != _NAMES | hidden:
        raise ValueError(f"params must have the names {sorted(_NAMES | hidden)}, got {sorted(map(str, params))}")
    for prefix in ("", "hidden_") if hidden else ("",):
        weights, bias = params[f"{prefix}weights"], params[f"{prefix}bias"]
        if weights.ndim != 2 or bias.shape != weights.shape[1:]:
            raise ValueError(
                f"{prefix}weights must have shape (inputs, outputs) and {prefix}bias (outputs,), "
                f"got {weights.shape} and {bias.shape}"
            )
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        raise TypeError(f"x must be an array of real numbers, got {kind_of(x)}")
    if x.ndim != 2:
        hint = "; use to_features on images" if x.ndim == 3 else ""
        first = "hidden_weights" if hidden else "weights"
        raise ValueError(f"x must have shape (N, {len(params[first])}), got {x.shape}{hint}")


def _affine(x, weights, bias):
    if x.ndim != 2 or x.shape[1] != len(weights):
        hint = "; use to_features on images" if x.ndim == 3 else ""
        raise ValueError(f"x must have shape (N, {len(weights)}) to fit the weights, got {x.shape}{hint}")
    return x @ weights + bias


def _activation(name):
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]
