"""The reader's step, dragged with the mouse and moved with the keys; and numbers that are equal to the last bit."""

import numpy as np
import pytest
from interactive import PLAY, difference
from states import RANDOM_STATE

from mnist_helpers.widgets import StepSize
from mnist_helpers.widgets._base import as_array

STATE = "() => document.querySelector('.mnist-widget').model.state"


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, and return the step."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = StepSize(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    return state["step"]


def test_estimates_are_equal_to_the_last_bit(show):
    rng = np.random.default_rng(7)
    states = [RANDOM_STATE[StepSize](rng) for _ in range(200)]
    for state, shown in zip(states, show(StepSize()).evaluate(PLAY, states), strict=True):
        expected = StepSize(**state).results()
        for name in ("slope", "estimates"):
            assert np.array_equal(as_array(shown[name]), expected[name].astype(np.float64)), state


def test_drag_with_the_mouse(show):
    page = show(StepSize())
    box, plot = page.locator(".mw-handle").bounding_box(), page.locator(".mw-plot").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=5)
    moved = 60 / plot["width"] * 340 / (340 - 52 - 12) * 16  # pixels, units of the drawing, powers of ten
    assert np.log10(check_shown(page)) == pytest.approx(-3 - moved, abs=0.2)
    page.mouse.move(x + 3000, y, steps=5)
    assert check_shown(page) == 1e-16
    page.mouse.move(0, y, steps=5)
    assert check_shown(page) == 1
    page.mouse.up()


def test_move_with_the_keys(show):
    page = show(StepSize())
    point = page.locator(".mw-handle")
    for key, expected in {"ArrowRight": -3.25, "ArrowUp": -3.5, "ArrowLeft": -3.25, "Shift+ArrowRight": -5.75}.items():
        point.press(key)
        assert np.log10(check_shown(page)) == pytest.approx(expected)
    assert point.get_attribute("aria-valuetext") == "step 1.8e−6"


def test_choices(show):
    page = show(StepSize())
    page.get_by_role("combobox", name="f(x) =").select_option("1/(1 + x²)")
    page.get_by_role("combobox", name="format").select_option("float32")
    assert page.evaluate(STATE)["function"] == "1/(1 + x²)"
    assert check_shown(page) == 1e-3
    page.wait_for_function("document.querySelector('.mw-reading').textContent.includes('because f‴ is 0')")
