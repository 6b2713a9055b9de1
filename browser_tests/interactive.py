"""A page with one interactive, and how what it shows is compared with numpy."""

import json

import numpy as np

from mnist_helpers.widgets._base import as_array, module_style, read_static
from mnist_helpers.widgets.sphinx_host import page_script

TOLERANCE = 1e-6
MILLISECONDS_TO_ANSWER = 16

# All parts of the state change at once, then the page is told once, as if one control had moved.
PLAY = """states => {
  const model = document.querySelector('.mnist-widget').model;
  return states.map(state => {
    Object.assign(model.state, state);
    [...Object.values(model.listeners)[0]].forEach(listener => listener());
    return model.get('shown');
  });
}"""


def html_of(widget, above=""):
    """Return a page that holds one interactive, as the built book does."""
    state = json.dumps(widget.state()).replace("</", "<\\/")
    scripts = "".join(f"<script>{text}</script>" for text in (read_static("host.js"), page_script(widget.module)))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{widget.module}</title>'
        f"<style>{module_style(widget.module)}</style>{above}"
        f'<main><div class="mnist-widget" data-module="{widget.module}"><div class="mw-still"></div>'
        f'<script type="application/json">{state}</script></div></main>{scripts}'
    )


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
