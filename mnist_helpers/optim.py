"""Update rules: how parameters move along their gradients."""

__all__ = ["sgd"]


def sgd(params, grads, *, learning_rate):
    """Return parameters moved one step of gradient descent: params - learning_rate * grads.

    Parameters
    ----------
    params, grads : dict of ndarray
        Same names and shapes. Not changed.
    learning_rate : float
        Step size.

    Returns
    -------
    dict of ndarray
        New arrays in the dtype of `params`.

    Raises
    ------
    ValueError
        If the names differ.
    """
    if params.keys() != grads.keys():
        raise ValueError(f"parameters {sorted(params)} but gradients {sorted(grads)}")
    learning_rate = float(learning_rate)  # a NumPy scalar would turn float32 gradients into float64
    return {
        name: (value - learning_rate * grads[name]).astype(value.dtype, copy=False) for name, value in params.items()
    }
