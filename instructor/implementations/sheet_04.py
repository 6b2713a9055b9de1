"""Right and wrong answers to the tasks of sheet 4."""

import math

import numpy as np
from scipy.special import log_softmax, softmax


def back_by_sum(probs, grad_of_log_probs):
    return grad_of_log_probs - probs * grad_of_log_probs.sum(axis=1, keepdims=True)


def back_by_matrices(probs, grad_of_log_probs):
    slopes = np.eye(probs.shape[1])[None] - probs[:, None, :]
    return (grad_of_log_probs[:, None, :] @ slopes)[:, 0, :]


def back_by_loops(probs, grad_of_log_probs):
    result = np.zeros(probs.shape)
    for n, i, j in np.ndindex(*probs.shape, probs.shape[1]):
        result[n, j] += grad_of_log_probs[n, i] * ((i == j) - probs[n, j])
    return result


def back_row_by_row(probs, grad_of_log_probs):
    rows = zip(probs.tolist(), grad_of_log_probs.tolist(), strict=True)
    return [[g - p * sum(row) for p, g in zip(row_of_probs, row, strict=True)] for row_of_probs, row in rows]


def back_over_the_wrong_index(probs, grad_of_log_probs):
    return grad_of_log_probs - (probs * grad_of_log_probs).sum(axis=1, keepdims=True)


def back_by_the_matrix_forwards(probs, grad_of_log_probs):
    slopes = np.eye(probs.shape[1])[None] - probs[:, None, :]
    return np.einsum("nij,nj->ni", slopes, grad_of_log_probs)


def back_by_the_own_path(probs, grad_of_log_probs):
    return (1 - probs) * grad_of_log_probs


def back_through_probs(probs, grad_of_log_probs):
    return probs * (grad_of_log_probs - (probs * grad_of_log_probs).sum(axis=1, keepdims=True))


def back_dividing_by_probs(probs, grad_of_log_probs):
    grad_of_probs = grad_of_log_probs / probs
    return probs * (grad_of_probs - (probs * grad_of_probs).sum(axis=1, keepdims=True))


def back_as_if_targets(probs, grad_of_log_probs):
    return probs + grad_of_log_probs


def back_over_the_batch(probs, grad_of_log_probs):
    return grad_of_log_probs - probs * grad_of_log_probs.sum()


def back_down_the_columns(probs, grad_of_log_probs):
    return grad_of_log_probs - probs * grad_of_log_probs.sum(axis=0)


def back_with_the_other_sign(probs, grad_of_log_probs):
    return probs * grad_of_log_probs.sum(axis=1, keepdims=True) - grad_of_log_probs


def back_by_a_mean(probs, grad_of_log_probs):
    return grad_of_log_probs - probs * grad_of_log_probs.mean(axis=1, keepdims=True)


def back_clipped(probs, grad_of_log_probs):
    probs = np.clip(probs, 1e-3, 1)
    return grad_of_log_probs - probs * grad_of_log_probs.sum(axis=1, keepdims=True)


def back_averaged(probs, grad_of_log_probs):
    return back_by_sum(probs, grad_of_log_probs) / len(probs)


def back_in_place(probs, grad_of_log_probs):
    grad_of_log_probs -= probs * grad_of_log_probs.sum(axis=1, keepdims=True)
    return grad_of_log_probs


def scale_by_delta(logits, labels, scale):
    delta = softmax(scale * logits, axis=1)
    delta[np.arange(len(labels)), labels] -= 1
    return (delta * logits).sum(axis=1).mean()


def scale_by_expectation(logits, labels, scale):
    expected = (softmax(scale * logits, axis=1) * logits).sum(axis=1)
    return float(np.mean(expected - logits[np.arange(len(labels)), labels]))


def scale_by_loops(logits, labels, scale):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        top = max(scale * u for u in row)
        exps = [math.exp(scale * u - top) for u in row]
        total += sum(e / sum(exps) * (u - row[label]) for e, u in zip(exps, row, strict=True))
    return total / len(labels)


def scale_by_jacobian(logits, labels, scale):
    log_probs = log_softmax(scale * logits, axis=1)
    slopes = np.eye(logits.shape[1]) - np.exp(log_probs)[:, None, :]
    return -np.einsum("nj,nj->n", slopes[np.arange(len(labels)), labels], logits).mean()


def scale_by_the_label_only(logits, labels, scale):
    rows = np.arange(len(labels))
    return ((softmax(scale * logits, axis=1)[rows, labels] - 1) * logits[rows, labels]).mean()


def scale_at_one(logits, labels, scale):
    return scale_by_delta(logits, labels, 1.0)


def scale_uphill(logits, labels, scale):
    return -scale_by_delta(logits, labels, scale)


def scale_summed(logits, labels, scale):
    return scale_by_delta(logits, labels, scale) * len(labels)


def scale_over_entries(logits, labels, scale):
    return (_delta(logits, labels, scale) * logits).mean()


def scale_of_scaled_logits(logits, labels, scale):
    return (_delta(logits, labels, scale) * (scale * logits)).sum() / len(labels)


def scale_without_the_last_factor(logits, labels, scale):
    return _delta(logits, labels, scale).sum() / len(labels)


def scale_by_means(logits, labels, scale):
    return _delta(logits, labels, scale).mean(axis=0) @ logits.mean(axis=0)


def scale_without_labels(logits, labels, scale):
    return (softmax(scale * logits, axis=1) * logits).sum(axis=1).mean()


def scale_for_each_example(logits, labels, scale):
    return (_delta(logits, labels, scale) * logits).sum(axis=1)


def scale_unshifted(logits, labels, scale):
    exps = np.exp(scale * logits)
    probs = exps / exps.sum(axis=1, keepdims=True)
    return np.mean((probs * logits).sum(axis=1) - logits[np.arange(len(labels)), labels])


def scale_by_one_maximum(logits, labels, scale):
    exps = np.exp(scale * logits - (scale * logits).max())
    probs = exps / exps.sum(axis=1, keepdims=True)
    return np.mean((probs * logits).sum(axis=1) - logits[np.arange(len(labels)), labels])


def scale_divided(logits, labels, scale):
    return scale_by_delta(logits, labels, scale) / scale


def scale_in_place(logits, labels, scale):
    slope = scale_by_delta(logits, labels, scale)
    logits *= scale
    return slope


def _delta(logits, labels, scale):
    return softmax(scale * logits, axis=1) - np.eye(logits.shape[1])[labels]


ANSWERS = {
    "drift": (
        [-0.0004, 0.2 * (-0.5 + 0.3) * 0.01, 0.2 / (0.5 * np.exp(0.01) + 0.3 * np.exp(-0.01) + 0.2) - 0.2],
        [
            (0.0, "untouched"),
            (0.0004, "sign"),
            (-0.001, "one-path"),
            (0.0006, "one-path"),
            (-0.0016, "signs-lost"),
            (-0.04, "per-unit"),
            (0.1996, "new-value"),
            (0.0016, "wrong"),
            (-0.002, "relative"),
        ],
    ),
    "back_to_logits": (
        [back_by_sum, back_by_matrices, back_by_loops, back_row_by_row],
        [
            (back_over_the_wrong_index, "forward"),
            (back_by_the_matrix_forwards, "forward"),
            (back_by_the_own_path, "own-path"),
            (back_through_probs, "of-probs"),
            (back_dividing_by_probs, "divides"),
            (back_as_if_targets, "as-targets"),
            (back_over_the_batch, "other-examples"),
            (back_down_the_columns, "other-examples"),
            (back_with_the_other_sign, "sign"),
            (back_by_a_mean, "wrong"),
            (back_clipped, "wrong"),
            (back_averaged, "wrong"),
            (back_in_place, "mutates"),
        ],
    ),
    "slope_of_scale": (
        [scale_by_delta, scale_by_expectation, scale_by_loops, scale_by_jacobian],
        [
            (scale_by_the_label_only, "label-only"),
            (scale_at_one, "unscaled"),
            (scale_uphill, "sign"),
            (scale_summed, "sum"),
            (scale_over_entries, "entries"),
            (scale_of_scaled_logits, "by-logits"),
            (scale_without_the_last_factor, "zero"),
            (scale_by_means, "product-of-means"),
            (scale_without_labels, "of-the-sum"),
            (scale_for_each_example, "per-example"),
            (scale_unshifted, "overflow"),
            (scale_by_one_maximum, "overflow"),
            (scale_divided, "wrong"),
            (scale_in_place, "mutates"),
        ],
    ),
}
