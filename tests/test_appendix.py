"""The notebooks of the appendix keep the rules of the chapters that apply to them."""

from pathlib import Path

import chapter_rules as rules
import nbformat
import pytest

BOOK = Path(__file__).resolve().parent.parent / "book"
NOTEBOOKS = sorted(BOOK.glob("appendix/**/*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


@pytest.mark.parametrize(
    "rule",
    [
        rules.unrun_cells,
        rules.unfounded_numbers,
        rules.raw_myst,
        rules.long_cells,
        rules.figures_without_alt,
        rules.early_test_data,
    ],
)
def test_rule(notebook, rule):
    assert rule(notebook) == []


def test_head_says_what_when_and_how_long(notebook):
    head = notebook.cells[0].source
    assert head.startswith("# ")
    for phrase in ("**You will**", "**You need**", "**Time:**"):
        assert phrase in head


def test_metadata_are_normalised(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert "version" not in notebook.metadata.language_info
    assert not any("execution" in cell.metadata for cell in notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_is_in_the_table_of_contents(path):
    name = path.relative_to(BOOK).with_suffix("").as_posix()
    assert f"file: {name}\n" in (BOOK / "_toc.yml").read_text() + "\n"
