"""Time one epoch of softmax regression, and of a hidden layer: bare NumPy, this package, PyTorch (eager, CPU).

Run ``python benchmarks/epoch_speed.py``. The exit code is 1 if a limit is not met. Other work on the machine
distorts the ratios, so run it alone.

The limits are judged with one thread for each library. These products are too small to gain from more: with two
threads the times of all candidates jump between two levels from run to run. The table shows both.
"""

import os
import platform
import statistics
import sys
import time
from functools import partial

import numpy as np
import threadpoolctl

from mnist_helpers.models import init_params
from mnist_helpers.training import evaluate, train_epoch

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    torch = None

EXAMPLES, FEATURES, CLASSES, BATCH_SIZE = 48_000, 784, 10, 128
LEARNING_RATE, SEED, REPETITIONS = 0.01, 0, 11
# hidden units: (at most this many times the bare products, PyTorch at least this many times ours)
LIMITS = {None: (1.5, 2.0), 128: (1.6, 1.0)}


def bare_epoch(x, order, num_hidden):
    """Only what no implementation can avoid: gathering the rows and the matrix products, two of them or five."""
    weights = np.zeros((num_hidden or FEATURES, CLASSES), np.float32)
    hidden_weights = np.zeros((FEATURES, num_hidden or 1), np.float32)
    delta = np.full((BATCH_SIZE, CLASSES), 0.1, np.float32)
    for start in range(0, len(x), BATCH_SIZE):
        x_batch = x.take(order[start : start + BATCH_SIZE], axis=0)
        h = x_batch @ hidden_weights if num_hidden else x_batch
        h @ weights
        h.T @ delta[: len(h)]
        if num_hidden:
            x_batch.T @ (delta[: len(h)] @ weights.T)


def our_epoch(x, labels, num_hidden):
    rng = np.random.default_rng(SEED)
    params = starting_params(num_hidden)
    return train_epoch(params, x, labels, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, rng=rng)


def starting_params(num_hidden):
    rng = np.random.default_rng(SEED + 1)
    return init_params(FEATURES, CLASSES, num_hidden=num_hidden, rng=rng, dtype=np.float32)


def torch_epoch(x, labels, order, num_hidden):
    """As a user of PyTorch would write it: nn.Linear, which keeps the weights transposed."""
    params = starting_params(num_hidden)
    names = ["hidden_", ""] if num_hidden else [""]
    layers = [torch.nn.Linear(*params[f"{name}weights"].shape) for name in names]
    with torch.no_grad():
        for name, layer in zip(names, layers, strict=True):
            layer.weight.copy_(torch.from_numpy(params[f"{name}weights"].T))
            layer.bias.zero_()
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]) if num_hidden else layers[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    for start in range(0, len(x), BATCH_SIZE):
        rows = order[start : start + BATCH_SIZE]
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), labels[rows]).backward()
        optimizer.step()
    weights = {f"{name}weights": layer.weight.detach().numpy().T for name, layer in zip(names, layers, strict=True)}
    return weights | {f"{name}bias": layer.bias.detach().numpy() for name, layer in zip(names, layers, strict=True)}


def median_milliseconds(candidates):
    """Run all candidates in turn, again and again, so that a slow moment hits each of them alike.

    Each timed run follows an untimed one of the same candidate: else the first would pay for the caches and the
    waiting threads that the one before it leaves behind.
    """
    times = {name: [] for name in candidates}
    for _ in range(REPETITIONS):
        for name, run in candidates.items():
            run()
            start = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((EXAMPLES, FEATURES), dtype=np.float32)
    labels = rng.integers(CLASSES, size=EXAMPLES)
    order = np.random.default_rng(SEED).permutation(EXAMPLES)  # the order that train_epoch draws from this seed
    tensors = [torch.from_numpy(array) for array in (x, labels, order)] if torch else []

    # As fit does before its first epoch. Freeing large arrays makes malloc keep memory, which otherwise goes back to
    # the system after each batch, at random in the one loop and not in the other.
    evaluate(init_params(FEATURES, CLASSES, dtype=np.float32), x, labels)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, ", end="")
    print(f"PyTorch {torch.__version__}" if torch else "no PyTorch (to install it: pip install -e '.[benchmark]')")
    print(f"One epoch of {EXAMPLES:,} x {FEATURES} float32 in batches of {BATCH_SIZE}, median of {REPETITIONS}")
    met = [compare(x, labels, order, tensors, num_hidden) for num_hidden in LIMITS]
    return 0 if all(met) else 1


def compare(x, labels, order, tensors, num_hidden):
    candidates = {"bare": partial(bare_epoch, x, order, num_hidden), "ours": partial(our_epoch, x, labels, num_hidden)}
    if tensors:
        candidates["PyTorch"] = partial(torch_epoch, *tensors, num_hidden)
    results = {name: run() for name, run in candidates.items()}  # the warm-up
    if tensors:
        for name, value in results["ours"].items():
            np.testing.assert_allclose(results["PyTorch"][name], value, rtol=0, atol=1e-3)
    print(f"\n{'softmax regression' if num_hidden is None else f'{FEATURES}-{num_hidden}-{CLASSES}, ReLU'}")
    met = report(candidates, LIMITS[num_hidden], num_threads=1, judged=True)
    report(candidates, LIMITS[num_hidden], num_threads=os.cpu_count(), judged=False)
    return met


def report(candidates, limits, *, num_threads, judged):
    """Print the times and ratios with this many threads for each library; return whether the limits are met."""
    if torch:
        torch.set_num_threads(num_threads)
    with threadpoolctl.threadpool_limits(num_threads):
        medians = median_milliseconds(candidates)
    print(f" {num_threads} thread{'s' if num_threads > 1 else ''} for each library")
    for name, milliseconds in medians.items():
        print(f"  {name:<8}{milliseconds:9.1f} ms")
    ratios = [("ours / bare", medians["ours"] / medians["bare"], "at most", limits[0])]
    if "PyTorch" in medians:
        ratios.append(("PyTorch / ours", medians["PyTorch"] / medians["ours"], "at least", limits[1]))
    met = [ratio <= limit if relation == "at most" else ratio >= limit for _, ratio, relation, limit in ratios]
    for (name, ratio, relation, limit), is_met in zip(ratios, met, strict=True):
        verdict = ("ok" if is_met else "NOT MET") if judged else "not judged"
        print(f"  {name:<14}{ratio:6.2f}  {relation} {limit}: {verdict}")
    return all(met)


if __name__ == "__main__":
    sys.exit(main())
