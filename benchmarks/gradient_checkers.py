"""Ask several gradient checkers about the planted bugs, and about right programs: who catches what, who cries wolf?

Run ``python benchmarks/gradient_checkers.py``. SciPy and, where it is installed, PyTorch use their own default
steps. `check_grad` returns a number, so a threshold has to be chosen for it; `gradcheck` has tolerances of its own.
"""

import sys
import time
import warnings

import numpy as np
import scipy.optimize

from mnist_helpers.gradcheck import check_gradient
from mnist_helpers.planted_bugs import BUGS, CORRECT, functions, make_problem

try:
    import torch
except ImportError:
    torch = None

SEEDS = range(5)


def pack(arrays, like):
    return np.concatenate([np.ravel(arrays[name]) for name in like])


def unpack(flat, like):
    parts = np.split(flat, np.cumsum([array.size for array in like.values()])[:-1])
    return {name: part.reshape(like[name].shape) for name, part in zip(like, parts, strict=True)}


def ours(f, grad, x):
    check_gradient(f, grad, x)


def ours_directions(f, grad, x):
    check_gradient(f, grad, x, num_directions=3, rng=np.random.default_rng(0))


def scipy_below(threshold):
    def checker(f, grad, x):
        error = scipy.optimize.check_grad(
            lambda flat: f(unpack(flat, x)), lambda flat: pack(grad(unpack(flat, x)), x), pack(x, x)
        )
        if not error < threshold:
            raise AssertionError(error)

    return checker


def torch_gradcheck(f, grad, x):
    class Numpy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, flat):
            ctx.save_for_backward(flat)
            return flat.new_tensor(float(f(unpack(flat.detach().numpy(), x))))

        @staticmethod
        def backward(ctx, grad_output):
            (flat,) = ctx.saved_tensors
            return grad_output * flat.new_tensor(pack(grad(unpack(flat.detach().numpy(), x)), x))

    torch.autograd.gradcheck(Numpy.apply, torch.from_numpy(pack(x, x)).requires_grad_())


CHECKERS = {
    "check_gradient": ours,
    "check_gradient, 3 directions": ours_directions,
    "scipy check_grad < 1e-4": scipy_below(1e-4),
    "scipy check_grad < 1e-6": scipy_below(1e-6),
}
if torch:
    CHECKERS["torch gradcheck"] = torch_gradcheck


def complains(checker, f, grad, params):
    """Whether a checker raises anything; a checker that cannot go on has not been satisfied either."""
    params = {name: value.copy() for name, value in params.items()}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            checker(f, grad, params)
        except (AssertionError, ValueError, RuntimeError):
            return True
    return False


def count(checker, variants, kinds, dtype=np.float64):
    """Return how many of the variants and seeds it complains of, at any of the kinds of problem ("mild", "extreme")."""
    total = 0
    for variant in variants:
        for seed in SEEDS:
            problems = [
                make_problem(variant.model, extreme=kind == "extreme", dtype=dtype, seed=seed)
                for kind in kinds
                if kind == "mild" or variant.model == "softmax"
            ]
            total += any(complains(checker, *functions(variant, p), p.params) for p in problems)
    return total


def smallest_noticed(checker):
    """Return the smallest power of ten by which one entry of a right gradient may not be wrong."""
    problem = make_problem("softmax", seed=1)
    f, grad = functions(CORRECT[0], problem)
    for exponent in range(-12, 3):
        factor = np.ones((4, 3))
        factor[1, 2] += 10.0**exponent
        if complains(checker, f, lambda p, k=factor: {**grad(p), "weights": k * grad(p)["weights"]}, problem.params):
            return f"1e{exponent:+03d}"
    return "none"


def main():
    plain = [variant for variant in CORRECT if variant.model == "softmax"]
    n = len(SEEDS)
    print(f"{len(BUGS)} bugs, {len(CORRECT)} right programs, {n} seeds; NumPy {np.__version__},", end=" ")
    print(f"SciPy {scipy.__version__}, PyTorch {torch.__version__ if torch else 'not installed'}")
    print(f"{'':29}{'bugs caught, float64':>25}{'right programs accused':>36}{'smallest':>11}")
    print(f"{'':29}{'mild':>11}{'or extreme':>14}{'float64':>11}{'float32':>11}{'extreme':>14}{'noticed':>11}{'s':>8}")
    print(f"{'of':29}{n * len(BUGS):11}{n * len(BUGS):14}{n * len(CORRECT):11}{n * len(CORRECT):11}{n * len(plain):14}")
    for name, checker in CHECKERS.items():
        started = time.perf_counter()
        columns = [
            count(checker, BUGS, ["mild"]),
            count(checker, BUGS, ["mild", "extreme"]),
            count(checker, CORRECT, ["mild"]),
            count(checker, CORRECT, ["mild"], dtype=np.float32),
            count(checker, plain, ["extreme"]),
        ]
        text = "".join(f"{column:{width}}" for column, width in zip(columns, (11, 14, 11, 11, 14), strict=True))
        print(f"{name:29}{text}{smallest_noticed(checker):>11}{time.perf_counter() - started:8.1f}")


if __name__ == "__main__":
    sys.exit(main())
