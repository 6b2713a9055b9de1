"""Make the whole book as one PDF or one EPUB, in book/_build/print or another folder.

    python tools/print_book.py pdf [FOLDER]     needs Chromium (Debian: apt install chromium; or set CHROMIUM)
    python tools/print_book.py epub [FOLDER]

The PDF is Jupyter Book's single page, printed by Chromium: bookmarks, tagged for screen readers, answers open. The
EPUB is Sphinx's own, with formulas as MathML. Both show the still pictures of the interactives.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import yaml
from sphinx.application import Sphinx

TOOLS = Path(__file__).resolve().parent
BOOK = TOOLS.parent / "book"
NAME = "softmax-from-scratch"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

ITEM = re.compile(rb'<item id="[^"]*" href="([^"]*)"')
PROPERTY = b' properties="mathml"'
FOLDED = re.compile(rb'<p (class="(?:collapsed|expanded) admonition-title">.*?)</p>')


def pdf(folder):
    """Make the PDF in a folder (a Path) and return its path. OSError if there is no Chromium."""
    from playwright.sync_api import sync_playwright  # the EPUB does without

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise OSError("no Chromium found: install it (Debian: apt install chromium) or set CHROMIUM to its path")
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    strictly = ["-W", "-n", "--keep-going"]
    subprocess.run(
        [jupyter_book, "build", *strictly, "--builder", "singlehtml", "--path-output", folder, BOOK], check=True
    )
    target = folder / f"{NAME}.pdf"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(color_scheme="light")
        page.goto((folder / "_build" / "singlehtml" / "index.html").as_uri(), timeout=300_000)
        page.evaluate("document.fonts.ready.then(() => null)")
        page.pdf(path=target, prefer_css_page_size=True, outline=True, tagged=True)
        browser.close()
    return target


def epub(folder):
    """Make the EPUB in a folder (a Path) and return its path.

    Jupyter Book's theme cannot make one, so Sphinx is asked itself.
    """
    settings = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))
    sys.path.insert(0, str(TOOLS))
    overrides = {
        "extensions": ["myst_nb", "sphinx_external_toc", "course_book", "mnist_helpers.widgets.sphinx_host"],
        "project": settings["title"],
        "author": settings["author"],
        "copyright": settings["copyright"],
        "version": version("mnist_helpers"),
        "external_toc_path": "_toc.yml",
        "nb_execution_mode": "off",
        "myst_enable_extensions": settings["parse"]["myst_enable_extensions"],
        "myst_heading_anchors": settings["sphinx"]["config"]["myst_heading_anchors"],
        "html_math_renderer": "mathml",
        "epub_basename": NAME,
        "epub_uid": NAME,
        "epub_identifier": NAME,
        "epub_show_urls": "no",
        "epub_css_files": ["epub.css"],
        "epub_exclude_files": ["search.html", "genindex.html"],
        "html_static_path": [str(TOOLS / "epub")],
        "language": "en",
        "exclude_patterns": ["_build", "**.ipynb_checkpoints", "exercises"],
    }
    pages = folder / "epub"
    Sphinx(BOOK, None, pages, folder / "doctrees", "epub", overrides, freshenv=True, warningiserror=True).build()
    return mended(pages / f"{NAME}.epub", folder / f"{NAME}.epub")


def mended(source, target):
    """Copy an EPUB without what epubcheck finds in Sphinx's, and return the path of the copy.

    Pages with MathML must say so, and a summary holds no paragraph.
    """
    with zipfile.ZipFile(source) as book:
        contents = {item: book.read(item) for item in book.infolist()}  # in their order: the first must be mimetype
    with_formulas = {item.filename for item, data in contents.items() if b"<math" in data}
    with zipfile.ZipFile(target, "w") as book:
        for item, data in contents.items():
            if item.filename == "content.opf":
                data = ITEM.sub(lambda m: m[0] + (PROPERTY if m[1].decode() in with_formulas else b""), data)
            elif item.filename.endswith(".xhtml"):
                data = FOLDED.sub(rb"<span \1</span>", data)
            book.writestr(item, data)
    return target


def main(kind, folder=BOOK / "_build" / "print"):
    """Make one kind of file and print where it is."""
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print({"pdf": pdf, "epub": epub}[kind](folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
