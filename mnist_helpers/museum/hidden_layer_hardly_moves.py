import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.tenth_of_the_speed import slopes_are_as_promised


def moved(record, name):
    """Return how far an array has moved, as a part of its first size."""
    first, last = record["first_params"][name], record["last_params"][name]
    return np.linalg.norm(last - first) / np.linalg.norm(first)


def line(program, record):
    return (
        f"hidden weights moved by {moved(record, 'hidden_weights'):.1f} of their size, "
        f"output weights by {moved(record, 'weights'):.1f}"
    )


def shows(program, record):
    return moved(record, "hidden_weights") < 0.1 * moved(record, "weights")


EXHIBIT = Exhibit(
    name="hidden_layer_hardly_moves",
    title="The program learns, but its hidden layer hardly moves",
    cause="The hidden layer's gradient is divided by the number of images a second time.",
    line=line,
    shows=shows,
    check=slopes_are_as_promised,
    setup=(("num_hidden=0", "num_hidden=32"),),
    fault=(
        (
            '        hidden_delta = (delta @ params["weights"].T) * (h > 0)\n',
            '        hidden_delta = (delta @ params["weights"].T) * (h > 0) / len(labels)\n',
        ),
    ),
)
