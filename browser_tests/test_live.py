"""The interactives with a running kernel, in JupyterLab: the same state on both sides, in every view."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import numpy as np
import pytest
from interactive import difference
from nbformat.v4 import new_code_cell, new_notebook

from mnist_helpers.functional import softmax

SET_UP = """
import json, os
import numpy as np
from mnist_helpers.widgets import DrawDigit, Jacobian, SoftmaxBars


def report(name, widget):
    def write(change):
        with open(name + ".tmp", "w") as file:
            json.dump({"state": widget.state(), "shown": widget.shown}, file)
        os.replace(name + ".tmp", name)

    widget.observe(write)


bars, first, second = SoftmaxBars(), Jacobian(), Jacobian(label=0)
pad = DrawDigit(predict=lambda x: np.full(10, 0.1))
report("bars.json", bars)
report("pad.json", pad)


def answer(change):
    if change.new == 7:
        bars.temperature = 2.0  # what the kernel sets must arrive in the page


bars.observe(answer, "shift")
"""


def wait_until(condition, seconds=30):
    """Return the first true value of a function of no arguments."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError("did not happen in time")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    cells = [new_code_cell(text) for text in (SET_UP, "bars", "bars", "first", "second", "pad")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "live.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(folder):
    """A JupyterLab of its own; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", f"--port={port}"]
    command += ["--IdentityProvider.token=", "--ServerApp.allow_root=True", "--LabApp.news_url=", "--ip=127.0.0.1"]
    homes = {name: str(folder / ".jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    with open(folder / "log.txt", "w") as log:  # noqa: PTH123
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **homes})
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{address}/api"))
    yield address
    server.terminate()
    server.wait(timeout=20)


def answers(address):
    """Whether a server answers."""
    try:
        with urllib.request.urlopen(address, timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def page(browser, lab):
    page = browser.new_page(viewport={"width": 1200, "height": 2600})
    page.goto(f"{lab}/lab/tree/live.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function("window.jupyterapp && jupyterapp.shell.currentWidget?.sessionContext?.isReady")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("document.querySelectorAll('.mw').length === 5", timeout=60_000)
    yield page
    page.close()


def read(path):
    """Return what the kernel has reported, or None."""
    return json.loads(path.read_text()) if path.exists() else None


def test_a_slider_moves_the_kernel_and_every_view(page, folder):
    views = page.get_by_role("group", name="Softmax of scores")
    assert views.count() == 2
    views.nth(0).get_by_role("slider", name="score z₁").press("ArrowRight")
    found = wait_until(lambda: (new := read(folder / "bars.json")) and new["state"]["logits"][1] > 1 and new)
    assert found["state"]["logits"] == pytest.approx([2.0, 1.1, 0.1])
    wait_until(lambda: difference(read(folder / "bars.json")["shown"]["stable"], softmax([2.0, 1.1, 0.1])) < 1e-6)
    wait_until(lambda: views.nth(1).get_by_role("slider", name="score z₁").input_value() == "1.1")


def test_the_kernel_moves_the_page(page, folder):
    shift = page.get_by_role("group", name="Softmax of scores").nth(0).get_by_role("slider", name="add to every score")
    shift.evaluate("node => { node.value = 7; node.dispatchEvent(new Event('input')); }")
    wait_until(lambda: read(folder / "bars.json")["state"]["temperature"] == 2.0)
    expected = softmax(np.array([2.0, 1.1, 0.1]) / 2)
    wait_until(lambda: difference(read(folder / "bars.json")["shown"]["stable"], expected) < 1e-6)


def test_two_of_a_kind_keep_apart(page):
    chosen = ".mw:has(input[type=radio]:checked)"
    assert page.locator(chosen).count() == 2
    names = page.evaluate("[...document.querySelectorAll('.mw [id]')].map(node => node.id)")
    assert len(set(names)) == len(names)


def test_keys_stay_with_the_figure(page):
    """In JupyterLab the arrows move between cells and letters are commands."""
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    slider = page.get_by_role("group", name="Softmax of scores").nth(0).get_by_role("slider", name="score z₀")
    slider.focus()
    for key in ("ArrowDown", "b", "d", "d"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert slider.evaluate("node => node === document.activeElement")


def test_your_own_function_answers(page, folder):
    pad = page.get_by_role("group", name="Draw a digit")
    pad.get_by_role("combobox").first.select_option(index=4)
    assert wait_until(lambda: "10 %" in pad.inner_text())
