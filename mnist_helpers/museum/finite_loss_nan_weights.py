import numpy as np

from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images

NAIVE = """    exps = np.exp(z)
    return exps / exps.sum(axis=1, keepdims=True)
"""
STEP = """                grads = gradients(params, x[batch], y[batch], l2)
                make_step(params, grads, velocity, learning_rate, momentum)
"""
WATCHED_STEP = """                step = {"highest_score": logits(params, x[batch]).max()}
                step["loss"] = loss(params, x[batch], y[batch], l2)
                grads = gradients(params, x[batch], y[batch], l2)
                make_step(params, grads, velocity, learning_rate, momentum)
                step["gradient_finite"] = all(np.isfinite(grad).all() for grad in grads.values())
                step["weights_finite"] = all(np.isfinite(value).all() for value in params.values())
                steps.append(step)
"""


def gradient_is_finite_where_the_loss_is(program, record):
    """Scores up to ten thousand have a finite loss; then they must have a finite gradient too."""
    x, labels = few_images(record)
    params = {name: value.copy() for name, value in record["first_params"].items()}
    params["bias"] = np.linspace(-10_000.0, 10_000.0, 10)
    found = program.loss(params, x, labels, 0.0)
    if not np.isfinite(found):
        return f"the loss of large scores is {found}"
    for name, value in program.gradients(params, x, labels, 0.0).items():
        if not np.isfinite(value).all():
            return f"the loss of large scores is {found:.0f}, but the gradient of {name} is not finite"
    return None


def first_lost(record):
    """Return the number of the first batch whose loss is not finite, None if there is none."""
    lost = np.flatnonzero(~np.isfinite([step["loss"] for step in record["steps"]]))
    return int(lost[0]) + 1 if lost.size else None


def line(program, record):
    losses, lost = [step["loss"] for step in record["steps"]], first_lost(record)
    if lost is None:
        return f"the losses of all {len(losses)} batches are finite"
    return f"loss of batch {lost - 1}: {losses[lost - 2]:.0f} nats; loss of batch {lost}: {losses[lost - 1]:.0f}"


def shows(program, record):
    lost = first_lost(record)
    return lost is not None and lost > 1 and np.isnan(record["last_params"]["weights"]).any()


EXHIBIT = Exhibit(
    name="finite_loss_nan_weights",
    title="The loss is finite, and one step later the weights are nan",
    cause="The loss shifts the scores before it takes exponentials; the softmax that the gradient calls does not.",
    line=line,
    shows=shows,
    check=gradient_is_finite_where_the_loss_is,
    setup=(
        ("    return images / 16\n", "    return images.astype(float)\n"),
        ("    deviation = np.sqrt(1 / num_features)\n", "    deviation = 0.01\n"),
        ("learning_rate=0.5", "learning_rate=2.0"),
        (
            "    best, best_loss = first_params, np.inf\n",
            "    steps = []\n    best, best_loss = first_params, np.inf\n",
        ),
        (STEP, WATCHED_STEP),
        ('        "history": history,\n', '        "history": history,\n        "steps": steps,\n'),
    ),
    fault=(("    return np.exp(log_softmax(z))\n", NAIVE),),
)
