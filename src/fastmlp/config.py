"""Settings with Keras's names. fastmlp computes in float64, so there is little to set."""

from __future__ import annotations

from ._checks import float64, number
from ._messages import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)

__all__ = [
    "disable_interactive_logging",
    "enable_interactive_logging",
    "epsilon",
    "floatx",
    "is_interactive_logging_enabled",
    "set_epsilon",
    "set_floatx",
]

_epsilon = 1e-7


def floatx() -> str:
    """The float type of weights and results: always ``"float64"``.

    Examples
    --------
    >>> floatx()
    'float64'
    """
    return "float64"


def set_floatx(value: str) -> None:
    """Accept ``"float64"``; there is nothing else to choose.

    Raises
    ------
    ValueError
        If ``value`` is any other type.

    Examples
    --------
    >>> set_floatx("float64")
    """
    if value is None:
        raise ValueError('value must be "float64". Received: value=None')
    float64("value", value)


def epsilon() -> float:
    """The bound to which losses clip probabilities, [epsilon, 1 - epsilon].

    Examples
    --------
    >>> epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the clip bound that losses compiled from now on use.

    Raises
    ------
    ValueError
        If ``value`` does not lie in [0, 0.5).

    Examples
    --------
    >>> set_epsilon(1e-7)
    """
    global _epsilon
    _epsilon = number("value", value, 0.0, 0.5)
