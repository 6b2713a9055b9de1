"""Hidden tests: inputs that students do not see, and the values that a right function returns for them.

They never enter the sandbox in which students' functions run: there go only the inputs, and back come the results.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

import instructor.hidden
from mnist_helpers.exercises._tasks import answer_of, close, fault, find_task

SEED = 0


@dataclass(frozen=True)
class Hidden:
    """The hidden tests of one task.

    Parameters
    ----------
    name : str
        Name of the task.
    reference : callable
        Right function; for a variable, one without arguments that returns its value.
    groups : dict of callable
        By topic (which feedback may name): ``group(rng)`` returns a list of argument tuples. A variable needs none.
    rtol, atol : float
        How far a right result may be from the reference's.
    compare : callable, optional
        ``compare(args, result, expected)`` returns whether a result is right, where closeness of arrays is not it.
    """

    name: str
    reference: Callable
    groups: dict = field(default_factory=lambda: {"the value": lambda rng: [()]})
    rtol: float = 1e-6
    atol: float = 1e-9
    compare: Callable | None = None

    def inputs(self, seed=SEED):
        """Return (topic, arguments) of all hidden tests, the same for the same seed."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        return [(topic, args) for topic, group in self.groups.items() for args in group(rng)]

    def is_right(self, args, result, args_after):
        """Return whether a result is right and the arguments are as they were."""
        task = find_task(self.name)
        if fault(task, args, result, args_after):
            return False
        expected = answer_of(task, self.reference, args)[0] if not task.is_value else self.reference()
        return self.compare(args, result, expected) if self.compare else _equal(result, expected, self.rtol, self.atol)


def _equal(result, expected, rtol, atol):
    if expected is None or isinstance(expected, str):
        return type(result) is type(expected) and result == expected
    if isinstance(expected, dict):
        same_keys = isinstance(result, dict) and result.keys() == expected.keys()
        return same_keys and all(_equal(result[key], expected[key], rtol, atol) for key in expected)
    if isinstance(expected, (tuple, list)) and expected and not np.isscalar(expected[0]):
        same_length = isinstance(result, (tuple, list)) and len(result) == len(expected)
        return same_length and all(_equal(a, b, rtol, atol) for a, b in zip(result, expected, strict=True))
    return close(result, expected, rtol, atol)


def find_hidden(name):
    """Return the `Hidden` of a task.

    Raises
    ------
    ValueError
        If there is none.
    """
    for hidden in all_hidden():
        if hidden.name == name:
            return hidden
    raise ValueError(f"there are no hidden tests of {name!r}")


@cache
def all_hidden():
    """Return the hidden tests of all sheets."""
    names = sorted(module.name for module in pkgutil.iter_modules(instructor.hidden.__path__))
    return [hidden for name in names for hidden in importlib.import_module(f"instructor.hidden.{name}").HIDDEN]


def failed_topics(name, answer, seed=SEED):
    """Return the topics of hidden tests that an answer fails, run in this process: for trusted answers only."""
    task, hidden = find_task(name), find_hidden(name)
    failed = []
    for topic, args in hidden.inputs(seed):
        result, args_after = answer_of(task, answer, args)
        if not hidden.is_right(args, result, args_after) and topic not in failed:
            failed.append(topic)
    return failed


def assert_right(name, answer):
    """Raise AssertionError unless an answer passes all hidden tests; for the test cells of the sheets' sources."""
    failed = failed_topics(name, answer)
    assert not failed, f"{name}: hidden tests failed on {', '.join(failed)}"
