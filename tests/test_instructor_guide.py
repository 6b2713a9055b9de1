"""Numbers in the instructor guide are those that chapters and sheets state, and its promise of privacy holds."""

import re
import socket
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from mnist_helpers.exercises import check

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "book" / "appendix" / "instructor_guide.md").read_text(encoding="utf-8")
CHAPTERS = sorted(ROOT.glob("book/chapters/*.ipynb"))


def head(path):
    return nbformat.read(path, as_version=4).cells[0].source


def reading(number):
    """Return the minutes that a chapter says it takes to read."""
    return int(re.search(r"(\d+) minutes to read", head(CHAPTERS[number - 1]))[1])


def at_the_sheet(number):
    """Return the minutes that the sheet of a chapter says it takes."""
    (path,) = ROOT.glob(f"book/exercises/{number:02d}_*.ipynb")
    return int(re.search(r"about (\d+) minutes", head(path))[1])


def rows(title):
    """Return the cells of the first table under a heading, without its head."""
    text = GUIDE.split(f"## {title}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


@pytest.mark.parametrize("weeks", [6, 12])
def test_weeks_and_minutes(weeks):
    table = rows(f"A course of {weeks} weeks")
    assert [int(row[0]) for row in table] == list(range(1, weeks + 1))
    for _, chapters, _, sheet, to_read, to_do in table:
        assert int(to_read) == sum(map(reading, numbers(chapters)))
        assert int(to_do) == at_the_sheet(int(sheet))
        assert int(sheet) in numbers(chapters)


@pytest.mark.parametrize("weeks", [6, 12])
def test_nothing_is_taught_before_what_it_needs(weeks):
    needs = {int(row[0]): numbers(row[1]) for row in rows("What each chapter needs, and what it yields")}
    taught = [chapter for row in rows(f"A course of {weeks} weeks") for chapter in numbers(row[1])]
    for place, chapter in enumerate(taught):
        assert set(needs[chapter]) <= set(taught[:place]), chapter


def test_needs_are_those_of_the_chapters():
    for number, row in enumerate(rows("What each chapter needs, and what it yields"), start=1):
        wanted = re.search(r"\*\*You need\*\*(.+?)\n\n", head(CHAPTERS[number - 1]), flags=re.DOTALL)[1]
        named = {int(name) for name in re.findall(r"\((\d\d)_\w+\.ipynb\)", wanted)}
        named -= {1} if number == 2 else set()  # "helps, but is not needed"
        assert (int(row[0]), set(numbers(row[1]))) == (number, named)


def test_hours_on_the_hub_are_about_what_the_notebooks_say():
    sys.path.insert(0, str(ROOT / "instructor" / "hub"))
    from cost import Assumptions

    minutes = sum(reading(number) + at_the_sheet(number) for number in range(1, 15))
    assert minutes / 60 == pytest.approx(Assumptions().hours_of_student, rel=0.05)


def test_check_connects_to_nothing(monkeypatch, capsys):
    def refuse(*_):
        raise AssertionError("a connection")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check("soften", lambda logits, temperature: np.exp(logits / temperature))
    assert "soften" in capsys.readouterr().out
