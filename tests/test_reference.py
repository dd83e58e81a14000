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
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.words import GRADIENT_BLOCK, INFERENCE

INPUTS, BATCH, CLASSES = 5, 7, 4
STEP = 1e-6
# A central difference of step 1e-6 has a truncation error of 1e-12 times the third derivative
# and a rounding error of 1e-16 / 1e-6 = 1e-10 of the loss (of order 1); a wrong term in a
# gradient is of the gradient's own order, 1e-2 and more.
TOLERANCE = 3e-8

HIDDEN = door.Dense(INPUTS, 6)
LAST = door.Dense(6, CLASSES)
JOINED = door.Reshape(6)
FLAT = door.Dense(12, CLASSES)
NETWORKS = {
    "linear": (door.Dense(INPUTS, CLASSES),),
    "no_bias": (door.Dense(INPUTS, 6, use_bias=False), door.Tanh(), LAST),
    "relu": (HIDDEN, door.Relu(), LAST),
    "relu_with_all_arguments": (HIDDEN, door.Relu(0.3, 0.8, 0.1), LAST),
    "tanh": (HIDDEN, door.Tanh(), LAST),
    "hidden_softmax": (HIDDEN, door.Softmax(), LAST),
    "dropout": (door.Dropout(0.3, 11), HIDDEN, door.Tanh(), door.Dropout(0.5, 12), LAST),
    "rescaling": (door.Rescaling(0.7, -0.2), HIDDEN, door.Rescaling(-1.3, 0.4), LAST),
    "sigmoid": (HIDDEN, door.Sigmoid(), LAST),
    "normalized": (door.BatchNormalization(), HIDDEN, door.BatchNormalization(), door.Tanh(), LAST),
    "normalized_last_without_scale": (HIDDEN, LAST, door.BatchNormalization(scale=False)),
    "normalized_by_moving_moments": (
        HIDDEN,
        door.BatchNormalization(trainable=False),
        door.Tanh(),
        LAST,
        door.BatchNormalization(center=False),
    ),
    "rows": (HIDDEN, door.Reshape(2), door.Dense(2, 4), door.Tanh(), door.Reshape(12), FLAT),
    "axes_swapped": (HIDDEN, door.Transpose(2, 3), door.Reshape(3), door.Dense(3, 3), JOINED, LAST),
    "inner_axes_swapped": (door.Dense(INPUTS, 12), door.Transpose(2, 2, 3), door.Tanh(), FLAT),
    "rows_repeated": (HIDDEN, door.Repeat(2), door.Tanh(), door.Reshape(12), FLAT),
    "rows_normalized": (HIDDEN, door.RowNormalization(), door.Scaling(), LAST),
    "root_mean_square": (
        HIDDEN,
        door.RowNormalization(1e-3, False),
        door.Scaling(True, False),
        LAST,
    ),
    "unit_length": (HIDDEN, door.RowNormalization(1e-12, False, True), door.Tanh(), LAST),
    "shorter_than_unit_length": (HIDDEN, door.RowNormalization(1e3, False, True), LAST),
    "shifted": (HIDDEN, door.Tanh(), door.Scaling(False, True), LAST),
    "frozen_scale": (HIDDEN, door.Scaling(trainable=False), door.Tanh(), LAST),
    "given_moments": (
        HIDDEN,
        door.Standardization(),
        door.Tanh(),
        LAST,
        door.Standardization(True),
    ),
    "bins": (door.Discretization(3), door.Tanh(), door.Dense(INPUTS, CLASSES)),
    "categories": (door.Embedding(3, 2), door.Tanh(), door.Reshape(10), door.Dense(10, CLASSES)),
    "categories_in_rows": (
        door.Reshape(1),
        door.CategoryEncoding(3),
        door.Dense(3, 2),
        door.Tanh(),
        door.Reshape(10),
        door.Dense(10, CLASSES),
    ),
    "normalized_rows": (
        HIDDEN,
        door.Reshape(3),
        door.BatchNormalization(),
        door.Tanh(),
        JOINED,
        LAST,
    ),
    "exponentials": (
        *(HIDDEN, door.SELU, door.LeakyRelu(0.1), door.Dense(6, 6), door.Mish()),
        *(door.Silu(), door.Elu(0.5, width=0.5), door.Dense(6, 6), door.Gelu(), door.Softplus()),
        *(door.Dense(6, 6), door.TanhShrink(), door.Gelu(approximate=True), door.LogSigmoid()),
        *(door.Rescaling(0.5), door.Exponential(), LAST),
    ),
    "piecewise": (
        *(HIDDEN, door.HardTanh(), door.HardSilu(), door.SparsePlus(), door.Dense(6, 6)),
        *(door.HardShrink(0.05), door.Softsign(), door.Squareplus(), door.Dense(6, 6)),
        *(door.SoftShrink(0.1), door.HardSigmoid(), door.Dense(6, 6), door.SparseSigmoid()),
        *(door.Threshold(0.1, -0.2), LAST),
    ),
    "along_rows": (
        *(HIDDEN, door.LogSoftmax(), door.Dense(6, 12), door.Glu(), door.Dense(6, 6)),
        *(door.Sparsemax(), LAST, door.LogSoftmax()),
    ),
    "trained_slopes": (door.Prelu(), HIDDEN, door.Prelu(3, 2), LAST),
    "shared_slopes": (HIDDEN, door.Prelu(2, 3), LAST, door.Prelu(CLASSES)),
    "noise": (
        *(door.GaussianNoise(0.2, 5), HIDDEN, door.SELU, door.AlphaDropout(0.3, 6)),
        *(door.GaussianDropout(0.3, 7), door.Dense(6, 6), door.Dropout(0.3, 8, True, 2, 3), LAST),
    ),
    "frozen_middle": (
        HIDDEN,
        door.Tanh(),
        door.Dense(6, 6, trainable=False),
        door.Tanh(),
        LAST,
    ),
}
# Probabilities that do not sum to one, so that their renormalisation has a gradient, and that stay
# below one, since a binary probability has none where it is clipped.
PROBABILITIES = (door.Softmax(), door.Rescaling(0.9, 0.05))
SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"
BINARY = "binary_crossentropy"
LOSSES = {
    "sparse_logits": door.make_loss(SPARSE, from_logits=True),
    "sparse_probabilities": door.make_loss(SPARSE),
    "categorical_logits": door.make_loss(CATEGORICAL, from_logits=True, label_smoothing=0.1),
    "categorical_probabilities": door.make_loss(CATEGORICAL, label_smoothing=0.2),
    "binary_logits": door.make_loss(BINARY, from_logits=True, label_smoothing=0.1),
    "binary_probabilities": door.make_loss(BINARY, label_smoothing=0.2),
    "squared_error": door.make_loss("mean_squared_error"),
    "sum": door.make_loss("mean_squared_error", reduction="sum"),
    "weighted_mean": door.make_loss(SPARSE, from_logits=True, reduction="mean_with_sample_weight"),
}


def make_engine(
    operations: tuple[door.Operation, ...],
    loss: door.Loss,
    optimizer: door.Optimizer | None = None,
) -> ReferenceEngine:
    network = door.Network(INPUTS, operations)
    engine = ReferenceEngine(network, door.Training(loss, optimizer or door.Sgd()))
    rng = np.random.default_rng(5)
    for i, shape in enumerate(network.parameter_shapes):
        value = rng.normal(scale=0.7, size=shape)
        state = network.roles[i] == "state"  # a variance is not negative
        engine.write_parameter(i, np.abs(value) + 0.5 if state else value)
    return engine


def make_data(loss: door.Loss, rows: int = BATCH, weighted: bool = True) -> door.Data:
    rng = np.random.default_rng(6)
    if loss.class_indices:
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
    if getattr(loss, "from_logits", None) is False:
        operations = (*operations, *PROBABILITIES)
    engine, data = make_engine(operations, loss), make_data(loss)
    roles = engine.network.roles
    before = [engine.read_parameter(i) for i in range(len(roles))]
    loss_before, flat = engine.gradient(data, np.arange(BATCH), 3)
    expected = [central_difference(engine, data, i) for i in range(len(roles))]
    for i, value in enumerate(before):  # measuring has moved the state
        engine.write_parameter(i, value)
    assert step(engine, data, 1.0) == loss_before
    trainable = [operation.trainable for operation in operations for _ in operation.roles]
    start = 0
    for i, (old, gradient, role) in enumerate(zip(before, expected, roles, strict=True)):
        if role == "state":
            continue
        part = flat[start : start + old.size].reshape(old.shape)
        start += old.size
        if trainable[i]:
            np.testing.assert_allclose(part, gradient, rtol=TOLERANCE, atol=TOLERANCE)
            # plain descent at rate 1 subtracts exactly the gradient
            np.testing.assert_array_equal(engine.read_parameter(i), old - part)
        else:
            np.testing.assert_array_equal(part, 0.0)
            np.testing.assert_array_equal(engine.read_parameter(i), old)
    assert start == flat.size


@pytest.mark.parametrize("kind", [SPARSE, CATEGORICAL])
def test_a_clipped_probability_has_no_gradient(kind):
    loss = door.make_loss(kind, epsilon=0.4)
    # a softmax would take the loss of logits
    engine = make_engine((door.Dense(INPUTS, 2), door.Exponential()), loss)
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
    loss = door.make_loss("mean_squared_error", reduction=reduction)
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


@pytest.mark.parametrize(
    ("blocks", "tree"),
    [
        (1, lambda b: b[0]),
        (2, lambda b: b[0] + b[1]),
        (3, lambda b: (b[0] + b[1]) + b[2]),
        (5, lambda b: ((b[0] + b[1]) + (b[2] + b[3])) + b[4]),
        (6, lambda b: ((b[0] + b[1]) + (b[2] + b[3])) + (b[4] + b[5])),
        (7, lambda b: ((b[0] + b[1]) + (b[2] + b[3])) + ((b[4] + b[5]) + b[6])),
    ],
)
def test_long_batches_are_summed_by_a_tree(blocks, tree):
    rng = np.random.default_rng(8)
    rows = (blocks - 1) * GRADIENT_BLOCK + 300
    x, dy = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))
    kernel, bias = door.Dense(3, 2).gradients(x, dy, [], INFERENCE)
    parts = [slice(i * GRADIENT_BLOCK, (i + 1) * GRADIENT_BLOCK) for i in range(blocks)]
    np.testing.assert_array_equal(kernel, tree([x[p].T @ dy[p] for p in parts]))
    np.testing.assert_array_equal(bias, tree([dy[p].sum(axis=0) for p in parts]))


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_follows_its_formula(momentum, centered):
    loss = LOSSES["squared_error"]
    engine = make_engine(NETWORKS["tanh"], loss, door.Rmsprop(0.8, momentum, 1e-3, centered))
    data = make_data(loss)
    w = engine.read_parameter(0)
    v = m = a = np.zeros((INPUTS, 6))
    for _ in range(4):
        g = gradient_of(engine, data, 0)
        step(engine, data, 0.01)
        v = 0.8 * v + 0.2 * g * g
        a = 0.8 * a + 0.2 * g
        root = (v - a * a if centered else v) + 1e-3
        m = momentum * m + 0.01 * g / root**0.5
        w = w - m
        slots = [v, *([m] if momentum else []), *([a] if centered else [])]
        np.testing.assert_allclose(engine.read_parameter(0), w, **SMALL)
        for i, slot in enumerate(slots):
            np.testing.assert_allclose(engine.read_slot(0, i), slot, **SMALL)


OPTIMIZERS = [
    door.Adam(),
    door.Adam(epsilon=0.0),
    door.Sgd(),
    door.Sgd(0.9),
    door.Sgd(0.9, nesterov=True),
    door.Rmsprop(),
    door.Rmsprop(momentum=0.5, centered=True),
    door.Rmsprop(epsilon=0.0),
    door.Amsgrad(),
    door.Nadam(),
    door.Adamax(),
    door.Adamax(epsilon=0.0),
    door.Adagrad(),
    door.Adagrad(epsilon=0.0),
    door.Adadelta(),
    door.Adadelta(epsilon=0.0),
    door.Lion(),
    door.Ftrl(),
    door.ScheduleFreeAdamw(),
    door.Lamb(),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_an_optimizer_is_still_if_nothing_moves_without_a_gradient(optimizer):
    w, zero = np.array([1.5, -0.25]), np.zeros(2)
    with np.errstate(invalid="ignore"):  # 0 / 0 without an epsilon
        moved, slots = optimizer.apply(w, zero, [zero] * optimizer.slots, 0.1, 1)
    assert len(slots) == optimizer.slots
    assert optimizer.still == (np.array_equal(moved, w) and not np.any(slots))


@pytest.mark.parametrize("clip", [door.Clip(), door.Clip(global_clipnorm=0.1)], ids=str)
@pytest.mark.parametrize("operations", NETWORKS.values(), ids=NETWORKS)
def test_a_gradient_applied_is_a_step(operations, clip):
    """To the bit; parameters that are state move in a step only."""
    network = door.Network(INPUTS, operations)
    training = door.Training(LOSSES["sparse_logits"], door.Adam(), clip)
    whole, apart, before = (ReferenceEngine(network, training) for _ in range(3))
    start = make_engine(operations, training.loss)
    for engine in (whole, apart, before):
        for i in range(len(network.roles)):
            engine.write_parameter(i, start.read_parameter(i))
    data, counts = make_data(training.loss), (np.array(5), np.array(5))
    rows = np.array([3, 0, 6, 1])
    result = whole.train(data, rows, 4, np.array([0.1]), counts[0], False)
    loss, gradient = apart.gradient(data, rows, 5)
    apart.apply(gradient, 0.1, counts[1])
    assert counts[0] == counts[1] == 6
    assert loss == result.losses[0]
    for i, role in enumerate(network.roles):
        expected = before if role == "state" else whole
        np.testing.assert_array_equal(apart.read_parameter(i), expected.read_parameter(i))
        for slot in range(2 if role == "trained" else 0):
            np.testing.assert_array_equal(apart.read_slot(i, slot), whole.read_slot(i, slot))


def test_clips_shorten_what_is_too_long():
    gradients = {0: np.array([[3.0, -4.0]]), 3: np.array([0.5])}
    by_value = door.Clip(clipvalue=1.0)(gradients)
    np.testing.assert_array_equal(by_value[0], [[1.0, -1.0]])
    by_norm = door.Clip(clipnorm=1.0)(gradients)
    np.testing.assert_allclose(by_norm[0], [[0.6, -0.8]], rtol=1e-15)
    np.testing.assert_array_equal(by_norm[3], [0.5])
    together = door.Clip(global_clipnorm=1.0)(gradients)
    norm = (9 + 16 + 0.25) ** 0.5
    np.testing.assert_allclose(together[0], [[3 / norm, -4 / norm]], rtol=1e-15)
    np.testing.assert_allclose(together[3], [0.5 / norm], rtol=1e-15)
    assert door.Clip()(gradients) is gradients


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_clips_of_what_has_no_finite_norm(value):
    """Keras's results: max(norm, clipnorm) divides one gradient, norm - norm is added to what
    all are multiplied by."""
    gradients = {0: np.array([[value, 3.0]]), 1: np.array([0.5])}
    with np.errstate(invalid="ignore", over="ignore"):  # inf * 0, and 1e200 squared
        by_norm = door.Clip(clipnorm=1.0)(gradients)
        together = door.Clip(global_clipnorm=1.0)(gradients)
    lost = np.nan if np.isnan(value) else 0.0
    np.testing.assert_array_equal(by_norm[0], [[0.0 if value == 1e200 else np.nan, lost]])
    np.testing.assert_array_equal(by_norm[1], [0.5])
    assert np.isnan(together[0]).all()
    assert np.isnan(together[1]).all()


def test_normalization_moves_its_moments_towards_the_batchs():
    loss = LOSSES["squared_error"]
    network = (door.BatchNormalization(0.9, 1e-3), door.Dense(INPUTS, CLASSES))
    engine, data = make_engine(network, loss), make_data(loss)
    mean, variance = engine.read_parameter(2), engine.read_parameter(3)
    engine.predict(data.x, dropout_step=3)  # as in training, but a call changes nothing
    np.testing.assert_array_equal(engine.read_parameter(2), mean)
    step(engine, data, 0.1)
    expected = 0.9 * mean + 0.1 * data.x.mean(axis=0)
    np.testing.assert_allclose(engine.read_parameter(2), expected, rtol=1e-14)
    expected = 0.9 * variance + 0.1 * data.x.var(axis=0)
    np.testing.assert_allclose(engine.read_parameter(3), expected, rtol=1e-14)


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


def test_sigmoid_of_large_numbers():
    engine = ReferenceEngine(door.Network(4, (door.Sigmoid(),)), None)
    x = np.array([[1e4, -1e4, -700.0, np.nan]])
    np.testing.assert_array_equal(engine.predict(x), [[1.0, 0.0, np.exp(-700.0), np.nan]])


def test_binary_crossentropy_of_large_logits():
    loss = door.make_loss(BINARY, from_logits=True)
    logits, targets = np.array([[1e4, -1e4], [1e4, -1e4]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(loss.values(logits, targets), [0.0, 1e4])
    np.testing.assert_array_equal(loss.gradients(logits, targets), [[0.0, 0.0], [0.5, -0.5]])


def test_a_clipped_binary_probability_has_no_gradient():
    loss = door.make_loss(BINARY, epsilon=0.25)
    p, targets = np.array([[0.1, 0.5, 0.9, 0.25]]), np.array([[1.0, 0.0, 1.0, 0.0]])
    # the first two terms are -log(0.25) and -log(0.5), the others -log(0.75)
    expected = -(np.log(0.25) + np.log(0.5) + 2 * np.log(0.75)) / 4
    np.testing.assert_allclose(loss.values(p, targets), [expected], rtol=1e-15)
    # (1 - t) / (1 - p) - t / p, over 4; the second rounding of each is 1e-16
    np.testing.assert_allclose(loss.gradients(p, targets), [[0, 0.5, 0, 1 / 3]], rtol=1e-15)


def test_the_reference_imports_nothing_compiled():
    source = Path(reference.__file__)
    beside = [source.with_name(f"{name}.py") for name in ("door", "jacobians", "rows")]
    files = [source, *beside, *source.with_name("words").glob("*.py")]
    for file in files:
        assert "_compiled" not in file.read_text(encoding="utf-8")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imported = {
        "." * node.level + (node.module or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    } | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    # ".." is fastmlp.random.
    assert imported == {
        "__future__",
        "collections.abc",
        "typing",
        "numpy",
        "numpy.typing",
        "..",
        ".door",
        ".jacobians",
        ".rows",
        ".words",
    }
