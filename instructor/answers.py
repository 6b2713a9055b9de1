"""Print the table of right and wrong answers with what they are told: ``python -m instructor.answers``."""

import numpy as np

from instructor.hidden import failed_topics
from instructor.implementations import all_answers
from mnist_helpers.exercises import find_task, verdict


def main():
    """Print a line for each answer, and how many wrong ones are told their own misconception."""
    told = total = 0
    for task, (right, wrong) in all_answers().items():
        print(f"\n{task}")
        for answer in right:
            print(f"  right  {name_of(answer):32s} {said(task, answer)}")
        for answer, key in wrong:
            own = verdict(task, answer, np.random.default_rng(0)).key == key
            told, total = told + own, total + 1
            print(f"  wrong  {name_of(answer):32s} {said(task, answer)}{'' if own else f'  (its own is {key})'}")
    print(f"\n{total} wrong answers, {told} told their own misconception ({told / total:.0%})")


def name_of(answer):
    """Return the name of a function, or a value."""
    return getattr(answer, "__name__", None) or str(answer)[:32]


def said(task, answer):
    """Return what an answer is told, in a line: by check, and by the hidden tests."""
    found = verdict(task, answer, np.random.default_rng(0))
    hidden = ", ".join(failed_topics(task, answer)) or "all passed"
    return f"{find_task(task).sentence(found.key) if found.key else 'right'} | hidden: {hidden}"


if __name__ == "__main__":
    main()
