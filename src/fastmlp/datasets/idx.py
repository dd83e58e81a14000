"""A strict reader of IDX, the format of the MNIST files.

An IDX file is two zero bytes, a type code (0x08: unsigned bytes), the number of dimensions,
each dimension as a big-endian 32-bit number, then the elements in C order. Nothing a header
says is believed before it has been held against the size of the file.

Source: http://yann.lecun.com/exdb/mnist/, "File formats for the MNIST database".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

UNSIGNED_BYTE = 0x08
# Deflate cannot shrink its input further than this (zlib's documentation: 1032 to 1), so a
# header that promises more than that from a compressed file is wrong.
MAX_DEFLATE_RATIO = 1032
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed by gzip.

    Parameters
    ----------
    path : str or os.PathLike
        The file; it is taken for gzip if it starts with gzip's two magic bytes.
    dimensions : int
        The number of dimensions the file must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8
        A new, writable array of the shape the file states.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not IDX, holds another type or number of dimensions, is damaged, or is
        shorter or longer than its header says. The message names the file.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "labels")
    ...     with open(path, "wb") as file:
    ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path, dimensions=1)
    array([7, 2, 1], dtype=uint8)
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        try:
            if compressed:
                with gzip.GzipFile(fileobj=file) as stream:
                    return _read_stream(stream, dimensions, size * MAX_DEFLATE_RATIO, name)
            return _read_stream(file, dimensions, size, name)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{name}: damaged gzip file: {error}") from error


def _read_stream(
    stream: BinaryIO | gzip.GzipFile, dimensions: int, limit: int, name: str
) -> NDArray[np.uint8]:
    """Header, elements and end of an IDX stream that can hold at most ``limit`` bytes."""
    header = stream.read(4)
    expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if header != expected:
        raise ValueError(
            f"{name}: not an IDX file of unsigned bytes in {dimensions} dimensions: it must "
            f"start with the bytes {expected.hex(' ')}. Received: {header.hex(' ') or 'no bytes'}"
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError(
            f"{name}: the header ends early: {4 * dimensions} bytes of dimensions expected. "
            f"Received: {len(sizes)}"
        )
    shape = struct.unpack(f">{dimensions}I", sizes)
    count = math.prod(shape)
    if count > limit:
        raise ValueError(
            f"{name}: the header's shape {shape} needs {count} bytes, more than the file can "
            f"hold. Received: at most {limit} bytes"
        )
    array = np.empty(count, np.uint8)
    received = _fill(stream, array.data)
    if received < count:
        raise ValueError(
            f"{name}: the file ends early: shape {shape} needs {count} bytes of elements. "
            f"Received: {received}"
        )
    if stream.read(1):
        raise ValueError(
            f"{name}: the file is longer than its header says: shape {shape} needs {count} "
            f"bytes of elements. Received: more"
        )
    return array.reshape(shape)


def _fill(stream: BinaryIO | gzip.GzipFile, buffer: memoryview) -> int:
    """Fill ``buffer`` from the stream; the number of bytes there were, at most its length.

    In pieces, because a GzipFile fills a buffer by way of a bytes object of the same size.
    """
    filled = 0
    while filled < len(buffer):
        read = stream.readinto(buffer[filled : filled + _CHUNK])  # type: ignore[union-attr]
        if not read:
            break
        filled += read
    return filled
