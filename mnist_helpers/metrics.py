"""How well predictions fit the labels. Labels come first, predictions second, in every function."""

import numpy as np

from mnist_helpers.functional import check_labels

__all__ = ["accuracy", "confusion_matrix"]


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
        As `accuracy`, and if a class is out of range.
    """
    labels, predictions = _check_pair(labels, predictions, num_classes)
    pairs = labels.astype(np.int64) * num_classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check_pair(labels, predictions, num_classes=np.inf):
    labels = check_labels(labels, num_classes)
    predictions = check_labels(predictions, num_classes)
    if labels.shape != predictions.shape:
        raise ValueError(f"{len(labels)} labels but {len(predictions)} predictions")
    if not len(labels):
        raise ValueError("nothing to score: got 0 labels")
    return labels, predictions
