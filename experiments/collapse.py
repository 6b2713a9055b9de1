"""Run the suspects of chapter 10 and store what they do: alone, in pairs, and with every cure.

    python experiments/collapse.py                 what is missing: about twenty minutes on two cores for all
    python experiments/collapse.py lineup          one of the tables: lineup, pairs, cures

A table is written when all of its runs are done. To run one again, delete its file in results/collapse.
"""

import argparse
import json
import os
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from run import connect
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


def row(names, arithmetic, settings, seed, cure=None):
    """Run one program and return a row of a table."""
    program = combine(*(ALONE[name] for name in names), ARITHMETIC[arithmetic])
    if cure is not None:
        program, batch_size = cured(program, cure)
        settings = SINGLE_IMAGES if batch_size == 1 else settings
    found = run(program, split(), seed=seed, **settings)
    measured = {name: getattr(found, name) for name in ("died_at", "first", "zeros", "nans")}
    measured |= {name: round(getattr(found, name), 4) for name in ("best", "last", "level")}
    asked = {"suspects": list(names), "arithmetic": arithmetic, "cure": cure, **settings, "seed": seed}
    largest = float(f"{found.largest:.3g}") if np.isfinite(found.largest) else None  # JSON knows no NaN
    return asked | measured | {"largest": largest, "verdict": verdict(found)}


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
    """Run a table on the client's workers and write it."""
    from distributed import as_completed

    asked = list(TABLES[name]())
    futures = [client.submit(row, *arguments, pure=False) for arguments in asked]
    hidden = os.environ.get("TQDM_DISABLE") == "1"
    for _ in tqdm(as_completed(futures), desc=name, total=len(asked), unit="run", disable=hidden):
        pass
    head = {"data": data_hashes("mnist"), "split_seed": SPLIT_SEED}
    lines = ",\n".join(json.dumps(future.result()) for future in futures)
    RESULTS.mkdir(parents=True, exist_ok=True)
    temporary = RESULTS / f"{name}.part"
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
    with connect(None, options.processes) as client:
        try:
            for name in missing:
                compute(name, client)
        finally:
            client.cluster.close()


if __name__ == "__main__":
    main()
