import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images

RIGHT = """    probs = np.clip(softmax(logits(params, x)), 1e-10, 1)
    label_log_probs = np.log(probs[np.arange(len(labels)), labels])
"""
WRONG = """    probs = softmax(logits(params, x))
    np.clip(probs, 1e-10, 1)
    label_log_probs = np.log(probs[np.arange(len(labels)), labels])
"""


def finite_for_a_confident_mistake(program, record):
    """The loss of an image is a finite number even if its label's score lies a thousand below another."""
    x, labels = few_images(record, num_per_class=1)
    params = {name: np.zeros_like(value) for name, value in record["first_params"].items()}
    params["bias"][1] = 1000.0
    found = program.loss(params, x[:1], labels[:1], 0.0)
    return None if np.isfinite(found) else f"a mistake made with a lead of 1000 costs {found}"


def line(program, record):
    return f"training loss after the first epoch: {record['history']['train_loss'][1]:.1f}"


def shows(program, record):
    return np.isinf(record["history"]["train_loss"][1])


EXHIBIT = Exhibit(
    name="infinite_despite_clipping",
    title="The probabilities are clipped, the loss is infinite all the same",
    cause="np.clip returns a clipped copy, which the program throws away; the loss reads the probabilities unclipped.",
    line=line,
    shows=shows,
    check=finite_for_a_confident_mistake,
    setup=(
        ("    return images / 16\n", "    return images.astype(float)\n"),
        ("    deviation = np.sqrt(1 / num_features)\n", "    deviation = 0.01\n"),
        ("    label_log_probs = log_softmax(logits(params, x))[np.arange(len(labels)), labels]\n", RIGHT),
        ("learning_rate=0.5", "learning_rate=5.0"),
    ),
    fault=((RIGHT, WRONG),),
)
