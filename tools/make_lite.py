"""Make a site in which the course runs in the browser alone, with JupyterLite and Pyodide; experimental.

    python tools/make_lite.py [--to FOLDER] [--fashion] [--pyodide FOLDER] [--wheels FOLDER]

The site holds the chapters, the appendix, the sheets as students get them, a wheel of mnist_helpers, and MNIST, if
`load_mnist` finds it here without a download. It needs the extra of pyproject.toml named lite: make lite.

Copies of notebooks differ from the book's in two things: the kernel, which is Pyodide's, and the install cell. Pyodide
has no git, so the package comes from the site, and the data from the site's folder, which the kernel sees as /drive.

Without --pyodide the pages load Pyodide, and with it NumPy and Matplotlib, from the address that
jupyterlite-pyodide-kernel names, and the other packages from PyPI. With --pyodide and --wheels they ask no other host:
the folders then hold a whole Pyodide, and the pure wheels that it lacks.
"""

import argparse
import copy
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from instructor.release import find_leaks, secrets, write_sheets  # noqa: E402
from instructor.sheets import sheet_paths  # noqa: E402
from mnist_helpers._files import FASHION_MNIST, MNIST, NotAvailable, load_arrays  # noqa: E402

BOOK = ROOT / "book"
SITE = ROOT / "build" / "lite"
FIRST = "chapters/01_digits.ipynb"
KERNELSPEC = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
EXTENSIONS = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager", "anywidget")
INSTALL = """\
# This loads the course's package into the browser. MNIST lies beside the notebooks, in the folder data.
%pip install --quiet mnist_helpers
import os
from pathlib import Path

os.environ.setdefault("MNIST_HELPERS_DOWNLOAD", "0")
if Path("/drive/data/mnist").is_dir():
    os.environ.setdefault("MNIST_HELPERS_DATA", "/drive/data")"""


def for_browser(notebook):
    """Return a copy of a notebook with Pyodide's kernel and an install cell that works there.

    Raises
    ------
    ValueError
        If its first code cell is not the install cell.
    """
    made = copy.deepcopy(notebook)
    first = next((cell for cell in made.cells if cell.cell_type == "code"), None)
    if first is None or "%pip install" not in first.source:
        raise ValueError(f"expected an install cell, found {first and first.source!r}; make address writes it")
    first.source, first.outputs = INSTALL, []
    made.metadata["kernelspec"] = nbformat.from_dict(KERNELSPEC)
    return made


def write_notebooks(folder):
    """Write the chapters, the appendix and the students' sheets into a folder, so that the links between them hold."""
    for path in [*BOOK.glob("chapters/*.ipynb"), *BOOK.glob("appendix/**/*.ipynb")]:
        _write(folder / path.relative_to(BOOK), nbformat.read(path, as_version=4))
    for path in BOOK.glob("appendix/*.md"):
        shutil.copyfile(path, folder / path.relative_to(BOOK))
    write_sheets(folder / "sheets")
    for path in (folder / "sheets").glob("*.ipynb"):
        _write(path, nbformat.read(path, as_version=4))


def _write(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    # Text in one piece: JupyterLite 0.8 puts a comma between the lines of an output that is stored as a list of lines.
    path.write_text(nbformat.writes(for_browser(notebook), split_lines=False) + "\n", encoding="utf-8")


def write_data(source, folder):
    """Write the four files of a data set, gzipped, where `load_mnist` looks; say whether they were found here."""
    try:
        _, home = load_arrays(source, None, download=False)
    except NotAvailable:
        return False
    target = folder / "data" / source.folder
    target.mkdir(parents=True)
    for file in source.files:
        packed, plain = Path(home, f"{file.name}.gz"), Path(home, file.name)
        content = packed.read_bytes() if packed.is_file() else gzip.compress(plain.read_bytes(), mtime=0)
        (target / packed.name).write_bytes(content)
    return True


def refuse_solutions(folder):
    """Raise ValueError if a line of a solution, a hidden test or a rubric stands in any file of a folder."""
    leaks = find_leaks(folder, secrets([nbformat.read(path, as_version=4) for path in sheet_paths()]))
    if leaks:
        path, line = leaks[0]
        raise ValueError(f"{len(leaks)} lines of solutions, first {line!r} in {path.relative_to(folder)}")


def build_config(extensions, site):
    """Return the settings of `jupyter lite build`: the folders are those that `build` makes."""
    return {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": ["contents"],
            "output_dir": str(site),
            "federated_extensions": [str(path) for path in extensions],
            "ignore_sys_prefix": ["federated_extensions"],  # an instructor's extensions are no business of the site's
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
        },
        "PipliteAddon": {"piplite_urls": ["wheels"]},
    }


def page_config(own_host_only):
    """Return the settings of the pages."""
    settings = {PLUGIN: {"disablePyPIFallback": own_host_only}}
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {"appName": "Softmax regression from scratch", "litePluginSettings": settings},
    }


def find_extensions(prefix=sys.prefix):
    """Return the folders of the JupyterLab extensions that the site needs.

    Raises
    ------
    SystemExit
        If one is not installed.
    """
    folders = [Path(prefix, "share", "jupyter", "labextensions", name) for name in EXTENSIONS]
    missing = [path.name for path in folders if not path.is_dir()]
    if missing:
        raise SystemExit(f"Not installed: {', '.join(missing)}. Use make lite, or: pip install -e '.[lite]'")
    return folders


def build(site, *, fashion=False, pyodide=None, wheels=None):
    """Make the site in a folder, which is replaced, and return what to tell about it.

    Raises
    ------
    SystemExit
        If the folder holds something else than an earlier site, or a part is not installed or fails.
    ValueError
        If a notebook has no install cell, or a line of a solution stands in the site.
    """
    if site.exists() and any(site.iterdir()) and not (site / "jupyter-lite.json").exists():
        raise SystemExit(f"{site} holds something else than a site: name another folder with --to")
    extensions = find_extensions()
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        write_notebooks(here / "contents")
        refuse_solutions(here / "contents")
        sets = [MNIST, *([FASHION_MNIST] if fashion else [])]
        found = {source.name: write_data(source, here / "contents") for source in sets}
        _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", here / "wheels", ROOT)
        for wheel in sorted(Path(wheels).glob("*.whl")) if wheels else []:
            shutil.copyfile(wheel, here / "wheels" / wheel.name)
        if pyodide:
            shutil.copytree(pyodide, here / "static" / "pyodide", ignore=shutil.ignore_patterns("*.map", "*.d.ts"))
        _write_json(here / "jupyter_lite_config.json", build_config(extensions, site.resolve()))
        _write_json(here / "jupyter-lite.json", page_config(own_host_only=bool(pyodide and wheels)))
        shutil.rmtree(site, ignore_errors=True)
        _run(sys.executable, "-m", "jupyter", "lite", "build", cwd=here)
    return told(site, found)


def told(site, found):
    """Return what a site holds, in lines."""
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    notebooks = sum(1 for _ in (site / "files").rglob("*.ipynb"))
    without = [f"{name} was not found here: the site is without it" for name, here in found.items() if not here]
    return [f"{site}: {notebooks} notebooks, {size / 1e6:.0f} MB", *without]


def _run(*command, cwd=None):
    """Run a command; where it fails, its last words are in the error."""
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        words = " ".join(map(str, command))
        raise SystemExit(f"{words}\nended with exit code {done.returncode}:\n{done.stdout[-3000:]}")


def _write_json(path, content):
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=SITE, metavar="FOLDER", help="default: build/lite")
    parser.add_argument("--fashion", action="store_true", help="with Fashion-MNIST, for chapter 11: 30 MB more")
    parser.add_argument("--pyodide", type=Path, metavar="FOLDER", help="a Pyodide to be served by the site itself")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="pure wheels to be served by the site itself")
    options = parser.parse_args()
    for folder in [folder for folder in (options.pyodide, options.wheels) if folder and not folder.is_dir()]:
        parser.error(f"{folder} is not a folder")
    for line in build(options.to, fashion=options.fashion, pyodide=options.pyodide, wheels=options.wheels):
        print(line)
    print(f"Serve it: python -m http.server --bind 127.0.0.1 --directory {options.to} 8000")
    print(f"Open http://127.0.0.1:8000/lab/index.html?path={FIRST}")


if __name__ == "__main__":
    main()
