"""The table of cases: each kernel at its edges for the tests, at real sizes for the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from fastmlp.engine import words

from . import (
    activations,
    elementwise,
    factors,
    losses,
    normalization,
    products,
    row_normalization,
    rows,
    rules,
    stored,
    updates,
)
from .memory import Call
from .rows import BINARY, CATEGORICAL, SPARSE, SQUARED
from .updates import WORDS
from .words import CATALOG


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
FUSED = (
    *product(updates.FUSED, (True, False), (False,)),
    *product(("adam",), (True, False), (True,)),
)
APPLIED = (*FUSED, *product(updates.RMSPROPS, (False,), (False,)))
# Rows of 1, 2, 3, 5 and 7 gradient blocks, whose last may be a row, full, or nearly so.
BLOCKS = (1023, 1024, 1025, 2048, 2049, 4100, 7167)


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
        for i, m in enumerate((1, 2, 7, 32)):
            options = {"rows": m, "depth": depth, "panels": panels, "density": density}
            yield case("sparse_matmul", products.sparse_matmul, gap=i % 2, **options)
            yield case("sparse_rows", products.sparse_rows, gap=i % 2, **options)
    for m, panels in ((0, 2), (3, 0), (0, 0)):
        yield case("matmul", products.matmul, rows=m, depth=5, panels=panels)
        options = {"rows": m, "depth": 5, "w_rows": panels * 8, "panels": panels}
        yield case("matmul_transposed", products.matmul_transposed, **options)
    for m, depth, panels in ((0, 5, 2), (3, 0, 2), (3, 5, 0)):
        options = {"rows": m, "depth": depth, "panels": panels, "density": "normal"}
        yield case("sparse_matmul", products.sparse_matmul, **options)
        yield case("sparse_rows", products.sparse_rows, **options)
    hostile: dict[str, Any] = {"depth": 9, "panels": 2, "values": "hostile"}
    for m in (1, 2, 3, 5, 8):
        yield case("matmul_packing", products.matmul_packing, rows=m, depth=9, values="hostile")
        yield case("matmul", products.matmul, rows=m, **hostile)
        transposed = {"rows": m, "w_rows": 11, **hostile}
        yield case("matmul_transposed", products.matmul_transposed, **transposed)
    sparse: dict[str, Any] = {"depth": 41, "panels": 2, "density": "hostile"}
    yield case("sparse_rows", products.sparse_rows, rows=4, **sparse)
    yield case("sparse_matmul", products.sparse_matmul, rows=3, **sparse)


def update_cases() -> Iterator[Case]:
    sizes: dict[str, Any]
    for optimizer, probe, shared in FUSED:
        kernel = f"update_{WORDS[optimizer]}"
        common = {"optimizer": optimizer, "probe": probe, "shared": shared}
        for j, m in enumerate((1, 2, 3, 8, 13, 32, 255, 257)):
            sizes = {"depth": (1, 6, 7, 11, 12, 13)[j % 6], "columns": COLUMNS[j % 6]}
            yield case(kernel, updates.update, rows=m, gap=j % 2, **sizes, **common)
        for j, depth in enumerate((*range(1, 15), 25)):
            sizes = {"depth": depth, "columns": COLUMNS[j % 6]}
            yield case(kernel, updates.update, rows=5, **sizes, **common)
        # beyond a gradient block 12 w rows and 32 panels are updated at a time
        long = zip(BLOCKS, (3, 1, 25, 2, 13, 13, 5), strict=True)
        for m, depth, columns in (*((m, depth, 9) for m, depth in long), (2049, 13, 265)):
            sizes = {"depth": depth, "columns": columns}
            yield case(kernel, updates.update, rows=m, **sizes, **common)
        # long enough for gradients that are stored on the way, 64 batch rows and 24 panels at a
        # time; rows 640 doubles apart are copied
        for m, depth, columns in ((512, 640, 9), (1024, 103, 213), (513, 11, 640)):
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
    for optimizer, probe, shared in APPLIED:
        kernel = f"apply_{WORDS[optimizer]}"
        common = {"optimizer": optimizer, "probe": probe, "shared": shared}
        for j, depth in enumerate((0, 1, 2, 5, 8)):
            sizes = {"depth": depth, "columns": COLUMNS[j], "gap": j % 2}
            yield case(kernel, updates.apply, **sizes, **common)
    for word in (*stored.STEPS, "lamb"):
        for j, depth in enumerate((0, 1, 2, 5, 8)):
            sizes = {"depth": depth, "columns": COLUMNS[j], "gap": j % 2}
            yield case(f"apply_{word}", stored.apply, word=word, **sizes)
    options = {"l1_regularization_strength": 0.3, "beta": 0.2}
    for exponent in (-0.5, -0.7, -1.0, 0.0):
        sizes = {"depth": 5, "columns": 9, "learning_rate_power": exponent}
        yield case("apply_ftrl", stored.apply, word="ftrl", **sizes, **options)
    for j, depth in enumerate((0, 1, 2, 5, 8)):
        sizes = {"depth": depth, "columns": COLUMNS[j], "gap": j % 2}
        for matrix in (True, False):
            yield case("apply_adafactor", stored.apply_adafactor, matrix=matrix, **sizes)
        yield case("row_factors", stored.factors, kernel="row_factors", **sizes)
        if depth > 0:
            yield case("column_factors", stored.factors, kernel="column_factors", **sizes)
    for j, depth in enumerate((*range(0, 15), 25)):
        sizes = {"depth": depth, "columns": COLUMNS[j % 6], "gap": j % 2}
        for m in (0, 1, 5, 48):
            yield case("gradient", updates.stored_gradient, rows=m, resume=m > 1, **sizes)
    for m, depth, columns in ((65, 13, 41), (129, 9, 640), (200, 25, 17)):
        sizes = {"depth": depth, "columns": columns}
        for resume in (False, True):
            yield case("gradient", updates.stored_gradient, rows=m, resume=resume, **sizes)
    for m, depth in zip(BLOCKS, (3, 1, 25, 2, 13, 13, 5), strict=True):
        sizes = {"depth": depth, "columns": 9, "gap": depth % 2}
        yield case("gradient", updates.stored_gradient, rows=m, **sizes)
    for m in (1, 33, 1025, 4100):
        sizes = {"depth": 1, "columns": 17, "bias": True}
        yield case("gradient", updates.stored_gradient, rows=m, **sizes)
    # so many levels of the tree that fewer than 32 panels have room at once
    yield case("gradient", updates.stored_gradient, rows=16385, depth=1, columns=209)
    yield case("gradient", updates.stored_gradient, rows=1025, depth=5, columns=0)
    yield case("gradient", updates.stored_gradient, rows=1025, depth=0, columns=8)
    sizes = {"depth": 13, "columns": 8}
    yield case("gradient", updates.stored_gradient, rows=7, values="hostile", **sizes)
    for optimizer in ("adam", "sgd", "momentum"):
        kernel = f"update_{WORDS[optimizer]}"
        common = {"optimizer": optimizer, "probe": True}
        hostile = {"rows": 7, "depth": 13, "columns": 8, "values": "hostile"}
        yield case(kernel, updates.update, **hostile, **common)
        hostile = {"rows": 7, "depth": 13, "panels": 2, "density": "hostile"}
        yield case("sparse_" + kernel, updates.sparse_update, **hostile, **common)
    for m, depth, panels in (
        (1, 1, 1),
        (5, 7, 3),
        (13, 8, 2),
        (32, 30, 4),
        (9, 25, 9),
        (31, 9, 17),
    ):
        sizes = {"rows": m, "depth": depth, "panels": panels, "gap": depth % 3}
        for density in ("0.3", "normal", "0", "hostile"):
            for resume in (False, True):
                options = {"density": density, "resume": resume, **sizes}
                yield case("sparse_gradient", updates.sparse_gradient, **options)
    for m, depth, panels in ((1024, 5, 1), (0, 5, 2), (3, 0, 2), (3, 6, 0)):
        sizes = {"rows": m, "depth": depth, "panels": panels, "density": "0.5"}
        yield case("sparse_gradient", updates.sparse_gradient, **sizes)


def prepare_cases() -> Iterator[Case]:
    given: dict[str, Any]
    for t in (1, 2, 3, 7, 1000, 54321, 2**40, 2**64 - 1):
        for given in ({}, {"beta_1": 0.0}, {"beta_2": 0.0}, {"beta_1": 0.99, "beta_2": 0.9}):
            yield case("prepare_adam", updates.prepare, word="adam", rate=0.001, t=t, **given)
    for epsilon in (0.0, 1e-151, 1e-150, 1.0000001e-150, 1e-7):  # two rows may share a division
        yield case("prepare_adam", updates.prepare, word="adam", rate=0.1, t=5, epsilon=epsilon)
    for rate, momentum, flag in product((0.01, 0.0, -0.5), (0.0, 0.9), (0.0, 1.0)):
        given = {"rate": rate, "t": 3, "momentum": momentum}
        yield case("prepare_sgd", updates.prepare, word="sgd", nesterov=flag, **given)
        given |= {"rho": 0.95, "epsilon": 1e-5, "centered": flag}
        yield case("prepare_rmsprop", updates.prepare, word="rmsprop", **given)
    for word in ("sgd", "rmsprop"):
        yield case(f"prepare_{word}", updates.prepare, word=word, rate=0.001, t=2**64 - 1)
    for word in stored.PREPARED:
        for t in (1, 2, 901, 2**40) if word != "adafactor" else (1,):
            yield case(f"prepare_{word}", updates.prepare, word=word, rate=0.01, t=t)
    given = {"beta": 0.3, "learning_rate_power": -0.7}
    yield case("prepare_ftrl", updates.prepare, word="ftrl", rate=0.01, t=2, **given)
    for t in (3, 4, 5):
        given = {"warmup_steps": 4.0}
        word = "schedule_free_adamw"
        yield case(f"prepare_{word}", updates.prepare, word=word, rate=0.01, t=t, **given)
    given = {"beta_2_decay": 0.0}
    yield case("prepare_adafactor", updates.prepare, word="adafactor", rate=0.1, t=9, **given)


def gradient_cases() -> Iterator[Case]:
    """What is done to gradients before they are applied."""
    for count in (0, 8, 16, 24, 56, 88, 104, 1016):
        yield case("squares", updates.squares, count=count)
        for factor in (0.7, -0.0, 1e-300):
            yield case("multiply_by", updates.multiply_by, count=count, factor=factor)
        for limit in (0.5, 0.0, float("inf")):
            yield case("clip", updates.clip, count=count, limit=limit)
            yield case("clip", updates.clip, count=count, limit=limit, values="special")
    yield case("squares", updates.squares, count=24, values="hostile")
    for factor in (3.0, 1e10, 1e-310):
        yield case("multiply_by", updates.multiply_by, count=56, factor=factor, values="hostile")


def rule_cases() -> Iterator[Case]:
    for count, (l1, l2) in product((0, 8, 56, 1016), ((0.0, 0.0), (0.3, 0.0), (0.1, 0.7))):
        yield case("penalty", rules.penalty, count=count, l1=l1, l2=l2)
    yield case("penalty", rules.penalty, count=24, l1=0.5, l2=0.5, values="hostile")
    for rows_, columns, values in product((0, 1, 7), (1, 5, 8), ("normal", "special")):
        given = {"rows": rows_, "columns": columns, "values": values}
        yield case("regularize", rules.regularize, l1=0.3, l2=0.7, **given)
    for count in (0, 8, 56):
        yield case("clip_below", rules.clip_below, count=count)
    norms = (
        {},
        {"min_value": 1.0},
        {"min_value": 5.0, "max_value": 6.0, "rate": 0.3},
        {"min_value": 0.5, "max_value": 20.0, "epsilon": 0.0},
    )
    for options in norms:
        for squares in (0.0, 0.25, 2.0, 1e6):
            yield case("norm_factor", rules.norm_factor, squares=squares, **options)
        for size in (1, 7, 8, 9, 31, 100):
            yield case("norm_columns", rules.norm_columns, rows=size, **options)
            yield case("norm_row", rules.norm_row, columns=size, **options)


def normalization_cases() -> Iterator[Case]:
    for i, (m, panels) in enumerate(product((1, 2, 7, 8, 9, 31, 101), (1, 2, 3, 7))):
        common = {"rows": m, "panels": panels, "gap": i % 2}
        yield case("column_moments", normalization.column_moments, **common)
        yield case("affine", normalization.affine, in_place=i % 3 == 0, **common)
        yield case("normalized_sums", normalization.normalized_sums, **common)
        yield case("normalized_gradient", normalization.normalized_gradient, **common)
    for m in BLOCKS:
        yield case("normalized_sums", normalization.normalized_sums, rows=m, panels=2)
    yield case("column_moments", normalization.column_moments, rows=2049, panels=2)
    yield case("normalized_gradient", normalization.normalized_gradient, rows=2049, panels=2)
    for m, panels in ((0, 2), (3, 0), (0, 0)):
        yield case("affine", normalization.affine, rows=m, panels=panels)
        yield case("normalized_sums", normalization.normalized_sums, rows=m, panels=panels)
        yield case("normalized_gradient", normalization.normalized_gradient, rows=m, panels=panels)
    yield case("column_moments", normalization.column_moments, rows=3, panels=0)


def row_normalization_cases() -> Iterator[Case]:
    gradient = row_normalization.normalize_rows_gradient
    for i, (m, width) in enumerate(product((1, 3, 8), (1, 2, 7, 8, 9, 16, 33, 101))):
        for mode in row_normalization.MODES:
            common = {"rows": m, "width": width, "mode": mode, "gap": i % 2}
            yield case("normalize_rows", row_normalization.normalize_rows, **common)
            yield case("normalize_rows_gradient", gradient, in_place=i % 3 == 0, **common)
    for m, panels in product((0, 1, 5), (0, 1, 3)):
        for in_place in (False, True):
            options: dict[str, Any] = {
                "rows": m,
                "panels": panels,
                "in_place": in_place,
                "gap": m % 2,
            }
            yield case("standardize", row_normalization.standardize, **options)


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
                yield case("activation_relu", elementwise.relu, values=values, **common)
                yield case("activation_tanh", elementwise.tanh, values=values, **common)
            for values in ("normal", "special", "sigmoidal"):
                yield case("activation_sigmoid", elementwise.sigmoid, values=values, **common)
            leaky = {"negative_slope": 0.25, "max_value": 1.0, "threshold": -0.5}
            yield case("activation_relu", elementwise.relu, **common, **leaky)
            rescaled = {"scale": 1 / 255, "offset": -0.1, **common}
            yield case("activation_rescaling", elementwise.rescaling, **rescaled)
            yield case("activation_dropout", elementwise.dropout, rate=0.3, **common)
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
            yield case("activation_dropout", elementwise.dropout, **common, **where)
    for (m, panels), values in product(sizes, ("normal", "hostile")):
        yield case("multiply", elementwise.multiply, rows=m, panels=panels, values=values)
    for kernel, n in product(elementwise.MAPS, (0, 1, 2, 3, 7, 8, 9, 31)):
        yield case(kernel, elementwise.map_function, kernel=kernel, n=n)


SEED = 0x0123456789ABCDEF
NOISE = (
    words.Dropout(0.3, SEED, True),
    words.Dropout(0.3, SEED, False, 3, 5),
    words.Dropout(0.6, SEED, True, 40, 1),
    words.AlphaDropout(0.3, SEED),
    words.AlphaDropout(0.3, SEED, False, 2, 9),
    words.GaussianNoise(0.5, SEED),
    words.GaussianDropout(0.3, SEED),
)
ROW_WORDS = (words.LogSoftmax(), words.Sparsemax())


def activation_cases() -> Iterator[Case]:
    for name, some in activations.ELEMENTWISE.items():
        for word, (m, panels) in product(some, ((1, 1), (3, 3), (0, 2), (2, 0))):
            common = {"word": word, "rows": m, "panels": panels}
            for slope, first in ((True, True), (True, False), (False, True)):
                options = {"slope": slope, "first": first, **common}
                yield case(f"activation_{name}", activations.elementwise, **options)
            for values in ("special", "sigmoidal"):
                options = {"slope": True, "values": values, **common}
                yield case(f"activation_{name}", activations.elementwise, **options)
    places = ((0, 0, 7), (2, 3, 2**32 - 1), (1000, 5, 2**48 - 1))
    for word, (first_row, first_panel, step) in product(NOISE, places):
        where = {"first_row": first_row, "first_panel": first_panel, "step": step}
        for m, panels in ((1, 1), (3, 6), (0, 2), (2, 0)):
            common = {"word": word, "rows": m, "panels": panels, **where}
            yield case(f"activation_{word.name}", activations.noise, **common)
        common = {"word": word, "rows": 4, "panels": 2, "slope": False, "first": True, **where}
        yield case(f"activation_{word.name}", activations.noise, values="special", **common)


def activation_row_cases() -> Iterator[Case]:
    for i, outputs in enumerate((1, 2, 7, 8, 9, 20, 65)):
        for m in (0, 1, 3):
            common = {"rows": m, "outputs": outputs, "gap": i % 2}
            for word in ROW_WORDS:
                for values in ("normal", "steep", "near", "infinite"):
                    options = {"word": word, "values": values, **common}
                    yield case(word.name, activations.row_value, **options)
                for in_place in (False, True):
                    options = {"word": word, "in_place": in_place, **common}
                    yield case(f"{word.name}_gradient", activations.row_gradient, **options)
            yield case("glu", activations.glu, **common)
            yield case("glu_gradient", activations.glu_gradient, **common)
    for columns, shared, inner in ((1, 1, 1), (9, 1, 1), (24, 3, 1), (24, 2, 4), (66, 3, 11)):
        common = {"columns": columns, "shared": shared, "inner": inner}
        for m, gap in ((0, 0), (1, 0), (5, 1)):
            yield case("prelu", activations.prelu, rows=m, gap=gap, **common)
            yield case("prelu_backward", activations.prelu_backward, rows=m, gap=gap, **common)
            for resume in (False, True):
                options = {"rows": m, "resume": resume, **common}
                yield case("prelu_gradient", activations.prelu_gradient, **options)
    for m in (1024, 1025, 3100):
        yield case("prelu_gradient", activations.prelu_gradient, rows=m, columns=6, shared=2)
    yield case("prelu_gradient", activations.prelu_gradient, rows=9, columns=40, begin=2)


def factor_cases() -> Iterator[Case]:
    for columns in (1, 2, 7, 8):
        yield case("factor_block", factors.factor_block, columns=columns)
        yield case("factor_block", factors.factor_block, columns=columns, positive=False)
        for m in (0, 1, 5):
            yield case("factor_rows", factors.factor_rows, rows=m, columns=columns)
    for n in (1, 2, 7, 8, 9, 31):
        yield case("solve_factor", factors.solve_factor, n=n)


def gather_cases() -> Iterator[Case]:
    features = (1, 7, 8, 9, 30)
    for k, dtype in product((*features, 131), ("float64", "float32", "uint8")):
        yield case("code_row", elementwise.code_row, features=k, dtype=dtype)
    for dtype in ("float64", "float32", "uint8"):
        yield case("code_row", elementwise.code_row, features=30, dtype=dtype, known=False)
    for k, dtype in product(features, ("float64", "float32", "uint8", "sparse", "coded")):
        for scale, offset in ((1.0, 0.0), (1 / 255, 0.0), (0.1, -0.7)):
            options = {"features": k, "dtype": dtype, "scale": scale, "offset": offset}
            yield case("gather", elementwise.gather, rows=5, gap=k % 2, **options)
        options = {"rows": 3, "features": k, "dtype": dtype, "scale": 0.5}
        if dtype != "coded":
            yield case("list_rows", elementwise.list_rows, **options)
        pairs = (k + 1) // 2
        for m, (begin, end) in product((1, 6), ((0, pairs), (pairs // 3, pairs), (0, pairs // 2))):
            options = {"rows": m, "features": k, "dtype": dtype, "begin": begin, "end": end}
            yield case("gather_pairs", elementwise.gather_pairs, scale=0.5, **options)
    for m, dtype in (
        (103, "uint8"),
        (300, "float64"),
        (300, "sparse"),
        (300, "coded"),
        (1024, "coded"),
    ):  # more than one block of pairs
        options = {"rows": m, "features": 41, "dtype": dtype, "begin": 2, "end": 19}
        yield case("gather_pairs", elementwise.gather_pairs, **options)
    for dtype in ("float64", "float32", "uint8", "sparse"):  # blocks, the last of them not whole
        yield case("list_rows", elementwise.list_rows, rows=4, features=347, dtype=dtype)
    for builder in (elementwise.gather, elementwise.gather_pairs, elementwise.list_rows):
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
    for kind in (SPARSE, CATEGORICAL, BINARY, SQUARED):
        yield loss_case(kind, rows=0, outputs=5)


def loss_case(kind: str, **options: Any) -> Case:
    return case(f"loss_{kind}", rows.loss, kind=kind, **options)


def loss_cases(common: dict[str, Any]) -> Iterator[Case]:
    for values, gradient in product(("normal", "huge", "steep"), (True, False)):
        options = {"values": values, "gradient": gradient, **common}
        yield loss_case(SPARSE, **options)
        yield loss_case(BINARY, **options)
    for smoothing, gradient in product((0.0, 0.1), (True, False)):
        options = {"smoothing": smoothing, "gradient": gradient, **common}
        for kind, from_logits in product((CATEGORICAL, BINARY), (True, False)):
            yield loss_case(kind, from_logits=from_logits, **options)
    for kind, values in product((SPARSE, CATEGORICAL, BINARY), ("normal", "clipped")):
        yield loss_case(kind, values=values, from_logits=False, **common)
    yield loss_case(BINARY, values="sure", **common)
    yield loss_case(BINARY, values="clipped", from_logits=False, smoothing=0.1, **common)
    if common["rows"] == 3:
        yield loss_case(SPARSE, values="nan", **common)
        yield loss_case(BINARY, values="nan", **common)
    elif common["outputs"] > 2:  # the one label is of a class that is not -inf
        yield loss_case(SPARSE, values="infinite", **common)
    for gradient in (True, False):
        yield loss_case(SQUARED, gradient=gradient, **common)
    for kind in losses.KINDS:
        if kind != "gaussian_nll" or common["outputs"] % 2 == 0:
            yield word_loss_case(kind, **common)
            yield word_loss_case(kind, gradient=False, **common)
        if "from_logits" in CATALOG["loss"][kind][1]:
            yield word_loss_case(kind, from_logits=True, **common)


def word_loss_case(kind: str, **options: Any) -> Case:
    return case(f"loss_{kind}", losses.word_loss, kind=kind, **options)


def all_cases() -> list[Case]:
    groups = (
        product_cases,
        update_cases,
        prepare_cases,
        gradient_cases,
        rule_cases,
        normalization_cases,
        row_normalization_cases,
        elementwise_cases,
        activation_cases,
        activation_row_cases,
        factor_cases,
        gather_cases,
        row_cases,
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
    case("sparse_gradient", updates.sparse_gradient, rows=32, depth=784, panels=16, density="0.19"),
    *(
        case(f"apply_{word}", updates.apply, optimizer=word, depth=32, columns=16, probe=False)
        for word in ("adam", "sgd", "rmsprop")
    ),
    *(
        case(f"apply_{word}", stored.apply, word=word, depth=32, columns=16)
        for word in (*stored.STEPS, "lamb")
    ),
    case("apply_adafactor", stored.apply_adafactor, depth=32, columns=16, matrix=True),
    *(
        case(kernel, stored.factors, kernel=kernel, depth=784, columns=128)
        for kernel in ("row_factors", "column_factors")
    ),
    *(
        case(f"prepare_{word}", updates.prepare, word=word, rate=0.001, t=1000)
        for word in ("adam", "sgd", "rmsprop", *stored.PREPARED)
    ),
    case("squares", updates.squares, count=784 * 128),
    case("multiply_by", updates.multiply_by, count=784 * 128, factor=0.5),
    case("clip", updates.clip, count=784 * 128, limit=0.5),
    case("penalty", rules.penalty, count=784 * 128, l1=0.1, l2=0.1),
    case("regularize", rules.regularize, rows=784, columns=8, l1=0.1, l2=0.1),
    case("clip_below", rules.clip_below, count=784 * 128),
    case("norm_factor", rules.norm_factor, squares=2.0),
    case("norm_columns", rules.norm_columns, rows=784),
    case("norm_row", rules.norm_row, columns=128),
    *(
        case(builder.__name__, builder, rows=256, panels=16)
        for builder in (
            normalization.column_moments,
            normalization.affine,
            normalization.normalized_sums,
            normalization.normalized_gradient,
        )
    ),
    case("standardize", row_normalization.standardize, rows=256, panels=16),
    case("normalize_rows", row_normalization.normalize_rows, rows=256, width=128, mode="layer"),
    case(
        "normalize_rows_gradient",
        row_normalization.normalize_rows_gradient,
        rows=256,
        width=128,
        mode="layer",
    ),
    case("sparse_rows", products.sparse_rows, rows=48, depth=784, panels=16, density="0.19"),
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
        case("list_rows", elementwise.list_rows, rows=48, features=784, dtype=dtype)
        for dtype in ("float64", "uint8")
    ),
    *(
        case("gather_pairs", elementwise.gather_pairs, rows=32, features=784, dtype=dtype)
        for dtype in ("float64", "uint8", "coded")
    ),
    *(
        case("code_row", elementwise.code_row, features=784, dtype=dtype)
        for dtype in ("float64", "uint8")
    ),
    case("factor_block", factors.factor_block, columns=8),
    case("factor_rows", factors.factor_rows, rows=64, columns=8),
    case("solve_factor", factors.solve_factor, n=40),
    case("add_bias", elementwise.add_bias, rows=32, panels=16, slope=True),
    *(
        case(f"activation_{word}", builder, rows=32, panels=16, slope=True, **options)
        for word, builder, options in (
            ("relu", elementwise.relu, {}),
            ("tanh", elementwise.tanh, {}),
            ("sigmoid", elementwise.sigmoid, {}),
            ("rescaling", elementwise.rescaling, {"scale": 1 / 255}),
            ("dropout", elementwise.dropout, {"rate": 0.2}),
        )
    ),
    *(
        case(
            f"activation_{name}",
            activations.elementwise,
            word=some[0],
            rows=32,
            panels=16,
            slope=True,
        )
        for name, some in activations.ELEMENTWISE.items()
    ),
    *(
        case(f"activation_{word.name}", activations.noise, word=word, rows=32, panels=16)
        for word in NOISE[3::2]
    ),
    case("activation_gaussian_dropout", activations.noise, word=NOISE[-1], rows=32, panels=16),
    *(case(w.name, activations.row_value, word=w, rows=32, outputs=10) for w in ROW_WORDS),
    *(
        case(f"{w.name}_gradient", activations.row_gradient, word=w, rows=32, outputs=10)
        for w in ROW_WORDS
    ),
    case("glu", activations.glu, rows=32, outputs=64),
    case("glu_gradient", activations.glu_gradient, rows=32, outputs=64),
    case("prelu", activations.prelu, rows=32, columns=128),
    case("prelu_backward", activations.prelu_backward, rows=32, columns=128),
    case("prelu_gradient", activations.prelu_gradient, rows=32, columns=128),
    case("multiply", elementwise.multiply, rows=32, panels=16),
    case("softmax", rows.softmax, rows=32, outputs=10),
    case("softmax_gradient", rows.softmax_gradient, rows=32, outputs=10),
    loss_case(SPARSE, rows=32, outputs=10),
    loss_case(CATEGORICAL, rows=32, outputs=10, from_logits=False),
    loss_case(BINARY, rows=32, outputs=10),
    loss_case(SQUARED, rows=32, outputs=10),
    *[word_loss_case(kind, rows=32, outputs=10) for kind in losses.KINDS],
    *(case(kernel, elementwise.map_function, kernel=kernel, n=1024) for kernel in elementwise.MAPS),
]
