"""The whole book as one PDF and one EPUB."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pages import CHAPTERS, HTML

ROOT = HTML.parents[2]
FORMULA = re.compile(r'class="math notranslate')


def printed(kind, folder):
    """Return the file that the tool makes in a folder and names in its last line."""
    command = [sys.executable, ROOT / "tools" / "print_book.py", kind, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def epub(tmp_path_factory):
    with zipfile.ZipFile(printed("epub", tmp_path_factory.mktemp("epub"))) as book:
        yield book


def test_epub_is_well_formed(epub):
    assert epub.namelist()[0] == "mimetype"
    assert epub.read("mimetype") == b"application/epub+zip"
    for name in epub.namelist():
        if name.endswith((".xhtml", ".opf", ".ncx")):
            ElementTree.fromstring(epub.read(name))


def test_epub_holds_every_formula_and_figure(epub):
    names = set(epub.namelist())
    for path in CHAPTERS:
        page = epub.read(f"chapters/{path.stem}.xhtml").decode()
        html = path.read_text(encoding="utf-8")
        assert page.count("<math") == len(FORMULA.findall(html))
        pictures = re.findall(r'<img[^>]*src="\.\./(_images/[^"]+)"', page)
        assert len(pictures) == len(re.findall(r'<img[^>]*src="\.\./_images/', html))
        assert names >= set(pictures)
        assert "<script" not in page


def test_epub_says_which_pages_hold_formulas(epub):
    items = re.findall(r'<item id="[^"]*" href="([^"]*)"( properties="mathml")?', epub.read("content.opf").decode())
    for name, declared in items:
        if name.endswith(".xhtml") and name != "nav.xhtml":
            assert bool(declared) == (b"<math" in epub.read(name)), name


def test_pdf_has_pages_bookmarks_and_structure(tmp_path):
    content = Path(printed("pdf", tmp_path)).read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", content)) > 200
    for part in (b"/Outlines", b"/StructTreeRoot", b"/Lang"):
        assert part in content
