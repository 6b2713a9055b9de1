"""The tables that grading reads and writes: grades, points given by hand, a list of the class."""

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

from instructor.batch import chosen, missing
from instructor.grading import BY_HAND


@dataclass(frozen=True)
class Mark:
    """Points given by hand for one task of one student, and a comment."""

    points: float | None
    comment: str


@dataclass(frozen=True)
class Row:
    """One student: which attempt counted, how late, and what became of each task."""

    student: str
    result: object
    attempt: object = None
    days_late: int = 0
    factor: float = 1.0
    comments: tuple = ()

    @property
    def points(self):
        """Points with what lateness costs taken off; tasks not yet graded count nothing."""
        return self.factor * sum(task.points or 0 for task in self.result.tasks)

    @property
    def is_complete(self):
        """Whether every task has its points."""
        return all(task.points is not None for task in self.result.tasks)


def rows(sheet, graded, rules, marks=None, roster=()):
    """Return one `Row` a student, sorted by name.

    Parameters
    ----------
    sheet : Sheet
    graded : dict
        What `grade_folder` returns.
    rules : Rules
    marks : dict, optional
        {(student, task): Mark}, as `read_marks` returns it.
    roster : sequence of str
        Students who may have handed in nothing.
    """
    unknown = sorted({student for student, _ in marks or {}} - {*graded, *roster})
    if unknown:
        raise ValueError(f"points were given by hand to students who are not in the class: {', '.join(unknown)}")
    table = []
    for student in sorted({*graded, *roster}):
        found = chosen(graded.get(student, []), rules)
        if found is None:
            row = Row(student, missing(sheet))
        else:
            attempt, result, _ = found
            row = Row(student, result, attempt, rules.days_late(attempt.time), rules.factor(attempt.time))
        table.append(_with_marks(row, marks or {}))
    return table


def _with_marks(row, marks):
    tasks, comments = [], []
    for task in row.result.tasks:
        mark = marks.get((row.student, task.name))
        if mark is not None and mark.points is not None:
            task = replace(task, points=mark.points)
        comments.append(mark.comment if mark else "")
        tasks.append(task)
    return replace(row, result=replace(row.result, tasks=tasks), comments=tuple(comments))


def read_roster(path):
    """Return the names in the column ``student`` of a CSV file."""
    return [line["student"] for line in _read(path, {"student"})]


def read_marks(path, sheet):
    """Return {(student, task): Mark} from a CSV file with the columns student, task, points and comment.

    Raises
    ------
    ValueError
        If a column is missing, a task unknown, points are no number from 0 to the task's own, or a line comes twice.
    """
    worth = {item.name: item.points for item in sheet.items}
    marks = {}
    for number, line in enumerate(_read(path, {"student", "task", "points"}), start=2):
        key = (line["student"], line["task"])
        if line["task"] not in worth:
            raise ValueError(
                f"{path}, line {number}: {sheet.name} has no task {line['task']!r}, but {', '.join(worth)}"
            )
        if key in marks:
            raise ValueError(f"{path}, line {number}: {key[0]} has points for {key[1]} twice")
        marks[key] = Mark(_points(line["points"], worth[line["task"]], path, number), line.get("comment") or "")
    return marks


def _points(text, most, path, number):
    if not text.strip():
        return None
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 <= points <= most:
        raise ValueError(f"{path}, line {number}: points must be a number from 0 to {most}, got {text!r}")
    return points


def _read(path, columns):
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        lines = [{name: value or "" for name, value in line.items() if name} for line in reader]
    absent = columns - set(reader.fieldnames or ())
    if absent:
        raise ValueError(f"{path} has no column {', '.join(sorted(absent))}; it has {reader.fieldnames}")
    for line in lines:
        line["student"] = as_read(line["student"])
    return lines


def as_written(text):
    """Return a text as a cell that no spreadsheet takes for a formula."""
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "'") else text


def as_read(text):
    """Return the text that `as_written` wrote."""
    return text[1:] if text[:2] in ("'=", "'+", "'-", "'@", "'\t", "'\r", "''") else text


def write_grades(path, sheet, table):
    """Write ``grades.csv``: a line for each student, with status and points of each task."""
    names = [item.name for item in sheet.items]
    header = ["student", "status", "points", "out_of", "complete", "days_late", "submitted", "file", "reason"]
    header += [column for name in names for column in (f"{name} points", f"{name} status")]
    _write(path, header, [_grades_line(sheet, row) for row in table])


def read_grades(path):
    """Return {student: line} of a file that `write_grades` wrote."""
    return {line["student"]: line for line in _read(path, {"student"})}


def _grades_line(sheet, row):
    attempt = row.attempt
    line = [
        as_written(row.student),
        row.result.status,
        _number(row.points),
        _number(sum(item.points for item in sheet.items)),
        "yes" if row.is_complete else "no",
        row.days_late,
        attempt.time.isoformat(timespec="seconds") if attempt else "",
        as_written(attempt.label) if attempt else "",
        row.result.reason,
    ]
    for task in row.result.tasks:
        line += ["" if task.points is None else _number(task.points), task.status]
    return line


def write_marks(path, sheet, table, marks=()):
    """Write the CSV file in which points are given by hand: a line for each answer that waits for some or has some."""
    lines = []
    for row in table:
        for item, task, comment in zip(sheet.items, row.result.tasks, row.comments, strict=True):
            if task.status == BY_HAND or (row.student, task.name) in marks:
                points = "" if task.points is None else _number(task.points)
                lines.append([as_written(row.student), task.name, points, comment, _number(item.points)])
    _write(path, ["student", "task", "points", "comment", "out_of"], lines)


def _number(value):
    return f"{round(value, 2):g}"


def _write(path, header, lines):
    scratch = Path(path).with_suffix(".part")
    with scratch.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])
    scratch.replace(path)
