"""All callbacks of one fit, evaluation or prediction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .callback import Callback
from .history import History


class CallbackList:
    """Calls every hook on all callbacks, in order.

    Parameters
    ----------
    callbacks : Callback, iterable of Callback, or None
        Whom to call.
    model : Model
        Told to each callback.
    params : dict
        Told to each callback.

    Raises
    ------
    TypeError
        If one of them is no Callback.
    """

    def __init__(self, callbacks: Any, model: Any, params: dict[str, Any]) -> None:
        if callbacks is None:
            callbacks = []
        elif isinstance(callbacks, Callback):
            callbacks = [callbacks]
        if isinstance(callbacks, (str, dict)) or not isinstance(callbacks, Iterable):
            raise TypeError(
                f"callbacks must be a list of Callback. Received: callbacks={callbacks!r}"
            )
        self.callbacks: list[Callback] = []
        self._model, self._params = model, params
        for callback in callbacks:
            self.append(callback)

    def append(self, callback: Callback) -> None:
        """Call this one, too, after those before it.

        Raises
        ------
        TypeError
            If it is no Callback.
        """
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks must be instances of fastmlp.callbacks.Callback. Received: {callback!r}"
            )
        callback.set_params(self._params)
        callback.set_model(self._model)
        self.callbacks.append(callback)

    def call(self, hook: str, *args: Any) -> None:
        """Call the hook of that name on all callbacks."""
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    def only_record(self) -> bool:
        """Whether nothing but History listens, which cannot tell when it is called."""
        return all(type(callback) is History for callback in self.callbacks)

    def wants(self, *hooks: str) -> bool:
        """Whether a callback has one of these hooks of its own."""
        return any(
            getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
            for callback in self.callbacks
            for hook in hooks
        )
