"""The confusion explorer without a browser: packing, rates, which images are kept, and what is refused."""

import json

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from mnist_helpers.widgets import ConfusionExplorer
from mnist_helpers.widgets import confusion_explorer as module


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 5, 3), (1, 1, 1), (5, 40, 40)])
@pytest.mark.parametrize("paper", [0.0, 0.8, 1.0])
def test_packed_images_come_back_to_the_nearest_of_16_greys(shape, paper):
    rng = np.random.default_rng(4)
    images = rng.integers(256, size=shape) * (rng.random(shape) >= paper)
    packed = module.pack_images(images)
    levels = module.unpack_images(packed, shape)
    assert np.abs(levels * 17 - images).max() <= 8.5
    if paper == 1:
        assert len(packed) <= 4 * (images.size // 255 // 3 + 2)
    with pytest.raises(ValueError, match="must hold"):
        module.unpack_images(packed, (shape[0] + 2, *shape[1:]))


def answers_of_a_classifier(num_examples=500, num_classes=4, size=(4, 4)):
    rng = np.random.default_rng(5)
    probs = rng.dirichlet(np.ones(num_classes), size=num_examples)
    return rng.integers(256, size=(num_examples, *size)), rng.integers(num_classes, size=num_examples), probs


def test_rates_agree_with_scikit_learn():
    images, labels, probs = answers_of_a_classifier()
    results = ConfusionExplorer.from_predictions(images, labels, probs).results()
    precision, recall, _, _ = precision_recall_fscore_support(labels, probs.argmax(axis=1))
    assert np.allclose(results["precision"], precision)
    assert np.allclose(results["recall"], recall)


@pytest.mark.parametrize("per_cell", [1, 5, 6])
def test_the_first_images_of_each_cell_are_kept(per_cell):
    images, labels, probs = answers_of_a_classifier(num_examples=120)
    widget = ConfusionExplorer.from_predictions(images, labels, probs, per_cell=per_cell)
    for label, answer in np.ndindex(4, 4):
        widget.selected = [label, answer]
        results = widget.results()
        first = np.flatnonzero((labels == label) & (probs.argmax(axis=1) == answer))[:per_cell]
        assert np.array_equal(results["pixels"], np.round(images[first].reshape(len(first), 16) / 17))
        assert np.allclose(results["claimed"], probs[first].max(axis=1), atol=5e-4)
        assert np.allclose(results["label_probs"], probs[first, label], atol=5e-4)


def test_dark_images_are_fewer_but_equally_many_of_each_cell():
    images, labels, probs = answers_of_a_classifier(3000, 10, (28, 28))
    widget = ConfusionExplorer.from_predictions(images, labels, probs)
    assert len(widget.packed) <= module.LARGEST_PACKED
    _, counts = np.unique(widget.cells, axis=0, return_counts=True)
    assert 1 <= counts.min() == counts.max() < 5
    with pytest.raises(ValueError, match="one image of each cell"):
        ConfusionExplorer.from_predictions(*answers_of_a_classifier(2000, 30, (28, 28)))


GOOD = answers_of_a_classifier(20)


@pytest.mark.parametrize(
    ("which", "value", "says"),
    [
        (0, GOOD[0] / 255, "multiply by 255"),
        (0, GOOD[0] + 145.0, r"0 \.\. 255, got"),
        (0, GOOD[0] - 20, r"0 \.\. 255, got -"),
        (0, np.full((20, 4, 4), np.nan), r"0 \.\. 255"),
        (0, GOOD[0].reshape(20, 16), "the same N"),
        (0, GOOD[0][:, :0], "the same N"),
        (1, GOOD[1][:1], "the same N"),
        (1, GOOD[1][:, None], "the same N"),
        (1, GOOD[1] + 4, "labels must be from 0 to 3"),
        (1, GOOD[1] - 1, "labels must be from 0 to 3"),
        (2, np.where(np.arange(4) == GOOD[1][:, None], np.nan, GOOD[2]), "finite"),
        (2, np.log(GOOD[2]), "logits"),
        (2, 2 * GOOD[2], "logits"),
        (2, np.ones((20, 1)), "2 columns"),
    ],
)
def test_wrong_answers_are_refused(which, value, says):
    parts = list(GOOD)
    parts[which] = value
    with pytest.raises(ValueError, match=says):
        ConfusionExplorer.from_predictions(*parts)


def test_wrong_kinds_are_refused():
    with pytest.raises(TypeError, match="integers"):
        ConfusionExplorer.from_predictions(GOOD[0], GOOD[1] + 0.5, GOOD[2])
    with pytest.raises(ValueError, match="per_cell"):
        ConfusionExplorer.from_predictions(*GOOD, per_cell=0)
    with pytest.raises(ValueError, match="4 classes but 2"):
        ConfusionExplorer.from_predictions(*GOOD, ["a", "b"])
    with pytest.raises(TypeError, match="expected"):
        ConfusionExplorer(counts=[[1, 2], [3, 4]])


BROKEN = {
    "3 classes but 2 class_names": {"class_names": ["a", "b"]},
    "images in cells but 1 in claimed": {"claimed": [0.5]},
    "must hold 200 pixels": {"packed": ""},
    "K lists of K": {"counts": [[1, 2], [3]]},
    "at least 0": {"counts": [[1, 2, 0], [3, -1, 0], [0, 0, 0]]},
    "classes from 0 to 2": {"cells": [[0, 3]] * 8},
    "from 0 to 2, got": {"selected": [0, 3]},
    "must be finite": {"claimed": [np.nan] * 8},
    r"in \[0, 1\]": {"label_probs": [1.5] * 8},
    "at least 1 by 1": {"image_size": [0, 5]},
}


@pytest.mark.parametrize("says", BROKEN)
def test_parts_that_do_not_belong_together(says):
    change = BROKEN[says]
    with pytest.raises(ValueError, match=says):
        ConfusionExplorer(**{**ConfusionExplorer().state(), **change})
    widget = ConfusionExplorer()
    before = widget.state()
    for name, value in change.items():
        with pytest.raises(ValueError, match=says):
            setattr(widget, name, value)
    assert widget.state() == before


def test_parts_may_change_together():
    widget, other = ConfusionExplorer(), ConfusionExplorer.from_predictions(*GOOD)
    with widget.hold_trait_notifications():
        for name, value in json.loads(json.dumps(other.state())).items():
            setattr(widget, name, value)
    assert widget.state() == other.state()
