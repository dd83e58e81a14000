"""Callbacks that watch one number of the logs, and do something when it stops improving."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from .. import _checks
from .._messages import print_message
from .callback import Callback, Logs


class MonitorCallback(Callback):
    """Base of the callbacks that watch a number of the logs.

    Parameters
    ----------
    monitor : str
        Its key in the logs.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric of that name, and less is better
        for losses. Another value means "auto", with a warning.
    baseline : float, optional
        The best value before the first; by default the first one is best.
    min_delta : float
        A change by less is no improvement.

    Raises
    ------
    ValueError
        At the end of the first epoch, if the mode is "auto" and no metric tells which is better.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = None if baseline is None else _checks.number("baseline", baseline)
        self.min_delta = abs(_checks.number("min_delta", min_delta))
        self._more_is_better: bool | None = None

    def _set_direction(self) -> None:
        """Decide whether less or more is better, once the model's metrics are known."""
        if self._more_is_better is None:
            self._more_is_better = self.mode == "max" or (
                self.mode == "auto" and self._direction() == "up"
            )

    def _direction(self) -> str:
        name = self.monitor.removeprefix("val_")
        model = self.model
        for key, metric in zip(model.metrics_names, model.metrics, strict=True):
            direction = getattr(metric, "_direction", None)
            if name in (key, metric.name) and direction is not None:
                return str(direction)
        if name == "loss":
            return "down"
        raise ValueError(
            f"{type(self).__name__} callback received monitor={self.monitor}, but fastmlp isn't "
            "able to automatically determine whether that metric should be maximized or "
            "minimized. Pass `mode='max'` in order to monitor based on the highest metric value, "
            "or pass `mode='min'` in order to use the lowest value."
        )

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        if self._more_is_better:
            return value - self.min_delta > reference
        return value + self.min_delta < reference


class EarlyStopping(MonitorCallback):
    """Stop training once a number of the logs no longer improves.

    Parameters
    ----------
    monitor, mode, min_delta
        See :class:`MonitorCallback`.
    patience : int
        Epochs without improvement after which training stops.
    verbose : {0, 1}
        Whether to print a message when it stops, and when it restores weights.
    baseline : float, optional
        Improvements that do not beat it do not count against the patience.
    restore_best_weights : bool
        Whether, at the end of training, the model gets the weights of the best epoch; also when
        training ends for another reason.
    start_from_epoch : int
        Epochs before this one are not looked at.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile(fastmlp.optimizers.SGD(0.0), "mse", engine="reference")
    >>> hook = EarlyStopping(monitor="loss", patience=3)
    >>> len(model.fit([[0.0]], [1.0], epochs=10, verbose=0, callbacks=[hook]).epoch)
    4
    """

    _lasting: ClassVar = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = _checks.integer("patience", patience, 0)
        self.verbose = verbose
        self.baseline = None if baseline is None else _checks.number("baseline", baseline)
        self.restore_best_weights = _checks.boolean("restore_best_weights", restore_best_weights)
        self.start_from_epoch = _checks.integer("start_from_epoch", start_from_epoch, 0)
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._set_direction()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_message(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            # As they are: also those of a training that has come to NaN.
            for variable, array in zip(self.model.weights, self.best_weights, strict=True):
                variable.assign(array)

    def get_monitor_value(self, logs: Logs | None) -> float | None:
        """The number watched, or None with a warning if the logs lack it."""
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=2,
            )
        return value


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by a factor whenever a number of the logs no longer improves.

    The logs, and so the history, get the epoch's ``learning_rate``.

    Parameters
    ----------
    monitor, mode, min_delta
        See :class:`MonitorCallback`.
    factor : float
        Below 1.
    patience : int
        Epochs without improvement after which the rate is reduced.
    verbose : {0, 1}
        Whether to print a message then.
    cooldown : int
        Epochs after a reduction in which none are counted.
    min_lr : float
        The rate is not made lower.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile(fastmlp.optimizers.SGD(1e-9), "mse", engine="reference")
    >>> hook = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=2)
    >>> history = model.fit([[0.0]], [1.0], epochs=4, verbose=0, callbacks=[hook]).history
    >>> history["learning_rate"]
    [1e-09, 1e-09, 1e-09, 5e-10]
    """

    _lasting: ClassVar = ("best", "cooldown_counter", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor = _checks.number("factor", factor, 0.0)
        if self.factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}"
            )
        self.patience = _checks.integer("patience", patience, 0)
        self.verbose = verbose
        self.cooldown = _checks.integer("cooldown", cooldown, 0)
        self.min_lr = _checks.number("min_lr", min_lr, 0.0)
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._set_direction()
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not "
                f"available. Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        old = float(optimizer.learning_rate)
        if old <= self.min_lr:
            return
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        if self.verbose > 0:
            print_message(
                f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}."
            )
        self.cooldown_counter = self.cooldown
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at the moment."""
        return self.cooldown_counter > 0
