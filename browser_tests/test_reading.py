"""What a reader does: search the book, walk it with the keyboard, read it at night, on paper and without scripts."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pages import CHAPTERS, HTML, open_page

SOFTMAX = HTML / "chapters" / "02_softmax.html"
GLOSSARY = HTML / "appendix" / "glossary.html"


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


def test_search_works_from_a_folder(context):
    problems = []
    page = open_page(context, SOFTMAX, problems)
    page.keyboard.press("Control+k")
    page.keyboard.type("temperature confidence")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    page.wait_for_selector("#search-results li a")
    titles = page.locator("#search-results li a").all_inner_texts()
    assert any("Turn scores into probabilities" in title for title in titles)
    page.locator("#search-results li a", has_text="Turn scores into probabilities").first.click()
    page.wait_for_url("**/02_softmax.html*")
    assert problems == []


def test_chapter_with_the_keyboard_alone(context):
    """Every stop of the Tab key is seen and has a name; on the way the interactive is used; at the end, on we go."""
    page = open_page(context, SOFTMAX)
    page.keyboard.press("Tab")
    page.wait_for_timeout(500)  # this one slides in
    stops, values = [page.evaluate(STOP)], []
    assert stops[0]["name"] == "Skip to main content"
    page.keyboard.press("Enter")
    for _ in range(150):
        page.keyboard.press("Tab")
        page.wait_for_timeout(10)
        stop = page.evaluate(STOP)
        stops.append(stop)
        if stop["kind"] == "range":
            page.keyboard.press("ArrowRight")
            values.append(page.evaluate("document.querySelector('.mnist-widget').model.get('shown').stable"))
        if "right-next" in stop["classes"]:
            break
    assert "right-next" in stops[-1]["classes"]
    assert all(stop["name"] for stop in stops), [stop for stop in stops if not stop["name"]]
    assert all(stop["seen"] for stop in stops), [stop for stop in stops if not stop["seen"]]
    assert len(values) == 5  # three scores, the shift, the temperature
    assert values[0] != values[1] != values[2]
    page.keyboard.press("Enter")
    page.wait_for_url("**/03_likelihood.html*")


# What has the focus now: its name, as a screen reader would find it, and whether one sees that it is there.
STOP = """() => {
  const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
  const name = node.ariaLabel || node.innerText || node.querySelector('title, img')?.textContent || node.title
    || node.querySelector('img')?.alt || '';
  const inView = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return {kind: node.type || node.tagName, classes: node.className, name: name.trim(),
    html: node.outerHTML.slice(0, 120), seen: inView && style.outlineStyle !== 'none'};
}"""


def test_minutes_left_shrink(context):
    page = open_page(context, SOFTMAX)
    left = page.locator(".minutes-left")
    total = int(re.match(r"(\d+) min$", left.inner_text())[1])
    assert f"{total} minutes to read" in page.locator("article").inner_text()
    page.evaluate("scrollTo(0, document.querySelector('.bd-article').scrollHeight / 2)")
    page.wait_for_function("document.querySelector('.minutes-left').textContent.endsWith('left')")
    assert 0 < int(left.inner_text().split()[0]) < total


def test_code_can_be_copied(context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_page(context, SOFTMAX)
    cell = page.locator("div.highlight", has_text="# check (2.1)").first
    cell.hover()
    cell.locator("button.copybtn").click()
    page.wait_for_timeout(200)
    assert page.evaluate("navigator.clipboard.readText()").startswith("# check (2.1)\ndef softmax(logits):")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_links_its_terms_and_symbols_and_its_paper_shows_stills_and_answers(context, path):
    page = open_page(context, path)
    check_terms_and_symbols(page)
    check_paper(page)


def check_terms_and_symbols(page):
    assert page.locator(".ways a", has_text="Notation").count() == 1
    terms = page.locator("a.term").evaluate_all("links => links.map(link => link.hash)")
    assert len(terms) >= 3
    assert len(set(terms)) == len(terms), "only the first use of a term is a link"


def test_every_glossary_term_has_its_place():
    text = GLOSSARY.read_text(encoding="utf-8")
    assert (
        len(re.findall(r'<li id="term-[a-z0-9-]+">', text))
        == text.count("<li><p><strong>") + text.count('"><p><strong>')
        > 50
    )


FIGURE_FILTERS = """[...new Set([...document.querySelectorAll('.cell_output img')]
  .map(image => getComputedStyle(image).filter))]"""


def test_figures_turn_dark_and_back(browser):
    for scheme, expected in (("light", "none"), ("dark", "invert(0.93) hue-rotate(180deg)")):
        context = browser.new_context(color_scheme=scheme)
        page = open_page(context, SOFTMAX)
        assert page.evaluate(FIGURE_FILTERS) == [expected]
        context.close()


def test_paper_is_white_also_at_night(browser):
    context = browser.new_context(color_scheme="dark")
    page = open_page(context, SOFTMAX)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(FIGURE_FILTERS) == ["none"]
    for part in ("p", "pre", "h2", "table"):
        color = page.locator(f"article {part}").first.evaluate("node => getComputedStyle(node).color")
        assert max(map(int, re.findall(r"\d+", color)[:3])) < 120, f"{part} is printed in {color}"
    assert page.evaluate("getComputedStyle(document.querySelector('.bd-sidebar-primary')).display") == "none"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()


def check_paper(page):
    page.wait_for_function("!document.querySelector('.mnist-widget:not(.mw-mounted)')")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(still.is_visible() for still in page.locator(".mw-still img").all())
    assert not any(live.is_visible() for live in page.locator(".mw-live").all())
    assert page.locator(".bd-article details:not(.hide):not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".bd-article details[open]").count() == 0


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_without_scripts_there_are_stills_and_formulas(browser, path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    formulas = page.locator(".math > mjx-container > mjx-math")
    assert formulas.count() == page.locator(".math").count() > 0
    assert formulas.first.is_visible()
    for still in page.locator(".mw-still img").all():
        assert still.is_visible()
        assert len(still.get_attribute("alt").split()) >= 5
    assert page.locator(".mw-still img").count() == path.read_text(encoding="utf-8").count('class="mnist-widget"')
    context.close()


def test_reduced_motion_stops_every_motion(browser):
    context = browser.new_context(reduced_motion="reduce")
    page = open_page(context, SOFTMAX)
    moving = """[...document.querySelectorAll('*')].filter(node => {
      const style = getComputedStyle(node);
      return /[1-9]/.test(style.transitionDuration + style.animationDuration);
    }).map(node => node.outerHTML.slice(0, 80))"""
    assert page.evaluate(moving) == []
    context.close()


@pytest.fixture
def server():
    """The book as a web server gives it; yields its address."""
    handler = partial(QuietHandler, directory=HTML)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, *arguments):
        pass


def test_the_same_from_a_server(context, server):
    """From http:// too nothing foreign is asked for, interactives move, and the search shows excerpts."""
    problems = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(server) else None)
    page.goto(f"{server}/chapters/02_softmax.html")
    page.wait_for_selector(".mw-mounted", state="attached")
    page.goto(f"{server}/search.html?q=temperature")
    page.wait_for_selector("#search-results .context")
    assert problems == []


def test_no_dead_sliders():
    """A stored view of a stock widget would show controls that change nothing."""
    for path in CHAPTERS:
        text = path.read_text(encoding="utf-8")
        assert "application/vnd.jupyter.widget" not in text
        assert "require.js" not in text
