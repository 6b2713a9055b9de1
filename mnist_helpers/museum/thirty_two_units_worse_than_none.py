import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import num_hidden


def hidden_units_differ(program, record):
    """After training no two hidden units have the same weights."""
    if not num_hidden(record):
        return None
    weights = record["last_params"]["hidden_weights"]
    different = np.unique(weights.round(6), axis=1).shape[1]
    if different == weights.shape[1]:
        return None
    return f"{weights.shape[1]} hidden units, but only {different} different one{'s' * (different > 1)}"


def line(program, record):
    return f"validation accuracy after the last epoch: {record['history']['valid_accuracy'][-1]:.2f}"


def shows(program, record):
    return record["history"]["valid_accuracy"][-1] < 0.6


EXHIBIT = Exhibit(
    name="thirty_two_units_worse_than_none",
    title="A program with 32 hidden units is worse than one without",
    cause="All weights start at the same value, so all units get the same gradient and stay one and the same unit.",
    line=line,
    shows=shows,
    check=hidden_units_differ,
    # With 0.5 a difference of 1e-16 between two units, made by rounding, would grow to 0.3.
    setup=(("num_hidden=0", "num_hidden=32"), ("learning_rate=0.5", "learning_rate=0.2")),
    fault=(
        (
            "        deviation = np.sqrt(2 / num_features)\n"
            '        params["hidden_weights"] = rng.normal(0, deviation, (num_features, num_hidden))\n',
            '        params["hidden_weights"] = np.full((num_features, num_hidden), 0.01)\n',
        ),
        (
            "    deviation = np.sqrt(1 / num_features)\n"
            '    params["weights"] = rng.normal(0, deviation, (num_features, num_classes))\n',
            '    params["weights"] = np.full((num_features, num_classes), 0.01)\n',
        ),
    ),
)
