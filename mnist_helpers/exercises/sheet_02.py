"""Sheet 2: from scores to probabilities."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _logits_and_temperature(rng):
    cases = [
        (np.array([[0.0, 1.0]]), 1.0),
        (np.array([[0.0, 1.0]]), 2.0),
        (np.array([[0.0, 1.0], [0.0, 3.0]]), 1.0),
        (np.array([[0, 1, 2]]), 1),
        (np.array([[0.0, 1000.0]]), 1.0),
        (np.array([[0.0, 1.0], [2000.0, 2001.0]]), 1.0),
    ]
    shapes = [(1, 2), (2, 3), (4, 3), (5, 10)]
    return cases + [(rng.normal(0, 3, shape).round(1), float(rng.choice([0.5, 2.0, 5.0]))) for shape in shapes]


def _judge_soften(args, probs):
    logits, temperature = args
    if not has_shape(probs, logits.shape):
        return "shape"
    probs = np.asarray(probs, dtype=float)
    if not np.isfinite(probs).all():
        return "overflow"
    if not close(probs.sum(axis=1), np.ones(len(logits))):
        columns = close(probs.sum(axis=0), np.ones(logits.shape[1]))
        return "columns" if columns else "whole" if close(probs.sum(), 1) else "not-probs"
    return _judge_ratios(logits, temperature, probs)


def _judge_ratios(logits, temperature, probs):
    """The logarithm of the ratio of two probabilities is the difference of their logits over the temperature."""
    scores = logits - logits.max(axis=1, keepdims=True)
    seen = (probs > 1e-12) & (scores / temperature > -25)
    if (probs < 0).any() or (~seen & (scores / temperature > -25)).any():
        return "wrong"
    ratios = np.log(np.where(seen, probs, 1)) - np.log(probs.max(axis=1, keepdims=True))
    if close(ratios[seen], (scores / temperature)[seen]):
        return None
    if close(ratios[seen], (scores * temperature)[seen]):
        return "hotter-is-flatter"
    if close(ratios[seen], scores[seen]):
        return "ignored"
    return "wrong"


def _judge_gap(args, gap):
    if not has_shape(gap, ()):
        return "shape"
    for wrong, key in ((1.0, "base"), (np.log10(2), "base"), (2.0, "ratio"), (0.5, "ratio"), (-np.log(2), "sign")):
        if close(gap, wrong, rtol=1e-3):
            return key
    if close(np.exp(gap), 2.0, rtol=1e-4):
        return None
    return "rounded" if close(gap, np.log(2), rtol=0.02) else "wrong"


def _odds_cases(rng):
    cases = [
        (np.array([[1.0, 3.0]]), 1, 0),
        (np.array([[1.0, 3.0], [2.0, 5.0]]), 1, 0),
        (np.array([[1.0, 2.0, 4.0]]), 0, 2),
        (np.array([[-900.0, -902.0, 0.0]]), 0, 1),
        (np.array([[900.0, 902.0]]), 0, 1),
    ]
    return cases + [(rng.normal(0, 4, (n, 5)).round(1), *map(int, rng.choice(5, 2, replace=False))) for n in (1, 3, 8)]


def _judge_odds(args, odds):
    logits, first, second = args
    if not has_shape(odds, (len(logits),)):
        return "one-number" if has_shape(odds, ()) else "shape"
    odds = np.asarray(odds, dtype=float)
    gap = logits[:, first] - logits[:, second]
    if close(odds, np.exp(gap)):
        return None
    far = (logits.max(axis=1) - logits[:, [first, second]].max(axis=1) > 700) | (logits.max(axis=1) > 700)
    if (far & (~np.isfinite(odds) | (odds == 0))).any():
        return "nought-by-nought"
    if (far & (odds == 1)).any():
        return "evened-out"
    if close(odds, np.exp(-gap)):
        return "upside-down"
    if close(odds, gap):
        return "log-odds"
    return "scores" if close(odds * logits[:, second], logits[:, first]) else "wrong"


TASKS = [
    Task(
        "soften",
        _judge_soften,
        {
            "columns": "Each column sums to 1, each row must: the classes of one example share its probability, "
            "not the examples of one class.",
            "whole": "All entries together sum to 1. Each row is an example of its own and must sum to 1.",
            "overflow": "There is NaN or infinity in it: exp of a large number is infinite. A constant may be taken "
            "from all logits of an example, but the one that helps one row need not help the next.",
            "hotter-is-flatter": "The probabilities grow sharper with the temperature. A high temperature makes "
            "differences of logits count less.",
            "ignored": "The probabilities are those of temperature 1, whatever the temperature.",
            "not-probs": "The rows do not sum to 1: what comes last must be the division by the sum.",
            "wrong": "Rows sum to 1, but the probabilities do not depend on the logits as exponentials do.",
        },
        _logits_and_temperature,
    ),
    Task(
        "gap",
        _judge_gap,
        {
            "base": "You took a logarithm with base 2 or 10. The exponential in the softmax has base e.",
            "ratio": "That is the ratio of the probabilities itself. Logits are on another scale.",
            "sign": "The size is right. Which of the two logits is the larger one?",
            "rounded": "That is near, but it is rounded.",
        },
        is_value=True,
    ),
    Task(
        "odds",
        _judge_odds,
        {
            "nought-by-nought": "It gives NaN, 0 or infinity where both probabilities are too small to be stored, "
            "though their ratio is an ordinary number.",
            "evened-out": "It calls both classes equally likely where both probabilities are too small to be stored, "
            "or both exponentials too large. A small number that is added, or a limit that is set, hides their ratio.",
            "upside-down": "That is how many times more likely the second class is, not the first.",
            "one-number": "It gives one number for all examples. Each row has odds of its own.",
            "log-odds": "That is the logarithm of the odds.",
            "scores": "That is the ratio of the logits. Twice the logit is not twice the probability.",
        },
        _odds_cases,
    ),
]
