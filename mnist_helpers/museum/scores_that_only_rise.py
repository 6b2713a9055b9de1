import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images


def bias_gradient_adds_up_to_zero(program, record):
    """One number added to all scores changes no probability, so the derivatives by the biases add up to zero."""
    x, labels = few_images(record)
    found = program.gradients(record["first_params"], x, labels, 0.0)["bias"]
    if abs(found.sum()) < 1e-6 * np.abs(found).sum():
        return None
    return f"the ten derivatives by the biases add up to {found.sum():.2f}, expected 0"


def mean_logit(program, record, name):
    """Return the mean over training images and classes."""
    return program.logits(record[name], record["x"]).mean()


EXHIBIT = Exhibit(
    name="scores_that_only_rise",
    title="The scores of all classes only rise",
    cause="The Jacobian of softmax is taken for the vector p * (1 - p), its diagonal: a label's score is raised, "
    "and no other is ever lowered.",
    line=lambda program, record: (
        f"mean of all logits: {mean_logit(program, record, 'first_params'):.1f} before training, "
        f"{mean_logit(program, record, 'last_params'):.1f} after"
    ),
    shows=lambda program, record: (
        mean_logit(program, record, "last_params") - mean_logit(program, record, "first_params") > 3
    ),
    check=bias_gradient_adds_up_to_zero,
    fault=(
        (
            "    delta = (softmax(logits(params, x)) - np.eye(10)[labels]) / len(labels)\n",
            "    probs, targets = softmax(logits(params, x)), np.eye(10)[labels]\n"
            "    delta = (-targets / probs) * (probs * (1 - probs)) / len(labels)\n",
        ),
    ),
)
