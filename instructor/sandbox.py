"""A process without network, with a read-only view of the system and limits on all it can use.

Bubblewrap (https://github.com/containers/bubblewrap, package ``bubblewrap`` of Debian and Ubuntu) makes the namespaces;
resource limits do the rest. Nothing of the grader, its tests or the submissions is visible inside.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

RUNNER = Path(__file__).with_name("runner.py")
COURSE = Path(__file__).resolve().parents[1] / "mnist_helpers"
INSIDE = "/course"
TIME_IS_UP = {128 + signal.SIGALRM, 128 + signal.SIGXCPU, -signal.SIGALRM, -signal.SIGXCPU}
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
        Address space of each process, size of a file, all files together.
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
    trial = subprocess.run([*_walls(Limits()), "/usr/bin/true"], capture_output=True, text=True, check=False)
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
        ``done``, ``timed out`` or ``crashed``.
    """
    uid = 100_000 + os.getpid() % 50_000 if sandboxed and os.geteuid() == 0 else None
    wall_seconds = limits.wall_seconds(len(calls))
    given = asdict(limits) | {"cpu_seconds": int(wall_seconds) + 1}
    course = INSIDE if sandboxed else str(COURSE.parent)
    job = {"cells": cells, "calls": calls, "limits": given, "uid": uid, "course": course}
    walls = _walls(limits) if sandboxed else []
    runner = f"{INSIDE}/runner.py" if sandboxed else str(RUNNER)
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
        stdin.write(json.dumps(job).encode())
        stdin.seek(0)
        end = _wait([*walls, sys.executable, "-I", "-B", runner], stdin, stdout, wall_seconds)
        stdout.seek(0)
        messages = _messages(stdout.read(limits.file_bytes))
    return messages, "done" if {"all": "done"} in messages else end


def _walls(limits):
    """Return the beginning of a command: what the process that follows may see."""
    seen = sorted({"/usr", sys.prefix, sys.base_prefix})
    parents = sorted({str(parent) for path in [*seen, f"{INSIDE}/x"] for parent in Path(path).parents if parent.name})
    folders = [part for path in parents for part in ("--perms", "0755", "--dir", path)]
    binds = [part for path in seen for part in ("--ro-bind", path, path)]
    links = [part for name in ("bin", "lib", "lib64", "sbin") for part in ("--symlink", f"usr/{name}", f"/{name}")]
    # Where root grades, the kernel would not limit processes that are root in a user namespace; so the runner takes
    # another user's number itself.
    users = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.geteuid() == 0 else ["--unshare-user"]
    return [
        *("bwrap", "--die-with-parent", "--new-session", "--clearenv", *users),
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)),
        *folders,
        *binds,
        *links,
        *("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
        *("--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", "/tmp"),
        *("--ro-bind", str(COURSE), f"{INSIDE}/mnist_helpers", "--ro-bind", str(RUNNER), f"{INSIDE}/runner.py"),
        *("--remount-ro", "/", "--chdir", "/tmp"),
    ]


def _wait(command, stdin, stdout, seconds):
    """Run a command and return how it ended; whatever it has started ends with it."""
    try:
        ended = subprocess.run(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timed out"
    return "timed out" if ended.returncode in TIME_IS_UP else "crashed"


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
