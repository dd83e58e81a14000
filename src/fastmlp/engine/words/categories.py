"""Operations on categories, whole numbers from 0 on, which have no gradient. A number outside of
the categories counts as the nearest of them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .operation import Context, Float64Array, Operation, Role
from .word import word


def _categories(x: Float64Array, count: int) -> NDArray[np.int64]:
    """x as whole numbers in [0, count)."""
    return np.clip(np.nan_to_num(x), 0, count - 1).astype(np.int64)


@word(frozen=True)
class Embedding(Operation):
    """Each number k of x (B S, I) becomes row k of the one parameter (entries, outputs), which is
    trained: y (B S I, outputs). Its gradient is the sum over the rows that show k, one chain in
    their order."""

    name: ClassVar[str] = "embedding"

    entries: int
    outputs: int
    trainable: bool = True

    def output_width(self, inputs: int) -> int:
        return self.outputs

    def output_split(self, split: int, inputs: int) -> int:
        return split * inputs

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return [(self.entries, self.outputs)]

    @property
    def roles(self) -> tuple[Role, ...]:
        return ("trained",)

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return parameters[0][_categories(x, self.entries).ravel()]

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return np.zeros_like(x)

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        gradient = np.zeros((self.entries, self.outputs))
        np.add.at(gradient, _categories(x, self.entries).ravel(), dy)
        return [gradient]


@word(frozen=True)
class CategoryEncoding(Operation):
    """A row of I numbers below ``tokens`` becomes one of tokens: how often, or if not ``count``
    whether, each is there."""

    name: ClassVar[str] = "category_encoding"

    tokens: int
    count: bool = False

    def output_width(self, inputs: int) -> int:
        return self.tokens

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        y = np.zeros((len(x), self.tokens))
        np.add.at(y, (np.arange(len(x))[:, None], _categories(x, self.tokens)), 1.0)
        return y if self.count else np.minimum(y, 1.0)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return np.zeros_like(x)


@word(frozen=True)
class Discretization(Operation):
    """How many boundaries of its column are not above each x, all for a NaN. The one parameter is
    these, (boundaries, I): state, which training leaves as it is. There is no gradient."""

    name: ClassVar[str] = "discretization"

    boundaries: int

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return [(self.boundaries, inputs)]

    @property
    def roles(self) -> tuple[Role, ...]:
        return ("state",)

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        y = np.zeros_like(x)
        for boundary in parameters[0]:
            y += ~(x < boundary)
        return y

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return np.zeros_like(x)

    def new_state(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> list[Float64Array]:
        return parameters
