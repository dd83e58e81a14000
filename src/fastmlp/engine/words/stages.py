"""Operations that work along rows or columns, with or without parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from .operation import GRADIENT_BLOCK, Context, Float64Array, Operation, Role
from .word import word


def block_sum(
    rows: int, part: Callable[[slice], Float64Array], block: int = GRADIENT_BLOCK
) -> Float64Array:
    """The sum of ``part(rows)`` over consecutive blocks of ``block`` rows by a binary tree: blocks
    2i and 2i + 1 first, then those sums, and so on; one without a partner goes up as it is."""
    sums = [part(slice(start, min(start + block, rows))) for start in range(0, max(rows, 1), block)]
    while len(sums) > 1:
        pairs = [a + b for a, b in zip(sums[::2], sums[1::2], strict=False)]
        sums = pairs + sums[2 * len(pairs) :]
    return sums[0]


@word(frozen=True)
class Dense(Operation):
    """y = x @ kernel + bias; kernel (inputs, outputs), bias (outputs,)."""

    name: ClassVar[str] = "dense"

    inputs: int
    outputs: int
    use_bias: bool = True
    trainable: bool = True

    def output_width(self, inputs: int) -> int:
        return self.outputs

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        kernel, bias = (self.inputs, self.outputs), (self.outputs,)
        return [kernel, bias] if self.use_bias else [kernel]

    @property
    def roles(self) -> tuple[Role, ...]:
        return ("trained", "trained") if self.use_bias else ("trained",)

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        product = x @ parameters[0]
        return product + parameters[1] if self.use_bias else product

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return dy @ parameters[0].T

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        """kernel (inputs, outputs): x.T @ dy; bias (outputs,): the column sums of dy."""
        size = context.gradient_block
        kernel = block_sum(len(x), lambda block: x[block].T @ dy[block], size)
        if not self.use_bias:
            return [kernel]
        return [kernel, block_sum(len(x), lambda block: dy[block].sum(axis=0), size)]

    def sample_gradients(
        self, x: Float64Array, dy: Float64Array, parameters: list[Float64Array], samples: int
    ) -> list[Float64Array]:
        """kernel (samples, inputs, outputs): the outer products of x and dy; bias: dy."""
        rows = x.reshape(samples, -1, self.inputs)
        slopes = dy.reshape(samples, -1, self.outputs)
        kernel = rows.transpose(0, 2, 1) @ slopes
        return [kernel, slopes.sum(axis=1)] if self.use_bias else [kernel]


@word(frozen=True)
class BatchNormalization(Operation):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, column by column. While training,
    mean and (biased) variance are those of the batch, and the moving ones become
    ``momentum`` times themselves plus (1 - momentum) times the batch's; otherwise, and where not
    trainable, they are the moving ones.

    Parameters, each (O,): gamma if ``scale``, beta if ``center`` (trained), moving mean, moving
    variance (state).

    Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by
    reducing internal covariate shift", ICML 2015, algorithms 1 and 2.
    """

    name: ClassVar[str] = "batch_normalization"

    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    trainable: bool = True

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return [(inputs,)] * len(self.roles)

    @property
    def roles(self) -> tuple[Role, ...]:
        trained: Role = "trained"
        return (*(trained,) * (self.scale + self.center), "state", "state")

    def _by_batch(self, context: Context) -> bool:
        return context.training and self.trainable

    def _moments(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> tuple[Float64Array, Float64Array]:
        """mean and 1 / sqrt(variance + epsilon), each (O,)."""
        mean, variance = parameters[-2:]
        if self._by_batch(context):
            mean, variance = x.mean(axis=0), x.var(axis=0)
        return mean, 1.0 / np.sqrt(variance + self.epsilon)

    def _gamma(self, parameters: list[Float64Array]) -> Float64Array | float:
        return parameters[0] if self.scale else 1.0

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        mean, inverse = self._moments(x, parameters, context)
        beta = parameters[int(self.scale)] if self.center else 0.0
        return (x - mean) * (inverse * self._gamma(parameters)) + beta

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        mean, inverse = self._moments(x, parameters, context)
        scale = inverse * self._gamma(parameters)
        if not self._by_batch(context):
            return dy * scale
        normalized = (x - mean) * inverse
        trend = (dy * normalized).mean(axis=0)
        result: Float64Array = scale * (dy - dy.mean(axis=0) - normalized * trend)
        return result

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        """gamma: the column sums of dy times what was normalized; beta: those of dy."""
        mean, inverse = self._moments(x, parameters, context)
        product = dy * ((x - mean) * inverse)
        gamma = [block_sum(len(x), lambda block: product[block].sum(axis=0))]
        beta = [block_sum(len(x), lambda block: dy[block].sum(axis=0))]
        return gamma * self.scale + beta * self.center

    def new_state(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> list[Float64Array]:
        moving = parameters[-2:]
        if not self._by_batch(context):
            return moving
        fresh = (x.mean(axis=0), x.var(axis=0))
        return [
            m * self.momentum + f * (1.0 - self.momentum)
            for m, f in zip(moving, fresh, strict=True)
        ]
