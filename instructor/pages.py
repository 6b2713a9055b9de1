"""What people read: feedback for each student, answers to grade by hand, a report for the instructor."""

from collections import Counter
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from instructor.batch import safe_name
from instructor.grading import BY_HAND, STATUSES, WRONG
from mnist_helpers.exercises import find_task


def write_feedback(folder, sheet, table):
    """Write one page a student into a folder: points, status and message of each task, and the answer."""
    for row in table:
        tasks = list(zip(sheet.items, row.result.tasks, row.comments, strict=True))
        _write(Path(folder, f"{safe_name(row.student)}.html"), "feedback.html", sheet=sheet, row=row, tasks=tasks)


def write_answers(folder, sheet, table):
    """Write one page for each task that is graded by hand: rubric and all answers, the students in a fixed order."""
    for position, item in enumerate(sheet.items):
        if not item.by_machine:
            answers = [(row.student, row.result.tasks[position].answer) for row in table]
            answers = [(student, answer) for student, answer in answers if answer]
            _write(Path(folder, f"{item.name}.html"), "answers.html", sheet=sheet, item=item, answers=answers)


def write_report(path, sheet, table, pairs):
    """Write the report for the instructor: distribution, tasks most failed, messages given, likely copied pairs."""
    report = summary(sheet, table)
    _write(Path(path), "report.html", sheet=sheet, pairs=pairs, **report)
    return report


def summary(sheet, table):
    """Return what the report says, as counts."""
    statuses = Counter(row.result.status for row in table)
    out_of = sum(item.points for item in sheet.items)
    failed, messages = Counter(), Counter()
    for row in table:
        for item, task in zip(sheet.items, row.result.tasks, strict=True):
            failed[item.name] += item.by_machine and task.points == 0
            if task.status == WRONG:
                messages[item.name, task.key] += 1
    return {
        "num_students": len(table),
        "statuses": [(status, statuses[status]) for status in STATUSES],
        "distribution": distribution([row.points for row in table], out_of),
        "failed": sorted(failed.items(), key=lambda pair: (-pair[1], pair[0])),
        "messages": [(name, key, _sentence(name, key), count) for (name, key), count in _most_first(messages)],
        "waiting": sum(task.status == BY_HAND and task.points is None for row in table for task in row.result.tasks),
    }


def distribution(points, out_of, num_bins=10):
    """Return (from, to, number of students) of equal ranges of points; the last includes its end."""
    edges = [out_of * i / num_bins for i in range(num_bins + 1)]
    bins = Counter(min(int(value / out_of * num_bins), num_bins - 1) for value in points)
    return [(edges[i], edges[i + 1], bins[i]) for i in range(num_bins)]


def _most_first(counts):
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _sentence(name, key):
    return "Right for check, wrong for hidden inputs." if key == "hidden" else find_task(name).sentence(key)


@cache
def _environment():
    environment = Environment(
        loader=PackageLoader("instructor"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    return environment


def _write(path, template, **values):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _environment().get_template(template).render(values)
    scratch = path.with_suffix(".part")
    scratch.write_text(text + "\n", encoding="utf-8", errors="replace")
    scratch.replace(path)
