"""Networks and trainings at the engine's door, for tests that compare engines, thread counts
and instruction sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fastmlp.engine import (
    L1L2,
    SELU,
    ActivityRegularization,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AlphaDropout,
    Amsgrad,
    Average,
    BatchNormalization,
    Clip,
    Data,
    Dense,
    Dropout,
    Elu,
    Engine,
    Exponential,
    Float64Array,
    Ftrl,
    GaussianDropout,
    GaussianNoise,
    Gelu,
    Glu,
    HardShrink,
    HardSigmoid,
    HardSilu,
    HardTanh,
    Lamb,
    LeakyRelu,
    Lion,
    LogSigmoid,
    LogSoftmax,
    Mish,
    Nadam,
    Network,
    NonNeg,
    Norm,
    Operation,
    Orthogonal,
    Prelu,
    Relu,
    Rescaling,
    Rmsprop,
    Scaling,
    ScheduleFreeAdamw,
    Sgd,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    SoftShrink,
    Softsign,
    Sparsemax,
    SparsePlus,
    SparseRows,
    SparseSigmoid,
    Squareplus,
    Standardization,
    Tail,
    Tanh,
    TanhShrink,
    Threshold,
    Training,
    make_loss,
)

SPARSE = make_loss("sparse_categorical_crossentropy", from_logits=True)
CATEGORICAL = make_loss("categorical_crossentropy", from_logits=True)
SQUARED = make_loss("mean_squared_error")
BINARY = make_loss("binary_crossentropy")
BINARY_LOGITS = make_loss("binary_crossentropy", from_logits=True, label_smoothing=0.1)


def sparse_rows(x: Float64Array) -> SparseRows:
    """x (N, F) as lists of its non-zeros."""
    ends = np.concatenate([[0], np.cumsum((x != 0).sum(axis=1))])
    places = np.nonzero(x)[1].astype(np.int32)
    return SparseRows(ends.astype(np.int64), places, x[x != 0], x.shape[1])


@dataclass(frozen=True)
class Job:
    """A network, how it is trained, and on what; everything drawn from ``seed``."""

    name: str
    network: Network
    training: Training
    samples: int  # N
    batch: int  # B
    density: float = 1.0  # share of inputs that are not zero
    dtype: str = "float64"
    weighted: bool = False
    seed: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def steps(self) -> int:
        return -(-self.samples // self.batch)

    def data(self) -> Data:
        """x (N, F) of dtype, targets and weights as the loss wants them."""
        rng = np.random.default_rng(self.seed)
        x = rng.random((self.samples, self.network.inputs))
        x *= rng.random(x.shape) < self.density
        if self.dtype == "uint8":
            x = (x * 255).astype(np.uint8)
        elif self.dtype != "sparse":
            x = x.astype(self.dtype)
        outputs, split, loss = self.network.outputs, self.network.split, self.training.loss
        rows = self.samples * split
        targets: NDArray[np.generic]
        if loss.class_indices:
            targets = rng.integers(0, outputs, rows).astype(np.int32)
        elif loss.name == CATEGORICAL.name:
            targets = np.eye(outputs)[rng.integers(0, outputs, rows)]
        elif loss.name == BINARY.name:
            targets = (rng.random((rows, outputs)) < 0.3).astype(np.float64)
        else:
            targets = rng.standard_normal((rows, outputs))
        weight = 0.1 + rng.random(rows) if self.weighted else None
        if split > 1:
            targets = targets.reshape(self.samples, -1)
            weight = None if weight is None else weight.reshape(self.samples, split)
        return Data(sparse_rows(x) if self.dtype == "sparse" else x, targets, weight)

    def order(self) -> NDArray[np.int64]:
        return np.random.default_rng(self.seed + 1).permutation(self.samples).astype(np.int64)

    def initialise(self, engine: Engine) -> None:
        """Weights of variance 1 / inputs, small biases."""
        rng = np.random.default_rng(self.seed + 2)
        kinds = (BatchNormalization, Scaling, Standardization)
        normal = any(isinstance(operation, kinds) for operation in self.network.operations)
        for i, shape in enumerate(self.network.parameter_shapes):
            scale = 0.1 if len(shape) == 1 else shape[0] ** -0.5
            value = scale * rng.standard_normal(shape)
            # scales and variances of a normalization are around 1
            value = value + 1.0 if normal and len(shape) == 1 else value
            engine.write_parameter(i, value)
            if self.network.roles[i] == "trained":
                self._initialise_slots(engine, i, value)

    def _initialise_slots(self, engine: Engine, index: int, value: Float64Array) -> None:
        """Those that do not start at 0."""
        if isinstance(self.training.optimizer, Adagrad | Ftrl):
            engine.write_slot(index, 0, np.full(value.shape, 0.1))
        if isinstance(self.training.optimizer, ScheduleFreeAdamw):
            engine.write_slot(index, 0, value)

    @property
    def rates(self) -> Float64Array:
        """A learning rate for each step, not all alike."""
        return np.asarray(0.01 / (1.0 + 0.1 * np.arange(self.steps)), np.float64)


@dataclass
class Outcome:
    """All that an engine tells after a training: named arrays."""

    arrays: dict[str, Float64Array] = field(default_factory=dict)

    def differing(self, other: Outcome) -> list[str]:
        """Names of the arrays that differ in any bit."""
        assert self.arrays.keys() == other.arrays.keys()
        return [n for n, a in self.arrays.items() if a.tobytes() != other.arrays[n].tobytes()]

    def distance(self, other: Outcome) -> tuple[float, str]:
        """The largest |a - b| / (1 + |a|), and the array where it is."""
        assert self.arrays.keys() == other.arrays.keys()
        return max(
            (float(np.max(np.abs(a - other.arrays[n]) / (1.0 + np.abs(a)), initial=0.0)), n)
            for n, a in self.arrays.items()
        )


def train(engine: Engine, job: Job, first: int = 0, last: int | None = None) -> Outcome:
    """Steps [first, last) of the job's epoch; losses and outputs."""
    last = job.steps if last is None else last
    iterations = np.array(first, np.int64)
    rows = job.order()[first * job.batch : last * job.batch]
    rates = job.rates[first:last]
    result = engine.train(job.data(), rows, job.batch, rates, iterations, record_outputs=True)
    assert iterations == last
    assert result.outputs is not None
    return Outcome({"losses": result.losses, "outputs": result.outputs})


def state(engine: Engine, job: Job) -> Outcome:
    """Parameters, slots, evaluation and predictions, with and without dropout."""
    outcome = Outcome()
    for i in range(len(job.network.parameter_shapes)):
        outcome.arrays[f"parameter {i}"] = engine.read_parameter(i)
        if job.network.roles[i] == "state":
            continue
        shape = job.network.parameter_shapes[i]
        for slot in range(len(job.training.slot_shapes(shape))):
            outcome.arrays[f"slot {slot} of parameter {i}"] = engine.read_slot(i, slot)
    data = job.data()
    outcome.arrays["evaluated losses"], outcome.arrays["evaluated outputs"] = engine.evaluate(data)
    penalty, activities = engine.penalties(data.x)
    outcome.arrays["penalties"] = np.append(activities, penalty)
    outcome.arrays["penalties with dropout"] = engine.penalties(data.x[:7], 3)[1]
    outcome.arrays["prediction of one row"] = engine.predict(data.x[:1])
    outcome.arrays["prediction with dropout"] = engine.predict(data.x[:7], 3)
    return outcome


def train_whole(engine: Engine, job: Job) -> Outcome:
    """One epoch from the job's initial weights, and all that is left after it."""
    job.initialise(engine)
    outcome = train(engine, job)
    outcome.arrays |= state(engine, job).arrays
    return outcome


def mlp(
    *widths: int,
    activation: Operation | None = Relu(),  # noqa: B008 - frozen
    dropout: float = 0.0,
    first: Sequence[Operation] = (),
    last: Sequence[Operation] = (),
) -> Network:
    """Dense layers, each but the last followed by the activation and dropout."""
    operations: list[Operation] = list(first)
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        operations.append(Dense(inputs, outputs))
        if i < len(widths) - 2:
            operations += [activation] if activation else []
            operations += [Dropout(dropout, 1234 + i)] if dropout else []
    return Network(widths[0], (*operations, *last))


ADAM, NESTEROV = Adam(), Sgd(0.9, nesterov=True)
CENTERED = Rmsprop(0.8, 0.5, 1e-3, centered=True)
NORMAL = BatchNormalization()

# Work enough for five threads in most; names say what is special about each.
JOBS = [
    Job("flagship, dense inputs", mlp(784, 128, 10, dropout=0.2), Training(SPARSE, ADAM), 96, 32),
    Job(
        "flagship, sparse inputs, last batch of 2",
        mlp(784, 128, 10, dropout=0.2),
        Training(SPARSE, ADAM),
        98,
        32,
        density=0.19,
    ),
    Job(
        "sparse bytes, rescaled",
        mlp(785, 128, 10, first=[Rescaling(1 / 255)]),
        Training(SPARSE, ADAM),
        98,
        32,
        density=0.19,
        dtype="uint8",
    ),
    Job(
        "dense bytes, rescaled with an offset, dropped",
        mlp(300, 200, 10, first=[Rescaling(2 / 255, -1.0), Dropout(0.3, 9)]),
        Training(SPARSE, ADAM),
        70,
        32,
        dtype="uint8",
    ),
    Job(
        "sparse float32, plain SGD",
        mlp(784, 128, 10),
        Training(SPARSE, Sgd()),
        98,
        32,
        density=0.1,
        dtype="float32",
    ),
    Job(
        "compressed sparse rows",
        mlp(785, 128, 10),
        Training(SPARSE, ADAM),
        98,
        32,
        density=0.1,
        dtype="sparse",
        weighted=True,
    ),
    Job(
        "compressed sparse rows, rescaled with an offset",
        mlp(300, 64, 10, first=[Rescaling(0.5, -1.0)]),
        Training(SPARSE, Sgd(0.9)),
        70,
        32,
        density=0.1,
        dtype="sparse",
    ),
    Job("one layer", mlp(784, 10), Training(SPARSE, ADAM), 130, 64),
    Job("one sparse layer", mlp(784, 10), Training(SPARSE, Sgd(0.9)), 130, 64, density=0.1),
    Job("one wide layer", mlp(64, 600), Training(SPARSE, ADAM), 98, 32),
    Job(
        "wide hidden layers by columns",
        mlp(300, 256, 250, 257, 10, dropout=0.1),
        Training(SPARSE, NESTEROV),
        70,
        33,
    ),
    Job(
        "narrow layers by rows, weighted",
        mlp(20, 64, 64, 1),
        Training(SQUARED, ADAM),
        600,
        256,
        weighted=True,
    ),
    Job(
        "tanh, more rows than a gradient block",
        mlp(4, 32, 16, 4, activation=Tanh()),
        Training(SQUARED, Sgd(0.9)),
        2600,
        2500,
    ),
    Job(
        "small layers, not narrow, blocks of 1,024 rows",
        mlp(40, 96, 72, 5, dropout=0.1),
        Training(SPARSE, ADAM),
        5300,
        2300,
    ),
    Job(
        "narrow, three short blocks and a bit, a short last batch",
        mlp(20, 64, 64, 1, activation=Tanh()),
        Training(SQUARED, ADAM),
        500,
        199,
    ),
    Job(
        "narrow, lists of non-zeros in passes of a block, weighted",
        mlp(60, 40, 24, 3),
        Training(SPARSE, NESTEROV),
        700,
        333,
        density=0.1,
        weighted=True,
    ),
    Job(
        "narrow, blocks in several turns and a short last batch, weighted, a layer frozen",
        Network(
            20,
            (
                Dropout(0.2, 3),
                Dense(20, 64),
                Relu(),
                Dropout(0.3, 5),
                Dense(64, 30, trainable=False),
                Tanh(),
                Dense(30, 3),
            ),
        ),
        Training(replace(SPARSE, reduction="mean_with_sample_weight"), ADAM),
        6200,
        5200,
        weighted=True,
    ),
    Job("wide, more rows than a block", mlp(40, 300, 200, 3), Training(SPARSE, ADAM), 2600, 2500),
    Job(
        "columns behind rows, more rows than a pass",
        mlp(30, 300, 90, 3),
        Training(SPARSE, ADAM),
        700,
        600,
    ),
    Job(
        "probabilities",
        mlp(30, 140, 7, last=[Softmax()]),
        Training(make_loss(SPARSE.name), ADAM),
        200,
        64,
    ),
    Job(
        "wide probabilities, smoothed, mean by weight",
        mlp(300, 300, 400, last=[Softmax()]),
        Training(
            make_loss(CATEGORICAL.name, label_smoothing=0.1, reduction="mean_with_sample_weight"),
            ADAM,
        ),
        50,
        32,
        weighted=True,
    ),
    Job(
        "probabilities that no softmax made",
        mlp(30, 140, 7, last=[Exponential()]),
        Training(make_loss(SPARSE.name), ADAM),
        200,
        64,
    ),
    Job(
        "probabilities of yes, wide, batch normalization below",
        Network(
            40, (Dense(40, 300), Tanh(), Dense(300, 290), BatchNormalization(), Relu(), Sigmoid())
        ),
        Training(BINARY, ADAM),
        70,
        32,
    ),
    Job(
        "probabilities of inputs alone",
        Network(5, (Rescaling(0.5, 0.1), Softmax())),
        Training(make_loss(CATEGORICAL.name), ADAM),
        100,
        32,
    ),
    Job("yes alone", Network(5, (Sigmoid(),)), Training(BINARY, ADAM), 100, 32),
    Job(
        "softmax in the middle, no bias, leaky clipped relu",
        Network(
            50,
            (
                Dropout(0.3, 5),
                Dense(50, 300),
                Softmax(),
                Rescaling(2.0, 0.1),
                Dense(300, 300, use_bias=False),
                Relu(0.1, 1.5, 0.2),
                Dense(300, 5),
            ),
        ),
        Training(make_loss(CATEGORICAL.name, from_logits=True, reduction="sum"), ADAM),
        70,
        32,
    ),
    Job(
        "first layer frozen",
        Network(
            500,
            (Dense(500, 300, trainable=False), Tanh(), Dense(300, 300), Relu(), Dense(300, 5)),
        ),
        Training(SPARSE, ADAM),
        70,
        32,
    ),
    Job(
        "middle layer frozen",
        Network(
            500,
            (Dense(500, 300), Tanh(), Dense(300, 300, trainable=False), Relu(), Dense(300, 5)),
        ),
        Training(SPARSE, NESTEROV),
        70,
        32,
    ),
    Job(
        "last layer frozen",
        Network(300, (Dense(300, 256), Relu(), Dense(256, 9, trainable=False))),
        Training(CATEGORICAL, ADAM),
        70,
        32,
    ),
    Job(
        "all layers frozen",
        Network(300, (Dense(300, 256, trainable=False), Relu(), Dropout(0.5, 1))),
        Training(SQUARED, ADAM),
        70,
        32,
    ),
    Job("no layer with weights", Network(5, (Softmax(),)), Training(SQUARED, ADAM), 100, 32),
    Job("batches of one row", mlp(500, 300, 7), Training(SPARSE, ADAM), 12, 1),
    Job("columns, rows, columns", mlp(400, 400, 3, 600, 500, 4), Training(SPARSE, ADAM), 70, 30),
    Job(
        "epsilon too small for a shared division",
        mlp(90, 200, 5),
        Training(SPARSE, Adam(0.8, 0.9, 1e-200)),
        70,
        32,
    ),
    Job(
        "flagship by RMSprop, sparse",
        mlp(785, 128, 10, dropout=0.2),
        Training(SPARSE, Rmsprop()),
        98,
        32,
        density=0.19,
    ),
    Job(
        "sigmoid, yes and no, centered RMSprop, clipped together",
        mlp(300, 256, 20, 3, activation=Sigmoid()),
        Training(BINARY_LOGITS, CENTERED, Clip(global_clipnorm=0.05)),
        70,
        33,
        weighted=True,
    ),
    Job(
        "probabilities of yes, blocks, clipped each",
        mlp(20, 33, 5, activation=Sigmoid(), last=[Sigmoid()]),
        Training(BINARY, ADAM, Clip(clipnorm=0.002)),
        6200,
        5200,
    ),
    Job(
        "sparse, clipped by value",
        mlp(784, 128, 10, dropout=0.2),
        Training(SPARSE, NESTEROV, Clip(clipvalue=1e-3)),
        98,
        32,
        density=0.19,
    ),
    Job(
        "normalized between wide layers, sparse",
        # no bias before a normalization, which takes it out again: its gradient would be rounding
        # alone, and Adam would divide it by itself
        Network(
            784,
            (
                Dense(784, 300, use_bias=False),
                NORMAL,
                Relu(),
                Dense(300, 250, use_bias=False),
                NORMAL,
                Dense(250, 10),
            ),
        ),
        Training(SPARSE, ADAM),
        98,
        32,
        density=0.19,
    ),
    Job(
        "normalized first, last, and frozen between, narrow, a long batch",
        Network(
            20,
            (
                NORMAL,
                Dense(20, 33),
                Tanh(),
                BatchNormalization(trainable=False),
                Dense(33, 5, use_bias=False),
                BatchNormalization(0.5, 1e-2, scale=False),
            ),
        ),
        Training(SQUARED, CENTERED),
        6200,
        5200,
        weighted=True,
    ),
    Job(
        "normalized behind a softmax, without center, a frozen layer below",
        Network(
            40,
            (
                Dense(40, 30, trainable=False),
                Softmax(),
                BatchNormalization(center=False),
                Dropout(0.2, 8),
                Dense(30, 4),
            ),
        ),
        Training(BINARY_LOGITS, Rmsprop(momentum=0.9), Clip(clipnorm=0.1)),
        100,
        40,
    ),
    Job(
        "sparse, a batch in two passes and a bit",
        mlp(785, 128, 10, dropout=0.2),
        Training(SPARSE, ADAM),
        1000,
        600,
        density=0.15,
    ),
    Job(
        "sparse, wide, a batch of several gradient blocks, weighted",
        mlp(300, 200, 150, 3, dropout=0.1),
        Training(replace(SPARSE, reduction="mean_with_sample_weight"), NESTEROV),
        4400,
        3400,
        density=0.1,
        weighted=True,
    ),
    Job(
        "sparse bytes, narrow, five blocks, frozen, clipped together",
        Network(
            60,
            (
                Rescaling(1 / 255),
                Dense(60, 40),
                Sigmoid(),
                Dense(40, 30, trainable=False),
                Tanh(),
                Dense(30, 3),
            ),
        ),
        Training(BINARY_LOGITS, Rmsprop(momentum=0.9), Clip(global_clipnorm=0.01)),
        6000,
        5000,
        density=0.2,
        dtype="uint8",
    ),
    Job(
        "adam, sparse, decayed",
        mlp(785, 128, 10, dropout=0.2),
        Training(SPARSE, ADAM, tail=Tail(0.1, (1,))),
        98,
        32,
        density=0.19,
    ),
    Job("amsgrad", mlp(90, 201, 5), Training(SPARSE, Amsgrad(0.8, 0.9)), 70, 32),
    Job("nadam, sparse", mlp(785, 70, 5), Training(SPARSE, Nadam(0.8, 0.95)), 70, 32, 0.1),
    Job("adamax", mlp(90, 201, 5), Training(SPARSE, Adamax(0.8, 0.9)), 70, 32),
    Job(
        "adagrad, averaged",
        mlp(90, 201, 5),
        Training(SPARSE, Adagrad(), tail=Tail(average=Average(0.7, 2))),
        130,
        32,
    ),
    Job(
        "adadelta, decayed, clipped by value",
        mlp(90, 201, 5),
        Training(SPARSE, Adadelta(0.9, 1e-4), Clip(clipvalue=0.01), Tail(weight_decay=0.1)),
        70,
        32,
    ),
    Job("lion", mlp(90, 201, 5), Training(SPARSE, Lion(0.9, 0.7)), 70, 32),
    Job("ftrl", mlp(90, 201, 5), Training(SPARSE, Ftrl(-0.5, 0.01, 0.02, 0.03, 0.1)), 70, 32),
    Job(
        "ftrl of another power, a wide batch",
        mlp(20, 33, 3),
        Training(SQUARED, Ftrl(-0.7, 0.0, 0.02)),
        6200,
        5200,
    ),
    Job(
        "schedule-free, narrow layers by rows",
        mlp(20, 64, 61, 1),
        Training(SQUARED, ScheduleFreeAdamw(0.8, 0.9, 1e-6, 2.0), tail=Tail(weight_decay=0.1)),
        600,
        256,
    ),
    Job(
        "lamb, clipped together, averaged, gathered over two steps",
        mlp(300, 201, 5),
        Training(
            SPARSE,
            Lamb(0.8, 0.9),
            Clip(global_clipnorm=0.1),
            Tail(0.2, (1, 2), 2, Average(0.6)),
        ),
        130,
        32,
    ),
    Job(
        "adafactor, wide, a layer frozen, normalized",
        Network(
            90,
            (
                Dense(90, 201, trainable=False),
                Tanh(),
                Dense(201, 130, use_bias=False),
                NORMAL,
                Dense(130, 5),
            ),
        ),
        Training(SPARSE, Adafactor(-0.7, 1e-10, 0.01, 0.5)),
        70,
        32,
    ),
    Job(
        "adafactor, narrow, in blocks, decayed",
        mlp(20, 33, 3),
        Training(SQUARED, Adafactor(), Clip(clipnorm=0.1), Tail(weight_decay=0.01)),
        6200,
        5200,
    ),
    Job(
        "adam, sparse, decayed but for biases, gathered over three steps, averaged",
        mlp(784, 128, 10),
        Training(SPARSE, ADAM, tail=Tail(0.01, (1, 3), 3, Average(0.9, 1))),
        300,
        32,
        density=0.19,
    ),
    Job(
        "activations of exponentials, narrow",
        Network(
            20,
            (
                *(Dense(20, 24), SELU, LeakyRelu(0.1)),
                *(Dense(24, 24), Mish(), Silu(), Elu(0.5, width=0.5)),
                *(Dense(24, 24), Gelu(), Softplus(), TanhShrink()),
                *(Dense(24, 24), Gelu(approximate=True), LogSigmoid()),
                *(Dense(24, 3), Exponential()),
            ),
        ),
        Training(SQUARED, NESTEROV),
        300,
        256,
        weighted=True,
    ),
    Job(
        "piecewise activations, wide",
        Network(
            300,
            (
                *(Dense(300, 256), HardTanh(), HardSilu(), SparsePlus()),
                *(Dense(256, 250), HardShrink(0.05), Softsign(), Squareplus()),
                *(Dense(250, 30), SoftShrink(0.1), HardSigmoid()),
                *(Dense(30, 4), Threshold(0.1, -0.2), SparseSigmoid()),
            ),
        ),
        Training(SQUARED, ADAM),
        70,
        33,
    ),
    Job(
        "along rows: log softmax, sparsemax, gated",
        Network(
            40,
            (
                *(Dense(40, 30), LogSoftmax(), Tanh()),
                *(Dense(30, 300), Glu(), Dropout(0.1, 6)),
                *(Dense(150, 20), Sparsemax(), Rescaling(2.0)),
                *(Dense(20, 7), LogSoftmax()),
            ),
        ),
        Training(SQUARED, NESTEROV),
        100,
        40,
    ),
    Job(
        "trained slopes behind wide layers, shared, first of all",
        Network(
            60,
            (
                *(Prelu(5, 3), Dense(60, 300), Prelu()),
                *(Dense(300, 240), Prelu(8, 3), Dense(240, 300), Prelu(300), Dropout(0.2, 4)),
                *(Dense(300, 5), Prelu(trainable=False)),
            ),
        ),
        Training(SPARSE, ADAM),
        98,
        32,
    ),
    Job(
        "one trained slope behind columns that members own",
        Network(300, (Dense(300, 256), Prelu(256), Dense(256, 5))),
        Training(SPARSE, ADAM),
        160,
        16,
    ),
    Job(
        "trained slopes in gradient blocks, shared, clipped together",
        Network(20, (Dense(20, 33), Prelu(), Dense(33, 24), Prelu(3, 4), Dense(24, 2), Prelu(2))),
        Training(SQUARED, CENTERED, Clip(global_clipnorm=0.05)),
        6200,
        5200,
        weighted=True,
    ),
    Job(
        "noise and shared masks",
        Network(
            48,
            (
                *(GaussianNoise(0.1, 21), Dense(48, 256), SELU, AlphaDropout(0.1, 22)),
                *(Dense(256, 60), Relu(), Dropout(0.3, 23, one_row=True), GaussianDropout(0.2, 24)),
                *(Dense(60, 60), Tanh(), Dropout(0.3, 25, shared=4, inner=5)),
                *(AlphaDropout(0.2, 26, one_row=True, shared=2, inner=3), Dense(60, 4)),
            ),
        ),
        Training(SPARSE, ADAM),
        98,
        32,
    ),
    Job(
        "regularized and held, by columns and rows, sparse",
        replace(
            mlp(785, 300, 250, 10, dropout=0.2),
            regularizers=(L1L2(1e-4, 1e-3), L1L2(l2=0.1), Orthogonal(0.3), None, L1L2(0.01), None),
            constraints=(Norm(max_value=0.9), NonNeg(), NonNeg(), None, Norm(1.0, axis=1), Norm()),
        ),
        Training(SPARSE, ADAM),
        98,
        32,
        density=0.19,
    ),
    Job(
        "regularized and held by lamb, gathered over two steps, decayed, averaged, clipped",
        replace(
            mlp(300, 201, 5),
            regularizers=(L1L2(1e-4, 1e-3), None, L1L2(l2=0.1), None),
            constraints=(Norm(max_value=0.9), NonNeg(), Norm(0.1, 0.5, 0.3, axis=2), Norm()),
        ),
        Training(SPARSE, Lamb(0.8), Clip(clipnorm=0.5), Tail(0.1, (3,), 2, Average(0.6, 2))),
        160,
        32,
    ),
    Job(
        "regularized and held, narrow, blocks, weighted, clipped together",
        replace(
            mlp(20, 33, 40, 5, activation=Tanh()),
            regularizers=(L1L2(1e-3), None, Orthogonal(0.2, True), L1L2(0.1, 0.1), L1L2(), None),
            constraints=(None, Norm(0.1, 0.2, 0.3), Norm(axis=2), None, NonNeg(), None),
        ),
        Training(SQUARED, CENTERED, Clip(global_clipnorm=0.1)),
        6200,
        5200,
        weighted=True,
    ),
    Job(
        "activities regularized, before and behind what works in place, a layer frozen",
        replace(
            Network(
                60,
                (
                    ActivityRegularization(0.1, 0.2),
                    Dropout(0.3, 2),
                    Dense(60, 300, trainable=False),
                    NORMAL,
                    ActivityRegularization(l2=0.01),
                    Relu(),
                    ActivityRegularization(0.02),
                    Dense(300, 7),
                    Softmax(),
                    ActivityRegularization(0.1, 0.1),
                    Sigmoid(),
                ),
            ),
            regularizers=(L1L2(0.1), None, L1L2(0.1), L1L2(0.1), None, None, Orthogonal(), None),
        ),
        Training(BINARY, NESTEROV),
        100,
        40,
    ),
    Job(
        "activities regularized, more rows than a gradient block",
        mlp(20, 33, 5, activation=Sigmoid(), last=[ActivityRegularization(0.1, 0.1)]),
        Training(SQUARED, ADAM),
        2600,
        2500,
    ),
]
