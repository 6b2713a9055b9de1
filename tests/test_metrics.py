"""accuracy and the confusion matrix against scikit-learn, the calibration against a loop."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers.functional import softmax
from mnist_helpers.metrics import accuracy, calibration, confusion_matrix

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


# Calibration


def confident(*values, dtype=np.float64):
    """Return probabilities of two classes, where the first is predicted with these confidences."""
    return np.array([[value, 1 - value] for value in values], dtype)


def calibration_by_hand(labels, probs, num_bins):
    """Return what `calibration` should: (confidence, accuracy, count) of each bin with examples, and the error."""
    bins = {}
    for label, row in zip(labels, probs.tolist(), strict=True):
        confidence = max(row)
        place = max(k for k in range(num_bins) if Fraction(confidence) >= Fraction(k / num_bins))
        bins.setdefault(place, []).append((confidence, row.index(confidence) == label))
    rows = [(*np.mean(bins[place], axis=0), len(bins[place])) for place in sorted(bins)]
    return rows, sum(count * abs(stated - found) for stated, found, count in rows) / len(labels)


def check_against_hand(labels, probs, num_bins):
    found = calibration(labels, probs, num_bins=num_bins)
    rows, error = calibration_by_hand(labels, probs, num_bins)
    assert_allclose(np.column_stack([found.confidence, found.accuracy, found.counts]), rows, rtol=1e-12, atol=1e-15)
    assert found.error == pytest.approx(error, rel=1e-9, abs=1e-12)
    assert found.counts.sum() == len(labels)
    assert 0 <= found.error <= 1


@settings(deadline=None, database=None, max_examples=200)
@given(
    n=st.integers(1, 60),
    num_classes=st.integers(1, 12),
    num_bins=st.integers(1, 40),
    sharpness=st.sampled_from([0.0, 0.1, 1, 10, 1000]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 999),
)
def test_calibration_is_that_of_a_loop(n, num_classes, num_bins, sharpness, dtype, seed):
    rng = np.random.default_rng(seed)
    probs = softmax(sharpness * rng.standard_normal((n, num_classes))).astype(dtype)
    check_against_hand(rng.integers(num_classes, size=n), probs, num_bins)


@pytest.mark.parametrize("num_bins", [2, 3, 7, 10, 15, 49, 50, 100])
def test_a_confidence_on_a_border_belongs_to_the_upper_bin(num_bins):
    borders = np.arange((num_bins + 1) // 2, num_bins) / num_bins
    borders = np.append(borders[borders >= 0.5], 1)  # less than half is not the largest of two probabilities
    for confidence in (borders, np.nextafter(borders, 1), np.nextafter(borders[1:], 0)):
        check_against_hand(np.zeros(len(confidence), int), confident(*confidence), num_bins)
    found = calibration(np.zeros(len(borders), int), confident(*borders), num_bins=num_bins)
    assert found.counts.tolist() == [1] * (len(borders) - 2) + [2]  # 1 is in the last bin, with its lower border


def test_calibration_of_a_small_case_is_exact():
    """Of four bins the third holds one prediction, the last four: two on its border, two sure ones."""
    found = calibration([0, 1, 0, 0, 1], confident(0.5, 0.75, 0.75, 1, 1), num_bins=4)
    assert_array_equal(found.confidence, [0.5, 0.875])
    assert_array_equal(found.accuracy, [1, 0.5])
    assert_array_equal(found.counts, [1, 4])
    assert found.error == (1 * 0.5 + 4 * 0.375) / 5
    assert isinstance(found.error, float)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.error = 0


@pytest.mark.parametrize(("labels", "error"), [([0, 0, 0], 0.0), ([1, 1, 1], 1.0), ([0, 1, 1], 2 / 3)])
def test_calibration_of_certain_predictions(labels, error):
    found = calibration(labels, confident(1, 1, 1))
    assert (found.confidence, found.accuracy, found.counts) == (1, pytest.approx(1 - error), 3)
    assert found.error == pytest.approx(error)


def test_calibration_agrees_with_scikit_learn_where_both_have_an_answer():
    """Of two classes scikit-learn looks at one; where that is the predicted one, they are the same."""
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, size=2000)
    right = rng.random(2000) < sure**2
    accuracy_of_bins, confidence = sklearn.calibration.calibration_curve(right, sure, n_bins=10)
    found = calibration(np.where(right, 0, 1), confident(*sure))
    assert_allclose(found.accuracy, accuracy_of_bins, rtol=1e-12)
    assert_allclose(found.confidence, confidence, rtol=1e-12)


def test_honest_predictions_are_calibrated_and_boasting_is_not():
    rng = np.random.default_rng(0)
    probs = softmax(2 * rng.standard_normal((20_000, 10)))
    labels = (probs.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    boasting = probs**3 / (probs**3).sum(axis=1, keepdims=True)
    assert calibration(labels, probs).error < 0.015 < 0.1 < calibration(labels, boasting).error


def test_calibration_of_float32_is_computed_in_float64():
    probs = softmax(np.random.default_rng(0).standard_normal((5000, 10))).astype(np.float32)
    before = probs.copy()
    labels = probs.argmax(axis=1)
    found = calibration(labels, probs)
    assert {found.confidence.dtype, found.accuracy.dtype} == {np.dtype(np.float64)}
    assert found.error == pytest.approx(1 - probs.max(axis=1).mean(dtype=np.float64), rel=1e-12)  # all are right
    assert_array_equal(probs, before)


@pytest.mark.parametrize(
    ("labels", "probs", "options", "error", "message"),
    [
        ([0], [[2.0, -1.0]], {}, ValueError, "logits need softmax first"),
        ([0], [[0.5, 0.4]], {}, ValueError, "sum to 1"),
        ([0], [[np.nan, 1.0]], {}, ValueError, "at least 0 and sum to 1"),
        ([0], [[np.inf, 0.0]], {}, ValueError, "at least 0 and sum to 1"),
        ([0], [[1, 0]], {}, ValueError, "floating point"),
        ([0], [0.5, 0.5], {}, ValueError, r"shape \(N, K\)"),
        ([0], np.zeros((1, 0)), {}, ValueError, "sum to 1"),
        ([], np.zeros((0, 2)), {}, (TypeError, ValueError), "labels"),
        (np.array([], int), np.zeros((0, 2)), {}, ValueError, "0 labels"),
        ([0, 1], [[0.5, 0.5]], {}, ValueError, "2 labels but 1 predictions"),
        ([2], [[0.5, 0.5]], {}, ValueError, r"0 \.\. 1"),
        ([-1], [[0.5, 0.5]], {}, ValueError, "got -1"),
        ([0.0], [[0.5, 0.5]], {}, TypeError, "integers"),
        ([[1, 0]], [[0.5, 0.5]], {}, ValueError, "argmax"),
        ([0], [[0.5, 0.5]], {"num_bins": 0}, ValueError, "num_bins must be a whole number of at least 1, got 0"),
        ([0], [[0.5, 0.5]], {"num_bins": -3}, ValueError, "got -3"),
        ([0], [[0.5, 0.5]], {"num_bins": 10.0}, ValueError, "got 10.0"),
        ([0], [[0.5, 0.5]], {"num_bins": None}, ValueError, "got None"),
    ],
)
def test_calibration_refuses(labels, probs, options, error, message):
    with pytest.raises(error, match=message):
        calibration(labels, np.array(probs), **options)


@pytest.mark.parametrize("num_classes", [0, 2.0, None, "3", 10**30])
def test_confusion_matrix_refuses_what_is_no_number_of_classes(num_classes):
    with pytest.raises(ValueError, match=r"num_classes must be a whole number|too large"):
        confusion_matrix([0], [0], num_classes)


def test_calibration_refuses_bins_that_would_fill_the_memory():
    with pytest.raises(ValueError, match="at most 1,000,000"):
        calibration([0], np.array([[1.0]]), num_bins=10**12)


def test_confusion_matrix_takes_a_small_numpy_integer():
    assert confusion_matrix([19], [0], np.uint8(20)).shape == (20, 20)
