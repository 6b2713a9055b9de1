import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import num_hidden


def hidden_units_respond(program, record):
    """At least half of the hidden units tell some training images from others, after training."""
    if not num_hidden(record):
        return None
    h = program.hidden_layer(record["last_params"], record["x"])
    silent = int((np.ptp(h, axis=0) < 1e-9).sum())
    if silent <= h.shape[1] / 2:
        return None
    return f"{silent} of {h.shape[1]} hidden units give the same answer to every training image"


def line(program, record):
    return f"training loss after the last epoch: {record['history']['train_loss'][-1]:.2f} nats"


def shows(program, record):
    return abs(record["history"]["train_loss"][-1] - np.log(10)) < 0.02


EXHIBIT = Exhibit(
    name="flat_at_ln_10",
    title="The loss falls to ln 10, and never leaves it",
    cause="The pixels are not scaled: the first steps are far too large for the hidden layer, and all its units die.",
    line=line,
    shows=shows,
    check=hidden_units_respond,
    setup=(("num_hidden=0", "num_hidden=32"),),
    fault=(("    return images / 16\n", "    return images.astype(float)\n"),),
)
