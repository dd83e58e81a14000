"""Models of every layer and optimizer that fastmlp shares with Keras, made with either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ROWS, FEATURES, CLASSES = 24, 4, 3
EPOCHS, BATCH = 2, 8


def data() -> tuple[np.ndarray, np.ndarray]:
    """The same samples (24, 4) and classes (24,) everywhere."""
    grid = np.arange(ROWS * FEATURES, dtype=np.float64).reshape(ROWS, FEATURES)
    return np.sin(grid * 1.7) + 0.1 * np.cos(grid), np.arange(ROWS) * 7 % CLASSES


def _dense(k: Any, *layers: Any) -> Any:
    return k.Sequential([k.Input((FEATURES,)), k.layers.Dense(6), *layers, k.layers.Dense(CLASSES)])


def _of(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A layer between two others."""
    return lambda k: _dense(k, make(k.layers))


def _ranks(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((FEATURES,)),
            k.layers.Rescaling(0.5, 0.1),
            k.layers.RepeatVector(3),
            k.layers.Permute((2, 1)),
            k.layers.Reshape((3, 4)),
            k.layers.Dense(5, activation="tanh"),
            k.layers.PReLU(shared_axes=[1]),
            k.layers.Flatten(),
            k.layers.Dense(CLASSES),
        ]
    )


def _nested(k: Any) -> Any:
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(5, name="a"), k.layers.ReLU()], name="in")
    frozen = k.layers.Dense(4, activation="relu", trainable=False, name="frozen")
    return _dense(k, inner, frozen, k.layers.BatchNormalization())


def _chained(k: Any) -> Any:
    """Without normalization, before which the gradient of a bias is nothing but rounding errors:
    of these Lion takes the signs, and Adafactor a share of their size."""
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(5), k.layers.PReLU()])
    frozen = k.layers.Dense(4, activation="tanh", trainable=False)
    return _dense(k, inner, frozen, k.layers.Dense(4, activation="tanh"))


def _functional(k: Any) -> Any:
    x = k.Input((FEATURES,), name="x")
    y = k.layers.Dense(5, activation=k.layers.LeakyReLU(negative_slope=0.1), name="first")(x)
    y = k.Sequential([k.Input((5,)), k.layers.Dense(4), k.layers.PReLU()], name="middle")(y)
    return k.Model(x, k.layers.Dense(CLASSES, name="last")(y), name="functional")


def _penalized(k: Any) -> Any:
    dense = k.layers.Dense(
        5,
        activation="softplus",
        kernel_initializer=k.initializers.HeNormal(seed=1),
        kernel_regularizer=k.regularizers.L1L2(1e-3, 1e-2),
        bias_regularizer=k.regularizers.L1(1e-3),
        activity_regularizer=k.regularizers.L2(1e-3),
        kernel_constraint=k.constraints.MaxNorm(1.5),
        bias_constraint=k.constraints.NonNeg(),
    )
    return _dense(k, dense, k.layers.ActivityRegularization(l1=1e-3))


def _standardized(k: Any) -> Any:
    mean, variance = [0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 0.5, 1.5]
    known = k.layers.Normalization(mean=mean, variance=variance)
    adapted = k.layers.Normalization()
    adapted.adapt(data()[0])
    return k.Sequential(
        [k.Input((FEATURES,)), known, adapted, k.layers.Dense(5), k.layers.Dense(CLASSES)]
    )


def _embedded(k: Any) -> Any:
    bins = k.layers.Discretization([-0.5, 0.0, 0.5])
    embedding = k.layers.Embedding(4, 3, embeddings_regularizer=k.regularizers.L2(1e-3))
    tail = [k.layers.Flatten(), k.layers.Dense(CLASSES)]
    return k.Sequential([k.Input((FEATURES,)), bins, embedding, *tail])


def _encoded(k: Any) -> Any:
    bins = k.layers.Discretization(num_bins=4)
    bins.adapt(data()[0])
    categories = k.layers.CategoryEncoding(4, output_mode="multi_hot")
    return k.Sequential([k.Input((FEATURES,)), bins, categories, k.layers.Dense(CLASSES)])


MODELS: dict[str, Callable[[Any], Any]] = {
    **{
        f"dense_{name}": (lambda k, name=name: _dense(k, k.layers.Dense(5, activation=name)))
        for name in ("elu", "gelu", "selu", "silu", "sigmoid", "softsign", "mish", "softmax")
    },
    "activation": _of(lambda own: own.Activation("tanh")),
    "no_bias": _of(lambda own: own.Dense(4, use_bias=False)),
    "relu": _of(lambda own: own.ReLU(6.0, 0.1, 0.2)),
    "leaky_relu": _of(lambda own: own.LeakyReLU(0.2)),
    "elu": _of(lambda own: own.ELU(0.7)),
    "softmax": _of(lambda own: own.Softmax()),
    "prelu": _of(lambda own: own.PReLU()),
    "identity": _of(lambda own: own.Identity()),
    "dropout": _of(lambda own: own.Dropout(0.0, seed=3)),
    "alpha_dropout": _of(lambda own: own.AlphaDropout(0.0)),
    "gaussian_dropout": _of(lambda own: own.GaussianDropout(0.0)),
    "gaussian_noise": _of(lambda own: own.GaussianNoise(0.0)),
    "batch_normalization": _of(lambda own: own.BatchNormalization(momentum=0.9, scale=False)),
    "layer_normalization": _of(lambda own: own.LayerNormalization()),
    "group_normalization": _of(lambda own: own.GroupNormalization(groups=3)),
    "rms_normalization": _of(lambda own: own.RMSNormalization()),
    "unit_normalization": _of(lambda own: own.UnitNormalization()),
    "ranks": _ranks,
    "nested": _nested,
    "chained": _chained,
    "functional": _functional,
    "penalized": _penalized,
    "standardized": _standardized,
    "embedded": _embedded,
    "encoded": _encoded,
}


def _schedule(k: Any) -> Any:
    return k.optimizers.schedules.CosineDecay(0.05, 8, alpha=0.1, warmup_target=0.1, warmup_steps=2)


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda k: k.optimizers.SGD(0.05),
    "nesterov": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipvalue=0.5),
    "adam": lambda k: k.optimizers.Adam(0.01),
    "amsgrad": lambda k: k.optimizers.Adam(0.01, amsgrad=True, clipnorm=0.5),
    "adam_w": lambda k: k.optimizers.AdamW(0.01, global_clipnorm=1.0),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01, centered=True, momentum=0.5),
    "adagrad": lambda k: k.optimizers.Adagrad(0.05),
    "adadelta": lambda k: k.optimizers.Adadelta(0.5),
    "adamax": lambda k: k.optimizers.Adamax(0.01),
    "nadam": lambda k: k.optimizers.Nadam(0.01),
    "lamb": lambda k: k.optimizers.Lamb(0.01),
    "lion": lambda k: k.optimizers.Lion(0.003),
    "adafactor": lambda k: k.optimizers.Adafactor(0.01),
    "ftrl": lambda k: k.optimizers.Ftrl(0.05, l1_regularization_strength=0.01),
    "schedule_free": lambda k: k.optimizers.ScheduleFreeAdamW(0.01, warmup_steps=2),
    "schedule": lambda k: k.optimizers.Adam(_schedule(k)),
    "averaged": lambda k: k.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9),
    "gathered": lambda k: k.optimizers.Adam(0.01, gradient_accumulation_steps=2),
}

CASES = [*((name, "adam") for name in MODELS), *(("chained", name) for name in OPTIMIZERS)]


def make(k: Any, model: str, optimizer: str) -> Any:
    """A compiled model of a case, with weights that differ everywhere."""
    made = MODELS[model](k)
    values = []
    for place, weight in enumerate(made.weights):
        n = int(np.prod(weight.shape))
        value = 0.3 * np.sin(1.3 * np.arange(n) + place).reshape(weight.shape)
        values.append(weight.numpy() if weight.name in KEPT else value)
    for weight, value in zip(made.weights, values, strict=True):
        weight.assign(value)
    made.compile(
        OPTIMIZERS[optimizer](k),
        k.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", k.metrics.SparseTopKCategoricalAccuracy(2, name="top")],
    )
    return made


#: Weights that are no free numbers.
KEPT = ("gamma", "moving_variance", "variance", "mean", "count")


def train(model: Any, epochs: int = EPOCHS) -> Any:
    """Some steps in the order of the samples."""
    history = model.fit(*data(), epochs=epochs, batch_size=BATCH, shuffle=False, verbose=0)
    for weight in model.weights:  # Keras on JAX: a weight and its average are one array otherwise,
        weight.assign(np.array(weight.numpy()))  # which the next step gives away twice
    return history
