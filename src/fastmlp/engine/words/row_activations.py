"""Activations along whole rows, without parameters, and the rectifier with a trained slope."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .activations import Sigmoid, sigmoid
from .operation import Context, Float64Array, Operation, Role
from .stages import block_sum
from .word import word


def softmax(x: Float64Array) -> Float64Array:
    """exp(x - max(x)) / sum(exp(x - max(x))) along the last axis."""
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Float64Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


@word(frozen=True)
class Softmax(Operation):
    """Row-wise softmax, exp(x - max(x)) / sum(exp(x - max(x)))."""

    name: ClassVar[str] = "softmax"

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return softmax(x)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        result: Float64Array = y * (dy - (dy * y).sum(axis=-1, keepdims=True))
        return result


@word(frozen=True)
class LogSoftmax(Operation):
    """Row-wise logarithm of the softmax, x - max(x) - log(sum(exp(x - max(x))))."""

    name: ClassVar[str] = "log_softmax"

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        shifted = x - x.max(axis=-1, keepdims=True)
        result: Float64Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return result

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        result: Float64Array = dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)
        return result


@word(frozen=True)
class Sparsemax(Operation):
    """Row-wise max(x - tau, 0), tau such that the sum is 1.

    With x sorted downwards, the support are the first k of which 1 + k x_k > x_1 + ... + x_k, and
    tau = (x_1 + ... + x_k - 1) / k.

    Source: Martins, Astudillo, "From softmax to sparsemax", ICML 2016, algorithm 1.
    """

    name: ClassVar[str] = "sparsemax"

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        shifted = x - x.max(axis=-1, keepdims=True)
        down = -np.sort(-shifted, axis=-1)
        sums = np.cumsum(down, axis=-1)
        inside = 1.0 + np.arange(1, x.shape[-1] + 1) * down > sums
        k = np.maximum(inside.sum(axis=-1, keepdims=True), 1)
        tau = (np.take_along_axis(sums, k - 1, axis=-1) - 1.0) / k
        result: Float64Array = np.maximum(shifted - tau, 0.0)
        return result

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        """On the support dy less its mean there."""
        support = ~(y <= 0)
        mean = np.where(support, dy, 0.0).sum(axis=-1, keepdims=True) / support.sum(
            axis=-1, keepdims=True
        )
        return np.where(support, dy - mean, 0.0)


@word(frozen=True)
class Glu(Operation):
    """a * sigmoid(g), a and g the halves of a row.

    Source: Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks",
    ICML 2017.
    """

    name: ClassVar[str] = "glu"

    def output_width(self, inputs: int) -> int:
        return inputs // 2

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        a, g = np.split(x, 2, axis=-1)
        return a * sigmoid(g)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        a, g = np.split(x, 2, axis=-1)
        return np.concatenate([dy * sigmoid(g), dy * a * Sigmoid().slope(g, g)], axis=-1)


@word(frozen=True)
class Prelu(Operation):
    """x above 0, else alpha * x. Of columns counted as (outer, shared, inner), those of equal outer
    and inner share an alpha: alpha (outer * inner,).

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.
    """

    name: ClassVar[str] = "prelu"

    shared: int = 1
    inner: int = 1
    trainable: bool = True

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return [(inputs // self.shared,)]

    @property
    def roles(self) -> tuple[Role, ...]:
        return ("trained",)

    def _spread(self, alpha: Float64Array) -> Float64Array:
        """The alpha of each column, (I,)."""
        parts = np.broadcast_to(
            alpha.reshape(-1, 1, self.inner),
            (alpha.size // self.inner, self.shared, self.inner),
        )
        return parts.reshape(-1)

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return np.where(x > 0, x, self._spread(parameters[0]) * x)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        """The slope at 0 is 0, as in Keras."""
        slope = np.where(x > 0, 1.0, np.where(x < 0, self._spread(parameters[0]), 0.0))
        return dy * slope

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        product = dy * np.minimum(x, 0.0)
        columns = block_sum(len(x), lambda block: product[block].sum(axis=0))
        return [columns.reshape(-1, self.shared, self.inner).sum(axis=1).ravel()]
