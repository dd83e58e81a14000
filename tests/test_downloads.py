"""Files that are downloaded once: from a server on this machine, never from the network."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from idx_files import write_idx_folder

from fastmlp.datasets import boston_housing, california_housing, fashion_mnist, housing
from fastmlp.utils import get_file


class Server:
    """Files by name, and how often each was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.missing_bytes = 0  # of each answer, after which the connection ends
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/")
                outer.asked.append(name)
                content = outer.files.get(name)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content) + outer.missing_bytes))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}/"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    yield made
    made.close()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "datasets"


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, content).hexdigest()


def table(rows: int, columns: int) -> bytes:
    rng, file = np.random.RandomState(rows), io.BytesIO()
    np.savez(file, x=rng.normal(size=(rows, columns)), y=np.arange(float(rows)))
    return file.getvalue()


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_downloaded_once(server: Server, home: Path, algorithm: str) -> None:
    content = bytes(range(256)) * 9000  # more than one piece
    server.files["some.bin"] = content
    for named in ("auto", algorithm):
        options = {"file_hash": digest(content, algorithm), "hash_algorithm": named}
        path = get_file(origin=server.origin + "some.bin", **options)
    assert server.asked == ["some.bin"]
    assert Path(path) == home / "some.bin"
    assert Path(path).read_bytes() == content


def test_what_is_there_is_not_asked_for(server: Server, home: Path, tmp_path: Path) -> None:
    home.mkdir(parents=True)
    (home / "a").write_bytes(b"mine")
    server.files["a"] = b"theirs"
    origin = server.origin + "a"
    assert Path(get_file("a", origin)).read_bytes() == b"mine"
    assert not server.asked
    assert Path(get_file("a", origin, md5_hash=digest(b"theirs", "md5"))).read_bytes() == b"theirs"
    assert server.asked == ["a"]
    server.files["a"] = b"newer"
    assert Path(get_file("a", origin, force_download=True)).read_bytes() == b"newer"
    elsewhere = get_file("b", origin, cache_dir=tmp_path / "c", cache_subdir="d")
    assert Path(elsewhere) == tmp_path / "c" / "d" / "b"


@pytest.mark.parametrize("old", [None, b"old"])
def test_failures_leave_what_was_there(server: Server, home: Path, old: bytes | None) -> None:
    home.mkdir(parents=True)
    if old is not None:
        (home / "a").write_bytes(old)
    server.files["a"] = b"theirs"
    origin, before = server.origin + "a", sorted(home.iterdir())
    with pytest.raises(ValueError, match="must have the sha256 digest"):
        get_file("a", origin, file_hash=digest(b"other"))
    server.missing_bytes = 5
    with pytest.raises(OSError, match="connection ended after 6 of 11"):
        get_file("a", origin, file_hash=digest(b"theirs"))
    server.missing_bytes = 0
    with pytest.raises(OSError, match=r"404.*put the file at"):
        get_file("a", server.origin + "none", force_download=True)
    with pytest.raises(OSError, match="put the file at"):
        get_file("a", "http://127.0.0.1:1/a", force_download=True)
    assert sorted(home.iterdir()) == before
    assert old is None or (home / "a").read_bytes() == old


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"origin": None}, "origin must be"),
        ({"origin": "http://127.0.0.1:1/"}, "fname must be the name"),
        ({"fname": "../a"}, "fname must be the name"),
        ({"untar": True}, "untar must be False"),
        ({"extract": True}, "extract must be False"),
        ({"archive_format": "zip"}, "archive_format must be"),
        ({"hash_algorithm": "crc"}, "hash_algorithm must be"),
        ({"file_hash": "12"}, "file_hash must be"),
        ({"file_hash": "0" * 32, "hash_algorithm": "sha256"}, "file_hash must be"),
        ({"force_download": "yes"}, "force_download must be"),
    ],
)
def test_arguments_of_get_file(home: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get_file(**({"origin": "http://127.0.0.1:1/a"} | options))


def put(monkeypatch: pytest.MonkeyPatch, server: Server, name: str, content: bytes) -> None:
    """A file of the server in the place of a published one."""
    server.files[name] = content
    monkeypatch.setattr(housing, "ORIGIN", server.origin)
    load = housing.load

    def with_digest(path: str, file: str, _: str, *rest: Any) -> Any:
        return load(path, file, digest(content), *rest)

    monkeypatch.setattr(housing, "load", with_digest)


def test_tables_are_split_as_keras_does(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, server, "boston_housing.npz", table(11, 13))
    (x, y), (x_test, y_test) = boston_housing.load_data()
    assert x.shape == (8, 13)
    assert x_test.shape == (3, 13)
    # of numpy.random.RandomState(113).shuffle(numpy.arange(11)), as Keras 3.15.1 splits it
    assert [*y, *y_test] == [4.0, 3.0, 8.0, 7.0, 1.0, 0.0, 10.0, 6.0, 9.0, 2.0, 5.0]
    again = boston_housing.load_data(test_split=0.5, seed=1)
    assert len(again[0][0]) == 5
    assert server.asked == ["boston_housing.npz"]
    with pytest.raises(ValueError, match="test_split must be"):
        boston_housing.load_data(test_split=1.0)


def test_small_and_large_tables(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, server, "california_housing.npz", table(700, 8))
    large, small = california_housing.load_data(), california_housing.load_data("small")
    assert len(large[0][0]) == 560
    assert len(small[0][0]) == 480
    assert max(*small[0][1], *small[1][1]) == 599.0
    with pytest.raises(ValueError, match="version must be"):
        california_housing.load_data("tiny")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.ones((3, 8)), "y": np.ones(2)}, "equally long"),
        ({"x": np.ones((3, 8))}, "the array y is missing"),
        ({"x": np.ones((3, 8), int), "y": np.ones(3)}, "a float32 or float64 array"),
        ({"x": np.array([[{}]]), "y": np.ones(1)}, "float32 or float64"),  # would be pickled
    ],
)
def test_tables_that_are_none(
    server: Server,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    arrays: dict[str, np.ndarray],
    message: str,
) -> None:
    file = io.BytesIO()
    np.savez(file, **arrays)
    put(monkeypatch, server, "boston_housing.npz", file.getvalue())
    with pytest.raises(ValueError, match=message):
        boston_housing.load_data()


def test_fashion_mnist_where_keras_keeps_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "fashion-mnist"
    folder.mkdir(parents=True)
    arrays = list(write_idx_folder(folder, compress=True).values())
    files = {path.name: digest(path.read_bytes(), "md5") for path in folder.iterdir()}
    assert files.keys() == fashion_mnist._FILES.keys()
    monkeypatch.setattr(fashion_mnist, "_FILES", files)
    (x, y), (x_test, y_test) = fashion_mnist.load_data()
    for loaded, written in zip((x, y, x_test, y_test), arrays, strict=True):
        np.testing.assert_array_equal(loaded, written)
