"""The confusion matrix: chosen with the mouse and the arrow keys, with the right images below it, and nothing jumps."""

import re

import numpy as np
import pytest
from interactive import MILLISECONDS_TO_ANSWER, difference, least, slow_move
from pages import violations

from mnist_helpers.widgets import ConfusionExplorer

STATE = "() => document.querySelector('.mnist-widget').model.state"
# Darkness of the pictures that are really on the page, read back from their canvases, from 0 to 15.
LEVELS = """() => [...document.querySelectorAll('.mw canvas')].filter(canvas => canvas.checkVisibility({
  visibilityProperty: true })).map(canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data.filter((_, i) => i % 4 === 0)).map(value => Math.round((255 - value) / 17));
})"""
NAMES = ["shirt", "bag", "ankle boot", "dress"]


def explorer(num_examples=60, num_classes=4):
    rng = np.random.default_rng(1)
    images = rng.integers(256, size=(num_examples, 7, 5))  # an odd number of pixels
    probs = rng.dirichlet(np.full(num_classes, 0.3), size=num_examples)  # some of them nearly 0 or 1
    labels = np.where(
        rng.random(num_examples) < 0.5, probs.argmax(axis=1), rng.integers(num_classes, size=num_examples)
    )
    labels[(labels == 3) & (probs.argmax(axis=1) == 0)] = 0  # an empty cell
    return ConfusionExplorer.from_predictions(images, labels, probs, NAMES[:num_classes])


def written(share):
    """How a probability is to be written."""
    text = "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{int(100 * share + 0.5)} %"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, pixels and texts included."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = ConfusionExplorer(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    levels = page.evaluate(LEVELS)
    assert len(levels) == len(expected["claimed"])
    assert not levels or np.array_equal(levels, expected["pixels"])
    pressed = page.locator(".mw [aria-pressed=true]")
    assert pressed.count() == 1
    count = int(expected["count"][0])
    assert pressed.inner_text() == str(count)
    row, column = state["selected"]
    assert pressed.evaluate("node => [node.closest('tr').rowIndex - 1, node.closest('td').cellIndex - 1]") == [
        row,
        column,
    ]
    texts = [
        [text for text in caption.split("\n") if text.strip()]
        for caption in page.locator(".mw figure:visible figcaption").all_inner_texts()
    ]
    both = [[written(p), written(q)] for p, q in zip(expected["claimed"], expected["label_probs"], strict=True)]
    assert texts == [[first] if row == column else [first, second] for first, second in both]
    line = page.locator("[role=status]")
    about = "recognised" if row == column else f"taken for {state['class_names'][column]}"
    page.wait_for_function(
        "([node, text]) => node.textContent.startsWith(text)",
        arg=[line.element_handle(), f"{state['class_names'][row]} {about}: {count}"],
    )
    assert which(len(levels), count) in line.inner_text()
    return state["selected"]


def which(shown, count):
    """What the line says of the images."""
    if count == 0:
        return "There is no image to show."
    if shown == count:
        return "Its image is shown." if count == 1 else f"All {count} images are shown."
    return f"The first {shown} of the {count} images are shown." if shown > 1 else f"The first of the {count} images is"


def test_every_cell_by_click(show):
    page = show(explorer())
    check_shown(page)
    for row in range(4):
        for column in range(4):
            name = f"{NAMES[row]} recognised" if row == column else f"{NAMES[row]} taken for {NAMES[column]}"
            page.get_by_role("button", name=re.compile(f"^{name}: ")).click()
            assert check_shown(page) == [row, column]


def test_every_cell_by_keys(show):
    page = show(explorer())
    page.get_by_role("button", name="shirt recognised").click()
    for row in range(4):
        for column in range(4):
            assert check_shown(page) == [row, column if row % 2 == 0 else 3 - column]
            if column < 3:
                page.keyboard.press("ArrowRight" if row % 2 == 0 else "ArrowLeft")
        page.keyboard.press("ArrowDown")
    assert check_shown(page) == [3, 0], "the table ends here"
    page.keyboard.press("ArrowUp")
    assert check_shown(page) == [2, 0]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('table')") is None, "the table is one stop of the tab key"


def test_rates_are_those_of_the_matrix(show):
    widget = explorer()
    counts = np.array(widget.counts)
    page = show(widget)
    recall = page.locator("tbody .mw-confusion-rate").all_inner_texts()
    precision = page.locator("tfoot td.mw-confusion-rate").all_inner_texts()
    assert recall == [written(counts[k, k] / counts[k].sum()) for k in range(4)]
    assert precision == [written(counts[k, k] / counts[:, k].sum()) for k in range(4)]
    shares = page.locator("tbody button").evaluate_all(
        "nodes => nodes.map(n => n.style.getPropertyValue('--mw-share'))"
    )
    errors = counts - np.diag(np.diag(counts))
    expected = [
        "" if row == column else f"{100 * np.sqrt(errors[row, column] / errors.max()):.0f}%"
        for row, column in np.ndindex(4, 4)
    ]
    assert shares == expected


def test_counts_decide_what_is_exactly_nothing_and_everything(show):
    images = np.arange(3 * 4).reshape(3, 2, 2)
    page = show(ConfusionExplorer.from_predictions(images, [0, 1, 1], [[0.9999, 0.0001, 0], [0.6, 0.4, 0], [1, 0, 0]]))
    assert page.locator("tbody .mw-confusion-rate").all_inner_texts() == [
        "100\N{NO-BREAK SPACE}%",
        "0\N{NO-BREAK SPACE}%",
        "–",
    ]
    check_shown(page)


def digits(num_examples=3000):
    """Ten classes, images as dark as those of clothes."""
    rng = np.random.default_rng(2)
    images = rng.integers(256, size=(num_examples, 28, 28))
    probs = rng.dirichlet(np.ones(10), size=num_examples)
    return ConfusionExplorer.from_predictions(images, rng.integers(10, size=num_examples), probs)


def test_a_full_set_of_digits_is_still_small_enough(show):
    page = show(digits())
    check_shown(page)
    assert len(page.content().encode()) <= 200_000


@pytest.mark.timing
def test_every_click_is_answered_in_time(show):
    page = show(digits())
    clicks = """() => [...document.querySelectorAll('.mw-confusion-cell')].map(node => {
      const start = performance.now();
      node.click();
      document.body.getBoundingClientRect();
      return performance.now() - start;
    })"""
    assert least(lambda: slow_move(page.evaluate(clicks)), MILLISECONDS_TO_ANSWER) <= MILLISECONDS_TO_ANSWER


# Heights after a click on each cell, with the line below written; that waits for 150 ms, here for no time at all.
HEIGHTS = """() => {
  const waiting = new Map(), { setTimeout, clearTimeout } = window;
  window.setTimeout = callback => (waiting.set(waiting.size + 1, callback), waiting.size);
  window.clearTimeout = timer => waiting.set(timer, () => {});
  const line = document.querySelector('[role=status]'), lines = new Set();
  const heights = [...document.querySelectorAll('.mw-confusion-cell')].map(cell => {
    cell.click();
    for (const callback of waiting.values()) callback();
    waiting.clear();
    lines.add(line.textContent);
    return Math.round(document.querySelector('.mw').getBoundingClientRect().height);
  });
  Object.assign(window, { setTimeout, clearTimeout });
  return [heights, lines.size];
}"""


@pytest.mark.parametrize("long", [True, False])
def test_nothing_jumps(show, long):
    """Clicked by a script; the mouse goes over all cells in the tests above."""
    widget = explorer()
    if not long:
        widget.class_names = list("0123")
    page = show(widget)
    for width in (1440, 1280, 800, 640, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        heights, num_lines = page.evaluate(HEIGHTS)
        assert len(heights) == num_lines == 16
        assert len(set(heights)) == 1, (width, heights)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_not_glaring(show, scheme):
    page = show(explorer(), color_scheme=scheme)
    page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    page.evaluate(f"document.documentElement.style.colorScheme = '{scheme}'")
    filters = page.locator(".mw canvas").evaluate_all("nodes => nodes.map(node => getComputedStyle(node).filter)")
    assert set(filters) == {"invert(0.93)" if scheme == "dark" else "none"}
    assert violations(page, rules={"region": {"enabled": False}, "page-has-heading-one": {"enabled": False}}) == []
