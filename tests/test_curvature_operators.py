"""Gauss and Newton's matrix by its products and its diagonal, without rows of a Jacobian: what
the rows give, in networks of every kind, and the same bits for any number of threads and on every
instruction set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine_cases import JOBS, sparse_rows
from layer_jobs import LAYER_JOBS

import fastmlp
from fastmlp import _core
from fastmlp.engine import Network, Training, native_curvature
from fastmlp.engine.door import Data
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.words import (
    BatchNormalization,
    BinaryCrossentropy,
    Dense,
    Glu,
    LogSoftmax,
    MeanSquaredError,
    Operation,
    Prelu,
    Relu,
    Repeat,
    Reshape,
    RowNormalization,
    Scaling,
    Sgd,
    Sigmoid,
    Softmax,
    SparseCategoricalCrossentropy,
    Sparsemax,
    Tanh,
    Transpose,
)

# Besides those of the jobs: stages in the middle, whose change is that of what is below them.
KINDS: dict[str, tuple[int, tuple[Operation, ...]]] = {
    "log softmax": (5, (Dense(5, 9), LogSoftmax(), Dense(9, 3), LogSoftmax())),
    "gated": (5, (Dense(5, 14), Glu(), Dense(7, 6), Glu())),
    "softmax": (5, (Dense(5, 9), Softmax(), Tanh(), Dense(9, 3), Sparsemax())),
    "slopes": (5, (Prelu(), Dense(5, 9), Prelu(), Dense(9, 3), Prelu(trainable=False))),
    "rows by moments": (5, (Dense(5, 9), RowNormalization(), Scaling(), Dense(9, 3))),
    "rows by lengths": (5, (Dense(5, 9), RowNormalization(unit=True, center=False), Dense(9, 3))),
    "columns by moments": (5, (BatchNormalization(), Dense(5, 9), BatchNormalization(), Tanh())),
    "only shifted": (5, (Dense(5, 9), BatchNormalization(scale=False), Dense(9, 3))),
    "laid out anew": (6, (Dense(6, 12), Reshape(4), Dense(4, 3), Tanh(), Transpose(3, 3, 1))),
    "repeated": (6, (Dense(6, 4), Tanh(), Repeat(3), Dense(4, 2), Reshape(6), Dense(6, 3))),
    "frozen below": (5, (Dense(5, 9, trainable=False), Tanh(), Dense(9, 3))),
    "frozen above": (5, (Dense(5, 9), Tanh(), Dense(9, 3, use_bias=False, trainable=False))),
    "frozen": (5, (Dense(5, 9, trainable=False),)),
    "nothing to train": (5, (Relu(),)),
    "wide": (70, (Dense(70, 33), Tanh(), Dense(33, 2))),
}
SMALL = [
    job
    for job in (*JOBS, *LAYER_JOBS)
    if sum(int(np.prod(shape)) for shape in job.network.parameter_shapes) <= 4000
]
SQUARED = Training(MeanSquaredError(), Sgd())


def made(operations: tuple[Operation, ...], inputs: int, training: Training = SQUARED) -> Any:
    """A native engine with weights of order 1."""
    network = Network(inputs, operations)
    engine = NativeEngine(network, training)
    rng = np.random.default_rng(0)
    for i, (shape, role) in enumerate(zip(network.parameter_shapes, network.roles, strict=True)):
        engine.write_parameter(i, rng.random(shape) + (0.1 if role == "state" else -0.5))
    return engine


def drawn(engine: Any, n: int, seed: int = 1) -> Data:
    """n samples for it, of real targets."""
    network, rng = engine._made_from[0], np.random.default_rng(seed)
    targets = rng.normal(size=(n, network.split * network.outputs))
    weights = rng.random((n, network.split) if network.split > 1 else n)
    return Data(rng.normal(size=(n, network.inputs)), targets, weights)


def check(engine: Any, data: Data, rows: Any) -> None:
    """Sums of products of its rows, in another order: some roundings of the largest."""
    root = engine.gauss_newton_root(data, rows)
    v = np.random.default_rng(2).normal(size=root.shape[1])
    operator = engine.gauss_newton_operator(data, rows)
    pairs = [
        (operator.product(v), root.T @ (root @ v)),
        (operator.diagonal(), np.square(root).sum(axis=0)),
    ]
    for found, wanted in pairs:
        largest = np.abs(wanted).max(initial=1e-300)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * largest)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n", [1, 3, 150])
def test_kinds(name: str, n: int) -> None:
    inputs, operations = KINDS[name]
    engine = made(operations, inputs)
    check(engine, drawn(engine, n), np.arange(n))


@pytest.mark.parametrize("job", SMALL, ids=lambda job: job.name)
def test_jobs(job: Any) -> None:
    """Every kind of network that is trained elsewhere, with squares for a loss."""
    engine = NativeEngine(job.network, SQUARED)
    job = replace(job, training=SQUARED)
    job.initialise(engine)
    data = job.data()
    check(engine, data, np.arange(min(len(data.x), 130)))


@pytest.mark.parametrize("n", [63, 64, 65, 255, 256, 257, 1023, 1025, 2049])
@pytest.mark.parametrize("name", ["wide", "columns by moments", "repeated"])
def test_blocks_of_samples(name: str, n: int) -> None:
    inputs, operations = KINDS[name]
    engine = made(operations, inputs)
    check(engine, drawn(engine, n), np.arange(n))


LOSSES = [SparseCategoricalCrossentropy(from_logits=True), BinaryCrossentropy(from_logits=True)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("last", [True, False])
def test_losses_of_logits_by_the_reference(loss: Any, last: bool) -> None:
    """Also where probabilities come last, and for samples in any order, lists among them."""
    end = Softmax() if loss.class_indices else Sigmoid()
    operations = (Dense(5, 7), Tanh(), Dense(7, 3), *([end] if last else []))
    if last:
        loss = type(loss)()
    native = made(operations, 5, Training(loss, Sgd()))
    reference = ReferenceEngine(Network(5, operations), Training(loss, Sgd()))
    for i in range(4):
        reference.write_parameter(i, native.read_parameter(i))
    rng = np.random.default_rng(3)
    targets: Any = rng.random((90, 3))
    if loss.class_indices:
        targets = rng.integers(0, 3, 90).astype(np.int32)
    x = rng.normal(size=(90, 5)) * (rng.random((90, 5)) < 0.5)
    v = rng.normal(size=66)
    for samples in (x, sparse_rows(x)):
        data = Data(samples, targets, rng.random(90))
        for rows in (np.arange(90), np.arange(7, 50), rng.permutation(90)[:41]):
            operators = [e.gauss_newton_operator(data, rows) for e in (native, reference)]
            products = [operator.product(v) for operator in operators]
            diagonals = [operator.diagonal() for operator in operators]
            for found, wanted in (products, diagonals):
                np.testing.assert_allclose(found, wanted, atol=1e-13 * np.abs(wanted).max())


def test_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which Ctrl-C may part; and with roots that are too many to be kept."""
    engine = made(*reversed(KINDS["wide"]))
    data, rows = drawn(engine, 3000), np.arange(3000)
    v = np.random.default_rng(2).normal(size=engine._size)
    whole = engine.gauss_newton_operator(data, rows)
    monkeypatch.setattr(native_curvature, "_CALL", 1)
    parts = engine.gauss_newton_operator(data, rows)
    assert len(parts._blocks) == 3
    monkeypatch.setattr(native_curvature, "_KEPT", 0)
    anew = engine.gauss_newton_operator(data, rows)
    assert anew._kept is None
    for name, arguments in (("product", (v,)), ("diagonal", ())):
        wanted = getattr(whole, name)(*arguments)
        found = getattr(parts, name)(*arguments)
        np.testing.assert_allclose(found, wanted, atol=1e-13 * np.abs(wanted).max())
        assert getattr(anew, name)(*arguments).tobytes() == found.tobytes()


def everything(n: int) -> list[bytes]:
    found = []
    for name in ("wide", "laid out anew", "slopes", "log softmax", "columns by moments"):
        engine = made(*reversed(KINDS[name]))
        operator = engine.gauss_newton_operator(drawn(engine, n), np.arange(n))
        v = np.random.default_rng(2).normal(size=engine._size)
        found += [operator.product(v).tobytes(), operator.diagonal().tobytes()]
    return found


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if _core.isa_usable(isa)])
def test_same_bits(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, wanted = fastmlp.get_num_threads(), everything(3001)
    monkeypatch.setenv("FASTMLP_ISA", isa)
    try:
        for threads in (1, 2, 3, 5):
            fastmlp.set_num_threads(threads)
            assert everything(3001) == wanted
    finally:
        fastmlp.set_num_threads(before)


def test_repeats() -> None:
    """Threads race for nothing: hundreds of times the same bits."""
    engine = made(*reversed(KINDS["wide"]))
    operator = engine.gauss_newton_operator(drawn(engine, 1100), np.arange(1100))
    v = np.random.default_rng(2).normal(size=engine._size)
    product, diagonal = operator.product(v), operator.diagonal()
    before = fastmlp.get_num_threads()
    try:
        for threads in (2, 3, 7):
            fastmlp.set_num_threads(threads)
            for _ in range(200):
                assert operator.product(v).tobytes() == product.tobytes()
                assert operator.diagonal().tobytes() == diagonal.tobytes()
    finally:
        fastmlp.set_num_threads(before)


def test_bad_arguments() -> None:
    engine = made(*reversed(KINDS["wide"]))
    network, x = engine._network, np.zeros((6, 70))
    seeds, v = np.zeros((6, 1, 2)), np.zeros(engine._size)
    for wrong in (np.zeros((6, 1, 3)), np.zeros((5, 1, 2)), np.zeros((6, 2)), seeds[:, :, ::-1]):
        with pytest.raises(ValueError, match="seeds"):
            network.gauss_newton_product(x, wrong, v)
        with pytest.raises(ValueError, match="seeds"):
            network.gauss_newton_diagonal(x, wrong)
    for few in (v[1:], v[None], v.astype(np.float32)):
        with pytest.raises(ValueError, match="v "):
            network.gauss_newton_product(x, seeds, few)
    with pytest.raises(ValueError, match="argument"):
        network.gauss_newton_product(x, np.zeros((6, 0, 2)), v)
    with pytest.raises(ValueError, match="argument"):
        network.gauss_newton_diagonal(x, np.zeros((6, 0, 2)))
    assert not network.gauss_newton_product(x[:0], seeds[:0], v + 1.0).any()
    assert not network.gauss_newton_diagonal(x[:0], seeds[:0]).any()
