"""Right and wrong answers to the tasks of sheet 4."""

import numpy as np


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


def weighted_by_product(features, delta, importance):
    return features.T @ (importance[:, None] * delta) / importance.sum()


def weighted_by_loop(features, delta, importance):
    total = np.zeros((features.shape[1], delta.shape[1]))
    for x, d, r in zip(features, delta, importance, strict=True):
        total += r * np.outer(x, d)
    return total / importance.sum()


def weighted_by_einsum(features, delta, importance):
    return np.einsum("n,nd,nk->dk", importance / importance.sum(), features, delta)


def weighted_by_diagonal(features, delta, importance):
    return features.T @ np.diag(importance) @ delta / np.sum(importance)


def weighted_means_multiplied(features, delta, importance):
    shares = importance / importance.sum()
    return np.outer(shares @ features, shares @ delta)


def weighted_not_at_all(features, delta, importance):
    return features.T @ delta / len(features)


def weighted_over_count(features, delta, importance):
    return features.T @ (importance[:, None] * delta) / len(features)


def weighted_not_divided(features, delta, importance):
    return features.T @ (importance[:, None] * delta)


def weighted_twice(features, delta, importance):
    return (importance[:, None] * features).T @ (importance[:, None] * delta) / importance.sum()


def weighted_along_classes(features, delta, importance):
    return features.T @ (importance * delta) / importance.sum()


def weighted_transposed(features, delta, importance):
    return (importance[:, None] * delta).T @ features / importance.sum()


def weighted_and_reshaped(features, delta, importance):
    right = weighted_transposed(features, delta, importance)
    return right.reshape(features.shape[1], delta.shape[1])


def weighted_uphill(features, delta, importance):
    return -weighted_by_product(features, delta, importance)


def weighted_counting_the_positive(features, delta, importance):
    return features.T @ (importance[:, None] * delta) / np.count_nonzero(importance)


def weighted_in_place(features, delta, importance):
    delta *= (importance / importance.sum())[:, None]
    return features.T @ delta


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
            (-0.002, "wrong"),
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
    "weighted_grad": (
        [weighted_by_product, weighted_by_loop, weighted_by_einsum, weighted_by_diagonal],
        [
            (weighted_means_multiplied, "product-of-means"),
            (weighted_not_at_all, "no-importance"),
            (weighted_over_count, "by-count"),
            (weighted_not_divided, "sum"),
            (weighted_twice, "twice"),
            (weighted_along_classes, "along-classes"),
            (weighted_transposed, "transposed"),
            (weighted_and_reshaped, "wrong"),
            (weighted_uphill, "wrong"),
            (weighted_counting_the_positive, "wrong"),
            (weighted_in_place, "mutates"),
        ],
    ),
}
