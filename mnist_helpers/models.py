"""Softmax regression as plain functions on a dictionary of named arrays.

``params = {"weights": (D, K), "bias": (K,)}``; gradients have the same names and shapes.
"""

import numpy as np

from mnist_helpers.functional import cross_entropy_and_grad

__all__ = ["init_params", "logits", "loss_and_grads", "predict"]


def init_params(num_features, num_classes, *, scale=0.0, rng=None, dtype=np.float64):
    """Return weights drawn from a normal distribution and a bias of zeros.

    Parameters
    ----------
    num_features, num_classes : int
        D and K.
    scale : float
        Standard deviation of the weights. 0, the default, starts at zero: softmax regression is convex, so it
        needs no random start.
    rng : numpy.random.Generator, optional
        Needed if `scale` is not 0.
    dtype : float32 or float64

    Returns
    -------
    dict
        ``weights`` of shape (D, K) and ``bias`` of shape (K,).

    Raises
    ------
    ValueError
        If `scale` is negative or not finite, or is not 0 without an `rng`.
    """
    if not 0 <= scale < np.inf:
        raise ValueError(f"scale must be a finite number of at least 0, got {scale}")
    if scale and rng is None:
        raise ValueError("random weights (scale > 0) need rng=np.random.default_rng(seed)")
    shape = (num_features, num_classes)
    weights = scale * rng.standard_normal(shape) if scale else np.zeros(shape)
    return {"weights": weights.astype(dtype), "bias": np.zeros(num_classes, dtype)}


def logits(params, x):
    """Return one score per example and class, ``x @ weights + bias``.

    Parameters
    ----------
    params : dict
        ``weights`` (D, K) and ``bias`` (K,).
    x : ndarray of float, shape (N, D)

    Returns
    -------
    ndarray, shape (N, K)
        Unnormalised log-probabilities, in the dtype of the product.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    weights = params["weights"]
    if x.ndim != 2 or x.shape[1] != len(weights):
        hint = "; use to_features on images" if x.ndim == 3 else ""
        raise ValueError(f"x must have shape (N, {len(weights)}) to fit the weights, got {x.shape}{hint}")
    return x @ weights + params["bias"]


def loss_and_grads(params, x, labels, *, l1=0.0, l2=0.0):
    """Return the penalised mean cross-entropy and its gradient.

    The loss is cross_entropy + l1 * sum(abs(weights)) + l2 / 2 * sum(weights**2); the bias is not penalised.

    Parameters
    ----------
    params : dict
        ``weights`` (D, K) and ``bias`` (K,).
    x : ndarray of float, shape (N, D)
    labels : ndarray of int, shape (N,)
    l1, l2 : float
        Strengths of the penalties, at least 0. They do not depend on the batch size.

    Returns
    -------
    loss : float
        In nats, mean over the batch.
    grads : dict
        Same names and shapes as `params`, in the dtype of `x`. Where a weight is exactly 0, the derivative
        taken for its absolute value is 0.

    Raises
    ------
    TypeError, ValueError
        As `logits` and `mnist_helpers.functional.cross_entropy`, and for a negative penalty.
    """
    if l1 < 0 or l2 < 0:
        raise ValueError(f"penalties must be at least 0, got l1={l1}, l2={l2}")
    loss, delta = cross_entropy_and_grad(logits(params, x), labels)
    delta = delta.astype(x.dtype, copy=False)  # else float32 features would be copied to float64 for the product
    weights = params["weights"]
    grads = {"weights": x.T @ delta, "bias": delta.sum(axis=0)}
    if l1:
        loss += l1 * float(np.abs(weights).sum())
        grads["weights"] += l1 * np.sign(weights)
    if l2:
        loss += l2 / 2 * float((weights**2).sum())
        grads["weights"] += l2 * weights
    return loss, grads


def predict(params, x):
    """Return the class with the largest logit for each example; the first of equals.

    Parameters
    ----------
    params : dict
    x : ndarray of float, shape (N, D)

    Returns
    -------
    ndarray of int64, shape (N,)

    Raises
    ------
    ValueError
        If the shapes do not fit, or a logit is NaN (which argmax would take for the largest).
    """
    scores = logits(params, x)
    if np.isnan(scores).any():
        raise ValueError("logits contain NaN, so there is no largest one; the run has probably diverged")
    return scores.argmax(axis=1)
