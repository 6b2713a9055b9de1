"""The pad of chapter 13 without a browser: the image against slow references, checks, and one's own function."""

import base64
import json

import numpy as np
import pytest
import traitlets
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers.functional import softmax
from mnist_helpers.models import init_params, predict
from mnist_helpers.widgets import DrawDigit
from mnist_helpers.widgets.draw_digit import dequantized, ink, quantized, rounded


@pytest.fixture
def pad():
    return DrawDigit()


def distance(point, start, end):
    """Return the distance to a segment by trying 2,001 of its points."""
    points = start + np.linspace(0, 1, 2001)[:, None] * (np.array(end) - start)
    return np.sqrt(((points - point) ** 2).sum(axis=1)).min()


def test_ink_is_what_distances_say():
    strokes = [[[3.0, 4.0], [20.0, 9.0], [20.0, 25.0]], [[9.5, 20.5]], [[-5.0, 14.0], [2.0, 14.0]]]
    segments = [(stroke[i], stroke[min(i + 1, len(stroke) - 1)]) for stroke in strokes for i in range(len(stroke))]
    image = ink(strokes, 1.3)
    for row, column in np.ndindex(28, 28):
        nearest = min(distance((column + 0.5, row + 0.5), *map(np.array, segment)) for segment in segments[:5])
        assert image[row, column] == pytest.approx(np.clip(1.8 - nearest, 0, 1), abs=1e-4)
    assert image[20, 9] == 1, "the dot"


@pytest.mark.parametrize("digit", range(10))
def test_examples_are_read_and_placed_as_in_mnist(pad, digit):
    pad.load(digit)
    assert {name: probs.argmax() for name, probs in pad.probs.items()} == dict.fromkeys(pad.models(), digit)
    rows, columns = np.indices((28, 28))
    image = pad.image
    centre = (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()
    assert_allclose(centre, (14, 14), atol=0.05)
    height, width = (np.ptp(np.nonzero(image.any(axis=axis))[0]) + 1 for axis in (1, 0))
    assert 19 <= max(height, width) <= 22  # 20 and half a grey pixel on each side


def test_centring_forgets_place_and_size_but_not_the_pen(pad):
    image = pad.image
    pad.strokes = (0.5 * np.array(pad.strokes[0])[None] + [3, 9]).tolist()
    assert_allclose(pad.image, image, atol=1e-9)
    pad.centred = False
    assert pad.image[:10].sum() == 0
    pad.pen = 0.5
    assert pad.image.sum() < 0.7 * image.sum()
    pad.strokes = [[[5, 5]]]
    pad.centred = True
    assert pad.image.sum() < 5, "a dot stays a dot"


def test_results_against_their_definitions(pad):
    results, models = pad.results(), pad.models()
    x = results["image"].reshape(1, -1)
    first = models["softmax regression"]
    assert_allclose(results["logits"][0], (x @ first["weights"] + first["bias"])[0])
    assert results["logits"][1].argmax() == predict(models["hidden layer"], x)[0]
    assert_allclose(results["probs"], softmax(results["logits"]))
    for label in range(10):
        pad.evidence_for = label
        sums = pad.results()["sums"]
        assert sums[0] >= 0 >= sums[1]
        assert sums[3] == pytest.approx(results["logits"][0][label] - results["logits"][0].mean())
        assert sums[0] + sums[1] == pytest.approx(pad.results()["evidence"].sum())


def test_eight_bits_change_little():
    params = init_params(784, 10, num_hidden=6, rng=np.random.default_rng(0))
    params["weights"][:, 3] = 0  # a column without anything to scale
    back = dequantized(quantized(params))
    for name, value in params.items():
        assert_allclose(back[name], value, atol=np.abs(value).max() / 127 / 2 + 1e-9)


def test_stored_weights(pad):
    models = pad.models()
    assert {name: {part: v.shape for part, v in p.items()} for name, p in models.items()} == {
        "softmax regression": {"weights": (784, 10), "bias": (10,)},
        "hidden layer": {"hidden_weights": (784, 64), "hidden_bias": (64,), "weights": (64, 10), "bias": (10,)},
    }
    assert len(json.dumps(pad.state())) < 100_000
    assert isinstance(base64.b64decode(pad.weights["hidden.weights"]), bytes)


def test_image_from_python(pad):
    image = np.random.default_rng(0).random((28, 28))
    pad.image = image
    assert_array_equal(pad.image, image)
    assert pad.strokes == []
    pad.strokes = [[[14, 2], [14, 26]]]  # drawn over it, where it is drawn
    assert_array_equal(pad.image, np.maximum(image, ink(pad.strokes, pad.pen)))
    pad.load(4)
    assert pad.pixels == []
    assert_array_equal(DrawDigit(image=image).image, image)
    assert not DrawDigit(strokes=[]).image.any()


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros(784), r"shape \(28, 28\), got \(784,\)"),
        (np.full((28, 28), 255), "divide by 255"),
        (np.full((28, 28), -0.1), "got -0.1"),
        (np.full((28, 28), np.nan), r"\[0, 1\]"),
    ],
)
def test_wrong_images(pad, image, says):
    before = pad.strokes
    with pytest.raises(ValueError, match=says):
        pad.image = image
    assert pad.strokes == before


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("strokes", [[1, 2]], "shape"),
        ("strokes", [[]], "shape"),
        ("strokes", [[[1, 2, 3]]], "shape"),
        ("strokes", [[[1, np.nan]]], "within 1000"),
        ("strokes", [[["a", 1]]], "points"),
        ("pixels", [0.0] * 783, "784 numbers or none, got 783"),
        ("pixels", [2.0] * 784, "divide by 255"),
        ("pixels", [np.inf] * 784, "finite"),
        ("pen", 0.0, "from 0.3 to 4"),
        ("predict", 3, "function"),
        ("input_shape", (784,), r"\(1, 784\) or \(28, 28\)"),
    ],
)
def test_wrong_settings(pad, name, value, says):
    before = getattr(pad, name)
    with pytest.raises(ValueError, match=says):
        setattr(pad, name, value)
    assert getattr(pad, name) == before
    with pytest.raises(ValueError, match="from 0 to 9"):
        pad.load(10)


@pytest.mark.parametrize(
    ("name", "value"), [("evidence_for", 10), ("centred", 2), ("strokes", 3), ("input_shape", 784)]
)
def test_settings_of_the_wrong_kind(pad, name, value):
    with pytest.raises(traitlets.TraitError):
        setattr(pad, name, value)


def test_probs_come_from_the_page_while_they_belong_to_the_image(pad):
    published = np.eye(10)[[5, 6]]
    pad.shown = {"image": pad.image.tolist(), "probs": published.tolist()}
    assert_array_equal(pad.probs["softmax regression"], published[0])
    assert_array_equal(pad.probs["hidden layer"], published[1])
    pad.load(8)  # the page has not answered yet
    assert pad.probs["hidden layer"].argmax() == 8


def test_own_function_is_asked_for_every_image():
    seen = []

    def mine(x):
        seen.append(x)
        return np.eye(10)[[len(seen)]]

    pad = DrawDigit(predict=mine)
    assert [x.shape for x in seen] == [(1, 784)]
    assert_array_equal(seen[0][0], pad.image.ravel())
    pad.set_state({"strokes": [[[5, 5], [5, 20]]]})  # as the page does
    assert pad.yours == np.eye(10)[2].tolist()
    assert_array_equal(pad.probs["yours"], np.eye(10)[2])
    pad.image = np.zeros((28, 28))
    assert not seen[-1].any()
    seen[-1][:] = 7  # the function may write into what it gets
    assert not pad.image.any()
    pad.input_shape = (28, 28)
    assert seen[-1].shape == (28, 28)
    pad.predict = None
    assert pad.yours == []
    assert "yours" not in pad.probs


def test_one_picture_is_one_question():
    seen = []

    def mine(x):
        seen.append(x)
        return np.full(10, 0.1)

    pad = DrawDigit(predict=mine)
    image = np.random.default_rng(1).random((28, 28))
    pad.image = image
    assert len(seen) == 2
    pad.load(3)
    assert len(seen) == 3
    pad.set_state({"strokes": [[[5, 5], [5, 20]]], "pixels": image.ravel().tolist()})
    assert len(seen) == 4
    pad.evidence_for = 3
    pad.centred = False  # an image from Python stays where it is
    assert len(seen) == 4
    pad.predict = lambda x: mine(x)
    assert len(seen) == 5
    assert DrawDigit(image=image, predict=mine).pixels == pad.pixels
    assert len(seen) == 6


def test_an_answer_is_stored_with_its_picture():
    stored = DrawDigit(predict=lambda x: np.eye(10)[4]).state()
    again = DrawDigit(**json.loads(json.dumps(stored)))
    assert again.state() == stored
    assert again.probs["yours"].argmax() == 4
    again.load(7)
    assert "yours" not in again.probs, "nobody was asked about this one"
    assert again.yours == stored["yours"]
    again.load(3)
    assert "yours" in again.probs
    with pytest.raises(ValueError, match="ten probabilities"):
        again.yours = [1.0]


def broken(x):
    return {}[x.shape]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (broken, r"KeyError: \(1, 784\) \(line \d+ of broken\)"),
        (lambda x: np.zeros((10, 1)), r"ValueError: expected ten probabilities.*got shape \(10, 1\)$"),
        (lambda x: np.full(10, np.nan), "finite"),
        (lambda x: np.arange(10.0), "their sum 45. Are these logits"),
        (lambda x: None, "shape"),
        (lambda: None, "TypeError"),
        (lambda x: "seven", "could not convert"),
    ],
)
def test_what_goes_wrong_in_ones_own_function_is_shown(function, says):
    pad = DrawDigit(predict=function)
    assert pad.yours == []
    assert len(pad.yours_error.splitlines()) == 1
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(pad.yours_error)
    pad.load(2)
    assert pad.probs["hidden layer"].argmax() == 2, "the rest goes on"
    pad.predict = lambda x: np.full(10, 0.1)
    assert pad.yours_error == ""


def test_corners_are_cut():
    assert_allclose(rounded(np.array([[0, 0], [4, 0], [4, 4]])), [[0, 0], [3, 0], [4, 1], [4, 4]])


def test_stored_state_is_the_same_everywhere(pad):
    assert DrawDigit().state() == pad.state()
    assert all(round(n, 2) == n for example in pad.examples for stroke in example for point in stroke for n in point)
