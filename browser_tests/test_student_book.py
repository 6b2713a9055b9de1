"""The built book is the students': no line of a solution, hidden test, model answer or rubric stands in any file."""

import re

import nbformat
import pytest
from pages import HTML

from instructor.release import find_leaks, secrets
from instructor.sheets import sheet_paths


def test_no_solution_stands_in_any_file():
    lines = secrets([nbformat.read(path, as_version=4) for path in sheet_paths()])
    assert len(lines) > 500
    assert find_leaks(HTML, lines) == []


@pytest.mark.parametrize("name", [path.stem for path in sheet_paths()])
def test_a_sheet_shows_its_figure_and_leads_to_the_released_notebook(name):
    page = (HTML / "sheets" / f"{name}.html").read_text(encoding="utf-8")
    assert "YOUR ANSWER HERE" in page
    assert re.search(r'<img [^>]*src="\.\./_images/[^"]+"', page)
    assert f"/blob/student/exercises/{name}.ipynb" in page
    assert f"/student?urlpath=lab/tree/exercises/{name}.ipynb" in page
    assert "book/sheets" not in page
