"""Release, grade, give feedback: a hostile class, a killed worker, a killed grader, and the round trip of one sheet."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import numpy as np
import pytest
from distributed import Client, LocalCluster

from instructor import hostile
from instructor.__main__ import main
from instructor.batch import Rules, grade_folder, safe_name
from instructor.grading import BY_HAND, FAILURES, GRADED, MISSING, NOT_READABLE, RIGHT, WRONG, grade
from instructor.hidden import all_hidden
from instructor.sandbox import Limits, NoSandbox, require_sandbox
from instructor.sheets import load_sheet
from instructor.similarity import similar_pairs
from instructor.submissions import Attempt, NotReadable, find_attempts, read_bytes
from instructor.tables import as_read, as_written, read_grades, read_marks

ROOT = Path(__file__).parents[1]
LIMITS = ("--cell-seconds", "12", "--task-seconds", "3")  # attacks must get as far as they can on a busy machine
try:
    require_sandbox()
    PROBLEM = ""
except NoSandbox as error:
    PROBLEM = str(error)
needs_sandbox = pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)


@pytest.fixture(scope="module")
def sheet():
    return load_sheet("2")


def grades(out):
    return read_grades(out / "grades.csv")


def run(*arguments):
    assert main([str(argument) for argument in arguments]) == 0


def write_submission(folder, student, notebook, name=f"{hostile.SHEET}.ipynb"):
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


# ---------------------------------------------------------------------------------------------- the hostile class


@pytest.fixture(scope="module")
def hostile_class(tmp_path_factory):
    """A class with one of each attack, graded; the state of the machine before and after."""
    folder = tmp_path_factory.mktemp("hostile")
    expected = hostile.write_class(folder / "in", num_students=0)
    os.environ["SECRET_OF_THE_GRADER"] = "d41d8cd98f00b204"
    watched = (folder / "in", ROOT / "instructor", ROOT / "mnist_helpers", ROOT / "book" / "exercises")
    before = hostile.state_of(*watched)
    run("grade", folder / "in", "--sheet", "2", "--out", folder / "out", *LIMITS)
    return expected, folder / "out", before, hostile.state_of(*watched)


@needs_sandbox
def test_every_submission_gets_its_status(hostile_class):
    expected, out, _, _ = hostile_class
    assert {student: line["status"] for student, line in grades(out).items()} == expected


@needs_sandbox
def test_nothing_outside_the_sandbox_has_changed(hostile_class):
    _, _, before, after = hostile_class
    assert before == after


@needs_sandbox
def test_no_process_is_left(hostile_class):
    assert hostile.left_behind() == []


@needs_sandbox
def test_nothing_secret_stands_in_the_feedback(hostile_class):
    """Neither hidden inputs, nor the grader's environment, nor names of errors that a student makes up."""
    expected, out, _, _ = hostile_class
    pages = {path.name: path.read_text(encoding="utf-8") for path in (out / "feedback").iterdir()}
    assert len(pages) == len(expected)
    secrets = {"d41d8cd98f00b204", "SECRET_OF_THE_GRADER", "assert_right"}
    for hidden in all_hidden():
        arrays = [
            arg for _, args in hidden.inputs() for arg in args if isinstance(arg, np.ndarray) and arg.dtype == float
        ]
        secrets |= {f"{value:.6f}" for array in arrays for value in array.ravel()[:20] if value != np.round(value, 3)}
    assert len(secrets) > 100
    for name, text in pages.items():
        assert not [secret for secret in secrets if secret in text], name


@needs_sandbox
def test_feedback_shows_names_and_answers_as_text(hostile_class):
    _, out, _, _ = hostile_class
    page = (out / "feedback" / f"{safe_name('<script>alert(1)<')}.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page


# --------------------------------------------------------------------------------------------- killed and again


@pytest.fixture(scope="module")
def sane_class(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sane")
    for student, (notebook, _) in list(hostile.variants().items())[:10]:
        write_submission(folder, student, notebook)
    return folder


@pytest.fixture(scope="module")
def undisturbed(sane_class, tmp_path_factory):
    """Where the sane class was graded with nothing killed."""
    out = tmp_path_factory.mktemp("undisturbed")
    run("grade", sane_class, "--sheet", "2", "--workers", "2", "--out", out)
    return out


def results_of(graded):
    return {student: [result for _, result in several] for student, several in graded.items()}


@needs_sandbox
def test_a_killed_worker_loses_nothing(sane_class, undisturbed, sheet, tmp_path):
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
        killer = threading.Thread(target=_kill_after_some_results, args=(tmp_path / "killed" / "results", victim))
        killer.start()
        graded = grade_folder(sheet, sane_class, tmp_path / "killed", scheduler=cluster.scheduler_address)
        killer.join()
        assert victim not in client.run(os.getpid).values()
    assert results_of(graded) == results_of(grade_folder(sheet, sane_class, undisturbed)), "those are stored"


def _kill_after_some_results(folder, pid):
    while len(list(folder.glob("*.json"))) < 3:
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)


@needs_sandbox
def test_a_killed_grader_goes_on_and_grades_the_same(sane_class, undisturbed, tmp_path):
    arguments = ["grade", str(sane_class), "--sheet", "2", "--workers", "2", "--out", str(tmp_path / "broken")]
    broken = tmp_path / "broken"
    process = subprocess.Popen([sys.executable, "-m", "instructor", *arguments], cwd=ROOT, stderr=subprocess.DEVNULL)
    while len(list(broken.glob("results/*.json"))) < 3:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (broken / "grades.csv").exists()
    done = {path: path.stat().st_mtime_ns for path in broken.glob("results/*.json")}
    run(*arguments)
    assert (broken / "grades.csv").read_bytes() == (undisturbed / "grades.csv").read_bytes()
    assert all(path.stat().st_mtime_ns == when for path, when in done.items()), "what was done is not done again"
    assert digests(undisturbed) == digests(broken), "grades, feedback and report, byte for byte"


def digests(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).digest() for path in files}


# ------------------------------------------------------------------------------------------------ the round trip


@needs_sandbox
def test_release_submit_grade_feedback(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    # The instructor releases.
    run("release", "--no-book", "--out", tmp_path / "release", "--address", "https://github.com/ada/course")
    released = tmp_path / "release" / "student" / "exercises" / "02_softmax.ipynb"
    assert "github.com/ada/course" in released.read_text(encoding="utf-8")
    # Two students fill in the cells that the released sheet leaves open, and hand the notebooks in.
    right = hostile.right_answers()
    for student, answers in {"ada": right, "bob": right | {"gap": "gap = 2"}}.items():
        notebook = nbformat.read(released, as_version=4)
        for cell in notebook.cells:
            name = cell.metadata["nbgrader"]["grade_id"]
            cell.source = answers.get(name, cell.source)
            if cell.source == "YOUR ANSWER HERE" and student == "ada":
                cell.source = "Divide by the first exponential."
        write_submission(tmp_path / "in", student, notebook)
    (tmp_path / "roster.csv").write_text("student\nada\nbob\ncy\n", encoding="utf-8")
    # The instructor grades.
    out = tmp_path / "out"
    command = ("grade", tmp_path / "in", "--sheet", "2", "--out", out, "--roster", tmp_path / "roster.csv")
    run(*command)
    assert [(line["status"], line["points"]) for line in grades(out).values()] == [
        (GRADED, "11"),
        (FAILURES, "9"),
        (MISSING, "0"),
    ]
    assert [line["complete"] for line in grades(out).values()] == ["no", "yes", "yes"]
    # The instructor reads the answers, fills in points and comments, and grades again.
    assert "Divide by the first exponential." in (out / "by_hand" / "derive_two_classes.html").read_text("utf-8")
    form = out / "by_hand.csv"
    text = form.read_text(encoding="utf-8")
    assert text.count("\nada,") == 2
    assert "bob" not in text, "bob has not written anything that a person could grade"
    text = text.replace("ada,derive_two_classes,,,", "ada,derive_two_classes,3.5,Say why it may be divided.,")
    form.write_text(text.replace("ada,explain_temperature,,,", "ada,explain_temperature,4,,"), encoding="utf-8")
    run(*command)
    assert (grades(out)["ada"]["points"], grades(out)["ada"]["complete"]) == ("18.5", "yes")
    run(*command)
    assert form.read_text(encoding="utf-8").count("Say why it may be divided.") == 1, "what was filled in stays"
    # The students read their feedback.
    feedback = (out / "feedback" / "ada.html").read_text(encoding="utf-8")
    assert "18.5 of 20 points" in feedback
    assert "Say why it may be divided." in feedback
    assert "ratio of the probabilities itself" in (out / "feedback" / "bob.html").read_text(encoding="utf-8")


@needs_sandbox
def test_without_a_sandbox_the_verdict_is_the_same(sheet):
    content = nbformat.writes(hostile.notebook(hostile.right_answers())).encode()
    inside, outside = (grade(sheet, content, Limits(), sandboxed=sandboxed) for sandboxed in (True, False))
    assert inside == outside
    assert [task.status for task in inside.tasks] == [RIGHT, RIGHT, BY_HAND, RIGHT, BY_HAND]


@needs_sandbox
@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("def soften(logits, temperature:\n    return 1", WRONG, "stops with SyntaxError"),
        ("import no_such_package", WRONG, "stops with ModuleNotFoundError"),
        ("raise NotImplementedError()", MISSING, "There is no answer"),
        ("", MISSING, "There is no answer"),
    ],
)
def test_an_answer_that_stops_is_not_called_missing(sheet, source, status, message):
    content = nbformat.writes(hostile.notebook(hostile.right_answers() | {"soften": source})).encode()
    result = grade(sheet, content, Limits())
    assert result.tasks[0].status == status
    assert message in result.tasks[0].message
    assert result.status == FAILURES


def test_no_sandbox_no_grading(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["grade", str(tmp_path), "--sheet", "2", "--out", str(tmp_path / "out")]) == 2
    assert "apt install bubblewrap" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------- attempts and lateness


DUE = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "days"),
    [(-1, 0), (0, 0), (1, 1), (24 * 3600, 1), (24 * 3600 + 1, 2), (10 * 24 * 3600, 10)],
)
def test_each_day_begun_counts(after, days):
    rules = Rules(due=DUE, penalty=0.2)
    time = DUE + timedelta(seconds=after)
    assert rules.days_late(time) == days
    assert rules.factor(time) == pytest.approx(max(0, 1 - 0.2 * days))


def test_grace_is_not_late_but_does_not_move_the_end():
    rules = Rules(due=DUE, penalty=0.5, grace=timedelta(minutes=10))
    assert rules.days_late(DUE + timedelta(minutes=10)) == 0
    assert rules.days_late(DUE + timedelta(minutes=11)) == 1
    assert rules.days_late(DUE + timedelta(days=1, minutes=1)) == 2


@pytest.mark.parametrize(
    "options", [{"keep": "most"}, {"penalty": 2}, {"penalty": -0.1}, {"due": datetime(2026, 1, 1)}]
)
def test_bad_rules_are_refused(options):
    with pytest.raises(ValueError, match=r"must be one of|from 0 to 1|time zone"):
        Rules(**options)


@needs_sandbox
@pytest.mark.parametrize(("keep", "points", "days"), [("last", "10", 1), ("first", "9", 0), ("best", "10", 1)])
def test_of_two_attempts_one_counts(keep, points, days, two_attempts):
    out = two_attempts.parent / "out"
    late = ("--due", DUE.isoformat(), "--penalty", str(1 / 11), "--keep", keep)
    run("grade", two_attempts, "--sheet", "2", "--out", out, "--workers", "1", *late)
    line = grades(out)["ada"]
    assert (line["points"], line["days_late"]) == (points, str(days))


@pytest.fixture(scope="module")
def two_attempts(tmp_path_factory):
    """One in time with one task wrong, one late with all right."""
    folder = tmp_path_factory.mktemp("two") / "in"
    for answers, hours in (({"gap": "gap = 2"}, -1), ({}, 3)):
        notebook = hostile.notebook(hostile.right_answers() | answers)
        path = write_submission(folder, "ada", notebook, f"try{hours}_02_softmax.ipynb")
        moment = (DUE + timedelta(hours=hours)).timestamp()
        os.utime(path, (moment, moment))
    return folder


def test_attempts_are_found_where_course_systems_put_them(tmp_path):
    notebook = nbformat.v4.new_notebook()
    write_submission(tmp_path, "ada", notebook, "02_softmax.ipynb")
    write_submission(tmp_path, "ada", notebook, "03_likelihood.ipynb")
    write_submission(tmp_path, "ada", notebook, ".ipynb_checkpoints/02_softmax-checkpoint.ipynb")
    write_submission(tmp_path, "bob/02_softmax", notebook)
    (tmp_path / "bob" / "02_softmax" / "timestamp.txt").write_text("2026-11-01 10:20:30.5 UTC", encoding="utf-8")
    write_submission(tmp_path, "cy", notebook, "final version.ipynb")
    (tmp_path / "dee.ipynb").write_text("{}", encoding="utf-8")
    found = find_attempts(tmp_path, "02_softmax")
    labels = {student: [attempt.label for attempt in attempts] for student, attempts in found.items()}
    assert labels == {
        "ada": ["02_softmax.ipynb"],
        "bob": ["02_softmax.ipynb"],
        "cy": ["final version.ipynb"],
        "dee": ["dee.ipynb"],
    }
    assert found["bob"][0].time == datetime(2026, 11, 1, 10, 20, 30, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "stamp", ["2026-13-45 99:99:99 UTC", "yesterday", "\0", "2026-11-01 10:20:30.1234567890123 UTC"]
)
def test_a_wrong_time_ends_nobody_elses_grading(tmp_path, stamp):
    write_submission(tmp_path, "ada", nbformat.v4.new_notebook())
    (tmp_path / "ada" / "timestamp.txt").write_text(stamp, encoding="utf-8")
    assert len(find_attempts(tmp_path, "02_softmax")["ada"]) == 1


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_not_readable(tmp_path, method):
    path = tmp_path / "ada.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("02_softmax.ipynb", json.dumps(list(range(1000))))
    content = bytearray(path.read_bytes())
    content[60:200] = b"\xff" * 140
    path.write_bytes(content)
    (attempt,) = find_attempts(tmp_path, "02_softmax")["ada"]
    with pytest.raises(NotReadable, match="cannot be unpacked"):
        read_bytes(attempt)


def test_too_many_attempts_are_not_all_taken(tmp_path):
    """Each may take as long as the limits let it: of a thousand, nobody else's would be graded."""
    with zipfile.ZipFile(tmp_path / "ada.zip", "w") as archive:
        for number in range(100):
            archive.writestr(f"try{number:02d}_02_softmax.ipynb", "{}")
    members = [attempt.member for attempt in find_attempts(tmp_path, "02_softmax")["ada"]]
    assert len(members) == 10
    assert (members[0], members[-1]) == ("try00_02_softmax.ipynb", "try99_02_softmax.ipynb")


def test_folders_in_folders_have_an_end(tmp_path):
    write_submission(tmp_path, "ada", nbformat.v4.new_notebook())
    write_submission(tmp_path, "/".join(["ada", *"abcdefghijkl"]), nbformat.v4.new_notebook())
    assert len(find_attempts(tmp_path, "02_softmax")["ada"]) == 1


def test_a_name_that_is_no_text_keeps_its_marks(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)  # noqa: PTH102, bytes
    Path(os.fsdecode(folder), "02_softmax.ipynb").write_text("{}", encoding="utf-8")
    (student,) = find_attempts(tmp_path, "02_softmax")
    assert as_read(as_written(student)) == student


@needs_sandbox
@pytest.mark.parametrize(
    ("source", "points"),
    [
        ("from mnist_helpers.exercises import check\ncheck('gap', 1)\nimport numpy as np\ngap = np.log(2)", 11),
        ("from mnist_helpers.exercises.sheet_02 import _judge_gap\ngap = 0.6931471805599453", 9),
        ("from mnist_helpers.exercises import find_task\nfind_task('gap').judge\ngap = 0.6931471805599453", 9),
    ],
)
def test_judges_are_not_in_the_sandbox(sheet, source, points):
    """They know what is right. A student's own use of `check` does no harm."""
    content = nbformat.writes(hostile.notebook(hostile.right_answers() | {"gap": source})).encode()
    assert sum(task.points or 0 for task in grade(sheet, content, Limits(5, 3)).tasks) == points


@needs_sandbox
@pytest.mark.parametrize("filler", ["\n" * 1_000_000, "a\n" * 1_000_000], ids=["empty lines", "statements"])
def test_the_grader_itself_does_not_read_programs(sheet, filler):
    """A pattern or a parser that takes for ever, or all memory, does so in the sandbox."""
    notebook = hostile.notebook(hostile.right_answers(), before=f"{filler}(")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    grade(sheet, nbformat.writes(notebook).encode(), Limits(5, 3))
    assert time.monotonic() - started < Limits(5, 3).wall_seconds(3) + 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kilobytes"


@needs_sandbox
def test_a_notebook_that_changes_meanwhile_is_not_graded_for_another(sheet, tmp_path, monkeypatch):
    path = write_submission(tmp_path / "in", "ada", hostile.notebook(hostile.right_answers()))
    reads = []

    def read(attempt):
        reads.append(attempt)
        return read_bytes(attempt) + b" " * (len(reads) == 2)

    monkeypatch.setattr("instructor.batch.read_bytes", read)
    for status in (NOT_READABLE, GRADED):
        graded = grade_folder(sheet, tmp_path / "in", tmp_path / "out", workers=1)
        assert [result.status for _, result in graded["ada"]] == [status]
        path.write_bytes(path.read_bytes() + b"\n")


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["grade", str(tmp_path / "none"), "--sheet", "2", "--out", str(tmp_path / "out"), "--no-sandbox"]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert main(["grade", str(tmp_path), "--sheet", "99", "--out", str(tmp_path / "out")]) == 2
    assert "there is no sheet '99'" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("text", ["", "ada", "=1+1", "+1", "-1", "@x", "'x", "''", "'=x", "a=b", "\tx"])
def test_names_survive_and_start_no_formula(text):
    written = as_written(text)
    assert as_read(written) == text
    assert written[:1] not in ("=", "+", "-", "@", "\t")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ada,unknown,1,", "has no task 'unknown'"),
        ("ada,gap,nan,", "from 0 to 2"),
        ("ada,gap,3,", "from 0 to 2"),
        ("ada,gap,-1,", "from 0 to 2"),
        ("ada,gap,one,", "from 0 to 2"),
        ("ada,gap,1,\nada,gap,2,", "twice"),
    ],
)
def test_wrong_points_are_refused_with_the_line(sheet, tmp_path, line, complaint):
    path = tmp_path / "by_hand.csv"
    path.write_text(f"student,task,points,comment\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"by_hand\.csv, line [23]: .*{complaint}"):
        read_marks(path, sheet)


def test_points_for_nobody_are_refused(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "marks.csv").write_text("student,task,points\nzoe,gap,1\n", encoding="utf-8")
    command = ["grade", str(tmp_path / "in"), "--sheet", "2", "--out", str(tmp_path / "out"), "--no-sandbox"]
    assert main([*command, "--by-hand", str(tmp_path / "marks.csv")]) == 2
    assert "not in the class: zoe" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "a/b", "\udcff", "x" * 300, "con\n", ""])
def test_a_safe_name_stays_in_its_folder(name):
    safe = safe_name(name)
    assert "/" not in safe
    assert "." not in safe
    assert len(safe) <= 100
    assert safe_name(name + "1") != safe


# ----------------------------------------------------------------------------------------------------- similarity


PROGRAM = """
def soften(logits, temperature):
    rows = []
    for row in logits.tolist():
        largest = max(row)
        exps = [math.exp((score - largest) / temperature) for score in row]
        total = math.fsum(exps)
        rows.append([value / total for value in exps])
    return np.array(rows)
"""


def test_a_copy_with_other_names_is_found():
    renamed = PROGRAM
    for old, new in (("rows", "lines"), ("row", "r"), ("exps", "e"), ("total", "s"), ("score", "z"), ("largest", "m")):
        renamed = renamed.replace(old, new)
    documents = {"ada": PROGRAM, "bob": renamed + "\n# all my own work\n"}
    documents |= {f"s{i}": hostile.inspect.getsource(answer) for i, answer in enumerate(_other_programs())}
    (pair,) = similar_pairs(documents)
    assert pair[:2] == ("ada", "bob")
    assert min(pair[2:]) > 0.9


def _other_programs():
    right, wrong = hostile.sheet_02.ANSWERS["soften"]
    return [*right[:3], *[answer for answer, _ in wrong]]


def test_what_many_write_is_no_copy():
    documents = {f"s{i}": PROGRAM for i in range(10)}
    assert similar_pairs(documents) == []
    assert similar_pairs({"ada": "", "bob": " "}) == []


def test_copied_text_is_found():
    text = "Divide the numerator and the denominator by the first exponential, which is positive, and collect."
    documents = {"ada": text, "bob": text + " So it holds.", "cy": "On the right all divided logits are nearly nought."}
    assert [pair[:2] for pair in similar_pairs(documents, is_code=False)] == [("ada", "bob")]


def test_an_attempt_is_labelled_for_people():
    time = datetime(2026, 1, 1, tzinfo=UTC)
    assert Attempt("ada", Path("/x/ada.zip"), "a/02.ipynb", time).label == "ada.zip:a/02.ipynb"
