"""Random states for every interactive: rng -> dict of its traits. Beyond the ends of the sliders, and near the edges."""

from mnist_helpers import widgets


def softmax_bars(rng):
    count = int(rng.integers(1, 8))
    return {
        "logits": rng.normal(scale=rng.choice([0.1, 3.0, 30.0]), size=count).tolist(),
        "shift": float(rng.choice([0.0, rng.uniform(-130, 130)])),
        "temperature": float(10 ** rng.uniform(-1, 1)),
    }


RANDOM_STATE = {widgets.SoftmaxBars: softmax_bars}
