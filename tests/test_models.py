"""The model functions and the update rule."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime

from mnist_helpers.functional import cross_entropy
from mnist_helpers.models import init_params, logits, loss_and_grads, predict
from mnist_helpers.optim import sgd

PENALTIES = [{}, {"l1": 0.3}, {"l2": 0.7}, {"l1": 0.3, "l2": 0.7}]
N, D, K = 6, 4, 3


def problem(dtype=np.float64):
    """Return parameters, features and labels that cannot be written to."""
    rng = np.random.default_rng(0)
    params = {"weights": rng.standard_normal((D, K)).astype(dtype), "bias": rng.standard_normal(K).astype(dtype)}
    x, labels = rng.standard_normal((N, D)).astype(dtype), rng.integers(K, size=N)
    for array in (*params.values(), x, labels):
        array.flags.writeable = False
    return params, x, labels


def test_logits_are_one_score_per_example_and_class():
    params = {"weights": np.array([[1.0, 2.0], [3.0, 4.0]]), "bias": np.array([10.0, 20.0])}
    assert_array_equal(logits(params, np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])), [[11, 22], [14, 26], [16, 28]])


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
def test_gradients_agree_with_finite_differences(penalties):
    params, x, labels = problem()

    def loss(flat):
        moved = {"weights": flat[: D * K].reshape(D, K), "bias": flat[D * K :]}
        return loss_and_grads(moved, x, labels, **penalties)[0]

    _, grads = loss_and_grads(params, x, labels, **penalties)
    flat = np.concatenate([params["weights"].ravel(), params["bias"]])
    numeric = approx_fprime(flat, loss, 1e-7)
    assert {name: grad.shape for name, grad in grads.items()} == {"weights": (D, K), "bias": (K,)}
    assert_allclose(np.concatenate([grads["weights"].ravel(), grads["bias"]]), numeric, rtol=0, atol=1e-6)


def test_loss_without_penalties_is_the_cross_entropy():
    params, x, labels = problem()
    assert loss_and_grads(params, x, labels)[0] == cross_entropy(logits(params, x), labels)


def test_penalties_have_their_exact_values_and_spare_the_bias():
    params = {"weights": np.array([[1.0, -2.0], [0.0, 3.0]]), "bias": np.array([5.0, 5.0])}
    loss, grads = loss_and_grads(params, np.zeros((4, 2)), np.array([0, 1, 0, 1]), l1=0.5, l2=0.25)
    assert loss == pytest.approx(np.log(2) + 0.5 * 6 + 0.25 / 2 * 14, rel=1e-15)
    assert_array_equal(grads["weights"], [[0.5 + 0.25, -0.5 - 0.5], [0, 0.5 + 0.75]])
    assert_array_equal(grads["bias"], [0, 0])


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
def test_float32_stays_float32(penalties):
    penalties = {name: np.float64(value) for name, value in penalties.items()}  # such a scalar could widen the result
    loss, grads = loss_and_grads(*problem(np.float32), **penalties)
    expected_loss, expected = loss_and_grads(*problem(), **penalties)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name, grad in grads.items():
        assert grad.dtype == np.float32
        assert_allclose(grad, expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("penalties", [{"l1": -0.1}, {"l2": -0.1}], ids=str)
def test_negative_penalties_are_refused(penalties):
    with pytest.raises(ValueError, match="penalties must be at least 0"):
        loss_and_grads(*problem(), **penalties)


@pytest.mark.parametrize("function", [logits, predict, lambda params, x: loss_and_grads(params, x, np.zeros(N, int))])
@pytest.mark.parametrize(("shape", "message"), [((N, D + 1), "x must"), ((D,), "x must"), ((N, 2, 2), "to_features")])
def test_features_that_do_not_fit_are_refused(function, shape, message):
    params, _, _ = problem()
    with pytest.raises(ValueError, match=message):
        function(params, np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_start_at_zero(dtype):
    params = init_params(D, K, dtype=dtype)
    assert_array_equal(params["weights"], np.zeros((D, K), dtype), strict=True)
    assert_array_equal(params["bias"], np.zeros(K, dtype), strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_parameters_have_the_asked_scale_and_repeat_with_the_seed(dtype):
    first, second = (init_params(200, 50, scale=0.1, rng=np.random.default_rng(3), dtype=dtype) for _ in range(2))
    assert first["weights"].dtype == first["bias"].dtype == dtype
    assert first["weights"].std() == pytest.approx(0.1, rel=0.05)
    assert first["weights"].mean() == pytest.approx(0, abs=0.005)
    assert not first["bias"].any()
    assert_array_equal(first["weights"], second["weights"])


@pytest.mark.parametrize(
    ("scale", "message"), [(-0.1, "scale must"), (np.nan, "scale must"), (np.inf, "scale must"), (0.1, "need rng")]
)
def test_bad_scale_or_missing_rng_is_refused(scale, message):
    with pytest.raises(ValueError, match=message):
        init_params(D, K, scale=scale)


def test_predict_takes_the_largest_logit_and_the_first_of_equals():
    params = {"weights": np.eye(3), "bias": np.zeros(3)}
    x = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [-3.0, -2.0, -2.0]])
    assert_array_equal(predict(params, x), np.array([1, 0, 0, 1]), strict=True)


def test_predict_refuses_nan():
    params, x, _ = problem()
    with pytest.raises(ValueError, match="NaN"):
        predict(params, np.where(x == x[2, 1], np.nan, x))


def test_sgd_moves_against_the_gradient_and_changes_nothing():
    params, grads = (
        {"a": np.array([1.0, 2.0]), "b": np.array([3.0])},
        {"b": np.array([-4.0]), "a": np.array([2.0, 0.0])},
    )
    for array in (*params.values(), *grads.values()):
        array.flags.writeable = False
    moved = sgd(params, grads, learning_rate=0.5)
    assert list(moved) == ["a", "b"]
    assert_array_equal(moved["a"], [0, 2])
    assert_array_equal(moved["b"], [5])
    assert not np.shares_memory(moved["a"], params["a"])


@pytest.mark.parametrize("learning_rate", [0.1, np.float64(0.1), np.array(0.1), 1], ids=repr)
@pytest.mark.parametrize("grad_dtype", [np.float32, np.float64])
def test_sgd_keeps_the_dtype_of_the_parameters(learning_rate, grad_dtype):
    moved = sgd({"w": np.ones(2, np.float32)}, {"w": np.ones(2, grad_dtype)}, learning_rate=learning_rate)
    assert moved["w"].dtype == np.float32


@pytest.mark.parametrize("names", [["weights"], ["weights", "bias", "scale"], ["weights", "offset"]], ids=str)
def test_sgd_refuses_other_names(names):
    with pytest.raises(ValueError, match=r"parameters .* but gradients"):
        sgd(init_params(D, K), dict.fromkeys(names, 0.0), learning_rate=0.1)
