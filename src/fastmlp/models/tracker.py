"""The running loss and metrics of an epoch or an evaluation."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from .._locks import Lock
from ..engine import Data, Float64Array
from ..engine import Loss as LoweredLoss


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
        self, targets: NDArray[Any], outputs: Float64Array, weights: Float64Array | None
    ) -> None:
        """Take in outputs (N, K) with their targets and weights (N,)."""
        for metric in self.plain:
            metric.update_state(targets, outputs)
        for metric in self.weighted:
            metric.update_state(targets, outputs, weights)

    def result(self) -> dict[str, float]:
        """Name to value."""
        return {name: float(metric.result()) for name, metric in self._named}


def _metrics(argument: str, given: Any) -> list[metrics.Metric]:
    if given is None:
        return []
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"{argument} must be a list of metrics. Received: {argument}={given!r}")
    return [metrics.get(metric) for metric in given]


def _unique_names(plain: Sequence[metrics.Metric], weighted: Sequence[metrics.Metric]) -> list[str]:
    """Keras's keys: a weighted metric whose name is taken gets "weighted_" before it; a name
    still taken gets a number after it."""
    names = ["loss"]
    for metric, prefix in [(m, "") for m in plain] + [(m, "weighted_") for m in weighted]:
        name = metric.name if metric.name not in names else prefix + metric.name
        same = sum(n == name or n.startswith(f"{name}_") for n in names)
        names.append(f"{name}_{same}" if name in names else name)
    return names


def batch_losses(loss: LoweredLoss, losses: Float64Array, data: Data, size: int) -> Float64Array:
    """The reduced loss of each batch of ``size`` samples, from every sample's (N,)."""
    starts = np.arange(0, len(losses), size)
    weights = data.sample_weight
    sums = np.add.reduceat(losses if weights is None else losses * weights, starts)
    if loss.reduction == "sum":
        return sums
    if loss.reduction == "mean_with_sample_weight" and weights is not None:
        divisors = np.add.reduceat(weights, starts)
    else:
        divisors = np.minimum(size, len(losses) - starts).astype(np.float64)
    return np.divide(sums, divisors, out=np.zeros_like(sums), where=divisors != 0.0)
