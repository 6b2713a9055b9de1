"""Right and wrong answers to the tasks of sheet 11."""

import numpy as np


def precision_by_joint_shares(matrix, shares):
    joint = shares[:, None] * matrix / matrix.sum(axis=1, keepdims=True)
    answered = joint.sum(axis=0)
    return np.where(answered > 0, np.diag(joint) / np.where(answered > 0, answered, 1), 0)


def precision_by_loops(matrix, shares):
    rates, found = [row / row.sum() for row in matrix], []
    for k in range(len(shares)):
        answered = sum(share * rate[k] for share, rate in zip(shares, rates, strict=True))
        found.append(shares[k] * rates[k][k] / answered if answered else 0.0)
    return found


def precision_by_weights(matrix, shares):
    weights = shares / matrix.sum(axis=1)
    reweighted = np.diag(weights) @ matrix
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(reweighted.diagonal() / reweighted.sum(axis=0))


def precision_that_is_recall(matrix, shares):
    return np.diag(matrix) / matrix.sum(axis=1)


def precision_as_counted(matrix, shares):
    return np.diag(matrix) / np.maximum(matrix.sum(axis=0), 1)


def precision_not_divided(matrix, shares):
    return shares * np.diag(matrix) / matrix.sum(axis=1)


def precision_of_weighted_counts(matrix, shares):
    counts = shares[:, None] * matrix
    return np.diag(counts) / np.maximum(counts.sum(axis=0), 1e-12)


def precision_of_columns(matrix, shares):
    joint = shares * matrix / np.maximum(matrix.sum(axis=0), 1)
    return np.diag(joint) / joint.sum(axis=1)


def precision_with_nan(matrix, shares):
    joint = shares[:, None] * matrix / matrix.sum(axis=1, keepdims=True)
    return np.diag(joint) / joint.sum(axis=0)


def precision_in_one_number(matrix, shares):
    return float(shares @ precision_by_joint_shares(matrix, shares))


def precision_times_shares(matrix, shares):
    return precision_as_counted(matrix, shares) * shares


def precision_of_the_wrong_axis(matrix, shares):
    joint = shares * matrix / matrix.sum(axis=1, keepdims=True)
    return np.diag(joint) / np.maximum(joint.sum(axis=0), 1e-12)


def precision_by_odds(matrix, shares):
    """Right for two classes: it takes all other classes for one."""
    counted, old = precision_as_counted(matrix, shares), matrix.sum(axis=1) / matrix.sum()
    yes, no = counted * shares / old, (1 - counted) * (1 - shares) / (1 - old)
    return yes / np.maximum(yes + no, 1e-12)


def precision_in_place(matrix, shares):
    found = precision_by_joint_shares(matrix, shares)
    shares /= shares.sum() + 1e-3
    return found


def report_by_slices(answers, labels, num_valid):
    right = answers == labels
    chosen = int(right[:, :num_valid].mean(axis=1).argmax())
    return chosen, right[chosen, num_valid:].mean()


def report_by_loops(answers, labels, num_valid):
    best, chosen = -1, 0
    for number, row in enumerate(answers):
        score = sum(int(a == b) for a, b in zip(row[:num_valid], labels[:num_valid], strict=True))
        if score > best:
            best, chosen = score, number
    unseen = [int(a == b) for a, b in zip(answers[chosen][num_valid:], labels[num_valid:], strict=True)]
    return [chosen, sum(unseen) / len(unseen)]


def report_by_errors(answers, labels, num_valid):
    errors = (answers != labels).astype(float)
    seen, unseen = np.split(errors, [num_valid], axis=1)
    order = np.argsort(seen.sum(axis=1), kind="stable")
    return np.array([order[0], 1 - unseen[order[0]].mean()])


def report_chosen_on_all(answers, labels, num_valid):
    right = answers == labels
    chosen = int(right.mean(axis=1).argmax())
    return chosen, right[chosen, num_valid:].mean()


def report_chosen_on_test(answers, labels, num_valid):
    accuracies = (answers == labels)[:, num_valid:].mean(axis=1)
    return accuracies.argmax(), accuracies.max()


def report_valid_accuracy(answers, labels, num_valid):
    accuracies = (answers == labels)[:, :num_valid].mean(axis=1)
    return accuracies.argmax(), accuracies.max()


def report_on_all_images(answers, labels, num_valid):
    chosen = report_by_slices(answers, labels, num_valid)[0]
    return chosen, (answers[chosen] == labels).mean()


def report_the_luckiest(answers, labels, num_valid):
    right = answers == labels
    return right[:, :num_valid].mean(axis=1).argmax(), right[:, num_valid:].mean(axis=1).max()


def report_the_last_tie(answers, labels, num_valid):
    right = answers == labels
    seen = right[:, :num_valid].mean(axis=1)
    chosen = len(seen) - 1 - int(seen[::-1].argmax())
    return chosen, right[chosen, num_valid:].mean()


def report_counted_from_one(answers, labels, num_valid):
    chosen, reported = report_by_slices(answers, labels, num_valid)
    return chosen + 1, reported


def report_accuracy_alone(answers, labels, num_valid):
    return report_by_slices(answers, labels, num_valid)[1]


def report_the_other_way_round(answers, labels, num_valid):
    right = answers == labels
    return int(right[:, num_valid:].mean(axis=1).argmax()), right[:, :num_valid].mean()


def report_the_worst(answers, labels, num_valid):
    right = answers == labels
    chosen = int((~right)[:, :num_valid].mean(axis=1).argmax())
    return chosen, right[chosen, num_valid:].mean()


ANSWERS = {
    "precision_elsewhere": (
        [precision_by_joint_shares, precision_by_loops, precision_by_weights],
        [
            (precision_that_is_recall, "recall"),
            (precision_as_counted, "as-counted"),
            (precision_not_divided, "not-divided"),
            (precision_of_weighted_counts, "counts-count"),
            (precision_of_columns, "columns"),
            (precision_with_nan, "never-answered"),
            (precision_in_one_number, "one-number"),
            (precision_times_shares, "wrong"),
            (precision_of_the_wrong_axis, "wrong"),
            (precision_by_odds, "wrong"),
            (precision_in_place, "mutates"),
        ],
    ),
    "images_needed": (
        [9596, 9600.0, 4 * (0.06 - 0.005**2) / 0.005**2],
        [
            (2399, "one-error"),
            (40236, "unpaired"),
            (20400, "single"),
            (5200, "one-side"),
            (98, "root"),
            (0.96, "points"),
            (10_000, "wrong"),
        ],
    ),
    "report_chosen": (
        [report_by_slices, report_by_loops, report_by_errors],
        [
            (report_chosen_on_all, "peek-all"),
            (report_chosen_on_test, "peek-test"),
            (report_valid_accuracy, "valid-accuracy"),
            (report_on_all_images, "all-images"),
            (report_the_luckiest, "best-test"),
            (report_the_last_tie, "later-tie"),
            (report_counted_from_one, "no-such"),
            (report_accuracy_alone, "shape"),
            (report_the_other_way_round, "peek-test"),
            (report_the_worst, "wrong"),
        ],
    ),
}
