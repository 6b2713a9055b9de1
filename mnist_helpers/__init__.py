"""Softmax regression from scratch: the small package that the chapters build and then import.

Each module is one topic and reads top to bottom. Import what you need from its module, for example
``from mnist_helpers.functional import softmax``; importing the package alone loads nothing else.
"""

__version__ = "0.1.0"
