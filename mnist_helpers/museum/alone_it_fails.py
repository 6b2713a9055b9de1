import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def answers_together_and_alone(program, record):
    """Return the answers to the validation images, read in one call and in one call each."""
    read = record.get("read", lambda x: program.predict(record["params"], x))
    images = record.get("images_valid", record["x_valid"])
    return read(images).ravel(), np.array([read(image[None]).item() for image in images])


def one_image_is_read_as_among_others(program, record):
    """What an image is taken for does not depend on the images read with it."""
    together, alone = answers_together_and_alone(program, record)
    num_other = (together != alone).sum()
    if num_other <= 0.01 * len(alone):
        return None
    return f"{num_other} of {len(alone)} images are taken for another digit when they are read alone"


def accuracies(program, record):
    """Return the share of validation images read rightly, together and alone."""
    return tuple((answers == record["labels_valid"]).mean() for answers in answers_together_and_alone(program, record))


EXHIBIT = Exhibit(
    name="alone_it_fails",
    title="Good on a whole set, helpless before a single image",
    cause="Pixels are standardised with mean and deviation of the images being read, not of the training images.",
    line=lambda program, record: "validation accuracy, read together: {:.2f}, one by one: {:.2f}".format(
        *accuracies(program, record)
    ),
    shows=lambda program, record: np.subtract(*accuracies(program, record)) > 0.5,
    check=one_image_is_read_as_among_others,
    setup=(
        (
            "def scale(images):\n    return images / 16\n",
            "def scale(images, reference):\n"
            "    mean, deviation = reference.mean(axis=0), reference.std(axis=0)\n"
            "    return (images - mean) / np.maximum(deviation, 1)\n",
        ),
        ("scale(train), scale(valid), scale(test)\n", "scale(train, train), scale(valid, train), scale(test, train)\n"),
        ("    deviation = np.sqrt(1 / num_features)\n", "    deviation = 0.05\n"),
        ("learning_rate=0.5", "learning_rate=0.05"),
        (
            '        "learning_rate": learning_rate,\n',
            '        "learning_rate": learning_rate,\n'
            '        "images_valid": valid,\n'
            '        "read": lambda images: predict(best, scale(images, train)),\n',
        ),
    ),
    fault=(
        (
            "def scale(images, reference):\n    mean, deviation = reference.mean(axis=0), reference.std(axis=0)\n",
            "def scale(images):\n    mean, deviation = images.mean(axis=0), images.std(axis=0)\n",
        ),
        ("scale(train, train), scale(valid, train), scale(test, train)\n", "scale(train), scale(valid), scale(test)\n"),
        ("scale(images, train)", "scale(images)"),
    ),
)
