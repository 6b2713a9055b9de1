from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import gradient_is_right


def line(program, record):
    return f"training loss after the last epoch: {record['history']['train_loss'][-1]:.1f} nats"


def shows(program, record):
    return record["history"]["train_loss"][-1] > 0.25


EXHIBIT = Exhibit(
    name="eight_units_too_few",
    title="Eight hidden units seem to be too few",
    cause="The mask of the ReLU is taken after the activation, with >=, so it is always true.",
    line=line,
    shows=shows,
    check=gradient_is_right,
    setup=(("num_hidden=0", "num_hidden=8"),),
    fault=(("* (h > 0)", "* (h >= 0)"),),
)
