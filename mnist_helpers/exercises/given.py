"""Functions that tasks pass to a student's function, by name (see `Given`)."""

import numpy as np


def sum_of_cubes(x):
    """Return the sum of the cubes of all entries."""
    return float(np.sum(x**3))
