"""Sheet 7: train it, and open the test set once."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _example(rng, num_examples, num_features, num_classes):
    shape = (num_features, num_classes)
    params = {"weights": rng.normal(size=shape).round(1), "bias": rng.normal(size=num_classes).round(1)}
    x, labels = rng.normal(size=(num_examples, num_features)).round(1), rng.integers(num_classes, size=num_examples)
    return params, x, labels


def _weighted_cases(rng):
    zeros = {"weights": np.zeros((1, 2)), "bias": np.zeros(2)}
    tilted = {"weights": np.array([[0.0, 1.0, 0.5]]), "bias": np.array([0.0, 0.0, 1.0])}
    far = {"weights": np.array([[0.0, 1.0, 1.5]]), "bias": np.array([0.0, 2000.0, -2000.0])}
    x = np.array([[1.0], [3.0]])
    cases = [
        (zeros, np.array([[2.0]]), np.array([0]), np.array([1.0])),
        (tilted, x, np.array([0, 1]), np.array([1.0, 1.0])),
        (tilted, x, np.array([0, 1]), np.array([2.0, 5.0])),
        (tilted, x, np.array([2, 1]), np.array([3, 0])),
        (tilted, np.array([[1.0], [2000.0]]), np.array([0, 2]), np.array([0.5, 1.0])),
        (far, np.array([[1.0], [-2000.0]]), np.array([0, 2]), np.array([0.5, 1.0])),
    ]
    sizes = [(3, 2, 4), (5, 3, 2), (4, 4, 4), (7, 2, 3)]
    return cases + [(*_example(rng, *size), rng.uniform(0.1, 3, size[0]).round(1)) for size in sizes]


def _judge_weighted_gradients(args, grads):
    params, x, labels, importance = args
    if not isinstance(grads, dict) or set(grads) != {"weights", "bias"}:
        return "names"
    if any(not has_shape(grads[name], params[name].shape) for name in params):
        turned = has_shape(grads["weights"], params["weights"].shape[::-1]) and has_shape(
            grads["bias"], params["bias"].shape
        )
        return "turned" if turned else "shape"
    slope = {name: np.asarray(grads[name], dtype=float) for name in params}
    if not all(np.isfinite(value).all() for value in slope.values()):
        return "overflow"
    share = importance / importance.sum()
    if _agree(slope, _sums(params, x, labels, share)):
        return None
    return _cause(params, x, labels, importance, slope)


def _cause(params, x, labels, importance, slope):
    num_examples, total = len(x), importance.sum()
    right = _sums(params, x, labels, importance / total)
    for factor, key in ((total, "sum"), (total / num_examples, "divided-by-n"), (1 / num_examples, "divided-twice")):
        if _agree(slope, {name: factor * right[name] for name in right}):
            return key
        if factor != 1 and _agree(slope, {name: -factor * right[name] for name in right}):
            return "uphill"
    if _agree(slope, {name: -right[name] for name in right}):
        return "uphill"
    for even in (np.ones(num_examples), np.full(num_examples, 1 / num_examples)):
        if _agree(slope, _sums(params, x, labels, even)):
            return "ignored"
    if close(slope["weights"], right["weights"], atol=1e-7):
        return "bias"
    for shares in (importance, importance / total, importance / num_examples):
        if close(slope["weights"], _sums(params, x, labels, shares, on_targets=shares / shares.sum())["weights"]):
            return "half"
        if close(slope["weights"], _sums(params, x, labels, shares, on_targets=np.ones(num_examples))["weights"]):
            return "half"
    size = 1e-6 * (1 + np.abs(x).max())
    return "wrong" if np.abs(slope["weights"].sum(axis=1)).max() < size * (1 + total) else "no-balance"


def _sums(params, x, labels, shares, on_targets=None):
    """Sums over examples, with a share for the probabilities and perhaps another for the targets."""
    scores = np.einsum("nd,dk->nk", x, params["weights"]) + params["bias"]
    gaps = scores[:, None, :] - scores[:, :, None]
    probs = 1 / np.exp(np.minimum(gaps, 700)).sum(axis=2)
    targets = labels[:, None] == np.arange(probs.shape[1])
    on_targets = shares if on_targets is None else on_targets
    each = np.einsum("n,nk->nk", shares, probs) - np.einsum("n,nk->nk", on_targets, targets.astype(float))
    return {"weights": np.einsum("nd,nk->dk", x, each), "bias": each.sum(axis=0)}


def _agree(first, second):
    return all(close(first[name], second[name], atol=1e-7) for name in ("weights", "bias"))


def _judge_bias_of_threes(args, bias):
    if not has_shape(bias, ()):
        return "shape"
    wrongs = {
        -0.005625: "sign",
        0.72: "sum",
        -0.72: "sum",
        0.05625: "no-rate",
        -0.05625: "no-rate",
        0.1 * 0.9 * 20 / 128: "threes-only",
        0.09: "threes-only",
        0.1 * 20 / 128: "no-push-down",
        -0.01: "no-pull-up",
        0.01: "no-pull-up",
    }
    for wrong, key in wrongs.items():
        if close(bias, wrong, rtol=2e-3):
            return key
    return None if close(1280 * np.asarray(bias, dtype=float), 7.2, rtol=1e-4) else "wrong"


def _stopping_cases(rng):
    cases = [
        ([1.0, 0.5, 0.6, 0.7, 0.8], 1),
        ([1.0, 0.5, 0.7, 0.6, 0.8, 0.7, 0.9], 3),
        ([1.0, 0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.6, 0.5], 2),
        ([1.0, 0.5, 0.5, 0.5, 0.5, 0.5], 2),
        ([1.0, 0.5, 0.6, 0.7, 0.1, 0.8], 2),
        ([3.0, 2.0, 1.0], 3),
        ([1.0], 1),
        ([1.0, 2.0, 3.0, 4.0], 2),
        ([0.0, 1.0, -1.0, 5.0, 6.0], 2),
    ]
    for length, patience in ((8, 1), (12, 2), (16, 3), (25, 4)):
        falling = 2 * 0.8 ** np.arange(length) + rng.uniform(0, 0.5, length)
        cases.append((falling.round(1).tolist(), patience))
    return cases


def _judge_stopping(args, result):
    losses, patience = args
    if not isinstance(result, (tuple, list, np.ndarray)) or not has_shape(result, (2,)):
        return "shape"
    pair = np.asarray(result)
    if pair.dtype.kind not in "iu":
        whole = np.isfinite(pair).all() and (pair == np.round(pair)).all()
        if pair.dtype.kind == "b" or not whole:
            return "not-epochs"
    stopped, best = (int(value) for value in pair)
    last = _last_epoch(losses, patience)
    lowest = int(np.argmin(losses[: last + 1]))
    if (stopped, best) == (last, lowest):
        return None
    if (stopped, best) == (last + 1, lowest + 1):
        return "from-one"
    if (stopped, best) == (lowest, last):
        return "swapped"
    if not (0 <= stopped < len(losses) and 0 <= best < len(losses)):
        return "beyond" if stopped == len(losses) else "wrong"
    return _stopping_fault(losses, last, stopped, best)


def _last_epoch(losses, patience):
    """The first epoch such that none of the last few has lowered the lowest loss before them."""
    for epoch in range(patience, len(losses)):
        if min(losses[: epoch - patience + 1]) <= min(losses[epoch - patience + 1 : epoch + 1]):
            return epoch
    return len(losses) - 1


def _stopping_fault(losses, last, stopped, best):
    if best > stopped:
        return "peeks"
    lowest = min(losses[: stopped + 1])
    falls = [epoch for epoch in range(1, len(losses)) if losses[epoch] < losses[epoch - 1]]
    if losses[best] != lowest:
        return "last" if best == stopped else "previous" if best in falls else "wrong"
    if best != losses.index(lowest) or (stopped > last and losses[: last + 1].count(lowest) > 1):
        return "ties"
    if abs(stopped - last) == 1:
        return "off-by-one"
    if stopped > last:
        return "previous" if any(best < epoch <= last for epoch in falls) else "goes-on"
    return "in-total"


TASKS = [
    Task(
        "weighted_gradients",
        _judge_weighted_gradients,
        {
            "names": "It must return a dictionary with the two names weights and bias.",
            "turned": "The gradient of the weights is turned over: its rows are classes, those of the weights are "
            "features.",
            "overflow": "There is NaN or infinity in it, where some logit is large. The gradient itself is an ordinary "
            "number there.",
            "uphill": "The sign is the other way round: a step against it raises the loss.",
            "sum": "The size is wrong: this is the gradient of the weighted sum. If all importances are doubled, a "
            "weighted mean stays as it is.",
            "divided-by-n": "The size is wrong: it is divided by the number of examples. If all importances are "
            "doubled, a weighted mean stays as it is.",
            "divided-twice": "The size is wrong: it is divided by the number of examples and by the importances as "
            "well. One mean is enough.",
            "ignored": "All examples count the same, whatever their importance.",
            "bias": "The gradient of the weights is right, that of the bias is not. An example has one importance, for "
            "all parameters.",
            "half": "The importance acts on the probabilities and on the targets in different ways. It belongs to the "
            "loss of the example, and so to all of its difference of probability and target.",
            "no-balance": "The slopes of one feature's weights do not sum to zero over the classes. They must, since "
            "the probabilities of each example sum to 1 and so do its targets.",
        },
        _weighted_cases,
    ),
    Task(
        "bias_of_threes",
        _judge_bias_of_threes,
        {
            "sign": "The size is right. The update goes against the gradient, and threes are more frequent in this "
            "batch than the model says.",
            "sum": "You summed over the batch. The loss is a mean over its examples.",
            "no-rate": "That is the slope itself, perhaps without its sign. How far does the step go?",
            "threes-only": "You counted only what the threes say. The other 108 images push this bias too.",
            "no-push-down": "You counted the targets, but not the probability that each image gives to class 3.",
            "no-pull-up": "You counted the probability that each image gives to class 3, but not the targets.",
        },
        is_value=True,
    ),
    Task(
        "stopping",
        _judge_stopping,
        {
            "not-epochs": "It must return two epochs, which are whole numbers; a loss is none.",
            "from-one": "Both are one too large. Entry 0 of the list is epoch 0, and even that one can be the best.",
            "swapped": "The two are swapped: first comes the last epoch trained, then the best one.",
            "peeks": "The best epoch comes after the one in which training stopped. It was never trained.",
            "last": "You call the last epoch the best one. Another one before it had a lower loss.",
            "previous": "A loss that is lower than the one just before it counts as an improvement. After a rise, that "
            "can be a high loss, and a curve that goes up in a zigzag never stops.",
            "ties": "An equal loss counts as an improvement.",
            "off-by-one": "Training stops one epoch too soon or too late.",
            "goes-on": "Training goes on although `patience` epochs in a row have brought nothing lower.",
            "beyond": "The last epoch trained is one that the list does not have: it begins with epoch 0.",
            "in-total": "Training stops too soon: it counts all epochs without an improvement, not only those in a "
            "row.",
        },
        _stopping_cases,
    ),
]
