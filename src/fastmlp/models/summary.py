"""The table that ``model.summary()`` prints, in Keras's form, and the same for notebooks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _checks
from ..layers.layer import Layer

if TYPE_CHECKING:
    from .compiled import CompiledModel

_WIDTH = 88  # Keras's table on a wide terminal
_SHARES = (0.45, 0.80, 1.0)  # right edges of the columns
_TRAINABLE_WIDTH = 12  # what the further column adds
_TRAINABLE_SHARE = 0.90  # where it begins
_NARROWEST = 4  # Keras's limit for a column
_BYTES = 8  # of a float64

_HEADER = ["Layer (type)", "Output Shape", "Param #"]


def summary_text(
    model: CompiledModel,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """The summary as one string that ends with a newline.

    Raises
    ------
    ValueError
        If ``line_length`` is too small for the columns, or an argument is not as described by
        ``Model.summary``.
    """
    shares = [*_positions(positions)]
    if show_trainable:
        shares = [share * _TRAINABLE_SHARE for share in shares] + [1.0]
    if line_length is None:
        import shutil  # here, as it would be a tenth of the package's import time

        widest = _WIDTH + (_TRAINABLE_WIDTH if show_trainable else 0)
        line_length = max(min(widest, shutil.get_terminal_size().columns - 4), 40)
    widths = _column_widths(shares, _checks.integer("line_length", line_length, 40))
    layers = _in_range(model.layers, layer_range)
    rows = [row for layer in layers for row in _rows(layer, expand_nested, 0)]
    header = [*_HEADER, "Trainable"][: len(widths)]
    table = _table(header, [row[: len(widths)] for row in rows], widths)
    return "\n".join([f'Model: "{model.name}"', *table, *_totals(model)]) + "\n"


def _positions(positions: Any) -> Sequence[float]:
    if positions is None:
        return _SHARES
    try:
        shares = [_checks.number("positions", share, 0.0) for share in positions]
    except TypeError:
        shares = []
    if len(shares) != 3 or sorted(set(shares)) != shares or shares[-1] != 1.0:
        raise ValueError(
            "positions must be the right edges of the 3 columns as growing shares of the line, of "
            f"which the last is 1. Received: positions={positions!r}"
        )
    return shares


def _column_widths(shares: Sequence[float], line_length: int) -> list[int]:
    """Widths between the rules; rules and columns together fill the line."""
    edges = [0, *(int(share * line_length) for share in shares)]
    widths = [right - left for left, right in itertools.pairwise(edges)]
    if min(widths) < _NARROWEST:
        raise ValueError(
            "Insufficient console width to print summary. "
            f"Received: line_length={line_length} for columns of {widths}"
        )
    # Room for the rules, and for a blank at either side of a cell, is taken from all alike.
    widths = [width + 2 for width in widths]
    excess = sum(widths) + len(widths) + 1 - line_length
    for i in range(len(widths)):
        taken = round(excess / (len(widths) - i))
        widths[i] -= taken
        excess -= taken
    return widths


def _in_range(layers: list[Layer], layer_range: Any) -> list[Layer]:
    """The layers from the first that matches one pattern to the last that matches the other."""
    if layer_range is None:
        return layers
    pair = isinstance(layer_range, (list, tuple)) and len(layer_range) == 2
    if not pair or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(
            "layer_range must be two strings, names or patterns of names of layers. "
            f"Received: layer_range={layer_range!r}"
        )
    found = [
        [i for i, layer in enumerate(layers) if re.match(pattern, layer.name)]
        for pattern in layer_range
    ]
    if not all(found):
        raise ValueError(
            "layer_range must match names of layers in the model. "
            f"Received: layer_range={layer_range!r} for {[layer.name for layer in layers]}"
        )
    lower, upper = found
    if min(lower) > max(upper):  # Keras's rule for the wrong order
        return layers[min(upper) : max(lower) + 1]
    return layers[min(lower) : max(upper) + 1]


def _rows(layer: Layer, expand_nested: bool, depth: int) -> list[list[str]]:
    """Name, shape, count and trainability of a layer, and of those inside."""
    indent = "   " * depth + "└ " if depth else ""
    shape = str(layer.output_shape) if layer.built else "?"
    count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    trainable = ("Y" if layer.trainable else "N") if layer.weights else "-"
    rows = [[f"{indent}{layer.name} ({type(layer).__name__})", shape, count, trainable]]
    if expand_nested:
        for inner in getattr(layer, "layers", []):
            rows += _rows(inner, expand_nested, depth + 1)
    return rows


def _table(header: list[str], rows: list[list[str]], widths: list[int]) -> list[str]:
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
    wrapped = [_wrapped(cell, width - 2) for cell, width in zip(row, widths, strict=True)]
    lines = []
    for i in range(max(len(cell) for cell in wrapped)):
        parts = [cell[i] if i < len(cell) else "" for cell in wrapped]
        fields = [
            f" {part:{side}{width - 2}} "
            for part, width, side in zip(parts, widths, "<<>^", strict=False)
        ]
        lines.append(edge + edge.join(fields) + edge)
    return lines


def _wrapped(cell: str, width: int) -> list[str]:
    """Lines of whole words, those that are too long with an ellipsis at the width."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", cell):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    shown = [line.rstrip() for line in lines]
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in shown]


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
    size, units = float(count * _BYTES), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1024.0 and len(units) > 1:
        size /= 1024.0
        units.pop(0)
    return f" {what} params: {count:,} ({size:.2f} {units[0]})"


def summary_html(model: CompiledModel) -> str:
    """What a notebook shows of a model: the table, with the layers of inner models."""
    from html import escape

    def line(cells: list[str], tag: str) -> str:
        sides = ("left", "left", "right")
        shown = [
            f'<{tag} style="text-align:{side}">{escape(cell).replace("   ", "&emsp;")}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        ]
        return f"<tr>{''.join(shown)}</tr>"

    rows = [row[:3] for layer in model.layers for row in _rows(layer, True, 0)]
    body = "".join(line(row, "td") for row in rows)
    totals = "<br>".join(escape(total.strip()) for total in _totals(model))
    return (
        f"<div><b>Model: {escape(model.name)}</b><table><thead>{line(_HEADER, 'th')}</thead>"
        f"<tbody>{body}</tbody></table>{totals}</div>"
    )
