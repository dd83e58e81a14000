"""The table that ``model.summary()`` prints, in Keras's form."""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from .. import _checks
from ..layers.layer import Layer

if TYPE_CHECKING:
    from .compiled import CompiledModel

_WIDTH = 88  # Keras's table on a wide terminal
_SHARES = (0.45, 0.80, 1.0)  # right edges of the columns
_BYTES = 8  # of a float64


def summary_text(model: CompiledModel, line_length: int | None, expand_nested: bool) -> str:
    """The summary as one string that ends with a newline.

    Raises
    ------
    ValueError
        If ``line_length`` is too small for the columns.
    """
    if line_length is None:
        import shutil  # here, as it would be a tenth of the package's import time

        line_length = max(min(_WIDTH, shutil.get_terminal_size().columns - 4), 40)
    widths = _column_widths(_checks.integer("line_length", line_length, 40))
    rows = [row for layer in model.layers for row in _rows(layer, expand_nested, 0)]
    lines = [f'Model: "{model.name}"', *_table(rows, widths), *_totals(model)]
    return "\n".join(lines) + "\n"


def _column_widths(line_length: int) -> list[int]:
    """Widths between the rules; rules and columns together fill the line."""
    edges = [0, *(int(share * line_length) for share in _SHARES)]
    first, middle, last = (right - left for left, right in itertools.pairwise(edges))
    return [first - 1, middle - 2, last - 1]


def _rows(layer: Layer, expand_nested: bool, depth: int) -> list[list[str]]:
    indent = "   " * depth + "└ " if depth else ""
    shape = str(layer.output_shape) if layer.built else "?"
    count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    rows = [[f"{indent}{layer.name} ({type(layer).__name__})", shape, count]]
    if expand_nested:
        for inner in getattr(layer, "layers", []):
            rows += _rows(inner, expand_nested, depth + 1)
    return rows


def _table(rows: list[list[str]], widths: list[int]) -> list[str]:
    header = ["Layer (type)", "Output Shape", "Param #"]
    lines = [_rule("┏━┳┓", widths), *_cells(header, widths, "┃"), _rule("┡━╇┩", widths)]
    for i, row in enumerate(rows):
        if i:
            lines.append(_rule("├─┼┤", widths))
        lines += _cells(row, widths, "│")
    return [*lines, _rule("└─┴┘", widths)]


def _rule(glyphs: str, widths: list[int]) -> str:
    left, line, cross, right = list(glyphs)
    return left + cross.join(line * width for width in widths) + right


def _cells(row: list[str], widths: list[int], edge: str) -> list[str]:
    """One row of the table: as many lines as its longest cell needs; numbers to the right."""
    wrapped = [
        textwrap.wrap(cell, width - 2, drop_whitespace=False) or [""]
        for cell, width in zip(row, widths, strict=True)
    ]
    lines = []
    for i in range(max(len(cell) for cell in wrapped)):
        name, shape, count = (cell[i] if i < len(cell) else "" for cell in wrapped)
        fields = (
            f" {name:<{widths[0] - 2}} ",
            f" {shape:<{widths[1] - 2}} ",
            f" {count:>{widths[2] - 2}} ",
        )
        lines.append(edge + edge.join(fields) + edge)
    return lines


def _totals(model: CompiledModel) -> list[str]:
    """The lines below the table; as in Keras the total includes the optimizer's numbers."""
    trainable = sum(v.size for v in model.trainable_weights)
    fixed = sum(v.size for v in model.non_trainable_weights)
    optimizer = model.optimizer
    counted = optimizer is not None and optimizer.built
    extra = sum(int(np.size(v)) for v in optimizer.variables) if counted and optimizer else 0
    lines = [
        _total("Total", trainable + fixed + extra),
        _total("Trainable", trainable),
        _total("Non-trainable", fixed),
    ]
    return [*lines, _total("Optimizer", extra)] if counted else lines


def _total(what: str, count: int) -> str:
    size, units = float(count * _BYTES), ["B", "KB", "MB", "GB"]
    while size >= 1024.0 and len(units) > 1:
        size /= 1024.0
        units.pop(0)
    return f" {what} params: {count:,} ({size:.2f} {units[0]})"
