"""Figures that several chapters share. Each function draws on Axes and returns them; none calls ``plt.show``.

``plt.style.use("mnist_helpers.course")`` gives them the look of the book.
"""

import matplotlib.pyplot as plt
import numpy as np

__all__ = ["plot_confusion", "plot_history", "plot_weights", "show_images"]


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
