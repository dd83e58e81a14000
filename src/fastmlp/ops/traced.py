"""NumPy, or autograd's NumPy where one of the arguments is being differentiated."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Sequence
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


def watched(function: Callable[[Any], Any], x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """What ``function`` gives for x, an array or a tuple of arrays, and what makes the gradient by
    x of the gradient by that.

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
        with warnings.catch_warnings():  # a function that does not depend on x has the gradient 0
            warnings.filterwarnings("ignore", "Output seems independent of input")
            backward, values = make_vjp(function)(x)
    except (TypeError, NotImplementedError) as error:
        raise TypeError(
            f"{getattr(function, '__name__', function)} cannot be differentiated: write it with "
            "fastmlp.ops, without float(...) and assignments to elements, or return (values, "
            f"gradients). autograd said: {error}"
        ) from error
    return values, backward


def value_and_gradient(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """What ``function`` gives for x, values (B,) each of which depends on its own row of x (B, ...)
    alone, and the gradient of each value with respect to its row, (B, ...).

    Raises
    ------
    ImportError, TypeError
        See :func:`watched`.
    """
    values, backward = watched(function, x)
    values = np.asarray(values, np.float64)
    return values, np.asarray(backward(np.ones_like(values)), np.float64)


def operated(operations: Sequence[Any], x: Any, parameters: Sequence[Any], context: Any) -> Any:
    """What operations of an engine make of rows x (B, I) with their parameters, in order; also
    where x or a parameter is being differentiated."""
    if is_traced([x, *parameters]):
        return _traced_operations()(x, *parameters, operations=operations, context=context)
    return _forward(operations, x, parameters, context)[-1]


def _forward(operations: Sequence[Any], x: Any, parameters: Sequence[Any], context: Any) -> Any:
    """[x, what each operation puts out]."""
    values, start = [x], 0
    for operation in operations:
        end = start + len(operation.roles)
        values.append(operation.forward(values[-1], list(parameters[start:end]), context))
        start = end
    return values


def new_states(
    operations: Sequence[Any], x: Any, parameters: Sequence[Any], context: Any
) -> list[Any]:
    """For each parameter its value after a training step on x if it is state, or None."""
    found: list[Any] = []
    if all(role == "trained" for operation in operations for role in operation.roles):
        return [None] * len(parameters)
    plain = [_untraced(parameter) for parameter in parameters]
    values = _forward(operations, _untraced(x), plain, context)
    for operation, value in zip(operations, values, strict=False):
        own = plain[len(found) : len(found) + len(operation.roles)]
        state = operation.new_state(value, own, context)
        found += [None] * (len(own) - len(state)) + state
    return found


def _untraced(x: Any) -> Any:
    while is_traced(x):
        x = x._value
    return x


@functools.cache
def _traced_operations() -> Any:
    """Operations as autograd knows them."""
    from autograd.extend import defvjp_argnums, primitive

    def run(x: Any, *parameters: Any, operations: Any, context: Any) -> Any:
        return _forward(operations, x, parameters, context)[-1]

    def derivative(wanted: Any, y: Any, arguments: Any, named: Any) -> Any:
        (x, *parameters), operations, context = arguments, named["operations"], named["context"]

        def back(dy: Any) -> tuple[Any, ...]:
            values, end = _forward(operations, x, parameters, context), len(parameters)
            gradients = [x, *map(np.zeros_like, parameters)]
            for i in reversed(range(len(operations))):
                operation = operations[i]
                start = end - len(operation.roles)
                own = list(parameters[start:end])
                for j, gradient in enumerate(operation.gradients(values[i], dy, own, context)):
                    gradients[1 + start + j] = gradient
                dy = operation.backward(values[i], values[i + 1], dy, own, context)
                end = start
            gradients[0] = dy
            return tuple(gradients[number] for number in wanted)

        return back

    traced = primitive(run)
    defvjp_argnums(traced, derivative)
    return traced
