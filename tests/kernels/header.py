"""The prototypes, structures and constants of csrc/kernels.h and what it includes, for ctypes.

They are read from the headers, so that a changed signature can not be called by an old one; words
and their kinds are read from the compiled catalog.
"""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastmlp import _core

CSRC = Path(__file__).parents[2] / "csrc"

_SCALARS: dict[str, Any] = {
    "bool": ctypes.c_bool,
    "double": ctypes.c_double,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "uint8_t": ctypes.c_uint8,
    "unsigned": ctypes.c_uint,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "void": None,
}


@dataclass(frozen=True)
class Declaration:
    """One parameter or member: ``base`` is the type's name without const and stars."""

    name: str
    base: str
    pointer: bool
    count: int | None  # of an array member, all dimensions together


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
        sizes = re.findall(r"\w+", name[2])
        count = math.prod(map(_number, sizes)) if sizes else None
        result.append(Declaration(name[1], match[1], "*" in declarator, count))
    return result


def _enumerations(text: str) -> dict[str, dict[str, int]]:
    """Members of every enumeration that counts up from 0."""
    found = re.findall(r"typedef enum \w+ \{(.*?)\} (\w+);", text, re.DOTALL)
    return {
        name: {member: i for i, member in enumerate(re.findall(r"\b(FM_\w+)", body))}
        for body, name in found
    }


def _ctype(declaration: Declaration, types: dict[str, Any]) -> Any:
    single = ctypes.c_void_p if declaration.pointer else types[declaration.base]
    return single if declaration.count is None else single * declaration.count


def _structures(text: str, types: dict[str, Any]) -> dict[str, Any]:
    """ctypes structures of all plain ones, in the header's order."""
    members: dict[str, list[Declaration]] = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, re.DOTALL):
        if "#define" in body or "##" in body:  # the kernel table itself, and what macros make
            continue
        parts = [part for part in body.split(";") if part.strip()]
        members[name] = [d for part in parts for d in _declarations(part)]
        fields = [(d.name, _ctype(d, types)) for d in members[name]]
        types[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return members


def _prototypes(text: str) -> dict[str, Prototype]:
    body = text.split("#define FM_KERNELS(X)")[1].split("#define FM_KERNEL_FAMILIES")[0]
    found = re.findall(r"X\(\s*(\w+)\s*,\s*(\w+)\s*,\s*\((.*?)\)\s*\)", body, re.DOTALL)
    return {
        name: Prototype(
            name, result, tuple(d for p in parameters.split(",") for d in _declarations(p))
        )
        for result, name, parameters in found
    }


def _family_prototypes(text: str) -> dict[str, Prototype]:
    """Every kernel of a family under the name by which it is called: activation_relu."""
    body = text.split("#define FM_KERNEL_FAMILIES(F)")[1].split("#define F(")[0]
    words = {
        "activation": [w for w, (kind, _) in CATALOG["operation"].items() if kind >= _LAYERS],
        "loss": list(CATALOG["loss"]),
        **{family: list(CATALOG["optimizer"]) for family in ("prepare", "apply")},
        **dict.fromkeys(("update", "sparse_update"), FUSED),
    }
    found = re.findall(r"F\(\s*(\w+)\s*,\s*\((.*?)\)\s*\)", body, re.DOTALL)
    assert {family for family, _ in found} == set(words)
    return {
        f"{family}_{word}": Prototype(
            f"{family}_{word}",
            "void",
            tuple(d for p in parameters.split(",") for d in _declarations(p)),
        )
        for family, parameters in found
        for word in words[family]
    }


#: Words of the compiled catalog: family -> name -> (kind, {option: default}).
CATALOG = {family: _core.catalog(family) for family in ("operation", "loss", "optimizer")}
#: Optimizers that have kernels with the gradient in registers.
FUSED = ["adam", "sgd"]
_LAYERS = CATALOG["operation"]["relu"][0]  # layers are counted before activations


def options(family: str, name: str, **given: float) -> list[float]:
    """The options of a word in the catalog's order, as many as a kernel may read."""
    known = CATALOG[family][name][1]
    assert given.keys() <= known.keys(), f"{name} has the options {list(known)}"
    values = list((known | given).values())
    return [*values, *[0.0] * (_defines["FM_MAX_OPTIONS"] - len(values))]


_headers = _text("types.h") + _text("catalog.h") + _text("kernels.h")
_defines: dict[str, int] = {}
_definitions(_headers)
_enums = _enumerations(_headers)

TYPES: dict[str, Any] = {**_SCALARS, **dict.fromkeys(_enums, ctypes.c_int)}
MEMBERS = _structures(_headers, TYPES)
CONSTANTS = {name: value for members in _enums.values() for name, value in members.items()}
KERNELS = _prototypes(_headers) | _family_prototypes(_headers)
PANEL = _defines["FM_PANEL"]
GRADIENT_BLOCK = _defines["FM_GRADIENT_BLOCK"]
PAIR_SCRATCH = _defines["FM_PAIR_SCRATCH"]
TRANSPOSE_SCRATCH = _defines["FM_TRANSPOSE_SCRATCH"]
UPDATE_SCRATCH = _defines["FM_UPDATE_SCRATCH"]
MAX_SLOTS = _defines["FM_MAX_SLOTS"]
UPDATE_CONSTANTS = _defines["FM_CONSTANTS"]


def function(address: int, name: str) -> Any:
    """The kernel at an address, as a Python callable."""
    prototype = KERNELS[name]
    arguments = [_ctype(p, TYPES) for p in prototype.parameters]
    return ctypes.CFUNCTYPE(TYPES[prototype.result], *arguments)(address)
