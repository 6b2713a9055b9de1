"""The files behind `mnist_helpers.data`: where they are looked for, how they are fetched and checked.

Identity is the SHA-256 of the uncompressed bytes, checked on every load, so any mirror's gzip will do.
"""

import gzip
import hashlib
import os
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

__all__ = ["FASHION_MNIST", "MNIST", "DataError", "NotAvailable", "Source", "load_arrays", "read_idx"]


class DataError(ValueError):
    """A data file is damaged, missing or cannot be stored. The message says what to do."""


class NotAvailable(DataError):
    """The data set is in none of the places, and nothing is damaged where the user put it."""


@dataclass(frozen=True)
class _File:
    name: str
    sha256: str  # of the uncompressed bytes
    shape: tuple

    @property
    def num_bytes(self):
        return 4 + 4 * len(self.shape) + prod(self.shape)


@dataclass(frozen=True)
class Source:
    name: str
    folder: str
    class_names: tuple
    mirrors: tuple
    files: tuple


def _files(*hashes):
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    shapes = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))
    return tuple(map(_File, names, hashes, shapes))


MNIST = Source(
    name="MNIST",
    folder="mnist",
    class_names=tuple("0123456789"),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    files=_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

FASHION_MNIST = Source(
    name="Fashion-MNIST",
    folder="fashion-mnist",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    files=_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)

_TIMEOUT = (5, 20)  # seconds to connect, seconds without a byte
_MAX_IDX_BYTES = 2**30
_MAX_HEADER = 4 + 4 * 255
_GZIP_MAGIC = b"\x1f\x8b"


def load_arrays(source, data_dir, download):
    """Return the four arrays of a data set and the folder they came from; see `mnist_helpers.data` for the order.

    Raises
    ------
    NotAvailable
        If the set is in none of the places.
    DataError
        If a file in the named folder is damaged, or a download cannot be stored.
    """
    named = data_dir if data_dir is not None else os.environ.get("MNIST_HELPERS_DATA") or None
    if named is not None:
        paths = _find_in_named_folder(source, _as_path(named, "data_dir"))
        if paths:
            try:
                arrays = [_read_checked(path, file) for path, file in zip(paths, source.files, strict=True)]
            except OSError as error:
                raise DataError(f"Cannot read {paths[0].parent}: {error}") from error
            return arrays, str(paths[0].parent)
    if os.environ.get("MNIST_HELPERS_DOWNLOAD") == "0":
        download = False
    cache = _cache_folder() / source.folder
    return [_from_cache(file, source, cache, download) for file in source.files], str(cache)


def _find_in_named_folder(source, folder):
    """Return the paths of the four files, or None and a warning if any is absent."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Name one that holds {source.folder}/, or name none to download")
    home = folder / source.folder
    candidates = [[home / name for name in (file.name, file.name + ".gz")] for file in source.files]
    found = [next((path for path in pair if path.is_file()), None) for pair in candidates]
    if None not in found:
        return found
    missing = [file.name for file, path in zip(source.files, found, strict=True) if path is None]
    warnings.warn(f"{home} lacks {', '.join(missing)}; looking for {source.name} elsewhere", stacklevel=4)
    return None


def read_idx(path):
    """Return the array in an IDX file of unsigned bytes, gzipped or not.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray of uint8, read-only
        With the shape that the file's header gives.

    Raises
    ------
    DataError
        If the file is empty, truncated, too long, not IDX, not unsigned bytes, a damaged gzip, declares more than
        1 GiB, or is a web page saved under the wrong name; or if `path` is a text that can name no file.
    OSError
        If it cannot be opened.
    TypeError
        If `path` is not path-like.

    Notes
    -----
    Header: two zero bytes, the type (8 = unsigned byte), the number of dimensions, then each dimension as a
    big-endian 32-bit integer.
    """
    path = _as_path(path, "path")
    return _parse_idx(path, _read_bytes(path))


def _as_path(path, name):
    """Return a Path; raise TypeError if it is no path, DataError if no file can have this name."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {type(path).__name__}")
    try:
        path = Path(path).expanduser() if name == "data_dir" else Path(path)
        if b"\0" in os.fsencode(path):
            raise ValueError("a null character")
    except (RuntimeError, ValueError) as error:  # no such user; characters that no file system takes
        raise DataError(f"{name} {str(path)!r} can name no file: {error}") from error
    return path


def _read_bytes(path, limit=None):
    """Return the file's bytes, unpacked if they are gzip; one more than `limit` at the most."""
    with Path(path).open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        try:
            stream = gzip.GzipFile(fileobj=file) if zipped else file
            start = stream.read(_MAX_HEADER)
            limit = _declared_bytes(start) if limit is None else limit
            return start + stream.read(max(0, limit + 1 - len(start)))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path} is a damaged or truncated gzip file ({error}); replace it") from error


def _header(content):
    """Return the shape that a header gives, shorter than it should be where the content ends, and where data start."""
    start = 4 + 4 * content[3]
    return tuple(np.frombuffer(content[4:start], ">u4", count=len(content[4:start]) // 4).tolist()), start


def _declared_bytes(content):
    if len(content) < 4:
        return 0
    shape, start = _header(content)
    return min(start + prod(shape), _MAX_IDX_BYTES)


def _parse_idx(path, content):
    if not content:
        raise DataError(f"{path} is empty; replace it")
    if content[:512].lstrip().startswith(b"<"):
        raise DataError(
            f"{path} is a web page, not data: probably the login page of a network or the error page of a server. "
            "Log in to the network, delete the file if it is still there, and load again"
        )
    if content[:3] != b"\x00\x00\x08" or len(content) < 4:
        raise DataError(f"{path} is not an IDX file of unsigned bytes: it starts with {content[:4].hex(' ')}")
    shape, start = _header(content)
    if start + prod(shape) != len(content):
        have = f"more than {_MAX_IDX_BYTES}" if len(content) > _MAX_IDX_BYTES else len(content)
        raise DataError(
            f"{path} should hold {start + prod(shape)} bytes for the shape {shape} in its header, "
            f"but holds {have}: truncated or damaged; replace it"
        )
    try:
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    except ValueError as error:
        raise DataError(f"{path} cannot be an array of shape {shape}: {error}") from error


def _read_checked(path, file):
    """Return one of the known arrays, or raise DataError if a single bit differs."""
    content = _read_bytes(path, file.num_bytes)
    if hashlib.sha256(content).hexdigest() == file.sha256:
        return _parse_idx(path, content)
    if len(content) > file.num_bytes:
        raise DataError(f"{path} unpacks to more than the {file.num_bytes} bytes of {file.name}; replace it")
    shape = _parse_idx(path, content).shape  # says what is wrong where the structure shows it
    if shape != file.shape:
        raise DataError(f"{path} holds an array of shape {shape}, expected {file.shape}: another file; replace it")
    raise DataError(f"{path} differs from the published {file.name} (SHA-256 of the unpacked bytes); replace it")


def _cache_folder():
    import pooch  # only here: pages that have the data need no downloader

    return Path(os.environ.get("MNIST_HELPERS_CACHE") or pooch.os_cache("mnist_helpers")).expanduser()


def _from_cache(file, source, cache, download):
    path = cache / (file.name + ".gz")
    try:
        return _read_checked(path, file)
    except FileNotFoundError:
        problem = f"{path} does not exist"
    except DataError as error:
        problem = str(error)
    except OSError as error:
        raise DataError(_cannot_use(cache, error)) from error
    if not download:
        raise NotAvailable(f"{problem}, and downloading is switched off.\n{_what_to_do(source)}")
    return _download(file, source, cache)


def _download(file, source, cache):
    """Try one mirror after the other; store the file once its content is right, and return the array."""
    import requests

    failures = []
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # A folder of its own on the same disk, then rename: other processes see a whole file or none.
        with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as scratch:
            for mirror in source.mirrors:
                try:
                    path, array = _fetch(mirror, file, scratch)
                except (requests.RequestException, ValueError, OSError) as error:
                    if isinstance(error, OSError) and error.errno is not None:
                        raise  # the disk's fault, not the mirror's
                    failures.append(f"- {mirror}{file.name}.gz: {_reason(error)}")
                else:
                    path.chmod(0o644)  # temporary files are private, but a cache may be shared
                    path.replace(cache / path.name)
                    return array
    except OSError as error:
        raise DataError(_cannot_use(cache, error)) from error
    raise NotAvailable("\n".join(["No mirror delivered the file:", *failures, _what_to_do(source)]))


def _fetch(mirror, file, folder):
    import pooch

    arrays = []

    def download_and_check(url, output_file, fetcher):
        with _download_bar(file) as bar, Path(output_file).open("wb") as stream:
            get = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=_TIMEOUT)
            get(url, _LimitedWriter(stream, file), fetcher)
        try:
            arrays.append(_read_checked(output_file, file))
        except DataError as error:  # it names a temporary file that nobody will find
            raise DataError(str(error).replace(str(output_file), "what it sent")) from error

    # No hash for pooch: mirrors pack differently, so what identifies a file is its unpacked content, checked above.
    name = file.name + ".gz"
    fetcher = pooch.create(path=folder, base_url=mirror, registry={name: None}, retry_if_failed=1)
    return Path(fetcher.fetch(name, downloader=download_and_check)), arrays[-1]


def _download_bar(file):
    from tqdm.auto import tqdm

    # A total, because pooch asks for the bar's truth, which tqdm does not know without one.
    hidden = os.environ.get("TQDM_DISABLE") == "1"  # tqdm's notebook bar does not look at the environment by itself
    return tqdm(total=file.num_bytes, unit="B", unit_scale=True, desc=file.name, disable=hidden)


class _LimitedWriter:
    """Stops a server that sends far more than the file could ever hold."""

    def __init__(self, stream, file):
        self.stream, self.file, self.left = stream, file, file.num_bytes + 2**20
        self.flush = stream.flush

    def write(self, chunk):
        self.left -= len(chunk)
        if self.left < 0:
            raise DataError(f"the server sends more than {self.file.name} can hold")
        return self.stream.write(chunk)


def _reason(error):
    """Return an error of requests in a few words; its own text names sockets and retries."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it broke off"
    return str(error)


def _cannot_use(cache, error):
    return (
        f"Cannot store data in {cache}: {error}. Free some space (a set needs 35 MB), "
        "or set MNIST_HELPERS_CACHE to a folder that you can write to"
    )


def _what_to_do(source):
    return (
        f"To get {source.name}: connect to the network and load again, or put its four files into FOLDER/"
        f"{source.folder} and set MNIST_HELPERS_DATA=FOLDER."
    )
