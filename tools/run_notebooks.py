"""Run notebooks in place and normalise them, so that running again changes no byte.

    python tools/run_notebooks.py                 every chapter, and the notebooks of the appendix
    python tools/run_notebooks.py NOTEBOOK ...    these only

Stored outputs must come from real MNIST, so without it nothing is run. A notebook that fails is left as it was.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from mnist_helpers.data import load_fashion_mnist, load_mnist

ROOT = Path(__file__).resolve().parent.parent
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
PEAK_MEMORY = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"  # in kB
LANGUAGE_INFO = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}


def execute(notebook, folder):
    """Run all cells in a fresh kernel, in their folder and without bars; return its peak memory in MB."""
    os.environ["TQDM_DISABLE"] = "1"
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in conftest.py
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK_MEMORY))
    NotebookClient(notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": folder}}).execute()
    return int(notebook.cells.pop().outputs[0].text) // 1024


def normalise(notebook):
    """Remove in place what differs from run to run or from machine to machine."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("collapsed", None)
        if cell.cell_type == "code":
            cell.outputs = merged_streams(cell.outputs)
            for output in cell.outputs:
                # The live view of a widget has a random number and nothing behind it once the kernel is gone.
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    nbformat.validate(notebook)


def merged_streams(outputs):
    """Return the outputs with neighbouring pieces of one stream joined: where it is cut depends on timing."""
    merged = []
    for output in outputs:
        if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def run(path):
    """Execute one notebook and write it only when all of it ran."""
    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    megabytes = execute(notebook, str(path.parent))
    normalise(notebook)
    nbformat.write(notebook, path)
    print(f"{path.name}: {time.perf_counter() - start:.0f} s, {megabytes} MB")


def main(arguments):
    if load_mnist().is_stand_in:
        sys.exit("Not run: stored outputs must come from real MNIST. See the message above for how to get it.")
    load_fashion_mnist()  # complains if it is not there
    for path in [Path(name) for name in arguments] or sorted(ROOT.glob("book/[ac]*/**/*.ipynb")):
        run(path)


if __name__ == "__main__":
    main(sys.argv[1:])
