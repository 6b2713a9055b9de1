"""A process without network, with a read-only view of the system and limits on all it can use.

Bubblewrap (https://github.com/containers/bubblewrap, package ``bubblewrap`` of Debian and Ubuntu) makes the namespaces;
resource limits, a filter of system calls and a look at the memory of all processes do the rest. Nothing of the grader,
its tests or the submissions is visible inside.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

RUNNER = Path(__file__).with_name("runner.py")
COURSE = Path(__file__).resolve().parents[1] / "mnist_helpers"
INSIDE = "/course"
TIME_IS_UP = {128 + signal.SIGALRM, 128 + signal.SIGXCPU, -signal.SIGALRM, -signal.SIGXCPU}
MAX_RESULTS = 2**24  # bytes that are read of what a runner sends
LOOK_EVERY = 0.05  # seconds
MACHINES = ("x86_64", "aarch64")
KINDS = (0xC000003E, 0xC00000B7)  # AUDIT_ARCH of linux/audit.h
# Calls that get at memory which no limit of a process counts, at other processes, or at more of the kernel than a sheet
# needs; their numbers on each of the machines.
REFUSED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "ptrace": (101, 117),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "setns": (308, 268),
    "memfd_create": (319, 279),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "memfd_secret": (447, 447),
}
MMAP, CLONE, CLONE3 = (9, 222), (56, 220), 435
NEW_USER, TYPE_AND_ANONYMOUS, SHARED_ANONYMOUS = 0x10000000, 0x2F, 0x21
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",
    "OPENBLAS_NUM_THREADS": "1",
    "MNIST_HELPERS_DOWNLOAD": "0",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Parameters
    ----------
    cell_seconds : float
        All cells of the notebook together.
    task_seconds : float
        All calls of one task together.
    memory_bytes, file_bytes, disk_bytes : int
        Address space of each process and memory of all together, size of a file, all files together.
    processes : int
        Processes and threads at a time.
    """

    cell_seconds: int = 20
    task_seconds: float = 5
    memory_bytes: int = 2 * 2**30
    file_bytes: int = 2**26
    disk_bytes: int = 2**26
    processes: int = 32

    def wall_seconds(self, num_tasks):
        """Return how long a whole submission may take."""
        return self.cell_seconds + num_tasks * (self.task_seconds + 1)


class NoSandbox(RuntimeError):
    """Bubblewrap is missing, or the system does not let it work."""


def require_sandbox():
    """Raise `NoSandbox` unless a process can be shut in here."""
    if shutil.which("bwrap") is None:
        raise NoSandbox("bubblewrap is missing, and students' code must not run without it: apt install bubblewrap")
    with _call_filter() as calls:
        command = [*_walls(Limits(), calls), sys.executable, "-I", "-B", "-c", "import numpy"]
        trial = subprocess.run(command, pass_fds=_numbers(calls), capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        raise NoSandbox(f"bubblewrap cannot make a sandbox here: {trial.stderr.strip()}")


def run_inside(cells, calls, limits, sandboxed=True):
    """Run cells and then calls in a sandbox.

    Parameters
    ----------
    cells : list of str
        Python source, in order.
    calls : list of dict
        ``task``, ``is_value`` and ``inputs``, each a tuple of encoded arguments (see `mnist_helpers.exercises._plain`).
    limits : Limits
    sandboxed : bool
        Without, the code runs with all rights of whoever grades. Only where that is walled in already.

    Returns
    -------
    messages : list of dict
        What the runner sent, as far as it came. Any of it may be forged by the student's code.
    end : str
        ``done``, ``timed out``, ``out of memory`` or ``crashed``.
    """
    uid = 100_000 + os.getpid() % 50_000 if sandboxed and os.geteuid() == 0 else None
    wall_seconds = limits.wall_seconds(len(calls))
    given = asdict(limits) | {"cpu_seconds": int(wall_seconds) + 1}
    course = INSIDE if sandboxed else str(COURSE.parent)
    job = {"cells": cells, "calls": calls, "limits": given, "uid": uid, "course": course}
    runner = f"{INSIDE}/runner.py" if sandboxed else str(RUNNER)
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, _call_filter() as filtered:
        stdin.write(json.dumps(job).encode())
        stdin.seek(0)
        walls = _walls(limits, filtered) if sandboxed else []
        options = {"stdin": stdin, "stdout": stdout, "pass_fds": _numbers(filtered)}
        end = _wait([*walls, sys.executable, "-I", "-B", runner], options, wall_seconds, limits.memory_bytes)
        stdout.seek(0)
        messages = _messages(stdout.read(MAX_RESULTS))
    return messages, "crashed" if end == "done" and {"all": "done"} not in messages else end


def _call_filter():
    """Return an open file with a filter of system calls, as bubblewrap's option ``--seccomp`` reads it, or None.

    It is a program for the kernel's packet filter: each line is an operation, how many lines to skip if true and if
    false, and a number (https://docs.kernel.org/userspace-api/seccomp_filter.html).
    """
    if platform.machine() not in MACHINES:
        return contextlib.nullcontext()
    this = MACHINES.index(platform.machine())
    load, keep_bits, equal, at_least, any_bit, end = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
    not_permitted, no_such_call, kill, allow = 0x00050001, 0x00050026, 0x80000000, 0x7FFF0000
    lines = [
        (load, 0, 0, 4),  # the kind of machine that the call is for
        (equal, 1, 0, KINDS[this]),
        (end, 0, 0, kill),
        (load, 0, 0, 0),  # the number of the call
        (at_least, 0, 1, 0x40000000),  # the other numbers of x86
        (end, 0, 0, kill),
        (equal, 0, 1, CLONE3),  # its arguments cannot be looked at; libraries then use clone
        (end, 0, 0, no_such_call),
    ]
    for numbers in REFUSED.values():
        lines += [(equal, 0, 1, numbers[this]), (end, 0, 0, not_permitted)]
    lines += [
        (equal, 0, 3, CLONE[this]),
        (load, 0, 0, 16),  # its first argument
        (any_bit, 5, 0, NEW_USER),
        (end, 0, 0, allow),
        (equal, 0, 4, MMAP[this]),
        (load, 0, 0, 40),  # its fourth argument
        (keep_bits, 0, 0, TYPE_AND_ANONYMOUS),
        (equal, 0, 1, SHARED_ANONYMOUS),
        (end, 0, 0, not_permitted),
        (end, 0, 0, allow),
    ]
    file = tempfile.TemporaryFile()  # noqa: SIM115, whoever asks for it closes it
    file.write(b"".join(struct.pack("=HBBI", *line) for line in lines))
    file.seek(0)
    return file


def _numbers(file):
    return () if file is None else (file.fileno(),)


def _walls(limits, calls):
    """Return the beginning of a command: what the process that follows may see."""
    seen = sorted({"/usr", sys.prefix, sys.base_prefix})
    parents = sorted({str(parent) for path in [*seen, f"{INSIDE}/x"] for parent in Path(path).parents if parent.name})
    folders = [part for path in parents for part in ("--perms", "0755", "--dir", path)]
    binds = [part for path in seen for part in ("--ro-bind", path, path)]
    links = [part for name in ("bin", "lib", "lib64", "sbin") for part in ("--symlink", f"usr/{name}", f"/{name}")]
    # The judges of `check` know what is right, so they stay outside.
    exercises = f"{INSIDE}/mnist_helpers/exercises"
    kept = [path.name for path in (COURSE / "exercises").glob("*.py") if not path.name.startswith("sheet_")]
    judges_out = [
        *("--size", "4096", "--tmpfs", exercises),
        *(part for name in kept for part in ("--ro-bind", str(COURSE / "exercises" / name), f"{exercises}/{name}")),
        *("--remount-ro", exercises),
    ]
    # Where root grades, the kernel would not limit processes that are root in a user namespace; so the runner takes
    # another user's number itself.
    users = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.geteuid() == 0 else ["--unshare-user"]
    return [
        *("bwrap", "--die-with-parent", "--new-session", "--clearenv", *users),
        *(() if calls is None else ("--seccomp", str(calls.fileno()))),
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)),
        *("--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", "/tmp"),  # before what may lie in it
        *folders,
        *binds,
        *links,
        *("--proc", "/proc", "--dev", "/dev", "--ro-bind", "/dev/null", "/dev/zero", "--remount-ro", "/dev"),
        *("--ro-bind", str(COURSE), f"{INSIDE}/mnist_helpers", "--ro-bind", str(RUNNER), f"{INSIDE}/runner.py"),
        *judges_out,
        *("--remount-ro", "/", "--chdir", "/tmp"),
    ]


def _wait(command, options, seconds, memory_bytes):
    """Run a command and return how it ended; whatever it has started ends with it."""
    deadline = time.monotonic() + seconds
    with subprocess.Popen(command, **options, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(LOOK_EVERY)
                    return "done" if code == 0 else "timed out" if code in TIME_IS_UP else "crashed"
                if time.monotonic() > deadline:
                    return "timed out"
                if _memory_of(process.pid) > memory_bytes:
                    return "out of memory"
        finally:
            process.kill()


def _memory_of(pid):
    """Return how many bytes a process and all below it hold; pages that two of them share count twice."""
    total = 0
    with contextlib.suppress(OSError, ValueError):  # it may end meanwhile
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += 1024 * int(line.split()[1])
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(_memory_of(int(child)) for child in children.read_text(encoding="utf-8").split())
    return total


def _messages(lines):
    """Return the messages among the lines of the runner; others are dropped."""
    messages = []
    for line in lines.splitlines():
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict):
            messages.append(message)
    return messages
