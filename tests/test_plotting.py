"""Figures show the numbers that they were given, name their axes, and refuse what they cannot draw."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from mnist_helpers.metrics import calibration
from mnist_helpers.plotting import (
    plot_confusion,
    plot_history,
    plot_regions,
    plot_reliability,
    plot_runs,
    plot_weights,
    show_images,
)

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_images_are_drawn_in_rows_with_their_titles():
    images = np.arange(7 * 4).reshape(7, 2, 2)
    axes = show_images(images, list("abcdefg"), num_columns=3)
    assert [ax.get_title() for ax in axes] == list("abcdefg")
    assert all((ax.images[0].get_array() == image).all() for ax, image in zip(axes, images, strict=True))


@pytest.mark.parametrize("images", [np.zeros((0, 2, 2)), np.zeros((2, 2))])
def test_images_of_a_wrong_shape_are_refused(images):
    with pytest.raises(ValueError, match="images must have shape"):
        show_images(images)


def test_titles_must_fit():
    with pytest.raises(ValueError, match="2 images but 1 titles"):
        show_images(np.zeros((2, 3, 3)), ["one"])


def test_history_shows_both_curves_and_their_unit():
    history = {"epoch": [0, 1], "train_loss": [2.3, 1.0], "valid_loss": [2.3, 1.1]}
    ax = plot_history(history)
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    assert_allclose([line.get_ydata() for line in ax.lines], [[2.3, 1.0], [2.3, 1.1]])
    assert ax.get_ylabel() == "loss (nats)"
    with pytest.raises(ValueError, match="no 'accuracy'"):
        plot_history(history, "accuracy")


def test_runs_stand_side_by_side_without_what_is_not_finite():
    histories = {
        "broken": {"train_loss": [2.3, np.inf, np.nan], "valid_accuracy": [0.1, 0.2, 0.3]},
        "cured": {"train_loss": [2.3, 1.0, 0.5], "valid_accuracy": [0.1, 0.7, 0.8]},
    }
    axes = plot_runs(histories)
    assert [ax.get_ylabel() for ax in axes] == ["training loss (nats)", "validation accuracy"]
    assert [line.get_label() for line in axes[0].lines] == ["broken", "cured"]
    broken, cured = (line.get_ydata() for line in axes[0].lines)
    assert broken.compressed().tolist() == [2.3]
    assert_allclose(cured, [2.3, 1.0, 0.5])
    assert len({line.get_marker() for line in axes[0].lines}) == 2
    with pytest.raises(ValueError, match="no 'test_loss'"):
        plot_runs(histories, ["test_loss"])


def test_weights_share_one_scale_around_zero():
    axes = plot_weights(np.array([[1.0, -3.0], [0.5, 2.0]]), shape=(1, 2))
    assert {ax.images[0].get_clim() for ax in axes} == {(-3.0, 3.0)}
    plot_weights(np.zeros((4, 2)), shape=(2, 2))  # no weight, no scale


def test_confusion_shows_every_count():
    ax = plot_confusion(np.array([[5, 1], [0, 7]]), ["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["5", "1", "0", "7"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_reliability_shows_each_calibration_with_its_error():
    probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    found = calibration([0, 1, 1], probs)
    ax = plot_reliability({"model": found, "again": found})
    line = ax.lines[1]
    assert_allclose(line.get_xdata(), found.confidence)
    assert_allclose(line.get_ydata(), found.accuracy)
    assert line.get_label() == f"model: error {found.error:.3f}"
    assert ax.lines[1].get_marker() != ax.lines[2].get_marker()


def test_regions_are_those_of_the_classifier():
    ax = plot_regions(lambda plane: (plane[:, 0] > 0.5).astype(int), limits=(0, 1, 0, 2))
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 2))
    left, right = (np.asarray(line.get_xdata()) for line in ax.lines)
    assert left.max() <= 0.5 < right.min()
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker()


def test_regions_show_the_points_of_each_class():
    points, labels = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]), np.array([1, 0, 1])
    ax = plot_regions(lambda plane: np.zeros(len(plane), int), points=points, labels=labels)
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label().startswith("class")}
    assert_allclose(drawn["class 0"], points[[1]])
    assert_allclose(drawn["class 1"], points[[0, 2]])


@pytest.mark.parametrize("arguments", [{}, {"points": [[0, 0]]}, {"labels": [0], "limits": (0, 1, 0, 1)}])
def test_regions_need_a_place(arguments):
    with pytest.raises(ValueError, match="points"):
        plot_regions(lambda plane: np.zeros(len(plane), int), **arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: show_images(np.ones((1, 2, 2)), num_columns=0), ValueError, "num_columns must be a whole number"),
        (lambda: show_images(np.ones((1, 0, 2))), ValueError, "each at least 1"),
        (lambda: plot_history({"train_loss": [1]}), ValueError, "no 'loss' in a history"),
        (lambda: plot_history({"epoch": [0, 1], "train_loss": [1]}), ValueError, "2 epochs, but"),
        (lambda: plot_history({"epoch": [0], "train_loss": [1]}, ax=3), TypeError, "ax must be Axes or None, got int"),
        (lambda: plot_runs({}), ValueError, "at least one history"),
        (lambda: plot_weights(np.ones((6, 2)), shape=(2, 2)), ValueError, r"weights must have shape \(2 \* 2, K\)"),
        (lambda: plot_weights(np.full((4, 1), np.nan), shape=(2, 2)), ValueError, "weights contain NaN"),
        (lambda: plot_weights(np.full((4, 1), 1e308), shape=(2, 2)), ValueError, "numbers above 1e300"),
        (lambda: plot_confusion(np.ones((2, 3)), "ab"), ValueError, "matrix must have shape"),
        (lambda: plot_reliability({"a": None}), TypeError, "dictionary of Calibration"),
        (lambda: plot_regions(len, limits=(1, 0, 0, 1)), ValueError, "left of right"),
        (lambda: plot_regions(len, limits=(0, 1, 0, 1), num_steps=10**30), ValueError, "num_steps must be"),
    ],
    ids=range(13),
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_quantity_of_one_word_can_be_drawn():
    assert plot_runs({"a": {"seconds": [1, 2]}}, ["seconds"])[0].get_ylabel().strip() == "seconds"
