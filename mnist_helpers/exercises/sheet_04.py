"""Sheet 4: every path from a score to the loss."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _judge_drift(args, drift):
    if not has_shape(drift, ()):
        return "shape"
    drift = float(drift)
    if drift == 0:
        return "untouched"
    known = {
        0.0004: "sign",
        -0.001: "one-path",
        0.0006: "one-path",
        -0.0016: "signs-lost",
        -0.04: "per-unit",
        -0.002: "relative",
        0.1996: "new-value",
    }
    for wrong, key in known.items():
        if close(drift, wrong, rtol=0.03):
            return key
    return None if -0.000412 < drift < -0.000388 else "wrong"


def _probs(rng, shape):
    return rng.dirichlet(np.ones(shape[1]), shape[0])


def _back_cases(rng):
    cases = [
        (np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([[1.0, 0.5], [0.0, 2.0]])),
        (np.array([[0.25, 0.75]]), np.array([[1.0, 0.0]])),
        (np.array([[0.25, 0.75]]), np.array([[-1.0, 0.0]])),
        (np.array([[0.2, 0.3, 0.5]]), np.array([[1.0, 1.0, -2.0]])),
        (np.array([[0.0, 1.0]]), np.array([[-1.0, 0.0]])),
    ]
    return cases + [(_probs(rng, shape), rng.normal(0, 2, shape)) for shape in ((2, 3), (3, 3), (4, 5), (5, 10))]


def _judge_back(args, grads):
    probs, given = args
    if not has_shape(grads, probs.shape):
        return "shape"
    grads = np.asarray(grads, dtype=float)
    if not np.isfinite(grads).all():
        return "divides"
    # Right is what moves no sum of a row and differs from the given numbers by multiples of the probabilities.
    taken, tiny = given - grads, 1e-9 * (1 + abs(given).max())
    if close(grads.sum(axis=1), np.zeros(len(grads)), atol=tiny) and close(
        taken, taken.sum(axis=1, keepdims=True) * probs
    ):
        return None
    return _wrong_way_back(probs, given, grads)


def _wrong_way_back(probs, given, grads):
    mean = (probs * given).sum(axis=1, keepdims=True)
    known = {
        "forward": given - mean,
        "own-path": given * (1 - probs),
        "of-probs": probs * (given - mean),
        "as-targets": given + probs,
        "other-examples": given - probs * given.sum(),
        "sign": probs * given.sum(axis=1, keepdims=True) - given,
    }
    for key, value in known.items():
        if close(grads, value):
            return key
    return "other-examples" if close(grads, given - probs * given.sum(axis=0)) else "wrong"


def _scale_cases(rng):
    cases = [
        (np.array([[1.0, 3.0]]), np.array([0]), 1.0),
        (np.array([[2.0, 1.0]]), np.array([0]), 1.0),
        (np.array([[2.0, 1.0]]), np.array([0]), 3.0),
        (np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([0, 0]), 0.5),
        (np.array([[2000.0, 2001.0]]), np.array([1]), 1.0),
        (np.array([[0.0, 1.0], [-2000.0, -2001.0]]), np.array([1, 1]), 1.0),
    ]
    sizes = ((1, 3), (3, 3), (4, 3), (8, 5))
    scales = (0.5, 2.0, -1.0, 1.5)
    return cases + [
        (rng.normal(0, 2, size).round(1), rng.integers(size[1], size=size[0]), scale)
        for size, scale in zip(sizes, scales, strict=True)
    ]


def _judge_scale(args, slope):
    logits, labels, scale = args
    if not has_shape(slope, ()):
        return "per-example" if has_shape(slope, (len(logits),)) else "shape"
    if not np.isfinite(slope):
        return "overflow"
    slope, size = float(slope), logits.shape
    rows = np.arange(len(labels))
    probs, targets = _shares(scale * logits), np.zeros(size)
    targets[rows, labels] = 1
    right = np.vdot(probs - targets, logits) / len(logits)
    unscaled = np.vdot(_shares(logits) - targets, logits) / len(logits)
    known = {
        None: right,
        "zero": 0.0,
        "label-only": np.vdot((probs - targets) * targets, logits) / len(logits),
        "unscaled": unscaled,
        "sign": -right,
        "sum": right * size[0],
        "entries": right / size[1],
        "by-logits": right * scale,
        "product-of-means": (probs - targets).mean(axis=0) @ logits.mean(axis=0),
        "of-the-sum": np.vdot(probs, logits) / len(logits),
    }
    return next((key for key, value in known.items() if close(slope, value)), "wrong")


def _shares(scores):
    exps = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exps / exps.sum(axis=1, keepdims=True)


TASKS = [
    Task(
        "drift",
        _judge_drift,
        {
            "untouched": "It does change. All probabilities have one denominator, and what the two moved logits do "
            "to it does not cancel.",
            "sign": "The size is right. Which of the two moved logits has the stronger hold on the third class?",
            "one-path": "That is the effect of one of the two moved logits. Both act on the third class.",
            "signs-lost": "You added two effects that go against each other: one logit rises, the other falls.",
            "per-unit": "That is the change for steps of a whole unit. The steps here are smaller.",
            "relative": "That is the relative change, which is the change of the logarithm. Asked for is the change of "
            "the probability itself.",
            "new-value": "That is the new probability. Asked for is the change.",
        },
        is_value=True,
    ),
    Task(
        "back_to_logits",
        _judge_back,
        {
            "divides": "There is NaN or infinity in it where a probability is 0: something is divided by it, or its "
            "logarithm is taken.",
            "forward": "You summed over the wrong index of (4.2): this is how the log-probabilities move if the logits "
            "move by these numbers. Each entry of the result belongs to one logit and collects what comes from "
            "all log-probabilities.",
            "own-path": "Only the path through the log-probability of the class itself is in it. A logit also moves "
            "the log-probabilities of all other classes.",
            "of-probs": "You used the Jacobian of the probabilities. The given derivatives are with respect to their "
            "logarithms.",
            "as-targets": "This takes for granted that each row of the given derivatives sums to -1. So it is with the "
            "cross-entropy of one example; here they can be any numbers.",
            "other-examples": "Examples are mixed: the result of one row depends on another row, but the logits of an "
            "example move only its own probabilities.",
            "sign": "The size is right and the sign is not.",
            "wrong": "The value is not right. If all logits of an example rise together, nothing changes: what does "
            "this say about a row of the result?",
        },
        _back_cases,
    ),
    Task(
        "slope_of_scale",
        _judge_scale,
        {
            "overflow": "There is NaN or infinity in it: exp of a large number is infinite. A number may be taken from "
            "all logits of an example, but the one that helps one row need not help the next.",
            "label-only": "Only the path through the label's own logit is in it. With a one-hot target one probability "
            "carries everything, but every logit moves that probability.",
            "zero": "It is 0. The derivatives by the logits of one example always sum to 0; what is the next factor, "
            "from a logit on to the scale?",
            "unscaled": "The probabilities in it are those of scale 1, whatever the scale.",
            "sign": "The size is right and the sign is not: this is the slope of the log-likelihood.",
            "sum": "It is the sum over the examples, not their mean.",
            "entries": "It is a mean over all entries. The mean runs over examples; within one, paths add up.",
            "by-logits": "The last factor is the scaled logit. How fast does that grow with the scale?",
            "product-of-means": "It multiplies the mean of the derivatives by the mean of the logits. Opposite signs "
            "cancel within each mean before they can meet in a product.",
            "of-the-sum": "The labels are not in it: this is the slope of the log-sum-exp alone.",
            "per-example": "It gives one number for each example, and J is their mean.",
        },
        _scale_cases,
    ),
]
