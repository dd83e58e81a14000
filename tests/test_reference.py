"""The reference engine is the specification, so it is tested against mathematics: gradients
against central differences, optimizers against their formulas written out."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from fastmlp import engine as door
from fastmlp import random
from fastmlp.engine import reference
from fastmlp.engine.reference import GRADIENT_BLOCK, ReferenceEngine, dense_gradients

INPUTS, BATCH, CLASSES = 5, 7, 4
STEP = 1e-6
# A central difference of step 1e-6 has a truncation error of 1e-12 times the third derivative
# and a rounding error of 1e-16 / 1e-6 = 1e-10 of the loss (of order 1); a wrong term in a
# gradient is of the gradient's own order, 1e-2 and more.
TOLERANCE = 3e-8

HIDDEN = door.Dense(INPUTS, 6)
LAST = door.Dense(6, CLASSES)
NETWORKS = {
    "linear": (door.Dense(INPUTS, CLASSES),),
    "no_bias": (door.Dense(INPUTS, 6, use_bias=False), door.Tanh(), LAST),
    "relu": (HIDDEN, door.Relu(), LAST),
    "relu_with_all_arguments": (HIDDEN, door.Relu(0.3, 0.8, 0.1), LAST),
    "tanh": (HIDDEN, door.Tanh(), LAST),
    "hidden_softmax": (HIDDEN, door.Softmax(), LAST),
    "dropout": (door.Dropout(0.3, 11), HIDDEN, door.Tanh(), door.Dropout(0.5, 12), LAST),
    "rescaling": (door.Rescaling(0.7, -0.2), HIDDEN, door.Rescaling(-1.3, 0.4), LAST),
    "frozen_middle": (
        HIDDEN,
        door.Tanh(),
        door.Dense(6, 6, trainable=False),
        door.Tanh(),
        LAST,
    ),
}
# Probabilities that do not sum to one, so that their renormalisation has a gradient.
PROBABILITIES = (door.Softmax(), door.Rescaling(1.7, 0.05))
SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"
LOSSES = {
    "sparse_logits": door.Loss(SPARSE, from_logits=True),
    "sparse_probabilities": door.Loss(SPARSE),
    "categorical_logits": door.Loss(CATEGORICAL, from_logits=True, label_smoothing=0.1),
    "categorical_probabilities": door.Loss(CATEGORICAL, label_smoothing=0.2),
    "squared_error": door.Loss("mean_squared_error"),
    "sum": door.Loss("mean_squared_error", reduction="sum"),
    "weighted_mean": door.Loss(SPARSE, True, reduction="mean_with_sample_weight"),
}


def make_engine(
    operations: tuple[door.Operation, ...],
    loss: door.Loss,
    optimizer: door.Adam | door.Sgd | None = None,
) -> ReferenceEngine:
    network = door.Network(INPUTS, operations)
    engine = ReferenceEngine(network, door.Training(loss, optimizer or door.Sgd()))
    rng = np.random.default_rng(5)
    for i, shape in enumerate(network.parameter_shapes):
        engine.write_parameter(i, rng.normal(scale=0.7, size=shape))
    return engine


def make_data(loss: door.Loss, rows: int = BATCH, weighted: bool = True) -> door.Data:
    rng = np.random.default_rng(6)
    if loss.kind == SPARSE:
        targets = rng.integers(0, CLASSES, rows).astype(np.int32)
    else:
        targets = rng.dirichlet(np.ones(CLASSES), rows)
    weights = rng.uniform(0.5, 2.0, rows) if weighted else None
    return door.Data(rng.normal(size=(rows, INPUTS)), targets, weights)


def step(engine: ReferenceEngine, data: door.Data, rate: float, iterations: int = 3) -> float:
    """The loss of one step over the whole set as one batch."""
    n = len(data.x)
    count = np.array(iterations)
    result = engine.train(data, np.arange(n), n, np.array([rate]), count, False)
    assert count == iterations + 1
    return float(result.losses[0])


def central_difference(engine: ReferenceEngine, data: door.Data, index: int) -> np.ndarray:
    """d loss / d parameter, element by element; a step at rate 0 only measures."""
    value = engine.read_parameter(index)
    difference = np.empty_like(value)
    for element in np.ndindex(value.shape):
        losses = []
        for side in (STEP, -STEP):
            moved = value.copy()
            moved[element] += side
            engine.write_parameter(index, moved)
            losses.append(step(engine, data, 0.0))
        difference[element] = (losses[0] - losses[1]) / (2 * STEP)
    engine.write_parameter(index, value)
    return difference


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("operations", NETWORKS.values(), ids=NETWORKS)
def test_gradients_are_those_of_central_differences(operations, loss):
    if not loss.from_logits and loss.kind != "mean_squared_error":
        operations = (*operations, *PROBABILITIES)
    engine, data = make_engine(operations, loss), make_data(loss)
    shapes = engine.network.parameter_shapes
    before = [engine.read_parameter(i) for i in range(len(shapes))]
    expected = [central_difference(engine, data, i) for i in range(len(shapes))]
    step(engine, data, 1.0)  # plain descent at rate 1 subtracts exactly the gradient
    trained = [
        operation.trainable
        for operation in operations
        if isinstance(operation, door.Dense)
        for _ in range(1 + operation.use_bias)
    ]
    for i, (old, gradient, trainable) in enumerate(zip(before, expected, trained, strict=True)):
        if trainable:
            got = old - engine.read_parameter(i)
            np.testing.assert_allclose(got, gradient, rtol=TOLERANCE, atol=TOLERANCE)
        else:
            np.testing.assert_array_equal(engine.read_parameter(i), old)


@pytest.mark.parametrize("kind", [SPARSE, CATEGORICAL])
def test_a_clipped_probability_has_no_gradient(kind):
    loss = door.Loss(kind, epsilon=0.4)
    engine = make_engine((door.Dense(INPUTS, 2), door.Softmax()), loss)
    x = np.ones((1, INPUTS))
    engine.write_parameter(0, np.zeros((INPUTS, 2)))
    engine.write_parameter(1, np.array([3.0, 0.0]))  # probabilities 0.95, 0.05: both clipped
    targets = np.zeros(1, np.int32) if kind == SPARSE else np.array([[1.0, 0.0]])
    assert step(engine, door.Data(x, targets), 1.0) == pytest.approx(-np.log(0.6), rel=1e-15)
    np.testing.assert_array_equal(engine.read_parameter(1), [3.0, 0.0])


def test_the_loss_reported_is_that_before_the_update():
    engine, data = (
        make_engine(NETWORKS["tanh"], LOSSES["squared_error"]),
        make_data(LOSSES["squared_error"], weighted=False),
    )
    losses, _ = engine.evaluate(data)
    assert step(engine, data, 0.1) == pytest.approx(losses.mean(), rel=1e-15)
    assert engine.evaluate(data)[0].mean() < losses.mean()


@pytest.mark.parametrize(
    ("reduction", "weighted", "expected"),
    [
        ("sum_over_batch_size", False, lambda losses, w: losses.mean()),
        ("sum_over_batch_size", True, lambda losses, w: (losses * w).sum() / len(w)),
        ("sum", True, lambda losses, w: (losses * w).sum()),
        ("mean_with_sample_weight", True, lambda losses, w: np.average(losses, weights=w)),
    ],
)
def test_reductions(reduction, weighted, expected):
    loss = door.Loss("mean_squared_error", reduction=reduction)
    engine, data = make_engine(NETWORKS["tanh"], loss), make_data(loss, weighted=weighted)
    losses, _ = engine.evaluate(data)
    weights = np.ones(BATCH) if data.sample_weight is None else data.sample_weight
    assert step(engine, data, 0.0) == pytest.approx(expected(losses, weights), rel=1e-14)


def test_weights_that_sum_to_zero_give_loss_zero_and_no_gradient():
    loss = LOSSES["weighted_mean"]
    data = make_data(loss)
    data = door.Data(data.x, data.targets, np.zeros(BATCH))
    engine = make_engine(NETWORKS["tanh"], loss)
    before = engine.read_parameter(0)
    assert step(engine, data, 1.0) == 0.0
    np.testing.assert_array_equal(engine.read_parameter(0), before)


def gradient_of(engine: ReferenceEngine, data: door.Data, index: int) -> np.ndarray:
    """The gradient at the engine's weights, from a step of plain descent of its twin."""
    twin = ReferenceEngine(engine.network, door.Training(engine.training.loss, door.Sgd()))
    for i in range(len(engine.network.parameter_shapes)):
        twin.write_parameter(i, engine.read_parameter(i))
    step(twin, data, 1.0)
    return engine.read_parameter(index) - twin.read_parameter(index)


# The twin's gradient is a difference of weights: 1e-16 of a weight of order 1.
SMALL = {"rtol": 1e-12, "atol": 1e-14}


def test_adam_follows_its_formula():
    loss = LOSSES["sparse_logits"]
    engine = make_engine(NETWORKS["tanh"], loss, door.Adam(0.8, 0.95, 1e-3))
    data = make_data(loss)
    w, m, v = engine.read_parameter(0), np.zeros((INPUTS, 6)), np.zeros((INPUTS, 6))
    for t in range(1, 6):
        g = gradient_of(engine, data, 0)
        step(engine, data, 0.01, iterations=t - 1)
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        alpha = 0.01 * (1 - 0.95**t) ** 0.5 / (1 - 0.8**t)
        w = w - alpha * m / (v**0.5 + 1e-3)
        np.testing.assert_allclose(engine.read_parameter(0), w, **SMALL)
        np.testing.assert_allclose(engine.read_slot(0, 0), m, **SMALL)
        np.testing.assert_allclose(engine.read_slot(0, 1), v, **SMALL)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_follows_its_formula(momentum, nesterov):
    loss = LOSSES["squared_error"]
    engine = make_engine(NETWORKS["tanh"], loss, door.Sgd(momentum, nesterov))
    data = make_data(loss)
    w, m = engine.read_parameter(2), np.zeros((6, CLASSES))
    for _ in range(4):
        g = gradient_of(engine, data, 2)
        step(engine, data, 0.1)
        m = momentum * m - 0.1 * g
        w = w + (momentum * m - 0.1 * g if momentum and nesterov else m)
        np.testing.assert_allclose(engine.read_parameter(2), w, **SMALL)


def test_long_batches_sum_blocks_in_order():
    rng = np.random.default_rng(8)
    rows = 2 * GRADIENT_BLOCK + 300
    x, dy = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))
    kernel, bias = dense_gradients(door.Dense(3, 2), x, dy)
    parts = [slice(0, 1024), slice(1024, 2048), slice(2048, rows)]
    blocks = [x[p].T @ dy[p] for p in parts]
    np.testing.assert_array_equal(kernel, (blocks[0] + blocks[1]) + blocks[2])
    # The order of a column sum of 2348 terms of order 1: 2348 * 1e-16.
    np.testing.assert_allclose(bias, dy.sum(axis=0), rtol=0, atol=3e-13)


def test_dropout_uses_the_mask_of_the_step_and_scales_what_it_keeps():
    engine = ReferenceEngine(door.Network(40, (door.Dropout(0.25, 99),)), None)
    x = np.ones((6, 40))
    mask = random.dropout_mask(99, 12, 6, 40, 0.25)
    np.testing.assert_array_equal(engine.predict(x, dropout_step=12), mask * (1 / 0.75))
    np.testing.assert_array_equal(engine.predict(x), x)


def test_steps_cut_the_order_into_batches_and_record_outputs():
    loss = LOSSES["sparse_logits"]
    data = make_data(loss, rows=10, weighted=False)
    order = np.array([9, 0, 3, 1, 2, 8, 7], np.int64)
    engine, twin = (make_engine(NETWORKS["tanh"], loss) for _ in range(2))
    iterations = np.array(0)
    result = engine.train(data, order, 3, np.full(3, 0.1), iterations, True)
    assert iterations == 3
    assert result.losses.shape == (3,)
    for batch, rows in enumerate((order[:3], order[3:6], order[6:])):
        outputs = twin.predict(data.x[rows])
        part = door.Data(data.x[rows], data.targets[rows])
        assert step(twin, part, 0.1) == result.losses[batch]
        np.testing.assert_array_equal(result.outputs[batch * 3 : batch * 3 + 3], outputs)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_rows_of_every_readable_type(dtype):
    x = np.arange(2 * INPUTS).reshape(2, INPUTS).astype(dtype)
    engine = make_engine(NETWORKS["rescaling"], LOSSES["squared_error"])
    np.testing.assert_array_equal(engine.predict(x), engine.predict(x.astype(np.float64)))


def test_relu_at_its_edges():
    engine = ReferenceEngine(door.Network(6, (door.Relu(0.5, 2.0, 1.0),)), None)
    x = np.array([[-1.0, 1.0, 1.5, 2.0, 3.0, np.nan]])
    np.testing.assert_array_equal(engine.predict(x), [[-1.0, 0.0, 1.5, 2.0, 2.0, np.nan]])


def test_softmax_of_large_numbers_is_finite():
    engine = ReferenceEngine(door.Network(3, (door.Softmax(),)), None)
    np.testing.assert_array_equal(engine.predict(np.array([[1e4, -1e4, 1e4]])), [[0.5, 0.0, 0.5]])


def test_the_reference_imports_nothing_compiled():
    tree = ast.parse(Path(reference.__file__).read_text(encoding="utf-8"))
    imported = {
        "." * node.level + (node.module or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    } | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    # ".." is fastmlp.random, "." the door.
    assert imported == {
        "__future__",
        "collections.abc",
        "typing",
        "numpy",
        "numpy.typing",
        "..",
        ".",
    }
