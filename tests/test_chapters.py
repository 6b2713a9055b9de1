"""Every chapter keeps the rules; and each rule notices when it is broken."""

import re
from pathlib import Path

import chapter_rules as rules
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(ROOT.glob("book/chapters/*.ipynb"))


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def chapter(path):
    return nbformat.read(path, as_version=4)


def test_there_are_chapters():
    assert len(CHAPTERS) >= 5


def test_every_cell_was_run_in_order(chapter):
    assert rules.unrun_cells(chapter) == []


def test_every_formula_is_checked(chapter, path):
    assert rules.unchecked_formulas(chapter, int(path.name[:2])) == []


def test_every_number_stands_in_an_output(chapter):
    assert rules.unfounded_numbers(chapter) == []


def test_text_is_plain_commonmark(chapter):
    assert rules.raw_myst(chapter) == []


def test_cells_are_short(chapter):
    assert rules.long_cells(chapter) == []


def test_figures_are_described(chapter):
    assert rules.figures_without_alt(chapter) == []


def test_test_data_are_used_once_at_the_end(chapter):
    assert rules.early_test_data(chapter) == []


def test_skeleton(chapter):
    """Title, outcome, needs and minutes first; questions, recap, reading and the next chapter last."""
    text = [cell.source for cell in rules.cells(chapter, "markdown")]
    head, tail = text[0], text[-1]
    assert [line[:2] for part in text for line in part.splitlines() if line.startswith("# ")] == ["# "]
    for phrase in ("**You will**", "**You need**", "**Time:**"):
        assert phrase in head
    for phrase in ("## Quick questions", "## What you did", "**Further reading:**", "**Next:**"):
        assert phrase in tail
    assert tail.count("<details>") == tail.count("</details>") >= 2
    assert 3 <= len(re.findall(r"^- ", tail.split("## What you did")[1], re.MULTILINE)) <= 5


@pytest.mark.parametrize(("call", "tag"), [("load_mnist()", "needs-mnist"), ("load_fashion_mnist()", "needs-fashion")])
def test_cells_that_load_data_are_tagged(chapter, call, tag):
    """Without MNIST they warn, so their output cannot be compared; without Fashion-MNIST they cannot run."""
    loading = [cell for cell in rules.cells(chapter, "code") if call in cell.source]
    assert all(tag in cell.metadata.get("tags", []) for cell in loading)


def test_chapter_uses_data(chapter):
    assert any(
        call in cell.source
        for cell in rules.cells(chapter, "code")
        for call in ("load_mnist()", "load_fashion_mnist()")
    )


def test_metadata_are_normalised(chapter):
    """Nothing is stored that differs from machine to machine or from run to run."""
    assert chapter.metadata.kernelspec.name == "python3"
    assert "version" not in chapter.metadata.language_info
    assert not any("execution" in cell.metadata for cell in chapter.cells)
    assert len({cell.id for cell in chapter.cells}) == len(chapter.cells)


def test_prose_outweighs_code(chapter):
    words = sum(len(cell.source.split()) for cell in rules.cells(chapter, "markdown"))
    lines = sum(len(cell.source.splitlines()) for cell in rules.shown_code(chapter))
    assert 8 <= words / lines <= 25, f"{words / lines:.1f} words to a line of code"


# ---------------------------------------------------------------- the rules themselves


def notebook(*cells):
    for position, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        cell.execution_count = position
    return new_notebook(cells=list(cells))


def code(source, text=None, **output):
    outputs = [new_output("stream", text=text)] if text else []
    outputs += [new_output("display_data", data=output)] if output else []
    return new_code_cell(source, outputs=outputs)


GOOD = (
    code("import numpy"),
    code("rng = 1"),
    new_markdown_cell("$$ a = 1 \\tag{7.1} $$\n\nThe loss is 0.25, or 25 %."),
    code("# check (7.1)\nassert x", "0.25 25%"),
)

BROKEN = {
    "formula without its check": (rules.unchecked_formulas, new_markdown_cell("$$ b \\tag{7.2} $$")),
    "formula tagged twice": (rules.unchecked_formulas, new_markdown_cell("$$ a = 2 \\tag{7.1} $$")),
    "check without a formula": (rules.unchecked_formulas, code("# check (7.3)\nassert x")),
    "check that asserts nothing": (rules.unchecked_formulas, code("# check (7.1)\nassert True")),
    "number without an output": (rules.unfounded_numbers, new_markdown_cell("The accuracy is 93.7 %.")),
    "number in a formula": (rules.unfounded_numbers, new_markdown_cell("So $J = 1.234$.")),
    "whole number": (rules.unfounded_numbers, new_markdown_cell("It makes 713 mistakes.")),
    "number with a comma": (rules.unfounded_numbers, new_markdown_cell("All 7,851 parameters.")),
    "directive": (rules.raw_myst, new_markdown_cell("```{note}\nText\n```")),
    "colon fence": (rules.raw_myst, new_markdown_cell(":::{note} Text")),
    "role": (rules.raw_myst, new_markdown_cell("See {ref}`here`.")),
    "target": (rules.raw_myst, new_markdown_cell("(here)=\n# Title")),
    "long cell": (rules.long_cells, code("x = 1\n" * 21)),
    "figure without alt text": (rules.figures_without_alt, code("plot()", **{"image/png": "AAAA"})),
    "error output": (rules.unrun_cells, new_code_cell("1 / 0", outputs=[new_output("error")])),
    "test data": (rules.early_test_data, code("evaluate(x_test)")),
}


def complaints(rule, *cells):
    return rule(notebook(*cells), 7) if rule is rules.unchecked_formulas else rule(notebook(*cells))


@pytest.mark.parametrize("name", BROKEN)
def test_rule_notices(name):
    rule, cell = BROKEN[name]
    assert complaints(rule, *GOOD) == []
    assert len(complaints(rule, *GOOD, cell)) == 1


def test_rule_notices_a_formula_of_another_chapter():
    cells = (new_markdown_cell("$$ b \\tag{6.2} $$"), code("# check (6.2)\nassert x"))
    assert len(complaints(rules.unchecked_formulas, *GOOD, *cells)) == 1


def test_rule_notices_long_cells_on_the_whole():
    assert len(complaints(rules.long_cells, *(code("x = 1\n" * 7) for _ in range(3)))) == 1


def test_rule_notices_a_cell_that_was_not_run():
    broken = notebook(*GOOD, code("x"))
    broken.cells[-1].execution_count = None
    assert len(rules.unrun_cells(broken)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Chapter 12 has formula (3.14).",
        "[S3](../appendix/references.md#s3) prints 0.9759.",
        "Images are 28 × 28, `x[17]`, $2^{1023}$ and 10 classes.",
    ],
)
def test_rule_leaves_alone(text):
    assert complaints(rules.unfounded_numbers, *GOOD, new_markdown_cell(text)) == []


def test_no_other_notebook_reads_mnist():
    """So that .ci/run need run only these without the data."""
    others = [path for path in ROOT.glob("book/*/**/*.ipynb") if path.parent.name in ("museum", "exercises")]
    assert len(others) > 30
    for path in others:
        assert not re.search(r"load_(fashion_)?mnist|needs-(mnist|fashion)", path.read_text(encoding="utf-8")), path
