"""Grade a folder of submissions side by side with Dask; results are written as they arrive, so a killed run goes on."""

import hashlib
import json
import os
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from dask import config
from distributed import Client, LocalCluster, as_completed
from tqdm.auto import tqdm

from instructor.grading import CRASHED, MISSING, Result, TaskResult, blank, grade
from instructor.sandbox import Limits
from instructor.submissions import NotReadable, find_attempts, read_bytes

AT_ONCE = 32  # notebooks that workers have or that wait for one; the others stay on the disk
TRIES = 3  # beyond the first: how many workers a submission may take with it
KEEP = ("last", "first", "best")


@dataclass(frozen=True)
class Rules:
    """Which attempt counts, and what lateness costs.

    Parameters
    ----------
    keep : str
        ``last``, ``first`` or ``best``: the attempt that counts.
    due : datetime or None
        With a time zone. What comes later is late.
    penalty : float
        Share of the points, from 0 to 1, that each day begun after `due` costs.
    grace : timedelta
        What may come after `due` without being late.
    """

    keep: str = "last"
    due: datetime | None = None
    penalty: float = 0.0
    grace: timedelta = timedelta(0)

    def __post_init__(self):
        if self.keep not in KEEP:
            raise ValueError(f"keep must be one of {', '.join(KEEP)}, got {self.keep!r}")
        if not 0 <= self.penalty <= 1:
            raise ValueError(f"penalty is the share of the points that a day costs, from 0 to 1, got {self.penalty}")
        if self.due is not None and self.due.tzinfo is None:
            raise ValueError(f"due needs a time zone, for example 2026-11-30T23:59+01:00, got {self.due.isoformat()}")

    def days_late(self, time):
        """Return how many days after the end an attempt came, each day begun counted."""
        if self.due is None or time <= self.due + self.grace:
            return 0
        return -((self.due - time) // timedelta(days=1))

    def factor(self, time):
        """Return the share of the points that an attempt keeps."""
        return max(0.0, 1.0 - self.penalty * self.days_late(time))


@dataclass(frozen=True)
class Job:
    """One attempt to grade, with the name of the file that holds its result, and what its content was."""

    attempt: object
    path: Path
    fingerprint: str
    digest: bytes


def grade_folder(sheet, submissions, out, limits=None, seed=0, scheduler=None, sandboxed=True, workers=None):
    """Grade every attempt of every student and write one JSON file each into ``out/results``.

    Parameters
    ----------
    sheet : Sheet
    submissions, out : path
    limits : Limits, optional
    seed : int
        Draws the hidden inputs.
    scheduler : str, optional
        Address of a Dask scheduler; by default all cores of this machine.
    sandboxed : bool
    workers : int, optional
        Number of local processes.

    Returns
    -------
    dict
        Attempts with their results, by student: lists of (Attempt, Result).
    """
    limits = limits or Limits()
    attempts = find_attempts(submissions, sheet.name)
    folder = Path(out, "results")
    folder.mkdir(parents=True, exist_ok=True)
    jobs = {
        student: [_job(attempt, sheet, folder, limits, seed) for attempt in found]
        for student, found in attempts.items()
    }
    todo = [job for several in jobs.values() for job in several if load_result(job) is None]
    if todo:
        _grade_all(todo, sheet, limits, seed, scheduler, sandboxed, workers)
    return {student: [(job.attempt, load_result(job)) for job in several] for student, several in jobs.items()}


def _job(attempt, sheet, folder, limits, seed):
    digest = _digest(_content(attempt))
    rest = json.dumps([sheet.fingerprint, asdict(limits), seed, _grader_fingerprint()])
    fingerprint = hashlib.sha256(digest + rest.encode()).hexdigest()
    return Job(attempt, folder / f"{safe_name(attempt.student)}.{fingerprint[:16]}.json", fingerprint, digest)


def _content(attempt):
    """Return the bytes of a notebook, or a text that says why there are none."""
    try:
        return read_bytes(attempt)
    except NotReadable as error:
        return str(error)


def _digest(content):
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).digest()


@cache
def _grader_fingerprint():
    """Return a hash of all that decides about points, so that results of an older grader are not taken for new ones."""
    root = Path(__file__).resolve().parents[1]
    files = [*sorted((root / "instructor").rglob("*.py")), *sorted((root / "mnist_helpers/exercises").glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def safe_name(student):
    """Return a student's name as a file name that names nothing outside its folder."""
    name = quote(student.encode("utf-8", "surrogateescape"), safe=" ").replace(".", "%2E")
    return name if len(name) <= 100 else f"{name[:80]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def load_result(job):
    """Return the result of a job, or None if it has not been graded yet."""
    try:
        stored = json.loads(job.path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if stored.pop("fingerprint", None) != job.fingerprint:
        return None
    return Result(stored["status"], [TaskResult(**task) for task in stored["tasks"]], stored["reason"])


def _write(job, result):
    """Write a result whole or not at all."""
    scratch = job.path.with_suffix(".part")
    text = json.dumps(result.as_dict() | {"fingerprint": job.fingerprint}, indent=1)
    scratch.write_text(text + "\n", encoding="utf-8")
    scratch.replace(job.path)


def _grade_all(jobs, sheet, limits, seed, scheduler, sandboxed, workers):
    config.set({"distributed.scheduler.allowed-failures": TRIES})
    with _cluster(scheduler, workers) as cluster, Client(cluster, timeout=20) as client:
        waiting, graded_by = iter(jobs), {}

        def hand_out(number):
            futures = []
            for job in islice(waiting, number):
                content = _content(job.attempt)
                content = content if _digest(content) == job.digest else "it was changed while the class was graded"
                future = client.submit(grade_bytes, sheet, content, limits, seed, sandboxed, pure=False)
                graded_by[future] = job
                futures.append(future)
            return futures

        arriving = as_completed(hand_out(max(AT_ONCE, 2 * len(client.nthreads()))))
        for future in tqdm(arriving, total=len(jobs), unit="submission", disable=None):
            _write(graded_by.pop(future), _result_of(future, sheet))
            arriving.update(hand_out(1))


def _cluster(scheduler, workers):
    if scheduler is None:
        return LocalCluster(n_workers=workers or os.cpu_count(), threads_per_worker=1, dashboard_address=None)
    return nullcontext(scheduler)  # somebody else's: used, not closed


def grade_bytes(sheet, content, limits, seed, sandboxed):
    """Grade a notebook on a worker; a text instead of bytes says why there is none."""
    content = NotReadable(content) if isinstance(content, str) else content
    return grade(sheet, content, limits, seed, sandboxed)


def _result_of(future, sheet):
    """Return what a worker found; if the submission has ended every worker it was given to, say so."""
    if future.status == "finished":
        return future.result()
    return blank(sheet, CRASHED, f"the grader itself failed: {type(future.exception()).__name__}")


def chosen(graded, rules):
    """Return (attempt, result, points) of the attempt that counts, or None if there is none."""
    scored = [(attempt, result, points_of(result) * rules.factor(attempt.time)) for attempt, result in graded]
    if not scored:
        return None
    if rules.keep == "best":
        return max(scored, key=lambda each: each[2])  # of equal ones the first
    return scored[0 if rules.keep == "first" else -1]


def points_of(result):
    """Return the points that a machine gave."""
    return sum(task.points or 0 for task in result.tasks)


def missing(sheet):
    """Return the result of a student who handed in nothing."""
    return blank(sheet, MISSING, "nothing was handed in")


def parse_time(text):
    """Return a time such as ``2026-11-30T23:59+01:00``; without a zone it is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
