"""Calling a kernel with every buffer between guards.

A buffer that a kernel may write lies between patterned bytes; one that it only reads ends at a
page that can not be touched, so that a read past the end is a fault, not a lucky zero.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import _core

from .header import KERNELS, MEMBERS, TYPES, Declaration, ctype, function

GUARD = 256  # bytes on each side of what may be written
PATTERN = 0xFF  # as float64 a NaN, so that a stray read of it poisons the result
_PAGE = mmap.PAGESIZE
_PROT_NONE = 0
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Want:
    """What a buffer must hold after the call: ``values`` to the bit, or within the absolute
    ``tolerance``, where ``where`` is true (everywhere if None)."""

    values: NDArray[Any]
    tolerance: NDArray[np.float64] | float = 0.0
    where: NDArray[np.bool_] | None = None


@dataclass
class Call:
    """One call of a kernel.

    arguments: by the header's names; arrays become pointers to guarded copies, dicts become
    structures, lists of arrays become arrays of pointers, those of dicts arrays of structures,
    None becomes NULL; a string is the path of an earlier buffer, which is passed again. An array
    given for an array member is its contents.
    writes: path of each buffer that may change -> mask of the elements that may, None for all.
    expected: path -> Want; only computed when asked for, since benchmarks do not.
    """

    kernel: str
    arguments: dict[str, Any]
    writes: dict[str, NDArray[np.bool_] | None]
    expected: Callable[[], dict[str, Want]]
    fmas: float = 0.0  # fused multiply-adds, for benchmarks
    traffic: float = 0.0  # bytes read and written at least once, for benchmarks


class Buffer:
    """A copy of an array in memory of its own, with guards."""

    def __init__(self, array: NDArray[Any], written: bool) -> None:
        array = np.ascontiguousarray(array)
        size = -(-(array.nbytes + 2 * GUARD) // _PAGE) * _PAGE
        self.memory = mmap.mmap(-1, size + _PAGE)
        everything = np.frombuffer(self.memory, np.uint8)
        everything[:] = PATTERN
        # Outputs are 64-byte aligned as scratch wants it; inputs end at the page's end.
        begin = GUARD if written else size - array.nbytes
        self.array = everything[begin : begin + array.nbytes].view(array.dtype)
        self.array = self.array.reshape(array.shape)
        self.array[...] = array
        self.before, self.after = everything[:begin], everything[begin + array.nbytes : size]
        self.address = everything.ctypes.data + begin
        end = ctypes.c_void_p(everything.ctypes.data + size)
        if _libc.mprotect(end, ctypes.c_size_t(_PAGE), _PROT_NONE) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")

    def guards_intact(self) -> bool:
        return bool((self.before == PATTERN).all() and (self.after == PATTERN).all())


@dataclass
class Prepared:
    """A call with its buffers laid out: ``invoke()`` runs it, as often as wanted."""

    invoke: Callable[[], Any]
    buffers: dict[str, Buffer] = field(default_factory=dict)


class _Layout:
    """Turns a call's arguments into ctypes values, keeping the buffers by path."""

    def __init__(self, writes: dict[str, Any]) -> None:
        self.writes = writes
        self.buffers: dict[str, Buffer] = {}
        self.alive: list[Any] = []  # what only ctypes values point to

    def pointer(self, path: str, array: NDArray[Any]) -> int:
        self.buffers[path] = Buffer(array, path in self.writes)
        return self.buffers[path].address

    def structure(self, path: str, base: str, values: dict[str, Any]) -> Any:
        names = {member.name for member in MEMBERS[base]}
        assert names == set(values), f"{path}: members {names}, given {set(values)}"
        members = [(m.name, self.value(f"{path}.{m.name}", m, values)) for m in MEMBERS[base]]
        return TYPES[base](**dict(members))

    def pointers(self, path: str, arrays: list[Any]) -> Any:
        addresses = [
            None if a is None else self.pointer(f"{path}.{i}", a) for i, a in enumerate(arrays)
        ]
        return (ctypes.c_void_p * len(arrays))(*addresses)

    def value(self, path: str, declared: Declaration, values: dict[str, Any]) -> Any:
        given = values[declared.name]
        if isinstance(given, list) and given and isinstance(given[0], dict):
            made = [self.structure(f"{path}.{i}", declared.base, g) for i, g in enumerate(given)]
            self.alive.append((TYPES[declared.base] * len(made))(*made))
            return ctypes.addressof(self.alive[-1])
        if isinstance(given, list):
            array = self.pointers(path, given)
            self.alive.append(array)
            return array if declared.shape else ctypes.addressof(array)
        if isinstance(given, dict):
            made = self.structure(path, declared.base, given)
            self.alive.append(made)
            return ctypes.addressof(made) if declared.pointer else made
        if isinstance(given, str):
            return self.buffers[given].address
        if declared.shape:
            assert given.shape == declared.shape, path
            return ctype(declared).from_buffer_copy(given.tobytes())
        return self.pointer(path, given) if isinstance(given, np.ndarray) else given


def prepare(call: Call, isa: str) -> Prepared:
    """Lay the call's buffers out for the kernel of an instruction set."""
    layout = _Layout(call.writes)
    kernel = function(_core.kernel_address(isa, call.kernel), call.kernel)
    parameters = KERNELS[call.kernel].parameters
    assert {p.name for p in parameters} == set(call.arguments), call.kernel
    values = [layout.value(p.name, p, call.arguments) for p in parameters]
    alive = layout.alive

    def invoke() -> Any:
        assert alive is not None
        return kernel(*values)

    return Prepared(invoke, layout.buffers)


def _original(call: Call, path: str) -> NDArray[Any]:
    value: Any = call.arguments
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]
    return np.ascontiguousarray(value)


def run_guarded(call: Call, isa: str) -> dict[str, NDArray[Any]]:
    """Call the kernel; the written buffers by path, and "return". Asserts that nothing else
    changed: no guard byte, no input, no element outside the documented region."""
    prepared = prepare(call, isa)
    returned = prepared.invoke()
    results: dict[str, NDArray[Any]] = {}
    for path, buffer in prepared.buffers.items():
        assert buffer.guards_intact(), f"{call.kernel} on {isa} wrote outside {path}"
        before, after = _original(call, path), buffer.array
        mask = call.writes.get(path, np.False_)
        frozen = (
            np.zeros(after.shape, bool) if mask is None else ~np.broadcast_to(mask, after.shape)
        )
        same = before[frozen].tobytes() == after[frozen].tobytes()
        assert same, f"{call.kernel} on {isa} changed elements of {path} that are not its own"
        if path in call.writes:
            results[path] = after.copy()
    if returned is not None:
        results["return"] = np.array(returned)
    return results
