"""The instructor's commands: ``python -m instructor release`` and ``python -m instructor grade``; see ``--help``."""

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path

from instructor import batch, pages, tables
from instructor.sandbox import Limits, require_sandbox
from instructor.sheets import load_sheet
from instructor.similarity import similar_pairs


def main(arguments=None):
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(prog="python -m instructor", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    grade = commands.add_parser("grade", help="grade a folder of submissions of one sheet")
    grade.set_defaults(run=grade_class)
    grade.add_argument("submissions", type=Path, help="one folder, notebook or zip archive for each student")
    grade.add_argument("--sheet", required=True, help="02_softmax, or 2")
    grade.add_argument("--out", type=Path, required=True, help="where grades.csv, feedback and report go")
    grade.add_argument("--by-hand", type=Path, help="CSV with points given by hand: student, task, points, comment")
    grade.add_argument("--roster", type=Path, help="CSV with a column student: the whole class")
    grade.add_argument("--keep", choices=batch.KEEP, default="last", help="which attempt counts (last)")
    grade.add_argument("--due", type=batch.parse_time, help="2026-11-30T23:59+01:00")
    grade.add_argument("--penalty", type=float, default=0.0, help="share of the points that each day late costs (0)")
    grade.add_argument("--grace", type=float, default=0.0, help="minutes after the end that are not late (0)")
    grade.add_argument("--seed", type=int, default=0, help="draws the hidden inputs (0)")
    grade.add_argument("--cell-seconds", type=int, default=Limits.cell_seconds)
    grade.add_argument("--task-seconds", type=float, default=Limits.task_seconds)
    grade.add_argument("--memory-gb", type=float, default=Limits.memory_bytes / 2**30)
    grade.add_argument("--workers", type=int, help="processes on this machine (all cores)")
    grade.add_argument("--scheduler", help="address of a Dask scheduler instead, tcp://...")
    grade.add_argument("--no-sandbox", action="store_true", help="run students' code with your own rights")
    publish = commands.add_parser("release", help="make the student versions, a zip archive and the student book")
    publish.set_defaults(run=release_sheets)
    publish.add_argument("--out", type=Path, default=Path("build/release"))
    publish.add_argument("--address", help="address of the repository that students open, https://github.com/...")
    publish.add_argument("--branch", default="student", help="branch of it that holds the released files (student)")
    publish.add_argument("--no-book", action="store_true", help="leave the student book out")
    return parser


def grade_class(options):
    """Grade a folder and write all that people read."""
    sheet = load_sheet(options.sheet)
    rules = batch.Rules(options.keep, options.due, options.penalty, timedelta(minutes=options.grace))
    marks = _marks(options, sheet)
    roster = tables.read_roster(options.roster) if options.roster else ()
    if options.no_sandbox:
        print("WITHOUT A SANDBOX: students' code runs with your rights and can do all that you can.", file=sys.stderr)
    else:
        require_sandbox()
    limits = Limits(options.cell_seconds, options.task_seconds, int(options.memory_gb * 2**30))
    started = time.monotonic()
    graded = batch.grade_folder(
        sheet,
        options.submissions,
        options.out,
        limits,
        options.seed,
        options.scheduler,
        not options.no_sandbox,
        options.workers,
    )
    print(f"{sum(map(len, graded.values()))} submissions in {time.monotonic() - started:.0f} s")
    write_all(options.out, sheet, tables.rows(sheet, graded, rules, marks, roster), marks)
    return 0


def _marks(options, sheet):
    """Return points given by hand: those filled in where an earlier run left the form, and those of the named file."""
    forms = [options.out / "by_hand.csv", *([options.by_hand] if options.by_hand else [])]
    marks = {}
    for form in forms:
        if form.exists() or form == options.by_hand:
            marks |= tables.read_marks(form, sheet)
    return marks


def write_all(out, sheet, table, marks=()):
    """Write grades.csv, by_hand.csv, feedback, the answers to grade by hand and the report."""
    tables.write_grades(out / "grades.csv", sheet, table)
    tables.write_marks(out / "by_hand.csv", sheet, table, marks)
    pages.write_feedback(out / "feedback", sheet, table)
    pages.write_answers(out / "by_hand", sheet, table)
    report = pages.write_report(out / "report.html", sheet, table, _pairs(sheet, table))
    for status, count in report["statuses"]:
        print(f"  {count:5d} {status}")
    print(f"{out / 'grades.csv'}, {out / 'report.html'}, feedback for each student in {out / 'feedback'}")


def _pairs(sheet, table):
    """Return likely copied pairs of programs and of texts."""
    pairs = []
    for by_machine in (True, False):
        places = [place for place, item in enumerate(sheet.items) if item.by_machine == by_machine]
        documents = {
            row.student: "\n\n".join(row.result.tasks[place].answer for place in places) for row in table if row.attempt
        }
        pairs += similar_pairs(documents, is_code=by_machine)
    return pairs


def release_sheets(options):
    """Make the release."""
    from instructor import release  # loads nbgrader, which takes seconds

    for line in release.release(options.out, options.address, options.branch, with_book=not options.no_book):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
