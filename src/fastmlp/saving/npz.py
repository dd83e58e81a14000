"""Named arrays in NumPy's .npz format, with a checksum and without pickle.

``numpy.load`` reads such a file, too. Beside the arrays it holds ``about``, a JSON text with what
the file is and the SHA-256 of all the rest.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import archive
from .files import read_file, replace_file

Arrays = dict[str, NDArray[Any]]

_ABOUT = "about"
_VERSION = 1
_KINDS = "fiubU"  # of NumPy's types: numbers, and the text of ``about``


def save(path: str, kind: str, arrays: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write the arrays and what is to be known about them; atomically.

    Raises
    ------
    OSError
        If the file cannot be written; then ``path`` is as it was.
    TypeError
        If what is to be known is no plain data; so, too.
    """
    stored = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    told = {"format": f"fastmlp {kind}", "version": _VERSION, **about}
    text = json.dumps({**told, "sha256": _checksum(told, stored)})
    written = {_ABOUT: np.array(text), **stored}
    members = ((f"{name}.npy", _npy(array)) for name, array in written.items())
    replace_file(path, lambda file: archive.write(file, members))


def _npy(array: NDArray[Any]) -> bytes:
    member = io.BytesIO()
    np.lib.format.write_array(member, array, allow_pickle=False)
    return member.getvalue()


def load(path: str, *kinds: str) -> tuple[Arrays, dict[str, Any]]:
    """The arrays, and what is known about them, of a file of one of these kinds.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged or something else; the message names it.
    """
    formats = [f"fastmlp {kind}" for kind in kinds]

    def checked(content: bytes) -> tuple[Arrays, dict[str, Any]]:
        arrays = {}
        for name, member in archive.read(content).items():
            if not name.endswith(".npy"):
                raise ValueError(f"it holds {name!r}, which is no array")
            arrays[name[:-4]] = _array(name, member)
        about = json.loads(str(arrays.pop(_ABOUT)))
        if about["format"] not in formats:
            raise ValueError(f"its format is {about['format']!r}")
        if about["version"] != _VERSION:
            raise ValueError(f"its version is {about['version']!r}, and {_VERSION} is known")
        if about.pop("sha256") != _checksum(about, arrays):
            raise ValueError("its checksum is not that of its content")
        return arrays, about

    return read_file(path, f"fastmlp {' or '.join(kinds)}", checked)


def _array(name: str, content: bytes) -> NDArray[Any]:
    """One array, of which the header is not believed."""
    member = io.BytesIO(content)
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"{name} is of version {version} of the .npy format")
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(member)
    data = member.read()
    if dtype.kind not in _KINDS or len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} of type {dtype} and shape {shape} has {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")


def _checksum(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        total.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        total.update(array.tobytes())
    return total.hexdigest()
