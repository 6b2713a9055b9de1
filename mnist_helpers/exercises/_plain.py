"""Plain values: what may go into a student's function, what may come back, and both as JSON.

The grader keeps students' code in a process of its own. Between the two nothing travels but numbers, text and arrays
of them; so nothing that is unpacked can run.
"""

import base64

import numpy as np

MAX_BYTES = 1_000_000
MAX_ITEMS = 10_000
MAX_TEXT = 1_000
MAX_DEPTH = 6
KINDS = "biuf"  # booleans, integers, unsigned integers, floats


class Given:
    """A function of ``mnist_helpers.exercises.given``, named: what a task passes where a function is expected.

    Parameters
    ----------
    name : str
        Name of the function in ``mnist_helpers.exercises.given``.
    """

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def __eq__(self, other):
        return isinstance(other, Given) and other.name == self.name

    def __hash__(self):
        return hash(self.name)


class Other:
    """Something that is no plain value: a generator, a plot, an object of the student's own class."""

    def __repr__(self):
        return "something that is neither a number nor an array"


def encode(value, depth=0):
    """Return a value as something that `json.dumps` takes; what is not plain becomes a mark that it was not.

    Parameters
    ----------
    value : object
        Numbers, text, None, arrays of numbers, and tuples, lists and dicts of these.

    Returns
    -------
    list
        A kind and its content.
    """
    if value is None or isinstance(value, (bool, str)):
        return ["plain", value if not isinstance(value, str) else str(value)[:MAX_TEXT]]
    if isinstance(value, int) and abs(value) < 2**63:
        return ["plain", int(value)]
    if isinstance(value, float) and not isinstance(value, np.generic):
        return ["float", float.hex(value)]
    if isinstance(value, Given):
        return ["given", value.name]
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode_array(np.asarray(value))
    if isinstance(value, (tuple, list)) and depth < MAX_DEPTH and len(value) <= MAX_ITEMS:
        return ["tuple" if isinstance(value, tuple) else "list", [encode(part, depth + 1) for part in value]]
    if isinstance(value, dict) and depth < MAX_DEPTH and len(value) <= MAX_ITEMS:
        return ["dict", [[encode(key, depth + 1), encode(part, depth + 1)] for key, part in value.items()]]
    return ["other", None]


def _encode_array(array):
    if array.dtype.kind not in KINDS or array.nbytes > MAX_BYTES or array.dtype.itemsize > 8:
        return ["other", None]
    dtype = array.dtype.newbyteorder("<")
    data = base64.b64encode(array.astype(dtype).tobytes()).decode()
    return ["array", [dtype.str, list(array.shape), data]]


def decode(message, depth=0):
    """Return the value that `encode` wrote.

    Raises
    ------
    ValueError
        If the message is none that `encode` writes. It may come from a student's process, so every part is looked at.
    """
    if not (isinstance(message, list) and len(message) == 2 and isinstance(message[0], str)) or depth > MAX_DEPTH + 1:
        raise ValueError("expected a kind and a content")
    kind, content = message
    if isinstance(content, (str, list)) and len(content) > (MAX_TEXT if isinstance(content, str) else MAX_ITEMS):
        raise ValueError("expected fewer items")
    if kind == "plain" and (content is None or isinstance(content, (bool, int, str))):
        return content
    if kind == "float" and isinstance(content, str):
        return float.fromhex(content)
    if kind == "given" and isinstance(content, str):
        return Given(content)
    if kind == "array":
        return _decode_array(content)
    if kind in ("tuple", "list") and isinstance(content, list):
        parts = [decode(part, depth + 1) for part in content]
        return tuple(parts) if kind == "tuple" else parts
    if kind == "dict" and isinstance(content, list):
        return _decode_dict(content, depth)
    if kind == "other":
        return Other()
    raise ValueError(f"unknown kind {kind[:20]!r}, or a content that does not fit it")


def _decode_dict(content, depth):
    pairs = {}
    for pair in content:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise ValueError("expected pairs of key and value")
        key = decode(pair[0], depth + 1)
        if not isinstance(key, (str, int, float, bool, type(None))):
            raise ValueError("expected a key that is a number or a text")
        pairs[key] = decode(pair[1], depth + 1)
    return pairs


def _decode_array(content):
    if not (isinstance(content, list) and len(content) == 3 and isinstance(content[0], str)):
        raise ValueError("expected dtype, shape and data")
    if not isinstance(content[1], list) or len(content[1]) > 32 or not isinstance(content[2], str):
        raise ValueError("expected dtype, shape and data")
    if any(type(size) is not int or not 0 <= size <= MAX_BYTES for size in content[1]):
        raise ValueError("expected a shape of whole numbers")
    if content[0] not in _DTYPES:
        raise ValueError("expected numbers of a known type")
    data = base64.b64decode(content[2], validate=True)
    return np.frombuffer(data, dtype=content[0]).reshape(content[1]).copy()


_DTYPES = {np.dtype(name).newbyteorder("<").str for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")}
_DTYPES |= {np.dtype(name).newbyteorder("<").str for name in ("f2", "f4", "f8")}


def copied(value):
    """Return a copy that shares no array with the original."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (tuple, list)):
        return type(value)(copied(part) for part in value)
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    return value


def same(first, second):
    """Return whether two plain values are equal to the last bit, NaN equal to NaN."""
    return encode(first) == encode(second)
