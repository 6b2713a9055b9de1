"""Stand in for Colab: a notebook alone in an empty folder, Colab's versions, the package from the repository's address.

    python places/colab.py                 with the Python that Colab's list was recorded with, and the one it has now
    python places/colab.py 3.13            one of them

git is told that the repository's address means a bare clone of the last commit on this computer. Every chapter and
every student sheet starts without the package, installs it in its first cell and runs to the end. Then, as after a
restart of the runtime, all of them run again with the package there, the chapters compared strictly with the stored
outputs. Needs uv, the Pythons on PATH, and the data sets, which Colab would download.

The versions are in colab-2026-06.txt. Colab has had Python 3.13 since 25 August 2026 (googlecolab/colabtools issue
6081) and offers 3.12 as an older runtime. No list of the new runtime was at hand: where the old versions have no
wheel for 3.13, the next one that has is taken; and what the list has only of this course's own needs is left out, so
that the install cell has to find it.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from places.common import clone, commit, environment, keep, repository, run, version
from places.notebooks import compare, execute, kernel_of

LIST = Path(__file__).resolve().parent / "colab-2026-06.txt"
LISTED = "June 2026"
RECORDED_WITH, NOW = "3.12", "3.13"
OWN_NEEDS = ("anywidget", "pooch", "psygnal")
UNTOUCHED = ("numpy", "matplotlib", "ipywidgets", "scipy", "scikit-learn", "ipykernel", "ipython", "requests")
LIMIT = 15  # seconds for the install cell


def install_list(python, name):
    """Install Colab's versions, exactly or, for the Python that has no list, at least those but for our own needs."""
    asked = LIST.read_text(encoding="utf-8")
    if name != RECORDED_WITH:
        lines = [line.replace("==", ">=") for line in asked.splitlines() if not line.startswith(OWN_NEEDS)]
        asked = "\n".join(lines)
    wanted = python.parent.parent / "colab.txt"
    wanted.write_text(asked, encoding="utf-8")
    choice = ["--only-binary", ":all:", "--resolution", "lowest-direct"]
    run(["uv", "pip", "install", "--quiet", "--python", python, *choice, "-r", wanted])


def address_means(bare):
    """Return the variables that make git take a local folder for the repository's address."""
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{bare}.insteadOf", "GIT_CONFIG_VALUE_0": repository()}


def packages(python):
    """Return the installed packages as {name: version}."""
    lines = run([python, "-m", "pip", "list", "--format=freeze"]).split()
    return dict(line.split("==") for line in lines if "==" in line)


def remove(python, names):
    run([python, "-m", "pip", "uninstall", "--quiet", "--yes", *names])


def student_sheets(folder):
    """Write the student sheets, which alone are opened on Colab; return their paths."""
    from instructor.release import write_sheets  # only here: it takes nbgrader a second

    folder.mkdir()
    write_sheets(folder, with_solutions=False)
    return sorted(folder.glob("*.ipynb"))


def unexpected(ended):
    """Return the cells of a run that failed and should not have; unanswered tasks and their checks may."""
    settings = [cell.metadata.get("nbgrader", {}) for cell in ended.failed()]
    return [
        cell.source
        for cell, s in zip(ended.failed(), settings, strict=True)
        if not (s and (s["solution"] or s["grade"]))
    ]


def from_nothing(path, python, shipped, content):
    """Run one notebook that finds no package; complain if it fails, touches what was there, or takes too long."""
    ended = execute(path, content)
    now = packages(python)
    changed = {name: (old, now.get(name)) for name, old in shipped.items() if now.get(name) != old}
    if changed or unexpected(ended):
        raise SystemExit(f"{path.name}: changed {changed}, failed {unexpected(ended)}")
    added = sorted(set(now) - set(shipped))
    if "mnist_helpers" not in {name.replace("-", "_") for name in added}:
        raise SystemExit(f"{path.name}: the package was not installed, so it was there before")
    figure = "none" if ended.figure is None else f"{ended.figure:.1f} s"
    print(f"{path.stem}: install {ended.install:.1f} s, figure {figure}, end {ended.end:.1f} s", flush=True)
    return ended, added


def stand_in(name):
    """Try one Python and keep what was found."""
    tested, start = commit(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="colab-") as folder:
        folder = Path(folder)
        source = clone(folder / "course")
        run(["git", "clone", "--quiet", "--bare", source, folder / "bare"])
        python = environment(folder / "env", name)
        install_list(python, name)
        with kernel_of(python, folder / "jupyter"), patch.dict(os.environ, address_means(folder / "bare")):
            chapters = sorted((source / "book" / "chapters").glob("*.ipynb"))
            result = every_notebook(chapters, student_sheets(folder / "sheets"), python, folder / "content")
    keep(f"place-colab-{name}", {**result, "commit": tested, "seconds": round(time.perf_counter() - start)})
    print(result)
    return result["install_slowest"] <= LIMIT


def every_notebook(chapters, sheets, python, content):
    shipped, runs = packages(python), []
    for path in chapters + sheets:
        ended, added = from_nothing(path, python, shipped, content)
        runs.append(ended)
        if path != sheets[-1]:
            remove(python, added)
    again = [execute(path, content) for path in sheets]
    noisy = [path.name for path, ended in zip(sheets, again, strict=True) if ended.notebook.cells[1].outputs]
    if noisy or any(unexpected(ended) for ended in again):
        raise SystemExit(f"after a restart: {noisy} print something in the install cell, or a cell failed")
    figures = [ended.figure for ended in runs[: len(chapters)]]
    return {
        "list": LISTED,
        "python": run([python, "-c", "import platform; print(platform.python_version())"]).strip(),
        **version(python, *UNTOUCHED),
        "added": added,
        "chapters": len(chapters),
        "sheets": len(sheets),
        "install_slowest": round(max(ended.install for ended in runs), 1),
        "figure_first": round(figures[0], 1),
        "figure_slowest": round(max(figures), 1),
        "after_restart": compare(chapters, content),
    }


def main(names):
    unknown = set(names) - {RECORDED_WITH, NOW}
    if unknown:
        sys.exit(f"no such Python here: {', '.join(unknown)}; there are {RECORDED_WITH} and {NOW}")
    quick = [stand_in(name) for name in names or (RECORDED_WITH, NOW)]
    sys.exit(0 if all(quick) else f"the install cell took more than {LIMIT} s")


if __name__ == "__main__":
    main(sys.argv[1:])
