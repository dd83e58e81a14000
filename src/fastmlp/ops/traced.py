"""NumPy, or autograd's NumPy where one of the arguments is being differentiated."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def is_traced(x: Any) -> bool:
    """Whether autograd watches what is computed from x. Nothing can be watched before the package
    has been imported, so it is not imported here."""
    tracer = sys.modules.get("autograd.tracer")
    if isinstance(x, (list, tuple)):
        return any(is_traced(part) for part in x)
    return tracer is not None and isinstance(x, tracer.Box)


def numpy_for(*arguments: Any) -> Any:
    """The module in which to look for functions of these arguments."""
    if any(is_traced(argument) for argument in arguments):
        return sys.modules["autograd.numpy"]
    return np


def array(x: Any) -> Any:
    """x as an array, unless it is one or is traced."""
    return x if is_traced(x) and not isinstance(x, (list, tuple)) else numpy_for(x).array(x)


def value_and_gradient(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """What ``function`` gives for x, values (B,) each of which depends on its own row of x (B, ...)
    alone, and the gradient of each value with respect to its row, (B, ...).

    Raises
    ------
    ImportError
        If the package autograd is not installed.
    TypeError
        If the function takes its argument out of autograd's sight, or changes it in place.
    """
    try:
        from autograd import make_vjp
    except ImportError as error:
        raise ImportError(
            "a function that returns no gradient is differentiated by the package autograd, which "
            "is not installed: pip install fastmlp[autograd], or return (values, gradients)"
        ) from error
    import autograd.numpy  # noqa: F401 - see numpy_for

    try:
        backward, values = make_vjp(function)(x)
    except (TypeError, NotImplementedError) as error:
        raise TypeError(
            f"{getattr(function, '__name__', function)} cannot be differentiated: write it with "
            "fastmlp.ops, without float(...) and assignments to elements, or return (values, "
            f"gradients). autograd said: {error}"
        ) from error
    values = np.asarray(values, np.float64)
    return values, np.asarray(backward(np.ones_like(values)), np.float64)
