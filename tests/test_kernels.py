"""Every kernel on every instruction set, at its edges, between guards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.cases import BENCHMARKS, Case, all_cases
from kernels.exact import EPS, chain, equal_bits, fma, fma_scalar, same_bits, tree
from kernels.header import (
    CONSTANT_PLACES,
    CONSTANTS,
    CSRC,
    FAMILIES,
    FAMILY_WORDS,
    GRADIENT_BLOCK,
    KERNELS,
    MAX_SLOTS,
    PANEL,
    PLACES,
    TRANSPOSE_SCRATCH,
)
from kernels.layout import HOSTILE, draw, normal
from kernels.memory import Call, Want, run_guarded
from kernels.normalization import affine, column_moments
from kernels.products import matmul, matmul_transposed
from kernels.updates import (
    FUSED,
    RMSPROPS,
    UPDATE,
    apply,
    prepare,
    sparse_gradient,
    sparse_update,
    squares,
    stored_gradient,
    update,
)
from kernels.words import CATALOG

from fastmlp import _core

ISAS = [name for name in _core.isas() if _core.isa_usable(name)]
CASES = all_cases()


def assert_wanted(want: Want, got: np.ndarray, path: str) -> None:
    """To the bit where the tolerance is 0, and NaN or infinite exactly where expected."""
    assert got.shape == want.values.shape
    where = np.ones(got.shape, bool) if want.where is None else want.where
    expected, found = np.asarray(want.values)[where], got[where]
    right = equal_bits(expected, found)
    if got.dtype == np.float64:
        with np.errstate(invalid="ignore"):
            close = np.abs(found - expected) <= np.broadcast_to(want.tolerance, got.shape)[where]
        right |= close & np.isfinite(expected)
    wrong = np.flatnonzero(~right)[:3]
    assert right.all(), f"{path}: {expected[wrong]} expected, {found[wrong]} found"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernel(case: Case) -> None:
    """What each instruction set computes is what is expected, and the bits of the baseline's."""
    call = case.build()
    wants = call.expected()
    results = {isa: run_guarded(call, isa) for isa in ISAS}
    for isa, result in results.items():
        for path, want in wants.items():
            assert_wanted(want, result[path], f"{path} on {isa}")
        for path in result.keys() - unspecified(call):
            where = wants[path].where if path in wants else None
            same = same_bits(result[path][where], results["baseline"][path][where])
            assert same, f"{path}: {isa} and baseline differ"


def unspecified(call: Call) -> set[str]:
    """What a kernel may leave in any state."""
    if call.kernel.startswith("prepare_"):
        return {"update"}  # but for what is expected of it, which is all that is used
    no_gradient = call.kernel.startswith("loss_") and call.arguments["rows"]["scale"] is None
    return {"scratch", *(["rows.dy"] if no_gradient else [])}


def test_no_kernel_is_missed() -> None:
    """All kernels of the table have cases and a benchmark, and the lists were read whole."""
    text = (CSRC / "kernels.h").read_text()
    assert len(FAMILIES) == text.count("    F(")
    members = sum(len(FAMILY_WORDS[family]) for family in FAMILIES)
    assert len(KERNELS) == text.count("    X(") + members
    operations = [*CATALOG["operation"]]
    assert FAMILY_WORDS["activation"] == operations[operations.index("relu") :]
    assert FAMILY_WORDS["loss"] == [*CATALOG["loss"]]
    assert FAMILY_WORDS["prepare"] == FAMILY_WORDS["apply"] == [*CATALOG["optimizer"]]
    assert {case.kernel for case in CASES} == set(KERNELS)
    assert {case.kernel for case in BENCHMARKS} == set(KERNELS)


def test_the_headers_constants_were_read() -> None:
    assert (PANEL, GRADIENT_BLOCK, TRANSPOSE_SCRATCH % PANEL) == (8, 1024, 0)
    assert CONSTANTS["FM_UINT8"] == 2
    assert (PLACES["ADAM_EPSILON"], PLACES["RMSPROP_CENTERED"]) == (3, 2)
    assert max(PLACES.values()) < CONSTANT_PLACES


@pytest.mark.parametrize("isa", ISAS)
def test_the_table_has_the_families_kernels_and_no_others(isa: str) -> None:
    """An address for each that is listed; none for words of no family, layers among them, nor
    where an optimizer is not fused."""
    assert len({_core.kernel_address(isa, name) for name in KERNELS}) == len(KERNELS)
    stored = set(FAMILY_WORDS["apply"]) - set(FAMILY_WORDS["update"])
    assert stored
    names = [f"{family}_{word}" for family in ("update", "sparse_update") for word in stored]
    for name in [*names, "activation_dense", "activation_", "loss_relu", "apply_Adam", "loss"]:
        with pytest.raises(ValueError, match=name):
            _core.kernel_address(isa, name)


def test_unknown_kernels_and_instruction_sets_have_no_address() -> None:
    with pytest.raises(ValueError, match="'nothing'"):
        _core.kernel_address("baseline", "nothing")
    with pytest.raises(ValueError, match="'mmx'"):
        _core.kernel_address("mmx", "matmul")


# -- the emulation that the products are held to


@pytest.mark.parametrize("values", ["normal", "hostile"])
def test_emulated_fma_is_correctly_rounded(values: str) -> None:
    """Against rational arithmetic, with c often near -a b, where a second rounding would show."""
    a, b, noise = draw(values, "a", 2000), draw(values, "b", 2000), draw(values, "c", 2000)
    with np.errstate(over="ignore"):
        near = -a * b * (1.0 + np.round(noise) * 2.0**-52)
    c = np.where(np.arange(2000) % 2 == 0, noise, near)
    want = np.array([fma_scalar(*map(float, abc)) for abc in zip(a, b, c, strict=True)])
    assert same_bits(fma(a, b, c), want)
    with np.errstate(over="ignore", invalid="ignore"):
        assert not same_bits(a * b + c, want)  # two roundings are not the same


def test_emulated_fma_keeps_signs_of_zero() -> None:
    zero, one = np.array([0.0]), np.array([1.0])
    assert np.signbit(fma(-zero, one, -zero))
    assert not np.signbit(fma(-zero, one, zero))
    assert not np.signbit(fma(one, one, -one))


# -- what one kernel promises about another


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for path in a:
        assert same_bits(a[path], b[path]), path


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("transposed", [False, True])
def test_a_row_does_not_depend_on_its_batch(isa: str, transposed: bool) -> None:
    """Products of any run of rows have the bits of the whole batch's."""

    def call(rows: int) -> Call:
        if transposed:
            return matmul_transposed(rows, 300, 37, 5)
        return matmul(rows, 300, 5)

    whole = call(101)
    y = run_guarded(whole, isa)["y"]
    for first, last in ((0, 1), (3, 5), (50, 53), (7, 20), (13, 48), (0, 97), (100, 101)):
        part = call(last - first)
        part.arguments["x"] = whole.arguments["x"][first:last]
        assert same_bits(run_guarded(part, isa)["y"], y[first:last])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_row_spoils_no_other(isa: str, bad: float) -> None:
    call = matmul(13, 40, 3)
    good = run_guarded(call, isa)["y"]
    call.arguments["x"] = call.arguments["x"].copy()
    call.arguments["x"][6, 5] = bad
    y = run_guarded(call, isa)["y"]
    assert not np.isfinite(y[6]).any()
    others = np.arange(13) != 6
    assert same_bits(y[others], good[others])


def _parameters(after: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What an update leaves, without its scratch."""
    return {path: array for path, array in after.items() if path.startswith("w.")}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("optimizer", FUSED)
@pytest.mark.parametrize("shared", [False, True])
def test_sparse_and_dense_updates_are_one(isa: str, optimizer: str, shared: bool) -> None:
    """The update by lists of non-zeros leaves the bits of the dense update: where the lists are
    of all pairs that are active, and, with zero moments and inputs, where they are not."""
    sizes: dict[str, Any] = {"rows": 9, "depth": 25, "probe": False, "shared": shared}
    sparse = sparse_update(optimizer, panels=5, density="0.3", **sizes)
    dense = update(optimizer, columns=40, values="0.3", **sizes)
    active = np.repeat(sparse.arguments["active"], 2)[:25].astype(bool)
    for w in (sparse.arguments["w"], dense.arguments["w"]):
        for slot in w["slot"]:
            if slot is not None:
                slot[:, ~active] = 0.0
    dense.arguments["x"] = dense.arguments["x"].copy()
    dense.arguments["x"][:, np.flatnonzero(~active)] = 0.0
    dense.arguments["dz"][:, :40] = sparse.arguments["dz"][:, :40]
    after = run_guarded(sparse, isa)
    assert_same(after, _parameters(run_guarded(dense, isa)))


@pytest.mark.parametrize("isa", ISAS)
def test_roots_by_fma_change_no_bit(isa: str) -> None:
    """Nine panels, so that the strip with Adam behind its products is among them; one moment is
    0, one subnormal and one huge, which take the divider all the same."""
    sizes: dict[str, Any] = {"rows": 9, "depth": 25, "probe": False, "shared": True}
    call = sparse_update("adam", panels=9, density="0.3", **sizes)
    v = call.arguments["w"]["slot"][1]
    v[0, 4, :3] = (0.0, 2.0**-1060, 2.0**1000)
    by_divider = run_guarded(call, isa)
    call.arguments["update"]["divider_is_limit"] = True
    assert_same(run_guarded(call, isa), by_divider)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shared", [False, True])
def test_an_update_in_parts_is_the_update(isa: str, shared: bool) -> None:
    """Threads share a kernel by its rows, in panels of the layer below, or by its panels."""
    call = update("adam", rows=13, depth=37, columns=40, probe=False, shared=shared)
    whole = run_guarded(call, isa)
    w, x, dz = (call.arguments[name] for name in ("w", "x", "dz"))
    parts = [(slice(0, 8), slice(0, 5)), (slice(8, 37), slice(0, 2)), (slice(8, 37), slice(2, 5))]
    for rows, panels in parts:
        arrays = [None if a is None else a[panels, rows].copy() for a in (w["value"], *w["slot"])]
        part = Call(
            "update_adam",
            call.arguments
            | {
                "w": {
                    "value": arrays[0],
                    "slot": arrays[1:],
                    "panel_stride": (rows.stop - rows.start) * PANEL,
                },
                "x": x[:, rows].copy(),
                "x_stride": rows.stop - rows.start,
                "dz": dz[:, panels.start * PANEL : panels.stop * PANEL].copy(),
                "dz_stride": (panels.stop - panels.start) * PANEL,
                "depth": rows.stop - rows.start,
                "panels": panels.stop - panels.start,
            },
            dict.fromkeys(call.writes),
            dict,
        )
        wanted = {path: array[panels, rows] for path, array in _parameters(whole).items()}
        assert_same(_parameters(run_guarded(part, isa)), wanted)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("density", ["0.3", "normal"])
def test_sparse_and_dense_gradients_are_one(isa: str, density: str) -> None:
    sizes = {"rows": 31, "depth": 25}
    sparse = sparse_gradient(panels=11, density=density, **sizes)
    dense = stored_gradient(columns=88, values=density, **sizes)
    g = run_guarded(sparse, isa)["g"]
    assert np.any(g)
    assert same_bits(run_guarded(dense, isa)["g"], g)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("optimizer", "shared"), [*((name, False) for name in FUSED), ("adam", True)]
)
@pytest.mark.parametrize("rows", [9, 2049])
def test_a_stored_gradient_that_is_applied_is_the_update(
    isa: str, optimizer: str, shared: bool, rows: int
) -> None:
    sizes: dict[str, Any] = {"depth": 15, "columns": 43}
    fused = update(optimizer, rows=rows, probe=False, shared=shared, **sizes)
    g = run_guarded(stored_gradient(rows=rows, **sizes), isa)["g"]
    stored = apply(optimizer, probe=False, shared=shared, **sizes)
    stored.arguments["g"] = g
    assert_same(run_guarded(stored, isa), _parameters(run_guarded(fused, isa)))


@pytest.mark.parametrize("isa", ISAS)
def test_a_resumed_gradient_is_the_whole_batchs(isa: str) -> None:
    """Blocks of rows one after the other, as a tail that works block by block forms them."""
    sizes: dict[str, Any] = {"depth": 13, "columns": 9}
    whole = stored_gradient(rows=1024, **sizes)
    g = np.full_like(whole.arguments["g"], np.nan)
    for first, last in ((0, 100), (100, 101), (101, 1024)):
        part = stored_gradient(rows=last - first, resume=first > 0, **sizes)
        part.arguments["g"] = g
        for name in ("x", "dz"):
            part.arguments[name] = whole.arguments[name][first:last]
        g = run_guarded(part, isa)["g"]
    assert same_bits(g, run_guarded(whole, isa)["g"])


def test_the_tree_is_the_contracts() -> None:
    """Seven blocks, written out; the order matters for these numbers."""
    blocks = [np.array([1.0]), *[np.array([2.0**-53])] * 6]
    a, b, c, d, e, f, g = blocks
    assert same_bits(tree(blocks), ((a + b) + (c + d)) + ((e + f) + g))
    assert not same_bits(tree(blocks), np.array([sum(float(x[0]) for x in blocks)]))
    assert same_bits(tree(blocks[:5]), ((a + b) + (c + d)) + e)
    assert same_bits(tree(blocks[:1]), a)


@pytest.mark.parametrize("t", [1, 2, 10, 100, 1000, 10**4, 10**6])
def test_adams_rate_is_that_of_the_formula(t: int) -> None:
    """Beside powers that are no product of factors. b^t by squaring is off by t EPS of itself at
    most, so that 1 - b^t is by EPS / (1 - b), since t b^t / (1 - b^t) is below 1 / (1 - b)."""
    b_1, b_2 = np.longdouble(0.9), np.longdouble(0.999)
    want = 0.001 * np.sqrt(1 - b_2**t) / (1 - b_1**t)
    result = run_guarded(prepare("adam", 0.001, t), "baseline")["update"].view(UPDATE)
    alpha = result["constant"][0, PLACES["ADAM_ALPHA"]]
    error = EPS / (1 - 0.9) + EPS / (1 - 0.999) / 2 + 4 * EPS
    assert np.all(np.abs(alpha - want) <= error * want)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_sum_of_squares_shows_a_bad_gradient(isa: str, bad: float) -> None:
    for place in (0, 7, 8, 55):
        call = squares(56)
        call.arguments["g"][place] = bad
        assert not np.isfinite(run_guarded(call, isa)["return"])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rows", [2, 37, 1025, 3000])
def test_a_normalized_batch_has_mean_0_and_variance_1(isa: str, rows: int) -> None:
    """Moments, then the transformation by them, then moments again. The mean of numbers near
    1000 is off by sqrt(rows) roundings of their size, and their sum by as many again."""
    call = column_moments(rows, 3)
    moments = run_guarded(call, isa)
    inverse = 1.0 / np.sqrt(moments["variance"])
    normalizing = affine(rows, 3)
    normalizing.arguments |= {
        "x": call.arguments["x"],
        "scale": inverse,
        "shift": -moments["mean"] * inverse,
    }
    call.arguments["x"] = run_guarded(normalizing, isa)["y"]
    after = run_guarded(call, isa)
    error = 2 * EPS * 1000 * rows**0.5 * inverse.max()
    assert np.abs(after["mean"]).max() <= error
    assert np.abs(after["variance"] - 1).max() <= 2 * error


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("optimizer", [*FUSED, *RMSPROPS])
def test_padding_of_parameters_stays_zero(isa: str, optimizer: str) -> None:
    """Ten steps on 5 columns of a panel of 8; the other three have no gradient."""
    if optimizer in FUSED:
        call = update(optimizer, rows=9, depth=4, columns=5, probe=False)
    else:
        call = apply(optimizer, depth=4, columns=5, probe=False)
    w = call.arguments["w"]
    for _ in range(10):
        results = run_guarded(call, isa)
        w["value"] = results["w.value"]
        w["slot"] = [results.get(f"w.slot.{i}") for i in range(MAX_SLOTS)]
    for array in _parameters(results).values():
        assert same_bits(array[:, :, 5:], np.zeros_like(array[:, :, 5:]))
        assert np.all(array[:, :, :5] != 0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(1, 12),
    st.integers(0, 40),
    st.integers(1, 4),
    st.lists(st.floats(width=64, allow_nan=False, allow_infinity=False), min_size=1, max_size=9),
)
def test_products_of_any_finite_numbers(
    rows: int, depth: int, panels: int, values: list[float]
) -> None:
    """Any finite inputs: overflow, subnormals and cancellation round like an exact FMA."""
    call = matmul(rows, depth, panels)
    x = np.resize(np.array([*values, *HOSTILE]), (rows, depth))
    call.arguments["x"] = np.resize(x, (rows, -(-depth // PANEL) * PANEL)) if depth else x
    x = call.arguments["x"][:, :depth]
    w = normal("w", depth, panels * PANEL)
    want = chain(x, w)
    for isa in ISAS:
        assert same_bits(run_guarded(call, isa)["y"], want)
