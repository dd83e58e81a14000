"""Where samples enter a model: their shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import _checks
from ..engine import Operation
from .layer import Layer, register

_WHOLE = ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


@register("input_layer")
class InputLayer(Layer):
    """States the shape of one sample; the first entry of a Sequential model.

    Parameters
    ----------
    shape : tuple of int
        Of one sample, without the batch axis.
    dtype : str, optional
        "float64", a type of whole numbers such as "int32" (for categories) or None. Arrays of any
        real type can be given to the model all the same.
    batch_shape : tuple, optional
        The shape with its batch axis, (None, ...), instead of ``shape``.
    name : str, optional
        Defaults to input_layer, input_layer_1, ...

    Raises
    ------
    ValueError
        If the shape is missing or is not made of positive integers.

    Examples
    --------
    >>> InputLayer((28, 28)).output_shape
    (None, 28, 28)
    """

    symbolic: ClassVar = True  # layers can be called on it, see symbolic.py
    _kept_as: ClassVar = {"shape": None}  # batch_shape says it

    def __init__(
        self,
        shape: Sequence[int] | None = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                "Give the shape of one sample as shape, or with its batch axis as batch_shape. "
                f"Received: shape={shape!r}, batch_shape={batch_shape!r}"
            )
        if isinstance(shape, int):
            shape = (shape,)
        if dtype in _WHOLE:
            dtype = None  # float64 holds them
        super().__init__(name=name, dtype=dtype, input_shape=shape or tuple(batch_shape or ())[1:])  # type: ignore[arg-type]
        if not self.declared_shape:
            raise ValueError(
                "shape must have at least one axis besides the batch. "
                f"Received: shape={shape!r}, batch_shape={batch_shape!r}"
            )
        self.build((None, *self.declared_shape))

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with its batch axis, (None, ...)."""
        return self.input_shape

    @property
    def ndim(self) -> int:
        """Number of axes, the batch's among them."""
        return len(self.input_shape)

    @property
    def output(self) -> InputLayer:
        """Itself: what layers are called on."""
        return self

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The same as ``shape``."""
        return self.input_shape

    def operations(self) -> list[Operation]:
        return []


def Input(  # noqa: N802 - Keras's name
    shape: Sequence[int] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> InputLayer:
    """The input of a model: ``Sequential([Input((784,)), Dense(10)])``, or what layers are called
    on for ``Model(inputs, outputs)``.

    Parameters
    ----------
    shape : tuple of int
        Of one sample.
    batch_size : int, optional
        Checked, then left open: a fastmlp model takes batches of any size.
    sparse, ragged, tensor, optional
        Only as by default.
    batch_shape, dtype, name
        As in :class:`InputLayer`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> Input((784,)).shape
    (None, 784)
    """
    if batch_size is not None:
        _checks.integer("batch_size", batch_size, 1)
    _checks.only("sparse", bool(sparse), False)
    _checks.only("ragged", bool(ragged), False)
    _checks.only("tensor", tensor, None)
    _checks.only("optional", optional, False)
    return InputLayer(shape, batch_shape=batch_shape, dtype=dtype, name=name)
