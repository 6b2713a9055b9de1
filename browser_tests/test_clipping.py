"""The clipped loss, every control with mouse and keys, against numpy: state, what is published, drawn and written."""

import re

import numpy as np
import pytest
from interactive import difference

from mnist_helpers.widgets import Clipping

STATE = "() => document.querySelector('.mnist-widget').model.state"
READ = """() => [...document.querySelectorAll('.mw-plot')].map(plot => ({
  ticks: [...plot.querySelectorAll('.mw-grid line')].map(line => [
    ...['x1', 'x2', 'y1', 'y2'].map(name => Number(line.getAttribute(name))),
    Number(line.nextSibling.textContent.replace('−', '-')),
  ]),
  curves: [0, 1].map(i => plot.querySelector(`path.mw-line-${i}`).getAttribute('d')),
  handle: plot.querySelector('.mw-handle').getAttribute('transform'),
  square: plot.querySelector('.mw-clipping-mark').getAttribute('transform'),
  zones: [...plot.querySelectorAll('.mw-clipping-zone')].map(zone =>
    ['x', 'width'].map(name => Number(zone.getAttribute(name)))),
  cap: plot.querySelector('.mw-clipping-cap')?.getAttribute('y1'),
}))"""
WIDTH = 340 - 52 - 12  # of a plot, in units of the drawing; the axis holds 64 logits


def numbers(text):
    return [float(token) for token in re.findall(r"-?\d+\.?\d*", text)]


def scales(plot):
    """Return the functions from units of the drawing to logits and to losses or slopes, read off the ticks."""
    upright = np.array([[x1, value] for x1, x2, _, _, value in plot["ticks"] if x1 == x2])
    level = np.array([[y1, value] for _, _, y1, y2, value in plot["ticks"] if y1 == y2])
    return (np.poly1d(np.polyfit(*ticks.T, 1)) for ticks in (upright, level))


def check_drawn(page, widget):
    results, (low, high) = widget.results(), widget.edges()
    for plot, name in zip(page.evaluate(READ), ("losses", "slopes"), strict=True):
        to_logit, to_value = scales(plot)
        tolerance = {"losses": 0.05, "slopes": 0.002}[name]
        for i, path in enumerate(plot["curves"]):
            x, y = np.reshape(numbers(path), (-1, 2)).T
            assert len(x) > 200
            assert to_logit(x[[0, -1]]) == pytest.approx([-52, 12], abs=0.01)
            logits = to_logit(x)
            away = np.abs(logits[:, None] - [low, high]).min(axis=1) > 0.02  # the slope jumps there
            assert to_value(y)[away] == pytest.approx(widget.curves(logits)[name][i][away], abs=tolerance)
        for i, mark in enumerate(("handle", "square")):
            x, y = numbers(plot[mark])
            assert to_logit(x) == pytest.approx(np.clip(widget.label_logit, -50, 10), abs=0.01)
            assert to_value(y) == pytest.approx(results[name][i], abs=tolerance)
        (left, left_width), (right, right_width) = plot["zones"]
        assert to_logit([left, left + left_width]) == pytest.approx([-52, np.clip(low, -52, 12)], abs=0.01)
        assert to_logit([right, right + right_width]) == pytest.approx([np.clip(high, -52, 12), 12], abs=0.01)
        assert (plot["cap"] is not None) == (name == "losses")
        if name == "losses":
            assert to_value(float(plot["cap"])) == pytest.approx(results["cap"][0], abs=0.01)
    assert float(page.get_by_text("cap −ln ε").text_content().split()[-1]) == pytest.approx(results["cap"][0], abs=5e-4)
    for row, name in enumerate(("losses", "slopes")):
        cells = page.locator(".mw-clipping-table tbody tr").nth(row).locator("td").all_inner_texts()
        assert [float(cell.replace("−", "-")) for cell in cells] == pytest.approx(results[name], abs=5e-4)


def check(page, **expected_state):
    """Require the state, and that what is published, drawn and written is numpy's; return the logit."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    for name, value in expected_state.items():
        assert state[name] == pytest.approx(value), name
    widget = Clipping(**state)
    assert max(difference(shown[name], value) for name, value in widget.results().items()) <= 1e-6
    check_drawn(page, widget)
    return state["label_logit"]


def status(page):
    page.wait_for_timeout(200)  # it is written when it has settled
    return page.locator(".mw-reading").inner_text()


@pytest.mark.parametrize("name", ["loss", "slope"])
def test_drag_with_the_mouse(show, name):
    page = show(Clipping(label_logit=-30))
    point = page.get_by_role("slider", name=f"on the true {name}")
    box, plot = point.bounding_box(), page.locator(".mw-plot").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30, steps=5)
    moved = 50 / plot["width"] * 340 / WIDTH * 64
    assert check(page, epsilon=1e-10) == pytest.approx(-30 + moved, abs=0.5)
    page.mouse.move(x + 3000, y, steps=5)
    assert check(page) == 10
    page.mouse.move(x - 3000, y, steps=5)
    assert check(page) == -50
    page.mouse.up()


@pytest.mark.parametrize("name", ["loss", "slope"])
def test_move_with_the_keys(show, name):
    page = show(Clipping(label_logit=-30))
    point = page.get_by_role("slider", name=f"on the true {name}")
    moves = {"ArrowRight": -29.5, "ArrowUp": -29, "ArrowLeft": -29.5, "Shift+ArrowDown": -34.5, "PageUp": -29.5}
    for key, expected in {**moves, "PageDown": -34.5, "End": 10, "Home": -50}.items():
        point.press(key)
        assert check(page) == expected
        assert page.evaluate("scrollY") == 0
    assert [float(point.get_attribute(f"aria-value{end}")) for end in ("min", "now", "max")] == [-50, -50, 10]


def test_what_is_read_out(show):
    page = show(Clipping(label_logit=-34.5))
    text = page.get_by_role("slider", name="on the true loss").get_attribute("aria-valuetext")
    assert text == "logit −34.5, loss 36.697"


def test_keys_of_a_handle_do_not_reach_the_page(show):
    page = show(Clipping())
    page.evaluate("window.heard = []; addEventListener('keydown', event => window.heard.push(event.key))")
    for key in ("Home", "PageDown", "ArrowUp", "x"):
        page.get_by_role("slider", name="on the true loss").press(key)
    assert page.evaluate("window.heard") == ["x"]


def test_the_slider_of_the_logit(show):
    page = show(Clipping(label_logit=-30))
    slider = page.locator("input").first
    assert slider.get_attribute("aria-label") == "logit of the label"
    for key, expected in {"ArrowRight": -29.9, "Home": -50, "End": 10}.items():
        slider.press(key)
        check(page, label_logit=expected, epsilon=1e-10)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert check(page, epsilon=1e-10) == pytest.approx(-20, abs=1)


def test_epsilon_is_an_exact_power_of_ten(show):
    page = show(Clipping())
    slider = page.get_by_role("slider", name="epsilon")
    slider.press("End")
    assert page.evaluate(STATE)["epsilon"] == 0.1
    check(page, label_logit=-30)
    slider.press("ArrowLeft")
    assert page.evaluate(STATE)["epsilon"] == 0.01
    check(page)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    assert page.evaluate(STATE)["epsilon"] == 1e-15
    check(page)


@pytest.mark.parametrize(
    ("label_logit", "epsilon", "text"),
    [
        (
            -30,
            1e-10,
            "1.04e−14. That is below epsilon: the clipped loss stays at its cap, 23.026 nats, and its slope is 0.",
        ),
        (-10, 1e-10, "5.04e−6. Between epsilon and 1 − epsilon the clip does nothing."),
        (0, 0.1, "0.1. That is exactly epsilon: here the slope jumps, and the clipped loss counts as flat."),
        (4.3944, 0.1, "0.899996. Between epsilon and 1 − epsilon the clip does nothing."),
        (4.3945, 0.1, "0.900005. That is above 1 − epsilon: the clipped loss is constant, and its slope is 0."),
        (10, 1e-3, "1 − 4.08e−4. That is above 1 − epsilon: the clipped loss is constant, and its slope is 0."),
        (10, 1e-4, "1 − 4.08e−4. Between epsilon and 1 − epsilon the clip does nothing."),
    ],
)
def test_the_sentence(show, label_logit, epsilon, text):
    page = show(Clipping(label_logit=label_logit, epsilon=epsilon))
    assert status(page) == f"The label has the probability {text}"


def test_a_logit_beyond_the_slider_is_drawn_at_the_end(show):
    check(show(Clipping(label_logit=10.0, epsilon=0.1)), label_logit=10)
    page = show(Clipping(label_logit=300.0))
    assert page.get_by_role("slider", name="on the true loss").get_attribute("aria-valuenow") == "10.00"
