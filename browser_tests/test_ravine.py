"""The race down the ravine: every control, what is drawn and written; with motion and without."""

import re

import numpy as np
import pytest
from interactive import difference

from mnist_helpers.widgets import Ravine
from mnist_helpers.widgets.ravine import loss_at, ravine_paths

STATE = "() => document.querySelector('.mnist-widget').model.state"


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, and return both."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = Ravine(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    return state, expected


DRAWN = """() => {
  const points = (node) => node.getAttribute('d').split(/(?=[ML])/).map(p => p.slice(1).split(' ').map(Number));
  const plots = [...document.querySelectorAll('.mw-ravine-plots .mw-plot')];
  return plots.map(plot => ({
    lines: [...plot.querySelectorAll('.mw-ravine-line')].map(points),
    ends: [...plot.querySelectorAll('.mw-ravine-last')].map(node => {
      const box = node.getBBox();
      return [box.x + box.width / 2, box.y + box.height / 2, node.classList.contains('mw-ravine-gone')];
    }),
  }));
}"""


def check_drawn(page):
    """Require that both plots and the table show numpy's paths."""
    state, results = check_shown(page)
    with np.errstate(over="ignore", invalid="ignore"):
        paths = ravine_paths(state["learning_rate"], state["momentum"], state["num_steps"])
        losses = loss_at(paths)
    room = next(most for most in (50, 100, 200, 400) if most >= state["num_steps"])
    ravine, plot = page.evaluate(DRAWN)
    for k in range(3):
        x, y = 52 + (paths[k, :, 0] + 1) / 2.2 * 316, 220 - (paths[k, :, 1] + 0.3) / 0.6 * 210
        gone = np.flatnonzero(np.abs(paths[k, :, 1]) > 1) if results["factors"][k] > 1 else []
        shown = slice(None, gone[0] + 1 if len(gone) else None)
        assert np.allclose(ravine["lines"][k], np.stack([x, y], axis=1)[shown], atol=0.01)
        inside = 52 <= x[shown][-1] <= 368 and 10 <= y[shown][-1] <= 220
        u, v, out = ravine["ends"][k]
        assert out == (not inside)
        if inside:
            assert np.allclose([u, v], [x[-1], y[-1]], atol=3)
        else:
            assert min(abs(v - 10), abs(v - 220), abs(u - 52), abs(u - 368)) < 8  # an arrowhead at an edge

        finite = np.isfinite(losses[k])
        height = 224 - (np.log10(losses[k].clip(1e-30, 1e30)) + 8) / 12 * 214
        steps = 52 + np.arange(len(height)) / room * 226
        assert np.allclose(
            np.array(plot["lines"][k])[: finite.sum()], np.stack([steps, height], axis=1)[finite], atol=0.01
        )
        assert plot["ends"][k][2] == (not finite[-1] or not 10 <= height[-1] <= 224)

        cells = page.locator("tbody tr").nth(k).locator("td").all_inner_texts()
        written = float(re.sub(r"^overflow \((.*)\)$", r"\1", cells[1].replace("−", "-")))
        assert np.isclose(written, losses[k, -1], rtol=0.006, equal_nan=True)
        assert cells[0].startswith("diverges" if results["factors"][k] > 1 else "converges")
        assert float(re.search(r"[\d.]+", cells[0])[0]) == pytest.approx(results["factors"][k], rel=0.006)
        needed = results["steps_needed"][k]
        assert cells[2] == f"at step {needed:.0f}" if needed >= 0 else cells[2] in ("not yet", "not at all")


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"learning_rate": 0.008, "momentum": 0.9},
        {"learning_rate": 0.03, "momentum": 0.6, "num_steps": 25},
        {"learning_rate": 0.039, "momentum": 0.0, "num_steps": 400},
    ],
)
def test_paths_and_table_are_numpys(show, state):
    check_drawn(show(Ravine(**state)))


@pytest.mark.parametrize(
    ("label", "name", "low", "high", "step"),
    [
        ("learning rate η", "learning_rate", 0.0001, 0.04, 0.0001),
        ("momentum γ", "momentum", 0, 0.99, 0.01),
        ("steps", "num_steps", 0, 400, 1),
    ],
)
def test_sliders(show, label, name, low, high, step):
    page = show(Ravine(learning_rate=0.01, momentum=0.5, num_steps=30))
    others = {key: value for key, value in check_shown(page)[0].items() if key != name}
    control = page.get_by_role("slider", name=label)

    def state():
        check_drawn(page)
        now = check_shown(page)[0]
        assert {key: now[key] for key in others} == others
        return now[name]

    before = state()
    control.press("ArrowRight")
    assert state() == pytest.approx(before + step)
    for key, end in (("Home", low), ("End", high)):
        control.press(key)
        assert state() == end
    box = control.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert state() == pytest.approx((low + high) / 2, abs=(high - low) / 50)


def test_one_step(show):
    page = show(Ravine(num_steps=398))
    for expected in (399, 400, 400):
        page.get_by_role("button", name="One step").click()
        assert check_shown(page)[0]["num_steps"] == expected
        check_drawn(page)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"learning_rate": 0.038, "momentum": 0.9}, "heavy ball is at its limit (× 1 a step, a steady swing)"),
        ({"learning_rate": 0.0001, "momentum": 0.0}, "gradient descent converges (× 0.9999 a step)"),
        ({"learning_rate": 0.00001, "momentum": 0.0}, "gradient descent converges (× 0.99999 a step)"),
        ({"num_steps": 0}, "Loss after 0 steps: gradient descent 1.00, heavy ball 1.00, Nesterov 1.00."),
        ({"num_steps": 1}, "Loss after 1 step: "),
        ({"learning_rate": 0.03, "num_steps": 400}, "Nesterov overflow (inf)"),
        ({"learning_rate": 1.0, "num_steps": 400}, "Nesterov overflow (NaN)"),
    ],
)
def test_status(show, state, text):
    assert text in show(Ravine(**state)).locator(".mw-reading").inner_text().replace("\xa0", " ")


def test_play_takes_the_steps_one_by_one(show):
    page = show(Ravine(num_steps=12))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"({STATE})().num_steps === 2")
    page.wait_for_function(f"({STATE})().num_steps === 12")
    assert page.get_by_role("button", name="Play").is_visible()
    assert check_shown(page)[0]["num_steps"] == 12


def test_a_slider_ends_the_play(show):
    page = show(Ravine(num_steps=300))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"({STATE})().num_steps >= 8")
    page.get_by_role("slider", name="steps").press("Home")
    page.wait_for_timeout(250)
    assert check_shown(page)[0]["num_steps"] == 0


def test_without_motion_each_press_goes_on(show):
    page = show(Ravine(num_steps=20), reduced_motion="reduce")
    for expected in (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 2):
        page.get_by_role("button", name="Play").click()
        assert check_shown(page)[0]["num_steps"] == expected
        page.wait_for_timeout(20)


@pytest.mark.parametrize(("method", "steps"), [("gradient descent", 346), ("heavy ball", 48), ("Nesterov", 74)])
def test_best_numbers(show, method, steps):
    page = show(Ravine(momentum=0.9, num_steps=400))
    page.get_by_role("button", name=f"best numbers for {method}").click()
    _, results = check_shown(page)
    row = ["gradient descent", "heavy ball", "Nesterov"].index(method)
    assert results["steps_needed"][row] == steps
    assert f"at step {steps}" in page.locator("tbody tr").nth(row).inner_text()
    check_drawn(page)
    if method == "Nesterov":  # chapter 8: these do not win the race
        assert results["steps_needed"][1] < steps
        assert results["factors"][1] > results["factors"][2]


def test_divergence_is_said_in_words(show):
    page = show(Ravine(learning_rate=0.015, momentum=0.9))
    texts = page.locator("tbody tr").all_inner_texts()
    assert ["diverges, × 1.30 a step" in text.replace("\xa0", " ") for text in texts] == [False, False, True]
    _, results = check_shown(page)
    assert np.array_equal(results["factors"] > 1, [False, False, True])
