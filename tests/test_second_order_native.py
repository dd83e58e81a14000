"""Derivatives of outputs and curvature by the native engine: the reference engine's numbers, and
the same bits for any number of threads and on every instruction set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import JOBS
from kernels.exact import chain

import fastmlp
from fastmlp import _core
from fastmlp.engine import Network, Training
from fastmlp.engine.door import Data
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.words import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Dense,
    MeanSquaredError,
    Relu,
    Sgd,
    Sigmoid,
    Softmax,
    SparseCategoricalCrossentropy,
    Tanh,
)

SMALL = [
    job
    for job in JOBS
    if sum(int(np.prod(shape)) for shape in job.network.parameter_shapes) <= 4000
]


def assert_close(found: Any, wanted: Any) -> None:
    """Other orders of sums: some roundings of the largest element."""
    assert found.shape == wanted.shape
    largest = np.abs(wanted).max(initial=1e-300)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * largest)


@pytest.mark.parametrize("job", SMALL, ids=lambda job: job.name)
def test_jacobians(job: Any) -> None:
    """Of every kind of network; frozen layers have zeros."""
    engines: list[Any] = [
        engine(job.network, job.training) for engine in (NativeEngine, ReferenceEngine)
    ]
    x = job.data().x[:37]
    for engine in engines:
        job.initialise(engine)
    native, reference = engines
    for wrt in ("parameters", "inputs"):
        assert_close(native.jacobian(x, wrt), reference.jacobian(x, wrt))


LOSSES = [
    MeanSquaredError(),
    MeanSquaredError(reduction="sum"),
    SparseCategoricalCrossentropy(from_logits=True),
    CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    BinaryCrossentropy(from_logits=True),
    SparseCategoricalCrossentropy(),
    BinaryCrossentropy(),
]


def curved(loss: Any, engine: Any = NativeEngine, n: int = 70) -> tuple[Any, Data]:
    """A network of 89 weights with that loss, and samples for it."""
    last = [] if getattr(loss, "from_logits", True) else [Softmax()]
    if isinstance(loss, BinaryCrossentropy) and last:
        last = [Sigmoid()]
    operations = (Dense(5, 7), Tanh(), Dense(7, 4), Relu(0.1), Dense(4, 3), *last)
    made = engine(Network(5, operations), Training(loss, Sgd()))
    rng = np.random.default_rng(0)
    for i, shape in enumerate(made._made_from[0].parameter_shapes if engine is NativeEngine
                              else made.network.parameter_shapes):  # fmt: skip
        made.write_parameter(i, rng.normal(size=shape))
    targets: Any = rng.integers(0, 3, n).astype(np.int32)
    if not loss.class_indices:
        targets = rng.random((n, 3))
    return made, Data(rng.normal(size=(n, 5)), targets, rng.random(n))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_curvature(loss: Any) -> None:
    (native, data), (reference, _) = (curved(loss, e) for e in (NativeEngine, ReferenceEngine))
    rows = np.random.default_rng(2).permutation(70)[:51]
    matrix = native.gauss_newton(data, rows)
    assert_close(matrix, reference.gauss_newton(data, rows))
    v = np.random.default_rng(3).normal(size=len(matrix))
    assert_close(native.gauss_newton_operator(data, rows).product(v), matrix @ v)
    np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize("inputs", [1, 2, 5, 6, 7, 22, 23, 24, 46, 47, 48, 95, 100, 193])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1031])
def test_products_of_rows_of_every_width(inputs: int, n: int) -> None:
    """Around the strips of 24 columns and groups of them, to the bit: a chain over the rows of
    1,024 samples, then those of the next."""
    engine, data = made_linear(inputs, n)
    rows = engine.jacobian(data.x, "parameters")[:, 0]
    assert rows.shape == (n, inputs + 1)
    matrix = np.zeros((inputs + 1, inputs + 1))
    engine._network.gauss_newton(data.x, np.ones((n, 1, 1)), matrix)
    parts = [chain(np.ascontiguousarray(r.T), r) for r in (rows[:1024], rows[1024:])]
    assert matrix.tobytes() == (parts[0] + parts[1]).tobytes()
    before = matrix.copy()  # which is added to
    engine._network.gauss_newton(data.x[:2], np.ones((min(n, 2), 1, 1)), matrix)
    np.testing.assert_array_equal(
        matrix, before + chain(np.ascontiguousarray(rows[:2].T), rows[:2])
    )


def made_linear(inputs: int, n: int) -> tuple[Any, Data]:
    """Its rows are the inputs, and 1."""
    engine = NativeEngine(Network(inputs, (Dense(inputs, 1),)), Training(MeanSquaredError(), Sgd()))
    rng = np.random.default_rng(inputs)
    return engine, Data(rng.normal(size=(n, inputs)), np.zeros((n, 1)), None)


def test_more_rows_a_sample_than_a_chain_has() -> None:
    """1,500 seeds of each sample: chains of 1,024 and 476 rows."""
    engine, data = made_linear(9, 3)
    seeds = np.random.default_rng(0).normal(size=(3, 1500, 1))
    rows = engine._network.pull(data.x, True, seeds, False)
    matrix = np.zeros((10, 10))
    engine._network.gauss_newton(data.x, seeds, matrix)
    wanted = np.zeros((10, 10))
    for of_sample in rows:
        for part in (of_sample[:1024], of_sample[1024:]):
            wanted += chain(np.ascontiguousarray(part.T), part)
    assert matrix.tobytes() == wanted.tobytes()


def test_a_loss_without_curvature_is_refused() -> None:
    from fastmlp.engine.words import MeanAbsoluteError

    native, data = curved(MeanAbsoluteError())
    with pytest.raises(ValueError, match="LBFGS takes any loss"):
        native.gauss_newton(data, np.arange(70))


def everything(n: int) -> list[Any]:
    """Results whose bits are compared: of several blocks, and long enough for several threads."""
    native, data = curved(MeanSquaredError(), n=3000)
    rows = np.arange(3000)
    rng = np.random.default_rng(4)
    a = rng.normal(size=(n, n + 3))
    lower = native.factor(a @ a.T + np.eye(n))
    assert lower is not None
    return [
        native.jacobian(data.x, "parameters"),
        native.jacobian(data.x, "inputs"),
        native.gauss_newton(data, rows),
        native.gauss_newton_operator(data, rows).product(rng.normal(size=89)),
        lower,
        native.solve(lower, rng.normal(size=n)),
        np.array(native.dot(a[0], a[1])),
    ]


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if _core.isa_usable(isa)])
def test_same_bits(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product of a @ a.T is NumPy's, once; FASTMLP_ISA holds for networks."""
    before, expected = fastmlp.get_num_threads(), everything(203)
    monkeypatch.setenv("FASTMLP_ISA", isa)
    try:
        for threads in (1, 2, 3, 5):
            fastmlp.set_num_threads(threads)
            for found, wanted in zip(everything(203), expected, strict=True):
                assert found.tobytes() == wanted.tobytes()
    finally:
        fastmlp.set_num_threads(before)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 17, 61, 128, 203])
def test_factors(n: int) -> None:
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, n))
    matrix = a @ a.T + n * np.eye(n)
    garbage = np.where(np.triu(np.ones((n, n)), 1) > 0, np.nan, matrix)  # is not read
    lower = _core.factor(garbage)
    assert lower is not None
    np.testing.assert_array_equal(np.triu(lower, 1), 0.0)
    # roundings of sums of n squares
    np.testing.assert_allclose(lower @ lower.T, matrix, atol=1e-14 * n * matrix.max())
    b = rng.normal(size=n)
    # of a matrix whose condition is below 1,000: so many roundings of b
    np.testing.assert_allclose(matrix @ _core.solve(lower, b), b, atol=1e-11)


def test_repeats() -> None:
    """Threads race for nothing: hundreds of times the same bits."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(131, 140))
    matrix = a @ a.T
    before, wanted = fastmlp.get_num_threads(), _core.factor(matrix)
    assert wanted is not None
    native, data = curved(MeanSquaredError(), n=501)
    jacobian = native.jacobian(data.x, "parameters")
    curvature = native.gauss_newton(data, np.arange(501))
    try:
        for threads in (2, 3):
            fastmlp.set_num_threads(threads)
            for _ in range(200):
                assert _core.factor(matrix).tobytes() == wanted.tobytes()
                assert native.jacobian(data.x, "parameters").tobytes() == jacobian.tobytes()
                assert native.gauss_newton(data, np.arange(501)).tobytes() == curvature.tobytes()
    finally:
        fastmlp.set_num_threads(before)


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 7, 8, 20])
def test_what_is_not_positive_definite_has_no_factor(bad: float, at: int) -> None:
    matrix = np.eye(21)
    matrix[at, at] = bad
    assert _core.factor(matrix) is None


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="matrix"):
        _core.factor(np.eye(3)[:2])
    with pytest.raises(ValueError, match="lower"):
        _core.solve(np.eye(3), np.zeros(2))
    native, data = curved(MeanSquaredError())
    with pytest.raises(ValueError, match="seeds"):
        native._network.pull(data.x, False, np.zeros((70, 2, 2)), False)
    with pytest.raises(ValueError, match="seeds"):
        native._network.gauss_newton(data.x, np.zeros((70, 2, 2)), np.zeros((89, 89)))
    with pytest.raises(ValueError, match="matrix"):
        native._network.gauss_newton(data.x, np.zeros((70, 1, 3)), np.zeros((89, 88)))
    with pytest.raises(ValueError, match="argument"):
        native._network.gauss_newton(data.x, np.zeros((70, 0, 3)), np.zeros((89, 89)))
