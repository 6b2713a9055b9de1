"""How well predictions fit the labels. Labels come first, predictions second, in every function."""

from dataclasses import dataclass

import numpy as np

from mnist_helpers._checks import whole_number, zeros
from mnist_helpers.functional import check_labels

__all__ = ["Calibration", "accuracy", "calibration", "confusion_matrix"]


@dataclass(frozen=True)
class Calibration:
    """How often predictions of a stated confidence are right. Only bins that hold examples are listed.

    Attributes
    ----------
    confidence : ndarray, shape (B,)
        Mean confidence (largest probability) of the examples in each bin.
    accuracy : ndarray, shape (B,)
        Fraction of them that are right.
    counts : ndarray of int, shape (B,)
    error : float
        Expected calibration error: mean over all examples of the distance between the two in their bin. In [0, 1].
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray
    error: float


def accuracy(labels, predictions):
    """Return the fraction of predictions that equal their label.

    Parameters
    ----------
    labels, predictions : array_like of int, shape (N,)
        True and predicted classes, as integers from 0.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError
        If either is not integers (probabilities or logits, for example).
    ValueError
        If shapes differ, are not (N,), or N is 0.
    """
    labels, predictions = _check_pair(labels, predictions)
    return float((labels == predictions).mean())


def confusion_matrix(labels, predictions, num_classes):
    """Count how often each class is predicted as each class.

    Parameters
    ----------
    labels, predictions : array_like of int, shape (N,)
        True and predicted classes in 0 .. num_classes - 1.
    num_classes : int

    Returns
    -------
    ndarray of int64, shape (num_classes, num_classes)
        Row = true class, column = predicted class; entries sum to N.

    Raises
    ------
    TypeError, ValueError
        As `accuracy`, and if a class is out of range, or if `num_classes` is not a whole number of at least 1 or too
        large.
    """
    num_classes = whole_number(num_classes, "num_classes")
    labels, predictions = _check_pair(labels, predictions, num_classes)
    zeros((num_classes, num_classes))  # complains if the matrix is too large
    pairs = labels.astype(np.int64) * num_classes + predictions.astype(np.int64)
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.astype(np.int64, copy=False).reshape(num_classes, num_classes)  # bincount's are int32 on 32 bits


def calibration(labels, probs, *, num_bins=10):
    """Compare the confidence of predictions with how often they are right.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
    probs : ndarray of float, shape (N, K)
        Rows that sum to 1, as from `mnist_helpers.functional.softmax`.
    num_bins : int
        Bins of equal width over the confidences [0, 1]; a value on a border belongs to the upper bin, 1 to the last.

    Returns
    -------
    Calibration

    Raises
    ------
    TypeError, ValueError
        If the labels are not integers in 0 .. K - 1, if shapes differ, if a row does not hold probabilities, or if
        `num_bins` is not a whole number from 1 to 1,000,000.

    Notes
    -----
    The expected calibration error is that of M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015. It depends on the number of bins.
    """
    probs = _check_probs(probs)
    if whole_number(num_bins, "num_bins") > 1_000_000:
        raise ValueError(f"num_bins must be at most 1,000,000, got {num_bins}")
    labels, predictions = _check_pair(labels, probs.argmax(axis=1), probs.shape[1])
    confidence, right = probs.max(axis=1), labels == predictions
    bins = np.digitize(confidence, np.arange(1, num_bins) / num_bins)
    counts = np.bincount(bins, minlength=num_bins)
    used = counts > 0
    stated, found = (np.bincount(bins, values, num_bins)[used] / counts[used] for values in (confidence, right))
    return Calibration(stated, found, counts[used], float(counts[used] @ np.abs(stated - found) / len(labels)))


def _check_probs(probs):
    probs = np.asarray(probs)
    if probs.dtype.kind != "f" or probs.ndim != 2:
        raise ValueError(f"probs must be floating point of shape (N, K), got {probs.dtype} of shape {probs.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        sums_to_one = np.allclose(probs.sum(axis=1), 1, atol=1e-3)
    if not ((probs >= 0).all() and sums_to_one):
        raise ValueError("each row of probs must be at least 0 and sum to 1; logits need softmax first")
    return probs.astype(np.float64)


def _check_pair(labels, predictions, num_classes=np.inf):
    labels = check_labels(labels, num_classes)
    predictions = check_labels(predictions, num_classes)
    if labels.shape != predictions.shape:
        raise ValueError(f"{len(labels)} labels but {len(predictions)} predictions")
    if not len(labels):
        raise ValueError("nothing to score: got 0 labels")
    return labels, predictions
