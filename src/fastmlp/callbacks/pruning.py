"""Ending a training that a search has no hope for."""

from __future__ import annotations

import warnings
from typing import Any

from .._optional import require
from .callback import Callback, Logs


class OptunaPruning(Callback):
    """Tell a trial of Optuna of a number of the logs after each epoch, and end the training if it
    should be pruned. Not in Keras.

    ``fit`` then raises ``optuna.TrialPruned``, which the study expects. The model is as after the
    last epoch and can be used further.

    Parameters
    ----------
    trial : optuna.Trial
        The trial that the training is for.
    monitor : str
        The number's key in the logs.

    Raises
    ------
    ImportError
        If Optuna is not installed: ``pip install "fastmlp[optuna]"``.

    Examples
    --------
    >>> import fastmlp
    >>> import optuna
    >>> def objective(trial):
    ...     model = fastmlp.Sequential([fastmlp.layers.Dense(1, kernel_initializer="ones")])
    ...     model.compile(fastmlp.optimizers.SGD(trial.suggest_float("rate", 1e-9, 1e-8)), "mse")
    ...     hook = OptunaPruning(trial, "loss")
    ...     history = model.fit([[1.0]], [0.0], epochs=5, verbose=0, callbacks=[hook]).history
    ...     return history["loss"][-1]
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> pruner = optuna.pruners.ThresholdPruner(upper=0.5, n_warmup_steps=1)
    >>> study = optuna.create_study(pruner=pruner)
    >>> study.optimize(objective, n_trials=1)
    >>> study.trials[0].state.name, len(study.trials[0].intermediate_values)
    ('PRUNED', 2)
    """

    def __init__(self, trial: Any, monitor: str = "val_loss") -> None:
        self._pruned = require("optuna", "optuna", "callbacks.OptunaPruning").TrialPruned
        self.trial = trial
        self.monitor = monitor

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"Pruning conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs or {})}",
                stacklevel=2,
            )
            return
        self.trial.report(float(value), step=epoch)
        if self.trial.should_prune():
            raise self._pruned(f"pruned after epoch {epoch + 1}: {self.monitor} is {value:g}")
