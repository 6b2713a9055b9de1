import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images


def slope_ratios(program, record, num_per_class=1, step=1e-6):
    """Return for each array how fast the loss changes along its gradient, measured over what the gradient promises."""
    x, labels = few_images(record, num_per_class)
    params = record["first_params"]
    ratios = {}
    for name, grad in program.gradients(params, x, labels, 0.0).items():
        promised = np.linalg.norm(grad)
        if promised > 0:
            direction = grad / promised
            ahead, behind = (
                program.loss({**params, name: params[name] + sign * step * direction}, x, labels, 0.0)
                for sign in (1, -1)
            )
            ratios[name] = float((ahead - behind) / (2 * step * promised))
    return ratios


def slopes_are_as_promised(program, record):
    """Along the gradient of each array the loss changes as fast as the length of the gradient says."""
    for name, ratio in slope_ratios(program, record).items():
        if not abs(ratio - 1) < 0.01:
            return f"along the gradient of {name} the loss changes {ratio:.1f} times as fast as promised"
    return None


def line(program, record):
    losses = record["history"]["train_loss"]
    return f"training loss after {len(losses) - 1} epochs: {losses[-1]:.2f} nats"


def shows(program, record):
    return 0.5 < record["history"]["train_loss"][-1] < 1.0


EXHIBIT = Exhibit(
    name="tenth_of_the_speed",
    title="It learns, but twenty epochs do the work of two",
    cause="The gradient is divided by the number of entries, images times classes, instead of the number of images.",
    line=line,
    shows=shows,
    check=slopes_are_as_promised,
    fault=(
        (
            "    delta = (softmax(logits(params, x)) - np.eye(10)[labels]) / len(labels)\n",
            "    probs = softmax(logits(params, x))\n    delta = (probs - np.eye(10)[labels]) / probs.size\n",
        ),
    ),
)
