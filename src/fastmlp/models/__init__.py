"""Models: layers that are trained together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cloning import clone_model, model_from_json
from .functional import Functional
from .model import Model
from .sequential import Sequential

if TYPE_CHECKING:
    from ..saving.model_files import load_model, save_model

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in ("load_model", "save_model"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ..saving import model_files  # which needs models

    return getattr(model_files, name)
