"""MNIST and Fashion-MNIST: find the files, download them, check every byte, and cut them into batches.

A data set is looked for, in this order, in

1. the folder named by ``data_dir`` or the environment variable ``MNIST_HELPERS_DATA``, which holds the
   folders ``mnist`` and ``fashion-mnist`` with four IDX files each, gzipped or not;
2. the user's cache (``MNIST_HELPERS_CACHE`` names another place for it);
3. the download mirrors (``MNIST_HELPERS_DOWNLOAD=0`` never asks them);
4. for MNIST alone: a stand-in of real digits that comes with scikit-learn, announced by a `StandInWarning`.

Wherever the files come from, the SHA-256 of their uncompressed bytes is checked on every load.

Run ``python -m mnist_helpers.data`` to fetch both sets and see where they are.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from mnist_helpers._checks import kind_of, whole_number, zeros
from mnist_helpers._files import FASHION_MNIST, MNIST, DataError, NotAvailable, load_arrays, read_idx

__all__ = [
    "DataError",
    "Dataset",
    "StandInWarning",
    "iter_minibatches",
    "load_fashion_mnist",
    "load_mnist",
    "read_idx",
    "shift_images",
    "standardize",
    "to_features",
    "train_valid_split",
]


class StandInWarning(UserWarning):
    """MNIST was not found, so `load_mnist` returned the stand-in digits."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels, split into training and test part. All arrays are read-only.

    Attributes
    ----------
    name : str
    x_train, x_test : ndarray of uint8, shape (N, 28, 28)
        Pixels from 0 (background) to 255 (ink).
    y_train, y_test : ndarray of int64, shape (N,)
        Classes 0 .. 9.
    class_names : tuple of str
    source : str
        Where the files were found.
    is_stand_in : bool
        True for the digits that replace MNIST where it cannot be had.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple
    source: str
    is_stand_in: bool = False

    def __repr__(self):
        height, width = self.x_train.shape[1:]
        return (
            f"{self.name}: {len(self.x_train):,} training and {len(self.x_test):,} test images "
            f"of {height}x{width} pixels in {len(self.class_names)} classes"
        )


def load_mnist(data_dir=None, *, download=True):
    """Return MNIST: 60,000 training and 10,000 test images of handwritten digits.

    Parameters
    ----------
    data_dir : path-like, optional
        Folder that holds ``mnist/`` with the four IDX files. Default: ``MNIST_HELPERS_DATA``.
    download : bool
        Whether the mirrors may be asked when neither the folder nor the cache holds the files.

    Returns
    -------
    Dataset
        With ``is_stand_in`` set, and after a `StandInWarning`, where MNIST could not be found or fetched.

    Raises
    ------
    DataError
        If the named folder does not exist, a file in it is damaged, or the download cannot be stored.
    TypeError
        If `data_dir` is not path-like.

    Warns
    -----
    StandInWarning
        See above.
    UserWarning
        If the named folder lacks a file, so that the set is looked for elsewhere.

    Notes
    -----
    Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits.
    """
    try:
        return _dataset(MNIST, *load_arrays(MNIST, data_dir, download))
    except NotAvailable as problem:
        warnings.warn(
            "MNIST was not found. Instead you get 1,797 real 8x8 digits (scikit-learn's load_digits) enlarged to "
            "28x28: every cell runs, but its numbers differ from those on the page.\n" + str(problem),
            StandInWarning,
            stacklevel=2,
        )
        return _stand_in()


def load_fashion_mnist(data_dir=None, *, download=True):
    """Return Fashion-MNIST: 60,000 training and 10,000 test images of clothes in ten classes.

    Parameters
    ----------
    data_dir : path-like, optional
        Folder that holds ``fashion-mnist/`` with the four IDX files. Default: ``MNIST_HELPERS_DATA``.
    download : bool
        Whether the mirrors may be asked when neither the folder nor the cache holds the files.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the files cannot be found or fetched, are damaged, or cannot be stored.
    TypeError
        If `data_dir` is not path-like.

    Warns
    -----
    UserWarning
        If the named folder lacks a file, so that the set is looked for elsewhere.

    Notes
    -----
    H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, arXiv:1708.07747 (2017).
    """
    return _dataset(FASHION_MNIST, *load_arrays(FASHION_MNIST, data_dir, download))


def _dataset(source, arrays, where):
    x_train, y_train, x_test, y_test = arrays
    return _frozen_dataset(source.name, x_train, y_train, x_test, y_test, source.class_names, where)


def _frozen_dataset(name, x_train, y_train, x_test, y_test, class_names, source, is_stand_in=False):
    # Labels become int64: as bytes, labels - 1 or -labels would wrap around silently.
    arrays = [x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64)]
    for array in arrays:
        array.flags.writeable = False
    return Dataset(name, *arrays, class_names, source, is_stand_in)


def _stand_in(num_test=360):
    from sklearn.datasets import load_digits  # only here: importing it takes a second

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    images = images.repeat(3, axis=1).repeat(3, axis=2)  # 8x8 -> 24x24, then a frame of 2 -> 28x28
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    train, test = slice(None, -num_test), slice(-num_test, None)
    return _frozen_dataset(
        "stand-in digits",
        images[train].copy(),
        digits.target[train],
        images[test].copy(),
        digits.target[test],
        MNIST.class_names,
        "scikit-learn's load_digits",
        is_stand_in=True,
    )


def to_features(images, dtype=np.float64):
    """Flatten images to rows and scale the pixels from 0 .. 255 to [0, 1].

    Parameters
    ----------
    images : ndarray of uint8, shape (N, height, width)
    dtype : float32 or float64

    Returns
    -------
    ndarray of `dtype`, shape (N, height * width)
        A new array, pixels divided by 255.

    Raises
    ------
    TypeError
        If the pixels are not uint8 or `dtype` is not floating point.
    ValueError
        If `images` is not three-dimensional.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        hint = ": read as signed, bytes above 127 turn negative" if images.dtype == np.int8 else ""
        raise TypeError(f"images must be uint8 with pixels 0 .. 255, got dtype {images.dtype}{hint}")
    if images.ndim != 3:
        raise ValueError(f"images must have shape (N, height, width), got {images.shape}")
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be floating point, got {np.dtype(dtype)}")
    features = images.reshape(len(images), images.shape[1] * images.shape[2]).astype(dtype)
    features /= 255
    return features


def standardize(features, *, reference=None):
    """Shift and scale features to mean 0 and standard deviation 1.

    Parameters
    ----------
    features : ndarray of float, shape (N, D)
    reference : ndarray of float, shape (M, D), optional
        None: each row by its own mean and standard deviation (each image by itself, nothing is learned from
        other images). Otherwise each column by the mean and standard deviation of that column in `reference`,
        which should be the training features, also for validation and test data.

    Returns
    -------
    ndarray, shape (N, D)
        A new array in the dtype of `features`. Where the standard deviation is 0 (a blank image; a pixel that is
        constant in `reference`) values are only shifted.

    Raises
    ------
    TypeError
        If the features are not floating point.
    ValueError
        If shapes do not fit, `reference` is empty, or a feature is NaN or infinite, or so large or so small that a
        standard deviation cannot be computed.
    """
    features = _check_features(features, "features")
    if reference is None:
        statistics, axis = features, 1
    else:
        statistics, axis = _check_features(reference, "reference"), 0
        if not len(statistics) or statistics.shape[1] != features.shape[1]:
            raise ValueError(f"reference of shape {statistics.shape} does not fit features of shape {features.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # both show in the standard deviation or in the result
        mean = statistics.mean(axis=axis, keepdims=True, dtype=np.float64).astype(features.dtype)
        std = _deviation(statistics, mean, axis)
        constant = statistics.max(axis=axis, keepdims=True) == statistics.min(axis=axis, keepdims=True)
        shifted = features - mean
        std = np.where(constant, 1, std).astype(features.dtype)
        _check_deviation(std)
        shifted /= std
    if not np.isfinite(shifted).all():
        raise ValueError(f"some features are too far from the mean to be standardized in {features.dtype}")
    return shifted


def _check_deviation(std):
    """Raise unless the squares that the deviations come from can be computed to the precision of the dtype."""
    limits = np.finfo(std.dtype)
    least = float(limits.tiny) ** 0.5 / float(limits.eps) if std.dtype != np.float16 else float(limits.tiny)
    if not ((std >= least) & (std < np.inf)).all():
        raise ValueError(
            f"standard deviations must lie between {least:.0e} and {float(limits.max) ** 0.5:.0e} in {std.dtype}, "
            f"got {std.min():.2g} .. {std.max():.2g}"
        )


def _deviation(values, mean, axis):
    """Return the standard deviation along the axis in float64, block by block: ``std`` would copy the whole array."""
    blocks = np.array_split(values, 1 + len(values) // 10_000)
    if axis == 0:
        wide = np.result_type(values.dtype, np.float32)  # squares of float16 soon leave its range
        squares = sum(
            (((block - mean).astype(wide, copy=False)) ** 2).sum(axis=0, dtype=np.float64) for block in blocks
        )
        return np.sqrt(squares / len(values))[None, :]
    return np.concatenate([block.std(axis=1, keepdims=True, dtype=np.float64) for block in blocks])


def shift_images(features, rng, *, max_shift=1, fill=0.0, shape=(28, 28)):
    """Return each image moved by a random whole number of pixels in both directions.

    Parameters
    ----------
    features : ndarray of float, shape (N, height * width)
    rng : numpy.random.Generator
    max_shift : int
        Each image moves by -max_shift .. max_shift pixels, in each direction with equal probability.
    fill : float or ndarray, shape (N,)
        What comes in at the border: the value of the background.
    shape : tuple (height, width)

    Returns
    -------
    ndarray, shape (N, height * width)
        A new array in the dtype of `features`.

    Raises
    ------
    TypeError
        If the features are not floating point, `rng` is not a Generator, or `fill` is not real numbers.
    ValueError
        If the shapes do not fit, `max_shift` is not a whole number of at least 0 or too large, or `fill` is not finite
        in the dtype of the features.
    """
    features = _check_features(features, "features")
    _check_rng(rng)
    height, width = _check_shape(shape)
    if features.shape[1] != height * width:
        raise ValueError(f"features of shape {features.shape} are no images of {height}x{width} pixels")
    max_shift = whole_number(max_shift, "max_shift", least=0)
    fill = _check_fill(fill, features)
    frame = zeros((len(features), height + 2 * max_shift, width + 2 * max_shift), features.dtype)
    frame[:] = np.reshape(fill, (-1, 1, 1))
    inside = slice(max_shift, max_shift + height), slice(max_shift, max_shift + width)
    frame[:, *inside] = features.reshape(-1, height, width)
    windows = np.lib.stride_tricks.sliding_window_view(frame, (height, width), axis=(1, 2))
    rows, columns = rng.integers(0, 2 * max_shift + 1, size=(2, len(features)))
    return windows[np.arange(len(features)), rows, columns].reshape(features.shape)


def _check_shape(shape):
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape must be (height, width), got {shape!r:.60}")
    return [whole_number(side, name) for side, name in zip(shape, ("height", "width"), strict=True)]


@np.errstate(over="ignore")
def _check_fill(fill, features):
    """Return the fill in the dtype of the features, or raise if that is no number for each image."""
    values = np.asarray(fill)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"fill must be real numbers, got dtype {values.dtype}")
    if values.shape not in ((), (len(features),)):
        raise ValueError(f"fill must be one number or {len(features)}, one for each image, got shape {values.shape}")
    values = values.astype(features.dtype)
    if not np.isfinite(values).all():
        raise ValueError(f"fill must be finite in {features.dtype}, got {fill}")
    return values


def train_valid_split(x, y, *, n_valid, rng):
    """Split examples at random into a training and a validation part.

    Parameters
    ----------
    x : ndarray, shape (N, ...)
    y : ndarray, shape (N,)
    n_valid : int
        Examples in the validation part, from 1 to N - 1.
    rng : numpy.random.Generator

    Returns
    -------
    x_train, y_train, x_valid, y_valid : ndarray
        Copies; every example is in exactly one part.

    Raises
    ------
    TypeError
        If `rng` is not a Generator, or `x` or `y` no array.
    ValueError
        If lengths differ or `n_valid` leaves a part empty.
    """
    x, y = _check_examples(x, y)
    _check_rng(rng)
    if not isinstance(n_valid, int | np.integer) or not 0 < n_valid < len(x):
        raise ValueError(
            f"n_valid must be a whole number from 1 to {len(x) - 1} for {len(x)} examples, got {n_valid!r}"
        )
    order = rng.permutation(len(x))
    valid, train = order[:n_valid], order[n_valid:]
    return x[train], y[train], x[valid], y[valid]


def iter_minibatches(x, y, batch_size, *, rng):
    """Yield (x_batch, y_batch) until every example was used once.

    Parameters
    ----------
    x : ndarray, shape (N, ...)
    y : ndarray, shape (N,)
    batch_size : int
        At least 1. The last batch holds what is left.
    rng : numpy.random.Generator or None
        Draws a new order; None keeps the order of the arrays (and yields views).

    Yields
    ------
    x_batch : ndarray, shape (at most batch_size, ...)
    y_batch : ndarray, shape (at most batch_size,)

    Raises
    ------
    TypeError
        If `rng` is neither a Generator nor None, or `x` or `y` no array.
    ValueError
        If lengths differ, or `batch_size` is not a whole number of at least 1. Both are raised by the call itself,
        not by the first batch.
    """
    x, y = _check_examples(x, y)
    if rng is not None:
        _check_rng(rng)
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1, got {batch_size!r}")
    return _minibatches(x, y, int(batch_size), rng)


def _minibatches(x, y, batch_size, rng):
    order = None if rng is None else rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size)
        if order is None:
            yield x[batch], y[batch]
        else:  # take does the same as x[order[batch]], somewhat faster
            yield x.take(order[batch], axis=0), y.take(order[batch], axis=0)


def _check_features(features, name):
    features = np.asarray(features)
    if features.dtype.kind != "f":
        raise TypeError(f"{name} must be floating point (see to_features), got dtype {features.dtype}")
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{name} must have shape (N, D) with D at least 1, got {features.shape}")
    if not np.isfinite(features).all():
        raise ValueError(f"{name} contain NaN or infinity")
    return features


def _check_examples(x, y):
    """Return both as arrays, or raise unless they are of one length."""
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim:
        raise TypeError(f"x and y must be arrays with one row for each example, got {kind_of(x)} and {kind_of(y)}")
    if len(x) != len(y):
        raise ValueError(f"{len(x)} examples but {len(y)} labels")
    return x, y


def _check_rng(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, as from np.random.default_rng(seed), got {rng!r}")


def _main():
    for load in (load_mnist, load_fashion_mnist):
        try:
            data = load()
        except DataError as error:
            print(error)
        else:
            print(f"{data} ({data.source})")


if __name__ == "__main__":
    _main()
