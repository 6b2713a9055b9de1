"""Points of three classes: dragged with the mouse, a finger and the arrow keys, and trained as numpy trains them."""

import numpy as np
import pytest
from interactive import MILLISECONDS_TO_ANSWER, difference, least, slow_move

from mnist_helpers.models import predict
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


DRAWN = """plane => {
  const all = (selector, f) => [...document.querySelectorAll('.mw-plot ' + selector)].map(f);
  const meeting = document.querySelector('.mw-plot .mw-three-meeting');
  return {
    points: all('.mw-handle', n => n.getAttribute('transform').match(/-?[\\d.]+/g).map(Number)),
    shapes: all('.mw-handle', n => [0, 1, 2].find(k => n.classList.contains(`mw-handle-${k}`))),
    wrong: all('.mw-handle', n => n.classList.contains('mw-three-wrong')),
    regions: all('.mw-three-region', n => plane.map(([x, y]) => n.isPointInFill(new DOMPoint(x, y)))),
    meeting: meeting.getAttribute('visibility') === 'hidden' ? null : ['cx', 'cy'].map(c => meeting[c].baseVal.value),
  };
}"""


def pixels(points):
    return np.array([52, 316]) + (np.array(points) + 3) / 6 * [306, -306]


def check_drawn(page):
    """Require that points, rings, regions, meeting point and status are numpy's."""
    check_shown(page)
    state = page.evaluate(STATE)
    state.pop("shown")
    widget = ThreeClasses(**state)
    results, params = widget.results(), widget.params()
    plane = np.random.default_rng(3).uniform(-3, 3, size=(300, 2))
    drawn = page.evaluate(DRAWN, pixels(plane).tolist())
    assert np.allclose(drawn["points"], pixels(state["points"]))
    assert drawn["shapes"] == state["labels"]
    assert np.array_equal(drawn["wrong"], results["correct"] == 0)
    agree = np.eye(3)[predict(params, plane)] == np.array(drawn["regions"]).T
    assert agree.mean() > 0.995  # but for points on an edge
    if np.abs(results["meeting"]).max() <= 3:
        assert np.allclose(drawn["meeting"], pixels(results["meeting"]), atol=0.01)
    else:
        assert drawn["meeting"] is None
    right = int(results["correct"].sum())
    page.wait_for_function(
        f"document.querySelector('.mw-reading').textContent.startsWith('{right} of {len(state['labels'])} right')"
    )


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_drawing_is_numpys(show, name):
    check_drawn(show(ThreeClasses(name)))


@pytest.mark.parametrize(
    ("points", "labels", "text", "num_regions"),
    [
        ([[1, 2]] * 3, [0, 1, 2], "All classes get the same logits everywhere: there is no border.", 0),
        ([[1, 2]] * 4, [0, 1, 1, 2], "The differences of the logits are the same everywhere: there is no border.", 1),
        ([[0, 0], [1, 1], [1, 1]], [0, 1, 2], "Classes 1 and 2 get the same logits everywhere", 1),
        ([[-1, 0], [0, 0], [1, 0]], [0, 1, 2], "The lines are parallel.", 3),
    ],
)
def test_borders_that_are_missing(show, points, labels, text, num_regions):
    page = show(ThreeClasses(points=points, labels=labels))
    assert text in page.locator(".mw-reading").inner_text()
    paths = page.locator(".mw-plot .mw-three-region").evaluate_all("nodes => nodes.map(n => n.getAttribute('d'))")
    assert sum(path != "" for path in paths) == num_regions


def test_a_meeting_point_outside_is_told(show):
    widget = ThreeClasses("in a row")
    x, y = widget.results()["meeting"]
    assert max(abs(x), abs(y)) > 3
    text = show(widget).locator(".mw-reading").inner_text().replace("−", "-")
    told = [float(part) for part in text.split("at about (")[1].removesuffix(").").split(", ")]
    assert np.allclose(told, [x, y], rtol=0.006)


def test_legend_mutes_what_is_not_there(show):
    page = show(ThreeClasses("in a row"))
    assert page.locator(".mw-three-unused").all_inner_texts() == ["answered wrongly", "all three lines meet"]
    page.get_by_role("button", name="three corners").click()
    assert page.locator(".mw-three-unused").all_inner_texts() == ["answered wrongly"]


def test_a_finger_moves_a_point(show):
    page = show(ThreeClasses(), has_touch=True)
    before = check_shown(page)
    point = page.get_by_role("slider", name="point 7, class 1")
    x, y = centre(point)
    touch = page.context.new_cdp_session(page)

    def send(kind, *places):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in places]})

    send("touchStart", (x, y))
    for share in (0.25, 0.5, 0.75, 1):
        send("touchMove", (x - 60 * share, y - 90 * share))
        page.wait_for_timeout(30)
    send("touchEnd")
    after = check_shown(page)
    assert np.allclose(centre(point), (x - 60, y - 90), atol=1)
    assert np.array_equal(np.delete(after, 6, axis=0), np.delete(before, 6, axis=0))
    assert page.evaluate("scrollY") == 0
    check_drawn(page)
    read = page.locator(".mw-three-readout").inner_text().replace("−", "-")
    assert read == f"Point 7, class 1: ({after[6, 0]:.2f}, {after[6, 1]:.2f})"


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
    check_drawn(page)


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
    check_drawn(page)
    assert page.locator(".mw-plot .mw-handle").count() == 18


@pytest.mark.timing
def test_a_drag_is_answered_in_time(show):
    page = show(ThreeClasses())
    assert least(lambda: slow_move(page.evaluate(MILLISECONDS)), MILLISECONDS_TO_ANSWER) <= MILLISECONDS_TO_ANSWER
