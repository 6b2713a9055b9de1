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


def _shared_cases(rng):
    halves = np.array([[-0.5, 0.5], [0.75, -0.75]])
    cases = [
        (np.array([[1.0, 2.0]]), halves[:1], np.array([0, 0]), 1),
        (np.array([[1.0, 2.0], [3.0, 5.0]]), halves, np.array([0, 0]), 1),
        (np.array([[1.0, 2.0], [3.0, 5.0]]), halves, np.array([1, 0]), 2),
        (np.array([[1.0, 2.0], [3.0, 5.0]]), halves, np.array([0, 0]), 3),
    ]
    return cases + [_shared(rng, *sizes) for sizes in ((1, 3, 2, 3), (3, 4, 2, 3), (2, 6, 3, 3), (8, 10, 4, 5))]


def _shared(rng, num_examples, num_features, num_shared, num_classes):
    delta = _probs(rng, (num_examples, num_classes)) - np.eye(num_classes)[rng.integers(num_classes, size=num_examples)]
    owner = rng.permutation(np.arange(num_features) % num_shared)
    return rng.normal(size=(num_examples, num_features)), delta, owner, num_shared


def _judge_shared(args, grads):
    features, delta, owner, num_shared = args
    num_classes = delta.shape[1]
    if not has_shape(grads, (num_shared, num_classes)):
        known = {
            "transposed": (num_classes, num_shared),
            "unshared": (len(owner), num_classes),
            "size-from-owner": (owner.max() + 1, num_classes),
        }
        return next((key for key, shape in known.items() if has_shape(grads, shape)), "shape")
    # With random directions a and b, a G b is a mean over the examples of plain numbers.
    rng, counts = np.random.default_rng(0), np.bincount(owner, minlength=num_shared)
    last = {group: d for d, group in enumerate(owner.tolist())}
    keys = None, "sum", "last-only", "mean-of-paths", "sign", "unshared"
    votes = []
    for a, b in [(rng.normal(size=num_shared), rng.normal(size=num_classes)) for _ in range(5)]:
        found, errors = a @ np.asarray(grads, dtype=float) @ b, delta @ b
        used = a[owner]
        right = np.mean((features @ used) * errors)
        only_last = np.mean((features[:, list(last.values())] @ a[list(last)]) * errors)
        means = np.mean((features @ (used / counts[owner])) * errors)
        as_it_is = np.mean((features @ a) * errors) if num_shared == len(owner) else np.nan
        values = right, right * len(features), only_last, means, -right, as_it_is
        votes.append({key for key, value in zip(keys, values, strict=True) if close(found, value)})
    common = set.intersection(*votes)
    return next((key for key in keys if key in common), "wrong")


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
        "shared_grad",
        _judge_shared,
        {
            "last-only": "Of the features that share a row, only the last one is in it. With an index that repeats a "
            "number, numpy does not add up: each assignment overwrites the one before.",
            "mean-of-paths": "The features that share a row are averaged. They are paths from one weight to the loss.",
            "sum": "It is the sum over the examples, not their mean.",
            "sign": "The size is right and the sign is not.",
            "unshared": "It is laid out by features: its row d belongs to feature d. A row of the result belongs to a "
            "row of shared weights.",
            "size-from-owner": "A row is missing. There may be rows that no feature uses; num_shared counts them too.",
            "transposed": "It is the transpose of a gradient by the shared weights, which have shape (G, K).",
        },
        _shared_cases,
    ),
]
