"""Every page of the built book, opened from disk in a real browser with every other host blocked.

Needs the book (make book).
"""

import gzip
import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from interactive import least
from pages import CHAPTERS, EXHIBITS, HTML, PAGES, open_page, violations

WIDTHS = (390, 768, 1440)
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules of axe-core that can tell night from day
COLOURS_SEEN_WHOLE = "02_softmax"
LEAST_CONTRAST = 4.5
MAX_PAGE_BYTES = 1_500_000
MILLISECONDS_TO_LAYOUT = 1_500

# Formulas wider than the screen must start at the left edge of their box, so that all of them can be scrolled to.
CUT_OFF = """() => [...document.querySelectorAll('div.math')].filter(box => {
  const formula = box.querySelector('mjx-math');
  return formula && formula.getBoundingClientRect().left < box.getBoundingClientRect().left - 1;
}).map(box => box.textContent.slice(0, 60))"""


# Pairs of a contrast and a word, for every pair of colours of a text in code or formulas and of what is behind it.
CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const luminance = colours => {
    for (const colour of ['#fff', ...colours]) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const layers = new Map([[null, []]]), found = new Map();
  const behind = node => {
    if (!layers.has(node)) {
      const { backgroundColor, backgroundImage, opacity, filter } = getComputedStyle(node);
      const plain = backgroundImage === 'none' && opacity === '1' && filter === 'none';
      layers.set(node, [...behind(node.parentElement), plain ? backgroundColor : 'not a plain colour']);
    }
    return layers.get(node);
  };
  for (const node of document.querySelectorAll('div.highlight pre, div.highlight pre *, mjx-container, mjx-c')) {
    const written = node.matches('mjx-c') || [...node.childNodes].some(child => child.nodeType === Node.TEXT_NODE
      && child.data.trim());
    if (!written) continue;
    const under = behind(node), colour = getComputedStyle(node).color, key = JSON.stringify([under, colour]);
    if (found.has(key)) continue;
    const [dark, light] = [luminance(under), luminance([...under, colour])].sort((a, b) => a - b);
    const contrast = under.includes('not a plain colour') ? 0 : (light + 0.05) / (dark + 0.05);
    found.set(key, [contrast, node.outerHTML.slice(0, 100)]);
  }
  return [...found.values()];
}"""


@pytest.fixture(scope="module")
def context(browser):
    # Without motion, so that no colour is on its way from day to night when it is looked at.
    view = {"viewport": {"width": WIDTHS[0], "height": 900}, "color_scheme": "light", "reduced_motion": "reduce"}
    context = browser.new_context(**view)
    yield context
    context.close()


def test_the_book_was_built():
    assert len(PAGES) >= 65, "build the book first: make book"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(HTML).with_suffix("")))
def test_page(context, path):
    """Nothing foreign, no error; formulas, pictures, widths, contrasts; and axe-core, all rules once on every page.

    By night axe-core tries only its rules about colours. It looks at the colours of code and formulas, which one style
    sheet gives to all pages, in one chapter by day and by night; on every page, by day and by night, each pair of
    colours in them is computed. The exhibits are made from one template: axe-core sees the first three by day and
    by night, the others by turns.
    """
    problems, files = [], set()
    page = open_page(context, path, problems, files)
    mount_all(page)
    day, night = schemes(path)
    whole = path.stem == COLOURS_SEEN_WHOLE and path in CHAPTERS
    assert problems == []
    assert page.locator("mjx-container").count() == page.locator(".math").count()
    assert page.locator("mjx-merror").count() == 0
    assert page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)") == []
    assert page.evaluate("[...document.querySelectorAll('article img')].filter(i => !i.alt).map(i => i.src)") == []
    if path in CHAPTERS:
        check_weight(page, files)
    if path in EXHIBITS:
        check_folded(page)
    check_contrasts(page)
    if day:
        assert violations(page, colours_of_code=whole) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, width
        assert page.evaluate(CUT_OFF) == [], width
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    check_contrasts(page)
    if night:
        rules = {"runOnly": COLOURS} if day and not whole else {}
        assert violations(page, colours_of_code=whole, **rules) == []
    assert problems == []
    page.evaluate("localStorage.clear()")
    page.close()


def schemes(path):
    """Return whether axe-core sees a page by day, and whether by night."""
    if path not in EXHIBITS[3:]:
        return True, True
    by_day = EXHIBITS.index(path) % 2 == 0
    return by_day, not by_day


def check_contrasts(page):
    """Require that code and formulas can be read."""
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 3 or not page.locator("div.highlight pre .k, div.highlight pre .kn").count()
    assert [pair for pair in contrasts if pair[0] < LEAST_CONTRAST] == []


def check_weight(page, files):
    """Require few bytes of own assets, gzipped as a server would send them, without the data of interactives."""
    states = page.locator(".mnist-widget script").all_inner_texts()
    data = "".join(json.dumps(json.loads(text)) for text in states)
    total = sum(sent_bytes(unquote(url.removeprefix("file://"))) for url in files if url.startswith("file://"))
    assert total - len(gzip.compress(data.encode())) <= MAX_PAGE_BYTES


def check_folded(page):
    """Require that an exhibit folds its program and its cause away."""
    for text in ("The cause", "print(exhibit.diff)"):
        assert page.get_by_text(text).count() == 1
    assert not page.locator("details:has(summary:text('The cause')) p").first.is_visible()
    assert page.get_by_text("def make_step(").count() == 1  # in the program's source
    assert not page.get_by_text("def make_step(").is_visible()
    assert not page.get_by_text("print(exhibit.diff)").is_visible()


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


@cache
def sent_bytes(path):
    """Return how many bytes of a file travel: text gzipped, pictures and fonts as they are."""
    content = Path(path).read_bytes()
    return len(gzip.compress(content) if path.endswith((".html", ".css", ".js", ".svg")) else content)


# The page itself says when everything was loaded, fonts too, and the layout was done.
LAID_OUT = """addEventListener('load', () => document.fonts.ready.then(() => {
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
