from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import few_images


def penalty_gradient_is_right(program, record, step=0.01):
    """What the penalty adds to the gradient is the derivative of what it adds to the loss."""
    x, labels = few_images(record)
    params = record["first_params"]

    def penalty(factor):
        scaled = {name: factor * value for name, value in params.items()}
        return program.loss(scaled, x, labels, 1.0) - program.loss(scaled, x, labels, 0.0)

    expected = (penalty(1 + step) - penalty(1 - step)) / (2 * step)
    with_penalty, without = (program.gradients(params, x, labels, l2) for l2 in (1.0, 0.0))
    found = sum(((with_penalty[name] - without[name]) * value).sum() for name, value in params.items())
    if abs(found - expected) < 1e-4 * abs(expected):
        return None
    return f"the gradient of the penalty is {found / expected:.3f} times its derivative"


def squares(program, record):
    """Return the sum of the squares of the weights of this run, and of the same run without penalty."""
    without = program.run(record["seed"], l2=0.0)
    return tuple((run["last_params"]["weights"] ** 2).sum() for run in (record, without))


EXHIBIT = Exhibit(
    name="penalty_without_effect",
    title="The penalty hardly makes the weights smaller",
    cause="The gradient of the penalty is divided by the number of examples in the batch, the penalty itself is not.",
    line=lambda program, record: "squares of the weights: {:.0f} with the penalty, {:.0f} without".format(
        *squares(program, record)
    ),
    shows=lambda program, record: squares(program, record)[0] > 0.5 * squares(program, record)[1],
    check=penalty_gradient_is_right,
    setup=(
        ("l2=0.0, batch_size", "l2=0.03, batch_size"),
        (
            '        "learning_rate": learning_rate,\n',
            '        "learning_rate": learning_rate,\n        "seed": seed,\n',
        ),
    ),
    fault=(("l2 * params[name]\n", "l2 * params[name] / len(labels)\n"),),
)
