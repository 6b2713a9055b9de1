"""Chapter 14 shows every printed number of the sources, and beside it what the stored long runs hold."""

import ast
import re
from pathlib import Path

import chapter_rules as rules
import nbformat
import numpy as np
import pytest

from mnist_helpers.longruns import load_result, result_names

CHAPTER = Path(__file__).resolve().parent.parent / "book" / "chapters" / "14_reproductions.ipynb"

# Typed from the sources, not from the chapter.
S3_RUNS = {  # title: accuracy, loss
    "softmax regression": (0.9214,),
    "momentum (config_6.yaml)": (0.9668,),
    "low momentum": (0.9187,),
    "L2": (0.9699, 0.10277824069050659),
    "L1": (0.9737, 0.08931316605518423),
    "smaller L2": (0.9713, 0.10168974708457909),
    "sigmoid": (0.9336, 0.22483864970441),
    "ReLU (best)": (0.9759, 0.080695664408),
}
S3_GRADIENT_CHECK = [
    (0.099881709278, 0.099880510195, 1.19908287898e6),
    (0.0097590626103, 0.0097590614918, 1.4609340039e-10),
    (0.004951752628, 0.00495175248, 1.4609340039e-10),
    (0.0018200287225, 0.0018200877310, 5.900851056e-8),
    (0.0009002833399, 0.0009002904815, 7.1416564615e-9),
    (0.0009002833399, 0.0009002904815, 7.1416564615e-9),
]
S3_FIRST_IMAGE = (0.13714225924744897, 0.31112823799846606)
S2_EPOCHS = {50: 0.7995, 150: 0.817, 250: 0.8185, 350: 0.8205}
S2_RATES = {"0.8": 0.837, "0.1": 0.82, "0.01": 0.7575, "0.001": 0.661}
S0_PER_SAMPLE = (0.958, 0.964, 0.9643, 0.9709, 0.9745)
S0_MINI_BATCH = (0.9561, 0.9643, 0.9708, 0.9752, 0.9761, 0.9769, 0.9775)

ROW = re.compile(r"(\d\.\d{4})  (\d\.\d{4}) ± (\d\.\d{4})  (reproduced|not reproduced|cannot be) +(S\d) (.+)$")


@pytest.fixture(scope="module")
def chapter():
    return nbformat.read(CHAPTER, as_version=4)


@pytest.fixture(scope="module")
def table(chapter):
    """The rows of the last table, as they are printed."""
    text = max((rules.output_text(cell) for cell in rules.cells(chapter, "code")), key=lambda t: len(t.splitlines()))
    return [match.groups() for line in text.splitlines() if (match := ROW.match(line))]


def history(name, epoch):
    values = [run["history"]["test_accuracy"][epoch] for run in load_result(name)["runs"]]
    return np.mean(values), np.std(values, ddof=1)


def final(name, quantity):
    values = [run["final"][quantity] for run in load_result(name)["runs"]]
    return np.mean(values), np.std(values, ddof=1)


def expected_rows():
    """Source, published number, and what the JSON files hold, in the order of the sources."""
    by_title = {load_result(name)["settings"]["title"]: name for name in result_names() if name.startswith("s3_")}
    for title, printed in S3_RUNS.items():
        for published, kind in zip(printed, ("accuracy", "loss"), strict=False):
            yield "S3", f"{title}: {kind}", published, final(by_title[title], f"test_{kind}")
    for epoch, published in S2_EPOCHS.items():
        yield "S2", f"{epoch} epochs at 0.1", published, history("s2_full_batch_0_1", epoch)
    for rate, published in S2_RATES.items():
        name = f"s2_full_batch_{rate.replace('.', '_')}"
        yield "S2", f"learning rate {rate}", published, final(name, "first_test_accuracy")
    for name, title, printed in (
        ("s0_per_sample", "sample by sample", S0_PER_SAMPLE),
        ("s0_minibatch", "mini-batches", S0_MINI_BATCH),
    ):
        for epoch, published in enumerate(printed, start=1):
            yield "S0", f"{title}, epoch {epoch}", published, history(name, epoch)


def test_no_row_is_missing_and_each_is_what_the_json_holds(table):
    expected = [
        (f"{published:.4f}", f"{mean:.4f}", f"{spread:.4f}", source, what)
        for source, what, published, (mean, spread) in expected_rows()
    ]
    assert len(expected) == 33
    assert [row[:3] + row[4:] for row in table] == expected


def test_verdicts_follow_the_rule(table):
    for published, ours, _, verdict, source, what in table:
        tolerance = 0.01 if what.endswith("loss") else 0.005
        distance = abs(float(published) - float(ours))
        if source == "S2":
            assert verdict == "cannot be"
        elif abs(distance - tolerance) > 1e-4:  # beyond the rounding of the printed digits
            assert verdict == ("reproduced" if distance < tolerance else "not reproduced"), what


def test_every_printed_number_stands_in_the_chapter(chapter):
    trees = [
        ast.parse(cell.source) for cell in rules.cells(chapter, "code") if not cell.source.startswith("# On Colab")
    ]
    constants = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, float | str)
    }
    printed = {number for row in S3_RUNS.values() for number in row}
    printed |= {number for row in S3_GRADIENT_CHECK for number in row}
    printed |= {*S2_EPOCHS.values(), *S2_RATES.values(), *S2_RATES, *S0_PER_SAMPLE, *S0_MINI_BATCH}
    assert printed - constants == set()
    text = "\n".join(cell.source for cell in rules.cells(chapter, "markdown"))
    for claim in (*map(str, S3_FIRST_IMAGE), "6–7 %", "95 %", "85 %", "748", "60–70 %", "Shirt"):
        assert claim in text


def test_every_row_of_the_gradient_check_is_compared(chapter):
    trees = [ast.parse(cell.source) for cell in rules.cells(chapter, "code") if "PRINTED = {" in cell.source]
    rows = [ast.literal_eval(node.value) for node in trees[0].body if isinstance(node, ast.Assign)]
    assert list(rows[0].values()) == S3_GRADIENT_CHECK
    outputs = "\n".join(rules.output_text(cell) for cell in rules.cells(chapter, "code"))
    assert len(re.findall(r"difference \S+, printed \S+: (consistent|misprint)", outputs)) == len(S3_GRADIENT_CHECK)
