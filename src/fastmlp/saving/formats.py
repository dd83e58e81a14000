"""How the names of files end, by what they hold."""

from __future__ import annotations

import os
from typing import Any

OF_MODELS = (".keras", ".npz")
OF_WEIGHTS = (".weights.h5", ".npz", ".safetensors")


def ending(name: str, path: Any, known: tuple[str, ...]) -> str:
    """Which of the known endings a path has; ``name`` is the argument's.

    Raises
    ------
    ValueError
        If it has none of them.
    """
    text = os.fspath(path)
    found = next((end for end in known if isinstance(text, str) and text.endswith(end)), None)
    if found is None:
        raise ValueError(f"{name} must end in {' or '.join(known)}. Received: {name}={path!r}")
    return found
