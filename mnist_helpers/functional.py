"""The functions of softmax regression: softmax, its logarithm, the cross-entropy and their gradient.

Everything takes logits (unnormalised log-probabilities, shape (N, K) for N examples and K classes) and
computes in float64 whatever the dtype of the input: there are only K numbers per example, so the accuracy
costs nothing next to the product that made them. No argument is changed.

A logit may be any finite number or -inf (a class that is ruled out). NaN and +inf raise ``ValueError``.
"""

import numpy as np

from mnist_helpers._checks import whole_number, zeros

__all__ = [
    "cross_entropy",
    "cross_entropy_and_grad",
    "cross_entropy_grad",
    "log_softmax",
    "logsumexp",
    "one_hot",
    "softmax",
    "softmax_jacobian",
]


def logsumexp(logits, axis=-1, keepdims=False):
    """Return log(sum(exp(logits))) along an axis without overflow.

    Parameters
    ----------
    logits : array_like of real numbers, any shape
        Finite or -inf. Computed in float64.
    axis : int
        The axis to sum over.
    keepdims : bool
        Keep the summed axis with length one.

    Returns
    -------
    ndarray of float64 (a float64 scalar for one-dimensional input)
        At least the largest logit; -inf where every logit is -inf.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, or the axis is empty or absent.
    TypeError
        If the logits are not real numbers, or the axis is no whole number.

    Notes
    -----
    The maximum is subtracted first, so the largest exponential is exp(0) = 1; see chapter 5, and
    P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
    functions", IMA J. Numer. Anal. 41 (2021).
    """
    logits = _as_logits(logits, axis)
    maximum = _checked_max(logits, axis)
    # Where all logits are -inf the shift would be -inf - (-inf) = NaN; zero gives log(0) = -inf, as it should be.
    shift = np.where(np.isneginf(maximum), 0.0, maximum)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        total = shift + np.log(np.exp(logits - shift).sum(axis=axis, keepdims=True))
    return total if keepdims else np.squeeze(total, axis=axis)[()]


def log_softmax(logits, axis=-1):
    """Return the logarithm of the softmax probabilities, in nats.

    Parameters
    ----------
    logits : array_like of real numbers, any shape
        Finite or -inf, at least one finite along the axis.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray of float64, same shape
        At most 0. -inf where the logit is -inf, or lies further below the largest than float64 reaches.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, if all are -inf, or the axis is empty or absent.
    TypeError
        If the logits are not real numbers, or the axis is no whole number.
    """
    logits = _as_logits(logits, axis)
    maximum = _checked_max(logits, axis, need_finite=True)
    with np.errstate(over="ignore", under="ignore"):
        shifted = logits - maximum
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def softmax(logits, axis=-1):
    """Return the softmax probabilities exp(logits) / sum(exp(logits)).

    Parameters
    ----------
    logits : array_like of real numbers, any shape
        Finite or -inf, at least one finite along the axis.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray of float64, same shape
        In [0, 1], summing to one along the axis. Probabilities below about 5e-324 are exactly 0.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, if all are -inf, or the axis is empty or absent.
    TypeError
        If the logits are not real numbers, or the axis is no whole number.
    """
    logits = _as_logits(logits, axis)
    maximum = _checked_max(logits, axis, need_finite=True)
    with np.errstate(over="ignore", under="ignore"):
        exponentials = np.exp(logits - maximum)
        return exponentials / exponentials.sum(axis=axis, keepdims=True)


def softmax_jacobian(probs):
    """Return the derivatives of all probabilities with respect to all logits, diag(p) - p p^T.

    Parameters
    ----------
    probs : array_like of real numbers, shape (..., K)
        Softmax probabilities: at least 0, summing to one along the last axis.

    Returns
    -------
    ndarray of float64, shape (..., K, K)
        Entry (i, j) is the derivative of p_i with respect to z_j: p_i * ([i = j] - p_j). Symmetric, positive
        semidefinite, rows and columns sum to zero.

    Raises
    ------
    ValueError
        If `probs` has no axis, is negative or NaN somewhere, or does not sum to one (logits given?).
    TypeError
        If the probabilities are not real numbers.
    """
    probs = np.asarray(probs)
    if probs.dtype.kind not in "fiu":
        raise TypeError(f"probs must be real numbers, got dtype {probs.dtype}")
    probs = probs.astype(np.float64, copy=False)
    if not probs.ndim or not probs.shape[-1]:
        raise ValueError(f"probs must have shape (..., K), got {probs.shape}")
    # The second condition allows for float32 probabilities; written so that NaN fails it.
    with np.errstate(over="ignore", invalid="ignore"):
        sums_to_one = (np.abs(probs.sum(axis=-1) - 1) < 1e-4).all()
    if not (probs >= 0).all() or not sums_to_one:
        raise ValueError("probs must be at least 0 and sum to one along the last axis; these look like logits")
    return probs[..., :, None] * np.eye(probs.shape[-1]) - probs[..., :, None] * probs[..., None, :]


def one_hot(labels, num_classes):
    """Return one row per label with a one at the label and zeros elsewhere.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        In 0 .. num_classes - 1.
    num_classes : int

    Returns
    -------
    ndarray of float64, shape (N, num_classes)

    Raises
    ------
    TypeError
        If the labels are not integers.
    ValueError
        If the labels are not one-dimensional or a label is out of range, or if `num_classes` is not a whole number of
        at least 1 or too large.
    """
    labels = check_labels(labels, whole_number(num_classes, "num_classes"))
    rows = zeros((len(labels), num_classes))
    rows[np.arange(len(labels)), labels] = 1.0
    return rows


def cross_entropy(logits, labels):
    """Return the mean negative log-likelihood of the labels, in nats.

    Parameters
    ----------
    logits : array_like of real numbers, shape (N, K)
        Finite or -inf, at least one finite per row.
    labels : array_like of int, shape (N,)
        In 0 .. K - 1.

    Returns
    -------
    float
        Mean over the N examples, at least 0. ``inf`` if, and only if, the logit of a label is -inf or lies more
        than about 1.8e308 below the largest of its row.

    Raises
    ------
    TypeError
        If the labels are not integers or the logits not real numbers.
    ValueError
        If shapes disagree, a label is out of range, or a logit is NaN or +inf.
    """
    logits, labels = _check_batch(logits, labels)
    return _mean(-log_softmax(logits)[np.arange(len(labels)), labels])


def cross_entropy_grad(logits, labels):
    """Return the gradient of `cross_entropy` with respect to the logits: (softmax - one_hot) / N.

    Parameters
    ----------
    logits : array_like of real numbers, shape (N, K)
    labels : array_like of int, shape (N,)

    Returns
    -------
    ndarray of float64, shape (N, K)
        Already divided by N; each row sums to zero.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.
    """
    return cross_entropy_and_grad(logits, labels)[1]


def cross_entropy_and_grad(logits, labels):
    """Return `cross_entropy` and `cross_entropy_grad` from one pass over the logits.

    Parameters
    ----------
    logits : array_like of real numbers, shape (N, K)
    labels : array_like of int, shape (N,)

    Returns
    -------
    loss : float
        Mean over the batch, in nats.
    grad : ndarray of float64, shape (N, K)

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.
    """
    logits, labels = _check_batch(logits, labels)
    picked = np.arange(len(labels)), labels
    maximum = _checked_max(logits, axis=-1, need_finite=True)
    with np.errstate(over="ignore", under="ignore"):
        shifted = logits - maximum
        exponentials = np.exp(shifted)  # computed once, for the loss and for the gradient
        total = exponentials.sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - shifted[picked]
        grad = exponentials / total
    grad[picked] -= 1.0
    grad /= len(labels)
    return _mean(losses), grad


def check_labels(labels, num_classes):
    """Return the labels as an array, or raise if they are not N integers in 0 .. num_classes - 1."""
    labels = np.asarray(labels)
    if labels.ndim != 1:
        hint = "; one-hot rows? use argmax(axis=1)" if labels.ndim == 2 else ""
        raise ValueError(f"labels must have shape (N,), got {labels.shape}{hint}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got dtype {labels.dtype}")
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"labels must lie in 0 .. {num_classes - 1}, got {labels.min()} .. {labels.max()}; "
            "a negative label would silently pick a class counted from the end"
        )
    return labels


def _mean(losses):
    with np.errstate(over="ignore"):
        mean = losses.sum() / len(losses)
        if mean == np.inf:  # a loss is infinite, or only the sum overflowed: divide first; no mean exceeds the largest
            mean = min((losses / len(losses)).sum(), losses.max())
    return float(mean) + 0.0  # + 0.0 turns -0.0 into 0.0


def _check_batch(logits, labels):
    logits = _as_logits(logits, axis=-1)
    if logits.ndim != 2:
        raise ValueError(f"logits must have shape (N, K), got {logits.shape}")
    labels = check_labels(labels, logits.shape[1])
    if len(labels) != len(logits):
        raise ValueError(f"{len(logits)} rows of logits but {len(labels)} labels")
    if not len(labels):
        raise ValueError("the mean over an empty batch is undefined: got 0 examples")
    return logits, labels


def _as_logits(logits, axis):
    logits = np.asarray(logits)
    if logits.dtype.kind not in "fiu":
        raise TypeError(f"logits must be real numbers, got dtype {logits.dtype}")
    if not isinstance(axis, int | np.integer):
        raise TypeError(f"axis must be a whole number, got {axis!r}")
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"axis {axis} does not exist in logits of shape {logits.shape}")
    if not logits.shape[axis]:
        raise ValueError(f"logits of shape {logits.shape} hold no class along axis {axis}")
    # In column order ("F") NumPy takes maxima and sums over a few classes several times faster.
    return logits.astype(np.float64, order="F", copy=False)


def _checked_max(logits, axis, need_finite=False):
    """Return the maximum along the axis; it alone tells whether any logit is NaN or +inf."""
    maximum = logits.max(axis=axis, keepdims=True)
    if np.isfinite(maximum).all():  # the usual case, and the only one while all is well
        return maximum
    if not (maximum < np.inf).all():
        found = "NaN" if np.isnan(maximum).any() else "+inf"
        raise ValueError(
            f"logits contain {found}; they must be finite or -inf. "
            "After training steps this usually means that the run has diverged"
        )
    if need_finite and np.isneginf(maximum).any():
        raise ValueError("all logits of an example are -inf, so no class has any probability")
    return maximum
