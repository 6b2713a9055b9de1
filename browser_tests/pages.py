"""The pages of the built book, and what each test does to one of them."""

from pathlib import Path

HTML = Path(__file__).resolve().parent.parent / "book" / "_build" / "html"
CHAPTERS = sorted(HTML.glob("chapters/*.html"))
PAGES = [HTML / "index.html", HTML / "search.html", *CHAPTERS, *sorted(HTML.glob("appendix/**/*.html"))]


def open_page(context, path, problems=None):
    """Open a page with all other hosts blocked and wait until its formulas are typeset; append what went wrong."""
    problems = [] if problems is None else problems
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.route(lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: refuse(route, problems))
    page.goto(path.as_uri(), wait_until="load")
    page.evaluate("window.MathJax && MathJax.startup ? MathJax.startup.promise : null")
    return page


def refuse(route, problems):
    """Block a request and write it down."""
    problems.append(f"foreign: {route.request.url}")
    route.abort()
