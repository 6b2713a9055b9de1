import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def missing(record, predictions, labels):
    """Return the digits that have images here, but are predicted for none."""
    return np.setdiff1d(labels, predictions).tolist()


def scores_are_not_cut_off(program, record):
    """No digit has one and the same score for more than half of the training images."""
    scores = program.logits(record["last_params"], record["x"])
    for digit, of_digit in enumerate(scores.T):
        values, counts = np.unique(of_digit, return_counts=True)
        if counts.max() > len(scores) / 2:
            return f"{counts.max()} of {len(scores)} scores for digit {digit} are {values[counts.argmax()]:.1f}"
    return None


def line(program, record):
    never = missing(record, program.predict(record["last_params"], record["x_valid"]), record["labels_valid"])
    return f"digits never predicted on the validation images: {never or 'none'}"


def shows(program, record):
    return len(missing(record, program.predict(record["last_params"], record["x_valid"]), record["labels_valid"])) > 0


EXHIBIT = Exhibit(
    name="digits_never_predicted",
    title="Some digits are never predicted",
    cause="The last layer has a ReLU too: a digit whose score is negative for every image gets no gradient any more.",
    line=line,
    shows=shows,
    check=scores_are_not_cut_off,
    fault=(
        (
            '    return hidden_layer(params, x) @ params["weights"] + params["bias"]\n',
            '    return np.maximum(hidden_layer(params, x) @ params["weights"] + params["bias"], 0)\n',
        ),
        (
            "    delta = (softmax(logits(params, x)) - np.eye(10)[labels]) / len(labels)\n",
            "    z = logits(params, x)\n    delta = (softmax(z) - np.eye(10)[labels]) * (z > 0) / len(labels)\n",
        ),
    ),
)
