"""How reliable the course is: chapters in random orders, corrupted data files, and every public function fuzzed.

    python benchmarks/reliability.py [chapters] [corruption] [fuzz] [--times 10] [--corruptions 1000] [--examples 10000]

Without a name all three. Each prints a table and keeps it in ``places/results``. Exit code 1 if anything is wrong.
"""

import argparse
import gzip
import hashlib
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mnist_helpers import _files
from mnist_helpers.data import DataError, read_idx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from places.common import commit, keep  # noqa: E402  (it lies beside this folder)


def versions():
    """Return what the numbers were measured with."""
    return {"commit": commit(), "python": platform.python_version(), "numpy": np.__version__}


def print_table(head, rows):
    """Print rows in columns, the first to the left, the others to the right."""
    lines = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([line[0].ljust(len(first)), *others]))


# --- chapters -----------------------------------------------------------------------------------------------------


def chapters(options):
    """Run all notebooks several times, each time in another order; return whether every output was as stored."""
    require_data()
    measured_with = versions()  # first, because it may refuse
    files = sorted(map(str, notebooks(options.notebooks)))
    with ThreadPoolExecutor(2) as pool:  # two rounds side by side keep two cores busy to the end
        rounds = list(pool.map(lambda seed: chapters_round(files, seed), range(options.times)))
    names = ["seed", "passed", "failed", "seconds"]
    print_table(names, [[r[name] for name in names] for r in rounds])
    seconds = [r["seconds"] for r in rounds]
    failed = sum(r["failed"] for r in rounds)
    print(
        f"{len(files)} notebooks, {len(rounds)} rounds: {failed} differences, {min(seconds)} to {max(seconds)} s each"
    )
    result = {"notebooks": len(files), "rounds": rounds, "differences": failed, "seconds": [min(seconds), max(seconds)]}
    keep("reliability-chapters", measured_with | result)
    return not failed and all(r["exit_code"] == 0 for r in rounds)


def require_data():
    """Stop unless both data sets lie in the named folder: a run with stand-in digits would prove nothing."""
    named = os.environ.get("MNIST_HELPERS_DATA")
    if not named:
        raise SystemExit("Set MNIST_HELPERS_DATA to the folder with mnist/ and fashion-mnist/.")
    for source in (_files.MNIST, _files.FASHION_MNIST):
        try:
            _files.load_arrays(source, Path(named), download=False)
        except DataError as error:
            raise SystemExit(f"{source.name} is needed: {error}") from error


def notebooks(names):
    """Return the notebooks of the book that have one of these names, or all."""
    found = [*ROOT.glob("book/chapters/*.ipynb"), *ROOT.glob("book/appendix/**/*.ipynb")]
    return [path for path in found if not names or any(name in path.stem for name in names)]


def chapters_round(files, seed):
    """Run the notebooks in the order of the seed and return the counts."""
    random.Random(seed).shuffle(files := list(files))
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-n", "0", "-p", "no:cacheprovider"]
    started = time.perf_counter()
    done = subprocess.run([*command, *files], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False)
    seconds = round(time.perf_counter() - started, 1)
    print(f"seed {seed}: {done.stdout.strip().splitlines()[-1]}", flush=True)
    if done.returncode:
        print(done.stdout[-4000:])
    failed, errors = count_of("failed", done.stdout), count_of("error", done.stdout)
    counts = {"passed": count_of("passed", done.stdout), "failed": failed + errors}
    return {"seed": seed, **counts, "seconds": seconds, "exit_code": done.returncode}


def count_of(word, output):
    """Return the number before a word in the last line of pytest."""
    found = re.search(rf"(\d+) {word}", output.strip().splitlines()[-1])
    return int(found[1]) if found else 0


# --- corruption ---------------------------------------------------------------------------------------------------


def change_bits(content, rng, other):
    changed = bytearray(content)
    for place in rng.choices(range(len(content)), k=rng.choice([1, 1, 2, 10])):
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def change_bytes(content, rng, other):
    changed, place = bytearray(content), rng.randrange(len(content))
    changed[place : place + 16] = rng.randbytes(len(changed[place : place + 16]))
    return bytes(changed)


def cut(content, rng, other):
    return content[: rng.randrange(len(content))]


def insert(content, rng, other):
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.randbytes(rng.choice([1, 4, 784])) + content[place:]


def delete(content, rng, other):
    place = rng.randrange(len(content))
    return content[:place] + content[place + rng.choice([1, 4, 784]) :]


def swap_blocks(content, rng, other):
    size = min(512, len(content) // 4)
    first, second = sorted(rng.sample(range(len(content) // size), 2))
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return b"".join(blocks)


def change_header(content, rng, other):
    place = rng.randrange(min(16, len(content)))
    return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]


def append_other(content, rng, other):
    return content + other


def other_file(content, rng, other):
    return other


def pack_again(content, rng, other):
    """Return another gzip file of the same content, which must load right."""
    plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return gzip.compress(plain, rng.randrange(1, 10), mtime=rng.randrange(2**31))


KINDS = {
    "bits": change_bits,
    "bytes": change_bytes,
    "truncation": cut,
    "insertion": insert,
    "deletion": delete,
    "swapped blocks": swap_blocks,
    "header": change_header,
    "another file behind it": append_other,
    "another file in its place": other_file,
    "packed again": pack_again,
}
OUTCOMES = ("right data", "other data, as the file says", "DataError", "wrong")


def corruption(options):
    """Read corrupted files by `read_idx`, and in a whole set with its checks; return whether nothing is wrong."""
    require_data()
    measured_with = versions()
    counts = {"read_idx": Counter(), "checked": Counter()}
    with TemporaryDirectory() as scratch:
        cases = [small_case(Path(scratch, "small")), real_case(Path(scratch, "real"))]
        for seed in range(options.corruptions):
            rng = random.Random(seed)
            corrupt_once(cases[rng.random() < options.real_share], list(KINDS)[seed % len(KINDS)], rng, counts)
    rows = [
        [way, kind, *(found[kind, outcome] for outcome in OUTCOMES)] for way, found in counts.items() for kind in KINDS
    ]
    print_table(
        ["way", "corruption", *OUTCOMES], [[way.ljust(8), kind.ljust(26), *numbers] for way, kind, *numbers in rows]
    )
    print("A plain IDX file has no checksum: read_idx alone cannot see other pixels, the loading of a set must.")
    table = {
        way: {kind: dict(zip(OUTCOMES, numbers, strict=True)) for w, kind, *numbers in rows if w == way}
        for way in counts
    }
    keep("reliability-corruption", measured_with | {"seeds": [0, options.corruptions - 1], "table": table})
    bad = sum(row[-1] for row in rows) + sum(row[3] for row in rows if row[0] == "checked")
    print(f"{options.corruptions} corruptions, {bad} wrong")
    return not bad


def small_case(folder):
    """Return a set of a few real digits and its source, whose hashes are those of the files."""
    arrays = [array[:20] for array in _files.load_arrays(_files.MNIST, os.environ["MNIST_HELPERS_DATA"], False)[0]]
    return case_of(folder, arrays, _files.MNIST)


def real_case(folder):
    """Return the real test files of MNIST as a set of two files with the published hashes."""
    arrays = _files.load_arrays(_files.MNIST, os.environ["MNIST_HELPERS_DATA"], False)[0][2:]
    files = _files.MNIST.files[2:]
    return case_of(folder, arrays, replace(_files.MNIST, files=files), [file.sha256 for file in files])


def case_of(folder, arrays, source, hashes=None):
    """Write the files plain and gzipped and return where they lie, their contents, arrays and source."""
    contents = [idx(array) for array in arrays]
    hashes = hashes or [hashlib.sha256(content).hexdigest() for content in contents]
    files = tuple(
        _files._File(file.name, sha256, array.shape)
        for file, sha256, array in zip(source.files, hashes, arrays, strict=True)
    )
    home = folder / source.folder
    home.mkdir(parents=True)
    return {
        "folder": folder,
        "home": home,
        "contents": contents,
        "arrays": arrays,
        "source": replace(source, files=files),
    }


def idx(array):
    """Return the bytes of an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def corrupt_once(case, kind, rng, counts):
    """Corrupt one file of the set and count what comes of it in both ways."""
    zipped, place = rng.random() < 0.5, rng.randrange(len(case["contents"]))
    contents = [gzip.compress(content, 1, mtime=0) if zipped else content for content in case["contents"]]
    other = contents[(place + 1) % len(contents)]
    changed = KINDS[kind](contents[place], rng, other)
    contents[place] = changed
    paths = [case["home"] / (file.name + ".gz" * zipped) for file in case["source"].files]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    counts["read_idx"][kind, read_outcome(paths[place], case["arrays"][place])] += 1
    counts["checked"][kind, load_outcome(case)] += 1
    for path in paths:
        path.unlink()


def read_outcome(path, expected):
    """Return what came of `read_idx`: other data count as right only if the bytes of the file do say so."""
    try:
        found = read_idx(path)
    except DataError:
        return "DataError"
    except Exception:
        return "wrong"
    if found.shape == expected.shape and (found == expected).all():
        return "right data"
    return "other data, as the file says" if idx(found) == plain_bytes(path) else "wrong"


def plain_bytes(path):
    """Return the unpacked bytes by another program, gzip itself; None if that finds the file damaged."""
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    done = subprocess.run([shutil.which("gzip") or "gzip", "-dc"], input=content, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def load_outcome(case):
    """Return what came of loading the whole set with its checks."""
    try:
        found, _ = _files.load_arrays(case["source"], case["folder"], False)
    except DataError:
        return "DataError"
    except Exception:
        return "wrong"
    same = all(a.shape == b.shape and (a == b).all() for a, b in zip(found, case["arrays"], strict=True))
    return "right data" if same else "other data, as the file says"


# --- fuzz ---------------------------------------------------------------------------------------------------------


def fuzz(options):
    """Run tests/test_fuzz.py with many examples and show what it counted; return whether all is right."""
    measured_with, started = versions(), time.perf_counter()
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "MNIST_HELPERS_FUZZ": str(options.examples),
            "MNIST_HELPERS_FUZZ_COUNTS": folder,
            "OPENBLAS_NUM_THREADS": "1",
        }
        # Function by function, not file by file: they are all in one file.
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", "-p", "no:cacheprovider"]
        command += [f"--hypothesis-seed={options.seed}"]
        done = subprocess.run(
            [*command, "tests/test_fuzz.py"], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, check=False
        )
        counts = {
            path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.json"))
        }
    seconds = round(time.perf_counter() - started)
    rows = [[name, *(counts[name].get(kind, 0) for kind in ("right", "error", "wrong"))] for name in counts]
    print_table(
        ["function", "examples", "right results", "documented errors", "wrong"],
        [[name, sum(numbers), *numbers] for name, *numbers in rows],
    )
    if done.returncode:
        print(done.stdout)
    total = sum(sum(numbers) for _, *numbers in rows)
    print(f"{len(rows)} functions, {total} examples in {seconds} s; {done.stdout.strip().splitlines()[-1]}")
    found = {"examples": options.examples, "seed": options.seed, "seconds": seconds, "counts": counts}
    keep("reliability-fuzz", measured_with | found)
    return done.returncode == 0


PARTS = {"chapters": chapters, "corruption": corruption, "fuzz": fuzz}


def main():
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--times", type=int, default=10, help="rounds of the chapters")
    parser.add_argument("--notebooks", nargs="*", default=[], help="only those whose names hold one of these words")
    parser.add_argument("--corruptions", type=int, default=1000)
    parser.add_argument(
        "--real-share", type=float, default=0.2, help="part of the corruptions done to MNIST's test files"
    )
    parser.add_argument("--examples", type=int, default=10000, help="of each function")
    parser.add_argument("--seed", type=int, default=0, help="of what the fuzz draws")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    right = [PARTS[part](options) for part in options.parts or PARTS]  # all of them, also after one that failed
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
