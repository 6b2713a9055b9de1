"""Submissions: found in a folder, and read without trusting a byte of them.

A student is a folder, a notebook or a zip archive: ``SUBMISSIONS/ada/02_softmax.ipynb`` (also deeper, as nbgrader and
course systems lay them out), ``SUBMISSIONS/ada.ipynb`` or ``SUBMISSIONS/ada.zip``.
"""

import contextlib
import io
import json
import os
import re
import stat
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

NOT_STUDENTS = {".ipynb_checkpoints", ".git", ".DS_Store", "__MACOSX", "Thumbs.db", "desktop.ini"}
MAX_BYTES = 20_000_000
MAX_CELLS = 2_000
MAX_FILES = 1_000
MAX_DEPTH = 10
MAX_ATTEMPTS = 10
STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?: ?UTC)?")


class NotReadable(ValueError):
    """A submission is no notebook; the text says why, in words that hold nothing of its content."""


@dataclass(frozen=True)
class Attempt:
    """One notebook that a student handed in: where it lies and when it came."""

    student: str
    path: Path
    member: str
    time: datetime

    @property
    def label(self):
        """Name of the file, for people."""
        return f"{self.path.name}:{self.member}" if self.member else self.path.name


def find_attempts(folder, sheet_name):
    """Return {student: attempts, the earliest first} of one sheet.

    Parameters
    ----------
    folder : path
    sheet_name : str
        Files whose names contain the sheet's number or name are taken; if a student has none, all notebooks are.
        Of more than `MAX_ATTEMPTS`, the first and the last ones are taken.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: expected one entry for each student in it")
    found = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name not in NOT_STUDENTS:
            name = entry.name if _is_folder(entry.path) else Path(entry.name).stem
            student = name.encode("utf-8", "backslashreplace").decode()  # names may be any bytes; tables are UTF-8
            found.setdefault(student, []).extend(_attempts_of(student, Path(entry.path), sheet_name))
    return {student: _in_order(attempts) for student, attempts in found.items()}


def _in_order(attempts):
    attempts = sorted(attempts, key=lambda attempt: (attempt.time, attempt.label))
    return attempts if len(attempts) <= MAX_ATTEMPTS else [attempts[0], *attempts[1 - MAX_ATTEMPTS :]]


def _is_folder(path):
    return stat.S_ISDIR(os.lstat(path).st_mode)


def _attempts_of(student, path, sheet_name):
    files = _notebooks_below(path) if _is_folder(path) else [path]
    attempts = [attempt for file in files for attempt in _attempts_in(student, file)]
    number = sheet_name.partition("_")[0]
    named = re.compile(rf"(?<!\d){number}(?!\d)|{re.escape(sheet_name)}")
    return [attempt for attempt in attempts if named.search(attempt.member or attempt.path.name)] or attempts


def _notebooks_below(folder):
    """Return notebooks and archives below a folder, without following links."""
    files = []
    for parent, folders, names in os.walk(folder, followlinks=False):
        is_deep = len(Path(parent).relative_to(folder).parts) >= MAX_DEPTH
        folders[:] = [] if is_deep else sorted(set(folders) - NOT_STUDENTS)
        files += [Path(parent, name) for name in sorted(names) if name.endswith((".ipynb", ".zip"))]
        if len(files) >= MAX_FILES:
            break
    return files[:MAX_FILES]


def _attempts_in(student, path):
    time = _time_of(path)
    whole = Attempt(student, path, "", time)
    if path.suffix != ".zip":
        return [whole]
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(whole))) as archive:
            members = [info.filename for info in archive.infolist()[:MAX_FILES] if info.filename.endswith(".ipynb")]
    except Exception:  # of any kind: zipfile lets through what its decoders raise
        members = []
    return [Attempt(student, path, member, time) for member in members] or [whole]


def _time_of(path):
    """Return when a file came: what nbgrader wrote beside it, else when it was changed."""
    stamp = path.parent / "timestamp.txt"
    if stamp.is_file() and not stamp.is_symlink() and stamp.stat().st_size < 200:
        found = STAMP.fullmatch(stamp.read_text(encoding="utf-8", errors="replace").strip())
        with contextlib.suppress(TypeError, ValueError):  # no match, or a thirteenth month
            time = datetime.fromisoformat(f"{found[1]}T{found[2]}")
            return time.replace(tzinfo=UTC)  # nbgrader's default; of another zone the file's own time is taken
    try:
        return datetime.fromtimestamp(os.lstat(path).st_mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)  # a time that no calendar has is late


def read_bytes(attempt):
    """Return the bytes of a notebook.

    Raises
    ------
    NotReadable
        If it is no ordinary file, or too large. Links are not followed, archives not unpacked to disk.
    """
    try:
        handle = os.open(attempt.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotReadable("the file is a link, or cannot be opened") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotReadable("it is no ordinary file")
        if status.st_size > MAX_BYTES:
            raise NotReadable(f"the file has {status.st_size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f} are read")
        content = file.read(MAX_BYTES + 1)
    return _member(content, attempt.member) if attempt.member else content


def _member(content, name):
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as file:
            notebook = file.read(MAX_BYTES + 1)
    except Exception as error:  # of any kind: zipfile lets through what its decoders raise
        raise NotReadable("the archive cannot be unpacked") from error
    if len(notebook) > MAX_BYTES:
        raise NotReadable(f"the notebook is larger than {MAX_BYTES / 1e6:.0f} MB")
    return notebook


@dataclass(frozen=True)
class Cell:
    """One cell of a submission: its kind, its source and its id in the sheet, if it has one."""

    kind: str
    source: str
    grade_id: str


def read_cells(content):
    """Return the cells of a notebook.

    Parameters
    ----------
    content : bytes

    Raises
    ------
    NotReadable
        If the content is no notebook.
    """
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotReadable("the file is empty" if not content.strip() else "the file is no valid JSON") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or len(cells) > MAX_CELLS:
        raise NotReadable("it is no notebook of format 4, or has too many cells")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _cell(cell):
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    settings = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = settings.get("grade_id") if isinstance(settings, dict) else None
    source = source if isinstance(source, str) else ""
    kind = cell.get("cell_type")
    return Cell(
        kind=kind if isinstance(kind, str) else "",
        source=source.encode("utf-8", "replace").decode(),
        grade_id=grade_id if isinstance(grade_id, str) else "",
    )
