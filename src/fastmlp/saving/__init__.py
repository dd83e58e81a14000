"""Models in files, whole or not there, and checked when read; objects as plain data and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._objects import (
        CustomObjectScope,
        custom_object_scope,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
    )
    from .model_files import load_model, save_model
    from .serialization import deserialize_keras_object, serialize_keras_object

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "register_keras_serializable",
    "save_model",
    "serialize_keras_object",
]

# Imported at their first use, from these modules of fastmlp.
_HOMES = {
    "CustomObjectScope": "_objects",
    "custom_object_scope": "_objects",
    "deserialize_keras_object": "saving.serialization",
    "get_custom_objects": "_objects",
    "get_registered_name": "_objects",
    "get_registered_object": "_objects",
    "load_model": "saving.model_files",
    "register_keras_serializable": "_objects",
    "save_model": "saving.model_files",
    "serialize_keras_object": "saving.serialization",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"fastmlp.{_HOMES[name]}"), name)
    return value
