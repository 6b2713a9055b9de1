"""Train the two models that read what is drawn in chapter 13, make their weights small, and store them.

    python experiments/pad_weights.py

Both see pixels in [0, 1], so that the evidence for a class is a product of weights and pixels. Softmax regression is
trained on the images as they are. The hidden layer sees them bent, moved, thicker and thinner, because what is drawn
with a mouse looks unlike MNIST. The validation images are those of chapter 13, so its numbers are honest.
"""

import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mnist_helpers.data import load_mnist, to_features, train_valid_split
from mnist_helpers.models import init_params
from mnist_helpers.training import evaluate, fit
from mnist_helpers.widgets.draw_digit import dequantized, quantized

SEED = 13  # of chapter 13
NUM_VALID = 10_000
NUM_HIDDEN = 64
SOFTMAX = {"epochs": 30, "batch_size": 128, "learning_rate": 0.05, "momentum": 0.9, "l2": 5e-4}
HIDDEN = {"epochs": 40, "batch_size": 128, "learning_rate": 0.05, "momentum": 0.9, "l2": 1e-5}
RESULTS = Path(__file__).resolve().parent / "results"


def bent(images, rng):
    """Return each image turned, slanted, stretched and moved a little, with bilinear interpolation."""
    count, size = len(images), images.shape[1]
    angle, slant = rng.normal(scale=0.12, size=count), rng.normal(scale=0.15, size=count)
    across, along = np.exp(rng.normal(scale=0.08, size=(2, count)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.array([[along, 0 * along], [slant, across]])  # what is slanted is the column, by the row
    back = np.einsum("ijn,jkn->nik", turn, stretch)  # from a place in the new image to one in the old
    middle = (size - 1) / 2
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij")).reshape(2, -1) - middle
    places = back @ grid + rng.uniform(-1.5, 1.5, size=(count, 2, 1)) + middle
    framed = np.pad(images, ((0, 0), (1, 2), (1, 2)))
    places = np.clip(places + 1, 0, size + 1)
    corner = places.astype(int)
    (low, left), (down, right) = corner.transpose(1, 0, 2), (places - corner).astype(images.dtype).transpose(1, 0, 2)
    which = np.arange(count)[:, None]
    upper = (1 - right) * framed[which, low, left] + right * framed[which, low, left + 1]
    lower = (1 - right) * framed[which, low + 1, left] + right * framed[which, low + 1, left + 1]
    return ((1 - down) * upper + down * lower).reshape(images.shape)


def with_another_pen(images, rng):
    """Return each image with thicker or thinner strokes, and paler or fuller ink."""
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    around = [images, framed[:, :-2, 1:-1], framed[:, 2:, 1:-1], framed[:, 1:-1, :-2], framed[:, 1:-1, 2:]]
    much = rng.uniform(-0.4, 1, size=(len(images), 1, 1)).astype(images.dtype)
    changed = np.where(much > 0, np.maximum.reduce(around), np.minimum.reduce(around))
    ink = rng.uniform(0.8, 1.6, size=(len(images), 1, 1)).astype(images.dtype)
    return np.minimum(ink * (images + np.abs(much) * (changed - images)), 1)


def augment(x, rng):
    """Return a batch as if somebody else had drawn it."""
    return with_another_pen(bent(x.reshape(-1, 28, 28), rng), rng).reshape(x.shape)


def trained(x, y, *, num_hidden=None, epochs, **settings):
    """Return the parameters after all epochs, with a learning rate that falls linearly to zero."""
    rng = np.random.default_rng(SEED)
    start = init_params(784, 10, num_hidden=num_hidden, rng=rng, dtype=x.dtype)
    schedule = {"schedule": lambda epoch: (epochs + 1 - epoch) / epochs}
    return fit(start, x, y, epochs=epochs, rng=rng, **schedule, **settings).params


def main():
    mnist = load_mnist()
    if mnist.is_stand_in:
        raise SystemExit("the weights that are published here are those of real MNIST")
    split = {"n_valid": NUM_VALID, "rng": np.random.default_rng(SEED)}
    images, y, images_valid, y_valid = train_valid_split(mnist.x_train, mnist.y_train, **split)
    x, x_valid = to_features(images, dtype=np.float32), to_features(images_valid)
    jobs = {"softmax": SOFTMAX, "hidden": {"num_hidden": NUM_HIDDEN, "augment": augment, **HIDDEN}}
    arrays = {}
    for name, settings in jobs.items():
        start = time.perf_counter()
        params = {part: np.float64(value) for part, value in trained(x, y, **settings).items()}
        small = quantized(params)
        print(f"{name}: {time.perf_counter() - start:.0f} s")
        for title, version in {"as trained": params, "in 8 bits": dequantized(small)}.items():
            loss, accuracy = evaluate(version, x_valid, y_valid)
            print(f"  {title}: validation loss {loss:.4f}, accuracy {accuracy:.2%}")
        arrays |= {f"{name}.{part}": values for part, values in small.items()}
    np.savez_compressed(RESULTS / "pad_weights.npz", **arrays)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
