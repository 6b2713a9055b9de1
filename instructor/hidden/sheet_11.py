"""Hidden tests of sheet 11."""

import numpy as np

from instructor.hidden import Hidden


def _precision_elsewhere(matrix, shares):
    joint = shares[:, None] * matrix / matrix.sum(axis=1, keepdims=True)
    answered = joint.sum(axis=0)
    return np.where(answered > 0, np.diag(joint) / np.where(answered > 0, answered, 1), 0)


def _matrices(*sizes, scale=50):
    def group(rng):
        return [(_matrix(rng, size, scale), rng.dirichlet(np.ones(size))) for size in sizes]

    return group


def _matrix(rng, size, scale):
    return rng.integers(1, scale, (size, size)) + np.diag(rng.integers(scale, 4 * scale, size))


def _never_answered(rng):
    matrix = _matrix(rng, 5, 30)
    matrix[:, 2] = 0
    return [(matrix, rng.dirichlet(np.ones(5))), (np.array([[4, 0], [6, 0]]), np.array([0.3, 0.7]))]


def _report_chosen(answers, labels, num_valid):
    right = answers == labels
    chosen = int(np.argmax(right[:, :num_valid].sum(axis=1)))
    return chosen, float(right[chosen, num_valid:].mean())


def _reports(*shapes, skill=0.3, num_valid=None):
    def group(rng):
        found = []
        for num_classifiers, num_images in shapes:
            labels = rng.integers(10, size=num_images)
            guesses = rng.integers(10, size=(num_classifiers, num_images))
            answers = np.where(rng.random(guesses.shape) < skill, labels, guesses)
            found.append((answers, labels, num_valid or num_images // 3))
        return found

    return group


HIDDEN = [
    Hidden(
        "precision_elsewhere",
        _precision_elsewhere,
        {
            "two classes": _matrices(2, 2, 2),
            "ten classes": _matrices(10, 10, scale=300),
            "rows of unequal size": lambda rng: [
                (_matrix(rng, 4, 20) * np.array([[1], [10], [100], [3]]), rng.dirichlet(np.ones(4))) for _ in range(3)
            ],
            "a class that is missing in the shop": lambda rng: [
                (_matrix(rng, 4, 20), np.array([0.5, 0.0, 0.2, 0.3])),
                (_matrix(rng, 3, 20), np.array([0.0, 1.0, 0.0])),
            ],
            "a class that is never the answer": _never_answered,
            "one class only": lambda rng: [(np.array([[7]]), np.array([1.0]))],
        },
    ),
    Hidden("images_needed", lambda: 4 * (0.06 - 0.005**2) / 0.005**2, rtol=0.01),
    Hidden(
        "report_chosen",
        _report_chosen,
        {
            "a few classifiers": _reports((3, 30), (5, 60), (8, 90)),
            "pure guesses": _reports((40, 60), (60, 60), (100, 45), skill=0.0),
            "ties": _reports((20, 12), (20, 12), (30, 15), skill=0.6),
            "one validation image": _reports((6, 20), (9, 20), num_valid=1),
            "one classifier": _reports((1, 15)),
        },
    ),
]
