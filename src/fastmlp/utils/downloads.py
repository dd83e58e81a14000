"""Files from the network, kept where Keras keeps them."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.parse
import urllib.request
from typing import Any, BinaryIO

from .. import _checks
from .._messages import print_message
from ..saving.files import replace_file

# What a connection may end with.
_FAILURES = (OSError, http.client.HTTPException)

_PIECE = 1 << 20
_SECONDS = 60.0  # without a byte, until a server counts as gone
_DIGITS = {"md5": 32, "sha256": 64}


def keras_home() -> str:
    """``$KERAS_HOME``, by default ``~/.keras``."""
    return os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is there, or is downloaded first.

    What is there is the whole file with the given digest, or nothing: a download that ends early or
    has another digest leaves no trace.

    Parameters
    ----------
    fname : str, optional
        The file's name; by default that of the origin.
    origin : str
        The URL to download from if the file is not there.
    untar, extract, archive_format
        Only False, False and "auto": unpack archives with :mod:`shutil` or :mod:`zipfile`.
    md5_hash, file_hash : str, optional
        The digest that the file must have; the first is an older word for one by MD5.
    cache_subdir : str
        The folder in ``cache_dir``, or a path of its own.
    hash_algorithm : {"auto", "md5", "sha256"}
        What the digest is; "auto" tells by its length.
    cache_dir : str, optional
        By default ``$KERAS_HOME``, or else ``~/.keras``.
    force_download : bool
        Whether to download what is there as well.

    Raises
    ------
    ValueError
        If an argument is not as described, or what was downloaded has another digest.
    OSError
        If it is not there and cannot be downloaded; the message says where to put it.
    """
    if not isinstance(origin, str):
        raise ValueError(f"origin must be the URL of a file. Received: origin={origin!r}")
    for name, value in {"untar": untar, "extract": extract}.items():
        _checks.only(name, value, False)
    _checks.only("archive_format", archive_format, "auto")
    _checks.boolean("force_download", force_download)
    if file_hash is None and md5_hash is not None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm = _algorithm(file_hash, hash_algorithm)
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name or os.path.basename(name) != name:
        raise ValueError(
            "fname must be the name of a file, without folders: those are cache_dir and "
            f"cache_subdir. Received: fname={name!r}"
        )
    base = keras_home() if cache_dir is None else os.path.expanduser(os.fspath(cache_dir))
    folder = os.path.join(base, cache_subdir)
    path = os.path.join(folder, name)
    if not force_download and os.path.exists(path):
        if file_hash is None or _digest(path, algorithm) == file_hash:
            return path
        print_message(f"{path} does not have the digest {file_hash}: it is downloaded again")
    os.makedirs(folder, exist_ok=True)
    _download(origin, path, file_hash, algorithm)
    return path


def _algorithm(file_hash: str | None, named: str) -> str:
    if named not in ("auto", *_DIGITS):
        raise ValueError(
            f'hash_algorithm must be "auto", "md5" or "sha256". Received: hash_algorithm={named!r}'
        )
    if file_hash is None:
        return "sha256"
    for algorithm, digits in _DIGITS.items():
        if named in ("auto", algorithm) and len(file_hash) == digits:
            return algorithm
    raise ValueError(
        "file_hash must be the digits of an MD5 (32) or SHA-256 (64). "
        f"Received: file_hash={file_hash!r} with hash_algorithm={named!r}"
    )


def _digest(path: str, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _download(origin: str, path: str, file_hash: str | None, algorithm: str) -> None:
    print_message(f"Downloading data from {origin}")
    try:
        answer = urllib.request.urlopen(origin, timeout=_SECONDS)
    except _FAILURES as error:
        raise _unreachable(origin, path, error) from error

    def write(file: BinaryIO) -> None:
        _copy(answer, file, file_hash, hashlib.new(algorithm))

    with answer:
        try:
            replace_file(path, write)
        except _FAILURES as error:
            raise _unreachable(origin, path, error) from error


def _copy(answer: Any, file: BinaryIO, file_hash: str | None, digest: Any) -> None:
    """All that a server sends, or ValueError or one of the failures."""
    received, expected = 0, answer.headers.get("Content-Length")
    while piece := answer.read(_PIECE):
        digest.update(piece)
        file.write(piece)
        received += len(piece)
    if expected is not None and received != int(expected):
        raise http.client.HTTPException(
            f"the connection ended after {received} of {expected} bytes"
        )
    if file_hash is not None and digest.hexdigest() != file_hash:
        raise ValueError(
            f"what was downloaded from {answer.url} must have the {digest.name} digest "
            f"{file_hash}. Received: {received} bytes with {digest.hexdigest()}"
        )


def _unreachable(origin: str, path: str, error: Exception) -> OSError:
    return OSError(
        f"{origin} could not be downloaded: {error}. Without a network, put the file at {path}"
    )
