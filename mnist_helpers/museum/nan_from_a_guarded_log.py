import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.infinite_despite_clipping import finite_for_a_confident_mistake

GUARDED = """    label_probs = softmax(logits(params, x))[np.arange(len(labels)), labels]
    label_log_probs = np.log(label_probs + 1e-12)
"""


def line(program, record):
    return f"validation loss after the first epoch: {record['history']['valid_loss'][1]:.1f}"


def shows(program, record):
    return np.isnan(record["history"]["valid_loss"][1])


EXHIBIT = Exhibit(
    name="nan_from_a_guarded_log",
    title="The logarithm is guarded, the loss is nan",
    cause="The guard has the wrong sign: below 1e-12 the program takes the logarithm of a negative number.",
    line=line,
    shows=shows,
    check=finite_for_a_confident_mistake,
    setup=(
        ("    return images / 16\n", "    return images.astype(float)\n"),
        ("    deviation = np.sqrt(1 / num_features)\n", "    deviation = 0.01\n"),
        ("    label_log_probs = log_softmax(logits(params, x))[np.arange(len(labels)), labels]\n", GUARDED),
    ),
    fault=(("np.log(label_probs + 1e-12)", "np.log(label_probs - 1e-12)"),),
)
