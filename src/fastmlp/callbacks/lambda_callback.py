"""Callbacks from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .callback import HOOKS, Callback

Hook = Callable[..., Any] | None


class LambdaCallback(Callback):
    """A callback from functions, one for each hook.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_begin, on_train_end : callable, optional
        Functions of (epoch, logs), or of (logs) for the last two.
    on_train_batch_begin, on_train_batch_end : callable, optional
        Functions of (batch, logs); ``logs`` comes by its name.
    **hooks : callable
        Any other hook of Callback by its name, such as ``on_test_end=lambda logs: ...``.

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

    def __init__(
        self,
        on_epoch_begin: Hook = None,
        on_epoch_end: Hook = None,
        on_train_begin: Hook = None,
        on_train_end: Hook = None,
        on_train_batch_begin: Hook = None,
        on_train_batch_end: Hook = None,
        **hooks: Hook,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, hook in {**given, **hooks}.items():
            if not name.startswith("on_") or name not in HOOKS:
                raise TypeError(f"LambdaCallback knows no hook {name!r}")
            if hook is None:
                continue
            if not callable(hook):
                raise TypeError(f"{name} must be callable. Received: {name}={hook!r}")
            setattr(self, name, hook)
