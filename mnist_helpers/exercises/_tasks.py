"""How a task is judged: inputs from small to large, and for each result a sentence about the likely misconception.

Calling and judging are two steps, so that the grader can judge in its own process what a student's function returned
in another. Nothing here holds an answer: a result is judged by what must be true of it.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

import mnist_helpers.exercises
from mnist_helpers.exercises import given
from mnist_helpers.exercises._plain import Given, Other, copied, encode, same

GENERIC = {
    "not-written": "There is no answer yet.",
    "raises": "It stops with an error.",
    "none": "It returns None. A function without a return statement does; so does one that only prints.",
    "not-numbers": "It returns something that is neither a number nor an array of numbers.",
    "shape": "What it returns has another shape than asked for.",
    "mutates": "It changes its argument. Whoever called it still needs the old values.",
    "wrong": "The value is not right.",
}


@dataclass(frozen=True)
class Task:
    """One task that a machine can judge.

    Parameters
    ----------
    name : str
        Name of the function that the student writes, or of the variable.
    judge : callable
        ``judge(args, result)`` returns None if the result may be right, else a key of `misconceptions` or of `GENERIC`.
        It must cope with any plain result, whatever its shape.
    misconceptions : dict of str
        What to tell the student, by key: what the mistake is, not what would be right.
    cases : callable, optional
        ``cases(rng)`` returns a list of argument tuples, the smallest first. For a variable there are none.
    is_value : bool
        The answer is a variable, not a function.
    judges_errors : bool
        `judge` also gets the `Raised` that stands for an error, and says whether it is right.
    """

    name: str
    judge: Callable
    misconceptions: dict
    cases: Callable = field(default=lambda rng: [()])
    is_value: bool = False
    judges_errors: bool = False

    def sentence(self, key):
        """Return the sentence for a key."""
        return self.misconceptions.get(key) or GENERIC[key]


@dataclass(frozen=True)
class Raised:
    """The error with which a function stopped: the name of its type, and its text where it may be shown."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Verdict:
    """What `check` found: right or not, and if not, the key of the misconception and a message."""

    right: bool
    key: str
    message: str


def check(name, answer, rng=None):
    """Print what can be said at once about an answer: that it holds, or which misconception it seems to show.

    Parameters
    ----------
    name : str
        Name of the task, as the sheet gives it.
    answer : callable or number or array
        Your function, or your value.
    rng : numpy.random.Generator, optional
        Draws the inputs; new ones with each call by default.

    Raises
    ------
    ValueError
        If no sheet has a task of this name.
    TypeError
        If `rng` is neither a Generator nor None.
    """
    print(verdict(name, answer, rng).message)


def verdict(name, answer, rng=None):
    """Return as a `Verdict` what `check` prints.

    Raises
    ------
    TypeError, ValueError
        As `check`.
    """
    task = find_task(name)
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, as from np.random.default_rng(seed), got {rng!r}")
    cases = task.cases(np.random.default_rng() if rng is None else rng)
    for args in cases:
        result, args_after = answer_of(task, answer, args)
        key = fault(task, args, result, args_after)
        if key:
            return Verdict(False, key, f"{name}: not yet. {task.sentence(key)}{_evidence(task, args, result)}")
    inputs = "" if task.is_value else f" on {len(cases)} inputs, from tiny ones to random ones"
    return Verdict(True, "", f"{name}: right{inputs}. Graded tests go further.")


def answer_of(task, answer, args):
    """Return what an answer gives for a case, and the arguments after the call.

    Parameters
    ----------
    task : Task
    answer : object
        The student's function, or value.
    args : tuple
        Arguments; the function gets a copy.

    Returns
    -------
    result : object
        A plain value, or `Raised`.
    args_after : tuple
        The copy, after the call.
    """
    if task.is_value:
        return answer, args
    args_after = copied(args)
    try:
        with np.errstate(all="ignore"):  # overflow shows in the result; warnings would only bury the message
            return answer(*map(_unpacked, args_after)), args_after
    except Exception as error:
        return Raised(type(error).__name__, str(error)), args_after


def _unpacked(arg):
    return getattr(given, arg.name) if isinstance(arg, Given) else arg


def fault(task, args, result, args_after):
    """Return the key of what is wrong with a result, or None.

    Parameters
    ----------
    task : Task
    args, args_after : tuple
        Arguments before and after the call.
    result : object
        What came back: a plain value, or `Raised`.
    """
    if isinstance(result, Raised):
        if result.kind == "NotImplementedError":
            return "not-written"
        return task.judge(args, result) if task.judges_errors else "raises"
    if result is None:
        return "not-written" if task.is_value else "none"
    if result is Ellipsis or (isinstance(result, str) and task.is_value):
        return "not-written"
    if not _is_plain(result):
        return "not-numbers"
    with np.errstate(all="ignore"):
        key = task.judge(args, result)
    return key or ("mutates" if not same(args, args_after) else None)


def _is_plain(value):
    if isinstance(value, Other) or encode(value)[0] == "other":
        return False
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return all(map(_is_plain, value.values())) if isinstance(value, dict) else True


def _evidence(task, args, result):
    if isinstance(result, Raised):
        came = f"an error, {result.kind}: {result.text}" if result.text else f"an error, {result.kind}"
    else:
        came = _shown(result)
    inputs = "".join(f"\n  input: {_shown(arg)}" for arg in args)
    return inputs if result is None or result is Ellipsis else f"{inputs}\n  yours: {came}"


def _shown(value):
    if isinstance(value, np.ndarray):
        dtype = "" if value.dtype in (float, int) else f" ({value.dtype})"
        return np.array2string(value, precision=4, threshold=40, separator=", ").replace("\n", "\n  " + " " * 7) + dtype
    return str(value) if isinstance(value, np.generic) else repr(value)


def close(first, second, rtol=1e-6, atol=1e-9):
    """Return whether two arrays have one shape and equal values, up to a relative and an absolute tolerance.

    NaN and infinity are never close to anything.
    """
    try:
        first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    except (TypeError, ValueError):
        return False
    if first.shape != second.shape or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return False
    return bool(np.allclose(first, second, rtol=rtol, atol=atol))


def has_shape(result, shape):
    """Return whether a result is numbers of a shape; ``()`` is a single number. Lists count as arrays."""
    try:
        array = np.asarray(result)
    except ValueError:  # rows of different lengths
        return False
    return array.dtype.kind in "biuf" and array.shape == tuple(shape)


def find_task(name):
    """Return the `Task` of a name.

    Raises
    ------
    ValueError
        If no sheet has a task of this name.
    """
    for task in all_tasks():
        if isinstance(name, str) and task.name == name:
            return task
    known = ", ".join(sorted(task.name for task in all_tasks()))
    raise ValueError(f"there is no task {name!r}; there are {known}")


def all_tasks():
    """Return the tasks of all sheets, in their order."""
    return [task for module in sheet_modules() for task in module.TASKS]


@cache
def sheet_modules():
    """Return the modules ``sheet_NN``, in their order."""
    names = sorted(module.name for module in pkgutil.iter_modules(mnist_helpers.exercises.__path__))
    return [importlib.import_module(f"mnist_helpers.exercises.{name}") for name in names if name.startswith("sheet_")]
