"""Pyodide's Python has 32 bits: NumPy's own integer is int32 there, and int64 is not cast to it silently.

What NumPy refuses there for int64, such as counts of `repeat` or choices of `choose`, it refuses for uint64 everywhere.
places/browser.py runs the tests of the numpy core with a Python of 32 bits.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mnist_helpers.exercises import sheet_03, sheet_13
from mnist_helpers.functional import cross_entropy, cross_entropy_grad, one_hot
from mnist_helpers.metrics import accuracy, confusion_matrix

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 20)
LOGITS = RNG.normal(size=(20, 4))


def test_uint64_stands_for_what_int64_is_there():
    for call in (lambda n: np.repeat(np.arange(4), n), lambda n: np.choose(n, np.eye(4))):
        with pytest.raises(TypeError, match="Cannot cast array data"):
            call(np.arange(4, dtype=np.uint64))


@pytest.mark.parametrize(
    "call",
    [
        lambda labels: cross_entropy(LOGITS, labels),
        lambda labels: cross_entropy_grad(LOGITS, labels),
        lambda labels: one_hot(labels, 4),
        lambda labels: accuracy(labels, labels[::-1]),
        lambda labels: confusion_matrix(labels, labels[::-1], 4),
    ],
    ids=["cross_entropy", "cross_entropy_grad", "one_hot", "accuracy", "confusion_matrix"],
)
@pytest.mark.parametrize("dtype", [np.uint64, np.int32, np.uint8])
def test_labels_of_any_integer_dtype_give_the_same(call, dtype):
    assert_array_equal(call(LABELS.astype(dtype)), call(LABELS))


def test_counts_are_int64_wherever_they_are_counted(monkeypatch):
    count = np.bincount
    monkeypatch.setattr(np, "bincount", lambda *args, **kwargs: count(*args, **kwargs).astype(np.int32))
    assert confusion_matrix(LABELS, LABELS, 4).dtype == np.int64


def test_judges_take_wide_integers():
    log_probs, votes = sheet_03._random_votes(RNG, 5, 4)
    truth = np.mean([-np.average(row, weights=counts) for row, counts in zip(log_probs, votes, strict=True)])
    assert sheet_03._judge_votes((log_probs, votes.astype(np.uint64)), truth) is None
    parts = [np.eye(4), np.zeros(4), np.eye(4), np.zeros(4), np.eye(4), np.zeros(4)]
    found = [sheet_13._loss(parts, LOGITS, LABELS.astype(dtype)) for dtype in (np.uint64, np.int64)]
    assert found[0] == found[1]
