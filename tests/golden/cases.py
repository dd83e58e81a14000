"""Trainings that Keras and fastmlp run alike: written once, run under either module.

Each case is the flagship's architecture on 8x8 images (B, 64), made from MNIST by averaging,
so that the weights of every snapshot fit a small file. The number of rows leaves a last batch
of 6 in each epoch of 100 steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.datasets import mnist

Array = NDArray[Any]

ROWS, BATCH_SIZE, EPOCHS = 1590, 16, 3
STEPS = EPOCHS * -(-ROWS // BATCH_SIZE)
SNAPSHOTS = (1, 10, 100, 300)  # weights are compared after so many steps
TEST_ROWS = 500


@dataclass(frozen=True)
class Case:
    """One training. The callables take the module ``keras``, be it Keras or fastmlp."""

    name: str
    layers: Callable[[Any], list[Any]]
    loss: Callable[[Any], Any]
    optimizer: Callable[[Any], Any]
    targets: Callable[[Array], Array]  # labels (N,) -> targets
    metrics: tuple[str, ...] = ("accuracy",)
    sample_weight: bool = False
    class_weight: dict[int, float] | None = None
    outputs: int = 10
    shapes: tuple[tuple[int, ...], ...] = ()  # of all weights, if not those of _mlp


def _one_hot(labels: Array) -> Array:
    return np.eye(10)[labels]


def _ink(labels: Array) -> Array:
    """A target (N, 2) to regress on: the digit, and how far it is from 4.5."""
    digits = labels.astype(np.float64)
    return np.stack([digits / 9, np.abs(digits - 4.5) / 4.5], axis=1)


def _mlp(activation: str, outputs: int, last: str | None) -> Callable[[Any], list[Any]]:
    def layers(keras: Any) -> list[Any]:
        return [
            keras.layers.Input((8, 8)),
            keras.layers.Flatten(),
            keras.layers.Dense(16, activation=activation),
            keras.layers.Dense(outputs, activation=last),
        ]

    return layers


def _large(labels: Array) -> Array:
    """A target (N, 1) of yes or no: whether the digit is 5 or more."""
    return (labels >= 5).astype(np.float64)[:, None]


def _normalized(keras: Any) -> list[Any]:
    """Normalized before the activation, where a bias would be taken out again."""
    return [
        keras.layers.Input((8, 8)),
        keras.layers.Flatten(),
        keras.layers.Dense(16, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Activation("relu"),
        keras.layers.Dense(10),
    ]


def _normalized_inputs(keras: Any) -> list[Any]:
    """Normalized inputs, and behind an activation, without beta or gamma."""
    return [
        keras.layers.Input((8, 8)),
        keras.layers.Flatten(),
        keras.layers.BatchNormalization(epsilon=0.01, center=False),
        keras.layers.Dense(16, activation="sigmoid"),
        keras.layers.BatchNormalization(scale=False),
        keras.layers.Dense(10),
    ]


CASES = [
    Case(
        "sparse_logits_adam",
        _mlp("relu", 10, None),
        lambda keras: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda keras: keras.optimizers.Adam(),
        targets=lambda labels: labels.astype(np.int32),
    ),
    Case(
        "sparse_probabilities_adam",
        _mlp("relu", 10, "softmax"),
        lambda keras: keras.losses.SparseCategoricalCrossentropy(),
        lambda keras: keras.optimizers.Adam(learning_rate=0.003, beta_1=0.8, epsilon=1e-6),
        targets=lambda labels: labels.astype(np.int32),
    ),
    Case(
        "smoothed_logits_sgd",
        _mlp("relu", 10, None),
        lambda keras: keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        lambda keras: keras.optimizers.SGD(learning_rate=0.1),
        targets=_one_hot,
    ),
    Case(
        "smoothed_probabilities_adam",
        _mlp("relu", 10, "softmax"),
        lambda keras: keras.losses.CategoricalCrossentropy(label_smoothing=0.05),
        lambda keras: keras.optimizers.Adam(),
        targets=_one_hot,
    ),
    Case(
        "squared_error_tanh_nesterov_sample_weight",
        _mlp("tanh", 2, None),
        lambda keras: keras.losses.MeanSquaredError(),
        lambda keras: keras.optimizers.SGD(learning_rate=0.05, momentum=0.9, nesterov=True),
        targets=_ink,
        metrics=(),
        sample_weight=True,
        outputs=2,
    ),
    Case(
        "sparse_logits_momentum_class_weight",
        _mlp("tanh", 10, None),
        lambda keras: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda keras: keras.optimizers.SGD(learning_rate=0.02, momentum=0.9),
        targets=lambda labels: labels.astype(np.int32),
        class_weight=dict(enumerate([2.0, 0.5, 1.0, 1.0, 0.0, 1.0, 1.0, 3.0, 0.25, 1.0])),
    ),
    Case(
        "binary_probabilities_rmsprop",
        _mlp("sigmoid", 1, "sigmoid"),
        lambda keras: keras.losses.BinaryCrossentropy(),
        lambda keras: keras.optimizers.RMSprop(learning_rate=0.01),
        targets=_large,
        sample_weight=True,
        outputs=1,
    ),
    Case(
        "binary_logits_centered_rmsprop_clipvalue",
        _mlp("tanh", 2, None),
        lambda keras: keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        lambda keras: keras.optimizers.RMSprop(
            learning_rate=0.001, rho=0.8, momentum=0.7, centered=True, clipvalue=0.01
        ),
        targets=lambda labels: np.stack([labels >= 5, labels % 2 == 0], axis=1).astype(float),
        metrics=(),
        outputs=2,
    ),
    Case(
        "normalized_adam_clipnorm",
        _normalized,
        lambda keras: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda keras: keras.optimizers.Adam(clipnorm=0.3),
        targets=lambda labels: labels.astype(np.int32),
        shapes=((64, 16), (16,), (16,), (16,), (16,), (16, 10), (10,)),
    ),
    Case(
        "normalized_inputs_sgd_global_clipnorm",
        _normalized_inputs,
        lambda keras: keras.losses.CategoricalCrossentropy(from_logits=True),
        lambda keras: keras.optimizers.SGD(learning_rate=0.1, momentum=0.5, global_clipnorm=0.5),
        targets=_one_hot,
        shapes=((64,), (64,), (64,), (64, 16), (16,), (16,), (16,), (16,), (16, 10), (10,)),
    ),
]


@functools.cache
def images_and_labels() -> tuple[Array, Array, Array, Array]:
    """x (ROWS, 8, 8) float64 in [0, 1], labels (ROWS,); the same of TEST_ROWS test images."""
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    return (
        _shrink(x_train[:ROWS]),
        y_train[:ROWS],
        _shrink(x_test[:TEST_ROWS]),
        y_test[:TEST_ROWS],
    )


def _shrink(images: Array) -> Array:
    """Mean of 3x3 pixels of the middle 24x24: an exact integer sum and one division."""
    blocks = images[:, 2:26, 2:26].astype(np.int64).reshape(len(images), 8, 3, 8, 3)
    return blocks.sum(axis=(2, 4)) / (9 * 255.0)


def initial_weights(case: Case) -> list[Array]:
    """Kernels within Glorot's bound, biases not zero, so that every path carries a value; the
    vectors of normalizations, of which a variance is positive, around 1."""
    rng = np.random.default_rng(20)
    if case.shapes:
        return [rng.uniform(-0.25, 0.25, s) + (len(s) == 1) for s in case.shapes]
    shapes = [(64, 16), (16,), (16, case.outputs), (case.outputs,)]
    return [rng.uniform(-0.25, 0.25, shape) for shape in shapes]


def sample_weights() -> Array:
    """(ROWS,) of 0 to 2; one in five is zero."""
    return np.arange(ROWS) % 5 / 2.0


def run(case: Case, keras: Any, initial: list[Array], **compile_arguments: Any) -> dict[str, Array]:
    """Train by ``train_on_batch`` and again by ``fit``, from the weights ``initial``; what
    every implementation must agree on, by name."""
    x, labels, x_test, labels_test = images_and_labels()
    y, y_test = case.targets(labels), case.targets(labels_test)
    weights = sample_weights() if case.sample_weight else None
    record: dict[str, Array] = {}

    model = _compiled(case, keras, initial, compile_arguments)
    losses = []
    for step in range(STEPS):
        start = step % (STEPS // EPOCHS) * BATCH_SIZE
        rows = slice(start, min(start + BATCH_SIZE, ROWS))
        model.reset_metrics()  # else the loss returned is the mean of all steps so far
        result = model.train_on_batch(
            x[rows],
            y[rows],
            sample_weight=None if weights is None else weights[rows],
            class_weight=case.class_weight,
        )
        losses.append(float(np.ravel(result)[0]))
        if step + 1 in SNAPSHOTS:
            for i, w in enumerate(model.get_weights()):
                record[f"weights_{step + 1}_{i}"] = np.asarray(w)
    record["losses"] = np.array(losses)
    record["evaluate"] = np.ravel(model.evaluate(x_test, y_test, verbose=0))
    record["predict"] = np.asarray(model.predict(x_test[:5], verbose=0))

    model = _compiled(case, keras, initial, compile_arguments)
    history = model.fit(
        x,
        y,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        sample_weight=weights,
        class_weight=case.class_weight,
        validation_data=(x_test, y_test),
    ).history
    for name, values in history.items():
        record[f"history_{name}"] = np.array(values, np.float64)
    for i, w in enumerate(model.get_weights()):
        record[f"fit_weights_{i}"] = np.asarray(w)
    return record


def _compiled(
    case: Case, keras: Any, initial: list[Array], compile_arguments: dict[str, Any]
) -> Any:
    model = keras.Sequential(case.layers(keras))
    model.compile(
        optimizer=case.optimizer(keras),
        loss=case.loss(keras),
        metrics=list(case.metrics),
        **compile_arguments,
    )
    model.set_weights(initial)
    return model
