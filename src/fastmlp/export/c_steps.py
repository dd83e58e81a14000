"""The steps of a model as calls in C."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import Float64Array, words
from . import c_text
from .steps import Lowered, Step, normalizing_columns

_PANEL = 8  # columns, to which rows are padded: FM_PANEL in csrc/


def padded(width: int) -> int:
    """Columns of a row with its padding."""
    return -(-width // _PANEL) * _PANEL


class Writer:
    """Writes one model: its arrays, the lines of its function, what these use.

    Rows are in one of two buffers, a and b; a layer takes them from one to the other, an
    activation works in place.
    """

    def __init__(self, name: str, lowered: Lowered) -> None:
        self.name, self.lowered = name, lowered
        self.arrays: list[str] = []
        self.lines: list[str] = []
        #: Names of definitions in ``_formulas``, and of options by the formula's word.
        self.used: set[str] = set()
        self.options: dict[str, list[str]] = {}
        self._from, self._to = "a", "b"
        #: Numbers of a buffer.
        self.buffer = max(
            padded(lowered.network.inputs),
            *(step.new_rows * padded(step.outputs) for step in lowered.steps),
            0,
        )

    def write(self) -> None:
        """Write all steps."""
        steps = list(self.lowered.steps)
        value = "x[i] + 0.0"
        if steps and isinstance(steps[0].operation, words.Rescaling):
            folded = steps.pop(0).operation  # by the engine, into the reading of the samples
            assert isinstance(folded, words.Rescaling)
            scale, offset = c_text.number(folded.scale), c_text.number(folded.offset)
            value = f"x[i] * {scale} + {offset}"
        network = self.lowered.network
        self.lines.append(f"for (size_t i = 0; i < {network.inputs}; i++)")
        self.lines.append(f"    {self._from}[i] = {value};")
        for step in steps:
            if isinstance(step.operation, words.Activation):
                self._activation(step)
            else:
                LAYERS[type(step.operation)](self, step)
        self.lines.append(f"for (size_t i = 0; i < {network.outputs * network.split}; i++)")
        self.lines.append(f"    y[i] = {self._from}[place_of(i, {network.outputs})];")

    def _activation(self, step: Step) -> None:
        word: Any = step.operation
        formula, options = word.name, [field.name for field in dataclasses.fields(word)]
        if isinstance(word, words.Gelu):
            formula, options = "gelu_by_tanh" if word.approximate else "gelu", []
        given = "NULL"
        if options:
            self.options[word.name] = options
            given = self.array(np.array([getattr(word, option) for option in options], float))
        self.used.add(f"{formula}_formula")
        self.lines.append(
            f"apply_{formula}({self._from}, {given}, {step.new_rows}, {step.outputs});"
        )

    def layer(self, function: str, *arguments: Any) -> None:
        """A call that takes rows from one buffer to the other."""
        self.used.add(function)
        given = ", ".join(map(str, (self._to, *arguments)))
        self.lines.append(f"{function}({given});")
        self._from, self._to = self._to, self._from

    @property
    def x(self) -> str:
        """The buffer that a layer reads."""
        return self._from

    def array(self, values: Float64Array) -> str:
        """The name of a new constant array."""
        name = f"{self.name}_{len(self.arrays) + 1}"
        self.arrays.append(f"static const double {name}[{values.size}] = {c_text.array(values)};\n")
        return name

    def columns(self, values: Float64Array) -> str:
        """The name of a new constant array of columns, padded."""
        return self.array(np.pad(values, (0, padded(values.size) - values.size)))


def _dense(to: Writer, step: Step) -> None:
    kernel, *bias = map(to.array, step.parameters)
    to.layer("layer_dense", to.x, kernel, *(bias or ["NULL"]), step.rows, step.inputs, step.outputs)


def _along_row(to: Writer, step: Step) -> None:
    to.layer(f"kernel_{step.operation.name}", to.x, padded(step.outputs), step.rows, step.outputs)


def _glu(to: Writer, step: Step) -> None:
    to.layer("kernel_glu", padded(step.outputs), to.x, padded(step.inputs), step.rows, step.outputs)


def _by_column(to: Writer, step: Step, function: str, *arguments: str) -> None:
    stride = padded(step.outputs)
    panels = stride // _PANEL
    to.layer(f"kernel_{function}", stride, to.x, stride, *arguments, step.rows, panels)


def _prelu(to: Writer, step: Step) -> None:
    word: Any = step.operation
    sharing = f"(fm_sharing){{{step.inputs}, {word.shared}, {word.inner}}}"
    to.used.add("fm_sharing")
    _by_column(to, step, "prelu", to.array(step.parameters[0]), sharing)


def _batch_normalization(to: Writer, step: Step) -> None:
    _by_column(to, step, "affine", *map(to.columns, normalizing_columns(step)))


def _scaling(to: Writer, step: Step) -> None:
    word: Any = step.operation
    gamma = step.parameters[0] if word.scale else np.ones(step.inputs)
    beta = step.parameters[-1] if word.center else np.zeros(step.inputs)
    _by_column(to, step, "affine", to.columns(gamma), to.columns(beta))


def _standardization(to: Writer, step: Step) -> None:
    word: Any = step.operation
    mean, factor = step.parameters[0], word.factor(step.parameters)
    if word.invert:
        _by_column(to, step, "affine", to.columns(factor), to.columns(mean))
    else:
        _by_column(to, step, "standardize", to.columns(mean), to.columns(factor))


def _row_normalization(to: Writer, step: Step) -> None:
    word: Any = step.operation
    how = (c_text.number(word.epsilon), int(word.center), int(word.unit))
    to.layer("kernel_normalize_rows", to.x, padded(step.inputs), step.rows, step.inputs, *how)


def _reshape(to: Writer, step: Step) -> None:
    to.layer("layer_reshape", to.x, step.rows * step.inputs, step.inputs, step.outputs)


def _transpose(to: Writer, step: Step) -> None:
    word: Any = step.operation
    numbers = step.rows * step.inputs
    axes = (word.first, word.second, word.inner)
    to.layer("layer_transpose", to.x, numbers, step.inputs, *axes)


def _repeat(to: Writer, step: Step) -> None:
    word: Any = step.operation
    to.layer("layer_repeat", to.x, step.new_rows, step.outputs, word.times)


def _embedding(to: Writer, step: Step) -> None:
    word: Any = step.operation
    w = to.array(step.parameters[0])
    sizes = (step.rows * step.inputs, step.inputs, word.entries, word.outputs)
    to.layer("layer_embedding", to.x, w, *sizes)


def _category_encoding(to: Writer, step: Step) -> None:
    word: Any = step.operation
    to.layer("layer_encoding", to.x, step.rows, step.inputs, word.tokens, int(word.count))


def _discretization(to: Writer, step: Step) -> None:
    word: Any = step.operation
    w = to.array(step.parameters[0])
    to.layer("layer_discretization", to.x, w, step.rows, step.inputs, word.boundaries)


#: How each layer's word is called; activations have one way, :meth:`Writer._activation`.
LAYERS: dict[type[Any], Callable[[Writer, Step], None]] = {
    words.Dense: _dense,
    words.Softmax: _along_row,
    words.LogSoftmax: _along_row,
    words.Sparsemax: _along_row,
    words.Glu: _glu,
    words.Prelu: _prelu,
    words.BatchNormalization: _batch_normalization,
    words.RowNormalization: _row_normalization,
    words.Scaling: _scaling,
    words.Standardization: _standardization,
    words.Reshape: _reshape,
    words.Transpose: _transpose,
    words.Repeat: _repeat,
    words.Embedding: _embedding,
    words.CategoryEncoding: _category_encoding,
    words.Discretization: _discretization,
}
