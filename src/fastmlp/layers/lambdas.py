"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from .. import _checks
from .._registry import Registry, serialize
from .called import refuse_mask
from .layer import Layer, register
from .shapes import Shape

_functions: Registry[Any] = Registry("function", FunctionType, "keras.layers")


@register("lambda")
class Lambda(Layer):
    """What a function makes of its input, written with :mod:`fastmlp.ops`; the package autograd
    differentiates it. It runs on the reference engine, see :mod:`fastmlp.layers.custom`.

    Parameters
    ----------
    function : callable
        x (B, ...) to y (B, ...); it may take ``training``, too.
    output_shape : tuple or callable, optional
        Shape of a sample of the output, or that with the batch axis by that of the input; by
        default the function is tried with zeros.
    mask : None
        Taken as Keras's argument; there are no masks.
    arguments : dict, optional
        More arguments of the function.
    **options
        See :class:`Layer`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> Lambda(lambda x: x**2)([[1.0, 3.0]]).numpy()
    array([[1., 9.]])
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: None = None,
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable. Received: function={function!r}")
        _checks.only("mask", mask, None)
        super().__init__(**options)
        self.function, self.mask = function, mask
        self.output_shape_given = output_shape
        self.arguments = dict(arguments or {})

    _kept_as = {**Layer._kept_as, "output_shape": "output_shape_given"}  # noqa: RUF012

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """What the function makes of the inputs."""
        if mask is not None:
            refuse_mask(mask)
        named = dict(self.arguments)
        try:
            takes = inspect.signature(self.function).parameters
        except ValueError:  # of one written in C
            takes = {}  # type: ignore[assignment]
        if "training" in takes:
            named["training"] = training
        return self.function(inputs, **named)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the output for an input shape, both (None, ...)."""
        given = self.output_shape_given
        if given is None:
            return super().compute_output_shape(input_shape)
        shape: Sequence[Any] = given(input_shape) if callable(given) else (None, *given)
        return (None, *shape[1:])

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Another with these constructor arguments, of which functions are known by name.

        Raises
        ------
        ValueError
            If the function is not known, or is Keras's code of a lambda, which is not run.
        """
        made = dict(config)
        for name in ("function", "output_shape"):
            told = made.get(name)
            if not isinstance(told, dict):
                continue
            if told.get("class_name") == "__lambda__":
                raise ValueError(
                    "Requested the deserialization of a `Lambda` layer whose `function` is a "
                    "Python lambda. This carries a potential risk of arbitrary code execution and "
                    "thus it is disallowed: name the function and register it with "
                    "`saving.register_keras_serializable()`."
                )
            made[name] = _functions.deserialize(told)
        return cls(**made)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as plain data; functions by their names."""
        return super().get_config() | {"function": serialize(self.function)}
