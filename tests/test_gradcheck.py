"""The gradient checker: what it lets pass, what it does not, and what it says."""

import copy
import pickle
import tracemalloc
import warnings
from functools import partial

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers.gradcheck import (
    GradientError,
    GradientReport,
    WeakCheckWarning,
    best_step,
    check_gradient,
    complex_step_gradient,
    numerical_gradient,
)

settings.register_profile("gradcheck", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("gradcheck")

DTYPES = [np.float64, np.float32]
TENTH = {np.float64: 1e-6, np.float32: 1e-2}  # relative errors that must not pass
ROOT = {np.float64: 1e-9, np.float32: 2e-4}  # how exact central differences are for functions of size 1

rng = np.random.default_rng(0)
PIXELS, LABELS = rng.random((30, 4)), np.arange(30) % 3
PARAMS = {"weights": rng.standard_normal((4, 3)), "bias": rng.standard_normal(3)}
X = np.array([[0.5, -1.25, 2.0], [0.75, -0.375, 1.1]])


def read_only(array):
    array.flags.writeable = False  # a function that changed its argument would raise
    return array


def at(dtype, x):
    """Return an array, or each array of a dictionary, in another dtype, none of which can be written to."""
    if isinstance(x, dict):
        return {name: at(dtype, array) for name, array in x.items()}
    return read_only(np.array(x, dtype))


def softmax_loss(params, features=PIXELS):
    """Mean cross-entropy, made of functions that take complex numbers too."""
    z = features.astype(params["weights"].real.dtype) @ params["weights"] + params["bias"]
    z = z - z.real.max(axis=1, keepdims=True)
    return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), LABELS]).mean()


def softmax_grad(params, features=PIXELS):
    weights, bias = (params[name].astype(float) for name in ("weights", "bias"))
    delta = scipy.special.softmax(features @ weights + bias, axis=1)
    delta[np.arange(len(delta)), LABELS] -= 1
    return {"weights": features.T @ delta / len(delta), "bias": delta.mean(axis=0)}


def half_square(x):
    return (x**2).sum() / 2


def sines(x):
    return np.sin(x).sum()


def caught(grad, f=half_square, x=X, **options):
    with pytest.raises(GradientError) as info:
        check_gradient(f, grad, x, **options)
    return info.value


BRIGHT = 255 * PIXELS
SMALL = {name: array / 255 for name, array in PARAMS.items()}
A = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])

# A function, its gradient, a point
SMOOTH = {
    "linear": (lambda x: (A.astype(x.dtype) * x).sum(), lambda x: A, X),
    "quadratic": (half_square, lambda x: x, X),
    "sine": (sines, np.cos, X),
    "exponential": (lambda x: np.exp(x).sum(), np.exp, X),
    "logarithm": (lambda x: np.log(x).sum(), lambda x: 1 / x, np.abs(X)),
    "product": (lambda x: x.prod(), lambda x: x.prod() / x, X),
    "offset of 100": (lambda x: sines(x) + 100, np.cos, X),
    "difference of offsets": (lambda x: (sines(x) + 16) - 16, np.cos, X),
    "very small": (lambda x: 1e-20 * sines(x), lambda x: 1e-20 * np.cos(x), X),
    "very large": (lambda x: 1e20 * sines(x), lambda x: 1e20 * np.cos(x), X),
    "softmax regression": (softmax_loss, softmax_grad, PARAMS),
}
# The same where it is difficult: f is 0, or has kinks, or changes on another scale than 1
DIFFICULT = {
    "linear and 0": (lambda x: x[0] - x[1], lambda x: np.array([1.0, -1.0]), np.array([1.7, 1.7])),
    "linear at 0": (lambda x: x @ A[0].astype(x.dtype), lambda x: A[0], np.zeros(3)),
    "sine at 0": (sines, np.cos, np.zeros(3)),
    "tanh at 0": (lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2, np.zeros((2, 2))),
    "pixels to 255": (partial(softmax_loss, features=BRIGHT), partial(softmax_grad, features=BRIGHT), PARAMS),
    "pixels to 255, small weights": (
        partial(softmax_loss, features=BRIGHT),
        partial(softmax_grad, features=BRIGHT),
        SMALL,
    ),
    "ReLU beside its kink": (
        lambda x: np.maximum(x, 0).sum(),
        lambda x: x > 0,
        np.array([2e-6, -2e-6, 1e-3, -1e-3, 1.0, -1.0, 2.0, 3.0]),
    ),
    "ReLU at its kink": (lambda x: np.maximum(x, 0).sum(), lambda x: x > 0, np.array([0.0, 1.0, -1.0])),
    "L1 at 0": (lambda x: np.abs(x).sum(), np.sign, np.array([[0.0, 1.0], [-1.0, 0.0]])),
    "L1 beside 0": (lambda x: np.abs(x).sum(), np.sign, np.array([3e-6, -1e-7, 2e-3, 1.0, -1.0, 2.0, -3.0])),
    "one entry": (half_square, lambda x: x, np.array([3.0])),
    "a number": (lambda x: x**2 / 2, lambda x: x, np.array(3.0)),
    "one long axis": (half_square, lambda x: x, np.ones((1, 5, 1))),
    "entries of all sizes": (half_square, lambda x: x, np.array([1e-3, 1.0, 30.0])),
}


@pytest.fixture(params=DTYPES, ids=["float64", "float32"])
def dtype(request):
    return request.param


# ---------------------------------------------------------------- the step


@pytest.mark.parametrize("dtype", [*DTYPES, "float32", np.dtype("float64")])
def test_best_steps_are_those_of_the_docstring(dtype):
    unit_roundoff = float(np.finfo(dtype).eps) / 2
    assert best_step(dtype) == best_step(dtype, "central") == pytest.approx((3 * unit_roundoff) ** (1 / 3), rel=1e-12)
    assert best_step(dtype, "forward") == pytest.approx(2 * unit_roundoff**0.5, rel=1e-12)


@pytest.mark.parametrize("method", ["central", "forward"])
def test_steps_8_times_longer_or_shorter_are_worse_than_the_best(method, dtype):
    """For the exponential near 1, mean over many points."""
    points = at(dtype, 1 + np.random.default_rng(0).random(200) / 10)

    def error(step):
        slopes = [numerical_gradient(np.exp, point, method=method, step=step) for point in points]
        return np.abs(slopes - np.exp(points.astype(float))).mean()

    best = best_step(dtype, method)
    assert error(best) < min(error(best / 8), error(best * 8))


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"method must be one of \['central', 'forward'\], got 'backward'"):
        best_step(np.float64, "backward")
    with pytest.raises(ValueError, match="method must be"):
        numerical_gradient(half_square, X, method="backward", step=1e-3)


# ---------------------------------------------------------------- finite differences


@pytest.mark.parametrize("name", SMOOTH)
def test_central_differences_agree_with_the_exact_gradient(name, dtype):
    f, grad, x = SMOOTH[name]
    x = at(dtype, x)
    found, expected = numerical_gradient(f, x), grad(x)
    for key in x if isinstance(x, dict) else [...]:
        size = np.abs(expected[key]).max() + np.abs(f(x))
        assert found[key].dtype == np.float64
        assert_allclose(found[key], expected[key], rtol=0, atol=ROOT[dtype] * size)


@pytest.mark.parametrize("x", [1.5, [2.0], [[1.0, 2.0, 3.0]], np.ones((2, 1, 2))], ids=lambda x: str(np.shape(x)))
@pytest.mark.parametrize("method", ["central", "forward"])
def test_gradient_has_the_shape_of_x(x, method, dtype):
    found = numerical_gradient(half_square, at(dtype, x), method=method)
    assert found.shape == np.shape(x)
    assert found.dtype == np.float64
    assert_allclose(found, x, rtol=20 * best_step(dtype, method))


def test_forward_differences_err_by_half_the_step_times_the_second_derivative():
    assert_allclose(numerical_gradient(half_square, X, method="forward", step=2.0**-10) - X, 2.0**-11, rtol=1e-9)


def test_central_differences_of_a_cubic_err_by_the_square_of_the_step():
    found = numerical_gradient(lambda x: (x**3).sum(), X, step=2.0**-8)
    assert_allclose(found - 3 * X**2, 2.0**-16, rtol=1e-6)


def test_quotient_divides_by_the_distance_that_the_format_took():
    """0.1 * 2**-23 is no multiple of the spacing of float32 at 1000; dividing by the asked step would be off by 4%."""
    x = at(np.float32, [1000.0])
    for method in ("central", "forward"):
        assert numerical_gradient(lambda x: float(x[0]), x, method=method, step=7e-4) == 1


@pytest.mark.parametrize(("method", "per_entry"), [("central", 2), ("forward", 1)])
def test_evaluations_per_entry_are_those_of_the_docstring(method, per_entry):
    def calls(size):
        count = []
        numerical_gradient(lambda x: count.append(1) or half_square(x), np.ones(size), method=method)
        return len(count)

    assert calls(30) - calls(10) == 20 * per_entry


@pytest.mark.parametrize("step", [0.0, -1e-3, np.nan, np.inf])
def test_steps_that_are_none_are_refused(step):
    with pytest.raises(ValueError, match="step must be a finite number above 0"):
        numerical_gradient(half_square, X, step=step)
    with pytest.raises(ValueError, match="step must be a finite number above 0"):
        check_gradient(half_square, lambda x: x, X, step=step)


@pytest.mark.parametrize("method", ["central", "forward"])
def test_step_lost_beside_x_is_refused(method):
    with pytest.raises(ValueError, match=r"lost beside 1e\+04 in float32; take a larger one"):
        numerical_gradient(half_square, at(np.float32, [1.0, 1e4]), method=method, step=1e-4)
    with pytest.raises(ValueError, match="lost beside x in float32"):
        check_gradient(half_square, lambda x: x, at(np.float32, [1.0, 1e4]), step=1e-4)


def test_numbers_agree_with_scipy():
    f, _, _ = SMOOTH["softmax regression"]
    ours = numerical_gradient(f, PARAMS)
    flat = np.concatenate([PARAMS["weights"].ravel(), PARAMS["bias"]])
    theirs = scipy.optimize.approx_fprime(flat, lambda v: f({"weights": v[:12].reshape(4, 3), "bias": v[12:]}))
    assert_allclose(np.concatenate([ours["weights"].ravel(), ours["bias"]]), theirs, rtol=0, atol=2e-7)
    assert_allclose(numerical_gradient(sines, X), np.cos(X), rtol=0, atol=1e-9)


# ---------------------------------------------------------------- the complex step


@pytest.mark.parametrize("step", [1e-20, 1e-50, 1e-200])
def test_complex_step_is_exact_to_full_precision(step):
    found = complex_step_gradient(softmax_loss, PARAMS, step=step)
    for name, expected in softmax_grad(PARAMS).items():
        assert found[name].dtype == np.float64
        assert_allclose(found[name], expected, rtol=0, atol=4 * np.finfo(float).eps * np.abs(expected).max())


def test_complex_step_of_float32():
    params = at(np.float32, PARAMS)
    found = complex_step_gradient(softmax_loss, params)
    for name, expected in softmax_grad(params).items():
        assert_allclose(found[name], expected, rtol=0, atol=1e-6)


def test_complex_step_does_not_cancel():
    x = np.array([1e-8, 1.0])
    assert_allclose(complex_step_gradient(lambda x: (1e10 + np.sin(x)).sum(), x), np.cos(x), rtol=1e-15)


@pytest.mark.parametrize(
    "f", [lambda x: np.abs(x).sum(), lambda x: x.real.sum(), lambda x: 1.0], ids=["abs", "real", "1"]
)
def test_functions_that_lose_the_imaginary_part_are_refused(f):
    with pytest.raises(TypeError, match="one complex number for complex x"):
        complex_step_gradient(f, X)


def test_complex_step_refuses_nan():
    with pytest.raises(ValueError, match="must be finite"):
        complex_step_gradient(lambda x: x.sum() * np.nan, X)


@pytest.mark.parametrize("f", [lambda x: x, lambda x: x[:1, :1]], ids=["array", "array of one"])
def test_complex_step_refuses_more_than_one_number(f):
    with pytest.raises(TypeError, match="one"):
        complex_step_gradient(f, X)


@pytest.mark.parametrize("step", [0.0, np.nan])
def test_complex_step_refuses_steps_that_are_none(step):
    with pytest.raises(ValueError, match="step"):
        complex_step_gradient(lambda x: (x**2).sum(), X, step=step)


# ---------------------------------------------------------------- what x and f may be

ALL_THREE = [
    pytest.param(numerical_gradient, id="numerical_gradient"),
    pytest.param(complex_step_gradient, id="complex_step_gradient"),
    pytest.param(lambda f, x: check_gradient(f, lambda x: x, x), id="check_gradient"),
]
FINITE = [ALL_THREE[0], ALL_THREE[2]]


@pytest.mark.parametrize("function", ALL_THREE)
@pytest.mark.parametrize(
    "x",
    [
        np.array([1, 2]),
        np.array([True]),
        np.array([1 + 0j]),
        np.array([1.0], np.float16),
        {"a": np.ones(2), "b": np.ones(2, int)},
        {"a": np.ones(2), "b": np.ones(2, np.float32)},
        {},
    ],
    ids=str,
)
def test_x_that_is_not_of_one_floating_point_format_is_refused(function, x):
    with pytest.raises(TypeError, match="x must be float64 or float32 throughout"):
        function(half_square, x)


@pytest.mark.parametrize("function", ALL_THREE)
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 3)), "x holds no number"),
        ({"a": np.zeros(0), "b": np.zeros((2, 0))}, "x holds no number"),
        (np.array([1.0, np.nan]), "x contains NaN or infinity"),
        ({"a": np.ones(2), "b": np.array([-np.inf])}, "x contains NaN or infinity"),
    ],
    ids=str,
)
def test_empty_or_infinite_x_is_refused(function, x, message):
    with pytest.raises(ValueError, match=message):
        function(half_square, x)


@pytest.mark.parametrize("function", FINITE)
@pytest.mark.parametrize("value", [np.ones(1), np.ones((2, 3)), None, "1", 1j, True, [1.0, 2.0]], ids=repr)
def test_f_that_returns_no_real_number_is_refused(function, value):
    with pytest.raises(TypeError, match="f must return one real number"):
        function(lambda x: value, X)


@pytest.mark.parametrize("function", FINITE)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_f_that_is_not_finite_is_refused(function, value):
    with pytest.raises(ValueError, match=f"f returned {value}"):
        function(lambda x: value, X)


@pytest.mark.parametrize("function", FINITE)
def test_f_that_is_infinite_only_beside_x_is_refused(function):
    with pytest.raises(ValueError, match="f returned inf"):
        function(lambda x: np.where(x > X, np.inf, x).sum(), X)


@pytest.mark.parametrize("function", FINITE)
def test_f_that_changes_its_argument_is_refused(function):
    def f(x):
        x *= 0.5
        return half_square(x)

    with pytest.raises(ValueError, match="changes its argument"):
        function(f, X.copy())


@pytest.mark.parametrize("function", FINITE)
def test_f_with_chance_inside_is_refused(function):
    chance = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two different values for the same x"):
        function(lambda x: half_square(x) + 1e-12 * chance.random(), X)


@pytest.mark.parametrize("convert", [float, np.float32, np.float64, np.array, np.float16])
def test_numbers_of_any_kind_may_come_back(convert):
    check_gradient(lambda x: convert(2 * x[0] - x[1]), lambda x: [2, -1], np.array([3.0, 1.0]), step=0.25)


def test_integers_may_come_back_where_f_is_constant():
    with pytest.warns(WeakCheckWarning):
        check_gradient(lambda x: 3, np.zeros_like, X)


def test_arguments_are_never_changed(dtype):
    x = at(dtype, PARAMS)  # cannot be written to
    before = copy.deepcopy(x)
    numerical_gradient(softmax_loss, x)
    complex_step_gradient(softmax_loss, x)
    check_gradient(softmax_loss, softmax_grad, x)
    check_gradient(softmax_loss, softmax_grad, x, num_directions=2, rng=np.random.default_rng(0))
    assert list(x) == list(before)
    for name in x:
        assert_array_equal(x[name], before[name], strict=True)


def test_f_sees_the_names_shapes_and_dtype_of_x(dtype):
    def f(x):
        assert [(name, array.shape, array.dtype) for name, array in x.items()] == expected
        return half_square(x["w"]) + x["b"] * 2

    x = {"w": np.ones((2, 3), dtype), "b": np.array(0.5, dtype)}
    expected = [("w", (2, 3), dtype), ("b", (), dtype)]
    numerical = numerical_gradient(f, x)
    assert {name: array.shape for name, array in numerical.items()} == {"w": (2, 3), "b": ()}
    check_gradient(f, lambda x: {"w": x["w"], "b": 2.0}, x)


@pytest.mark.parametrize(
    "x", [np.asfortranarray(X), X.T, X[:, ::-1], X[:, ::2], np.broadcast_to(X[0], (3, 3))], ids=lambda x: str(x.strides)
)
def test_memory_layout_of_x_and_of_the_gradient_does_not_matter(x):
    weights = np.arange(1.0, x.size + 1).reshape(x.shape)

    def f(x):
        return (weights * x**2).sum()

    def grad(x):
        return np.asfortranarray(2 * weights * x)

    assert_allclose(numerical_gradient(f, x), 2 * weights * x, rtol=1e-9)
    check_gradient(f, grad, x)
    assert caught(lambda x: grad(x) + (weights == 2), f, x).index == tuple(np.argwhere(weights == 2)[0])


# ---------------------------------------------------------------- right gradients pass


@pytest.mark.filterwarnings("ignore::mnist_helpers.gradcheck.WeakCheckWarning")  # float32 sees little there
@pytest.mark.parametrize("name", SMOOTH | DIFFICULT)
def test_right_gradients_pass(name, dtype):
    f, grad, x = (SMOOTH | DIFFICULT)[name]
    check_gradient(f, grad, at(dtype, x))


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("seed", range(3))
def test_right_gradients_pass_along_directions(name, dtype, seed):
    f, grad, x = SMOOTH[name]
    report = check_gradient(f, grad, at(dtype, x), num_directions=4, rng=np.random.default_rng(seed))
    assert report.num_checked == 4


def test_gradient_may_come_in_another_order_of_names_in_lists_and_in_other_dtypes(dtype):
    def grad(params):
        grads = softmax_grad(params)
        return {"bias": grads["bias"].astype(np.float32).tolist(), "weights": grads["weights"].astype(np.longdouble)}

    check_gradient(softmax_loss, grad, at(dtype, PARAMS), step=best_step(np.float32) if dtype == np.float32 else 1e-2)


def test_gradient_may_share_memory_with_x():
    check_gradient(half_square, lambda x: x, X)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_any_slope_between_the_sides_of_a_kink_is_right(value, dtype):
    report = check_gradient(
        lambda x: np.maximum(x, 0).sum(), lambda x: np.where(x == 0, value, x > 0), at(dtype, [0.0, 1.0, 2.0, -1.0])
    )
    assert (report.num_checked, report.num_kinks) == (4, 1)


@pytest.mark.parametrize("value", [-0.3, 1.3, 2.0, -1.0])
def test_slopes_beyond_the_sides_of_a_kink_are_wrong(value, dtype):
    error = caught(
        lambda x: np.where(x == 0, value, x > 0), lambda x: np.maximum(x, 0).sum(), at(dtype, [1.0, 0.0, 2.0, -1.0])
    )
    assert error.index == (1,)


def test_kinks_do_not_hide_errors_elsewhere(dtype):
    x = at(dtype, [0.0, 1.0, -2.0])
    error = caught(lambda x: np.sign(x) * [1, 1 + 3 * TENTH[dtype], 1], lambda x: np.abs(x).sum(), x)
    assert error.index == (1,)


def relu_net(params, features, labels):
    """Return loss and gradient of one hidden layer of ReLU, in the dtype of its arguments."""
    h = np.maximum(features @ params["hidden"] + params["hidden_bias"], 0)
    z = h @ params["weights"]
    z = z - z.max(axis=1, keepdims=True)
    log_probs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    delta = (np.exp(log_probs) - np.eye(3, dtype=z.dtype)[labels]) / len(z)
    below = (delta @ params["weights"].T) * (h > 0)
    grads = {"weights": h.T @ delta, "hidden": features.T @ below, "hidden_bias": below.sum(axis=0)}
    return -log_probs[np.arange(len(z)), labels].mean(), grads


@pytest.mark.parametrize("num_examples", [10, 100, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_right_gradient_of_a_relu_network_passes_for_many_examples(num_examples, seed, dtype):
    """With many examples many kinks lie between the points of a difference."""
    rng = np.random.default_rng(seed)
    shapes = {"hidden": (6, 8), "hidden_bias": (8,), "weights": (8, 3)}
    params = {name: (0.3 * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()}
    features, labels = rng.random((num_examples, 6)).astype(dtype), rng.integers(3, size=num_examples)
    check_gradient(
        lambda params: relu_net(params, features, labels)[0],
        lambda params: relu_net(params, features, labels)[1],
        params,
    )


def test_empty_parameters_are_passed_over():
    x = {"w": X, "none": np.ones((0, 3))}
    assert numerical_gradient(lambda x: half_square(x["w"]), x)["none"].shape == (0, 3)
    assert check_gradient(lambda x: half_square(x["w"]), lambda x: x, x).num_checked == X.size
    assert caught(lambda x: {**x, "w": -x["w"]}, lambda x: half_square(x["w"]), x).name == "w"


# Functions of any number of variables: sum of weights * shape(A @ x + c), and their exact gradients
SHAPES = {
    "identity": (lambda a: a, np.ones_like),
    "square": (lambda a: a**2 / 2, lambda a: a),
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "exp": (np.exp, np.exp),
    "softplus": (lambda a: np.logaddexp(0, a), scipy.special.expit),
}


@st.composite
def functions(draw):
    """Draw f, its gradient and a point."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    numbers = st.integers(-16, 16).map(lambda i: i / 8)
    matrix, shift, weights = (draw(hnp.arrays(np.float64, shape, elements=numbers)) for shape in ((m, n), m, m))
    dtype = draw(st.sampled_from(DTYPES))
    x = read_only(draw(hnp.arrays(dtype, n, elements=numbers)))
    shape, slope = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]

    def f(x):
        return (weights.astype(x.dtype) * shape(matrix.astype(x.dtype) @ x + shift.astype(x.dtype))).sum()

    def grad(x):
        return matrix.T @ (weights * slope(matrix @ x + shift))

    return f, grad, x


@given(functions())
def test_right_gradients_of_random_functions_pass(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakCheckWarning)  # some are constant
        check_gradient(*case)


@given(functions(), st.data())
def test_one_wrong_entry_of_a_random_function_is_found(case, data):
    f, grad, x = case
    right = grad(x)
    size = np.abs(f(x)) + np.abs(right).max()
    i = data.draw(st.sampled_from(range(len(x))))
    assume(abs(right[i]) > 0.1 * size)
    wrong = np.where(np.arange(len(x)) == i, (1 + 3 * TENTH[x.dtype.type]) * right, right)
    error = caught(lambda x: wrong, f, x)
    assert error.index == (i,)
    assert error.analytic == pytest.approx(wrong[i], rel=1e-12 if x.dtype == np.float64 else 1e-2)


# ---------------------------------------------------------------- wrong gradients do not


@pytest.mark.parametrize("name", [name for name in SMOOTH if not name.startswith(("offset", "difference"))])
def test_one_entry_that_is_a_little_wrong_is_found_wherever_it_is(name, dtype):
    f, grad, x = SMOOTH[name]
    x = at(dtype, x)
    right = {key: np.asarray(value) for key, value in (grad(x) if isinstance(x, dict) else {"": grad(x)}).items()}
    largest = max(np.abs(array).max() for array in right.values())
    for key, array in right.items():
        for index in np.ndindex(array.shape):
            if abs(array[index]) < largest / 10:
                continue
            wrong = {name: np.array(other, float) for name, other in right.items()}
            wrong[key][index] *= 1 + TENTH[dtype]
            error = caught(lambda x, wrong=wrong: wrong if isinstance(x, dict) else wrong[""], f, x)
            assert (error.name, error.index) == (key, index)


@pytest.mark.filterwarnings("ignore::mnist_helpers.gradcheck.WeakCheckWarning")  # float32 sees little there
@pytest.mark.parametrize("sign", [-1, 1])
def test_with_large_features_a_step_to_match_finds_small_errors(dtype, sign):
    f, grad, x = DIFFICULT["pixels to 255, small weights"]

    def wrong(x):
        grads = grad(x)
        grads["weights"][1, 2] *= 1 + sign * TENTH[dtype]
        return grads

    step = best_step(dtype) / 255
    check_gradient(f, grad, at(dtype, x), step=step)
    error = caught(wrong, f, at(dtype, x), step=step)
    assert (error.name, error.index) == ("weights", (1, 2))


def test_large_errors_are_found_with_large_features_too(dtype):
    """A check with the step for small features may lose digits, but no error of 10% may slip through silently."""
    f, grad, x = DIFFICULT["pixels to 255, small weights"]
    for index in np.ndindex(4, 3):

        def wrong(x, index=index):
            grads = grad(x)
            grads["weights"][index] *= 1.1
            return grads

        assert caught(wrong, f, at(dtype, x)).index == index


@pytest.mark.parametrize("scale", [30, 100, 300, 1000])
def test_an_error_of_a_tenth_passes_at_no_scale_without_a_warning(scale, dtype):
    """Where the step is too long for the function, saying nothing would be the one wrong answer."""
    x = at(dtype, np.random.default_rng(1).standard_normal(12))
    right = scale * np.cos(scale * x.astype(float))
    silent = []
    for i in np.flatnonzero(np.abs(right) > scale / 3):
        wrong = right * np.where(np.arange(12) == i, 1.1, 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                check_gradient(lambda x: np.sin(dtype(scale) * x).sum(), lambda x, wrong=wrong: wrong, x)
            silent.append(i)
        except (GradientError, ValueError, WeakCheckWarning):
            pass
    assert not silent


def test_error_holds_the_worst_entry_and_both_numbers():
    wrong = X.copy()
    wrong[0, 1] += 0.25
    wrong[1, 2] -= 2
    error = caught(lambda x: wrong)
    assert isinstance(error, AssertionError)
    assert (error.name, error.index, error.cause) == ("", (1, 2), "")
    assert all(type(i) is int for i in error.index)
    assert error.analytic == wrong[1, 2]
    assert error.numerical == pytest.approx(X[1, 2], abs=1e-8)
    assert error.error == pytest.approx(2, abs=1e-8)
    assert 0 < error.tolerance < 1e-8
    for text in ("at index (1, 2)", "analytic -0.9, numerical 1.1", "difference 2,", "2 of 6 values are wrong"):
        assert text in str(error)


def test_worst_entry_is_the_one_with_the_largest_error_in_units_of_its_tolerance():
    """The larger difference may be the smaller error: a steep exponential is not known as well as a straight line."""
    wrong = np.array([1 + 1e-6, 50 + 1e-5])
    error = caught(lambda x: wrong, lambda x: x[0] + np.exp(50 * x[1]), np.zeros(2))
    assert error.index == (0,)
    assert error.error == pytest.approx(1e-6, rel=1e-2)
    assert "2 of 2 values are wrong" in str(error)


def test_error_names_the_parameter_and_those_that_agree():
    error = caught(lambda p: {**softmax_grad(p), "bias": softmax_grad(p)["bias"] + [0, 0.5, 0]}, softmax_loss, PARAMS)
    assert (error.name, error.index) == ("bias", (1,))
    assert "the gradient of 'bias' is wrong at index (1,)" in str(error)
    assert "1 of 3 values are wrong, 'weights' agrees" in str(error)


def test_index_of_a_single_number_is_empty():
    error = caught(lambda x: 3 * x, lambda x: x**2, np.array(2.0))
    assert (error.index, error.analytic) == ((), 6)


def test_error_can_be_copied_and_pickled():
    """As test runners that work in several processes do."""
    error = caught(lambda x: 2 * x)
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("grad", "message"),
    [
        (lambda x: x.T, r"has shape \(3, 2\), expected \(2, 3\); transposed\?"),
        (lambda x: x.ravel(), r"has shape \(6,\), expected \(2, 3\)$"),
        (lambda x: x[:, :2], r"has shape \(2, 2\), expected \(2, 3\)$"),
        (lambda x: x.sum(), r"has shape \(\), expected \(2, 3\)$"),
        (lambda x: None, r"has shape \(\), expected \(2, 3\)$"),
        (lambda x: {"x": x}, "expected|shape"),
        (lambda x: np.where(x == x[0, 1], np.nan, x), r"is nan at index \(0, 1\), where f is finite"),
        (lambda x: np.where(x == x[1, 2], -np.inf, x), r"is -inf at index \(1, 2\), where f is finite"),
    ],
)
def test_gradients_that_cannot_be_right_are_refused_at_once(grad, message):
    with pytest.raises(GradientError, match=message) as info:
        check_gradient(half_square, grad, X)
    error = info.value
    assert (error.name, error.cause) == ("", "")
    assert np.isnan([error.numerical, error.error, error.tolerance]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: {"weights": g["weights"]}, r"grad returned \['weights'\], expected .*\['bias', 'weights'\]"),
        (lambda g: g | {"more": 0.0}, r"returned \['bias', 'more', 'weights'\]"),
        (lambda g: g["weights"], "grad returned ndarray, expected the names"),
        (lambda g: (1.0, g), "grad returned tuple, expected the names"),
        (lambda g: g | {"bias": g["bias"][:, None]}, r"gradient of 'bias' has shape \(3, 1\), expected \(3,\)"),
        (lambda g: g | {"weights": g["weights"].T}, r"gradient of 'weights' has shape \(3, 4\).*transposed\?"),
        (lambda g: g | {"bias": g["bias"] * [1, np.inf, 1]}, r"gradient of 'bias' is -?inf at index \(1,\)"),
    ],
)
def test_dictionaries_that_do_not_fit_are_refused(change, message):
    with pytest.raises(GradientError, match=message):
        check_gradient(softmax_loss, lambda params: change(softmax_grad(params)), PARAMS)


def test_gradient_that_is_not_finite_has_its_index():
    error = caught(lambda p: softmax_grad(p) | {"bias": np.array([1, 2, np.nan])}, softmax_loss, PARAMS)
    assert (error.name, error.index) == ("bias", (2,))
    assert np.isnan(error.analytic)


def test_complex_gradient_is_not_taken_for_its_real_part():
    with pytest.raises((GradientError, TypeError)):
        check_gradient(half_square, lambda x: x + 3j, X)


def test_grad_that_changes_its_argument_is_refused():
    def grad(x):
        x += 1
        return x - 1

    assert "grad changes its argument" in str(caught(grad))


# ---------------------------------------------------------------- likely causes


def shuffled(array):
    return array.reshape(array.shape[::-1]).T


SQUARE = np.array([[0.5, -1.25, 2.0], [0.75, -0.375, 1.1], [-0.9, 0.3, -1.6]])


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (lambda x: -x, "the sign"),
        (lambda x: 2 * x, "a factor 2 (ratio 2)"),
        (lambda x: x / 2, "a factor 2 (ratio 0.5)"),
        (lambda x: 60 * x, "a factor 60:"),
        (lambda x: x / 60, "a factor 1 / 60:"),
        (lambda x: x * np.log(2), "a factor ln 2 "),
        (lambda x: x / np.log(2), "a factor 1 / ln 2 "),
        (lambda x: 1.37 * x, "the constant factor 1.37"),
        (np.zeros_like, "zero everywhere"),
        (lambda x: np.full_like(x, x.sum()), "all entries are the same number"),
        (lambda x: x + 0.25, "0.25 everywhere: a constant"),
        (lambda x: x * (1 + 1e-5 * np.cos(x)), ""),
        (lambda x: x * (1 + 3e-7 * np.cos(x)), "right to 7 digits"),
        (lambda x: x * [1, 1, 0], "values are zero and the others right: a loop that ends early"),
        (lambda x: x.T, "transposed"),
        (shuffled, "transposed"),
        (lambda x: x**3, ""),
        (np.abs, ""),
    ],
)
def test_likely_cause_is_named(wrong, cause):
    error = caught(wrong, x=SQUARE)
    assert error.cause.startswith(cause) if cause.startswith("a factor") else cause in error.cause
    assert bool(error.cause) == bool(cause)
    assert (f"Likely cause: {error.cause}" if cause else "wrong") in str(error)
    assert ("Likely cause" in str(error)) == bool(cause)


def test_reshape_for_transpose_is_recognised():
    error = caught(lambda x: x.T.reshape(x.shape), x=np.arange(1.0, 9.0).reshape(4, 2))
    assert "reshape where a transpose is needed" in error.cause


@pytest.mark.parametrize(("factor", "number"), [(0.1, "0.1"), (-0.5, "-0.5")])
def test_penalties_on_one_side_are_recognised(factor, number):
    weights = PARAMS["weights"]

    def f(w):
        return softmax_loss({"weights": w, "bias": PARAMS["bias"]})

    def grad(w):
        return softmax_grad({"weights": w, "bias": PARAMS["bias"]})["weights"]

    check_gradient(f, grad, weights)
    l2 = caught(lambda w: grad(w) + factor * w, f, weights).cause
    assert f"is {number} times the parameter: an L2 penalty" in l2
    l1 = caught(lambda w: grad(w) + factor * np.sign(w), f, weights).cause
    assert f"is {number} times its sign: an L1 penalty" in l1


def test_missing_column_is_recognised_with_its_number_of_values():
    wrong = softmax_grad(PARAMS)
    wrong["weights"] *= [1, 1, 0]
    error = caught(lambda p: wrong, softmax_loss, PARAMS)
    assert error.cause.startswith("4 values are zero and the others right")


def test_cause_says_that_the_sign_is_wrong_besides_the_factor():
    assert "3" in caught(lambda x: -3 * x).cause
    assert "sign" in caught(lambda x: -3 * x).cause or "-3" in caught(lambda x: -3 * x).cause


@pytest.mark.parametrize("size", [1e-5, 5e-4])
@pytest.mark.parametrize(
    "weights", [np.ones((2, 2)), np.array([[1.0, 2.0], [2.0, 5.0]]), np.ones(4), np.diag([1e4, 1.0])], ids=str
)
def test_one_wrong_entry_is_not_explained_by_a_pattern_that_the_right_gradient_has_too(weights, size):
    """That all entries are equal, or equal to the transpose, is no cause where it should be so."""
    wrong = weights.copy()
    wrong.flat[0] *= 1 + size
    error = caught(lambda x: wrong, lambda x: (weights * x).sum(), np.zeros_like(weights))
    assert error.index == (0,) * weights.ndim
    assert error.cause == ""


def test_large_ratio_is_called_a_whole_number_only_if_it_is_one():
    assert caught(lambda x: 1200 * x).cause.startswith("a factor 1200:")
    assert caught(lambda x: 1200.5 * x).cause == "the constant factor 1200"


def test_gradient_of_a_parameter_that_f_does_not_use_is_no_reason_to_divide_by_zero():
    x = {"used": X, "unused": X.copy()}
    error = caught(lambda p: {"used": p["used"], "unused": np.cos(p["unused"])}, lambda p: half_square(p["used"]), x)
    assert error.name == "unused"
    assert error.numerical == 0


# ---------------------------------------------------------------- where nothing can be concluded


@pytest.mark.parametrize("directions", [{}, {"num_directions": 3}])
def test_too_many_kinks_are_refused(dtype, directions):
    with pytest.raises(ValueError, match=r"x sits on a kink of f in 3 of 3 directions"):
        check_gradient(
            lambda x: np.abs(x).sum(), np.sign, np.zeros(3, dtype), **directions, rng=np.random.default_rng(0)
        )


def test_jumps_give_a_warning(dtype):
    with pytest.warns(WeakCheckWarning, match="hardly any error would show"):
        check_gradient(lambda x: np.floor(x).sum(), np.zeros_like, at(dtype, np.arange(1, 4) + best_step(dtype) / 50))


def assert_not_accused(f, grad, x):
    """A warning that little could be seen is a right answer too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakCheckWarning)
        check_gradient(f, grad, x)


@pytest.mark.parametrize("unit", [1e-12, 1e-10, 1e-9, 1e-7, 1e-6])
def test_right_gradient_of_a_rounded_function_is_not_accused(unit):
    assert_not_accused(lambda x: np.round(half_square(x) / unit) * unit, lambda x: x, X)


@pytest.mark.parametrize("convert", [np.float32, float])
@pytest.mark.parametrize("scale", [1e-3, 1.0])
@pytest.mark.parametrize("offset", [1.0, 1e3])
def test_right_gradient_of_a_function_in_lower_precision_than_x_is_not_accused(convert, scale, offset):
    assert_not_accused(lambda x: convert(np.float32(half_square(x)) + np.float32(offset)), lambda x: x, scale * X)


def test_checking_entries_on_kinks_takes_no_matrix_of_all_directions():
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="on a kink of f in 1500 of 1500 directions"):
            check_gradient(lambda x: np.abs(x).sum(), np.sign, np.zeros(1500))
        assert tracemalloc.get_traced_memory()[1] < 1500**2  # bytes; the matrix takes eight times that
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------- checks that could not fail


def test_derivatives_that_are_all_zero_give_a_warning():
    x = {"used": X, "unused": X.copy()}
    grads = {"used": X, "unused": np.zeros_like(X)}
    with pytest.warns(WeakCheckWarning, match="all derivatives of 'unused' are zero to within") as record:
        check_gradient(lambda x: half_square(x["used"]), lambda x: grads, x)
    assert [warning.filename for warning in record] == [__file__]


@pytest.mark.parametrize(
    ("f", "grad", "x"),
    [
        (half_square, lambda x: x, np.zeros(3)),
        (lambda x: (x**3).sum(), lambda x: 3 * x**2, np.zeros(3)),
        (lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2, np.full(3, 30.0)),
        (lambda x: 1e9 + half_square(x), lambda x: x, 1e-3 * X),
        (lambda x: 5.0, np.zeros_like, X),
    ],
    ids=["at the minimum", "cubic at 0", "saturated", "offset", "constant"],
)
def test_check_that_could_hardly_fail_gives_a_warning(f, grad, x, dtype):
    with pytest.warns(WeakCheckWarning, match="all derivatives are zero"):
        check_gradient(f, grad, at(dtype, x))


# ---------------------------------------------------------------- directions


@pytest.mark.parametrize("seed", range(5))
def test_directions_find_what_is_wrong_in_one_entry(dtype, seed):
    def wrong(params):
        grads = softmax_grad(params)
        grads["weights"][2, 1] *= 1.5
        return grads

    error = caught(wrong, softmax_loss, at(dtype, PARAMS), num_directions=10, rng=np.random.default_rng(seed))
    assert error.name == ""
    assert len(error.index) == 1
    assert 0 <= error.index[0] < 10
    assert error.error == pytest.approx(abs(error.analytic - error.numerical))
    assert f"along direction {error.index[0]}" in str(error)


def test_directions_name_the_cause_too():
    options = {"num_directions": 5, "rng": np.random.default_rng(0)}
    assert caught(lambda x: -x, **options).cause.startswith("the sign")
    assert caught(lambda x: 2 * x, **options).cause.startswith("a factor 2")


@pytest.mark.parametrize("options", [{"num_directions": 3}, {"num_directions": 0, "rng": np.random.default_rng(0)}])
def test_directions_need_a_number_and_a_generator(options):
    with pytest.raises(ValueError, match="num_directions must be at least 1 and needs rng"):
        check_gradient(half_square, lambda x: x, X, **options)


def test_cost_of_directions_does_not_grow_with_the_number_of_entries():
    def evaluations(size, **options):
        return check_gradient(half_square, lambda x: x, np.ones(size), **options).num_evaluations

    for size in (10, 1000, 100_000):
        assert evaluations(size, num_directions=4, rng=np.random.default_rng(0)) < 200
    assert evaluations(100) > 400


def test_directions_repeat_with_the_seed():
    first, second = (check_gradient(sines, np.cos, X, num_directions=3, rng=np.random.default_rng(7)) for _ in range(2))
    assert first == second


# ---------------------------------------------------------------- the report


def test_report_says_what_was_done(dtype):
    calls = []
    x = at(dtype, [[0.0, 1.0], [2.0, -3.0]])
    report = check_gradient(lambda x: calls.append(1) or np.abs(x).sum(), np.sign, x)
    assert isinstance(report, GradientReport)
    assert (report.num_checked, report.num_kinks, report.num_evaluations) == (4, 1, len(calls))
    assert report.step == best_step(dtype)
    assert report.noise >= np.finfo(dtype).eps * 6
    assert 0 <= report.largest_error <= report.largest_tolerance
    assert str(report).startswith("4 derivatives agree, 1 at a kink: largest difference")
    assert f"{len(calls)} evaluations" in str(report)


def test_report_without_kinks_does_not_speak_of_them():
    report = check_gradient(half_square, lambda x: x, X, step=1e-3)
    assert report.step == 1e-3
    assert "kink" not in str(report)
    with pytest.raises(AttributeError):
        report.step = 1.0


def test_error_in_the_report_is_the_largest_difference_from_the_numerical_gradient():
    report = check_gradient(sines, np.cos, X)
    assert report.largest_error == pytest.approx(np.abs(np.cos(X) - numerical_gradient(sines, X)).max(), abs=1e-11)


@pytest.mark.parametrize("unit", [1e-12, 1e-9, 1e-7])
def test_noise_that_looks_random_is_estimated_to_within_a_factor_of_ten(unit):
    def f(x):
        return half_square(x) + unit * np.random.default_rng(np.frombuffer(x.tobytes(), np.uint32)).random()

    report = check_gradient(f, lambda x: x, X)
    assert 0.1 < report.noise / (unit / 12**0.5) < 10


@pytest.mark.parametrize("unit", [1e-12, 1e-9])
def test_noise_of_a_rounded_value_is_estimated_to_within_a_factor_of_ten(unit):
    """Here the last digits of x alone do not change f."""
    report = check_gradient(lambda x: np.round(sines(x) / unit) * unit, np.cos, X)
    assert 0.1 < report.noise / (unit / 12**0.5) < 10


@pytest.mark.parametrize("offset", [2.0**10, 2.0**20])
def test_noise_of_a_difference_of_large_numbers_is_estimated_to_within_a_factor_of_ten(offset):
    report = check_gradient(lambda x: (sines(x) + offset) - offset, np.cos, X)
    assert 0.1 < report.noise / (np.spacing(offset) / 12**0.5) < 10


def test_noise_is_at_least_the_roundoff_of_the_value(dtype):
    report = check_gradient(lambda x: x.sum() + dtype(64), np.ones_like, at(dtype, X))
    assert report.noise == pytest.approx(np.finfo(dtype).eps * 67, rel=0.3)


# ---------------------------------------------------------------- SciPy's verdict


@pytest.mark.parametrize("name", ["quadratic", "sine", "exponential", "product"])
def test_scipy_agrees_that_right_ones_are_right_and_wrong_ones_wrong(name):
    f, grad, x = SMOOTH[name]

    def distance(grad):
        return scipy.optimize.check_grad(
            lambda v: f(v.reshape(x.shape)), lambda v: grad(v.reshape(x.shape)).ravel(), x.ravel()
        )

    def wrong(x):
        return 1.001 * grad(x)

    assert distance(grad) < 1e-6 < 1e-4 < distance(wrong)
    check_gradient(f, grad, x)
    assert caught(wrong, f, x).error > 1e-5


@example(np.array([0.0]))
@given(hnp.arrays(np.float64, st.integers(1, 4), elements=st.floats(-3, 3)))
def test_differences_agree_with_the_exact_derivative(x):
    ours = numerical_gradient(lambda x: np.exp(np.sin(x)).sum(), x)
    assert_allclose(ours, np.exp(np.sin(x)) * np.cos(x), rtol=0, atol=2e-9)


@pytest.mark.parametrize("dtype", [None, int, "complex128"])
def test_best_step_needs_a_floating_point_format(dtype):
    with pytest.raises(TypeError, match="dtype must be floating point"):
        best_step(dtype)


@pytest.mark.parametrize("step", [1e-60, 1e60])
def test_complex_step_that_the_format_cannot_hold_is_refused(step):
    with pytest.raises(ValueError, match="take another one"):
        complex_step_gradient(lambda x: (x**2).sum(), np.ones(2, np.float32), step=step)


def test_directions_need_a_generator():
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        check_gradient(lambda x: (x**2).sum(), lambda x: 2 * x, np.ones(2), num_directions=2, rng=0)


def test_values_whose_differences_overflow_are_refused():
    """The noise became NaN, and with it every tolerance."""
    with pytest.raises(ValueError, match="differences of numbers above"):
        check_gradient(lambda x: 1e308, np.zeros_like, np.ones(2))


def test_more_directions_than_fit_into_the_memory_are_refused():
    with pytest.raises(ValueError, match="too large"):
        check_gradient(
            lambda x: (x**2).sum(), lambda x: 2 * x, np.ones(2), num_directions=10**30, rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize("check", [numerical_gradient, lambda f, x, step: check_gradient(f, np.cos, x, step=step)])
def test_a_step_beyond_the_range_of_the_format_is_refused(check):
    with pytest.raises(ValueError, match="take a smaller one"):
        check(lambda x: np.sin(x).sum(), np.ones(2, np.float32), step=1e38 * 9)


def test_an_unsigned_step_is_no_other_step():
    x = np.ones(2)
    assert_array_equal(
        numerical_gradient(lambda x: (x**2).sum(), x, step=np.uint8(1)),
        numerical_gradient(lambda x: (x**2).sum(), x, step=1.0),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_x_at_the_edge_of_its_format_is_refused(dtype):
    edge = np.array([np.finfo(dtype).max])
    with pytest.raises(ValueError, match=f"x is so large .* range of {np.dtype(dtype)}"):
        check_gradient(lambda x: float(np.sin(x).sum()), np.cos, edge)
