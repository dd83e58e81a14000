"""Names of layers and models: ``dense``, ``dense_1``, ... as Keras numbers them."""

from __future__ import annotations

import re

from ._locks import Lock

_lock = Lock()
_taken: dict[str, int] = {}


def snake_case(name: str) -> str:
    """``InputLayer`` -> ``input_layer``, ``ReLU`` -> ``re_lu`` (Keras's rule)."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(stem: str) -> str:
    """The stem at its first use, then ``stem_1``, ``stem_2``, ..."""
    with _lock:
        count = _taken.get(stem, 0)
        _taken[stem] = count + 1
    return f"{stem}_{count}" if count else stem


def reset(free_memory: bool = True) -> None:
    """Forget all names given so far; if ``free_memory``, free what nothing refers to."""
    _taken.clear()
    if free_memory:
        import gc

        gc.collect()
