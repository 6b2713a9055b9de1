"""Sheet 12: what a straight line cannot do."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _way(weights, bias, start, end):
    return tuple(np.array(part, dtype=float) for part in (weights, bias, start, end))


def _ways(rng):
    cases = [
        _way([[0, 1]], [0, -0.5], [-1], [1]),
        _way([[0, 1]], [0, -1], [0], [4]),
        _way([[0, 1]], [0, -1], [4], [0]),
        _way([[0, 1, -1]], [0, -5, 2], [3], [4]),
        _way([[-1, 1, 0]], [0, 0.2, 0.7], [-1], [1]),
        _way([[-1, 0, 1]], [0, -0.5, 0.2], [-1], [1]),
        _way([[-1, 1, 0]], [0, 0, 1e-5], [-1], [1]),
        _way([[0, 0, 1, 1], [1, 1, 0, 0]], [0, -1, 0.5, -2], [0, 3], [3, 0]),
    ]
    for num_features, num_classes in ((2, 3), (2, 6), (5, 8)):
        weights = rng.normal(size=(num_features, num_classes))
        bias = -(weights**2).sum(axis=0)
        direction = rng.normal(size=num_features)
        cases.append((weights, bias, -2 * direction, 3 * direction))
    return cases


def _judge_stretches(args, result):
    weights, bias, start, end = args
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not has_shape(result[1], np.shape(result[1])[:1]):
        return "shape"
    classes, changes = np.asarray(result[0]), np.asarray(result[1], dtype=float)
    if not has_shape(result[0], (changes.size + 1,)):
        return "shape"
    if not (np.isfinite(changes).all() and np.isin(classes, range(len(bias))).all()):
        return "wrong"
    if (np.diff(classes) == 0).any():
        return "repeats"
    here, there = start @ weights + bias, end @ weights + bias
    classes = classes.astype(int)
    if _holds(here, there, classes, changes):
        return None
    return _fault_of_stretches(args, classes, changes)


def _fault_of_stretches(args, classes, changes):
    weights, bias, start, end = args
    here, there = start @ weights + bias, end @ weights + bias
    if len(changes) and _holds(here, there, classes[::-1], 1 - changes[::-1]):
        return "direction"
    if len(changes) and _holds(here, there, classes, changes / np.linalg.norm(end - start)):
        return "length"
    if _holds(start @ weights, end @ weights, classes, changes):
        return "bias"
    if _holds(here, there, classes, changes, tolerance=0.02):
        return "steps"
    if len(changes) > 1 and _leaves_the_start_again(here, there, classes, changes):
        return "from-start"
    if (changes <= 0).any() or (changes >= 1).any():
        return "outside"
    if list(classes) == list(dict.fromkeys([int(here.argmax()), int(there.argmax())])):
        return "only-ends" if _third_above(here, there, classes, changes) else "wrong"
    return "third-above" if _third_above(here, there, classes, changes) else "wrong"


def _holds(here, there, classes, changes, tolerance=1e-9):
    """Return whether each class has the largest logit at both ends of its stretch: then it has it in between too."""
    borders = np.array([0.0, *changes, 1.0])
    if (np.diff(borders) <= 0).any():
        return False
    scores = here + borders[:, None] * (there - here)
    allowed = scores.max(axis=1) - tolerance * (1 + np.abs(scores).max(axis=1))
    number = np.arange(len(classes))
    return bool((scores[number, classes] >= allowed[:-1]).all() and (scores[number + 1, classes] >= allowed[1:]).all())


def _leaves_the_start_again(here, there, classes, changes):
    """Return whether at every claimed change the new class is level with that of the start."""
    scores = here + changes[:, None] * (there - here)
    level = scores[np.arange(len(changes)), classes[1:]]
    return bool(classes[0] == here.argmax() and np.allclose(level, scores[:, classes[0]]))


def _third_above(here, there, classes, changes):
    """Return whether two classes are equal at a claimed change, and another one is above both."""
    scores = here + changes[:, None] * (there - here)
    number = np.arange(len(changes))
    before, after = scores[number, classes[:-1]], scores[number, classes[1:]]
    return bool((np.isclose(before, after) & (scores.max(axis=1) > before + 1e-6)).any())


def _judge_checkerboard(args, result):
    if not has_shape(result, (2,)):
        return "shape"
    best, trained = map(float, np.asarray(result))
    if best > 6:
        return "blocks"
    if best < trained:
        return "order"
    if best == trained:
        return "all-alike" if best == 5 else "loss-and-errors"
    return None if (best, trained) == (6, 5) else "wrong"


def _examples(rng):
    cases = [
        (np.array([[0.0, 1.0]]), np.array([0.0, 0.0]), np.array([[2.0]])),
        (np.array([[0.0, 2.0], [0.0, 1.0]]), np.array([0.0, 0.0]), np.array([[2.0, 1.0], [-3.0, 1.0]])),
        (np.array([[0.0, 1.0, 3.0]]), np.array([-1.0, 0.0, 0.0]), np.array([[1.0]])),
        (np.array([[1.0, 0.9, -1.0], [0.0, 0.1, -1.0]]), np.array([0.0, -0.3, 1.4]), np.array([[1.0, 0.0]])),
    ]
    for num_examples, num_features, num_classes in ((1, 2, 3), (6, 3, 5), (9, 4, 8)):
        scales = rng.choice([0.3, 1.0, 3.0], num_classes)
        weights = rng.normal(size=(num_features, num_classes)) * scales
        cases.append((weights, rng.normal(size=num_classes), rng.normal(size=(num_examples, num_features))))
    return cases


def _judge_smallest_change(args, result):
    weights, bias, x = args
    if not has_shape(result, (len(x),)):
        return "one-number" if has_shape(result, ()) else "shape"
    found = np.asarray(result, dtype=float)
    if not np.isfinite(found).all() or (found <= 0).any():
        return "itself"
    if (
        _reaches(weights, bias, x, found * (1 + 1e-6)).all()
        and not _reaches(weights, bias, x, found * (1 - 1e-6)).any()
    ):
        return None
    scores = x @ weights + bias
    number, order = np.arange(len(x)), scores.argsort(axis=1)
    first, others = order[:, -1], order[:, -2::-1]
    leads = scores[number, first][:, None] - np.take_along_axis(scores, others, axis=1)
    apart = np.abs(weights.T[first][:, None] - weights.T[others])
    guesses = {
        "lead": leads[:, 0],
        "runner-up": leads[:, 0] / apart[:, 0].sum(axis=1),
        "euclid": (leads / np.sqrt((apart**2).sum(axis=2))).min(axis=1),
        "one-feature": (leads / apart.max(axis=2)).min(axis=1),
        "farthest": (leads / apart.sum(axis=2)).max(axis=1),
    }
    return next((key for key, guess in guesses.items() if close(found, guess)), "wrong")


def _reaches(weights, bias, x, change):
    """Return for each example whether a change of this size per feature can lead to another class."""
    before = (x @ weights + bias).argmax(axis=1)
    towards = np.sign(weights.T - weights.T[before][:, None])
    moved = x[:, None] + change[:, None, None] * towards
    return ((moved @ weights + bias).argmax(axis=2) != before[:, None]).any(axis=1)


TASKS = [
    Task(
        "stretches",
        _judge_stretches,
        {
            "direction": "It is right for the way back, from the end to the start.",
            "length": "The positions are lengths. The position at the end is 1, however long the way is.",
            "bias": "It is right for a model without biases.",
            "steps": "The positions are near the right ones, as if searched for in steps. They can be computed.",
            "outside": "A position lies before the start or after the end. Not all crossings are on the way.",
            "from-start": "At each of the changes the new class is level with the class of the start. After the first "
            "change that one is no longer ahead.",
            "repeats": "The same class stands there twice in a row, with no change between.",
            "only-ends": "Where the class of the start and that of the end are equal, a third one may be above both.",
            "third-above": "At one of the changes the two classes are equal, but a third one is above both there: "
            "nothing changes at that place.",
        },
        _ways,
    ),
    Task(
        "checkerboard",
        _judge_checkerboard,
        {
            "blocks": "The first number is too large. Look at three points in a row, and at four that form a square.",
            "loss-and-errors": "You expect the training to find the best line. It minimises the loss, not the "
            "number of errors.",
            "all-alike": "To call all nine points alike is not the best that a line can do.",
            "order": "The second number is larger than the first, but the trained model is a line too.",
        },
        is_value=True,
    ),
    Task(
        "smallest_change",
        _judge_smallest_change,
        {
            "runner-up": "It looks only at the class with the second largest logit. Is its border always the nearest?",
            "itself": "There is 0, NaN, infinity or a negative number in it. A class compared with itself gives 0/0, "
            "and the weights of one class alone may be 0.",
            "one-number": "It gives one number for all examples. Each row has a border of its own.",
            "lead": "That is how far the largest logit leads, not how large a change of the features makes up for it.",
            "euclid": "That is the length of the shortest way to the border, not the change of each feature.",
            "one-feature": "That is what it takes if only one feature may change. Here all of them may.",
            "farthest": "It takes the border of the class that is hardest to reach.",
        },
        _examples,
    ),
]
