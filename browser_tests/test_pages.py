"""Every page of the built book, opened from disk in a real browser with every other host blocked.

Needs the book (make book).
"""

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from axe_playwright_python.sync_playwright import Axe
from interactive import least
from pages import CHAPTERS, HTML, PAGES, open_page

WIDTHS = (390, 768, 1440)
# axe-core needs seconds for code and formulas, whose colours are the same on all pages. So it sees them on all pages by
# day, and by night on the longest chapter.
CODE_AND_FORMULAS = {"exclude": [["div.highlight pre"], ["mjx-container"]]}
SEEN_WHOLE_AT_NIGHT = "06_gradient_checking"
MAX_PAGE_BYTES = 1_500_000
MILLISECONDS_TO_LAYOUT = 1_500

# Formulas wider than the screen must start at the left edge of their box, so that all of them can be scrolled to.
CUT_OFF = """() => [...document.querySelectorAll('div.math')].filter(box => {
  const formula = box.querySelector('mjx-math');
  return formula && formula.getBoundingClientRect().left < box.getBoundingClientRect().left - 1;
}).map(box => box.textContent.slice(0, 60))"""


@pytest.fixture
def context(browser):
    # Without motion, so that no colour is on its way from day to night when it is looked at.
    view = {"viewport": {"width": WIDTHS[0], "height": 900}, "color_scheme": "light", "reduced_motion": "reduce"}
    context = browser.new_context(**view)
    yield context
    context.close()


def test_the_book_was_built():
    assert len(PAGES) >= 45, "build the book first: make book"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page(context, path):
    problems = []
    page = open_page(context, path, problems)
    mount_all(page)
    assert problems == []
    assert page.locator("mjx-container").count() == page.locator(".math").count()
    assert page.locator("mjx-merror").count() == 0
    assert page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)") == []
    assert page.evaluate("[...document.querySelectorAll('article img')].filter(i => !i.alt).map(i => i.src)") == []
    assert violations(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, width
        assert page.evaluate(CUT_OFF) == [], width
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert violations(page, None if path.stem == SEEN_WHOLE_AT_NIGHT else CODE_AND_FORMULAS) == []
    assert problems == []


def violations(page, left_out=None):
    """Return what axe-core finds: pairs of a rule and the elements that break it."""
    options = {"preload": False}  # it would ask for the style sheets once more, which file:// forbids
    found = Axe().run(page, context=left_out, options=options).response["violations"]
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


def mount_all(page):
    """Scroll to every interactive, so that the checks see it and not its still picture."""
    for box in page.locator(".mnist-widget").all():
        box.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('.mnist-widget:not(.mw-mounted)').length === 0")


class Links(HTMLParser):
    """The links, the anchors and the scripts' and images' addresses of a page."""

    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.targets += [attributes[name] for name in ("href", "src") if attributes.get(name)]
        self.anchors |= {attributes[name] for name in ("id", "name") if attributes.get(name)}


def test_internal_links_and_anchors():
    pages = {path: Links(path) for path in HTML.rglob("*.html") if "_static" not in path.parts}
    assert len(pages) >= len(PAGES)
    broken = []
    for path, links in pages.items():
        for link in links.targets:
            address, anchor = urldefrag(unquote(link))
            address = address.split("?")[0]
            if re.match(r"[a-z]+:|//", address):
                continue
            target = (path.parent / address).resolve() if address else path
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append((str(path.relative_to(HTML)), link))
    assert broken == []


def test_chapters_have_formulas_and_figures():
    """Guards the tests above: a page without any would pass them."""
    assert len(CHAPTERS) >= 14
    for path in CHAPTERS:
        text = path.read_text(encoding="utf-8")
        few = path.stem == "14_reproductions"  # tables of results, hardly a formula
        assert text.count('class="math') > (1 if few else 20)
        assert text.count("../_images/") >= (1 if few else 2)
        assert "remove-cell" not in text
        assert "find_spec" not in text


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_light(browser, path):
    """Own assets, gzipped as a server would send them, without the data of interactives."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    files = set()
    context.on("request", lambda request: files.add(request.url.split("?")[0].split("#")[0]))
    page = open_page(context, path)
    states = page.locator(".mnist-widget script").all_inner_texts()
    context.close()
    data = "".join(json.dumps(json.loads(text)) for text in states)
    total = sum(sent_bytes(unquote(url.removeprefix("file://"))) for url in files if url.startswith("file://"))
    assert total - len(gzip.compress(data.encode())) <= MAX_PAGE_BYTES


def sent_bytes(path):
    """Return how many bytes of a file travel: text gzipped, pictures and fonts as they are."""
    content = Path(path).read_bytes()
    return len(gzip.compress(content) if path.endswith((".html", ".css", ".js", ".svg")) else content)


# The page itself says when everything was loaded, all formulas were typeset and the layout was done.
LAID_OUT = """addEventListener('load', () => Promise.resolve(window.MathJax?.startup?.promise).then(() => {
  document.body.getBoundingClientRect();
  window.laidOut = performance.now();
}))"""


@pytest.mark.timing
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_laid_out_in_time(browser, path):
    """With an empty cache."""

    def measure():
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(LAID_OUT)
        milliseconds = open_page(context, path).wait_for_function("window.laidOut").json_value()
        context.close()
        return milliseconds

    assert least(measure, MILLISECONDS_TO_LAYOUT) <= MILLISECONDS_TO_LAYOUT


@pytest.mark.parametrize("path", sorted(HTML.glob("appendix/museum/*.html")), ids=lambda path: path.stem)
def test_exhibit_folds_its_program_and_its_cause_away(browser, path):
    page = browser.new_page()
    page.goto(path.as_uri())
    for text in ("The cause", "print(exhibit.diff)"):
        assert page.get_by_text(text).count() == 1
    assert not page.locator("details:has(summary:text('The cause')) p").first.is_visible()
    assert page.get_by_text("def make_step(").count() == 1  # in the program's source
    assert not page.get_by_text("def make_step(").is_visible()
    assert not page.get_by_text("print(exhibit.diff)").is_visible()
    page.close()
