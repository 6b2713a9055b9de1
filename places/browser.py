"""The browser alone: the site of tools/make_lite.py with real Pyodide, and stand-ins for what cannot be had here.

    python places/browser.py                         site and constraints, about 15 minutes
    python places/browser.py --root32 FOLDER bits    the numpy core and the chapters with a Python of 32 bits

NumPy for Pyodide is in no package registry, so numbers cannot be computed in the browser here. Three parts stand in:

site         `make lite` in a clone of the last commit. The same site with Pyodide from npm and pure wheels from PyPI is
             opened in Chromium, every other host blocked: file browser, a chapter, the kernel, the install cell, every
             byte of MNIST, every module compiled, and what Pyodide refuses.
constraints  CPython with the versions of packages that Pyodide has, and without threads, sockets and processes
             (tests/like_pyodide.py): the tests of the numpy core, and the chapters, whose printed numbers are compared.
bits         the same with a Python of 32 bits, as Pyodide's is. FOLDER is the root of a Debian for i386: debootstrap
             --arch=i386 trixie FOLDER; then, in it, apt install python3-{numpy,scipy,matplotlib,sklearn,pytest,ipython,
             hypothesis,pooch,requests,tqdm,ipywidgets,nbformat,yaml}, and anywidget and psygnal from PyPI. Needs root.

Needs npm, uv, Chromium and MNIST in the folder MNIST_HELPERS_DATA. What was found is kept in places/results.
"""

import argparse
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from playwright.sync_api import sync_playwright

from places.common import ROOT, clone, environment, keep, kept, run
from places.servers import ARGUMENTS, size

CHAPTER = "chapters/01_digits.ipynb"
MODULES = (
    "functional",
    "models",
    "metrics",
    "optim",
    "training",
    "gradcheck",
    "optimum",
    "data",
    "exercises",
    "32_bits",
)
CORE = [f"tests/test_{name}.py" for name in MODULES]
REFUSALS = ("no sockets in the browser", "emscripten does not support processes", "can't start new thread")
BINARY = ("numpy", "matplotlib", "scikit-learn")  # what mnist_helpers needs of Pyodide's own packages
PURE = ("micropip", "ipython", "tqdm")  # from PyPI, in the versions that Pyodide has
NEWEST = (
    "jedi",
    "comm",
    "pooch",
    "requests",
    "ipywidgets",
    "anywidget",
)  # Pyodide has them in no version, or any will do
EXECUTE = """async code => {
  const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session;
  const printed = [];
  const future = kernel.requestExecute({code});
  future.onIOPub = ({header, content}) => {
    if (header.msg_type === 'stream') printed.push(content.text);
    if (header.msg_type === 'execute_result') printed.push(content.data['text/plain']);
    if (header.msg_type === 'error') printed.push(`${content.ename}: ${content.evalue}`);
  };
  await future.done;
  return printed.join('').trim();
}"""
MOCK = "import micropip\nfor name, version in {}.items():\n    micropip.add_mock_package(name, version)"
READ = """
import hashlib, time
from mnist_helpers import _files
start, right = time.perf_counter(), 0
for file in _files.MNIST.files:
    content = _files._read_bytes(f"/drive/data/mnist/{file.name}.gz", file.num_bytes)
    right += hashlib.sha256(content).hexdigest() == file.sha256
print(f"{right} of 4 files right in {time.perf_counter() - start:.1f} s")
"""
COMPILE = """
import sys
from pathlib import Path
import mnist_helpers
paths = sorted(Path(mnist_helpers.__file__).parent.rglob("*.py"))
for path in paths:
    compile(path.read_bytes(), str(path), "exec")
python = f"Python {sys.version.split()[0]} on {sys.platform}, {sys.maxsize.bit_length() + 1} bits"
print(f"{len(paths)} modules compiled by {python}")
"""
ASK = """
import os, socket, subprocess, threading
for name, attempt in {
    "thread": lambda: threading.Thread(target=int).start(),
    "process": lambda: subprocess.run(["true"]),
    "fork": lambda: os.fork(),
    "pool": lambda: __import__("multiprocessing").Pool(),
}.items():
    try:
        attempt()
        print(f"{name}: allowed")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
"""


def normal(name):
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def fetch_pyodide(folder, version):
    """Load Pyodide's core from npm and return its folder and its list of packages."""
    folder.mkdir()
    archive = run(["npm", "pack", "--silent", f"pyodide@{version}"], cwd=folder).split()[-1]
    run(["tar", "xzf", archive], cwd=folder)
    return folder / "package", json.loads((folder / "package" / "pyodide-lock.json").read_text(encoding="utf-8"))


def fetch_wheels(python, folder, lock):
    """Load the pure wheels that the kernel and mnist_helpers need besides Pyodide's own packages."""
    asked = [f"{name}=={lock['packages'][name]['version']}" for name in PURE] + list(NEWEST)
    target = ["--python-version", "3.14", "--implementation", "py", "--abi", "none", "--platform", "any"]
    run([python, "-m", "pip", "download", "--quiet", "--only-binary=:all:", *target, "-d", folder, *asked])
    return {normal(path.name.split("-")[0]): path for path in sorted(folder.glob("*.whl"))}


def put_wheels_into(pyodide, lock, wheels):
    """Let Pyodide's list of packages name the wheels that are here; those of NumPy and others stay missing."""
    for name, package in lock["packages"].items():
        wheel = wheels.get(normal(name))
        if wheel:
            shutil.copyfile(wheel, pyodide / wheel.name)
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            package.update(file_name=wheel.name, sha256=digest, version=wheel.name.split("-")[1])
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain server of files, which says nothing."""

    def log_message(self, *_):
        pass


def serve(folder):
    """Serve a folder on this machine until the program ends; return the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def open_site(folder, versions, screenshot):
    """Open the site in Chromium with every other host blocked, use it, and return what was found."""
    config = folder / "jupyter-lite.json"
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings["jupyter-config-data"]["exposeAppInBrowser"] = True  # only to talk to the kernel from here
    config.write_text(json.dumps(settings), encoding="utf-8")
    install = next(
        "".join(cell["source"])
        for cell in json.loads((folder / "files" / CHAPTER).read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    )
    address, others = serve(folder), set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(180_000)

        def only_here(route):
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                others.add(route.request.url)
                route.abort()

        page.context.route("**/*", only_here)
        start = time.perf_counter()
        page.goto(f"{address}/lab/index.html?path={CHAPTER}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        seconds = {"chapter shown": round(time.perf_counter() - start, 1)}
        page.wait_for_function("window.jupyterapp && jupyterapp.shell.currentWidget?.sessionContext?.isReady")
        page.wait_for_selector(".jp-DirListing-itemText >> text=14_reproductions")
        listed = page.locator(".jp-DirListing-item").count()
        model = "jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"
        outputs = page.evaluate(f"{model}.filter(cell => cell.outputs?.length).length")
        page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(8)")
        page.locator(".jp-RenderedImage img").first.scroll_into_view_if_needed()
        shown = page.locator(".jp-OutputArea-output").all_inner_texts()
        page.screenshot(path=screenshot)

        def ask(code):
            return page.evaluate(EXECUTE, code)

        found = {"1 + 1": ask("1 + 1")}
        seconds["first answer of the kernel"] = round(time.perf_counter() - start, 1)
        found["install cell, without NumPy's wheel"] = ask(install)
        found["import numpy"] = ask("import numpy")
        ask(MOCK.format({name: versions[name] for name in BINARY}))
        found["install cell, with empty stand-ins for " + ", ".join(BINARY)] = ask(install) or "silent, as it should be"
        found["folders"] = ask("import os; print(os.getcwd(), os.environ.get('MNIST_HELPERS_DATA'))")
        found["MNIST"], found["modules"] = ask(READ), ask(COMPILE)
        found["refused"] = ask(ASK).splitlines()
        browser.close()
    return {
        "files listed": listed,
        "cells with stored outputs": outputs,
        "first stored output": shown[0].strip(),
        "seconds": seconds,
        **found,
        "other hosts asked": sorted(others),
    }


def site(folder, _):
    """Make the site, once as anyone would and once with everything from here, and open the second."""
    course = clone(folder / "course")
    start = time.perf_counter()
    run(["make", "lite", f"PYTHON={sys.executable}"], cwd=course)
    made = {
        "seconds with the environment": round(time.perf_counter() - start),
        "MB": round(size(course / "build/lite")),
    }
    python = course / ".venv" / "bin" / "python"
    code = "from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION; print(PYODIDE_VERSION)"
    version = run([python, "-c", code]).strip()
    pyodide, lock = fetch_pyodide(folder / "pyodide", version)
    wheels = fetch_wheels(python, folder / "wheels", lock)
    put_wheels_into(pyodide, lock, wheels)
    own = ["--pyodide", pyodide, "--wheels", folder / "wheels", "--to", folder / "site"]
    start = time.perf_counter()
    run([python, "tools/make_lite.py", *own], cwd=course)
    made["seconds"] = round(time.perf_counter() - start)
    made["MB with Pyodide's core and pure wheels"] = round(size(folder / "site"))
    versions = {name: lock["packages"][name]["version"] for name in BINARY}
    opened = open_site(folder / "site", versions, ROOT / "build" / "lite.png")
    return {"pyodide": version, "has": versions, "built": made, "opened": opened, "commit": head(course)}


def head(course):
    return run(["git", "rev-parse", "--short", "HEAD"], cwd=course).strip()


def without_folders(text):
    """Return a text with the folders left out of its absolute paths: they are this machine's."""
    return re.sub(r"(?<![\w.])/(?:[\w.-]+/)+", "", text)


def tally(report):
    """Count the tests in a JUnit report; those that themselves need what is forbidden are apart."""
    counts = {"passed": 0, "skipped": 0, "need a server, process or thread of their own": 0, "failed": []}
    for case in ET.parse(report).iter("testcase"):
        faults = [*case.iter("failure"), *case.iter("error")]
        words = "".join((fault.get("message") or "") + (fault.text or "") for fault in faults)
        if not faults:
            counts["skipped" if case.find("skipped") is not None else "passed"] += 1
        elif any(refusal in words for refusal in REFUSALS):
            counts["need a server, process or thread of their own"] += 1
        else:
            counts["failed"].append(f"{case.get('name')}: {without_folders(words.strip().splitlines()[0])[:200]}")
    return counts


def chapters(course):
    """Return the paths of the chapters below a course; that on Fashion-MNIST needs data that the site has not."""
    return [path for path in sorted((course / "book" / "chapters").glob("*.ipynb")) if "fashion" not in path.name]


def constraints(folder, _):
    """Run core and chapters in CPython without threads, sockets and processes, with Pyodide's versions of packages."""
    course = clone(folder / "course")
    code = "from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION; print(PYODIDE_VERSION)"
    run(["uv", "pip", "install", "--quiet", "--target", folder / "kernel", "--no-deps", "jupyterlite-pyodide-kernel"])
    version = run([sys.executable, "-c", code], env={"PYTHONPATH": str(folder / "kernel")}).strip()
    _, lock = fetch_pyodide(folder / "pyodide", version)
    python = environment(folder / "env", "3.13")  # the newest here; Pyodide has 3.14
    pins = [f"{name}=={lock['packages'][name]['version']}" for name in (*BINARY, "scipy", "tqdm")]
    tools = ["pytest", "hypothesis", "nbformat", "ipython", "pyyaml"]
    run(["uv", "pip", "install", "--quiet", "--python", python, "-e", course, *pins, *tools])
    fonts = {"MPLCONFIGDIR": str(folder / "fonts")}
    run([python, "-c", "import matplotlib.font_manager"], env=fonts)  # with a thread; Pyodide's has its list of fonts
    settings = {
        "PYTHONPATH": str(course / "tests"),
        "OPENBLAS_NUM_THREADS": "1",
        "MNIST_HELPERS_DOWNLOAD": "0",
        **fonts,
    }
    options = ["-q", "--noconftest", "-o", "addopts=", "-p", "like_pyodide", f"--junitxml={folder / 'report.xml'}"]
    run([python, "-m", "pytest", *options, *CORE], cwd=course, env=settings, check=False)
    found = [run_chapter([python], path, course, settings, "--like-pyodide") for path in chapters(course)]
    return {
        "has": pins,
        "python": "3.13",
        "tests": tally(folder / "report.xml"),
        "chapters": found,
        "commit": head(course),
    }


def run_chapter(python, path, course, settings, *options):
    """Run a chapter in a process of its own and return what places/cells.py says of it."""
    printed = run([*python, course / "places" / "cells.py", *options, path], env=settings, check=False)
    line = next((line for line in printed.splitlines() if line.startswith('{"notebook"')), None)
    return json.loads(line) if line else {"notebook": path.name, "errors": [printed[-300:]]}


def bits(folder, root):
    """Run core and chapters in the Debian of 32 bits below a folder."""
    if root is None:
        raise SystemExit("bits needs --root32 FOLDER: see the head of places/browser.py")
    course = root / "course"
    shutil.rmtree(course, ignore_errors=True)
    clone(course)
    shutil.copytree(Path(os.environ["MNIST_HELPERS_DATA"], "mnist"), root / "data" / "mnist", dirs_exist_ok=True)
    inside = ["chroot", root, "env", "-C", "/course", "HOME=/root", "PYTHONPATH=/course", "OPENBLAS_NUM_THREADS=1"]
    inside += ["MNIST_HELPERS_DATA=/data", "MNIST_HELPERS_DOWNLOAD=0", "python3"]
    options = ["-q", "--noconftest", "-o", "addopts=", "-o", "filterwarnings=default", "-p", "no:cacheprovider"]
    asked = "import sys, numpy as np; print(sys.version.split()[0], np.__version__, np.dtype(int), sys.maxsize)"
    python = run([*inside, "-c", asked]).strip()
    run([*inside, "-m", "pytest", *options, "--junitxml=/course/report.xml", *CORE], check=False)
    run(["mount", "-t", "proc", "proc", root / "proc"])  # where cells.py reads how much memory was used
    paths = [Path("/course") / path.relative_to(course) for path in chapters(course)]
    found = [run_chapter(inside, path, Path("/course"), {}) for path in paths]
    run(["umount", root / "proc"])
    return {"python": python, "tests": tally(course / "report.xml"), "chapters": found, "commit": head(course)}


PARTS = {"site": site, "constraints": constraints, "bits": bits}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--root32", type=Path, metavar="FOLDER", help="root of a Debian for i386")
    arguments = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    for name in arguments.parts or ["site", "constraints"]:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as scratch:
            found = PARTS[name](Path(scratch), arguments.root32)
        keep("place-browser", {**kept().get("place-browser", {}), name: found})
        print(f"{name}: {time.perf_counter() - start:.0f} s\n{json.dumps(found, indent=1)}")


if __name__ == "__main__":
    main()
