"""Logs and weights for TensorBoard."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from .. import _checks
from .callback import Callback, Logs


class TensorBoard(Callback):
    """Write logs, and histograms of weights, to files that TensorBoard shows.

    Neither TensorFlow nor TensorBoard is needed to write them; ``tensorboard --logdir logs``
    shows them. Tags are Keras's: ``epoch_loss``, ``batch_loss``,
    ``evaluation_loss_vs_iterations``, ``sequential/dense/kernel/histogram``.

    Parameters
    ----------
    log_dir : str or os.PathLike
        Training is written below it in ``train``, validation in ``validation``.
    histogram_freq : int
        After every so many epochs weights are written; 0: never.
    write_graph : bool
        Keras's argument. There is no graph of operations here, and none is written.
    write_steps_per_second : bool
        Whether to write the steps per second.
    update_freq : "epoch", "batch" or int
        Whether logs are also written every so many batches ("batch": every one); then the engine
        stops after every batch.
    write_images, profile_batch, embeddings_freq, embeddings_metadata
        Not supported: only Keras's defaults.

    Raises
    ------
    ValueError
        If an argument is not as described.
    OSError
        While training, if the files cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     history = model.fit([[0.0]], [1.0], verbose=0, callbacks=[TensorBoard(folder)])
    ...     os.listdir(folder)
    ['train']
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
    ) -> None:
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = _checks.integer("histogram_freq", histogram_freq, 0)
        self.write_graph = _checks.boolean("write_graph", write_graph)
        self.write_steps_per_second = _checks.boolean(
            "write_steps_per_second", write_steps_per_second
        )
        _checks.only("write_images", write_images, False)
        _checks.only("profile_batch", profile_batch, 0)
        _checks.only("embeddings_freq", embeddings_freq, 0)
        _checks.only("embeddings_metadata", embeddings_metadata, None)
        if update_freq not in ("epoch", "batch"):
            _checks.integer("update_freq, if not 'epoch' or 'batch',", update_freq, 1)
        self.update_freq: Any = 1 if update_freq == "batch" else update_freq
        self._writers: dict[str, Any] = {}
        self._batches = 0
        self._batch_began = self._epoch_began = 0.0
        self._steps_before = 0
        if self.update_freq == "epoch":
            self._idle = (TensorBoard.on_train_batch_begin, TensorBoard.on_train_batch_end)

    def _writer(self, which: str) -> Any:
        if which not in self._writers:
            from .events import EventWriter

            self._writers[which] = EventWriter(os.path.join(self.log_dir, which))
        return self._writers[which]

    def _steps(self) -> int:
        return int(self.model.optimizer.iterations)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self._batches = 0

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        self._batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.update_freq == "epoch" or self._batches % self.update_freq:
            return
        values = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._batch_began
            values["batch_steps_per_second"] = 1.0 / max(seconds, 1e-9)
        self._write("train", values, self._batches)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_began = time.perf_counter()
        self._steps_before = self._steps()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        train["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_began
            train["steps_per_second"] = (self._steps() - self._steps_before) / max(seconds, 1e-9)
        self._write("train", {f"epoch_{name}": value for name, value in train.items()}, epoch)
        validation = {
            f"epoch_{name[4:]}": value for name, value in logs.items() if name.startswith("val_")
        }
        if validation:
            self._write("validation", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self._writer("train").histogram(f"{weight.path}/histogram", weight, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self.model.optimizer is not None:
            values = {
                f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()
            }
            self._write("validation", values, self._steps())
            self._writer("validation").flush()

    def _write(self, which: str, values: Logs, step: int) -> None:
        for name, value in values.items():
            if np.ndim(value) == 0:  # a metric of several numbers has no place in a curve
                self._writer(which).scalar(name, float(value), step)
