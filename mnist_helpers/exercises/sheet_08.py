"""Sheet 8: give the steps a memory."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _log(rng, num_steps, num_params, learning_rate, momentum, *, at_rest=False, still=0):
    """A piece of a log with random gradients; the first `still` parameters never move."""
    moving = np.arange(num_params) >= still
    grads = rng.normal(size=(num_steps, num_params)).round(1) * moving
    velocity = (0 if at_rest else learning_rate) * rng.choice([-3.0, 2.0], size=num_params) * moving
    path = [rng.normal(size=num_params).round(1)]
    for grad in grads:
        velocity = momentum * velocity - learning_rate * grad
        path.append(path[-1] + velocity)
    return np.array(path), grads


def _logs(rng):
    fixed = np.random.default_rng(8)
    cases = [
        _log(fixed, 3, 1, 0.1, 0.5),
        _log(fixed, 3, 2, 0.1, 0.5),
        _log(fixed, 4, 1, 0.5, 0.0),
        _log(fixed, 4, 2, 0.2, 0.5, still=1),
        _log(fixed, 6, 2, 0.01, 0.9, at_rest=True),
    ]
    settings = [(5, 3, 0.3, 0.9), (8, 1, 0.02, 0.25), (12, 4, 0.05, 0.99), (4, 2, 0.7, 0.1)]
    draws = [_log(rng, *size, rate * rng.uniform(0.9, 1.1), gamma) for *size, rate, gamma in settings]
    return [*cases, *draws, _log(rng, 6, 4, 0.1, 0.8, still=2)]


def _judge_rate_and_momentum(args, pair):
    path, grads = args
    if not has_shape(pair, (2,)):
        return "shape"
    rate, gamma = np.asarray(pair, dtype=float)
    if not np.isfinite([rate, gamma]).all() or rate == gamma == 0:
        return "still"
    steps = np.diff(path, axis=0)

    def explains(rate, gamma):
        expected = gamma * steps[:-1] - rate * grads[1:]
        return close(expected, steps[1:], rtol=0, atol=1e-7 * np.abs(steps).max())

    if explains(rate, gamma):
        return None
    readings = {"order": (gamma, rate), "sign": (-rate, gamma), "effective": (rate * (1 - gamma), gamma)}
    for key, reading in readings.items():
        if explains(*reading):
            return key
    if gamma == 0:
        return "no-memory"
    return _misread(steps, grads, rate, gamma)


def _misread(steps, grads, rate, gamma):
    """Which wrong equations the two numbers fit best."""
    before = np.vstack([0 * steps[:1], steps[:-1]])
    if _fits_best(before, grads, steps, rate, gamma) or _fits_best(0 * before[:1], grads[:1], steps[:1], rate, gamma):
        return "rest"
    if _fits_best(steps[:-1], grads[:-1], steps[1:], rate, gamma):
        return "misaligned"
    return "wrong"


def _fits_best(before, grads, after, rate, gamma):
    """Whether no other two numbers fit better: what is left is orthogonal to what they multiply."""
    left = after - gamma * before + rate * grads
    sizes = [np.linalg.norm(part) for part in (before, grads, after)]
    return bool(
        abs(np.sum(left * grads)) <= 1e-7 * sizes[1] * sizes[2]
        and abs(np.sum(left * before)) <= 1e-7 * sizes[0] * sizes[2]
    )


def _judge_steps_behind(args, steps):
    if not has_shape(steps, ()):
        return "shape"
    if np.isinf(steps):
        return "grows"
    slips = {
        "series": (10,),
        "equal": (0,),
        "first-step": (0.9, 1, 0.1),
        "units": (90,),
        "ahead": (-9,),
    }
    for key, values in slips.items():
        if any(close(steps, value, rtol=1e-3) for value in values):
            return key
    return None if close(steps / 0.9 - steps, 1, rtol=1e-3) else "wrong"


def _runs(rng):
    one, slope = np.array([1.0]), np.array([2.0])
    cases = [
        ({"weights": one}, [{"weights": slope}], 0.1, 0.8),
        ({"weights": one}, [{"weights": slope}, {"weights": slope}, {"weights": -slope}], 0.1, 0.8),
        ({"weights": one, "bias": 0 * one}, 2 * [{"weights": slope, "bias": 0 * slope}], 0.1, 0.8),
        ({"weights": np.ones((2, 2)), "bias": one}, 2 * [{"weights": np.eye(2), "bias": slope}], 0.5, 0.9),
        ({"weights": one, "bias": slope}, [], 0.1, 0.9),
    ]
    return cases + [_run(rng, num_steps, shapes) for num_steps, shapes in ((3, [(2, 3), (3,)]), (6, 3 * [(2,)]))]


def _run(rng, num_steps, shapes):
    names = ["weights", "bias", "hidden_bias"][: len(shapes)]
    draws = [
        {name: rng.normal(size=shape).round(1) for name, shape in zip(names, shapes, strict=True)}
        for _ in range(num_steps + 1)
    ]
    return draws[0], draws[1:], float(rng.choice([0.1, 0.3])), float(rng.choice([0.6, 0.8]))


def _judge_momentum_run(args, moved):
    params, grads, rate, gamma = args
    if not isinstance(moved, dict) or set(moved) != set(params):
        return "not-names"
    if any(not has_shape(moved[name], array.shape) for name, array in params.items()):
        return "shape"

    def is_end(total):
        """Whether each gradient has moved its parameter by `total(age)` in all, age 0 being the newest."""
        return all(
            close(moved[name], array - rate * sum(total(age) * g[name] for age, g in enumerate(reversed(grads))))
            for name, array in params.items()
        )

    series = {
        None: lambda age: (1 - gamma ** (age + 1)) / (1 - gamma),
        "no-memory": lambda age: 1,
        "uphill": lambda age: -(1 - gamma ** (age + 1)) / (1 - gamma),
        "average": lambda age: 1 - gamma ** (age + 1),
        "damped": lambda age: gamma * (1 - gamma ** (age + 1)) / (1 - gamma),
        "late": lambda age: (1 - gamma**age) / (1 - gamma),
        "last-step-only": lambda age: gamma**age,
        "ahead": lambda age: (1 - gamma ** (age + 2)) / (1 - gamma),
    }
    for key, total in series.items():
        if is_end(total):
            return key
    unpushed = [name for name in params if not any(g[name].any() for g in grads)]
    return "shared" if any(not close(moved[name], params[name]) for name in unpushed) else "wrong"


TASKS = [
    Task(
        "rate_and_momentum",
        _judge_rate_and_momentum,
        {
            "still": "The two numbers are 0, or not numbers at all. In some logs a parameter never moves, and its "
            "gradient is always 0.",
            "order": "Both numbers are right, but the learning rate comes first.",
            "sign": "The learning rate has the wrong sign: the step goes against the gradient.",
            "effective": "The momentum is right, but the first number is the effective step.",
            "no-memory": "The momentum is 0, though the steps cannot be explained without one.",
            "rest": "You assume that the velocity before the first step was 0. The log may begin in the middle of the "
            "run.",
            "misaligned": "You take the gradient of the step before: each velocity is explained by a gradient that was "
            "used one step earlier.",
        },
        _logs,
    ),
    Task(
        "steps_behind",
        _judge_steps_behind,
        {
            "series": "That is the effective step over the learning rate, the sum of the series from its first term "
            "on. What does B miss in its first step: all of it?",
            "equal": "In the long run both are equally fast. But is B as fast as A from its first step on?",
            "first-step": "That counts the first step alone, or it is the way over the gradient and not over A's step. "
            "In the second step B is still too slow.",
            "units": "That is the distance in another unit. A's step is 0.1 times the gradient.",
            "ahead": "The size is right. Who is ahead?",
            "grows": "The distance does not grow for ever: after a while both are equally fast.",
        },
        is_value=True,
    ),
    Task(
        "momentum_run",
        _judge_momentum_run,
        {
            "not-names": "It must return one dictionary with the names of the parameters.",
            "shared": "A parameter moves though its gradient is always 0. How many arrays of velocities are there?",
            "no-memory": "It ends where plain gradient descent would: each step forgets the velocity of the one "
            "before.",
            "uphill": "It goes as far as it should, but uphill.",
            "average": "The steps are too short by the factor 1 - momentum: the velocity averages the gradients "
            "instead of adding them up.",
            "damped": "The steps are too short by the factor momentum: the new gradient has been multiplied by it too.",
            "late": "Each gradient moves the parameters one step too late: they are moved before the velocity has "
            "felt it.",
            "last-step-only": "It ends one velocity away from the start: the steps before the last one are lost.",
            "ahead": "It ends one step of momentum too far, where Nesterov's method looks ahead (8.12).",
        },
        _runs,
    ),
]
