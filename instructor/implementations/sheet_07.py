"""Right and wrong answers to the tasks of sheet 7."""

import math

import numpy as np
from scipy.special import logsumexp, softmax


def _delta(params, x, labels):
    probs = softmax(x @ params["weights"] + params["bias"], axis=1)
    return probs - np.eye(probs.shape[1])[labels]


def weighted_by_numpy(params, x, labels, importance):
    delta = _delta(params, x, labels) * importance[:, None] / importance.sum()
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_by_loop(params, x, labels, importance):
    weights, bias = np.zeros_like(params["weights"]), np.zeros_like(params["bias"])
    for n in range(len(x)):
        scores = x[n] @ params["weights"] + params["bias"]
        pull = np.exp(scores - logsumexp(scores))
        pull[labels[n]] -= 1
        weights += importance[n] * np.outer(x[n], pull)
        bias += importance[n] * pull
    return {"bias": bias / sum(importance), "weights": weights / sum(importance)}


def weighted_by_features(params, x, labels, importance):
    """Weigh the features, with a column of ones for the bias."""
    wide = np.column_stack([x, np.ones(len(x))])
    both = (wide * importance[:, None]).T @ _delta(params, x, labels) / np.sum(importance)
    return {"weights": both[:-1], "bias": both[-1]}


def weighted_by_average(params, x, labels, importance):
    delta = _delta(params, x, labels)
    outer = x[:, :, None] * delta[:, None, :]
    return {name: np.average(each, axis=0, weights=importance) for name, each in (("weights", outer), ("bias", delta))}


def weighted_sum(params, x, labels, importance):
    delta = _delta(params, x, labels) * importance[:, None]
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_by_count(params, x, labels, importance):
    delta = _delta(params, x, labels) * importance[:, None] / len(x)
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_divided_twice(params, x, labels, importance):
    delta = _delta(params, x, labels) * (importance / importance.sum())[:, None] / len(x)
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_uphill(params, x, labels, importance):
    grads = weighted_by_numpy(params, x, labels, importance)
    return {name: -value for name, value in grads.items()}


def weighted_not_at_all(params, x, labels, importance):
    return weighted_by_numpy(params, x, labels, np.ones(len(x)))


def weighted_without_bias(params, x, labels, importance):
    bias = _delta(params, x, labels).mean(axis=0)
    return {"weights": weighted_by_numpy(params, x, labels, importance)["weights"], "bias": bias}


def weighted_bias_of_means(params, x, labels, importance):
    delta = _delta(params, x, labels) * importance[:, None] / importance.sum()
    return {"weights": x.T @ delta, "bias": delta.mean(axis=0)}


def weighted_probs_only(params, x, labels, importance):
    probs = softmax(x @ params["weights"] + params["bias"], axis=1) * (importance / importance.sum())[:, None]
    delta = probs - np.eye(probs.shape[1])[labels]
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_squared(params, x, labels, importance):
    """Weigh the features and the differences."""
    share = (importance / importance.sum())[:, None]
    delta = _delta(params, x, labels) * share
    return {"weights": (x * share).T @ delta, "bias": delta.sum(axis=0)}


def weighted_columns(params, x, labels, importance):
    probs = softmax(x @ params["weights"] + params["bias"], axis=0)
    delta = (probs - np.eye(probs.shape[1])[labels]) * (importance / importance.sum())[:, None]
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_unshifted(params, x, labels, importance):
    exps = np.exp(x @ params["weights"] + params["bias"])
    probs = exps / exps.sum(axis=1, keepdims=True)
    delta = (probs - np.eye(probs.shape[1])[labels]) * (importance / importance.sum())[:, None]
    return {"weights": x.T @ delta, "bias": delta.sum(axis=0)}


def weighted_by_one_maximum(params, x, labels, importance):
    scores = x @ params["weights"] + params["bias"]
    exps = np.exp(scores - scores.max())
    delta = (exps / exps.sum(axis=1, keepdims=True) - np.eye(scores.shape[1])[labels]) * importance[:, None]
    return {"weights": x.T @ delta / importance.sum(), "bias": delta.sum(axis=0) / importance.sum()}


def weighted_turned(params, x, labels, importance):
    grads = weighted_by_numpy(params, x, labels, importance)
    return {"weights": grads["weights"].T, "bias": grads["bias"]}


def weighted_pair(params, x, labels, importance):
    return tuple(weighted_by_numpy(params, x, labels, importance).values())


def weighted_in_place(params, x, labels, importance):
    importance[:] = importance / importance.sum()
    return weighted_by_numpy(params, x, labels, importance)


def stopping_by_loop(valid_losses, patience):
    best, lowest, waited, epoch = 0, valid_losses[0], 0, 0
    for epoch in range(1, len(valid_losses)):
        if valid_losses[epoch] < lowest:
            best, lowest, waited = epoch, valid_losses[epoch], 0
        else:
            waited += 1
            if waited >= patience:
                return epoch, best
    return len(valid_losses) - 1, best


def stopping_by_minimum(valid_losses, patience):
    for epoch in range(len(valid_losses)):
        best = valid_losses.index(min(valid_losses[: epoch + 1]))
        if epoch - best == patience:
            return epoch, best
    return len(valid_losses) - 1, best


def stopping_by_records(valid_losses, patience):
    records = [0]
    for epoch, loss in enumerate(valid_losses):
        if epoch > records[-1] + patience:
            break
        if loss < valid_losses[records[-1]]:
            records.append(epoch)
    return np.array([min(records[-1] + patience, len(valid_losses) - 1), records[-1]])


def _stopping(losses, patience, *, better, in_total=False, limit=0):
    best, lowest, waited = 0, losses[0], 0
    for epoch in range(1, len(losses)):
        if better(losses, epoch, lowest):
            best, lowest, waited = epoch, losses[epoch], waited if in_total else 0
        else:
            waited += 1
        if waited >= patience + limit:
            return epoch, best
    return len(losses) - 1, best


def _lower(losses, epoch, lowest):
    return losses[epoch] < lowest


def stopping_by_previous(valid_losses, patience):
    return _stopping(valid_losses, patience, better=lambda losses, epoch, _: losses[epoch] < losses[epoch - 1])


def stopping_waits_by_previous(valid_losses, patience):
    """The best epoch is right, the waiting is not."""
    best, waited = 0, 0
    for epoch in range(1, len(valid_losses)):
        best = epoch if valid_losses[epoch] < valid_losses[best] else best
        waited = 0 if valid_losses[epoch] < valid_losses[epoch - 1] else waited + 1
        if waited == patience:
            return epoch, best
    return len(valid_losses) - 1, best


def stopping_in_total(valid_losses, patience):
    return _stopping(valid_losses, patience, better=_lower, in_total=True)


def stopping_one_late(valid_losses, patience):
    return _stopping(valid_losses, patience, better=_lower, limit=1)


def stopping_one_early(valid_losses, patience):
    return _stopping(valid_losses, patience, better=_lower, limit=-1)


def stopping_with_ties(valid_losses, patience):
    return _stopping(valid_losses, patience, better=lambda losses, epoch, lowest: losses[epoch] <= lowest)


def stopping_with_patient_ties(valid_losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(valid_losses)):
        waited = waited + 1 if valid_losses[epoch] > valid_losses[best] else 0
        best = epoch if valid_losses[epoch] < valid_losses[best] else best
        if waited == patience:
            return epoch, best
    return len(valid_losses) - 1, best


def stopping_gives_the_last(valid_losses, patience):
    stopped, _ = stopping_by_loop(valid_losses, patience)
    return stopped, stopped


def stopping_peeks(valid_losses, patience):
    stopped, _ = stopping_by_loop(valid_losses, patience)
    return stopped, int(np.argmin(valid_losses))


def stopping_from_one(valid_losses, patience):
    stopped, best = stopping_by_loop(valid_losses, patience)
    return stopped + 1, best + 1


def stopping_swapped(valid_losses, patience):
    return stopping_by_loop(valid_losses, patience)[::-1]


def stopping_gives_a_loss(valid_losses, patience):
    stopped, best = stopping_by_loop(valid_losses, patience)
    return stopped, valid_losses[best]


def stopping_from_infinity(valid_losses, patience):
    """Epoch 0 is left out: it is never the best."""
    best, lowest, waited = 0, math.inf, 0
    for epoch, loss in enumerate(valid_losses[1:], start=1):
        best, lowest, waited = (epoch, loss, 0) if loss < lowest else (best, lowest, waited + 1)
        if waited == patience:
            return epoch, best
    return len(valid_losses) - 1, best


def stopping_at_the_end(valid_losses, patience):
    return len(valid_losses) - 1, int(np.argmin(valid_losses))


def stopping_after_the_list(valid_losses, patience):
    last, best = stopping_by_loop(valid_losses, patience)
    used_up = last - best == patience
    return last if used_up else len(valid_losses), best


def stopping_counts_back(valid_losses, patience):
    stopped, _ = stopping_by_loop(valid_losses, patience)
    return stopped, stopped - patience


def stopping_never_improves(valid_losses, patience):
    return min(patience, len(valid_losses) - 1), 0


ANSWERS = {
    "weighted_gradients": (
        [weighted_by_numpy, weighted_by_loop, weighted_by_features, weighted_by_average],
        [
            (weighted_sum, "sum"),
            (weighted_by_count, "divided-by-n"),
            (weighted_divided_twice, "divided-twice"),
            (weighted_uphill, "uphill"),
            (weighted_not_at_all, "ignored"),
            (weighted_without_bias, "bias"),
            (weighted_bias_of_means, "bias"),
            (weighted_probs_only, "half"),
            (weighted_squared, "wrong"),
            (weighted_columns, "no-balance"),
            (weighted_unshifted, "overflow"),
            (weighted_by_one_maximum, "overflow"),
            (weighted_turned, "turned"),
            (weighted_pair, "names"),
            (weighted_in_place, "mutates"),
        ],
    ),
    "bias_of_threes": (
        [0.005625, np.float64(0.72 / 128), np.array(0.1 * (20 * 0.9 - 108 * 0.1) / 128)],
        [
            (-0.005625, "sign"),
            (0.72, "sum"),
            (-0.05625, "no-rate"),
            (0.05625, "no-rate"),
            (0.0140625, "threes-only"),
            (0.09, "threes-only"),
            (0.015625, "no-push-down"),
            (-0.01, "no-pull-up"),
            (0.0, "wrong"),
        ],
    ),
    "stopping": (
        [stopping_by_loop, stopping_by_minimum, stopping_by_records],
        [
            (stopping_by_previous, "previous"),
            (stopping_waits_by_previous, "previous"),
            (stopping_in_total, "in-total"),
            (stopping_one_late, "off-by-one"),
            (stopping_one_early, "off-by-one"),
            (stopping_with_ties, "ties"),
            (stopping_with_patient_ties, "ties"),
            (stopping_gives_the_last, "last"),
            (stopping_peeks, "peeks"),
            (stopping_from_one, "from-one"),
            (stopping_swapped, "swapped"),
            (stopping_gives_a_loss, "not-epochs"),
            (stopping_from_infinity, "from-one"),
            (stopping_at_the_end, "goes-on"),
            (stopping_after_the_list, "beyond"),
            (stopping_counts_back, "wrong"),
            (stopping_never_improves, "wrong"),
        ],
    ),
}
