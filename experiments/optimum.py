"""Compute the exact optimum of softmax regression on MNIST by two solvers, and store both.

    python experiments/optimum.py

All 60,000 training images, pixels / 255, l2 = 1e-4, no penalty on the bias. Chapter 9 checks what is stored here by
computing loss and gradient anew.
"""

import time
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from mnist_helpers.data import load_mnist, to_features
from mnist_helpers.models import init_params, loss_and_grads
from mnist_helpers.optimum import gap_bound, gradient_norm, newton

L2 = 1e-4
RESULTS = Path(__file__).resolve().parent / "results"


def lbfgs(x, labels, *, l2):
    """Return the parameters that SciPy's L-BFGS finds from zero, and how often it computed the gradient."""
    num_features, num_classes = x.shape[1], labels.max() + 1

    def unpacked(vector):
        table = vector.reshape(num_features + 1, num_classes)
        return {"weights": table[:-1], "bias": table[-1]}

    def loss_and_slope(vector):
        loss, grads = loss_and_grads(unpacked(vector), x, labels, l2=l2)
        return loss, np.vstack([grads["weights"], grads["bias"]]).ravel()

    limits = {"maxiter": 20_000, "maxfun": 20_000, "ftol": 0, "gtol": 1e-10, "maxcor": 30}
    start = np.zeros((num_features + 1) * num_classes)
    found = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", options=limits)
    return unpacked(found.x), found.nfev


def main():
    mnist = load_mnist()
    if mnist.is_stand_in:
        raise SystemExit("the optimum that is published here is that of real MNIST")
    x, labels = to_features(mnist.x_train), mnist.y_train
    solvers = {
        "newton": lambda: (lambda params, log: (params, log[-1][2]))(*newton(init_params(784, 10), x, labels, l2=L2)),
        "l-bfgs": lambda: lbfgs(x, labels, l2=L2),
    }
    arrays = {}
    for name, solve in solvers.items():
        start = time.perf_counter()
        params, products = solve()
        seconds = time.perf_counter() - start
        loss, grads = loss_and_grads(params, x, labels, l2=L2)
        print(f"{name}: loss {loss:.12f}, gradient norm {gradient_norm(grads):.1e}, ", end="")
        print(f"gap at most {gap_bound(params, x, labels, l2=L2):.0e}, {products} products, {seconds:.0f} s")
        arrays |= {f"{name}_{part}": values for part, values in params.items()}
    np.savez_compressed(RESULTS / "optimum.npz", **arrays)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
