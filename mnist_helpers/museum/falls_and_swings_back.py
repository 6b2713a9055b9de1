import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def velocity_fades_without_gradient(program, record, num_steps=100):
    """Without a gradient, momentum 0.9 brings the velocity to rest."""
    params = {name: value.copy() for name, value in record["first_params"].items()}
    velocity = {name: np.ones_like(value) for name, value in params.items()}
    zeros = {name: np.zeros_like(value) for name, value in params.items()}
    for _ in range(num_steps):
        program.make_step(params, zeros, velocity, 0.1, 0.9)
    left = max(np.abs(value).max() for value in velocity.values())
    if left < 0.001:
        return None
    return f"{num_steps} steps without a gradient leave {left:.0%} of the velocity"


def lowest_and_next_highest(losses):
    """Return the lowest loss of the first ten epochs, and the highest one after it."""
    lowest = int(np.argmin(losses[:10]))
    return losses[lowest], max(losses[lowest:])


EXHIBIT = Exhibit(
    name="falls_and_swings_back",
    title="The loss falls fast, swings back, and never settles",
    cause="The old velocity is not multiplied by the momentum: no gradient is ever forgotten.",
    line=lambda program, record: "training loss: lowest {:.1f} nats, highest after that {:.1f} nats".format(
        *lowest_and_next_highest(record["history"]["train_loss"])
    ),
    shows=lambda program, record: max(record["history"]["train_loss"][5:]) > 1.2,
    check=velocity_fades_without_gradient,
    setup=(
        ("learning_rate=0.5, momentum=0.0, l2=0.0", "learning_rate=0.05, momentum=0.9, l2=0.01"),
        ("epochs=20", "epochs=40"),
    ),
    fault=(
        (
            "        velocity[name] = momentum * velocity[name] - learning_rate * grads[name]\n",
            "        velocity[name] -= learning_rate * grads[name]\n",
        ),
    ),
)
