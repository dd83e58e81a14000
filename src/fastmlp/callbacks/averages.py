"""A callback that evaluates with the averages of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import _checks
from .callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Put the optimizer's averages of the weights in their place while the model is evaluated or
    predicts, and back again for training.

    Parameters
    ----------
    swap_on_epoch : bool
        Whether also at the end of every epoch until the next begins, so that callbacks after
        this one, such as ModelCheckpoint, see the averages.

    Raises
    ------
    ValueError
        While training, if the optimizer keeps no averages (``use_ema=True``).

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> optimizer = fastmlp.optimizers.SGD(use_ema=True)
    >>> model.compile(optimizer, "mse", engine="reference")
    >>> data = ([[0.0]], [1.0])
    >>> hooks = [SwapEMAWeights()]
    >>> history = model.fit(*data, validation_data=data, verbose=0, callbacks=hooks)
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = _checks.boolean("swap_on_epoch", swap_on_epoch)
        self._averages_in_model = False

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """(weight, its average) of all trainable weights."""
        optimizer = self.model.optimizer
        if optimizer is None or not optimizer.use_ema:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. "
                f"Received: use_ema={getattr(optimizer, 'use_ema', None)}"
            )
        for variable in self.model.trainable_weights:
            yield variable, optimizer.slots(variable)[-1]

    def _swap(self, averages: bool) -> None:
        if averages == self._averages_in_model:
            return
        for variable, average in self._pairs():
            value = variable.numpy()
            variable.assign(average)
            average.assign(value)
        self._averages_in_model = averages

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._swap(True)
        if epoch == (self.params or {}).get("epochs", 0) - 1:
            # At the end of training averages become weights; what is in their place now is not one.
            for variable, average in self._pairs():
                average.assign(variable)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._swap(False)
