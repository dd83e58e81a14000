"""Objects as plain data and back, with Keras's keys.

What a configuration describes is one of fastmlp's classes or functions, or one of those that the
program has registered or given; a module that it names is not imported, and code that it holds,
such as Keras's lambdas, is not run.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np

from .._objects import get_registered_object, within
from .._registry import function_named, instance_of, serialize
from ..tensor import Tensor, as_tensor

_PLAIN = (str, int, float, bool)

# Whose deserialize knows the classes of a module, by a part of the module's name; schedules are a
# part of the optimizers.
_FAMILIES = (
    "schedules",
    "activations",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
)


def serialize_keras_object(obj: Any) -> Any:
    """What :func:`deserialize_keras_object` makes the same of again: plain data.

    Parameters
    ----------
    obj : object
        Anything with ``get_config``, a function, arrays, numbers, text, and lists, tuples and
        dicts of these. A function of one's own is described by its name.

    Returns
    -------
    object
        The same for plain data, a dict with a ``"class_name"`` for others.

    Raises
    ------
    TypeError
        If there is something else, or ``get_config`` returns no dict.

    Examples
    --------
    >>> import fastmlp
    >>> serialize_keras_object(fastmlp.regularizers.L2(0.5))
    {'module': 'keras.regularizers', 'class_name': 'L2', 'config': {'l2': 0.5}, \
'registered_name': None}
    """
    if obj is None or isinstance(obj, _PLAIN):
        return obj.item() if isinstance(obj, np.generic) else obj
    if isinstance(obj, (list, tuple)):
        return type(obj)(map(serialize_keras_object, obj))
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return _special("bytes", value=obj.decode("utf-8"))
    if isinstance(obj, slice):
        ends = {name: getattr(obj, name) for name in ("start", "stop", "step")}
        return _special("slice", **serialize_keras_object(ends))
    if obj is Ellipsis:
        return _special("ellipsis")
    if isinstance(obj, np.generic) or (isinstance(obj, np.ndarray) and obj.ndim == 0):
        return obj.item()
    if isinstance(obj, np.ndarray):
        kind = "tensor" if isinstance(obj, Tensor) else "numpy"
        return _special(kind, value=obj.tolist(), dtype=obj.dtype.name)
    if isinstance(obj, (FunctionType, functools.partial)):
        told = serialize(obj)
        return function_named(told) if isinstance(told, str) else told
    if isinstance(obj, type) or not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj!r} of type {type(obj)}. To be serializable, a class "
            "must implement the `get_config()` method."
        )
    made: dict[str, Any] = serialize(obj)
    if not isinstance(made["config"], dict):
        raise TypeError(
            f"The `get_config()` method of {obj!r} should return a dict. It returned: "
            f"{made['config']!r}"
        )
    return {**made, "config": serialize_keras_object(made["config"])}


def _special(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": f"__{kind}__", "config": config}


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """What a configuration describes.

    Parameters
    ----------
    config : object
        What :func:`serialize_keras_object` has made, or Keras's.
    custom_objects : dict, optional
        Names to classes and functions of one's own that it holds.
    safe_mode : bool
        True: there is no other mode, since code in a configuration is never run.

    Raises
    ------
    ValueError
        If it holds the code of a lambda, or ``safe_mode`` is False.
    TypeError
        If it names what is neither fastmlp's nor known, or is no such configuration.

    Examples
    --------
    >>> import fastmlp
    >>> deserialize_keras_object(serialize_keras_object(fastmlp.regularizers.L2(0.5)))
    L2(l2=0.5)
    """
    if safe_mode is not True:
        raise ValueError(
            "safe_mode must be True: code in a configuration is never run. "
            f"Received: safe_mode={safe_mode!r}"
        )
    with within(custom_objects):
        return _made(config)


def _made(config: Any) -> Any:
    """What a configuration describes, in the scope that is there."""
    if isinstance(config, str):
        known = get_registered_object(config)
        return config if known is None else known
    if config is None or isinstance(config, _PLAIN):
        return config
    if isinstance(config, (list, tuple)):
        return [_made(part) for part in config]
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config!r}")
    if "class_name" not in config or "config" not in config:
        return {key: _made(value) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    if isinstance(name, str) and name.startswith("__") and name.endswith("__"):
        return _made_special(name.strip("_"), {} if inner is None else inner)
    if name != "function" and not isinstance(inner, (dict, type(None))):
        raise TypeError(
            f"Expected 'config' to be a dict for {name}, instead got {type(inner)}. "
            f"Full config: {config}"
        )
    own = get_registered_object(_named(config))
    if own is not None:
        return instance_of(own, config) if isinstance(own, type) else own
    return _family(config).deserialize(config)


def _named(config: dict[str, Any]) -> Any:
    """The name that a class or function of one's own would have."""
    if config["class_name"] == "function":
        return config["config"]
    return config.get("registered_name") or config["class_name"]


def _made_special(kind: str, inner: Any) -> Any:
    """What is no object of a class."""
    if kind == "lambda":
        raise ValueError(
            "Requested the deserialization of a Python lambda. This carries a potential risk of "
            "arbitrary code execution and thus it is disallowed: fastmlp runs no code from a "
            "configuration. Name a function and register it with "
            "`saving.register_keras_serializable()`."
        )
    if kind == "bytes":
        return inner["value"].encode("utf-8")
    if kind == "slice":
        return slice(*(_made(inner[end]) for end in ("start", "stop", "step")))
    if kind == "ellipsis":
        return Ellipsis
    if kind in ("numpy", "tensor"):
        array = np.array(inner["value"], np.dtype(inner["dtype"]))
        return as_tensor(array) if kind == "tensor" else array
    raise TypeError(f"Could not parse config of class_name '__{kind}__': {inner!r}")


def _family(config: dict[str, Any]) -> Any:
    """The module of fastmlp that makes what a configuration describes."""
    name, module = config["class_name"], config.get("module")
    parts = str(module).split(".")
    if parts[0] in ("keras", "fastmlp"):
        for family in _FAMILIES:
            if family in parts:
                place = "optimizers.schedules" if family == "schedules" else family
                return import_module(f"fastmlp.{place}")
        return import_module("fastmlp.layers")  # which models are
    if name == "function" and module == "builtins":
        return import_module("fastmlp.activations")
    what = "function" if name == "function" else "class"
    raise TypeError(
        f"Could not locate {what} '{_named(config)}'. Make sure custom classes and functions are "
        "decorated with `@keras.saving.register_keras_serializable()`. If they are already "
        "decorated, make sure they are all imported so that the decorator is run before trying to "
        f"load them. Full object config: {config}"
    )
