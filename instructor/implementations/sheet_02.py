"""Right and wrong answers to the tasks of sheet 2."""

import math

import numpy as np
from scipy.special import log_softmax, softmax


def soften_by_numpy(logits, temperature):
    scaled = logits / temperature
    exps = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exps / exps.sum(axis=1, keepdims=True)


def soften_by_scipy(logits, temperature):
    return softmax(np.asarray(logits, dtype=float) / temperature, axis=1)


def soften_in_logs(logits, temperature):
    return np.exp(log_softmax(logits / temperature, axis=-1))


def soften_by_loops(logits, temperature):
    rows = []
    for row in logits.tolist():
        exps = [math.exp((score - max(row)) / temperature) for score in row]
        rows.append([value / sum(exps) for value in exps])
    return np.array(rows)


def soften_columns(logits, temperature):
    scaled = logits / temperature
    exps = np.exp(scaled - scaled.max(axis=0))
    return exps / exps.sum(axis=0)


def soften_whole(logits, temperature):
    exps = np.exp(logits / temperature - (logits / temperature).max())
    return exps / exps.sum()


def soften_unshifted(logits, temperature):
    exps = np.exp(logits / temperature)
    return exps / exps.sum(axis=1, keepdims=True)


def soften_by_one_maximum(logits, temperature):
    exps = np.exp((logits - logits.max()) / temperature)
    return exps / exps.sum(axis=1, keepdims=True)


def soften_hotter_is_sharper(logits, temperature):
    return softmax(logits * temperature, axis=1)


def soften_after_softmax(logits, temperature):
    return softmax(logits, axis=1) / temperature


def soften_not_at_all(logits, temperature):
    return softmax(logits, axis=1)


def soften_by_squares(logits, temperature):
    squares = (logits / temperature - (logits / temperature).min(axis=1, keepdims=True) + 1) ** 2
    return squares / squares.sum(axis=1, keepdims=True)


def soften_without_return(logits, temperature):
    softmax(logits / temperature, axis=1)


def soften_in_place(logits, temperature):
    probs = soften_by_numpy(logits, temperature)
    logits[...] = probs
    return probs


def odds_by_exp(logits, first, second):
    return np.exp(logits[:, first] - logits[:, second])


def odds_in_logs(logits, first, second):
    log_probs = log_softmax(logits, axis=1)
    return np.exp(log_probs[:, first] - log_probs[:, second])


def odds_by_loop(logits, first, second):
    return [math.exp(row[first] - row[second]) for row in logits]


def odds_of_probs(logits, first, second):
    probs = softmax(logits, axis=1)
    with np.errstate(all="ignore"):
        return probs[:, first] / probs[:, second]


def odds_of_exps(logits, first, second):
    with np.errstate(all="ignore"):
        return np.exp(logits[:, first]) / np.exp(logits[:, second])


def odds_with_an_epsilon(logits, first, second):
    probs = softmax(logits, axis=1) + 1e-12
    return probs[:, first] / probs[:, second]


def odds_of_clipped_logits(logits, first, second):
    exps = np.exp(np.clip(logits, -500, 500))
    return exps[:, first] / exps[:, second]


def odds_upside_down(logits, first, second):
    return np.exp(logits[:, second] - logits[:, first])


def odds_of_the_first_row(logits, first, second):
    return np.exp(logits[0, first] - logits[0, second])


def odds_without_exp(logits, first, second):
    return logits[:, first] - logits[:, second]


def odds_of_scores(logits, first, second):
    with np.errstate(all="ignore"):
        return logits[:, first] / logits[:, second]


ANSWERS = {
    "soften": (
        [soften_by_numpy, soften_by_scipy, soften_in_logs, soften_by_loops],
        [
            (soften_columns, "columns"),
            (soften_whole, "whole"),
            (soften_unshifted, "overflow"),
            (soften_by_one_maximum, "overflow"),
            (soften_hotter_is_sharper, "hotter-is-flatter"),
            (soften_after_softmax, "not-probs"),
            (soften_not_at_all, "ignored"),
            (soften_by_squares, "wrong"),
            (soften_without_return, "none"),
            (soften_in_place, "mutates"),
        ],
    ),
    "gap": (
        [np.log(2), 0.693147, -np.log(0.5)],
        [
            (1.0, "base"),
            (np.log10(2), "base"),
            (2, "ratio"),
            (0.5, "ratio"),
            (-np.log(2), "sign"),
            (0.69, "rounded"),
            (np.e, "wrong"),
        ],
    ),
    "odds": (
        [odds_by_exp, odds_in_logs, odds_by_loop],
        [
            (odds_of_probs, "nought-by-nought"),
            (odds_of_exps, "nought-by-nought"),
            (odds_with_an_epsilon, "evened-out"),
            (odds_of_clipped_logits, "evened-out"),
            (odds_upside_down, "upside-down"),
            (odds_of_the_first_row, "one-number"),
            (odds_without_exp, "log-odds"),
            (odds_of_scores, "scores"),
        ],
    ),
}
