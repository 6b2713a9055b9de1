"""The pages of the built book, and what each test does to one of them."""

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

HTML = Path(__file__).resolve().parent.parent / "book" / "_build" / "html"
CHAPTERS = sorted(HTML.glob("chapters/*.html"))
EXHIBITS = sorted(HTML.glob("appendix/museum/*.html"))
# All but the index of functions: there are none.
PAGES = sorted(path for path in HTML.rglob("*.html") if "_static" not in path.parts and path.stem != "genindex")
FOREIGN = re.compile(r"^(?!file:|data:|blob:)")  # as a pattern, so that no other request waits for Python


def open_page(context, path, problems=None, files=None):
    """Open a page with all other hosts blocked and wait until its fonts are there.

    Append what went wrong to `problems`, and add the addresses it asked for to `files`.
    """
    problems = [] if problems is None else problems
    page = context.new_page()
    if files is not None:
        page.on("request", lambda request: files.add(request.url.split("?")[0].split("#")[0]))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.route(FOREIGN, lambda route: refuse(route, problems))
    page.goto(path.as_uri(), wait_until="load")
    page.evaluate("document.fonts.ready.then(() => null)")
    return page


def refuse(route, problems):
    """Block a request and write it down."""
    problems.append(f"foreign: {route.request.url}")
    route.abort()


AXE = """([context, options]) => axe.run(context ?? document, options).then(found => found.violations.map(
  rule => [rule.id, rule.nodes.map(node => node.html.slice(0, 200))]))"""
# axe-core needs seconds to look behind each word of code and each sign of a formula for its background.
NOT_CODE = """() => axe.configure({ rules: [{ id: 'color-contrast',
  selector: '*:not(div.highlight pre *, mjx-container *)' }] })"""


def violations(page, context=None, *, colours_of_code=True, **options):
    """Return what axe-core finds: pairs of a rule and the elements that break it.

    It describes at length what it has passed, unless it is asked for violations only. And it would ask for the style
    sheets once more (preload), which file:// forbids.
    """
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(Axe().axe_script + ";0")
    page.evaluate("axe.reset()" if colours_of_code else NOT_CODE)
    return page.evaluate(AXE, [context, {"resultTypes": ["violations"], "preload": False, **options}])
