"""Checks of arguments that several modules share. Each message says what was expected and what came."""

from numbers import Real

import numpy as np

LARGEST = float(np.finfo(np.float64).max)


def whole_number(value, name, *, least=1, most=None):
    """Return the number as int, or raise ValueError if it is none or out of range."""
    if not isinstance(value, int | np.integer) or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {limits}, got {value!r}")
    return int(value)


def real_number(value, name, expected="a finite number"):
    """Return the number, a Python one as float; raise TypeError if it is no number, ValueError if it is not finite."""
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {kind_of(value)}")
    if not (np.isfinite(value) if isinstance(value, np.generic) else -LARGEST <= value <= LARGEST):
        raise ValueError(f"{name} must be {expected}, got {value!s:.40}")
    return value if isinstance(value, np.generic) else float(value)


def float_arrays(arrays, name):
    """Raise TypeError unless this is a dictionary of floating-point arrays."""
    if not isinstance(arrays, dict):
        raise TypeError(f"{name} must be a dictionary of arrays, got {kind_of(arrays)}")
    for key, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"{name}[{key!r}] must be an array of floating-point numbers, got {kind_of(value)}")


def callable_or_none(value, name):
    """Raise TypeError if the value is neither."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be a function or None, got {kind_of(value)}")


def zeros(shape, dtype=np.float64):
    """Return an array of zeros; raise ValueError if it is too large."""
    try:
        return np.zeros(shape, dtype)
    except (MemoryError, OverflowError, ValueError) as error:
        raise ValueError(f"an array of shape {shape} is too large: {error}") from error


def kind_of(value):
    """Return in a few words what a value is."""
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array"
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
