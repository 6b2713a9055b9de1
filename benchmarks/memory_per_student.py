"""Measure what one student costs a server: memory and processor time of JupyterLab with one notebook at a time.

    python benchmarks/memory_per_student.py [NOTEBOOK ...]     without a name: every chapter, and exercise sheet 2

A server is started as a hub starts it for one student. Each notebook is run in a kernel that this server starts, cell
by cell, and the kernel is stopped before the next begins. Every tenth of a second the memory of the server and of all
its children is read: RSS counts shared pages once for every process, PSS divides them between the processes that
share them, so PSS is what a container is charged. Needs Linux and both data sets.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import requests
from jupyter_client import BlockingKernelClient

ROOT = Path(__file__).resolve().parent.parent
MEBI = 2**20
SECONDS_BETWEEN_SAMPLES = 0.1
SECONDS_PER_CELL = 600


def notebooks():
    """Return the paths of what is measured unless something else is named."""
    return [*sorted(ROOT.glob("book/chapters/*.ipynb")), ROOT / "book" / "exercises" / "02_softmax.ipynb"]


def memory(process):
    """Return RSS and PSS in MiB of a process and all its children."""
    rss = pss = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            info = one.memory_full_info()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):  # ended meanwhile
            continue
        rss, pss = rss + info.rss, pss + info.pss
    return rss / MEBI, pss / MEBI


class Peak(threading.Thread):
    """The largest memory of a process and its children while the body of a with statement runs."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.rss, self.pss, self.done = process, 0, 0, threading.Event()

    def run(self):
        while not self.done.wait(SECONDS_BETWEEN_SAMPLES):
            rss, pss = memory(self.process)
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.done.set()
        self.join()


class Server:
    """JupyterLab, started for one student in a folder of its own, and asked as a browser would."""

    def __init__(self, runtime):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.runtime, token = Path(runtime), secrets.token_hex(16)
        self.headers = {"Authorization": f"token {token}"}
        arguments = ["lab", "--no-browser", "--allow-root", f"--port={self.port}", f"--IdentityProvider.token={token}"]
        environment = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "OPENBLAS_NUM_THREADS": "1",
            "TQDM_DISABLE": "1",
        }
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "jupyter", *arguments, f"--ServerApp.root_dir={ROOT}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = psutil.Process(self.popen.pid)

    def ask(self, method, path, **more):
        """Send a request and return the answer."""
        answer = requests.request(
            method, f"http://127.0.0.1:{self.port}/{path}", headers=self.headers, timeout=30, **more
        )
        answer.raise_for_status()
        return answer

    def wait(self):
        """Wait until the server answers, and open JupyterLab's page."""
        for _ in range(300):
            try:
                return self.ask("GET", "lab")
            except requests.RequestException:
                time.sleep(0.2)
        raise TimeoutError("the server did not start")

    def kernel(self, path):
        """Start a kernel for a notebook as JupyterLab does; return its number and a client."""
        name = path.relative_to(ROOT).as_posix()
        self.ask("GET", f"api/contents/{name}")
        session = {"path": name, "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
        number = self.ask("POST", "api/sessions", json=session).json()["kernel"]["id"]
        client = BlockingKernelClient(connection_file=str(self.runtime / f"kernel-{number}.json"))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return number, client


def run(client, path):
    """Run the code cells of a notebook; return the seconds that they took."""
    start = time.perf_counter()
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            reply = client.execute_interactive(
                cell.source, timeout=SECONDS_PER_CELL, output_hook=lambda message: None, store_history=False
            )
            if reply["content"]["status"] != "ok" and "raises-exception" not in cell.metadata.get("tags", []):
                raise RuntimeError(f"{path.name}: {reply['content']['evalue']}\n{cell.source}")
    return time.perf_counter() - start


def processor_seconds(process):
    """Return the processor time that the children of a process have used."""
    return sum(sum(child.cpu_times()[:2]) for child in process.children(recursive=True))


def measure(server, path):
    """Print one line: how long a notebook ran, processor time of its kernel, peak of server and kernel together."""
    with Peak(server.process) as peak:
        number, client = server.kernel(path)
        seconds = run(client, path)
        busy = processor_seconds(server.process)
    client.stop_channels()
    server.ask("DELETE", f"api/kernels/{number}")
    print(f"{path.parent.name + '/' + path.stem:38s}{seconds:7.0f} s{busy:7.0f} s{peak.rss:9.0f}{peak.pss:9.0f}")


def main(names):
    with tempfile.TemporaryDirectory() as runtime:
        server = Server(runtime)
        try:
            server.wait()
            print("processor time: of the kernel; RSS, PSS: peak of server and kernel together, in MiB")
            print(f"{'':38s}{'time':>9s}{'proc.':>9s}{'RSS':>9s}{'PSS':>9s}")
            print("{:38s}{:>18s}{:9.0f}{:9.0f}".format("server alone", "", *memory(server.process)))
            for path in [Path(name).resolve() for name in names] or notebooks():
                measure(server, path)
        finally:
            server.popen.terminate()
            server.popen.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
