"""Zip archives of a few plain members, whoever wrote them."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterable
from typing import BinaryIO

_MOST_MEMBERS = 100_000
_ENCRYPTED = 1  # bit of a member's flags


def write(file: BinaryIO, members: Iterable[tuple[str, bytes]]) -> None:
    """Write the members as they are, in their order, with a fixed date, so that equal contents
    are equal bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=True) as member:
                member.write(content)


def read(content: bytes) -> dict[str, bytes]:
    """The members by name. None of them is larger than its part of the archive, and together they
    are not larger than the archive.

    Raises
    ------
    ValueError
        If a member is compressed, encrypted, a link, or there twice; if its name is not a plain
        relative one; if members overlap.
    zipfile.BadZipFile, EOFError, ...
        If it is no whole archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        if len(infos) > _MOST_MEMBERS:
            raise ValueError(f"it has {len(infos)} members, more than {_MOST_MEMBERS}")
        for info in infos:
            _check(info)
        if len({info.filename for info in infos}) != len(infos):
            raise ValueError("two of its members have one name")
        if sum(info.file_size for info in infos) > len(content):
            raise ValueError("its members are together larger than itself")
        return {info.filename: archive.read(info) for info in infos}


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = name.split("/")
    if name != info.orig_filename or "\\" in name or ":" in name or "" in parts or ".." in parts:
        raise ValueError(f"the name {info.orig_filename!r} of a member is not a plain relative one")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"its member {name!r} is compressed")
    if info.flag_bits & _ENCRYPTED:
        raise ValueError(f"its member {name!r} is encrypted")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"its member {name!r} is a link")
