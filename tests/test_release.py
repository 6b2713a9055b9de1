"""The student version: nothing of the answers in it, everything that a student needs."""

import html

import nbformat
import pytest

from instructor import release as module
from instructor.release import Leak, find_leaks, release, secrets, student_version, write_sheets
from instructor.sheets import load_sheet, sheet_paths


@pytest.fixture(scope="module")
def sources():
    return [nbformat.read(path, as_version=4) for path in sheet_paths()]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    out = tmp_path_factory.mktemp("release") / "out"
    release(out, "https://github.com/ada/course", "spring", with_book=False)
    return out


def test_each_sheet_has_secrets(sources):
    for source in sources:
        assert len(secrets([source])) > 15


def test_nothing_secret_is_released(released, sources):
    assert find_leaks(released, secrets(sources)) == []
    names = {path.name for path in sheet_paths()}
    assert {path.name for path in (released / "student" / "exercises").iterdir()} == names


SECRET = "print('a & \"b\"', scale * logits < 3)"
CELL = nbformat.v4.new_code_cell(f"def f():\n    {SECRET}\n")
LEAKS = {
    "as it is": f"x\n    {SECRET}  \ny",
    "in another line": f"so: {SECRET}  # mine",
    "in a notebook": nbformat.writes(nbformat.v4.new_notebook(cells=[CELL])),
    "in HTML": f"<pre>{html.escape(SECRET)}</pre>",
    "with colours": f"<span class='nb'>{html.escape(SECRET).replace(' ', '</span> <span>')}</span>",
    "among bytes": f"\0\1{SECRET}\0",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_found_in_any_file(tmp_path, kind):
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "any.bin"
    path.write_text(LEAKS[kind], encoding="utf-8")
    assert find_leaks(tmp_path, {SECRET, "return other"}) == [(path, SECRET)]


def test_a_short_secret_is_found_as_a_line(tmp_path):
    (tmp_path / "library.js").write_text("function () { return result; }", encoding="utf-8")
    assert find_leaks(tmp_path, {"return result"}) == []
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def f():\n    return result\n\n")])
    nbformat.write(notebook, tmp_path / "sheet.ipynb")
    (tmp_path / "sheet.html").write_text("<pre><b>def</b> f():\n    <b>return</b> result\n</pre>", encoding="utf-8")
    assert {path.name for path, _ in find_leaks(tmp_path, {"return result"})} == {"sheet.html", "sheet.ipynb"}


def test_a_release_with_a_leak_is_none(tmp_path, monkeypatch):
    """If the tool that strips were broken, nothing would be written."""
    monkeypatch.setattr(module, "student_version", lambda notebook: notebook)
    with pytest.raises(Leak, match="lines of solutions in the release"):
        release(tmp_path / "out", with_book=False)
    assert list(tmp_path.iterdir()) == []


def test_only_a_release_is_replaced(tmp_path, released):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ValueError, match="something else than a release"):
        release(tmp_path, with_book=False)
    assert (tmp_path / "thesis.txt").exists()


def test_twice_the_same_archive(released, tmp_path):
    release(tmp_path / "out", "https://github.com/ada/course", "spring", with_book=False)
    assert (tmp_path / "out" / "exercises.zip").read_bytes() == (released / "exercises.zip").read_bytes()


def test_links_name_the_repository_and_the_branch(released):
    links = (released / "links.md").read_text(encoding="utf-8")
    assert "https://colab.research.google.com/github/ada/course/blob/spring/exercises/02_softmax.ipynb" in links
    assert "https://mybinder.org/v2/gh/ada/course/spring?labpath=exercises/02_softmax.ipynb" in links
    sheet = (released / "student" / "exercises" / "02_softmax.ipynb").read_text(encoding="utf-8")
    assert "mnist_helpers @ git+https://github.com/ada/course" in sheet
    assert "(https://github.com/ada/course/blob/main/book/chapters/02_softmax.ipynb)" in sheet


def test_what_is_left_to_the_student(sources):
    for source in sources:
        before = nbformat.writes(source)
        version = student_version(source)
        assert nbformat.writes(source) == before
        nbformat.validate(version)
        for cell, original in zip(version.cells, source.cells, strict=True):
            settings = cell.metadata["nbgrader"]
            if settings["solution"]:
                stub = "raise NotImplementedError()" if cell.cell_type == "code" else "YOUR ANSWER HERE"
                assert stub in cell.source
                signature = original.source.partition("    ### BEGIN SOLUTION")[0]
                assert cell.cell_type == "markdown" or original.source.startswith("###") or signature in cell.source
            elif settings["grade"]:
                assert cell.source.startswith("check(")
                assert "HIDDEN" not in cell.source
            else:
                assert cell.source == original.source
                assert not cell.metadata.get("editable", True)
            assert not (cell.get("outputs") and (settings["solution"] or settings["grade"]))


def test_sheets_are_only_written_when_they_change(tmp_path):
    write_sheets(tmp_path)
    (tmp_path / "99_old.ipynb").write_text("{}", encoding="utf-8")
    first = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name[:2] != "99"}
    write_sheets(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == first
    write_sheets(tmp_path, with_solutions=True)
    assert any("### BEGIN SOLUTION" in path.read_text(encoding="utf-8") for path in tmp_path.iterdir())


def test_a_sheet_is_found_by_name_and_number():
    assert load_sheet("2").name == load_sheet("02").name == load_sheet("02_softmax").name == "02_softmax"
    assert [(item.name, item.by_machine) for item in load_sheet("2").items][:3] == [
        ("soften", True),
        ("gap", True),
        ("derive_two_classes", False),
    ]
