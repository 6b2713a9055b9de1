"""Right and wrong answers to the tasks of sheet 10."""

import math

import numpy as np
from scipy.special import softmax


def _velocity(x, labels, num_classes):
    pull = (np.eye(num_classes)[labels] - 1 / num_classes) / len(x)
    return x @ (x.T @ pull) + pull.sum(axis=0)


def _first(start, growth, limit):
    if start.max() > limit:
        return 0
    rising = growth > 0
    return math.floor(((limit - start[rising]) / growth[rising]).min()) + 1


def steps_by_division(weights, bias, x, labels, learning_rate, limit):
    return _first(x @ weights + bias, learning_rate * _velocity(x, labels, len(bias)), limit)


def steps_by_class_sums(weights, bias, x, labels, learning_rate, limit):
    start, num_classes = x @ weights + bias, len(bias)
    templates = np.stack([x[labels == k].sum(axis=0) for k in range(num_classes)], axis=1)
    templates = (templates - x.sum(axis=0)[:, None] / num_classes) / len(x)
    shares = np.bincount(labels, minlength=num_classes) / len(x) - 1 / num_classes
    best = math.inf
    for z, v in zip(start.ravel(), (x @ templates + shares).ravel(), strict=True):
        if z > limit:
            return 0.0
        if v > 0:
            best = min(best, np.floor((limit - z) / (learning_rate * v)) + 1)
    return best


def steps_by_halving(weights, bias, x, labels, learning_rate, limit):
    start, growth = x @ weights + bias, learning_rate * _velocity(x, labels, len(bias))
    if np.max(start) > limit:
        return 0
    low, high = 0, 1
    while np.max(start + high * growth) <= limit:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if np.max(start + middle * growth) > limit else (middle, high)
    return np.int64(high)


def steps_as_a_fraction(weights, bias, x, labels, learning_rate, limit):
    return (limit - (x @ weights + bias).max()) / (learning_rate * _velocity(x, labels, len(bias)).max())


def steps_rounded_down(weights, bias, x, labels, learning_rate, limit):
    return max(steps_by_division(weights, bias, x, labels, learning_rate, limit) - 1, 0)


def steps_from_zero(weights, bias, x, labels, learning_rate, limit):
    return _first(0 * (x @ weights + bias), learning_rate * _velocity(x, labels, len(bias)), limit)


def steps_of_the_fastest(weights, bias, x, labels, learning_rate, limit):
    start, growth = x @ weights + bias, learning_rate * _velocity(x, labels, len(bias))
    place = np.unravel_index(growth.argmax(), growth.shape)
    return max(math.ceil((limit - start[place]) / growth[place]), 0)


def steps_of_the_fastest_if_any(weights, bias, x, labels, learning_rate, limit):
    over = ((x @ weights + bias) > limit).any()
    return 0 if over else steps_of_the_fastest(weights, bias, x, labels, learning_rate, limit)


def steps_of_absolute_values(weights, bias, x, labels, learning_rate, limit):
    start, growth = x @ weights + bias, learning_rate * _velocity(x, labels, len(bias))
    return _first(np.stack([start, -start]), np.stack([growth, -growth]), limit)


def steps_of_sums(weights, bias, x, labels, learning_rate, limit):
    return _first(x @ weights + bias, learning_rate * len(x) * _velocity(x, labels, len(bias)), limit)


def steps_at_rate_one(weights, bias, x, labels, learning_rate, limit):
    return _first(x @ weights + bias, _velocity(x, labels, len(bias)), limit)


def steps_of_weights_alone(weights, bias, x, labels, learning_rate, limit):
    pull = (np.eye(len(bias))[labels] - 1 / len(bias)) / len(x)
    return _first(x @ weights + bias, learning_rate * x @ (x.T @ pull), limit)


def steps_of_the_pull(weights, bias, x, labels, learning_rate, limit):
    pull = np.eye(len(bias))[labels] / len(x)
    return _first(x @ weights + bias, learning_rate * (x @ (x.T @ pull) + pull.sum(axis=0)), limit)


def steps_with_true_softmax(weights, bias, x, labels, learning_rate, limit):
    start = x @ weights + bias
    pull = (np.eye(len(bias))[labels] - softmax(start, axis=1)) / len(x)
    return _first(start, learning_rate * (x @ (x.T @ pull) + pull.sum(axis=0)), limit)


def steps_never_nought(weights, bias, x, labels, learning_rate, limit):
    return max(1, steps_by_division(weights, bias, x, labels, learning_rate, limit))


def steps_of_labels_alone(weights, bias, x, labels, learning_rate, limit):
    start, growth = x @ weights + bias, learning_rate * _velocity(x, labels, len(bias))
    own = np.arange(len(x)), labels
    return _first(start[own], np.abs(growth[own]) + 1e-9, limit)


def train_in_one_line(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    for _ in range(num_steps):
        delta = (softmax(x @ weights + bias, axis=1) - np.eye(num_classes)[labels]) / len(x)
        weights, bias = weights - learning_rate * x.T @ delta, bias - learning_rate * delta.sum(axis=0)
    return weights, bias


def train_in_place(x, labels, num_classes, learning_rate, num_steps):
    ones = np.hstack([x, np.ones((len(x), 1))])
    params = np.zeros((ones.shape[1], num_classes))
    for _ in range(num_steps):
        delta = softmax(ones @ params, axis=1)
        delta[np.arange(len(x)), labels] -= 1
        params -= learning_rate * ones.T @ delta / len(x)
    return [params[:-1], params[-1]]


def train_image_by_image(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    for _ in range(num_steps):
        old_weights, old_bias = weights.copy(), bias.copy()
        for features, label in zip(x, labels, strict=True):
            delta = softmax(features @ old_weights + old_bias)
            delta[label] -= 1
            weights -= learning_rate / len(x) * np.outer(features, delta)
            bias -= learning_rate / len(x) * delta
    return weights, bias


def train_stale(x, labels, num_classes, learning_rate, num_steps):
    delta = (1 / num_classes - np.eye(num_classes)[labels]) / len(x)
    return -num_steps * learning_rate * x.T @ delta, -num_steps * learning_rate * delta.sum(axis=0)


def train_bias_late(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    one_hot = np.eye(num_classes)[labels]
    for _ in range(num_steps):
        weights = weights - learning_rate * x.T @ (softmax(x @ weights + bias, axis=1) - one_hot) / len(x)
        bias = bias - learning_rate * (softmax(x @ weights + bias, axis=1) - one_hot).mean(axis=0)
    return weights, bias


def train_uphill(x, labels, num_classes, learning_rate, num_steps):
    return train_in_one_line(x, labels, num_classes, -learning_rate, num_steps)


def train_summed(x, labels, num_classes, learning_rate, num_steps):
    return train_in_one_line(x, labels, num_classes, learning_rate * len(x), num_steps)


def train_once(x, labels, num_classes, learning_rate, num_steps):
    return train_in_one_line(x, labels, num_classes, learning_rate, 1)


def train_and_return_the_old(x, labels, num_classes, learning_rate, num_steps):
    return train_in_one_line(x, labels, num_classes, learning_rate, max(num_steps - 1, 0))


def train_without_a_shift(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    for _ in range(num_steps):
        exps = np.exp(x @ weights + bias)
        delta = (exps / exps.sum(axis=1, keepdims=True) - np.eye(num_classes)[labels]) / len(x)
        weights, bias = weights - learning_rate * x.T @ delta, bias - learning_rate * delta.sum(axis=0)
    return weights, bias


def train_over_the_batch(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    for _ in range(num_steps):
        delta = (softmax(x @ weights + bias, axis=0) - np.eye(num_classes)[labels]) / len(x)
        weights, bias = weights - learning_rate * x.T @ delta, bias - learning_rate * delta.sum(axis=0)
    return weights, bias


def train_on_hard_answers(x, labels, num_classes, learning_rate, num_steps):
    weights, bias = np.zeros((x.shape[1], num_classes)), np.zeros(num_classes)
    for _ in range(num_steps):
        hard = np.eye(num_classes)[(x @ weights + bias).argmax(axis=1)]
        delta = (hard - np.eye(num_classes)[labels]) / len(x)
        weights, bias = weights - learning_rate * x.T @ delta, bias - learning_rate * delta.sum(axis=0)
    return weights, bias


def train_weights_only(x, labels, num_classes, learning_rate, num_steps):
    return train_in_one_line(x, labels, num_classes, learning_rate, num_steps)[0]


ANSWERS = {
    "steps_to_overflow": (
        [steps_by_division, steps_by_class_sums, steps_by_halving],
        [
            (steps_as_a_fraction, "not-whole"),
            (steps_rounded_down, "last-safe"),
            (steps_from_zero, "start"),
            (steps_of_absolute_values, "magnitude"),
            (steps_of_sums, "summed"),
            (steps_at_rate_one, "rate"),
            (steps_of_weights_alone, "bias"),
            (steps_of_the_pull, "pull-only"),
            (steps_with_true_softmax, "true-softmax"),
            (steps_never_nought, "already"),
            (steps_of_labels_alone, "wrong"),
            (steps_of_the_fastest, "fastest"),
            (steps_of_the_fastest_if_any, "fastest"),
        ],
    ),
    "step_of_death": (
        [1000, 975.0, 1600 * 5 / 8],
        [
            (8000, "format"),
            (200, "rate"),
            (40, "rate-upside-down"),
            (64000, "format-upside-down"),
            (4000, "digits"),
            (3500, "digits"),
            (320, "wrong"),
        ],
    ),
    "train_with_feedback": (
        [train_in_one_line, train_in_place, train_image_by_image],
        [
            (train_stale, "stale"),
            (train_bias_late, "bias-late"),
            (train_uphill, "uphill"),
            (train_summed, "summed"),
            (train_once, "one-step"),
            (train_and_return_the_old, "one-short"),
            (train_without_a_shift, "not-finite"),
            (train_over_the_batch, "wrong"),
            (train_on_hard_answers, "wrong"),
            (train_weights_only, "shape"),
        ],
    ),
}
