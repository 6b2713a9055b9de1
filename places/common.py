"""What the stand-ins for the places share: a clone of the last commit, environments, results that are kept."""

import json
import os
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"

if os.environ.get("MNIST_HELPERS_DATA"):  # what is started here runs in other folders
    os.environ["MNIST_HELPERS_DATA"] = str(Path(os.environ["MNIST_HELPERS_DATA"]).resolve())


def variables(more=None):
    """Return the environment variables for a program, without what would show it the packages of this one."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (more or {})


def run(command, *, cwd=None, env=None, check=True):
    """Run a command and return what it printed; where it fails, its last words are in the error."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=variables(env), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if check and done.returncode:
        raise SystemExit(f"{' '.join(words)}\nended with exit code {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def clone(folder):
    """Clone the last commit, so that neither the work tree nor what was built in it takes part."""
    run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder])
    return Path(folder)


def commit():
    """Return the short hash of the commit that is tested, and refuse where the work tree differs from it."""
    if run(["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!places", ":!README.md"], cwd=ROOT):
        raise SystemExit("There are changes that are not committed; the clone would not have them.")
    return run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT).strip()


def environment(folder, python):
    """Make an environment with pip and return the path of its interpreter. uv finds the Python, and loads none."""
    run(["uv", "venv", "--quiet", "--seed", "--no-python-downloads", "--python", python, folder])
    return Path(folder) / "bin" / "python"


def version(python, *names):
    """Return the installed versions of packages as a dictionary."""
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    return json.loads(run([python, "-W", "ignore", "-c", code]))


def repository():
    """Return the address of the repository, as the install cells have it."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def keep(name, result):
    """Write a result whole, so that a run that is stopped leaves the old one."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)


def kept():
    """Return every result that was kept, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}
