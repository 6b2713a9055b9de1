"""Hidden tests of sheet 1."""

import numpy as np

from instructor.hidden import Hidden
from mnist_helpers.exercises._tasks import close


def _squared_distances(images, image):
    return np.sum((images.astype(float) - image) ** 2, axis=(1, 2))


def _pixels(low, high, *shapes):
    def group(rng):
        return [(_bytes(rng, low, high, shape), _bytes(rng, low, high, shape[1:])) for shape in shapes]

    return group


def _bytes(rng, low, high, shape):
    return rng.integers(low, high, shape).astype(np.uint8)


def _even(images, image, side):
    return np.full((2, side, side), images, np.uint8), np.full((side, side), image, np.uint8)


def _merge_stats(counts, means, stds):
    """Merge one part after the other, with all means counted from the first one's."""
    total, mean, squares = 0, np.zeros(means.shape[1]), np.zeros(means.shape[1])
    for count, part_mean, part_std in zip(counts.tolist(), means - means[0], stds, strict=True):
        gap = part_mean - mean
        squares = squares + count * part_std**2 + gap**2 * total * count / (total + count)
        total += count
        mean = mean + gap * count / total
    return mean + means[0], np.sqrt(squares / total)


def _same_pair(args, result, expected):
    return all(close(part, true_part) for part, true_part in zip(result, expected, strict=True))


def _parts(rng, sizes, num_pixels, *, offset=0.0, spread=1.0):
    """Statistics of real data in parts of the given sizes."""
    parts = [rng.normal(rng.normal(0, spread, num_pixels), 1, (size, num_pixels)) for size in sizes]
    means = np.stack([part.mean(axis=0) for part in parts])
    return np.array(sizes), offset + means, np.stack([part.std(axis=0) for part in parts])


HIDDEN = [
    Hidden("printed", lambda: 0.5 * 0.5 + 0.3 * 0.3 + 0.2 * 0.2, rtol=1e-6),
    Hidden(
        "squared_distances",
        _squared_distances,
        {
            "pale pixels": _pixels(0, 12, (3, 2, 2), (1, 4, 5)),
            "all grey levels": _pixels(0, 256, (1, 1, 1), (4, 5, 3), (10, 8, 8)),
            "dark pixels": _pixels(200, 256, (3, 4, 4)),
            "black against white": lambda rng: [_even(0, 255, 28), _even(255, 0, 28), _even(255, 127, 3)],
            "images of 28 by 28": _pixels(0, 256, (8, 28, 28)),
            "no difference": lambda rng: [_even(77, 77, 4), _even(255, 255, 1)],
        },
    ),
    Hidden(
        "merge_stats",
        _merge_stats,
        {
            "equal parts": lambda rng: [_parts(rng, [5, 5], 3), _parts(rng, [20] * 6, 10)],
            "unequal parts": lambda rng: [_parts(rng, [1000, 3, 40], 4), _parts(rng, [128] * 9 + [16], 20)],
            "means far apart": lambda rng: [_parts(rng, [7, 2, 4], 5, spread=1000.0)],
            "one part only": lambda rng: [_parts(rng, [9], 6), _parts(rng, [1], 2)],
            "parts of one image": lambda rng: [_parts(rng, [1] * 8, 3), _parts(rng, [1, 50], 3)],
            "constant pixels": lambda rng: [(np.array([3, 8, 2]), np.full((3, 4), 0.7), np.zeros((3, 4)))],
            "large and close together": lambda rng: [_parts(rng, [6, 3, 11], 8, offset=1e9)],
        },
        compare=_same_pair,
    ),
]
