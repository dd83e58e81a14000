"""Callbacks: your code, called while a model trains, evaluates or predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models import Model

Logs = dict[str, float]


class Callback:
    """Base of the callbacks: override the hooks you need.

    Attributes
    ----------
    model : Model
        The model at work.
    params : dict
        "verbose", "epochs" and "steps" of the call.

    Notes
    -----
    A hook for single batches makes the engine stop after every batch; without one it runs about
    50 ms of batches at a time.

    Examples
    --------
    >>> class Stop(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["loss"] < 0.1
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.model: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Called first, with "verbose", "epochs" and "steps"."""
        self.params = params

    def set_model(self, model: Model) -> None:
        """Called next, with the model."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, numbered from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation, with its logs."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training step, numbered from 0 within its epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step, with the epoch's logs so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_end``."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, also one within ``fit``."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation, with its logs."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of an evaluation, with the logs so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of a prediction, with {"outputs": (B, K)}."""


class History(Callback):
    """What ``fit`` returns: the logs of every epoch.

    Attributes
    ----------
    history : dict of str to list of float
        One list for each of loss, metrics, and the same with "val_" before.
    epoch : list of int
        Numbers of the epochs.

    Examples
    --------
    >>> History().history
    {}
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)


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

    def __init__(self, callbacks: Any, model: Model, params: dict[str, Any]) -> None:
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
