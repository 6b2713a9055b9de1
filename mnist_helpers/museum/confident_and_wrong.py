from mnist_helpers.metrics import calibration
from mnist_helpers.museum._exhibit import Exhibit

TEMPERATURE = '''def best_temperature(params, x, labels):
    """Return the number by which the logits must be divided for the loss to be lowest."""
    z = logits(params, x)
    candidates = np.arange(5, 81) / 20
    losses = [-log_softmax(z / t)[np.arange(len(labels)), labels].mean() for t in candidates]
    return candidates[np.argmin(losses)]


'''


def stated_chances_hold(program, record):
    """The chances of being right that the program states for the test images agree with how often it is right."""
    if "test_probs" not in record:
        return None
    found = calibration(record["labels_test"], record["test_probs"])
    if found.error < 0.05:
        return None
    return f"the stated chances are off by {found.error:.2f} on average (expected calibration error)"


def stated_and_right(record):
    """Return the mean stated chance of being right and the share that is right."""
    right = record["test_probs"].argmax(axis=1) == record["labels_test"]
    return record["test_probs"].max(axis=1).mean(), right.mean()


def line(program, record):
    stated, right = stated_and_right(record)
    return f"test images: says {stated:.0%} sure on average, is right on {right:.0%}"


def shows(program, record):
    stated, right = stated_and_right(record)
    return stated - right > 0.05


EXHIBIT = Exhibit(
    name="confident_and_wrong",
    title="It is surer than it is right",
    cause="The temperature is chosen on the training images, which the program knows by heart, not on others.",
    line=line,
    shows=shows,
    check=stated_chances_hold,
    setup=(
        ("num_hidden=0", "num_hidden=32"),
        ("np.split(order, [1000, 1400])", "np.split(order, [100, 500])"),
        (
            "1,000 for training, 400 for validation, 397 for the test",
            "100 for training, 400 for validation, the rest for the test",
        ),
        ("batch_size=50, epochs=20", "batch_size=20, epochs=100"),
        ("def accuracy(", TEMPERATURE + "def accuracy("),
        (
            '    return {\n        "history": history,\n',
            "    temperature = best_temperature(best, x_valid, y_valid)\n"
            '    return {\n        "history": history,\n'
            '        "temperature": temperature,\n'
            '        "test_probs": softmax(logits(best, x_test) / temperature),\n',
        ),
    ),
    fault=(("best_temperature(best, x_valid, y_valid)", "best_temperature(best, x, y)"),),
)
