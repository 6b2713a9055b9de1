"""Hidden tests of sheet 8."""

import numpy as np
from scipy.signal import lfilter

from instructor.hidden import Hidden


def _rate_and_momentum(path, grads):
    """Normal equations of the steps after the first."""
    steps = path[1:] - path[:-1]
    unknown = np.stack([-grads[1:].ravel(), steps[:-1].ravel()])
    return tuple(np.linalg.solve(unknown @ unknown.T, unknown @ steps[1:].ravel()))


def _logs(shape, rates, momenta, *, speed=2.0, still=()):
    def group(rng):
        logs = []
        for rate, gamma in zip(rates, momenta, strict=True):
            grads = rng.normal(size=shape)
            velocity = rate * speed * rng.normal(size=shape[1])
            grads[:, list(still)], velocity[list(still)] = 0, 0
            start = rng.normal(size=shape[1])
            steps = []
            for grad in grads:
                velocity = gamma * velocity - rate * grad
                steps.append(velocity)
            logs.append((np.vstack([start, start + np.cumsum(steps, axis=0)]), grads))
        return logs

    return group


def _momentum_run(params, grads, learning_rate, momentum):
    """The velocities are a filter of the gradients."""
    if not grads:
        return {name: array.copy() for name, array in params.items()}
    speeds = {
        name: lfilter([-learning_rate], [1, -momentum], np.stack([g[name] for g in grads]), axis=0) for name in params
    }
    return {name: array + speeds[name].sum(axis=0) for name, array in params.items()}


def _runs(num_steps, shapes, learning_rate=0.1, momentum=0.9):
    def group(rng):
        draws = [{name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in range(num_steps + 1)]
        return [(draws[0], draws[1:], learning_rate, momentum)]

    return group


ALIKE = {"weights": (3,), "bias": (3,), "scales": (3,)}
UNLIKE = {"weights": (4, 3), "bias": (3,), "kernels": (2, 1, 3)}

HIDDEN = [
    Hidden(
        "rate_and_momentum",
        _rate_and_momentum,
        {
            "a run from rest": _logs((8, 3), [0.1, 0.02], [0.9, 0.5], speed=0.0),
            "the middle of a run": _logs((8, 3), [0.1, 0.02], [0.9, 0.5], speed=5.0),
            "one parameter": _logs((10, 1), [0.1, 0.5], [0.9, 0.3]),
            "three steps": _logs((3, 6), [0.1, 0.5], [0.9, 0.3]),
            "many parameters": _logs((5, 60), [0.01], [0.95]),
            "no momentum": _logs((9, 2), [0.1, 1.0], [0.0, 0.0]),
            "long memory": _logs((30, 2), [0.001, 0.1], [0.99, 0.999]),
            "parameters that stand still": _logs((6, 5), [0.1, 0.3], [0.8, 0.6], still=(0, 3)),
        },
        atol=1e-8,
    ),
    Hidden("steps_behind", lambda: 9.0, rtol=1e-3),
    Hidden(
        "momentum_run",
        _momentum_run,
        {
            "one parameter": _runs(5, {"weights": (4,)}),
            "parameters of one shape": _runs(6, ALIKE, momentum=0.7),
            "parameters of different shapes": _runs(6, UNLIKE),
            "other names": _runs(4, {"theta": (2,), "shift": (2,)}, learning_rate=0.3),
            "no momentum": _runs(5, UNLIKE, momentum=0.0),
            "many steps": _runs(60, ALIKE, momentum=0.95),
            "no steps": _runs(0, ALIKE),
        },
    ),
]
