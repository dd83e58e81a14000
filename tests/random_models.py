"""Random models of every layer that inference has, and samples for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import Input, Sequential, layers

ACTIVATIONS = [
    *("celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu"),
    *("hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus"),
    *("sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink"),
]
# Numbers at which formulas change or end.
HOSTILE = [0.0, -0.0, 5e-324, -1e-310, 1e-8, -0.5, 0.5, 1.0, -1.0, -3.0, 3.0, 6.0, 22.0, -40.0]
HOSTILE += [710.0, -746.0, 1e5, -1e5, 1e200, -1e200]


def random_layers(draw: np.random.Generator, shape: tuple[int, ...]) -> list[Any]:
    """One or two layers that take samples of that shape."""
    width, size = shape[-1], int(np.prod(shape))
    axis = int(draw.integers(1, len(shape) + 1))
    one, two = draw.normal(), draw.uniform(0.1, 2)
    moments = {"mean": draw.normal(size=width), "variance": draw.uniform(0, 2, width)}
    activation = str(draw.choice(ACTIVATIONS))
    if activation == "glu" and width % 2 == 1:
        activation = "mish"
    units = 2 * int(draw.integers(1, 11)) - (activation != "glu")
    choices: list[Any] = [
        lambda: layers.Dense(units, activation, use_bias=bool(draw.integers(2))),
        lambda: layers.Dense(units, activation),
        *[lambda: layers.Activation(activation)] * 3,
        lambda: layers.ReLU(two, negative_slope=0.1, threshold=0.3),
        lambda: layers.LeakyReLU(two),
        lambda: layers.ELU(one),
        lambda: layers.PReLU("normal", shared_axes=[axis]),
        lambda: layers.PReLU("normal"),
        lambda: layers.Softmax(),
        lambda: layers.LayerNormalization(center=bool(draw.integers(2))),
        lambda: layers.RMSNormalization(),
        lambda: layers.UnitNormalization(),
        lambda: layers.GroupNormalization(-1 if draw.integers(2) else 1),
        lambda: layers.Normalization(**moments, invert=bool(draw.integers(2))),
        lambda: layers.Rescaling(one, two),
        lambda: layers.Reshape((size,)),
        lambda: [layers.Dropout(0.5), layers.GaussianNoise(1.0), layers.AlphaDropout(0.1)],
        lambda: layers.Permute(tuple(int(a) + 1 for a in draw.permutation(len(shape)))),
        lambda: layers.Flatten(),
        lambda: layers.ActivityRegularization(0.1, 0.2),
        lambda: Sequential([layers.Dense(units, activation, activity_regularizer="l2")]),
    ]
    if len(shape) == 1:
        choices += [
            lambda: layers.BatchNormalization(scale=bool(draw.integers(2))),
            lambda: layers.BatchNormalization(center=bool(draw.integers(2))),
            lambda: layers.RepeatVector(int(draw.integers(1, 4))),
            lambda: [layers.Reshape((size, 1)), layers.Dense(units)],
        ]
    made = choices[draw.integers(len(choices))]()
    return made if isinstance(made, list) else [made]


def random_model(seed: int) -> tuple[Sequential, NDArray[np.float64]]:
    """A model with random weights, and samples (n, ...) for it."""
    draw = np.random.default_rng(seed)
    rank = int(draw.choice([1, 1, 1, 2, 3]))
    shape = tuple(int(size) for size in draw.integers(1, 13 if rank == 1 else 5, rank))
    categories = None
    front: list[Any] = []
    if rank < 3 and draw.integers(4) == 0:
        categories = int(draw.integers(1, 9))
        if draw.integers(2) and rank == 1:
            mode = str(draw.choice(["multi_hot", "count"]))
            front = [layers.CategoryEncoding(categories, output_mode=mode)]
        else:
            front = [layers.Embedding(categories, int(draw.integers(1, 11)))]
    elif draw.integers(4) == 0:
        front = [layers.Rescaling(1 / 255, draw.choice([0.0, -0.0, 0.5]))]
    elif draw.integers(4) == 0:
        bins = sorted(draw.normal(size=draw.integers(1, 5)).tolist())
        front = [layers.Discretization(bins)]
    model = Sequential([Input(shape), *front])
    for _ in range(draw.integers(0, 8)):
        for layer in random_layers(draw, model.output_shape[1:] if model.layers else shape):
            model.add(layer)
    if not model.layers:
        model.add(layers.Identity())
    model.set_weights(
        [
            draw.uniform(0, 2, v.shape) if "variance" in v.name else draw.normal(size=v.shape)
            for v in model.weights
        ]
    )
    count = 7
    if categories is not None:
        return model, draw.integers(0, categories, (count, *shape)).astype(np.float64)
    samples = draw.normal(size=(count, *shape)) * 10.0 ** draw.integers(-3, 3, (count, 1)).reshape(
        -1, *[1] * rank
    )
    samples[:2] = draw.choice(HOSTILE, samples[:2].shape)
    return model, samples
