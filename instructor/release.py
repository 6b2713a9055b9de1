"""Make the student versions of the sheets: solutions, hidden tests, rubrics and outputs gone.

nbgrader's own preprocessors do it (https://nbgrader.readthedocs.io), so a sheet is what nbgrader itself would release.
"""

import ast
import html
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from instructor.runner import MAGIC
from instructor.sheets import SOLUTION, sheet_paths

ROOT = Path(__file__).resolve().parents[1]
STEPS = (CheckCellMetadata, LockCells, ClearSolutions, ClearHiddenTests, ClearOutput, ComputeChecksums)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
TAG = re.compile(r"<[^<>]+>")
LONG = 30
SHORT, SHORT_TEXT = 12, 40  # a shorter line of code, such as `else:`, or of text says nothing


class Leak(RuntimeError):
    """Something that students must not see stands in a released file."""


def student_version(notebook):
    """Return the student version of a sheet.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The source, with solutions; it is left as it is.

    Returns
    -------
    nbformat.NotebookNode
        What given code prints and draws stays, unless it depends on an answer.
    """
    kept = {cell.id: cell.outputs for cell in _independent(notebook)}
    released = nbformat.from_dict(notebook)
    for step in STEPS:
        released, _ = step().preprocess(released, {})
    for cell in released.cells:
        if cell.cell_type == "code":
            cell.outputs = kept.get(cell.id, [])
    return released


def _independent(notebook):
    """Return the given code cells that use nothing that a student writes, directly or through other cells."""
    answers, independent = set(), []
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.source.startswith("%"):
            settings = cell.metadata["nbgrader"]
            used, made = _names(cell.source)
            if settings["solution"] or settings["grade"] or used & answers:
                answers |= made
            else:
                independent.append(cell)
    return independent


def _names(source):
    """Return the names that a cell uses and those that it leaves behind; names inside functions are their own."""
    tree = ast.parse(MAGIC.sub(r"\1pass", source))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    functions = [part for part in tree.body if isinstance(part, (ast.FunctionDef, ast.ClassDef))]
    others = [node for part in tree.body if part not in functions for node in ast.walk(part)]
    stored = {node.id for node in others if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return used, stored | {part.name for part in functions}


def secrets(notebooks):
    """Return the lines of sources that students must not see: solutions, hidden tests, model answers and rubrics.

    What the sheets themselves give is no secret: a repaired program repeats most lines of the broken one.
    """
    secret, given = set(), set()
    for cell in [cell for notebook in notebooks for cell in notebook.cells]:
        settings = cell.metadata["nbgrader"]
        if cell.cell_type == "code":
            secret |= _lines(SOLUTION.findall(cell.source) + HIDDEN.findall(cell.source), SHORT)
        elif settings["solution"]:
            secret |= _lines([cell.source], SHORT_TEXT)
        given |= set() if settings["solution"] or settings["grade"] else _lines([cell.source], 0)
    return secret - given


def _lines(texts, at_least):
    lines = {line.strip() for text in texts for line in text.splitlines()}
    return {line for line in lines if len(line) >= at_least}


def find_leaks(folder, lines):
    """Return (path, line) of secret lines in the files below a folder, whatever the kind of file.

    A long line is found anywhere, a short one, such as ``return result``, where it is a line of its own. Both are
    looked for in the file as it stands and as it reads: tags, entities and JSON's escapes taken away.
    """
    long = {line for line in lines if len(line) >= LONG}
    leaks = set()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            for text in _readings(path.read_bytes().decode("utf-8", "replace")):
                found = {line.strip(' \t\r",') for line in text.splitlines()} & lines
                leaks |= {(path, line) for line in found | {line for line in long if line in text}}
    return sorted(leaks)


def _readings(text):
    """Return a text as it stands, and as it reads."""
    plain = html.unescape(TAG.sub("", text)).replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
    return (text,) if plain == text else (text, plain)


def write_sheets(folder, with_solutions=False):
    """Write all sheets into a folder, as students or as instructors read them; unchanged files are not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in sheet_paths()}
    for stale in [path for path in folder.glob("*.ipynb") if path.name not in names]:
        stale.unlink()
    for path in sheet_paths():
        notebook = nbformat.read(path, as_version=4)
        text = nbformat.writes(notebook if with_solutions else student_version(notebook)) + "\n"
        target = folder / path.name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def repository():
    """Return the address of this repository, which `make address` has written into the sheets."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def release(out, address=None, branch="student", with_book=True):
    """Make the release in a folder, which is replaced, and return what to tell about it.

    Parameters
    ----------
    out : path
    address : str, optional
        Of the repository that students open; by default the one that the sheets name.
    branch : str
        The branch of it to which ``out/student`` will be pushed.
    with_book : bool

    Raises
    ------
    Leak
        If a secret line stands in any file. Nothing is released then.
    ValueError
        If the folder holds something else than an earlier release.
    """
    out = Path(out)
    if out.exists() and any(out.iterdir()) and not (out / "links.md").exists():
        raise ValueError(f"{out} holds something else than a release: name another folder with --out")
    lines = secrets([nbformat.read(path, as_version=4) for path in sheet_paths()])
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent) as scratch:
        _make(Path(scratch), address or repository(), branch, with_book)
        leaks = find_leaks(scratch, lines)
        if leaks:
            path, line = leaks[0]
            raise Leak(f"{len(leaks)} lines of solutions in the release, first {line!r} in {path.relative_to(scratch)}")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(scratch, out)
    files = sum(path.is_file() for path in out.rglob("*"))
    return [
        f"{len(sheet_paths())} sheets, {files} files searched for {len(lines)} secret lines: none found",
        f"students' files, to push to the branch {branch}: {out / 'student'}",
        f"for a course system: {out / 'exercises.zip'}",
        f"links to Colab and Binder: {out / 'links.md'}",
        *([f"student book: {out / 'book' / 'index.html'}"] if with_book else []),
    ]


def _make(folder, address, branch, with_book):
    sheets = folder / "student" / "exercises"
    write_sheets(sheets)
    for path in sorted(sheets.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8").replace(repository(), address)
        path.write_text(text.replace("](../chapters/", f"]({address}/blob/main/book/chapters/"), encoding="utf-8")
    binder = folder / "student" / "binder"
    binder.mkdir()
    (binder / "requirements.txt").write_text(f"mnist_helpers @ git+{address}\njupyterlab>=4.2\n", encoding="utf-8")
    _write_zip(folder / "exercises.zip", sheets)
    (folder / "links.md").write_text(_links(address, branch), encoding="utf-8")
    if with_book:
        build_book(folder / "book")


def _write_zip(path, sheets):
    """Write an archive that is the same byte for byte if the sheets are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet in sorted(sheets.glob("*.ipynb")):
            info = zipfile.ZipInfo(f"exercises/{sheet.name}", date_time=(2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, sheet.read_bytes())


def _links(address, branch):
    repository = address.removeprefix("https://github.com/")
    lines = ["| sheet | Colab | Binder |", "|---|---|---|"]
    for path in sheet_paths():
        file = f"exercises/{path.name}"
        colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{file}"
        binder = f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath={file}"
        lines.append(f"| {path.stem} | [open]({colab}) | [open]({binder}) |")
    return "\n".join(lines) + "\n"


def build_book(target):
    """Build the student book, without its sources' caches, into a folder.

    Raises
    ------
    RuntimeError
        If the build fails, with the end of what it printed.
    """
    with TemporaryDirectory() as scratch:
        command = [Path(sys.executable).with_name("jupyter-book"), "build", "-W", "-n", "--keep-going", "book"]
        built = subprocess.run(
            [*command, "--path-output", scratch], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if built.returncode != 0:
            raise RuntimeError(f"the book could not be built:\n{built.stdout[-2000:]}{built.stderr[-2000:]}")
        shutil.copytree(Path(scratch, "_build", "html"), target)
