"""Every exhibit shows its symptom, its cure removes it, its check finds it and accuses no cured program; five seeds."""

import re
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from mnist_helpers.gradcheck import check_gradient
from mnist_helpers.museum import __main__ as listing
from mnist_helpers.museum import load, names, program
from mnist_helpers.museum._exhibit import Exhibit

BOOK = Path(__file__).resolve().parent.parent / "book"
PAGES = BOOK / "appendix" / "museum"
SEEDS = range(5)


@cache
def cured_run(name, seed):
    return load(name).run(seed, cured=True)


@pytest.fixture(params=names())
def exhibit(request):
    return load(request.param)


def test_there_are_exhibits_enough():
    assert len(names()) >= 21


def test_symptom_shows_and_the_check_finds_it(exhibit):
    broken = [exhibit.run(seed) for seed in SEEDS]
    assert [run.shows for run in broken] == [True] * len(SEEDS)
    assert all(isinstance(run.complaint, str) and run.complaint for run in broken)
    assert all(run.line for run in broken)


def test_cure_removes_symptom_and_complaint(exhibit):
    cured = [cured_run(exhibit.name, seed) for seed in SEEDS]
    assert [run.shows for run in cured] == [False] * len(SEEDS)
    assert [run.complaint for run in cured] == [None] * len(SEEDS)


def test_no_other_check_accuses_the_cured_program(exhibit):
    checks = {load(name).check for name in names()}
    assert len(checks) >= 10
    for seed in SEEDS:
        run = cured_run(exhibit.name, seed)
        complaints = {check.__name__: check(run.program, run.record) for check in checks}
        assert {name: text for name, text in complaints.items() if text is not None} == {}, f"seed {seed}"


def test_fault_is_small_and_the_diff_shows_it(exhibit):
    changed = [line for line in exhibit.diff.splitlines() if line[0] in "+-"]
    assert 1 <= len(changed) <= 12
    for line in changed:
        assert line[1:] in (exhibit.source if line[0] == "-" else exhibit.cured_source).splitlines()


def test_source_is_the_program_that_runs(exhibit):
    """It can be saved and run alone, and gives the same."""
    alone = {}
    with np.errstate(all="ignore"):
        exec(exhibit.source, alone)
        history = alone["run"](1)["history"]
    for name, values in exhibit.run(1).record["history"].items():
        assert_allclose(values, history[name], equal_nan=True)


def test_exhibit_is_named_after_its_symptom_and_has_a_page(exhibit):
    assert exhibit.title.strip()
    assert exhibit.cause.endswith(".")
    assert (PAGES / f"{exhibit.name}.ipynb").exists()


def test_pages_and_exhibits_are_the_same_set():
    assert sorted(path.stem for path in PAGES.glob("*.ipynb")) == names()
    listed = re.findall(r"\(museum/(\w+)\.ipynb\)", (BOOK / "appendix" / "museum.md").read_text())
    assert sorted(listed) == names()


HEADINGS = [
    "## The symptom",
    "## Three questions",
    "## The cure",
    "## The check that would have caught it",
]


def test_page_follows_the_template(exhibit):
    notebook = nbformat.read(PAGES / f"{exhibit.name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.findall(r"^## .*", text, re.MULTILINE) == HEADINGS
    for phrase in ("**You will**", "**You need**", "**Time:**", "<summary>The cause</summary>"):
        assert text.count(phrase) == 1
    assert re.findall(r"^\*\*([123])\. ", text, re.MULTILINE) == ["1", "2", "3"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any(f'load("{exhibit.name}")' in cell.source for cell in code)
    for source, tag in (("exhibit.source", "hide-output"), ("exhibit.diff", "hide-cell")):
        folded = [cell for cell in code if source in cell.source]
        assert len(folded) == 1
        assert tag in folded[0].metadata.tags  # the book folds it
        assert folded[0].metadata.jupyter.outputs_hidden  # and so does JupyterLab
    assert sum("image/png" in output.get("data", {}) for cell in code for output in cell.outputs) >= 2


# -------------------------------------------------------------------------------------- the program and the tools


@pytest.mark.parametrize("num_hidden", [0, 7])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_program_has_the_right_gradient(num_hidden, l2):
    rng = np.random.default_rng(0)
    params = program.start(12, num_hidden, 10, rng)
    x, labels = rng.random((20, 12)), rng.integers(0, 10, 20)
    check_gradient(lambda p: program.loss(p, x, labels, l2), lambda p: program.gradients(p, x, labels, l2), params)


def test_program_reaches_what_scikit_learn_reaches():
    record = program.run(0, epochs=300, l2=1e-3)
    x, labels = record["x"], record["labels"]
    model = LogisticRegression(C=1 / (1e-3 * len(x)), tol=1e-8, max_iter=5000).fit(x, labels)
    expected = {"weights": model.coef_.T, "bias": model.intercept_}
    best = program.loss(expected, x, labels, 1e-3)
    assert best <= program.loss(record["last_params"], x, labels, 1e-3) < best + 0.01
    assert abs(record["test_accuracy"] - model.score(record["x_test"], record["labels_test"])) < 0.02


def test_program_splits_without_overlap():
    record = program.run(3, epochs=0)
    assert [len(record[name]) for name in ("labels", "labels_valid", "labels_test")] == [1000, 400, 397]
    everything = np.concatenate([record["x"], record["x_valid"], record["x_test"]])
    assert_allclose(np.sort(everything, axis=0), np.sort(program.scale(program.read_digits()[0]), axis=0))


def test_unknown_name_gets_a_hint():
    with pytest.raises(ValueError, match="did you mean 'floor_at_1_46'"):
        load("floor_at_1.46")
    with pytest.raises(ValueError, match="there are "):
        load("zzz")


def test_a_patch_that_does_not_fit_is_refused():
    nothing = {"line": str, "shows": str, "check": str, "name": "x", "title": "x", "cause": "x."}
    with pytest.raises(ValueError, match="exactly once in the program, found 0 times"):
        _ = Exhibit(fault=(("no such line", ""),), **nothing).source
    with pytest.raises(ValueError, match="exactly once"):
        _ = Exhibit(fault=(("np", "numpy"),), **nothing).source


def test_the_list_names_every_exhibit_with_symptom_and_verdict(capsys):
    assert listing.main() == 0
    text = capsys.readouterr().out
    for name in names():
        assert f"\n{name}: {load(name).title}" in "\n" + text
    assert text.count("verdict  symptom shows, check finds it, cure removes both") == len(names())
    assert text.splitlines()[-1] == f"{len(names())} exhibits, 0 out of order"


def test_the_list_notices_an_exhibit_out_of_order():
    good = load("floor_at_1_46")
    swapped = Exhibit(**{**vars_of(good), "fault": (("learning_rate=0.5", "learning_rate=0.4"),)})
    assert listing.verdict(swapped)[2] == "the symptom does not show, the check does not find it"


def vars_of(exhibit):
    return {name: getattr(exhibit, name) for name in exhibit.__dataclass_fields__}
