"""Figures that several chapters share. Each function draws on Axes and returns them; none calls ``plt.show``.

``plt.style.use("mnist_helpers.course")`` gives them the look of the book.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from mnist_helpers._checks import kind_of, whole_number
from mnist_helpers.functional import check_labels
from mnist_helpers.metrics import Calibration

__all__ = [
    "plot_confusion",
    "plot_history",
    "plot_regions",
    "plot_reliability",
    "plot_runs",
    "plot_weights",
    "show_images",
]


def show_images(images, titles=None, *, num_columns=10, **imshow_kwargs):
    """Draw images in rows.

    Parameters
    ----------
    images : array_like, shape (N, height, width)
    titles : sequence of N str or numbers, optional
        Written above the images.
    num_columns : int
        Images per row, at most.
    **imshow_kwargs
        Passed on to ``Axes.imshow``.

    Returns
    -------
    ndarray of Axes, shape (N,)

    Raises
    ------
    TypeError
        If the images are not real numbers, or `titles` is no sequence.
    ValueError
        If `images` is empty or not three-dimensional, the number of titles differs, or `num_columns` is not a whole
        number of at least 1.
    """
    images = _numbers(images, "images")
    if images.ndim != 3 or not images.size:
        raise ValueError(f"images must have shape (N, height, width), each at least 1, got {images.shape}")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles")
    titles = titles if titles is None else list(titles)
    num_columns = min(whole_number(num_columns, "num_columns"), len(images))
    num_rows = -(-len(images) // num_columns)
    size = 7.2 / max(num_columns, 5)
    figsize = (size * num_columns, num_rows * (size + (0.0 if titles is None else 0.25)))
    _, axes = plt.subplots(num_rows, num_columns, figsize=figsize, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for index, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image, **imshow_kwargs)
        if titles is not None:
            ax.set_title(str(titles[index]), fontsize=9)
    return axes.flat[: len(images)]


def _numbers(values, name):
    """Return an array of real numbers, or raise TypeError."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {values.dtype}")
    return values


def _check_axes(ax):
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be Axes or None, got {kind_of(ax)}")


def _curve(history, name):
    """Return one quantity of a history as an array with a number for each epoch, or raise ValueError."""
    values = _numbers(history[name], name)
    if values.ndim != 1:
        raise ValueError(f"{name!r} must hold one number for each epoch, got shape {values.shape}")
    return values


def plot_history(history, quantity="loss", ax=None):
    """Draw the learning curves of `mnist_helpers.training.fit`.

    Parameters
    ----------
    history : dict of list
    quantity : "loss" or "accuracy"
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If `history` is no dictionary, what it holds no numbers, or `ax` no Axes.
    ValueError
        If the history holds no such quantity, or not one number for each epoch.
    """
    _check_history(history)
    _check_axes(ax)
    parts = {"train": "training", "valid": "validation"}
    names = {label: f"{part}_{quantity}" for part, label in parts.items() if f"{part}_{quantity}" in history}
    if not names or "epoch" not in history:
        raise ValueError(f"no {quantity!r} in a history of {sorted(map(str, history))}")
    epochs, curves = _curve(history, "epoch"), {label: _curve(history, name) for label, name in names.items()}
    if any(len(values) != len(epochs) for values in curves.values()):
        raise ValueError(
            f"{len(epochs)} epochs, but {[len(values) for values in curves.values()]} values of {quantity!r}"
        )
    ax = plt.gca() if ax is None else ax
    for label, values in curves.items():
        ax.plot(epochs, values, label=label)
    ax.set(xlabel="epoch", ylabel="loss (nats)" if quantity == "loss" else quantity)
    ax.legend()
    return ax


def _check_history(history):
    if not isinstance(history, dict):
        raise TypeError(f"a history must be a dictionary of lists, got {kind_of(history)}")


def plot_runs(histories, quantities=("train_loss", "valid_accuracy")):
    """Draw the same quantities of several runs, one panel for each quantity.

    Parameters
    ----------
    histories : dict of str: dict of list
        Name: history with one entry per epoch, see `mnist_helpers.museum`.
    quantities : sequence of str

    Returns
    -------
    ndarray of Axes
        What is not finite is left out.

    Raises
    ------
    TypeError
        If the histories are no dictionary of dictionaries, or what they hold no numbers.
    ValueError
        If a history holds no such quantity or not one number for each epoch, or if there is no history or no quantity.
    """
    _check_history(histories)
    if not histories or not isinstance(quantities, tuple | list) or not quantities:
        raise ValueError(f"needs at least one history and one quantity, got {len(histories)} and {quantities!r}")
    for history in histories.values():
        _check_history(history)
    words = {"train": "training", "valid": "validation"}
    _, axes = plt.subplots(1, len(quantities), figsize=(3.6 * len(quantities), 3.0), squeeze=False)
    for ax, quantity in zip(axes[0], quantities, strict=True):
        for (name, history), style in zip(histories.items(), ("o-", "s--", "^:") * len(histories), strict=False):
            if not isinstance(quantity, str) or quantity not in history:
                raise ValueError(f"no {quantity!r} in a history of {sorted(map(str, history))}")
            ax.plot(np.ma.masked_invalid(_curve(history, quantity)), style, markersize=3, label=name)
        part, _, kind = quantity.partition("_")
        ax.set(
            xlabel="epoch", ylabel=f"{words.get(part, part)} {kind}".rstrip() + (" (nats)" if kind == "loss" else "")
        )
        ax.legend()
    return axes[0]


def plot_weights(weights, titles=None, *, shape=(28, 28)):
    """Draw each class's weights as a picture: blue speaks for the class, red against it, white not at all.

    Parameters
    ----------
    weights : ndarray, shape (D, K)
    titles : sequence of K str, optional
        Default: the class numbers.
    shape : tuple (height, width)
        With height * width = D.

    Returns
    -------
    ndarray of Axes, shape (K,)

    Raises
    ------
    TypeError
        If the weights are not real numbers, or `titles` is no sequence.
    ValueError
        If the shapes or the number of titles do not fit, or a weight is NaN, infinite or above 1e300.
    """
    weights = _numbers(weights, "weights")
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape must be (height, width), got {shape!r:.60}")
    height, width = (whole_number(side, name) for side, name in zip(shape, ("height", "width"), strict=True))
    if weights.ndim != 2 or len(weights) != height * width or not weights.size:
        raise ValueError(f"weights must have shape ({height} * {width}, K) with K at least 1, got {weights.shape}")
    if not (np.abs(weights.astype(float)) < 1e300).all():  # a colour scale needs the difference of two of them
        raise ValueError("weights contain NaN, infinity or numbers above 1e300")
    limit = float(np.abs(weights.astype(float)).max()) or 1.0
    images = weights.T.reshape(-1, height, width)
    titles = range(len(images)) if titles is None else titles
    axes = show_images(images, titles, num_columns=5, cmap="RdBu", vmin=-limit, vmax=limit)
    figure = axes[0].figure
    colorbar = figure.colorbar(axes[0].images[0], ax=list(axes), shrink=0.8)
    colorbar.set_label("weight: + for, − against")
    return axes


def plot_confusion(matrix, class_names, ax=None):
    """Draw a confusion matrix with its counts; the colours show the errors only.

    Parameters
    ----------
    matrix : ndarray of int, shape (K, K)
        Rows = true classes, see `mnist_helpers.metrics.confusion_matrix`.
    class_names : sequence of K str
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If the matrix is not real numbers, `class_names` no sequence, or `ax` no Axes.
    ValueError
        If the matrix is not square, or the number of names differs.
    """
    matrix = _numbers(matrix, "matrix")
    if matrix.ndim != 2 or not matrix.size or {*matrix.shape} != {len(class_names)}:
        raise ValueError(f"matrix must have shape (K, K) for {len(class_names)} class names, got {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("matrix contains NaN or infinity")
    _check_axes(ax)
    class_names = list(map(str, class_names))
    errors = np.array(matrix, dtype=float)
    np.fill_diagonal(errors, 0)
    ax = plt.subplots(figsize=(6.4, 5.4))[1] if ax is None else ax
    ax.imshow(errors, cmap="Oranges")
    for (row, column), count in np.ndenumerate(matrix):
        bright = errors[row, column] > 0.7 * errors.max()
        weight = "bold" if row == column else "normal"
        ax.text(
            column,
            row,
            count,
            ha="center",
            va="center",
            color="white" if bright else "black",
            weight=weight,
            fontsize=8,
        )
    ticks = range(len(class_names))
    ax.set_xticks(ticks, class_names)
    ax.set_yticks(ticks, class_names)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    return ax


def plot_reliability(calibrations, ax=None):
    """Draw a reliability diagram: how often predictions are right against how sure they were.

    Parameters
    ----------
    calibrations : dict of str: `mnist_helpers.metrics.Calibration`
        One line for each, with its name and its expected calibration error.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If `calibrations` is no dictionary of them, or `ax` no Axes.
    """
    if not isinstance(calibrations, dict) or not all(isinstance(one, Calibration) for one in calibrations.values()):
        raise TypeError(f"calibrations must be a dictionary of Calibration, got {kind_of(calibrations)}")
    _check_axes(ax)
    ax = plt.subplots(figsize=(5.2, 4.6))[1] if ax is None else ax
    ax.plot([0, 1], [0, 1], color="grey", linewidth=1, label="as sure as right")
    for (name, found), marker in zip(calibrations.items(), "os^Dv" * len(calibrations), strict=False):
        ax.plot(found.confidence, found.accuracy, f"{marker}-", label=f"{name}: error {found.error:.3f}")
    ax.set(xlabel="confidence", ylabel="fraction right", xlim=(0, 1), ylim=(0, 1))
    ax.legend()
    return ax


def plot_regions(predict, ax=None, *, points=None, labels=None, limits=None, num_steps=300):
    """Draw which part of the plane a classifier gives to which class.

    Each class has a colour and a marker: pale small markers fill its region, large ones with a dark edge are examples.

    Parameters
    ----------
    predict : callable
        From an array of shape (N, 2) to N classes, integers from 0.
    ax : Axes, optional
    points : array_like, shape (N, 2), optional
        Examples to draw on top.
    labels : array_like of int, shape (N,), optional
        Their true classes. Needed with `points`.
    limits : tuple (left, right, bottom, top), optional
        The part of the plane. Default: where the points are, and a tenth more.
    num_steps : int
        Points along each side of the grid on which `predict` is asked.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If `predict` is no function or does not return integers, points or labels are no numbers, or `ax` no Axes.
    ValueError
        If there are neither points nor limits, or points without labels; if shapes do not fit, something is not finite,
        the part of the plane is empty, or `num_steps` is not a whole number from 2 to 5,000.
    """
    if not callable(predict):
        raise TypeError(f"predict must be a function, got {kind_of(predict)}")
    _check_axes(ax)
    num_steps = whole_number(num_steps, "num_steps", least=2, most=5_000)
    if (points is None) != (labels is None):
        raise ValueError("points and labels belong together")
    if limits is None and points is None:
        raise ValueError("say which part of the plane: limits=(left, right, bottom, top), or points and labels")
    points, labels = (None, None) if points is None else _check_points(points, labels)
    limits = _check_limits(_around(points) if limits is None else limits)
    ax = plt.gca() if ax is None else ax
    fine, fine_classes = _ask(predict, limits, num_steps)
    coarse, coarse_classes = _ask(predict, limits, 18)
    for k in np.unique(fine_classes):
        color, marker = f"C{k % 5}", "os^DvPX*<>"[k % 10]
        share = (fine_classes == k).astype(float)
        ax.contourf(*fine, share, levels=[0.5, 1.5], colors=[color], alpha=0.18)
        if share.min() < 1:
            ax.contour(*fine, share, levels=[0.5], colors="black", linewidths=0.8)
        inside = coarse_classes == k
        ax.plot(coarse[0][inside], coarse[1][inside], marker, color=color, markersize=2, alpha=0.5, linestyle="none")
    for k in () if labels is None else np.unique(labels):
        x, y = points[labels == k].T
        style = {"color": f"C{k % 5}", "marker": "os^DvPX*<>"[k % 10], "linestyle": "none"}
        ax.plot(x, y, markersize=5, markeredgecolor="black", markeredgewidth=0.6, label=f"class {k}", **style)
    ax.set(xlim=limits[:2], ylim=limits[2:])
    ax.grid(False)
    return ax


def _check_points(points, labels):
    points, labels = _numbers(points, "points"), check_labels(labels, np.inf)
    if points.shape != (len(labels), 2) or not np.isfinite(points).all() or not len(points):
        raise ValueError(
            f"points must be {len(labels)} pairs of finite numbers, one for each label, got {points.shape}"
        )
    return points.astype(float), labels


def _check_limits(limits):
    values = _numbers(limits, "limits").astype(float)
    if values.shape != (4,) or not (np.abs(values) < 1e100).all() or not (values[::2] < values[1::2]).all():
        raise ValueError(f"limits must be (left, right, bottom, top), left of right and bottom below top, got {limits}")
    return tuple(values.tolist())


def _around(points):
    """Return the box around the points, a tenth larger on each side."""
    low, high = points.min(axis=0), points.max(axis=0)
    edge = 0.1 * (high - low)
    return low[0] - edge[0], high[0] + edge[0], low[1] - edge[1], high[1] + edge[1]


def _ask(predict, limits, num_steps):
    """Return a grid of cell centres, two arrays of shape (num_steps, num_steps), and the classes predicted there."""
    sides = []
    for low, high in (limits[:2], limits[2:]):
        edges = np.linspace(low, high, num_steps + 1)
        sides.append((edges[1:] + edges[:-1]) / 2)
    grid = np.meshgrid(*sides)
    classes = check_labels(predict(np.column_stack([side.ravel() for side in grid])), np.inf)
    if classes.size != grid[0].size:
        raise ValueError(f"predict must return one class for each of {grid[0].size} points, got {classes.size}")
    return grid, classes.reshape(grid[0].shape)
