"""Likely copied pairs, found by copydetect: winnowed fingerprints of programs, names and layout taken away.

Method: S. Schleimer, D. Wilkerson, A. Aiken, Winnowing: local algorithms for document fingerprinting, SIGMOD 2003.
"""

import io
from collections import Counter, defaultdict
from itertools import combinations

from copydetect import CodeFingerprint, compare_files
from copydetect.utils import filter_code

NOISE, WINDOW = 20, 6  # characters of a fingerprint; of how many neighbours one is kept
COMMON = 0.1  # share of the class that may write the same without having copied
AT_LEAST = 0.6  # share of both programs that must be alike
ENOUGH = 60  # characters of fingerprints, names taken away, below which likeness says nothing


def similar_pairs(documents, is_code=True):
    """Return (first, second, share of the first, share of the second) of documents that resemble each other.

    Parameters
    ----------
    documents : dict of str
        By student. What more than a tenth of them share is what the task suggests, and does not count.
    is_code : bool
        Python programs, compared without their names; else text, compared as it stands.

    Returns
    -------
    list of tuple
        The most alike first.
    """
    texts = {student: _nameless(text) if is_code else text for student, text in documents.items() if text.strip()}
    common = _common_hashes({student: _fingerprint(text) for student, text in texts.items()})
    prints = {student: _fingerprint(text, common) for student, text in texts.items()}
    pairs = []
    for first, second in sorted(_that_share_something(prints)):
        length = min(prints[first].token_coverage, prints[second].token_coverage)
        _, shares, _ = compare_files(prints[first], prints[second])
        if length >= ENOUGH and min(shares) >= AT_LEAST:
            pairs.append((first, second, float(shares[0]), float(shares[1])))
    return sorted(pairs, key=lambda pair: (-pair[2] - pair[3], pair[:2]))


def _nameless(program):
    """Return a program without comments and layout, all names the same."""
    return filter_code(program, "answer.py", "python")[0]


def _fingerprint(text, boilerplate=()):
    return CodeFingerprint(
        "answer", NOISE, WINDOW, boilerplate=list(boilerplate), filter=False, language="text", fp=io.StringIO(text)
    )


def _common_hashes(prints):
    counts = Counter(value for each in prints.values() for value in set(each.hashes))
    return {value for value, count in counts.items() if count > max(2, COMMON * len(prints))}


def _that_share_something(prints):
    """Return the pairs with a fingerprint in common, so that not all pairs need be compared."""
    owners = defaultdict(set)
    for student, each in prints.items():
        for value in set(each.hashes):
            owners[value].add(student)
    return {pair for students in owners.values() for pair in combinations(sorted(students), 2)}
