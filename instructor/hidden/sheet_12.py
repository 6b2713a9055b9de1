"""Hidden tests of sheet 12."""

import numpy as np

from instructor.hidden import Hidden


def _stretches(weights, bias, start, end):
    """Look at all places where two logits are equal, and ask between them which is the largest."""
    scores, slopes = start @ weights + bias, (end - start) @ weights
    i, j = np.triu_indices(len(bias), 1)
    crossing = slopes[i] != slopes[j]
    meets = (scores[j] - scores[i])[crossing] / (slopes[i] - slopes[j])[crossing]
    borders = np.concatenate([[0.0], np.sort(meets[(meets > 0) & (meets < 1)]), [1.0]])
    middles = (borders[:-1] + borders[1:]) / 2
    winners = (scores + middles[:, None] * slopes).argmax(axis=1)
    new = np.flatnonzero(np.diff(winners)) + 1
    return [winners[0], *winners[new]], borders[new]


def _smallest_change(weights, bias, x):
    least = []
    for row in x:
        scores = row @ weights + bias
        k = scores.argmax()
        rivals = [j for j in range(len(bias)) if j != k]
        least.append(min((scores[k] - scores[j]) / np.abs(weights[:, k] - weights[:, j]).sum() for j in rivals))
    return np.array(least)


def _ways(*shapes, bend=1.0):
    def group(rng):
        cases = []
        for num_features, num_classes in shapes:
            weights, direction = rng.normal(size=(num_features, num_classes)), rng.normal(size=num_features)
            cases.append((weights, -bend * (weights**2).sum(axis=0), -2 * direction, 3 * direction))
        return cases

    return group


def _short(rng):
    """The gap of a middle class is just above where the outer two are equal."""
    cases = []
    for height in (1e-3, 3e-5):
        slope, shift = rng.uniform(1, 2), rng.uniform(-0.5, 0.5)
        weights = np.array([[-slope, 0.0, slope, 0.1]])
        cases.append(
            (weights, np.array([slope * shift, height, -slope * shift, -9.0]), np.array([-1.0]), np.array([1.0]))
        )
    return cases


def _parallel(rng):
    weights = rng.normal(size=(3, 3))[:, [0, 1, 2, 0, 1]]
    return [(weights, np.array([0.0, 0.0, 0.3, -0.7, 0.4]), rng.normal(size=3), rng.normal(size=3)) for _ in range(3)]


def _still(rng):
    point = rng.normal(size=4)
    return [(rng.normal(size=(4, 3)), rng.normal(size=3), point, point.copy())]


def _examples(*shapes, scale=1.0, scales=(1.0,)):
    def group(rng):
        cases = []
        for num_examples, num_features, num_classes in shapes:
            weights = rng.normal(size=(num_features, num_classes)) * rng.choice(scales, num_classes)
            bias = rng.normal(size=num_classes)
            cases.append((weights, bias, scale * rng.normal(size=(num_examples, num_features))))
        return cases

    return group


HIDDEN = [
    Hidden(
        "stretches",
        _stretches,
        {
            "two classes": _ways((1, 2), (6, 2)),
            "many classes": _ways((3, 12), (10, 30)),
            "no change": lambda rng: [
                (rng.normal(size=(2, 4)), np.array([90.0, 0, 0, 0]), rng.normal(size=2), np.ones(2))
            ],
            "one class only": lambda rng: [(rng.normal(size=(3, 1)), np.zeros(1), np.zeros(3), np.ones(3))],
            "a very short stretch": _short,
            "gaps that stay the same": _parallel,
            "start and end are one point": _still,
            "the way back": lambda rng: [(w, b, e, s) for w, b, s, e in _ways((2, 5), (4, 9))(rng)],
        },
        rtol=1e-7,
    ),
    Hidden("checkerboard", lambda: np.array([6.0, 5.0])),
    Hidden(
        "smallest_change",
        _smallest_change,
        {
            "two classes": _examples((4, 3, 2), (1, 1, 2)),
            "ten classes": _examples((30, 20, 10)),
            "one feature": _examples((8, 1, 4)),
            "weights of different size": _examples((20, 5, 6), scales=(0.1, 1.0, 5.0)),
            "far from every border": _examples((5, 4, 3), scale=1e4),
        },
    ),
]
