import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def momentum_changes_the_run(program, record):
    """One epoch with momentum ends elsewhere than one without."""
    with_momentum, without = (program.run(0, momentum=momentum, epochs=1)["last_params"] for momentum in (0.9, 0.0))
    if all(np.array_equal(with_momentum[name], without[name]) for name in without):
        return "after an epoch, the weights with momentum 0.9 and with momentum 0 are equal to the last bit"
    return None


def losses(program, record):
    """Return the last training loss of this run, and of the same run without momentum."""
    without = program.run(record["seed"], momentum=0.0)
    return record["history"]["train_loss"][-1], without["history"]["train_loss"][-1]


EXHIBIT = Exhibit(
    name="momentum_without_effect",
    title="Momentum makes no difference",
    cause="The velocity is set to zero before every step, so there is nothing that momentum could keep.",
    line=lambda program, record: "training loss with momentum 0.9: {:.3f} nats, without: {:.3f} nats".format(
        *losses(program, record)
    ),
    shows=lambda program, record: np.isclose(*losses(program, record), rtol=1e-9),
    check=momentum_changes_the_run,
    setup=(
        ("learning_rate=0.5, momentum=0.0", "learning_rate=0.05, momentum=0.9"),
        (
            '        "learning_rate": learning_rate,\n',
            '        "learning_rate": learning_rate,\n        "seed": seed,\n',
        ),
    ),
    fault=(
        (
            "    velocity = {name: np.zeros_like(value) for name, value in params.items()}\n    history",
            "    history",
        ),
        (
            "                make_step(params, grads, velocity, learning_rate, momentum)\n",
            "                velocity = {name: np.zeros_like(value) for name, value in params.items()}\n"
            "                make_step(params, grads, velocity, learning_rate, momentum)\n",
        ),
    ),
)
