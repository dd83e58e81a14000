"""The base of the callbacks: every hook, doing nothing.

Callbacks are told which model is at work, and import none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

Logs = dict[str, float]

#: Names of all hooks.
HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_batch_begin",
    "on_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_begin",
    "on_predict_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
    "_after_train_begin",
    "_after_epoch",
    "_on_pause",
)


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

    # Of the class, as subclasses need not call a constructor.
    params: dict[str, Any] | None = None
    model: Any = None

    #: Names of the attributes that a training which goes on after it was killed needs again:
    #: numbers, None, and lists of arrays.
    _lasting: ClassVar[tuple[str, ...]] = ()

    #: Hooks of this object that have nothing to do, for which the engine need not stop.
    _idle: tuple[Callable[..., None], ...] = ()

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training, with "verbose", "epochs" and "steps"."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called before training, with the model."""
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
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step, with the epoch's logs so far."""
        self.on_batch_end(batch, logs=logs)

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

    # Further hooks, for fastmlp's own callbacks.

    def _meet(self, fellows: Sequence[Callback]) -> None:
        """Called with all callbacks of the same list, this one among them. What remembers them
        keeps them alive, and takes them along when it is pickled."""

    def _after_train_begin(self) -> None:
        """Once every callback's ``on_train_begin`` has been called."""

    def _after_epoch(self) -> None:
        """Once every callback's ``on_epoch_end`` has been called."""

    def _on_pause(self) -> None:
        """Between two chunks of training steps, some 50 ms apart, however many steps that is;
        after ``on_train_batch_end``."""
