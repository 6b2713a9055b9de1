"""Sheet 9: put a price on large weights."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _row_cases(rng):
    weights, grads = np.array([[2.0, 4.0], [0.3, 0.0]]), np.array([[-2.0, 0.0], [0.0, -0.8]])
    cases = [
        (weights, grads, 0.5, 2.0),
        (np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)), 1.0, 1.0),
        (np.array([[3.0, -4.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [2.0, 0.0]]), 0.5, 0.0),
        (np.array([[2.0], [-0.5], [-3.0]]), np.array([[0.0], [0.0], [-1.0]]), 1.0, 1.0),
        (np.array([[0.3, 0.4]]), np.array([[0.1, 0.1]]), 0.1, 100.0),
    ]
    for shape, learning_rate in (((2, 3), 0.5), ((4, 2), 2.0), ((5, 4), 0.25)):
        old, slope = rng.normal(0, 2, shape).round(1), rng.normal(size=shape).round(1)
        lengths = np.linalg.norm(old - learning_rate * slope, axis=1)
        price = float(((lengths.min() + lengths.max()) / (2 * learning_rate)).round(2))
        cases.append((old, slope, learning_rate, price))
    return cases


def _judge_drop_features_step(args, result):
    weights, grads, learning_rate, price = args
    if not has_shape(result, weights.shape):
        return "shape"
    result, threshold = np.asarray(result, dtype=float), learning_rate * price
    if not np.isfinite(result).all():
        return "no-direction"
    arrived = weights - learning_rate * grads
    if _is_lowest(result, arrived, threshold):
        return None
    return _row_fault(result, weights, grads, learning_rate, price)


def _is_lowest(result, arrived, threshold):
    """Whether each row is where its bowl and the price on its length balance, or at the kink because none is."""
    reach, lengths = np.linalg.norm(arrived, axis=1), np.linalg.norm(result, axis=1)
    there = lengths > 0
    if (reach[~there] > threshold * (1 + 1e-9)).any():
        return False
    pull = (result - arrived)[there] + threshold * result[there] / lengths[there][:, None]
    return bool(np.abs(pull).max(initial=0) <= 1e-7 * (1 + reach.max(initial=0)))


def _row_fault(result, weights, grads, learning_rate, price):
    arrived, threshold = weights - learning_rate * grads, learning_rate * price
    reach = np.linalg.norm(arrived, axis=1)
    left = np.linalg.norm(result, axis=1)
    if _is_lowest(result.T, arrived.T, threshold):
        return "columns"
    if _is_lowest(result.reshape(-1, 1), arrived.reshape(-1, 1), threshold):
        return "each-weight"
    if _is_lowest(result, arrived, price):
        return "no-rate"
    if _is_lowest(result, weights + learning_rate * grads, threshold):
        return "uphill"
    if _is_lowest(result, weights, threshold):
        return "no-step"
    if close(result[reach > threshold], arrived[reach > threshold]):
        return "untouched" if (left[reach <= threshold] == 0).all() else "wrong"
    if (left[reach < threshold] > 0).any():
        return "never-zero" if _keeps_side(result, arrived) else "beyond-zero"
    return "squared" if _is_lowest_of_squares(result, arrived, threshold) else "wrong"


def _keeps_side(result, arrived):
    return bool(((result * arrived).sum(axis=1) >= 0).all())


def _is_lowest_of_squares(result, arrived, threshold):
    """Whether what is taken off each row that is left is the threshold divided by its length."""
    reach, left = np.linalg.norm(arrived, axis=1), np.linalg.norm(result, axis=1)
    there = left > 0
    return close((reach - left)[there] * reach[there], np.full(there.sum(), threshold), rtol=1e-6)


def _judge_steps_to_half(args, steps):
    if not has_shape(steps, ()):
        return "shape"
    steps = float(steps)
    if steps == 50:
        return "straight"
    if steps in (34, 35):
        return "no-half"
    if steps in (100, 99):
        return "time-constant"
    if steps in (13, 14, 3, 4):
        return "one-factor"
    if 68 <= steps < 69:
        return "too-few"
    return None if steps > 0 and 0.5 * 0.99 < 0.99**steps <= 0.5 and steps == round(steps) else "wrong"


def _decay_case(rng, shape, *settings):
    arrays = [
        {"weights": rng.normal(size=shape).round(1), "bias": rng.normal(size=shape[1]).round(1)} for _ in range(3)
    ]
    return (*arrays, *settings)


def _decay_cases(rng):
    def single(weight, bias):
        return {"weights": np.array([[weight]]), "bias": np.array([bias])}

    cases = [
        (single(1.0, 2.0), single(0.0, 0.0), single(0.0, 0.0), 0.5, 0.9, 0.2),
        (single(2.0, 4.0), single(0.0, 0.0), single(1.0, 3.0), 0.5, 0.0, 0.0),
        (single(2.0, 4.0), single(1.0, -1.0), single(1.0, 3.0), 0.5, 0.8, 0.0),
        (single(2.0, 4.0), single(1.0, -1.0), single(1.0, 3.0), 0.5, 0.8, 0.2),
    ]
    settings = [((2, 3), 0.1, 0.9, 0.5), ((4, 2), 0.5, 0.5, 0.1), ((3, 3), 0.2, 0.7, 1.0)]
    return cases + [_decay_case(rng, shape, *rest) for shape, *rest in settings]


def _judge_decayed_step(args, result):
    params, velocity, grads, learning_rate, momentum, weight_decay = args
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return "two-dictionaries"
    for part in result:
        if not isinstance(part, dict) or set(part) != set(params):
            return "two-dictionaries"
        if any(not has_shape(part[name], params[name].shape) for name in params):
            return "shape"
    moved, speed = ({name: np.asarray(part[name], dtype=float) for name in params} for part in result)
    kept = {name: speed[name] - momentum * velocity[name] for name in params}
    pushed = {name: -learning_rate * grads[name] for name in params}
    for name, value in params.items():
        pull = learning_rate * weight_decay * value
        if not close(kept[name], pushed[name]):
            return _velocity_fault(kept[name], pushed[name], pull, velocity[name], momentum)
    return _decay_fault(params, moved, speed, learning_rate, weight_decay)


def _velocity_fault(kept, pushed, pull, velocity, momentum):
    if close(kept, pushed - pull):
        return "in-velocity"
    if close(kept, -pushed) or close(kept, -pushed - pull):
        return "uphill"
    lost = (kept + momentum * velocity, kept + momentum * velocity - velocity)
    return "no-memory" if any(close(each, pushed) or close(each, 0 * pushed) for each in lost) else "wrong"


def _decay_fault(params, moved, speed, learning_rate, weight_decay):
    taken = {name: params[name] + speed[name] - moved[name] for name in params}
    factor = learning_rate * weight_decay
    bias = taken["bias"]
    if not close(bias, np.zeros(bias.shape)):
        both = (params["bias"], params["bias"] + speed["bias"])
        return "bias" if any(close(bias, by * each) for each in both for by in (factor, weight_decay)) else "wrong"
    weights, old = taken["weights"], params["weights"]
    if close(weights, factor * old):
        return None
    if close(weights, factor * (old + speed["weights"])):
        return "after"
    if close(weights, -factor * old):
        return "grows"
    if close(weights, weight_decay * old) or close(weights, weight_decay * (old + speed["weights"])):
        return "no-rate"
    return "no-decay" if close(weights, np.zeros(weights.shape)) else "wrong"


TASKS = [
    Task(
        "drop_features_step",
        _judge_drop_features_step,
        {
            "no-direction": "There is NaN or infinity in it. A row of length 0 has no direction to divide by.",
            "columns": "The price is on the columns, the classes. A feature is a row.",
            "each-weight": "That is soft thresholding of each weight by itself. Here the weights of a feature share "
            "one price.",
            "no-rate": "The threshold is the price itself. The price is on the loss; how much of it acts in one step?",
            "uphill": "The gradient step goes uphill.",
            "no-step": "The price acts on the old weights: the gradient step is missing.",
            "untouched": "Short rows are dropped, but the others stay as they are. The price pulls on long rows too.",
            "beyond-zero": "Some short row has come out on the other side of zero. A negative length is none.",
            "never-zero": "Some row shrinks where nothing of it may be left.",
            "squared": "Short and long rows shrink by different lengths. Is it the length that has the price, or its "
            "square?",
        },
        _row_cases,
    ),
    Task(
        "steps_to_half",
        _judge_steps_to_half,
        {
            "straight": "You took off the same amount in each step. Each step takes a share of what is left.",
            "no-half": "That is half as many steps as it takes, as if each took twice the share. Which factor stands "
            "before the square in the loss?",
            "time-constant": "After that many steps only about a third is left. That is the scale, not the half.",
            "one-factor": "Each step shrinks by learning rate and price together, not by one of them.",
            "too-few": "After so many steps a little more than half is left. Steps come whole.",
        },
        is_value=True,
    ),
    Task(
        "decayed_step",
        _judge_decayed_step,
        {
            "two-dictionaries": "It must return two dictionaries with the names weights and bias: the new parameters "
            "and the new velocity.",
            "in-velocity": "The decay has got into the velocity. There it is remembered, and acts again in every later "
            "step.",
            "uphill": "The velocity goes with the gradient, uphill.",
            "no-memory": "The velocity that you return is not the old one times the momentum, with the new push added.",
            "bias": "The bias decays too. It has no price.",
            "after": "The decay shrinks the step as well. It belongs to the old weights alone.",
            "grows": "The weights grow by what they should shrink.",
            "no-rate": "The decay acts in full in each step, without the learning rate.",
            "no-decay": "The weights do not decay.",
        },
        _decay_cases,
    ),
]
