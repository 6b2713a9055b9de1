from mnist_helpers.museum._exhibit import Exhibit


def accuracy_agrees_with_counting(program, record, num_images=100):
    """The accuracy is what counting image by image gives."""
    x, labels = record["x"][:num_images], record["labels"][:num_images]
    num_right = sum(
        int(program.predict(record["last_params"], x[i : i + 1]).item() == labels[i]) for i in range(num_images)
    )
    found = program.accuracy(record["last_params"], x, labels)
    if abs(found - num_right / num_images) < 0.015:
        return None
    return f"{num_right} of {num_images} images are read rightly, but the accuracy says {found:.2f}"


EXHIBIT = Exhibit(
    name="ten_percent_while_the_loss_falls",
    title="The loss falls, the accuracy stays at ten percent",
    cause="Predictions of shape (N, 1) are compared with labels of shape (N,): every one with every other.",
    line=lambda program, record: (
        f"after the last epoch: training loss {record['history']['train_loss'][-1]:.2f} nats, "
        f"training accuracy {record['history']['train_accuracy'][-1]:.2f}"
    ),
    shows=lambda program, record: (
        record["history"]["train_loss"][-1] < 0.3 and record["history"]["train_accuracy"][-1] < 0.15
    ),
    check=accuracy_agrees_with_counting,
    fault=((".argmax(axis=1)\n", ".argmax(axis=1, keepdims=True)\n"),),
)
