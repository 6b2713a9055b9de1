"""What `test_fuzz` draws and how it judges: valid calls, and the same calls with something spoilt.

Structure (which shape, which dtype, which argument is spoilt) is drawn by hypothesis, so that it shrinks; the numbers
inside come from one drawn seed, because drawing each of them would take most of the time.
"""

import builtins
import copy
import inspect
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)
FLOATS = ("float64", "float32")
INTEGERS = ("int64", "uint8", "int8", "int16", "int32", "uint64")
SPECIAL = (np.nan, np.inf, -np.inf, 5e-324, 1e-310, -0.0, 1e308, -1e308, 1e160, 1e-160, 1e20, -1, 0, 255, 1e5)
SPECIAL_WHOLE = (-1, -1, -2, 3, 4, 100, 127, 255, 2**31, 2**62)
NUMBERS = st.sampled_from(
    [
        -1,
        0,
        1,
        2,
        0.5,
        -0.0,
        1.5,
        -2.5,
        True,
        *SPECIAL,
        5000.0,
        2**31,
        2**63,
        -(2**63),
        2**64,
        10**30,
        -(10**30),
        10**400,
        np.float32(1),
        np.int8(127),
        np.uint8(255),
        np.int64(-1),
        np.float16(60000.0),
        np.bool_(True),
        Fraction(1, 3),
        1j,
    ]
)
DTYPES = (
    "bool",
    *INTEGERS,
    "float16",
    *FLOATS,
    "longdouble",
    "complex64",
    "complex128",
    "object",
    "U3",
    "M8[s]",
    ">f8",
)


@dataclass(frozen=True)
class Fuzz:
    """How one function is fuzzed.

    Attributes
    ----------
    valid : strategy of dict
        Arguments by name, with which the function must return a right result.
    right : callable
        ``right(result, **arguments)`` raises unless the result is right, by an independent reference.
    kept : tuple of str
        Arguments that are never spoilt, with the reason beside the entry.
    """

    valid: st.SearchStrategy
    right: Callable
    kept: tuple = ()

    @property
    def wild(self):
        """Valid calls with one or two arguments spoilt."""
        return self.valid.flatmap(lambda call: _spoilt_calls(call, [name for name in call if name not in self.kept]))


@st.composite
def _spoilt_calls(draw, call, names):
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)) if names else ()
    return call | {name: draw(spoilt(call[name])) for name in chosen}


# --- strategies ---------------------------------------------------------------------------------------------------


def calls(**arguments):
    """Draw arguments by name; what is no strategy is taken as it is."""
    return st.fixed_dictionaries(
        {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in arguments.items()}
    )


@st.composite
def arrays(draw, shape, dtypes=FLOATS, scales=(1,)):
    """Draw an array of normal numbers times a scale."""
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    dtype, scale = np.dtype(draw(st.sampled_from(dtypes))), draw(st.sampled_from(scales))
    return filled(draw(SEEDS), shape, dtype, scale)


def filled(seed, shape, dtype, scale=1.0):
    """Return normal numbers times a scale, as far as the dtype can hold them."""
    dtype = np.dtype(dtype)
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype) if dtype.kind == "f" else np.finfo(float)
    with np.errstate(over="ignore"):
        numbers = np.random.default_rng(seed).standard_normal(shape) * np.float64(scale)
    if dtype.kind in "iu":
        numbers = np.clip(numbers, max(limits.min, -(2**53)), min(limits.max, 2**53))
    return np.asarray(np.clip(numbers, float(limits.min), float(limits.max))).astype(dtype)


@st.composite
def shapes(draw, low=1, high=3, smallest=1, largest=4):
    """Draw a shape."""
    return tuple(draw(st.lists(st.integers(smallest, largest), min_size=low, max_size=high)))


@st.composite
def labels_of(draw, n, num_classes, dtypes=INTEGERS):
    """Draw n labels."""
    labels = np.random.default_rng(draw(SEEDS)).integers(0, num_classes, n)
    return labels.astype(draw(st.sampled_from(dtypes)))


generators = SEEDS.map(np.random.default_rng)
learning_rates = st.sampled_from([1e-6, 0.01, 0.1, 0.5, np.float32(0.25), 1])
penalties = st.sampled_from([0.0, 0, 1e-4, 0.1, np.float32(0.5)])
momenta = st.sampled_from([0.0, 0.5, 0.9, np.float32(0.25)])

wild_arrays = arrays(
    shapes(0, 4, 0, 3), ("bool", *INTEGERS, "float16", *FLOATS, "complex128"), (0, 1, 1e2, 1e20, 1e160, 1e308)
)
JUNK = st.sampled_from(
    [
        None,
        "",
        "text",
        "0.5",
        b"bytes",
        [],
        [1, 2],
        [[1, 2], [3]],
        [None],
        ["a"],
        (),
        (1, 2),
        {},
        {"a": 1},
        {1: None},
        {"weights": None},
        {"weights": 1, "bias": 2},
        set(),
        object(),
        int,
        ...,
        slice(2),
        range(3),
        np.zeros,
        lambda: 3,
        np.random.RandomState(0),
        np.float64(np.nan),
        np.array(None),
        np.array(["a", "b"]),
        "\x00",
        "�",
        "~nobody/x",
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.array(3),
        memoryview(b"ab"),
    ]
)
anything = st.one_of(JUNK, NUMBERS, wild_arrays)


def spoilt(value):
    """Draw something like the value that is wrong in some way, or only unusual; or something else altogether."""
    if isinstance(value, np.ndarray):
        return st.one_of(_spoilt_arrays(value), _spoilt_arrays(value), anything)
    if isinstance(value, dict) and value:
        return st.one_of(_spoilt_dicts(value), _spoilt_dicts(value), anything)
    if isinstance(value, tuple) and value:
        return st.one_of(_spoilt_tuples(value), anything)
    if isinstance(value, int | float | np.number):
        return st.one_of(NUMBERS, anything)
    if callable(value):
        return st.one_of(anything.map(_Returning), anything)
    return anything


@dataclass(frozen=True)
class _Returning:
    """A function that returns the same whatever it gets."""

    value: object

    def __call__(self, *args, **kwargs):
        return self.value


@st.composite
def _spoilt_arrays(draw, array):
    return draw(st.sampled_from(_WAYS))(draw, array)


def _cast(draw, array):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a complex number only the real part may be left
        return array.astype(draw(st.sampled_from(DTYPES)))


def _with_special(draw, array):
    changed = np.array(array)
    if changed.size and changed.dtype.kind in "fiu":
        places = np.random.default_rng(draw(SEEDS)).random(changed.shape) < draw(st.sampled_from([0.2, 0.6, 1.0]))
        with np.errstate(all="ignore"):
            special = SPECIAL if changed.dtype.kind == "f" else SPECIAL_WHOLE
            changed[places] = np.asarray(draw(st.sampled_from(special))).astype(changed.dtype)
    return changed


def _reshaped(draw, array):
    ways = [np.ravel, np.transpose, lambda a: a[None], lambda a: a[..., None], lambda a: a[:0], lambda a: a[:-1]]
    ways += [
        lambda a: a[..., :0],
        lambda a: a[..., :-1],
        lambda a: np.concatenate([a, a]),
        lambda a: a.ravel()[:1].sum(),
    ]
    return draw(st.sampled_from(ways))(np.atleast_1d(array))


def _laid_out(draw, array):
    """Return the same numbers in another memory layout or container, which must give the same result or a TypeError."""
    ways = [np.asfortranarray, lambda a: np.repeat(a, 2, axis=-1)[..., ::2], lambda a: a.tolist(), _read_only]
    ways += [lambda a: a[::-1].copy()[::-1], lambda a: a.view(_Subclass), lambda a: a.astype(a.dtype.newbyteorder())]
    return draw(st.sampled_from(ways))(np.atleast_1d(array))


class _Subclass(np.ndarray):
    pass


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


_WAYS = (_cast, _with_special, _with_special, _reshaped, _laid_out)


@st.composite
def _spoilt_dicts(draw, value):
    name = draw(st.sampled_from(list(value)))
    others = {key: part for key, part in value.items() if key != name}
    way = draw(st.sampled_from(["part", "part", "part", "missing", "renamed", "more", "number"]))
    if way == "part":
        return value | {name: draw(spoilt(value[name]))}
    more = {"missing": {}, "renamed": {"other": value[name]}, "more": value | {"more": value[name]}, "number": {0: 1}}
    return others | more[way]


@st.composite
def _spoilt_tuples(draw, value):
    place = draw(st.integers(0, len(value) - 1))
    ways = [value[:place], (*value, value[place]), list(value)]
    return draw(
        st.one_of(
            spoilt(value[place]).map(lambda part: (*value[:place], part, *value[place + 1 :])), st.sampled_from(ways)
        )
    )


# --- the judge ----------------------------------------------------------------------------------------------------


def outcome(function, fuzz, call):
    """Return "right" or "error" (a documented one), or raise AssertionError."""
    before = copied(call)
    try:
        with warnings.catch_warnings():
            for category in documented(function, "Warns"):
                warnings.simplefilter("ignore", category)
            result = function(**call)
    except Exception as error:
        if not is_documented(error, function):
            raise AssertionError(f"{function.__name__}: {type(error).__name__} is not documented: {error}") from error
        if not str(error).strip():
            raise AssertionError(f"{function.__name__}: {type(error).__name__} without a message") from error
        if not same(before, call):
            raise AssertionError(f"{function.__name__} changed an argument before its error") from error
        return "error"
    assert same(before, call), f"{function.__name__} changed an argument"
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzz.right(result, **before)
    return "right"


def documented(function, section="Raises"):
    """Return the types that the section of the docstring names."""
    text = re.search(
        rf"^{section}\n-+\n(.*?)(?:\n\n\S[^\n]*\n-{{4,}}\n|\Z)", inspect.getdoc(function) or "", re.S | re.M
    )
    names = re.findall(r"^(\w+(?:, \w+)*)$", text[1], re.M) if text else []
    space = vars(sys.modules[function.__module__])
    found = [name for line in names for name in line.split(", ")]
    return tuple(space[name] if name in space else getattr(builtins, name) for name in found)


def is_documented(error, function):
    """Return whether the docstring names this type, or one of this package or of the operating system over it.

    A KeyError, OverflowError or UnicodeError is not accepted for the class it is derived from: it is an accident.
    """
    kinds = documented(function)
    own = type(error).__module__.startswith("mnist_helpers") or isinstance(error, OSError)
    return type(error) in kinds or (own and isinstance(error, kinds))


def copied(value):
    """Return a copy of the arguments that shares no array or generator with them."""
    if type(value) in (dict, list, tuple):
        parts = value.items() if isinstance(value, dict) else value
        return type(value)(map(copied, parts))
    if isinstance(value, np.ndarray):
        twin = copy.deepcopy(value)
        twin.flags.writeable = value.flags.writeable
        return twin
    return copy.deepcopy(value) if isinstance(value, np.random.Generator) else value


def same(first, second):
    """Return whether the arguments are what they were; generators may have moved on."""
    if first is second or isinstance(first, np.random.Generator):
        return True
    if isinstance(first, np.ndarray):
        if first.dtype.kind == "O":
            return repr(first) == repr(second)
        return (first.dtype, first.shape, first.flags.writeable) == (
            second.dtype,
            second.shape,
            second.flags.writeable,
        ) and first.tobytes() == second.tobytes()
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    return len(first) == len(second) and all(map(same, first, second))
