"""Files that are either the old one or the new one, never half of one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, TypeVar

T = TypeVar("T")

# Seconds between tries of Windows to rename onto a file that somebody, often a scanner of
# viruses, has open for a moment; elsewhere that is no obstacle.
_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if os.name == "nt" else ()


def replace_file(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside ``path``, bring it to the disk, and put it in the place of ``path``.

    Whatever fails, ``path`` is as it was and nothing is left beside it; only a process that is
    killed can leave the other file, ``.NAME.<process>-<random>.tmp``, which nothing reads.

    Raises
    ------
    OSError
        If it cannot be written; of the kind that the system reports, with what is kept.
    """
    target = os.path.realpath(path)  # the file that a link points to, not the link
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        # Not tempfile's, whose files nobody else may read.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(beside, flags, 0o666)
        try:
            with open(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            rename_onto(beside, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
        _bring_to_disk(folder)
    except OSError as error:
        reason = error.strerror or error if os.path.isdir(folder) else "its folder does not exist"
        kept = "the file there is as it was" if os.path.exists(target) else "no file is there"
        raise OSError(error.errno, f"could not write: {reason}; {kept}", path) from error


def rename_onto(path: str, target: str) -> None:
    """Give a file the name of another, which is then gone.

    Raises
    ------
    OSError
        If it cannot be done; both files are as they were.
    """
    for seconds in _WAITS:
        try:
            os.replace(path, target)
        except PermissionError:
            time.sleep(seconds)
        else:
            return
    os.replace(path, target)


def _bring_to_disk(folder: str) -> None:
    """The folder's entries, too: the new name must outlive a crash of the machine. (Windows has
    no way to ask for it.)"""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: str, what: str, read: Callable[[bytes], T]) -> T:
    """What ``read`` makes of a file's content, which may be anything.

    Raises
    ------
    OSError
        If the file cannot be read.
    ImportError, MemoryError
        If what it takes is not installed, or not there.
    ValueError
        If ``read`` raises anything else: with the file's name and the reason.
    """
    with open(path, "rb") as file:
        # From memory, where a damaged offset is an error of the content, not of the system.
        content = file.read()
    try:
        return read(content)
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"{path} must be a whole file of {what}. Received: {type(error).__name__}: {error}"
        ) from error
