"""The table of cases: each kernel at its edges for the tests, at real sizes for the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from . import elementwise, normalization, products, rows, updates
from .memory import Call
from .rows import BINARY, CATEGORICAL, SPARSE, SQUARED


@dataclass(frozen=True)
class Case:
    """A call that is built when it is needed; its options are its name."""

    kernel: str
    builder: Callable[..., Call]
    options: tuple[tuple[str, Any], ...]

    def build(self) -> Call:
        call = self.builder(**dict(self.options))
        assert call.kernel == self.kernel, f"{self} calls {call.kernel}"
        return call

    def __str__(self) -> str:
        return "-".join([self.kernel, *(f"{name}={value}" for name, value in self.options)])


def case(kernel: str, builder: Callable[..., Call], /, **options: Any) -> Case:
    return Case(kernel, builder, tuple(options.items()))


# Batch rows around every register tile, primes, and more than a cache block may hold.
ROWS = (*range(1, 15), 17, 31, 97, 101)
DEPTHS = (0, 1, 7, 8, 9, 255, 256, 257)
PANELS = (1, 2, 3, 4, 5, 7, 8, 9, 13)
SPARSE_SIZES = ((1, 9), (3, 257), (4, 8), (5, 7), (9, 31), (16, 64), (2, 1))
COLUMNS = (1, 7, 8, 9, 23, 65)
# Optimizer, whether its step shows the gradient to the bit, whether two rows share a division.
OPTIMIZERS = (
    *product(updates.OPTIMIZERS, (True, False), (False,)),
    *product(("adam",), (True, False), (True,)),
)


def product_cases() -> Iterator[Case]:
    """Rows and panels against every depth; the others take turns, so that they meet too."""
    options: dict[str, Any]
    pairs = list(product(ROWS, DEPTHS))
    for i, (m, depth) in enumerate(pairs):
        panels, gap = PANELS[i % len(PANELS)], i % 2
        yield case("matmul", products.matmul, rows=m, depth=depth, panels=panels, gap=gap)
        yield case("matmul", products.matmul, rows=m, depth=depth, panels=panels, resume=True)
        for gap in (0, 1):
            options = {"rows": m, "depth": depth, "gap": gap * 5, "resume": gap == i % 2}
            yield case("matmul_packing", products.matmul_packing, **options)
        ragged = panels * 8 - (0, 1, 7, 3)[i % 4]  # the last panel is not whole
        options = {"depth": depth, "w_rows": ragged, "panels": panels, "gap": i % 2}
        yield case("matmul_transposed", products.matmul_transposed, rows=m, **options)
    for i, (m, columns) in enumerate(product((1, 7, 8, 9, 16, 37), (1, 7, 8, 9, 31))):
        yield case("transpose", products.transpose, rows=m, columns=columns, gap=i % 2)
    for m, panels in product((1, 2, 3, 6, 8, 13), PANELS):
        yield case("matmul", products.matmul, rows=m, depth=11, panels=panels)
    for density, (panels, depth) in product(("normal", "0.2", "0"), SPARSE_SIZES):
        yield case("sparse_row", products.sparse_row, depth=depth, panels=panels, density=density)
        for i, m in enumerate((1, 2, 7, 32)):
            options = {"rows": m, "depth": depth, "panels": panels, "density": density}
            yield case("sparse_matmul", products.sparse_matmul, gap=i % 2, **options)
    for m, panels in ((0, 2), (3, 0), (0, 0)):
        yield case("matmul", products.matmul, rows=m, depth=5, panels=panels)
        options = {"rows": m, "depth": 5, "w_rows": panels * 8, "panels": panels}
        yield case("matmul_transposed", products.matmul_transposed, **options)
    for m, depth, panels in ((0, 5, 2), (3, 0, 2), (3, 5, 0)):
        options = {"rows": m, "depth": depth, "panels": panels, "density": "normal"}
        yield case("sparse_matmul", products.sparse_matmul, **options)
    for depth, panels in ((0, 2), (5, 0)):
        yield case("sparse_row", products.sparse_row, depth=depth, panels=panels, density="0.5")
    hostile: dict[str, Any] = {"depth": 9, "panels": 2, "values": "hostile"}
    for m in (1, 2, 3, 5, 8):
        yield case("matmul_packing", products.matmul_packing, rows=m, depth=9, values="hostile")
        yield case("matmul", products.matmul, rows=m, **hostile)
        transposed = {"rows": m, "w_rows": 11, **hostile}
        yield case("matmul_transposed", products.matmul_transposed, **transposed)
    sparse: dict[str, Any] = {"depth": 41, "panels": 2, "density": "hostile"}
    yield case("sparse_row", products.sparse_row, **sparse)
    yield case("sparse_matmul", products.sparse_matmul, rows=3, **sparse)


def update_cases() -> Iterator[Case]:
    sizes: dict[str, Any]
    for optimizer, probe, shared in OPTIMIZERS:
        kernel = f"update_{updates.word_of(optimizer)}"
        common = {"optimizer": optimizer, "probe": probe, "shared": shared}
        for j, m in enumerate((1, 2, 3, 8, 13, 32, 255, 257)):
            sizes = {"depth": (1, 6, 7, 11, 12, 13)[j % 6], "columns": COLUMNS[j % 6]}
            yield case(kernel, updates.update, rows=m, gap=j % 2, **sizes, **common)
        for j, depth in enumerate((*range(1, 15), 25)):
            sizes = {"depth": depth, "columns": COLUMNS[j % 6]}
            yield case(kernel, updates.update, rows=5, **sizes, **common)
        # around a gradient block; beyond it 12 w rows and 32 panels are updated at a time
        sizes_of_blocks = ((1023, 3, 9), (1024, 1, 9), (1025, 25, 9), (2049, 13, 265))
        for m, depth, columns in (*sizes_of_blocks, (4097, 13, 9), (6200, 5, 300)):
            sizes = {"depth": depth, "columns": columns}
            yield case(kernel, updates.update, rows=m, **sizes, **common)
        for m in (1, 33, 1025):
            yield case(kernel, updates.update, rows=m, depth=1, columns=17, bias=True, **common)
        for m, depth, columns in ((0, 5, 8), (5, 0, 8), (5, 3, 0)):
            sizes = {"rows": m, "depth": depth, "columns": columns}
            yield case(kernel, updates.update, **sizes, **common)
        for m, depth, panels in ((1, 1, 1), (5, 7, 3), (32, 30, 4), (9, 25, 9), (1024, 4, 1)):
            sizes = {"rows": m, "depth": depth, "panels": panels, "density": "0.3"}
            yield case("sparse_" + kernel, updates.sparse_update, **sizes, **common)
        for depth, panels in ((0, 2), (6, 0)):
            sizes = {"rows": 3, "depth": depth, "panels": panels, "density": "0.5"}
            yield case("sparse_" + kernel, updates.sparse_update, **sizes, **common)
    for optimizer, probe, shared in (
        *OPTIMIZERS,
        *product(updates.RMSPROPS, (False,), (False,)),
    ):
        kernel = f"apply_{updates.word_of(optimizer)}"
        common = {"optimizer": optimizer, "probe": probe, "shared": shared}
        for j, depth in enumerate((0, 1, 2, 5, 8)):
            sizes = {"depth": depth, "columns": COLUMNS[j], "gap": j % 2}
            yield case(kernel, updates.apply, **sizes, **common)
    for j, depth in enumerate((*range(0, 15), 25)):
        sizes = {"depth": depth, "columns": COLUMNS[j % 6], "gap": j % 2}
        for m in (0, 1, 5, 48):
            yield case("gradient", updates.stored_gradient, rows=m, resume=m > 1, **sizes)
    sizes = {"depth": 13, "columns": 8}
    yield case("gradient", updates.stored_gradient, rows=7, values="hostile", **sizes)
    for m, depth, columns in ((1025, 13, 9), (2049, 25, 265), (7000, 3, 9)):
        sizes = {"rows": m, "depth": depth, "columns": columns}
        yield case("gradient", updates.stored_gradient, **sizes)
    for i, (panels, depth) in enumerate(SPARSE_SIZES):
        for m, density in product((0, 1, 7, 32), ("0.2", "0", "normal")):
            sizes = {"rows": m, "depth": depth, "panels": panels, "density": density}
            yield case("sparse_gradient", updates.sparse_gradient, gap=i % 2, **sizes)
    for optimizer, t in product((*updates.OPTIMIZERS, *updates.RMSPROPS), (1, 2, 7, 1000, 2**40)):
        kernel = f"prepare_{updates.word_of(optimizer)}"
        yield case(kernel, updates.prepare, optimizer=optimizer, t=t)
    for count in (0, 8, 16, 104, 1048):
        yield case("squares", updates.squares, count=count)
        yield case("multiply_by", updates.multiply_by, count=count, factor=0.3)
        yield case("clip", updates.clip, count=count, limit=0.5)
    yield case("squares", updates.squares, count=64, values="hostile")
    for optimizer in ("adam", "sgd", "momentum"):
        kernel = f"update_{updates.word_of(optimizer)}"
        common = {"optimizer": optimizer, "probe": True}
        hostile = {"rows": 7, "depth": 13, "columns": 8, "values": "hostile"}
        yield case(kernel, updates.update, **hostile, **common)
        hostile = {"rows": 7, "depth": 13, "panels": 2, "density": "hostile"}
        yield case("sparse_" + kernel, updates.sparse_update, **hostile, **common)


def activation(builder: Callable[..., Call], /, **options: Any) -> Case:
    return case(f"activation_{builder.__name__}", builder, **options)


def elementwise_cases() -> Iterator[Case]:
    common: dict[str, Any]
    sizes = ((1, 1), (3, 2), (5, 4), (2, 9), (0, 3), (2, 0))
    for (m, panels), slope in product(sizes, (True, False)):
        common = {"rows": m, "panels": panels, "slope": slope}
        for bias in (True, False):
            yield case("add_bias", elementwise.add_bias, bias=bias, **common)
        for first in (True, False):
            common["first"] = first
            for values in ("normal", "special"):
                for builder in (elementwise.relu, elementwise.tanh, elementwise.sigmoid):
                    yield activation(builder, values=values, **common)
            leaky = {"negative_slope": 0.25, "max_value": 1.0, "threshold": -0.5}
            yield activation(elementwise.relu, **common, **leaky)
            yield activation(elementwise.rescaling, scale=1 / 255, offset=-0.1, **common)
            yield activation(elementwise.dropout, rate=0.3, **common)
    for first_panel, panels, step, rate in (
        (0, 1, 7, 0.5),
        (3, 6, 2**32 - 1, 0.2),
        (5, 2, 2**32 + 3, 0.9),
        (4, 4, 2**48 - 1, 0.0),
        (1, 11, 1, 0.999),
    ):
        where = {"first_row": 1000, "first_panel": first_panel, "step": step, "rate": rate}
        for values in ("normal", "special"):
            common = {"rows": 4, "panels": panels, "slope": True, "values": values}
            yield activation(elementwise.dropout, **common, **where)
    for (m, panels), values in product(sizes, ("normal", "hostile")):
        yield case("multiply", elementwise.multiply, rows=m, panels=panels, values=values)
    for kernel, n in product(("map_exp", "map_log", "map_tanh"), (0, 1, 2, 3, 7, 8, 9, 31)):
        yield case(kernel, elementwise.map_function, kernel=kernel, n=n)


def gather_cases() -> Iterator[Case]:
    features = (1, 7, 8, 9, 30)
    for k, dtype in product(features, ("float64", "float32", "uint8")):
        for scale, offset in ((1.0, 0.0), (1 / 255, 0.0), (0.1, -0.7)):
            options = {"features": k, "dtype": dtype, "scale": scale, "offset": offset}
            yield case("gather", elementwise.gather, rows=5, gap=k % 2, **options)
        yield case("gather_row", elementwise.gather_row, features=k, dtype=dtype, scale=0.5)
        pairs = (k + 1) // 2
        for m, (begin, end) in product((1, 6), ((0, pairs), (pairs // 3, pairs), (0, pairs // 2))):
            options = {"rows": m, "features": k, "dtype": dtype, "begin": begin, "end": end}
            yield case("gather_pairs", elementwise.gather_pairs, scale=0.5, **options)
    for m, dtype in ((103, "uint8"), (300, "float64")):  # more than one block of pairs
        options = {"rows": m, "features": 41, "dtype": dtype, "begin": 2, "end": 19}
        yield case("gather_pairs", elementwise.gather_pairs, **options)
    for builder in (elementwise.gather, elementwise.gather_pairs):
        yield case(builder.__name__, builder, rows=0, features=9, dtype="uint8")


def row_cases() -> Iterator[Case]:
    for i, outputs in enumerate((1, 2, 7, 8, 9, 10, 63, 65, 1000)):
        for m in (1, 3):
            common = {"rows": m, "outputs": outputs, "gap": i % 2}
            for values in ("normal", "huge", "steep", "infinite", "nan"):
                yield case("softmax", rows.softmax, values=values, **common)
            for in_place in (False, True):
                yield case("softmax_gradient", rows.softmax_gradient, in_place=in_place, **common)
            yield from loss_cases(common)
    for builder in (rows.softmax, rows.softmax_gradient):
        yield case(builder.__name__, builder, rows=0, outputs=5)
    yield loss(SPARSE, rows=0, outputs=5)


def loss(kind: str, /, **options: Any) -> Case:
    return case(f"loss_{kind}", rows.loss, kind=kind, **options)


def loss_cases(common: dict[str, Any]) -> Iterator[Case]:
    for values, gradient in product(("normal", "huge", "steep"), (True, False)):
        options = {"values": values, "gradient": gradient, **common}
        yield loss(SPARSE, **options)
    for smoothing, gradient in product((0.0, 0.1), (True, False)):
        options = {"smoothing": smoothing, "gradient": gradient, **common}
        yield loss(CATEGORICAL, **options)
        yield loss(CATEGORICAL, from_logits=False, **options)
    for kind, values in product((SPARSE, CATEGORICAL), ("normal", "clipped")):
        options = {"values": values, "from_logits": False, **common}
        yield loss(kind, **options)
    for smoothing, gradient in product((0.0, 0.1), (True, False)):
        options = {"smoothing": smoothing, "gradient": gradient, **common}
        yield loss(BINARY, **options)
        yield loss(BINARY, values="steep", **options)
        yield loss(BINARY, from_logits=False, **options)
        yield loss(BINARY, from_logits=False, values="clipped", **options)
    if common["rows"] == 3:
        yield loss(SPARSE, values="nan", **common)
    elif common["outputs"] > 2:  # the one label is of a class that is not -inf
        yield loss(SPARSE, values="infinite", **common)
    for gradient in (True, False):
        yield loss(SQUARED, gradient=gradient, **common)


def normalization_cases() -> Iterator[Case]:
    for m, panels in product((1, 2, 7, 97), (1, 2, 5)):
        for builder in NORMALIZATION:
            yield case(builder.__name__, builder, rows=m, panels=panels)
    for m in (1024, 1025, 2049, 5200, 7000):
        yield case("normalized_sums", normalization.normalized_sums, rows=m, panels=2)
    for builder in NORMALIZATION:
        yield case(builder.__name__, builder, rows=3, panels=0)


NORMALIZATION = (
    normalization.column_moments,
    normalization.affine,
    normalization.normalized_sums,
    normalization.normalized_gradient,
)


def all_cases() -> list[Case]:
    groups = (
        product_cases,
        update_cases,
        elementwise_cases,
        gather_cases,
        row_cases,
        normalization_cases,
    )
    return [found for group in groups for found in group()]


# The shapes of the flagship (784-128-10 in batches of 32), of wide layers, and of one row.
BENCHMARKS = [
    *(
        case("matmul", products.matmul, rows=m, depth=depth, panels=panels)
        for m, depth, panels in ((1, 784, 16), (32, 784, 16), (32, 128, 2), (256, 2048, 128))
    ),
    case("matmul_packing", products.matmul_packing, rows=32, depth=256),
    case("transpose", products.transpose, rows=256, columns=96),
    *(
        case(
            "matmul_transposed",
            products.matmul_transposed,
            rows=m,
            depth=depth,
            w_rows=8 * panels,
            panels=panels,
        )
        for m, depth, panels in ((32, 10, 16), (256, 1024, 128))
    ),
    *(
        case(
            f"update_{optimizer}",
            updates.update,
            optimizer=optimizer,
            rows=m,
            depth=depth,
            columns=columns,
            probe=False,
            shared=True,
        )
        for optimizer, (m, depth, columns) in product(
            ("adam", "sgd"), ((32, 784, 128), (32, 128, 10), (256, 1024, 1024))
        )
    ),
    case("gradient", updates.stored_gradient, rows=48, depth=32, columns=16),
    *(
        case(f"apply_{name}", updates.apply, optimizer=name, depth=784, columns=128, probe=False)
        for name in ("adam", "sgd", "rmsprop")
    ),
    *(
        case(f"prepare_{name}", updates.prepare, optimizer=name, t=1000)
        for name in ("adam", "sgd", "rmsprop")
    ),
    case("squares", updates.squares, count=784 * 8),
    case("multiply_by", updates.multiply_by, count=784 * 8, factor=0.3),
    case("clip", updates.clip, count=784 * 8, limit=0.5),
    case(
        "sparse_gradient",
        updates.sparse_gradient,
        rows=32,
        depth=784,
        panels=16,
        density="0.19",
    ),
    *(case(builder.__name__, builder, rows=256, panels=16) for builder in NORMALIZATION),
    case("sparse_row", products.sparse_row, depth=784, panels=16, density="0.19"),
    case("sparse_matmul", products.sparse_matmul, rows=32, depth=784, panels=16, density="0.19"),
    *(
        case(
            f"sparse_update_{optimizer}",
            updates.sparse_update,
            optimizer=optimizer,
            rows=32,
            depth=784,
            panels=16,
            density="0.19",
            probe=False,
            shared=True,
        )
        for optimizer in ("adam", "sgd")
    ),
    *(
        case("gather", elementwise.gather, rows=32, features=784, dtype=dtype, scale=1 / 255)
        for dtype in ("float64", "float32", "uint8")
    ),
    *(
        case("gather_row", elementwise.gather_row, features=784, dtype=dtype)
        for dtype in ("float64", "uint8")
    ),
    *(
        case("gather_pairs", elementwise.gather_pairs, rows=32, features=784, dtype=dtype)
        for dtype in ("float64", "uint8")
    ),
    case("add_bias", elementwise.add_bias, rows=32, panels=16, slope=True),
    *(
        activation(builder, rows=32, panels=16, slope=True)
        for builder in (elementwise.relu, elementwise.tanh, elementwise.sigmoid)
    ),
    activation(elementwise.rescaling, rows=32, panels=16, slope=True, scale=1 / 255),
    activation(elementwise.dropout, rows=32, panels=16, slope=True, rate=0.2),
    case("multiply", elementwise.multiply, rows=32, panels=16),
    case("softmax", rows.softmax, rows=32, outputs=10),
    case("softmax_gradient", rows.softmax_gradient, rows=32, outputs=10),
    loss(SPARSE, rows=32, outputs=10),
    loss(CATEGORICAL, rows=32, outputs=10, from_logits=False),
    loss(SQUARED, rows=32, outputs=10),
    loss(BINARY, rows=32, outputs=10),
    *(
        case(kernel, elementwise.map_function, kernel=kernel, n=1024)
        for kernel in ("map_exp", "map_log", "map_tanh")
    ),
]
