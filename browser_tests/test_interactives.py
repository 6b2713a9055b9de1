"""Every interactive in a real browser: equal to numpy, quick, usable with the keyboard, still where it must be."""

import json

import numpy as np
import pytest
from interactive import MILLISECONDS_TO_ANSWER, PLAY, TOLERANCE, difference
from states import RANDOM_STATE

from mnist_helpers import widgets
from mnist_helpers.widgets._base import Interactive, module_style
from mnist_helpers.widgets.sphinx_host import page_script

NUM_STATES = 1_000
MILLISECONDS_TO_PAINT = 100
MAX_BYTES = 200_000


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


@pytest.fixture(params=sorted(RANDOM_STATE, key=lambda cls: cls.__name__), ids=lambda cls: cls.__name__)
def widget_class(request):
    return request.param


def test_every_interactive_is_tested():
    everything = [getattr(widgets, name) for name in widgets.__all__]
    assert {cls for cls in everything if issubclass(cls, Interactive)} == set(RANDOM_STATE)


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


@pytest.mark.timing
def test_every_drag_is_answered_in_time(show, widget_class):
    milliseconds = show(widget_class()).evaluate(DRAG)
    if milliseconds:
        assert np.quantile(milliseconds, 0.99) <= MILLISECONDS_TO_ANSWER, f"slowest: {max(milliseconds)} ms"


@pytest.mark.timing
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
