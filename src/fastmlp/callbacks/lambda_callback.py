"""Callbacks from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .callback import Callback


class LambdaCallback(Callback):
    """A callback from functions, one for each hook.

    Parameters
    ----------
    **hooks : callable
        By the name of the hook, such as ``on_epoch_end=lambda epoch, logs: ...``.

    Raises
    ------
    TypeError
        If there is no such hook, or a value cannot be called.

    Examples
    --------
    >>> seen = []
    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(3, {})
    >>> seen
    [3]
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        super().__init__()
        for name, hook in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise TypeError(f"LambdaCallback knows no hook {name!r}")
            if hook is None:
                continue
            if not callable(hook):
                raise TypeError(f"{name} must be callable. Received: {name}={hook!r}")
            setattr(self, name, hook)
