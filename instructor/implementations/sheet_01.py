"""Right and wrong answers to the tasks of sheet 1."""

import math

import numpy as np


def distances_in_floats(images, image):
    return ((images.astype(float) - image) ** 2).sum(axis=(1, 2))


def distances_by_loops(images, image):
    totals = []
    for other in images.tolist():
        rows = zip(other, image.tolist(), strict=True)
        totals.append(sum((a - b) ** 2 for row, row_of_image in rows for a, b in zip(row, row_of_image, strict=True)))
    return totals


def distances_multiplied_out(images, image):
    flat, one = images.reshape(len(images), -1).astype(float), image.ravel().astype(float)
    return np.einsum("nd,nd->n", flat, flat) - 2 * flat @ one + one @ one


def distances_by_the_larger(images, image):
    gaps = (np.maximum(images, image) - np.minimum(images, image)).astype(np.uint32)
    return (gaps * gaps).sum(axis=(1, 2))


def distances_in_bytes(images, image):
    return ((images - image) ** 2).sum(axis=(1, 2))


def distances_with_a_wide_sum(images, image):
    return ((images - image) ** 2).sum(axis=(1, 2), dtype=float)


def distances_converted_late(images, image):
    return ((images - image).astype(float) ** 2).sum(axis=(1, 2))


def distances_in_int16(images, image):
    return ((images.astype(np.int16) - image.astype(np.int16)) ** 2).sum(axis=(1, 2))


def distances_in_float16(images, image):
    return ((images.astype(np.float16) - image.astype(np.float16)) ** 2).sum(axis=(1, 2))


def distances_of_signed_bytes(images, image):
    return ((images.view(np.int8).astype(int) - image.view(np.int8)) ** 2).sum(axis=(1, 2))


def distances_not_squared(images, image):
    return np.sqrt(distances_in_floats(images, image))


def distances_of_absolutes(images, image):
    return np.abs(images.astype(float) - image).sum(axis=(1, 2))


def distances_meant(images, image):
    return ((images.astype(float) - image) ** 2).mean(axis=(1, 2))


def distances_squared_last(images, image):
    return (images.astype(float) - image).sum(axis=(1, 2)) ** 2


def distances_summed_up(images, image):
    return ((images.astype(float) - image) ** 2).sum()


def distances_of_columns(images, image):
    return ((images.astype(float) - image) ** 2).sum(axis=1)


def distances_of_rescaled(images, image):
    return ((images / 255 - image / 255) ** 2).sum(axis=(1, 2))


def merge_by_weights(counts, means, stds):
    mean = np.average(means, axis=0, weights=counts)
    return mean, np.sqrt(np.average(stds**2 + (means - mean) ** 2, axis=0, weights=counts))


def merge_one_by_one(counts, means, stds):
    total, mean, var = int(counts[0]), means[0], stds[0] ** 2
    for count, part_mean, part_std in zip(counts[1:].tolist(), means[1:], stds[1:], strict=True):
        share, gap = count / (total + count), part_mean - mean
        var = (1 - share) * var + share * part_std**2 + share * (1 - share) * gap**2
        mean, total = mean + share * gap, total + count
    return mean, np.sqrt(var)


def merge_by_loops(counts, means, stds):
    total = sum(counts.tolist())
    mean, std = [], []
    for m, s in zip(means.T.tolist(), stds.T.tolist(), strict=True):
        centre = math.fsum(n * x for n, x in zip(counts.tolist(), m, strict=True)) / total
        mean.append(centre)
        parts = zip(counts.tolist(), m, s, strict=True)
        std.append(math.sqrt(math.fsum(n * (d * d + (x - centre) ** 2) for n, x, d in parts) / total))
    return [mean, std]


def merge_of_shifted_squares(counts, means, stds):
    shifted, share = means - means[0], counts / counts.sum()
    mean = share @ shifted
    return means[0] + mean, np.sqrt(np.maximum(share @ (stds**2 + shifted**2) - mean**2, 0))


def merge_without_weights(counts, means, stds):
    mean = means.mean(axis=0)
    return mean, np.sqrt((stds**2 + (means - mean) ** 2).mean(axis=0))


def merge_averages(counts, means, stds):
    return means.mean(axis=0), stds.mean(axis=0)


def merge_with_weights_for_means_only(counts, means, stds):
    return np.average(means, axis=0, weights=counts), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))


def merge_average_of_stds(counts, means, stds):
    return np.average(means, axis=0, weights=counts), np.average(stds, axis=0, weights=counts)


def merge_average_of_variances(counts, means, stds):
    return np.average(means, axis=0, weights=counts), np.sqrt(np.average(stds**2, axis=0, weights=counts))


def merge_to_the_variance(counts, means, stds):
    mean, std = merge_by_weights(counts, means, stds)
    return mean, std**2


def merge_of_a_sample(counts, means, stds):
    mean, std = merge_by_weights(counts, means, stds)
    return mean, std * np.sqrt(counts.sum() / max(counts.sum() - 1, 1))


def merge_of_mean_squares(counts, means, stds):
    mean = np.average(means, axis=0, weights=counts)
    mean_square = np.average(stds**2 + means**2, axis=0, weights=counts)
    return mean, np.sqrt(mean_square - mean**2)


def merge_of_clipped_mean_squares(counts, means, stds):
    mean = np.average(means, axis=0, weights=counts)
    mean_square = np.average(stds**2 + means**2, axis=0, weights=counts)
    return mean, np.sqrt(np.maximum(mean_square - mean**2, 0))


def merge_scatter_of_means_only(counts, means, stds):
    mean = np.average(means, axis=0, weights=counts)
    return mean, np.sqrt(np.average((means - mean) ** 2, axis=0, weights=counts))


def merge_pooled(counts, means, stds):
    """Pools the variances as for a t-test."""
    freedom = counts[:, None] - 1
    return np.average(means, axis=0, weights=counts), np.sqrt((freedom * stds**2).sum(axis=0) / freedom.sum())


def merge_mean_only(counts, means, stds):
    return np.average(means, axis=0, weights=counts)


def merge_std_first(counts, means, stds):
    mean, std = merge_by_weights(counts, means, stds)
    return std, mean


def merge_variances_of_variances(counts, means, stds):
    """Weights the standard errors, as if the means were wanted."""
    mean = np.average(means, axis=0, weights=counts)
    return mean, np.sqrt((counts[:, None] ** 2 * stds**2).sum(axis=0)) / counts.sum()


ANSWERS = {
    "printed": (
        [0.38, 0.25 + 0.09 + 0.04, np.float64(380_000 / 1_000_000)],
        [
            (1.0, "pairs-up"),
            (0.5, "constant"),
            (1 / 3, "equal-shares"),
            (38, "percent"),
            (0.62, "others"),
            (0.001, "one-in-a-row"),
            (0.0, "wrong"),
        ],
    ),
    "squared_distances": (
        [distances_in_floats, distances_by_loops, distances_multiplied_out, distances_by_the_larger],
        [
            (distances_in_bytes, "square-wraps"),
            (distances_with_a_wide_sum, "square-wraps"),
            (distances_converted_late, "difference-wraps"),
            (distances_in_int16, "narrow"),
            (distances_in_float16, "narrow"),
            (distances_of_signed_bytes, "narrow"),
            (distances_not_squared, "root"),
            (distances_of_absolutes, "absolute"),
            (distances_meant, "mean"),
            (distances_squared_last, "sum-first"),
            (distances_summed_up, "whole"),
            (distances_of_columns, "shape"),
            (distances_of_rescaled, "wrong"),
        ],
    ),
    "merge_stats": (
        [merge_by_weights, merge_one_by_one, merge_by_loops, merge_of_shifted_squares],
        [
            (merge_without_weights, "unweighted"),
            (merge_averages, "unweighted"),
            (merge_with_weights_for_means_only, "unweighted"),
            (merge_average_of_stds, "mean-of-stds"),
            (merge_average_of_variances, "means-differ"),
            (merge_to_the_variance, "variance"),
            (merge_of_a_sample, "one-less"),
            (merge_of_mean_squares, "cancels"),
            (merge_of_clipped_mean_squares, "cancels"),
            (merge_scatter_of_means_only, "only-between"),
            (merge_pooled, "wrong"),
            (merge_mean_only, "no-pair"),
            (merge_std_first, "swapped"),
            (merge_variances_of_variances, "wrong"),
        ],
    ),
}
