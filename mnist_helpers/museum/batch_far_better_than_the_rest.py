import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def epoch_visits_most_images(program, record, batch_size=50):
    """The batches of one epoch hold at least half of all images between them."""
    num_examples = len(record["labels"])
    seen = np.concatenate(list(program.batches(num_examples, batch_size, np.random.default_rng(0))))
    found = len(np.unique(seen))
    if found >= num_examples / 2:
        return None
    return f"an epoch draws {len(seen)} images, only {found} of them different"


EXHIBIT = Exhibit(
    name="batch_far_better_than_the_rest",
    title="The batch has a far lower loss than the training images that it is drawn from",
    cause="Every batch is drawn by a new generator with the same seed, so it always holds the same images.",
    line=lambda program, record: (
        f"loss of the last twenty batches {np.mean(record['batch_losses'][-20:]):.2f} nats, "
        f"of all training images {record['history']['train_loss'][-1]:.2f} nats"
    ),
    shows=lambda program, record: record["history"]["train_loss"][-1] > 5 * np.mean(record["batch_losses"][-20:]),
    check=epoch_visits_most_images,
    setup=(
        (
            "    order = rng.permutation(num_examples)\n"
            "    for first in range(0, num_examples, batch_size):\n"
            "        yield order[first : first + batch_size]\n",
            "    for _ in range(num_examples // batch_size):\n"
            "        yield rng.choice(num_examples, batch_size, replace=False)\n",
        ),
        (
            "    best, best_loss = first_params, np.inf\n",
            "    best, best_loss = first_params, np.inf\n    batch_losses = []\n",
        ),
        (
            "                grads = gradients(params, x[batch], y[batch], l2)\n",
            "                batch_losses.append(loss(params, x[batch], y[batch], 0.0))\n"
            "                grads = gradients(params, x[batch], y[batch], l2)\n",
        ),
        (
            '        "learning_rate": learning_rate,\n',
            '        "learning_rate": learning_rate,\n        "batch_losses": batch_losses,\n',
        ),
    ),
    fault=(
        (
            "    for _ in range(num_examples // batch_size):\n",
            "    for _ in range(num_examples // batch_size):\n        rng = np.random.default_rng(0)\n",
        ),
    ),
)
