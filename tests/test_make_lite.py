"""What tools/make_lite.py puts into the site, before JupyterLite builds it; places/browser.py opens the site."""

import gzip
import json
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import make_lite  # noqa: E402

from mnist_helpers import _files  # noqa: E402


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contents")
    make_lite.write_notebooks(folder)
    return folder


def install_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and "pip install" in cell.source]


def test_every_notebook_is_there_and_installs_from_the_site(contents):
    made = {str(path.relative_to(contents)) for path in contents.rglob("*.ipynb")}
    chapters = {path.stem for path in (ROOT / "book" / "chapters").glob("*.ipynb")}
    appendix = {str(path.relative_to(ROOT / "book")) for path in (ROOT / "book" / "appendix").rglob("*.ipynb")}
    assert len(chapters) == 14
    assert made == appendix | {f"{kind}/{name}.ipynb" for kind in ("chapters", "sheets") for name in chapters}
    for name in made:
        notebook = nbformat.read(contents / name, as_version=4)
        nbformat.validate(notebook)
        assert [cell.source for cell in install_cells(notebook)] == [make_lite.INSTALL], name
        assert notebook.metadata.kernelspec.name == "python"  # JupyterLite's name for Pyodide


def test_only_the_install_cell_differs(contents):
    name = "chapters/02_softmax.ipynb"
    made, book = (nbformat.read(folder / name, as_version=4) for folder in (contents, ROOT / "book"))
    differing = [new.source for new, old in zip(made.cells, book.cells, strict=True) if new != old]
    assert differing == [make_lite.INSTALL]


def test_stored_text_is_in_one_piece(contents):
    """JupyterLite 0.8 shows a list of lines with commas between them."""
    for path in contents.rglob("*.ipynb"):
        outputs = [part for cell in json.loads(path.read_text())["cells"] for part in cell.get("outputs", [])]
        assert all(isinstance(part["text"], str) for part in outputs if part["output_type"] == "stream")
        assert not any(isinstance(value, list) for part in outputs for value in part.get("data", {}).values())


def test_links_between_the_files_hold(contents):
    for path in contents.rglob("*.ipynb"):
        text = "\n".join(
            cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"
        )
        targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        assert [name for name in targets if not (path.parent / name).is_file()] == [], path.name


def test_no_solution_no_git_and_no_path_of_this_machine(contents):
    make_lite.refuse_solutions(contents)
    for path in contents.rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "mnist_helpers @ git+" not in text
        assert str(ROOT) not in text


def test_a_solution_is_refused(tmp_path):
    sheet = make_lite.sheet_paths()[1]
    (tmp_path / "sheet.ipynb").write_bytes(sheet.read_bytes())
    with pytest.raises(ValueError, match=r"lines of solutions, first '.*' in sheet\.ipynb"):
        make_lite.refuse_solutions(tmp_path)


def test_a_notebook_without_an_install_cell_is_refused():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    with pytest.raises(ValueError, match=r"expected an install cell, found '1 \+ 1'"):
        make_lite.for_browser(notebook)


def test_install_cell_is_python_but_for_the_magic():
    rest = "\n".join(line for line in make_lite.INSTALL.splitlines() if not line.startswith("%"))
    compile(rest, "install cell", "exec")
    assert "%pip install --quiet mnist_helpers\n" in make_lite.INSTALL


@pytest.mark.parametrize("packed", [True, False])
def test_data_lie_where_the_kernel_looks(tmp_path, monkeypatch, packed):
    home, site = tmp_path / "mine", tmp_path / "site"
    home.mkdir()
    for file in _files.MNIST.files:
        path = home / (file.name + ".gz" * packed)
        path.write_bytes(gzip.compress(b"bytes") if packed else b"bytes")
    monkeypatch.setattr(make_lite, "load_arrays", lambda *_, **__: (None, str(home)))
    assert make_lite.write_data(_files.MNIST, site)
    made = sorted((site / "data" / "mnist").iterdir())
    assert [path.name for path in made] == sorted(f"{file.name}.gz" for file in _files.MNIST.files)
    assert {gzip.decompress(path.read_bytes()) for path in made} == {b"bytes"}


def test_without_data_the_site_says_so(tmp_path, monkeypatch):
    for name in ("MNIST_HELPERS_DATA", "MNIST_HELPERS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.warns(UserWarning, match="lacks"):
        found = {"MNIST": make_lite.write_data(_files.MNIST, tmp_path / "site")}
    assert make_lite.told(tmp_path / "site", found)[1:] == ["MNIST was not found here: the site is without it"]


def test_another_host_is_asked_unless_the_site_holds_everything():
    for own in (True, False):
        config = make_lite.page_config(own_host_only=own)["jupyter-config-data"]
        assert config["litePluginSettings"][make_lite.PLUGIN]["disablePyPIFallback"] is own


def test_missing_extensions_are_named(tmp_path):
    with pytest.raises(SystemExit, match=r"Not installed: pyodide-kernel-extension, .* make lite"):
        make_lite.find_extensions(tmp_path)


def test_a_folder_with_something_else_is_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SystemExit, match="something else than a site"):
        make_lite.build(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_the_extra_is_no_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(name.startswith("jupyterlite-core") for name in project["optional-dependencies"]["lite"])
    assert "jupyterlite" not in (ROOT / "requirements.txt").read_text(encoding="utf-8")
