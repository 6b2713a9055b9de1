"""A bank of wrong gradients, and of right ones, to test gradient checkers and readers with.

Each variant is softmax regression, or a network with one hidden layer, in which one or two steps are replaced. The
name says what was done, `why` the misconception behind it. ``python -m mnist_helpers.planted_bugs`` prints a table
of what `check_gradient` says of each.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mnist_helpers.gradcheck import GradientError, WeakCheckWarning, check_gradient

__all__ = [
    "BUGS",
    "CORRECT",
    "Problem",
    "Steps",
    "Variant",
    "complaint",
    "first_complaint",
    "loss_and_grads",
    "make_problem",
]

EPSILON = 1e-10  # where clipped losses are clipped


# ------------------------------------------------------------ the right steps, in the dtype of what they are given


def softmax(logits, axis=1):
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def targets(logits, labels):
    return np.eye(logits.shape[1], dtype=logits.dtype)[labels]


def label_probs(logits, labels):
    return softmax(logits)[np.arange(len(labels)), labels]


def nll(logits, labels):
    """Mean negative log-likelihood in nats."""
    return -log_softmax(logits)[np.arange(len(labels)), labels].mean()


def delta(logits, labels):
    """Derivative of `nll` with respect to the logits, shape (N, K)."""
    return (softmax(logits) - targets(logits, labels)) / len(labels)


def jacobians(logits):
    """One K by K matrix diag(p) - p p^T per example."""
    probs = softmax(logits)
    return probs[:, :, None] * np.eye(probs.shape[1], dtype=probs.dtype) - probs[:, :, None] * probs[:, None, :]


def penalty(params, l1, l2):
    weights = [value for name, value in params.items() if name.endswith("weights")]
    return sum(l1 * np.abs(value).sum() + l2 / 2 * (value**2).sum() for value in weights)


def penalty_grad(name, value, l1, l2, num_examples):
    return l1 * np.sign(value) + l2 * value if name.endswith("weights") else 0 * value


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@dataclass(frozen=True)
class Steps:
    """The steps of the forward and backward pass, each of which a variant may replace."""

    loss: Callable = nll  # (logits, labels) -> float
    delta: Callable = delta  # (logits, labels) -> (N, K)
    weights_grad: Callable = lambda inputs, delta: inputs.T @ delta
    bias_grad: Callable = lambda delta: delta.sum(axis=0)
    hidden_delta: Callable = lambda delta, weights, weights_grad: delta @ weights.T
    activation: Callable | None = None  # a -> h; None: no hidden layer
    activation_grad: Callable | None = None  # (a, h) -> derivative of h with respect to a
    penalty: Callable = penalty  # (params, l1, l2) -> float
    penalty_grad: Callable = penalty_grad  # (name, value, l1, l2, N) -> like value


MODELS = {
    "softmax": Steps(),
    "ReLU": Steps(activation=lambda a: np.maximum(a, 0), activation_grad=lambda a, h: a > 0),
    "tanh": Steps(activation=np.tanh, activation_grad=lambda a, h: 1 - h**2),
    "sigmoid": Steps(activation=sigmoid, activation_grad=lambda a, h: h * (1 - h)),
}


def forward(steps, params, x):
    """Return the hidden layer's input a (None without one), the last layer's input h, and the logits."""
    a = x @ params["hidden_weights"] + params["hidden_bias"] if steps.activation else None
    h = steps.activation(a) if steps.activation else x
    return a, h, h @ params["weights"] + params["bias"]


def loss_and_grads(steps, params, x, labels, *, l1=0.0, l2=0.0):
    """Return the loss and a gradient, put together from steps that may be wrong.

    Parameters
    ----------
    steps : Steps
    params : dict
        ``weights`` (D, K) and ``bias`` (K,). With an activation ``hidden_weights`` (D, H), ``hidden_bias`` (H,),
        ``weights`` (H, K) and ``bias`` (K,).
    x : ndarray of float, shape (N, D)
    labels : ndarray of int, shape (N,)
    l1, l2 : float

    Returns
    -------
    loss : float
    grads : dict
    """
    a, h, logits = forward(steps, params, x)
    loss = steps.loss(logits, labels) + steps.penalty(params, l1, l2)
    delta = steps.delta(logits, labels)
    grads = {"weights": steps.weights_grad(h, delta), "bias": steps.bias_grad(delta)}
    if steps.activation:
        hidden_delta = steps.hidden_delta(delta, params["weights"], grads["weights"]) * steps.activation_grad(a, h)
        grads["hidden_weights"] = steps.weights_grad(x, hidden_delta)
        grads["hidden_bias"] = steps.bias_grad(hidden_delta)
    return loss, {name: g + steps.penalty_grad(name, params[name], l1, l2, len(x)) for name, g in grads.items()}


@dataclass(frozen=True)
class Variant:
    """One implementation, right or wrong.

    Attributes
    ----------
    name : str
    why : str
        The misconception behind a wrong one; what is unusual about a right one.
    model : "softmax", "ReLU", "tanh" or "sigmoid"
    steps : Steps
    """

    name: str
    why: str
    model: str
    steps: Steps


def variant(name, why, model="softmax", **changes):
    return Variant(name, why, model, replace(MODELS[model], **changes))


# ------------------------------------------------------------------------------------------ the wrong ones


def _loop_that_overwrites(inputs, delta):
    for x_n, delta_n in zip(inputs, delta, strict=True):
        grad = np.outer(x_n, delta_n)
    return grad


def _naive_softmax(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _batch_maximum(logits):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _half_shifted(logits):
    return np.exp(logits - logits.max(axis=1, keepdims=True)) / np.exp(logits).sum(axis=1, keepdims=True)


def _with_probs(probs_of):
    """The delta of a program whose probabilities come from somewhere else."""
    return lambda z, y: (probs_of(z) - targets(z, y)) / len(y)


def _through_jacobian(jacobians_of):
    """The chain rule with every path: sum over i of (-t_i / p_i) * dp_i/dz_j."""
    return lambda z, y: np.einsum("ni,nij->nj", -targets(z, y) / softmax(z), jacobians_of(z)) / len(y)


def _inner_product_jacobian(z):
    probs = softmax(z)
    squares = (probs * probs).sum(axis=1)
    return probs[:, :, None] * np.eye(probs.shape[1], dtype=probs.dtype) - squares[:, None, None]


def _squared_error_delta(z, y):
    return np.einsum("ni,nij->nj", softmax(z) - targets(z, y), jacobians(z)) / len(y)


def _without_last_class(d):
    return np.concatenate([d[:, :-1], np.zeros_like(d[:, -1:])], axis=1)


def _updating(params, l1, l2):
    for value in params.values():
        value -= 0.01 * value
    return penalty(params, l1, l2)


_RNG = np.random.default_rng(0)  # a hidden state is the point of this bug


def _random_mask(z):
    return _RNG.integers(2, size=z.shape)


BUGS = (
    # the gradient with respect to the logits
    variant("sign", "climbs the loss, as printed in S0", delta=lambda z, y: -delta(z, y)),
    variant("sum for mean", "loss a mean, gradient a sum", delta=lambda z, y: delta(z, y) * len(y)),
    variant("1/N twice", "in delta and again in the product", delta=lambda z, y: delta(z, y) / len(y)),
    variant("mean over N and K", "np.mean without an axis", delta=lambda z, y: delta(z, y) / z.shape[1]),
    variant("bits and nats", "log2 in the loss, e in the gradient", loss=lambda z, y: nll(z, y) / np.log(2)),
    variant("target forgotten", "p instead of p - t", delta=lambda z, y: softmax(z) / len(y)),
    variant("labels from one", "class 1 is the first", delta=lambda z, y: delta(z, y - 1)),
    variant("own predictions", "argmax taken for the label", delta=lambda z, y: delta(z, z.argmax(axis=1))),
    variant("softmax over examples", "axis 0 for axis 1", delta=_with_probs(lambda z: softmax(z, axis=0))),
    variant("softmax over all", "no axis given", delta=_with_probs(lambda z: softmax(z, axis=(0, 1)))),
    variant("softmax twice, loss", "the loss takes logits, it got p", loss=lambda z, y: nll(softmax(z), y)),
    variant("softmax twice, gradient", "p went through softmax again", delta=lambda z, y: delta(softmax(z), y)),
    variant(
        "p(1-p) too much",
        "the logistic derivative added",
        delta=lambda z, y: delta(z, y) * softmax(z) * (1 - softmax(z)),
    ),
    variant("diagonal only", "one path into each logit", delta=lambda z, y: -targets(z, y) * (1 - softmax(z)) / len(y)),
    variant("inner product", "np.dot(p, p) for p p^T (S0's program)", delta=_through_jacobian(_inner_product_jacobian)),
    variant("summed Jacobian", "its columns added up: all zero", delta=lambda z, y: jacobians(z).sum(axis=1) / len(y)),
    variant("squared-error gradient", "loss and gradient of two losses", delta=_squared_error_delta),
    variant(
        "temperature forgotten",
        "no 1/T in the chain",
        loss=lambda z, y: nll(z / 2, y),
        delta=lambda z, y: delta(z / 2, y),
    ),
    variant("rounded", "p as it was printed", delta=_with_probs(lambda z: softmax(z).round(2))),
    # numbers at the ends of the format
    variant(
        "clipped loss",
        "clip in the loss only",
        loss=lambda z, y: -np.log(np.clip(label_probs(z, y), EPSILON, 1 - EPSILON)).mean(),
    ),
    variant(
        "epsilon in the log",
        "log(p + eps), gradient p - t",
        loss=lambda z, y: -np.log(label_probs(z, y) + EPSILON).mean(),
    ),
    variant("epsilon subtracted", "log(p - eps)", loss=lambda z, y: -np.log(label_probs(z, y) - EPSILON).mean()),
    variant(
        "log of a zero", "log(softmax) instead of log_softmax", loss=lambda z, y: -np.log(label_probs(z, y)).mean()
    ),
    variant("overflow backward", "stable loss, naive gradient", delta=_with_probs(_naive_softmax)),
    variant("maximum of the batch", "one maximum for all rows", delta=_with_probs(_batch_maximum)),
    variant("half-shifted", "maximum subtracted above the line only", delta=_with_probs(_half_shifted)),
    variant(
        "logits clipped", "clip meant for p applied to z", delta=lambda z, y: delta(np.clip(z, EPSILON, 1 - EPSILON), y)
    ),
    variant("through 1/p", "t/p times p; p may be 0", delta=_through_jacobian(jacobians)),
    # weights and bias
    variant("last example only", "= for += in the loop", weights_grad=_loop_that_overwrites),
    variant("reshape for transpose", "the shape fits", weights_grad=lambda x, d: (d.T @ x).reshape(x.shape[1], -1)),
    variant(
        "product of means",
        "mean(x) mean(d) for mean(x d)",
        weights_grad=lambda x, d: np.outer(x.mean(axis=0), d.sum(axis=0)),
    ),
    variant("last class left out", "range(K - 1)", weights_grad=lambda x, d: x.T @ _without_last_class(d)),
    variant("scalar bias gradient", "sum over everything", bias_grad=lambda d: np.full_like(d[0], d.sum())),
    variant("bias averaged again", "mean for sum", bias_grad=lambda d: d.mean(axis=0)),
    variant("bias forgotten", "stays where it is", bias_grad=lambda d: np.zeros_like(d[0])),
    variant("updates in passing", "computing the loss changes params", penalty=_updating),
    variant("dropout left on", "a new random mask in every call", loss=lambda z, y: nll(z * _random_mask(z), y)),
    # penalties
    variant("L2 doubled", "2w for w**2 / 2", penalty_grad=lambda n, w, l1, l2, _: penalty_grad(n, w, l1, 2 * l2, _)),
    variant(
        "L2 over N",
        "divided like the data term",
        penalty_grad=lambda n, w, l1, l2, N: penalty_grad(n, w, l1, l2 / N, N),
    ),
    variant(
        "L2 on the bias",
        "in the gradient only",
        penalty_grad=lambda n, w, l1, l2, _: penalty_grad("weights", w, 0 if n == "bias" else l1, l2, _),
    ),
    variant(
        "L2 only in the loss", "gradient forgotten", penalty_grad=lambda n, w, l1, l2, _: penalty_grad(n, w, l1, 0, _)
    ),
    variant(
        "penalty averaged",
        "mean in the loss, sum in the gradient",
        penalty=lambda p, l1, l2: penalty(p, l1, l2) / p["weights"].size,
    ),
    variant("penalty subtracted", "rewards large weights", penalty_grad=lambda *args: -penalty_grad(*args)),
    variant(
        "L1 without sign",
        "derivative of w for that of |w|",
        penalty_grad=lambda n, w, l1, l2, _: penalty_grad(n, w, 0, l2, _) + l1,
    ),
    variant("L1 as L2", "w for sign(w)", penalty_grad=lambda n, w, l1, l2, _: penalty_grad(n, w, 0, l1 + l2, _)),
    # the hidden layer
    variant("mask after the activation", "ReLU output >= 0: always", "ReLU", activation_grad=lambda a, h: h >= 0),
    variant("mask upside down", "lets the dead pass", "ReLU", activation_grad=lambda a, h: a <= 0),
    variant("activation for its slope", "h for h'", "ReLU", activation_grad=lambda a, h: h),
    variant("tanh' forgotten", "delta passed on as it is", "tanh", activation_grad=lambda a, h: np.ones_like(a)),
    variant("tanh' of the input", "1 - a**2 for 1 - h**2", "tanh", activation_grad=lambda a, h: 1 - a**2),
    variant("tanh' without square", "1 - h", "tanh", activation_grad=lambda a, h: 1 - h),
    variant("sigmoid' of the input", "a(1 - a) for h(1 - h)", "sigmoid", activation_grad=lambda a, h: a * (1 - a)),
    variant(
        "sigmoid' twice",
        "sigmoid of what was one already",
        "sigmoid",
        activation_grad=lambda a, h: sigmoid(h) * (1 - sigmoid(h)),
    ),
    variant(
        "weights updated first",
        "hidden layer sees the new weights",
        "tanh",
        hidden_delta=lambda d, w, g: d @ (w - 0.5 * g).T,
    ),
    variant(
        "weights left out",
        "delta summed over the classes",
        "ReLU",
        hidden_delta=lambda d, w, g: d.sum(axis=1, keepdims=True) + 0 * (d @ w.T),
    ),
    variant("weights reshaped", "the shape fits", "tanh", hidden_delta=lambda d, w, g: d @ w.reshape(w.shape[::-1])),
    variant("1/N in each layer", "delta carries it already", "sigmoid", hidden_delta=lambda d, w, g: d @ w.T / len(d)),
    variant(
        "hidden L2 forgotten",
        "penalised in the loss only",
        "ReLU",
        penalty_grad=lambda n, w, *rest: penalty_grad("bias" if "hidden" in n else n, w, *rest),
    ),
)


# ------------------------------------------------------------------------------------------ the right ones


def _loop(inputs, delta):
    return sum(np.outer(x_n, delta_n) for x_n, delta_n in zip(inputs, delta, strict=True))


def _smoothed(z, y):
    return 0.9 * targets(z, y) + 0.1 / z.shape[1]


def _example_weights(y):
    return np.arange(1, len(y) + 1)[:, None] / len(y)


def _squared_error(z, y):
    return ((softmax(z) - targets(z, y)) ** 2).sum() / 2 / len(y)


def _clipped(z, y):
    return -np.log(np.clip(label_probs(z, y), EPSILON, 1 - EPSILON)).mean()


def _clipped_delta(z, y):
    inside = np.abs(label_probs(z, y) - 0.5) < 0.5 - EPSILON
    return delta(z, y) * inside[:, None]


def _margins(z, y):
    """1 + z_k - z_y for the wrong classes, 0 for the label."""
    return (z - z[np.arange(len(y)), y][:, None] + 1) * (1 - targets(z, y))


def _hinge_delta(z, y):
    active = (_margins(z, y) > 0).astype(z.dtype)
    return (active - targets(z, y) * active.sum(axis=1, keepdims=True)) / len(y)


def _fixed_mask(z):
    return np.arange(z.size).reshape(z.shape) % 3 > 0


CORRECT = (
    variant("softmax regression", "as in the course"),
    variant("loop", "example after example", weights_grad=_loop),
    variant("einsum", "indices written out", weights_grad=lambda x, d: np.einsum("nd,nk->dk", x, d)),
    variant(
        "sums throughout",
        "loss and gradient times N",
        loss=lambda z, y: nll(z, y) * len(y),
        delta=lambda z, y: delta(z, y) * len(y),
    ),
    variant(
        "bits throughout",
        "loss and gradient over ln 2",
        loss=lambda z, y: nll(z, y) / np.log(2),
        delta=lambda z, y: delta(z, y) / np.log(2),
    ),
    variant(
        "temperature throughout",
        "with 1/T in the chain",
        loss=lambda z, y: nll(z / 2, y),
        delta=lambda z, y: delta(z / 2, y) / 2,
    ),
    variant(
        "soft targets",
        "label smoothing",
        loss=lambda z, y: -(_smoothed(z, y) * log_softmax(z)).sum() / len(y),
        delta=lambda z, y: (softmax(z) - _smoothed(z, y)) / len(y),
    ),
    variant(
        "weighted examples",
        "later ones count more",
        loss=lambda z, y: -(_example_weights(y) * targets(z, y) * log_softmax(z)).sum() / len(y),
        delta=lambda z, y: _example_weights(y) * delta(z, y),
    ),
    variant("squared error", "another loss, with its gradient", loss=_squared_error, delta=_squared_error_delta),
    variant("clipped throughout", "zero gradient where clipped", loss=_clipped, delta=_clipped_delta),
    variant(
        "hinge", "a loss with kinks", loss=lambda z, y: np.maximum(_margins(z, y), 0).sum() / len(y), delta=_hinge_delta
    ),
    variant(
        "bias penalised throughout",
        "in loss and gradient",
        penalty=lambda p, l1, l2: penalty({f"{n} weights": v for n, v in p.items()}, l1, l2),
        penalty_grad=lambda n, *rest: penalty_grad("weights", *rest),
    ),
    variant(
        "fixed dropout mask",
        "the same in every call",
        loss=lambda z, y: nll(z * _fixed_mask(z), y),
        delta=lambda z, y: delta(z * _fixed_mask(z), y) * _fixed_mask(z),
    ),
    variant("ReLU", "mask from the input", "ReLU"),
    variant("ReLU, mask h > 0", "after the activation, but strict", "ReLU", activation_grad=lambda a, h: h > 0),
    variant(
        "leaky ReLU",
        "slope one tenth below zero",
        "ReLU",
        activation=lambda a: np.maximum(a, a / 10),
        activation_grad=lambda a, h: np.where(a > 0, 1, 0.1),
    ),
    variant("tanh", "1 - h**2", "tanh"),
    variant("tanh by cosh", "1 / cosh(a)**2", "tanh", activation_grad=lambda a, h: np.cosh(a) ** -2),
    variant("sigmoid", "h(1 - h)", "sigmoid"),
    variant(
        "softplus",
        "log(1 + e**a), a smooth ReLU",
        "sigmoid",
        activation=lambda a: np.logaddexp(0, a),
        activation_grad=lambda a, h: sigmoid(a),
    ),
)


# ------------------------------------------------------------------------------------------ the test


@dataclass(frozen=True)
class Problem:
    """A small random data set, parameters to check at, and penalties."""

    params: dict
    x: np.ndarray
    labels: np.ndarray
    l1: float
    l2: float


def make_problem(model, *, extreme=False, dtype=np.float64, seed=0):
    """Return six examples with four features and three classes; the hidden layer has five units.

    Parameters
    ----------
    model : "softmax", "ReLU", "tanh" or "sigmoid"
    extreme : bool
        Let every other example have logits beyond what exp can hold in this dtype, and use no penalties.
    dtype : float64 or float32
    seed : int

    Returns
    -------
    Problem
    """
    rng = np.random.default_rng(seed)
    sizes = {"weights": (4, 3), "bias": (3,)}
    if model != "softmax":
        sizes = {"hidden_weights": (4, 5), "hidden_bias": (5,), "weights": (5, 3), "bias": (3,)}
    params = {name: rng.standard_normal(shape).astype(dtype) for name, shape in sizes.items()}
    x, labels = rng.standard_normal((6, 4)).astype(dtype), rng.permutation(6) % 3
    if extreme:
        x[:, 0] = [0, 1, 0, 1, 0, 1]
        params["weights"][0] = 3 * np.log(np.finfo(dtype).max) * rng.permutation([-1, 0.3, 1])
    return Problem(params, x, labels, *((0.0, 0.0) if extreme else (0.1, 0.2)))


def functions(variant, problem):
    """Return the loss and the gradient of a variant on a problem, both as functions of the parameters."""

    def both(params):
        return loss_and_grads(variant.steps, params, problem.x, problem.labels, l1=problem.l1, l2=problem.l2)

    return lambda params: both(params)[0], lambda params: both(params)[1]


def complaint(variant, problem):
    """Return what `check_gradient` raises for a variant at a problem, None if it is content."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakCheckWarning)
        try:
            check_gradient(*functions(variant, problem), problem.params)
        except (GradientError, ValueError) as raised:
            return raised
    return None


def first_complaint(variant, *, dtype=np.float64, seed=0):
    """Check a variant on a mild problem and, for softmax regression, on an extreme one.

    Parameters
    ----------
    variant : Variant
    dtype : float64 or float32
    seed : int

    Returns
    -------
    tuple (kind, Exception) or None
        "mild" or "extreme", and what the checker raised there; None if it is content with both.
    """
    for kind in ("mild", "extreme") if variant.model == "softmax" else ("mild",):
        raised = complaint(variant, make_problem(variant.model, extreme=kind == "extreme", dtype=dtype, seed=seed))
        if raised:
            return kind, raised
    return None


def main(num_seeds=20):
    """Print what the checker says of every variant; return 1 if it misses a bug or accuses a right one."""
    print(f"{'variant':27} {'model':8} float64 float32  at       what the checker says (float64, seed 0)")
    failures = 0
    for variants, expected in ((BUGS, num_seeds), (CORRECT, 0)):
        for each in variants:
            answers = {
                dtype: [first_complaint(each, dtype=dtype, seed=seed) for seed in range(num_seeds)]
                for dtype in (np.float64, np.float32)
            }
            counts = [sum(map(bool, found)) for found in answers.values()]
            failures += counts != [expected, expected]
            kind, raised = answers[np.float64][0] or ("", "")
            text = getattr(raised, "cause", "") or str(raised).split(";")[0]
            print(f"{each.name:27} {each.model:8} {counts[0]:4}/{num_seeds} {counts[1]:4}/{num_seeds}  {kind:8} {text}")
    print(f"{len(BUGS)} bugs, {len(CORRECT)} right variants, {num_seeds} seeds each: {failures} wrong verdicts")
    return int(failures > 0)


if __name__ == "__main__":
    raise SystemExit(main())
