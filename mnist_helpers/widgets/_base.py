"""What every interactive has in common: its JavaScript, its still picture, and how it is stored in a notebook."""

import json
from functools import cache
from io import BytesIO
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

STATIC = Path(__file__).resolve().parent / "static"
VIEW = "application/vnd.jupyter.widget-view+json"
MIME_TYPE = "application/vnd.mnist-helpers.widget+json"
STILL_DPI = 144


@cache
def read_static(name):
    """Return the text of a file in ``static``."""
    return (STATIC / name).read_text(encoding="utf-8")


def module_source(module):
    """Return the JavaScript of one interactive as one anywidget module: what all share, then its own."""
    return read_static("common.js") + "\n" + read_static(f"{module}.js")


def module_style(module):
    """Return the style sheet of one interactive: what all share, then its own, if it has one."""
    own = STATIC / f"{module}.css"
    return read_static("widgets.css") + (read_static(own.name) if own.exists() else "")


def as_array(values):
    """Return what a page has published, numbers or lists of numbers, as a float64 array of the same shape.

    JSON holds neither NaN nor infinities; pages write them as the strings ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
    """
    return np.array([[float(x) for x in row] if isinstance(row, list) else float(row) for row in values])


class Interactive(anywidget.AnyWidget):
    """An interactive figure whose JavaScript computes in the page.

    Every trait with ``sync=True`` is the same on both sides: set it in Python and the figure moves, drag in the figure
    and Python sees it. Displayed in a notebook it is stored three times: for a live front end, as a still picture
    (``image/png``) for every place without JavaScript, and as plain state that the book's own pages read.

    Subclasses set `module`, the name of their file in ``static``, and define `results` and `draw_still`.
    """

    module = ""
    shown = traitlets.Dict(help="What the page shows, as it has published it; empty until it has.").tag(sync=True)

    def __init__(self, **state):
        unknown = sorted(set(state) - set(self.trait_names()))
        if unknown:
            raise TypeError(f"{type(self).__name__} has no {', '.join(unknown)}; it has {', '.join(self.settings())}")
        self._esm = module_source(self.module)
        self._css = module_style(self.module)
        super().__init__(**state)

    def settings(self):
        """Return the names (list of str) of the traits that are the state, without what the page computes from it."""
        own = {name for cls in type(self).__mro__ if issubclass(cls, Interactive) for name in vars(cls)}
        return sorted(n for n in self.trait_names(sync=True) if n in own - {"shown"} and not n.startswith("_"))

    def state(self):
        """Return the state as a dict that JSON can hold."""
        return {name: getattr(self, name) for name in self.settings()}

    def results(self):
        """Return what the page should show, computed in numpy from the state: dict of name to ndarray."""
        raise NotImplementedError

    def draw_still(self, figure):
        """Draw the state on a matplotlib figure."""
        raise NotImplementedError

    def still(self):
        """Return the still picture as PNG bytes."""
        figure = Figure(figsize=(6.4, 3.6), dpi=STILL_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        self.draw_still(figure)
        file = BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()

    def __repr__(self):
        return f"{type(self).__name__}()"

    def bundle(self):
        """Return what is stored when the widget is displayed, besides its live view: dict of MIME type to content."""
        stored = {"module": self.module, "state": self.state()}
        return {"text/plain": repr(self), "image/png": self.still(), MIME_TYPE: stored}

    _ipython_display_ = None  # ipywidgets 7 would display without what follows

    def _repr_mimebundle_(self, **kwargs):
        # What we inherit differs: a pair with what Colab needs, a dict, or nothing (the oldest versions).
        inherited = getattr(super(), "_repr_mimebundle_", lambda **_: {VIEW: live_view(self)})(**kwargs)
        data, metadata = inherited if isinstance(inherited, tuple) else (inherited, {})
        return {**data, **self.bundle()}, metadata


def live_view(widget):
    """Return what a front end with a running kernel needs to show an ipywidgets widget, of version 7 or 8."""
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


def box_html(module, state, still=""):
    """Return an interactive for a page: its still picture and its state; ``host.js`` makes it move.

    Every ``<`` of the state is escaped, so that no text in it can end the script element or begin a comment.
    """
    text = json.dumps(state, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (
        f'<div class="mnist-widget" data-module="{module}"><div class="mw-still">{still}</div>'
        f'<script type="application/json">{text}</script></div>'
    )


def finite_list(*, minimum_length=1):
    """Return a trait for a list of at least `minimum_length` float; `check_finite` is for its validator."""
    return traitlets.List(traitlets.Float(), minlen=minimum_length)


def check_finite(name, values):
    """Raise ValueError if one of the numbers is NaN or infinite."""
    if not np.isfinite(np.asarray(values, dtype=float)).all():
        raise ValueError(f"{name} must be finite numbers, got {values}")
    return values
