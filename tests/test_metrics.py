"""accuracy and the confusion matrix against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics
from numpy.testing import assert_array_equal

from mnist_helpers.metrics import accuracy, confusion_matrix

SCORES = [accuracy, lambda labels, predictions: confusion_matrix(labels, predictions, 3)]
SCORE_NAMES = ["accuracy", "confusion_matrix"]


@pytest.mark.parametrize(("n", "num_classes"), [(1, 10), (50, 2), (1000, 10)])
def test_agree_with_scikit_learn(n, num_classes):
    labels, predictions = np.random.default_rng(n).integers(num_classes, size=(2, n))
    matrix = confusion_matrix(labels, predictions, num_classes)
    assert accuracy(labels, predictions) == pytest.approx(sklearn.metrics.accuracy_score(labels, predictions))
    assert_array_equal(
        matrix, sklearn.metrics.confusion_matrix(labels, predictions, labels=range(num_classes)), strict=True
    )


def test_rows_of_the_confusion_matrix_are_the_true_classes():
    assert_array_equal(confusion_matrix([0, 0, 2], [1, 1, 2], 3), [[0, 2, 0], [0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("labels_dtype", ["u1", "i1", "i8", "u8"])
@pytest.mark.parametrize("predictions_dtype", ["u1", "i1", "i8", "u8"])
def test_integer_dtypes_may_be_mixed(labels_dtype, predictions_dtype):
    labels, predictions = np.array([99, 98, 99], labels_dtype), np.array([99, 99, 0], predictions_dtype)
    matrix = confusion_matrix(labels, predictions, 100)  # 99 * 100 does not fit into a byte
    assert accuracy(labels, predictions) == pytest.approx(1 / 3)
    assert matrix.dtype == np.int64
    assert_array_equal(np.argwhere(matrix), [[98, 99], [99, 0], [99, 99]])


@pytest.mark.parametrize("score", SCORES, ids=SCORE_NAMES)
@pytest.mark.parametrize(
    ("labels", "predictions", "error", "message"),
    [
        ([0, 1], [0.0, 1.0], TypeError, "integers"),
        ([0.0, 1.0], [0, 1], TypeError, "integers"),
        ([0, 1], [False, True], TypeError, "integers"),
        ([0, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], ValueError, "argmax"),
        ([0, 1], [0, 1, 2], ValueError, "2 labels but 3 predictions"),
        ([0, 1], [0, -1], ValueError, "got -1"),
        ([0, -1], [0, 1], ValueError, "got -1"),
        (np.array([], int), np.array([], int), ValueError, "0 labels"),
        (0, 0, ValueError, "shape"),
    ],
)
def test_bad_input_is_refused(score, labels, predictions, error, message):
    with pytest.raises(error, match=message):
        score(labels, predictions)


@pytest.mark.parametrize(("labels", "predictions"), [([0, 3], [0, 1]), ([0, 1], [0, 3])])
def test_confusion_matrix_refuses_classes_out_of_range(labels, predictions):
    with pytest.raises(ValueError, match=r"0 \.\. 2"):
        confusion_matrix(labels, predictions, 3)
