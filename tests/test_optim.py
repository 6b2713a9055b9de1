"""The update rules against exact arithmetic, closed forms, Nesterov's own form, and PyTorch."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers.models import init_params
from mnist_helpers.optim import decay_weights, momentum, nesterov, sgd, update_rule, zero_velocity

settings.register_profile("tests", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("tests")

RULES = [momentum, nesterov]
SHAPES = {"hidden_weights": (3, 4), "hidden_bias": (4,), "weights": (4, 2), "bias": (2,)}
NUMBERS = st.floats(-1e100, 1e100)
EIGHTHS = st.integers(-(2**20), 2**20).map(lambda i: i / 8)  # numbers whose sums and products here are exact
OUTSIDE = [-0.1, -1e-300, 1, 1.5, np.nan, np.inf, -np.inf]  # of [0, 1)


def arrays(seed, dtype=np.float64):
    """Return random arrays with the names of a network; they cannot be written to."""
    rng = np.random.default_rng(seed)
    return frozen({name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()})


def frozen(params):
    for array in params.values():
        array.flags.writeable = False  # a function that changed its argument would raise
    return params


def single(values):
    return frozen({"weights": np.array(values)})


def assert_same(left, right):
    assert list(left) == list(right)
    for name, value in left.items():
        assert_array_equal(value, right[name], strict=True)


def assert_close(left, right):
    assert list(left) == list(right)
    for name, value in left.items():
        assert_allclose(value, right[name], rtol=1e-13, atol=1e-13)


def triples(values):
    """Draw parameters, gradients and a velocity of one shape."""
    stacked = st.integers(1, 5).flatmap(lambda n: hnp.arrays(np.float64, (3, n), elements=values))
    return stacked.map(lambda rows: [single(row) for row in rows])


# Against the formulas


@pytest.mark.parametrize("rule", RULES)
@given(triples(EIGHTHS), st.sampled_from([0.125, 0.5, 1.0, 2.0]), st.sampled_from([0.0, 0.25, 0.5, 0.75]))
def test_a_step_is_the_written_formula_in_exact_arithmetic(rule, case, learning_rate, factor):
    moved, velocity = rule(*case, learning_rate=learning_rate, momentum=factor)
    lr, m = Fraction(learning_rate), Fraction(factor)
    columns = zip(*(map(Fraction, part["weights"].tolist()) for part in case), strict=True)
    expected = []
    for w, g, v in columns:
        v = m * v - lr * g
        expected.append((w + v if rule is momentum else w + m * v - lr * g, v))
    assert list(zip(moved["weights"].tolist(), velocity["weights"].tolist(), strict=True)) == expected


@pytest.mark.parametrize("rule", RULES)
@given(triples(NUMBERS), st.floats(0, 10))
def test_momentum_of_zero_is_sgd_whatever_the_velocity_was(rule, case, learning_rate):
    params, grads, _ = case
    moved, velocity = rule(*case, learning_rate=learning_rate, momentum=0.0)
    assert_same(moved, sgd(params, grads, learning_rate=learning_rate))
    assert_array_equal(velocity["weights"], -learning_rate * grads["weights"])


@pytest.mark.parametrize("rule", RULES)
def test_names_and_order_are_those_of_the_parameters(rule):
    params, grads, velocity = arrays(0), arrays(1), arrays(2)
    turned = (dict(reversed(part.items())) for part in (grads, velocity))
    expected = rule(params, grads, velocity, learning_rate=0.1, momentum=0.9)
    for result, other in zip(rule(params, *turned, learning_rate=0.1, momentum=0.9), expected, strict=True):
        assert_same(result, other)
        assert {name: value.shape for name, value in result.items()} == SHAPES


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_velocity_starts_at_zero_in_arrays_of_its_own(dtype):
    params = arrays(0, dtype)
    velocity = zero_velocity(params)
    assert_same(velocity, {name: np.zeros(shape, dtype) for name, shape in SHAPES.items()})
    assert not any(np.shares_memory(velocity[name], params[name]) for name in params)


# Against closed forms and other people


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [0.0, 0.5, 0.9])
def test_on_a_quadratic_the_steps_are_a_matrix_power(rule, factor):
    curvature, start, lr = np.array([0.1, 1.0, 5.0]), np.array([1.0, -2.0, 3.0]), 0.2
    params, velocity = single(start.copy()), single(np.array([0.5, 0.0, -1.0]))
    states = np.stack([start, velocity["weights"]], axis=1)
    for _ in range(30):
        grads = single(curvature * params["weights"])
        params, velocity = rule(params, grads, velocity, learning_rate=lr, momentum=factor)
    for i, a in enumerate(curvature):
        now, before = (1, factor) if rule is momentum else (1 + factor, factor**2)
        recursion = np.array([[1 - now * lr * a, before], [-lr * a, factor]])  # of (parameter, velocity)
        expected = np.linalg.matrix_power(recursion, 30) @ states[i]
        assert_allclose([params["weights"][i], velocity["weights"][i]], expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_under_a_constant_gradient_the_velocity_is_a_geometric_series(rule, factor, steps):
    grads, velocity = arrays(1), zero_velocity(arrays(0))
    for _ in range(steps):
        _, velocity = rule(arrays(0), grads, velocity, learning_rate=0.1, momentum=factor)
    total = (1 - factor**steps) / (1 - factor)
    assert_close(velocity, {name: -0.1 * total * grad for name, grad in grads.items()})


@pytest.mark.parametrize("rule", RULES)
def test_under_a_constant_gradient_the_velocity_tends_to_the_learning_rate_over_one_minus_momentum(rule):
    params, grads = arrays(0), arrays(1)
    velocity = zero_velocity(params)
    for _ in range(400):
        before = params
        params, velocity = rule(params, grads, velocity, learning_rate=0.1, momentum=0.9)
    assert_close(velocity, {name: -0.1 / (1 - 0.9) * grad for name, grad in grads.items()})
    for name in params:  # and then the two rules move alike
        assert_allclose(params[name] - before[name], velocity[name], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.9, 0.99])
def test_nesterov_visits_the_look_ahead_points_of_nesterovs_own_form(factor):
    rng = np.random.default_rng(0)
    root = rng.standard_normal((5, 5))

    def slope(w):  # of a function that is neither quadratic nor separable
        return np.tanh(root.T @ (root @ w)) + w**3 / 10

    w, v = rng.standard_normal(5), np.zeros(5)
    params, velocity = single(w.copy()), single(v.copy())  # without velocity nothing lies ahead
    for _ in range(40):
        ahead = w + factor * v
        assert_allclose(params["weights"], ahead, rtol=1e-10, atol=1e-12)
        grads = single(slope(params["weights"]))
        params, velocity = nesterov(params, grads, velocity, learning_rate=0.02, momentum=factor)
        v = factor * v - 0.02 * slope(ahead)
        w = w + v
        assert_allclose(velocity["weights"], v, rtol=1e-10, atol=1e-12)


def test_the_two_rules_differ_by_the_change_of_the_velocity_times_momentum():
    case = arrays(0), arrays(1), arrays(2)
    heavy, velocity = momentum(*case, learning_rate=0.1, momentum=0.9)
    ahead, same_velocity = nesterov(*case, learning_rate=0.1, momentum=0.9)
    assert_same(velocity, same_velocity)
    assert_close(
        {name: ahead[name] - heavy[name] for name in heavy},
        {name: 0.9 * (velocity[name] - case[2][name]) for name in heavy},
    )


@pytest.mark.parametrize("rule", RULES)
def test_agrees_with_pytorch(rule):
    torch = pytest.importorskip("torch")
    params = arrays(0)
    velocity = zero_velocity(params)
    tensors = {name: torch.tensor(value.copy(), requires_grad=True) for name, value in params.items()}
    judge = torch.optim.SGD(tensors.values(), lr=0.05, momentum=0.9, dampening=0, nesterov=rule is nesterov)
    for step in range(20):
        noise = arrays(step + 1)
        grads = {name: np.sin(value) + noise[name] for name, value in params.items()}
        params, velocity = rule(params, grads, velocity, learning_rate=0.05, momentum=0.9)
        for name, tensor in tensors.items():
            tensor.grad = torch.sin(tensor.detach()) + torch.tensor(noise[name].copy())
        judge.step()
        assert_close(params, {name: tensor.detach().numpy() for name, tensor in tensors.items()})
        buffers = {name: judge.state[tensor]["momentum_buffer"].numpy() for name, tensor in tensors.items()}
        assert_close({name: -value / 0.05 for name, value in velocity.items()}, buffers)


# Weight decay


def test_decay_shrinks_all_weights_and_no_bias():
    params = init_params(3, 2, num_hidden=4, rng=np.random.default_rng(0))
    params = frozen({name: np.ones_like(value) for name, value in params.items()})
    decayed = decay_weights(params, learning_rate=0.5, weight_decay=0.25)
    assert list(decayed) == list(params)
    values = {"hidden_weights": 0.875, "hidden_bias": 1.0, "weights": 0.875, "bias": 1.0}
    assert_same(decayed, {name: np.full(SHAPES[name], values[name]) for name in params})


def test_decay_of_zero_changes_no_bit():
    assert_same(decay_weights(arrays(0), learning_rate=0.5, weight_decay=0.0), arrays(0))


def penalised(params, grads, l2):
    """Return the gradients with those of the penalty l2 / 2 * sum(weights**2)."""
    return {name: grad + l2 * params[name] if name.endswith("weights") else grad for name, grad in grads.items()}


def test_for_sgd_decay_is_an_l2_penalty():
    decaying = penalty = arrays(0)
    for step in range(10):
        grads = arrays(step + 1)
        decaying = sgd(decay_weights(decaying, learning_rate=0.2, weight_decay=0.3), grads, learning_rate=0.2)
        penalty = sgd(penalty, penalised(penalty, grads, 0.3), learning_rate=0.2)
    assert_close(decaying, penalty)


@pytest.mark.parametrize("rule", RULES)
def test_with_momentum_decay_is_no_l2_penalty(rule):
    start, lr, l2, m = arrays(0), 0.2, 0.3, 0.9
    decaying = penalty = start
    velocity = pull = zero_velocity(start)
    for step in range(2):
        grads = arrays(step + 1)
        decayed = decay_weights(decaying, learning_rate=lr, weight_decay=l2)
        decaying, velocity = rule(decayed, grads, velocity, learning_rate=lr, momentum=m)
        penalty, pull = rule(penalty, penalised(penalty, grads, l2), pull, learning_rate=lr, momentum=m)
        if not step:
            after_one = decaying, penalty
    for name, value in start.items():
        if name.endswith("bias"):
            assert_allclose(decaying[name], penalty[name], rtol=1e-13)
        elif rule is momentum:  # the velocity remembers the penalty of the first step
            assert_allclose(after_one[0][name], after_one[1][name], rtol=1e-12, atol=1e-13)
            assert_allclose(penalty[name] - decaying[name], -m * lr * l2 * value, rtol=1e-10, atol=1e-13)
        else:  # looks ahead, so already in the first step
            difference = after_one[1][name] - after_one[0][name]
            assert_allclose(difference, -m * lr * l2 * value, rtol=1e-10, atol=1e-13)


# Dtypes and arguments


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [float, np.float64, np.array], ids=["float", "float64", "array"])
@pytest.mark.parametrize("other", [np.float32, np.float64])
def test_float32_stays_float32(rule, kind, other):
    case = arrays(0, np.float32), arrays(1, other), arrays(2, other)
    results = rule(*case, learning_rate=kind(0.1), momentum=kind(0.9))
    expected = rule(arrays(0), arrays(1), arrays(2), learning_rate=0.1, momentum=0.9)
    for result, reference in zip(results, expected, strict=True):
        for name, value in result.items():
            assert value.dtype == np.float32
            assert_allclose(value, reference[name], rtol=1e-6, atol=1e-6)
    for result, same in zip(results, rule(*case, learning_rate=0.1, momentum=0.9), strict=True):
        assert_same(result, same)  # the kind of number that a setting is changes no bit


@pytest.mark.parametrize("kind", [float, np.float64, np.array], ids=["float", "float64", "array"])
def test_decay_keeps_float32(kind):
    decayed = decay_weights(arrays(0, np.float32), learning_rate=kind(0.1), weight_decay=kind(0.5))
    assert {value.dtype for value in decayed.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [0.0, 0.9])
def test_results_are_new_arrays(rule, dtype, factor):
    case = arrays(0, dtype), arrays(1, dtype), arrays(2, dtype)
    moved, velocity = rule(*case, learning_rate=0.1, momentum=factor)
    for name in SHAPES:
        assert not np.shares_memory(moved[name], velocity[name])
        for result in (moved, velocity):
            assert not any(np.shares_memory(result[name], part[name]) for part in case)


# What is refused


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("position", "kind"), [(1, "gradients"), (2, "velocities")])
@pytest.mark.parametrize("change", ["missing", "extra", "renamed"])
def test_other_names_are_refused(rule, position, kind, change):
    case = [arrays(0), arrays(1), arrays(2)]
    other = dict(case[position])
    if change != "extra":
        other.pop("bias")
    if change != "missing":
        other["offset"] = np.zeros(2)
    case[position] = other
    with pytest.raises(ValueError, match=rf"parameters .* but {kind}"):
        rule(*case, learning_rate=0.1, momentum=0.9)


@pytest.mark.parametrize("factor", OUTSIDE)
@pytest.mark.parametrize("rule", RULES)
def test_momentum_outside_its_range_is_refused(rule, factor):
    with pytest.raises(ValueError, match="momentum must be at least 0 and below 1"):
        rule(arrays(0), arrays(1), arrays(2), learning_rate=0.1, momentum=factor)
    with pytest.raises(ValueError, match="momentum must be at least 0 and below 1"):
        update_rule(learning_rate=0.1, momentum=factor, nesterov=rule is nesterov)


@pytest.mark.parametrize(
    ("learning_rate", "weight_decay"),
    [(0.5, 2.0), (0.5, 3.0), (0.5, -0.1), (np.nan, 0.1), (0.5, np.nan), (np.inf, 0.1), (0.5, np.inf), (np.inf, 0.0)],
)
def test_decay_that_leaves_no_positive_factor_or_makes_weights_grow_is_refused(learning_rate, weight_decay):
    chosen = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\]"):
        decay_weights(arrays(0), **chosen)
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\]|learning_rate must be a finite number above 0"):
        update_rule(**chosen)


@pytest.mark.parametrize(("learning_rate", "weight_decay"), [(0.1, -1e-20), (-0.1, -0.5)])
def test_negative_weight_decay_is_refused_even_where_the_factor_would_be_right(learning_rate, weight_decay):
    with pytest.raises(ValueError, match="weight_decay be at least 0"):
        decay_weights(arrays(0), learning_rate=learning_rate, weight_decay=weight_decay)


@pytest.mark.parametrize("learning_rate", [np.nan, np.inf, -np.inf, 0.0, -0.1])
@pytest.mark.parametrize("factor", [0.0, 0.9])
def test_update_rule_refuses_a_learning_rate_that_is_not_finite_and_positive(learning_rate, factor):
    with pytest.raises(ValueError, match="learning_rate"):
        update_rule(learning_rate=learning_rate, momentum=factor)


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(ValueError, match="nesterov=True needs a momentum above 0"):
        update_rule(learning_rate=0.1, nesterov=True)


# All together


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize(
    ("chosen", "rule"),
    [({"momentum": 0.9}, momentum), ({"momentum": 0.9, "nesterov": True}, nesterov)],
    ids=["momentum", "nesterov"],
)
def test_update_rule_returns_what_its_parts_return(chosen, rule, weight_decay):
    params, grads, velocity = arrays(0), arrays(1), arrays(2)
    update = update_rule(learning_rate=0.1, weight_decay=weight_decay, **chosen)
    decayed = decay_weights(params, learning_rate=0.1, weight_decay=weight_decay)
    expected = rule(decayed, grads, velocity, learning_rate=0.1, momentum=0.9)
    for _ in range(2):  # it has no memory of its own
        for result, reference in zip(update(params, grads, velocity), expected, strict=True):
            assert_same(result, reference)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("velocity", [None, arrays(2)], ids=["none", "some"])
def test_update_rule_without_momentum_is_sgd_and_passes_the_velocity_on(weight_decay, velocity):
    moved, passed = update_rule(learning_rate=0.1, weight_decay=weight_decay)(arrays(0), arrays(1), velocity)
    decayed = decay_weights(arrays(0), learning_rate=0.1, weight_decay=weight_decay)
    assert_same(moved, sgd(decayed, arrays(1), learning_rate=0.1))
    assert passed is velocity


def test_gradients_of_another_shape_are_refused_instead_of_being_spread():
    params = {"weights": np.zeros((2, 3))}
    with pytest.raises(ValueError, match=r"weights: parameters of shape \(2, 3\) but gradients of shape \(3,\)"):
        sgd(params, {"weights": np.ones(3)}, learning_rate=0.1)


@pytest.mark.parametrize("learning_rate", [np.nan, np.inf, 10**400])
def test_sgd_refuses_a_learning_rate_that_is_not_finite(learning_rate):
    with pytest.raises(ValueError, match="learning_rate must be a finite number"):
        sgd(arrays(0), arrays(1), learning_rate=learning_rate)


@pytest.mark.parametrize("learning_rate", [None, "0.1", [0.1], 1j])
def test_a_learning_rate_that_is_no_number_is_refused(learning_rate):
    for call in (
        lambda: sgd(arrays(0), arrays(1), learning_rate=learning_rate),
        lambda: update_rule(learning_rate=learning_rate),
    ):
        with pytest.raises(TypeError, match="learning_rate must be a number"):
            call()


@pytest.mark.parametrize("value", [np.ones(2, int), [1.0], None])
def test_parameters_that_are_no_floats_are_refused(value):
    for call in (
        lambda p: sgd(p, p, learning_rate=1),
        zero_velocity,
        lambda p: decay_weights(p, learning_rate=1, weight_decay=0),
    ):
        with pytest.raises(TypeError, match=r"params\['weights'\] must be an array of floating-point numbers"):
            call({"weights": value})


def test_overflow_gives_infinity_without_a_warning():
    huge = {"weights": np.full(2, 1e308)}
    assert np.isneginf(sgd(huge, huge, learning_rate=100)["weights"]).all()
