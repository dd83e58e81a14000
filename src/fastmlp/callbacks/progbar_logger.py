"""Keras's progress bar as a callback."""

from __future__ import annotations

from typing import Any

from .._messages import print_message
from .callback import Callback, Logs


class ProgbarLogger(Callback):
    """Prints Keras's progress bar, to the byte, in the place of fastmlp's.

    ``fit(..., callbacks=[ProgbarLogger()])`` with ``verbose=1`` redraws the bar after every
    batch, so that the engine stops after every batch; with ``verbose=2`` it prints a line an
    epoch.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> hook = ProgbarLogger()
    >>> model.fit([[0.0]], [1.0], verbose=2, callbacks=[hook])  # doctest: +ELLIPSIS
    1/1 - 0s - ...s/step - loss: 1.0000
    <fastmlp.callbacks.history.History ...
    """

    def __init__(self) -> None:
        self.seen = 0
        self.progbar: Any = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params["verbose"]
        self.verbose = 1 if verbose == "auto" else verbose
        self.epochs = params["epochs"]
        self.target = params["steps"]
        self._idle = () if self.verbose == 1 else _PER_BATCH

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._called_in_fit = True  # validation then prints nothing

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._called_in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begin()
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._called_in_fit:
            self._begin()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._called_in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._update(batch, None)  # not the outputs

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finalize(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._called_in_fit:
            self._finalize(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finalize(logs)

    def _begin(self) -> None:
        from ..utils.progbar import Progbar  # here: models need this module, few the bar

        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _update(self, batch: int, logs: Logs | None) -> None:
        self.seen = batch + 1
        if self.verbose == 1:
            self.progbar.update(self.seen, list((logs or {}).items()), finalize=False)

    def _finalize(self, logs: Logs | None) -> None:
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, list((logs or {}).items()), finalize=True)


_PER_BATCH = (
    ProgbarLogger.on_train_batch_end,
    ProgbarLogger.on_test_batch_end,
    ProgbarLogger.on_predict_batch_end,
)
