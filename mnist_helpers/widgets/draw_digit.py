"""Chapter 13: draw a digit, see at once what two trained models read, and which pixels speak for it and against."""

import base64
import traceback
from functools import cache

import numpy as np
import traitlets
from matplotlib.colors import LinearSegmentedColormap

from mnist_helpers.functional import softmax
from mnist_helpers.longruns import results_folder
from mnist_helpers.models import logits
from mnist_helpers.widgets._base import Interactive, as_array, check_finite

__all__ = ["DrawDigit"]

SIZE = 28
BOX = 20  # MNIST's digits fill a box of 20 by 20 pixels,
MIDDLE = 14.5  # and their centre of mass lies in the middle of pixel 14
LARGEST_ZOOM = 4
FARTHEST = 1000  # how far out a point may lie, so that no square overflows
MODELS = {"softmax": "softmax regression", "hidden": "hidden layer"}
LARGEST_INT8 = 127
LARGEST_BYTE = 255
STRONG = 0.6  # of the largest evidence of a pixel: full colour from there on

# One line for each digit from 0 to 9: strokes apart by ";", points "x,y" in pixels from the upper left corner. Their
# corners are cut, see `rounded`.
EXAMPLES = """
15,5 11.5,6 9,9 8,13 8.5,18 10.5,22 14,23.5 17.5,22 19.5,18.5 20,14 19.5,9.5 17.5,6 15,5
16,4.5 15.2,9 14.2,14 13.2,19 12.5,23.5
8.5,9 10,6.5 13,5 16,5.5 18.5,7.5 18.5,10.5 16.5,14 13,17.5 9.5,20.5 8,22.5 11.5,22 15,22 20,22.5
8.5,6.5 11,5 14.5,4.8 17.5,6.5 17.8,9.5 15.8,12 12.5,13.3 16.5,14.2 18.8,17 18.2,20.5 15.5,22.8 12,23.3 8.5,22
9,5 8.5,9 8,13.5 11.5,14.5 15.5,14.3 19.5,13.5; 18.5,5.5 17.8,11 17.2,17 16.8,23.5
19,5 15,5 10.5,5.2 10,8.5 9.3,12.3 13,11.3 16.5,12.3 18.5,15 18.3,18.5 16.2,21.8 12.5,23.2 8.5,22
17,4.5 13.5,7 10.8,10.5 9.2,14.5 8.8,18.5 10,21.8 13,23.3 16.5,22.5 18.5,19.8 18.2,16.8 15.8,15 12.5,15.6 9.5,18.5
8,6.5 12,6.2 16,6 19.8,5.5 17.8,10 15.8,14.5 14,19 12.6,23.5
17.5,7 14.5,4.8 11,6 10.3,9 12.3,11.5 15.8,14 18,17.2 17.5,21 14.5,23.4 11,22.6 9.8,19.3 11.6,15.6 17.6,9.6 17.5,7
18.5,8 16,5.2 12.5,5.3 10,8 10,11.3 12.5,13.4 16,12.6 18.5,8 18,13 17.3,18 16.5,23.5
"""


def parsed(line):
    """Return the strokes that a line of text holds."""
    return [[[float(n) for n in point.split(",")] for point in stroke.split()] for stroke in line.split(";")]


@cache
def smooth_examples():
    """Return `EXAMPLES` with their corners cut twice, as lines of the same kind."""
    lines = []
    for line in EXAMPLES.strip().splitlines():
        strokes = [rounded(rounded(np.array(stroke))).round(2) for stroke in parsed(line)]
        lines.append(";".join(" ".join(f"{x:g},{y:g}" for x, y in stroke) for stroke in strokes))
    return lines


def rounded(points):
    """Return the points of a polyline whose corners are cut at a quarter of its sides (Chaikin, 1974)."""
    starts, ends = points[:-1], points[1:]
    cut = np.stack([0.75 * starts + 0.25 * ends, 0.25 * starts + 0.75 * ends], axis=1).reshape(-1, 2)
    return np.concatenate([points[:1], cut[1:-1], points[-1:]])


def ink(strokes, pen):
    """Return what a round pen leaves.

    The grey of a pixel follows from the distance between its centre and the nearest segment, and from nothing else.

    Parameters
    ----------
    strokes : list of array_like, each of shape (n, 2) with n at least 1
        Points [x, y] in pixels from the upper left corner, y downwards. A single point is a dot.
    pen : float
        Radius in pixels.

    Returns
    -------
    ndarray of float64, shape (28, 28)
        1 under the pen, 0 beyond, and a slope of width 1 between.
    """
    places = np.arange(SIZE) + 0.5
    centres = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 1, 2)  # x to the right, y downwards
    squared = np.full(SIZE * SIZE, np.inf)
    for stroke in strokes:
        points = np.array(stroke)
        starts, ends = (points[:-1], points[1:]) if len(points) > 1 else (points, points)  # one point is a dot
        way = ends - starts
        length = (way**2).sum(axis=1)
        share = ((centres - starts) * way).sum(axis=2) / np.where(length > 0, length, 1)
        nearest = starts + np.clip(share, 0, 1)[..., None] * way
        squared = np.minimum(squared, ((centres - nearest) ** 2).sum(axis=2).min(axis=1))
    return np.clip(pen + 0.5 - np.sqrt(squared), 0, 1).reshape(SIZE, SIZE)


def fitted(strokes, pen):
    """Return the strokes as MNIST would place them: as large as its box allows, centre of mass in its middle.

    The pen is as thick afterwards as before. A mark that is small is enlarged by 4 at most, so a dot stays a dot.

    Parameters
    ----------
    strokes : list of array_like, each of shape (n, 2)
        At least one, as for `ink`.
    pen : float
        Radius in pixels, below 10.

    Returns
    -------
    list of ndarray of float64, of the same shapes
    """
    points = np.array([point for stroke in strokes for point in stroke])
    low, high = points.min(axis=0), points.max(axis=0)
    extent = (high - low).max()
    zoom = min(LARGEST_ZOOM, (BOX - 2 * pen) / extent) if extent else 1
    moved = [(np.array(stroke) - (low + high) / 2) * zoom + MIDDLE for stroke in strokes]
    picture, places = ink(moved, pen), np.arange(SIZE) + 0.5
    centre = np.array([picture.sum(axis=0) @ places, picture.sum(axis=1) @ places]) / picture.sum()
    return [stroke + MIDDLE - centre for stroke in moved]


def quantized(params):
    """Return parameters with weights in 8 bits.

    Parameters
    ----------
    params : dict of str to ndarray
        As in `mnist_helpers.models`. What is named ``...weights`` has shape (inputs, units).

    Returns
    -------
    dict of str to ndarray
        ``...weights`` as int8 in -127 .. 127, ``round(w / scale)``; ``...weights_scales`` as float32, shape (units,),
        one for each column, 0 for a column of zeros; everything else as float32.
    """
    small = {}
    for name, value in params.items():
        if name.endswith("weights"):
            scales = np.float32(np.abs(value).max(axis=0) / LARGEST_INT8)
            small |= {name: np.int8(np.round(value / np.where(scales > 0, scales, 1))), f"{name}_scales": scales}
        else:
            small[name] = np.float32(value)
    return small


def dequantized(small):
    """Return parameters from what `quantized` returns.

    Parameters
    ----------
    small : dict of str to ndarray

    Returns
    -------
    dict of str to ndarray of float64
        Weights times their scales; each is off by at most half its column's scale.
    """
    scales = {name: small.get(f"{name}_scales", 1) for name in small if not name.endswith("_scales")}
    return {name: np.float64(small[name]) * np.float64(scale) for name, scale in scales.items()}


@cache
def load_weights():
    """Return the stored weights, see ``experiments/pad_weights.py``, as base64 texts."""
    with np.load(results_folder() / "pad_weights.npz") as arrays:
        return packed(arrays)


def packed(arrays):
    """Return arrays as base64 texts, the numbers little-endian."""
    little = {name: np.asarray(values).astype(values.dtype.newbyteorder("<")) for name, values in arrays.items()}
    return {name: base64.b64encode(values.tobytes()).decode() for name, values in little.items()}


def unpacked(weights, model):
    """Return the parameters of one model.

    Parameters
    ----------
    weights : dict of str to str
        Base64 texts by "model.part", see `packed` and `quantized`: parts that end in ``weights`` hold int8, the others
        float32, little-endian.
    model : str
        Which model's.

    Returns
    -------
    dict of str to ndarray of float64
        Parameters for `mnist_helpers.models`; empty if there is no such model.

    Raises
    ------
    KeyError
        If weights have no scales.
    """
    small = {}
    for name, text in weights.items():
        prefix, _, part = name.partition(".")
        if prefix == model:
            small[part] = np.frombuffer(base64.b64decode(text), np.int8 if part.endswith("weights") else "<f4")
    for name in [name for name in small if name.endswith("weights")]:
        small[name] = small[name].reshape(-1, len(small[f"{name}_scales"]))
    return dequantized(small)


def as_bytes(image):
    """Return an image with pixels in [0, 1] as base64 text, one byte for each pixel, to recognise it by."""
    return base64.b64encode(np.uint8(np.round(LARGEST_BYTE * image)).tobytes()).decode()


def is_image_of(text, image):
    """Return whether `text` is `as_bytes` of this image, up to one step of grey: the page rounds in other places."""
    grey = np.frombuffer(base64.b64decode(text), np.uint8)
    return len(grey) == image.size and bool((np.abs(grey - LARGEST_BYTE * image.ravel()) <= 1).all())


def checked_probs(values):
    """Return ten probabilities as a list, or raise a ValueError that says what is wrong with what a function gave."""
    probs = np.asarray(values, dtype=float)
    if probs.shape not in ((10,), (1, 10)):
        raise ValueError(f"expected ten probabilities, shape (10,) or (1, 10), got shape {probs.shape}")
    if not np.isfinite(probs).all():
        raise ValueError(f"expected finite probabilities, got {probs.ravel()}")
    if probs.min() < 0 or abs(probs.sum() - 1) > 1e-3:
        raise ValueError(
            f"expected probabilities, at least 0 and with the sum 1; the smallest is {probs.min():.3g} and "
            f"their sum {probs.sum():.3g}. Are these logits? Then apply softmax."
        )
    return probs.ravel().tolist()


def described(error):
    """Return an exception as one line of text, with the line of the function that raised it."""
    *_, last = [None, *traceback.extract_tb(error.__traceback__)[1:]]  # the first is our own call
    ours = last is None or last.filename == __file__
    where = "" if ours else f" (line {last.lineno} of {last.name})"
    return f"{type(error).__name__}: {error}{where}"


class DrawDigit(Interactive):
    """A pad to draw on, and what softmax regression and a network with a hidden layer read from it.

    Parameters
    ----------
    strokes : list of strokes, optional
        Each a list of points [x, y] in pixels of the 28 x 28 image, y downwards. Default: the example of a 3.
    image : ndarray, shape (28, 28), optional
        Pixels in [0, 1] in place of strokes, as by assigning to `image`.
    predict : callable, optional
        Your own model: called in the kernel with the image, an array of shape `input_shape`, once for each new one.
        It returns ten probabilities, shape (10,) or (1, 10), shown as a third set of bars. What goes wrong in it is
        shown as text. Can be set later, too. In a page without a kernel its last answer stays with the image that it
        was given for.
    input_shape : tuple
        What `predict` gets: (1, 784) or (28, 28).
    centred : bool
        Fit strokes into a box of 20 x 20 pixels and move their centre of mass to the middle, as MNIST's makers did.
    pen : float
        Radius of the pen in pixels, from 0.3 to 4.
    evidence_for : int
        The class whose evidence is shown; -1 for the one that softmax regression answers.

    Raises
    ------
    traitlets.TraitError, ValueError
        If something is of the wrong kind, shape or range.

    Notes
    -----
    The models are those of ``experiments/pad_weights.py``. See chapter 13.
    """

    module = "draw_digit"
    strokes = traitlets.List(help="What is drawn.").tag(sync=True)
    pixels = traitlets.List(traitlets.Float(), help="784 pixels under the strokes, or none.").tag(sync=True)
    centred = traitlets.Bool(True).tag(sync=True)
    pen = traitlets.Float(1.3).tag(sync=True)
    evidence_for = traitlets.Int(-1, min=-1, max=9).tag(sync=True)
    weights = traitlets.Dict(help="Both models in 8 bits, as base64 texts.").tag(sync=True)
    example_lines = traitlets.List(traitlets.Unicode(), help="Strokes of one example for each digit.").tag(sync=True)
    yours = traitlets.List(traitlets.Float(), help="What `predict` answers, or nothing.").tag(sync=True)
    yours_error = traitlets.Unicode(help="Why `predict` gave no answer.").tag(sync=True)
    yours_for = traitlets.Unicode(help="The image that `predict` was asked about, see `as_bytes`.").tag(sync=True)
    predict = traitlets.Any(None, allow_none=True)
    input_shape = traitlets.Tuple((1, SIZE * SIZE))

    def __init__(self, strokes=None, *, image=None, predict=None, **state):
        state = {"weights": dict(load_weights()), "example_lines": list(smooth_examples()), **state}
        if strokes is None:
            strokes = [] if image is not None or state.get("pixels") else parsed(state["example_lines"][3])
        self._asked = None  # what `predict` was asked last
        super().__init__(strokes=strokes, **state)
        if image is not None:
            self.image = image
        self.predict = predict

    @traitlets.validate("strokes")
    def _check_strokes(self, proposal):
        expected = "strokes must be a list of strokes, each a list of points [x, y]"
        strokes = []
        for stroke in proposal.value:
            try:
                points = np.array(stroke, dtype=float)
            except (TypeError, ValueError):
                raise ValueError(f"{expected}, got the stroke {stroke!r}") from None
            if points.ndim != 2 or points.shape[1] != 2 or not len(points):
                raise ValueError(f"{expected}, got a stroke of shape {points.shape}")
            if not (np.abs(points) <= FARTHEST).all():
                raise ValueError(f"points must lie within {FARTHEST} pixels of the corner, got {points.tolist()}")
            strokes.append(points.tolist())
        return strokes

    @traitlets.validate("pixels")
    def _check_pixels(self, proposal):
        pixels = np.array(check_finite("pixels", proposal.value))
        if len(pixels) not in (0, SIZE * SIZE):
            raise ValueError(f"pixels must be {SIZE * SIZE} numbers or none, got {len(pixels)}")
        if len(pixels) and not 0 <= pixels.min() <= pixels.max() <= 1:
            raise ValueError(f"pixels must lie in [0, 1], got {pixels.min():g} to {pixels.max():g}{_hint(pixels)}")
        return proposal.value

    @traitlets.validate("pen")
    def _check_pen(self, proposal):
        if not 0.3 <= check_finite("pen", proposal.value) <= 4:
            raise ValueError(f"pen must be a radius from 0.3 to 4 pixels, got {proposal.value}")
        return proposal.value

    @traitlets.validate("yours")
    def _check_yours(self, proposal):
        return checked_probs(proposal.value) if proposal.value else []

    @traitlets.validate("predict")
    def _check_predict(self, proposal):
        if proposal.value is not None and not callable(proposal.value):
            raise ValueError(f"predict must be a function of one image, or None, got {proposal.value!r}")
        return proposal.value

    @traitlets.validate("input_shape")
    def _check_input_shape(self, proposal):
        if proposal.value not in ((1, SIZE * SIZE), (SIZE, SIZE)):
            raise ValueError(f"input_shape must be (1, 784) or (28, 28), got {proposal.value}")
        return proposal.value

    @property
    def examples(self):
        """The strokes of one example for each digit."""
        return [parsed(line) for line in self.example_lines]

    @property
    def image(self):
        """What the models see: array of shape (28, 28), 0 for paper and 1 for ink. Assign one to show it."""
        strokes = self.strokes
        if self.pixels:  # an image from Python stays as it is, strokes over it stay where they are drawn
            return np.maximum(np.reshape(self.pixels, (SIZE, SIZE)), ink(strokes, self.pen))
        return ink(fitted(strokes, self.pen) if self.centred and strokes else strokes, self.pen)

    @image.setter
    def image(self, image):
        image = np.asarray(image, dtype=float)
        if image.shape != (SIZE, SIZE):
            raise ValueError(f"image must have shape (28, 28), got {image.shape}")
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise ValueError(f"image must lie in [0, 1], got {image.min():g} to {image.max():g}{_hint(image)}")
        with self.hold_trait_notifications():
            self.strokes, self.pixels = [], image.ravel().tolist()

    def load(self, digit):
        """Draw the example of a digit."""
        if digit not in range(len(self.examples)):
            raise ValueError(f"digit must be from 0 to {len(self.examples) - 1}, got {digit!r}")
        with self.hold_trait_notifications():
            self.strokes, self.pixels = self.examples[digit], []

    def models(self):
        """Return the parameters of both models by name, for `mnist_helpers.models`; pixels in [0, 1], ReLU."""
        return {title: unpacked(self.weights, model) for model, title in MODELS.items()}

    def results(self):
        """Return `image` (28, 28), `logits` and `probs` (2, 10), `evidence` (28, 28) and `sums` (4,).

        The evidence is that of softmax regression: pixel times weight, less its mean over the classes. Its sums are
        those for, against, what the bias adds, and all together: how far the logit lies above the mean logit.
        """
        image, models = self.image, self.models()
        scores = np.concatenate([logits(params, image.reshape(1, -1)) for params in models.values()])
        about = self.evidence_for if self.evidence_for >= 0 else scores[0].argmax()
        weights, bias = (models[MODELS["softmax"]][part] for part in ("weights", "bias"))
        evidence = (weights[:, about] - weights.mean(axis=1)).reshape(SIZE, SIZE) * image
        parts = [np.maximum(evidence, 0).sum(), np.minimum(evidence, 0).sum(), bias[about] - bias.mean()]
        sums = np.array([*parts, sum(parts)])
        return {"image": image, "logits": scores, "probs": softmax(scores), "evidence": evidence, "sums": sums}

    @property
    def probs(self):
        """What the page shows, by model: arrays of ten probabilities, with `predict` also "yours".

        Computed in numpy as long as the page has not published anything for the present image.
        """
        probs = self.results()["probs"]
        if "probs" in self.shown and np.allclose(as_array(self.shown["image"]), self.image, atol=1e-6):
            probs = as_array(self.shown["probs"])
        answers = dict(zip(MODELS.values(), probs, strict=True))
        known = self.yours and is_image_of(self.yours_for, self.image)
        return answers | ({"yours": np.array(self.yours)} if known else {})

    @traitlets.observe("strokes", "pixels", "centred", "pen", "predict", "input_shape")
    def _ask(self, change):
        if self.predict is None:
            if change.name == "predict":
                self._tell([], "", "")
            return
        image = self.image
        question = (image.tobytes(), self.predict, self.input_shape)
        if question == self._asked:  # strokes and pixels have changed together, and each of them tells us
            return
        self._asked = question
        try:
            answer, complaint = checked_probs(self.predict(image.reshape(self.input_shape).copy())), ""
        except Exception as error:  # whatever a learner's function raises belongs on the page
            answer, complaint = [], described(error)
        self._tell(answer, complaint, as_bytes(image))

    def _tell(self, answer, complaint, about):
        with self.hold_sync():
            self.yours, self.yours_error, self.yours_for = answer, complaint, about

    def draw_still(self, figure):
        """Draw the image, both models' bars, and the evidence for and against."""
        results = self.results()
        seen, bars, for_, against = figure.subplots(1, 4, width_ratios=[1, 1.4, 1, 1])
        seen.imshow(results["image"], cmap="gray_r", vmin=0, vmax=1)
        seen.set_title("what the models see", fontsize=9)
        looks = ({"color": "#0072B2"}, {"color": "#C14F00", "hatch": "////", "edgecolor": "white"})
        for row, (title, look) in enumerate(zip(MODELS.values(), looks, strict=True)):
            bars.barh(np.arange(10) + 0.4 * row - 0.2, results["probs"][row], 0.38, label=title, **look)
        bars.set_yticks(range(10))
        bars.set(xlim=(0, 1), ylim=(9.6, -0.6), xlabel="probability")
        bars.set_title("what they read", fontsize=9)
        bars.legend(fontsize=7, loc="lower right")
        about = self.evidence_for if self.evidence_for >= 0 else results["logits"][0].argmax()
        top = STRONG * np.abs(results["evidence"]).max() or 1
        colours = LinearSegmentedColormap.from_list("evidence", ["white", "#A8518A"])  # not a colour of the bars
        for ax, sign, name, total in zip((for_, against), (1, -1), ("for", "against"), results["sums"], strict=False):
            ax.imshow(np.maximum(sign * results["evidence"], 0), cmap=colours, vmin=0, vmax=top)
            ax.set_title(f"{name} {about}: {total:+.1f}".replace("-", "−"), fontsize=9)
        for ax in (seen, for_, against):
            ax.set(xticks=[], yticks=[])


def _hint(pixels):
    return ": divide by 255" if 1 < pixels.max() <= 255 and pixels.min() >= 0 else ""
