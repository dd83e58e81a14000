"""Counts of true and false positives and negatives at thresholds.

Letters: T thresholds, L labels. An output is positive at a threshold that it exceeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config
from .ranks import Float64Array, broadcast_weights, floats, require_shape, same_rank

# Keras's mark for outputs that are not among the k largest, and the threshold below all others.
LOWEST = -1e10


def parse_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """Thresholds, one or several, as a list.

    Raises
    ------
    ValueError
        If one is not in [0, 1], or there is none.
    """
    if thresholds is None:
        return [default]
    given = thresholds if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    if len(given) == 0:
        raise ValueError("thresholds must hold a number at least. Received: thresholds=[]")
    checked = [_checks.number("thresholds", value, 0.0) for value in given]
    if max(checked) > 1.0:
        raise ValueError(f"thresholds must lie in [0, 1]. Received: thresholds={thresholds!r}")
    return checked


def are_even(thresholds: Sequence[float]) -> bool:
    """Whether three or more thresholds are 0, 1 / (T - 1), ..., 1, as closely as Keras asks."""
    count = len(thresholds)
    if count < 3:
        return False
    even = np.arange(count, dtype=np.float32) / (count - 1)
    return bool(np.allclose(thresholds, even, atol=config.epsilon()))


def even_thresholds(count: int) -> list[float]:
    """0, 1 / (T - 1), ..., 1."""
    inner = [(i + 1) * 1.0 / (count - 1) for i in range(count - 2)]
    return [0.0, *inner, 1.0]


class Thresholds:
    """Thresholds and how outputs find their place among them.

    Parameters
    ----------
    values : sequence of float
        T thresholds, in any order.
    even : bool
        Whether they are 0, 1 / (T - 1), ..., 1 in order, but for an epsilon at the ends: then the
        place of an output is found by Keras's rounding, ceil(output * (T - 1)).
    """

    def __init__(self, values: Sequence[float], even: bool) -> None:
        self.values = [float(value) for value in values]
        self._even = even
        self._order = np.argsort(self.values, kind="stable")
        self._sorted = np.array(self.values)[self._order]

    def __len__(self) -> int:
        return len(self.values)

    def _exceeded(self, outputs: Float64Array) -> NDArray[np.int64]:
        """How many thresholds each output exceeds; none, if it is NaN."""
        nan = np.isnan(outputs)
        if not self._even:
            below = np.searchsorted(self._sorted, outputs, side="left")
        else:
            clipped = np.clip(np.where(nan, 0.0, outputs), 0.0, 1.0)
            below = np.ceil(clipped * (len(self) - 1)).astype(np.int64)
            if self._sorted[0] < 0.0 or self._sorted[-1] > 1.0:
                below = np.maximum(below, 1)  # every output exceeds -epsilon
        exceeded: NDArray[np.int64] = np.where(nan, 0, below)
        return exceeded

    def above_and_below(
        self, exceeded: NDArray[np.int64], weights: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """Sums (T, L) of the weights (N, L) of the outputs above each threshold, and of the
        others."""
        labels = weights.shape[1]
        places = exceeded * labels + np.arange(labels)
        bins = np.bincount(places.ravel(), weights.ravel(), (len(self) + 1) * labels)
        # By the number of thresholds exceeded. (bincount of no numbers gives integers.)
        found = bins.reshape(len(self) + 1, labels).astype(np.float64)
        above, below = np.empty_like(found[1:]), np.empty_like(found[1:])
        above[self._order] = np.cumsum(found[:0:-1], axis=0)[::-1]
        below[self._order] = np.cumsum(found[:-1], axis=0)
        return above, below

    def counts(
        self, labels: Float64Array, outputs: Float64Array, weights: Float64Array | None
    ) -> dict[str, Float64Array]:
        """The four counts (T, L) of labels and outputs (N, L) with weights (N, L)."""
        exceeded = self._exceeded(outputs)
        positive = (labels != 0).astype(np.float64)
        negative = 1.0 - positive
        if weights is not None:
            positive, negative = positive * weights, negative * weights
        true_positives, false_negatives = self.above_and_below(exceeded, positive)
        false_positives, true_negatives = self.above_and_below(exceeded, negative)
        return {
            "true_positives": true_positives,
            "false_positives": false_positives,
            "true_negatives": true_negatives,
            "false_negatives": false_negatives,
        }


def counted_pair(
    y_true: Any, y_pred: Any, sample_weight: Any, top_k: int | None, class_id: int | None
) -> tuple[Float64Array, Float64Array, Float64Array | None]:
    """Labels, outputs and weights of one shape, of the classes that count."""
    outputs, labels = same_rank(floats("y_pred", y_pred), floats("y_true", y_true))
    require_shape(labels, outputs, np.shape(y_true), np.shape(y_pred))
    weights = None
    if sample_weight is not None:
        weights = floats("sample_weight", sample_weight)[..., None]
        weights = same_rank(labels, weights, expand_rank_1=False)[1]
    if top_k is not None:
        outputs = _largest(outputs, top_k)
    if class_id is not None:
        if outputs.ndim < 2 or class_id >= outputs.shape[-1]:
            raise ValueError(
                f"y_pred must have shape (samples, classes) with more than class_id={class_id} "
                f"classes. Received: y_pred of shape {outputs.shape}"
            )
        labels, outputs = labels[..., class_id, None], outputs[..., class_id, None]
    if weights is not None:
        weights = broadcast_weights(weights, outputs.shape)
    return labels, outputs, weights


def _largest(outputs: Float64Array, k: int) -> Float64Array:
    """The k largest of each row, of equals the first ones, and LOWEST elsewhere."""
    if outputs.ndim == 0 or outputs.shape[-1] < k:
        raise ValueError(
            f"y_pred must have at least top_k={k} classes. "
            f"Received: y_pred of shape {outputs.shape}"
        )
    places = np.argsort(-outputs, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(outputs, LOWEST)
    np.put_along_axis(kept, places, np.take_along_axis(outputs, places, axis=-1), axis=-1)
    return kept
