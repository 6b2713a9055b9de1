"""The exercises: right answers pass, wrong ones fail and are told their own misconception."""

import numpy as np
import pytest

from instructor.hidden import all_hidden, failed_topics
from instructor.implementations import all_answers
from mnist_helpers.exercises import find_task, verdict
from mnist_helpers.exercises._tasks import GENERIC, all_tasks, fault

ANSWERS = all_answers()
RIGHT = [(task, answer) for task, (right, _) in ANSWERS.items() for answer in right]
WRONG = [(task, *pair) for task, (_, wrong) in ANSWERS.items() for pair in wrong]


def name_of(value):
    return getattr(value, "__name__", str(value))


def test_every_task_has_hidden_tests_and_answers():
    names = [task.name for task in all_tasks()]
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(ANSWERS) == sorted(hidden.name for hidden in all_hidden())


@pytest.mark.parametrize("task", ANSWERS)
def test_there_are_enough_answers(task):
    right, wrong = ANSWERS[task]
    assert len(right) >= 3
    assert len(wrong) >= 6
    for _, key in wrong:
        assert find_task(task).sentence(key)


@pytest.mark.parametrize(("task", "answer"), RIGHT, ids=name_of)
def test_a_right_answer_passes(task, answer):
    for seed in range(5):
        found = verdict(task, answer, np.random.default_rng(seed))
        assert found.right, found.message
    assert failed_topics(task, answer) == failed_topics(task, answer, seed=1) == []


@pytest.mark.parametrize(("task", "answer", "key"), WRONG, ids=name_of)
def test_a_wrong_answer_fails(task, answer, key):
    for seed in range(3):
        assert not verdict(task, answer, np.random.default_rng(seed)).right
    assert failed_topics(task, answer)


@pytest.mark.parametrize("task", ANSWERS)
def test_wrong_answers_are_told_their_own_misconception(task):
    _, wrong = ANSWERS[task]
    told = [verdict(task, answer, np.random.default_rng(0)).key == key for answer, key in wrong]
    assert np.mean(told) >= 0.8, [name_of(answer) for (answer, _), hit in zip(wrong, told, strict=True) if not hit]


STRANGE = [
    0,
    -1.5,
    np.nan,
    True,
    "text",
    [],
    [1, 2, 3],
    [[1, 2], [3]],
    (),
    (np.ones(2), None),
    {},
    {"weights": np.ones((2, 2))},
    np.ones(0),
    np.ones((2, 2, 2)),
    np.full((3, 10), np.inf),
    np.array(["a"]),
    np.array([None]),
    object(),
]


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)
def test_a_judge_copes_with_anything(task):
    """Whatever comes back, there is a sentence for it."""
    for args in task.cases(np.random.default_rng(0)):
        shaped = [np.zeros(np.shape(arg)) for arg in args] + [np.full(np.shape(arg), np.nan) for arg in args]
        for result in [*STRANGE, *shaped]:
            key = fault(task, args, result, args)
            assert key is None or task.sentence(key)


def test_every_misconception_of_a_task_is_met_by_some_wrong_answer():
    for task in all_tasks():
        met = {key for _, key in ANSWERS[task.name][1]}
        assert set(task.misconceptions) <= met, (task.name, set(task.misconceptions) - met)
        assert not set(task.misconceptions) & (set(GENERIC) - {"wrong"})


def test_what_is_no_generator_is_refused():
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        verdict("soften", len, rng=3)
