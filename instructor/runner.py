"""What runs inside the sandbox: a student's cells, then the student's functions on given inputs. Knows no answers.

The job comes as JSON on standard input, results leave as lines of JSON on standard output. Whatever the student's code
prints goes nowhere. Each task is called in a process of its own, so that one that hangs or dies takes no other with it.
"""

import contextlib
import json
import os
import re
import resource
import signal
import sys
import time

MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)  # the notebook's own commands, which are no Python
MAX_SENT = 2_000_000  # bytes of the results of one task


def main():
    """Run the job on standard input."""
    job = json.load(sys.stdin)
    send = _results_only()
    _become_nobody(job["uid"])
    _limit(job["limits"])
    sys.path.insert(0, job["course"])
    _without_check()
    namespace = {"__name__": "__main__"}
    signal.alarm(job["limits"]["cell_seconds"])  # ends the process; who ignores it meets the grader's own limit
    for number, source in enumerate(job["cells"]):
        error = _run_cell(source, namespace)
        if error:
            send({"cell": number, "error": error})
    signal.alarm(0)
    send({"cells": "done"})
    for call in job["calls"]:
        send({"task": call["task"], "end": _in_a_process(call, namespace, send, job["limits"]["task_seconds"])})
    send({"all": "done"})


def _results_only():
    """Keep standard output for results, and send all that is printed nowhere."""
    results = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)

    def send(message):
        line = (json.dumps(message) + "\n").encode()
        os.write(results, line)
        return len(line)

    return send


def _become_nobody(uid):
    """Give up root's rights, if the grader was started by root; the kernel limits no process of root."""
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def _limit(limits):
    for name, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_NOFILE, 64),  # pipes and sockets hold memory that no other limit counts
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too long a file becomes an OSError


def _without_check():
    """Let `check` do nothing: its judges know what is right, and are not here."""
    from mnist_helpers import exercises

    exercises.check = lambda name, answer, rng=None: None


def _run_cell(source, namespace):
    """Run one cell and return the name of the error that stopped it, or None."""
    try:
        try:
            code = compile(source, "cell", "exec")
        except SyntaxError:
            code = compile(MAGIC.sub(r"\1pass", source), "cell", "exec")
        exec(code, namespace)
    except BaseException as error:
        return _builtin_name(error)
    return None


def _builtin_name(error):
    """Return the name of the first built-in type that an error is of: never a name that the student made up."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")


def _in_a_process(call, namespace, send, seconds):
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            _call(call, namespace, send)
            code = 0
        os._exit(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "done" if status == 0 else "crashed"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timed out"


def _call(call, namespace, send):
    from mnist_helpers.exercises._plain import decode, encode, same
    from mnist_helpers.exercises._tasks import Raised, Task, answer_of

    task = Task(call["task"], judge=None, misconceptions={}, is_value=call["is_value"])
    if call["task"] not in namespace:
        send({"task": call["task"], "case": 0, "error": "NameError"})
        return
    sent = 0
    for case, message in enumerate(call["inputs"]):
        if sent > MAX_SENT:  # right results are far smaller
            return
        args = tuple(decode(part) for part in message)
        result, args_after = answer_of(task, namespace[call["task"]], args)
        reply = {"task": call["task"], "case": case}
        if isinstance(result, Raised):
            send(reply | {"error": result.kind})
        else:
            sent += send(reply | {"result": encode(result), "changed": not same(args, args_after)})


if __name__ == "__main__":
    exit_code = 1
    try:
        main()
        exit_code = 0
    finally:
        os._exit(exit_code)  # whatever the student's code has left running or registered
