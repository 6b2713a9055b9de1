"""Run the suspects of chapter 10 and store what they do: alone, in pairs, and with every cure.

    python experiments/collapse.py                 what is missing: about half an hour on two cores for all
    python experiments/collapse.py lineup          one of the tables: lineup, pairs, cures

After an interruption the same command goes on. To run a table again, for example because a suspect has been changed,
delete its file in results/collapse.
"""

import argparse
import json
import os
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from run import connect
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from mnist_helpers.data import load_mnist
from mnist_helpers.longruns import data_hashes
from mnist_helpers.suspects import CURES, PRINTED, SUSPECTS, combine, cured, run, split_as_reported, verdict

RESULTS = Path(__file__).resolve().parent / "results" / "collapse"
SPLIT_SEED = 0
SEEDS = (1, 2, 3)
REPORTED = {"learning_rate": 0.1, "batch_size": 200, "epochs": 10}
NEIGHBOURS = (  # enough epochs for about as long a way as the reported ones, or longer
    {"learning_rate": 0.01, "batch_size": 200, "epochs": 65},
    {"learning_rate": 1.0, "batch_size": 200, "epochs": 10},
    {"learning_rate": 0.1, "batch_size": 20, "epochs": 2},
    {"learning_rate": 0.1, "batch_size": 2000, "epochs": 65},
)
SINGLE_IMAGES = {"learning_rate": 0.01, "batch_size": 1, "epochs": 1}  # at 0.1 even the correct one ends at 86 %
ARITHMETIC = {"stable": {}, "printed": PRINTED}
ALONE = {"nothing": {}, **SUSPECTS}


@cache
def split():
    mnist = load_mnist()
    if mnist.is_stand_in:
        raise RuntimeError("these tables are of real MNIST, which was not found")
    return split_as_reported(mnist, np.random.default_rng(SPLIT_SEED))


def asked(names, arithmetic, settings, seed, cure=None):
    """Return what is to be run, as the first entries of its row."""
    if cure is not None and CURES[cure][1] == 1:
        settings = SINGLE_IMAGES
    return {"suspects": list(names), "arithmetic": arithmetic, "cure": cure, **settings, "seed": seed}


def row(names, arithmetic, settings, seed, cure=None):
    """Run one program and return a row of a table."""
    program = combine(*(ALONE[name] for name in names), ARITHMETIC[arithmetic])
    if cure is not None:
        program, _ = cured(program, cure)
    head = asked(names, arithmetic, settings, seed, cure)
    with threadpool_limits(1):  # one process for each core; the products are too small to share
        found = run(program, split(), seed=seed, **{name: head[name] for name in REPORTED})
    measured = {name: getattr(found, name) for name in ("died_at", "first", "zeros", "nans")}
    measured |= {name: round(getattr(found, name), 4) for name in ("best", "last", "level")}
    largest = float(f"{found.largest:.3g}") if np.isfinite(found.largest) else None  # JSON knows no NaN
    return head | measured | {"largest": largest, "verdict": verdict(found)}


def works(names, arithmetic):
    return combine(*(ALONE[name] for name in names), ARITHMETIC[arithmetic]) is not None


def lineup():
    """Each suspect alone: three seeds under the reported settings, one with the settings beside them."""
    for arithmetic in ARITHMETIC:
        for name in ALONE:
            if works([name], arithmetic):
                yield from (((name,), arithmetic, REPORTED, seed) for seed in SEEDS)
                if arithmetic == "printed":
                    yield from (((name,), arithmetic, settings, SEEDS[0]) for settings in NEIGHBOURS)


def pairs():
    """All pairs: those with naive exp or naive log as they are, the others in the printed arithmetic."""
    for names in combinations(SUSPECTS, 2):
        arithmetic = "stable" if {"naive exp", "naive log"} & set(names) else "printed"
        if works(names, arithmetic):
            yield names, arithmetic, REPORTED, SEEDS[0]


def cures():
    """Each suspect in the printed arithmetic with each cure."""
    for name in ALONE:
        if works([name], "printed"):
            for cure in (None, *CURES):
                yield from (((name,), "printed", REPORTED, seed, cure) for seed in SEEDS)


TABLES = {"lineup": lineup, "pairs": pairs, "cures": cures}


def compute(name, client):
    """Run a table on the client's workers and write it; finished rows wait in a file of their own."""
    from distributed import as_completed

    RESULTS.mkdir(parents=True, exist_ok=True)
    part = RESULTS / f"{name}.part"
    done = [json.loads(line) for line in part.read_text().splitlines()] if part.exists() else []
    heads = [asked(*arguments) for arguments in TABLES[name]()]
    missing = [
        arguments
        for arguments in TABLES[name]()
        if not any(asked(*arguments).items() <= found.items() for found in done)
    ]
    futures = [client.submit(row, *arguments, pure=False) for arguments in missing]
    hidden = os.environ.get("TQDM_DISABLE") == "1"
    for future in tqdm(as_completed(futures), desc=name, total=len(missing), unit="run", disable=hidden):
        done.append(future.result())
        with part.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
    write(name, [next(found for found in done if head.items() <= found.items()) for head in heads])
    part.unlink()


def write(name, rows):
    """Write a table at once, so that an interruption leaves all of it or nothing."""
    head = {"data": data_hashes("mnist"), "split_seed": SPLIT_SEED}
    lines = ",\n".join(map(json.dumps, rows))
    temporary = RESULTS / f"{name}.new"
    temporary.write_text(json.dumps(head)[:-1] + f', "rows": [\n{lines}\n]}}\n')
    temporary.replace(RESULTS / f"{name}.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="TABLE", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    missing = [name for name in options.names or TABLES if not (RESULTS / f"{name}.json").exists()]
    if not missing:
        print("nothing is missing")
        return
    try:
        with connect(None, options.processes) as client:
            try:
                for name in missing:
                    compute(name, client)
            finally:
                client.cluster.close()
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on with what is missing") from None


if __name__ == "__main__":
    main()
