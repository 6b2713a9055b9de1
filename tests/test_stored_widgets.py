"""What the chapters store of their interactives: small enough for a page, plain JSON, and of the present classes."""

import json
from pathlib import Path

import nbformat
import pytest

from mnist_helpers import widgets
from mnist_helpers.widgets._base import MIME_TYPE, Interactive, module_style
from mnist_helpers.widgets.sphinx_host import page_script

CHAPTERS = Path(__file__).resolve().parents[1] / "book" / "chapters"
MAX_BYTES = 200_000
CLASSES = {
    cls.module: cls
    for cls in (getattr(widgets, name) for name in widgets.__all__)
    if isinstance(cls, type) and issubclass(cls, Interactive)
}


def stored_widgets():
    """Yield the chapter, the cell's id, and what is stored, of every interactive in the chapters."""
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if MIME_TYPE in output.get("data", {}):
                    yield pytest.param(output["data"][MIME_TYPE], id=f"{path.stem}-{cell['id']}")


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("stored", list(stored_widgets()))
def test_stored_widget(stored):
    module, state = stored["module"], stored["state"]
    text = json.dumps(state)
    assert json.loads(text, parse_constant=refuse) == state
    size = sum(len(part.encode()) for part in (page_script(module), module_style(module), text))
    assert size <= MAX_BYTES
    assert CLASSES[module](**state).state() == state


def test_every_interactive_stands_in_a_chapter():
    assert {param.values[0]["module"] for param in stored_widgets()} == set(CLASSES)
