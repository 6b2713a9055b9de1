"""The rules that every chapter keeps, as functions from a notebook to a list of complaints."""

import ast
import re
from statistics import median

MAX_CELL_LINES = 20
MAX_MEDIAN_LINES = 6

TAG = re.compile(r"\\tag\{([\w.]+)\}")
CHECK = re.compile(r"\A# check \(([\w.]+)\)")
# Directives, roles, targets, block breaks and comments of MyST show as raw text outside Jupyter Book.
RAW_MYST = re.compile(r"^\s*(:{3,}|`{3,}\{|\+\+\+|\([\w-]+\)=\s*$|% )|\{[\w:+-]+\}`", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?(?: ?%)?(?![\w]|[.,]\d)")


def cells(notebook, kind):
    """Return the cells of one kind."""
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def shown_code(notebook):
    """Return the code cells whose source a reader of the book sees at once."""
    hidden = {"remove-cell", "hide-input"}
    return [cell for cell in cells(notebook, "code") if not hidden & set(cell.metadata.get("tags", []))]


def output_text(cell):
    """Return all text that a cell has printed or displayed."""
    texts = [output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(texts)


def unrun_cells(notebook):
    """Cells that were not all run once, in order, without error or warning."""
    complaints = []
    for position, cell in enumerate(cells(notebook, "code"), start=1):
        if cell.execution_count != position:
            complaints.append(f"{cell.id}: execution count {cell.execution_count}, expected {position}")
        kinds = {output.get("name", output.output_type) for output in cell.outputs}
        complaints += [f"{cell.id}: has {kind} output" for kind in kinds & {"error", "stderr"}]
    return complaints


def unchecked_formulas(notebook, chapter):
    """Tagged formulas without a check that asserts something, checks without a formula, tags of another chapter."""
    text = "\n".join(cell.source for cell in cells(notebook, "markdown"))
    tags = TAG.findall(text)
    checks = {match[1]: cell for cell in cells(notebook, "code") if (match := CHECK.match(cell.source))}
    complaints = [f"({tag}) is tagged twice" for tag in set(tags) if tags.count(tag) > 1]
    complaints += [f"({tag}) does not belong to chapter {chapter}" for tag in tags if tag.split(".")[0] != str(chapter)]
    complaints += [f"({tag}) has no cell that begins '# check ({tag})'" for tag in tags if tag not in checks]
    complaints += [f"check ({tag}) has no formula" for tag in checks if tag not in tags]
    complaints += [f"check ({tag}) asserts nothing" for tag, cell in checks.items() if not _asserts(cell.source)]
    return complaints


def _asserts(source):
    """Whether some assert depends on anything that was computed."""
    asserted = [node.test for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    return any(isinstance(part, ast.Name) for test in asserted for part in ast.walk(test))


def unfounded_numbers(notebook):
    """Numbers in the prose that stand in no output and no code cell of the chapter and carry no source.

    Small whole numbers up to ten are words, and paragraphs with a link to the references carry their source. The quick
    questions are left out: they ask about imagined cases. Elsewhere imagined numbers are written in words.
    """
    evidence = "\n".join(output_text(cell) + "\n" + cell.source for cell in cells(notebook, "code"))
    known = {_normal(token) for token in NUMBER.findall(evidence.replace("_", ""))}
    values = [float(token) for token in known if not token.endswith("%")]
    complaints = []
    for cell in cells(notebook, "markdown"):
        for paragraph in re.split(r"\n\s*\n", _without_questions(cell.source)):
            if "references.md" in paragraph or paragraph.startswith(("**Time:**", "**Further reading:**", "#")):
                continue
            for token in map(_normal, NUMBER.findall(_prose(paragraph))):
                if not (token in known or _is_small(token) or _rounds_to(token, values)):
                    complaints.append(f"{cell.id}: {token} stands in no output: {paragraph[:70]!r}")
    return complaints


def _without_questions(text):
    return re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)


def _prose(paragraph):
    """Return a paragraph without code, addresses, numbers of formulas and chapters, and whole numbers in formulas."""
    paragraph = re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>", " ", paragraph)
    paragraph = re.sub(r"\$\$?[^$]+\$\$?", lambda formula: " ".join(re.findall(r"\d+\.\d+", formula[0])), paragraph)
    paragraph = re.sub(r"\(\d+\.\d+\)|[Cc]hapters? \d+|section [\d.]+|float\d+", " ", paragraph)
    return re.sub(r"\b\d+ × \d+\b", " ", paragraph)


def _normal(token):
    return re.sub(r"[\s,]", "", token)


def _is_small(token):
    return token.isdigit() and int(token) <= 10


def _rounds_to(token, values):
    """A whole number may name the limit that an output gives with decimals: 104 for 103.97."""
    return token.isdigit() and any(
        value != int(value) and abs(value - int(token)) < 1 for value in values if abs(value) < 1e9
    )


def raw_myst(notebook):
    """MyST syntax in text cells, which other viewers show as raw text."""
    found = [(cell.id, match[0]) for cell in cells(notebook, "markdown") for match in RAW_MYST.finditer(cell.source)]
    return [f"{name}: {text.strip()!r}" for name, text in found]


def long_cells(notebook):
    """Code cells over 20 lines, and a median over 6."""
    lengths = {cell.id: len(cell.source.splitlines()) for cell in cells(notebook, "code")}
    complaints = [f"{name}: {length} lines" for name, length in lengths.items() if length > MAX_CELL_LINES]
    middle = median(lengths[cell.id] for cell in shown_code(notebook))
    if middle > MAX_MEDIAN_LINES:
        complaints.append(f"median length {middle} lines")
    return complaints


def figures_without_alt(notebook):
    """Figures without a description in the cell's metadata of at least five words."""
    complaints = []
    for cell in cells(notebook, "code"):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if any("image/png" in output.get("data", {}) for output in cell.outputs) and len(alt.split()) < 5:
            complaints.append(f"{cell.id}: alt text {alt!r}")
    return complaints


def early_test_data(notebook):
    """Cells that use the test part without the tag test-set, or before the last call of fit."""
    code = cells(notebook, "code")
    last_fit = max((i for i, cell in enumerate(code) if re.search(r"\bfit\(|\bsweep\(", cell.source)), default=-1)
    complaints = []
    for index, cell in enumerate(code):
        uses = re.search(r"\b[xy]_test\b", cell.source)
        if uses and ("test-set" not in cell.metadata.get("tags", []) or index <= last_fit):
            complaints.append(f"{cell.id}: uses the test part")
    return complaints
