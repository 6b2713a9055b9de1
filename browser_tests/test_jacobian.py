"""Every control of the Jacobian with mouse and keys, against numpy: state, what is published, drawn and written."""

import numpy as np
import pytest
from interactive import difference

from mnist_helpers.widgets import Jacobian

STATE = "() => document.querySelector('.mnist-widget').model.state"
READ = """() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const share = (part, whole) => part.getBoundingClientRect().width / whole.getBoundingClientRect().width;
  return {
    probs: all('.mw-jacobian-prob').map(fill => share(fill, fill.parentNode)),
    probTexts: all('.mw-jacobian-share .mw-number').map(node => node.textContent),
    checked: all('input[type=radio]').map(radio => radio.checked),
    rows: all('.mw-jacobian-entry').map(row => all('td', row).map(cell => ({
      text: cell.textContent, minus: cell.classList.contains('mw-jacobian-minus'),
      share: parseFloat(cell.style.getPropertyValue('--share')), colour: getComputedStyle(cell).backgroundColor,
    }))),
    framed: all('.mw-jacobian-entry').map(row => getComputedStyle(row.querySelector('td')).boxShadow !== 'none'),
    route: all('.mw-jacobian-route td').map(cell => cell.textContent),
    routeName: document.querySelector('.mw-jacobian-route th').textContent,
    gradient: all('.mw-jacobian-gradient td').map(cell => cell.textContent),
    bars: all('.mw-jacobian-track').map(track => {
      const whole = track.getBoundingClientRect(), bar = track.firstChild.getBoundingClientRect();
      const middle = whole.top + whole.height / 2, half = whole.height / 2;
      return [(middle - bar.top) / half, (middle - bar.bottom) / half];
    }),
  };
}"""
LOGITS = [2.0, 1.0, 0.0, -1.0]


def number(text):
    return float(text.replace("−", "-").replace("\u200b", ""))


def check(page, **expected_state):
    """Require the state, and that what is published, drawn and written is what numpy computes from it."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    for name, value in expected_state.items():
        assert state[name] == pytest.approx(value), name
    results, label = Jacobian(**state).results(), state["label"]
    assert max(difference(shown[name], value) for name, value in results.items()) <= 1e-6
    read = page.evaluate(READ)
    count = len(results["probs"])
    close = {"rel": 6e-3, "abs": 5e-4}  # three decimals, or three digits of a small number
    assert read["probs"] == pytest.approx(results["probs"], abs=0.01)
    assert [number(text) for text in read["probTexts"]] == pytest.approx(results["probs"], **close)
    assert read["checked"] == read["framed"] == [k == label for k in range(count)]
    for row, expected in zip(read["rows"], results["jacobian"], strict=True):
        assert [number(cell["text"]) for cell in row[:-1]] == pytest.approx(expected, **close)
        assert [cell["minus"] for cell in row[:-1]] == list(expected < 0)
        assert [cell["share"] for cell in row[:-1]] == pytest.approx(160 * np.abs(expected), abs=0.06)
        assert row[-1]["text"] == "0.000"
    assert read["routeName"].startswith(f"row {label} ")
    assert [number(text) for text in read["route"]] == pytest.approx(results["through_probs"], **close)
    assert [number(text) for text in read["gradient"]] == pytest.approx([*results["gradient"], 0], **close)
    for (top, bottom), slope in zip(read["bars"], results["gradient"], strict=True):
        assert (top, bottom) == pytest.approx((max(slope, 0), min(slope, 0)), abs=0.03)
    return read


def status(page):
    page.wait_for_timeout(200)  # it is written when it has settled
    return page.locator(".mw-reading").inner_text()


@pytest.mark.parametrize("k", range(4))
def test_each_score_has_its_slider(show, k):
    page = show(Jacobian(logits=LOGITS, label=2))
    slider = page.get_by_role("slider", name=f"score z{'₀₁₂₃'[k]}")
    for key, z in {"ArrowRight": LOGITS[k] + 0.1, "Home": -10, "End": 10}.items():
        slider.press(key)
        check(page, logits=[z if i == k else other for i, other in enumerate(LOGITS)], label=2)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    check(page, label=2)
    assert page.evaluate(STATE)["logits"][k] == pytest.approx(0, abs=0.5)


def test_the_label_by_mouse_and_by_keys(show):
    page = show(Jacobian(logits=LOGITS, label=2))
    for k in (0, 3, 1):
        page.get_by_role("radio", name=f"label is class {k}").click()
        check(page, label=k, logits=LOGITS)
    page.keyboard.press("ArrowDown")
    check(page, label=2, logits=LOGITS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colour_is_the_sign(show, scheme):
    page = show(Jacobian(logits=LOGITS, label=2))
    page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    for i, row in enumerate(check(page)["rows"]):
        for j, cell in enumerate(row[:-1]):
            red, _, blue = (float(part) for part in cell["colour"].split("(")[1].split(")")[0].split()[1:4])
            assert (blue > red) == (i == j), (cell["text"], cell["colour"])


def test_the_sentence(show):
    page = show(Jacobian(logits=LOGITS, label=2))
    assert status(page) == (
        "The label has p₂ = 0.087, and −1/p₂ is −11.475. Row 2 multiplied by it gives "
        "p − t = (+0.644, +0.237, −0.913, +0.032). Every row of the table sums to 0, and so does p − t."
    )


def test_a_probability_near_one_is_not_called_one(show):
    page = show(Jacobian(logits=[10, -10, -10, -10], label=0))
    check(page)
    assert "p₀ = 1 − 6.18e−9, and −1/p₀ is just below −1." in status(page)


def test_underflow_is_said_in_words(show):
    page = show(Jacobian(logits=[0, -800], label=1))
    assert page.evaluate(READ)["route"] == ["nan", "nan"]
    assert status(page).startswith("p₁ has underflowed to 0, so the way through the probabilities gives nan.")
    page = show(Jacobian(logits=[0, -740], label=1))
    assert page.evaluate(READ)["route"] == ["+∞", "−∞"]
    assert "gives infinities" in status(page)


@pytest.mark.parametrize("width", [390, 800])
def test_no_cell_is_wider_than_its_column(show, width):
    page = show(Jacobian(logits=[10, -10, -10, -9, -1, 0], label=1))
    page.set_viewport_size({"width": width, "height": 900})
    too_wide = page.locator(".mw-jacobian td").evaluate_all(
        "cells => cells.filter(c => c.scrollWidth > c.clientWidth + 1)"
    )
    assert too_wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
