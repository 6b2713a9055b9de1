"""Softmax regression, and a network with one hidden layer, as plain functions on a dictionary of named arrays.

Softmax regression: ``params = {"weights": (D, K), "bias": (K,)}``. With a hidden layer of H units also
``"hidden_weights": (D, H)`` and ``"hidden_bias": (H,)``, and ``weights`` has the shape (H, K). The names decide which
of the two it is. Gradients have the same names and shapes.
"""

import numpy as np

from mnist_helpers.functional import cross_entropy_and_grad

__all__ = ["ACTIVATIONS", "hidden_layer", "init_params", "logits", "loss_and_grads", "predict"]


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
    ValueError
        If `scale` is negative or not finite, is not 0 without an `rng`, or the activation is unknown.

    Notes
    -----
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, for the factor 2 of the ReLU.
    """
    if scale is not None and not 0 <= scale < np.inf:
        raise ValueError(f"scale must be a finite number of at least 0, got {scale}")
    if num_hidden is not None and num_hidden < 1:
        raise ValueError(f"num_hidden must be at least 1, got {num_hidden}; None for softmax regression")
    sizes = [num_features, num_classes] if num_hidden is None else [num_features, num_hidden, num_classes]
    gains = [1.0] if num_hidden is None else [_activation(activation)[2], 1.0]
    params = {}
    for prefix, inputs, outputs, gain in zip(("hidden_", "")[-len(gains) :], sizes[:-1], sizes[1:], gains, strict=True):
        default = 0.0 if num_hidden is None else (gain / inputs) ** 0.5
        deviation = default if scale is None else scale
        if deviation and rng is None:
            raise ValueError("random weights (scale > 0, or a hidden layer) need rng=np.random.default_rng(seed)")
        shape = (inputs, outputs)
        weights = deviation * rng.standard_normal(shape) if deviation else np.zeros(shape)
        params |= {f"{prefix}weights": weights.astype(dtype), f"{prefix}bias": np.zeros(outputs, dtype)}
    return params


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

    Raises
    ------
    ValueError
        If the shapes do not fit or the activation is unknown.
    """
    if "hidden_weights" not in params:
        return x
    function, _, _ = _activation(activation)
    return function(_affine(x, params["hidden_weights"], params["hidden_bias"]))


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
        Unnormalised log-probabilities, in the dtype of the product.

    Raises
    ------
    ValueError
        If the shapes do not fit or the activation is unknown.
    """
    return _affine(hidden_layer(params, x, activation=activation), params["weights"], params["bias"])


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
        In nats, mean over the batch.
    grads : dict
        Same names and shapes as `params`, in the dtype of `x` (with a hidden layer, of `x` and `params` together).
        Where a weight is exactly 0, the derivative taken for its absolute value is 0; so is that of the ReLU at 0.

    Raises
    ------
    TypeError, ValueError
        As `logits` and `mnist_helpers.functional.cross_entropy`, and for a negative penalty.
    """
    if l1 < 0 or l2 < 0:
        raise ValueError(f"penalties must be at least 0, got l1={l1}, l2={l2}")
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
            loss += l1 * float(np.abs(weights).sum())
            grads[name] += l1 * np.sign(weights)
        if l2:
            loss += l2 / 2 * float((weights**2).sum())
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
    ValueError
        If the shapes do not fit, or a logit is NaN (which argmax would take for the largest).
    """
    scores = logits(params, x, activation=activation)
    if np.isnan(scores).any():
        raise ValueError("logits contain NaN, so there is no largest one; the run has probably diverged")
    return scores.argmax(axis=1)


def _affine(x, weights, bias):
    if x.ndim != 2 or x.shape[1] != len(weights):
        hint = "; use to_features on images" if x.ndim == 3 else ""
        raise ValueError(f"x must have shape (N, {len(weights)}) to fit the weights, got {x.shape}{hint}")
    return x @ weights + bias


def _activation(name):
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]
