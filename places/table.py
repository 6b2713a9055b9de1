"""Write the README's tables of places, versions and reliability from what the commands found.

    python places/table.py            write them
    python places/table.py --check    only say whether they are what was found, with exit code 1 if not

The tables stand between the lines `<!-- results of places -->` and `<!-- end of results -->`. Nothing in them is
written by hand: see places/results for the numbers and each command for what it did.
"""

import sys

from places.common import ROOT, kept
from places.versions import ROWS

BEGIN, END = "<!-- results of places -->", "<!-- end of results -->"


def table(head, rows):
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def whole(seconds):
    """Return seconds without decimals."""
    return f"{seconds:.0f} s"


def colab(found):
    how = (
        f"`places/colab.py`: Colab's list of {found['list']} on Python {found['python']}"
        f"{'' if found['numpy'] == '2.0.2' else ', or the next that have a wheel for it'} (NumPy {found['numpy']}, "
        f"Matplotlib {found['matplotlib']}, ipywidgets {found['ipywidgets']}), an empty folder, git sent to a clone"
    )
    result = (
        f"{found['chapters']} chapters and {found['sheets']} student sheets ran; the install cell took at most "
        f"{whole(found['install_slowest'])} and changed no package; after a restart, the chapters' cells "
        f"against their stored outputs: {found['after_restart'].split(' in ')[0]}"
    )
    return ["Colab", how, whole(found["figure_first"]), result]


def binder(found):
    how = (
        f"`places/binder.py`: what repo2docker {found['jupyter-repo2docker']} says it would do, in a fresh environment "
        f"(Python {found['python']}, JupyterLab {found['base']['jupyterlab']}); then Chromium"
    )
    result = (
        f"chapter 1 opened from its button and ran to the end without an error; {found['buttons']} launch buttons open "
        f"notebooks that exist; on top of the {found['base_mb']} MB that every image has, {found['added_mb']} MB of "
        f"packages and {found['data_mb']} MB of data"
    )
    return ["Binder, the image once built", how, whole(found["chapter"]["figure"]), result]


def jupyter(found):
    rows = []
    for name, app in (("JupyterLab", "lab"), ("Jupyter Notebook", "notebook")):
        run = found[f"{app}_run"]
        how = f"`places/jupyter.py`: the README's commands in a clone, {name} {found[f'{app}_version']}, Chromium"
        seconds = found["install_seconds"] + run["server"] + run["figure"]
        rows.append([name, how, whole(seconds), "chapter 1 ran to the end without an error"])
    return rows


def browser(found):
    """Return a row for each of the parts of places/browser.py; only the first is the browser itself."""
    site, tight, bits = (found[part] for part in ("site", "constraints", "bits"))
    opened, (python, numpy, *_) = site["opened"], bits["python"].split()
    return [
        [
            "The browser alone (`make lite`): page, kernel, files",
            f"`places/browser.py`: Pyodide {site['pyodide']} in Chromium, from local files, which lack NumPy",
            f"stored figures after {whole(opened['seconds']['chapter shown'])}; none was computed",
            f"kernel answers after {whole(opened['seconds']['first answer of the kernel'])}; MNIST: {opened['MNIST']}; "
            f"{opened['modules']}; **computing with NumPy there is untested**",
        ],
        [
            "The browser alone: its limits",
            f"the same: CPython {tight['python']} with Pyodide's packages ({', '.join(tight['has'][:3])}) and without "
            "threads, sockets, processes",
            "",
            in_words(tight),
        ],
        [
            "The browser alone: 32 bits",
            f"the same: Debian for i386, Python {python}, NumPy {numpy}",
            "",
            in_words(bits),
        ],
    ]


def in_words(part):
    """Return what became of tests and chapters in one part of places/browser.py."""
    tests, chapters = part["tests"], part["chapters"]
    differing = sum(len(chapter["differing"]) for chapter in chapters)
    errors = sum(len(chapter["errors"]) for chapter in chapters)
    return (
        f"{tests['passed']:,} tests passed, {len(tests['failed'])} failed; {len(chapters)} chapters: {errors} errors, "
        f"{differing} cells print otherwise"
    )


def untried(place):
    return [place, "its command was not run yet", "", "unknown"]


def places(results):
    """Return the rows of the table of places that have been tried."""
    rows = [colab(found) for name, found in results.items() if name.startswith("place-colab")] or [untried("Colab")]
    rows += [binder(results["place-binder"])] if "place-binder" in results else [untried("Binder")]
    rows += jupyter(results["place-jupyter"]) if "place-jupyter" in results else [untried("JupyterLab")]
    if "place-browser" in results:
        rows += browser(results["place-browser"])
    rows.append(["VS Code", "not tried; it uses the same kernel as JupyterLab", "", "unknown"])
    return rows


def versions(results):
    """Return the rows of the table of versions, and a word for those that have not been tried."""
    rows = []
    for name in ROWS:
        found = results.get(f"versions-{name}")
        if found is None:
            rows.append([name, *["not run"] * 7, "", "", "", ""])
        else:
            packages = [
                found[package] for package in ("python", "numpy", "scipy", "matplotlib", "scikit-learn", "ipywidgets")
            ]
            counts = [f"{found.get(outcome, 0):,}" for outcome in ("passed", "failed", "skipped")]
            rows.append([*packages, found["blas"].removeprefix("scipy-"), found["threads"], *counts, found["commit"]])
    return rows


def chapters_again(found):
    rounds, (fastest, slowest) = len(found["rounds"]), found["seconds"]
    return [
        f"{found['notebooks']} notebooks, {rounds} times, each time in another order, strict",
        f"{found['differences']} differences; {fastest:.0f} to {slowest:.0f} s a round",
    ]


def corrupted(found):
    checked = [outcomes for way in found["table"].values() for outcomes in way.values()]
    wrong = sum(outcomes["wrong"] for outcomes in checked)
    other = sum(outcomes["other data, as the file says"] for outcomes in found["table"]["checked"].values())
    return [
        f"{found['seeds'][1] - found['seeds'][0] + 1:,} damaged IDX and gzip files, alone and as part of a set",
        f"{wrong} with another error than the documented one; {other} sets loaded with wrong data",
    ]


def fuzzed(found):
    counts = found["counts"].values()
    total, wrong = (sum(sum(c.get(kind, 0) for kind in kinds) for c in counts) for kinds in (OUTCOMES, ["wrong"]))
    return [
        f"{len(found['counts'])} public functions, up to {found['examples']:,} calls of each, half of them spoilt",
        f"{total:,} calls; {wrong} functions gave a wrong result or an error that is not documented",
    ]


RELIABILITY = {"chapters": chapters_again, "corruption": corrupted, "fuzz": fuzzed}
OUTCOMES = ("right", "error", "wrong")


def reliability(results):
    """Return the rows of the table of what benchmarks/reliability.py found."""
    rows = []
    for name, words in RELIABILITY.items():
        found = results.get(f"reliability-{name}")
        rows.append([f"`{name}`", *(words(found) if found else ["not run yet", ""]), found["commit"] if found else ""])
    return rows


def tables(results):
    """Return all tables as they should stand in the README."""
    head = ["Python", "NumPy", "SciPy", "Matplotlib", "scikit-learn", "ipywidgets", "BLAS", "threads"]
    return "\n\n".join(
        [
            BEGIN,
            table(["place", "stood in for by", "from nothing to the first figure", "result"], places(results)),
            table([*head, "passed", "failed", "skipped", "commit"], versions(results)),
            table(["`benchmarks/reliability.py`", "what", "result", "commit"], reliability(results)),
            END,
        ]
    )


def with_tables(text, results):
    """Return the README with its tables replaced."""
    before, rest = text.split(BEGIN)
    return before + tables(results) + rest.split(END)[1]


def main(arguments):
    path = ROOT / "README.md"
    old = path.read_text(encoding="utf-8")
    new = with_tables(old, kept())
    if arguments == ["--check"]:
        sys.exit(0 if new == old else "README.md: run python places/table.py")
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
