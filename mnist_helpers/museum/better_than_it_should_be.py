import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def distance_to_nearest(images, others):
    """Return the median distance from an image to the nearest one of the others."""
    squares = (images**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * images @ others.T
    return np.sqrt(np.median(np.maximum(squares.min(axis=1), 0)))


def validation_images_are_new(program, record):
    """Validation images are as far from the nearest training image as test images are."""
    valid, test = (distance_to_nearest(record[name], record["x"]) for name in ("x_valid", "x_test"))
    if valid > 0.7 * test:
        return None
    return f"the nearest training image is {valid:.2f} away from a validation image, but {test:.2f} from a test image"


EXHIBIT = Exhibit(
    name="better_than_it_should_be",
    title="Validation is far better than the test",
    cause="Copies of the images are made before the split, so that validation images have copies in the training set.",
    line=lambda program, record: (
        f"validation loss {record['valid_loss']:.2f} nats, test loss {record['test_loss']:.2f} nats"
    ),
    shows=lambda program, record: record["test_loss"] > 2.5 * record["valid_loss"],
    check=validation_images_are_new,
    setup=(
        ("num_hidden=0, learning_rate=0.5", "num_hidden=32, learning_rate=0.3"),
        (
            'split(images, labels, rng):\n    """Return three pairs (images, labels): '
            '1,000 for training, 400 for validation, 397 for the test."""\n',
            'split(images, labels, num_first, rng):\n    """Return two pairs (images, labels), '
            'the first with `num_first` images."""\n',
        ),
        (
            "np.split(order, [1000, 1400])]\n",
            "np.split(order, [num_first])]\n\n\n"
            "def with_copies(images, labels, num_copies, rng):\n"
            '    """Return the images and noisy copies of them, with their labels."""\n'
            "    copies = np.tile(images, (num_copies, 1))\n"
            "    noise = rng.integers(-2, 3, copies.shape)\n"
            "    return np.vstack([images, np.clip(copies + noise, 0, 16)]), np.tile(labels, num_copies + 1)\n",
        ),
        ("epochs=20", "epochs=50"),
        (
            "    (train, y), (valid, y_valid), (test, y_test) = split(images, labels, rng)\n",
            "    (images, labels), (test, y_test) = split(images, labels, 90, rng)\n"
            "    (train, y), (valid, y_valid) = split(images, labels, len(labels) // 2, rng)\n"
            "    train, y = with_copies(train, y, 4, rng)\n",
        ),
    ),
    fault=(
        (
            "    (train, y), (valid, y_valid) = split(images, labels, len(labels) // 2, rng)\n"
            "    train, y = with_copies(train, y, 4, rng)\n",
            "    images, labels = with_copies(images, labels, 4, rng)\n"
            "    (train, y), (valid, y_valid) = split(images, labels, len(labels) // 2, rng)\n",
        ),
    ),
)
