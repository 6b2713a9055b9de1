"""Interactive figures that compute in the page: in the built book without a kernel, in JupyterLab and Colab with one.

Each is an anywidget: a class here for its state and its numpy twin, a file in ``static`` for what the page does.
"""

from mnist_helpers.widgets.clipping import Clipping
from mnist_helpers.widgets.confusion_explorer import ConfusionExplorer
from mnist_helpers.widgets.draw_digit import DrawDigit
from mnist_helpers.widgets.explore import Explore
from mnist_helpers.widgets.jacobian import Jacobian
from mnist_helpers.widgets.ravine import Ravine
from mnist_helpers.widgets.softmax_bars import SoftmaxBars
from mnist_helpers.widgets.step_size import StepSize
from mnist_helpers.widgets.three_classes import ThreeClasses

__all__ = [
    "Clipping",
    "ConfusionExplorer",
    "DrawDigit",
    "Explore",
    "Jacobian",
    "Ravine",
    "SoftmaxBars",
    "StepSize",
    "ThreeClasses",
]
