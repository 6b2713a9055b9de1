import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def penalty_leaves_biases_alone(program, record):
    """The penalty is the same whatever the biases are, in the loss and in the gradient."""
    x, labels, params = record["x"][:20], record["labels"][:20], record["first_params"]
    moved = {name: value + ("bias" in name) for name, value in params.items()}
    found = [program.loss(p, x, labels, 1.0) - program.loss(p, x, labels, 0.0) for p in (params, moved)]
    if not np.isclose(*found, rtol=1e-6):
        return f"with all biases raised by 1 the penalty is {found[1]:.1f} instead of {found[0]:.1f}"
    with_penalty, without = (program.gradients(moved, x, labels, l2) for l2 in (1.0, 0.0))
    for name in params:
        if "bias" in name and not np.allclose(with_penalty[name], without[name], atol=1e-9):
            return f"the gradient of {name} contains a penalty"
    return None


def expected_and_found(program, record, digit=8):
    """Return the mean probability of a digit over the training images, and its share of them."""
    probs = program.softmax(program.logits(record["last_params"], record["x"]))
    return probs[:, digit].mean(), (record["labels"] == digit).mean()


EXHIBIT = Exhibit(
    name="rare_digit_expected_too_often",
    title="A rare digit is expected more often than it occurs",
    cause="The penalty includes the squares of the bias, which must be far from zero for a class that is rare.",
    line=lambda program, record: "digit 8: mean probability {:.1%}, share of the training images {:.1%}".format(
        *expected_and_found(program, record)
    ),
    shows=lambda program, record: expected_and_found(program, record)[0] > 2.5 * expected_and_found(program, record)[1],
    check=penalty_leaves_biases_alone,
    setup=(
        ("397 for the test", "the rest for the test"),
        (
            "    (train, y), (valid",
            "    kept = (labels != 8) | (np.arange(len(labels)) % 10 == 0)  # as if eights were rare\n"
            "    images, labels = images[kept], labels[kept]\n"
            "    (train, y), (valid",
        ),
        (
            "learning_rate=0.5, momentum=0.0, l2=0.0, batch_size=50, epochs=20",
            "learning_rate=0.25, momentum=0.0, l2=0.3, batch_size=250, epochs=250",
        ),
    ),
    fault=(
        (
            '    squares = sum((value**2).sum() for name, value in params.items() if "weights" in name)\n',
            "    squares = sum((value**2).sum() for value in params.values())\n",
        ),
        (
            '        if "weights" in name:\n            grads[name] += l2 * params[name]\n',
            "        grads[name] += l2 * params[name]\n",
        ),
    ),
)
