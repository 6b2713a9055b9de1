"""What tools/course_book.py adds to a book, seen on a book of five small pages."""

import io
import re
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

from formulas import typeset  # noqa: E402  (it lies in that folder)

SETTINGS = {"extensions": ["myst_parser", "course_book"], "html_math_renderer": "chtml", "html_theme": "basic"}
PAGES = {
    "index": (
        "# Book\n\n```{toctree}\nchapters/01_one\nchapters/02_two\nsheets/01_one\n"
        "appendix/notation\nappendix/glossary\n```\n"
    ),
    "chapters/01_one": (
        "# One\n\n**Time:** 25 minutes to read.\n\nTwo logits, a `logit`, and again logits. A gap. The **gap**.\n"
    ),
    "chapters/02_two": (
        "# Logit in a title\n\nNothing, but a [logit](01_one.md) in a link. Mini-batches here.\n\n"
        "Since {math}`a < b`, and ({math}`c`) too, {math}`d` is.\n\n```{math}\n\\frac{1}{2} \\tag{2.1}\n```\n"
    ),
    "sheets/01_one": "# Tasks\n\nDo it.\n",
    "appendix/notation": "# Notation\n\nSigns.\n",
    "appendix/glossary": (
        "# Glossary\n\n- **batch, mini-batch**: Some examples. ([Chapter 1](../chapters/01_one.md))\n"
        "- **gap**: A distance.\n- **logit**: A score. ([Chapter 1](../chapters/01_one.md))\n"
    ),
}


@pytest.fixture(scope="module")
def book_folder(tmp_path_factory):
    """The folder of the built pages."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for name, text in PAGES.items():
        (source / f"{name}.md").parent.mkdir(exist_ok=True)
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    Sphinx(source, None, out, out / ".doctrees", "html", SETTINGS, status=None, warningiserror=True).build()
    return out


@pytest.fixture(scope="module")
def book(book_folder):
    """The built pages: dict of name to HTML."""
    return {name: (book_folder / f"{name}.html").read_text(encoding="utf-8") for name in PAGES}


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


def test_formulas_are_typeset_in_the_page(book):
    """As MathJax shows them and, for screen readers, as MathML; no script is asked for."""
    page = book["chapters/02_two"]
    assert re.findall(r'<(span|div) class="math[^>]*><mjx-container', page) == ["span", "span", "span", "div"]
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" in page
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in page
    assert 'id="mjx-eqn:2.1"' in page
    assert "NaN" not in page
    assert "../_static/mathjax/formulas.css" in page
    assert "tex-chtml" not in page


def test_what_closes_a_formula_stays_with_it(book):
    page = book["chapters/02_two"]
    kept = re.findall(r'<span class="together"><span class="math.*?</mjx-container></span>([^<]*)</span>', page)
    assert kept == [",", ")"]
    assert "</span> and (<span" in page
    assert "</span> is.</p>" in page


def test_style_sheet_names_fonts_that_are_there(book_folder):
    folder = book_folder / "_static" / "mathjax"
    fonts = re.findall(r'url\("([^"]*)"\)', (folder / "formulas.css").read_text(encoding="utf-8"))
    assert len(fonts) > 10
    assert [font for font in fonts if not (folder / font).is_file()] == []


@pytest.mark.parametrize(
    ("latex", "message"),
    [
        (r"\nix", r"Undefined control sequence \\nix: \\nix"),
        (r"\frac{a", r"Missing close brace: \\frac\{a"),
        (r"a \\ b \end{aligned}", r"(?i)begin"),
    ],
)
def test_formula_with_a_fault_is_named(latex, message):
    with pytest.raises(ValueError, match=message):
        typeset(latex, display=True)


def test_fault_in_a_formula_fails_a_strict_build(tmp_path):
    for name, text in {"index": "A slip, {math}`\\nix`.", "appendix/glossary": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    warnings = io.StringIO()
    out = tmp_path / "out"
    Sphinx(tmp_path, None, out, out / ".doctrees", "html", SETTINGS, status=None, warning=warnings).build()
    assert re.search(r"index\.md:3: WARNING: this formula cannot be typeset: Undefined control", warnings.getvalue())
    assert r"\nix" in (out / "index.html").read_text(encoding="utf-8")
