"""Checks of scalar arguments, each with an error that names argument, expectation and value."""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .threads import get_num_threads

# Rows looked at together where the offending one is searched: bounds the memory.
_BLOCK = 1024

# From here on a look at all bytes takes longer than starting threads, some 0.1 ms.
_LARGE = 1 << 24


def integer(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """The value as an int if it is an integer in [minimum, maximum], else ValueError."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < minimum or (maximum is not None and number > maximum):
        bound = f"of at least {minimum}" if maximum is None else f"in [{minimum}, {maximum}]"
        raise ValueError(f"{name} must be an integer {bound}. Received: {name}={_shown(value)}")
    return number


def _shown(value: Any) -> str:
    """The value as a message shows it: not all the digits of a huge number."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"{'-' if value < 0 else ''}0x... of {value.bit_length()} bits"
    return repr(value)


def number(
    name: str,
    value: Any,
    minimum: float = -math.inf,
    below: float = math.inf,
    infinite: bool = False,
) -> float:
    """The value as a float if it is a number in [minimum, below), else ValueError.

    Infinity passes only if ``infinite``; NaN never.
    """
    try:
        result = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    allowed = minimum <= result < below or (infinite and result in (minimum, below))
    if not allowed or (math.isinf(result) and not infinite):
        expected = _range(minimum, below)
        raise ValueError(f"{name} must be {expected}. Received: {name}={_shown(value)}")
    return result


def _range(minimum: float, below: float) -> str:
    if math.isinf(minimum) and math.isinf(below):
        return "a finite number"
    if math.isinf(below):
        return f"a finite number of at least {minimum:g}"
    return f"a number in [{minimum:g}, {below:g})"


def positive(name: str, value: Any) -> float:
    """The value as a float if it is a finite number above 0, else ValueError."""
    result = number(name, value, 0.0)
    if result == 0.0:
        raise ValueError(f"{name} must be a finite number above 0. Received: {name}={value!r}")
    return result


def boolean(name: str, value: Any) -> bool:
    """The value if it is True or False, else ValueError."""
    if value is True or value is False:
        return bool(value)
    if type(value).__name__ in ("bool", "bool_"):  # NumPy's
        return bool(value)
    raise ValueError(f"{name} must be True or False. Received: {name}={value!r}")


def only(name: str, value: Any, supported: Any) -> None:
    """ValueError unless a Keras argument has the one value that fastmlp supports."""
    if value != supported:
        raise ValueError(f"{name} must be {supported!r} in fastmlp. Received: {name}={value!r}")


def float64(name: str, value: Any) -> str:
    """ "float64" if the value is that or None: fastmlp computes in nothing else."""
    if value is None or str(getattr(value, "name", value)) == "float64":
        return "float64"
    raise ValueError(
        f'{name} must be "float64" (or None): fastmlp computes in float64 only. '
        f"Received: {name}={value!r}"
    )


def real_array(name: str, value: Any) -> NDArray[Any]:
    """The value as an array if it is one of real numbers that float64 can hold, else ValueError;
    no copy if it is."""
    ma = sys.modules.get("numpy.ma")  # not imported by NumPy itself
    if ma is not None and ma.is_masked(value):
        raise ValueError(
            f"{name} must not be masked: fastmlp would compute with the values under the mask. "
            "Fill or leave out what is masked first. "
            f"Received: {name} with {ma.count_masked(value)} masked values"
        )
    if type(value) is not np.ndarray and hasattr(value, "__class__"):
        value = _plain(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:  # a ragged list
        raise ValueError(f"{name} must be an array of real numbers. {error}") from None
    if array.dtype.kind not in "fiub":
        received = f"{name}={value!r}" if array.ndim == 0 else f"{name} of dtype {array.dtype}"
        raise ValueError(f"{name} must be an array of real numbers. Received: {received}")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            rounded = array.astype(np.float64)
        too_large = array[np.isinf(rounded) & np.isfinite(array)]
        if too_large.size:
            raise ValueError(
                f"{name} must hold numbers that float64 can hold. Received: {too_large[0]!s}"
            )
        return rounded
    return array


def _plain(name: str, value: Any) -> Any:
    """What other libraries call an array, as something that NumPy makes an array of."""
    library = type(value).__module__.partition(".")[0]
    if library in ("pandas", "polars"):
        from ._frames import numbers_of  # here, as few programs need it

        return numbers_of(name, value)
    if hasattr(value, "tocsr"):
        raise ValueError(
            f"{name} must be dense here: sparse samples are for fit, evaluate and predict. "
            f"Received: {name} of type {type(value).__name__}"
        )
    if hasattr(value, "detach"):  # of torch: what takes part in its gradients has no other way
        value = value.detach().cpu()
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    return value


def finite(name: str, array: NDArray[Any]) -> None:
    """ValueError if an array holds NaN or infinity; says where the first is."""
    if array.dtype.kind != "f" or _sums_are_finite(array):
        return
    for start in range(0, len(array), _BLOCK):
        block = array[start : start + _BLOCK]
        wrong = np.argwhere(~np.isfinite(block))
        if len(wrong):
            value = block[tuple(wrong[0])]
            raise ValueError(
                f"{name} must hold finite numbers only. "
                f"Received: {value} in row {start + int(wrong[0][0])}"
            )


def _sums_are_finite(array: NDArray[Any]) -> bool:
    """Whether sums over parts of an array are finite. True only if every element is; False also
    for finite numbers so large that a sum overflows.

    One pass without a temporary. What a large array costs is the way from memory, which is
    shorter for several threads: 20 ms for one and 11 ms for two for MNIST's 376 MB.
    """
    found: list[bool] = []

    def look(part: NDArray[Any]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            found.append(bool(np.isfinite(part.sum())))

    if array.nbytes < _LARGE:
        look(array)
    else:
        import threading  # here, as few programs need it and all would wait for it

        parts = np.array_split(array, get_num_threads())
        threads = [threading.Thread(target=look, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return all(found)
