"""The built book, opened from disk in a real browser with every other host blocked.

Needs the book (make book).
"""

from pathlib import Path

import pytest

HTML = Path(__file__).resolve().parent.parent / "book" / "_build" / "html"
PAGES = [HTML / "index.html", *sorted(HTML.glob("chapters/*.html")), *sorted(HTML.glob("appendix/**/*.html"))]
NARROW, WIDE = 390, 1440

# Formulas wider than the screen must start at the left edge of their box, so that all of them can be scrolled to.
CUT_OFF = """() => [...document.querySelectorAll('div.math')].filter(box => {
  const formula = box.querySelector('mjx-math');
  return formula && formula.getBoundingClientRect().left < box.getBoundingClientRect().left - 1;
}).map(box => box.textContent.slice(0, 60))"""


@pytest.fixture(params=[(NARROW, "light"), (WIDE, "dark")], ids=["narrow-light", "wide-dark"])
def context(request, browser):
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    yield context
    context.close()


def test_the_book_was_built():
    assert len(PAGES) >= 45, "build the book first: make book"


@pytest.mark.parametrize("page_path", PAGES, ids=lambda path: path.stem)
def test_page(context, page_path):
    page = context.new_page()
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.route(lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: refuse(route, problems))
    page.goto(page_path.as_uri(), wait_until="load")
    page.evaluate("window.MathJax && MathJax.startup ? MathJax.startup.promise : null")
    formulas = page.locator(".math").count()
    assert problems == []
    assert page.locator("mjx-container").count() == formulas
    assert page.locator("mjx-merror").count() == 0
    assert page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)") == []
    assert page.evaluate("[...document.querySelectorAll('article img')].filter(i => !i.alt).map(i => i.src)") == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.evaluate(CUT_OFF) == []


def refuse(route, problems):
    problems.append(f"foreign: {route.request.url}")
    route.abort()


def test_chapters_have_formulas_and_figures():
    """Guards the tests above: a page without any would pass them."""
    for path in PAGES:
        if path.parent.name == "chapters":
            text = path.read_text(encoding="utf-8")
            few = path.stem == "14_reproductions"  # tables of results, hardly a formula
            assert text.count('class="math') > (1 if few else 20)
            assert text.count("../_images/") >= (1 if few else 2)
            assert "remove-cell" not in text
            assert "find_spec" not in text


@pytest.mark.parametrize("page_path", sorted(HTML.glob("appendix/museum/*.html")), ids=lambda path: path.stem)
def test_exhibit_folds_its_program_and_its_cause_away(browser, page_path):
    page = browser.new_page()
    page.goto(page_path.as_uri())
    for text in ("The cause", "print(exhibit.diff)"):
        assert page.get_by_text(text).count() == 1
    assert not page.locator("details:has(summary:text('The cause')) p").first.is_visible()
    assert page.get_by_text("def make_step(").count() == 1  # in the program's source
    assert not page.get_by_text("def make_step(").is_visible()
    assert not page.get_by_text("print(exhibit.diff)").is_visible()
    page.close()
