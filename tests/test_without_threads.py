"""In the browser there are no threads, sockets and processes: training there must give the same numbers."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
TRAIN = """
import hashlib
import numpy as np
from mnist_helpers.data import standardize, to_features, train_valid_split
from mnist_helpers.exercises import check
from mnist_helpers.functional import softmax
from mnist_helpers.gradcheck import check_gradient
from mnist_helpers.models import init_params
from mnist_helpers.training import fit

rng = np.random.default_rng(0)
images, labels = rng.integers(0, 256, (600, 8, 8), dtype=np.uint8), rng.integers(0, 10, 600)
x, y, x_valid, y_valid = train_valid_split(standardize(to_features(images)), labels, n_valid=100, rng=rng)
params = init_params(64, 10)
result = fit(params, x, y, valid=(x_valid, y_valid), epochs=3, batch_size=50, learning_rate=0.1, rng=rng)
check_gradient(lambda z: float(np.log(np.exp(z).sum())), softmax, np.arange(3.0))
print(hashlib.sha256(b"".join(result.params[name].tobytes() for name in sorted(result.params))).hexdigest())
"""
FORBID = "import like_pyodide\nlike_pyodide.forbid()\n"
PROVE = """
import os, socket, subprocess, sys, threading
refused = []
for name, attempt in {
    "thread": lambda: threading.Thread(target=int).start(),
    "socket": lambda: socket.socket(),
    "subprocess": lambda: subprocess.run([sys.executable]),
    "fork": lambda: os.fork(),
}.items():
    try:
        attempt()
    except (RuntimeError, OSError) as error:
        refused.append(name)
print(*refused, sys.platform)
"""


def printed(code):
    """Return what code prints in a fresh process, in which a warning is an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_training_is_the_same():
    assert printed(FORBID + TRAIN) == printed(TRAIN)


def test_they_are_really_forbidden():
    assert printed(FORBID + PROVE).split() == ["thread", "socket", "subprocess", "fork", "emscripten"]
