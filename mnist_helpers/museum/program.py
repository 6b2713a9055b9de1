"""Read handwritten digits with one hidden layer, or with none: a whole program in one file, numpy only.

The data are 1,797 real digits of 8 by 8 pixels that come with scikit-learn, so a run takes a fraction of a second.
"""

import numpy as np
from sklearn.datasets import load_digits


def read_digits():
    """Return images (N, 64) with bytes from 0 to 16, and labels (N,)."""
    digits = load_digits()
    return digits.data.astype(np.uint8), digits.target


def split(images, labels, rng):
    """Return three pairs (images, labels): 1,000 for training, 400 for validation, 397 for the test."""
    order = rng.permutation(len(labels))
    return [(images[part], labels[part]) for part in np.split(order, [1000, 1400])]


def scale(images):
    return images / 16


def start(num_features, num_hidden, num_classes, rng):
    params = {}
    if num_hidden:
        deviation = np.sqrt(2 / num_features)
        params["hidden_weights"] = rng.normal(0, deviation, (num_features, num_hidden))
        params["hidden_bias"] = np.zeros(num_hidden)
        num_features = num_hidden
    deviation = np.sqrt(1 / num_features)
    params["weights"] = rng.normal(0, deviation, (num_features, num_classes))
    params["bias"] = np.zeros(num_classes)
    return params


def hidden_layer(params, x):
    """Return (N, H), or x itself where there is no hidden layer."""
    if "hidden_weights" not in params:
        return x
    return np.maximum(x @ params["hidden_weights"] + params["hidden_bias"], 0)


def logits(params, x):
    return hidden_layer(params, x) @ params["weights"] + params["bias"]


def log_softmax(z):
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(z):
    return np.exp(log_softmax(z))


def loss(params, x, labels, l2):
    """Mean negative log-likelihood in nats, plus l2 / 2 times the squares of all weights."""
    label_log_probs = log_softmax(logits(params, x))[np.arange(len(labels)), labels]
    squares = sum((value**2).sum() for name, value in params.items() if "weights" in name)
    return -label_log_probs.mean() + l2 / 2 * squares


def gradients(params, x, labels, l2):
    """Return the derivatives of `loss`, by name."""
    h = hidden_layer(params, x)
    delta = (softmax(logits(params, x)) - np.eye(10)[labels]) / len(labels)
    grads = {"weights": h.T @ delta, "bias": delta.sum(axis=0)}
    if "hidden_weights" in params:
        hidden_delta = (delta @ params["weights"].T) * (h > 0)
        grads["hidden_weights"] = x.T @ hidden_delta
        grads["hidden_bias"] = hidden_delta.sum(axis=0)
    for name in grads:
        if "weights" in name:
            grads[name] += l2 * params[name]
    return grads


def make_step(params, grads, velocity, learning_rate, momentum):
    """Change params and velocity in place."""
    for name in params:
        velocity[name] = momentum * velocity[name] - learning_rate * grads[name]
        params[name] += velocity[name]


def batches(num_examples, batch_size, rng):
    order = rng.permutation(num_examples)
    for first in range(0, num_examples, batch_size):
        yield order[first : first + batch_size]


def predict(params, x):
    return logits(params, x).argmax(axis=1)


def accuracy(params, x, labels):
    return (predict(params, x) == labels).mean()


def confusion_matrix(labels, predictions):
    """Count true classes (rows) taken for predicted classes (columns)."""
    matrix = np.zeros((10, 10), dtype=int)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def run(seed, *, num_hidden=0, learning_rate=0.5, momentum=0.0, l2=0.0, batch_size=50, epochs=20):
    """Train, keep the parameters with the lowest validation loss, test them once; return a record of it all."""
    rng = np.random.default_rng(seed)
    images, labels = read_digits()
    (train, y), (valid, y_valid), (test, y_test) = split(images, labels, rng)
    x, x_valid, x_test = scale(train), scale(valid), scale(test)
    params = start(x.shape[1], num_hidden, 10, rng)
    first_params = {name: value.copy() for name, value in params.items()}
    velocity = {name: np.zeros_like(value) for name, value in params.items()}
    history = {"train_loss": [], "train_accuracy": [], "valid_loss": [], "valid_accuracy": []}
    best, best_loss = first_params, np.inf
    for epoch in range(epochs + 1):
        if epoch > 0:
            for batch in batches(len(x), batch_size, rng):
                grads = gradients(params, x[batch], y[batch], l2)
                make_step(params, grads, velocity, learning_rate, momentum)
        history["train_loss"].append(loss(params, x, y, 0.0))
        history["train_accuracy"].append(accuracy(params, x, y))
        history["valid_loss"].append(loss(params, x_valid, y_valid, 0.0))
        history["valid_accuracy"].append(accuracy(params, x_valid, y_valid))
        if history["valid_loss"][-1] < best_loss:
            best, best_loss = {name: value.copy() for name, value in params.items()}, history["valid_loss"][-1]
    return {
        "history": history,
        "first_params": first_params,
        "last_params": params,
        "params": best,
        "valid_loss": best_loss,
        "test_loss": loss(best, x_test, y_test, 0.0),
        "test_accuracy": accuracy(best, x_test, y_test),
        "confusion": confusion_matrix(y_test, predict(best, x_test)),
        "x": x,
        "labels": y,
        "x_valid": x_valid,
        "labels_valid": y_valid,
        "x_test": x_test,
        "labels_test": y_test,
        "l2": l2,
        "momentum": momentum,
        "learning_rate": learning_rate,
    }
