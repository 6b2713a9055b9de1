"""Right and wrong answers to the tasks of sheet 9."""

import math

import numpy as np

from mnist_helpers.optim import decay_weights, nesterov
from mnist_helpers.optim import momentum as momentum_step


def drop_by_factor(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    lengths = np.linalg.norm(arrived, axis=1, keepdims=True)
    longest = np.maximum(lengths, learning_rate * price)
    return arrived * (1 - learning_rate * price / np.where(longest > 0, longest, 1))


def drop_by_loop(weights, grads, learning_rate, price):
    rows = []
    for old, slope in zip(weights.tolist(), grads.tolist(), strict=True):
        row = [w - learning_rate * g for w, g in zip(old, slope, strict=True)]
        length = math.hypot(*row)
        left = max(length - learning_rate * price, 0.0)
        rows.append([value * left / length if left else 0.0 for value in row])
    return rows


def drop_by_projection(weights, grads, learning_rate, price):
    """Take off the nearest point of the ball whose radius is the threshold."""
    arrived = weights - learning_rate * grads
    lengths, threshold = np.sqrt((arrived**2).sum(axis=1)), learning_rate * price
    inside = lengths <= threshold
    nearest = arrived.copy()
    nearest[~inside] *= (threshold / lengths[~inside])[:, None]
    return arrived - nearest


def drop_by_directions(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    lengths = np.linalg.norm(arrived, axis=1, keepdims=True)
    directions = np.divide(arrived, lengths, out=np.zeros_like(arrived), where=lengths > 0)
    return directions * np.clip(lengths - learning_rate * price, 0, None)


def drop_without_care(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    lengths = np.linalg.norm(arrived, axis=1, keepdims=True)
    return arrived * np.maximum(1 - learning_rate * price / lengths, 0)


def drop_by_directions_without_care(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    lengths = np.linalg.norm(arrived, axis=1, keepdims=True)
    return arrived / lengths * np.maximum(lengths - learning_rate * price, 0)


def drop_columns(weights, grads, learning_rate, price):
    return drop_by_factor(weights.T, grads.T, learning_rate, price).T


def drop_single_weights(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    return np.sign(arrived) * np.maximum(np.abs(arrived) - learning_rate * price, 0)


def drop_without_rate(weights, grads, learning_rate, price):
    return drop_by_factor(weights - learning_rate * grads, 0 * grads, 1.0, price)


def drop_uphill(weights, grads, learning_rate, price):
    return drop_by_factor(weights, -grads, learning_rate, price)


def drop_without_step(weights, grads, learning_rate, price):
    return drop_by_factor(weights, 0 * grads, learning_rate, price)


def drop_short_rows_only(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    return arrived * (np.linalg.norm(arrived, axis=1, keepdims=True) > learning_rate * price)


def drop_beyond_zero(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    lengths = np.linalg.norm(arrived, axis=1, keepdims=True)
    return arrived - learning_rate * price * arrived / np.where(lengths > 0, lengths, 1)


def drop_in_the_gradient(weights, grads, learning_rate, price):
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    return weights - learning_rate * (grads + price * weights / np.where(lengths > 0, lengths, 1))


def drop_as_squares_do(weights, grads, learning_rate, price):
    """What a price on half the square of the length gives."""
    return (weights - learning_rate * grads) / (1 + learning_rate * price)


def drop_by_square(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    squares = (arrived**2).sum(axis=1, keepdims=True)
    return arrived * np.maximum(1 - learning_rate * price / np.where(squares > 0, squares, 1), 0)


def drop_by_whole_length(weights, grads, learning_rate, price):
    arrived = weights - learning_rate * grads
    length = np.linalg.norm(arrived)
    return arrived * max(1 - learning_rate * price / length, 0) if length else arrived


def drop_by_root_of_size(weights, grads, learning_rate, price):
    """With a price that grows with the number of classes, as some programs have it."""
    return drop_by_factor(weights, grads, learning_rate, price * weights.shape[1] ** 0.5)


def drop_in_place(weights, grads, learning_rate, price):
    weights -= learning_rate * grads
    return drop_by_factor(weights, 0 * grads, learning_rate, price)


def decayed_by_package(params, velocity, grads, learning_rate, momentum, weight_decay):
    shrunk = decay_weights(params, learning_rate=learning_rate, weight_decay=weight_decay)
    return momentum_step(shrunk, grads, velocity, learning_rate=learning_rate, momentum=momentum)


def decayed_by_name(params, velocity, grads, learning_rate, momentum, weight_decay):
    new_weights = momentum * velocity["weights"] - learning_rate * grads["weights"]
    new_bias = momentum * velocity["bias"] - learning_rate * grads["bias"]
    weights = params["weights"] - learning_rate * weight_decay * params["weights"] + new_weights
    return {"weights": weights, "bias": params["bias"] + new_bias}, {"weights": new_weights, "bias": new_bias}


def decayed_by_difference(params, velocity, grads, learning_rate, momentum, weight_decay):
    """Move as with the decay in the gradient, and then take it out of the velocity."""
    moved, speed = {}, {}
    for name, value in params.items():
        pull = weight_decay * value * (name == "weights")
        moved[name] = value + momentum * velocity[name] - learning_rate * (grads[name] + pull)
        speed[name] = moved[name] - value + learning_rate * pull
    return [moved, speed]


def _decayed(params, velocity, grads, momentum, *, rate, factor, bias_factor=1.0):
    speed = {name: momentum * velocity[name] - rate * grads[name] for name in params}
    factors = {"weights": factor, "bias": bias_factor}
    return {name: factors[name] * params[name] + speed[name] for name in params}, speed


def decayed_in_velocity(params, velocity, grads, learning_rate, momentum, weight_decay):
    pulled = {"weights": grads["weights"] + weight_decay * params["weights"], "bias": grads["bias"]}
    return momentum_step(params, pulled, velocity, learning_rate=learning_rate, momentum=momentum)


def decayed_and_remembered(params, velocity, grads, learning_rate, momentum, weight_decay):
    """The velocity is taken to be the whole change."""
    moved, _ = decayed_by_name(params, velocity, grads, learning_rate, momentum, weight_decay)
    return moved, {name: moved[name] - params[name] for name in params}


def decayed_uphill(params, velocity, grads, learning_rate, momentum, weight_decay):
    factor = 1 - learning_rate * weight_decay
    return _decayed(params, velocity, grads, momentum, rate=-learning_rate, factor=factor)


def decayed_without_memory(params, velocity, grads, learning_rate, momentum, weight_decay):
    factor = 1 - learning_rate * weight_decay
    return _decayed(params, velocity, grads, 0.0, rate=learning_rate, factor=factor)


def decayed_with_old_velocity(params, velocity, grads, learning_rate, momentum, weight_decay):
    moved, _ = decayed_by_name(params, velocity, grads, learning_rate, momentum, weight_decay)
    return moved, velocity


def decayed_without_friction(params, velocity, grads, learning_rate, momentum, weight_decay):
    factor = 1 - learning_rate * weight_decay
    return _decayed(params, velocity, grads, 1.0, rate=learning_rate, factor=factor)


def decayed_with_bias(params, velocity, grads, learning_rate, momentum, weight_decay):
    factor = 1 - learning_rate * weight_decay
    return _decayed(params, velocity, grads, momentum, rate=learning_rate, factor=factor, bias_factor=factor)


def decayed_after(params, velocity, grads, learning_rate, momentum, weight_decay):
    moved, speed = momentum_step(params, grads, velocity, learning_rate=learning_rate, momentum=momentum)
    return decay_weights(moved, learning_rate=learning_rate, weight_decay=weight_decay), speed


def decayed_upwards(params, velocity, grads, learning_rate, momentum, weight_decay):
    factor = 1 + learning_rate * weight_decay
    return _decayed(params, velocity, grads, momentum, rate=learning_rate, factor=factor)


def decayed_without_rate(params, velocity, grads, learning_rate, momentum, weight_decay):
    return _decayed(params, velocity, grads, momentum, rate=learning_rate, factor=1 - weight_decay)


def decayed_not_at_all(params, velocity, grads, learning_rate, momentum, weight_decay):
    return momentum_step(params, grads, velocity, learning_rate=learning_rate, momentum=momentum)


def decayed_as_nesterov(params, velocity, grads, learning_rate, momentum, weight_decay):
    shrunk = decay_weights(params, learning_rate=learning_rate, weight_decay=weight_decay)
    return nesterov(shrunk, grads, velocity, learning_rate=learning_rate, momentum=momentum)


def decayed_by_effective_rate(params, velocity, grads, learning_rate, momentum, weight_decay):
    factor = 1 - learning_rate * weight_decay / (1 - momentum)
    return _decayed(params, velocity, grads, momentum, rate=learning_rate, factor=factor)


def decayed_params_only(params, velocity, grads, learning_rate, momentum, weight_decay):
    return decayed_by_name(params, velocity, grads, learning_rate, momentum, weight_decay)[0]


def decayed_in_place(params, velocity, grads, learning_rate, momentum, weight_decay):
    params["weights"] *= 1 - learning_rate * weight_decay
    return momentum_step(params, grads, velocity, learning_rate=learning_rate, momentum=momentum)


ANSWERS = {
    "drop_features_step": (
        [drop_by_factor, drop_by_loop, drop_by_projection, drop_by_directions],
        [
            (drop_without_care, "no-direction"),
            (drop_by_directions_without_care, "no-direction"),
            (drop_columns, "columns"),
            (drop_single_weights, "each-weight"),
            (drop_without_rate, "no-rate"),
            (drop_uphill, "uphill"),
            (drop_without_step, "no-step"),
            (drop_short_rows_only, "untouched"),
            (drop_beyond_zero, "beyond-zero"),
            (drop_in_the_gradient, "beyond-zero"),
            (drop_as_squares_do, "never-zero"),
            (drop_by_whole_length, "never-zero"),
            (drop_by_square, "squared"),
            (drop_by_root_of_size, "wrong"),
            (drop_in_place, "mutates"),
        ],
    ),
    "steps_to_half": (
        [69, 69.0, np.int64(69)],
        [
            (50, "straight"),
            (35, "no-half"),
            (100, "time-constant"),
            (14, "one-factor"),
            (4, "one-factor"),
            (68, "too-few"),
            (68.97, "too-few"),
            (70, "wrong"),
        ],
    ),
    "decayed_step": (
        [decayed_by_package, decayed_by_name, decayed_by_difference],
        [
            (decayed_in_velocity, "in-velocity"),
            (decayed_and_remembered, "in-velocity"),
            (decayed_uphill, "uphill"),
            (decayed_without_memory, "no-memory"),
            (decayed_with_old_velocity, "no-memory"),
            (decayed_without_friction, "no-memory"),
            (decayed_with_bias, "bias"),
            (decayed_after, "after"),
            (decayed_upwards, "grows"),
            (decayed_without_rate, "no-rate"),
            (decayed_not_at_all, "no-decay"),
            (decayed_as_nesterov, "wrong"),
            (decayed_by_effective_rate, "wrong"),
            (decayed_params_only, "two-dictionaries"),
            (decayed_in_place, "mutates"),
        ],
    ),
}
