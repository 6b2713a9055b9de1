"""Follow the README on this computer from nothing, then run a chapter in JupyterLab and in the plain notebook.

    python places/jupyter.py

A clone of the last commit, `pip install -r requirements.txt` in a fresh environment, JupyterLab started in
book/chapters as the README says, and Notebook 7 started in another folder, both below a folder with a space in its
name. The kernel must be found by its name. That no chapter depends on the folder it lies in is shown by
places/colab.py, which runs each alone in an empty one. VS Code itself is not tried; it uses the same kernel.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from places.common import ROOT, clone, commit, environment, keep, run, version
from places.servers import chromium, run_all, server

CHAPTER = "01_digits.ipynb"


def started_in(app, python, folder, path, browser, home):
    """Open and run the first chapter in a server that was started in a folder."""
    start = time.perf_counter()
    with server(python, app, folder, home) as address:
        up = time.perf_counter() - start
        page = "lab/tree" if app == "lab" else "notebooks"
        picture = ROOT / "build" / f"{app}.png"
        picture.parent.mkdir(exist_ok=True)
        return {"server": round(up, 1), **run_all(browser, address, f"{page}/{path}", picture)}


def main():
    tested, start = commit(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="jupyter-") as folder:
        folder = Path(folder)
        source = clone(folder / "a course")
        python = environment(folder / "env", "3.11")
        run([python, "-m", "pip", "install", "--quiet", "--no-compile", "-r", "requirements.txt"], cwd=source)
        installed = time.perf_counter() - start
        chapters = source / "book" / "chapters"
        with chromium() as browser:
            lab = started_in("lab", python, chapters, CHAPTER, browser, folder / "lab")
            notebook = started_in("notebook", python, source, f"book/chapters/{CHAPTER}", browser, folder / "notebook")
        result = {
            "install_seconds": round(installed, 1),
            "lab_version": version(python, "jupyterlab")["jupyterlab"],
            "notebook_version": version(python, "notebook")["notebook"],
            "lab_run": lab,
            "notebook_run": notebook,
            "commit": tested,
        }
    keep("place-jupyter", result)
    print(json.dumps(result, indent=1))
    sys.exit(0 if all(shown["all_run"] and not shown["errors"] for shown in (lab, notebook)) else 1)


if __name__ == "__main__":
    main()
