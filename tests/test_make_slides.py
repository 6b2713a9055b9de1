"""What tools/make_slides.py makes of a notebook, before a browser lays it out."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import make_slides  # noqa: E402

CHAPTERS = sorted(make_slides.CHAPTERS.glob("*.ipynb"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Text.\n\n## One\n\nMore.\n\n### Two\n\nEnd.", ["Text.", "## One\n\nMore.", "### Two\n\nEnd."]),
        ("## Only", ["## Only"]),
        ("# not a heading in\n", ["# not a heading in"]),
        ("\n\n", []),
    ],
)
def test_pieces(text, wanted):
    assert make_slides.pieces(text) == wanted


def test_links():
    text = "[chapter 2](02_softmax.ipynb#a-toy) and [S0](../appendix/references.md#s0), [see](https://example.org)"
    assert make_slides.relinked(text) == "[chapter 2](02_softmax.slides.html) and S0, [see](https://example.org)"


def test_headings_begin_slides_and_the_set_up_is_left_out():
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# Title"),
        new.new_code_cell("import numpy"),
        new.new_markdown_cell("## A\n\n### B"),
    ]
    made = make_slides.prepared(new.new_notebook(cells=[*cells, new.new_code_cell("1 + 1")]))
    assert made.metadata.title == "Title"
    types = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in made.cells]
    assert types == ["slide", "slide", "subslide", None]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_text_cell_has_a_heading_that_is_code(path):
    """A line of code that begins with # would be taken for a heading."""
    for cell in nbformat.read(path, as_version=4).cells:
        fenced = re.findall(r"^```.*?^```", cell.source, flags=re.MULTILINE | re.DOTALL)
        assert cell.cell_type == "code" or not any(make_slides.HEADING.search(block) for block in fenced)


def test_page_loads_what_lies_beside_it(tmp_path):
    (page,) = make_slides.make(["08_momentum"], tmp_path)
    html = page.read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="(?!data:)([^"]*)"', html)
    assert len(loaded) == 5
    assert all((tmp_path / name).is_file() for name in loaded)
    assert 'alt=""' not in html
    assert "find_spec" not in html
    assert "plt.subplots" not in html  # all figures of this chapter hide their code
