"""Sheet 11: look behind the accuracy."""

import numpy as np

from mnist_helpers.exercises._tasks import Task, close, has_shape


def _precision_cases(rng):
    cases = [
        (np.array([[8, 2], [10, 30]]), np.array([0.9, 0.1])),
        (np.array([[8, 2], [10, 10]]), np.array([0.5, 0.5])),
        (np.array([[6, 0, 2], [3, 0, 3], [1, 0, 8]]), np.array([0.2, 0.3, 0.5])),
        (np.array([[5, 1, 4], [0, 9, 0], [0, 2, 8]]), np.array([0.0, 1.0, 0.0])),
    ]
    for num_classes, scale in ((3, 20), (4, 50), (10, 200)):
        matrix = rng.integers(1, scale, (num_classes, num_classes)) + np.diag(
            rng.integers(scale, 3 * scale, num_classes)
        )
        cases.append((matrix, rng.dirichlet(np.ones(num_classes))))
    return cases


def _judge_precision(args, found):
    matrix, shares = args
    if not has_shape(found, shares.shape):
        return "one-number" if has_shape(found, ()) else "shape"
    found, counts = np.asarray(found, dtype=float), matrix.astype(float)
    if not np.isfinite(found).all():
        return "never-answered"
    recalls = np.diag(counts) / counts.sum(axis=1)
    answered = np.einsum("j,jk->k", shares / counts.sum(axis=1), counts)
    if close(found * answered, shares * recalls) and not found[answered == 0].any():
        return None
    by_columns = np.einsum("j,kj->k", shares / counts.sum(axis=0), counts)
    slips = {
        "recall": (found, recalls),
        "as-counted": (found * counts.sum(axis=0), np.diag(counts)),
        "not-divided": (found, shares * recalls),
        "counts-count": (found * (shares @ counts), shares * np.diag(counts)),
        "columns": (found * by_columns, shares * np.diag(counts) / counts.sum(axis=0)),
    }
    return next((key for key, (left, right) in slips.items() if close(left, right)), "wrong")


def _judge_images(args, num_images):
    if not has_shape(num_images, ()):
        return "shape"
    errors_wide = {
        "one-error": (1, 0.06 - 0.005**2),
        "unpaired": (2, 0.85 * 0.15 + 0.855 * 0.145),
        "single": (2, 0.85 * 0.15),
        "one-side": (2, 0.0325),
    }
    number = float(num_images)
    if close(0.005 * number, 2 * np.sqrt(0.06), rtol=0.02):
        return "root"
    if 0 < number < 2:
        return "points"
    for key, (width, variance) in errors_wide.items():
        if close(0.005**2 * number, width**2 * variance, rtol=0.02):
            return key
    return None if close(0.005**2 * number, 4 * (0.06 - 0.005**2), rtol=0.01) else "wrong"


def _answers(*rows):
    """Return answers and labels from rows of right (1) and wrong (0)."""
    hits = np.array([[int(digit) for digit in row] for row in rows])
    labels = np.arange(hits.shape[1]) % 3
    return np.where(hits == 1, labels, (labels + 1) % 3), labels


def _report_cases(rng):
    cases = [
        (*_answers("1011101110", "1000111110", "0000010001", "1111110000"), 4),
        (*_answers("1010001", "1101110", "0111111"), 3),
        (*_answers("0111", "1000"), 1),
    ]
    for num_classifiers, num_images in ((4, 20), (10, 40), (30, 60)):
        labels = rng.integers(5, size=num_images)
        noise = rng.integers(5, size=(num_classifiers, num_images))
        kept = rng.random((num_classifiers, num_images)) < 0.3
        cases.append((np.where(kept, labels, noise), labels, int(rng.integers(5, num_images // 2))))
    return cases


def _judge_report(args, result):
    answers, labels, num_valid = args
    if not has_shape(result, (2,)):
        return "shape"
    chosen, reported = (float(part) for part in result)
    if chosen not in range(len(answers)):
        return "no-such"
    chosen, hits = int(chosen), (answers == labels).astype(float)
    seen, unseen = hits[:, :num_valid].mean(axis=1), hits[:, num_valid:].mean(axis=1)
    if seen[chosen] == seen.max() and chosen > np.argmax(seen):
        return "later-tie"
    if chosen == np.argmax(seen):
        slips = {"valid-accuracy": seen[chosen], "all-images": hits[chosen].mean(), "best-test": unseen.max()}
        if close(reported, unseen[chosen]):
            return None
        return next((key for key, slip in slips.items() if close(reported, slip)), "wrong")
    if chosen == np.argmax(hits.mean(axis=1)):
        return "peek-all"
    return "peek-test" if chosen == np.argmax(unseen) else "wrong"


TASKS = [
    Task(
        "precision_elsewhere",
        _judge_precision,
        {
            "recall": "Those are the recalls: the share of right answers among the images of a class, "
            "not among the answers that name it.",
            "as-counted": "Those are the precisions on the images that were counted. "
            "In the shop the classes have other shares.",
            "not-divided": "That is the share of all images that are of the class and recognised. "
            "The question is what it is a share of.",
            "counts-count": "You weight bare counts. A class of which many images were counted weighs too much.",
            "columns": "You took the columns of the matrix for the labels. The rows are.",
            "one-number": "It returns one number for all classes.",
            "never-answered": "There is NaN or infinity in it: one class is never the answer there.",
        },
        _precision_cases,
    ),
    Task(
        "images_needed",
        _judge_images,
        {
            "one-error": "With so many images the lead is as large as one standard error.",
            "unpaired": "That is for classifiers that are tested on different images. These two answer the same ones.",
            "single": "You took the standard error of one accuracy. What is uncertain here is a difference.",
            "one-side": "You count only the images that one of the two wins. Those that it loses count as well.",
            "root": "You let the standard error fall like 1/N. It falls more slowly.",
            "points": "A lead of half a point is not 0.5. Shares and per cent got mixed up.",
        },
        is_value=True,
    ),
    Task(
        "report_chosen",
        _judge_report,
        {
            "peek-all": "The classifier is chosen on all images, so those that you report on took part in the choice.",
            "peek-test": "The classifier is chosen on the very images that you report on.",
            "valid-accuracy": "You report the accuracy on the images on which the choice was made.",
            "all-images": "You report the accuracy on all images. Those of the choice are among them.",
            "best-test": "The choice is right, but what you report belongs to another classifier, the luckiest one.",
            "later-tie": "Several are equally good on the validation images, and you do not take the first.",
            "no-such": "There is no classifier with the number that you return first. They are counted from 0.",
        },
        _report_cases,
    ),
]
