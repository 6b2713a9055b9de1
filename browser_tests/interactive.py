"""A page with one interactive, and how what it shows is compared with numpy."""

import json

import numpy as np

from mnist_helpers.widgets._base import as_array, box_html, module_style, read_static
from mnist_helpers.widgets.sphinx_host import page_script

TOLERANCE = 1e-6
MILLISECONDS_TO_ANSWER = 16
VISITS = 5

# All parts of the state change at once, as when a kernel sends them.
PLAY = """states => {
  const model = document.querySelector('.mnist-widget').model;
  return JSON.stringify(JSON.parse(states).map(state => {
    model.set(state);
    return model.get('shown');
  }));
}"""


def html_of(*widgets, above=""):
    """Return a page that holds interactives, as the built book does."""
    modules = sorted({widget.module for widget in widgets})
    styles = "".join(module_style(module) for module in modules)
    scripts = "".join(f"<script>{text}</script>" for text in (read_static("host.js"), *map(page_script, modules)))
    boxes = "".join(box_html(widget.module, widget.state()) for widget in widgets)
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>interactives</title><style>{styles}</style>'
    return f"{head}{above}<main>{boxes}</main>{scripts}"


def play(page, states):
    """Set one state after the other and return what the page shows of each; as JSON they travel ten times as fast."""
    return json.loads(page.evaluate(PLAY, json.dumps(states)))


def difference(shown, expected):
    """Return the largest difference, relative for numbers above 1; infinite if the two are not of the same kind."""
    shown, expected = as_array(shown), np.asarray(expected, dtype=float)
    if shown.shape != expected.shape or not np.array_equal(np.isfinite(shown), np.isfinite(expected)):
        return np.inf
    finite = np.isfinite(expected)
    if not np.array_equal(shown[~finite], expected[~finite], equal_nan=True):
        return np.inf
    error = np.abs(shown[finite] - expected[finite]) / np.maximum(1, np.abs(expected[finite]))
    return error.max(initial=0)


def least(measure, limit):
    """Return the least of a few measurements, or the first within the limit: other work on the machine only adds."""
    measured = []
    while len(measured) < VISITS and not (measured and measured[-1] <= limit):
        measured.append(measure())
    return min(measured)


def slow_move(milliseconds):
    """Return what all but one in a hundred moves stay under."""
    return np.quantile(milliseconds, 0.99)
