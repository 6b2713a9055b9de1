"""Grade 200 generated submissions, most of them hostile, and say what came of each; then how fast sane ones are.

    python benchmarks/hostile_class.py [--students 200] [--sane 100]

Exit code 1 if a submission has another status than it must have, is lost or has left a process behind, or if a file of
this repository or of the class has changed.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from instructor import hostile
from instructor.__main__ import main as instructor
from instructor.tables import read_grades

ROOT = Path(__file__).resolve().parents[1]
WATCHED = ("instructor", "mnist_helpers", "book/exercises", "book/chapters", "tests", "experiments")


def grade(folder, out):
    """Grade a folder and return {student: status}."""
    limits = ["--cell-seconds", "10", "--task-seconds", "3"]
    if instructor(["grade", str(folder), "--sheet", "2", "--out", str(out), *limits]) != 0:
        sys.exit(1)
    return {student: line["status"] for student, line in read_grades(out / "grades.csv").items()}


def hostile_part(folder, num_students):
    """Grade the hostile class and return the complaints."""
    expected = hostile.write_class(folder / "in", num_students)
    watched = [folder / "in", *(ROOT / name for name in WATCHED)]
    before = hostile.state_of(*watched)
    statuses = grade(folder / "in", folder / "out")
    complaints = [
        f"{student}: {statuses.get(student, 'lost')}, expected {status}"
        for student, status in expected.items()
        if statuses.get(student) != status
    ]
    complaints += [f"a process is left: {command!r}" for command in hostile.left_behind()]
    complaints += [] if hostile.state_of(*watched) == before else ["a file outside the sandbox has changed"]
    print(f"{len(expected)} submissions, {len(complaints)} complaints; expected: {dict(Counter(expected.values()))}")
    return complaints


def sane_part(folder, num_students):
    """Grade sane submissions and print how many a minute that is."""
    sane = [notebook for notebook, _ in hostile.variants().values()]
    for number in range(num_students):
        hostile.write(folder / "in" / f"s{number:04d}" / "02_softmax.ipynb", sane[number % len(sane)])
    started = time.perf_counter()
    grade(folder / "in", folder / "out")
    minutes = (time.perf_counter() - started) / 60
    print(f"{num_students} sane submissions: {num_students / minutes:.0f} a minute, start and report included")


def main():
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--sane", type=int, default=100)
    options = parser.parse_args()
    with TemporaryDirectory() as scratch:
        complaints = hostile_part(Path(scratch, "hostile"), options.students)
        sane_part(Path(scratch, "sane"), options.sane)
    print("\n".join(complaints))
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
