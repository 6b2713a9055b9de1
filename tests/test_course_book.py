"""What tools/course_book.py adds to a book, seen on a book of five small pages."""

import re
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx

TOOLS = Path(__file__).resolve().parent.parent / "tools"
PAGES = {
    "index": (
        "# Book\n\n```{toctree}\nchapters/01_one\nchapters/02_two\nsheets/01_one\n"
        "appendix/notation\nappendix/glossary\n```\n"
    ),
    "chapters/01_one": (
        "# One\n\n**Time:** 25 minutes to read.\n\nTwo logits, a `logit`, and again logits. A gap. The **gap**.\n"
    ),
    "chapters/02_two": "# Logit in a title\n\nNothing, but a [logit](01_one.md) in a link. Mini-batches here.\n",
    "sheets/01_one": "# Tasks\n\nDo it.\n",
    "appendix/notation": "# Notation\n\nSigns.\n",
    "appendix/glossary": (
        "# Glossary\n\n- **batch, mini-batch**: Some examples. ([Chapter 1](../chapters/01_one.md))\n"
        "- **gap**: A distance.\n- **logit**: A score. ([Chapter 1](../chapters/01_one.md))\n"
    ),
}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The built pages: dict of name to HTML."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for name, text in PAGES.items():
        (source / f"{name}.md").parent.mkdir(exist_ok=True)
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    sys.path.insert(0, str(TOOLS))
    overrides = {"extensions": ["myst_parser", "course_book"], "html_math_renderer": "mathjax", "html_theme": "basic"}
    Sphinx(source, None, out, out / ".doctrees", "html", overrides, status=None, warningiserror=True).build()
    return {name: (out / f"{name}.html").read_text(encoding="utf-8") for name in PAGES}


def links(html, marked):
    """Return target and text of the links in the part of a page that a pattern finds."""
    return re.findall(r'<a [^>]*href="([^"]*)"[^>]*>([^<]*)</a>', re.search(marked, html, flags=re.DOTALL)[0])


def test_chapter_and_sheet_lead_to_each_other(book):
    chapter, sheet = (links(book[name], r'<p class="ways">.*?</p>') for name in ("chapters/01_one", "sheets/01_one"))
    assert ("../sheets/01_one.html", "Exercises of this chapter") in chapter
    assert ("../chapters/01_one.html", "The chapter of this sheet") in sheet
    for ways in (chapter, sheet):
        assert {"../appendix/notation.html", "../appendix/glossary.html"} <= {target for target, _ in ways}


def test_chapter_without_a_sheet_names_none(book):
    assert "Exercises" not in book["chapters/02_two"]


def test_first_use_of_a_term_is_a_link(book):
    terms = re.findall(r'<a class="term[^>]*href="([^"]*)"[^>]*>([^<]*)</a>', book["chapters/01_one"])
    assert terms == [("../appendix/glossary.html#term-logit", "logits"), ("../appendix/glossary.html#term-gap", "gap")]


def test_titles_links_and_code_stay_as_they_are(book):
    terms = re.findall(r'<a class="term[^>]*href="([^"]*)"[^>]*>([^<]*)</a>', book["chapters/02_two"])
    assert terms == [("../appendix/glossary.html#term-batch-mini-batch", "Mini-batches")]


def test_glossary_has_a_place_for_each_term(book):
    assert re.findall(r'id="(term-[^"]*)"', book["appendix/glossary"]) == [
        "term-batch-mini-batch",
        "term-gap",
        "term-logit",
    ]


def test_tooltip_is_the_definition_alone(book):
    assert 'title="A score."' in book["chapters/01_one"]


def test_minutes_are_told_to_the_script(book):
    assert '<meta name="minutes" content="25" />' in book["chapters/01_one"]
    assert "minutes" not in book["appendix/notation"]
