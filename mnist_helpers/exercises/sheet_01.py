"""Sheet 1: digits and honest numbers."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _judge_printed(args, printed):
    if not has_shape(printed, ()):
        return "shape"
    if close(printed, 0.38, rtol=1e-6):
        return None
    for wrong, key in (
        (1.0, "pairs-up"),
        (0.5, "constant"),
        (1 / 3, "equal-shares"),
        (38.0, "percent"),
        (0.62, "others"),
        (0.001, "one-in-a-row"),
    ):
        if close(printed, wrong, rtol=1e-2):
            return key
    return "wrong"


def _filled(*values):
    return np.array(values, dtype=np.uint8).reshape(-1, 1, 1)


def _distance_cases(rng):
    cases = [
        (np.array([[[3, 4]]], np.uint8), np.array([[0, 0]], np.uint8)),
        (_filled(3), np.array([[5]], np.uint8)),
        (_filled(0, 16, 20), np.array([[0]], np.uint8)),
        (_filled(0, 200), np.array([[10]], np.uint8)),
        (np.full((2, 3, 3), 250, np.uint8), np.full((3, 3), 240, np.uint8)),
    ]
    shapes = [(1, 2, 3), (3, 3, 3), (5, 8, 8)]
    return cases + [(_pixels(rng, *shape), _pixels(rng, *shape[1:])) for shape in shapes]


def _pixels(rng, *shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def _judge_distances(args, distances):
    images, image = args
    gaps = [[abs(a - b) for a, b in zip(one.ravel().tolist(), image.ravel().tolist(), strict=True)] for one in images]
    truth = np.array([sum(gap * gap for gap in row) for row in gaps], dtype=float)
    if not has_shape(distances, truth.shape):
        whole = has_shape(distances, ()) and close(distances, truth.sum())
        return "whole" if whole else "shape"
    if close(distances, truth):
        return None
    lost = images - image
    if close(distances, (lost.astype(float) ** 2).sum(axis=(1, 2))):
        return "difference-wraps"
    if close(distances, (lost * lost).sum(axis=(1, 2))):
        return "square-wraps"
    absolute = np.array([sum(row) for row in gaps])
    summed = (images.astype(float).sum(axis=(1, 2)) - image.sum(dtype=float)) ** 2
    kinds = ((np.sqrt(truth), "root"), (absolute, "absolute"), (truth / image.size, "mean"), (summed, "sum-first"))
    for wrong, key in kinds:
        if close(distances, wrong):
            return key
    return "narrow" if max(map(max, gaps)) > 180 else "wrong"


def _stats(rng, num_parts, num_pixels, offset=0.0):
    counts = rng.integers(1, 9, num_parts)
    means = (offset + rng.normal(0, 3, (num_parts, num_pixels))).round(2)
    return counts, means, np.where(counts[:, None] > 1, rng.uniform(0.5, 3, means.shape).round(2), 0.0)


def _merge_cases(rng):
    return [
        (np.array([2, 3]), np.array([[2.0], [2.0]]), np.array([[1.0], [3.0]])),
        (np.array([2, 2]), np.array([[0.0], [4.0]]), np.array([[1.0], [3.0]])),
        (np.array([1, 3]), np.array([[0.0, 5.0], [4.0, 5.0]]), np.array([[0.0, 0.0], [1.0, 2.0]])),
        (np.array([4]), np.array([[1.0, -2.0]]), np.array([[2.0, 0.5]])),
        (np.array([3, 1, 5]), np.full((3, 2), 0.1), np.zeros((3, 2))),
        *(_stats(rng, *shape) for shape in ((2, 3), (4, 4), (3, 3))),
        _stats(rng, 4, 5, offset=1e9),
    ]


def _judge_merge(args, result):
    counts, means, stds = args
    if not (isinstance(result, (tuple, list)) or has_shape(result, (2, means.shape[1]))) or len(result) != 2:
        return "no-pair"
    mean, std = result
    if not (has_shape(mean, means.shape[1:]) and has_shape(std, means.shape[1:])):
        return "shape"
    true_mean, true_var = _of_two_points(counts, means, stds)
    if not close(mean, true_mean, rtol=1e-9):
        if close(mean, np.sqrt(true_var)) and close(std, true_mean):
            return "swapped"
        return "unweighted" if close(mean, means.mean(axis=0), rtol=1e-9) else "wrong"
    if close(std, np.sqrt(true_var)):
        return None
    return _what_kind_of_std(counts, stds, means, np.asarray(std, dtype=float), true_var)


def _of_two_points(counts, means, stds):
    """Two points, one standard deviation left and right of the mean, have that mean and that standard deviation."""
    origin = means[0]
    points = np.concatenate([means - origin - stds, means - origin + stds])
    weights = np.concatenate([counts, counts])
    centre = np.average(points, axis=0, weights=weights)
    return origin + centre, np.average((points - centre) ** 2, axis=0, weights=weights)


def _what_kind_of_std(counts, stds, means, std, true_var):
    total = counts.sum()
    inside = np.average(stds**2, axis=0, weights=counts)
    kinds = [
        (true_var, "variance"),
        (np.average(stds, axis=0, weights=counts), "mean-of-stds"),
        (np.sqrt(inside), "means-differ"),
        (np.sqrt(np.maximum(true_var - inside, 0)), "only-between"),
        (np.sqrt(true_var * total / max(total - 1, 1)), "one-less"),
        (stds.mean(axis=0), "unweighted"),
        (np.sqrt((stds**2).mean(axis=0)), "unweighted"),
        (np.sqrt((stds**2).mean(axis=0) + means.var(axis=0)), "unweighted"),
        (np.sqrt(inside + means.var(axis=0)), "unweighted"),
    ]
    for wrong, key in kinds:
        if close(std, wrong):
            return key
    flat = (true_var < 1e-12).any() or (np.abs(means) > 1e6).any()
    return "cancels" if flat else "wrong"


TASKS = [
    Task(
        "printed",
        _judge_printed,
        {
            "pairs-up": "That would be so if each label were compared with its own prediction. Which shape does the "
            "result of == have when the two shapes are (1000, 1) and (1000,)?",
            "constant": "That is the accuracy of the best constant answer. No prediction here is constant.",
            "equal-shares": "That would be so if the three classes were equally frequent.",
            "percent": "The right digits, but a mean of values that are True or False cannot exceed 1.",
            "others": "That is the share of comparisons that are False. The mean counts those that are True.",
            "one-in-a-row": "You count each label's comparison with its own prediction only. It is also compared with "
            "the predictions for other examples, and may be equal to many of them.",
        },
        is_value=True,
    ),
    Task(
        "squared_distances",
        _judge_distances,
        {
            "square-wraps": "Bytes still wrap around in it: the squares are kept modulo 256.",
            "difference-wraps": "It converts too late: where the pixel is smaller than that of `image`, the "
            "difference has wrapped around before it is converted.",
            "narrow": "Small differences come out right and large ones do not. The type in which you compute is wider "
            "than a byte but still too narrow for 255 squared, or reads the pixels with a sign.",
            "root": "That is the distance, not its square.",
            "absolute": "That is the sum of the absolute differences. They are not squared.",
            "sum-first": "The differences are summed up before they are squared, so those of opposite sign cancel.",
            "mean": "That is the mean over the pixels, not the sum.",
            "whole": "It gives one number for all images together. Each image has a distance of its own.",
        },
        _distance_cases,
    ),
    Task(
        "merge_stats",
        _judge_merge,
        {
            "no-pair": "It does not return a pair. Two things are asked for: the mean and the standard deviation.",
            "swapped": "The two are swapped: first comes the mean, then the standard deviation.",
            "unweighted": "A part with few images counts as much as one with many.",
            "mean-of-stds": "The mean is right, but standard deviations may not be averaged: even where all parts have "
            "the same mean, large deviations count more than that.",
            "means-differ": "The mean is right, and so is the scatter inside the parts. But images also scatter "
            "because the parts lie around different means.",
            "only-between": "The mean is right. You count how the means of the parts scatter, and leave out how the "
            "images scatter inside each part.",
            "variance": "The mean is right. In place of the standard deviation there is the variance.",
            "one-less": "The mean is right. The standard deviation is the one that divides by one less than the number "
            "of images; the chapter divides by the number.",
            "cancels": "The mean is right. The standard deviation is lost where it is small beside the values: the "
            "difference of two huge numbers that are nearly equal keeps no correct digit, and may even be negative.",
        },
        _merge_cases,
    ),
]
