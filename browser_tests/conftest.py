"""Chromium, as Debian packages it or as the variable CHROMIUM names it."""

import os
import shutil

import pytest
from interactive import html_of
from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SIZE = {"width": 800, "height": 900}


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.fail("no Chromium found: install it (Debian: apt install chromium) or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(browser):
    """The window that the pages with interactives share: Chromium takes longer for a new one than for most tests."""
    window = browser.new_context(viewport=SIZE)
    yield window
    window.close()


@pytest.fixture
def show(browser, window, tmp_path):
    """Return a function that opens a page with interactives; errors on the page fail the test."""
    errors = []
    pages = []

    def open_page(*widgets, above="", has_touch=False, **media):
        path = tmp_path / "widget.html"
        path.write_text(html_of(*widgets, above=above), encoding="utf-8")
        page = browser.new_page(viewport=SIZE, has_touch=True) if has_touch else window.new_page()
        if media:
            page.emulate_media(**media)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        if not above:
            page.wait_for_function("!document.querySelector('.mnist-widget:not(.mw-mounted)')")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert errors == []
