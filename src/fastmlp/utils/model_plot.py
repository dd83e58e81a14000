"""Pictures of models as SVG, drawn here: neither graphviz nor pydot is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape
from typing import Any, BinaryIO

from .. import _checks

# In units of SVG: a line of text, the width of a character, gaps.
_LINE, _CHARACTER, _GAP, _MARGIN = 22, 8.0, 28, 12


class Picture(str):
    """The SVG text; a notebook shows the picture."""

    def _repr_svg_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<Picture, {len(self)} characters of SVG>"


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Picture:
    """Draw the layers of a model, from input to output, as SVG.

    Parameters
    ----------
    model : Model
        Built.
    to_file : str or os.PathLike, optional
        Where to write it; ends in ``.svg``. With None it is only returned.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : bool
        What to show of each layer besides its class.
    rankdir : {"TB", "LR"}
        From top to bottom, or from left to right.
    expand_nested : bool
        Whether to draw the layers of models inside this one, in frames.
    dpi : int
        Dots per inch of the size that the file states, relative to 96; the picture has none.
    splines : str
        "ortho": connections are straight lines here.

    Returns
    -------
    Picture
        The SVG text, which a notebook shows.

    Raises
    ------
    ValueError
        If the model is not built, or an argument is not as described.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.Input((4,)), fastmlp.layers.Dense(3)])
    >>> plot_model(model, None, show_shapes=True)[:4]
    '<svg'
    """
    path = None if to_file is None else os.fspath(to_file)
    if path is not None and not path.endswith(".svg"):
        raise ValueError(
            "to_file must end in .svg: fastmlp draws SVG, which needs no other package. "
            f"Received: to_file={to_file!r}"
        )
    if rankdir not in ("TB", "LR"):
        raise ValueError(f'rankdir must be "TB" or "LR". Received: rankdir={rankdir!r}')
    _checks.only("splines", splines, "ortho")
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by "
            f"calling the model on a batch of data. Received: model {model.name!r}"
        )
    shown = {
        "shapes": _checks.boolean("show_shapes", show_shapes),
        "dtype": _checks.boolean("show_dtype", show_dtype),
        "names": _checks.boolean("show_layer_names", show_layer_names),
        "activations": _checks.boolean("show_layer_activations", show_layer_activations),
        "trainable": _checks.boolean("show_trainable", show_trainable),
        "nested": _checks.boolean("expand_nested", expand_nested),
    }
    scale = _checks.integer("dpi", dpi, 1) / 200
    text = Picture(_drawn([_input_box(model, shown), *_boxes(model, shown)], rankdir, scale))
    if path is not None:
        from ..saving.files import replace_file

        def write(file: BinaryIO) -> None:
            file.write(text.encode())

        replace_file(path, write)
    return text


class _Box:
    """A layer's lines of text, or a frame around the boxes of a model."""

    def __init__(self, lines: list[str], inner: list[_Box] | None = None) -> None:
        self.lines = lines
        self.inner = inner or []

    def size(self, down: bool) -> tuple[float, float]:
        """Width and height."""
        width = max(len(line) for line in self.lines) * _CHARACTER + 2 * _MARGIN
        height = float(len(self.lines) * _LINE + _MARGIN)
        if self.inner:
            inside = _extent(self.inner, down)
            return max(width, inside[0] + 2 * _MARGIN), height + inside[1] + _MARGIN
        return width, height


def _extent(boxes: list[_Box], down: bool) -> tuple[float, float]:
    """Width and height of boxes in a row."""
    widths, heights = zip(*(box.size(down) for box in boxes), strict=True)
    gaps = _GAP * (len(boxes) - 1)
    return (max(widths), sum(heights) + gaps) if down else (sum(widths) + gaps, max(heights))


def _input_box(model: Any, shown: dict[str, bool]) -> _Box:
    shapes = [f"Output shape: {model.input_shape}"] if shown["shapes"] else []
    return _Box(["InputLayer", *shapes, *(["Dtype: float64"] if shown["dtype"] else [])])


def _boxes(model: Any, shown: dict[str, bool]) -> Iterator[_Box]:
    for layer in model.layers:
        kind = type(layer).__name__
        lines = [f"{layer.name} ({kind})" if shown["names"] else kind]
        activation = getattr(layer, "activation", None)
        if shown["activations"] and activation is not None:
            lines.append(f"Activation: {getattr(activation, '__name__', activation)}")
        if shown["shapes"]:
            lines.append(f"Input shape: {layer.input_shape}")
            lines.append(f"Output shape: {layer.output_shape}")
        if shown["dtype"]:
            lines.append("Dtype: float64")
        if shown["trainable"]:
            lines.append(f"Trainable: {layer.trainable}")
        inner = getattr(layer, "layers", None) if shown["nested"] else None
        yield _Box(lines, list(_boxes(layer, shown)) if inner else None)


def _drawn(boxes: list[_Box], rankdir: str, scale: float) -> str:
    down = rankdir == "TB"
    width, height = (side + 2 * _MARGIN for side in _extent(boxes, down))
    parts = list(_row(boxes, _MARGIN, _MARGIN, width - 2 * _MARGIN, height - 2 * _MARGIN, down))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:g}" '
        f'height="{height * scale:g}" viewBox="0 0 {width:g} {height:g}" '
        'font-family="sans-serif" font-size="14">\n'
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _row(
    boxes: list[_Box], x: float, y: float, width: float, height: float, down: bool
) -> Iterator[str]:
    """Boxes in the middle of a rectangle, each joined to the next by an arrow."""
    for place, box in enumerate(boxes):
        own_width, own_height = box.size(down)
        left = x + (width - own_width) / 2 if down else x
        top = y if down else y + (height - own_height) / 2
        yield from _box(box, left, top, own_width, own_height, down)
        if down:
            middle, y = x + width / 2, y + own_height + _GAP
            ends = (middle, y - _GAP, middle, y)
        else:
            middle, x = y + height / 2, x + own_width + _GAP
            ends = (x - _GAP, middle, x, middle)
        if place + 1 < len(boxes):
            x1, y1, x2, y2 = ends
            yield (
                f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="black" '
                'stroke-width="1.5" marker-end="url(#arrow)"/>'
            )


def _box(box: _Box, x: float, y: float, width: float, height: float, down: bool) -> Iterator[str]:
    fill = "#f4f4f4" if box.inner else "white"
    yield (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" '
        f'fill="{fill}" stroke="black"/>'
    )
    for place, line in enumerate(box.lines):
        weight = ' font-weight="bold"' if place == 0 else ""
        yield (
            f'<text x="{x + width / 2:g}" y="{y + _LINE * (place + 1):g}" '
            f'text-anchor="middle"{weight}>{escape(line)}</text>'
        )
    if box.inner:
        top = y + len(box.lines) * _LINE + _MARGIN
        inner_height = height - (top - y) - _MARGIN
        yield from _row(box.inner, x + _MARGIN, top, width - 2 * _MARGIN, inner_height, down)
