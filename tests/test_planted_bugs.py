"""The planted bugs: each is one, none of the right variants is, and the checker knows both."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mnist_helpers import models, planted_bugs
from mnist_helpers.gradcheck import GradientError
from mnist_helpers.planted_bugs import (
    BUGS,
    CORRECT,
    MODELS,
    complaint,
    first_complaint,
    loss_and_grads,
    make_problem,
)

SEEDS = range(20)


def name_of(variant):
    return variant.name


dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
all_models = pytest.mark.parametrize("model", MODELS)


@dtypes
@pytest.mark.parametrize("variant", BUGS, ids=name_of)
def test_bug_is_caught_for_every_seed(variant, dtype):
    assert [seed for seed in SEEDS if first_complaint(variant, dtype=dtype, seed=seed) is None] == []


@dtypes
@pytest.mark.parametrize("variant", CORRECT, ids=name_of)
def test_right_variant_is_never_accused(variant, dtype):
    assert [found for seed in SEEDS if (found := first_complaint(variant, dtype=dtype, seed=seed))] == []


def test_there_are_many_variants_with_names_of_their_own_and_reasons():
    assert len(BUGS) >= 30
    assert len(CORRECT) >= 10
    names = [variant.name for variant in BUGS + CORRECT]
    assert len(set(names)) == len(names)
    for variant in BUGS + CORRECT:
        assert variant.name.strip()
        assert variant.why.strip()
        assert variant.model in MODELS


@pytest.mark.parametrize("variant", BUGS, ids=name_of)
def test_bug_differs_from_the_right_model_by_more_than_rounding(variant):
    """In value, in gradient, or in what it does to its arguments; else it would be no bug."""
    right = planted_bugs.variant("right", "", variant.model)
    for extreme in (False, True) if variant.model == "softmax" else (False,):
        results = []
        for each in (variant, right):
            problem = make_problem(each.model, extreme=extreme)
            with np.errstate(all="ignore"):
                loss, grads = loss_and_grads(
                    each.steps, problem.params, problem.x, problem.labels, l1=problem.l1, l2=problem.l2
                )
            arrays = [loss, *(grads[name] for name in sorted(grads)), *problem.params.values()]
            results.append(np.concatenate([np.ravel(array) for array in arrays]))
        if not np.allclose(*results, rtol=1e-4, atol=1e-6):
            return
    pytest.fail("nothing differs")


@dtypes
@pytest.mark.parametrize("penalties", [{}, {"l1": 0.1, "l2": 0.2}], ids=str)
@pytest.mark.parametrize("extreme", [False, True])
def test_right_steps_agree_with_the_models_of_the_package(dtype, penalties, extreme):
    problem = make_problem("softmax", extreme=extreme, dtype=dtype, seed=3)
    arguments = problem.params, problem.x, problem.labels
    loss, grads = loss_and_grads(MODELS["softmax"], *arguments, **penalties)
    expected_loss, expected = models.loss_and_grads(*arguments, **penalties)
    rtol = 20 * np.finfo(dtype).eps
    assert_allclose(loss, expected_loss, rtol=rtol)
    assert grads.keys() == expected.keys()
    for name, grad in grads.items():
        assert grad.dtype == dtype
        assert_allclose(grad, expected[name], rtol=rtol, atol=rtol * np.abs(expected[name]).max())


@dtypes
@all_models
@pytest.mark.parametrize("extreme", [False, True])
def test_problems_repeat_with_the_seed(model, dtype, extreme):
    first, again, other = (make_problem(model, extreme=extreme, dtype=dtype, seed=seed) for seed in (5, 5, 6))
    assert list(first.params) == list(again.params)
    for name, array in first.params.items():
        assert array.dtype == dtype
        assert_array_equal(array, again.params[name], strict=True)
        assert not np.array_equal(array, other.params[name])
    assert_array_equal(first.x, again.x, strict=True)
    assert_array_equal(first.labels, again.labels, strict=True)
    assert (first.l1, first.l2) == (again.l1, again.l2)


@all_models
def test_problems_have_the_documented_sizes(model):
    problem = make_problem(model)
    shapes = {name: array.shape for name, array in problem.params.items()}
    hidden = {"hidden_weights": (4, 5), "hidden_bias": (5,), "weights": (5, 3), "bias": (3,)}
    assert shapes == ({"weights": (4, 3), "bias": (3,)} if model == "softmax" else hidden)
    assert problem.x.shape == (6, 4)
    assert sorted(problem.labels) == [0, 0, 1, 1, 2, 2]
    assert problem.l1 > 0
    assert problem.l2 > 0


@dtypes
@pytest.mark.parametrize("seed", SEEDS)
def test_extreme_problems_have_logits_beyond_exp_in_every_other_example(dtype, seed):
    problem = make_problem("softmax", extreme=True, dtype=dtype, seed=seed)
    largest = np.abs(problem.x @ problem.params["weights"] + problem.params["bias"]).max(axis=1)
    assert (largest[1::2] > np.log(np.finfo(dtype).max)).all()
    assert (largest[::2] < 50).all()
    assert (problem.l1, problem.l2) == (0, 0)


def test_complaint_is_what_the_checker_raised():
    bugs = {variant.name: variant for variant in BUGS}
    raised = complaint(bugs["sign"], make_problem("softmax"))
    assert isinstance(raised, GradientError)
    assert raised.cause.startswith("the sign")
    assert complaint(CORRECT[0], make_problem("softmax")) is None


def test_bugs_at_the_ends_of_the_format_show_only_there():
    bugs = {variant.name: variant for variant in BUGS}
    kind, raised = first_complaint(bugs["overflow backward"])
    assert kind == "extreme"
    assert "nan" in str(raised)
    assert first_complaint(bugs["sign"])[0] == "mild"


def test_the_table_has_a_line_for_each_variant(capsys):
    assert planted_bugs.main(num_seeds=1) == 0
    header, *lines, total = capsys.readouterr().out.splitlines()
    assert header.startswith("variant")
    assert [line[:27].strip() for line in lines] == [variant.name for variant in BUGS + CORRECT]
    for line in lines[: len(BUGS)]:
        assert line.count("1/1") == 2
    for line in lines[len(BUGS) :]:
        assert line.count("0/1") == 2
    assert total.endswith("0 wrong verdicts")


def test_a_bug_that_slips_through_is_a_failure(capsys, monkeypatch):
    monkeypatch.setattr(planted_bugs, "BUGS", (*BUGS[:2], CORRECT[0]))
    monkeypatch.setattr(planted_bugs, "CORRECT", CORRECT[:1])
    assert planted_bugs.main(num_seeds=1) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("1 wrong verdicts")


def test_a_right_variant_that_is_accused_is_a_failure(capsys, monkeypatch):
    monkeypatch.setattr(planted_bugs, "BUGS", BUGS[:1])
    monkeypatch.setattr(planted_bugs, "CORRECT", (CORRECT[0], BUGS[1]))
    assert planted_bugs.main(num_seeds=1) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("1 wrong verdicts")


def test_a_checker_that_is_content_with_everything_misses_every_bug(capsys, monkeypatch):
    """Two bugs lie in f itself; all the others can be found by comparison only."""
    monkeypatch.setattr(planted_bugs, "check_gradient", lambda f, grad, x: None)
    assert planted_bugs.main(num_seeds=1) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"{len(BUGS)} wrong verdicts")
