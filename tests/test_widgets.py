"""The Python side of the interactives: what they refuse, and their numbers against independent references."""

import numpy as np
import pytest
import traitlets
from sklearn.linear_model import LogisticRegression

from mnist_helpers import widgets
from mnist_helpers.functional import cross_entropy, softmax
from mnist_helpers.models import loss_and_grads
from mnist_helpers.widgets import ravine, step_size, three_classes


def slopes(f, x, step=1e-6):
    """Central differences of f; the last axis says which entry of x was nudged."""
    nudges = step * np.eye(len(x))
    return np.stack([(f(x + n) - f(x - n)) / (2 * step) for n in nudges], axis=-1)


# ---------------------------------------------------------------- SoftmaxBars


@pytest.mark.parametrize("shift", [0.0, -50.0, 80.0])
def test_softmax_bars_are_softmax_in_single_precision(shift):
    widget = widgets.SoftmaxBars(logits=[2.0, 1.0, 0.1], shift=shift, temperature=2.0)
    results = widget.results()
    assert all(values.dtype == np.float32 for values in results.values())
    for name in ("naive", "stable"):
        assert np.allclose(results[name], softmax(np.array([2.0, 1.0, 0.1]) / 2), rtol=2e-6)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_softmax_bars_stay_finite_at_their_bounds(shift, temperature):
    stable = widgets.SoftmaxBars(logits=[1e4, -1e4, 0.0], shift=shift, temperature=temperature).results()["stable"]
    assert np.isclose(stable.sum(), 1)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"logits": [1e39, 0.0]}, r"logits must be from -10000 to 10000, got \[1e\+39"),
        ({"logits": [0.0, np.nan]}, "finite"),
        ({"logits": []}, "length"),
        ({"shift": -2e4}, "shift must be from -10000 to 10000, got -20000"),
        ({"temperature": 1e-50}, "temperature must be from 0.001 to 1000, got 1e-50"),
        ({"temperature": np.nan}, "got nan"),
    ],
)
def test_softmax_bars_refuse(state, message):
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        widgets.SoftmaxBars(**state)


# ---------------------------------------------------------------- Jacobian


@pytest.mark.parametrize("label", [0, 1, 3])
def test_jacobian_is_the_slope_of_softmax_and_of_the_loss(label):
    logits = np.array([1.5, -0.3, 0.2, 2.0])
    results = widgets.Jacobian(logits, label).results()
    assert np.allclose(results["jacobian"], slopes(softmax, logits), atol=1e-9)
    measured = slopes(lambda z: cross_entropy(z[None], [label]), logits)
    assert np.allclose(results["gradient"], measured, atol=1e-9)
    assert np.allclose(results["through_probs"], measured, atol=1e-9)
    assert np.allclose(results["row_sums"], 0, atol=1e-15)


def test_jacobian_shows_where_the_way_through_the_probabilities_fails():
    results = widgets.Jacobian([0.0, -800.0], label=1).results()
    assert np.isnan(results["through_probs"]).all()
    assert np.array_equal(results["gradient"], [1.0, -1.0])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"logits": [0.0, np.nan], "label": 0}, "finite"),
        ({"logits": [0.0] * 7}, "at most 6"),
        ({"logits": [0.0] * 2 + [1e5]}, "from -10000 to 10000"),
        ({"logits": [0.0, 0.0], "label": 2}, "0 to 1, got 2"),
        ({"logits": [0.0, 0.0], "label": -1}, "0 to 1, got -1"),
        ({"logits": [0.0], "label": 0}, "length"),
    ],
)
def test_jacobian_refuses(state, message):
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        widgets.Jacobian(**state)


def test_jacobian_refuses_logits_that_leave_the_label_out():
    widget = widgets.Jacobian()
    with pytest.raises(ValueError, match="got 2"):
        widget.logits = [1.0, 2.0]
    assert widget.logits == [2.0, 1.0, 0.0, -1.0]
    with widget.hold_trait_notifications():
        widget.logits, widget.label = [1.0, 2.0], 1
    assert widget.results()["jacobian"].shape == (2, 2)


# ---------------------------------------------------------------- Clipping


@pytest.mark.parametrize("epsilon", [1e-10, 0.1])
def test_clipped_slope_is_the_slope_of_the_clipped_loss(epsilon):
    widget = widgets.Clipping(epsilon=epsilon)
    low, high = widget.edges()
    for label_logit in (low - 3, low + 0.1, 1.0, high - 0.1, high + 3):
        widget.label_logit = label_logit
        ends = widget.curves([label_logit - 1e-5, label_logit + 1e-5])["losses"]
        assert np.allclose((ends[:, 1] - ends[:, 0]) / 2e-5, widget.results()["slopes"], atol=1e-6)


def test_clipping_edges_are_where_the_probability_is_epsilon():
    widget = widgets.Clipping(epsilon=0.02)
    assert np.allclose(widget.curves(widget.edges())["label_prob"], [0.02, 0.98])


@pytest.mark.parametrize(
    "state", [{"epsilon": 0.0}, {"epsilon": 0.5}, {"epsilon": np.nan}, {"label_logit": np.inf}, {"label_logit": -2e4}]
)
def test_clipping_refuses(state):
    with pytest.raises(ValueError, match=r"between 0 and 0\.5|from -10000 to 10000"):
        widgets.Clipping(**state)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("label_logit", [-1e4, 1e4])
@pytest.mark.parametrize("epsilon", [5e-324, 1e-17, 0.499])
def test_clipping_is_finite_at_its_bounds(label_logit, epsilon):
    results = widgets.Clipping(label_logit=label_logit, epsilon=epsilon).results()
    assert all(np.isfinite(values).all() for values in results.values())


# ---------------------------------------------------------------- Ravine


def test_ravine_ends_where_the_powers_of_the_roots_end():
    """Gradient descent has (8.1) in closed form; the others follow the recursions (8.6) and (8.11)."""
    widget = widgets.Ravine(learning_rate=0.012, momentum=0.8, num_steps=30)
    curvatures, start = np.array([1.0, 100.0]), np.array([1.0, 0.1])
    shrunk = 1 - 0.012 * curvatures
    results = widget.results()
    assert np.allclose(results["positions"][0], shrunk**30 * start, atol=1e-14)
    heavy, nesterov = [start, shrunk * start], [start, shrunk * start]
    for _ in range(30):
        heavy.append((0.8 + shrunk) * heavy[-1] - 0.8 * heavy[-2])
        nesterov.append(shrunk * (nesterov[-1] + 0.8 * (nesterov[-1] - nesterov[-2])))
    assert np.allclose(results["positions"][1], heavy[30])
    ahead = nesterov[30] + 0.8 * (nesterov[30] - nesterov[29])  # the point where the packaged rule keeps its parameters
    assert np.allclose(results["positions"][2], ahead)


def test_ravine_factors_are_those_of_a_long_run():
    state = {"learning_rate": 0.0005, "momentum": 0.3}
    early, late = (widgets.Ravine(num_steps=n, **state).results()["losses"] for n in (300, 400))
    assert np.allclose((late / early) ** (1 / 200), widgets.Ravine(**state).results()["factors"], rtol=1e-4)


def test_ravine_at_its_limit_swings_and_does_not_grow():
    """At the learning rate 2 (1 + momentum) / 100 the roots of the steep direction are -1 and -momentum."""
    with np.errstate(over="ignore", invalid="ignore"):  # the other two diverge
        paths = ravine.ravine_paths(0.038, 0.9, 400)[1]
    assert np.isclose(ravine.long_run_factors(0.038, 0.9)[1], 1, atol=1e-12)
    assert np.allclose(np.abs(paths[300:, 1]), 1.9, rtol=1e-9)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"learning_rate": 0.0}, "between 1e-06 and 1.0, got 0"),
        ({"learning_rate": 1e308}, "between .* got 1e"),
        ({"learning_rate": np.nan}, "between .* got nan"),
        ({"momentum": 1.0}, "below 1, got 1"),
        ({"momentum": np.nan}, "below 1, got nan"),
        ({"num_steps": 401}, "0 to 400, got 401"),
    ],
)
def test_ravine_refuses(state, message):
    with pytest.raises(ValueError, match=message):
        widgets.Ravine(**state)


# ---------------------------------------------------------------- ThreeClasses


@pytest.mark.parametrize("name", ["three corners", "XOR"])
def test_three_classes_finds_the_minimum(name):
    widget = widgets.ThreeClasses(name, l2=0.01)
    reference = LogisticRegression(C=1 / (18 * widget.l2), tol=1e-10, max_iter=10_000)
    reference.fit(widget.points, widget.labels)
    results = widget.results()
    assert np.allclose(results["weights"], reference.coef_.T, atol=1e-4)
    assert np.allclose(results["bias"], reference.intercept_, atol=1e-4)
    assert np.array_equal(results["correct"], reference.predict(widget.points) == widget.labels)
    assert np.allclose(reference.predict_proba([results["meeting"]]), 1 / 3, atol=1e-4)


def test_three_classes_shrugs_where_all_points_are_one():
    results = widgets.ThreeClasses(points=[[1.0, 2.0]] * 3, labels=[0, 1, 2]).results()
    assert np.allclose(results["weights"], 0, atol=1e-12)
    assert np.isnan(results["meeting"]).all()
    assert results["correct"].sum() == 0


def test_three_classes_keeps_one_label_for_each_point():
    widget = widgets.ThreeClasses()
    with pytest.raises(ValueError, match="18 points and 3 labels"):
        widget.labels = [0, 1, 2]
    with pytest.raises(ValueError, match="3 points and 18 labels"):
        widget.points = [[0.0, 0.0]] * 3
    assert len(widget.results()["correct"]) == 18
    with widget.hold_trait_notifications():
        widget.labels = [0, 1, 2]
        widget.points = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert widget.results()["correct"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("l2", three_classes.PENALTIES)
@pytest.mark.parametrize("size", [0.01, three_classes.FARTHEST])
@pytest.mark.parametrize("seed", range(20))
def test_three_classes_arrives_at_the_ends_of_its_ranges(l2, size, seed):
    points, labels = np.random.default_rng(seed).uniform(-size, size, size=(12, 2)), np.repeat([0, 1, 2], 4)
    params = three_classes.fit_newton(points, labels, l2)
    grads = loss_and_grads(params, points, labels, l2=l2)[1]
    assert max(np.abs(grad).max() for grad in grads.values()) < 1e-9


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"points": "circle"}, "one of"),
        ({"points": [[0.0, 0.0]] * 4, "labels": [0, 1, 2]}, "got 4 points and 3 labels"),
        ({"points": [[0.0, 1e200]] * 3, "labels": [0, 1, 2]}, "between -20 and 20, got a size of 1e"),
        ({"arrangements": [["two", [[0.0, 0.0]] * 2]]}, "'two' must have shape"),
        ({"points": [[0.0, 0.0]] * 3, "labels": [0, 1, 1]}, "each at least once"),
        ({"points": [[0.0, np.nan]] * 3, "labels": [0, 1, 2]}, "finite"),
        ({"l2": 0.0}, "between 0.0001 and 100.0, got 0"),
        ({"l2": np.inf}, "between .* got inf"),
    ],
)
def test_three_classes_refuses(state, message):
    with pytest.raises(ValueError, match=message):
        widgets.ThreeClasses(**state)


# ---------------------------------------------------------------- StepSize

PLAIN = {  # the same functions for Python's own complex numbers
    "x²": lambda x: x**2,
    "x³": lambda x: x**3,
    "x³ + 1000": lambda x: x**3 + 1000,
    "√(1 + x²)": lambda x: (1 + x**2) ** 0.5,
    "1/(1 + x²)": lambda x: 1 / (1 + x**2),
}


@pytest.mark.parametrize("name", step_size.FUNCTIONS)
@pytest.mark.parametrize("x", [0.1, 1.0, 2.7])
def test_step_size_measures_these_functions(name, x):
    f, slope = PLAIN[name], PLAIN[name](complex(x, 1e-20)).imag / 1e-20
    widget = widgets.StepSize(function=name, x=x)
    assert np.isclose(widget.results()["slope"][0], slope, rtol=1e-14)
    h = 0.25
    expected = [(f(x + h) - f(x)) / h, (f(x + h) - f(x - h)) / (2 * h), f(complex(x, h)).imag / h]
    assert np.allclose(widget.estimates([h])[:, 0], expected, rtol=1e-11)
    measured = slopes(lambda at: step_size.FUNCTIONS[name][1](at[0])[0], [x])
    assert np.isclose(widget.derivatives()[1], measured[0], rtol=1e-6)
    measured = slopes(lambda at: step_size.FUNCTIONS[name][1](at[0])[1], [x])
    assert np.isclose(widget.derivatives()[2], measured[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_step_size_knows_the_best_step(precision):
    widget = widgets.StepSize(function="√(1 + x²)", x=1.5, precision=precision)
    curves = widget.log10_errors(step_size.grid())
    for curve, best in zip(curves, widget.best_steps(), strict=False):
        near = np.abs(np.log10(step_size.grid() / best)) < 0.5
        far = np.abs(np.log10(step_size.grid() / best)) > 1.5
        assert np.median(curve[near]) < np.median(curve[far]) - 1


def test_step_size_best_step_of_a_parabola_is_infinite():
    assert widgets.StepSize(function="x²").best_steps()[1] == np.inf


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"function": "sin"}, "must be one of .* got 'sin'"),
        ({"precision": "float16"}, "must be one of"),
        ({"x": 0.0}, "between 0.1 and 10, got 0.0"),
        ({"step": 1e-17}, "between 1e-16 and 1, got 1e-17"),
        ({"step": np.nan}, "got nan"),
    ],
)
def test_step_size_refuses(state, message):
    with pytest.raises(ValueError, match=message):
        widgets.StepSize(**state)


# ---------------------------------------------------------------- Explore


def draw_line(ax, slope, offset=0.0):
    ax.plot([0, 1], [offset, offset + slope])


def test_explore_redraws_when_a_slider_moves():
    explore = widgets.Explore(draw_line, slope=[1, 2, 3], offset=[0.0, 1.0])
    explore.update()
    before = explore.image.value
    explore.sliders["slope"].value = 3
    assert explore.settings() == {"slope": 3, "offset": 0.0}
    assert bytes(explore.image.value[:4]) == b"\x89PNG"
    assert explore.image.value != before


def test_explore_stores_stills_for_places_without_a_kernel():
    explore = widgets.Explore(draw_line, slope=[1, 2, 3, 4, 5], offset=[0.5, 1.0])
    assert explore.stills() == [{"slope": k, "offset": 0.5} for k in (1, 3, 5)]
    bundle = explore._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == "Explore(slope, offset)"


def test_explore_shows_what_your_function_raises():
    def fails_at_two(ax, slope):
        ax.plot([0, 1 / (slope - 2)])

    explore = widgets.Explore(fails_at_two, slope=[1, 2])
    explore.update()
    picture = explore.image.value
    explore.sliders["slope"].value = 2
    assert explore.message.value == "ZeroDivisionError: division by zero"
    assert explore.image.value == picture, "the last good figure stays"
    explore.sliders["slope"].value = 1
    assert explore.message.value == ""


def test_explore_is_displayed_although_your_function_fails(capsys):
    def fails(ax, slope):
        raise KeyError("typo")

    bundle = widgets.Explore(fails, slope=[1, 2])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "image/png" not in bundle
    assert "KeyError: 'typo'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("draw", "choices"), [(draw_line, {}), (draw_line, {"slope": []}), (draw_line, {"slope": 0.5}), (3, {"slope": [1]})]
)
def test_explore_refuses(draw, choices):
    with pytest.raises((TypeError, ValueError), match=r"draw must|needs values"):
        widgets.Explore(draw, **choices)
