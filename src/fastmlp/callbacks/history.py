"""What ``fit`` returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .callback import Callback, Logs


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
        self._epochs: dict[str, list[int]] = {}  # of each value, as not every epoch validates

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)
            self._epochs.setdefault(key, []).append(epoch)

    def plot(self, keys: Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw the logs over the epochs, with matplotlib: not in Keras.

        Parameters
        ----------
        keys : list of str, optional
            Which of the names of ``history``; by default "loss" and "val_loss", if they are
            there, else all.
        ax : matplotlib Axes, optional
            Where to draw; by default the current one.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If there is no such name.
        ImportError
            If matplotlib is not installed.
        """
        from .._optional import require

        if keys is None:
            losses = [key for key in ("loss", "val_loss") if key in self.history]
            keys = losses or list(self.history)
        for key in keys:
            if key not in self.history:
                raise ValueError(
                    f"keys must be names of the history, {list(self.history)}. Received: {key!r}"
                )
        if ax is None:
            ax = require("matplotlib.pyplot", "plot", "History.plot").gca()
        for key in keys:
            epochs = [epoch + 1 for epoch in self._epochs[key]]
            marker = "." if len(epochs) == 1 else ""  # which is no line
            ax.plot(epochs, self.history[key], label=key, marker=marker)
        ax.set_xlabel("epoch")
        ax.legend()
        return ax
