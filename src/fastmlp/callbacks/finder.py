"""A search for the learning rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _checks
from .callback import Callback, Logs


class LearningRateFinder(Callback):
    """Try learning rates from low to high, one a batch, and see where the loss falls fastest.

    Not in Keras. Pass it to a ``fit`` with enough batches; training ends after ``steps`` batches,
    or once the loss has grown far above its lowest, and the model and its optimizer are then as
    they were before.

    Parameters
    ----------
    min_lr, max_lr : float
        The first and the last rate; those between grow by a constant factor.
    steps : int
        How many rates to try, at least 3.
    smoothing : float
        In [0, 1): how much of the running loss stays at each batch.
    stop_factor : float
        Training ends when the running loss exceeds its lowest so many times, or is not finite.

    Attributes
    ----------
    learning_rates, losses : list of float
        The rates tried, and the loss of the batch that each was used on, before its step.
    smoothed : list of float
        The running loss (an exponential moving average without its bias to 0).

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp
    >>> x = np.linspace(-1.0, 1.0, 64)[:, None]
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> finder = LearningRateFinder(1e-4, 10.0, steps=50)
    >>> history = model.fit(x, x, batch_size=4, epochs=10, verbose=0, callbacks=[finder])
    >>> 1e-4 < finder.suggestion() < 10.0
    True
    """

    def __init__(
        self,
        min_lr: float = 1e-6,
        max_lr: float = 1.0,
        steps: int = 100,
        smoothing: float = 0.9,
        stop_factor: float = 4.0,
    ) -> None:
        self.min_lr = _checks.number("min_lr", min_lr, 0.0)
        self.max_lr = _checks.number("max_lr", max_lr, 0.0)
        if not 0.0 < self.min_lr < self.max_lr:
            raise ValueError(
                "min_lr must be positive and below max_lr. "
                f"Received: min_lr={min_lr!r}, max_lr={max_lr!r}"
            )
        self.steps = _checks.integer("steps", steps, 3)
        self.smoothing = _checks.number("smoothing", smoothing, 0.0, 1.0)
        self.stop_factor = _checks.number("stop_factor", stop_factor, 1.0)
        self.learning_rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self._average = 0.0
        self._before: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.learning_rates, self.losses, self.smoothed = [], [], []
        self._average = 0.0
        self._before = self.model._training_state()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        share = len(self.losses) / (self.steps - 1)
        rate = self.min_lr * (self.max_lr / self.min_lr) ** share
        self.learning_rates.append(rate)
        self.model.optimizer.learning_rate = rate
        self.model.reset_metrics()  # so that the logs hold this batch's loss

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = float((logs or {})["loss"])
        self.losses.append(loss)
        self._average = self.smoothing * self._average + (1.0 - self.smoothing) * loss
        running = self._average / (1.0 - self.smoothing ** len(self.losses))
        self.smoothed.append(running)
        grown = running > self.stop_factor * min(self.smoothed)
        if grown or not math.isfinite(running) or len(self.losses) == self.steps:
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.model._set_training_state(self._before)
        self._before = None

    def suggestion(self) -> float:
        """The rate at which the running loss falls fastest over the rate's logarithm.

        The first 1 / (1 - smoothing) batches, which the running loss is still the mean of few
        of, are left out, or a third if there are fewer than three times as many.

        Raises
        ------
        ValueError
            If fewer than three batches have been seen.
        """
        finite = np.isfinite(self.smoothed)
        losses, rates = np.array(self.smoothed)[finite], np.array(self.learning_rates)[finite]
        if len(losses) < 3:
            raise ValueError(
                "LearningRateFinder must have seen at least 3 batches with finite losses. "
                f"Received: {len(losses)}"
            )
        skipped = min(round(1.0 / (1.0 - self.smoothing)), len(losses) // 3)
        slopes = np.gradient(losses, np.log(rates))[skipped:]
        return float(rates[skipped:][slopes.argmin()])

    def plot(self, ax: Any = None) -> Any:
        """Draw the running loss over the rate, with matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default the current one.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from .._optional import require

        if ax is None:
            ax = require("matplotlib.pyplot", "plot", "LearningRateFinder.plot").gca()
        ax.plot(self.learning_rates[: len(self.smoothed)], self.smoothed)
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        if len(self.smoothed) >= 3:
            ax.axvline(self.suggestion(), linestyle="--", color="gray")
        return ax
