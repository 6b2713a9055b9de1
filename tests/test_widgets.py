"""The Python side of the interactives: what they refuse, and their numbers against independent references."""

import numpy as np
import pytest
import traitlets
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_fscore_support

from mnist_helpers import widgets
from mnist_helpers.functional import cross_entropy, softmax
from mnist_helpers.widgets import confusion_explorer, ravine, step_size


def slopes(f, x, step=1e-6):
    """Central differences of f; the last axis says which entry of x was nudged."""
    nudges = step * np.eye(len(x))
    return np.stack([(f(x + n) - f(x - n)) / (2 * step) for n in nudges], axis=-1)


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


@pytest.mark.parametrize("state", [{"epsilon": 0.0}, {"epsilon": 0.5}, {"epsilon": np.nan}, {"label_logit": np.inf}])
def test_clipping_refuses(state):
    with pytest.raises(ValueError, match=r"between 0 and 0\.5|finite"):
        widgets.Clipping(**state)


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
    paths = ravine.ravine_paths(0.038, 0.9, 2000)[1]
    assert np.isclose(ravine.long_run_factors(0.038, 0.9)[1], 1, atol=1e-12)
    assert np.allclose(np.abs(paths[1000:, 1]), 1.9, rtol=1e-9)


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


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"points": "circle"}, "one of"),
        ({"points": [[0.0, 0.0]] * 3, "labels": [0, 1]}, "3 points but 2 labels"),
        ({"points": [[0.0, 0.0]] * 3, "labels": [0, 1, 1]}, "each at least once"),
        ({"points": [[0.0, np.nan]] * 3, "labels": [0, 1, 2]}, "finite"),
        ({"l2": 0.0}, "above 0"),
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


# ---------------------------------------------------------------- ConfusionExplorer


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 5, 3), (1, 1, 1)])
def test_packed_images_come_back_to_the_nearest_of_16_greys(shape):
    images = np.random.default_rng(4).integers(256, size=shape)
    packed = confusion_explorer.pack_images(images)
    levels = confusion_explorer.unpack_images(packed, shape)
    assert np.abs(levels * 17 - images).max() <= 8.5
    assert len(packed) <= 4 * (images.size // 6 + 1)


def answers_of_a_classifier(num_examples=500, num_classes=4):
    rng = np.random.default_rng(5)
    probs = rng.dirichlet(np.ones(num_classes), size=num_examples)
    return rng.integers(256, size=(num_examples, 4, 4)), rng.integers(num_classes, size=num_examples), probs


def test_confusion_explorer_agrees_with_scikit_learn():
    images, labels, probs = answers_of_a_classifier()
    widget = widgets.ConfusionExplorer.from_predictions(images, labels, probs)
    precision, recall, _, _ = precision_recall_fscore_support(labels, probs.argmax(axis=1))
    assert np.allclose(widget.results()["precision"], precision)
    assert np.allclose(widget.results()["recall"], recall)


def test_confusion_explorer_keeps_the_first_images_of_each_cell():
    images, labels, probs = answers_of_a_classifier()
    widget = widgets.ConfusionExplorer.from_predictions(images, labels, probs, limit=50, per_cell=5)
    assert len(widget.cells) == 50
    for label in range(4):
        for answer in range(4):
            widget.selected = [label, answer]
            shown = len(widget.results()["pixels"])
            first = np.flatnonzero((labels == label) & (probs.argmax(axis=1) == answer))[:shown]
            assert 1 <= shown <= 5
            expected = np.round(images[first].reshape(shown, -1) / 17)
            assert np.array_equal(widget.results()["pixels"], expected)
            assert np.allclose(widget.results()["claimed"], probs[first].max(axis=1), atol=5e-4)
            assert np.allclose(widget.results()["label_probs"], probs[first, label], atol=5e-4)


def test_confusion_explorer_refuses_parts_that_do_not_belong_together():
    state = widgets.ConfusionExplorer().state()
    broken = {
        "3 classes but 2 class_names": {"class_names": ["a", "b"]},
        "8 images in cells but 1 in claimed": {"claimed": [0.5]},
        "must hold 200 pixels": {"packed": ""},
        "K lists of K": {"counts": [[1, 2], [3]]},
        "classes from 0 to 2": {"cells": [[0, 3]] * 8},
        "from 0 to 2, got": {"selected": [0, 3]},
    }
    for message, change in broken.items():
        with pytest.raises(ValueError, match=message):
            widgets.ConfusionExplorer(**{**state, **change})
    with pytest.raises(ValueError, match="the same N"):
        widgets.ConfusionExplorer.from_predictions(np.zeros((2, 4, 4)), [0], [[0.5, 0.5]])


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
