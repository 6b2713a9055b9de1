"""An exercise sheet as its source describes it: which cells are given, which are answers, what they are worth."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

EXERCISES = Path(__file__).resolve().parents[1] / "book" / "exercises"
HEADING = re.compile(r"^## \d+\. (.+)$", re.MULTILINE)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One task of a sheet: its name, title and points, and whether a machine grades it."""

    name: str
    title: str
    points: float
    by_machine: bool
    answer_id: str
    rubric: str = ""


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, its tasks, the code cells that are given, by id, and those of them that draw."""

    name: str
    title: str
    items: tuple
    given: dict
    plots: frozenset
    fingerprint: str

    @property
    def machine_items(self):
        """Tasks that a machine grades."""
        return [item for item in self.items if item.by_machine]


def sheet_paths():
    """Return the paths of all sheets, in their order."""
    return sorted(EXERCISES.glob("*.ipynb"))


def load_sheet(name):
    """Return the `Sheet` of a name such as ``02_softmax`` or of a number such as ``2``.

    Raises
    ------
    ValueError
        If there is none.
    """
    names = [path.stem for path in sheet_paths()]
    found = [known for known in names if name == known or (name.isdigit() and known.startswith(f"{int(name):02d}_"))]
    if not found:
        raise ValueError(f"there is no sheet {name!r}; there are {', '.join(names)}")
    source = (EXERCISES / f"{found[0]}.ipynb").read_bytes()
    return _sheet(found[0], nbformat.reads(source.decode(), as_version=4), hashlib.sha256(source).hexdigest())


def _sheet(name, notebook, fingerprint):
    items, given, plots, title, heading = [], {}, set(), "", ""
    for cell in notebook.cells:
        settings = cell.metadata["nbgrader"]
        if cell.cell_type == "markdown" and not settings["grade"]:
            heading = (HEADING.findall(cell.source) or [heading])[-1]
            title = title or cell.source.splitlines()[0].lstrip("# ")
        elif settings["grade"]:
            items.append(_item(cell, settings, heading))
        elif not settings["solution"]:
            given[settings["grade_id"]] = "" if is_ungraded(cell) else cell.source
            plots |= {settings["grade_id"]} if "plt" in cell.source else set()
    return Sheet(name, title, tuple(items), given, frozenset(plots), fingerprint)


def is_ungraded(cell):
    """Return whether a given cell installs something or shows real images, so that grading must do without it."""
    return bool({"remove-cell", "needs-mnist", "needs-fashion"} & set(cell.metadata.get("tags", [])))


def _item(cell, settings, heading):
    by_machine = cell.cell_type == "code"
    name = settings["grade_id"].removeprefix("test_") if by_machine else settings["grade_id"]
    return Item(name, heading, settings["points"], by_machine, name, "" if by_machine else cell.source)
