"""Right and wrong answers to the tasks of sheet 3."""

import math

import numpy as np
from scipy.special import rel_entr, xlogy


def votes_by_shares(log_probs, votes):
    targets = votes / votes.sum(axis=1, keepdims=True)
    return -(targets * log_probs).sum(axis=1).mean()


def votes_by_loops(log_probs, votes):
    total = 0.0
    for row, counts in zip(log_probs.tolist(), votes.tolist(), strict=True):
        total -= math.fsum(count * log for count, log in zip(counts, row, strict=True)) / sum(counts)
    return total / len(votes)


def votes_by_einsum(log_probs, votes):
    return -np.einsum("nk,nk,n->", votes, log_probs, 1 / votes.sum(axis=1)) / len(votes)


def votes_of_all_entries(log_probs, votes):
    return -(votes / votes.sum(axis=1, keepdims=True) * log_probs).mean()


def votes_times_ten(log_probs, votes):
    return 10 * votes_of_all_entries(log_probs, votes)


def votes_summed(log_probs, votes):
    return votes_by_shares(log_probs, votes) * len(votes)


def votes_of_voters(log_probs, votes):
    return -(votes * log_probs).sum() / votes.sum()


def votes_as_counts(log_probs, votes):
    return -(votes * log_probs).sum(axis=1).mean()


def votes_of_the_majority(log_probs, votes):
    return -log_probs[np.arange(len(votes)), votes.argmax(axis=1)].mean()


def votes_of_each_image(log_probs, votes):
    return -(votes / votes.sum(axis=1, keepdims=True) * log_probs).sum(axis=1)


def votes_in_bits(log_probs, votes):
    return votes_by_shares(log_probs, votes) / np.log(2)


def votes_without_minus(log_probs, votes):
    return -votes_by_shares(log_probs, votes)


def votes_by_columns(log_probs, votes):
    targets = votes / votes.sum(axis=1, keepdims=True)
    return -(targets * log_probs).sum(axis=0).mean()


def votes_of_the_mean_probability(log_probs, votes):
    """Takes the logarithm after the mean over the voters."""
    targets = votes / votes.sum(axis=1, keepdims=True)
    return -np.log((targets * np.exp(log_probs)).sum(axis=1)).mean()


def votes_logged_again(log_probs, votes):
    with np.errstate(all="ignore"):
        return -(votes / votes.sum(axis=1, keepdims=True) * np.log(log_probs)).sum(axis=1).mean()


def divergence_by_scipy(targets, beliefs):
    return rel_entr(targets, beliefs).sum(axis=1)


def divergence_in_two_parts(targets, beliefs):
    return (xlogy(targets, targets) - xlogy(targets, beliefs)).sum(axis=1)


def divergence_without_nan(targets, beliefs):
    with np.errstate(all="ignore"):
        return np.nansum(targets * np.log(targets / beliefs), axis=1)


def divergence_by_loops(targets, beliefs):
    rows = []
    for target, belief in zip(targets.tolist(), beliefs.tolist(), strict=True):
        pairs = [(t, p) for t, p in zip(target, belief, strict=True) if t]
        rows.append(math.fsum(t * math.log(t / p) if p else math.inf for t, p in pairs))
    return rows


def divergence_as_in_the_book(targets, beliefs):
    with np.errstate(all="ignore"):
        return (targets * np.log(targets / beliefs)).sum(axis=1)


def divergence_with_epsilon(targets, beliefs):
    return (targets * np.log((targets + 1e-12) / (beliefs + 1e-12))).sum(axis=1)


def divergence_of_positive_pairs(targets, beliefs):
    seen = (targets > 0) & (beliefs > 0)
    return (targets * np.log(np.where(seen, targets, 1) / np.where(seen, beliefs, 1))).sum(axis=1)


def divergence_without_numbers(targets, beliefs):
    with np.errstate(all="ignore"):
        return np.nan_to_num(targets * np.log(targets / beliefs)).sum(axis=1)


def divergence_infinite_at_any_zero(targets, beliefs):
    zero = (beliefs == 0).any(axis=1)
    return np.where(zero, np.inf, divergence_by_scipy(targets, np.where(beliefs > 0, beliefs, 1)))


def divergence_infinite_everywhere(targets, beliefs):
    rows = divergence_by_scipy(targets, beliefs)
    return np.full(len(rows), np.inf) if np.isinf(rows).any() else rows


def divergence_clipped(targets, beliefs):
    rows = divergence_by_scipy(targets, np.clip(beliefs, 1e-15, 1))
    return np.where(((targets > 0) & (beliefs == 0)).any(axis=1), np.inf, rows)


def divergence_swapped(targets, beliefs):
    return divergence_by_scipy(beliefs, targets)


def divergence_weighted_by_beliefs(targets, beliefs):
    return -divergence_by_scipy(beliefs, targets)


def divergence_as_cross_entropy(targets, beliefs):
    return -xlogy(targets, beliefs).sum(axis=1)


def divergence_summed_up(targets, beliefs):
    return divergence_by_scipy(targets, beliefs).sum()


def divergence_as_mean(targets, beliefs):
    return rel_entr(targets, beliefs).mean(axis=1)


def divergence_in_bits(targets, beliefs):
    return divergence_by_scipy(targets, beliefs) / math.log(2)


def divergence_upside_down(targets, beliefs):
    return -divergence_by_scipy(targets, beliefs)


def divergence_of_columns(targets, beliefs):
    return rel_entr(targets, beliefs).sum(axis=0)


def divergence_of_sizes(targets, beliefs):
    return np.abs(rel_entr(targets, beliefs)).sum(axis=1)


ANSWERS = {
    "same_probability": (
        [0.1, np.exp(-np.log(10)), np.exp((np.log(1.0) + np.log(0.01)) / 2)],
        [
            (0.505, "arithmetic"),
            (np.log(10), "loss"),
            (np.log2(10), "loss"),
            (0.01, "product"),
            (0.005, "product"),
            (2 ** -np.log(10), "mixed-base"),
            (10.0, "sign"),
            (0.02, "wrong"),
        ],
    ),
    "loss_of_votes": (
        [votes_by_shares, votes_by_loops, votes_by_einsum],
        [
            (votes_of_all_entries, "classes"),
            (votes_times_ten, "ten"),
            (votes_summed, "sum"),
            (votes_of_voters, "voters"),
            (votes_as_counts, "counts"),
            (votes_of_the_majority, "majority"),
            (votes_of_each_image, "per-image"),
            (votes_in_bits, "bits"),
            (votes_without_minus, "sign"),
            (votes_by_columns, "classes"),
            (votes_of_the_mean_probability, "wrong"),
            (votes_logged_again, "wrong"),
        ],
    ),
    "divergence": (
        [divergence_by_scipy, divergence_in_two_parts, divergence_without_nan, divergence_by_loops],
        [
            (divergence_as_in_the_book, "nan"),
            (divergence_with_epsilon, "possible"),
            (divergence_of_positive_pairs, "possible"),
            (divergence_without_numbers, "possible"),
            (divergence_infinite_at_any_zero, "infinite"),
            (divergence_infinite_everywhere, "infinite"),
            (divergence_clipped, "tiny"),
            (divergence_swapped, "swapped"),
            (divergence_weighted_by_beliefs, "weights"),
            (divergence_as_cross_entropy, "cross-entropy"),
            (divergence_summed_up, "one-number"),
            (divergence_as_mean, "mean"),
            (divergence_in_bits, "bits"),
            (divergence_upside_down, "sign"),
            (divergence_of_columns, "shape"),
            (divergence_of_sizes, "wrong"),
        ],
    ),
}
