"""Named arrays in NumPy's .npz format, with a checksum and without pickle.

``numpy.load`` reads such a file, too. Beside the arrays it holds ``about``, a JSON text with what
the file is and the SHA-256 of all the rest.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .files import replace_file

Arrays = dict[str, NDArray[Any]]

_ABOUT = "about"
_VERSION = 1
# What zipfile, zlib and NumPy raise for bytes that are not what they should be.
_DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    SyntaxError,
    EOFError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def save(path: str, kind: str, arrays: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write the arrays and what is to be known about them; atomically.

    Raises
    ------
    OSError
        If the file cannot be written; then ``path`` is as it was.
    """
    stored = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    told = {"format": f"fastmlp {kind}", "version": _VERSION, **about}
    text = json.dumps({**told, "sha256": _checksum(told, stored)})

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, array in {_ABOUT: np.array(text), **stored}.items():
                # A fixed date, so that equal contents are equal bytes.
                info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
                with archive.open(info, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    replace_file(path, write)


def load(path: str, kind: str) -> tuple[Arrays, dict[str, Any]]:
    """The arrays, and what is known about them.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged or something else; the message names it.
    """
    with open(path, "rb") as file:
        # From memory, where a damaged offset is an error of the content, not of the system.
        content = io.BytesIO(file.read())
    try:
        with zipfile.ZipFile(content) as archive:
            arrays = {info.filename[:-4]: _read(archive, info) for info in archive.infolist()}
        about = json.loads(str(arrays.pop(_ABOUT)))
        if about["format"] != f"fastmlp {kind}":
            raise ValueError(f"its format is {about['format']!r}")
        if about["version"] != _VERSION:
            raise ValueError(f"its version is {about['version']!r}, and {_VERSION} is known")
        if about.pop("sha256") != _checksum(about, arrays):
            raise ValueError("its checksum is not that of its content")
    except _DAMAGE as error:
        raise ValueError(
            f"{os.fspath(path)} must be a whole file of fastmlp {kind}. "
            f"Received: {type(error).__name__}: {error}"
        ) from error
    return arrays, about


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One array, of which the header is not believed."""
    if info.compress_type != zipfile.ZIP_STORED or not info.filename.endswith(".npy"):
        raise ValueError(f"it holds {info.filename!r}, which is no stored array")
    member = io.BytesIO(archive.read(info))
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"{info.filename} is of version {version} of the .npy format")
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(member)
    data = member.read()
    if dtype.hasobject or len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{info.filename} of shape {shape} has {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")


def _checksum(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        total.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        total.update(array.tobytes())
    return total.hexdigest()
