"""Callbacks that steer training: its learning rate, its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from .. import _checks
from .._messages import print_message
from .callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Set the learning rate before every epoch.

    The logs, and so the history, get the epoch's ``learning_rate``.

    Parameters
    ----------
    schedule : callable
        Function of (epoch, learning rate) or of (epoch) that returns the new rate, a float.
    verbose : {0, 1}
        Whether to print it.

    Raises
    ------
    ValueError
        While training, if the schedule returns no float, or no learning rate.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> hook = LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> history = model.fit([[0.0]], [1.0], epochs=2, verbose=0, callbacks=[hook]).history
    >>> history["learning_rate"]
    [0.005, 0.0025]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise ValueError(f"schedule must be callable. Received: schedule={schedule!r}")
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        except TypeError:  # it takes the epoch only
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(
                f"The output of the `schedule` function should be a float. Got: {rate}"
            )
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print_message(
                f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}."
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class TerminateOnNaN(Callback):
    """Stop training at the first batch after which the loss is NaN or infinite.

    Looks at every batch, so that the engine stops after every batch.

    Parameters
    ----------
    raise_error : bool
        Whether to raise RuntimeError instead, so that no callback sees an end of training.

    Examples
    --------
    >>> TerminateOnNaN(raise_error=True).on_batch_end(3, {"loss": float("nan")})
    Traceback (most recent call last):
    RuntimeError: NaN or Inf loss encountered at batch 3. Loss value: nan. Terminating training \
immediately.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = _checks.boolean("raise_error", raise_error)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. "
                "Terminating training immediately."
            )
        print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class StopAtTime(Callback):
    """Stop training after some seconds: within about 50 ms, or one step if that is longer.

    Not in Keras. The epoch under way ends early, with its validation.

    Parameters
    ----------
    seconds : float
        From the beginning of ``fit``.
    verbose : {0, 1}
        Whether to print a message then.

    Raises
    ------
    ValueError
        If ``seconds`` is not a number of at least 0.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> hook = StopAtTime(0.01)
    >>> history = model.fit([[0.0]], [1.0], epochs=10**9, verbose=0, callbacks=[hook])
    """

    def __init__(self, seconds: float, verbose: int = 0) -> None:
        self.seconds = _checks.number("seconds", seconds, 0.0)
        self.verbose = verbose
        self._deadline = math.inf
        self._epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._deadline = time.monotonic() + self.seconds

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def _on_pause(self) -> None:
        if time.monotonic() >= self._deadline and not self.model.stop_training:
            if self.verbose > 0:
                print_message(f"Epoch {self._epoch + 1}: stopping after {self.seconds:g} s")
            self.model.stop_training = True
