"""Right and wrong answers to the tasks of sheet 12."""

from itertools import pairwise

import numpy as np


def _lines(weights, bias, start, end):
    scores = start @ weights + bias
    return scores, end @ weights + bias - scores


def stretches_by_overtaking(weights, bias, start, end):
    scores, slopes = start @ weights + bias, (end - start) @ weights
    k, classes, changes = int(np.argmax(scores)), [], []
    while k is not None:
        classes.append(k)
        upcoming = [
            ((scores[k] - scores[j]) / (slopes[j] - slopes[k]), j) for j in range(len(bias)) if slopes[j] > slopes[k]
        ]
        s, k = min(upcoming, default=(2.0, None))
        if s >= 1:
            break
        changes.append(s)
    return np.array(classes), np.array(changes)


def stretches_by_all_crossings(weights, bias, start, end):
    scores, slopes = start @ weights + bias, (end - start) @ weights
    with np.errstate(all="ignore"):
        meets = (scores[:, None] - scores) / (slopes - slopes[:, None])
    borders = [0.0, *np.unique(meets[(meets > 0) & (meets < 1)]), 1.0]
    classes, changes = [], []
    for left, right in pairwise(borders):
        if right - left < 1e-13:
            continue
        winner = int(np.argmax(scores + (left + right) / 2 * slopes))
        if not classes or winner != classes[-1]:
            changes += [left] if classes else []
            classes.append(winner)
    return classes, changes


def stretches_by_halving_the_problem(weights, bias, start, end):
    scores, slopes = start @ weights + bias, (end - start) @ weights

    def between(i, j):
        if i == j:
            return []
        s = (scores[i] - scores[j]) / (slopes[j] - slopes[i])
        now = scores + s * slopes
        now[[i, j]] += 1e-12
        k = int(now.argmax())
        return [(s, j)] if k in (i, j) else between(i, k) + between(k, j)

    first = int(scores.argmax())
    found = between(first, int((scores + slopes).argmax()))
    return [first, *(j for _, j in found)], [s for s, _ in found]


def stretches_backwards(weights, bias, start, end):
    return stretches_by_overtaking(weights, bias, end, start)


def stretches_as_lengths(weights, bias, start, end):
    classes, changes = stretches_by_overtaking(weights, bias, start, end)
    return classes, changes * np.linalg.norm(end - start)


def stretches_without_bias(weights, bias, start, end):
    return stretches_by_overtaking(weights, 0 * bias, start, end)


def stretches_in_steps(weights, bias, start, end):
    s = np.linspace(0, 1, 1001)
    winners = ((start + s[:, None] * (end - start)) @ weights + bias).argmax(axis=1)
    new = np.flatnonzero(np.diff(winners)) + 1
    return [winners[0], *winners[new]], s[new]


def stretches_with_repeats(weights, bias, start, end):
    scores, slopes = start @ weights + bias, (end - start) @ weights
    with np.errstate(all="ignore"):
        meets = (scores[:, None] - scores) / (slopes - slopes[:, None])
    borders = np.array([0.0, *np.unique(meets[(meets > 0) & (meets < 1)].round(12)), 1.0])
    middles = (borders[:-1] + borders[1:]) / 2
    return (scores + middles[:, None] * slopes).argmax(axis=1), borders[1:-1]


def stretches_of_the_whole_line(weights, bias, start, end):
    far = 1e3 * (end - start)
    classes, changes = stretches_by_overtaking(weights, bias, start - far, end + far)
    return classes, changes * 2001 - 1000


def stretches_of_the_two_ends(weights, bias, start, end):
    scores, slopes = start @ weights + bias, (end - start) @ weights
    i, j = int(scores.argmax()), int((scores + slopes).argmax())
    return ([i], []) if i == j else ([i, j], [(scores[i] - scores[j]) / (slopes[j] - slopes[i])])


def stretches_by_any_crossing(weights, bias, start, end):
    scores, slopes = start @ weights + bias, (end - start) @ weights
    order = np.argsort(slopes, kind="stable")
    order = order[list(order).index(scores.argmax()) :]
    classes, changes = [int(order[0])], []
    for j in order[1:]:
        i = classes[-1]
        s = (scores[i] - scores[j]) / (slopes[j] - slopes[i]) if slopes[j] > slopes[i] else 2
        if (changes[-1] if changes else 0) < s < 1:
            classes.append(int(j))
            changes.append(s)
    return classes, changes


def stretches_from_the_first_class(weights, bias, start, end):
    here, there = start @ weights + bias, end @ weights + bias
    k = int(here.argmax())
    lead_here, lead_there = here[k] - here, there[k] - there
    passed = sorted((lead_here[j] / (lead_here[j] - lead_there[j]), j) for j in np.flatnonzero(lead_there < 0))
    return [k, *(int(j) for _, j in passed)], [s for s, _ in passed]


def stretches_of_the_ends_only(weights, bias, start, end):
    return [int((start @ weights + bias).argmax()), int((end @ weights + bias).argmax())]


def smallest_change_by_loops(weights, bias, x):
    found = []
    for row in x:
        scores = row @ weights + bias
        k = int(scores.argmax())
        ways = np.delete(scores[k] - scores, k) / np.delete(np.abs(weights[:, [k]] - weights).sum(axis=0), k)
        found.append(ways.min())
    return found


def smallest_change_by_arrays(weights, bias, x):
    scores = x @ weights + bias
    k = scores.argmax(axis=1)
    lengths = np.abs(weights[:, :, None] - weights[:, None, :]).sum(axis=0)[k]
    with np.errstate(invalid="ignore"):
        ratios = (scores.max(axis=1, keepdims=True) - scores) / lengths
    ratios[np.arange(len(x)), k] = np.inf
    return ratios.min(axis=1)


def smallest_change_by_nanmin(weights, bias, x):
    scores = x @ weights + bias
    with np.errstate(all="ignore"):
        per_class = [
            (scores.max(axis=1) - scores[:, j])
            / np.abs(weights[:, scores.argmax(axis=1)] - weights[:, [j]]).sum(axis=0)
            for j in range(len(bias))
        ]
    return np.nanmin(per_class, axis=0)


def _leads_and_differences(weights, bias, x):
    scores = x @ weights + bias
    order = scores.argsort(axis=1)[:, ::-1]
    ordered = np.take_along_axis(scores, order, axis=1)
    columns = weights.T[order]
    return ordered[:, :1] - ordered[:, 1:], np.abs(columns[:, :1] - columns[:, 1:])


def smallest_change_of_the_runner_up(weights, bias, x):
    leads, differences = _leads_and_differences(weights, bias, x)
    return leads[:, 0] / differences[:, 0].sum(axis=1)


def smallest_change_with_itself(weights, bias, x):
    scores = x @ weights + bias
    lengths = np.abs(weights[:, scores.argmax(axis=1)].T[:, :, None] - weights).sum(axis=1)
    return ((scores.max(axis=1, keepdims=True) - scores) / (lengths + 1e-12)).min(axis=1)


def smallest_change_of_nan(weights, bias, x):
    scores = x @ weights + bias
    lengths = np.abs(weights[:, scores.argmax(axis=1)].T[:, :, None] - weights).sum(axis=1)
    return ((scores.max(axis=1, keepdims=True) - scores) / lengths).min(axis=1)


def smallest_change_by_own_weights(weights, bias, x):
    scores = x @ weights + bias
    with np.errstate(all="ignore"):
        ratios = (scores.max(axis=1, keepdims=True) - scores) / np.abs(weights).sum(axis=0)
    ratios[np.arange(len(x)), scores.argmax(axis=1)] = np.inf
    return ratios.min(axis=1)


def smallest_change_of_all(weights, bias, x):
    return smallest_change_by_arrays(weights, bias, x).min()


def smallest_change_as_lead(weights, bias, x):
    return _leads_and_differences(weights, bias, x)[0].min(axis=1)


def smallest_change_as_length(weights, bias, x):
    leads, differences = _leads_and_differences(weights, bias, x)
    return (leads / np.linalg.norm(differences, axis=2)).min(axis=1)


def smallest_change_of_one_feature(weights, bias, x):
    leads, differences = _leads_and_differences(weights, bias, x)
    return (leads / differences.max(axis=2)).min(axis=1)


def smallest_change_to_the_farthest(weights, bias, x):
    leads, differences = _leads_and_differences(weights, bias, x)
    return (leads / differences.sum(axis=2)).max(axis=1)


def smallest_change_by_smallest_lead(weights, bias, x):
    leads, differences = _leads_and_differences(weights, bias, x)
    return leads.min(axis=1) / differences.sum(axis=2).max(axis=1)


def smallest_change_in_place(weights, bias, x):
    found = smallest_change_by_arrays(weights, bias, x)
    x -= found[:, None]
    return found


ANSWERS = {
    "stretches": (
        [stretches_by_overtaking, stretches_by_all_crossings, stretches_by_halving_the_problem],
        [
            (stretches_backwards, "direction"),
            (stretches_as_lengths, "length"),
            (stretches_without_bias, "bias"),
            (stretches_in_steps, "steps"),
            (stretches_with_repeats, "repeats"),
            (stretches_of_the_whole_line, "outside"),
            (stretches_of_the_two_ends, "only-ends"),
            (stretches_by_any_crossing, "third-above"),
            (stretches_from_the_first_class, "from-start"),
            (stretches_of_the_ends_only, "shape"),
        ],
    ),
    "checkerboard": (
        [(6, 5), [6, 5], np.array([6.0, 5.0])],
        [
            ((6, 6), "loss-and-errors"),
            ((5, 5), "all-alike"),
            ((9, 9), "blocks"),
            ((8, 5), "blocks"),
            ((7, 5), "blocks"),
            ((5, 6), "order"),
            ((6, 4), "wrong"),
            (6, "shape"),
        ],
    ),
    "smallest_change": (
        [smallest_change_by_loops, smallest_change_by_arrays, smallest_change_by_nanmin],
        [
            (smallest_change_of_the_runner_up, "runner-up"),
            (smallest_change_with_itself, "itself"),
            (smallest_change_of_nan, "itself"),
            (smallest_change_by_own_weights, "itself"),
            (smallest_change_of_all, "one-number"),
            (smallest_change_as_lead, "lead"),
            (smallest_change_as_length, "euclid"),
            (smallest_change_of_one_feature, "one-feature"),
            (smallest_change_to_the_farthest, "farthest"),
            (smallest_change_by_smallest_lead, "wrong"),
            (smallest_change_in_place, "mutates"),
        ],
    ),
}
