"""Write the repository's address from pyproject.toml wherever it is needed.

    python tools/set_address.py          set it everywhere
    python tools/set_address.py --check  only say where it differs, with exit code 1

The address stands in pyproject.toml, [project.urls], Repository. It is used by the badges in README.md, the launch
buttons in book/_config.yml, CITATION.cff, CHANGELOG.md, CODE_OF_CONDUCT.md, the issue templates, and the first code
cell of each chapter, sheet and page of the appendix.
"""

import re
import sys
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
OTHERS = ("containers/bubblewrap",)  # repositories that these files name beside this one
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def repository():
    """Return owner/name from pyproject.toml."""
    address = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    match = GITHUB.fullmatch(address)
    if not match:
        sys.exit(f"pyproject.toml: Repository must look like https://github.com/OWNER/NAME, got {address}")
    return match[1]


def install_cell(slug):
    """Return the source of the first code cell of a chapter."""
    return "\n".join(
        [
            "# On Colab this installs the course's package; elsewhere it does nothing.",
            "from importlib.util import find_spec",
            "",
            'if find_spec("mnist_helpers") is None:',
            f'    %pip install --quiet "mnist_helpers @ git+https://github.com/{slug}"',
        ]
    )


def with_address(path, slug):
    """Return the text that a file should have."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        notebook = nbformat.reads(text, as_version=4)
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        first.source = install_cell(slug)
        return nbformat.writes(notebook) + "\n"
    others = "|".join(map(re.escape, OTHERS))
    pattern = rf"(https://github\.com/)(?!(?:{others})\b)[\w.-]+/[\w.-]+?(?=[/)\s\"#]|\.git|$)"
    text = re.sub(pattern, rf"\g<1>{slug}", text)
    return re.sub(
        r"((?:mybinder\.org/v2/gh|githubtocolab\.com|/github)/)(?!blob)[\w.-]+/[\w.-]+(?=/)", rf"\g<1>{slug}", text
    )


def files():
    named = ["README.md", "CITATION.cff", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "book/_config.yml"]
    patterns = [".github/ISSUE_TEMPLATE/*.yml", "book/chapters/*.ipynb", "book/exercises/*.ipynb"]
    patterns += ["book/appendix/*.ipynb", "book/appendix/museum/*.ipynb"]
    return [ROOT / name for name in named] + [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def main(arguments):
    slug = repository()
    differing = [path for path in files() if path.read_text(encoding="utf-8") != with_address(path, slug)]
    for path in differing:
        print(path.relative_to(ROOT), "differs" if arguments == ["--check"] else "set")
        if arguments != ["--check"]:
            path.write_text(with_address(path, slug), encoding="utf-8")
    if arguments == ["--check"] and differing:
        sys.exit(1)
    print(f"address: https://github.com/{slug}")


if __name__ == "__main__":
    main(sys.argv[1:])
