"""The confusion matrix: chosen with the mouse and the arrow keys, with the right images beside it."""

import numpy as np
from interactive import difference

from mnist_helpers.widgets import ConfusionExplorer

STATE = "() => document.querySelector('.mnist-widget').model.state"
# Darkness of the pictures that are really on the page, read back from their canvases, from 0 to 15.
LEVELS = """() => [...document.querySelectorAll('.mw canvas')].map(canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data.filter((_, i) => i % 4 === 0)).map(value => Math.round((255 - value) / 17));
})"""


def explorer(num_examples=300, num_classes=4):
    rng = np.random.default_rng(1)
    images = rng.integers(256, size=(num_examples, 7, 5))  # an odd number of pixels
    probs = rng.dirichlet(np.ones(num_classes), size=num_examples)
    names = ["shirt", "bag", "boot", "dress"]
    return ConfusionExplorer.from_predictions(images, rng.integers(num_classes, size=num_examples), probs, names)


def check_shown(page):
    """Require that the page shows what numpy computes from the page's state, pixels included, and return the cell."""
    state = page.evaluate(STATE)
    shown = state.pop("shown")
    expected = ConfusionExplorer(**state).results()
    assert max(difference(shown[name], value) for name, value in expected.items()) <= 1e-6
    assert np.array_equal(page.evaluate(LEVELS), expected["pixels"])
    pressed = page.locator(".mw [aria-pressed=true]")
    assert pressed.count() == 1
    assert pressed.inner_text() == str(int(expected["count"][0]))
    return state["selected"]


def test_click_shows_the_images_of_a_cell(show):
    page = show(explorer())
    check_shown(page)
    page.get_by_role("button", name="boot taken for bag").click()
    assert check_shown(page) == [2, 1]
    page.get_by_role("button", name="dress recognised").click()
    assert check_shown(page) == [3, 3]


def test_arrow_keys_walk_through_the_table(show):
    page = show(explorer())
    page.get_by_role("button", name="shirt taken for bag").click()
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert check_shown(page) == [2, 1]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('table')") is None, "the table is one stop of the tab key"


def test_rates_are_those_of_the_matrix(show):
    widget = explorer()
    counts = np.array(widget.counts)
    page = show(widget)
    recall = page.locator("tbody .mw-confusion-rate").all_inner_texts()
    precision = page.locator("tfoot td.mw-confusion-rate").all_inner_texts()
    assert recall == [f"{100 * counts[k, k] / counts[k].sum():.0f}\N{NO-BREAK SPACE}%" for k in range(4)]
    assert precision == [f"{100 * counts[k, k] / counts[:, k].sum():.0f}\N{NO-BREAK SPACE}%" for k in range(4)]


def test_a_full_set_of_digits_is_still_small_enough(show):
    rng = np.random.default_rng(2)
    images = rng.integers(256, size=(3000, 28, 28))
    probs = rng.dirichlet(np.ones(10), size=3000)
    page = show(ConfusionExplorer.from_predictions(images, rng.integers(10, size=3000), probs))
    check_shown(page)
    assert len(page.content().encode()) <= 200_000
    slowest = page.evaluate("""() => Math.max(...[...document.querySelectorAll('.mw-confusion-cell')].map(node => {
      const start = performance.now();
      node.click();
      document.body.getBoundingClientRect();
      return performance.now() - start;
    }))""")
    assert slowest <= 100
