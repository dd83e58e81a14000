"""Normalizations that need no batch: rows by their own moments, a trained scale and shift by
column, columns by moments that are given."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Context, Float64Array, Operation, Role
from .stages import block_sum
from .word import word


@word(frozen=True)
class RowNormalization(Operation):
    """By row (x - mean) / sqrt(variance + epsilon) if ``center``, else
    x / sqrt(mean(x^2) + epsilon); if ``unit`` x / sqrt(max(sum(x^2), epsilon)).

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016; Zhang and Sennrich, "Root mean
    square layer normalization", NeurIPS 2019.
    """

    name: ClassVar[str] = "row_normalization"

    epsilon: float = 1e-3
    center: bool = True
    unit: bool = False

    def _parts(self, x: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
        """The differences from the mean (B, I), their squares' sum and what they are multiplied
        by, each (B, 1)."""
        d = x - x.mean(axis=1, keepdims=True) if self.center else x
        total = np.square(d).sum(axis=1, keepdims=True)
        if self.unit:
            return d, total, 1.0 / np.sqrt(np.maximum(total, self.epsilon))
        return d, total, 1.0 / np.sqrt(total / x.shape[1] + self.epsilon)

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        d, _, inverse = self._parts(x)
        return d * inverse

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        d, total, inverse = self._parts(x)
        normalized = d * inverse
        trend = (dy * normalized).sum(axis=1, keepdims=True)
        if self.unit:
            along = np.where(total > self.epsilon, normalized * trend, 0.0)
        else:
            along = normalized * (trend / x.shape[1])
            if self.center:
                along = along + dy.mean(axis=1, keepdims=True)
        result: Float64Array = inverse * (dy - along)
        return result


@word(frozen=True)
class Scaling(Operation):
    """y = x gamma + beta by column. Parameters, each (I,), trained: gamma if ``scale``, beta if
    ``center``."""

    name: ClassVar[str] = "scaling"

    scale: bool = True
    center: bool = True
    trainable: bool = True

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return [(inputs,)] * len(self.roles)

    @property
    def roles(self) -> tuple[Role, ...]:
        trained: Role = "trained"
        return (trained,) * (self.scale + self.center)

    def _gamma(self, parameters: list[Float64Array]) -> Float64Array | float:
        return parameters[0] if self.scale else 1.0

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        beta = parameters[-1] if self.center else 0.0
        return x * self._gamma(parameters) + beta

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return dy * self._gamma(parameters)

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        """gamma: the column sums of dy x; beta: those of dy."""
        gamma = [block_sum(len(x), lambda block: (dy[block] * x[block]).sum(axis=0))]
        beta = [block_sum(len(x), lambda block: dy[block].sum(axis=0))]
        return gamma * self.scale + beta * self.center


@word(frozen=True)
class Standardization(Operation):
    """(x - mean) / d by column, d = max(sqrt(variance), 1e-7); if ``invert`` x d + mean.
    Parameters, each (I,): mean and variance (state), which training leaves as they are."""

    name: ClassVar[str] = "standardization"

    invert: bool = False

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return [(inputs,), (inputs,)]

    @property
    def roles(self) -> tuple[Role, ...]:
        return ("state", "state")

    def factor(self, parameters: list[Float64Array]) -> Float64Array:
        """What the differences from the mean are multiplied by, (I,)."""
        deviation = np.maximum(np.sqrt(parameters[1]), 1e-7)
        return deviation if self.invert else 1.0 / deviation

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        factor = self.factor(parameters)
        return x * factor + parameters[0] if self.invert else (x - parameters[0]) * factor

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return dy * self.factor(parameters)

    def new_state(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> list[Float64Array]:
        return parameters
