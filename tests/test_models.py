"""The models, with and without a hidden layer, and the update rule `sgd`."""

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from sklearn.neural_network import MLPClassifier

from mnist_helpers.functional import cross_entropy
from mnist_helpers.gradcheck import check_gradient
from mnist_helpers.models import hidden_layer, init_params, logits, loss_and_grads, predict
from mnist_helpers.optim import sgd

PENALTIES = [{}, {"l1": 0.3}, {"l2": 0.7}, {"l1": 0.3, "l2": 0.7}]
ACTIVATIONS = {"relu": lambda a: np.where(a > 0, a, 0), "tanh": np.tanh, "sigmoid": scipy.special.expit}
N, D, H, K = 6, 4, 5, 3


def problem(dtype=np.float64):
    """Return parameters, features and labels that cannot be written to."""
    rng = np.random.default_rng(0)
    params = {"weights": rng.standard_normal((D, K)).astype(dtype), "bias": rng.standard_normal(K).astype(dtype)}
    x, labels = rng.standard_normal((N, D)).astype(dtype), rng.integers(K, size=N)
    for array in (*params.values(), x, labels):
        array.flags.writeable = False
    return params, x, labels


def hidden_problem(dtype=np.float64, seed=0):
    """Return parameters of a network with a hidden layer, features and labels that cannot be written to."""
    rng = np.random.default_rng(seed)
    shapes = {"hidden_weights": (D, H), "hidden_bias": (H,), "weights": (H, K), "bias": (K,)}
    params = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    x, labels = rng.standard_normal((N, D)).astype(dtype), rng.integers(K, size=N)
    for array in (*params.values(), x, labels):
        array.flags.writeable = False
    return params, x, labels


def identity_params(size):
    """Return parameters whose logits are the activation of each feature."""
    eye, zeros = np.eye(size), np.zeros(size)
    return {"hidden_weights": eye, "hidden_bias": zeros, "weights": eye, "bias": zeros}


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


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
def test_without_a_hidden_layer_the_activation_changes_nothing(activation, penalties):
    params, x, labels = problem()
    expected = x @ params["weights"] + params["bias"]
    assert hidden_layer(params, x, activation=activation) is x
    assert_array_equal(logits(params, x, activation=activation), expected, strict=True)
    assert_array_equal(predict(params, x, activation=activation), expected.argmax(axis=1), strict=True)
    loss, grads = loss_and_grads(params, x, labels, activation=activation, **penalties)
    same_loss, same_grads = loss_and_grads(params, x, labels, **penalties)
    assert loss == same_loss
    assert list(grads) == ["weights", "bias"]
    for name, grad in grads.items():
        assert_array_equal(grad, same_grads[name], strict=True)


# With a hidden layer


@pytest.mark.parametrize(
    ("activation", "hidden", "expected"),
    [
        ("relu", [[1, 0], [0, 3]], [[11, 22], [19, 32]]),  # of the inputs [1, -1] and [-2, 3]
        ("tanh", np.tanh([[1, -1], [-2, 3]]), None),
        ("sigmoid", 1 / (1 + np.exp([[-1.0, 1.0], [2.0, -3.0]])), None),
    ],
)
def test_a_network_of_two_two_and_two_units_by_hand(activation, hidden, expected):
    params = {
        "hidden_weights": np.array([[1.0, -2.0], [0.5, 1.0]]),
        "hidden_bias": np.array([0.0, 1.0]),
        "weights": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "bias": np.array([10.0, 20.0]),
    }
    x = np.array([[1.0, 0.0], [-1.5, -1.0]])  # 1 + 0 + 0, -2 + 0 + 1 and -1.5 - 0.5 + 0, 3 - 1 + 1
    if expected is None:
        expected = [[10 + h0 + 3 * h1, 20 + 2 * h0 + 4 * h1] for h0, h1 in hidden]
    assert_allclose(hidden_layer(params, x, activation=activation), hidden, rtol=1e-15)
    assert_allclose(logits(params, x, activation=activation), expected, rtol=1e-15)
    assert_array_equal(predict(params, x, activation=activation), np.array([1, 1]), strict=True)


def test_relu_is_the_activation_unless_told_otherwise():
    params, x, labels = hidden_problem()
    many = np.random.default_rng(1).standard_normal((200, D))  # so that some predictions differ
    for function in (hidden_layer, logits, predict):
        assert_array_equal(function(params, many), function(params, many, activation="relu"), strict=True)
        assert (function(params, many) != function(params, many, activation="tanh")).any()
    assert loss_and_grads(params, x, labels)[0] == loss_and_grads(params, x, labels, activation="relu")[0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_passes_agree_with_einsum(activation):
    params, x, labels = hidden_problem()
    a = np.einsum("nd,dh->nh", x, params["hidden_weights"]) + params["hidden_bias"]
    scores = np.einsum("nh,hk->nk", ACTIVATIONS[activation](a), params["weights"]) + params["bias"]
    assert_allclose(hidden_layer(params, x, activation=activation), ACTIVATIONS[activation](a), rtol=1e-13, atol=1e-15)
    assert_allclose(logits(params, x, activation=activation), scores, rtol=1e-12)
    assert_array_equal(predict(params, x, activation=activation), scores.argmax(axis=1))
    loss = -scipy.special.log_softmax(scores, axis=1)[np.arange(N), labels].mean()
    assert loss_and_grads(params, x, labels, activation=activation)[0] == pytest.approx(loss, rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("penalties", [{}, {"l1": 0.03}, {"l2": 0.07}, {"l1": 0.03, "l2": 0.07}], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_a_network_pass_the_check(activation, penalties, dtype):
    for seed in range(3):
        params, x, labels = hidden_problem(dtype, seed)

        def both(moved, x=x, labels=labels):
            return loss_and_grads(moved, x, labels, activation=activation, **penalties)

        report = check_gradient(lambda moved: both(moved)[0], lambda moved: both(moved)[1], params)
        assert report.num_checked == D * H + H + H * K + K


@pytest.mark.parametrize(("activation", "its_name"), [("relu", "relu"), ("tanh", "tanh"), ("sigmoid", "logistic")])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_loss_and_gradients_agree_with_scikit_learn(activation, its_name, l2):
    params, x, labels = hidden_problem()
    judge = MLPClassifier(
        (H,), activation=its_name, solver="sgd", momentum=0.0, learning_rate_init=1.0, alpha=N * l2, batch_size=N
    )
    judge.partial_fit(x, labels, classes=range(K))  # makes the arrays that are filled here
    judge.coefs_ = [params["hidden_weights"].copy(), params["weights"].copy()]
    judge.intercepts_ = [params["hidden_bias"].copy(), params["bias"].copy()]
    probs = judge.predict_proba(x)
    judge.partial_fit(x, labels)  # one step of size one: the gradient is what it moves by
    moved = [judge.coefs_[0], judge.intercepts_[0], judge.coefs_[1], judge.intercepts_[1]]

    loss, grads = loss_and_grads(params, x, labels, l2=l2, activation=activation)
    penalty = l2 / 2 * sum((params[name] ** 2).sum() for name in ("hidden_weights", "weights"))
    assert_allclose(scipy.special.softmax(logits(params, x, activation=activation), axis=1), probs, rtol=1e-12)
    assert loss == pytest.approx(sklearn.metrics.log_loss(labels, probs) + penalty, rel=1e-13)
    for (name, before), after in zip(params.items(), moved, strict=True):
        assert_allclose(grads[name], before - after, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_penalties_count_both_weight_matrices_and_no_bias(activation):
    params, x, labels = hidden_problem()
    plain_loss, plain = loss_and_grads(params, x, labels, activation=activation)
    loss, grads = loss_and_grads(params, x, labels, l1=0.5, l2=0.25, activation=activation)
    entries = np.concatenate([params["hidden_weights"].ravel(), params["weights"].ravel()])
    penalty = 0.5 * np.abs(entries).sum() + 0.25 / 2 * (entries**2).sum()
    assert loss - plain_loss == pytest.approx(penalty, rel=1e-12)
    for name in ("hidden_weights", "weights"):
        pull = 0.5 * np.sign(params[name]) + 0.25 * params[name]
        assert_allclose(grads[name] - plain[name], pull, rtol=1e-12)
    for name in ("hidden_bias", "bias"):
        assert_array_equal(grads[name], plain[name])


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_network_keeps_float32(activation, penalties):
    penalties = {name: np.float64(value) for name, value in penalties.items()}
    loss, grads = loss_and_grads(*hidden_problem(np.float32), activation=activation, **penalties)
    expected_loss, expected = loss_and_grads(*hidden_problem(), activation=activation, **penalties)
    params, x, _ = hidden_problem(np.float32)
    assert logits(params, x, activation=activation).dtype == np.float32
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert list(grads) == list(params)
    for name, grad in grads.items():
        assert (grad.dtype, grad.shape) == (np.float32, params[name].shape)
        assert_allclose(grad, expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("param_dtype", "x_dtype"), [(np.float64, np.float32), (np.float32, np.float64)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_network_of_mixed_dtypes_has_float64_gradients(activation, param_dtype, x_dtype):
    params, x, labels = hidden_problem(param_dtype)[0], hidden_problem(x_dtype)[1], hidden_problem()[2]
    _, grads = loss_and_grads(params, x, labels, activation=activation)
    wide = {name: value.astype(np.float64) for name, value in params.items()}
    _, expected = loss_and_grads(wide, x.astype(np.float64), labels, activation=activation)
    assert {name: grad.dtype for name, grad in grads.items()} == dict.fromkeys(params, np.dtype(np.float64))
    for name, grad in grads.items():
        assert_allclose(grad, expected[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_overflows_nowhere(dtype):
    a = np.array([[1000, -1000, 0], [1e30, -1e30, 1], [np.inf, -np.inf, -1]], dtype)
    params = {name: value.astype(dtype) for name, value in identity_params(1).items()}
    h = hidden_layer(params, a.reshape(-1, 1), activation="sigmoid")
    assert h.dtype == dtype
    expected = [[1, 0, 0.5], [1, 0, 1 / (1 + np.exp(-1))], [1, 0, 1 / (1 + np.exp(1))]]
    assert_allclose(h.reshape(3, 3), expected, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated_units_have_a_gradient_of_zero(activation):
    x = np.array([[1000.0, -1000.0]])
    loss, grads = loss_and_grads(identity_params(2), x, np.array([1]), activation=activation)
    low = {"tanh": -1, "sigmoid": 0}[activation]
    assert loss == pytest.approx(np.log(1 + np.exp(1 - low)), rel=1e-14)
    assert_array_equal(grads["hidden_weights"], np.zeros((2, 2)))
    assert_array_equal(grads["hidden_bias"], np.zeros(2))


def test_the_derivative_of_the_relu_at_zero_is_zero():
    _, grads = loss_and_grads(identity_params(2), np.array([[0.0, 1.0]]), np.array([0]))
    assert grads["hidden_bias"][0] == 0
    assert grads["hidden_bias"][1] == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_passes_through_the_activation_and_predict_refuses_it(activation):
    x = np.array([[1.0, np.nan], [2.0, -1.0]])
    params = identity_params(1)
    h = hidden_layer(params, x.reshape(-1, 1), activation=activation)
    assert_array_equal(np.isnan(h).reshape(2, 2), np.isnan(x))
    with pytest.raises(ValueError, match="NaN"):
        predict(params, x.reshape(-1, 1), activation=activation)


@pytest.mark.parametrize(
    "function",
    [
        hidden_layer,
        logits,
        predict,
        lambda params, x, **kw: loss_and_grads(params, x, np.zeros(N, int), **kw),
        lambda params, x, **kw: init_params(D, K, num_hidden=H, rng=np.random.default_rng(0), **kw),
    ],
)
@pytest.mark.parametrize("activation", ["softplus", "ReLU", "", None, np.tanh])
def test_unknown_activations_are_refused(function, activation):
    params, x, _ = hidden_problem()
    with pytest.raises(ValueError, match=r"activation must be one of \['relu', 'sigmoid', 'tanh'\]"):
        function(params, x, activation=activation)


@pytest.mark.parametrize("function", [logits, predict, lambda params, x: loss_and_grads(params, x, np.zeros(N, int))])
@pytest.mark.parametrize(("shape", "message"), [((N, D + 1), "x must"), ((D,), "x must"), ((N, 2, 2), "to_features")])
def test_features_that_do_not_fit_the_hidden_layer_are_refused(function, shape, message):
    params, _, _ = hidden_problem()
    with pytest.raises(ValueError, match=message):
        function(params, np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("activation", "gain"), [("relu", 2), ("tanh", 1), ("sigmoid", 1)])
def test_random_network_has_the_scale_of_its_activation_and_repeats_with_the_seed(activation, gain, dtype):
    settings = {"num_hidden": 300, "activation": activation, "dtype": dtype}
    first, second = (init_params(400, 100, rng=np.random.default_rng(3), **settings) for _ in range(2))
    shapes = {"hidden_weights": (400, 300), "hidden_bias": (300,), "weights": (300, 100), "bias": (100,)}
    assert [(name, value.shape) for name, value in first.items()] == list(shapes.items())  # in forward order
    for name, value in first.items():
        assert_array_equal(value, second[name], strict=True)
        assert value.dtype == dtype
        assert value.any() == name.endswith("weights")
    for name, deviation in {"hidden_weights": (gain / 400) ** 0.5, "weights": (1 / 300) ** 0.5}.items():
        size = first[name].size
        assert first[name].std() == pytest.approx(deviation, rel=4 / (2 * size) ** 0.5)  # four standard errors
        assert first[name].mean() == pytest.approx(0, abs=4 * deviation / size**0.5)


def test_random_network_is_for_a_relu_unless_told_otherwise():
    default, relu, tanh = (
        init_params(D, K, num_hidden=H, rng=np.random.default_rng(0), **chosen)
        for chosen in ({}, {"activation": "relu"}, {"activation": "tanh"})
    )
    assert_array_equal(default["hidden_weights"], relu["hidden_weights"])
    assert_allclose(default["hidden_weights"], 2**0.5 * tanh["hidden_weights"], rtol=1e-15)
    assert_array_equal(default["weights"], tanh["weights"])


def test_the_layers_of_a_random_network_are_drawn_one_after_the_other():
    params = init_params(4, 4, num_hidden=4, scale=1.0, rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    assert_array_equal(params["hidden_weights"], rng.standard_normal((4, 4)))
    assert_array_equal(params["weights"], rng.standard_normal((4, 4)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_scale_is_that_of_all_weights_of_a_network(activation):
    settings = {"num_hidden": 300, "activation": activation, "rng": np.random.default_rng(3)}
    params = init_params(400, 100, scale=0.1, **settings)
    for name in ("hidden_weights", "weights"):
        assert params[name].std() == pytest.approx(0.1, rel=4 / (2 * params[name].size) ** 0.5)


def test_network_of_zeros_needs_no_generator():
    params = init_params(D, K, num_hidden=H, scale=0)
    assert list(params) == ["hidden_weights", "hidden_bias", "weights", "bias"]
    assert not any(value.any() for value in params.values())


@pytest.mark.parametrize("scale", [None, 0.1])
def test_random_network_needs_a_generator(scale):
    with pytest.raises(ValueError, match="need rng"):
        init_params(D, K, num_hidden=H, scale=scale)


def test_a_hidden_layer_without_units_is_refused():
    with pytest.raises(ValueError, match="num_hidden"):
        init_params(D, K, num_hidden=0, rng=np.random.default_rng(0))


# The update rule


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


ONE = {"weights": np.ones((2, 2)), "bias": np.zeros(2)}
ROWS, CLASSES = np.ones((3, 2)), np.array([0, 1, 0])


def test_a_loss_is_a_float_whatever_the_penalty_is():
    loss, _ = loss_and_grads(ONE, ROWS, CLASSES, l2=np.float32(0.5))
    assert type(loss) is float
    assert loss == pytest.approx(np.log(2) + 1)


def test_gradients_are_not_rounded_to_the_whole_numbers_of_the_features():
    with pytest.raises(TypeError, match=r"x must be floating point .* got an array of uint8"):
        loss_and_grads(ONE, ROWS.astype(np.uint8), CLASSES)


@pytest.mark.parametrize("penalty", [np.nan, np.inf, 10**400])
def test_penalties_must_be_finite(penalty):
    with pytest.raises(ValueError, match="l2 must be a finite number"):
        loss_and_grads(ONE, ROWS, CLASSES, l2=penalty)


def test_overflow_gives_infinity_without_a_warning():
    assert np.isinf(logits(ONE, 1e308 * ROWS)).all()


@pytest.mark.parametrize(
    ("params", "x", "error", "message"),
    [
        (None, ROWS, TypeError, "params must be a dictionary of arrays, got NoneType"),
        (
            {"weights": [[1.0]], "bias": ONE["bias"]},
            ROWS,
            TypeError,
            r"params\['weights'\] must be an array of floating",
        ),
        ({"weights": ONE["weights"]}, ROWS, ValueError, r"names \['bias', 'weights'\], got \['weights'\]"),
        (ONE | {"bias": np.zeros(1)}, ROWS, ValueError, r"bias \(outputs,\), got \(2, 2\) and \(1,\)"),
        (ONE, ROWS.tolist(), TypeError, "x must be an array of real numbers, got list"),
        (ONE, ROWS.astype(complex), TypeError, "x must be an array of real numbers, got an array of complex128"),
    ],
    ids=range(6),
)
def test_what_cannot_be_params_or_features_is_refused(params, x, error, message):
    for function in (hidden_layer, logits, predict):
        with pytest.raises(error, match=message):
            function(params, x)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_features": 2.5}, ValueError, "num_features must be a whole number of at least 1, got 2.5"),
        ({"num_classes": 10**30}, ValueError, "too large"),
        ({"num_features": 10**400, "num_hidden": 1}, ValueError, "too large"),
        ({"rng": 3, "scale": 1}, TypeError, "rng must be a numpy.random.Generator"),
        ({"dtype": np.int64}, TypeError, "dtype must be floating point, got int64"),
        ({"scale": "1"}, TypeError, "scale must be a number, got str"),
        ({"scale": 1e300, "dtype": np.float32}, ValueError, "scale is too large"),
        ({"num_hidden": 2, "activation": []}, ValueError, "activation must be one of"),
    ],
    ids=range(8),
)
def test_what_cannot_be_drawn_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        init_params(**{"num_features": 2, "num_classes": 2, "rng": np.random.default_rng(0)} | options)
