"""Update rules: how parameters move along their gradients. No function changes its arguments.

Rules with a memory take a `velocity`, a dictionary like the parameters that starts at zero (`zero_velocity`), and
return the new one beside the new parameters.
"""

import numpy as np

from mnist_helpers._checks import float_arrays, real_number

__all__ = ["decay_weights", "momentum", "nesterov", "sgd", "update_rule", "zero_velocity"]


# What is not finite is found by those who look at the results (`mnist_helpers.training`); NumPy need not warn as well.
@np.errstate(over="ignore", invalid="ignore")
def sgd(params, grads, *, learning_rate):
    """Return parameters moved one step of gradient descent: params - learning_rate * grads.

    Parameters
    ----------
    params, grads : dict of ndarray
        Same names and shapes.
    learning_rate : float
        Step size.

    Returns
    -------
    dict of ndarray
        New arrays in the dtype of `params`. NaN and infinity stay, and what is beyond the range of this dtype, or of
        that of the gradients, becomes infinite.

    Raises
    ------
    TypeError
        If an argument is no dictionary of floating-point arrays, or `learning_rate` no number.
    ValueError
        If names or shapes differ, or `learning_rate` is not finite.
    """
    _check_names(params, grads)
    # As a NumPy scalar it would turn float32 gradients into float64.
    learning_rate = float(real_number(learning_rate, "learning_rate"))
    return {
        name: (value - learning_rate * grads[name]).astype(value.dtype, copy=False) for name, value in params.items()
    }


def zero_velocity(params):
    """Return arrays of zeros with the names, shapes and dtypes of the parameters.

    Raises
    ------
    TypeError
        If `params` is no dictionary of floating-point arrays.
    """
    float_arrays(params, "params")
    return {name: np.zeros_like(value) for name, value in params.items()}


@np.errstate(over="ignore", invalid="ignore")
def momentum(params, grads, velocity, *, learning_rate, momentum):
    """Return parameters and velocity after one step of gradient descent with momentum (heavy ball).

    velocity = momentum * velocity - learning_rate * grads, then params + velocity.

    Parameters
    ----------
    params, grads, velocity : dict of ndarray
        Same names and shapes.
    learning_rate : float
    momentum : float
        At least 0 and below 1. Under a constant gradient the velocity tends to
        -learning_rate / (1 - momentum) * grads. With 0 it is `sgd`.

    Returns
    -------
    params, velocity : dict of ndarray
        New arrays in the dtype of `params`; not finite as in `sgd`.

    Raises
    ------
    TypeError, ValueError
        As `sgd`, and if `momentum` is no number or out of range.

    Notes
    -----
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Computational Mathematics
    and Mathematical Physics 4 (1964).
    """
    velocity = _next_velocity(params, grads, velocity, learning_rate, momentum)
    return {name: (value + velocity[name]).astype(value.dtype, copy=False) for name, value in params.items()}, velocity


@np.errstate(over="ignore", invalid="ignore")
def nesterov(params, grads, velocity, *, learning_rate, momentum):
    """Return parameters and velocity after one step with Nesterov's momentum.

    velocity = momentum * velocity - learning_rate * grads, then params + momentum * velocity - learning_rate * grads.

    The parameters are those at which the gradient is taken, one step of momentum ahead of the position in Nesterov's
    own form.

    Parameters
    ----------
    params, grads, velocity : dict of ndarray
        Same names and shapes.
    learning_rate : float
    momentum : float
        At least 0 and below 1.

    Returns
    -------
    params, velocity : dict of ndarray
        New arrays in the dtype of `params`; not finite as in `sgd`.

    Raises
    ------
    TypeError, ValueError
        As `momentum`.

    Notes
    -----
    Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k**2)", 1983; in this
    form Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu, "Advances in optimizing recurrent networks", ICASSP 2013.
    """
    velocity = _next_velocity(params, grads, velocity, learning_rate, momentum)
    ahead = {
        name: (value + float(momentum) * velocity[name]).astype(value.dtype, copy=False)
        for name, value in params.items()
    }
    return sgd(ahead, grads, learning_rate=learning_rate), velocity


@np.errstate(over="ignore", invalid="ignore")
def decay_weights(params, *, learning_rate, weight_decay):
    """Return parameters whose weights are shrunk by the factor 1 - learning_rate * weight_decay; the biases are kept.

    Done beside the gradient step this is decoupled weight decay. For `sgd` it is the same as an L2 penalty, with
    momentum it is not.

    Parameters
    ----------
    params : dict of ndarray
    learning_rate : float
    weight_decay : float
        At least 0, and so small that the factor stays positive.

    Returns
    -------
    dict of ndarray

    Raises
    ------
    TypeError
        If `params` is no dictionary of floating-point arrays, or a setting is no number.
    ValueError
        If a setting is not finite or the factor is not in (0, 1].

    Notes
    -----
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """
    float_arrays(params, "params")
    rule = "a finite number; 1 - learning_rate * weight_decay must lie in (0, 1] and weight_decay be at least 0"
    learning_rate = float(real_number(learning_rate, "learning_rate", rule))
    factor = 1 - learning_rate * float(real_number(weight_decay, "weight_decay", rule))
    if weight_decay < 0 or not 0 < factor <= 1:
        raise ValueError(
            f"1 - learning_rate * weight_decay must lie in (0, 1] and weight_decay be at least 0, got {factor}"
        )
    return {name: factor * value if name.endswith("weights") else value for name, value in params.items()}


def update_rule(*, learning_rate, momentum=0.0, nesterov=False, weight_decay=0.0):
    """Return the rule that these settings ask for, as one function ``(params, grads, velocity) -> (params, velocity)``.

    Parameters
    ----------
    learning_rate : float
    momentum : float
        0 for `sgd`; the velocity is then returned as it came.
    nesterov : bool
        Use `nesterov` instead of `momentum`. Needs a momentum above 0.
    weight_decay : float
        Applied to the parameters before the step, see `decay_weights`.

    Returns
    -------
    callable

    Raises
    ------
    TypeError
        If a setting is no number.
    ValueError
        If a setting is out of range.
    """
    if real_number(learning_rate, "learning_rate", "a finite number above 0") <= 0:
        raise ValueError(f"learning_rate must be a finite number above 0, got {learning_rate!r}")
    if not 0 <= real_number(momentum, "momentum", "at least 0 and below 1") < 1:
        raise ValueError(f"momentum must be at least 0 and below 1, got {momentum!r}")
    if nesterov and not momentum:
        raise ValueError("nesterov=True needs a momentum above 0")
    rule = _RULES[bool(nesterov)]
    decay = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    decay_weights({}, **decay)  # complains of settings that cannot work before any training

    def update(params, grads, velocity):
        params = decay_weights(params, **decay) if weight_decay else params
        if not momentum:
            return sgd(params, grads, learning_rate=learning_rate), velocity
        return rule(params, grads, velocity, learning_rate=learning_rate, momentum=momentum)

    return update


_RULES = (momentum, nesterov)  # the names that hide them inside update_rule


def _check_names(params, other, kind="gradients"):
    float_arrays(params, "params")
    if isinstance(other, dict) and params.keys() != other.keys():
        raise ValueError(f"parameters {sorted(map(str, params))} but {kind} {sorted(map(str, other))}")
    float_arrays(other, kind)
    for name, value in params.items():
        if value.shape != other[name].shape:
            raise ValueError(f"{name}: parameters of shape {value.shape} but {kind} of shape {other[name].shape}")


def _next_velocity(params, grads, velocity, learning_rate, momentum):
    _check_names(params, grads)
    _check_names(params, velocity, "velocities")
    if not 0 <= real_number(momentum, "momentum", "at least 0 and below 1") < 1:
        raise ValueError(f"momentum must be at least 0 and below 1, got {momentum}")
    learning_rate, momentum = float(real_number(learning_rate, "learning_rate")), float(momentum)
    return {
        name: (momentum * velocity[name] - learning_rate * grads[name]).astype(value.dtype, copy=False)
        for name, value in params.items()
    }
