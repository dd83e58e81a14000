"""The pages of the API reference: one for every public name of fastmlp, written by conf.py.

A name is public that stands in ``fastmlp.__all__``, or in ``__all__`` of a module that does. What
has several names has its page under one of them, to which the others lead.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# Public modules that another name leads to, or none: by their own names only.
BESIDE = ("fastmlp.compat.tf", "fastmlp.compat.nn")

# Of these only what they say is for all.
TEXTS = ("fastmlp.layers.custom",)


def public_names(module: ModuleType) -> list[str]:
    """``__all__`` of a module; of one without, what it defines."""
    names = getattr(module, "__all__", None)
    if names is None:
        own = inspect.getmembers(module, inspect.isfunction)
        names = [name for name, value in own if value.__module__ == module.__name__]
    return [name for name in names if not name.startswith("_")]


def modules() -> Iterator[tuple[str, ModuleType]]:
    """All public modules below fastmlp, by name; fastmlp itself, whose names have homes, last."""

    def below(name: str) -> Iterator[tuple[str, ModuleType]]:
        module = import_module(name)
        for inner in public_names(module):
            value = getattr(module, inner)
            if isinstance(value, ModuleType) and value.__name__ == f"{name}.{inner}":
                yield from below(value.__name__)
        yield name, module

    yield from sorted(item for item in below("fastmlp") if item[0] != "fastmlp")
    for name in BESIDE:
        yield name, import_module(name)
    yield "fastmlp", import_module("fastmlp")


def homes() -> dict[str, tuple[str, Any]]:
    """Each public name, in full, with that of its page and its value."""
    pages: dict[int, str] = {}
    found: dict[str, tuple[str, Any]] = {}
    for module_name, module in modules():

        def is_another(name: str, module: ModuleType = module) -> tuple[bool, str]:
            return getattr(getattr(module, name), "__name__", name) != name, name

        for name in sorted(public_names(module), key=is_another):
            value = getattr(module, name)
            full = f"{module_name}.{name}"
            if isinstance(value, ModuleType):
                found[full] = value.__name__, value
            elif isinstance(value, (int, float, str)):  # equal constants may be one object
                found[full] = full, value
            else:
                found[full] = pages.setdefault(id(value), full), value
    return found


def _heading(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n"


def _class(full: str, value: type, public: dict[Any, str]) -> str:
    """A class with its members but those of the public classes that it derives from."""
    bases = [base for base in value.__mro__[1:] if base in public]
    foreign = [base for base in value.__mro__[1:] if not base.__module__.startswith("fastmlp")]
    stop = ", ".join(dict.fromkeys(base.__name__ for base in [*bases, *foreign]))
    text = f".. autoclass:: {full}\n   :members:\n   :inherited-members: {stop}\n"
    if bases:
        inherited = ", ".join(f":py:class:`~{public[base]}`" for base in bases)
        text += f"\nIt has besides what it inherits from {inherited}.\n"
    return text


def _page(full: str, value: Any, public: dict[Any, str]) -> str:
    text = f"{_heading(full)}\n"
    if inspect.isclass(value):
        return text + _class(full, value, public)
    if callable(value) and not hasattr(value, "__origin__"):
        return text + f".. autofunction:: {full}\n"
    return text + f".. autodata:: {full}\n"


def _module_page(name: str, module: ModuleType, found: dict[str, tuple[str, Any]]) -> str:
    names = sorted(public_names(module), key=lambda inner: (inner.lower(), inner))
    text = f"{_heading(name)}\n.. automodule:: {name}\n   :no-members:\n\n"

    def is_home(full: str) -> bool:
        page, value = found[full]
        return page == full and not isinstance(value, ModuleType)

    full_names = [f"{name}.{inner}" for inner in names]
    own = list(filter(is_home, full_names))
    if own:
        text += ".. autosummary::\n\n" + "".join(
            f"   {full.removeprefix(name + '.')}\n" for full in own
        )
        text += "\n.. toctree::\n   :hidden:\n\n" + "".join(f"   {full}\n" for full in own)
    others = [inner for inner in names if f"{name}.{inner}" not in own]
    if others:
        text += "\nNames of what has its page elsewhere:\n\n"
        text += "".join(f"- ``{name}.{i}``: :py:obj:`{found[f'{name}.{i}'][0]}`\n" for i in others)
    return text


def write(folder: Path) -> None:
    """Write the page of each module and name to ``folder``, and remove what is there besides."""
    found = homes()
    public = {value: page for page, value in found.values() if inspect.isclass(value)}
    texts = {name: _module_page(name, module, found) for name, module in modules()}
    for page, value in found.values():
        if not isinstance(value, ModuleType):
            texts[page] = _page(page, value, public)
    for name in TEXTS:
        texts[name] = f"{_heading(name)}\n.. automodule:: {name}\n   :no-members:\n"
    texts["index"] = f"{_heading('Reference')}\n.. toctree::\n   :maxdepth: 1\n\n" + "".join(
        f"   {name}\n" for name in sorted([*TEXTS, *(name for name, _ in modules())])
    )
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.rst"):
        if old.stem not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # builds again are short
            path.write_text(text, encoding="utf-8")
