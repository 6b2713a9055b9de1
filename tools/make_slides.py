"""Make slides of the chapters from their notebooks, in build/slides; they open from disk with no network.

    python tools/make_slides.py [CHAPTER ...] [--to FOLDER]     for example 04_jacobian; without a name, all

nbconvert's SlidesExporter writes the page, slides/slides.js lays it out (see there), reveal.js comes from the package
sphinx-revealjs and MathJax from sphinx-mathjax-offline. Each ## and ### begins a new slide; the set-up before the
first ## and cells tagged remove-cell are left out, of those tagged hide-input only the output is shown.
"""

import argparse
import re
import shutil
from importlib.metadata import files
from itertools import pairwise
from pathlib import Path

import nbformat
from formulas import FONTS, copy_mathjax
from nbconvert import SlidesExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from traitlets.config import Config

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent
CHAPTERS = ROOT / "book" / "chapters"
SLIDES = ROOT / "build" / "slides"
SLIDE_TYPES = {"#": "slide", "##": "slide", "###": "subslide"}
HEADING = re.compile(r"^(#{1,3}) ", re.MULTILINE)
TO_CHAPTER = re.compile(r"\]\((\d\d_\w+)\.ipynb(?:#[^)]*)?\)")
TO_APPENDIX = re.compile(r"\[([^]]*)\]\(\.\./[^)]*\)")
REVEAL = ("dist/reveal.css", "dist/reveal.js")
MATHJAX = ("tex-chtml.js", "input/tex/extensions/boldsymbol.js", FONTS)  # slides have room for a script


def pieces(text):
    """Split a text before each of its headings."""
    starts = [0, *(match.start() for match in HEADING.finditer(text)), len(text)]
    parts = [text[start:end].strip() for start, end in pairwise(starts)]
    return [part for part in parts if part]


def slide_type(text):
    """Return what nbconvert makes of a piece of text: a slide, one below it, or more of the same."""
    heading = HEADING.match(text)
    return SLIDE_TYPES[heading[1]] if heading else "-"


def relinked(text):
    """Return a text whose links lead to other slides; those into the appendix, which has none, become plain."""
    return TO_APPENDIX.sub(r"\1", TO_CHAPTER.sub(r"](\1.slides.html)", text))


def text_cells(cell):
    """Return a text cell as cells of one heading each."""
    return [
        nbformat.v4.new_markdown_cell(relinked(piece), metadata={"slideshow": {"slide_type": slide_type(piece)}})
        for piece in pieces(cell.source)
    ]


def prepared(notebook):
    """Return a copy of a notebook whose cells say which slide they are on, without what comes before the first ##."""
    cells, begun = [], False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cells += text_cells(cell)
            begun = begun or "\n## " in f"\n{cell.source}"
        elif begun:
            cells.append(cell)
    title = cells[0].source.splitlines()[0].lstrip("# ")
    return nbformat.v4.new_notebook(cells=cells, metadata={**notebook.metadata, "title": title})


def exporter():
    """Return nbconvert's exporter with the course's template, which names no other host."""
    config = Config()
    config.SlidesExporter.preprocessors = [
        TagRemovePreprocessor(remove_cell_tags={"remove-cell"}, remove_input_tags={"hide-input"}, enabled=True)
    ]
    config.CSSHTMLHeaderPreprocessor.style = "a11y-high-contrast-light"
    return SlidesExporter(
        config=config,
        template_name="slides",
        extra_template_basedirs=[str(TOOLS)],
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )


def copy_static(folder):
    """Copy what the pages load: reveal.js, MathJax, style and script."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files("sphinx-revealjs"):
        if str(file).endswith(tuple(f"_static/revealjs/{name}" for name in REVEAL)):
            shutil.copyfile(file.locate(), folder / file.name)
    for name in ("slides.css", "slides.js"):
        shutil.copyfile(TOOLS / "slides" / name, folder / name)
    copy_mathjax(folder / "mathjax", *MATHJAX)


def make(names, folder=SLIDES):
    """Make the slides of chapters, named like their notebooks, in a folder; return the paths of the pages."""
    copy_static(folder / "static")
    pages = []
    for name in names:
        notebook = prepared(nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4))
        page, _ = exporter().from_notebook_node(notebook)
        pages.append(folder / f"{name}.slides.html")
        pages[-1].write_text(page, encoding="utf-8")
    return pages


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chapters = sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
    parser.add_argument("chapters", nargs="*", choices=[*chapters, []], metavar="CHAPTER", help="such as 04_jacobian")
    parser.add_argument("--to", type=Path, default=SLIDES, metavar="FOLDER", help="default: build/slides")
    arguments = parser.parse_args()
    for page in make(arguments.chapters or chapters, arguments.to):
        print(page)


if __name__ == "__main__":
    main()
