"""Calls of the normalization of columns. Sums are chains over the rows, so their bits are known; a
formula leaves open where a multiplication and an addition are fused."""

from __future__ import annotations

import numpy as np

from .exact import EPS, Float64Array, fma, in_blocks, tree
from .header import GRADIENT_BLOCK, PANEL
from .layout import JUNK, normal, row_mask, strided
from .memory import Call, Want

LONG = np.longdouble


def _inputs(rows: int, columns: int) -> Float64Array:
    """x (rows, columns): columns whose mean is far from 0, where moments cancel, among others."""
    offset = np.where(np.arange(columns) % 3 == 1, 1000.0, 0.0)
    return normal("x", rows, columns) + offset


def column_moments(rows: int, panels: int, gap: int = 0) -> Call:
    """Sums in order, a division; fused squares of the differences in order, a division."""
    columns = panels * PANEL
    x = _inputs(rows, columns)
    stride = columns + gap * PANEL

    def expected() -> dict[str, Want]:
        total, squares = np.zeros(columns), np.zeros(columns)
        for row in x:
            total = total + row
        mean = total / rows
        for row in x:
            squares = fma(row - mean, row - mean, squares)
        return {"mean": Want(mean), "variance": Want(squares / rows)}

    return Call(
        "column_moments",
        {
            "mean": np.full(columns, JUNK),
            "variance": np.full(columns, JUNK),
            "x": strided(x, stride),
            "x_stride": stride,
            "rows": rows,
            "panels": panels,
        },
        {"mean": None, "variance": None},
        expected,
        traffic=rows * columns * 16,
    )


def affine(rows: int, panels: int, in_place: bool = False, gap: int = 0) -> Call:
    """y = x scale + shift: at most a product's rounding and a sum's."""
    columns = panels * PANEL
    stride = columns + gap * PANEL
    x = strided(_inputs(rows, columns), stride)
    scale, shift = normal("scale", columns), normal("shift", columns)
    mask = row_mask(rows, stride, columns)

    def expected() -> dict[str, Want]:
        product = x[:, :columns].astype(LONG) * scale
        y = (product + shift).astype(np.float64)
        error = 2 * EPS * (np.abs(product) + np.abs(shift)).astype(np.float64)
        return {"y": Want(strided(y, stride), strided(error, stride), mask)}

    return Call(
        "affine",
        {
            "y": x if in_place else np.full((rows, stride), JUNK),
            "y_stride": stride,
            "x": "y" if in_place else x,
            "x_stride": stride,
            "scale": scale,
            "shift": shift,
            "rows": rows,
            "panels": panels,
        },
        {"y": mask},
        expected,
        traffic=rows * columns * 16,
    )


def _batch(rows: int, columns: int) -> tuple[Float64Array, ...]:
    """dy, x (rows, columns), mean, inverse (columns) of a batch."""
    dy, x = normal("dy", rows, columns), _inputs(rows, columns)
    mean = x.mean(axis=0) if rows > 0 else np.zeros(columns)
    return dy, x, mean, 0.5 + np.abs(normal("inverse", columns))


def normalized_sums(rows: int, panels: int, gap: int = 0) -> Call:
    """Both sums to the bit: chains over the blocks of rows, added by the tree."""
    columns = panels * PANEL
    dy, x, mean, inverse = _batch(rows, columns)
    dy_stride, x_stride = columns + gap * PANEL, columns + 2 * gap * PANEL

    def of_block(block: slice) -> tuple[Float64Array, Float64Array]:
        total, product = np.zeros(columns), np.zeros(columns)
        for d, normalized in zip(dy[block], (x[block] - mean) * inverse, strict=True):
            total = total + d
            product = fma(d, normalized, product)
        return total, product

    def expected() -> dict[str, Want]:
        blocks = [of_block(block) for block in in_blocks(rows, GRADIENT_BLOCK)]
        totals, products = zip(*blocks, strict=True)
        return {"sum": Want(tree(totals)), "product": Want(tree(products))}

    return Call(
        "normalized_sums",
        {
            "sum": np.full(columns, JUNK),
            "product": np.full(columns, JUNK),
            "dy": strided(dy, dy_stride),
            "dy_stride": dy_stride,
            "x": strided(x, x_stride),
            "x_stride": x_stride,
            "mean": mean,
            "inverse": inverse,
            "rows": rows,
            "panels": panels,
        },
        {"sum": None, "product": None},
        expected,
        traffic=rows * columns * 16,
    )


def normalized_gradient(rows: int, panels: int, gap: int = 0) -> Call:
    """The last term's way has seven roundings of half an EPS each: 1 / rows and the product with
    it, a difference and its product, two sums, scale; what is expected is rounded once."""
    columns = panels * PANEL
    dy, x, mean, inverse = _batch(rows, columns)
    scale, total, product = (normal(name, columns) for name in ("scale", "sum", "product"))
    strides = [columns + i * gap * PANEL for i in range(3)]
    mask = row_mask(rows, strides[0], columns)

    def expected() -> dict[str, Want]:
        normalized = (x.astype(LONG) - mean) * inverse
        terms = (dy, -total.astype(LONG) / rows, -normalized * product / rows) if rows else (dy,)
        dx = np.asarray(scale * sum(terms), np.float64)
        size = np.asarray(np.abs(scale) * sum(map(np.abs, terms)), np.float64)
        error = 4 * EPS * size
        return {"dx": Want(strided(dx, strides[0]), strided(error, strides[0]), mask)}

    return Call(
        "normalized_gradient",
        {
            "dx": np.full((rows, strides[0]), JUNK),
            "dx_stride": strides[0],
            "dy": strided(dy, strides[1]),
            "dy_stride": strides[1],
            "x": strided(x, strides[2]),
            "x_stride": strides[2],
            "mean": mean,
            "inverse": inverse,
            "scale": scale,
            "sum": total,
            "product": product,
            "rows": rows,
            "panels": panels,
        },
        {"dx": mask},
        expected,
        traffic=rows * columns * 24,
    )
