import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def rows_count_true_classes(program, record):
    """Each row of the confusion matrix adds up to the number of test images of that class."""
    rows, counts = record["confusion"].sum(axis=1), np.bincount(record["labels_test"], minlength=10)
    if np.array_equal(rows, counts):
        return None
    digit = np.abs(rows - counts).argmax()
    return f"row {digit} of the matrix adds up to {rows[digit]}, but there are {counts[digit]} images of this digit"


def recalls(record):
    """Return what the program takes for the recall of each class."""
    matrix = record["confusion"]
    return matrix.diagonal() / np.maximum(matrix.sum(axis=1), 1)


EXHIBIT = Exhibit(
    name="which_digit_is_hard",
    title="The digit that was hardly shown is found as well as the rest",
    cause="The confusion matrix is transposed: rows count predicted classes and are read as true ones.",
    line=lambda program, record: (
        f"recall of digit 8: {recalls(record)[8]:.2f}, lowest of all: digit {recalls(record).argmin()}"
    ),
    shows=lambda program, record: recalls(record)[8] > 0.75,
    check=rows_count_true_classes,
    setup=(
        (
            "    (train, y), (valid, y_valid), (test, y_test) = split(images, labels, rng)\n",
            "    (train, y), (valid, y_valid), (test, y_test) = split(images, labels, rng)\n"
            "    kept = (y != 8) | (np.arange(len(y)) % 10 == 0)  # as if few eights had been collected\n"
            "    train, y = train[kept], y[kept]\n",
        ),
    ),
    fault=(("    np.add.at(matrix, (labels, predictions), 1)\n", "    np.add.at(matrix, (predictions, labels), 1)\n"),),
)
