"""softmax and its relatives against SciPy, against exact arithmetic, and against the laws that they obey."""

from decimal import Decimal, localcontext
from functools import partial

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers import functional
from mnist_helpers.functional import (
    cross_entropy,
    cross_entropy_and_grad,
    cross_entropy_grad,
    log_softmax,
    logsumexp,
    one_hot,
    softmax,
    softmax_jacobian,
)

settings.register_profile("tests", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("tests")

assert_close = partial(assert_allclose, rtol=1e-12, atol=1e-15)

LOSSES = [cross_entropy, cross_entropy_grad, cross_entropy_and_grad]
ON_LOGITS = [pytest.param(f, id=f.__name__) for f in (softmax, log_softmax, logsumexp)]
ON_LOGITS += [pytest.param(partial(f, labels=[0]), id=f.__name__) for f in LOSSES]
EIGHTHS = st.integers(-(2**20), 2**20).map(lambda i: i / 8)  # numbers whose sums are exact
MAX = float(np.finfo(np.float64).max)

HARD_LOGITS = [[0, -30], [1000, 0], [-1000, -1001], [1e308, -1e308], [709.8, 0], [-745.2, -745.3], [1e-310, 0]]


def logit_values(dtype):
    """Ordinary logits, those around the ends of exp's range, any finite number, and -inf."""
    limit = 1e308 if dtype is np.float64 else float(np.finfo(dtype).max)
    width = np.finfo(dtype).bits
    ranges = [st.floats(-bound, bound, width=width) for bound in (50, 800, limit)]
    return st.one_of(*ranges, st.just(-np.inf))


FLOAT64_LOGITS = logit_values(np.float64)


def read_only(array):
    array.flags.writeable = False  # a function that changed its argument would raise
    return array


@st.composite
def logits_and_axes(draw):
    dtype = draw(st.sampled_from([np.float64, np.float32, np.float16]))
    logits = draw(hnp.arrays(dtype, hnp.array_shapes(max_dims=3, max_side=6), elements=logit_values(dtype)))
    axis = draw(st.integers(-logits.ndim, logits.ndim - 1))
    no_class_left = np.isneginf(logits).all(axis=axis, keepdims=True)
    return read_only(np.where(no_class_left, dtype(0), logits)), axis


@st.composite
def batches(draw, values=FLOAT64_LOGITS):
    """Draw logits (N, K) and labels (N,)."""
    n, k = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    logits = draw(hnp.arrays(np.float64, (n, k), elements=values))
    logits = np.where(np.isneginf(logits).all(axis=1, keepdims=True), 0.0, logits)
    labels = draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    return read_only(logits), read_only(labels)


def exact_log_softmax(row):
    """Return log_softmax of numbers as Decimals of 50 digits."""
    with localcontext(prec=50):
        logits = [Decimal(z) for z in row]
        shifted = [z - max(logits) for z in logits]
        log_total = sum(z.exp() for z in shifted).ln()
        return [z - log_total for z in shifted]


def exact_loss(rows, labels):
    with localcontext(prec=50):
        return -sum(exact_log_softmax(row)[label] for row, label in zip(rows, labels, strict=True)) / len(rows)


# Against SciPy


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@given(logits_and_axes())
def test_agrees_with_scipy(name, case):
    logits, axis = case
    result = getattr(functional, name)(logits, axis=axis)
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(logits.astype(np.float64), axis=axis)
    assert (result.dtype, result.shape) == (np.float64, expected.shape)
    assert_close(result, expected)


@given(batches())
def test_cross_entropy_agrees_with_scipy(batch):
    logits, labels = batch
    with np.errstate(all="ignore"):
        log_probs = scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    assert_close(cross_entropy(logits, labels), sum(-log_probs / len(labels)))


@given(batches())
def test_gradient_is_softmax_minus_one_hot_over_n(batch):
    logits, labels = batch
    with np.errstate(all="ignore"):
        expected = scipy.special.softmax(logits, axis=1)
    expected[np.arange(len(labels)), labels] -= 1
    assert_close(cross_entropy_grad(logits, labels), expected / len(labels))


@given(batches())
def test_loss_and_gradient_together_are_what_they_are_alone(batch):
    loss, grad = cross_entropy_and_grad(*batch)
    assert loss == cross_entropy(*batch)
    assert_array_equal(grad, cross_entropy_grad(*batch))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_logsumexp_keeps_the_axis_on_request(axis):
    logits = np.arange(24.0).reshape(2, 3, 4)
    assert_close(logsumexp(logits, axis=axis, keepdims=True), scipy.special.logsumexp(logits, axis=axis, keepdims=True))


def test_logsumexp_of_a_vector_is_a_float64_scalar():
    assert isinstance(logsumexp([0.0, 1.0]), np.float64)


# Against exact arithmetic


@pytest.mark.parametrize("row", HARD_LOGITS, ids=str)
def test_hard_logits_agree_with_exact_arithmetic(row):
    log_probs = exact_log_softmax(row)
    assert_close(log_softmax(row), [float(value) for value in log_probs])
    assert_close(softmax(row), [float(value.exp()) for value in log_probs])
    assert_close(logsumexp(row), float(Decimal(row[0]) - log_probs[0]))


@pytest.mark.parametrize(
    "rows", [[[0, 0, 0]], [[0.5, -1, 2], [3, 3.25, -7]], [[0, -30, 1], [1000, 0, 999], [-700, -1, -745]]], ids=str
)
def test_gradient_agrees_with_exact_central_differences(rows):
    labels = range(len(rows))
    step = Decimal("1e-15")
    expected = np.zeros((len(rows), 3))
    with localcontext(prec=50):
        for i, k in np.ndindex(expected.shape):
            up, down = ([[Decimal(z) for z in row] for row in rows] for _ in range(2))
            up[i][k] += step
            down[i][k] -= step
            expected[i, k] = (exact_loss(up, labels) - exact_loss(down, labels)) / (2 * step)
    assert_close(cross_entropy_grad(rows, labels), expected)
    assert_close(cross_entropy(rows, labels), float(exact_loss(rows, labels)))


@pytest.mark.parametrize(
    ("largest", "other", "expected"),
    [
        ([1e308, 1e308], 0, 1e308),  # the sum of the losses would overflow
        ([1e308, 1.5e308, 0.5e308], 0, 1e308),
        ([MAX, MAX, MAX], 0, MAX),  # even the sum of the thirds of them, rounded, would
        ([1e308, 1.0], -1e308, np.inf),
        ([0, 0], -np.inf, np.inf),
    ],
    ids=str,
)
def test_mean_over_huge_losses(largest, other, expected):
    logits = [[value, other] for value in largest]
    assert cross_entropy(logits, [1] * len(logits)) == pytest.approx(expected, rel=1e-15)


def test_one_class_is_certain():
    logits = [[-1e308], [7.0]]
    assert_array_equal(softmax(logits), [[1], [1]])
    assert_array_equal(log_softmax(logits), [[0], [0]])
    assert_array_equal(logsumexp(logits), [-1e308, 7])
    assert cross_entropy(logits, [0, 0]) == 0
    assert_array_equal(cross_entropy_grad(logits, [0, 0]), [[0], [0]])


# Laws


@given(batches(EIGHTHS), EIGHTHS)
def test_shift_of_all_logits_changes_nothing(batch, shift):
    logits, labels = batch
    assert_array_equal(softmax(logits + shift), softmax(logits))  # equal to the last bit
    assert_array_equal(log_softmax(logits + shift), log_softmax(logits))
    assert cross_entropy(logits + shift, labels) == cross_entropy(logits, labels)
    assert_allclose(logsumexp(logits + shift), logsumexp(logits) + shift, rtol=0, atol=1e-10)


@given(logits_and_axes())
def test_probabilities_sum_to_one(case):
    logits, axis = case
    assert_close(softmax(logits, axis=axis).sum(axis=axis), 1)


@given(batches())
def test_order_of_the_logits_is_kept(batch):
    logits, _ = batch
    order = logits.argsort(axis=1)
    for values in (softmax(logits), log_softmax(logits)):
        in_order = np.take_along_axis(values, order, axis=1)
        assert (in_order[:, :-1] <= in_order[:, 1:]).all()


@given(batches())
def test_log_softmax_is_the_logarithm_of_softmax(batch):
    logits, _ = batch
    probs = softmax(logits)
    normal = probs >= np.finfo(np.float64).tiny
    assert_close(log_softmax(logits)[normal], np.log(probs[normal]))


@given(batches())
def test_gradient_rows_sum_to_zero(batch):
    assert_allclose(cross_entropy_grad(*batch).sum(axis=1), 0, atol=2e-15)


@given(batches())
def test_cross_entropy_is_not_negative(batch):
    assert not np.signbit(cross_entropy(*batch))  # not even -0.0


@given(batches(), st.randoms(use_true_random=False))
def test_classes_may_be_renumbered(batch, random):
    logits, labels = batch
    order = random.sample(range(logits.shape[1]), logits.shape[1])
    renumbered, new_labels = logits[:, order], np.argsort(order)[labels]
    assert_close(softmax(renumbered), softmax(logits)[:, order])
    assert_close(log_softmax(renumbered), log_softmax(logits)[:, order])
    assert_close(logsumexp(renumbered), logsumexp(logits))
    assert_close(cross_entropy(renumbered, new_labels), cross_entropy(logits, labels))
    assert_close(cross_entropy_grad(renumbered, new_labels), cross_entropy_grad(logits, labels)[:, order])


# What goes in and what is refused


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_every_real_dtype_gives_float64(dtype):
    logits = np.array([[0, 3, 120], [5, 5, 6]], dtype)
    same = logits.astype(np.float64)
    labels = np.array([2, 0], dtype if np.dtype(dtype).kind in "iu" else np.int64)
    for function in (softmax, log_softmax, logsumexp):
        assert function(logits).dtype == np.float64
        assert_array_equal(function(logits), function(same))
    loss, grad = cross_entropy_and_grad(logits, labels)
    assert isinstance(loss, float)
    assert grad.dtype == np.float64
    assert loss == cross_entropy(same, [2, 0])
    assert_array_equal(grad, cross_entropy_grad(same, [2, 0]))


@pytest.mark.parametrize("function", ON_LOGITS)
@pytest.mark.parametrize(
    ("row", "found"),
    [([0, np.nan], "NaN"), ([-np.inf, np.nan], "NaN"), ([np.inf, np.nan], "NaN"), ([np.inf, 0], r"\+inf")],
    ids=str,
)
def test_nan_and_plus_inf_are_refused(function, row, found):
    with pytest.raises(ValueError, match=f"logits contain {found}"):
        function([row])


@pytest.mark.parametrize("function", [f for f in ON_LOGITS if f.id != "logsumexp"])
def test_example_without_a_possible_class_is_refused(function):
    with pytest.raises(ValueError, match="all logits of an example are -inf"):
        function([[-np.inf, -np.inf]])


def test_logsumexp_of_nothing_but_minus_inf_is_minus_inf():
    assert_array_equal(logsumexp([[-np.inf, -np.inf], [0, -np.inf]]), [-np.inf, 0])


@pytest.mark.parametrize("function", ON_LOGITS)
@pytest.mark.parametrize("dtype", [complex, object, str, bool])
def test_logits_that_are_not_real_numbers_are_refused(function, dtype):
    with pytest.raises(TypeError, match="logits must be real numbers"):
        function(np.array([[0, 1]], dtype))


@pytest.mark.parametrize("function", ON_LOGITS)
def test_no_classes_at_all_are_refused(function):
    with pytest.raises(ValueError, match="hold no class"):
        function(np.zeros((1, 0)))


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 2), ((2, 3), -3), ((), -1)])
def test_absent_axis_is_refused(function, shape, axis):
    with pytest.raises(ValueError, match=f"axis {axis} does not exist"):
        function(np.zeros(shape), axis=axis)


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_no_examples_give_no_rows(function):
    assert function(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("function", LOSSES)
@pytest.mark.parametrize(
    ("shape", "labels", "error", "message"),
    [
        ((2, 3), [0.0, 1.0], TypeError, "labels must be integers"),
        ((2, 3), [True, False], TypeError, "labels must be integers"),
        ((2, 3), [0, 3], ValueError, r"labels must lie in 0 \.\. 2"),
        ((2, 3), [-1, 0], ValueError, "negative label"),
        ((2, 3), [[0, 1, 0], [1, 0, 0]], ValueError, "argmax"),
        ((2, 3), 0, ValueError, "labels must have shape"),
        ((2, 3), [0, 1, 2], ValueError, "2 rows of logits but 3 labels"),
        ((0, 3), np.array([], int), ValueError, "empty batch"),
        ((3,), [0, 1, 2], ValueError, "logits must have shape"),
        ((2, 3, 1), [0, 0], ValueError, "logits must have shape"),
    ],
)
def test_losses_refuse_what_does_not_fit(function, shape, labels, error, message):
    with pytest.raises(error, match=message):
        function(np.zeros(shape), labels)


def test_one_hot_has_its_ones_at_the_labels():
    assert_array_equal(one_hot([2, 0, 2], 3), [[0, 0, 1], [1, 0, 0], [0, 0, 1]])
    assert one_hot(np.array([], int), 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "error"), [([3], ValueError), ([-1], ValueError), ([[0, 1]], ValueError), ([1.0], TypeError)]
)
def test_one_hot_refuses_bad_labels(labels, error):
    with pytest.raises(error, match="labels must"):
        one_hot(labels, 3)


# ---------------------------------------------------------------- the Jacobian


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_jacobian_against_exact_differences(scale):
    """Against differences of softmax in 60-digit decimal arithmetic."""
    z = scale * np.random.default_rng(0).standard_normal(4)
    base = [Decimal(float(value)) for value in z]
    expected = np.empty((4, 4))
    with localcontext(prec=60):
        step = Decimal(10) ** -25
        for j in range(4):
            up, down = ([value + sign * step * (k == j) for k, value in enumerate(base)] for sign in (1, -1))
            ups, downs = ([v.exp() / sum(w.exp() for w in moved) for v in moved] for moved in (up, down))
            expected[:, j] = [float((u - d) / (2 * step)) for u, d in zip(ups, downs, strict=True)]
    assert_allclose(softmax_jacobian(softmax(z)), expected, rtol=1e-12, atol=1e-15)


def test_jacobian_of_a_batch_is_one_matrix_per_row():
    probs = softmax(np.random.default_rng(1).standard_normal((2, 3, 5)))
    jacobians = softmax_jacobian(probs)
    assert jacobians.shape == (2, 3, 5, 5)
    assert_allclose(jacobians[1, 2], np.diag(probs[1, 2]) - np.outer(probs[1, 2], probs[1, 2]))
    assert_allclose(jacobians.sum(axis=-1), 0, atol=1e-15)


def test_jacobian_of_certainty_is_zero():
    assert not softmax_jacobian([0, 1, 0]).any()


@pytest.mark.parametrize("probs", [[1.0, 2.0], [-0.5, 1.5], [np.nan, 1.0], 1.0, [], [[0.5, 0.5], [0.5, 0.6]]])
def test_jacobian_refuses_what_is_no_distribution(probs):
    with pytest.raises(ValueError, match="probs"):
        softmax_jacobian(probs)


def test_jacobian_refuses_complex_numbers():
    with pytest.raises(TypeError, match="real"):
        softmax_jacobian([1j, 1 - 1j])


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, None, "3", 10**30])
def test_one_hot_refuses_what_is_no_number_of_classes(num_classes):
    with pytest.raises(ValueError, match=r"num_classes must be a whole number|too large"):
        one_hot([0], num_classes)


@pytest.mark.parametrize("axis", [None, 0.0, "0", np.array(["a", "b"])])
def test_axis_that_is_no_whole_number_is_refused(axis):
    for function in (softmax, log_softmax, logsumexp):
        with pytest.raises(TypeError, match="axis must be a whole number"):
            function(np.zeros((2, 3)), axis=axis)


def test_jacobian_of_probabilities_whose_sum_overflows_is_refused_without_a_warning():
    with pytest.raises(ValueError, match="these look like logits"):
        softmax_jacobian([1e308, 1e308])
