"""Chapter 7: a confusion matrix whose cells show the images that are counted in them."""

import base64
from itertools import groupby

import numpy as np
import traitlets

from mnist_helpers.metrics import confusion_matrix
from mnist_helpers.widgets._base import Interactive, check_finite

__all__ = ["ConfusionExplorer", "pack_images", "unpack_images"]

LEVELS = 15  # the darkest of the 16 grey levels
WHITEST = 255
LONGEST_RUN = 255
LARGEST_PACKED = 150_000  # characters; with the rest of the state and the module below 200 kB


def pack_images(images):
    """Return images in 16 grey levels as base64 text, two pixels to a byte, runs of paper as their length.

    Parameters
    ----------
    images : array_like of numbers in 0 .. 255, shape (N, height, width)

    Returns
    -------
    str
        The rows of all images one after the other, without a gap; the first pixel of a pair is in the high half of its
        byte. If the number of pixels is odd, a zero follows the last. Then each run of zero bytes is written as a
        zero and its length, at most 255.
    """
    grey = np.round(np.asarray(images, dtype=float).ravel() * (LEVELS / WHITEST)).astype(np.uint8)
    pairs = np.append(grey, np.zeros(grey.size % 2, np.uint8)).reshape(-1, 2)
    short = bytearray()
    for byte, run in groupby((pairs[:, 0] * 16 + pairs[:, 1]).tobytes()):
        length = sum(1 for _ in run)
        if byte:
            short += bytes([byte] * length)
        else:
            short += bytes([0, LONGEST_RUN]) * (length // LONGEST_RUN)
            short += bytes([0, length % LONGEST_RUN]) if length % LONGEST_RUN else b""
    return base64.b64encode(short).decode("ascii")


def unpack_images(packed, shape):
    """Return the grey levels that `pack_images` has packed.

    Parameters
    ----------
    packed : str
    shape : tuple of int
        Of the result, for example (N, height, width).

    Returns
    -------
    ndarray of uint8 in 0 .. 15
        0 for what was 0, 15 for 255.

    Raises
    ------
    ValueError
        If the text is not base64 or does not hold as many pixels.
    """
    short = iter(base64.b64decode(packed, validate=True))
    whole = b"".join(bytes([byte]) if byte else bytes(next(short, 0)) for byte in short)
    num_pixels = int(np.prod(shape))
    if len(whole) != (num_pixels + 1) // 2:
        raise ValueError(f"packed must hold {num_pixels} pixels, two to a byte, got {len(whole)} bytes")
    pairs = np.frombuffer(whole, np.uint8)
    return np.stack([pairs >> 4, pairs & 15], axis=1).ravel()[:num_pixels].reshape(shape)


def choose_examples(labels, predictions, num_classes, per_cell):
    """Return which examples are kept: the first ones of each cell of the confusion matrix.

    Parameters
    ----------
    labels, predictions : array_like of int in 0 .. num_classes - 1, shape (N,)
    num_classes : int
    per_cell : int
        How many of a cell, or all if it has fewer.

    Returns
    -------
    ndarray of int
        Indices, in rising order.
    """
    cells = np.multiply(labels, num_classes) + predictions
    return np.sort(np.concatenate([np.flatnonzero(cells == cell)[:per_cell] for cell in np.unique(cells)]))


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
            state = prepare(*small_example(), per_cell=5)
        if set(state) - {"shown"} != set(self.settings()):
            raise TypeError(f"expected {self.settings()}, got {sorted(state)}; see ConfusionExplorer.from_predictions")
        super().__init__(**state)

    @classmethod
    def from_predictions(cls, images, labels, probs, class_names=None, *, per_cell=5):
        """Return the explorer of a classifier's answers.

        Parameters
        ----------
        images : array_like of numbers in 0 .. 255, shape (N, height, width)
            0 is paper, 255 ink; N, height and width at least 1.
        labels : array_like of int in 0 .. K - 1, shape (N,)
        probs : array_like in [0, 1], shape (N, K)
            The classifier's probabilities, each row with the sum 1; K at least 2. The largest is its answer.
        class_names : sequence of K str, optional
            Default: the numbers from 0.
        per_cell : int
            How many images of a cell are kept at most, from 1 to 6: the first ones. If they are too many for a page,
            one less of every cell, and so on; the figure says how many it shows.

        Returns
        -------
        ConfusionExplorer
            With the cell selected that counts the most errors.

        Raises
        ------
        TypeError
            If labels are not integers.
        ValueError
            If shapes do not fit together, something is out of its range or not finite, or even one image of each cell
            is too much for a page.
        """
        return cls(**prepare(images, labels, probs, class_names, per_cell=per_cell))

    @traitlets.validate("claimed", "label_probs")
    def _check_probabilities(self, proposal):
        name, values = proposal.trait.name, check_finite(proposal.trait.name, proposal.value)
        if any(not 0 <= p <= 1 for p in values):
            raise ValueError(f"{name} must lie in [0, 1], got {min(values):g} to {max(values):g}")
        return self._check_together(proposal)

    @traitlets.validate("counts", "class_names", "packed", "image_size", "cells", "selected")
    def _check_together(self, proposal):
        """Several parts that change together are checked when all of them have changed: `hold_trait_notifications`."""
        if self._ready():
            check_parts({**self.state(), proposal.trait.name: proposal.value})
        return proposal.value

    def _ready(self):
        """Return whether all parts are there: in the constructor they come one after the other."""
        return all(name in self._trait_values for name in self.settings())

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
                ax.set_title(f"{percent(self.claimed[n])} sure", fontsize=8)


def prepare(images, labels, probs, class_names=None, *, per_cell):
    """Return the state of a `ConfusionExplorer`: see its `from_predictions`."""
    images, labels, probs = np.asarray(images), np.asarray(labels), np.asarray(probs, dtype=float)
    check_answers(images, labels, probs)
    if not 1 <= per_cell <= 6:
        raise ValueError(f"per_cell must be from 1 to 6, got {per_cell}")
    num_classes = probs.shape[1]
    answers = probs.argmax(axis=1)
    counts = confusion_matrix(labels, answers, num_classes)
    for fewer in range(per_cell, 0, -1):
        kept = choose_examples(labels, answers, num_classes, fewer)
        packed = pack_images(images[kept])
        if len(packed) <= LARGEST_PACKED:
            break
    else:
        raise ValueError(f"one image of each cell makes {len(packed)} characters, more than {LARGEST_PACKED}")
    errors = counts - np.diag(counts.diagonal())
    return {
        "counts": counts.tolist(),
        "class_names": [str(name) for name in (range(num_classes) if class_names is None else class_names)],
        "packed": packed,
        "image_size": list(images.shape[1:]),
        "cells": np.column_stack([labels[kept], answers[kept]]).tolist(),
        "claimed": probs[kept, answers[kept]].round(3).clip(0, 1).tolist(),
        "label_probs": probs[kept, labels[kept]].round(3).clip(0, 1).tolist(),
        "selected": [int(k) for k in np.unravel_index(errors.argmax(), errors.shape)],
    }


def check_answers(images, labels, probs):
    """Raise TypeError or ValueError if these are not N images, labels and rows of probabilities."""
    if images.ndim != 3 or not images.size or probs.ndim != 2 or not (len(images),) == labels.shape == probs.shape[:1]:
        raise ValueError(
            "images (N, height, width), labels (N,) and probs (N, K) must have the same N above 0, "
            f"got {images.shape}, {labels.shape} and {probs.shape}"
        )
    if probs.shape[1] < 2:
        raise ValueError(f"probs must have at least 2 columns, got {probs.shape[1]}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    if labels.min() < 0 or labels.max() >= probs.shape[1]:
        raise ValueError(f"labels must be from 0 to {probs.shape[1] - 1}, got {labels.min()} to {labels.max()}")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= WHITEST):  # not of NaN either
        raise ValueError(f"images must lie in 0 .. 255, got {low:g} to {high:g}")
    if high <= 1 and not np.issubdtype(images.dtype, np.integer) and high > 0:
        raise ValueError(f"images must lie in 0 .. 255, got {low:g} to {high:g}: multiply by 255")
    if not np.isfinite(probs).all() or probs.min() < 0 or np.abs(probs.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(
            "probs must be finite, at least 0, and each row have the sum 1, got entries from "
            f"{probs.min():.3g} to {probs.max():.3g} and sums to {probs.sum(axis=1).max():.3g}; are these logits?"
        )


def check_parts(state):
    """Raise ValueError if two parts of the state do not belong together."""
    num_classes, num_images = len(state["counts"]), len(state["cells"])
    if num_classes < 2 or any(len(row) != num_classes or min(row) < 0 for row in state["counts"]):
        raise ValueError(f"counts must be K lists of K numbers, at least 0, with K at least 2, got {state['counts']}")
    if len(state["class_names"]) != num_classes:
        raise ValueError(f"{num_classes} classes but {len(state['class_names'])} class_names")
    for name in ("claimed", "label_probs"):
        if len(state[name]) != num_images:
            raise ValueError(f"{num_images} images in cells but {len(state[name])} in {name}")
    if min(state["image_size"]) < 1:
        raise ValueError(f"image_size must be at least 1 by 1, got {state['image_size']}")
    unpack_images(state["packed"], (num_images, *state["image_size"]))
    if any(not 0 <= k < num_classes for cell in state["cells"] for k in cell):
        raise ValueError(f"cells must name classes from 0 to {num_classes - 1}")
    if not all(0 <= k < num_classes for k in state["selected"]):
        raise ValueError(f"selected must be two classes from 0 to {num_classes - 1}, got {state['selected']}")


def percent(share):
    """Return a probability as text, as the page does: never 0 % or 100 %, which softmax does not give."""
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{int(100 * share + 0.5)} %"
