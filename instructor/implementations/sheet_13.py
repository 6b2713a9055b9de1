"""Right and wrong answers to the tasks of sheet 13."""

import numpy as np
from scipy.special import log_softmax, softmax


def _forward(params, x):
    first = np.tanh(x @ params["hidden_weights"] + params["hidden_bias"])
    second = np.tanh(first @ params["hidden_weights"] + params["hidden_bias"])
    return first, second, second @ params["weights"] + params["bias"]


def _tied(params, x, labels, first_counts=1, second_counts=1, slopes=(True, True), back=None, through_output=False):
    first, second, z = _forward(params, x)
    delta = (softmax(z, axis=1) - np.eye(z.shape[1])[labels]) / len(x)
    at = (np.tanh(first), np.tanh(second)) if through_output else (first, second)
    a2 = delta @ params["weights"].T * (1 - at[1] ** 2 if slopes[1] else 1)
    a1 = a2 @ (params["hidden_weights"].T if back is None else back) * (1 - at[0] ** 2 if slopes[0] else 1)
    return {
        "hidden_weights": second_counts * first.T @ a2 + first_counts * x.T @ a1,
        "hidden_bias": second_counts * a2.sum(axis=0) + first_counts * a1.sum(axis=0),
        "weights": second.T @ delta,
        "bias": delta.sum(axis=0),
    }


def tied_grads_by_matrices(params, x, labels):
    return _tied(params, x, labels)


def tied_grads_by_images(params, x, labels):
    total = {name: np.zeros_like(array) for name, array in params.items()}
    for image, label in zip(x, labels, strict=True):
        first, second, z = _forward(params, image)
        delta = softmax(z)
        delta[label] -= 1
        a2 = (params["weights"] @ delta) * (1 - second**2)
        a1 = (params["hidden_weights"] @ a2) * (1 - first**2)
        total["hidden_weights"] += first[:, None] * a2 + image[:, None] * a1
        total["hidden_bias"] += a1 + a2
        total["weights"] += second[:, None] * delta
        total["bias"] += delta
    return {name: array / len(x) for name, array in total.items()}


def tied_grads_by_complex_steps(params, x, labels):
    grads = {}
    for name, array in params.items():
        grads[name] = np.zeros_like(array)
        for entry in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[entry] += 1e-25j
            z = _forward({**params, name: moved}, x)[2]
            z = z - z.real.max(axis=1, keepdims=True)
            losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(x)), labels]
            grads[name][entry] = losses.mean().imag / 1e-25
    return grads


def tied_grads_of_the_second_use(params, x, labels):
    return _tied(params, x, labels, first_counts=0)


def tied_grads_of_the_first_use(params, x, labels):
    return _tied(params, x, labels, second_counts=0)


def tied_grads_averaged(params, x, labels):
    return _tied(params, x, labels, first_counts=0.5, second_counts=0.5)


def tied_grads_of_the_sum(params, x, labels):
    return {name: len(x) * grad for name, grad in _tied(params, x, labels).items()}


def tied_grads_without_first_slope(params, x, labels):
    return _tied(params, x, labels, slopes=(False, True))


def tied_grads_without_slopes(params, x, labels):
    return _tied(params, x, labels, slopes=(False, False))


def tied_grads_with_slope_of_output(params, x, labels):
    return _tied(params, x, labels, through_output=True)


def tied_grads_not_through_the_layer(params, x, labels):
    return _tied(params, x, labels, back=np.eye(x.shape[1]))


def tied_grads_transposed_back(params, x, labels):
    return _tied(params, x, labels, back=params["hidden_weights"])


def tied_grads_with_one_bias(params, x, labels):
    last_use = tied_grads_of_the_second_use(params, x, labels)
    return {**_tied(params, x, labels), "hidden_bias": last_use["hidden_bias"]}


def tied_grads_unstable(params, x, labels):
    z = _forward(params, x)[2]
    probs = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    grads = _tied(params, x, labels)
    return {**grads, "bias": (probs - np.eye(z.shape[1])[labels]).mean(axis=0)}


def tied_grads_of_first_features(params, x, labels):
    first, _, z = _forward(params, x)
    delta = (softmax(z, axis=1) - np.eye(z.shape[1])[labels]) / len(x)
    return {**_tied(params, x, labels), "weights": first.T @ delta}


def tied_grads_as_tuple(params, x, labels):
    return tuple(_tied(params, x, labels).values())


def tied_grads_in_place(params, x, labels):
    grads = _tied(params, x, labels)
    for name in params:
        params[name] -= 0.1 * grads[name]
    return grads


def tied_grads_of_loss_instead(params, x, labels):
    return -log_softmax(_forward(params, x)[2], axis=1)[np.arange(len(x)), labels].mean()


def calibration_by_loop(labels, probs, borders):
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    edges = [-np.inf, *borders, np.inf]
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:], strict=True):  # noqa: RUF007
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def calibration_by_sums(labels, probs, borders):
    bins = np.searchsorted(borders, probs.max(axis=1), side="right")
    size = len(borders) + 1
    right = np.bincount(bins, probs.argmax(axis=1) == labels, size)
    stated = np.bincount(bins, probs.max(axis=1), size)
    return np.abs(right - stated).sum() / len(labels)


def calibration_by_table(labels, probs, borders):
    bins = (probs.max(axis=1)[:, None] >= np.asarray(borders)).sum(axis=1)
    table = np.eye(len(borders) + 1)[bins]
    return np.abs(table.T @ ((probs.argmax(axis=1) == labels) - probs.max(axis=1)) / len(labels)).sum()


def _bins(labels, probs, borders, right=False):
    confidence, hits = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins = np.digitize(confidence, borders, right=right)
    return [(confidence[bins == b], hits[bins == b]) for b in np.unique(bins)]


def calibration_one_by_one(labels, probs, borders):
    return np.abs((probs.argmax(axis=1) == labels) - probs.max(axis=1)).mean()


def calibration_unweighted(labels, probs, borders):
    return np.mean([abs(c.mean() - r.mean()) for c, r in _bins(labels, probs, borders)])


def calibration_over_all_bins(labels, probs, borders):
    return sum(abs(c.mean() - r.mean()) for c, r in _bins(labels, probs, borders)) / (len(borders) + 1)


def calibration_without_weights(labels, probs, borders):
    return sum(abs(c.mean() - r.mean()) for c, r in _bins(labels, probs, borders))


def calibration_signed(labels, probs, borders):
    return sum(c.sum() - r.sum() for c, r in _bins(labels, probs, borders)) / len(labels)


def calibration_in_one_bin(labels, probs, borders):
    return abs(probs.max(axis=1).mean() - (probs.argmax(axis=1) == labels).mean())


def calibration_lower(labels, probs, borders):
    return sum(abs(c.sum() - r.sum()) for c, r in _bins(labels, probs, borders, right=True)) / len(labels)


def calibration_of_labels(labels, probs, borders):
    confidence, right = probs[np.arange(len(labels)), labels], probs.argmax(axis=1) == labels
    bins = np.digitize(confidence, borders)
    return sum(abs((confidence - right)[bins == b].sum()) for b in np.unique(bins)) / len(labels)


def calibration_with_empty_bins(labels, probs, borders):
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins, size = np.digitize(confidence, borders), len(borders) + 1
    counts = np.bincount(bins, minlength=size)
    with np.errstate(invalid="ignore"):
        gaps = np.abs(np.bincount(bins, right - confidence, size) / counts)
    return (counts * gaps).sum() / len(labels)


def calibration_squared(labels, probs, borders):
    return sum(len(c) * (c.mean() - r.mean()) ** 2 for c, r in _bins(labels, probs, borders)) / len(labels)


ANSWERS = {
    "tied_grads": (
        [tied_grads_by_matrices, tied_grads_by_images, tied_grads_by_complex_steps],
        [
            (tied_grads_of_the_second_use, "last-use"),
            (tied_grads_of_the_first_use, "first-use"),
            (tied_grads_averaged, "halved"),
            (tied_grads_of_the_sum, "sum"),
            (tied_grads_without_first_slope, "slope"),
            (tied_grads_without_slopes, "slope"),
            (tied_grads_with_slope_of_output, "slope-of-output"),
            (tied_grads_not_through_the_layer, "way-back"),
            (tied_grads_transposed_back, "wrong"),
            (tied_grads_with_one_bias, "bias"),
            (tied_grads_unstable, "overflow"),
            (tied_grads_of_first_features, "last-layer"),
            (tied_grads_as_tuple, "names"),
            (tied_grads_of_loss_instead, "names"),
            (tied_grads_in_place, "mutates"),
        ],
    ),
    "twins": (
        [3840, 3840.0, np.int64(3840)],
        [
            (120, "signs"),
            (32, "orders"),
            (10, "both-few"),
            (152, "added"),
            (240, "together"),
            (160, "orders-few"),
            (3839, "itself"),
            (7680, "wrong"),
        ],
    ),
    "calibration_error": (
        [calibration_by_loop, calibration_by_sums, calibration_by_table],
        [
            (calibration_one_by_one, "one-by-one"),
            (calibration_unweighted, "unweighted"),
            (calibration_over_all_bins, "unweighted"),
            (calibration_without_weights, "unweighted"),
            (calibration_signed, "signed"),
            (calibration_in_one_bin, "signed"),
            (calibration_lower, "lower"),
            (calibration_of_labels, "label"),
            (calibration_with_empty_bins, "empty"),
            (calibration_squared, "wrong"),
        ],
    ),
}
