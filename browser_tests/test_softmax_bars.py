"""Every control of the softmax bars with mouse and keys, against numpy: state, what is published, and what is drawn."""

import numpy as np
import pytest
from interactive import difference

from mnist_helpers.widgets import SoftmaxBars

STATE = "() => document.querySelector('.mnist-widget').model.state"
ROWS = """() => [...document.querySelectorAll('.mw-bars-row:not(.mw-bars-head)')].map(row => ({
  score: row.querySelector('.mw-number').textContent,
  bars: [...row.querySelectorAll('.mw-bar')].map(bar => [
    bar.className.replace('mw-bar mw-bar-', ''),
    bar.firstChild.getBoundingClientRect().width / bar.getBoundingClientRect().width,
    bar.nextSibling.textContent,
  ]),
}))"""
SCORES = [2.0, 1.0, 0.1]


def check(page, **expected_state):
    """Require the state, and that what is published and drawn is what numpy computes from it; return the results."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    for name, value in expected_state.items():
        assert state[name] == pytest.approx(value), name
    results = SoftmaxBars(**state).results()
    assert max(difference(shown[name], value) for name, value in results.items()) <= 1e-6
    for k, row in enumerate(page.evaluate(ROWS)):
        assert float(row["score"].replace("−", "-")) == pytest.approx(state["logits"][k], abs=5e-4)
        assert [name for name, _, _ in row["bars"]] == ["naive", "stable"]
        for name, width, text in row["bars"]:
            p = results[name][k]
            assert width == pytest.approx(np.nan_to_num(p), abs=0.01)
            assert text == ("nan" if np.isnan(p) else f"{p:.3f}")
    return results


def status(page):
    page.wait_for_timeout(200)  # it is written when it has settled
    return page.locator(".mw-reading").inner_text()


def click_track(page, slider, share):
    """Click on a slider's track at a share of its width."""
    box = slider.bounding_box()
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


@pytest.mark.parametrize("k", range(3))
def test_each_score_has_its_slider(show, k):
    page = show(SoftmaxBars(logits=SCORES))
    slider = page.get_by_role("slider", name=f"score z{'₀₁₂'[k]}")
    slider.press("End")
    check(page, logits=[5.0 if i == k else z for i, z in enumerate(SCORES)])
    slider.press("ArrowLeft")
    check(page, logits=[4.9 if i == k else z for i, z in enumerate(SCORES)])
    click_track(page, slider, 0.5)
    check(page)
    assert page.evaluate(STATE)["logits"][k] == pytest.approx(0, abs=0.4)


def test_the_common_number(show):
    page = show(SoftmaxBars(logits=SCORES, shift=85))
    slider = page.get_by_role("slider", name="add to every score")
    slider.press("ArrowRight")
    check(page, shift=86, logits=SCORES, temperature=1)
    page.get_by_role("button", name="add to every score: more").click()
    assert np.isnan(check(page, shift=87)["naive"][0])
    assert status(page).endswith("Naive: not a number, because an exponential is infinite.")
    page.get_by_role("button", name="add to every score: less").click()
    check(page, shift=86)
    click_track(page, slider, 0.01)
    assert page.evaluate(STATE)["shift"] < -110
    check(page)
    assert status(page).endswith("Naive: not a number, because all exponentials are 0.")
    slider.press("Home")
    page.get_by_role("button", name="add to every score: less").click()
    check(page, shift=-120)


def test_the_buttons_go_to_whole_numbers(show):
    page = show(SoftmaxBars(shift=3.7))
    page.get_by_role("button", name="add to every score: less").click()
    check(page, shift=3)
    page.get_by_role("button", name="add to every score: less").click()
    check(page, shift=2)
    page.get_by_role("button", name="add to every score: more").click()
    check(page, shift=3)


def test_the_temperature(show):
    page = show(SoftmaxBars(logits=SCORES))
    slider = page.get_by_role("slider", name="temperature")
    slider.press("ArrowRight")
    check(page, temperature=10**0.02, logits=SCORES, shift=0)
    slider.press("Home")
    check(page, temperature=0.1)
    click_track(page, slider, 0.999)
    check(page, temperature=10)
    assert slider.get_attribute("aria-valuetext") == "10"


def test_reset_brings_back_what_was_there_at_first(show):
    page = show(SoftmaxBars(logits=SCORES, shift=7, temperature=2))
    page.get_by_role("slider", name="score z₁").press("Home")
    page.get_by_role("slider", name="add to every score").press("End")
    page.get_by_role("slider", name="temperature").press("Home")
    check(page, logits=[2, -5, 0.1], shift=120, temperature=0.1)
    page.get_by_role("button", name="Reset").click()
    check(page, logits=SCORES, shift=7, temperature=2)


def test_it_says_when_small_ones_have_become_zero(show):
    page = show(SoftmaxBars(logits=[5, -5, -5], temperature=0.1, shift=-10))
    results = check(page)
    assert results["naive"][1] == 0 < results["stable"][1]
    assert status(page).endswith("the same, but for the last digits, and small ones have become 0.")
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("slider", name="temperature").press("End")
    assert status(page).endswith("the same, but for the last digits.")


def test_on_a_narrow_screen_each_bar_has_its_name(show):
    page = show(SoftmaxBars())
    name = page.locator(".mw-cell .mw-narrow").first
    assert not name.is_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    assert name.is_visible()
    slider = page.get_by_role("slider", name="score z₀")
    assert slider.bounding_box()["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
