"""Right and wrong answers to the tasks of sheet 5."""

import math

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax


def running_by_accumulation(logits):
    return np.logaddexp.accumulate(logits, axis=1)


def running_by_prefixes(logits):
    return np.stack([logsumexp(logits[:, : k + 1], axis=1) for k in range(logits.shape[1])], axis=1)


def running_online(logits):
    result = np.empty(logits.shape)
    for n, row in enumerate(logits.tolist()):
        top, total = row[0], 0.0
        for k, z in enumerate(row):
            new_top = max(top, z)
            total = total * math.exp(top - new_top) + math.exp(z - new_top)
            top = new_top
            result[n, k] = top + math.log(total)
    return result


def running_by_a_triangle(logits):
    seen = np.where(np.tri(logits.shape[1], dtype=bool), logits[:, None, :], -np.inf)
    top = seen.max(axis=2)
    return (top + np.log(np.exp(seen - top[:, :, None]).sum(axis=2))).tolist()


def running_naive(logits):
    return np.log(np.cumsum(np.exp(logits), axis=1))


def running_by_the_row_maximum(logits):
    top = logits.max(axis=1, keepdims=True)
    return top + np.log(np.cumsum(np.exp(logits - top), axis=1))


def running_by_one_maximum(logits):
    return logits.max() + np.log(np.cumsum(np.exp(logits - logits.max()), axis=1))


def running_total(logits):
    return logsumexp(logits, axis=1)


def running_maximum(logits):
    return np.maximum.accumulate(logits, axis=1)


def running_not_put_back(logits):
    return np.log(np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1))


def running_own_maximum_not_put_back(logits):
    return running_by_prefixes(logits) - np.maximum.accumulate(logits, axis=1)


def running_without_logarithm(logits):
    return np.cumsum(np.exp(logits), axis=1)


def running_not_rescaled(logits):
    top = np.maximum.accumulate(logits, axis=1)
    return top + np.log(np.cumsum(np.exp(logits - top), axis=1))


def running_down(logits):
    return np.logaddexp.accumulate(logits, axis=0)


def running_backwards(logits):
    return np.logaddexp.accumulate(logits[:, ::-1], axis=1)[:, ::-1]


def running_clipped(logits):
    top = logits.max(axis=1, keepdims=True)
    return top + np.log(np.clip(np.cumsum(np.exp(logits - top), axis=1), 1e-300, None))


def running_by_the_first_logit(logits):
    first = logits[:, :1]
    return first + np.log(np.cumsum(np.exp(logits - first), axis=1))


def running_mean(logits):
    return running_by_prefixes(logits) - np.log(np.arange(1, logits.shape[1] + 1))


def running_in_place(logits):
    for k in range(1, logits.shape[1]):
        logits[:, k] = np.logaddexp(logits[:, k - 1], logits[:, k])
    return logits


def exclusion_by_two_sums(logits, excluded):
    kept = np.array(logits, dtype=float)
    kept[np.arange(len(excluded)), excluded] = -np.inf
    return logsumexp(logits, axis=1) - logsumexp(kept, axis=1)


def exclusion_by_log_probs(logits, excluded):
    log_probs = log_softmax(logits, axis=1)
    return [-logsumexp(np.delete(row, k)) for row, k in zip(log_probs, excluded, strict=True)]


def exclusion_by_loops(logits, excluded):
    losses = []
    for row, k in zip(logits.tolist(), excluded.tolist(), strict=True):
        others = row[:k] + row[k + 1 :]
        top = max(others)
        lead = row[k] - top - math.log(sum(math.exp(z - top) for z in others))
        losses.append(lead + math.log1p(math.exp(-lead)) if lead > 0 else math.log1p(math.exp(lead)))
    return np.array(losses)


def exclusion_by_logaddexp(logits, excluded):
    rows, classes = np.arange(len(excluded)), np.arange(logits.shape[1])
    others = np.where(classes == excluded[:, None], -np.inf, logits)
    return np.logaddexp(0, logits[rows, excluded] - np.logaddexp.reduce(others, axis=1))


def exclusion_with_epsilon(logits, excluded):
    return -np.log(1 - softmax(logits, axis=1)[np.arange(len(excluded)), excluded] + 1e-12)


def exclusion_clipped(logits, excluded):
    probs = softmax(logits, axis=1)[np.arange(len(excluded)), excluded]
    return -np.log(np.clip(1 - probs, 1e-10, 1))


def exclusion_by_log1p(logits, excluded):
    return -np.log1p(-softmax(logits, axis=1)[np.arange(len(excluded)), excluded])


def exclusion_of_one_minus_in_logs(logits, excluded):
    log_probs = log_softmax(logits, axis=1)[np.arange(len(excluded)), excluded]
    return -np.log(-np.expm1(log_probs))


def exclusion_by_the_largest_of_all(logits, excluded):
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    kept = exps.copy()
    kept[np.arange(len(excluded)), excluded] = 0
    return np.log(exps.sum(axis=1)) - np.log(kept.sum(axis=1))


def exclusion_by_summed_probs(logits, excluded):
    probs = softmax(logits, axis=1)
    probs[np.arange(len(excluded)), excluded] = 0
    return -np.log(probs.sum(axis=1))


def exclusion_by_odds(logits, excluded):
    return np.log(1 + np.exp(exclusion_log_odds(logits, excluded)))


def exclusion_unshifted(logits, excluded):
    kept = np.exp(logits)
    kept[np.arange(len(excluded)), excluded] = 0
    return np.log(np.exp(logits).sum(axis=1)) - np.log(kept.sum(axis=1))


def exclusion_mean(logits, excluded):
    return exclusion_by_two_sums(logits, excluded).mean()


def exclusion_of_the_class(logits, excluded):
    return -log_softmax(logits, axis=1)[np.arange(len(excluded)), excluded]


def exclusion_log_odds(logits, excluded):
    rows, classes = np.arange(len(excluded)), np.arange(logits.shape[1])
    others = np.where(classes == excluded[:, None], -np.inf, logits)
    return logits[rows, excluded] - logsumexp(others, axis=1)


def exclusion_of_the_best_rival(logits, excluded):
    classes = np.arange(logits.shape[1])
    others = np.where(classes == excluded[:, None], -np.inf, logits)
    return logsumexp(logits, axis=1) - others.max(axis=1)


def exclusion_by_a_product(logits, excluded):
    log_probs = log_softmax(logits, axis=1)
    return log_probs[np.arange(len(excluded)), excluded] - log_probs.sum(axis=1)


def exclusion_not_normalised(logits, excluded):
    classes = np.arange(logits.shape[1])
    return -logsumexp(np.where(classes == excluded[:, None], -np.inf, logits), axis=1)


def exclusion_negative(logits, excluded):
    return -exclusion_by_two_sums(logits, excluded)


def exclusion_of_probability(logits, excluded):
    return softmax(logits, axis=1)[np.arange(len(excluded)), excluded]


def exclusion_in_place(logits, excluded):
    whole = logsumexp(logits, axis=1)
    logits[np.arange(len(excluded)), excluded] = -np.inf
    return whole - logsumexp(logits, axis=1)


def exclusion_in_bits(logits, excluded):
    return exclusion_by_two_sums(logits, excluded) / np.log(2)


ANSWERS = {
    "certain_gap": (
        [53 * np.log(2), 36.74, -np.log(2.0**-53), 36.7368],
        [
            (745.1332, "underflow"),
            (-np.log(np.finfo(float).tiny), "underflow"),
            (709.7827, "overflow"),
            (52 * np.log(2), "no-half"),
            (53, "base"),
            (52, "base"),
            (24 * np.log(2), "sixteen"),
            (15.95, "sixteen"),
            (-53 * np.log(2), "sign"),
            (-np.log(1e-15), "quoted"),
            (37, "quoted"),
        ],
    ),
    "running_logsumexp": (
        [running_by_accumulation, running_by_prefixes, running_online, running_by_a_triangle],
        [
            (running_naive, "overflow"),
            (running_by_the_row_maximum, "later-maximum"),
            (running_by_one_maximum, "later-maximum"),
            (running_total, "total"),
            (running_maximum, "maximum"),
            (running_not_put_back, "not-put-back"),
            (running_own_maximum_not_put_back, "not-put-back"),
            (running_without_logarithm, "no-logarithm"),
            (running_not_rescaled, "not-rescaled"),
            (running_down, "down"),
            (running_backwards, "backwards"),
            (running_clipped, "wrong"),
            (running_by_the_first_logit, "overflow"),
            (running_mean, "wrong"),
            (running_in_place, "mutates"),
        ],
    ),
    "exclusion_loss": (
        [exclusion_by_two_sums, exclusion_by_log_probs, exclusion_by_loops, exclusion_by_logaddexp],
        [
            (exclusion_with_epsilon, "cap"),
            (exclusion_clipped, "cap"),
            (exclusion_by_log1p, "one-minus"),
            (exclusion_of_one_minus_in_logs, "one-minus"),
            (exclusion_by_the_largest_of_all, "whose-maximum"),
            (exclusion_by_summed_probs, "whose-maximum"),
            (exclusion_by_odds, "whose-maximum"),
            (exclusion_unshifted, "overflow"),
            (exclusion_mean, "one-number"),
            (exclusion_of_the_class, "of-the-class"),
            (exclusion_log_odds, "log-odds"),
            (exclusion_of_the_best_rival, "best-rival"),
            (exclusion_by_a_product, "product"),
            (exclusion_not_normalised, "not-normalised"),
            (exclusion_negative, "sign"),
            (exclusion_of_probability, "ratio"),
            (exclusion_in_place, "mutates"),
            (exclusion_in_bits, "wrong"),
        ],
    ),
}
