"""What an exhibit is: a correct program, a fault in a few of its lines, and the check that would have found it."""

import difflib
import linecache
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

__all__ = ["Exhibit", "Run"]

PROGRAM = Path(__file__).with_name("program.py")


@dataclass(frozen=True)
class Run:
    """One run of a program.

    Attributes
    ----------
    program : module
        The functions of the program; the docstring of ``museum/program.py`` and its functions say what they do.
    record : dict
        What its ``run`` returned: ``history`` (a list for each quantity, one entry per epoch, entry 0 before training;
        losses are means in nats, accuracies lie in [0, 1]), parameters, scaled data, test results, settings.
    line : str
        The printed line of the symptom.
    shows : bool
        Whether the symptom shows.
    complaint : str or None
        What the exhibit's check says of this run; None if nothing.
    """

    program: types.ModuleType
    record: dict
    line: str
    shows: bool
    complaint: str | None


@dataclass(frozen=True)
class Exhibit:
    """A failure, ready to run.

    Attributes
    ----------
    name : str
        For `mnist_helpers.museum.load`; it names the symptom.
    title : str
        The symptom in a few words.
    cause : str
        What is wrong, in one sentence.
    line : callable
        From (program, record) to the printed line of the symptom.
    shows : callable
        From (program, record) to whether the symptom shows.
    check : callable
        From (program, record) to a complaint, or None. It must find nothing in any right program.
    setup : tuple of (old, new)
        Changes to ``museum/program.py`` that the broken and the cured program share.
    fault : tuple of (old, new)
        The changes that break it. Each `old` text stands exactly once in the program.
    """

    name: str
    title: str
    cause: str
    line: Callable
    shows: Callable
    check: Callable
    fault: tuple
    setup: tuple = ()

    @cached_property
    def cured_source(self):
        """The right program, as text."""
        return _changed(PROGRAM.read_text(encoding="utf-8"), self.setup)

    @cached_property
    def source(self):
        """The broken program, as text."""
        return _changed(self.cured_source, self.fault)

    @property
    def diff(self):
        """The lines in which the two differ: with - those of the broken program, with + those of the cure."""
        lines = difflib.unified_diff(self.source.splitlines(), self.cured_source.splitlines(), lineterm="", n=1)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))

    def run(self, seed=0, *, cured=False):
        """Run the broken program, or the cured one.

        Parameters
        ----------
        seed : int
        cured : bool

        Returns
        -------
        Run
        """
        program = _module(self.cured_source if cured else self.source, f"{self.name}, {'cured' if cured else 'broken'}")
        with np.errstate(all="ignore"):  # the broken results are the point
            record = program.run(seed)
            line, shows = self.line(program, record), bool(self.shows(program, record))
            return Run(program, record, line, shows, self.check(program, record))


def _changed(source, changes):
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} must stand exactly once in the program, found {source.count(old)} times")
        source = source.replace(old, new)
    return source


def _module(source, title):
    """Return a module made from text; linecache lets tracebacks and inspect show its lines."""
    filename = f"<museum: {title}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = types.ModuleType("program")
    exec(compile(source, filename, "exec"), module.__dict__)
    return module
