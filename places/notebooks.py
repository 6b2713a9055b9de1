"""Run a notebook as a place would: alone in an empty folder, with the kernel of another environment."""

import json
import os
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

from places.common import run

KERNEL = "place"


@dataclass(frozen=True)
class Run:
    """Seconds from nothing: until the first code cell (the install cell) was done, the first figure, the end."""

    install: float
    figure: float | None
    end: float
    notebook: nbformat.NotebookNode

    def failed(self):
        """Return the code cells that ended with an error."""
        return [cell for cell in self.notebook.cells if any(o.output_type == "error" for o in cell.get("outputs", []))]


@contextmanager
def kernel_of(python, folder):
    """Make the kernel of an environment known under the name `place`; programs that are started see it too."""
    spec = Path(folder) / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    alone = {"PYTHONPATH": ""}  # a kernel must not see the packages of who starts it
    spec.write_text(
        json.dumps({"argv": command, "display_name": KERNEL, "language": "python", "env": alone}), encoding="utf-8"
    )
    with patch.dict(os.environ, JUPYTER_PATH=str(folder)):
        yield


def execute(path, content):
    """Copy one notebook into an empty folder and run all of its cells there.

    Parameters
    ----------
    path : Path
        The notebook; it is left as it is.
    content : Path
        The folder; whatever is in it is removed first.

    Returns
    -------
    Run
        Cells that raise do not stop it: see `Run.failed`.
    """
    shutil.rmtree(content, ignore_errors=True)
    content.mkdir(parents=True)
    notebook = nbformat.read(shutil.copy(path, content), as_version=4)
    done, figures, start = [], [], time.perf_counter()

    def note(cell, cell_index, execute_reply):
        done.append(time.perf_counter() - start)
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            figures.append(done[-1])

    where = {"metadata": {"path": str(content)}}
    client = NotebookClient(
        notebook, kernel_name=KERNEL, timeout=600, resources=where, allow_errors=True, on_cell_executed=note
    )
    client.execute()
    return Run(done[0], figures[0] if figures else None, time.perf_counter() - start, notebook)


def compare(paths, content):
    """Run notebooks with nbval, strict, in one folder with nothing else in it; return what it printed at the end.

    Raises
    ------
    SystemExit
        If an output differs from the stored one.
    """
    shutil.rmtree(content, ignore_errors=True)
    content.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, content)
    alone = ["-c", os.devnull, "--rootdir", content, "-p", "no:cacheprovider"]  # none of this project's settings
    options = ["--nbval", f"--nbval-kernel-name={KERNEL}", "--nbval-cell-timeout=600", "-n", "2", "--dist", "loadfile"]
    quiet = {"TQDM_DISABLE": "1", "OPENBLAS_NUM_THREADS": "1"}
    pytest = [sys.executable, "-m", "pytest", "-q"]
    return run([*pytest, *alone, *options, content], cwd=content, env=quiet).strip().splitlines()[-1]
