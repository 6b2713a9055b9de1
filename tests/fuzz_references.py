"""Right results by other ways than the package's: long double, plain Python, fractions; for `test_fuzz`."""

import gzip
import math
import struct
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

LONG = np.longdouble


def assert_close(result, expected, rtol=1e-12, atol=0.0):
    """Raise unless shapes and numbers agree to a tolerance; NaN is never right, infinity only if expected."""
    result, expected = np.asarray(result), np.asarray(expected, dtype=LONG).astype(np.float64)
    assert result.shape == expected.shape, (result.shape, expected.shape)
    assert_allclose(result.astype(np.float64), expected, rtol=rtol, atol=atol, equal_nan=False)


def assert_same_type(result, like):
    """Raise unless both have one dtype; the order of bytes in memory does not count."""
    assert result.dtype.newbyteorder("=") == like.dtype.newbyteorder("=")


def longs(array):
    return np.asarray(array).astype(LONG)


def long_log_softmax(logits, axis=-1):
    """Return log_softmax in long double."""
    logits = longs(logits)
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def logsumexp(result, logits, axis=-1, keepdims=False):
    logits = longs(np.asarray(logits).astype(float))
    maximum = logits.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(maximum), maximum, 0)
    expected = shift + np.log(np.exp(logits - shift).sum(axis=axis, keepdims=True))
    assert_close(result, expected if keepdims else expected.squeeze(axis), atol=1e-15)


def log_softmax(result, logits, axis=-1):
    assert_close(result, long_log_softmax(np.asarray(logits).astype(float), axis), atol=1e-15)


def softmax(result, logits, axis=-1):
    assert_close(result, np.exp(long_log_softmax(np.asarray(logits).astype(float), axis)), atol=1e-320)


def softmax_jacobian(result, probs):
    probs = longs(probs)
    assert result.shape == (*probs.shape, probs.shape[-1])
    for index in np.ndindex(probs.shape[:-1]):
        row = probs[index]
        expected = [[p * ((i == j) - q) for j, q in enumerate(row)] for i, p in enumerate(row)]
        assert_close(result[index], expected, atol=1e-15)


def one_hot(result, labels, num_classes):
    assert result.dtype == np.float64
    assert result.shape == (len(labels), num_classes)
    for row, label in zip(result.tolist(), np.asarray(labels).tolist(), strict=True):
        assert row == [float(k == label) for k in range(num_classes)]


def mean_loss(logits, labels):
    """Return the mean cross-entropy in long double."""
    losses = -long_log_softmax(logits)[np.arange(len(labels)), np.asarray(labels).astype(int)]
    return np.where(losses > np.finfo(float).max, np.inf, losses).mean()  # what float64 cannot hold is infinite


def loss_gradient(logits, labels):
    """Return the gradient of the mean cross-entropy with respect to the logits in long double."""
    probs = np.exp(long_log_softmax(logits))
    return (probs - (np.asarray(labels).astype(int)[:, None] == np.arange(probs.shape[1]))) / len(probs)


def cross_entropy(result, logits, labels):
    assert isinstance(result, float)
    assert_close(result, mean_loss(np.asarray(logits).astype(float), labels), atol=1e-15)
    assert not np.signbit(result)


def cross_entropy_grad(result, logits, labels):
    assert_close(result, loss_gradient(np.asarray(logits).astype(float), labels), atol=2e-15)


def cross_entropy_and_grad(result, logits, labels):
    loss, grad = result
    cross_entropy(loss, logits, labels)
    cross_entropy_grad(grad, logits, labels)


# --- metrics ------------------------------------------------------------------------------------------------------


def accuracy(result, labels, predictions):
    pairs = zip(np.asarray(labels).tolist(), np.asarray(predictions).tolist(), strict=True)
    assert result == float(Fraction(sum(a == b for a, b in pairs), len(labels)))


def confusion_matrix(result, labels, predictions, num_classes):
    counts = Counter(zip(np.asarray(labels).tolist(), np.asarray(predictions).tolist(), strict=True))
    assert (result.dtype, result.shape) == (np.int64, (num_classes, num_classes))
    assert {index: n for index, n in np.ndenumerate(result) if n} == counts


def calibration(result, labels, probs, num_bins=10):
    probs, labels = np.asarray(probs).astype(np.float64), np.asarray(labels).tolist()
    bins = {}
    for row, label in zip(probs.tolist(), labels, strict=True):
        place = min(_bin(max(row), int(num_bins)), num_bins - 1)
        bins.setdefault(place, []).append((Fraction(max(row)), row.index(max(row)) == label))
    means = [[sum(part) / Fraction(len(part)) for part in zip(*bins[place], strict=True)] for place in sorted(bins)]
    counts = [len(bins[place]) for place in sorted(bins)]
    assert_array_equal(result.counts, counts)
    assert_close(result.confidence, [float(mean) for mean, _ in means])
    assert_close(result.accuracy, [float(mean) for _, mean in means])
    error = sum(n * abs(stated - found) for n, (stated, found) in zip(counts, means, strict=True)) / len(labels)
    assert_close(result.error, float(error), atol=1e-15)


def _bin(confidence, num_bins):
    """Return the bin of a confidence, a border i / num_bins in floating point belonging to the upper one."""
    place = max(int(confidence * num_bins) - 1, 0)
    while place + 1 < num_bins and (place + 1) / num_bins <= confidence:
        place += 1
    return place


# --- data ---------------------------------------------------------------------------------------------------------


def to_features(result, images, dtype=np.float64):
    images = np.asarray(images)
    assert (result.dtype, result.shape) == (np.dtype(dtype), (len(images), math.prod(images.shape[1:])))
    expected = [[float(Fraction(int(pixel), 255)) for pixel in image.ravel()] for image in images]
    eps = np.finfo(dtype).eps
    assert_close(result, np.reshape(expected, result.shape), rtol=float(eps))
    assert not np.shares_memory(result, images)


def standardize(result, features, reference=None):
    features = np.asarray(features)
    statistics, axis = (features, 1) if reference is None else (np.asarray(reference), 0)
    statistics = longs(statistics)
    mean, std = statistics.mean(axis=axis, keepdims=True), statistics.std(axis=axis, keepdims=True)
    constant = statistics.max(axis=axis, keepdims=True) == statistics.min(axis=axis, keepdims=True)
    std = np.where(constant, 1, std)
    size = np.maximum(np.abs(longs(features)), np.abs(statistics).max(axis=axis, keepdims=True))
    eps = float(
        max(np.finfo(features.dtype).eps, np.finfo(np.asarray(features if reference is None else reference).dtype).eps)
    )
    eps = max(eps, 2.0**-52)  # means and deviations are those of float64 also for wider formats
    assert_same_type(result, features)
    assert np.isfinite(result).all()
    expected = (longs(features) - mean) / std
    # The mean is rounded to the dtype of the features: a part of it is lost that counts more the smaller the deviation.
    lost = size / std
    error = np.abs(longs(result) - expected)
    assert (
        error <= 8 * eps * (lost + (1 + lost * eps * 8) * np.abs(expected)) + np.finfo(features.dtype).tiny
    ).all() or (np.broadcast_to(8 * eps * lost > 0.01, error.shape)[error > 8 * eps * (lost + np.abs(expected))].all())


def shift_images(result, features, rng, max_shift=1, fill=0.0, shape=(28, 28)):
    features = np.asarray(features)
    height, width = (int(side) for side in shape)
    assert_same_type(result, features)
    assert result.shape == features.shape
    assert not np.shares_memory(result, features)
    fills = np.broadcast_to(np.asarray(fill).astype(features.dtype), len(features))
    for moved, image, background in zip(result, features, fills, strict=True):
        frame = np.pad(image.reshape(height, width), int(max_shift), constant_values=background)
        steps = range(2 * int(max_shift) + 1)
        assert any(
            (moved.reshape(height, width) == frame[i : i + height, j : j + width]).all() for i in steps for j in steps
        )


def train_valid_split(result, x, y, n_valid, rng):
    x, y = np.asarray(x), np.asarray(y)
    x_train, y_train, x_valid, y_valid = result
    assert (len(x_valid), len(x_train)) == (n_valid, len(x) - n_valid)
    assert _pairs(x, y) == sorted(_pairs(x_train, y_train) + _pairs(x_valid, y_valid))
    assert not any(np.shares_memory(part, whole) for part in result for whole in (x, y))


def _pairs(x, y):
    return sorted((repr(a), repr(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True))


def iter_minibatches(result, x, y, batch_size, rng):
    x, y = np.asarray(x), np.asarray(y)
    batches = list(result)
    sizes = [len(batch) for batch, _ in batches]
    assert sizes == [len(batch) for _, batch in batches]
    assert sizes == [min(batch_size, len(x) - start) for start in range(0, len(x), batch_size)]
    found = [pair for batch in batches for pair in zip(batch[0].tolist(), batch[1].tolist(), strict=True)]
    expected = list(zip(x.tolist(), y.tolist(), strict=True))
    if rng is not None:
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert repr(found) == repr(expected)


def read_idx(result, path):
    content = Path(path).read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert content[:3] == b"\0\0\x08"
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    assert (result.dtype, result.shape) == (np.uint8, shape)
    assert result.tobytes() == content[4 + 4 * content[3] :]
    assert not result.flags.writeable


# --- models -------------------------------------------------------------------------------------------------------

SLOPES = {
    "relu": (lambda a: np.where(a > 0, a, 0 * a), lambda a: (a > 0).astype(LONG)),
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda a: np.exp(-np.abs(a)) / (1 + np.exp(-np.abs(a))) ** 2),
}


def precision(*values):
    """Return the largest machine epsilon of arrays or dictionaries of them."""
    parts = [part for value in values for part in (value.values() if isinstance(value, dict) else [value])]
    return max([2.0**-64, *(float(np.finfo(p.dtype).eps) if p.dtype.kind == "f" else 2.0**-52 for p in parts)])


def product(x, weights, bias):
    """Return x @ weights + bias in long double, and the sum of the absolute values of all terms."""
    terms = longs(x)[:, :, None] * longs(weights)[None]
    return terms.sum(axis=1) + longs(bias), np.abs(terms).sum(axis=1) + np.abs(longs(bias))


def forward(params, x, activation="relu"):
    """Return the output of the hidden layer (or x), the logits, and the size of the terms in them."""
    hidden = longs(x)
    if "hidden_weights" in params:
        hidden = SLOPES[activation][0](product(x, params["hidden_weights"], params["hidden_bias"])[0])
    return hidden, *product(hidden, params["weights"], params["bias"])


def assert_same_float(result, expected, size, eps):
    """Raise unless equal up to rounding; beyond the range of the format both must leave it."""
    result = np.asarray(result)
    narrow = np.finfo("float16" if eps > 1e-4 else "float32" if eps > 1e-10 else result.dtype)
    limit, tiny = 0.01 * float(min(narrow.max, np.finfo(result.dtype).max)), float(narrow.tiny)
    assert result.shape == expected.shape, (result.shape, expected.shape)
    usual = np.broadcast_to(size < limit, expected.shape) & np.isfinite(expected)
    error = np.abs(longs(result) - expected)
    bound = np.broadcast_to(64 * eps * size + 64 * tiny, expected.shape)
    assert (error <= bound)[usual].all(), (result, expected)


def hidden_layer(result, params, x, activation="relu"):
    if "hidden_weights" not in params:
        assert_array_equal(result, x)
        return
    sums, size = product(x, params["hidden_weights"], params["hidden_bias"])
    assert_same_float(result, SLOPES[activation][0](sums), size + 1, precision(x, params))


def logits(result, params, x, activation="relu"):
    hidden, scores, size = forward(params, x, activation)
    hidden_size = _error_of_hidden(params, x, hidden)
    assert_same_float(result, scores, size + hidden_size @ np.abs(longs(params["weights"])), precision(x, params))


def _error_of_hidden(params, x, hidden):
    if "hidden_weights" not in params:
        return np.abs(hidden)
    return product(x, params["hidden_weights"], params["hidden_bias"])[1] + 1


def predict(result, params, x, activation="relu"):
    hidden, scores, size = forward(params, x, activation)
    assert (result.dtype, result.shape) == (np.int64, (len(x),))
    slack = 256 * precision(x, params) * (size + _error_of_hidden(params, x, hidden) @ np.abs(longs(params["weights"])))
    picked = np.arange(len(x)), result
    usual = np.isfinite(scores).all(axis=1) & (size < 1e30).all(axis=1)
    assert (scores[picked] + slack[picked] >= (scores - slack).max(axis=1))[usual].all()


def penalised_loss(params, x, labels, l1=0.0, l2=0.0, activation="relu"):
    weights = [longs(value) for name, value in params.items() if name.endswith("weights")]
    penalty = sum(LONG(l1) * np.abs(w).sum() + LONG(l2) / 2 * (w**2).sum() for w in weights)
    return mean_loss(forward(params, x, activation)[1], labels) + penalty


def gradients(params, x, labels, l1=0.0, l2=0.0, activation="relu"):
    """Return the gradients in long double, each entry as a sum over the examples."""
    hidden, scores, _ = forward(params, x, activation)
    delta = loss_gradient(scores, labels)
    grads = {"weights": np.einsum("nh,nk->hk", hidden, delta), "bias": delta.sum(axis=0)}
    if "hidden_weights" in params:
        sums = product(x, params["hidden_weights"], params["hidden_bias"])[0]
        back = np.einsum("nk,hk->nh", delta, longs(params["weights"])) * SLOPES[activation][1](sums)
        grads |= {"hidden_weights": np.einsum("nd,nh->dh", longs(x), back), "hidden_bias": back.sum(axis=0)}
    for name in [name for name in grads if name.endswith("weights")]:
        grads[name] = grads[name] + LONG(l1) * np.sign(longs(params[name])) + LONG(l2) * longs(params[name])
    return {name: grads[name] for name in params}


def largest(*values):
    """Return the largest absolute value in arrays or dictionaries of them, at least 1."""
    parts = [part for value in values for part in (value.values() if isinstance(value, dict) else [value])]
    return float(max([1.0, *(np.abs(longs(part)).max() for part in parts if np.size(part))]))


def loss_and_grads(result, params, x, labels, l1=0.0, l2=0.0, activation="relu"):
    loss, grads = result
    assert isinstance(loss, float)
    assert {name: grad.shape for name, grad in grads.items()} == {name: value.shape for name, value in params.items()}
    size = max(largest(params, x), float(l1), float(l2))
    if size > 1e4:  # rounding and overflow decide; that no wrong type came back is all that can be asked
        return
    eps = precision(x, params) * 1e3 * size**3
    assert_close(loss, penalised_loss(params, x, labels, l1, l2, activation), rtol=eps, atol=eps)
    hidden = "hidden_weights" in params
    if hidden and activation == "relu":
        sums = product(x, params["hidden_weights"], params["hidden_bias"])[0]
        if (np.abs(sums) < eps).any():  # on which side of its kink a unit is, rounding decides
            return
    if l1 and any((np.abs(value) == 0).any() for value in params.values()) and eps > 1:
        return
    for name, expected in gradients(params, x, labels, l1, l2, activation).items():
        assert_close(grads[name], expected, rtol=eps, atol=eps)


def init_params(
    result, num_features, num_classes, num_hidden=None, activation="relu", scale=None, rng=None, dtype=float
):
    sizes = [num_features, num_classes] if num_hidden is None else [num_features, num_hidden, num_classes]
    names = ["weights", "bias"] if num_hidden is None else ["hidden_weights", "hidden_bias", "weights", "bias"]
    assert list(result) == names
    for prefix, inputs, outputs in zip(["", "hidden_"][: len(sizes) - 1][::-1], sizes[:-1], sizes[1:], strict=True):
        weights, bias = result[f"{prefix}weights"], result[f"{prefix}bias"]
        assert (weights.shape, bias.shape) == ((inputs, outputs), (outputs,))
        assert weights.dtype == bias.dtype == np.dtype(dtype)
        assert not bias.any()
        gain = 2 if prefix and activation == "relu" else 1
        expected = scale if scale is not None else 0 if num_hidden is None else (gain / inputs) ** 0.5
        drawn = weights.size and float(np.abs(longs(weights)).max())
        assert drawn <= 8 * float(expected) * (1 + 1e-3)  # beyond eight standard deviations is not to be expected
        assert np.isfinite(weights).all()
        assert drawn or not weights.size or float(expected) < float(np.finfo(dtype).tiny)


# --- optim --------------------------------------------------------------------------------------------------------


def assert_arrays(result, expected, like, size, eps):
    """Raise unless two dictionaries agree; the result has the dtypes of the parameters."""
    assert result.keys() == expected.keys()
    for name, value in result.items():
        assert_same_type(value, like[name])
        assert_same_float(value, longs(expected[name]), size[name], eps)


def step(params, grads, velocity, learning_rate, momentum=0, nesterov=False):
    """Return params, velocity and the size of the terms in them, in long double."""
    rate, part = LONG(learning_rate), LONG(momentum)
    velocity = {name: part * longs(velocity[name]) - rate * longs(grads[name]) for name in params}
    size = {
        name: np.abs(longs(params[name])) + 2 * np.abs(velocity[name]) + 4 * np.abs(rate * longs(grads[name]))
        for name in params
    }
    if nesterov:
        moved = {name: longs(params[name]) + part * velocity[name] - rate * longs(grads[name]) for name in params}
    else:
        moved = {name: longs(params[name]) + velocity[name] for name in params}
    return moved, velocity, size


def sgd(result, params, grads, learning_rate):
    moved, _, size = step(params, grads, grads, learning_rate)
    assert_arrays(result, moved, params, size, precision(params, grads))


def momentum(result, params, grads, velocity, learning_rate, momentum, nesterov=False):
    moved, expected, size = step(params, grads, velocity, learning_rate, momentum, nesterov)
    size = {name: part + np.abs(longs(velocity[name])) for name, part in size.items()}
    eps = precision(params, grads, velocity)
    assert_arrays(result[0], moved, params, size, eps)
    assert_arrays(result[1], expected, params, size, eps)


def nesterov(result, params, grads, velocity, learning_rate, momentum_):
    momentum(result, params, grads, velocity, learning_rate, momentum_, nesterov=True)


def zero_velocity(result, params):
    assert {name: (value.shape, value.dtype) for name, value in result.items()} == {
        name: (value.shape, value.dtype) for name, value in params.items()
    }
    assert not any(value.any() for value in result.values())


def decay_weights(result, params, learning_rate, weight_decay):
    factor = 1 - LONG(learning_rate) * LONG(weight_decay)
    shrunk = {name: longs(value) * (factor if name.endswith("weights") else 1) for name, value in params.items()}
    assert_arrays(
        result, shrunk, params, {name: np.abs(longs(value)) for name, value in params.items()}, precision(params)
    )


# --- optimum ------------------------------------------------------------------------------------------------------


def hessian_product(result, params, x, direction, l2=0.0):
    size = largest(params, x, direction)
    assert {name: value.shape for name, value in result.items()} == {
        name: value.shape for name, value in params.items()
    }
    if size > 1e3:
        return
    labels, h = np.zeros(len(x), int), LONG(1e-6) / LONG(size) ** 2
    up, down = (
        gradients({name: longs(params[name]) + sign * h * longs(direction[name]) for name in params}, x, labels, 0, l2)
        for sign in (1, -1)
    )
    tolerance = precision(x, params, direction) * 1e4 * size**4 + 1e-8 * size**4
    for name, value in result.items():
        assert_close(value, (up[name] - down[name]) / (2 * h), rtol=1e-6, atol=tolerance)


def gradient_norm(result, grads):
    expected = math.hypot(*(float(entry) for grad in grads.values() for entry in grad.ravel()))
    assert_close(
        result, expected, rtol=1e-12 if precision(grads) < 1e-15 else 1e-5 if precision(grads) < 1e-6 else 1e-2
    )


def with_best_bias(result, params, x, labels):
    assert list(result) == list(params)
    assert (result["weights"] == params["weights"]).all()
    if largest(params, x) < 1e4:
        slope = gradients(result, x, labels)["bias"]
    else:  # the sums are rounded far more than 1, so what is best is decided after rounding
        slope = loss_gradient(x @ result["weights"] + result["bias"], labels).sum(axis=0)
    assert np.linalg.norm(slope.astype(float)) < 1e-10


def newton(result, params, x, labels, l2, tolerance=1e-9, max_steps=50):
    found, log = result
    assert len(log) <= max_steps + 1
    norm = math.hypot(*(float(entry) for grad in gradients(found, x, labels, 0, l2).values() for entry in grad.ravel()))
    assert norm <= tolerance * 1.01 + 1e-13 * min(largest(found, x), 1e90) ** 3 * (1 + l2)
    assert_close(log[-1][0], penalised_loss(found, x, labels, 0, l2), rtol=1e-9, atol=1e-15)
    assert all(later[2] >= earlier[2] for earlier, later in pairwise(log))


def gap_bound(result, params, x, labels, l2):
    """No candidate may be further below than the bound, and it must vanish where the gradient does."""
    assert 0 <= result < np.inf or largest(params, x) > 1e100
    loss = penalised_loss(params, x, labels, 0, l2)
    grads = gradients(params, x, labels, 0, l2)
    for rate in (0, 1e-3, 0.1, 1):
        candidate = {name: longs(params[name]) - LONG(rate) * grads[name] for name in params}
        assert loss - penalised_loss(candidate, x, labels, 0, l2) <= LONG(result) * (1 + 1e-9) + 1e-12 * (1 + abs(loss))


# --- training -----------------------------------------------------------------------------------------------------


def evaluate(result, params, x, labels, activation="relu"):
    loss, fraction = result
    scores, size = forward(params, x, activation)[1:]
    if largest(params, x) > 1e4:
        return
    eps = precision(x, params) * 1e3 * largest(params, x) ** 3
    assert_close(loss, mean_loss(scores, labels), rtol=eps, atol=eps)
    best = np.sort(scores, axis=1)
    if scores.shape[1] == 1 or (best[:, -1] - best[:, -2] > eps * size.max()).all():
        assert_close(fraction, (scores.argmax(axis=1) == np.asarray(labels)).mean())


def train(params, x, labels, batches, velocity, rates, l1, l2, activation):
    """Make one step for each list of examples and return params and velocity in long double."""
    for batch in batches:
        grads = gradients(params, longs(x)[batch], np.asarray(labels)[batch], l1, l2, activation)
        if rates["weight_decay"]:
            factor = 1 - LONG(rates["learning_rate"]) * LONG(rates["weight_decay"])
            params = {
                name: longs(value) * (factor if name.endswith("weights") else 1) for name, value in params.items()
            }
        steps = {name: rates[name] for name in ("learning_rate", "momentum", "nesterov")}
        params, velocity, _ = step(params, grads, velocity, **steps)
    return params, velocity


def batches_of(n, batch_size, rng):
    """Return the examples of each batch of one epoch, in the order that the generator draws."""
    order = np.arange(n) if rng is None else rng.permutation(n)
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


def assert_trained(found, expected, params, x, activation):
    """Raise unless trained parameters agree; near a kink of the ReLU rounding decides, and no two programs agree."""
    assert {name: (value.shape, value.dtype) for name, value in found.items()} == {
        name: (value.shape, value.dtype) for name, value in params.items()
    }
    assert all(np.isfinite(value).all() for value in found.values())
    if largest(params, x) > 100 or (
        "hidden_weights" in params and activation == "relu" and precision(x, params) > 1e-10
    ):
        return
    tolerance = 1e6 * precision(x, params) * largest(x) ** 2
    for name, value in found.items():
        assert_close(value, expected[name], rtol=tolerance, atol=tolerance)


def train_epoch(
    result, params, x, labels, batch_size, learning_rate, rng, l1=0.0, l2=0.0, activation="relu", epoch=1, on_step=None
):
    rates = {"learning_rate": learning_rate, "momentum": 0, "nesterov": False, "weight_decay": 0}
    batches = batches_of(len(x), int(batch_size), rng)
    expected, _ = train(params, x, labels, batches, zeros(params), rates, l1, l2, activation)
    if l1 == 0 or (l1 <= LARGE_L1 and not any((value == 0).any() for value in params.values())):
        assert_trained(result, expected, params, x, activation)


LARGE_L1 = 1e3  # beyond it one step leads far away and the next one back, and what was there is rounded off


def zeros(params):
    return {name: np.zeros(value.shape) for name, value in params.items()}


def fit(result, params, x, labels, epochs, batch_size, learning_rate, rng, valid=None, patience=None, **options):
    history, parts = result.history, ["train"] if valid is None else ["train", "valid"]
    done = len(history["epoch"])
    assert history["epoch"] == list(range(done))
    assert set(history) == {"epoch", "seconds", *(f"{part}_{kind}" for part in parts for kind in ("loss", "accuracy"))}
    assert all(len(values) == done and np.isfinite(values).all() for values in history.values())
    if patience is None:
        assert (done, result.best_epoch) == (epochs + 1, epochs)
    else:
        losses = history["valid_loss"]
        assert losses[result.best_epoch] == min(losses)
        assert losses.index(min(losses)) == result.best_epoch
        assert done == min(epochs, result.best_epoch + int(patience)) + 1
    examples = {"train": (x, labels), "valid": valid}
    activation = options.get("activation", "relu")
    for part in parts:
        last = history[f"{part}_loss"][result.best_epoch], history[f"{part}_accuracy"][result.best_epoch]
        evaluate(last, result.params, *examples[part], activation=activation)
    if options.get("l1", 0) > LARGE_L1:
        return
    assert_trained(
        result.params,
        fitted(result.best_epoch, params, x, labels, batch_size, learning_rate, rng, options),
        params,
        x,
        activation,
    )


def fitted(epochs, params, x, labels, batch_size, learning_rate, rng, options):
    """Return the parameters after some epochs, in long double."""
    velocity, schedule, augment = zeros(params), options.get("schedule"), options.get("augment")
    penalties = options.get("l1", 0), options.get("l2", 0), options.get("activation", "relu")
    rates = {name: options.get(name, 0) for name in ("momentum", "nesterov", "weight_decay")}
    for epoch in range(1, epochs + 1):
        rates["learning_rate"] = learning_rate * (1 if schedule is None else schedule(epoch))
        for batch in batches_of(len(x), int(batch_size), rng):
            seen = x[batch] if augment is None else augment(x[batch], rng)
            labels_seen = np.asarray(labels)[batch]
            params, velocity = train(params, seen, labels_seen, [slice(None)], velocity, rates, *penalties)
    return params


# --- gradient checks ----------------------------------------------------------------------------------------------


class Smooth:
    """A smooth function with a gradient that is known: the sum of c sin(x + d) over all entries."""

    def __init__(self, seed, scale=1.0, transposed=False, named=False):
        self.seed, self.scale, self.named = seed, scale, named

    def __repr__(self):
        return f"Smooth({self.seed}, {self.scale}, named={self.named})"

    def coefficients(self, array, number):
        draws = np.random.default_rng([self.seed, number]).uniform(0.5, 1, (2, *np.shape(array)))
        return draws.astype(array.real.dtype)

    def __call__(self, x):
        parts = x.values() if isinstance(x, dict) else [x]
        with np.errstate(all="ignore"):
            return self._value(parts)

    def _value(self, parts):
        return sum((c * np.sin(part + d)).sum() for part, (c, d) in self._with(parts))

    def _with(self, parts):
        return [(part, self.coefficients(part, number)) for number, part in enumerate(parts)]

    def gradient(self, x):
        """Return its gradient, times the scale: wrong unless that is 1."""
        parts = x.values() if isinstance(x, dict) else [x]
        grads = [(self.scale * c * np.cos(part + d)).astype(part.dtype) for part, (c, d) in self._with(parts)]
        return dict(zip(x, grads, strict=True)) if isinstance(x, dict) else grads[0]


def gradient_of(f, x):
    """Return the known gradient as one flat array, or None if the function is not ours."""
    if not isinstance(f, Smooth):
        return None
    named = x if isinstance(x, dict) else {"": x}
    grads = Smooth(f.seed).gradient({name: np.asarray(part, float) for name, part in named.items()})
    return np.concatenate([grad.ravel() for grad in grads.values()])


def flat(x):
    return np.concatenate([np.asarray(part).ravel() for part in x.values()]) if isinstance(x, dict) else np.ravel(x)


def numerical_gradient(result, f, x, method="central", step=None):
    assert [np.shape(part) for part in _parts(result)] == [np.shape(part) for part in _parts(x)]
    values, expected, single = flat(result), gradient_of(f, x), precision(*map(np.asarray, _parts(x))) > 1e-10
    assert np.isfinite(values).all()
    if expected is None:
        assert not values.any()  # a constant
    elif largest(*map(np.asarray, _parts(x))) < 10 and step is None:
        assert_close(values, expected, atol=0.05 if single else 1e-6 if method == "forward" else 1e-8)


def _parts(x):
    return list(x.values()) if isinstance(x, dict) else [x]


def complex_step_gradient(result, f, x, step=1e-20):
    assert [np.shape(part) for part in _parts(result)] == [np.shape(part) for part in _parts(x)]
    expected, values = gradient_of(f, x), flat(result)
    if expected is None:
        assert not np.isnan(values).any()
    elif largest(*map(np.asarray, _parts(x))) < 10 and 1e-30 < step < 1e-9:
        assert_close(values, expected, atol=1e-5 if precision(*map(np.asarray, _parts(x))) > 1e-10 else 1e-13)


def check_gradient(result, f, grad, x, num_directions=None, rng=None, step=None):
    assert result.num_checked == (flat(x).size if num_directions is None else num_directions)
    assert result.largest_error <= result.largest_tolerance < np.inf
    expected = gradient_of(f, x)
    if expected is None:
        expected = np.zeros(flat(x).size)
    if step is None and largest(*map(np.asarray, _parts(x))) < 10:
        error = np.abs(flat(grad(x if isinstance(x, dict) else np.asarray(x))) - expected)
        assert (error <= result.largest_tolerance * 2 * (1 if num_directions is None else 1e3)).all()


def best_step(result, dtype, method="central"):
    """The step is where the model of the error in the docstring is least: no neighbour is better."""
    roundoff = float(np.finfo(dtype).eps) / 2
    models = {
        "forward": lambda h: h / 2 + 2 * roundoff / h,
        "central": lambda h: h**2 / 6 + roundoff / h,
    }
    error = models[method]
    assert isinstance(result, float)
    assert error(result) <= min(error(result * 1.01), error(result * 0.99))
