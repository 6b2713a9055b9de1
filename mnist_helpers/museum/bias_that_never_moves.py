import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images


def gradients_fit_their_parameters(program, record):
    """At the start each array has a gradient of its own shape that is not zero."""
    x, labels = few_images(record)
    params = {name: value.copy() for name, value in record["first_params"].items()}
    grads = program.gradients(params, x[::2], labels[::2], 0.0)
    for name, value in params.items():
        if np.shape(grads[name]) != value.shape:
            return f"{name} has shape {value.shape}, its gradient {np.shape(grads[name])}"
        if not np.abs(grads[name]).max() > 1e-12:
            return f"the gradient of {name} is zero"
    return None


def line(program, record):
    return f"largest output bias after the last epoch: {np.abs(record['last_params']['bias']).max():.2f}"


def shows(program, record):
    return np.abs(record["last_params"]["bias"]).max() < 1e-9


EXHIBIT = Exhibit(
    name="bias_that_never_moves",
    title="The bias stays zero, and nothing else looks wrong",
    cause="The derivatives are summed over images and classes, one number instead of ten, and that sum is always zero.",
    line=line,
    shows=shows,
    check=gradients_fit_their_parameters,
    fault=(('"bias": delta.sum(axis=0)', '"bias": delta.sum()'),),
)
