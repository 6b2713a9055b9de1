"""Sheet 10: find out why a run dies."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _with_limit(weights, bias, x, labels, rate, steps):
    """Return arguments whose limit is passed half a step before `steps`."""
    start, growth = x @ weights + bias, _growth(x, labels, len(bias), rate)
    return weights, bias, x, labels, rate, float((start + (steps - 0.5) * growth).max())


def _growth(x, labels, num_classes, rate, probs=None, gram_of_bias=1.0):
    """Return by how much the logits change in a step, written with scalar products of images."""
    probs = 1 / num_classes if probs is None else probs
    return rate * (x @ x.T + gram_of_bias) @ ((labels[:, None] == np.arange(num_classes)) - probs) / len(labels)


def _steps_cases(rng):
    x, labels = np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 1])
    still, three = np.zeros((1, 2)), np.array([0, 0, 1, 2])
    cases = [
        _with_limit(still, np.zeros(2), x, labels, 0.1, 31),
        _with_limit(np.array([[0.5, -0.5]]), np.array([1.0, 0.5]), x, labels, 0.1, 40),
        _with_limit(
            np.zeros((1, 3)), np.array([0.0, 0.0, -5.0]), np.array([[1.0], [1.0], [2.0], [1.0]]), three, 0.01, 1506
        ),
        _with_limit(
            np.zeros((1, 3)), np.array([-20.0, 0.0, -5.0]), np.array([[1.0], [1.0], [2.0], [1.0]]), three, 0.5, 31
        ),
        (np.array([[1.0, 0.0]]), np.zeros(2), x, labels, 0.1, 3.5),
    ]
    for shape, steps in (((4, 2, 3), 13), ((6, 3, 4), 21), ((8, 5, 10), 34)):
        num_images, num_features, num_classes = shape
        x, labels = rng.random((num_images, num_features)).round(2), rng.integers(num_classes, size=num_images)
        weights = rng.normal(0, 0.3, (num_features, num_classes)).round(2)
        cases.append(_with_limit(weights, rng.normal(0, 0.3, num_classes).round(2), x, labels, 0.5, 10 * steps))
    return cases


def _passes(start, growth, limit, steps):
    """Whether the largest logit is above the limit after so many steps, but not one step earlier."""
    return bool((start + steps * growth).max() > limit >= (start + (steps - 1) * growth).max())


def _judge_steps(args, steps):
    weights, bias, x, labels, rate, limit = args
    if not has_shape(steps, ()):
        return "shape"
    steps = float(steps)
    if not np.isfinite(steps) or steps != round(steps):
        return "not-whole"
    start, num_classes = x @ weights + bias, len(bias)
    if limit < start.max():
        return None if steps == 0 else "already"
    growth = _growth(x, labels, num_classes, rate)
    if _passes(start, growth, limit, steps):
        return None
    exps = np.exp(start - start.max(axis=1, keepdims=True))
    true_probs = exps / exps.sum(axis=1, keepdims=True)
    both = np.stack([start, -start]), np.stack([growth, -growth])
    fastest = np.unravel_index(growth.argmax(), growth.shape)
    slips = {
        "last-safe": (start, growth, limit, steps + 1),
        "magnitude": (*both, limit, steps),
        "start": (0 * start, growth, limit, steps),
        "summed": (start, growth * len(labels), limit, steps),
        "rate": (start, growth / rate, limit, steps),
        "bias": (start, _growth(x, labels, num_classes, rate, gram_of_bias=0.0), limit, steps),
        "pull-only": (start, _growth(x, labels, num_classes, rate, probs=0.0), limit, steps),
        "true-softmax": (start, _growth(x, labels, num_classes, rate, probs=true_probs), limit, steps),
        "fastest": (start[fastest], growth[fastest], limit, steps),
    }
    return next((key for key, slip in slips.items() if _passes(*slip)), "wrong")


def _judge_death(args, step):
    if not has_shape(step, ()):
        return "shape"
    travelled, formats = (
        float(step) * 0.02 / (1600 * 0.1),
        float(np.log(np.finfo("f4").max) / np.log(np.finfo("f8").max)),
    )
    slips = {1.0: "format", formats / 5: "rate", formats / 25: "rate-upside-down", 1 / formats: "format-upside-down"}
    for wrong, key in slips.items():
        if close(travelled, wrong, rtol=0.03):
            return key
    if 0.4 < travelled < 0.55:
        return "digits"
    return None if close(travelled, formats, rtol=0.03) else "wrong"


def _train_cases(rng):
    cases = [
        (np.array([[1.0], [2.0], [-1.0]]), np.array([0, 0, 1]), 2, 0.5, 1),
        (np.array([[1.0], [2.0], [-1.0]]), np.array([0, 0, 1]), 2, 0.5, 3),
        (np.array([[300.0], [-200.0]]), np.array([0, 1]), 2, 0.1, 2),
        (np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 2]), 3, 1.0, 0),
    ]
    for num_images, num_features, num_classes, num_steps in ((4, 2, 3, 3), (6, 2, 2, 4), (5, 3, 4, 5)):
        x, labels = rng.normal(size=(num_images, num_features)).round(1), rng.integers(num_classes, size=num_images)
        cases.append((x, labels, num_classes, float(rng.choice([0.3, 0.5])), num_steps))
    return cases


def _slopes(params, x, labels):
    """Return the slope of the mean loss along each parameter, from differences; the last row is the bias."""

    def loss(values):
        scores = x @ values[:-1] + values[-1]
        return (np.logaddexp.reduce(scores, axis=1) - scores[range(len(labels)), labels]).mean()

    slopes, h = np.zeros_like(params), 1e-5 / max(1.0, float(np.abs(x).max()))
    for place in np.ndindex(params.shape):
        nudge = np.zeros_like(params)
        nudge[place] = h
        slopes[place] = (loss(params + nudge) - loss(params - nudge)) / (2 * h)
    return slopes


def _walk(x, labels, num_classes, rate, num_steps, slip=None):
    params = np.zeros((x.shape[1] + 1, num_classes))
    first = params
    for _step in range(num_steps):
        slopes = _slopes(first if slip == "stale" else params, x, labels)
        if slip == "bias-late":
            moved = params - rate * np.vstack([slopes[:-1], 0 * slopes[-1:]])
            slopes[-1] = _slopes(moved, x, labels)[-1]
        params = params - rate * slopes
    return params


def _judge_train(args, result):
    x, labels, num_classes, rate, num_steps = args
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return "shape"
    if not (has_shape(result[0], (x.shape[1], num_classes)) and has_shape(result[1], (num_classes,))):
        return "shape"
    found = np.vstack([np.asarray(part, dtype=float) for part in result])
    if not np.isfinite(found).all():
        return "not-finite"

    def is_walk(*settings, slip=None):
        expected = _walk(x, labels, num_classes, *settings, slip=slip)
        return close(found, expected, rtol=1e-4, atol=1e-6 * (1 + np.abs(expected).max()))

    if is_walk(rate, num_steps):
        return None
    slips = {
        "uphill": (-rate, num_steps),
        "summed": (rate * len(x), num_steps),
        "one-short": (rate, max(num_steps - 1, 0)),
        "one-step": (rate, 1),
    }
    if num_steps > 1 and is_walk(rate, num_steps, slip="stale"):
        return "stale"
    if num_steps > 0 and is_walk(rate, num_steps, slip="bias-late"):
        return "bias-late"
    order = ("uphill", "summed", "one-step", "one-short") if num_steps > 2 else tuple(slips)
    return next((key for key in order if is_walk(*slips[key])), "wrong")


TASKS = [
    Task(
        "steps_to_overflow",
        _judge_steps,
        {
            "not-whole": "It is no whole number. Between two steps the program computes nothing.",
            "already": "Here a logit is above the limit before the first step.",
            "last-safe": "After that many steps all logits are still at or below the limit.",
            "magnitude": "You stop at a very negative logit, too. Its exponential is nearly 0; that is no overflow.",
            "start": "You let all logits begin at 0. They begin where the first weights and biases put them.",
            "summed": "Your logits move N times as fast: the sum over the images was not divided by their number.",
            "rate": "The learning rate has no influence on your number, or not the right one.",
            "bias": "Your logits move by the weights alone. The bias moves in each step, too.",
            "pull-only": "You count the pull of a class on its own images only. Each class is also pushed away, "
            "by the same small part, from all images.",
            "true-softmax": "You took the probabilities of a correct softmax. This program does not have them.",
            "fastest": "You follow the logit that grows fastest. Another one may have begun much nearer to the limit.",
        },
        _steps_cases,
    ),
    Task(
        "step_of_death",
        _judge_death,
        {
            "format": "That is the step for double precision. Single precision has another largest number.",
            "rate": "That would be the step if the learning rate had stayed 0.1.",
            "rate-upside-down": "The number format is right. But does a program that walks more slowly die sooner?",
            "format-upside-down": "You let single precision last longer than double precision.",
            "digits": "That is about half, the share of the bits or digits. They do not say how large a number may be.",
        },
        is_value=True,
    ),
    Task(
        "train_with_feedback",
        _judge_train,
        {
            "stale": "Each step is the same as the first: the probabilities do not notice that the weights have moved.",
            "bias-late": "Your bias answers to the new weights. One step takes one gradient, at one point.",
            "uphill": "The loss rises: the step goes along the gradient, not against it.",
            "summed": "Your steps are N times too long: a sum over the images where a mean belongs.",
            "one-step": "However many steps are asked for, it takes one.",
            "one-short": "What you return is the state before the last step.",
            "not-finite": "There is NaN or infinity in it. Large logits need the shift that the given program has.",
        },
        _train_cases,
    ),
]
