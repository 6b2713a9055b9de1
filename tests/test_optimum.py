"""The exact optimum against SciPy and against its own certificate."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers.data import load_mnist, to_features
from mnist_helpers.functional import softmax
from mnist_helpers.models import init_params, logits, loss_and_grads
from mnist_helpers.optimum import gap_bound, gradient_norm, hessian_product, load_optimum, newton, with_best_bias


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    return rng.normal(size=(60, 6)), rng.integers(4, size=60)


@pytest.fixture
def params():
    return init_params(6, 4, scale=1.0, rng=np.random.default_rng(4))


def reference_optimum(x, labels, num_classes, l2):
    """Return weights and bias by SciPy's BFGS, with SciPy's functions only."""
    table, targets = np.column_stack([x, np.ones(len(x))]), np.eye(num_classes)[labels]
    penalised = np.array([*[l2] * x.shape[1], 0.0])[:, None]

    def loss_and_slope(vector):
        params = vector.reshape(-1, num_classes)
        scores = table @ params
        loss = (scipy.special.logsumexp(scores, axis=1) - (scores * targets).sum(axis=1)).mean()
        slope = table.T @ (scipy.special.softmax(scores, axis=1) - targets) / len(x) + penalised * params
        return loss + (penalised * params**2).sum() / 2, slope.ravel()

    start = np.zeros(table.shape[1] * num_classes)
    found = scipy.optimize.minimize(loss_and_slope, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    params = found.x.reshape(-1, num_classes)
    return params[:-1], params[-1]


@pytest.mark.parametrize("l2", [1e-3, 0.1, 10.0])
def test_newton_agrees_with_scipy(problem, params, l2):
    x, labels = problem
    found, log = newton(params, x, labels, l2=l2, tolerance=1e-10)
    weights, bias = reference_optimum(x, labels, 4, l2)
    assert_allclose(found["weights"], weights, atol=1e-5)
    assert_allclose(found["bias"] - found["bias"].mean(), bias - bias.mean(), atol=1e-5)  # a common shift is free
    assert log[-1][1] <= 1e-10
    assert all(later[0] <= earlier[0] + 1e-12 for earlier, later in pairwise(log))


def test_newton_changes_nothing_and_copes_with_separable_examples(params):
    x, labels = np.eye(6)[:4], np.arange(4)
    before = {name: value.copy() for name, value in params.items()}
    found, log = newton(params, x, labels, l2=1e-6, tolerance=1e-9)
    assert all(np.array_equal(params[name], before[name]) for name in params)
    assert log[-1][1] <= 1e-9
    assert (logits(found, x).argmax(axis=1) == labels).all()


def test_newton_at_the_minimum_makes_no_step(problem, params):
    found, _ = newton(params, *problem, l2=0.1, tolerance=1e-10)
    again, log = newton(found, *problem, l2=0.1, tolerance=1e-9)
    assert len(log) == 1
    assert again is found


@pytest.mark.parametrize("l2", [0.0, -1.0, np.nan])
def test_without_a_penalty_there_is_no_minimum(problem, params, l2):
    with pytest.raises(ValueError, match="l2 must be above 0"):
        newton(params, *problem, l2=l2)
    with pytest.raises(ValueError, match="l2 must be above 0"):
        gap_bound(params, *problem, l2=l2)


def test_newton_says_when_it_does_not_arrive(problem, params):
    with pytest.raises(ArithmeticError, match="after 2 steps"):
        newton(params, *problem, l2=0.01, max_steps=2)


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_hessian_product_is_the_change_of_the_gradient(problem, params, l2):
    direction = init_params(6, 4, scale=1.0, rng=np.random.default_rng(5))
    direction["bias"] = np.arange(4.0)
    product = hessian_product(params, problem[0], direction, l2=l2)
    ends = [{name: params[name] + size * direction[name] for name in params} for size in (1e-5, -1e-5)]
    ahead, behind = (loss_and_grads(end, *problem, l2=l2)[1] for end in ends)
    for name, value in product.items():
        assert_allclose(value, (ahead[name] - behind[name]) / 2e-5, atol=1e-8)


def test_hessian_product_refuses_a_hidden_layer(problem):
    network = init_params(6, 4, num_hidden=3, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="hidden layer"):
        hessian_product(network, problem[0], network)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_hessian_product_refuses_a_direction_that_is_not_finite(problem, params, value):
    direction = {
        name: np.where(np.arange(array.size).reshape(array.shape) == 1, value, array) for name, array in params.items()
    }
    with pytest.raises(ValueError, match="direction must be finite"):
        hessian_product(params, problem[0], direction)


@pytest.mark.parametrize("l2", [0.01, 1.0])
@pytest.mark.parametrize("size", [0.0, 1e-3, 0.1, 3.0])
@pytest.mark.parametrize("bias_off", [0.0, 1e-3, 5.0])
def test_the_bound_holds(problem, l2, size, bias_off):
    best, _ = newton(init_params(6, 4), *problem, l2=l2, tolerance=1e-12)
    lowest, _ = loss_and_grads(best, *problem, l2=l2)
    rng = np.random.default_rng(6)
    near = {name: value.copy() for name, value in best.items()}
    near["weights"] += size * rng.normal(size=(6, 4))
    near["bias"] += bias_off * rng.normal(size=4)
    loss, _ = loss_and_grads(near, *problem, l2=l2)
    assert -1e-14 <= loss - lowest <= gap_bound(near, *problem, l2=l2) + 1e-14


def test_the_bound_is_not_fooled_by_a_small_gradient_of_the_bias():
    """Two equal examples of two classes: here the bias decides everything, though its gradient is tiny."""
    x, labels = np.full((2, 1), 10.0), np.array([0, 1])
    params = {"weights": np.array([[-89.9, 89.9]]), "bias": np.array([899.002, -899.002])}
    loss, _ = loss_and_grads(params, x, labels, l2=1e-4)
    lowest, _ = loss_and_grads(init_params(1, 2), x, labels, l2=1e-4)
    assert loss - lowest > 0.8
    assert loss - lowest <= gap_bound(params, x, labels, l2=1e-4)


@pytest.mark.parametrize("start", [0.0, 5.0, 300.0])
def test_best_bias(problem, params, start):
    x, labels = problem
    params["bias"] = start * np.array([1.0, -2.0, 0.5, 3.0])
    before = params["bias"].copy()
    found = with_best_bias(params, x, labels)
    frequencies = np.bincount(labels) / len(labels)
    assert_allclose(softmax(logits(found, x)).mean(axis=0), frequencies, atol=1e-12)
    assert_array_equal(found["weights"], params["weights"])
    assert_array_equal(params["bias"], before)


def test_best_bias_needs_every_class(problem, params):
    with pytest.raises(ValueError, match="each of the 4 classes needs an example"):
        with_best_bias(params, problem[0], np.minimum(problem[1], 2))


def test_best_bias_takes_labels_of_every_integer_format():
    x, labels = np.eye(3), np.array([0, 1, 1])
    params = {"weights": np.zeros((3, 2)), "bias": np.zeros(2)}
    wanted = with_best_bias(params, x, labels)["bias"]
    for dtype in (np.uint8, np.int32, np.uint64):  # NumPy 2.1 counts no uint64
        assert np.array_equal(with_best_bias(params, x, labels.astype(dtype))["bias"], wanted)


def test_norm_is_that_of_all_gradients_together():
    assert gradient_norm({"weights": np.array([[3.0]]), "bias": np.array([4.0])}) == 5.0


def test_stored_optimum_is_certified():
    mnist = load_mnist(download=False)
    if mnist.is_stand_in:
        pytest.skip("needs real MNIST")
    x, labels = to_features(mnist.x_train), mnist.y_train
    losses = []
    for params in load_optimum().values():
        loss, grads = loss_and_grads(params, x, labels, l2=1e-4)
        assert gradient_norm(grads) < 1e-8
        assert gap_bound(params, x, labels, l2=1e-4) < 1e-12
        losses.append(loss)
    assert len(losses) == 2
    assert losses == pytest.approx([0.2592483] * 2, abs=1e-7)


@pytest.mark.parametrize(("value", "dtype"), [(1e200, "f8"), (1e-200, "f8"), (1e30, "f4"), (3e4, "f2")])
def test_norm_of_gradients_whose_squares_leave_the_range(value, dtype):
    grads = {"weights": np.full((2, 2), value, dtype)}
    assert gradient_norm(grads) == pytest.approx(2 * float(grads["weights"][0, 0]), rel=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_norm_of_gradients_that_are_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="they must be finite"):
        gradient_norm({"weights": np.array([1.0, value])})


@pytest.mark.parametrize("tolerance", [np.nan, -1.0])
def test_newton_does_not_stop_at_once_for_a_tolerance_that_is_none(tolerance):
    params, x, labels = init_params(2, 2), np.eye(2), np.array([0, 1])
    with pytest.raises(ValueError, match="tolerance must be"):
        newton(params, x, labels, l2=0.1, tolerance=tolerance)


def test_best_bias_refuses_labels_beyond_the_classes():
    with pytest.raises(ValueError, match=r"labels must lie in 0 \.\. 1"):
        with_best_bias(init_params(2, 2), np.eye(2), np.array([5, 7]))


def test_bound_beyond_the_range_of_floats_is_refused():
    with pytest.raises(ArithmeticError, match="the bound is inf"):
        gap_bound(drawn(), np.eye(2), np.array([0, 1]), l2=5e-324)


def drawn():
    return init_params(2, 2, scale=1, rng=np.random.default_rng(0))


def test_newton_beyond_the_range_of_floats_says_so():
    with pytest.raises(ArithmeticError) as caught:
        newton(drawn(), 1e308 * np.eye(2), np.array([0, 1]), l2=1e-3)
    assert caught.type is ArithmeticError


def test_bounds_need_float64():
    with pytest.raises(TypeError, match="x must be an array of float64, got an array of float16"):
        gap_bound(drawn(), np.eye(2, dtype=np.float16), np.array([0, 1]), l2=0.1)


def test_bound_does_not_depend_on_the_type_of_the_penalty():
    params, x, labels = drawn(), np.eye(2), np.array([0, 1])
    assert gap_bound(params, x, labels, l2=np.int8(127)) == gap_bound(params, x, labels, l2=127.0)


def test_norm_of_a_masked_array_is_refused():
    with pytest.raises(TypeError, match="got a masked array"):
        gradient_norm({"weights": np.ma.masked_array([1.0, 2.0], [True, False])})
