"""The verbs behind second-order training in the reference engine, which is their specification:
Jacobians against central differences, curvature against the Jacobians and the losses' own
gradients, factors against what they multiply to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import BINARY, BINARY_LOGITS, CATEGORICAL, SPARSE, SQUARED, Job
from layer_jobs import LAYER_JOBS

from fastmlp.engine import (
    BatchNormalization,
    Dense,
    Embedding,
    Exponential,
    Float64Array,
    Loss,
    Network,
    Rescaling,
    Reshape,
    Scaling,
    Sgd,
    Sigmoid,
    Softmax,
    Tanh,
    Training,
    make_loss,
)
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.words import INFERENCE

STEP = 1e-6
# A central difference of step 1e-6 has a truncation error of 1e-12 times a third derivative and a
# rounding error of 1e-16 / 1e-6 of values of order 1; a wrong term is of order 1e-2.
DIFFERENCE = 3e-8
# Sums of some hundred products of order 1.
ROUNDING = 1e-12

HIDDEN, LAST = Dense(3, 4), Dense(4, 2)
NETWORKS = {
    "linear": (Dense(3, 2),),
    "no bias": (Dense(3, 4, use_bias=False), Tanh(), LAST),
    "deep": (Rescaling(0.7, -0.2), HIDDEN, Sigmoid(), Dense(4, 4), Tanh(), LAST, Exponential()),
    "frozen layer": (HIDDEN, Tanh(), replace(LAST, trainable=False)),
    "frozen normalization": (HIDDEN, BatchNormalization(trainable=False), Tanh(), LAST),
    "normalized as after training": (HIDDEN, BatchNormalization(), Tanh(), LAST),
    "rows of samples": (Dense(3, 6), Tanh(), Reshape(3), Scaling(), Dense(3, 2), Tanh()),
    "softmax": (HIDDEN, Tanh(), LAST, Softmax()),
}


def engine_of(network: Network, loss: Loss = SQUARED) -> ReferenceEngine:
    engine = ReferenceEngine(network, Training(loss, Sgd()))
    rng = np.random.default_rng(1)
    for i, shape in enumerate(network.parameter_shapes):
        engine.write_parameter(i, 0.3 + rng.random(shape))
    return engine


def predicted(engine: ReferenceEngine, index: int, at: int, x: Float64Array) -> Float64Array:
    """The central difference of the outputs by element ``at`` of a parameter."""
    before = engine.read_parameter(index)
    sides = []
    for step in (STEP, -STEP):
        moved = before.copy()
        moved.flat[at] += step
        engine.write_parameter(index, moved)
        sides.append(engine.predict(x))
    engine.write_parameter(index, before)
    return (sides[0] - sides[1]) / (2.0 * STEP)


def trained(engine: ReferenceEngine) -> list[int]:
    return [i for i, role in enumerate(engine.network.roles) if role == "trained"]


@pytest.mark.parametrize("name", NETWORKS)
def test_jacobian_by_parameters(name: str) -> None:
    engine = engine_of(Network(3, NETWORKS[name]))
    x = np.random.default_rng(2).standard_normal((5, 3))
    found = engine.jacobian(x, "parameters")
    expected = [
        predicted(engine, i, at, x) * engine._owner(i).trainable
        for i in trained(engine)
        for at in range(engine.read_parameter(i).size)
    ]
    assert found.shape == (*engine.predict(x).shape, len(expected))
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), atol=DIFFERENCE)


@pytest.mark.parametrize("name", NETWORKS)
def test_jacobian_by_inputs(name: str) -> None:
    engine = engine_of(Network(3, NETWORKS[name]))
    x = np.random.default_rng(2).standard_normal((5, 3))
    sides = [
        (engine.predict(x + step) - engine.predict(x - step)) / (2.0 * STEP)
        for step in STEP * np.eye(3)
    ]
    found = engine.jacobian(x, "inputs")
    np.testing.assert_allclose(found, np.stack(sides, axis=-1), atol=DIFFERENCE)


def test_embedded_categories_have_a_jacobian() -> None:
    engine = engine_of(Network(2, (Embedding(5, 3), Reshape(6), Dense(6, 1))))
    x = np.array([[1.0, 4.0], [3.0, 3.0]])
    found = engine.jacobian(x, "parameters")[0, 0, :15].reshape(5, 3)
    kernel = engine.read_parameter(1).ravel()
    expected = np.zeros((5, 3))
    expected[1], expected[4] = kernel[:3], kernel[3:]
    np.testing.assert_array_equal(found, expected)


def test_more_rows_than_a_block() -> None:
    engine = engine_of(Network(3, NETWORKS["deep"]))
    x = np.random.default_rng(2).standard_normal((1030, 3))
    whole = engine.jacobian(x, "parameters")
    np.testing.assert_array_equal(whole[1024:], engine.jacobian(x[1024:], "parameters"))
    assert engine.jacobian(x[:0], "inputs").shape == (0, 2, 3)


GENERAL = (HIDDEN, Tanh(), LAST)
CURVED = [
    ("squared", GENERAL, SQUARED),
    ("squared, summed", GENERAL, replace(SQUARED, reduction="sum", weight=0.3)),
    ("classes", GENERAL, SPARSE),
    ("class left out", GENERAL, replace(SPARSE, ignore_class=1)),  # type: ignore[call-arg]
    ("smoothed classes", GENERAL, replace(CATEGORICAL, label_smoothing=0.1)),  # type: ignore[call-arg]
    ("probabilities", (*GENERAL, Softmax()), make_loss("categorical_crossentropy")),
    ("yes or no", GENERAL, BINARY_LOGITS),
    ("probabilities of yes", (*GENERAL, Sigmoid()), BINARY),
    ("of rows", (Dense(3, 8), Tanh(), Reshape(4), LAST), SQUARED),
    ("of rows, by weights", (Dense(3, 8), Reshape(4), LAST, Softmax()), CATEGORICAL),
]


@pytest.mark.parametrize(("name", "operations", "loss"), CURVED, ids=[c[0] for c in CURVED])
@pytest.mark.parametrize("weighted", [False, True])
def test_gauss_newton_is_the_losses_curvature_between_jacobians(
    name: str, operations: tuple[Dense, ...], loss: Loss, weighted: bool
) -> None:
    if name == "of rows, by weights":
        loss = make_loss("categorical_crossentropy", reduction="mean_with_sample_weight")
    network = Network(3, operations)
    job = Job(name, network, Training(loss, Sgd()), 30, 30, weighted=weighted)
    data, engine = job.data(), engine_of(network, loss)
    rows = np.random.default_rng(3).permutation(30)[:20]

    graded, lowered = engine._graded, engine._loss  # of logits, where the last made probabilities
    values = engine._forward(data.x[rows], INFERENCE)[: graded + 1]
    targets = engine._by_row(data.targets[rows], lowered)
    weights = np.ones(20 * network.split)
    if data.sample_weight is not None:
        weights = data.sample_weight[rows].ravel()
    short = Network(3, operations[:graded])
    inner = engine_of(short, lowered)
    j = inner.jacobian(data.x[rows], "parameters")
    expected = np.zeros((j.shape[2], j.shape[2]))
    for k in range(j.shape[1]):  # column k of the loss's second derivatives, by differences
        step = STEP * np.eye(j.shape[1])[k]
        sides = [lowered.batch(values[-1] + s, targets, weights)[1] for s in (step, -step)]
        column = (sides[0] - sides[1]) / (2.0 * STEP)
        expected += np.einsum("nkp,nk,nq->pq", j, column, j[:, k])

    found = engine.gauss_newton(data, rows)
    np.testing.assert_allclose(found, expected, atol=DIFFERENCE * max(1.0, np.abs(found).max()))
    np.testing.assert_array_equal(found, found.T)
    v = np.random.default_rng(4).standard_normal(len(found))
    product = engine.gauss_newton_operator(data, rows).product(v)
    np.testing.assert_allclose(product, found @ v, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize(
    "loss",
    [make_loss(n) for n in ("huber", "mean_absolute_error", "poisson")]
    + [BINARY, make_loss("categorical_crossentropy"), make_loss("sparse_categorical_crossentropy")],
    ids=lambda loss: loss.name,
)
def test_a_loss_without_curvature_is_refused(loss: Loss) -> None:
    """Among them cross-entropies of probabilities that no softmax or sigmoid has put out."""
    network = Network(3, (Dense(3, 2), Exponential()))
    job = Job("refused", network, Training(loss, Sgd()), 4, 4)
    engine = engine_of(network, loss)
    with pytest.raises(ValueError, match=rf"LBFGS.*Received: loss='{loss.name}'"):
        engine.gauss_newton(job.data(), np.arange(4))


@pytest.mark.parametrize("job", [j for j in LAYER_JOBS if "gradient blocks" in j.name], ids=str)
def test_blocks_are_summed(job: Job) -> None:
    """Over more residual rows than one block, with layers that are rows of a sample."""
    job = replace(job, samples=1030)
    engine = engine_of(job.network, job.training.loss)
    data, rows = job.data(), np.arange(1030)
    parts = [engine.gauss_newton(data, part) for part in (rows[:1024], rows[1024:])]
    assert data.sample_weight is not None
    shares = [data.sample_weight[p].sum() for p in (rows[:1024], rows[1024:])]
    expected = sum(p * s for p, s in zip(parts, shares, strict=True)) / sum(shares)
    np.testing.assert_allclose(engine.gauss_newton(data, rows), expected, rtol=1e-10, atol=1e-12)


def test_factor_and_solve() -> None:
    engine = engine_of(Network(3, NETWORKS["linear"]))
    rng = np.random.default_rng(5)
    for n in (1, 2, 7, 40):
        half = rng.standard_normal((n, n + 3))
        matrix, b = half @ half.T + np.eye(n), rng.standard_normal(n)
        lower = engine.factor(matrix)
        assert lower is not None
        np.testing.assert_array_equal(lower, np.tril(lower))
        np.testing.assert_allclose(lower @ lower.T, matrix, rtol=ROUNDING, atol=ROUNDING)
        np.testing.assert_allclose(matrix @ engine.solve(lower, b), b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("fault", [0.0, -1.0, np.nan, np.inf])
def test_what_has_no_factor(fault: float) -> None:
    matrix = np.eye(5)
    matrix[3, 3] = fault
    assert engine_of(Network(3, NETWORKS["linear"])).factor(matrix) is None


def test_dot_and_product() -> None:
    engine = engine_of(Network(3, NETWORKS["linear"]))
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal((2, 3000))
    assert abs(engine.dot(a, b) - a @ b) <= 1e-12 * np.abs(a * b).sum()
    assert engine.dot(a[:0], b[:0]) == 0.0
    np.testing.assert_array_equal(
        engine.product(a[:6].reshape(2, 3), b[:3, None]), a[:6].reshape(2, 3) @ b[:3, None]
    )
