"""Run the code cells of notebooks in this process, without a Jupyter kernel, and compare what they print.

    python places/cells.py [--like-pyodide] NOTEBOOK ...     prints a line of JSON for each

With --like-pyodide there are no threads, sockets and processes (tests/like_pyodide.py). It is for places where Jupyter
cannot run, such as a Python of 32 bits; elsewhere `pytest --nbval` compares more.
"""

import json
import os
import re
import sys
import time
import warnings
from pathlib import Path

if "--like-pyodide" in sys.argv:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import like_pyodide

    like_pyodide.forbid()

import matplotlib.pyplot as plt
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config


def shell():
    """Return IPython's shell with nothing stored and no thread."""
    config = Config()
    config.HistoryManager.enabled = False
    return InteractiveShell(config=config)


def stored(cell):
    """Return what a cell printed when it was stored, and the value that it ended with, as text."""
    kept = {"stream": lambda part: part.text, "execute_result": lambda part: part.data["text/plain"] + "\n"}
    return "".join(kept[part.output_type](part) for part in cell.outputs if part.output_type in kept)


def run(cell, ipython):
    """Run a cell and return the same of it, and the error that it was not to raise."""
    with capture_output() as captured:
        result = ipython.run_cell(cell.source)
    plt.close("all")  # as in a notebook: the next cell draws into a figure of its own
    error = result.error_before_exec or result.error_in_exec
    if error and "raises-exception" in cell.metadata.get("tags", []):
        return stored(cell), None
    return re.sub(r"^Out\[\d+\]: ", "", captured.stdout, flags=re.MULTILINE) + captured.stderr, error


def peak():
    """Return the most memory that this process has had, in MB; Linux says it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def run_notebook(path):
    """Run the cells of a notebook in its folder; return seconds, MB, the errors, and the cells that print otherwise."""
    ipython, start, cells, errors, differing = shell(), time.perf_counter(), 0, [], []
    os.chdir(path.parent)
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            cells += 1
            found, error = run(cell, ipython)
            if error:
                errors.append(f"cell {number}: {type(error).__name__}: {error}"[:300])
            elif found != stored(cell):
                differing.append({"cell": number, "printed": found[:600], "stored": stored(cell)[:600]})
    seconds = round(time.perf_counter() - start, 1)
    return {"seconds": seconds, "MB": peak(), "cells": cells, "errors": errors, "differing": differing}


def main(arguments):
    plt.switch_backend("agg")
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    os.environ["TQDM_DISABLE"] = "1"
    for path in [Path(name).resolve() for name in arguments if not name.startswith("--")]:
        print(json.dumps({"notebook": path.name, **run_notebook(path)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
