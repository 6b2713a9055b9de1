"""Sheet 14: published numbers beside yours."""

from fractions import Fraction

import numpy as np

from mnist_helpers.exercises._tasks import Task, has_shape


def _printed(rng):
    cases = [("3", "1"), ("1", "3"), ("0.5", "0.2"), ("0.31", "0.3"), ("0.80", "0.5"), ("1.20e-3", "1.0e-3")]
    cases += [("97.4%", "0.9513"), ("-0.25", "0.5"), ("0.0097590626103", "0.0097590614918"), ("2.50E+3", "700")]
    for _ in range(4):
        digits = rng.integers(1, 5, 2)
        cases.append(tuple(f"{rng.normal():.{int(d)}f}" for d in digits))
    return cases


def _middle_and_half(text, digits=None, with_exponent=True, percent=True):
    """What a printed number stands for, exactly; the rest reads it as somebody might who is mistaken."""
    share = Fraction(1, 100) if text.endswith("%") and percent else 1
    text = text.rstrip("%")
    number, _, exponent = (digits or text).lower().partition("e")
    half = Fraction(1, 2) / 10 ** len(number.partition(".")[2])
    power = Fraction(10) ** int(exponent or 0) if with_exponent else 1
    return Fraction(text) * share, half * share * power


def _interval(pairs, factor=1):
    (a, half_a), (b, half_b) = pairs
    reach = factor * (half_a + half_b)
    return max(0, abs(a - b) - reach), abs(a - b) + reach


def _judge_distance_range(args, result):
    if not has_shape(result, (2,)):
        return "one-number" if has_shape(result, ()) else "shape"
    found = np.asarray(result, dtype=float)
    pairs = [_middle_and_half(text) for text in args]
    (a, half_a), (b, half_b) = pairs
    allowed = float(min(half_a, half_b)) * 2e-3 + 1e-15 * float(abs(a) + abs(b))

    def is_near(low, high):
        return bool(np.isfinite(found).all() and np.abs(found - [float(low), float(high)]).max() <= allowed)

    low, high = _interval(pairs)
    if is_near(low, high):
        return None
    reach = half_a + half_b
    root = float(half_a**2 + half_b**2) ** 0.5
    shorter = [_middle_and_half(text, digits=repr(float(text.rstrip("%")))) for text in args]
    guesses = [
        ("no-rounding", abs(a - b), abs(a - b)),
        ("whole-unit", *_interval(pairs, factor=2)),
        ("order", high, low),
        ("negative", abs(a - b) - reach, high),
        ("signed", a - b - reach, a - b + reach),
        ("corners", min(abs(abs(a - b) + reach - 2 * part) for part in (0, half_a, half_b, reach)), high),
        ("squares", max(0.0, float(abs(a - b)) - root), float(abs(a - b)) + root),
        ("noughts", *_interval(shorter)),
        ("exponent", *_interval([_middle_and_half(text, with_exponent=False) for text in args])),
        ("percent", *_interval([_middle_and_half(text, percent=False) for text in args])),
    ]
    if not any("e" in text.lower() for text in args):  # else a half that is far too small looks like none
        wider = max(half_a, half_b)
        one = [[(a, half_a), (b, 0)], [(a, 0), (b, half_b)], [(a, wider), (b, 0)]]
        guesses += [("one-of-two", *_interval(pair)) for pair in one]
    return next((key for key, low, high in guesses if is_near(low, high)), "wrong")


def _judge_translated(args, result):
    if not has_shape(result, (2,)):
        return "shape"
    rate, l2 = np.asarray(result, dtype=float)
    if np.isclose(rate, 0.02, rtol=1e-6) and np.isclose(l2, 0.001, rtol=1e-6):
        return "order"
    if np.isclose(rate, 0.01, rtol=1e-6):
        return "rate-kept"
    if np.isclose(rate, 0.1, rtol=1e-6):
        return "rate-up"
    if not np.isclose(rate, 0.001, rtol=1e-6):
        return "wrong"
    keys = {0.01: "half", 0.005: "half", 0.002: "penalty-shrinks", 0.001: "penalty-shrinks"}
    keys |= {0.0002: "penalty-down", 0.0001: "penalty-down", 0.02: None}
    return next((key for value, key in keys.items() if np.isclose(l2, value, rtol=1e-6)), "wrong")


def _histories(rng):
    losses = np.array([[3.0, 2.0, 2.5, 2.6, 1.0, 1.5], [2.0, 1.5, 1.0, 1.2, 0.9, 0.8], [9.0, 4.0, 5.0, 6.0, 3.0, 2.0]])
    accuracies = np.array(
        [[0.66, 0.5, 0.55, 0.56, 0.62, 0.58], [0.4, 0.45, 0.52, 0.57, 0.61, 0.63], [0.3, 0.42, 0.44, 0.47, 0.5, 0.7]]
    )
    zigzag = np.array(
        [
            [1.0, 2.0, 1.9, 2.1, 2.0, 0.8, 0.9, 1.0, 0.5, 0.6],
            [3.0, 2.0, 1.0, 1.5, 1.4, 1.6, 1.5, 1.2, 0.7, 0.9],
            [2.0, 1.0, 0.5, 0.9, 0.8, 1.0, 0.9, 0.6, 0.4, 0.7],
        ]
    )
    beside = np.array(
        [
            [0.5, 0.52, 0.41, 0.63, 0.35, 0.6, 0.44, 0.7, 0.55, 0.47],
            [0.3, 0.4, 0.45, 0.57, 0.61, 0.42, 0.66, 0.38, 0.72, 0.5],
            [0.2, 0.33, 0.58, 0.49, 0.54, 0.36, 0.31, 0.64, 0.28, 0.43],
        ]
    )
    cases = [(zigzag, beside, 2), *((losses, accuracies, patience) for patience in (1, 2, 3))]
    flat = np.array([[2.0, 1.0, 1.0, 1.0], [1.0, 2.0, 2.0, 0.5]])
    cases.append((flat, np.array([[0.1, 0.5, 0.25, 0.75], [0.375, 0.25, 0.5, 0.125]]), 2))
    for shape, patience in (((3, 8), 2), ((5, 20), 3), ((4, 12), 5)):
        falling = 2 * np.exp(-0.2 * np.arange(shape[1])) + rng.normal(0, 0.2, shape)
        cases.append((falling, rng.uniform(0.2, 0.9, shape).round(3), patience))
    return cases


def _ends(losses, patience, last=False):
    """Return the epoch that ends a run, and the one with the lowest loss up to there; of equals the first or last."""
    lowest = [int(losses[: epoch + 1].argmin()) for epoch in range(len(losses))]
    if last:
        lowest = [epoch - int(losses[epoch::-1].argmin()) for epoch in range(len(losses))]
    since = np.arange(len(losses)) - lowest
    end = int((since >= patience).argmax()) if (since >= patience).any() else len(losses) - 1
    return end, lowest[end]


def _end_of_rises(losses, patience):
    """Return the best epoch before `patience` in a row that are no better than the one before each of them."""
    rises = np.concatenate([[False], np.diff(losses) >= 0])
    ends = [end for end in range(patience, len(losses)) if rises[end - patience + 1 : end + 1].all()]
    return int(losses[: (ends or [len(losses)])[0] + 1].argmin())


def _judge_reported(args, result):
    valid_loss, test_accuracy, patience = args
    if not has_shape(result, (2,)):
        return "one-number" if has_shape(result, ()) else "shape"
    mean, spread = np.asarray(result, dtype=float)
    runs = list(zip([_ends(losses, patience) for losses in valid_loss], valid_loss, test_accuracy, strict=True))
    end_of_mean, best_of_mean = _ends(valid_loss.mean(axis=0), patience)
    guesses = {
        None: [row[best] for (_, best), _, row in runs],
        "best-test": [row[: end + 1].max() for (end, _), _, row in runs],
        "best-of-all": test_accuracy.max(axis=1),
        "end": [row[end] for (end, _), _, row in runs],
        "last": test_accuracy[:, -1],
        "ahead": [row[losses.argmin()] for _, losses, row in runs],
        "late": [row[_ends(losses, patience + 1)[1]] for _, losses, row in runs],
        "equals": [row[_ends(losses, patience, last=True)[1]] for _, losses, row in runs],
        "rises": [row[_end_of_rises(losses, patience)] for _, losses, row in runs],
        "largest-loss": [row[losses[: end + 1].argmax()] for (end, _), losses, row in runs],
        "one-epoch": test_accuracy[:, best_of_mean],
        "one-end": test_accuracy[:, end_of_mean],
    }
    alias = {"best-of-all": "best-test", "last": "end", "one-end": "one-epoch"}
    for key, finals in guesses.items():
        if abs(mean - np.mean(finals)) <= 1e-9:
            deviation = np.std(finals) * (len(finals) / (len(finals) - 1)) ** 0.5
            if key or abs(spread - deviation) <= 1e-9:
                return alias.get(key, key)
            spreads = {"n": np.std(finals), "error": deviation / len(finals) ** 0.5, "variance": deviation**2}
            return next((name for name, value in spreads.items() if abs(spread - value) <= 1e-9), "wrong")
    return "wrong"


TASKS = [
    Task(
        "distance_range",
        _judge_distance_range,
        {
            "no-rounding": "It takes the printed numbers as exact. They were rounded before they were printed.",
            "whole-unit": "It lets a number be wrong by a whole unit of its last digit. Rounding does not go as far.",
            "order": "The larger distance comes first. The smaller one is asked for first.",
            "negative": "There is a negative distance. If both may stand for the same number, what is their distance?",
            "corners": "Your smallest distance is one between two ends of the intervals. Must it be, if the intervals "
            "overlap?",
            "signed": "It is the range of a − b, not that of the distance.",
            "one-of-two": "Only one of the two numbers is taken for rounded. Both are.",
            "squares": "The two errors are added as squares. That is for typical errors; both may be at their worst.",
            "noughts": "The number of digits is not that of the text. A nought at the end is lost in a float, and one "
            "may be added.",
            "exponent": "The unit of the last digit does not know about the exponent.",
            "percent": "A percent sign makes the number a hundredth of what stands before it.",
            "one-number": "It gives one number. Two are asked for.",
        },
        _printed,
    ),
    Task(
        "translated",
        _judge_translated,
        {
            "order": "The learning rate comes first.",
            "rate-kept": "The learning rate is the report's. But the gradients of the two losses are of unlike length.",
            "rate-up": "The learning rate went the wrong way. Whose gradient is the longer one?",
            "half": "A factor 2 is missing, or one too many: what is the derivative of each of the two penalties?",
            "penalty-shrinks": "The step on the data is right now, but the smaller learning rate shrinks the penalty's "
            "step as well, and the report does not divide its penalty by anything.",
            "penalty-down": "The penalty went the wrong way. Write down one step of each, and compare term by term.",
        },
        is_value=True,
    ),
    Task(
        "reported",
        _judge_reported,
        {
            "best-test": "In each run it takes the highest test accuracy of several epochs: it chooses on test images.",
            "end": "It takes the epoch in which the run ended. The parameters kept are those of an earlier one.",
            "ahead": "It finds the lowest validation loss of all epochs, also of those after early stopping.",
            "late": "It waits one epoch too long.",
            "equals": "It takes a loss that equals the lowest so far for a lower one.",
            "rises": "It waits for epochs that are no better than the one before. Are they below the lowest so far?",
            "largest-loss": "It takes the epoch with the largest validation loss.",
            "one-epoch": "It takes the same epoch of all runs. Each run stops by itself.",
            "n": "The mean is right. The standard deviation is divided by n, not by n − 1.",
            "error": "The mean is right. The second number is the standard error of the mean.",
            "variance": "The mean is right. The second number is the variance.",
            "one-number": "It gives one number. A mean and a standard deviation are asked for.",
        },
        _histories,
    ),
]
