"""Points of three classes: dragged with the mouse, a finger and the arrow keys, and trained as numpy trains them."""

import numpy as np
import pytest
from interactive import difference

from mnist_helpers.widgets import ThreeClasses
from mnist_helpers.widgets.three_classes import ARRANGEMENTS

STATE = "() => document.querySelector('.mnist-widget').model.state"
MILLISECONDS = """() => {
  const model = document.querySelector('.mnist-widget').model;
  return Array.from({ length: 200 }, (_, i) => {
    const moved = [((i * 7) % 60) / 10 - 3, ((i * 11) % 60) / 10 - 3];
    const points = model.get('points').map((point, n) => (n === i % 18 ? moved : point));
    const start = performance.now();
    model.set('points', points);
    document.body.getBoundingClientRect();
    return performance.now() - start;
  });
}"""


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, and return the points."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = ThreeClasses(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    return np.array(state["points"])


def centre(handle):
    box = handle.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_mouse_moves_a_point(show):
    page = show(ThreeClasses())
    before = check_shown(page)
    handle = page.get_by_role("slider", name="point 7, class 1")
    x, y = centre(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 90, steps=5)
    page.mouse.up()
    after = check_shown(page)
    assert after[6, 0] < before[6, 0] - 0.5
    assert after[6, 1] > before[6, 1] + 0.8
    assert np.array_equal(np.delete(after, 6, axis=0), np.delete(before, 6, axis=0))
    assert np.allclose(centre(handle), (x - 60, y - 90), atol=1)


def test_a_point_cannot_leave_the_figure(show):
    page = show(ThreeClasses())
    page.mouse.move(*centre(page.get_by_role("slider", name="point 1, class 0")))
    page.mouse.down()
    page.mouse.move(0, 5, steps=3)
    page.mouse.up()
    assert check_shown(page)[0].tolist() == [-3, 3]


def test_arrow_keys_move_a_point(show):
    page = show(ThreeClasses())
    before = check_shown(page)
    handle = page.get_by_role("slider", name="point 18, class 2")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft"):
        handle.press(key)
    after = check_shown(page)
    assert np.allclose(after[17] - before[17], [-0.8, -0.1])
    assert handle.get_attribute("aria-valuetext") == f"{after[17, 0]:.2f}, {after[17, 1]:.2f}"


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_buttons_arrange_the_points(show, name):
    page = show(ThreeClasses(points=[[0, 0], [1, 0], [0, 1], [1, 1]], labels=[0, 1, 2, 1]))
    page.get_by_role("button", name=name).click()
    assert check_shown(page).tolist() == ARRANGEMENTS[name]
    assert page.locator(".mw-plot .mw-handle").count() == 18


def test_a_drag_is_answered_in_time(show):
    assert np.quantile(show(ThreeClasses()).evaluate(MILLISECONDS), 0.99) <= 16
