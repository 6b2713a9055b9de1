"""A museum of failures: programs with one fault each, to be run, read and cured.

>>> from mnist_helpers.museum import load
>>> exhibit = load("floor_at_1_46")
>>> print(exhibit.source)         # the broken program
>>> broken = exhibit.run(seed=0)  # broken.line, broken.record, broken.complaint
>>> print(exhibit.diff)           # the cause
>>> cured = exhibit.run(seed=0, cured=True)

``python -m mnist_helpers.museum`` lists all of them with symptom and verdict.
"""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules

from mnist_helpers.museum._exhibit import Exhibit, Run

__all__ = ["Exhibit", "Run", "load", "names"]

_OTHERS = {"program", "checks"}  # modules here that are no exhibits


def names():
    """Return the names of all exhibits."""
    found = (module.name for module in iter_modules(__path__))
    return sorted(name for name in found if name not in _OTHERS and not name.startswith("_"))


def load(name):
    """Return an exhibit.

    Parameters
    ----------
    name : str
        As in `names`.

    Returns
    -------
    Exhibit

    Raises
    ------
    ValueError
        If there is no such exhibit.
    """
    if name not in names():
        close = get_close_matches(str(name), names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names())}"
        raise ValueError(f"no exhibit named {name!r}; {hint}")
    return import_module(f"mnist_helpers.museum.{name}").EXHIBIT
