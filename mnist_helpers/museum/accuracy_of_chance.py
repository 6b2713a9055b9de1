from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import gradient_is_right


def line(program, record):
    history = record["history"]
    return f"training loss {history['train_loss'][-1]:.1f} nats, training accuracy {history['train_accuracy'][-1]:.2f}"


def shows(program, record):
    return record["history"]["train_accuracy"][-1] < 0.25


EXHIBIT = Exhibit(
    name="accuracy_of_chance",
    title="The accuracy stays at chance, the loss grows",
    cause="The gradient of the weights is computed transposed and then reshaped: right numbers in the wrong places.",
    line=line,
    shows=shows,
    check=gradient_is_right,
    fault=(("h.T @ delta,", '(delta.T @ h).reshape(params["weights"].shape),'),),
)
