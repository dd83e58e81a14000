"""The running loss and metrics of an epoch or an evaluation."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from .._locks import Lock
from ..engine import Data, Float64Array
from ..engine import Loss as LoweredLoss
from ..metrics.by_shapes import chosen_by_shapes
from .data import targets_by_row


class Tracker:
    """Loss first, then ``metrics``, then ``weighted_metrics``.

    Parameters
    ----------
    plain, weighted : list or None
        Metrics that ignore and that use sample weights; names, instances or functions.

    Raises
    ------
    ValueError, TypeError
        If they are not lists of metrics.
    """

    def __init__(self, plain: Any, weighted: Any) -> None:
        self.loss = metrics.Mean(name="loss")
        self.plain = _metrics("metrics", plain)
        self.weighted = _metrics("weighted_metrics", weighted)
        self.names = _unique_names(self.plain, self.weighted)
        self._named = list(zip(self.names, (self.loss, *self.plain, *self.weighted), strict=True))
        self._in_use = Lock()

    @contextmanager
    def borrowed(self) -> Iterator[Tracker]:
        """This tracker, for one run; a copy while another thread's run uses it."""
        if not self._in_use.acquire(blocking=False):
            yield copy.deepcopy(self)
            return
        try:
            yield self
        finally:
            self._in_use.release()

    @property
    def needs_outputs(self) -> bool:
        """Whether there is a metric that looks at outputs."""
        return len(self.names) > 1

    def reset(self) -> None:
        """Start anew."""
        for _, metric in self._named:
            metric.reset_state()

    def update_loss(self, losses: Float64Array, samples: int, batch_size: int) -> None:
        """Take in the losses of successive batches of ``samples`` samples altogether; each counts
        as many times as it has samples (Keras's loss tracker)."""
        sizes = np.full(len(losses), float(batch_size))
        sizes[-1] = samples - batch_size * (len(losses) - 1)
        self.loss.update_state(losses, sizes)

    def update_metrics(
        self,
        targets: NDArray[Any],
        outputs: Float64Array,
        weights: Float64Array | None,
        batch_size: int,
    ) -> None:
        """Take in outputs (N, ..., K) of successive batches with their targets and weights
        (N, ...).

        Metrics see batch by batch, as in Keras, unless portions of any size give the same bits.
        """
        if weights is not None:
            weights = weights.reshape(outputs.shape[:-1])
        for metric in self.plain:
            _update(metric, targets, outputs, None, batch_size)
        for metric in self.weighted:
            _update(metric, targets, outputs, weights, batch_size)

    def result(self) -> dict[str, Any]:
        """Name to number, or to array; what a metric gives as a dict comes last, by its keys."""
        logs: dict[str, Any] = {}
        parts: dict[str, Any] = {}
        for name, metric in self._named:
            value = metric.result()
            if isinstance(value, Mapping):
                parts.update(value)
            else:
                logs[name] = _plain(value)
        return logs | {name: _plain(parts[name]) for name in sorted(parts)}


def _plain(value: Any) -> Any:
    """A float, or an array of several numbers (Keras's logs)."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else np.array(array)


def _update(
    metric: metrics.Metric,
    targets: NDArray[Any],
    outputs: Float64Array,
    weights: Float64Array | None,
    batch_size: int,
) -> None:
    size = len(outputs) if metric.takes_portions(weights) else batch_size
    for start in range(0, len(outputs), max(size, 1)):
        rows = slice(start, start + size)
        if weights is None:
            metric.update_state(targets[rows], outputs[rows])
        else:
            metric.update_state(targets[rows], outputs[rows], weights[rows])


def _metrics(argument: str, given: Any) -> list[metrics.Metric]:
    if given is None:
        return []
    if not isinstance(given, (list, tuple, Mapping)):
        raise ValueError(
            f"{argument} must be a list of metrics, or a dict of them by the name of the output. "
            f"Received: {argument}={given!r}"
        )
    return [_metric(argument, identifier) for identifier in _flat(given)]


def _flat(given: Any) -> Iterator[Any]:
    """What is in nested lists and dicts, which for a single output mean one list; dicts in the
    order of their keys (Keras's rule)."""
    if isinstance(given, Mapping):
        given = [given[key] for key in sorted(given)]
    if not isinstance(given, (list, tuple)):
        yield given
        return
    for part in given:
        yield from _flat(part)


def _metric(argument: str, identifier: Any) -> metrics.Metric:
    """The metric that is meant, with the name under which logs have it."""
    if identifier is None:
        raise ValueError(f"{argument} must hold metrics. Received: {argument} with None")
    if not isinstance(identifier, str):
        return metrics.get(identifier)
    metric = chosen_by_shapes(identifier) or metrics.get(identifier)
    metric.name = identifier  # Keras: the key in logs is the word as it was given
    return metric


def _unique_names(plain: Sequence[metrics.Metric], weighted: Sequence[metrics.Metric]) -> list[str]:
    """Keras's keys: a weighted metric whose name is taken gets "weighted_" before it; a name
    still taken gets a number after it."""
    names = ["loss"]
    for metric, prefix in [(m, "") for m in plain] + [(m, "weighted_") for m in weighted]:
        name = metric.name if metric.name not in names else prefix + metric.name
        numbered, number = name, 0
        while numbered in names:
            number += 1
            numbered = f"{name}_{number}"
        names.append(numbered)
    return names


def batch_losses(loss: LoweredLoss, losses: Float64Array, data: Data, size: int) -> Float64Array:
    """The reduced loss of each batch of ``size`` samples, from every sample's (N,), or from those
    of the rows of their outputs (N S,)."""
    size *= len(losses) // len(data.x)
    starts = np.arange(0, len(losses), size)
    weights = None if data.sample_weight is None else data.sample_weight.ravel()
    labels = targets_by_row(data.targets, len(losses)) if loss.class_indices else None
    counted = None if labels is None else loss.counted(labels)
    sums = loss.weight * np.add.reduceat(losses if weights is None else losses * weights, starts)
    if loss.reduction == "sum":
        return sums
    if loss.reduction == "mean_with_sample_weight" and weights is not None:
        divisors = np.add.reduceat(weights if counted is None else weights * counted, starts)
    elif counted is not None:
        divisors = np.add.reduceat(counted.astype(np.float64), starts)
    else:
        divisors = np.minimum(size, len(losses) - starts).astype(np.float64)
    return np.divide(sums, divisors, out=np.zeros_like(sums), where=divisors != 0.0)
