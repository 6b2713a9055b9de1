"""Open a notebook in a Jupyter server of another environment, in Chromium, and run it as a reader would."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from places.common import variables

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
APPS = {"lab": ("jupyterlab", "--LabApp.expose_app_in_browser=True")}
APPS["notebook"] = ("notebook", "--JupyterNotebookApp.expose_app_in_browser=True")
NOTEBOOK = "jupyterapp.shell.currentWidget"
ERRORS = f"""() => Array.from({NOTEBOOK}.content.model.cells)
    .filter(cell => cell.type === "code").flatMap(cell => cell.outputs.toJSON())
    .filter(output => output.output_type === "error").map(output => output.ename)"""
COUNTS = f"() => Array.from({NOTEBOOK}.content.model.cells).filter(c => c.type === 'code').map(c => c.executionCount)"


@contextmanager
def server(python, app, folder, home):
    """Start JupyterLab or Notebook in a folder, with a home of its own; yield its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module, exposed = APPS[app]
    command = [python, "-m", module, "--no-browser", f"--port={port}", "--ip=127.0.0.1", exposed]
    command += ["--IdentityProvider.token=", "--ServerApp.allow_root=True", "--LabApp.news_url="]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdout=log, stderr=log, env=variables({"HOME": str(home)})
        )
    try:
        yield _once_it_answers(f"http://127.0.0.1:{port}", home / "log.txt")
    finally:
        process.terminate()
        process.wait(timeout=20)


def _once_it_answers(address, log, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/api", timeout=1):
                return address
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"The server did not answer within {seconds} s:\n{log.read_text()[-2000:]}")


@contextmanager
def chromium():
    """Start Chromium, as Debian packages it or as the variable CHROMIUM names it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def run_all(browser, address, path, picture):
    """Open a page of a server, which shows a notebook, and run all cells.

    Parameters
    ----------
    browser : playwright's Browser
    address : str
        Of the server.
    path : str
        What stands behind the address, such as ``lab/tree/book/chapters/01_digits.ipynb``.
    picture : Path
        Where a screenshot is stored.

    Returns
    -------
    dict
        The notebook's path as the page has it; seconds from the click to an open notebook, to the first figure, to
        the end; the names of the errors in the outputs; whether every code cell was run.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    start = time.perf_counter()
    page.goto(f"{address}/{path}")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_function(f"window.jupyterapp && {NOTEBOOK}?.sessionContext?.isReady", timeout=90_000)
    opened = time.perf_counter() - start
    page.evaluate(f"() => {NOTEBOOK}.content.model.sharedModel.cells.forEach(c => c.setOutputs && c.setOutputs([]))")
    page.evaluate("() => { window.end = jupyterapp.commands.execute('notebook:run-all-cells') }")
    page.wait_for_selector(".jp-OutputArea-output img[src^='data:image/png']", timeout=300_000, state="attached")
    figure = time.perf_counter() - start
    page.evaluate("() => window.end")
    page.wait_for_function(f"{NOTEBOOK}.sessionContext.session.kernel.status === 'idle'", timeout=300_000)
    found = {"opened": opened, "figure": figure, "end": time.perf_counter() - start}
    rounded = {name: round(seconds, 1) for name, seconds in found.items()}
    shown, errors, counts = (
        page.evaluate(f"() => {NOTEBOOK}.context.path"),
        page.evaluate(ERRORS),
        page.evaluate(COUNTS),
    )
    page.screenshot(path=picture)
    page.close()
    return {"path": shown, **rounded, "errors": errors, "all_run": None not in counts}


def size(folder):
    """Return the megabytes (10^6 bytes) of everything in a folder."""
    return (
        sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink()) / 1e6
    )
