"""Take from this process what Python lacks in the browser: threads, sockets, processes, and a few modules.

Import it before anything else, as a plugin of pytest or in a fresh process, and call `forbid`:

    PYTHONPATH=tests python -m pytest -n 0 -p like_pyodide tests/test_training.py

What raises, and what it says, was read off Pyodide 314: places/browser.py asks again. What this does not show: whether
packages compiled for WebAssembly compute the same, its 32 bits, and its speed.
"""

import _multiprocessing
import _thread
import errno
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading

ABSENT = ("resource", "curses", "readline", "pwd", "grp")
STARTERS = ("_start_new_thread", "_start_joinable_thread")  # the second since Python 3.13
NO_PROCESSES = (errno.ENOSYS, "emscripten does not support processes.")


def refuse(error, *words):
    """Return a function that raises an error, whatever it is called with."""

    def refused(*_, **__):
        raise error(*words)

    return refused


def forbid():
    """Forbid all of it, until this process ends."""
    no_thread = refuse(RuntimeError, "can't start new thread")
    for module in (_thread, threading):
        for name in {*STARTERS, *(name.removeprefix("_") for name in STARTERS)} & set(dir(module)):
            setattr(module, name, no_thread)
    socket.socket.__init__ = refuse(OSError, errno.EPERM, "no sockets in the browser")
    socket.getaddrinfo = refuse(OSError, errno.EPERM, "no names in the browser")
    subprocess.Popen.__init__ = refuse(OSError, *NO_PROCESSES)
    for name in {"fork", "forkpty", "posix_spawn", "posix_spawnp"} & set(dir(os)):
        setattr(os, name, refuse(OSError, errno.ENOSYS, "Function not implemented"))
    for name in {"alarm", "setitimer"} & set(dir(signal)):
        delattr(signal, name)
    # Pyodide has no _multiprocessing at all. scikit-learn 1.9 imports it, the 1.8 of Pyodide does not: so its locks go.
    del _multiprocessing.SemLock
    os.environ["JOBLIB_MULTIPROCESSING"] = "0"  # else it warns that there are none, and a warning is an error here
    for name in ABSENT:
        sys.modules[name] = None  # importing it raises ModuleNotFoundError
    sysconfig.get_config_vars()  # kept by sysconfig, which finds none under the other platform
    sys.platform = "emscripten"


def pytest_load_initial_conftests():
    """Forbid it before conftest.py imports NumPy."""
    forbid()
