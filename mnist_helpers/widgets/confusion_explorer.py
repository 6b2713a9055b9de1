"""Chapter 7: a confusion matrix whose cells show the images that are counted in them."""

import base64

import numpy as np
import traitlets

from mnist_helpers.metrics import confusion_matrix
from mnist_helpers.widgets._base import Interactive

__all__ = ["ConfusionExplorer", "pack_images", "unpack_images"]

LEVELS = 15  # the darkest of the 16 grey levels


def pack_images(images):
    """Return images in 16 grey levels as base64 text, two pixels to a byte.

    Parameters
    ----------
    images : array_like of numbers in 0 .. 255, shape (N, height, width)

    Returns
    -------
    str
        The rows of all images one after the other, without a gap; the first pixel of a pair is in the high half of its
        byte. If the number of pixels is odd, a zero follows the last.
    """
    grey = np.round(np.asarray(images, dtype=float).ravel() * (LEVELS / 255)).astype(np.uint8)
    pairs = np.append(grey, np.zeros(grey.size % 2, np.uint8)).reshape(-1, 2)
    return base64.b64encode((pairs[:, 0] * 16 + pairs[:, 1]).tobytes()).decode("ascii")


def unpack_images(packed, shape):
    """Return the grey levels 0 .. 15 that `pack_images` has packed, as an array of the given shape."""
    pairs = np.frombuffer(base64.b64decode(packed), np.uint8)
    return np.stack([pairs >> 4, pairs & 15], axis=1).ravel()[: np.prod(shape)].reshape(shape)


def choose_examples(labels, predictions, num_classes, *, limit, per_cell):
    """Return the indices of the examples that are kept: the first ones of each cell.

    First every cell has one, then they are shared out in proportion to the root of the counts. Right answers, of which
    there are many, count like the mean cell of errors.
    """
    counts = confusion_matrix(labels, predictions, num_classes)
    shares = np.sqrt(counts)
    right = np.eye(num_classes, dtype=bool)
    shares[right] = shares[~right].mean() + 1
    cells = np.multiply(labels, num_classes) + predictions
    turns = np.zeros(len(cells))  # how many of its cell come before it
    for cell in np.unique(cells):
        turns[cells == cell] = np.arange(counts.ravel()[cell])
    order = np.argsort(turns / shares.ravel()[cells], kind="stable")
    return order[turns[order] < per_cell][:limit]


def small_example():
    """Return eight tiny drawings, their labels, and the probabilities and names of an imagined classifier."""
    image = {name: np.zeros((5, 5), dtype=np.uint8) for name in ("lying", "standing", "cross")}
    image["lying"][2] = image["standing"][:, 2] = 255
    image["cross"][2] = image["cross"][:, 2] = 255
    images = [image[name] for name in ("lying", "lying", "standing", "standing", "cross", "cross", "cross", "lying")]
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    probs = np.array([8, 1, 1, 6, 1, 3, 0, 9, 1, 2, 7, 1, 1, 2, 7, 5, 1, 4, 2, 1, 7, 6, 1, 3]).reshape(8, 3) / 10
    return np.array(images), labels, probs, ["lying", "standing", "cross"]


class ConfusionExplorer(Interactive):
    """A confusion matrix as a table of buttons, and images of the cell that is chosen. `from_predictions` makes one.

    Parameters
    ----------
    counts : list of K lists of K int
        The confusion matrix: rows are true classes, columns predicted ones.
    class_names : list of K str
    packed : str
        Some of the images, as `pack_images` packs them.
    image_size : [int, int]
        Height and width.
    cells : list of N [int, int]
        True and predicted class of each image.
    claimed : list of N float
        Probability that the classifier gave to the class it predicted.
    label_probs : list of N float
        Probability that it gave to the true class.
    selected : [int, int]
        The cell that is shown: true class, predicted class.

    Raises
    ------
    traitlets.TraitError, ValueError
        If the parts do not belong together.

    Notes
    -----
    Without parameters it shows eight tiny drawings.
    """

    module = "confusion_explorer"
    counts = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    class_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    packed = traitlets.Unicode().tag(sync=True)
    image_size = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True)
    cells = traitlets.List(traitlets.List(traitlets.Int(), minlen=2, maxlen=2)).tag(sync=True)
    claimed = traitlets.List(traitlets.Float()).tag(sync=True)
    label_probs = traitlets.List(traitlets.Float()).tag(sync=True)
    selected = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True)

    def __init__(self, **state):
        if not state:
            state = prepare(*small_example(), limit=8, per_cell=8)
        _check_together(state)
        super().__init__(**state)

    @classmethod
    def from_predictions(cls, images, labels, probs, class_names=None, *, limit=240, per_cell=6):
        """Return the explorer of a classifier's answers.

        Parameters
        ----------
        images : array_like of numbers in 0 .. 255, shape (N, height, width)
        labels : array_like of int, shape (N,)
        probs : array_like, shape (N, K)
            The classifier's probabilities. The largest is its answer.
        class_names : sequence of K str, optional
            Default: the numbers from 0.
        limit, per_cell : int
            How many images are kept, altogether and of one cell, see `choose_examples`. 240 images of 28 by 28 pixels
            make 130 kB.
        """
        return cls(**prepare(images, labels, probs, class_names, limit=limit, per_cell=per_cell))

    @traitlets.validate("selected")
    def _check_selected(self, proposal):
        if self.counts and not all(0 <= k < len(self.counts) for k in proposal.value):
            raise ValueError(f"selected must be two classes from 0 to {len(self.counts) - 1}, got {proposal.value}")
        return proposal.value

    def shown_images(self):
        """Return the indices of the images in the selected cell."""
        return [n for n, cell in enumerate(self.cells) if cell == self.selected]

    def results(self):
        """Return the rates of the matrix, and what is shown of the selected cell.

        `recall` and `precision` (K,), NaN for a class without labels or answers; `count` (1,); `pixels`
        (n, height * width) with grey levels 0 to 15, `claimed` and `label_probs` (n,) of the n images shown.
        """
        counts = np.array(self.counts)
        shown = self.shown_images()
        pixels = unpack_images(self.packed, (len(self.cells), self.image_size[0] * self.image_size[1]))
        with np.errstate(invalid="ignore"):
            recall = counts.diagonal() / counts.sum(axis=1)
            precision = counts.diagonal() / counts.sum(axis=0)
        return {
            "recall": recall,
            "precision": precision,
            "count": np.array([counts[tuple(self.selected)]]),
            "pixels": pixels[shown] if shown else np.zeros(0),
            "claimed": np.array(self.claimed)[shown],
            "label_probs": np.array(self.label_probs)[shown],
        }

    def draw_still(self, figure):
        """Draw the matrix with its errors shaded, and the images of the selected cell beside it."""
        left, right = figure.subfigures(1, 2, width_ratios=(1.5, 1))
        ax = left.subplots()
        counts = np.array(self.counts)
        errors = counts - np.diag(counts.diagonal())
        ax.imshow(np.sqrt(errors), cmap="Blues", vmax=1.6 * np.sqrt(max(errors.max(), 1)))
        for (row, column), count in np.ndenumerate(counts):
            weight = "bold" if row == column else "normal"
            ax.text(column, row, count, ha="center", va="center", fontsize=7, weight=weight)
        true, answer = self.selected
        ax.plot(answer + np.array([-0.5, 0.5, 0.5, -0.5, -0.5]), true + np.array([-0.5, -0.5, 0.5, 0.5, -0.5]), "k-")
        ticks = range(len(self.class_names))
        ax.set_xticks(ticks, self.class_names)
        ax.set_yticks(ticks, self.class_names)
        ax.set(xlabel="predicted class", ylabel="true class")
        ax.grid(False)
        names = self.class_names
        right.suptitle(f"{names[true]} taken for {names[answer]}" if true != answer else f"{names[true]} recognised")
        shown = self.shown_images()[:6]
        pixels = unpack_images(self.packed, (len(self.cells), *self.image_size))
        for ax, n in zip(right.subplots(3, 2).flat, [*shown, *[None] * (6 - len(shown))], strict=True):
            ax.set_axis_off()
            if n is not None:
                ax.imshow(pixels[n], cmap="gray_r", vmin=0, vmax=LEVELS, interpolation="nearest")
                ax.set_title(f"{int(100 * self.claimed[n] + 0.5)} % sure", fontsize=8)


def prepare(images, labels, probs, class_names=None, *, limit, per_cell):
    """Return the state of a `ConfusionExplorer`: see its `from_predictions`."""
    images, labels, probs = np.asarray(images), np.asarray(labels), np.asarray(probs, dtype=float)
    if images.ndim != 3 or probs.ndim != 2 or not len(images) == len(labels) == len(probs) > 0:
        raise ValueError(
            "images (N, height, width), labels (N,) and probs (N, K) must have the same N above 0, "
            f"got {images.shape}, {labels.shape} and {probs.shape}"
        )
    num_classes = probs.shape[1]
    answers = probs.argmax(axis=1)
    counts = confusion_matrix(labels, answers, num_classes)
    kept = choose_examples(labels, answers, num_classes, limit=limit, per_cell=per_cell)
    errors = counts - np.diag(counts.diagonal())
    return {
        "counts": counts.tolist(),
        "class_names": [str(name) for name in (range(num_classes) if class_names is None else class_names)],
        "packed": pack_images(images[kept]),
        "image_size": list(images.shape[1:]),
        "cells": np.column_stack([labels[kept], answers[kept]]).tolist(),
        "claimed": probs[kept, answers[kept]].round(3).tolist(),
        "label_probs": probs[kept, labels[kept]].round(3).tolist(),
        "selected": [int(k) for k in np.unravel_index(errors.argmax(), errors.shape)],
    }


def _check_together(state):
    """Raise ValueError if some part is missing or two of them do not belong together."""
    names = {"counts", "class_names", "packed", "image_size", "cells", "claimed", "label_probs", "selected"}
    if set(state) != names:
        raise ValueError(f"expected {sorted(names)}, got {sorted(state)}; see ConfusionExplorer.from_predictions")
    num_classes, num_images = len(state["counts"]), len(state["cells"])
    if num_classes < 2 or any(len(row) != num_classes for row in state["counts"]):
        raise ValueError(f"counts must be K lists of K numbers with K at least 2, got {state['counts']}")
    if len(state["class_names"]) != num_classes:
        raise ValueError(f"{num_classes} classes but {len(state['class_names'])} class_names")
    for name in ("claimed", "label_probs"):
        if len(state[name]) != num_images:
            raise ValueError(f"{num_images} images in cells but {len(state[name])} in {name}")
    num_pixels = num_images * int(np.prod(state["image_size"]))
    if len(base64.b64decode(state["packed"])) != (num_pixels + 1) // 2:
        raise ValueError(f"packed must hold {num_pixels} pixels, two to a byte")
    if any(not 0 <= k < num_classes for cell in state["cells"] for k in cell):
        raise ValueError(f"cells must name classes from 0 to {num_classes - 1}")
