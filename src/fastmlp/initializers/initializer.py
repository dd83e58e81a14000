"""The base of the initializers, and what layers take in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._configured import Configured
from .._reading import allowance
from .._registry import Registry

Float64Array = NDArray[np.float64]

#: What makes the first value of a weight: ``initializer(shape, dtype=None)``.
Maker = Callable[..., Any]


class Initializer(Configured):
    """Makes the first value of a weight: ``initializer(shape)`` is a float64 array.

    One of one's own implements ``__call__(shape, dtype=None)``; a function of the same arguments
    does as well.

    Examples
    --------
    >>> Ones = get("ones")
    >>> Ones((2,))
    array([1., 1.])
    """

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Float64Array:
        _checks.float64("dtype", dtype)
        return self._values(checked_shape(shape))

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        """Values of a checked shape."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(shape, dtype)")


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of integers, ValueError if it is none."""
    if not hasattr(shape, "__iter__") or isinstance(shape, (str, bytes)):
        raise ValueError(f"shape must be a tuple of integers. Received: shape={shape!r}")
    return tuple(_checks.integer("shape", size, 0) for size in shape)


_registry: Registry[Initializer] = Registry("initializer", Initializer, "keras.initializers")
register = _registry.register
deserialize = _registry.deserialize


def get(identifier: Any) -> Maker | None:
    """An initializer from an instance, a name ("he_normal", "HeNormal"), a configuration, a
    function ``f(shape, dtype=None)``, or an array, the value itself; None stays None.

    Raises
    ------
    ValueError, TypeError
        If it is none of these.

    Examples
    --------
    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    if identifier is None:
        return None
    if isinstance(identifier, (np.ndarray, np.generic)):
        return _Given(np.asarray(identifier))
    if callable(identifier) and not isinstance(identifier, type):
        maker: Maker = identifier
        return maker
    return _registry.get(identifier)


class _Given(Initializer):
    """An array as the first value of a weight of its shape."""

    def __init__(self, value: NDArray[Any]) -> None:
        self.value = np.array(_checks.real_array("initializer", value), np.float64)
        _checks.finite("initializer", np.atleast_1d(self.value))

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        if shape != self.value.shape:
            raise ValueError(
                f"shape must be {self.value.shape}, that of the array given as the initializer. "
                f"Received: shape={shape}"
            )
        return self.value.copy()

    def get_config(self) -> dict[str, Any]:
        raise ValueError(
            "an array given as an initializer has no configuration: give a name, an instance of "
            "Initializer, or None, and set the weights"
        )


def first_value(name: str, maker: Maker | None, shape: tuple[int, ...]) -> Float64Array:
    """The first value of a weight, of that shape whoever makes it; Glorot's uniform one if it
    is said by nobody.

    Raises
    ------
    ValueError
        If what is made is of another shape, or not finite real numbers.
    """
    allowed = allowance()
    if allowed is not None:
        allowed.take(name, shape)
        if not allowed.values:
            return np.zeros(shape)
    if maker is None:
        maker = _registry.get("glorot_uniform")
    value = _checks.real_array(f"initial value of {name!r}", maker(shape, dtype="float64"))
    if value.shape != shape:
        raise ValueError(
            f"an initializer must make values of the shape it is asked for, {shape} for {name!r}. "
            f"Received: {maker!r}, which makes values of shape {value.shape}"
        )
    _checks.finite(f"initial value of {name!r}", np.atleast_1d(value))
    return np.asarray(value, np.float64)
