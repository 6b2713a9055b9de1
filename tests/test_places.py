"""The tables of the README are what the commands of places/ found; and those commands notice what is wrong."""

import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from places import binder, browser, colab, common, table, versions
from places.notebooks import Run

README = (common.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_what_was_found():
    assert table.with_tables(README, common.kept()) == README


def test_the_table_says_what_was_not_run():
    assert "| 3.12-mkl | not run |" in table.tables({})
    assert "| Colab | its command was not run yet |" in table.tables({})


def test_no_row_of_the_tables_failed():
    rows = [row for name, row in common.kept().items() if name.startswith("versions-")]
    assert [(row["row"], row["failures"]) for row in rows if row.get("failed")] == []
    assert all(row["passed"] > 1000 for row in rows)
    assert {row["row"] for row in rows} <= set(versions.ROWS)


def test_outcomes_of_a_report(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="a" name="one"/><testcase classname="a" name="two"><failure/>'
        '</testcase><testcase classname="a" name="three"><error/></testcase><testcase classname="a" name="four">'
        "<skipped/></testcase></testsuite></testsuites>"
    )
    counts, failed = versions.outcomes(report)
    assert counts == {"passed": 1, "failed": 2, "skipped": 1}
    assert failed == ["a two", "a three"]


def test_a_result_is_kept_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    common.keep("place-x", {"seconds": 1})
    with pytest.raises(TypeError):
        common.keep("place-x", {"seconds": object()})
    assert common.kept() == {"place-x": {"seconds": 1}}


def failing(**metadata):
    error = new_output("error", ename="ValueError", evalue="", traceback=[])
    cell = new_code_cell("x", outputs=[error], metadata=metadata)
    return Run(1.0, None, 2.0, new_notebook(cells=[new_code_cell("fine"), cell]))


def test_on_colab_only_answers_and_their_checks_may_fail():
    given = {"grade_id": "given", "grade": False, "solution": False}
    assert colab.unexpected(failing()) == ["x"]
    assert colab.unexpected(failing(nbgrader=given)) == ["x"]
    assert colab.unexpected(failing(nbgrader={**given, "solution": True})) == []
    assert colab.unexpected(failing(nbgrader={**given, "grade": True})) == []


def test_on_colab_a_changed_package_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(colab, "execute", lambda path, content: Run(1.0, 2.0, 3.0, new_notebook()))
    monkeypatch.setattr(colab, "packages", lambda python: {"numpy": "2.1", "mnist_helpers": "1.8"})
    _, added = colab.from_nothing(tmp_path, "python", {"numpy": "2.1"}, tmp_path)
    assert added == ["mnist_helpers"]
    with pytest.raises(SystemExit, match="was there before"):
        colab.from_nothing(tmp_path, "python", {"numpy": "2.1", "mnist_helpers": "1.8"}, tmp_path)
    with pytest.raises(SystemExit, match=r"numpy.*2\.0"):
        colab.from_nothing(tmp_path, "python", {"numpy": "2.0"}, tmp_path)


def test_a_launch_button_that_opens_nothing_is_noticed(tmp_path):
    book, source = tmp_path / "book" / "chapters", tmp_path / "source"
    book.mkdir(parents=True)
    (source / "book" / "chapters").mkdir(parents=True)
    (source / "book" / "exercises").mkdir()
    link = '<a href="https://mybinder.org/v2/gh/me/course/main?urlpath=lab/tree/book/chapters/01.ipynb">'
    (book / "01.html").write_text(link)
    with pytest.raises(SystemExit, match=r"chapters/01\.ipynb"):
        binder.check_buttons(book.parent, source)
    nbformat.write(new_notebook(), source / "book" / "chapters" / "01.ipynb")
    assert binder.check_buttons(book.parent, source) == 1


def test_results_tell_no_path_of_a_machine():
    assert not re.findall(r"/(?:home|root|tmp|work)/", json.dumps(common.kept()))
    assert browser.without_folders("no /root/.cache/x/a.gz; see tests/a.py") == "no a.gz; see tests/a.py"
