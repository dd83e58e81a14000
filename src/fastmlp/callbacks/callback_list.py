"""All callbacks of one fit, evaluation or prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .callback import HOOKS, Callback
from .history import History
from .progbar_logger import ProgbarLogger


class CallbackList(Callback):
    """Calls every hook on all callbacks, in order.

    Parameters
    ----------
    callbacks : Callback, iterable of Callback, or None
        Whom to call; lists in it are flattened.
    add_history, add_progbar : bool
        Whether to add a History, a ProgbarLogger at the end if there is none.
    model : Model, optional
        Told to each callback.
    **params
        Told to each callback, if there are any.

    Raises
    ------
    TypeError
        If one of them is no Callback.

    Examples
    --------
    >>> seen = []
    >>> from fastmlp.callbacks import LambdaCallback
    >>> hooks = CallbackList([LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))])
    >>> hooks.on_epoch_end(4, {})
    >>> seen
    [4]
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Callback] = list(_flat(callbacks))
        if add_history and self.history is None:
            self.callbacks.append(History())
        if add_progbar and self.progbar is None:
            self.callbacks.append(ProgbarLogger())
        for callback in self.callbacks:
            callback._meet(self.callbacks)
        self.set_model(model)
        self.set_params(params)

    @classmethod
    def of(cls, callbacks: Any, model: Any, **params: Any) -> CallbackList:
        """What ``fit`` and its kin make of their argument: a CallbackList is kept as it is, but
        for the model and params that it was not told."""
        if not isinstance(callbacks, CallbackList):
            return cls(callbacks, model=model, **params)
        if callbacks.model is None:
            callbacks.set_model(model)
        if not callbacks.params:
            callbacks.set_params(params)
        return callbacks

    def _first(self, kind: type[Any]) -> Any:
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    @property
    def history(self) -> History | None:
        """The first History among the callbacks."""
        found: History | None = self._first(History)
        return found

    @property
    def progbar(self) -> ProgbarLogger | None:
        """The first ProgbarLogger among the callbacks."""
        found: ProgbarLogger | None = self._first(ProgbarLogger)
        return found

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell each callback, unless there is nothing to tell."""
        self.params = params
        if params:
            self.call("set_params", params)

    def set_model(self, model: Any) -> None:
        """Tell each callback, unless it is None."""
        if model is None:
            return
        self.model = model
        if self.history is not None:
            model.history = self.history
        self.call("set_model", model)

    def append(self, callback: Callback) -> None:
        """Call this one, too, after those before it.

        Raises
        ------
        TypeError
            If it is no Callback.
        """
        self.callbacks.extend(_flat([callback]))
        callback._meet(self.callbacks)
        if self.model is not None:
            callback.set_model(self.model)
        if self.params:
            callback.set_params(self.params)

    def call(self, hook: str, *args: Any, **options: Any) -> None:
        """Call the hook of that name on all callbacks."""
        for callback in self.callbacks:
            getattr(callback, hook)(*args, **options)

    def only_record(self) -> bool:
        """Whether nothing but History listens, which cannot tell when it is called."""
        return all(type(callback) is History for callback in self.callbacks)

    def wants(self, *hooks: str) -> bool:
        """Whether a callback has one of these hooks of its own, and use for it."""
        return any(
            callback.wants(*hooks)
            if isinstance(callback, CallbackList)
            else any(_listens(callback, hook) for hook in hooks)
            for callback in self.callbacks
        )


def _flat(callbacks: Any) -> Iterator[Callback]:
    if callbacks is None:
        return
    if isinstance(callbacks, Callback):
        yield callbacks
        return
    if isinstance(callbacks, (str, dict)) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a list of Callback. Received: callbacks={callbacks!r}")
    for callback in callbacks:
        if isinstance(callback, (list, tuple)):
            yield from _flat(callback)
        elif isinstance(callback, Callback):
            yield callback
        else:
            raise TypeError(
                f"callbacks must be instances of fastmlp.callbacks.Callback. Received: {callback!r}"
            )


def _listens(callback: Callback, hook: str) -> bool:
    own = getattr(getattr(callback, hook), "__func__", None)
    return own is not getattr(Callback, hook) and own not in callback._idle


def _forwarding(hook: str) -> Callable[..., None]:
    def forward(self: CallbackList, *args: Any, **options: Any) -> None:
        self.call(hook, *args, **options)

    forward.__name__, forward.__doc__ = hook, getattr(Callback, hook).__doc__
    return forward


for _hook in HOOKS:
    setattr(CallbackList, _hook, _forwarding(_hook))
