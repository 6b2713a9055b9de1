import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def black_pixel_shrinkage(program, record):
    """Return by what factor the weights of pixels that are always black shrank, and by what factor they should."""
    black = (record["x"] == 0).all(axis=0)
    first, last = (record[name]["weights"][black] for name in ("first_params", "last_params"))
    factor = 1 - record["learning_rate"] * record["decay"]
    return np.sqrt((last**2).sum() / (first**2).sum()), factor ** record["num_steps"]


def black_pixels_shrink_as_asked(program, record):
    """Weights of black pixels have no gradient: each step multiplies them by 1 - learning rate * decay."""
    if "decay" not in record or "num_steps" not in record:
        return None
    found, expected = black_pixel_shrinkage(program, record)
    if np.isclose(found, expected, rtol=1e-6):
        return None
    return f"weights without gradient are {found:.3f} times the first ones, expected {expected:.3f}"


EXHIBIT = Exhibit(
    name="weights_shrink_too_fast",
    title="The weights shrink far more than asked",
    cause="The decay goes into the velocity, and momentum 0.9 repeats each entry ten times in all.",
    line=lambda program, record: "weights of black pixels: {:.2f} times the first ones, asked for {:.2f}".format(
        *black_pixel_shrinkage(program, record)
    ),
    shows=lambda program, record: np.divide(*black_pixel_shrinkage(program, record)) < 0.5,
    check=black_pixels_shrink_as_asked,
    setup=(
        ("learning_rate=0.5, momentum=0.0", "learning_rate=0.05, momentum=0.9, decay=0.01"),
        (
            'momentum):\n    """Change params and velocity in place.',
            'momentum, decay=0.0):\n    """Change params and velocity in place; decay shrinks the weights.',
        ),
        (
            "        velocity[name] = momentum * velocity[name] - learning_rate * grads[name]\n"
            "        params[name] += velocity[name]\n",
            '        shrink = decay * params[name] if "weights" in name else 0\n'
            "        velocity[name] = momentum * velocity[name] - learning_rate * grads[name]\n"
            "        params[name] += velocity[name] - learning_rate * shrink\n",
        ),
        (
            "                make_step(params, grads, velocity, learning_rate, momentum)\n",
            "                make_step(params, grads, velocity, learning_rate, momentum, decay)\n",
        ),
        (
            '        "learning_rate": learning_rate,\n',
            '        "learning_rate": learning_rate,\n        "decay": decay,\n'
            '        "num_steps": epochs * -(-len(x) // batch_size),\n',
        ),
    ),
    fault=(
        (
            "learning_rate * grads[name]\n        params[name] += velocity[name] - learning_rate * shrink\n",
            "learning_rate * (grads[name] + shrink)\n        params[name] += velocity[name]\n",
        ),
    ),
)
