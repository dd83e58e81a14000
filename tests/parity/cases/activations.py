"""Activations as functions and in layers, at their edges and kinks, and trained."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..frame import case, classes, regression, stream, uniform

PIECEWISE = [
    *("relu", "leaky_relu", "relu6", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh"),
    *("hard_shrink", "soft_shrink", "softsign", "sparse_plus", "sparse_sigmoid", "linear"),
]
SMOOTH = [
    *("elu", "celu", "selu", "gelu", "silu", "swish", "sigmoid", "log_sigmoid", "tanh"),
    *("tanh_shrink", "softplus", "squareplus", "exponential", "mish"),
]
# Kinks, their neighbourhood, and where exponentials are tiny, 0 or infinite.
POINTS = np.array(
    [
        *(0.0, 1e-300, 1e-9, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 6.0, 9.0, 30.0, 700.0, 1e3, 1e5),
        *(-1e-300, -1e-9, -0.25, -0.5, -0.75, -1.0, -1.5, -2.0, -3.0, -6.0, -9.0, -30.0, -700.0),
        *(-1e3, -1e5, np.inf, np.nan),
    ]
)


def _values(keras: Any, names: list[str], x: Any) -> dict[str, Any]:
    return {name: getattr(keras.activations, name)(x) for name in names}


@case(engines=("reference",))
def piecewise_functions(keras: Any) -> dict[str, Any]:
    return _values(keras, PIECEWISE, np.append(POINTS, -np.inf))


@case(engines=("reference",))
def smooth_functions(keras: Any) -> dict[str, Any]:
    return _values(keras, SMOOTH, POINTS)


@case(engines=("reference",))
def functions_at_minus_infinity(keras: Any) -> dict[str, Any]:
    """All but squareplus, which is NaN in Keras and 0 here."""
    names = [name for name in SMOOTH if name != "squareplus"]
    return _values(keras, names, np.array([-np.inf]))


@case(engines=("reference",))
def functions_of_any_rank(keras: Any) -> dict[str, Any]:
    x = stream(1).uniform(-3.0, 3.0, (2, 3, 4))
    return {
        "cube": _values(keras, [*PIECEWISE, *SMOOTH], x),
        "row": _values(keras, [*PIECEWISE, *SMOOTH], x[0, 0]),
        "number": _values(keras, ["relu", "gelu", "tanh_shrink", "squareplus"], np.float64(0.7)),
    }


@case(engines=("reference",))
def options_of_functions(keras: Any) -> dict[str, Any]:
    a, x = keras.activations, POINTS
    return {
        "leaky": a.leaky_relu(x, negative_slope=0.05),
        "leaky_relu": a.relu(x, negative_slope=0.05),
        "capped": a.relu(x, max_value=1.5),
        "with_threshold": a.relu(x[:-1], threshold=0.6),
        "all": a.relu(x, negative_slope=0.1, max_value=1.5, threshold=0.25),
        "elu": a.elu(x, alpha=0.3),
        "celu": a.celu(x, alpha=0.3),
        "gelu": a.gelu(x, approximate=True),
        "hard_shrink": a.hard_shrink(x, threshold=0.75),
        "soft_shrink": a.soft_shrink(x, threshold=0.75),
        "squareplus": a.squareplus(x, b=0.3),
        "threshold": a.threshold(x, 0.5, -7.0),
    }


@case(engines=("reference",))
def functions_along_an_axis(keras: Any) -> dict[str, Any]:
    a = keras.activations
    x = stream(2).uniform(-3.0, 3.0, (2, 4, 6))
    # Keras's sparsemax is right where one number is far above the others
    steep = np.moveaxis(np.array([[[5.0, 1.0, -2.0], [0.0, 9.0, 3.0]]]), -1, 1)
    made: dict[str, Any] = {"sparsemax": a.sparsemax(steep, axis=1)}
    for axis in (-1, 0, 1):
        made[f"softmax{axis}"] = a.softmax(x, axis=axis)
        made[f"log_softmax{axis}"] = a.log_softmax(x * 300.0, axis=axis)
        made[f"glu{axis}"] = a.glu(x, axis=axis)
    return made


def _fit(keras: Any, layers: list[Any]) -> dict[str, Any]:
    """Weights, losses and outputs after 9 steps of a regression in 3 variables."""
    x, y = regression(3, rows=24, outputs=2)
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.set_weights(uniform(4, model, 0.9))
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return {
        "weights": model.get_weights(),
        "loss": history.history["loss"],
        "predict": model.predict(x, verbose=0),
    }


def _with(keras: Any, activation: Any) -> dict[str, Any]:
    dense = keras.layers.Dense
    return _fit(keras, [dense(5, activation=activation), dense(4, activation=activation), dense(2)])


@case
def trained_exponentials(keras: Any) -> dict[str, Any]:
    return {name: _with(keras, name) for name in ("elu", "celu", "selu", "exponential")}


@case
def trained_sigmoids(keras: Any) -> dict[str, Any]:
    return {name: _with(keras, name) for name in ("sigmoid", "log_sigmoid", "softplus", "silu")}


@case
def trained_bells(keras: Any) -> dict[str, Any]:
    return {name: _with(keras, name) for name in ("gelu", "mish", "tanh", "tanh_shrink")}


@case
def trained_rectifiers(keras: Any) -> dict[str, Any]:
    names = ("relu", "leaky_relu", "relu6", "squareplus", "sparse_plus")
    return {name: _with(keras, name) for name in names}


@case
def trained_hard_functions(keras: Any) -> dict[str, Any]:
    names = ("hard_sigmoid", "hard_silu", "hard_tanh", "sparse_sigmoid", "softsign")
    return {name: _with(keras, name) for name in names}


@case
def trained_shrinks(keras: Any) -> dict[str, Any]:
    return {name: _with(keras, name) for name in ("hard_shrink", "soft_shrink", "linear")}


@case
def trained_rows(keras: Any) -> dict[str, Any]:
    return {name: _with(keras, name) for name in ("softmax", "log_softmax")}


@case
def trained_gates(keras: Any) -> dict[str, Any]:
    """The gated unit comes last: Keras does not tell the layer behind it that it halves."""
    dense = keras.layers.Dense
    return _fit(keras, [dense(5, activation="tanh"), dense(4), keras.layers.Activation("glu")])


@case
def trained_with_options(keras: Any) -> dict[str, Any]:
    a = keras.activations
    return {
        "leaky": _with(keras, partial(a.leaky_relu, negative_slope=0.3)),
        "elu": _with(keras, partial(a.elu, alpha=0.3)),
        "celu": _with(keras, partial(a.celu, alpha=0.3)),
        "gelu": _with(keras, partial(a.gelu, approximate=True)),
        "squareplus": _with(keras, partial(a.squareplus, b=0.5)),
        "soft_shrink": _with(keras, partial(a.soft_shrink, threshold=0.1)),
        "relu": _with(keras, partial(a.relu, negative_slope=0.1, max_value=0.4, threshold=0.1)),
    }


@case
def layers_as_activations(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    return {
        "leaky": _with(keras, layers.LeakyReLU(0.1)),
        "elu": _with(keras, layers.ELU(0.7)),
        "relu": _with(keras, layers.ReLU(max_value=0.5, threshold=0.1)),
        "softmax": _with(keras, layers.Softmax()),
        "identity": _with(keras, layers.Identity()),
    }


def _behind(keras: Any, *layers: Any) -> dict[str, Any]:
    return _fit(keras, [keras.layers.Dense(6), *layers, keras.layers.Dense(2)])


@case
def activation_layers(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    return {
        "leaky": _behind(keras, layers.LeakyReLU()),
        "elu": _behind(keras, layers.ELU()),
        "relu": _behind(keras, layers.ReLU(negative_slope=0.2)),
        "softmax": _behind(keras, layers.Softmax(), layers.Identity()),
        "activation": _behind(keras, layers.Activation("mish")),
    }


@case
def prelu(keras: Any) -> dict[str, Any]:
    return {
        "own": _behind(keras, keras.layers.PReLU()),
        "shared": _behind(keras, keras.layers.PReLU(shared_axes=[1])),
        "first": _fit(keras, [keras.layers.PReLU(), keras.layers.Dense(2)]),
        "regularized": _behind(
            keras,
            keras.layers.PReLU(
                alpha_regularizer=keras.regularizers.L1L2(0.1, 0.2),
                alpha_constraint=keras.constraints.MaxNorm(0.8),
            ),
        ),
    }


@case
def prelu_on_several_axes(keras: Any) -> dict[str, Any]:
    x, y = regression(5, rows=16, inputs=12)
    made = {}
    for name, axes in (("own", None), ("rows", [1]), ("columns", [2]), ("all", [1, 2])):
        model = keras.Sequential(
            [
                keras.Input((3, 4)),
                keras.layers.PReLU(
                    alpha_regularizer="l2", alpha_constraint="non_neg", shared_axes=axes
                ),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
        model.set_weights(uniform(6, model))
        model.compile(optimizer="adam", loss="mse")
        model.fit(x.reshape(16, 3, 4), y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        made[name] = {
            "weights": model.get_weights(),
            "evaluate": model.evaluate(x.reshape(16, 3, 4), y, verbose=0),
        }
    return made


@case
def slopes_at_kinks(keras: Any) -> dict[str, Any]:
    """One step of plain descent from a kernel of 1, each sample alone at a kink."""
    kinks = {
        "relu": (0.0,),
        "leaky_relu": (0.0,),
        "relu6": (0.0, 6.0),
        "elu": (0.0,),
        "selu": (0.0,),
        "celu": (0.0,),
        "hard_sigmoid": (-3.0, 3.0),
        "hard_silu": (-3.0, 3.0),
        "hard_tanh": (-1.0, 1.0),
        "hard_shrink": (-0.5, 0.5),
        "soft_shrink": (-0.5, 0.5),
        "sparse_plus": (-1.0, 1.0),
        "sparse_sigmoid": (-1.0, 1.0),
    }
    made: dict[str, Any] = {}
    for name, points in kinks.items():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation=name)])
        model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
        for point in points:
            model.set_weights([np.ones((1, 1)), np.full(1, point)])
            model.train_on_batch(np.zeros((1, 1)), np.full((1, 1), 2.0))
            made[f"{name} at {point}"] = model.get_weights()[1]
    return made


@case
def noise_is_there_while_training_only(keras: Any) -> dict[str, Any]:
    """And not at a rate of 0."""
    x, y = classes(7)
    layers = keras.layers
    noisy = keras.Sequential(
        [
            keras.Input((3,)),
            layers.GaussianNoise(0.5),
            layers.Dropout(0.5, noise_shape=(None, 1)),
            layers.Dense(5, activation="selu"),
            layers.AlphaDropout(0.5),
            layers.GaussianDropout(0.5),
            layers.Dense(4, activation="softmax"),
        ]
    )
    still = keras.Sequential(
        [
            keras.Input((3,)),
            layers.GaussianNoise(0.0),
            layers.Dropout(0.0),
            layers.Dense(5, activation="selu"),
            layers.AlphaDropout(0.0),
            layers.GaussianDropout(0.0),
            layers.Dense(4, activation="softmax"),
        ]
    )
    for model in (noisy, still):
        model.set_weights(uniform(8, model))
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    still.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return {
        "predict": noisy.predict(x, verbose=0),
        "evaluate": noisy.evaluate(x, y, verbose=0),
        "weights": still.get_weights(),
    }
