"""The job table: every workload that is timed, once, for every peer and for the bounds.

Letters used throughout: N rows in a set, B rows in a batch, P parameters. Layer widths are
(inputs, hidden..., outputs); a Dense of widths (i, o) has a kernel (i, o) and a bias (o,).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

SEED = 20240601  # of the synthetic data and of the initial weights all peers start from


@dataclass(frozen=True)
class Job:
    """One workload. ``kind`` says what a measured unit is:

    train: ``epochs`` epochs of Adam over ``rows`` rows in batches of ``batch``, one call of
        ``fit`` that takes half a second or more; times are those of one epoch.
    predict: the outputs of ``rows`` rows, inputs and outputs NumPy arrays.
    call: the outputs of a single row, from Python.
    dgemm: the product of a float64 matrix (m, k) with one of (k, n), ``layers`` = (m, k, n);
        ``transposed`` names the operand that is a transposed view ("a", "b" or "").
    import: importing the package in a fresh process.
    memory: peak resident memory of a fresh process that trains one epoch.
    """

    name: str
    title: str
    kind: str
    layers: tuple[int, ...] = ()
    activation: str = "relu"
    dropout: float = 0.0  # after each hidden layer
    loss: str = "sparse_categorical_crossentropy"  # from logits; or "mean_squared_error"
    data: str = "none"
    rows: int = 0
    batch: int = 32
    epochs: int = 1
    shuffle: bool = True
    learning_rate: float = 1e-3
    transposed: str = ""

    @property
    def dense_shapes(self) -> list[tuple[int, int]]:
        """Kernel shapes (inputs, outputs) in order."""
        return list(zip(self.layers[:-1], self.layers[1:], strict=True))

    @property
    def parameters(self) -> int:
        """P, weights and biases."""
        return sum((inputs + 1) * outputs for inputs, outputs in self.dense_shapes)

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch; the last batch may be short."""
        return -(-self.rows // self.batch) if self.kind == "train" else 1

    @property
    def is_classification(self) -> bool:
        return self.loss == "sparse_categorical_crossentropy"


FLAGSHIP = Job(
    name="flagship",
    title="784-128-10, dropout 0.2, MNIST, batch 32",
    kind="train",
    layers=(784, 128, 10),
    dropout=0.2,
    data="mnist",
    rows=60_000,
    epochs=5,
)


TABULAR = Job(
    name="tabular",
    title="20-64-64-1 regressor, 100,000 rows, batch 256",
    kind="train",
    layers=(20, 64, 64, 1),
    loss="mean_squared_error",
    data="tabular",
    rows=100_000,
    batch=256,
    epochs=20,
)


def _with_batch(batch: int) -> Job:
    title = FLAGSHIP.title.replace("batch 32", f"batch {batch}")
    return replace(FLAGSHIP, name=f"flagship-{batch}", title=title, batch=batch)


_TRAINING = (
    FLAGSHIP,
    _with_batch(128),
    _with_batch(256),
    _with_batch(512),
    _with_batch(1024),
    replace(
        FLAGSHIP,
        name="flagship-dense",
        title="784-128-10, dropout 0.2, dense random input, batch 32",
        data="dense",
        epochs=2,
    ),
    Job(
        name="wide",
        title="784-2048-2048-10, MNIST, batch 256, 8 steps",
        kind="train",
        layers=(784, 2048, 2048, 10),
        data="mnist",
        rows=8 * 256,
        batch=256,
        epochs=2,
    ),
    Job(
        name="deep-dropout",
        title="784-512-512-10, dropout 0.2, MNIST, batch 32, 200 steps",
        kind="train",
        layers=(784, 512, 512, 10),
        dropout=0.2,
        data="mnist",
        rows=200 * 32,
        epochs=4,
    ),
    TABULAR,
    replace(TABULAR, name="tabular-one", title=f"{TABULAR.title}, a call of one epoch", epochs=1),
    replace(
        TABULAR,
        name="tabular-32",
        title=TABULAR.title.replace("batch 256", "batch 32"),
        batch=32,
        epochs=10,
    ),
    Job(
        name="tanh",
        title="4-32-16-4 tanh, full batch of 10,000 rows",
        kind="train",
        layers=(4, 32, 16, 4),
        activation="tanh",
        loss="mean_squared_error",
        data="trajectory",
        rows=10_000,
        batch=10_000,
        epochs=1_000,
        shuffle=False,  # one batch holds every row, so an order changes nothing
    ),
)

_INFERENCE = (
    replace(FLAGSHIP, name="call", title="model(x), one MNIST row", kind="call", rows=1),
    replace(
        FLAGSHIP, name="predict", title="predict, 10,000 MNIST rows", kind="predict", rows=10_000
    ),
    replace(
        FLAGSHIP,
        name="predict-dense",
        title="predict, 10,000 dense rows",
        kind="predict",
        data="dense",
        rows=10_000,
    ),
)


def _dgemm(name: str, m: int, k: int, n: int, transposed: str = "") -> Job:
    return Job(
        name=f"dgemm-{name}",
        title=f"dgemm ({m}, {k}) x ({k}, {n})" + f", {transposed} transposed" * bool(transposed),
        kind="dgemm",
        layers=(m, k, n),
        transposed=transposed,
    )


_DGEMM = (
    *(_dgemm(str(size), size, size, size) for size in (64, 128, 256, 512, 1024, 2048)),
    _dgemm("forward", 32, 784, 128),
    _dgemm("weight-gradient", 784, 32, 128, transposed="a"),
    _dgemm("input-gradient", 32, 128, 784, transposed="b"),
)

_PROCESS = (
    Job(name="import", title="import in a fresh process", kind="import"),
    replace(
        FLAGSHIP,
        name="memory",
        title="peak memory of the flagship's first epoch, from uint8",
        kind="memory",
        data="mnist-uint8",
        epochs=1,
    ),
)

_BY_NAME = {job.name: job for job in (*_TRAINING, *_INFERENCE, *_DGEMM, *_PROCESS)}
_QUICK = tuple(
    _BY_NAME[name]
    for name in (
        *("flagship", "flagship-1024", "flagship-dense", "tabular", "tanh"),
        *("call", "predict", "predict-dense", "dgemm-256", "dgemm-forward"),
    )
)

GROUPS: dict[str, tuple[Job, ...]] = {
    "train": _TRAINING,
    "inference": _INFERENCE,
    "dgemm": _DGEMM,
    "process": _PROCESS,
    "quick": _QUICK,
    "all": tuple(_BY_NAME.values()),
}
JOBS: dict[str, Job] = _BY_NAME


def select(names: Iterable[str]) -> list[Job]:
    """Jobs of the given job or group names, in the given order, each once.

    Raises
    ------
    ValueError
        If a name is neither a job nor a group.
    """
    chosen: dict[str, Job] = {}
    for name in names:
        if name not in GROUPS and name not in JOBS:
            known = ", ".join([*GROUPS, *JOBS])
            raise ValueError(f"jobs must be among {known}. Received: {name!r}")
        for job in GROUPS.get(name) or (JOBS[name],):
            chosen.setdefault(job.name, job)
    return list(chosen.values())


def initial_weights(job: Job) -> list[Float64Array]:
    """Glorot-uniform kernels and zero biases: [kernel (i, o), bias (o,), ...].

    Every peer starts from these, so that without dropout all of them see the same first loss.
    """
    generator = np.random.default_rng(SEED)
    weights: list[Float64Array] = []
    for inputs, outputs in job.dense_shapes:
        limit = np.sqrt(6.0 / (inputs + outputs))
        weights.append(generator.uniform(-limit, limit, (inputs, outputs)))
        weights.append(np.zeros(outputs))
    return weights


def load_data(job: Job) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs (N, F) and targets of a job: (N,) int32 classes or (N, K) float64.

    Inputs are float64, except for "mnist-uint8" (the bytes as they are stored). For dgemm the
    two operands; a job that needs no data gets zero rows.
    """
    if job.kind == "dgemm":
        draw = np.random.default_rng(SEED).standard_normal
        m, k, n = job.layers
        a = draw((k, m)).T if job.transposed == "a" else draw((m, k))
        b = draw((n, k)).T if job.transposed == "b" else draw((k, n))
        return a, b
    return _MAKERS[job.data](job)


def _mnist(job: Job) -> tuple[NDArray[Any], NDArray[Any]]:
    from fastmlp.datasets import mnist

    (images, labels), _ = mnist.load_data()
    pixels = images[: job.rows].reshape(-1, 28 * 28)
    x = pixels if job.data == "mnist-uint8" else pixels / 255.0
    return x, labels[: job.rows].astype(np.int32)


def _dense(job: Job) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs uniform in [-1, 1) without a zero; the class is the largest of the first K, which
    is learned within an epoch or two. (Inputs in [0, 1) kill the ReLUs at this learning rate.)"""
    x = np.random.default_rng(SEED).uniform(-1.0, 1.0, (job.rows, job.layers[0]))
    return x, np.argmax(x[:, : job.layers[-1]], axis=1).astype(np.int32)


def _tabular(job: Job) -> tuple[NDArray[Any], NDArray[Any]]:
    """Standard normal features, a smooth target of unit scale and 10 % noise."""
    generator = np.random.default_rng(SEED)
    x = generator.standard_normal((job.rows, job.layers[0]))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.25 * x[:, 3] ** 2 - 0.25
    y += 0.1 * generator.standard_normal(job.rows)
    return x, y[:, None]


def _trajectory(job: Job) -> tuple[NDArray[Any], NDArray[Any]]:
    """States of two oscillators and the states a quarter turn of a damped rotation later."""
    generator = np.random.default_rng(SEED)
    x = generator.uniform(-1.0, 1.0, (job.rows, 4))
    turn = np.array([[0.0, -0.8], [0.8, 0.0]])
    y = np.concatenate([x[:, :2] @ turn, x[:, 2:] @ turn], axis=1)
    return x, y - 0.1 * y**3


def _none(job: Job) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.zeros((0, 1)), np.zeros((0, 1))


_MAKERS = {
    "mnist": _mnist,
    "mnist-uint8": _mnist,
    "dense": _dense,
    "tabular": _tabular,
    "trajectory": _trajectory,
    "none": _none,
}
