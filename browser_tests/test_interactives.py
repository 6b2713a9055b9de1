"""Every interactive in a real browser: equal to numpy, quick, usable with the keyboard, still where it must be."""

import json

import numpy as np
import pytest
from interactive import MILLISECONDS_TO_ANSWER, TOLERANCE, difference, least, play, slow_move
from states import RANDOM_STATE

from mnist_helpers import widgets
from mnist_helpers.widgets._base import Interactive, module_style
from mnist_helpers.widgets.sphinx_host import page_script

NUM_STATES = 1_000
MILLISECONDS_TO_PAINT = 100
MAX_BYTES = 200_000
WITHOUT_SLIDERS = {widgets.ThreeClasses, widgets.ConfusionExplorer}  # their files time what they have instead


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
    page = show(widget_class(**states[0]))
    for state, shown in zip(states, play(page, states), strict=True):
        expected = widget_class(**state).results()
        assert set(shown) >= set(expected)
        errors = {name: difference(shown[name], value) for name, value in expected.items()}
        assert max(errors.values()) <= TOLERANCE, (state, errors)


@pytest.mark.timing
def test_every_drag_is_answered_in_time(show, widget_class):
    if widget_class not in WITHOUT_SLIDERS:
        page = show(widget_class())
        assert least(lambda: slow_move(page.evaluate(DRAG)), MILLISECONDS_TO_ANSWER) <= MILLISECONDS_TO_ANSWER


# Scroll to the interactive of a page that had no idle moment so far; milliseconds until it has been painted.
SCROLL = """() => new Promise(done => {
  const box = document.querySelector('.mnist-widget'), start = performance.now();
  box.scrollIntoView();
  const look = () => requestAnimationFrame(() => {
    if (!box.querySelector('.mw')) look();
    else requestAnimationFrame(() => done(performance.now() - start));
  });
  look();
})"""


@pytest.mark.timing
def test_it_is_painted_soon_after_scrolling_to_it(show, widget_class):
    never_idle = "<script>window.requestIdleCallback = () => {}</script>"

    def measure():
        page = show(widget_class(), above=f'{never_idle}<div style="height: 5000px">long text</div>')
        assert page.locator(".mw-mounted").count() == 0
        return page.evaluate(SCROLL)

    assert least(measure, MILLISECONDS_TO_PAINT) <= MILLISECONDS_TO_PAINT


def test_it_is_there_before_anyone_scrolls(show, widget_class):
    """So that nothing moves under the reader."""
    page = show(widget_class(), above='<div style="height: 5000px">long text</div>')
    page.wait_for_selector(".mw-mounted", state="attached")


def test_two_on_a_page_do_not_meddle(show, widget_class):
    """All names in the page are unique, and what one does leaves the other alone."""
    page = show(widget_class(), widget_class(), widgets.Clipping())
    ids = page.evaluate("[...document.querySelectorAll('.mw [id]')].map(node => node.id)")
    assert len(set(ids)) == len(ids)
    before = page.evaluate("document.querySelectorAll('.mw-live')[1].innerHTML")
    for control in page.locator(".mw-live").first.locator("input").all()[:12]:
        control.focus()
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelectorAll('.mw-live')[1].innerHTML") == before


def test_it_is_small(widget_class):
    widget = widget_class()
    parts = (page_script(widget.module), module_style(widget.module), json.dumps(widget.state()))
    assert sum(len(part.encode()) for part in parts) <= MAX_BYTES


# Name and outline of what has the focus; null when it has left the interactive.
STOP = """() => {
  const node = document.activeElement;
  if (!node.closest('.mw')) return null;
  const style = getComputedStyle(node);
  const seen = style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2;
  return {name: (node.ariaLabel || node.labels?.[0]?.innerText || node.innerText || '').trim(), seen};
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_stop_has_a_name_and_is_seen(show, widget_class, scheme):
    page = show(widget_class(), color_scheme=scheme)
    stops = []
    for _ in range(150):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(STOP))
        if stops[-1] is None:
            break
    assert stops.pop() is None, "the Tab key must get out again"
    assert stops
    assert [stop for stop in stops if not (stop["name"] and stop["seen"])] == []


def test_still_picture(widget_class):
    assert widget_class().still().startswith(b"\x89PNG")


def test_state_goes_through_json(widget_class):
    state = widget_class().state()
    assert widget_class(**json.loads(json.dumps(state))).state() == state
