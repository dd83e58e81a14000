"""The prototypes, structures and constants of csrc/kernels.h and what it includes, for ctypes.

They are read from the headers, so that a changed signature can not be called by an old one.
A family of kernels has one for each word of the catalog: "activation_relu", "update_adam".
"""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CSRC = Path(__file__).parents[2] / "csrc"

_SCALARS: dict[str, Any] = {
    "bool": ctypes.c_bool,
    "double": ctypes.c_double,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "uint8_t": ctypes.c_uint8,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "unsigned": ctypes.c_uint,
    "void": None,
}


@dataclass(frozen=True)
class Declaration:
    """One parameter or member: ``base`` is the type's name without const and stars."""

    name: str
    base: str
    pointer: bool
    shape: tuple[int, ...]  # of an array member


@dataclass(frozen=True)
class Prototype:
    """A kernel's result type and parameters."""

    name: str
    result: str
    parameters: tuple[Declaration, ...]


def _text(name: str) -> str:
    """A header without comments and line continuations."""
    text = (CSRC / name).read_text().replace("\\\n", "\n")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def _number(factor: str) -> int:
    return int(factor) if factor.isdigit() else _defines[factor]


def _definitions(text: str) -> None:
    """Adds all macros that are whole numbers, or products of them, to _defines."""
    for name, value in re.findall(r"^#define (FM_\w+) \(?([\w* ]+?)\)?$", text, re.MULTILINE):
        factors = value.split(" * ")
        if all(factor.isdigit() or factor in _defines for factor in factors):
            _defines[name] = math.prod(_number(factor) for factor in factors)


def _declarations(text: str) -> list[Declaration]:
    """``const double *x, *y[2]`` -> its names, each with the type."""
    match = re.match(r"\s*(?:const\s+)?(\w+)(.*)", text, re.DOTALL)
    assert match, f"no declaration: {text!r}"
    result = []
    for declarator in match[2].split(","):
        name = re.search(r"(\w+)\s*((?:\[\w+\])*)\s*$", declarator)
        assert name, f"no name: {declarator!r}"
        shape = tuple(_number(size) for size in re.findall(r"\w+", name[2]))
        result.append(Declaration(name[1], match[1], "*" in declarator, shape))
    return result


def _enumerations(text: str) -> dict[str, dict[str, int]]:
    """Members of every enumeration that is written out and counts up from 0."""
    found = re.findall(r"typedef enum \w+ \{([\w\s,]*)\} (\w+);", text)
    return {
        name: {member: i for i, member in enumerate(re.findall(r"\w+", body))}
        for body, name in found
    }


def _places(text: str) -> dict[str, int]:
    """Members of the nameless enumerations: places of fm_update and bits of its variant."""
    result = {}
    for body in re.findall(r"^enum \{([\w\s,=]*)\};", text, re.MULTILINE):
        value = -1
        for name, given in re.findall(r"(\w+)(?: = (\d+))?", body):
            value = int(given) if given else value + 1
            result[name] = value
    return result


def ctype(declaration: Declaration) -> Any:
    """The ctypes type of a parameter or member."""
    kind = ctypes.c_void_p if declaration.pointer else TYPES[declaration.base]
    for size in reversed(declaration.shape):
        kind = kind * size
    return kind


def _structures(text: str) -> dict[str, Any]:
    """Adds ctypes structures of all plain ones to TYPES, in the header's order."""
    members: dict[str, list[Declaration]] = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, re.DOTALL):
        if "#define" in body:  # the kernel table itself
            continue
        parts = [part for part in body.split(";") if part.strip()]
        members[name] = [d for part in parts for d in _declarations(part)]
        fields = [(d.name, ctype(d)) for d in members[name]]
        TYPES[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return members


def _list(text: str, name: str) -> str:
    """The body of a list macro: it ends where the next directive or declaration begins."""
    return re.split(r"^(?:#|typedef)", text.split(f"#define {name}(")[1], flags=re.MULTILINE)[0]


def _words(name: str) -> dict[str, str]:
    """A list of the catalog: each word -> what its X takes besides."""
    entries = re.split(r"\bX\((\w+),", _list(_headers, name))[1:]
    return dict(zip(entries[::2], entries[1::2], strict=True))


def _prototype(name: str, result: str, parameters: str) -> Prototype:
    declared = tuple(d for p in parameters.split(",") for d in _declarations(p))
    return Prototype(name, result, declared)


def _prototypes() -> dict[str, Prototype]:
    body = _list(_headers, "FM_KERNELS")
    found = re.findall(r"X\(\s*(\w+)\s*,\s*(\w+)\s*,\s*\((.*?)\)\s*\)", body, re.DOTALL)
    result = {name: _prototype(name, returned, given) for returned, name, given in found}
    for family, parameters in FAMILIES.items():
        names = [f"{family}_{word}" for word in FAMILY_WORDS[family]]
        result |= {name: _prototype(name, "void", parameters) for name in names}
    return result


_headers = "".join(_text(name) for name in ("types.h", "catalog.h", "kernels.h"))
_defines: dict[str, int] = {}
_definitions(_headers)
_enums = _enumerations(_headers)

TYPES: dict[str, Any] = {**_SCALARS, **dict.fromkeys(_enums, ctypes.c_int)}
MEMBERS = _structures(_headers)
CONSTANTS = {name: value for members in _enums.values() for name, value in members.items()}
PLACES = {
    name: place
    for header in ("optimizers", "stored", "directions")
    for name, place in _places(_text(f"kernels/{header}.h")).items()
}
ACTIVATIONS, LOSSES, OPTIMIZERS = map(_words, ("FM_ACTIVATIONS", "FM_LOSSES", "FM_OPTIMIZERS"))
FUSED = [word for word, rest in OPTIMIZERS.items() if re.search(r"\bFUSED\b", rest)]
FAMILY_WORDS = {
    "activation": list(ACTIVATIONS),
    "loss": list(LOSSES),
    "prepare": list(OPTIMIZERS),
    "apply": list(OPTIMIZERS),
    "update": FUSED,
    "sparse_update": FUSED,
}
# Family -> its parameters.
FAMILIES: dict[str, str] = dict(
    re.findall(
        r"F\(\s*(\w+)\s*,\s*\((.*?)\)\s*\)", _list(_headers, "FM_KERNEL_FAMILIES"), re.DOTALL
    )
)
KERNELS = _prototypes()
PANEL = _defines["FM_PANEL"]
CONSTANT_PLACES = _defines["FM_CONSTANTS"]
MAX_SLOTS = _defines["FM_MAX_SLOTS"]
GRADIENT_BLOCK = _defines["FM_GRADIENT_BLOCK"]
LIST_BLOCK = _defines["FM_LIST_BLOCK"]
PAIR_SCRATCH = _defines["FM_PAIR_SCRATCH"]
TRANSPOSE_SCRATCH = _defines["FM_TRANSPOSE_SCRATCH"]
UPDATE_SCRATCH = _defines["FM_UPDATE_SCRATCH"]


def function(address: int, name: str) -> Any:
    """The kernel at an address, as a Python callable."""
    prototype = KERNELS[name]
    arguments = [ctype(p) for p in prototype.parameters]
    return ctypes.CFUNCTYPE(TYPES[prototype.result], *arguments)(address)
