"""A strict reader of .npz files of numbers: no pickle, no size believed unchecked."""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .idx import MAX_DEFLATE_RATIO

# What zipfile, zlib and NumPy raise for bytes that are not what they should be;
# NotImplementedError and RuntimeError are zipfile's for a version it does not know and for
# encryption, which a flipped bit can claim.
_DAMAGE = (
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def read_npz(
    path: str | os.PathLike[str],
    dimensions: Mapping[str, int],
    dtypes: tuple[type[np.number[Any]], ...] = (np.uint8,),
) -> list[NDArray[Any]]:
    """Read named arrays from an .npz file.

    Parameters
    ----------
    path : str or os.PathLike
        The file, as ``numpy.savez`` or ``numpy.savez_compressed`` writes it.
    dimensions : mapping of str to int
        The arrays to read and the number of dimensions each must have.
    dtypes : tuple of type
        What they may be of.

    Returns
    -------
    list of ndarray
        The arrays, in the order of ``dimensions``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, lacks an array, or holds one of another type or number of
        dimensions. The message names the file and the array.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "labels.npz")
    ...     np.savez(path, y=np.array([7, 2, 1], np.uint8))
    ...     read_npz(path, {"y": 1})
    [array([7, 2, 1], dtype=uint8)]
    """
    # From memory, where a damaged offset is an error of the file's content, not of the system.
    content = io.BytesIO(Path(path).read_bytes())
    try:
        archive = zipfile.ZipFile(content)
    except _DAMAGE as error:
        raise ValueError(f"{os.fspath(path)}: not a whole .npz file: {error}") from error
    name = os.fspath(path)
    return [_read_member(archive, key, ndim, dtypes, name) for key, ndim in dimensions.items()]


def _read_member(
    archive: zipfile.ZipFile,
    key: str,
    dimensions: int,
    dtypes: tuple[type[np.number[Any]], ...],
    name: str,
) -> NDArray[Any]:
    """One array of the archive, its header held against the file before allocating."""
    try:
        info = archive.getinfo(f"{key}.npy")
    except KeyError:
        raise ValueError(
            f"{name}: the array {key} is missing. Received: {archive.namelist()}"
        ) from None
    try:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"stored or deflated data expected. Received: compression {info.compress_type}"
            )
        with archive.open(info) as member:
            shape, dtype = _read_header(member)
        if dtype not in dtypes or len(shape) != dimensions:
            known = " or ".join(known.__name__ for known in dtypes)
            raise ValueError(
                f"a {known} array of {dimensions} dimensions expected. Received: shape={shape}, "
                f"dtype={dtype}"
            )
        limit = min(info.file_size, info.compress_size * MAX_DEFLATE_RATIO)
        if math.prod(shape) * dtype.itemsize > limit:
            raise ValueError(
                f"the file can hold at most {limit} bytes of it. Received: shape={shape}"
            )
        with archive.open(info) as member:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
            # Read to the end, where zipfile compares the checksum.
            if member.read():
                raise ValueError(f"it is longer than its header says. Received: shape={shape}")
            return array
    except _DAMAGE as error:
        raise ValueError(f"{name}: {key}: {error}") from error


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type that a .npy stream states."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    else:
        raise ValueError(f"version 1.0 or 2.0 of the .npy format expected. Received: {version}")
    return shape, dtype
