"""The loops behind fit, evaluate and predict: chunks of steps, with callbacks in between.

The engine runs a chunk of steps by itself; between two chunks the bar moves, signals are seen and
callbacks run. A chunk is about 50 ms of work, or one step when a callback asks for batches.
Where nobody looks at the end of an epoch, a chunk holds as many short ones as fit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..binding import Binding
from ..callbacks.callback_list import CallbackList
from ..engine import Data, Float64Array, StepsResult
from ..engine import Loss as LoweredLoss
from ..progress import Progress
from .data import batches, take
from .tracker import Tracker, batch_losses

if TYPE_CHECKING:
    from .compiled import CompiledModel

# Ctrl-C and the bar wait for a chunk; 50 ms is below what a person notices.
_CHUNK_SECONDS = 0.05
_FIRST_CHUNK = 4  # steps, before anything has been timed
_LARGEST_GROWTH = 8  # so that one mistimed chunk does not lead to a very long one


class Trainer:
    """Runs training epochs of a compiled model over one set.

    Parameters
    ----------
    model : CompiledModel
        Compiled and built.
    data : Data
        The training set.
    batch_size : int
        Rows of a batch; the last of an epoch may be shorter.
    shuffle : bool
        Whether each epoch visits the rows in a new order.
    callbacks, progress
        What is told about each batch or chunk.
    tracker : Tracker
        Keeps the epoch's loss and metrics.
    """

    def __init__(
        self,
        model: CompiledModel,
        data: Data,
        batch_size: int,
        shuffle: bool,
        callbacks: CallbackList,
        progress: Progress,
        tracker: Tracker,
    ) -> None:
        self._model = model
        self._tracker = tracker
        self._data = data
        self._batch_size = batch_size
        self._steps = -(-len(data.x) // batch_size)
        self._shuffle = shuffle
        self._callbacks = callbacks
        self._progress = progress
        self._by_batch = callbacks.wants(
            "on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"
        )
        self._chunk = 1 if self._by_batch else _FIRST_CHUNK

    def run(
        self, first: int, epochs: int, validate: Callable[[int], dict[str, float]] | None
    ) -> None:
        """Run the epochs [first, epochs); ``validate`` gives what its logs hold besides loss and
        metrics, by the number of the epoch from 1."""
        model, callbacks, progress = self._model, self._callbacks, self._progress
        model.stop_training = False
        logs: dict[str, float] = {}
        try:
            callbacks.call("on_train_begin", {})
            callbacks.call("_after_train_begin")
            unwatched = validate is None and type(progress) is Progress and callbacks.only_record()
            # Where training goes on that was killed, as a callback has just found out.
            (epoch, done), model._resume_at = model._resume_at or (first, 0), None
            while epoch < epochs:
                if unwatched and not done and self._chunk >= self._steps:
                    for logs in self._run_epochs(min(self._chunk // self._steps, epochs - epoch)):
                        callbacks.call("on_epoch_end", epoch, logs)
                        epoch += 1
                    continue
                callbacks.call("on_epoch_begin", epoch, {})
                heading = f"Epoch {epoch + 1}/{epochs}" if epochs > 1 else None
                progress.begin(heading, self._steps)
                logs, done = self._run_epoch(done), 0
                if validate is not None:
                    logs.update(validate(epoch + 1))
                callbacks.call("on_epoch_end", epoch, logs)
                progress.end(logs)
                callbacks.call("_after_epoch")
                epoch += 1
                if model.stop_training:
                    break
            self._finish()
            callbacks.call("on_train_end", logs)
        except BaseException:
            self._finish()
            raise
        finally:
            progress.close()

    def _finish(self) -> None:
        """Averages become the weights, also after an interrupt, as in Keras."""
        model = self._model
        assert model.optimizer is not None
        model.optimizer.finalize_variable_values(model.trainable_weights)

    def _run_epoch(self, done: int) -> dict[str, float]:
        """Train over all rows once, but for the first ``done`` batches; loss and metrics of the
        rest of the epoch."""
        tracker, batch_size = self._tracker, self._batch_size
        binding = self._model._bind()
        order = self._order(binding, -done)
        tracker.reset()
        logs: dict[str, float] = {}
        while done < self._steps and not self._model.stop_training:
            count = min(self._chunk, self._steps - done)
            if self._by_batch:
                self._callbacks.call("on_train_batch_begin", done, logs={})
            started = time.perf_counter()
            rows = order[done * batch_size : (done + count) * batch_size]
            recorded = train_steps(
                self._model, binding, self._data, rows, batch_size, count, tracker.needs_outputs
            )
            track(tracker, self._data, rows, batch_size, recorded)
            self._adapt(count, time.perf_counter() - started)
            done += count
            logs = tracker.result()
            if self._by_batch:
                self._callbacks.call("on_train_batch_end", done - 1, logs=logs)
            self._callbacks.call("_on_pause")
            self._progress.update(done, logs)
        return logs

    def _run_epochs(self, count: int) -> Iterator[dict[str, float]]:
        """Train over all rows ``count`` times in one go; loss and metrics of each epoch."""
        tracker, steps = self._tracker, count * self._steps
        binding = self._model._bind()
        started = time.perf_counter()
        orders = np.stack([self._order(binding, epoch * self._steps) for epoch in range(count)])
        recorded = train_steps(
            self._model, binding, self._data, orders, self._batch_size, steps, tracker.needs_outputs
        )
        self._adapt(steps, time.perf_counter() - started)
        outputs = [None] * count if recorded.outputs is None else np.split(recorded.outputs, count)
        for order, losses, shown in zip(
            orders, np.split(recorded.losses, count), outputs, strict=True
        ):
            tracker.reset()
            track(tracker, self._data, order, self._batch_size, StepsResult(losses, shown))
            yield tracker.result()

    def _order(self, binding: Binding, ahead: int) -> NDArray[np.int64]:
        """The rows in the order in which the epoch that begins ``ahead`` steps from now visits
        them; negative if it has begun."""
        n = len(self._data.x)
        if not self._shuffle:
            return np.arange(n, dtype=np.int64)
        assert self._model.optimizer is not None
        step = int(self._model.optimizer.steps) + ahead
        return binding.engine.permutation(self._model._shuffle_seed, step, n)

    def _adapt(self, steps: int, seconds: float) -> None:
        """Choose the next chunk from the time of the last."""
        if not self._by_batch:
            fitting = int(_CHUNK_SECONDS * steps / max(seconds, 1e-9))
            self._chunk = max(1, min(fitting, _LARGEST_GROWTH * self._chunk))


def train_steps(
    model: CompiledModel,
    binding: Binding,
    data: Data,
    rows: NDArray[np.int64],
    batch_size: int,
    steps: int,
    record_outputs: bool,
) -> StepsResult:
    """Run ``steps`` steps over ``rows``: (n,), or (E, n) for E epochs."""
    optimizer = model.optimizer
    assert optimizer is not None
    if int(optimizer.steps) == 0:
        optimizer.begin(v for v in model.weights if v.trainable)

    def run(rows: NDArray[np.int64], steps: int) -> StepsResult:
        rates = optimizer.rates(steps)
        return binding.train(data, rows, batch_size, rates, optimizer.steps, record_outputs)

    if not optimizer.asks_each_step:
        return run(rows, steps)
    done = [
        run(order[start:stop], 1)
        for order in np.atleast_2d(rows)
        for start, stop in batches(len(order), batch_size)
    ]
    losses = np.concatenate([each.losses for each in done])
    outputs = [each.outputs for each in done if each.outputs is not None]
    return StepsResult(losses, np.concatenate(outputs) if outputs else None)


def track(
    tracker: Tracker, data: Data, rows: NDArray[np.int64], batch_size: int, recorded: StepsResult
) -> None:
    """Add what steps over ``rows`` (n,) recorded to the loss and metrics."""
    tracker.update_loss(recorded.losses, len(rows), batch_size)
    if recorded.outputs is not None:
        weights = None if data.sample_weight is None else data.sample_weight[rows]
        tracker.update_metrics(data.targets[rows], recorded.outputs, weights)


def evaluate_set(
    tracker: Tracker,
    binding: Binding,
    loss: LoweredLoss,
    data: Data,
    batch_size: int,
    callbacks: CallbackList,
) -> dict[str, float]:
    """Loss and metrics over a set, as Keras has them from batches of ``batch_size``."""
    by_batch = callbacks.wants("on_test_batch_begin", "on_test_batch_end")
    n = len(data.x)
    tracker.reset()
    callbacks.call("on_test_begin", {})
    logs: dict[str, float] = {}
    for batch, (start, stop) in enumerate(batches(n, batch_size if by_batch else n)):
        part = take(data, start, stop)
        if by_batch:
            callbacks.call("on_test_batch_begin", batch, logs={})
        losses, outputs = binding.engine.evaluate(part)
        reduced = batch_losses(loss, losses, part, batch_size)
        tracker.update_loss(reduced, stop - start, batch_size)
        tracker.update_metrics(part.targets, outputs, part.sample_weight)
        logs = tracker.result()
        if by_batch:
            callbacks.call("on_test_batch_end", batch, logs=logs)
    callbacks.call("on_test_end", logs)
    return logs


def predict_rows(
    binding: Binding, rows: NDArray[Any], batch_size: int, callbacks: CallbackList
) -> Float64Array:
    """Outputs (N, K) of rows (N, F): one call of the engine unless a callback asks for batches."""
    callbacks.call("on_predict_begin", {})
    if callbacks.wants("on_predict_batch_begin", "on_predict_batch_end"):
        parts = []
        for batch, (start, stop) in enumerate(batches(len(rows), batch_size)):
            callbacks.call("on_predict_batch_begin", batch, logs={})
            parts.append(binding.engine.predict(rows[start:stop]))
            callbacks.call("on_predict_batch_end", batch, logs={"outputs": parts[-1]})
        outputs = np.concatenate(parts)
    else:
        outputs = binding.engine.predict(rows)
    callbacks.call("on_predict_end", {})
    return outputs
