"""Functions of each element, and of pairs of elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .traced import array, numpy_for

# NumPy's functions of one array and of two that broadcast; Keras calls the arguments x, x1, x2.
_OF_ONE = (
    "abs absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil conj cos cosh deg2rad exp "
    "exp2 expm1 floor imag isfinite isinf isnan log log10 log1p log2 logical_not negative rad2deg "
    "real reciprocal sign signbit sin sinc sinh sqrt square tan tanh trunc"
)
_OF_TWO = (
    "add arctan2 divide equal floor_divide fmax fmin greater greater_equal heaviside hypot less "
    "less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod "
    "multiply not_equal power subtract true_divide"
)

__all__ = ["clip", "divide_no_nan", "isclose", "round", "rsqrt", "where"]


def _of_one(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return getattr(numpy_for(x), name)(array(x))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}`` of each element of x, (...)."
    return function


def _of_two(name: str) -> Callable[[Any, Any], Any]:
    def function(x1: Any, x2: Any) -> Any:
        return getattr(numpy_for(x1, x2), name)(array(x1), array(x2))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}`` of the elements of x1 and x2, which broadcast."
    return function


for _name in _OF_ONE.split():
    globals()[_name] = _of_one(_name)
for _name in _OF_TWO.split():
    globals()[_name] = _of_two(_name)
__all__ += [*_OF_ONE.split(), *_OF_TWO.split()]


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Each element of x, (...), moved into [x_min, x_max].

    Examples
    --------
    >>> clip([-1.0, 0.5, 3.0], 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    return numpy_for(x).clip(array(x), x_min, x_max)


def round(x: Any, decimals: int = 0) -> Any:
    """Each element of x, (...), rounded to so many decimals, halves to even.

    Examples
    --------
    >>> round([0.5, 1.5])
    array([0., 2.])
    """
    return numpy_for(x).round(array(x), decimals)


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x) of each element, (...).

    Examples
    --------
    >>> rsqrt([4.0])
    array([0.5])
    """
    return 1.0 / numpy_for(x).sqrt(array(x))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, else x2, all of which broadcast; without x1 and x2 the indices
    at which it holds.

    Examples
    --------
    >>> where([True, False], 1.0, 2.0)
    array([1., 2.])
    """
    if x1 is None or x2 is None:
        if x1 is not x2:
            raise ValueError("x1 and x2 must be given together. Received: one of them")
        return numpy_for(condition).where(array(condition))
    return numpy_for(condition, x1, x2).where(array(condition), array(x1), array(x2))


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2 of the elements, which broadcast; 0 where x2 is 0.

    Examples
    --------
    >>> divide_no_nan([1.0, 1.0], [2.0, 0.0])
    array([0.5, 0. ])
    """
    np = numpy_for(x1, x2)
    zero = array(x2) == 0
    return np.where(zero, 0.0, array(x1) / np.where(zero, 1.0, array(x2)))


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether |x1 - x2| <= atol + rtol |x2| for the elements, which broadcast.

    Examples
    --------
    >>> isclose([1.0], [1.0 + 1e-9])
    array([ True])
    """
    return numpy_for(x1, x2).isclose(array(x1), array(x2), rtol, atol, equal_nan)
