"""Hidden tests of sheet 14."""

import statistics
from decimal import Decimal

import numpy as np

from instructor.hidden import Hidden


def _ends_of(text):
    number = Decimal(text.rstrip("%"))
    half = Decimal((0, (5,), number.as_tuple().exponent - 1))
    share = 100 if text.endswith("%") else 1
    return (number - half) / share, (number + half) / share


def _distance_range(first, second):
    (a, b), (c, d) = _ends_of(first), _ends_of(second)
    return np.array([float(max(0, a - d, c - b)), float(max(b - c, d - a))])


def _same_range(args, result, expected):
    unit = min(float(high - low) for low, high in map(_ends_of, args))
    size = sum(abs(float(end)) for text in args for end in _ends_of(text))
    return bool(np.abs(np.asarray(result, dtype=float) - expected).max() <= 2e-3 * unit + 1e-15 * size)


def _pairs(pattern, scale=1.0, shift=0.0):
    def group(rng):
        formats = [pattern.format(int(d)) for d in rng.integers(0, 5, 12)]
        texts = ["{:{}}".format(scale * rng.normal() + shift, form) for form in formats]
        return list(zip(texts[::2], texts[1::2], strict=True))

    return group


def _reported(valid_loss, test_accuracy, patience):
    finals = []
    for losses, accuracies in zip(valid_loss.tolist(), test_accuracy.tolist(), strict=True):
        lowest, kept, waiting = float("inf"), accuracies[0], 0
        for loss, accuracy in zip(losses, accuracies, strict=True):
            waiting += 1
            if loss < lowest:
                lowest, kept, waiting = loss, accuracy, 0
            if waiting == patience:
                break
        finals.append(kept)
    return np.array([statistics.fmean(finals), statistics.stdev(finals)])


def _histories(*shapes, patience=3, noise=0.2, digits=9):
    def group(rng):
        cases = []
        for runs, epochs in shapes:
            falling = 2 * np.exp(-0.1 * np.arange(epochs)) + rng.normal(0, noise, (runs, epochs))
            cases.append((falling.round(digits), rng.uniform(0.1, 0.9, (runs, epochs)), patience))
        return cases

    return group


HIDDEN = [
    Hidden(
        "distance_range",
        _distance_range,
        {
            "decimals": _pairs(".{}f"),
            "nearly equal numbers": _pairs(".{}f", scale=0.05, shift=0.9),
            "whole numbers": lambda rng: [("12", "5"), ("7", "-7"), ("100", "99")],
            "noughts at the end": lambda rng: [("0.500", "0.25"), ("1.000", "2"), ("10", "9.0"), ("0.0", "0.00")],
            "exponents": _pairs(".{}e", scale=1e-7),
            "percent": _pairs(".{}%"),
            "percent beside none": lambda rng: [("97.37%", "0.9770"), ("0.9595", "96%"), ("1.2e-1", "12.0%")],
            "a misprint of S3": lambda rng: [("1.19908287898e6", "1.20e-6"), ("1.4609340039e-10", "1.12e-9")],
            "many digits": lambda rng: [("0.0018200287225", "0.0018200877310"), ("0.099881709278", "0.099880510195")],
        },
        compare=_same_range,
    ),
    Hidden("translated", lambda: np.array([0.001, 0.02]), rtol=1e-6),
    Hidden(
        "reported",
        _reported,
        {
            "a few runs": _histories((3, 30), (2, 10)),
            "many runs": _histories((40, 60), patience=5),
            "impatient": _histories((5, 20), (3, 8), patience=1),
            "never stopped": _histories((4, 25), (3, 6), patience=100),
            "equal losses": _histories((6, 30), (6, 15), digits=1),
            "before training only": _histories((3, 1)),
        },
    ),
]
