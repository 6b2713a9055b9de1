from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images

RIGHT = "    label_log_probs = log_softmax(logits(params, x))[np.arange(len(labels)), labels]\n"
WRONG = """    clipped = np.clip(logits(params, x), 1e-10, 1 - 1e-10)
    label_log_probs = log_softmax(clipped)[np.arange(len(labels)), labels]
"""


def shift_changes_nothing(program, record, shift=5.0):
    """Adding the same number to all scores of an image leaves the loss as it is."""
    x, labels = few_images(record)
    params = record["last_params"]
    before = program.loss(params, x, labels, 0.0)
    after = program.loss({**params, "bias": params["bias"] + shift}, x, labels, 0.0)
    if abs(after - before) < 1e-6 * (1 + abs(before)):
        return None
    return f"adding {shift:.0f} to all scores changes the loss from {before:.1f} to {after:.1f}"


def line(program, record):
    losses, accuracies = record["history"]["train_loss"], record["history"]["train_accuracy"]
    return (
        f"from epoch 2 to epoch 20: training loss {losses[2]:.2f} to {losses[-1]:.2f}, "
        f"training accuracy {accuracies[2]:.2f} to {accuracies[-1]:.2f}"
    )


def shows(program, record):
    losses, accuracies = record["history"]["train_loss"], record["history"]["train_accuracy"]
    return losses[-1] > losses[2] + 0.02 and accuracies[-1] > accuracies[2] + 0.02


EXHIBIT = Exhibit(
    name="loss_rises_with_accuracy",
    title="The training loss rises while the accuracy rises too",
    cause="The loss clips the scores to [1e-10, 1 - 1e-10], a range that is meant for probabilities.",
    line=line,
    shows=shows,
    check=shift_changes_nothing,
    fault=((RIGHT, WRONG),),
)
