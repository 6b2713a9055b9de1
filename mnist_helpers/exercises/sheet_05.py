"""Sheet 5: within the computer's reach."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _judge_gap(args, gap):
    if not has_shape(gap, ()):
        return "shape"
    known = {
        745.1332: "underflow",
        744.44: "underflow",
        708.4: "underflow",
        709.7827: "overflow",
        36.0437: "no-half",
        53.0: "base",
        52.0: "base",
        16.6355: "sixteen",
        15.9424: "sixteen",
        15.9546: "sixteen",
        -36.7368: "sign",
        34.5388: "quoted",
        36.0: "quoted",
        37.0: "quoted",
    }
    for wrong, key in known.items():
        if close(gap, wrong, rtol=5e-4):
            return key
    # The neighbours of 1 lie 2^-52 above and 2^-53 below it.
    border = -np.log(np.spacing(1.0) / 2)
    return None if close(gap, border, rtol=1e-3) else "wrong"


def _running_cases(rng):
    cases = [
        (np.array([[1.0, 0.0]]),),
        (np.array([[0.0, 1.0]]),),
        (np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]]),),
        (np.array([[0.0, 1000.0]]),),
        (np.array([[1000.0, 0.0, 1000.0]]),),
        (np.array([[0.0, 1.0], [-2000.0, -2001.0]]),),
        (np.array([[-1000.0, 0.0, 1000.0], [-1000.0, -1000.0, -1000.0]]),),
    ]
    return cases + [(rng.normal(0, scale, shape),) for scale, shape in ((2, (2, 3)), (3, (4, 4)), (500, (3, 8)))]


def _judge_running(args, results):
    (logits,) = args
    if not has_shape(results, logits.shape):
        return "total" if has_shape(results, logits.shape[:1]) else "shape"
    results = np.asarray(results, dtype=float)
    so_far = np.maximum.accumulate(logits, axis=1)
    if not np.isfinite(results).all():
        later = np.isneginf(results) & (logits.max(axis=1, keepdims=True) > so_far + 700)
        return "later-maximum" if (later | np.isfinite(results)).all() else "overflow"
    # Divided by exp of the right result, the exponentials up to each place sum to 1.
    excess = _excess(logits, results)
    if (abs(excess) <= 1e-9 + 1e-6 * abs(results)).all():
        return None
    return _wrong_running(logits, results, so_far, excess)


def _excess(logits, results):
    """Return, for each place, the logarithm of the sum of the exponentials up to there, minus the result."""
    exponents = logits[:, None, :] - results[:, :, None]
    seen = np.tril(np.ones((logits.shape[1],) * 2, dtype=bool))
    return np.log(np.where(seen, np.exp(np.where(seen, exponents, 0)), 0).sum(axis=2))


def _wrong_running(logits, results, so_far, excess):
    row_max = np.broadcast_to(logits.max(axis=1, keepdims=True), logits.shape)
    if close(results, so_far):
        return "maximum"
    if close(excess, so_far) or close(excess, row_max):
        return "not-put-back"
    if close(results, np.exp(logits).cumsum(axis=1)):
        return "no-logarithm"
    if close(results, so_far + np.log(np.exp(logits - so_far).cumsum(axis=1))):
        return "not-rescaled"
    if close(_excess(logits.T, results.T), np.zeros(logits.T.shape)):
        return "down"
    if close(_excess(logits[:, ::-1], results[:, ::-1]), np.zeros(logits.shape)):
        return "backwards"
    return "wrong"


def _exclusion_cases(rng):
    cases = [
        (np.array([[0.0, 1.0]]), np.array([1])),
        (np.array([[0.0, 1.0, 3.0]]), np.array([0])),
        (np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 5.0]]), np.array([1, 0])),
        (np.array([[60.0, 0.0, 1.0]]), np.array([0])),
        (np.array([[30.0, 0.0]]), np.array([0])),
        (np.array([[2000.0, 2001.0, 2000.0]]), np.array([1])),
        (np.array([[0.0, 900.0]]), np.array([1])),
        (np.array([[0.0, 900.0, 1.0]]), np.array([0])),
        (np.array([[0.0, 1.0], [-2000.0, -2001.0]]), np.array([1, 0])),
    ]
    shapes = [(1, 2), (3, 3), (6, 10)]
    return cases + [(rng.normal(0, 5, shape).round(1), rng.integers(shape[1], size=shape[0])) for shape in shapes]


def _judge_exclusion(args, losses):
    logits, excluded = args
    if not has_shape(losses, (len(logits),)):
        return "one-number" if has_shape(losses, ()) else "shape"
    losses = np.asarray(losses, dtype=float)
    rows = np.arange(len(logits))
    own = logits[rows, excluded]
    others = np.array([np.delete(row, k) for row, k in zip(logits, excluded, strict=True)])
    rest = np.logaddexp.reduce(others, axis=1)
    if not np.isfinite(losses).all():
        if not (losses > -np.inf).all():
            return "overflow"
        lead = (own - rest)[losses == np.inf].min()
        return "overflow" if lead < 30 else "one-minus" if lead < 700 else "whose-maximum"
    whole = np.logaddexp(own, rest)
    if close(losses, whole - rest):
        return None
    known = {
        "of-the-class": whole - own,
        "log-odds": own - rest,
        "best-rival": whole - others.max(axis=1),
        "product": (whole[:, None] - others).sum(axis=1),
        "not-normalised": -rest,
        "sign": rest - whole,
        "ratio": np.exp(own - whole),
    }
    for key, value in known.items():
        if close(losses, value):
            return key
    large = whole - rest > 9
    return "cap" if large.any() and close(losses[~large], (whole - rest)[~large], atol=1e-3) else "wrong"


TASKS = [
    Task(
        "certain_gap",
        _judge_gap,
        {
            "underflow": "That is where exp(-g) itself becomes 0. But it need not be 0 to be lost: it is added to 1.",
            "overflow": "That is where exp(g) overflows. In the stable softmax no exponent is positive.",
            "no-half": "There exp(-g) is the whole distance from 1 to the next number. What happens to a sum that lies "
            "between the two?",
            "base": "That is a number of binary digits. The gap is an exponent of e, not of 2.",
            "sixteen": "About 16 is the number of decimal digits of double precision, and also where single precision "
            "would get to 1. The gap is in nats, and in double precision.",
            "sign": "The size is right. The first class is the one with the larger logit.",
            "quoted": "That is near, but it comes from a rounded number such as 1e-15, or is itself rounded.",
        },
        is_value=True,
    ),
    Task(
        "running_logsumexp",
        _judge_running,
        {
            "overflow": "There is NaN or infinity in it. exp of a large number is infinite, and the logarithm of a sum "
            "that is 0 is minus infinity. What helps one row need not help the next.",
            "later-maximum": "Early entries are minus infinity where a much larger logit comes later: after "
            "subtracting that one, all exponentials before it are 0.",
            "total": "It gives one number for each row. Asked for is one after each logit.",
            "maximum": "That is the largest logit so far. The log-sum-exp lies above it.",
            "not-put-back": "A maximum was subtracted in the exponents and not added again outside of the logarithm.",
            "no-logarithm": "That is the sum of the exponentials, without the logarithm.",
            "not-rescaled": "The exponentials in the sum belong to different maxima. When the maximum grows, the sum "
            "that is there already was still made with the old one.",
            "down": "It runs down the columns. Each row is a sequence of its own.",
            "backwards": "It runs from the last logit to the first.",
        },
        _running_cases,
    ),
    Task(
        "exclusion_loss",
        _judge_exclusion,
        {
            "cap": "Small losses are right, large ones are not: something like an epsilon, a clip or a lack of digits "
            "in 1 - p limits them.",
            "one-minus": "It is infinite where the probability of the excluded class is rounded to 1, so that 1 - p "
            "is 0. The digits are lost before the subtraction.",
            "whose-maximum": "It is infinite where the excluded class is far ahead: measured from its logit, the "
            "exponentials of all others are 0, and measured from theirs, its own is infinite.",
            "overflow": "There is NaN or infinity in it: an exponential overflows, or all of a row are 0. What helps "
            "one row need not help the next.",
            "one-number": "It gives one number for all examples. Each row has a loss of its own.",
            "of-the-class": "That is the loss if the class were the right one. It is known to be wrong.",
            "log-odds": "That is the logarithm of p / (1 - p), which comes close to the loss only where p is near 1.",
            "best-rival": "Only the most probable of the other classes is in it. The class can be any of them.",
            "product": "The losses of all other classes were added up, as if all of them were right at once. One of "
            "them is.",
            "not-normalised": "The logits of the other classes are in it. What of the sum over all classes, by which "
            "every probability is divided?",
            "sign": "The size is right. A loss is not negative.",
            "ratio": "That is the probability of the excluded class, not a loss in nats.",
        },
        _exclusion_cases,
    ),
]
