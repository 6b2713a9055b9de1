"""The points on the two curves of the clipped loss, dragged with the mouse and moved with the keys."""

import pytest
from interactive import difference

from mnist_helpers.widgets import Clipping

STATE = "() => document.querySelector('.mnist-widget').model.state"


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, and return the logit."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = Clipping(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    return state["label_logit"]


@pytest.mark.parametrize("name", ["loss", "slope"])
def test_drag_with_the_mouse(show, name):
    page = show(Clipping(label_logit=-30))
    point = page.get_by_role("slider", name=f"on the true {name}")
    box, plot = point.bounding_box(), page.locator(".mw-plot").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30, steps=5)
    moved = 50 / plot["width"] * 340 / (340 - 52 - 12) * 60  # pixels, units of the drawing, logits
    assert check_shown(page) == pytest.approx(-30 + moved, abs=0.5)
    page.mouse.move(x + 3000, y, steps=5)
    assert check_shown(page) == 10
    page.mouse.up()


def test_move_with_the_keys(show):
    page = show(Clipping(label_logit=-30))
    point = page.get_by_role("slider", name="on the true loss")
    for key, expected in {"ArrowRight": -29.5, "ArrowUp": -29, "ArrowLeft": -29.5, "Shift+ArrowDown": -34.5}.items():
        point.press(key)
        assert check_shown(page) == expected
    assert point.get_attribute("aria-valuetext") == "logit −34.5, loss 36.697"


def test_epsilon_is_an_exact_power_of_ten(show):
    page = show(Clipping())
    page.get_by_role("slider", name="epsilon").press("End")
    assert page.evaluate(STATE)["epsilon"] == 0.1
    check_shown(page)
    page.get_by_role("slider", name="epsilon").press("ArrowLeft")
    assert page.evaluate(STATE)["epsilon"] == 0.01
