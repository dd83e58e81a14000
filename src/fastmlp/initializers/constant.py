"""Initial weights that are not drawn."""

from __future__ import annotations

import numpy as np

from .._checks import number
from .initializer import Float64Array, Initializer, register


@register("zeros", "zero")
class Zeros(Initializer):
    """All zeros, of the given shape.

    Examples
    --------
    >>> Zeros()((2,))
    array([0., 0.])
    """

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        return np.zeros(shape)


@register("ones", "one")
class Ones(Initializer):
    """All ones, of the given shape.

    Examples
    --------
    >>> Ones()((2,))
    array([1., 1.])
    """

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        return np.ones(shape)


@register("constant")
class Constant(Initializer):
    """``value`` everywhere.

    Parameters
    ----------
    value : float
        Finite.

    Raises
    ------
    ValueError
        If value is not as described.

    Examples
    --------
    >>> Constant(0.5)((2,))
    array([0.5, 0.5])
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = number("value", value)

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        return np.full(shape, self.value)


@register("identity", "IdentityInitializer")
class Identity(Initializer):
    """``gain`` on the diagonal of a matrix, 0 elsewhere.

    Parameters
    ----------
    gain : float
        Finite.

    Raises
    ------
    ValueError
        If gain is not as described; when called, if the shape is not that of a matrix.

    Examples
    --------
    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = number("gain", gain)

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        if len(shape) != 2:
            raise ValueError(f"shape must be that of a matrix for Identity. Received: {shape}")
        return self.gain * np.eye(*shape)
