"""The race down the ravine: its buttons, with motion and without."""

import numpy as np
import pytest
from interactive import difference

from mnist_helpers.widgets import Ravine

STATE = "() => document.querySelector('.mnist-widget').model.state"


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, and return both."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = Ravine(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    return state, expected


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


def test_without_motion_it_goes_to_the_end_at_once(show):
    page = show(Ravine(num_steps=0), reduced_motion="reduce")
    page.get_by_role("button", name="Play").click()
    assert check_shown(page)[0]["num_steps"] == 40


@pytest.mark.parametrize(("method", "steps"), [("gradient descent", 346), ("heavy ball", 48), ("Nesterov", 74)])
def test_best_numbers(show, method, steps):
    page = show(Ravine(momentum=0.9, num_steps=400))
    page.get_by_role("button", name=f"best numbers for {method}").click()
    _, results = check_shown(page)
    row = ["gradient descent", "heavy ball", "Nesterov"].index(method)
    assert results["steps_needed"][row] == steps
    assert f"at step {steps}" in page.locator("tbody tr").nth(row).inner_text()


def test_divergence_is_said_in_words(show):
    page = show(Ravine(learning_rate=0.015, momentum=0.9))
    texts = page.locator("tbody tr").all_inner_texts()
    assert ["diverges, grows 1.30 times a step" in text for text in texts] == [False, False, True]
    _, results = check_shown(page)
    assert np.array_equal(results["factors"] > 1, [False, False, True])
