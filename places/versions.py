"""Run the tests and every chapter on each Python, with the lowest and the newest versions of all packages.

    python places/versions.py                            every row: more than an hour on two cores
    python places/versions.py 3.12-lowest 3.13-newest    these only

A row is a clone of the last commit, an environment of its own made with uv, and `pytest --nbval` in it, strict, without
the tests of grading and releasing. The lowest versions are those that pyproject.toml and requirements.txt allow, and
where a Python has no wheel of them, the lowest that has. Needs uv (`pip install uv`), the Pythons on PATH, and the data
(CONTRIBUTING.md, "Data"). What every row found is kept in places/results; `python places/table.py` writes the table of
the README from it.
"""

import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from places.common import clone, commit, environment, keep, run, version

# What computes: repeated with other threads and with another BLAS. The rest of the tests knows of neither.
NUMERIC_MODULES = ("functional", "gradcheck", "metrics", "models", "optim", "optimum", "training")
NUMERIC = [f"tests/test_{name}.py" for name in NUMERIC_MODULES]
NUMERIC += ["book/chapters", "book/appendix"]
# Grading and releasing take two minutes, need a quiet machine, and depend on numpy least; `make test` runs them.
LEFT_OUT = ("--ignore=tests/test_grading.py", "--ignore=tests/test_release.py")


@dataclass(frozen=True)
class Row:
    """A Python, how uv chooses versions, a BLAS, the number of its threads, and the tests that run."""

    python: str
    resolution: str
    blas: str = "OpenBLAS"
    threads: int = 1
    tests: tuple = ()

    def options(self):
        """Return more options of pytest."""
        # Old packages call newer neighbours by old names, which is not our fault.
        old = ["-W", "ignore::DeprecationWarning"] if self.resolution == "lowest-direct" else []
        # Two tests at once with two threads each would wait for each other most of the time.
        alone = ["-n", "1"] if self.threads > 1 else []
        return [*LEFT_OUT, *old, *alone]


ROWS = {
    f"{python}-{name}": Row(python, resolution)
    for python in ("3.11", "3.12", "3.13", "3.14", "3.15")
    for name, resolution in (("lowest", "lowest-direct"), ("newest", "highest"))
}
ROWS["3.12-threads"] = Row("3.12", "highest", threads=2, tests=tuple(NUMERIC))
ROWS["3.12-mkl"] = Row("3.12", "highest", blas="MKL", tests=tuple(NUMERIC))
SHOWN = ("numpy", "scipy", "matplotlib", "scikit-learn", "ipywidgets", "anywidget")


def install(python, row, clone_folder):
    """Install what requirements.txt asks for, in the versions of the row."""
    choice = ["--python", python, "--only-binary", ":all:", "--resolution", row.resolution]
    asked = (
        (clone_folder / "requirements.txt").read_text(encoding="utf-8").replace("-e .\n", "")
    )  # no wheel of ourselves
    (clone_folder / "others.txt").write_text(asked, encoding="utf-8")
    files = ["pyproject.toml", "others.txt"]
    run(["uv", "pip", "compile", "--quiet", *choice, "-o", "chosen.txt", *files], cwd=clone_folder)
    run(["uv", "pip", "install", "--quiet", "--python", python, "-r", "chosen.txt", "-e", "."], cwd=clone_folder)
    if row.blas == "MKL":
        build_with_mkl(python)


def build_with_mkl(python):
    """Build NumPy anew, from its source, against Intel's MKL, which comes from the package index."""
    newest = version(python, "numpy")["numpy"]
    run([python, "-m", "pip", "install", "--quiet", "mkl-devel"])
    choice = ["-Csetup-args=-Dblas=mkl-sdl", "-Csetup-args=-Dlapack=mkl-sdl", "--no-binary", "numpy"]
    libraries = python.parent.parent / "lib"
    found = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LDFLAGS": f"-Wl,-rpath,{libraries}"}
    again = ["--force-reinstall", "--no-deps", "--no-cache-dir", f"numpy=={newest}"]
    run([python, "-m", "pip", "install", "--quiet", *choice, *again], env=found)


def blas(python):
    """Return what NumPy says it was built with."""
    code = "import numpy; b = numpy.show_config('dicts')['Build Dependencies']['blas']; print(b['name'], b['version'])"
    return run([python, "-W", "ignore", "-c", code]).strip()


def outcomes(report):
    """Count passed, failed and skipped tests in pytest's XML, and name the failed."""
    counts, failed = Counter(), []
    for case in ET.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        counts[outcome] += 1
        if outcome == "failed":
            failed.append(f"{case.get('classname')} {case.get('name')}")
    return counts, failed


def test(name, row):
    """Run one row from nothing and keep what it found; return whether everything passed."""
    tested = commit()
    with tempfile.TemporaryDirectory(prefix=f"versions-{name}-") as folder:
        folder = Path(folder)
        source = clone(folder / "course")
        python = environment(folder / "env", row.python)
        install(python, row, source)
        threads = {"OPENBLAS_NUM_THREADS": str(row.threads), "MKL_NUM_THREADS": str(row.threads)}
        start, report = time.perf_counter(), folder / "report.xml"
        command = [python, "-m", "pytest", "--nbval", "-q", "--junitxml", report, *row.options(), *row.tests]
        printed = run(command, cwd=source, env=threads, check=False)
        seconds = time.perf_counter() - start
        counts, failed = outcomes(report)
        full = run([python, "-c", "import platform; print(platform.python_version())"]).strip()
        found = {"python": full, **version(python, *SHOWN), "blas": blas(python), "threads": row.threads}
    keep(
        f"versions-{name}",
        {"row": name, **found, **counts, "failures": failed, "seconds": round(seconds), "commit": tested},
    )
    print(name, found, dict(counts), f"{seconds:.0f} s", *failed[:20], printed[-3000:] if failed else "", sep="\n  ")
    return not failed and counts["passed"] > 0


def main(names):
    unknown = set(names) - set(ROWS)
    if unknown:
        sys.exit(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    passed = [test(name, ROWS[name]) for name in names or ROWS]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
