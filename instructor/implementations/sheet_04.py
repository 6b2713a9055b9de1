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


def shared_by_add_at(features, delta, owner, num_shared):
    grad = np.zeros((num_shared, delta.shape[1]))
    np.add.at(grad, owner, features.T @ delta / len(features))
    return grad


def shared_by_loop(features, delta, owner, num_shared):
    grad = np.zeros((num_shared, delta.shape[1]))
    for d, row in enumerate(owner):
        grad[row] += features[:, d] @ delta / len(features)
    return grad


def shared_by_matrix(features, delta, owner, num_shared):
    return (features @ np.eye(num_shared)[owner]).T @ delta / len(features)


def shared_by_masks(features, delta, owner, num_shared):
    return [features[:, owner == row].sum(axis=1) @ delta / len(delta) for row in range(num_shared)]


def shared_last_only(features, delta, owner, num_shared):
    grad = np.zeros((num_shared, delta.shape[1]))
    grad[owner] += features.T @ delta / len(features)
    return grad


def shared_assigned(features, delta, owner, num_shared):
    grad = np.zeros((num_shared, delta.shape[1]))
    for d, row in enumerate(owner):
        grad[row] = features[:, d] @ delta / len(features)
    return grad


def shared_averaged(features, delta, owner, num_shared):
    counts = np.maximum(np.bincount(owner, minlength=num_shared), 1)
    return shared_by_add_at(features, delta, owner, num_shared) / counts[:, None]


def shared_summed(features, delta, owner, num_shared):
    return shared_by_add_at(features, delta, owner, num_shared) * len(features)


def shared_over_features(features, delta, owner, num_shared):
    return shared_by_add_at(features, delta, owner, num_shared) * len(features) / features.shape[1]


def shared_uphill(features, delta, owner, num_shared):
    return -shared_by_add_at(features, delta, owner, num_shared)


def shared_not_at_all(features, delta, owner, num_shared):
    return features.T @ delta / len(features)


def shared_without_unused_rows(features, delta, owner, num_shared):
    return shared_by_add_at(features, delta, owner, owner.max() + 1)


def shared_transposed(features, delta, owner, num_shared):
    return shared_by_add_at(features, delta, owner, num_shared).T


def shared_spread_back(features, delta, owner, num_shared):
    return shared_by_add_at(features, delta, owner, num_shared)[owner]


def shared_by_product_of_means(features, delta, owner, num_shared):
    return np.outer(features.mean(axis=0) @ np.eye(num_shared)[owner], delta.mean(axis=0))


def shared_in_place(features, delta, owner, num_shared):
    delta /= len(delta)
    return (features @ np.eye(num_shared)[owner]).T @ delta


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
    "shared_grad": (
        [shared_by_add_at, shared_by_loop, shared_by_matrix, shared_by_masks],
        [
            (shared_last_only, "last-only"),
            (shared_assigned, "last-only"),
            (shared_averaged, "mean-of-paths"),
            (shared_summed, "sum"),
            (shared_over_features, "mean-of-paths"),
            (shared_uphill, "sign"),
            (shared_not_at_all, "unshared"),
            (shared_without_unused_rows, "size-from-owner"),
            (shared_transposed, "transposed"),
            (shared_spread_back, "unshared"),
            (shared_by_product_of_means, "wrong"),
            (shared_in_place, "mutates"),
        ],
    ),
}
