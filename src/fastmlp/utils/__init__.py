"""Small helpers with Keras's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._messages import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from .._naming import reset as clear_session
from ..random import set_random_seed
from .arrays import normalize, split_dataset, to_categorical
from .progbar import Progbar
from .py_dataset import PyDataset

if TYPE_CHECKING:
    from ..saving import (
        CustomObjectScope,
        custom_object_scope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from .downloads import get_file
    from .model_plot import plot_model
    from .plots import plot_confusion_matrix

Sequence = PyDataset  # Keras 2's name

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "normalize",
    "plot_confusion_matrix",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]

# Imported at their first use: few programs draw, download or write configurations.
_HOMES = {
    "get_file": ".downloads",
    "plot_confusion_matrix": ".plots",
    "plot_model": ".model_plot",
} | dict.fromkeys(
    (
        "CustomObjectScope",
        "custom_object_scope",
        "deserialize_keras_object",
        "get_custom_objects",
        "get_registered_name",
        "get_registered_object",
        "register_keras_serializable",
        "serialize_keras_object",
    ),
    "..saving",
)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name], __name__), name)
    return value
