"""Reductions: how the losses of B samples become the loss of their batch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Float64Array
from .word import Word, word


class Reduction(Word):
    """A factor for each sample, so that the sum of losses times factors is the batch's loss."""

    #: The name in the catalog of the C engine, and Keras's.
    name: ClassVar[str]

    def factors(self, weights: Float64Array) -> Float64Array:
        """What each sample's loss is multiplied by, (B,), from the samples' weights w (B,)."""
        raise NotImplementedError


@word(frozen=True)
class SumOverBatchSize(Reduction):
    """w / B."""

    name: ClassVar[str] = "sum_over_batch_size"

    def factors(self, weights: Float64Array) -> Float64Array:
        return weights / float(len(weights)) if len(weights) else weights


@word(frozen=True)
class Sum(Reduction):
    """w."""

    name: ClassVar[str] = "sum"

    def factors(self, weights: Float64Array) -> Float64Array:
        return weights


@word(frozen=True)
class MeanWithSampleWeight(Reduction):
    """w / sum(w), or all zero if the weights sum to zero."""

    name: ClassVar[str] = "mean_with_sample_weight"

    def factors(self, weights: Float64Array) -> Float64Array:
        total = weights.sum()
        return weights / total if total else np.zeros_like(weights)


REDUCTIONS: dict[str, Reduction] = {
    word.name: word for word in (SumOverBatchSize(), Sum(), MeanWithSampleWeight())
}
