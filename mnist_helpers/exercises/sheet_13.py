"""Sheet 13: learning the features too."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape

PARTS = ("hidden_weights", "hidden_bias", "weights", "bias")


def _tied(rng, num_examples, num_features, num_classes, scale=1.0):
    params = {
        "hidden_weights": rng.normal(size=(num_features, num_features)) * (scale / num_features**0.5),
        "hidden_bias": rng.normal(size=num_features) * 0.5,
        "weights": scale * rng.normal(size=(num_features, num_classes)),
        "bias": rng.normal(size=num_classes),
    }
    return params, rng.normal(size=(num_examples, num_features)), rng.integers(num_classes, size=num_examples)


def _networks(rng):
    params = {
        "hidden_weights": np.array([[0.8]]),
        "hidden_bias": np.array([0.3]),
        "weights": np.array([[1.0, -0.5]]),
        "bias": np.array([0.0, 0.2]),
    }
    twice = {**params, "hidden_weights": np.array([[-0.7]])}
    large = {**params, "weights": np.array([[2000.0, -1000.0]])}
    x = np.array([[1.5]])
    cases = [
        (params, x, np.array([0])),
        (twice, np.array([[1.5], [-0.5]]), np.array([0, 1])),
        (large, x, np.array([1])),
    ]
    return cases + [_tied(rng, *sizes) for sizes in ((3, 2, 2), (1, 3, 3), (6, 3, 4))]


def _slopes(params, x, labels):
    """Derivatives of the loss, with the first and the second use of the hidden layer apart: by a complex step."""
    apart = [params[name] for name in ("hidden_weights", "hidden_bias", *PARTS)]
    slopes = []
    for part, array in enumerate(apart):
        slope = np.zeros(array.shape)
        for entry in np.ndindex(array.shape):
            moved = [value.astype(complex) if number == part else value for number, value in enumerate(apart)]
            moved[part][entry] += 1e-30j
            slope[entry] = _loss(moved, x, labels).imag / 1e-30
        slopes.append(slope)
    return slopes


def _loss(parts, x, labels):
    for weights, bias in (parts[:2], parts[2:4]):
        x = np.tanh(x @ weights + bias)
    scores = x @ parts[4] + parts[5]
    scores = scores - scores.real.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(labels)), labels])


def _judge_tied_grads(args, result):
    params, x, labels = args
    if not isinstance(result, dict) or any(name not in result for name in PARTS) or len(result) != len(PARTS):
        return "names"
    if not all(has_shape(result[name], params[name].shape) for name in PARTS):
        return "shape"
    found = [np.asarray(result[name], dtype=float) for name in PARTS]
    if not all(np.isfinite(array).all() for array in found):
        return "overflow"
    slopes = _slopes(params, x, labels)
    first, second, last = slopes[:2], slopes[2:4], slopes[4:]
    both = [a + b for a, b in zip(first, second, strict=True)]
    if _alike(found, both + last):
        return None
    if _alike(found, [len(x) * slope for slope in both + last]):
        return "sum"
    if not _alike(found[2:], last):
        return "last-layer"
    if close(found[0], both[0], atol=1e-10):
        return "bias"
    mean = [slope / 2 for slope in both]
    for key, guess in (("last-use", second), ("first-use", first), ("halved", mean)):
        if _alike(found[:2], guess):
            return key
    return _scalar_fault(params, x, found, last[1]) if x.shape == (1, 1) else "wrong"


def _scalar_fault(params, x, found, signal):
    """With one image, one feature and one unit, the derivative is a product of numbers, and it shows which is wrong."""
    weight, bias = params["hidden_weights"].item(), params["hidden_bias"].item()
    once = np.tanh(x.item() * weight + bias)
    twice = np.tanh(once * weight + bias)
    back = params["weights"][0] @ signal
    a, b = 1 - once**2, 1 - twice**2
    guesses = {
        "slope": [(1, 1, weight), (a, 1, weight), (1, b, weight)],
        "slope-of-output": [(1 - np.tanh(once) ** 2, 1 - np.tanh(twice) ** 2, weight)],
        "way-back": [(a, b, 1.0), (a, b, back / weight)],
    }
    for key, ways in guesses.items():
        if any(close(found[0].item(), s2 * (once + s1 * w * x.item()) * back) for s1, s2, w in ways):
            return key
    return "wrong"


def _alike(found, slopes):
    return all(close(a, b, rtol=1e-6, atol=1e-10) for a, b in zip(found, slopes, strict=True))


def _judge_twins(args, result):
    if not has_shape(result, ()):
        return "shape"
    keys = {120: "signs", 32: "orders", 10: "both-few", 152: "added", 240: "together", 3839: "itself"}
    keys |= {160: "orders-few", 800: "orders-few", 3125 * 32: "orders-few"}
    number = float(np.asarray(result))
    return None if number == 3840 else keys.get(number, "wrong")


def _calibrations(rng):
    two = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.3, 0.7]])
    near = np.array([[0.75, 0.25], [0.25, 0.75], [0.375, 0.625], [0.9, 0.1]])
    cases = [
        (np.array([0, 0, 0, 0, 1]), np.tile([0.8, 0.2], (5, 1)), np.array([0.5])),
        (np.array([0, 0, 1, 1, 1]), two, np.array([0.8])),
        (np.array([0, 1, 0, 0]), near, np.array([0.75, 0.8])),
        (np.array([1, 0, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]]), np.array([0.2, 0.4, 0.7])),
        (np.array([1, 0, 0]), np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]]), np.array([])),
    ]
    for size, num_classes in ((4, 3), (20, 4), (60, 10)):
        probs = rng.dirichlet(np.full(num_classes, 0.5), size)
        labels = np.where(rng.random(size) < 0.6, probs.argmax(axis=1), rng.integers(num_classes, size=size))
        cases.append((labels, probs, np.sort(rng.uniform(0.3, 1, 4)).round(2)))
    return cases


def _judge_calibration_error(args, result):
    labels, probs, borders = args
    if not has_shape(result, ()):
        return "shape"
    found = float(np.asarray(result))
    if not np.isfinite(found):
        return "empty"
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    upper = (confidence[:, None] >= borders).sum(axis=1)
    lower = (confidence[:, None] > borders).sum(axis=1)
    of_label = probs[np.arange(len(labels)), labels]
    bins_of_label = (of_label[:, None] >= borders).sum(axis=1)
    excess = confidence - right
    used = [excess[upper == b] for b in set(upper.tolist())]
    if close(found, _total(excess, upper)):
        return None
    guesses = {
        "one-by-one": np.abs(excess).mean(),
        "unweighted": np.mean([abs(part.mean()) for part in used]),
        "all-bins": np.sum([abs(part.mean()) for part in used]) / (len(borders) + 1),
        "summed": np.sum([abs(part.mean()) for part in used]),
        "signed": excess.mean(),
        "cancelled": abs(excess.mean()),
        "lower": _total(excess, lower),
        "label": _total(of_label - right, bins_of_label),
    }
    alias = {"all-bins": "unweighted", "summed": "unweighted", "cancelled": "signed"}
    if close(found, -guesses["signed"]):
        return "signed"
    return next((alias.get(key, key) for key, guess in guesses.items() if close(found, guess)), "wrong")


def _total(excess, bins):
    return sum(abs(excess[bins == b].sum()) for b in set(bins.tolist())) / len(excess)


TASKS = [
    Task(
        "tied_grads",
        _judge_tied_grads,
        {
            "names": "A dictionary with the gradient of each of the four parameters under its name is asked for.",
            "overflow": "There is NaN or infinity in it: exp of a large logit is infinite.",
            "sum": "It is the gradient of the sum over the examples. The loss is their mean.",
            "last-layer": "The gradient of the last layer is not right. That part is softmax regression on g.",
            "last-use": "Only the second use of the hidden layer is counted. A change of U changes the first one too.",
            "first-use": "Only the first use of the hidden layer is counted. A change of U changes the second one too.",
            "halved": "For the hidden layer it is the mean over the two uses. Each path adds its part.",
            "bias": "The gradient of U is right, that of c is not. It is used twice, like U.",
            "slope": "The slope of an activation is missing on the way back: the signal is switched at each use.",
            "slope-of-output": "The slope of the activation is taken at its output instead of at its input.",
            "way-back": "Between the two uses the signal goes back through the wrong weights, or through none.",
        },
        _networks,
    ),
    Task(
        "twins",
        _judge_twins,
        {
            "signs": "You counted the orders. What does tanh do if its input changes its sign?",
            "orders": "You counted the signs. The units may be reordered too.",
            "both-few": "You counted five orders and five signs, or ten changes of one thing. Changes can be combined.",
            "added": "Each order can be combined with each choice of signs. You added where choices are combined.",
            "together": "You change the signs of all units together. Each can be changed by itself.",
            "orders-few": "The number of orders is not right: how many units may come first, and how many next?",
            "itself": "The one that you started from counts too.",
        },
        is_value=True,
    ),
    Task(
        "calibration_error",
        _judge_calibration_error,
        {
            "one-by-one": "It measures how far each single prediction is from its confidence. No single prediction can "
            "be 80 % right: calibration is about groups.",
            "unweighted": "Each bin counts the same. A bin with many predictions must count more than one with few.",
            "signed": "A bin that is too sure and a bin that is too unsure cancel each other out.",
            "lower": "A confidence that equals a border is put into the lower bin.",
            "label": "It takes the probability of the label for the confidence. A model does not know the label.",
            "empty": "There is NaN or infinity in it. Does it divide by the size of a bin that is empty?",
        },
        _calibrations,
    ),
]
