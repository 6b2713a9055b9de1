"""Tests of `mnist_helpers.data`: every place to look, every fault of files, servers and disks, and the helpers.

They need neither network nor data: two mirrors on localhost serve a tiny data set under the names of the real ones.
"""

import dataclasses
import errno
import functools
import gzip
import hashlib
import importlib
import itertools
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import mirror
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.preprocessing import StandardScaler

from mnist_helpers import _files
from mnist_helpers.data import (
    FASHION_MNIST,
    MNIST,
    DataError,
    StandInWarning,
    iter_minibatches,
    load_fashion_mnist,
    load_mnist,
    read_idx,
    shift_images,
    standardize,
    to_features,
    train_valid_split,
)

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX users, signals and limits")

# --- the tiny data set, its mirrors, and what must be true afterwards ---------------------------------------------


def idx(array):
    """Return the bytes of an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


pack = functools.partial(gzip.compress, mtime=0)  # the same bytes whenever it is called


def tiny_arrays():
    rng = np.random.default_rng(0)
    images, test_images = (rng.integers(0, 256, (n, 5, 4), dtype=np.uint8) for n in (60, 30))
    labels, test_labels = (rng.integers(0, 10, n, dtype=np.uint8) for n in (60, 30))
    return images, labels, test_images, test_labels


ARRAYS = tiny_arrays()
NAMES = tuple(file.name for file in MNIST.files)
IMAGES, LABELS, TEST_IMAGES = NAMES[:3]
PLAIN = dict(zip(NAMES, map(idx, ARRAYS), strict=True))
FILES = tuple(
    _files._File(name, hashlib.sha256(PLAIN[name]).hexdigest(), array.shape)
    for name, array in zip(NAMES, ARRAYS, strict=True)
)
ZIPPED = {name + ".gz": pack(content) for name, content in PLAIN.items()}
GOOD_CACHE = {name + ".gz": content for name, content in PLAIN.items()}
LOADERS = {"mnist": load_mnist, "fashion-mnist": load_fashion_mnist}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Two mirrors and an empty cache; both data sets are the tiny one, and nothing waits for long."""
    for name in ("MNIST_HELPERS_DATA", "MNIST_HELPERS_DOWNLOAD"):
        monkeypatch.delenv(name, raising=False)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setattr(_files, "_TIMEOUT", (2, 0.25))
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))
    with mirror.Mirror(ZIPPED) as first, mirror.Mirror(ZIPPED) as second:
        for name, real in (("MNIST", MNIST), ("FASHION_MNIST", FASHION_MNIST)):
            tiny = dataclasses.replace(real, mirrors=(first.url, second.url), files=FILES)
            monkeypatch.setattr(f"mnist_helpers.data.{name}", tiny)
        place = SimpleNamespace(first=first, second=second, tiny=tiny)
        use_cache(place, tmp_path / "cache", monkeypatch)
        yield place


def use_cache(site, folder, monkeypatch):
    site.cache = folder
    monkeypatch.setenv("MNIST_HELPERS_CACHE", str(folder))


@pytest.fixture(params=LOADERS)
def kind(request):
    """The folder of a data set, "mnist" or "fashion-mnist"."""
    return request.param


def write_set(folder, *, zipped=True, **replaced):
    """Write the four tiny files, some of them replaced (None: left out)."""
    folder.mkdir(parents=True)
    for name, content in (ZIPPED if zipped else PLAIN).items():
        content = replaced.get(name, content)
        if content is not None:
            (folder / name).write_bytes(content)


def stored(folder):
    """Return everything in a cache folder: the unpacked bytes of files, None for folders."""
    return {path.name: unpacked(path) for path in sorted(folder.rglob("*"))}


def unpacked(path):
    if path.is_dir():
        return None
    content = path.read_bytes()
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def assert_right(data):
    loaded = (data.x_train, data.y_train, data.x_test, data.y_test)
    for array, expected in zip(loaded, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert not data.is_stand_in


def message_of_unavailable(kind, **options):
    """Load a set that cannot be had; check how its loader tells, and return the message."""
    if kind == "mnist":
        with pytest.warns(StandInWarning) as caught:
            assert load_mnist(**options).is_stand_in
        (warning,) = caught
        assert warning.filename == __file__
        return str(warning.message)
    with pytest.raises(_files.NotAvailable) as caught:
        load_fashion_mnist(**options)
    return str(caught.value)


CHILD = """
import hashlib, pickle, signal, sys
import pooch, requests, tqdm.auto
from mnist_helpers import data

data.FASHION_MNIST, file_limit = pickle.load(sys.stdin.buffer)
signal.signal(signal.SIGINT, signal.default_int_handler)
if file_limit is not None:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
try:
    loaded = data.load_fashion_mnist()
except data.DataError as error:
    print("DataError:", error)
else:
    arrays = (loaded.x_train, loaded.y_train, loaded.x_test, loaded.y_test)
    print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""
# Labels are int64 once loaded.
RIGHT = hashlib.sha256(b"".join((a if a.ndim == 3 else a.astype(np.int64)).tobytes() for a in ARRAYS)).hexdigest()


def start_child(site, file_limit=None):
    """Start another Python that loads the tiny Fashion-MNIST and prints its hash."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    child = subprocess.Popen([sys.executable, "-c", CHILD], **pipes)
    child.stdin.write(pickle.dumps((site.tiny, file_limit)))
    child.stdin.close()
    child.stdin = None
    return child


def finish(child):
    """Return what the child printed to stdout and stderr."""
    return tuple(text.decode().strip() for text in child.communicate(timeout=30))


# --- where the files are looked for ------------------------------------------------------------------------------


def test_order_of_places(site, kind, tmp_path, monkeypatch):
    """The argument comes before the variable, the variable before the cache, the cache before the mirrors."""
    load = LOADERS[kind]
    for name in ("argument", "variable", "cache"):
        write_set(tmp_path / name / kind)
    monkeypatch.setenv("MNIST_HELPERS_DATA", str(tmp_path / "variable"))

    assert load(tmp_path / "argument").source == str(tmp_path / "argument" / kind)
    assert load().source == str(tmp_path / "variable" / kind)
    monkeypatch.setenv("MNIST_HELPERS_DATA", "")
    assert load().source == str(tmp_path / "cache" / kind)
    assert site.first.asked == []

    use_cache(site, tmp_path / "empty", monkeypatch)
    data = load()
    assert_right(data)
    assert data.source == str(tmp_path / "empty" / kind)
    assert site.first.asked == list(ZIPPED)
    assert stored(tmp_path / "empty" / kind) == GOOD_CACHE


def test_download_happens_once(site, kind):
    for _ in range(2):
        assert_right(LOADERS[kind]())
    assert (len(site.first.asked), len(site.second.asked)) == (4, 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_cache_can_be_shared(site, kind):
    LOADERS[kind]()
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in (site.cache / kind).iterdir())


@pytest.mark.parametrize("as_type", [str, Path])
@pytest.mark.parametrize("zipped", [True, False])
def test_named_folder_may_hold_gzipped_or_plain_files(site, kind, tmp_path, zipped, as_type):
    write_set(tmp_path / "named" / kind, zipped=zipped)
    assert_right(LOADERS[kind](as_type(tmp_path / "named")))
    assert site.first.asked == []
    assert not site.cache.exists()


@pytest.mark.parametrize("by_variable", [True, False])
def test_named_folder_must_exist(site, kind, tmp_path, monkeypatch, by_variable):
    named = tmp_path / "absent"
    if by_variable:
        monkeypatch.setenv("MNIST_HELPERS_DATA", str(named))
    with pytest.raises(DataError, match=r"absent is not a folder. Name one that holds"):
        LOADERS[kind](None if by_variable else named)
    assert site.first.asked == []


@pytest.mark.parametrize(("zipped", "suffix"), [(True, ".gz"), (False, "")])
def test_named_folder_that_lacks_a_file_is_passed_over_with_a_warning(site, kind, tmp_path, zipped, suffix):
    write_set(tmp_path / "named" / kind, zipped=zipped, **{LABELS + suffix: None})
    with pytest.warns(UserWarning, match=f"lacks {LABELS}; looking for") as caught:
        data = LOADERS[kind](tmp_path / "named")
    assert [warning.filename for warning in caught] == [__file__]
    assert_right(data)
    assert stored(site.cache) == {kind: None, **GOOD_CACHE}


@pytest.mark.parametrize("by_variable", [True, False])
def test_download_switched_off(site, kind, monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv("MNIST_HELPERS_DOWNLOAD", "0")
    message = message_of_unavailable(kind, **({} if by_variable else {"download": False}))
    assert "downloading is switched off" in message
    assert f"{kind} and set MNIST_HELPERS_DATA" in message
    assert site.first.asked == site.second.asked == []
    assert not site.cache.exists()


# --- damaged files -----------------------------------------------------------------------------------------------


def flipped(content, position):
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


@functools.cache
def gzip_bomb():
    return pack(bytes(2**25), 6)


PAGE = b"\r\n <!DOCTYPE html><html><body>Please log in</body></html>"

# Each function damages the bytes of an IDX file; what it returns may be gzipped.
DAMAGE = {
    "truncated gzip": (lambda plain: pack(plain)[:-20], "damaged or truncated gzip"),
    "truncated to the magic number of gzip": (lambda plain: b"\x1f\x8b", "damaged or truncated gzip"),
    "truncated": (lambda plain: plain[:-1], "truncated or damaged"),
    "truncated inside the header": (lambda plain: plain[:9], "truncated or damaged"),
    "too long": (lambda plain: plain + b"\0", "more than"),
    "flipped bit": (lambda plain: flipped(plain, -1), "differs from the published"),
    "flipped bit, gzipped afterwards": (lambda plain: pack(flipped(plain, -1)), "differs from the published"),
    "flipped bit inside gzip": (lambda plain: flipped(pack(plain, 0), 200), "gzip file .CRC"),
    "flipped bit in the checksum": (lambda plain: flipped(pack(plain), -8), "gzip file .CRC"),
    "wrong magic number": (lambda plain: b"\x08" + plain[1:], "not an IDX file"),
    "signed bytes": (lambda plain: plain[:2] + b"\x09" + plain[3:], "not an IDX file"),
    "sizes disagree with the length": (lambda plain: flipped(plain, 7), "truncated or damaged"),
    "web page": (lambda plain: PAGE, "web page"),
    "gzipped web page": (lambda plain: pack(PAGE), "web page"),
    "empty": (lambda plain: b"", "is empty"),
    "empty gzip": (lambda plain: pack(b""), "is empty"),
    "not gzip": (lambda plain: b"version https://git-lfs.github.com/spec/v1", "not an IDX file"),
    "gzip bomb": (lambda plain: gzip_bomb(), "more than"),
    "another data set": (lambda plain: idx(np.zeros((7, 3, 2), np.uint8)), "shape .7, 3, 2., expected .60, 5, 4."),
}
damaged = pytest.mark.parametrize(("damage", "reason"), DAMAGE.values(), ids=DAMAGE)


@damaged
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_damaged_file_in_named_folder(site, kind, tmp_path, damage, reason, suffix):
    """It is reported by name, not replaced behind the user's back, and no stand-in hides it."""
    name = IMAGES + suffix
    write_set(tmp_path / "named" / kind, zipped=bool(suffix), **{name: damage(PLAIN[IMAGES])})
    with pytest.raises(DataError, match=f"{name} .*{reason}") as caught:
        LOADERS[kind](tmp_path / "named")
    assert not isinstance(caught.value, _files.NotAvailable)
    assert site.first.asked == []
    assert (tmp_path / "named" / kind / name).read_bytes() == damage(PLAIN[IMAGES])
    assert not site.cache.exists()


@damaged
def test_damaged_file_in_cache_is_downloaded_again(site, kind, damage, reason):
    write_set(site.cache / kind, **{IMAGES + ".gz": damage(PLAIN[IMAGES])})
    assert re.search(reason, message_of_unavailable(kind, download=False))
    assert site.first.asked == []

    assert_right(LOADERS[kind]())
    assert site.first.asked == [IMAGES + ".gz"]
    assert stored(site.cache / kind) == GOOD_CACHE


@damaged
def test_damaged_file_on_a_mirror_is_not_kept(site, damage, reason):
    site.first.answer = mirror.instead(damage(PLAIN[IMAGES]))
    site.second.answer = mirror.status(404)
    assert re.search(reason, message_of_unavailable("fashion-mnist"))
    assert stored(site.cache) == {"fashion-mnist": None}


def peak_memory(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_gzip_bomb_takes_little_memory(site, tmp_path):
    write_set(tmp_path / "named" / "fashion-mnist", **{IMAGES + ".gz": gzip_bomb()})

    def refuse():
        with pytest.raises(DataError, match="unpacks to more than"):
            load_fashion_mnist(tmp_path / "named")

    assert peak_memory(refuse) < 2**20


# --- faults of servers -------------------------------------------------------------------------------------------

FAULTS = {
    "403": (mirror.status(403), "403"),
    "404": (mirror.status(404), "404"),
    "500": (mirror.status(500), "500"),
    "never answers": (mirror.never_answer, "no answer in time"),
    "stalls after the headers": (mirror.stall_after_headers, "no answer in time|broke off"),
    "stalls halfway": (mirror.stall_halfway, "no answer in time|broke off"),
    "cut": (mirror.cut, "broke off|broken"),
    "login page": (mirror.instead(PAGE), "web page"),
    "empty body": (mirror.instead(b""), "is empty"),
    "wrong content": (mirror.instead(pack(flipped(PLAIN[TEST_IMAGES], -1))), "differs from the published"),
    "endless": (mirror.endless, "sends more than"),
    "endless without length": (mirror.endless_chunks, "sends more than"),
    "endless once unpacked": (mirror.instead(gzip_bomb(), **{"Content-Encoding": "gzip"}), "sends more than"),
}
faulty = pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)


def only_once(fault):
    """Return an answer that shows the fault to the first request only."""
    answers = itertools.chain([fault], itertools.repeat(mirror.send))
    return lambda handler, body: next(answers)(handler, body)


def only_for(name, fault):
    return lambda handler, body: (fault if name in handler.path else mirror.send)(handler, body)


@faulty
def test_retry_on_the_same_mirror(site, fault, reason):
    site.first.answer = only_once(fault)
    assert_right(load_fashion_mnist())
    assert site.first.asked == [IMAGES + ".gz", *ZIPPED]
    assert site.second.asked == []
    assert stored(site.cache / "fashion-mnist") == GOOD_CACHE


@faulty
def test_next_mirror_replaces_a_faulty_one_for_just_that_file(site, fault, reason):
    site.first.answer = only_for(LABELS, fault)
    assert_right(load_fashion_mnist())
    assert site.first.asked == [IMAGES + ".gz", LABELS + ".gz", *list(ZIPPED)[1:]]
    assert site.second.asked == [LABELS + ".gz"]
    assert stored(site.cache / "fashion-mnist") == GOOD_CACHE


@faulty
def test_all_mirrors_fail(site, kind, fault, reason):
    """One message names each mirror, its reason, and what to do; earlier files stay, nothing broken is kept."""
    site.first.answer = site.second.answer = only_for(TEST_IMAGES, fault)
    lines = message_of_unavailable(kind).splitlines()
    for server in (site.first, site.second):
        (line,) = [line for line in lines if line.startswith(f"- {server.url}{TEST_IMAGES}.gz: ")]
        assert re.search(reason, line)
        assert server.asked.count(TEST_IMAGES + ".gz") == 2
        assert server.bytes_sent < mirror.ENDLESS_BYTES / 4
    assert "connect to the network and load again" in lines[-1]
    assert f"FOLDER/{kind} and set MNIST_HELPERS_DATA=FOLDER" in lines[-1]
    assert stored(site.cache / kind) == {name + ".gz": PLAIN[name] for name in (IMAGES, LABELS)}


def test_no_network(site, kind):
    """Nobody listens at the mirrors' addresses."""
    for server in (site.first, site.second):
        server.shutdown()
        server.server_close()
    message = message_of_unavailable(kind)
    for server in (site.first, site.second):
        assert f"- {server.url}{IMAGES}.gz: no connection" in message
    assert stored(site.cache) == {kind: None}


def test_unusable_certificates_are_a_fault_of_the_mirrors(site, kind, tmp_path, monkeypatch):
    """As where REQUESTS_CA_BUNDLE names a file that is gone: no disk is to blame."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    secure = tuple(url.replace("http:", "https:") for url in site.tiny.mirrors)
    for name, real in (("MNIST", MNIST), ("FASHION_MNIST", FASHION_MNIST)):
        tiny = dataclasses.replace(real, mirrors=secure, files=FILES)
        monkeypatch.setattr(f"mnist_helpers.data.{name}", tiny)
    message = message_of_unavailable(kind)
    assert message.count("absent.pem") == 2
    assert "Cannot store" not in message


@pytest.mark.parametrize("answer", [mirror.send_unpacked, mirror.send_in_small_chunks])
def test_unusual_but_right_answers(site, answer):
    site.first.answer = answer
    assert_right(load_fashion_mnist())
    assert site.first.asked == list(ZIPPED)
    assert stored(site.cache / "fashion-mnist") == GOOD_CACHE
    assert_right(load_fashion_mnist(download=False))


def test_nonsense_in_a_header(site):
    """Whether the body counts or the next mirror steps in, the data are right."""
    site.first.answer = mirror.send_with_nonsense_length
    assert_right(load_fashion_mnist())
    assert stored(site.cache / "fashion-mnist") == GOOD_CACHE


@pytest.mark.parametrize("disabled", [True, False])
def test_progress_bar(site, monkeypatch, disabled):
    """A download that takes a while shows one on stderr; TQDM_DISABLE=1 (read when tqdm is imported) hides it."""
    site.first.answer = only_for(TEST_IMAGES, mirror.send_slowly)
    if not disabled:
        monkeypatch.delenv("TQDM_DISABLE")
    out, err = finish(start_child(site))
    assert out == RIGHT
    bars = re.findall(f"{TEST_IMAGES}: .*?(?=[\r\n]|$)", err)
    assert bool(bars) is not disabled
    assert disabled or " 0%" not in bars[-1]  # what stays on the screen


# --- faults of disks ---------------------------------------------------------------------------------------------


@pytest.fixture
def as_nobody(site, monkeypatch):
    """Run without root's right to write everywhere, with the cache in a folder that everybody can enter."""
    for name in ("requests", "tqdm.auto"):
        importlib.import_module(name)  # nobody may not be able to read the installed packages
    with tempfile.TemporaryDirectory(prefix="mnist-helpers-") as folder:
        Path(folder).chmod(0o755)
        use_cache(site, Path(folder) / "cache", monkeypatch)
        user = os.geteuid()
        site.drop_privileges = lambda: os.seteuid(65534 if user == 0 else user)
        yield site
        os.seteuid(user)
        for path in Path(folder).rglob("*"):
            path.chmod(0o755)


def assert_cannot_use_cache(site, kind, reason):
    with pytest.raises(DataError) as caught:
        LOADERS[kind]()
    assert not isinstance(caught.value, _files.NotAvailable)
    message = str(caught.value)
    for part in (f"Cannot store data in {site.cache / kind}", reason, "set MNIST_HELPERS_CACHE to a folder"):
        assert part in message


@posix_only
@pytest.mark.parametrize("has_folder", [True, False])
def test_no_permission_to_write(as_nobody, kind, has_folder):
    folder = as_nobody.cache / kind if has_folder else as_nobody.cache
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    as_nobody.drop_privileges()
    assert_cannot_use_cache(as_nobody, kind, "Permission denied")
    assert stored(folder) == {}
    assert as_nobody.first.asked == []


@posix_only
def test_no_permission_to_read_a_cached_file(as_nobody, kind):
    write_set(as_nobody.cache / kind)
    (as_nobody.cache / kind / f"{LABELS}.gz").chmod(0)
    as_nobody.drop_privileges()
    assert_cannot_use_cache(as_nobody, kind, f"Permission denied: '{as_nobody.cache / kind / LABELS}.gz'")
    assert as_nobody.first.asked == []


def test_cache_is_a_file(site, kind):
    site.cache.write_text("not a folder")
    assert_cannot_use_cache(site, kind, "Not a directory" if os.name == "posix" else "")
    assert site.cache.read_text() == "not a folder"


@posix_only
def test_write_that_really_fails(site):
    """The largest file that the process may write is smaller than the download."""
    out, _ = finish(start_child(site, file_limit=100))
    assert out.startswith(f"DataError: Cannot store data in {site.cache / 'fashion-mnist'}: [Errno {errno.EFBIG}]")
    assert "set MNIST_HELPERS_CACHE to a folder" in out
    assert stored(site.cache) == {"fashion-mnist": None}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("step", ["Path.mkdir", "tempfile.mkdtemp", "open", "Path.replace"])
def test_disk_is_full_or_read_only(site, kind, monkeypatch, step, code):
    """Whichever step fails, the next load after that works."""

    def fail(*arguments, **options):
        raise OSError(code, os.strerror(code))

    def fail_to_write(path, mode="r", *arguments, open=open, **options):
        writes = "w" in mode and str(path).startswith(str(site.cache))
        return (fail if writes else open)(path, mode, *arguments, **options)

    calls = {"open": {"builtins.open": fail_to_write, "io.open": fail_to_write}, "tempfile.mkdtemp": {step: fail}}
    with monkeypatch.context() as patch:
        for name, replacement in calls.get(step, {f"pathlib.{step}": fail}).items():
            patch.setattr(name, replacement)
        assert_cannot_use_cache(site, kind, os.strerror(code))
    assert [name for name in stored(site.cache) if name != kind] == []
    assert_right(LOADERS[kind]())


# --- several processes, interruptions ----------------------------------------------------------------------------


def test_eight_processes_download_at_once(site):
    together = threading.Barrier(8)

    def wait_for_all(handler, body):
        if IMAGES in handler.path:
            together.wait(timeout=20)
        mirror.send(handler, body)

    site.first.answer = wait_for_all
    children = [start_child(site) for _ in range(8)]
    assert [finish(child)[0] for child in children] == [RIGHT] * 8
    assert site.first.asked.count(IMAGES + ".gz") == 8
    assert stored(site.cache / "fashion-mnist") == GOOD_CACHE


@posix_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_download(site, number):
    """A killed process may leave its scratch folder; under the real names there is nothing broken."""
    site.first.answer = only_for(LABELS, mirror.stall_halfway)
    child = start_child(site)
    assert site.first.stalled.wait(timeout=20)
    child.send_signal(number)
    _, err = finish(child)
    assert child.returncode != 0
    assert ("KeyboardInterrupt" in err) == (number == signal.SIGINT)

    folder = site.cache / "fashion-mnist"
    left_over = [path.name for path in folder.glob("download-*")]
    assert len(left_over) == (number == signal.SIGKILL)
    assert {path.name: unpacked(path) for path in folder.glob("*-ubyte*")} == {IMAGES + ".gz": PLAIN[IMAGES]}

    site.first.answer = mirror.send
    assert_right(load_fashion_mnist())
    assert {path.name: unpacked(path) for path in folder.glob("*-ubyte*")} == GOOD_CACHE
    assert [path.name for path in folder.glob("download-*")] == left_over


# --- data sets and the stand-in ----------------------------------------------------------------------------------


def assert_well_formed(data):
    for images, labels in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert (images.dtype, images.ndim, labels.dtype) == (np.uint8, 3, np.int64)
        assert labels.shape == (len(images),)
        for array in (images, labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_dataset(site, kind):
    data = LOADERS[kind]()
    assert_well_formed(data)
    assert data.name == {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}[kind]
    assert data.class_names[0] == {"mnist": "0", "fashion-mnist": "T-shirt/top"}[kind]
    assert len(data.class_names) == 10
    assert repr(data) == f"{data.name}: 60 training and 30 test images of 5x4 pixels in 10 classes"
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"


def test_stand_in(site):
    with pytest.warns(StandInWarning, match="its numbers differ from those on the page") as caught:
        data = load_mnist(download=False)
    assert "set MNIST_HELPERS_DATA=FOLDER" in str(caught[0].message)
    assert data.is_stand_in
    assert_well_formed(data)
    assert (data.x_train.shape, data.x_test.shape) == ((1437, 28, 28), (360, 28, 28))
    assert data.class_names == tuple("0123456789")
    for images, labels in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert set(labels) == set(range(10))
        assert (images.min(), images.max()) == (0, 255)
    # They are real digits: the nearest training image tells the class.
    train, test = to_features(data.x_train), to_features(data.x_test)
    distances = (train**2).sum(axis=1) - 2 * test @ train.T
    assert np.mean(data.y_train[distances.argmin(axis=1)] == data.y_test) > 0.9


@pytest.mark.skipif(not os.environ.get("MNIST_HELPERS_DATA"), reason="MNIST_HELPERS_DATA names no real data")
@pytest.mark.parametrize("kind", LOADERS)
def test_real_data_loads_fast(kind):
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        data = LOADERS[kind]()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.5
    assert_well_formed(data)
    assert (data.x_train.shape, data.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert data.y_train.max() == data.y_test.max() == 9
    assert not data.is_stand_in


def test_command_reports_both_sets(site, capsys):
    from mnist_helpers.data import _main

    _main()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("MNIST: 60 training")
    assert first.endswith(f"({site.cache / 'mnist'})")
    assert second.startswith("Fashion-MNIST: 60 training")


# --- read_idx ----------------------------------------------------------------------------------------------------

quickly = settings(deadline=None, database=None, max_examples=200)
byte_arrays = arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


@quickly
@given(array=byte_arrays, zipped=st.booleans())
def test_read_idx_returns_what_was_written(file, array, zipped):
    file.write_bytes(pack(idx(array)) if zipped else idx(array))
    result = read_idx(file)
    assert (result.dtype, result.shape) == (np.uint8, array.shape)
    np.testing.assert_array_equal(result, array)
    assert not result.flags.writeable


def corrupt(content, edits):
    """Apply (kind of edit, relative position, bytes) to the content."""
    for edit, where, new in edits:
        at = int(where * len(content))
        end = {"insert": at, "mutate": at + len(new), "truncate": len(content)}[edit]
        content = content[:at] + (b"" if edit == "truncate" else new) + content[end:]
    return content


edits = st.lists(
    st.tuples(
        st.sampled_from(["insert", "mutate", "truncate"]),
        st.floats(0, 1) | st.just(0.0),
        st.binary(min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=3,
)


@quickly
@given(array=byte_arrays, zipped=st.booleans(), edits=edits)
def test_read_idx_of_corrupted_file(file, array, zipped, edits):
    """Plain files have no checksum, so another array is right if its header says so; anything else is a DataError."""
    content = corrupt(pack(idx(array)) if zipped else idx(array), edits)
    file.write_bytes(content)
    try:
        result = read_idx(file)
    except DataError:
        return
    assert idx(result) == (idx(array) if content.startswith(b"\x1f\x8b") else content)


def header(*sizes):
    return bytes([0, 0, 8, len(sizes)]) + np.array(sizes, ">u4").tobytes()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        b"\x00",
        b"\x00\x00\x08",
        b"\x00\x00\x08\x03",
        header(2**32 - 1),
        header(*[2**32 - 1] * 255),
        header(2**32 - 1, 2**32 - 1, 2**32 - 1, 0),
        header(*[1] * 65) + b"x",
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_read_idx_of_hostile_header(file, content, zipped):
    file.write_bytes(pack(content) if zipped else content)
    with pytest.raises(DataError, match=f"^{file} "):
        read_idx(file)


@pytest.mark.parametrize("zipped", [True, False])
def test_read_idx_of_a_small_file_takes_little_memory(file, zipped):
    small = idx(np.arange(6, dtype=np.uint8))
    file.write_bytes(pack(small) if zipped else small)
    assert peak_memory(lambda: read_idx(file)) < 2**20


def test_read_idx_of_a_gzip_bomb_takes_little_memory(file):
    """What counts is the length that the header declares."""
    file.write_bytes(pack(idx(np.arange(6, dtype=np.uint8)) + bytes(2**25)))

    def refuse():
        with pytest.raises(DataError):
            read_idx(file)

    assert peak_memory(refuse) < 2**20


def test_read_idx_leaves_absent_files_to_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")


# --- features ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_features(dtype):
    images = ARRAYS[0]
    before = images.copy()
    features = to_features(images, dtype)
    assert features.dtype == dtype
    np.testing.assert_array_equal(features, images.reshape(60, 20).astype(dtype) / dtype(255))
    assert (features.min(), features.max()) == (0, 1)
    assert not np.shares_memory(features, images)
    np.testing.assert_array_equal(images, before)


def test_to_features_of_no_images():
    assert to_features(np.zeros((0, 28, 28), np.uint8)).shape == (0, 784)


@pytest.mark.parametrize(
    ("images", "dtype", "error", "message"),
    [
        (ARRAYS[0].view(np.int8), np.float64, TypeError, "int8: read as signed, bytes above 127 turn negative"),
        (ARRAYS[0] / 255, np.float64, TypeError, "must be uint8 with pixels 0 .. 255, got dtype float64"),
        (ARRAYS[0][0], np.float64, ValueError, r"shape \(N, height, width\), got \(5, 4\)"),
        (ARRAYS[0], np.uint8, TypeError, "floating point, got uint8"),
    ],
)
def test_to_features_refuses(images, dtype, error, message):
    with pytest.raises(error, match=message):
        to_features(images, dtype)


def some_features(dtype, seed=0, rows=40):
    """Return features with one constant column, read-only so that nothing can change them."""
    features = np.random.default_rng(seed).normal(3, 2, (rows, 6)).astype(dtype)
    features[:, 2] = 0.1
    features.flags.writeable = False
    return features


TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardize_by_reference_is_the_standard_scaler(dtype):
    train, other = some_features(dtype), some_features(dtype, seed=1, rows=7)
    for features in (train, other):
        result = standardize(features, reference=train)
        assert result.dtype == dtype
        expected = StandardScaler().fit(train).transform(features)
        np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE[dtype])
    shifted = standardize(other + dtype(1), reference=train)
    np.testing.assert_allclose(shifted[:, 2], 1, atol=TOLERANCE[dtype])  # constant in train: only shifted


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardize_each_row_by_itself(dtype):
    features = some_features(dtype).copy()
    features[3] = 0.1
    result = standardize(features)
    assert result.dtype == dtype
    expected = StandardScaler().fit_transform(features.T).T
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(result[3], 0, atol=TOLERANCE[dtype])
    np.testing.assert_array_equal(result[5:6], standardize(features[5:6]))  # whatever the other rows are


@pytest.mark.parametrize(
    ("features", "reference", "error", "message"),
    [
        (ARRAYS[0].reshape(60, 20), None, TypeError, "features must be floating point .see to_features."),
        (np.ones((2, 3)), np.ones((2, 3), int), TypeError, "reference must be floating point"),
        (np.ones(3), None, ValueError, r"features must have shape \(N, D\)"),
        (np.ones((3, 0)), None, ValueError, "D at least 1"),
        (np.ones((2, 3)), np.ones((2, 4)), ValueError, r"reference of shape \(2, 4\) does not fit"),
        (np.ones((2, 3)), np.ones((0, 3)), ValueError, r"reference of shape \(0, 3\) does not fit"),
        (np.array([[1, np.nan]]), None, ValueError, "features contain NaN or infinity"),
        (np.ones((1, 2)), np.array([[1, np.inf]]), ValueError, "reference contain NaN or infinity"),
    ],
)
def test_standardize_refuses(features, reference, error, message):
    with pytest.raises(error, match=message):
        standardize(features, reference=reference)


# --- shifted images ----------------------------------------------------------------------------------------------


def distinct_images(count, shape, dtype=np.float64):
    """Return images as rows, with values that all differ and lie above 0, so that a shift shows; read-only."""
    size = shape[0] * shape[1]
    features = np.arange(1, count * size + 1).reshape(count, size).astype(dtype)
    features.flags.writeable = False
    return features


def shifts_of(images, shifted, max_shift, fill):
    """Return the one shift that SciPy needs to turn each image into the shifted one."""
    steps = range(-max_shift, max_shift + 1)
    found = []
    for image, result, value in zip(images, shifted, fill, strict=True):
        moved = {(y, x): scipy.ndimage.shift(image, (y, x), order=0, cval=value) for y in steps for x in steps}
        (shift,) = [shift for shift, expected in moved.items() if np.array_equal(expected, result)]
        found.append(shift)
    return found


@quickly
@given(
    count=st.integers(0, 5),
    shape=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    seed=st.integers(0, 99),
    dtype=st.sampled_from([np.float32, np.float64]),
    data=st.data(),
)
def test_shift_images_moves_each_image_as_scipy_does(count, shape, seed, dtype, data):
    max_shift = data.draw(st.integers(0, min(shape) - 1))  # something of the image stays in view
    features = distinct_images(count, shape, dtype)
    fill = -np.arange(count, dtype=np.float64)
    result = shift_images(features, np.random.default_rng(seed), max_shift=max_shift, fill=fill, shape=shape)
    assert (result.dtype, result.shape) == (dtype, features.shape)
    shifts_of(features.reshape(-1, *shape), result.reshape(-1, *shape), max_shift, fill)
    assert not np.shares_memory(result, features)
    result[:] = 0  # may be written to


def test_shift_images_draws_every_shift_equally_often():
    features = distinct_images(4500, (3, 3))
    result = shift_images(features, np.random.default_rng(0), shape=(3, 3))
    shifts = shifts_of(features.reshape(-1, 3, 3), result.reshape(-1, 3, 3), 1, np.zeros(4500))
    counts = [shifts.count(shift) for shift in itertools.product((-1, 0, 1), repeat=2)]
    assert sum(counts) == 4500
    assert all(400 < count < 600 for count in counts)  # 500 expected, with a standard deviation of 21


def test_shift_images_depends_on_the_generator_alone():
    features = distinct_images(50, (28, 28))
    first, again, other = (shift_images(features, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(shift_images(features, rng), first)
    assert (shift_images(features, rng) != first).any()  # it goes on from call to call


def test_shift_images_by_nothing_is_a_copy():
    features = distinct_images(5, (28, 28))
    result = shift_images(features, np.random.default_rng(0), max_shift=0)
    np.testing.assert_array_equal(result, features)
    assert not np.shares_memory(result, features)


def test_shift_images_may_move_an_image_out_of_view():
    features = distinct_images(200, (2, 2), np.float32)
    result = shift_images(features, np.random.default_rng(0), max_shift=np.int8(100), fill=0.5, shape=(2, 2))
    assert result.dtype == np.float32
    assert (result == 0.5).mean() > 0.99


def test_shift_images_of_real_digits_keeps_their_ink(site):
    """Every digit of the stand-in has a frame of two pixels, so that nothing is lost."""
    with pytest.warns(StandInWarning):
        features = to_features(load_mnist(download=False).x_test, np.float32)
    result = shift_images(features, np.random.default_rng(0), max_shift=2)
    np.testing.assert_array_equal(np.sort(result), np.sort(features))
    assert (result != features).any(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    ("features", "options", "error", "message"),
    [
        (np.zeros((2, 784), np.uint8), {}, TypeError, "floating point"),
        (np.zeros((2, 28, 28)), {}, ValueError, r"shape \(N, D\)"),
        (np.full((2, 784), np.nan), {}, ValueError, "NaN"),
        (np.zeros((2, 20)), {}, ValueError, "no images of 28x28 pixels"),
        (np.zeros((2, 784)), {"shape": (28, 27)}, ValueError, "no images of 28x27 pixels"),
        (np.zeros((2, 784)), {"rng": 1}, TypeError, r"numpy\.random\.Generator"),
        (np.zeros((2, 784)), {"rng": None}, TypeError, r"numpy\.random\.Generator"),
        (np.zeros((2, 784)), {"max_shift": -1}, ValueError, "max_shift must be a whole number of at least 0, got -1"),
        (np.zeros((2, 784)), {"max_shift": 1.0}, ValueError, "got 1.0"),
        (np.zeros((2, 784)), {"max_shift": None}, ValueError, "got None"),
        (np.zeros((2, 784)), {"fill": np.zeros(3)}, ValueError, "fill"),
        (np.zeros((6, 784)), {"fill": np.zeros((2, 3))}, ValueError, "fill"),
    ],
)
def test_shift_images_refuses(features, options, error, message):
    options = {"rng": np.random.default_rng(0)} | options
    with pytest.raises(error, match=message):
        shift_images(features, **options)


# --- splits and batches ------------------------------------------------------------------------------------------


def numbered(count):
    """Return examples and labels that show which example they are; read-only."""
    x = np.arange(count)[:, np.newaxis] + np.array([0.25, 0.5])
    y = np.arange(count)
    x.flags.writeable = y.flags.writeable = False
    return x, y


def assert_pairs(x, y):
    np.testing.assert_array_equal(x, y[:, np.newaxis] + np.array([0.25, 0.5]))


@quickly
@given(count=st.integers(2, 30), data=st.data(), seed=st.integers(0, 99))
def test_train_valid_split_is_a_partition(count, data, seed):
    n_valid = data.draw(st.integers(1, count - 1))
    x, y = numbered(count)
    x_train, y_train, x_valid, y_valid = train_valid_split(x, y, n_valid=n_valid, rng=np.random.default_rng(seed))
    assert len(y_valid) == n_valid
    assert sorted([*y_train, *y_valid]) == list(range(count))
    assert_pairs(x_train, y_train)
    assert_pairs(x_valid, y_valid)


def test_train_valid_split_depends_on_the_seed_alone_and_copies():
    x, y = numbered(50)

    def split(seed):
        return train_valid_split(x, y, n_valid=np.int64(10), rng=np.random.default_rng(seed))

    for part, same in zip(split(1), split(1), strict=True):
        np.testing.assert_array_equal(part, same)
        part[:] = -1  # would raise in a view of these read-only arrays
    assert set(split(1)[3]) != set(split(2)[3])


@pytest.mark.parametrize("n_valid", [0, 10, -1, 0.5, None])
def test_train_valid_split_needs_two_parts(n_valid):
    with pytest.raises(ValueError, match="n_valid must be a whole number from 1 to 9 for 10 examples"):
        train_valid_split(*numbered(10), n_valid=n_valid, rng=np.random.default_rng(0))


@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0)])
def test_train_valid_split_needs_a_generator(rng):
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        train_valid_split(*numbered(10), n_valid=2, rng=rng)


def test_lengths_must_agree():
    x, y = numbered(10)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="10 examples but 9 labels"):
        train_valid_split(x, y[:9], n_valid=2, rng=rng)
    with pytest.raises(ValueError, match="10 examples but 9 labels"):
        iter_minibatches(x, y[:9], 2, rng=rng)


@quickly
@given(count=st.integers(0, 30), batch_size=st.integers(1, 35), seed=st.none() | st.integers(0, 99))
def test_minibatches_cover_everything_once(count, batch_size, seed):
    x, y = numbered(count)
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(iter_minibatches(x, y, batch_size, rng=rng))
    full, rest = divmod(count, batch_size)
    assert [len(y_batch) for _, y_batch in batches] == [batch_size] * full + [rest] * (rest > 0)
    for x_batch, y_batch in batches:
        assert_pairs(x_batch, y_batch)
    used = [int(label) for _, y_batch in batches for label in y_batch]
    assert (used if rng is None else sorted(used)) == list(range(count))


def test_minibatches_draw_a_new_order_every_time():
    x, y = numbered(50)
    rng, same_rng = np.random.default_rng(3), np.random.default_rng(3)
    first, second = ([*next(iter_minibatches(x, y, 50, rng=rng))[1]] for _ in range(2))
    assert first != second
    assert first == [*next(iter_minibatches(x, y, 50, rng=same_rng))[1]]


def test_minibatches_in_order_are_views():
    x, y = numbered(10)
    x_batch, y_batch = next(iter_minibatches(x, y, 4, rng=None))
    assert np.shares_memory(x_batch, x)
    assert np.shares_memory(y_batch, y)


@pytest.mark.parametrize(
    ("batch_size", "rng", "error", "message"),
    [
        (0, None, ValueError, "batch_size must be a whole number of at least 1, got 0"),
        (-3, None, ValueError, "got -3"),
        (2.0, None, ValueError, "got 2.0"),
        (2, 42, TypeError, "numpy.random.Generator"),
    ],
)
def test_minibatches_refuse_at_the_call(batch_size, rng, error, message):
    with pytest.raises(error, match=message):
        iter_minibatches(*numbered(10), batch_size, rng=rng)


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_home_of_an_unknown_user_is_reported(load):
    with pytest.raises(DataError, match="can name no file"):
        load("~nobody-of-this-name/data")


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_what_is_no_path_is_refused(load):
    with pytest.raises(TypeError, match="data_dir must be a path, got int"):
        load(3)


@pytest.mark.parametrize(
    ("path", "error"), [("a\0b", DataError), ("\ud800", DataError), (None, TypeError), (0, TypeError)]
)
def test_idx_needs_a_path(path, error):
    with pytest.raises(error, match="path"):
        read_idx(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [([0, 5e-324], "must lie between"), ([0, 1e-160], "must lie between"), ([-1e200, 1e200], "must lie between")],
    ids=str,
)
def test_standardize_refuses_what_it_cannot_compute(row, message):
    """These gave infinity, wrong digits and zeros."""
    with pytest.raises(ValueError, match=message):
        standardize(np.array([row]))


def test_standardize_of_float16_by_columns_does_not_overflow():
    columns = np.array([[0.0], [1000.0]], np.float16)
    np.testing.assert_allclose(standardize(columns, reference=columns), [[-1], [1]], rtol=1e-2)


@pytest.mark.parametrize(
    ("fill", "error"), [(np.nan, ValueError), (None, TypeError), (1e300, ValueError), ("0", TypeError)]
)
def test_shift_images_refuses_a_background_that_is_no_number(fill, error):
    with pytest.raises(error, match="fill must be"):
        shift_images(np.ones((1, 4), np.float32), np.random.default_rng(0), fill=fill, shape=(2, 2))


def test_lists_are_split_as_arrays_are():
    rng = np.random.default_rng(0)
    parts = train_valid_split([[1], [2], [3]], [1, 2, 3], n_valid=1, rng=rng)
    assert [part.shape for part in parts] == [(2, 1), (2,), (1, 1), (1,)]
    with pytest.raises(TypeError, match="x and y must be arrays"):
        iter_minibatches({}, [], 1, rng=None)
