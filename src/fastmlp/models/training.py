"""The loops behind fit, evaluate and predict: chunks of steps, with callbacks in between.

The engine runs a chunk of steps by itself; between two chunks the bar moves, signals are seen and
callbacks run. A chunk is about 50 ms of work, or one step when a callback asks for batches.
Where nobody looks at the end of an epoch, a chunk holds as many short ones as fit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..binding import Binding
from ..callbacks.callback_list import CallbackList
from ..engine import Data, Float64Array, StepsResult
from ..engine.rows import dense_rows
from ..layers.penalties import held_by_python, hold
from ..losses.user import values_of
from ..progress import Progress
from .data import gradients_as_targets
from .feed import ArrayFeed, Chunk, Feed
from .samples import finite
from .tracker import Tracker, batch_losses

if TYPE_CHECKING:
    from .compiled import CompiledModel
    from .second_order import Stepper

# Ctrl-C and the bar wait for a chunk; 50 ms is below what a person notices.
_CHUNK_SECONDS = 0.05
_FIRST_CHUNK = 4  # steps, before anything has been timed
_LARGEST_GROWTH = 8  # so that one mistimed chunk does not lead to a very long one


class Trainer:
    """Runs training epochs of a compiled model.

    Parameters
    ----------
    model : CompiledModel
        Compiled and built.
    feed : Feed
        Where the batches come from.
    callbacks, progress
        What is told about each batch or chunk.
    tracker : Tracker
        Keeps the epoch's loss and metrics.
    own : Stepper or None
        What runs the steps, if the optimizer does not leave that to the engine.
    """

    def __init__(
        self,
        model: CompiledModel,
        feed: Feed,
        callbacks: CallbackList,
        progress: Progress,
        tracker: Tracker,
        own: Stepper | None,
    ) -> None:
        self._model = model
        self._own = own
        self._tracker = tracker
        self._feed = feed
        self._callbacks = callbacks
        self._progress = progress
        self._by_batch = callbacks.wants(
            "on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"
        )
        # A callback that asks for batches is told of so many at once, as in Keras.
        self._chunk = model.steps_per_execution if self._by_batch else _FIRST_CHUNK
        if self._own is not None:
            self._chunk = 1

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
            model._is_settled = callbacks.only_record()
            while epoch < epochs:
                several = self._fitting_epochs(epochs - epoch) if unwatched and not done else 0
                if several:
                    for logs in self._run_epochs(several):
                        callbacks.call("on_epoch_end", epoch, logs)
                        epoch += 1
                    continue
                callbacks.call("on_epoch_begin", epoch, {})
                heading = f"Epoch {epoch + 1}/{epochs}" if epochs > 1 else None
                progress.begin(heading, self._feed.steps)
                found, done = self._run_epoch(done), 0
                if found is None:
                    break
                logs = found
                if validate is not None:
                    logs.update(validate(epoch + 1))
                callbacks.call("on_epoch_end", epoch, logs)
                progress.end(logs)
                callbacks.call("_after_epoch")
                epoch += 1
                if model.stop_training:
                    break
            self._finish()
            if self._own is not None:
                self._own.end("callback" if model.stop_training else "epochs", progress)
            callbacks.call("on_train_end", logs)
        except BaseException:
            self._finish()
            if self._own is not None:
                self._own.end("interrupted", progress)
            raise
        finally:
            progress.close()

    def _finish(self) -> None:
        """Averages become the weights, also after an interrupt, as in Keras."""
        model = self._model
        model._is_settled = False
        assert model.optimizer is not None
        model.optimizer.finalize_variable_values(model.trainable_weights)

    def _run_epoch(self, done: int) -> dict[str, float] | None:
        """Train for an epoch but for its first ``done`` batches; loss and metrics of the rest, or
        None if there were no more data."""
        tracker, feed = self._tracker, self._feed
        tracker.reset()
        logs: dict[str, float] | None = None
        feed.begin(done)
        while not self._model.stop_training:
            chunk = feed.take(self._chunk)
            if chunk is None:
                break
            if self._by_batch:
                self._callbacks.call("on_train_batch_begin", done, logs={})
            started = time.perf_counter()
            recorded = self._train(chunk, tracker.needs_outputs)
            track(tracker, chunk.data, chunk.rows, chunk.batch_size, recorded)
            self._adapt(chunk.steps, time.perf_counter() - started)
            done += chunk.steps
            logs = tracker.result()
            if self._own is not None:
                logs |= self._own.logs
            if self._by_batch:
                self._callbacks.call("on_train_batch_end", done - 1, logs=logs)
            self._callbacks.call("_on_pause")
            self._progress.update(done, logs)
        feed.end()
        if self._own is not None and logs is not None:
            self._own.end_epoch(logs["loss"])
        return logs

    def _train(self, chunk: Chunk, record_outputs: bool) -> StepsResult:
        """Run the chunk's steps."""
        if self._own is None:
            return train_chunk(self._model, chunk, record_outputs)
        return self._own.run(chunk, record_outputs, in_batches=self._feed.steps != 1)

    def _fitting_epochs(self, most: int) -> int:
        """How many epochs to run in one go, none if they are too long for that."""
        feed = self._feed
        if self._own is not None or not isinstance(feed, ArrayFeed) or not feed.whole:
            return 0
        return min(self._chunk // feed.steps, most)

    def _run_epochs(self, count: int) -> Iterator[dict[str, float]]:
        """Train over all rows ``count`` times in one go; loss and metrics of each epoch."""
        feed, tracker = self._feed, self._tracker
        assert isinstance(feed, ArrayFeed)
        steps = count * feed.steps
        started = time.perf_counter()
        orders = np.stack([feed.order(epoch * feed.steps) for epoch in range(count)])
        chunk = Chunk(feed.data, feed.batch_size, steps, orders)
        recorded = train_chunk(self._model, chunk, tracker.needs_outputs)
        self._adapt(steps, time.perf_counter() - started)
        outputs = [None] * count if recorded.outputs is None else np.split(recorded.outputs, count)
        for order, losses, shown in zip(
            orders, np.split(recorded.losses, count), outputs, strict=True
        ):
            tracker.reset()
            track(tracker, feed.data, order, feed.batch_size, StepsResult(losses, shown))
            yield tracker.result()

    def _adapt(self, steps: int, seconds: float) -> None:
        """Choose the next chunk from the time of the last."""
        if not self._by_batch and self._own is None:
            fitting = int(_CHUNK_SECONDS * steps / max(seconds, 1e-9))
            self._chunk = max(1, min(fitting, _LARGEST_GROWTH * self._chunk))


def own_steps(model: CompiledModel, feed: Feed | None = None) -> Stepper | None:
    """What runs the steps of an optimizer that moves the weights by itself; None for others.

    Raises
    ------
    ValueError
        If the model cannot be trained by it, or not on what the feed gives.
    """
    if model.optimizer is None or not model.optimizer.moves_by_itself:
        return None
    from .second_order import Stepper  # here, as few programs need it

    return Stepper(model, feed)


def train_chunk(model: CompiledModel, chunk: Chunk, record_outputs: bool) -> StepsResult:
    """Run the chunk's steps; its rows may be (E, n) for E epochs."""
    optimizer = model.optimizer
    assert optimizer is not None
    if int(optimizer.steps) == 0:
        optimizer.begin(v for v in model.weights if v.trainable)
    binding, size = model._bind(), chunk.batch_size
    trained = model.trainable_weights
    held = held_by_python(trained)

    loss = model._loss
    by_python = loss is not None and loss.is_python

    def run(rows: NDArray[np.int64], steps: int) -> StepsResult:
        rates, data, values = optimizer.rates(steps), chunk.data, 0.0
        if by_python:
            data, values = with_gradients(model, binding, chunk.data, rows)
            rows = np.arange(len(rows), dtype=np.int64)
        done = binding.train(data, rows, size, rates, optimizer.steps, record_outputs)
        if by_python:
            done = StepsResult(done.losses + values, done.outputs)
        hold(held)
        if done.outputs is None:
            return done
        return StepsResult(done.losses, done.outputs.reshape(-1, *model.output_shape[1:]))

    if not (optimizer.asks_each_step or held or by_python):
        return run(chunk.rows, chunk.steps)
    done = [
        run(order[start : start + size], 1)
        for order in np.atleast_2d(chunk.rows)
        for start in range(0, len(order), size)
    ]
    losses = np.concatenate([each.losses for each in done])
    outputs = [each.outputs for each in done if each.outputs is not None]
    return StepsResult(losses, np.concatenate(outputs) if outputs else None)


def with_gradients(
    model: CompiledModel, binding: Binding, data: Data, rows: NDArray[np.int64]
) -> tuple[Data, float]:
    """The samples ``rows`` (B,) as a batch whose targets are the gradients of a loss written in
    Python, at the outputs that the coming step will have; and the batch's loss."""
    loss, optimizer, lowered = model._loss, model.optimizer, model._lowered_loss
    assert loss is not None
    assert optimizer is not None
    assert lowered is not None
    x = data.x[rows] if isinstance(data.x, np.ndarray) else dense_rows(data.x, rows)
    outputs = binding.engine.predict(x, int(optimizer.steps)).reshape(-1, *model.output_shape[1:])
    return gradients_as_targets(loss, lowered, data, rows, outputs)


def track(
    tracker: Tracker, data: Data, rows: NDArray[np.int64], batch_size: int, recorded: StepsResult
) -> None:
    """Add what steps over ``rows`` (n,) recorded to the loss and metrics."""
    tracker.update_loss(recorded.losses, len(rows), batch_size)
    if recorded.outputs is not None:
        weights = None if data.sample_weight is None else data.sample_weight[rows]
        tracker.update_metrics(data.labels(rows), recorded.outputs, weights, batch_size)


def evaluate_feed(
    model: CompiledModel,
    tracker: Tracker,
    feed: Feed,
    callbacks: CallbackList,
    progress: Progress,
) -> dict[str, float]:
    """Loss and metrics over an epoch of a feed, as Keras has them from its batches."""
    loss = model._lowered_loss
    assert loss is not None
    by_batch = callbacks.wants("on_test_batch_begin", "on_test_batch_end")
    tracker.reset()
    callbacks.call("on_test_begin", {})
    logs: dict[str, float] = {}
    done = 0
    for chunk in _chunks(feed, model.steps_per_execution if by_batch else sys.maxsize):
        data = chunk.data
        if by_batch:
            callbacks.call("on_test_batch_begin", done, logs={})
        binding = model._bind()
        losses, outputs = evaluated(model, binding, data, chunk.batch_size)
        reduced = batch_losses(loss, losses, data, chunk.batch_size)
        if binding.penalized:
            reduced += batch_penalties(binding, data, chunk.batch_size)
        tracker.update_loss(reduced, len(data.x), chunk.batch_size)
        tracker.update_metrics(
            data.labels(slice(None)), outputs, data.sample_weight, chunk.batch_size
        )
        done += chunk.steps
        logs = tracker.result()
        if by_batch:
            callbacks.call("on_test_batch_end", done - 1, logs=logs)
        progress.update(done, logs)
    callbacks.call("on_test_end", logs)
    return logs


def evaluated(
    model: CompiledModel, binding: Binding, data: Data, size: int
) -> tuple[Float64Array, Float64Array]:
    """The losses and outputs of the samples, as after training; a loss written in Python is asked
    for batches of ``size``."""
    loss, shape = model._loss, model.output_shape[1:]
    assert loss is not None
    if not loss.is_python:
        losses, outputs = binding.engine.evaluate(data)
        return losses, outputs.reshape(-1, *shape)
    outputs = binding.engine.predict(data.x).reshape(-1, *shape)
    labels, weighted = data.labels(slice(None)), data.sample_weight is not None
    batches = range(0, len(outputs), size)
    found = [
        values_of(loss, labels[at : at + size], outputs[at : at + size], weighted) for at in batches
    ]
    return np.concatenate(found), outputs


def batch_penalties(binding: Binding, data: Data, size: int) -> Float64Array:
    """What regularizers add to the loss of each batch of ``size`` samples."""
    of_weights, costs = binding.engine.penalties(data.x)
    starts = np.arange(0, len(data.x), size)
    counts = np.minimum(size, len(data.x) - starts)
    result: Float64Array = of_weights + np.add.reduceat(costs.sum(axis=0), starts) / counts
    return result


def _chunks(feed: Feed, steps: int) -> Iterator[Chunk]:
    """An epoch's chunks of at most ``steps`` steps."""
    feed.begin()
    while (chunk := feed.take(steps)) is not None:
        yield chunk
    feed.end()


def predict_feed(
    model: CompiledModel, feed: Feed, callbacks: CallbackList, progress: Progress
) -> Float64Array:
    """Outputs (N, K) of an epoch of a feed."""
    by_batch = callbacks.wants("on_predict_batch_begin", "on_predict_batch_end")
    callbacks.call("on_predict_begin", {})
    parts: list[Float64Array] = []
    done = 0
    for chunk in _chunks(feed, model.steps_per_execution if by_batch else sys.maxsize):
        if by_batch:
            callbacks.call("on_predict_batch_begin", done, logs={})
        outputs = model._bind().engine.predict(chunk.data.x)
        outputs = outputs.reshape(-1, *model.output_shape[1:])
        # NaN in x shows in the few outputs; only then are the many inputs looked at.
        if not np.isfinite(outputs).all():
            finite("x", chunk.data.x)
        parts.append(outputs)
        done += chunk.steps
        if by_batch:
            callbacks.call("on_predict_batch_end", done - 1, logs={"outputs": outputs})
        progress.update(done, {})
    callbacks.call("on_predict_end", {})
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
