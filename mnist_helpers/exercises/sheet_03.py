"""Sheet 3: a loss that can be trained."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _judge_same_probability(args, probability):
    if not has_shape(probability, ()):
        return "shape"
    wrongs = [
        (0.505, "arithmetic"),
        (np.log(10), "loss"),
        (np.log2(10), "loss"),
        (0.01, "product"),
        (0.005, "product"),
        (2 ** -np.log(10), "mixed-base"),
        (np.exp(-np.log2(10)), "mixed-base"),
        (10.0, "sign"),
    ]
    for wrong, key in wrongs:
        if close(probability, wrong, rtol=1e-2):
            return key
    return None if close(np.log(np.abs(probability)), np.log(0.01) / 2) and probability > 0 else "wrong"


def _votes_cases(rng):
    cases = [
        (np.log([[0.5, 0.25, 0.25]]), np.array([[1, 0, 0]])),
        (np.log([[0.5, 0.25, 0.25], [0.2, 0.4, 0.4]]), np.array([[0, 1, 0], [1, 0, 0]])),
        (np.log([[0.5, 0.25, 0.25]]), np.array([[3, 1, 0]])),
        (np.log([[0.75, 0.25], [0.1, 0.9]]), np.array([[2, 0], [3, 3]])),
    ]
    return cases + [_random_votes(rng, *shape) for shape in ((2, 4), (3, 3), (6, 5))]


def _random_votes(rng, num_images, num_classes):
    probs = rng.dirichlet(np.ones(num_classes), num_images) + 0.01
    votes = rng.integers(0, 5, (num_images, num_classes))
    votes[np.arange(num_images), rng.integers(num_classes, size=num_images)] += 1
    return np.log(probs / probs.sum(axis=1, keepdims=True)), votes


def _judge_votes(args, loss):
    log_probs, votes = args
    voters = [np.repeat(log_row, row.astype(int)) for log_row, row in zip(log_probs, votes, strict=True)]
    costs = np.array([-np.mean(voter) for voter in voters])
    if not has_shape(loss, ()):
        return "per-image" if close(loss, costs) else "shape"
    loss, truth = float(loss), float(np.mean(costs))
    if close(loss, truth):
        return None
    num_images, num_classes = votes.shape
    kinds = [
        (-truth, "sign"),
        (truth / num_classes, "classes"),
        (truth * 10 / num_classes, "ten"),
        (truth * num_images, "sum"),
        (truth / np.log(2), "bits"),
        (-np.concatenate(voters).mean(), "voters"),
        (-np.mean([voter.sum() for voter in voters]), "counts"),
        (-np.mean(log_probs[np.arange(num_images), votes.argmax(axis=1)]), "majority"),
    ]
    return next((key for wrong, key in kinds if close(loss, wrong)), "wrong")


def _divergence_cases(rng):
    half = [0.5, 0.5]
    cases = [
        ([half], [[0.25, 0.75]]),
        ([[0.2, 0.3, 0.5]], [[0.2, 0.3, 0.5]]),
        ([half, [0.9, 0.1]], [[0.25, 0.75], half]),
        ([[1.0, 0.0]], [half]),
        ([[1.0, 0.0], half], [[1.0, 0.0], [0.25, 0.75]]),
        ([half, half], [[1.0, 0.0], [0.25, 0.75]]),
        ([half], [[1e-300, 1.0]]),
    ]
    cases = [(np.array(targets), np.array(beliefs)) for targets, beliefs in cases]
    return cases + [(_vectors(rng, *shape), _vectors(rng, *shape)) for shape in ((2, 4), (3, 3), (6, 5))]


def _vectors(rng, num_rows, num_classes):
    """Return random probability vectors, some of them with zeros."""
    weights = rng.integers(0, 4, (num_rows, num_classes)) + np.eye(num_classes)[0]
    return weights / weights.sum(axis=1, keepdims=True)


def _row(target, belief):
    pairs = [(t, p) for t, p in zip(target.tolist(), belief.tolist(), strict=True) if t > 0]
    return np.inf if any(p == 0 for _, p in pairs) else sum(-t * np.log(p) + t * np.log(t) for t, p in pairs)


def _judge_divergence(args, result):
    targets, beliefs = args
    truth = np.array([_row(*pair) for pair in zip(targets, beliefs, strict=True)])
    if not has_shape(result, truth.shape):
        return "one-number" if has_shape(result, ()) else "shape"
    result, forbidden = np.asarray(result, dtype=float), np.isinf(truth)
    if np.isnan(result).any():
        return "nan"
    if np.isfinite(result[forbidden]).any():
        return "possible"
    if not (np.isposinf(result[forbidden]).all() and np.isfinite(result[~forbidden]).all()):
        return "sign" if np.isneginf(result[forbidden]).any() else "infinite"
    if close(result[~forbidden], truth[~forbidden]):
        return None
    return _what_kind_of_divergence(targets, beliefs, result, truth) if not forbidden.any() else "wrong"


def _what_kind_of_divergence(targets, beliefs, result, truth):
    pairs = list(zip(targets, beliefs, strict=True))
    entropy = np.array([-_row(t, np.ones_like(t)) for t in targets])
    reverse = np.array([_row(p, t) for t, p in pairs])
    kinds = [
        (-truth, "sign"),
        (reverse, "swapped"),
        (-reverse, "weights"),
        (truth + entropy, "cross-entropy"),
        (truth / np.log(2), "bits"),
        (truth / targets.shape[1], "mean"),
    ]
    found = next((key for wrong, key in kinds if close(result, wrong)), "wrong")
    return "tiny" if found == "wrong" and beliefs.min() < 1e-200 else found


TASKS = [
    Task(
        "same_probability",
        _judge_same_probability,
        {
            "arithmetic": "That is the arithmetic mean of the probabilities. The loss is the mean of their logarithms.",
            "loss": "That is the loss that both models have, not a probability.",
            "product": "That is a likelihood, of one good and one bad label together or a part of it. The probability "
            "of a single label is asked for.",
            "mixed-base": "You took the logarithm in one base and turned it around in another.",
            "sign": "It is larger than 1, so it is no probability. The loss has a minus sign.",
        },
        is_value=True,
    ),
    Task(
        "loss_of_votes",
        _judge_votes,
        {
            "classes": "It is too small by a factor that is the number of classes: the sum over the classes is no "
            "mean.",
            "ten": "It is right for ten classes only.",
            "sum": "It grows with the number of images. The loss is a mean over the images.",
            "voters": "Images with many votes count more than those with few: that is the mean over all voters, not "
            "over the images.",
            "counts": "The counts of the votes are used as they are. A target must be a probability vector.",
            "majority": "Only the class with most votes counts in it. The minority belongs to the target, too.",
            "per-image": "It gives one number for each image. The mean over them is asked for.",
            "bits": "That is in bits, not in nats.",
            "sign": "The sign is the other one: this number gets larger when the model gets better.",
        },
        _votes_cases,
    ),
    Task(
        "divergence",
        _judge_divergence,
        {
            "nan": "There is NaN in it: 0 times the logarithm of 0, or 0 divided by 0. Look at what a class adds that "
            "never happens.",
            "possible": "It is finite where something happens that was believed impossible. A small number that is "
            "added to avoid ln 0, or a class left out, hides the worst mistake that a belief can make.",
            "infinite": "It is infinite in a row in which nothing happens that was believed impossible. A class that "
            "never happens adds nothing, and no row knows about another.",
            "tiny": "It is right for moderate probabilities and not for tiny ones. Was a small number added, or a "
            "probability rounded up?",
            "swapped": "Targets and beliefs are swapped: the divergence is not symmetric.",
            "weights": "The logarithms are weighted with the beliefs. Events follow the targets.",
            "cross-entropy": "That is the cross-entropy. It is not 0 where the belief equals the target.",
            "one-number": "It gives one number for all rows. Each row has a divergence of its own.",
            "mean": "It is too small by a factor that is the number of classes: the sum over the classes is no mean.",
            "bits": "That is in bits, not in nats.",
            "sign": "The sign is the other one. A divergence is never negative.",
        },
        _divergence_cases,
    ),
]
