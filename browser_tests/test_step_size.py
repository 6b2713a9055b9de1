"""Every control, dragged and by keys; what is drawn and written; and numbers that are equal to the last bit."""

import numpy as np
import pytest
from interactive import difference, play
from states import RANDOM_STATE

from mnist_helpers.widgets import StepSize
from mnist_helpers.widgets._base import as_array
from mnist_helpers.widgets.step_size import FUNCTIONS, grid

STATE = "() => document.querySelector('.mnist-widget').model.state"


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, and return the step."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = StepSize(**state).results()
    assert set(shown) == set(expected)
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    return state["step"]


DRAWN = """() => {
  const at = (node) => node.getAttribute('transform')?.match(/-?[\\d.]+/g).map(Number) ?? null;
  const all = (selector, f) => [...document.querySelectorAll('.mw-step-plot ' + selector)].map(f);
  return {
    curves: all('path.mw-line', n => n.getAttribute('d').slice(1).split('L').map(p => p.split(' ').map(Number))),
    marks: all('.mw-step-mark', at), cursor: all('.mw-step-cursor', at)[0],
    best: all('.mw-step-best', n => n.getAttribute('display') === 'none' ? null : at(n)[0]),
  };
}"""


def across(step):
    return 52 - np.log10(step) / 16 * 276


def down(log_errors):
    return 280 - (np.clip(log_errors, -17, 2) + 17) / 19 * 270


def number(text):
    return float(text.replace("−", "-").replace("none", "inf"))


def check_drawn(page):
    """Require that curves, marks, best steps and table are numpy's."""
    check_shown(page)
    state = page.evaluate(STATE)
    state.pop("shown")
    widget, drawn = StepSize(**state), page.evaluate(DRAWN)
    results = widget.results()
    for k, curve in enumerate(widget.log10_errors(grid())):
        expected = np.stack([across(grid()), down(curve)], axis=1)
        assert np.allclose(drawn["curves"][k], expected, atol=0.01)
        assert np.allclose(drawn["marks"][k], [across(widget.step), down(results["log10_errors"][k])], atol=0.01)
        cells = page.locator("tbody tr").nth(k).locator("td").all_inner_texts()
        assert number(cells[0]) == pytest.approx(results["estimates"][k], rel=1e-6)
        assert number(cells[1]) == pytest.approx(10 ** results["log10_errors"][k], rel=0.06)
        assert number(cells[2]) == pytest.approx((*widget.best_steps(), np.inf)[k], rel=0.06)
    for place, best in zip(drawn["best"], widget.best_steps(), strict=True):
        assert place is None if np.isinf(best) else place == pytest.approx(across(best), abs=0.01)
    assert drawn["cursor"][0] == pytest.approx(across(widget.step), abs=0.01)
    assert number(page.locator("tbody tr").nth(3).locator("td").first.inner_text()) == pytest.approx(
        results["slope"][0]
    )


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_curves_marks_and_table_are_numpys(show, function, precision):
    page = show(StepSize(x=1.7))
    page.get_by_role("combobox", name="f(x) =").select_option(function)
    page.get_by_role("combobox", name="format").select_option(precision)
    state = page.evaluate(STATE)
    assert (state["function"], state["precision"]) == (function, precision)
    check_drawn(page)


@pytest.mark.parametrize(("label", "name", "ends"), [("x", "x", (0.1, 3)), ("step h", "step", (1, 1e-16))])
def test_sliders(show, label, name, ends):
    page = show(StepSize(function="x³ + 1000"))
    control = page.locator("input").and_(page.get_by_role("slider", name=label, exact=True))
    before = page.evaluate(STATE)[name]
    control.press("ArrowRight")
    assert page.evaluate(STATE)[name] == pytest.approx(before + 0.1 if name == "x" else before * 10**-0.05)
    check_drawn(page)
    for key, end in zip(("Home", "End"), ends, strict=True):
        control.press(key)
        assert page.evaluate(STATE)[name] == pytest.approx(end)
        check_drawn(page)
    box = control.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    middle = page.evaluate(STATE)[name]
    assert middle == pytest.approx(1.55, abs=0.1) if name == "x" else np.log10(middle) == pytest.approx(-8, abs=0.4)
    check_drawn(page)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (
            {},
            "the forward difference it is too long a step (truncation); for the central one it is too short",
        ),
        ({"step": 1.0}, "h = 1: "),
        ({"step": 1e-16}, "Here x + h is rounded to x: the forward difference is 0."),
        ({"step": 1e-16, "x": 3.0}, "Both x + h and x − h are rounded to x: the differences are 0."),
        ({"step": 1e-14, "function": "x³ + 1000"}, "Here f(x + h) and f(x) are rounded to the same number"),
        ({"step": 1e-12}, "The complex step is exact to the last digit."),
    ],
)
def test_status(show, state, text):
    assert text in show(StepSize(**state)).locator(".mw-reading").inner_text()


def test_a_drag_of_the_step_sends_little(show):
    page = show(StepSize())
    assert page.evaluate(f"JSON.stringify(({STATE})()).length") < 1000


def test_estimates_are_equal_to_the_last_bit(show):
    rng = np.random.default_rng(7)
    states = [RANDOM_STATE[StepSize](rng) for _ in range(200)]
    for state, shown in zip(states, play(show(StepSize()), states), strict=True):
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
    assert np.log10(check_shown(page)) == pytest.approx(-7 - moved, abs=0.2)
    page.mouse.move(x + 3000, y, steps=5)
    assert check_shown(page) == 1e-16
    page.mouse.move(0, y, steps=5)
    assert check_shown(page) == 1
    page.mouse.up()


def test_move_with_the_keys(show):
    page = show(StepSize())
    point = page.locator(".mw-handle")
    for key, expected in {"ArrowRight": -7.25, "ArrowUp": -7.5, "ArrowLeft": -7.25, "Shift+ArrowRight": -9.75}.items():
        point.press(key)
        assert np.log10(check_shown(page)) == pytest.approx(expected)
    assert point.get_attribute("aria-valuetext") == "step 1.8e−10"


def test_choices(show):
    page = show(StepSize())
    page.get_by_role("combobox", name="f(x) =").select_option("1/(1 + x²)")
    page.get_by_role("combobox", name="format").select_option("float32")
    assert page.evaluate(STATE)["function"] == "1/(1 + x²)"
    assert check_shown(page) == 1e-7
    check_drawn(page)
    page.wait_for_function("document.querySelector('.mw-reading').textContent.includes('because f‴ is 0')")
