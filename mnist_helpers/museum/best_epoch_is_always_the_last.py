import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def kept_parameters_have_the_best_loss(program, record):
    """The parameters that were kept still have the validation loss for which they were kept."""
    found = program.loss(record["params"], record["x_valid"], record["labels_valid"], 0.0)
    if np.isclose(found, record["valid_loss"], rtol=1e-6):
        return None
    return f"parameters with validation loss {record['valid_loss']:.2f} were kept, now they have {found:.2f}"


EXHIBIT = Exhibit(
    name="best_epoch_is_always_the_last",
    title="Stopping early changes nothing",
    cause="The best parameters are kept by reference, not as a copy, and training goes on changing them.",
    line=lambda program, record: (
        f"validation loss: lowest {min(record['history']['valid_loss']):.2f} nats, of the parameters that were kept "
        f"{program.loss(record['params'], record['x_valid'], record['labels_valid'], 0.0):.2f} nats"
    ),
    shows=lambda program, record: (
        program.loss(record["params"], record["x_valid"], record["labels_valid"], 0.0)
        > 1.2 * min(record["history"]["valid_loss"])
    ),
    check=kept_parameters_have_the_best_loss,
    setup=(
        ("num_hidden=0, learning_rate=0.5", "num_hidden=32, learning_rate=0.2"),
        (
            "1,000 for training, 400 for validation, 397 for the test",
            "200 for training, 400 for validation, the rest for the test",
        ),
        ("[1000, 1400]", "[200, 600]"),
        (
            "    x, x_valid, x_test =",
            "    wrong = rng.random(len(y)) < 0.2  # as if labelled in a hurry\n"
            "    y = np.where(wrong, rng.integers(0, 10, len(y)), y)\n"
            "    x, x_valid, x_test =",
        ),
        ("batch_size=50, epochs=20", "batch_size=10, epochs=60"),
    ),
    fault=(
        (
            "best, best_loss = {name: value.copy() for name, value in params.items()}, ",
            "best, best_loss = params, ",
        ),
    ),
)
