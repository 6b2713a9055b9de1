import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def rate_changes_between_epochs_only(program, record):
    """The learning rates of all steps, as they were used, are those of the schedule."""
    if "rates" not in record:
        return None
    rates = np.array(record["rates"]).reshape(len(record["history"]["train_loss"]) - 1, -1)
    planned = rates[0, 0] * record["decay"] ** np.arange(len(rates))
    if np.allclose(rates, planned[:, None]):
        return None
    return f"the last step had the learning rate {rates[-1, -1]:.0e}, planned was {planned[-1]:.0e}"


EXHIBIT = Exhibit(
    name="stops_at_seventy_percent",
    title="The accuracy rises to seventy percent and freezes",
    cause="The learning rate is multiplied by the decay after every step, and should be after every epoch.",
    line=lambda program, record: (
        "validation accuracy after epochs 1, 5 and 20: "
        + ", ".join(f"{record['history']['valid_accuracy'][epoch]:.2f}" for epoch in (1, 5, 20))
    ),
    shows=lambda program, record: record["history"]["train_loss"][-1] > 1.2,
    check=rate_changes_between_epochs_only,
    setup=(
        ("batch_size=50, epochs=20)", "batch_size=50, epochs=20, decay=0.88)"),
        (
            "    best, best_loss = first_params, np.inf\n",
            "    best, best_loss = first_params, np.inf\n    rate, rates = learning_rate, []\n",
        ),
        (
            "                make_step(params, grads, velocity, learning_rate, momentum)\n",
            "                make_step(params, grads, velocity, rate, momentum)\n"
            "                rates.append(rate)\n"
            "            rate *= decay\n",
        ),
        (
            '        "learning_rate": learning_rate,\n',
            '        "learning_rate": learning_rate,\n        "decay": decay,\n        "rates": rates,\n',
        ),
    ),
    fault=(("            rate *= decay\n", "                rate *= decay\n"),),
)
