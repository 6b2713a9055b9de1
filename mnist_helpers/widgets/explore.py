"""A slider on your own function: ipywidgets where a kernel runs, pictures side by side where none does."""

from io import BytesIO
from traceback import format_exception_only

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mnist_helpers.widgets._base import STILL_DPI, VIEW, live_view

__all__ = ["Explore"]

NUM_STILLS = 3


class Explore:
    """A figure that your own function draws, with a slider for each of its settings.

    In a running notebook the sliders redraw the figure. A stored notebook, and so the book, has no kernel that could
    draw: there the figure stands as stills for three places of the first slider, not as a slider that moves in vain.

    Parameters
    ----------
    draw : callable
        ``draw(ax, **settings)`` draws on the Axes `ax`.
    **choices : sequence
        For each setting of `draw` the values that its slider offers, in order. The first value of each is where the
        slider starts.

    Raises
    ------
    TypeError
        If `draw` cannot be called.
    ValueError
        If there is no setting, or one without values.

    Notes
    -----
    What `draw` raises while a slider moves is written under the figure, and the figure stays as it was.
    """

    def __init__(self, draw, **choices):
        if not callable(draw):
            raise TypeError(f"draw must be a function draw(ax, **settings), got {type(draw).__name__}")
        empty = [name for name, values in choices.items() if not np.size(values) or not np.ndim(values)]
        if not choices or empty:
            raise ValueError(f"each slider needs values, as in learning_rate=[0.01, 0.1]; without: {empty or 'all'}")
        self.draw = draw
        self.choices = {name: list(values) for name, values in choices.items()}
        self.sliders = {name: _slider(name, values) for name, values in self.choices.items()}
        self.image = ipywidgets.Image(format="png", value=b"")
        self.message = ipywidgets.Label()
        self.view = ipywidgets.VBox([*self.sliders.values(), self.image, self.message])
        for slider in self.sliders.values():
            slider.observe(lambda change: self.update(), names="value")

    def settings(self):
        """Return the value of each slider: dict of name to value."""
        return {name: slider.value for name, slider in self.sliders.items()}

    def update(self):
        """Draw the figure anew, or say why that failed."""
        try:
            self.image.value = self.picture([self.settings()])
            self.message.value = ""
        except Exception as error:  # of the reader's own function: whatever it is, it must be seen
            self.message.value = _in_words(error)

    def stills(self):
        """Return the settings of the stills: ends and middle of the first slider, the others where they start."""
        first, values = next(iter(self.choices.items()))
        start = {name: others[0] for name, others in self.choices.items()}
        places = np.unique(np.linspace(0, len(values) - 1, NUM_STILLS).round().astype(int))
        return [{**start, first: values[place]} for place in places]

    def picture(self, many_settings):
        """Return PNG bytes of the figure for each of the settings, side by side."""
        figure = Figure(figsize=(1.6 + 2.4 * len(many_settings), 3.2), dpi=STILL_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        for ax, settings in zip(figure.subplots(1, len(many_settings), squeeze=False)[0], many_settings, strict=True):
            self.draw(ax, **settings)
            ax.set_title(", ".join(f"{name} {value}" for name, value in settings.items()), fontsize=10)
        file = BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()

    def __repr__(self):
        return f"Explore({', '.join(self.choices)})"

    def _repr_mimebundle_(self, **kwargs):
        self.update()
        bundle = {VIEW: live_view(self.view), "text/plain": repr(self)}
        try:
            bundle["image/png"] = self.picture(self.stills())
        except Exception as error:  # as above: the sliders are there all the same
            print(_in_words(error))
        return bundle


def _in_words(error):
    return "".join(format_exception_only(error)).strip()


def _slider(name, values):
    return ipywidgets.SelectionSlider(options=values, description=name, style={"description_width": "initial"})
