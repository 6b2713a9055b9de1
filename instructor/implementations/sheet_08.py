"""Right and wrong answers to the tasks of sheet 8."""

from functools import reduce

import numpy as np


def _solved(before, grads, after):
    """Least squares of after = gamma * before - rate * grads."""
    columns = np.array([-grads.ravel(), before.ravel()]).T
    return np.linalg.lstsq(columns, after.ravel(), rcond=None)[0]


def rate_by_least_squares(path, grads):
    steps = path[1:] - path[:-1]
    return tuple(_solved(steps[:-1], grads[1:], steps[1:]))


def rate_by_cramer(path, grads):
    steps = np.diff(path, axis=0)
    before, pushes, after = steps[:-1].ravel(), grads[1:].ravel(), steps[1:].ravel()
    a, b, c = before @ before, before @ pushes, pushes @ pushes
    determinant = a * c - b * b
    gamma = (c * (before @ after) - b * (pushes @ after)) / determinant
    return [(b * (before @ after) - a * (pushes @ after)) / determinant, gamma]


def rate_by_one_pair_of_equations(path, grads):
    """The two equations whose determinant is largest."""
    steps = np.diff(path, axis=0)
    rows = np.column_stack([-grads[1:].ravel(), steps[:-1].ravel()])
    scaled = rows / np.abs(rows).max(axis=0)
    determinants = np.abs(np.outer(scaled[:, 0], scaled[:, 1]) - np.outer(scaled[:, 1], scaled[:, 0]))
    pair = list(np.unravel_index(determinants.argmax(), determinants.shape))
    return np.linalg.solve(rows[pair], steps[1:].ravel()[pair])


def rate_by_elimination(path, grads):
    """First what the gradients explain is taken away from all else."""
    steps = np.diff(path, axis=0)
    before, pushes, after = steps[:-1].ravel(), grads[1:].ravel(), steps[1:].ravel()
    direction = pushes / np.linalg.norm(pushes)
    rest = before - direction * (direction @ before)
    gamma = (rest @ after) / (rest @ rest)
    return float((gamma * before - after) @ pushes / (pushes @ pushes)), float(gamma)


def rate_in_the_other_order(path, grads):
    return rate_by_least_squares(path, grads)[::-1]


def rate_with_the_other_sign(path, grads):
    steps = np.diff(path, axis=0)
    return _solved(steps[:-1], -grads[1:], steps[1:])


def rate_effective(path, grads):
    rate, gamma = rate_by_least_squares(path, grads)
    return rate / (1 - gamma), gamma


def rate_of_plain_descent(path, grads):
    steps = np.diff(path, axis=0)
    return -np.sum(steps * grads) / np.sum(grads**2), 0.0


def rate_from_rest(path, grads):
    steps = np.diff(path, axis=0)
    before = np.vstack([np.zeros_like(steps[:1]), steps[:-1]])
    return _solved(before, grads, steps)


def rate_from_the_first_step(path, grads):
    steps = np.diff(path, axis=0)
    rate = -np.sum(steps[0] * grads[0]) / np.sum(grads[0] ** 2)
    gamma = np.sum((steps[1:] + rate * grads[1:]) * steps[:-1]) / np.sum(steps[:-1] ** 2)
    return rate, gamma


def rate_with_old_gradients(path, grads):
    steps = np.diff(path, axis=0)
    return _solved(steps[:-1], grads[:-1], steps[1:])


def rate_of_the_first_parameter(path, grads):
    return rate_by_least_squares(path[:, :1], grads[:, :1])


def rate_as_a_mean_over_parameters(path, grads):
    steps = np.diff(path, axis=0)
    ratios = [
        np.linalg.solve(
            [[b[:-1] @ b[:-1], -(b[:-1] @ g[1:])], [b[:-1] @ g[1:], -(g[1:] @ g[1:])]], [b[1:] @ b[:-1], b[1:] @ g[1:]]
        )
        if g.any()
        else [np.nan, np.nan]
        for b, g in zip(steps.T, grads.T, strict=True)
    ]
    return np.mean(ratios, axis=0)[::-1]


def rate_per_parameter(path, grads):
    columns = [
        rate_by_least_squares(path[:, [d]], grads[:, [d]]) for d in range(path.shape[1]) for _ in range(path.shape[1])
    ]
    return np.array(columns)


def rate_by_velocity_ratio(path, grads):
    steps = np.diff(path, axis=0)
    gamma = np.sum(steps[1:] * steps[:-1]) / np.sum(steps[:-1] ** 2)
    return -np.sum((steps[1:] - gamma * steps[:-1]) * grads[1:]) / np.sum(grads[1:] ** 2), gamma


def run_with_rebound_arrays(params, grads, learning_rate, momentum):
    velocity = {name: np.zeros(np.shape(array)) for name, array in params.items()}
    for step in grads:
        velocity = {name: momentum * v - learning_rate * step[name] for name, v in velocity.items()}
        params = {name: array + velocity[name] for name, array in params.items()}
    return dict(params)


def run_in_place(params, grads, learning_rate, momentum):
    moved = {name: array.copy() for name, array in params.items()}
    sums = {name: np.zeros_like(array) for name, array in params.items()}
    for step in grads:
        for name in params:
            sums[name] *= momentum
            sums[name] += step[name]
            moved[name] -= learning_rate * sums[name]
    return moved


def run_by_two_positions(params, grads, learning_rate, momentum):
    """By w' = w + momentum * (w - older) - learning_rate * grad."""

    def stepped(state, step):
        here, older = state
        return {
            name: here[name] + momentum * (here[name] - older[name]) - learning_rate * step[name] for name in here
        }, here

    return reduce(stepped, grads, (dict(params), dict(params)))[0]


def run_by_formula(params, grads, learning_rate, momentum):
    n = len(grads)
    factors = [learning_rate * sum(momentum**j for j in range(n - k)) for k in range(n)]
    return {
        name: array - sum((c * g[name] for c, g in zip(factors, grads, strict=True)), np.zeros(array.shape))
        for name, array in params.items()
    }


def run_with_one_velocity(params, grads, learning_rate, momentum):
    moved = {name: array.copy() for name, array in params.items()}
    velocity = 0.0
    for step in grads:
        for name in moved:
            if np.shape(velocity) not in ((), step[name].shape):
                velocity = 0.0
            velocity = momentum * velocity - learning_rate * step[name]
            moved[name] = moved[name] + velocity
    return moved


def run_with_shared_zeros(params, grads, learning_rate, momentum):
    moved = {name: array.copy() for name, array in params.items()}
    zeros = {array.shape: np.zeros(array.shape) for array in params.values()}
    velocity = {name: zeros[array.shape] for name, array in params.items()}
    for step in grads:
        for name in moved:
            velocity[name] *= momentum
            velocity[name] -= learning_rate * step[name]
            moved[name] += velocity[name]
    return moved


def run_forgetting(params, grads, learning_rate, momentum):
    moved = dict(params)
    for step in grads:
        velocity = {name: np.zeros_like(array) for name, array in params.items()}
        for name in moved:
            velocity[name] = momentum * velocity[name] - learning_rate * step[name]
            moved[name] = moved[name] + velocity[name]
    return moved


def run_uphill(params, grads, learning_rate, momentum):
    return run_with_rebound_arrays(params, grads, -learning_rate, momentum)


def run_averaging(params, grads, learning_rate, momentum):
    return run_with_rebound_arrays(params, grads, learning_rate * (1 - momentum), momentum)


def run_late(params, grads, learning_rate, momentum):
    velocity = {name: np.zeros_like(array) for name, array in params.items()}
    for step in grads:
        params = {name: array + velocity[name] for name, array in params.items()}
        velocity = {name: momentum * v - learning_rate * step[name] for name, v in velocity.items()}
    return params


def run_from_the_start_each_time(params, grads, learning_rate, momentum):
    velocity, moved = {name: np.zeros_like(array) for name, array in params.items()}, dict(params)
    for step in grads:
        velocity = {name: momentum * v - learning_rate * step[name] for name, v in velocity.items()}
        moved = {name: array + velocity[name] for name, array in params.items()}
    return moved


def run_nesterov(params, grads, learning_rate, momentum):
    velocity = {name: np.zeros_like(array) for name, array in params.items()}
    for step in grads:
        velocity = {name: momentum * v - learning_rate * step[name] for name, v in velocity.items()}
        params = {
            name: array + momentum * velocity[name] - learning_rate * step[name] for name, array in params.items()
        }
    return params


def run_damping_the_gradient_too(params, grads, learning_rate, momentum):
    velocity = {name: np.zeros_like(array) for name, array in params.items()}
    for step in grads:
        velocity = {name: momentum * (v - learning_rate * step[name]) for name, v in velocity.items()}
        params = {name: array + velocity[name] for name, array in params.items()}
    return params


def run_of_the_arrays_only(params, grads, learning_rate, momentum):
    return list(run_with_rebound_arrays(params, grads, learning_rate, momentum).values())


def run_changing_its_arguments(params, grads, learning_rate, momentum):
    moved = run_with_rebound_arrays(params, grads, learning_rate, momentum)
    for name, array in params.items():
        array[...] = moved[name]
    return params


ANSWERS = {
    "rate_and_momentum": (
        [rate_by_least_squares, rate_by_cramer, rate_by_one_pair_of_equations, rate_by_elimination],
        [
            (rate_in_the_other_order, "order"),
            (rate_with_the_other_sign, "sign"),
            (rate_effective, "effective"),
            (rate_of_plain_descent, "no-memory"),
            (rate_from_rest, "rest"),
            (rate_from_the_first_step, "rest"),
            (rate_with_old_gradients, "misaligned"),
            (rate_of_the_first_parameter, "still"),
            (rate_as_a_mean_over_parameters, "still"),
            (rate_per_parameter, "shape"),
            (rate_by_velocity_ratio, "wrong"),
        ],
    ),
    "steps_behind": (
        [9, 0.9 / (1 - 0.9), np.sum(0.9 ** np.arange(1, 500))],
        [
            (10, "series"),
            (0, "equal"),
            (0.9, "first-step"),
            (90, "units"),
            (-9, "ahead"),
            (np.inf, "grows"),
            (4.5, "wrong"),
        ],
    ),
    "momentum_run": (
        [run_with_rebound_arrays, run_in_place, run_by_two_positions, run_by_formula],
        [
            (run_with_one_velocity, "shared"),
            (run_with_shared_zeros, "shared"),
            (run_forgetting, "no-memory"),
            (run_uphill, "uphill"),
            (run_averaging, "average"),
            (run_late, "late"),
            (run_from_the_start_each_time, "last-step-only"),
            (run_nesterov, "ahead"),
            (run_damping_the_gradient_too, "damped"),
            (run_of_the_arrays_only, "not-names"),
            (run_changing_its_arguments, "mutates"),
        ],
    ),
}
