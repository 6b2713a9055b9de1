"""Every interactive in a real browser: equal to numpy, quick, usable with the keyboard, still where it must be."""

import json

import numpy as np
import pytest
from states import RANDOM_STATE

from mnist_helpers import widgets
from mnist_helpers.widgets._base import as_array, module_style, read_static
from mnist_helpers.widgets.sphinx_host import page_script

NUM_STATES = 1_000
TOLERANCE = 1e-6
MILLISECONDS_TO_ANSWER = 16
MILLISECONDS_TO_PAINT = 100
MAX_BYTES = 200_000

# All parts of the state change at once, then the page is told once, as if one control had moved.
PLAY = """states => {
  const model = document.querySelector('.mnist-widget').model;
  return states.map(state => {
    Object.assign(model.state, state);
    [...Object.values(model.listeners)[0]].forEach(listener => listener());
    return model.get('shown');
  });
}"""

# Milliseconds from each of 200 moves of each slider until its consequences are laid out.
DRAG = """() => {
  const milliseconds = [];
  for (const input of document.querySelectorAll('.mw input[type=range]')) {
    for (let i = 0; i < 200; i++) {
      input.value = Number(input.min) + ((i * 7919) % 200) / 200 * (input.max - input.min);
      const start = performance.now();
      input.dispatchEvent(new Event('input'));
      document.body.getBoundingClientRect();
      milliseconds.push(performance.now() - start);
    }
  }
  return milliseconds;
}"""


def html_of(widget, above=""):
    """Return a page that holds one interactive, as the built book does."""
    state = json.dumps(widget.state()).replace("</", "<\\/")
    scripts = "".join(f"<script>{text}</script>" for text in (read_static("host.js"), page_script(widget.module)))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{widget.module}</title>'
        f"<style>{module_style(widget.module)}</style>{above}"
        f'<main><div class="mnist-widget" data-module="{widget.module}"><div class="mw-still"></div>'
        f'<script type="application/json">{state}</script></div></main>{scripts}'
    )


@pytest.fixture(params=[getattr(widgets, name) for name in sorted(widgets.__all__)], ids=lambda cls: cls.__name__)
def widget_class(request):
    return request.param


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens a page with one interactive; errors on the page fail the test."""
    errors = []
    pages = []

    def open_page(widget, above="", **options):
        path = tmp_path / "widget.html"
        path.write_text(html_of(widget, above), encoding="utf-8")
        page = browser.new_page(viewport={"width": 800, "height": 900}, **options)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        if not above:
            page.wait_for_selector(".mw-mounted")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert errors == []


def difference(shown, expected):
    """Return the largest difference, relative for numbers above 1; infinite if the two are not of the same kind."""
    shown, expected = as_array(shown), np.asarray(expected, dtype=float)
    if shown.shape != expected.shape or not np.array_equal(np.isfinite(shown), np.isfinite(expected)):
        return np.inf
    finite = np.isfinite(expected)
    if not np.array_equal(shown[~finite], expected[~finite], equal_nan=True):
        return np.inf
    error = np.abs(shown[finite] - expected[finite]) / np.maximum(1, np.abs(expected[finite]))
    return error.max(initial=0)


def test_page_equals_numpy(show, widget_class):
    rng = np.random.default_rng(6)
    random_state = RANDOM_STATE[widget_class]
    states = [random_state(rng) for _ in range(NUM_STATES)]
    page = None
    for state in states:
        page = page or show(widget_class(**state))
    for state, shown in zip(states, page.evaluate(PLAY, states), strict=True):
        expected = widget_class(**state).results()
        assert set(shown) >= set(expected)
        errors = {name: difference(shown[name], value) for name, value in expected.items()}
        assert max(errors.values()) <= TOLERANCE, (state, errors)


def test_every_drag_is_answered_in_time(show, widget_class):
    milliseconds = show(widget_class()).evaluate(DRAG)
    if milliseconds:
        assert np.quantile(milliseconds, 0.99) <= MILLISECONDS_TO_ANSWER, f"slowest: {max(milliseconds)} ms"


def test_it_is_there_soon_after_scrolling_to_it(show, widget_class):
    page = show(widget_class(), above='<div style="height: 5000px">long text</div>')
    assert page.locator(".mw-mounted").count() == 0, "nothing should be made before it is needed"
    page.locator(".mnist-widget").scroll_into_view_if_needed()
    page.wait_for_selector(".mw-mounted")
    assert float(page.locator(".mnist-widget").get_attribute("data-milliseconds")) <= MILLISECONDS_TO_PAINT


def test_it_is_small(widget_class):
    widget = widget_class()
    parts = (page_script(widget.module), module_style(widget.module), json.dumps(widget.state()))
    assert sum(len(part.encode()) for part in parts) <= MAX_BYTES


def test_every_control_has_a_name_and_visible_focus(show, widget_class):
    page = show(widget_class())
    controls = page.locator(".mw :is(input, select, button, [tabindex])").all()
    assert controls
    for control in controls[:40]:
        assert control.evaluate("node => (node.ariaLabel || node.innerText || '').trim()") != ""
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def test_still_picture(widget_class):
    assert widget_class().still().startswith(b"\x89PNG")


def test_state_goes_through_json(widget_class):
    state = widget_class().state()
    assert widget_class(**json.loads(json.dumps(state))).state() == state
