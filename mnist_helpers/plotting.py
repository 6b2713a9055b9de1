"""Figures that several chapters share. Each function draws on Axes and returns them; none calls ``plt.show``.

``plt.style.use("mnist_helpers.course")`` gives them the look of the book.
"""

import matplotlib.pyplot as plt
import numpy as np

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
    ValueError
        If `images` is empty or not three-dimensional, or the number of titles differs.
    """
    images = np.asarray(images)
    if images.ndim != 3 or not len(images):
        raise ValueError(f"images must have shape (N, height, width) with N at least 1, got {images.shape}")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles")
    num_columns = min(num_columns, len(images))
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
    ValueError
        If the history holds no such quantity.
    """
    parts = {"train": "training", "valid": "validation"}
    curves = {label: history[f"{part}_{quantity}"] for part, label in parts.items() if f"{part}_{quantity}" in history}
    if not curves:
        raise ValueError(f"no {quantity!r} in a history of {sorted(history)}")
    ax = ax or plt.gca()
    for label, values in curves.items():
        ax.plot(history["epoch"], values, label=label)
    ax.set(xlabel="epoch", ylabel="loss (nats)" if quantity == "loss" else quantity)
    ax.legend()
    return ax


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
    ValueError
        If a history holds no such quantity.
    """
    words = {"train": "training", "valid": "validation"}
    _, axes = plt.subplots(1, len(quantities), figsize=(3.6 * len(quantities), 3.0), squeeze=False)
    for ax, quantity in zip(axes[0], quantities, strict=True):
        for (name, history), style in zip(histories.items(), ("o-", "s--", "^:") * len(histories), strict=False):
            if quantity not in history:
                raise ValueError(f"no {quantity!r} in a history of {sorted(history)}")
            ax.plot(np.ma.masked_invalid(history[quantity]), style, markersize=3, label=name)
        part, kind = quantity.split("_")
        ax.set(xlabel="epoch", ylabel=f"{words.get(part, part)} {kind}" + (" (nats)" if kind == "loss" else ""))
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
    """
    limit = np.abs(weights).max() or 1.0
    images = weights.T.reshape(-1, *shape)
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
    """
    errors = np.array(matrix, dtype=float)
    np.fill_diagonal(errors, 0)
    ax = ax or plt.subplots(figsize=(6.4, 5.4))[1]
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
    """
    ax = ax or plt.subplots(figsize=(5.2, 4.6))[1]
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
    ValueError
        If there are neither points nor limits, or points without labels.
    """
    if (points is None) != (labels is None):
        raise ValueError("points and labels belong together")
    if limits is None and points is None:
        raise ValueError("say which part of the plane: limits=(left, right, bottom, top), or points and labels")
    ax = ax or plt.gca()
    limits = _around(np.asarray(points)) if limits is None else limits
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
        x, y = np.asarray(points)[np.asarray(labels) == k].T
        style = {"color": f"C{k % 5}", "marker": "os^DvPX*<>"[k % 10], "linestyle": "none"}
        ax.plot(x, y, markersize=5, markeredgecolor="black", markeredgewidth=0.6, label=f"class {k}", **style)
    ax.set(xlim=limits[:2], ylim=limits[2:])
    ax.grid(False)
    return ax


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
    classes = np.asarray(predict(np.column_stack([side.ravel() for side in grid])))
    return grid, classes.reshape(grid[0].shape)
