"""Sums along axes, shapes, products: functions of whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .traced import array, is_traced, numpy_for

Axis = int | Sequence[int] | None

# NumPy's functions along axes, with axis and keepdims; of two arrays; and of one with more.
_ALONG = (
    "all amax amin any argmax argmin count_nonzero max mean median min nanmax nanmean nanmin "
    "nansum prod std sum var"
)
_PRODUCTS = "cross dot inner kron matmul outer vdot"
_OTHERS = (
    "argsort bincount broadcast_to cumprod cumsum diag diagonal diff digitize einsum expand_dims "
    "flip fliplr flipud histogram moveaxis nan_to_num ndim nonzero pad percentile quantile ravel "
    "repeat reshape roll searchsorted size sort split squeeze swapaxes "
    "tensordot tile trace transpose tril triu unique"
)
_MAKERS = "arange empty eye full identity linspace logspace meshgrid ones tri zeros"
_LIKE = "empty_like full_like ones_like zeros_like"
_LINALG = "cholesky det inv pinv qr slogdet solve svd eigh lstsq"

__all__ = [
    "cast",
    "concatenate",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "dtype",
    "hstack",
    "is_tensor",
    "logsumexp",
    "moments",
    "norm",
    "shape",
    "stack",
    "stop_gradient",
    "take",
    "take_along_axis",
    "vstack",
]


def _along(name: str) -> Callable[..., Any]:
    def function(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
        return getattr(numpy_for(x), name)(array(x), axis=axes, keepdims=keepdims)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}`` of x, (...), along ``axis``, or of all its elements."
    return function


def _product(name: str) -> Callable[..., Any]:
    def function(x1: Any, x2: Any, **options: Any) -> Any:
        return getattr(numpy_for(x1, x2), name)(array(x1), array(x2), **options)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}`` of x1 and x2."
    return function


def _other(name: str, module: str = "") -> Callable[..., Any]:
    def function(x: Any, *arguments: Any, **options: Any) -> Any:
        numpy = numpy_for(x, *arguments)
        found = getattr(getattr(numpy, module) if module else numpy, name)
        return found(x if isinstance(x, str) else array(x), *arguments, **options)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{module + '.' if module else ''}{name}`` of x and NumPy's options."
    return function


def _maker(name: str) -> Callable[..., Any]:
    def function(*arguments: Any, **options: Any) -> Any:
        return getattr(np, name)(*arguments, **options)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}``."
    return function


def _like(name: str) -> Callable[..., Any]:
    def function(x: Any, *arguments: Any, **options: Any) -> Any:
        return getattr(np, name)(stop_gradient(x), *arguments, **options)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}`` of x, (...)."
    return function


_KINDS: tuple[tuple[str, Callable[[str], Callable[..., Any]]], ...] = (
    (_ALONG, _along),
    (_PRODUCTS, _product),
    (_OTHERS, _other),
    (_MAKERS, _maker),
    (_LIKE, _like),
    (_LINALG, lambda name: _other(name, "linalg")),
)
for _names, _make in _KINDS:
    for _name in _names.split():
        globals()[_name] = _make(_name)
    __all__ += _names.split()


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """The arrays one behind the other along an axis they have.

    Examples
    --------
    >>> concatenate([[1.0], [2.0, 3.0]])
    array([1., 2., 3.])
    """
    return numpy_for(*xs).concatenate([array(x) for x in xs], axis=axis)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape along a new axis.

    Examples
    --------
    >>> stack([[1.0], [2.0]]).shape
    (2, 1)
    """
    return numpy_for(*x).stack([array(part) for part in x], axis=axis)


def hstack(xs: Sequence[Any]) -> Any:
    """The arrays one beside the other.

    Examples
    --------
    >>> hstack([[1.0], [2.0]])
    array([1., 2.])
    """
    return numpy_for(*xs).hstack([array(x) for x in xs])


def vstack(xs: Sequence[Any]) -> Any:
    """The arrays one below the other.

    Examples
    --------
    >>> vstack([[1.0], [2.0]]).shape
    (2, 1)
    """
    return numpy_for(*xs).vstack([array(x) for x in xs])


def convert_to_tensor(x: Any, dtype: Any = None, sparse: None = None, ragged: None = None) -> Any:
    """x as an array.

    Raises
    ------
    ValueError
        If a sparse or ragged one is asked for.

    Examples
    --------
    >>> convert_to_tensor([1.0])
    array([1.])
    """
    if sparse or ragged:
        raise ValueError(
            "sparse and ragged must be None: arrays are dense. "
            f"Received: sparse={sparse!r}, ragged={ragged!r}"
        )
    return array(x) if dtype is None else cast(x, dtype)


def convert_to_numpy(x: Any) -> NDArray[Any]:
    """x as an array of NumPy; what autograd watches is taken out of its sight.

    Examples
    --------
    >>> convert_to_numpy([1.0])
    array([1.])
    """
    return np.asarray(stop_gradient(x))


def stop_gradient(variable: Any) -> Any:
    """The values, as constants to what is differentiated.

    Examples
    --------
    >>> stop_gradient(np.array([1.0]))
    array([1.])
    """
    while is_traced(variable) and not isinstance(variable, (list, tuple)):
        variable = variable._value
    return variable


def cast(x: Any, dtype: Any) -> Any:
    """x, (...), as another type.

    Examples
    --------
    >>> cast([1.7], "int32")
    array([1], dtype=int32)
    """
    return array(x).astype(np.dtype(dtype))


def copy(x: Any) -> Any:
    """A copy of x, (...).

    Examples
    --------
    >>> copy([1.0])
    array([1.])
    """
    return array(x) + 0 if is_traced(x) else np.array(x)


def shape(x: Any) -> tuple[int, ...]:
    """The sizes of the axes of x.

    Examples
    --------
    >>> shape([[1.0, 2.0]])
    (1, 2)
    """
    found: tuple[int, ...] = array(x).shape
    return found


def dtype(x: Any) -> str:
    """The name of the type of x.

    Examples
    --------
    >>> dtype([1.0])
    'float64'
    """
    name: str = np.dtype(array(x).dtype).name
    return name


def is_tensor(x: Any) -> bool:
    """Whether x is an array.

    Examples
    --------
    >>> is_tensor(np.zeros(2)), is_tensor([0.0, 0.0])
    (True, False)
    """
    return isinstance(x, np.ndarray) or (is_traced(x) and not isinstance(x, (list, tuple)))


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements of x, (...), at the indices along ``axis``, or of x laid flat.

    Examples
    --------
    >>> take([1.0, 2.0], [1])
    array([2.])
    """
    places = convert_to_numpy(indices)
    if axis is None:
        return array(x).reshape(-1)[places]
    x = array(x)
    return x[(*[slice(None)] * (axis % x.ndim), places)]


def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """For each line of x along ``axis`` the elements at that line's indices.

    Examples
    --------
    >>> take_along_axis([[1.0, 2.0]], [[1]], axis=1)
    array([[2.]])
    """
    x, places = array(x), convert_to_numpy(indices)
    grid = list(np.ogrid[tuple(slice(size) for size in places.shape)])
    grid[axis % x.ndim] = places
    return x[tuple(grid)]


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The Euclidean norm of x, (...), along ``axis`` or of all elements; other norms as
    ``numpy.linalg.norm`` has them.

    Examples
    --------
    >>> norm([3.0, 4.0])
    np.float64(5.0)
    """
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    if ord is None and not keepdims:
        return numpy_for(x).linalg.norm(array(x), axis=axes)
    if ord in (None, 2) and isinstance(axes, (int, tuple)):
        return numpy_for(x).sqrt((array(x) ** 2).sum(axis=axes, keepdims=keepdims))
    return np.linalg.norm(convert_to_numpy(x), ord, axes, keepdims)  # type: ignore[arg-type]


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along ``axis``, without overflow.

    Examples
    --------
    >>> logsumexp([1000.0, 1000.0]).round(4)
    np.float64(1000.6931)
    """
    numpy = numpy_for(x)
    x, axes = array(x), tuple(axis) if isinstance(axis, (list, tuple)) else axis
    top = stop_gradient(x).max(axis=axes, keepdims=True)
    total = numpy.log(numpy.exp(x - top).sum(axis=axes, keepdims=True)) + top
    return total if keepdims else total.reshape(np.max(stop_gradient(x), axis=axes).shape)


def moments(x: Any, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> Any:
    """The mean and the biased variance of x, (...), along axes.

    Examples
    --------
    >>> moments([1.0, 3.0], axes=[0])
    (np.float64(2.0), np.float64(1.0))
    """
    if synchronized:
        raise ValueError("synchronized must be False: there is one device. Received: True")
    along = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    x = array(x)
    return x.mean(axis=along, keepdims=keepdims), x.var(axis=along, keepdims=keepdims)
