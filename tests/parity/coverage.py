"""Write docs/keras-coverage.md: every name of Keras's MLP surface, and what fastmlp does with it.

    python tests/parity/coverage.py

The names and arguments of Keras are those of golden/surface.json (``surface.py``), those of
fastmlp are looked up in the installed package, reasons are in ``reasons.py``.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import fastmlp
from fastmlp import _configured
from parity.reasons import REASONS

STORED = Path(__file__).parent / "golden" / "surface.json"
DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "keras-coverage.md"

HEAD = """# Which of Keras's names fastmlp has

Every public name of Keras {version} in the modules where somebody with a multilayer perceptron
looks for one. Written by `python tests/parity/coverage.py`; a test fails where it is not what the
package does. An argument that is not taken is an error that names it; none is ignored in silence.
"""

Surface = dict[str, dict[str, list[str] | None]]


def surface() -> tuple[str, Surface]:
    """Keras's version and its names with their arguments."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    return stored.pop("made_by"), stored


def find(path: str) -> Any:
    """What has that dotted name in fastmlp, or None."""
    thing: Any = fastmlp
    for part in path.split("."):
        thing = getattr(thing, part, None)
    return thing


def has(module: str, name: str) -> Any:
    """fastmlp's counterpart of a name of a Keras module, or None."""
    return find(name if module == "keras" else f"{module}.{name}")


def arguments(thing: Any) -> set[str] | None:
    """The arguments that it takes; None if Python cannot tell, or it takes any."""
    if isinstance(thing, type) and issubclass(thing, _configured.Configured):
        return set(_configured._arguments(thing))
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters}


def reason(module: str, name: str) -> str | None:
    """Why fastmlp has no such name."""
    for pattern, text in REASONS.get(module, {}).items():
        if fnmatchcase(name, pattern):
            return text
    return None


def not_taken(module: str, name: str, keras_arguments: list[str] | None) -> list[str]:
    """Arguments of Keras's that fastmlp's does not take."""
    mine = arguments(has(module, name))
    if keras_arguments is None or mine is None:
        return []
    return [argument for argument in keras_arguments if argument not in mine]


def section(module: str, names: dict[str, list[str] | None]) -> list[str]:
    """The lines of one module."""
    supported, missing = [], defaultdict(list)
    for name, keras_arguments in names.items():
        if has(module, name) is None:
            missing[reason(module, name) or "not there"].append(f"`{name}`")
            continue
        without = not_taken(module, name, keras_arguments)
        note = f" (not taken: {', '.join(f'`{a}`' for a in without)})" if without else ""
        supported.append(f"`{name}`{note}")
    title = "keras" if module == "keras" else f"keras.{module}"
    lines = ["", f"## {title}: {len(supported)} of {len(names)}", ""]
    if supported:
        lines += [", ".join(supported) + "."]
    if missing:
        lines += ["", "| not in fastmlp | why |", "| --- | --- |"]
        lines += [f"| {', '.join(names)} | {why} |" for why, names in sorted(missing.items())]
    return lines


def document() -> str:
    """The text of the document."""
    version, found = surface()
    lines = [HEAD.format(version=version).rstrip()]
    for module in sorted(found, key=lambda name: (name != "keras", name)):
        lines += section(module, found[module])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
