"""Right and wrong answers to the tasks of sheet 14."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np


def _read(text):
    number, exponent, percent = re.fullmatch(r"(-?[\d.]+)(?:[eE]([+-]?\d+))?(%?)", text).groups()
    power = int(exponent or 0) - (2 if percent else 0)
    decimals = len(number.split(".")[1]) if "." in number else 0
    return float(number) * 10.0**power, 0.5 * 10.0 ** (power - decimals)


def _range(first, second, reach):
    (a, half_a), (b, half_b) = _read(first), _read(second)
    far = reach(half_a, half_b)
    return max(0.0, abs(a - b) - far), abs(a - b) + far


def distance_range_by_reading(first, second):
    return _range(first, second, lambda a, b: a + b)


def distance_range_by_decimals(first, second):
    ends = []
    for text in (first, second):
        number, share = Decimal(text.rstrip("%")), Decimal("0.01") if text[-1] == "%" else Decimal(1)
        half = Decimal(5).scaleb(number.as_tuple().exponent - 1)
        ends.append(((number - half) * share, (number + half) * share))
    (low_a, high_a), (low_b, high_b) = ends
    return [float(max(low_a - high_b, low_b - high_a, Decimal(0))), float(max(high_a - low_b, high_b - low_a))]


def distance_range_by_corners(first, second):
    def ends(text):
        digits = re.sub(r"[eE].*|%", "", text).replace("-", "")
        value = Fraction(text.rstrip("%")) / (100 if "%" in text else 1)
        count = Fraction(digits.replace(".", ""))
        unit = abs(value) / count if count else Fraction(10) ** -len(digits.partition(".")[2])
        return value - unit / 2, value + unit / 2

    (a, b), (c, d) = ends(first), ends(second)
    corners = [float(p - q) for p in (a, b) for q in (c, d)]
    nearest = 0.0 if min(corners) < 0 < max(corners) else min(map(abs, corners))
    return np.array([nearest, max(map(abs, corners))])


def distance_range_of_exact_numbers(first, second):
    return _range(first, second, lambda a, b: 0.0)


def distance_range_by_whole_units(first, second):
    return _range(first, second, lambda a, b: 2 * (a + b))


def distance_range_turned(first, second):
    return distance_range_by_reading(first, second)[::-1]


def distance_range_below_nought(first, second):
    (a, half_a), (b, half_b) = _read(first), _read(second)
    return abs(a - b) - half_a - half_b, abs(a - b) + half_a + half_b


def distance_range_with_sign(first, second):
    (a, half_a), (b, half_b) = _read(first), _read(second)
    return a - half_a - b - half_b, a + half_a - b + half_b


def distance_range_of_the_second(first, second):
    return _range(first, second, lambda a, b: b)


def distance_range_of_the_coarser(first, second):
    return _range(first, second, max)


def distance_range_by_squares(first, second):
    return _range(first, second, np.hypot)


def distance_range_of_floats(first, second):
    (a, half_a), (b, half_b) = (
        (_read(text)[0], _read(repr(float(text.rstrip("%"))) + "%" * text.count("%"))[1]) for text in (first, second)
    )
    return max(0.0, abs(a - b) - half_a - half_b), abs(a - b) + half_a + half_b


def distance_range_without_exponent(first, second):
    halves = [0.5 / 10 ** len(re.sub(r"[eE].*|%", "", text).partition(".")[2]) for text in (first, second)]
    halves = [half / 100 if "%" in text else half for half, text in zip(halves, (first, second), strict=True)]
    gap = abs(_read(first)[0] - _read(second)[0])
    return max(0.0, gap - sum(halves)), gap + sum(halves)


def distance_range_without_percent(first, second):
    return distance_range_by_reading(first.rstrip("%"), second.rstrip("%"))


def distance_range_as_largest(first, second):
    return distance_range_by_reading(first, second)[1]


def distance_range_of_the_ends(first, second):
    (a, half_a), (b, half_b) = _read(first), _read(second)
    ends = [abs(p - q) for p in (a - half_a, a + half_a) for q in (b - half_b, b + half_b)]
    return min(ends), max(ends)


def distance_range_by_difference_of_halves(first, second):
    return _range(first, second, lambda a, b: abs(a - b) + 0.1 * min(a, b))


def _stops(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses) - 1, best


def _summary(finals):
    return np.mean(finals), np.std(finals, ddof=1)


def _chosen(valid_loss, test_accuracy, patience):
    return [row[_stops(losses, patience)[1]] for losses, row in zip(valid_loss, test_accuracy, strict=True)]


def reported_by_loop(valid_loss, test_accuracy, patience):
    return _summary(_chosen(valid_loss, test_accuracy, patience))


def reported_by_running_minimum(valid_loss, test_accuracy, patience):
    lowest = np.minimum.accumulate(valid_loss, axis=1)
    epochs = np.arange(valid_loss.shape[1])
    new = np.column_stack([np.full(len(lowest), True), lowest[:, 1:] < lowest[:, :-1]])
    newest = np.maximum.accumulate(np.where(new, epochs, 0), axis=1)
    over = epochs - newest >= patience
    over[:, -1] = True
    kept = np.take_along_axis(newest, over.argmax(axis=1)[:, None], axis=1)
    finals = np.take_along_axis(test_accuracy, kept, axis=1)[:, 0]
    return [finals.mean(), np.sqrt(((finals - finals.mean()) ** 2).sum() / (len(finals) - 1))]


def reported_by_windows(valid_loss, test_accuracy, patience):
    finals = []
    for losses, row in zip(valid_loss, test_accuracy, strict=True):
        kept = 0
        while (losses[kept + 1 : kept + 1 + patience] < losses[kept]).any():
            kept += 1 + int((losses[kept + 1 : kept + 1 + patience] < losses[kept]).argmax())
        finals.append(row[kept])
    return np.array([np.mean(finals), np.sqrt(np.var(finals, ddof=1))])


def reported_by_best_test(valid_loss, test_accuracy, patience):
    ends = [_stops(losses, patience)[0] for losses in valid_loss]
    return _summary([row[: end + 1].max() for end, row in zip(ends, test_accuracy, strict=True)])


def reported_by_best_of_all(valid_loss, test_accuracy, patience):
    return _summary(test_accuracy.max(axis=1))


def reported_at_the_end(valid_loss, test_accuracy, patience):
    ends = [_stops(losses, patience)[0] for losses in valid_loss]
    return _summary(test_accuracy[np.arange(len(ends)), ends])


def reported_at_the_last_epoch(valid_loss, test_accuracy, patience):
    return _summary(test_accuracy[:, -1])


def reported_without_stopping(valid_loss, test_accuracy, patience):
    return _summary(test_accuracy[np.arange(len(valid_loss)), valid_loss.argmin(axis=1)])


def reported_too_late(valid_loss, test_accuracy, patience):
    return _summary(_chosen(valid_loss, test_accuracy, patience + 1))


def reported_after_rises(valid_loss, test_accuracy, patience):
    finals = []
    for losses, row in zip(valid_loss, test_accuracy, strict=True):
        best = waited = 0
        for epoch in range(1, len(losses)):
            best = epoch if losses[epoch] < losses[best] else best
            waited = 0 if losses[epoch] < losses[epoch - 1] else waited + 1
            if waited >= patience:
                break
        finals.append(row[best])
    return _summary(finals)


def reported_with_last_of_equals(valid_loss, test_accuracy, patience):
    finals = []
    for losses, row in zip(valid_loss, test_accuracy, strict=True):
        best = 0
        for epoch, loss in enumerate(losses):
            if loss <= losses[best]:
                best = epoch
            if epoch - best >= patience:
                break
        finals.append(row[best])
    return _summary(finals)


def reported_at_largest_loss(valid_loss, test_accuracy, patience):
    ends = [_stops(losses, patience)[0] for losses in valid_loss]
    chosen = [losses[: end + 1].argmax() for end, losses in zip(ends, valid_loss, strict=True)]
    return _summary(test_accuracy[np.arange(len(chosen)), chosen])


def reported_at_one_epoch(valid_loss, test_accuracy, patience):
    return _summary(test_accuracy[:, _stops(valid_loss.mean(axis=0), patience)[1]])


def reported_with_n(valid_loss, test_accuracy, patience):
    finals = _chosen(valid_loss, test_accuracy, patience)
    return np.mean(finals), np.std(finals)


def reported_with_standard_error(valid_loss, test_accuracy, patience):
    mean, spread = reported_by_loop(valid_loss, test_accuracy, patience)
    return mean, spread / len(valid_loss) ** 0.5


def reported_with_variance(valid_loss, test_accuracy, patience):
    finals = _chosen(valid_loss, test_accuracy, patience)
    return np.mean(finals), np.var(finals, ddof=1)


def reported_mean_only(valid_loss, test_accuracy, patience):
    return np.mean(_chosen(valid_loss, test_accuracy, patience))


def reported_median(valid_loss, test_accuracy, patience):
    finals = np.array(_chosen(valid_loss, test_accuracy, patience))
    return np.median(finals) + 0.01, np.ptp(finals)


ANSWERS = {
    "distance_range": (
        [distance_range_by_reading, distance_range_by_decimals, distance_range_by_corners],
        [
            (distance_range_of_exact_numbers, "no-rounding"),
            (distance_range_by_whole_units, "whole-unit"),
            (distance_range_turned, "order"),
            (distance_range_below_nought, "negative"),
            (distance_range_with_sign, "signed"),
            (distance_range_of_the_second, "one-of-two"),
            (distance_range_of_the_coarser, "one-of-two"),
            (distance_range_by_squares, "squares"),
            (distance_range_of_floats, "noughts"),
            (distance_range_without_exponent, "exponent"),
            (distance_range_without_percent, "percent"),
            (distance_range_as_largest, "one-number"),
            (distance_range_of_the_ends, "corners"),
            (distance_range_by_difference_of_halves, "wrong"),
        ],
    ),
    "translated": (
        [(0.001, 0.02), [1e-3, 2e-2], np.array([0.001, 0.02])],
        [
            ((0.02, 0.001), "order"),
            ((0.01, 0.002), "rate-kept"),
            ((0.01, 0.001), "rate-kept"),
            ((0.1, 0.0002), "rate-up"),
            ((0.001, 0.01), "half"),
            ((0.001, 0.002), "penalty-shrinks"),
            ((0.001, 0.0002), "penalty-down"),
            ((0.001, 0.04), "wrong"),
            (0.001, "shape"),
        ],
    ),
    "reported": (
        [reported_by_loop, reported_by_running_minimum, reported_by_windows],
        [
            (reported_by_best_test, "best-test"),
            (reported_by_best_of_all, "best-test"),
            (reported_at_the_end, "end"),
            (reported_at_the_last_epoch, "end"),
            (reported_without_stopping, "ahead"),
            (reported_too_late, "late"),
            (reported_after_rises, "rises"),
            (reported_with_last_of_equals, "equals"),
            (reported_at_largest_loss, "largest-loss"),
            (reported_at_one_epoch, "one-epoch"),
            (reported_with_n, "n"),
            (reported_with_standard_error, "error"),
            (reported_with_variance, "variance"),
            (reported_mean_only, "one-number"),
            (reported_median, "wrong"),
        ],
    ),
}
