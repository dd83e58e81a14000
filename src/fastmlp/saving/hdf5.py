"""HDF5 files of plain arrays, in memory, whoever wrote them; by h5py (``fastmlp[keras]``).

Keras keeps weights in them. What is read must lie in the file as it is: HDF5 could also fetch it
from other files, put it together, unpack it, or load a plugin for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._optional import require

Arrays = dict[str, NDArray[Any]]

_MOST_OBJECTS = 100_000
_DEEPEST = 64
_LARGEST_TEXTS = 1 << 30  # bytes that an attribute of texts may at most come to
_KINDS = "fiub"  # of NumPy's types
_HEAP = b"GCOL\1\0\0\0"


@dataclass
class Tree:
    """What is read: datasets and, of the attributes that are asked for, texts, by their paths."""

    arrays: Arrays = field(default_factory=dict)
    texts: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def write(arrays: Mapping[str, Any], names: Mapping[str, str]) -> bytes:
    """A file of these arrays; groups by their paths have the attribute ``name``."""
    h5py = require("h5py", "keras", "a file of Keras's")
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        for path, name in names.items():
            file.require_group(path).attrs["name"] = name
        for path, array in arrays.items():
            file.create_dataset(path, data=array)
        file.flush()
        content: bytes = file.id.get_file_image()
    return content


def read(content: bytes, *attributes: str) -> Tree:
    """All arrays of a file, and the texts in attributes of these names.

    Raises
    ------
    ValueError, OSError, RuntimeError, KeyError, TypeError
        If the file is damaged, or has what is no plain array, before any memory is asked for.
    """
    h5py = require("h5py", "keras", "a file of Keras's")
    _check_heaps(content)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(content)
    tree = Tree()
    identifier = h5py.h5f.open(b"memory", h5py.h5f.ACC_RDONLY, fapl=access)
    with h5py.File(identifier) as file:
        reader = _Reader(h5py, len(content), attributes, tree)
        reader.group("", file, 0)
        for array in reader.found.items():
            reader.array(*array)
        for texts in reader.told.items():
            reader.text(*texts)
    return tree


def _check_heaps(content: bytes) -> None:
    """ValueError if one of the heaps, where texts are, does not end: HDF5 reads such without end.

    A heap is its signature and version, its size in 8 bytes, then objects: 2 bytes of a number, 6
    of which nothing depends, 8 of a size, and as many, filled up to a multiple of 8. In number 0,
    which is free space, the size has these 16 bytes in it.
    """
    start = content.find(_HEAP)
    while start >= 0:
        end = start + int.from_bytes(content[start + 8 : start + 16], "little")
        place = start + 16
        while place + 16 <= end <= len(content):
            size = int.from_bytes(content[place + 8 : place + 16], "little")
            if content[place : place + 2] != bytes(2):
                size = 16 + (size + 7) // 8 * 8
            if size < 16:
                break
            place += size
        if not place <= end <= len(content) or end - place >= 16:
            raise ValueError(f"the heap at byte {start} does not end where it says")
        start = content.find(_HEAP, start + 1)


class _Reader:
    """Walks through a file, looks at everything, and only then reads it."""

    def __init__(self, h5py: Any, size: int, attributes: tuple[str, ...], tree: Tree) -> None:
        self.h5py = h5py
        self.size = size
        self.left = size  # bytes of which no array has been found
        self.attributes = attributes
        self.tree = tree
        self.seen: set[int] = set()
        self.found: dict[str, Any] = {}
        self.told: dict[tuple[str, str], Any] = {}

    def group(self, path: str, group: Any, depth: int) -> None:
        """Note what a group has in it."""
        if depth > _DEEPEST:
            raise ValueError(f"its groups are more than {_DEEPEST} levels deep")
        self.attributes_of(path, group)
        for name in group:
            if name in ("", ".", "..") or "/" in name:
                raise ValueError(f"{name!r} in {path!r} is not a plain name")
            link = group.get(name, getlink=True)
            full = f"{path}/{name}" if path else name
            if not isinstance(link, self.h5py.HardLink):
                raise ValueError(f"{full} is a link, which fastmlp does not follow")
            thing = group[name]
            place = self.h5py.h5o.get_info(thing.id).addr
            if place in self.seen or len(self.seen) >= _MOST_OBJECTS:
                raise ValueError(f"{full} is there twice, or the file has too many objects")
            self.seen.add(place)
            if isinstance(thing, self.h5py.Group):
                self.group(full, thing, depth + 1)
            elif isinstance(thing, self.h5py.Dataset):
                self.dataset(full, thing)
            else:
                raise ValueError(f"{full} is neither a group nor an array")

    def dataset(self, path: str, dataset: Any) -> None:
        """Note an array, if it lies in the file as it is."""
        made = dataset.id.get_create_plist()
        layout = made.get_layout()
        if layout == self.h5py.h5d.VIRTUAL:
            raise ValueError(f"{path} is a virtual dataset, put together from elsewhere")
        if made.get_external_count():
            raise ValueError(f"{path} is an external dataset, which lies in another file")
        if made.get_nfilters() or layout == self.h5py.h5d.CHUNKED:
            raise ValueError(f"{path} is compressed, or in chunks as what is compressed")
        dtype = dataset.dtype
        if dtype.kind not in _KINDS or dtype.itemsize > 8 or dataset.shape is None:
            raise ValueError(f"{path} is of type {dtype}, no numbers of at most 8 bytes")
        size = math.prod([*dataset.shape, dtype.itemsize])
        self.left -= size
        if self.left < 0 or dataset.id.get_storage_size() != size:
            raise ValueError(f"{path} of shape {dataset.shape} has more bytes than the file for it")
        self.found[path] = dataset

    def attributes_of(self, path: str, group: Any) -> None:
        """Note the attributes that are asked for; a long one is in parts with numbers."""
        for name in self.attributes:
            if name in group.attrs:
                self.told[path, name] = [group.attrs.get_id(name)]
            elif f"{name}0" in group.attrs:
                parts = range(len(group.attrs))
                self.told[path, name] = [
                    group.attrs.get_id(f"{name}{i}") for i in parts if f"{name}{i}" in group.attrs
                ]

    def array(self, path: str, dataset: Any) -> None:
        """Read an array that was found."""
        self.tree.arrays[path] = dataset[()] if dataset.shape == () else dataset[...]

    def text(self, place: tuple[str, str], parts: list[Any]) -> None:
        """Read texts that were found."""
        texts: list[str] = []
        for part in parts:
            count = math.prod(part.shape or (1,))
            dtype = part.dtype
            # Each of several texts could be the same long one.
            if count > 1 and count * self.left > _LARGEST_TEXTS:
                raise ValueError(f"{place} has too many texts")
            if count == 0:
                continue
            if dtype.kind not in "SO" or part.get_type().get_class() != self.h5py.h5t.STRING:
                raise ValueError(f"{place} is of type {dtype}, no text")
            read = np.empty(part.shape, dtype)
            part.read(read)
            texts += [
                item.decode() if isinstance(item, bytes) else str(item) for item in read.ravel()
            ]
        self.tree.texts[place] = texts
