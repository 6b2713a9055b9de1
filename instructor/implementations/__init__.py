"""Right and wrong answers to every task, each wrong one with its misconception: the tests of the tests."""

import importlib
import pkgutil

import instructor.implementations


def all_answers():
    """Return {task: (right answers, [(wrong answer, key of its misconception)])} of all sheets."""
    names = sorted(module.name for module in pkgutil.iter_modules(instructor.implementations.__path__))
    modules = [importlib.import_module(f"instructor.implementations.{name}") for name in names]
    return {task: answers for module in modules for task, answers in module.ANSWERS.items()}
