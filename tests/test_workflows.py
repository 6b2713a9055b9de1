"""What runs by itself on GitHub, checked without GitHub; version and address are the same wherever they stand."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

import mnist_helpers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import check_links  # noqa: E402
import set_address  # noqa: E402

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
PINNED = re.compile(r"([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")
MADE = ("build/", "book/_build/", ".venv/")  # what the commands themselves make; everything else must be there already


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def jobs(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def commands(path):
    """Return all that the steps of a workflow run."""
    return "\n".join(step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step)


def test_there_are_three():
    assert [path.stem for path in WORKFLOWS] == ["checks", "publish", "weekly"]


@by_name(sorted(GITHUB.rglob("*.yml")))
def test_it_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_actions_are_pinned_each_to_one_commit():
    pins = defaultdict(set)
    for path in WORKFLOWS:
        for line in re.findall(r"\buses: *(.*)", path.read_text(encoding="utf-8")):
            match = PINNED.fullmatch(line)
            assert match, f"{path.name}: {line}"
            pins[match[1]].add((match[2], match[3]))
    assert {name.split("/")[0] for name in pins} == {"actions"}  # nobody else's code has the repository's rights
    assert all(len(pin) == 1 for pin in pins.values()), pins


@by_name(WORKFLOWS)
def test_rights_are_given_one_by_one_and_nothing_runs_for_ever(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    assert "pull_request_target" not in text
    assert "secrets." not in text
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90
        assert set(job["permissions"].values()) <= {"read", "write"}
        assert job["permissions"]
        writes = {right for right, level in job["permissions"].items() if level != "read"}
        installs = any(word in str(job["steps"]) for word in ("make ", ".ci/run", "pip install"))
        assert not (writes and installs), "a job that may write runs nothing from an index"
        for step in job["steps"]:
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is ("contents" in writes)
            # what others can name, such as a branch, must not become part of a script
            assert "${{" not in step.get("run", "")


@by_name(WORKFLOWS)
def test_commands_and_paths_exist(path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z-]+):", makefile, re.MULTILINE), ".venv/.ready"}
    run = commands(path)
    assert set(re.findall(r"\bmake (?!address$)([\w./-]+)", run, re.MULTILINE)) <= targets
    named = set(re.findall(r"(?<![\w/$.:{-])(?:\.?[\w-]+/)+[\w.-]+", run)) | set(re.findall(r"[\w-]+\.toml\b", run))
    for job in jobs(path).values():
        for step in job["steps"]:
            for key in ("path", "cache-dependency-path", "key"):
                value = step.get("with", {}).get(key, "")
                named |= set(re.findall(r"(?<![~\w}/.])(?:[\w-]+/)*[\w-]+\.\w+\b(?!/)|(?<![~\w}/])build/[\w/]+", value))
    named -= {"runner.temp", "matrix.python"}
    assert named, "nothing found to check"
    assert [name for name in sorted(named) if not name.startswith(MADE) and not (ROOT / name).exists()] == []


def test_the_paths_that_are_published_are_those_of_a_release():
    text = (GITHUB / "workflows" / "publish.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"path: (build/\S+)", text)) == {"build/release/book", "build/release/student"}
    source = (ROOT / "instructor" / "release.py").read_text(encoding="utf-8")
    assert '"book"' in source
    assert '"student"' in source
    assert 'default=Path("build/release")' in (ROOT / "instructor" / "__main__.py").read_text(encoding="utf-8")


def test_pull_requests_are_tested_on_the_pythons_of_the_readme():
    pythons = jobs(GITHUB / "workflows" / "checks.yml")["test"]["strategy"]["matrix"]["python"]
    readme, project = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "pyproject.toml"))
    assert all(re.search(rf"\b{re.escape(python)}\b", readme) for python in pythons)
    assert f'requires-python = ">={pythons[0]}"' in project
    assert "3.x" in jobs(GITHUB / "workflows" / "weekly.yml")["test"]["strategy"]["matrix"]["python"]


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_branch_of_the_students(tmp_path, monkeypatch):
    """The very script of the workflow: new, changed, unchanged; what is gone from the release goes from the branch."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    steps = jobs(GITHUB / "workflows" / "publish.yml")["student"]["steps"]
    script = next(step["run"] for step in steps if "run" in step)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(tmp_path, "clone", "-q", "origin.git", "first")
    first = tmp_path / "first"
    (first / ".gitignore").write_text("exercises/\n", encoding="utf-8")
    (first / "solutions.py").write_text("secret", encoding="utf-8")
    git(first, "add", "--all")
    git(first, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "main")
    git(first, "push", "-q", "origin", "HEAD:main")
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.setenv("GITHUB_SHA", "0123abc")
    sheets = tmp_path / "student" / "exercises"
    sheets.mkdir(parents=True)
    seen = []
    for run, names in enumerate((("1", "2"), ("1", "3"), ("1", "3"))):
        for old in sheets.iterdir():
            old.unlink()
        for name in names:
            (sheets / f"{name}.ipynb").write_text(name, encoding="utf-8")
        origin = (tmp_path / "origin.git").as_uri()
        git(tmp_path, "clone", "-q", "--depth=1", "--branch=main", origin, f"run{run}")
        subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path / f"run{run}", check=True, capture_output=True)
        seen.append(git(tmp_path / "origin.git", "ls-tree", "-r", "--name-only", "student").split())
    assert seen == [
        ["exercises/1.ipynb", "exercises/2.ipynb"],
        ["exercises/1.ipynb", "exercises/3.ipynb"],
        ["exercises/1.ipynb", "exercises/3.ipynb"],
    ]
    subjects = git(tmp_path / "origin.git", "log", "--format=%s", "student").splitlines()
    assert subjects == ["Student files of 0123abc"] * 2  # nothing new, no commit
    assert git(tmp_path / "origin.git", "ls-tree", "--name-only", "main").split() == [".gitignore", "solutions.py"]


def test_updates_by_bot():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions"}
    assert all((ROOT / update["directory"].strip("/")).is_dir() for update in updates)


@by_name(FORMS)
def test_issue_forms(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(field.get("validations", {}).get("required") for field in fields)
    for field in form["body"]:
        assert field["type"] in {"markdown", "input", "textarea", "dropdown", "checkboxes"}
        assert field["attributes"]["value" if field["type"] == "markdown" else "label"]
        if field["type"] == "dropdown":
            options = field["attributes"]["options"]
            assert len(set(options)) == len(options) > 1
            assert all(isinstance(option, str) for option in options)


def test_one_version_and_one_date():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == mnist_helpers.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    assert released[0][0] == mnist_helpers.__version__
    assert str(citation.get("date-released", "unreleased")) == released[0][1]
    titles = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert re.findall(r"^\[(.+?)\]: https://", changelog, re.MULTILINE) == titles


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the list of files that git keeps")
def test_the_address_is_set_wherever_it_stands():
    slug = set_address.repository()
    tracked = [ROOT / name for name in git(ROOT, "ls-files", "-z").split("\0") if name]
    shown = {"pyproject.toml", "tests/test_workflows.py"}  # where it is set, and looked for
    naming = [
        path
        for path in tracked
        if path.suffix in {".md", ".yml", ".cff", ".ipynb", ".toml", ".py"}
        and path.exists()
        and f"https://github.com/{slug}" in path.read_text(encoding="utf-8")
        and path.relative_to(ROOT).as_posix() not in shown
    ]
    assert len(naming) > 50
    assert set(naming) <= set(set_address.files())
    for path in [path for path in set_address.files() if path.suffix != ".ipynb"]:
        assert set_address.with_address(path, slug) == path.read_text(encoding="utf-8")
        text = set_address.with_address(path, "zoe/another-course")
        assert f"github.com/{slug}" not in text
        for other in set_address.OTHERS:
            assert text.count(other) == path.read_text(encoding="utf-8").count(other)


class Answers:
    """A site that has one page, has moved another for good, refuses a third, and knows nothing else."""

    def __enter__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status = {"/here": 200, "/moved": 301, "/refused": 403}.get(self.path, 404)
                self.send_response(status)
                if status == 301:
                    self.send_header("Location", "/here")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()


def test_a_broken_link_is_found(tmp_path):
    with Answers() as site:
        text = f"# Links\n\n[a]({site}/here) [b]({site}/moved) [c]({site}/refused) [d]({site}/gone)\n\n"
        text += "[e](https://github.com/-your-account-/softmax-from-scratch/x)\n"
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "page.md").write_text(text, encoding="utf-8")
        settings = check_links.SETTINGS | {"linkcheck_ignore": check_links.SETTINGS["linkcheck_ignore"][:-1]}
        settings["linkcheck_retries"] = 1
        found = check_links.check_pages(tmp_path / "in", ["page.md"], tmp_path / "out", settings)
    broken, moved, unknown = ([link["uri"] for link in links] for links in check_links.sort_out(found))
    assert (broken, moved, unknown) == ([f"{site}/gone"], [f"{site}/moved"], [f"{site}/refused"])
    assert len(found) == 5


def test_the_pages_whose_links_are_checked_exist():
    assert all((ROOT / name).is_file() for name in check_links.PAGES)
