"""TensorBoard's event files, written without TensorFlow: records of small protocol buffers.

A record is the length of its data (8 bytes), a checksum of that, the data, and a checksum of the
data; the data is an ``Event`` of tensorflow/core/util/event.proto.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Any

import numpy as np

_CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, its bits reversed
_BUCKETS = 30


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_CASTAGNOLI if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    rotated = (crc >> 15 | crc << 17) + 0xA282EAD8
    return struct.pack("<I", rotated & 0xFFFFFFFF)


# Fields of protocol buffers: a key of number and kind, then the value.


def _varint(value: int) -> bytes:
    shown = bytearray()
    while value > 0x7F:
        shown.append(value & 0x7F | 0x80)
        value >>= 7
    shown.append(value)
    return bytes(shown)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _float(field: int, value: float) -> bytes:
    with np.errstate(over="ignore"):  # TensorBoard's scalars are float32: infinity is shown
        return _varint(field << 3 | 5) + np.float32(value).tobytes()


class EventWriter:
    """Appends scalars and histograms to a new event file in a folder, which is made.

    Raises
    ------
    OSError
        If the folder or the file cannot be made.
    """

    _made = 0

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        EventWriter._made += 1
        now = time.time()
        name = (
            f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}"
            f".{os.getpid()}.{EventWriter._made}"
        )
        self._file = open(os.path.join(folder, name), "xb")  # noqa: SIM115 - until close()
        self._write(_bytes(3, b"brain.Event:2"))

    def _write(self, event: bytes) -> None:
        data = _double(1, time.time()) + event
        length = struct.pack("<Q", len(data))
        self._file.write(length + _masked(length) + data + _masked(data))

    def _summary(self, tag: str, value: bytes, step: int) -> None:
        summary = _bytes(1, _bytes(1, tag.encode()) + value)
        self._write(_integer(2, step) + _bytes(5, summary))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number, which TensorBoard keeps as float32."""
        self._summary(tag, _float(2, value), step)

    def histogram(self, tag: str, values: Any, step: int) -> None:
        """Write how values are distributed, in 30 buckets of equal width."""
        array = np.asarray(values, np.float64).ravel()
        array = array[np.isfinite(array)]
        if array.size == 0:
            return
        counts, edges = np.histogram(array, _BUCKETS)
        proto = b"".join(
            [
                _double(1, array.min()),
                _double(2, array.max()),
                _double(3, array.size),
                _double(4, array.sum()),
                _double(5, np.square(array).sum()),
                _bytes(6, edges[1:].astype("<f8").tobytes()),
                _bytes(7, counts.astype("<f8").tobytes()),
            ]
        )
        self._summary(tag, _bytes(5, proto), step)

    def flush(self) -> None:
        """Bring everything to the file."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()
