"""The rules that every exercise sheet keeps; that it runs with its solutions in is the business of `pytest --nbval`."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from chapter_rules import MAX_CELL_LINES, RAW_MYST, cells

from instructor.release import student_version
from mnist_helpers.exercises._tasks import sheet_modules

ROOT = Path(__file__).parents[1]
SHEETS = sorted((ROOT / "book" / "exercises").glob("*.ipynb"))
HEADING = re.compile(
    r"## \d+\. .+\n\n\*\*(?P<kind>Implement|Derive|Predict|Find the bug|Explain) · "
    r"(?P<points>\d+) points? · (?P<minutes>\d+) minutes · graded by (?P<by>machine|hand)\*\*\n"
)
RUBRIC = re.compile(r"^- (\d+) points?: ", re.MULTILINE)
RESULT = re.compile(r": right( on \d+ inputs, from tiny ones to random ones)?\. Graded tests go further\.\n\Z")
TIME = re.compile(r"\*\*Points and time:\*\* (\d+) points, about (\d+) minutes\.")


@pytest.fixture(params=SHEETS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def sheet(path):
    return nbformat.read(path, as_version=4)


def grader(cell):
    return cell.metadata["nbgrader"]


def graded(sheet):
    return [cell for cell in sheet.cells if grader(cell)["grade"]]


def headings(sheet):
    return [match for cell in cells(sheet, "markdown") for match in HEADING.finditer(cell.source)]


def test_one_for_each_chapter():
    chapters = sorted(path.stem for path in (ROOT / "book" / "chapters").glob("*.ipynb"))
    assert [path.stem for path in SHEETS] == chapters


def test_it_says_what_it_is(sheet, path):
    head = sheet.cells[0].source
    for part in ("# Exercises: ", "**You practise** ", "**You need** ", f"(../chapters/{path.name})"):
        assert part in head
    points, minutes = map(int, TIME.search(head).groups())
    assert points == sum(grader(cell)["points"] for cell in graded(sheet))
    assert abs(minutes - sum(int(match["minutes"]) for match in headings(sheet))) <= 5


def test_tasks_of_every_kind_each_with_its_points(sheet):
    found = headings(sheet)
    assert {match["kind"] for match in found} == {"Implement", "Derive", "Predict", "Find the bug", "Explain"}
    for match, cell in zip(found, graded(sheet), strict=True):
        assert int(match["points"]) == grader(cell)["points"]
        assert match["by"] == ("machine" if cell.cell_type == "code" else "hand")
        assert 5 <= int(match["minutes"]) <= 60


def test_the_format_is_nbgraders(sheet):
    ids = [grader(cell)["grade_id"] for cell in sheet.cells]
    assert len(set(ids)) == len(ids)
    for cell in sheet.cells:
        assert grader(cell)["schema_version"] == 3
        assert grader(cell)["locked"] != grader(cell)["solution"]
        marked = "### BEGIN SOLUTION" in cell.source
        assert marked == (cell.cell_type == "code" and grader(cell)["solution"])
        assert ("### BEGIN HIDDEN TESTS" in cell.source) == (cell.cell_type == "code" and grader(cell)["grade"])


def test_machine_graded_tasks_are_those_of_the_module(sheet, path):
    (module,) = [module for module in sheet_modules() if module.__name__.endswith(f"sheet_{path.name[:2]}")]
    tested = [grader(cell)["grade_id"] for cell in graded(sheet) if cell.cell_type == "code"]
    assert tested == [f"test_{task.name}" for task in module.TASKS]
    written = [grader(cell)["grade_id"] for cell in cells(sheet, "code") if grader(cell)["solution"]]
    assert written == [task.name for task in module.TASKS]
    for cell in [cell for cell in graded(sheet) if cell.cell_type == "code"]:
        name = grader(cell)["grade_id"].removeprefix("test_")
        assert f'check("{name}", {name})' in cell.source
        assert f'assert_right("{name}", {name})' in cell.source
        assert RESULT.search(cell.outputs[0]["text"])


def test_hand_graded_tasks_have_a_rubric(sheet):
    for cell in [cell for cell in graded(sheet) if cell.cell_type == "markdown"]:
        for part in ("**Model answer.**", "**Rubric.**", "**Misconceptions:** "):
            assert part in cell.source
        assert sum(map(int, RUBRIC.findall(cell.source))) == grader(cell)["points"]


def test_text_reads_in_every_home(sheet):
    for cell in cells(sheet, "markdown"):
        assert not RAW_MYST.search(cell.source), cell.source
    for cell in cells(sheet, "code"):
        assert len(cell.source.splitlines()) <= MAX_CELL_LINES
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert not pictures or len(alt.split()) >= 5


def test_students_see_the_figures_and_outputs_that_the_sheet_gives(sheet):
    """A figure to explain, and what a program with a bug prints; never what an answer has printed."""
    shown = [cell for cell in cells(student_version(sheet), "code") if cell.outputs]
    assert not any(grader(cell)["solution"] or grader(cell)["grade"] for cell in shown)
    kinds = {kind for cell in shown for output in cell.outputs for kind in output.get("data", {"text": ""})}
    assert {"image/png", "text"} <= kinds


def test_no_solution_stands_in_a_chapter(sheet):
    """Whoever reads the book must not find the answers in it, nor copy them out of the package."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "mnist_helpers").rglob("*.py")]
    for folder in ("chapters", "appendix"):
        for path in (ROOT / "book" / folder).rglob("*.ipynb"):
            texts += [cell.source for cell in nbformat.read(path, as_version=4).cells]
    known = {line.strip() for text in texts for line in text.splitlines()}
    assert not solution_lines(sheet) & known


def solution_lines(sheet):
    """Return the lines of a sheet's solutions that say more than a keyword."""
    lines = set()
    for cell in cells(sheet, "code"):
        for part in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, flags=re.DOTALL):
            lines |= {line.strip() for line in part.splitlines() if len(line.strip()) >= 12}
    return lines


def test_solutions_are_code(sheet):
    for cell in cells(sheet, "code"):
        if grader(cell)["solution"]:
            ast.parse(cell.source)
