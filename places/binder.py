"""Stand in for Binder: what repo2docker would do with the folder binder/, in a fresh environment, without Docker.

    python places/binder.py

repo2docker itself, from the package index, says which kind of image it would build, on which Python, with which
commands, and which versions of JupyterLab and its kin it adds; those are taken from the package index instead of
conda-forge. The commands are run in a clone of the last commit. Then the launch buttons of the built book (make book)
are followed: each must name a notebook of the clone, and one chapter is opened and run in Chromium. The data sets are
copied from the folder MNIST_HELPERS_DATA to where postBuild would have loaded them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from places.common import ROOT, clone, commit, environment, keep, run, version
from places.servers import chromium, run_all, server, size

ASK = """
import json, pathlib, re
import repo2docker
from repo2docker.app import Repo2Docker

app = Repo2Docker()
packs = (pack(base_image=app.base_image) for pack in app.buildpacks)
pack = next(pack for pack in packs if pack.detect())
base = pathlib.Path(repo2docker.__file__).parent / "buildpacks" / "conda"
locked = (base / f"environment.py-{pack.python_version}-linux-64.lock").read_text()
names = re.findall(r"^  - ([a-z_-]+)==", (base / "environment.yml").read_text(), re.M)
found = {name: re.search(rf"/{name}-([0-9.]+)-", locked) for name in names}
print(json.dumps({
    "pack": type(pack).__name__, "python": pack.python_version, "base": {n: m[1] for n, m in found.items() if m},
    "install": [script for _, script in pack.get_preassemble_scripts() + pack.get_assemble_scripts()],
    "post_build": pack.get_post_build_scripts(), "start": pack.get_start_script(),
}))
"""
OPENED = "book/chapters/01_digits.ipynb"


def what_repo2docker_does(source, folder):
    """Ask repo2docker what it would do with a repository."""
    python = environment(folder / "repo2docker", "3.11")
    run([python, "-m", "pip", "install", "--quiet", "jupyter-repo2docker"])
    answer = subprocess.run([python, "-c", ASK], cwd=source, capture_output=True, text=True, check=True).stdout
    return {**json.loads(answer), **version(python, "jupyter-repo2docker")}


def base_environment(plan, folder):
    """Make what repo2docker puts into every image, as far as the package index has it."""
    python = environment(folder / "env", plan["python"])
    names = {name.replace("jupyterhub-singleuser", "jupyterhub"): number for name, number in plan["base"].items()}
    run(["uv", "pip", "install", "--quiet", "--python", python, *[f"{n}=={v}" for n, v in names.items()]])
    return python


def build(plan, python, source, home):
    """Run the commands of the plan, as the image's user would; return seconds and megabytes."""
    start, before = time.perf_counter(), size(python.parent.parent)
    path = f"{python.parent}:{os.environ['PATH']}"
    variables = {"KERNEL_PYTHON_PREFIX": str(python.parent.parent), "HOME": str(home), "PATH": path}
    for script in plan["install"]:
        run(["sh", "-e", "-c", script], cwd=source, env=variables)
    installed = time.perf_counter() - start
    cache = home / ".cache" / "mnist_helpers"
    shutil.copytree(os.environ["MNIST_HELPERS_DATA"], cache)
    fetched = {**variables, "MNIST_HELPERS_DATA": "", "MNIST_HELPERS_DOWNLOAD": "0"}
    said = [run([source / script], cwd=source, env=fetched) for script in plan["post_build"]]
    if not all("60,000 training" in text and "Fashion-MNIST" in text for text in said):
        raise SystemExit(f"postBuild does not find the data sets:\n{said}")
    added = size(python.parent.parent) - before
    return {
        "install_seconds": round(installed, 1),
        "base_mb": round(before),
        "added_mb": round(added),
        "data_mb": round(size(cache)),
    }


def launched(html):
    """Return the notebooks that the Binder buttons of the built book open, each with its branch."""
    return re.findall(r"mybinder\.org/v2/gh/[^/]+/[^/]+/([^?\"]+)\?urlpath=lab/tree/([^\"&]+)", html)


def check_buttons(book, source):
    """Compare every launch button with the clone; those of sheets open the branch with the released files."""
    pages = [path for path in book.rglob("*.html") if path.parent.name in ("chapters", "appendix", "museum", "sheets")]
    buttons = [link for page in pages for link in set(launched(page.read_text(encoding="utf-8")))]
    released = {f"exercises/{path.name}" for path in (source / "book" / "exercises").glob("*.ipynb")}
    wrong = [(b, p) for b, p in buttons if not (p in released if b == "student" else (source / p).is_file())]
    if wrong or not buttons:
        raise SystemExit(f"launch buttons that open nothing: {wrong} of {len(buttons)}")
    return len(buttons)


def main():
    tested, book = commit(), ROOT / "book" / "_build" / "html"
    with tempfile.TemporaryDirectory(prefix="binder-") as folder:
        folder = Path(folder)
        source, start = clone(folder / "course"), time.perf_counter()
        plan = what_repo2docker_does(source, folder)
        python = base_environment(plan, folder)
        built = build(plan, python, source, folder / "home")
        buttons = check_buttons(book, source)
        without_data = {"MNIST_HELPERS_DATA": "", "MNIST_HELPERS_DOWNLOAD": "0"}
        with (
            patch.dict(os.environ, without_data),
            server(python, "lab", source, folder / "home") as address,
            chromium() as browser,
        ):
            started = time.perf_counter() - start
            shown = run_all(browser, address, f"lab/tree/{OPENED}", folder / "shown.png")
        shutil.copy(folder / "shown.png", ROOT / "build" / "binder.png")
    result = {
        **plan,
        **built,
        "buttons": buttons,
        "from_nothing_to_lab": round(started, 1),
        "chapter": shown,
        "commit": tested,
    }
    keep("place-binder", result)
    print(json.dumps(result, indent=1))
    sys.exit(1 if shown["errors"] or not shown["all_run"] or shown["path"] != OPENED else 0)


if __name__ == "__main__":
    main()
