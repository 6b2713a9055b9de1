"""Grade one submission: its code runs in a sandbox, and what comes back is judged here.

No text of the student's process reaches a result; so nothing that it sees can be carried out in a message.
"""

import builtins
from dataclasses import asdict, dataclass, field

import numpy as np

from instructor.hidden import find_hidden
from instructor.sandbox import run_inside
from instructor.submissions import NotReadable, read_cells
from mnist_helpers.exercises._plain import decode, encode
from mnist_helpers.exercises._tasks import Raised, fault, find_task

GRADED, FAILURES, TIMED_OUT = "graded", "graded with failures", "timed out"
OUT_OF_MEMORY, CRASHED, NOT_READABLE, MISSING = "out of memory", "crashed", "not readable", "missing"
STATUSES = (GRADED, FAILURES, TIMED_OUT, OUT_OF_MEMORY, CRASHED, NOT_READABLE, MISSING)
RIGHT, WRONG, BY_HAND = "right", "not right", "graded by hand"
STUB = "YOUR ANSWER HERE"  # what nbgrader leaves in place of an answer
MAX_ANSWER = 20_000  # characters of an answer that are kept; all of it is run


@dataclass
class TaskResult:
    """What became of one task: status, points, what to tell the student, and the key of the misconception."""

    name: str
    status: str
    points: float | None
    message: str = ""
    key: str = ""
    answer: str = ""


@dataclass
class Result:
    """What became of one submission."""

    status: str
    tasks: list = field(default_factory=list)
    reason: str = ""

    def as_dict(self):
        """Return what `json.dumps` takes."""
        return asdict(self)


def grade(sheet, content, limits, seed=0, sandboxed=True):
    """Grade the bytes of one notebook.

    Parameters
    ----------
    sheet : Sheet
    content : bytes or NotReadable
        The notebook, or why there is none.
    limits : Limits
    seed : int
        Draws the inputs.
    sandboxed : bool

    Returns
    -------
    Result
        With one of `STATUSES`; this function raises no error that a submission could cause.
    """
    if isinstance(content, NotReadable):
        return not_readable(sheet, str(content))
    try:
        cells = read_cells(content)
    except NotReadable as error:
        return not_readable(sheet, str(error))
    answers = _answers(sheet, cells)
    if not answers:
        return blank(sheet, MISSING, "none of the sheet's answer cells is in it")
    calls = [_call(item.name, seed) for item in sheet.machine_items]
    code = _code(sheet, cells)
    messages, end = run_inside([source for _, source in code], calls, limits, sandboxed)
    stopped = _stopped([grade_id for grade_id, _ in code], messages)
    tasks = [_judged(item, messages, end, seed, answers.get(item.answer_id, ""), stopped) for item in sheet.items]
    return Result(_status(tasks, messages, end), tasks)


def not_readable(sheet, reason):
    """Return the result of a submission that is no notebook."""
    return blank(sheet, NOT_READABLE, reason)


def blank(sheet, status, reason):
    """Return a result without points, for one of the statuses in which nothing could be graded."""
    return Result(status, [TaskResult(item.name, status, 0.0) for item in sheet.items], reason)


def _answers(sheet, cells):
    """Return the source of the first cell of each answer."""
    ids = {item.answer_id for item in sheet.items}
    answers = {}
    for cell in cells:
        if cell.grade_id in ids:
            answers.setdefault(cell.grade_id, cell.source[:MAX_ANSWER])
    return answers


def _code(sheet, cells):
    """Return (id, source) of the code to run: given cells as in the sheet, no tests, the rest as written."""
    code = [cell for cell in cells if cell.kind == "code" and not cell.grade_id.startswith("test_")]
    present = {cell.grade_id for cell in cells}
    draws = any("plt" in cell.source for cell in code if cell.grade_id not in sheet.given)
    unneeded = set() if draws else sheet.plots
    deleted = [pair for pair in sheet.given.items() if pair[0] not in present | unneeded]
    kept = [cell for cell in code if cell.grade_id not in unneeded]
    return deleted + [(cell.grade_id, sheet.given.get(cell.grade_id, cell.source)) for cell in kept]


def _stopped(ids, messages):
    """Return {id: kind of error} of cells that stopped with a built-in error; a made-up name is none."""
    stopped = {}
    for message in messages:
        number, kind = message.get("cell"), message.get("error")
        known = isinstance(kind, str) and isinstance(getattr(builtins, kind, None), type)
        if type(number) is int and 0 <= number < len(ids) and known:
            stopped.setdefault(ids[number], kind)
    return stopped


def _inputs(name, seed):
    """Return (topic, arguments): those that `check` uses too, with the topic "", then the hidden ones."""
    task = find_task(name)
    seen = [("", args) for args in task.cases(np.random.default_rng([seed, 1]))]
    return seen + find_hidden(name).inputs(seed)


def _call(name, seed):
    inputs = [[encode(part) for part in args] for _, args in _inputs(name, seed)]
    return {"task": name, "is_value": find_task(name).is_value, "inputs": inputs}


def _judged(item, messages, end, seed, answer, stopped):
    if not item.by_machine:
        written = answer.strip() not in ("", STUB)
        return TaskResult(item.name, BY_HAND if written else MISSING, None if written else 0.0, answer=answer)
    status, key, message = _verdict(item.name, messages, end, seed)
    kind = stopped.get(item.answer_id, "NotImplementedError")
    if status == MISSING and kind != "NotImplementedError":
        status, key, message = WRONG, "raises", f"The cell with the answer stops with {kind}."
    return TaskResult(item.name, status, item.points if status == RIGHT else 0.0, message, key, answer)


def _verdict(name, messages, end, seed):
    """Return (status, key of the misconception, message) of one task."""
    task, hidden = find_task(name), find_hidden(name)
    replies = _replies(name, messages)
    how = next((message["end"] for message in messages if message.get("task") == name and "end" in message), end)
    failed = []
    for case, (topic, args) in enumerate(_inputs(name, seed)):
        if case not in replies:
            return _unfinished(how)
        status, key = _judge_reply(task, hidden, topic, args, replies[case])
        if status in (MISSING, OUT_OF_MEMORY):
            return status, "", _SENTENCES[status]
        if key and not topic:
            return WRONG, key, task.sentence(key)
        if key and topic not in failed:
            failed.append(topic)
    if failed:
        return WRONG, "hidden", f"Right on the inputs of check, not right on: {', '.join(failed)}."
    return RIGHT, "", ""


_SENTENCES = {
    MISSING: "There is no answer: the name that the sheet asks for is not defined, or raises NotImplementedError.",
    OUT_OF_MEMORY: "It asked for more memory than there is.",
    TIMED_OUT: "It did not come to an end in time.",
    CRASHED: "The process ended before the function returned.",
}


def _unfinished(how):
    status = how if how in (TIMED_OUT, CRASHED) else CRASHED
    return status, "", _SENTENCES[status]


def _replies(name, messages):
    """Return {case: first reply} of a task; what is no reply is dropped."""
    replies = {}
    for message in messages:
        case = message.get("case")
        if message.get("task") == name and type(case) is int and ("result" in message or "error" in message):
            replies.setdefault(case, message)
    return replies


def _judge_reply(task, hidden, topic, args, reply):
    """Return (status, key) of one call."""
    if "error" in reply:
        result = Raised(str(reply["error"]))
        if result.kind == "MemoryError":
            return OUT_OF_MEMORY, ""
        if result.kind == "NotImplementedError" or (result.kind == "NameError" and reply["case"] == 0):
            return MISSING, ""
    else:
        try:
            result = decode(reply["result"])
        except (ValueError, TypeError, RecursionError, OverflowError):
            return WRONG, "not-numbers"
    args_after = () if reply.get("changed") else args
    if not topic:
        return WRONG, fault(task, args, result, args_after)
    return WRONG, None if hidden.is_right(args, result, args_after) else topic


def _status(tasks, messages, end):
    statuses = {task.status for task in tasks}
    if end != "done":
        return end
    if any(message.get("error") == "MemoryError" for message in messages):
        return OUT_OF_MEMORY
    for status in (TIMED_OUT, OUT_OF_MEMORY, CRASHED):
        if status in statuses:
            return status
    if statuses <= {MISSING}:
        return MISSING
    return GRADED if statuses <= {RIGHT, BY_HAND} else FAILURES
