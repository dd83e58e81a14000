"""Activations: values to the last digits and at the edges, slopes at the kinks, names and what else
a layer takes as its activation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest

import fastmlp
from fastmlp import activations, layers
from fastmlp.engine import words
from fastmlp.engine.door import Network
from fastmlp.engine.native import NativeEngine
from fastmlp.layers.layer import registry

mp = mpmath.mp


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def _softplus(x: Any) -> Any:
    return mpmath.log1p(mpmath.exp(x))


# Word, the same in 60 digits, its slope.
SMOOTH: dict[str, tuple[words.Activation, Callable[[Any], Any]]] = {
    "elu": (words.Elu(0.5), lambda x: x if x > 0 else mpmath.expm1(x) / 2),
    "celu": (words.Elu(0.5, 1.0, 0.5), lambda x: x if x > 0 else mpmath.expm1(2 * x) / 2),
    "exponential": (words.Exponential(), mpmath.exp),
    "tanh": (words.Tanh(), mpmath.tanh),
    "tanh_shrink": (words.TanhShrink(), lambda x: x - mpmath.tanh(x)),
    "sigmoid": (words.Sigmoid(), _sigmoid),
    "log_sigmoid": (words.LogSigmoid(), lambda x: -_softplus(-x)),
    "softplus": (words.Softplus(), _softplus),
    "silu": (words.Silu(), lambda x: x * _sigmoid(x)),
    "mish": (words.Mish(), lambda x: x * mpmath.tanh(_softplus(x))),
    "gelu": (words.Gelu(), lambda x: x * mpmath.ncdf(x)),
    "gelu_approximate": (
        words.Gelu(approximate=True),
        lambda x: x * _sigmoid(2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3)),
    ),
    "softsign": (words.Softsign(), lambda x: x / (1 + abs(x))),
    "squareplus": (words.Squareplus(), lambda x: (x + mpmath.sqrt(x * x + 4)) / 2),
}
SIZES = [1e-300, 1e-20, 1e-8, 1e-3, 0.1, 0.3, 0.6, 0.99, 1.01, 2.5, 6.0, 11.0, 20.0]
POINTS = np.array([s * x for x in SIZES for s in (1, -1)])

# Some ten roundings, and that of an argument of exp as large as 160, which is what NumPy's erfc and
# the cube of the approximation pass on.
ACCURACY = {"gelu": 1e-13, "gelu_approximate": 1e-13}


def native_values(word: words.Operation, x: np.ndarray) -> np.ndarray:
    return NativeEngine(Network(len(x), (word,)), None).predict(x[None])[0]


@pytest.mark.parametrize("name", SMOOTH)
def test_values_to_the_last_digits(name: str) -> None:
    """Relative to each value, however small: nothing cancels."""
    word, exact = SMOOTH[name]
    with mpmath.workdps(340):  # 1e-300 beside 1
        expected = np.array([float(exact(mpmath.mpf(x))) for x in POINTS.tolist()])
    tolerance = ACCURACY.get(name, 4e-15)
    np.testing.assert_allclose(word.value(POINTS), expected, rtol=tolerance)
    np.testing.assert_allclose(native_values(word, POINTS), expected, rtol=tolerance)


@pytest.mark.parametrize("name", SMOOTH)
def test_slopes_are_the_derivatives(name: str) -> None:
    word, exact = SMOOTH[name]
    x = POINTS[np.abs(POINTS) > 1e-9]
    with mpmath.workdps(50):
        expected = np.array([float(mpmath.diff(exact, mpmath.mpf(v))) for v in x.tolist()])
    # absolute, since terms of some slopes cancel where the function turns
    got = np.asarray(word.slope(x, word.value(x)))
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-15)


INF, NAN = np.inf, np.nan
EDGES = [-INF, -1000.0, 1000.0, INF, NAN]
# What Keras has on JAX; but squareplus, whose limit at -inf is 0 and NaN in Keras.
AT_EDGES = {
    "relu": [0, 0, 1000, INF, NAN],
    "leaky_relu": [-INF, -200, 1000, INF, NAN],
    "relu6": [0, 0, 6, 6, NAN],
    "elu": [-1, -1, 1000, INF, NAN],
    "celu": [-1, -1, 1000, INF, NAN],
    "selu": [-1.7580993408473766, -1.7580993408473766, 1050.7009873554805, INF, NAN],
    "gelu": [NAN, 0, 1000, INF, NAN],
    "silu": [NAN, 0, 1000, INF, NAN],
    "hard_silu": [NAN, 0, 1000, INF, NAN],
    "sigmoid": [0, 0, 1, 1, NAN],
    "hard_sigmoid": [0, 0, 1, 1, NAN],
    "log_sigmoid": [-INF, -1000, 0, 0, NAN],
    "tanh": [-1, -1, 1, 1, NAN],
    "hard_tanh": [-1, -1, 1, 1, NAN],
    "tanh_shrink": [-INF, -999, 999, INF, NAN],
    "hard_shrink": [-INF, -1000, 1000, INF, 0],
    "soft_shrink": [-INF, -999.5, 999.5, INF, 0],
    "softplus": [0, 0, 1000, INF, NAN],
    "softsign": [NAN, -1000 / 1001, 1000 / 1001, NAN, NAN],
    "squareplus": [0, 2 / (1000 + 1000004**0.5), (1000 + 1000004**0.5) / 2, INF, NAN],
    "exponential": [0, 0, INF, INF, NAN],
    "linear": [-INF, -1000, 1000, INF, NAN],
    "mish": [NAN, 0, 1000, INF, NAN],
    "sparse_plus": [0, 0, 1000, INF, NAN],
    "sparse_sigmoid": [0, 0, 1, 1, NAN],
}


def operation_of(activation: Any, features: int) -> tuple[words.Operation, ...]:
    return tuple(activations.operations(activations.get(activation), (None, features)))


@pytest.mark.parametrize("name", AT_EDGES)
def test_values_at_the_edges(name: str) -> None:
    """In NumPy and in C, each beside numbers that are none of these."""
    x = np.array([0.25, *EDGES])
    got = activations.get(name)(x).numpy()
    np.testing.assert_allclose(got[1:], AT_EDGES[name], rtol=1e-15)
    engine = NativeEngine(Network(6, operation_of(name, 6)), None)
    np.testing.assert_allclose(engine.predict(x[None])[0, 1:], AT_EDGES[name], rtol=1e-15)
    np.testing.assert_allclose(engine.predict(x[None])[0, 0], got[0], rtol=1e-15)


# Slopes at the kinks as jax.grad gives them for Keras's functions.
KINKS = {
    "relu": {0.0: 0.0},
    "leaky_relu": {0.0: 1.0},
    "relu6": {0.0: 0.0, 6.0: 0.0},
    "elu": {0.0: 1.0},
    "selu": {0.0: 1.7580993408473766},
    "celu": {0.0: 1.0},
    "hard_sigmoid": {-3.0: 0.0, 0.0: 1 / 6, 3.0: 0.0},
    "hard_silu": {-3.0: 0.0, 0.0: 0.5, 3.0: 1.0},
    "hard_tanh": {-1.0: 1.0, 1.0: 1.0},
    "hard_shrink": {-0.5: 0.0, 0.5: 0.0},
    "soft_shrink": {-0.5: 0.0, 0.5: 0.0},
    "sparse_plus": {-1.0: 0.0, 1.0: 1.0},
    "sparse_sigmoid": {-1.0: 0.25, 1.0: 0.25, 0.0: 0.5},
}


@pytest.mark.parametrize("name", KINKS)
def test_slopes_at_the_kinks(name: str) -> None:
    (word,) = operation_of(name, 1)
    x = np.array([*KINKS[name]])
    assert isinstance(word, words.Activation)
    got = np.broadcast_to(word.slope(x, word.value(x)), x.shape)
    np.testing.assert_allclose(got, [*KINKS[name].values()], rtol=1e-15)


def test_relu_with_a_slope_is_leaky_as_in_keras() -> None:
    """Where there is no bound; else the slope at the kink is the one below."""
    leaky = activations.get(partial(activations.relu, negative_slope=0.3))
    assert activations.operations(leaky, (None, 2)) == [words.LeakyRelu(0.3)]
    assert layers.ReLU(negative_slope=0.3).lowered((None, 2)) == [words.LeakyRelu(0.3)]
    assert layers.ReLU(2.0, 0.3).lowered((None, 2)) == [words.Relu(0.3, 2.0, 0.0)]


# -- names, options, layers --

NAMES = sorted(
    set(AT_EDGES) | {"softmax", "log_softmax", "sparsemax", "glu", "swish", "hard_swish"}
)


def trained(activation: Any, engine: str) -> np.ndarray:
    """Outputs of Dense(4, activation) after two steps from fixed weights."""
    x = np.random.default_rng(1).normal(size=(6, 3))
    model = fastmlp.Sequential([fastmlp.Input((3,)), layers.Dense(4, activation)])
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(size=v.shape) for v in model.weights])
    model.compile("sgd", "mse", engine=engine)
    y = np.zeros((6, model.output_shape[1]))
    model.fit(x, y, batch_size=3, epochs=1, shuffle=False, verbose=0)
    return model.predict(x)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_trains_in_a_layer(name: str) -> None:
    """On both engines, and as the function and the layer of that name."""
    outputs = trained(name, "native")
    assert outputs.shape == (6, 2 if name == "glu" else 4)
    np.testing.assert_allclose(trained(name, "reference"), outputs, rtol=1e-12)
    for other in (getattr(activations, name), layers.Activation(name)):
        np.testing.assert_array_equal(trained(other, "native"), outputs)


@pytest.mark.parametrize(
    ("configured", "same"),
    [
        (partial(activations.leaky_relu, negative_slope=0.3), layers.LeakyReLU()),
        (partial(activations.elu, alpha=0.5), layers.ELU(0.5)),
        (partial(activations.relu, max_value=1.0, threshold=0.1), layers.ReLU(1.0, threshold=0.1)),
        (partial(activations.softmax, axis=1), layers.Softmax()),
        ("linear", layers.Identity()),
        (partial(partial(activations.celu, alpha=0.1), alpha=2), layers.Activation("celu")),
    ],
    ids=str,
)
def test_options_by_partial_and_by_layers(configured: Any, same: layers.Layer) -> None:
    outputs = trained(configured, "native")
    if isinstance(configured, partial) and configured.func is activations.celu:
        assert not np.array_equal(outputs, trained(same, "native"))
        same = layers.Activation(configured)
    np.testing.assert_array_equal(trained(same, "native"), outputs)
    again = layers.Dense.from_config(layers.Dense(4, configured).get_config())
    np.testing.assert_array_equal(trained(again.activation, "native"), outputs)
    again = layers.Dense.from_config(layers.Dense(4, same).get_config())
    np.testing.assert_array_equal(trained(again.activation, "native"), outputs)


def test_functions_with_options() -> None:
    x = np.array([-1.0, 0.3, 3.0])
    np.testing.assert_array_equal(activations.threshold(x, 0.5, 7.0), [7.0, 7.0, 3.0])
    np.testing.assert_array_equal(activations.hard_shrink(x, threshold=2.0), [0.0, 0.0, 3.0])
    np.testing.assert_array_equal(activations.soft_shrink(x, 1.5), [0.0, 0.0, 1.5])
    np.testing.assert_allclose(activations.squareplus(x, b=0.5)[0], 0.5 * (1.5**0.5 - 1))
    np.testing.assert_array_equal(activations.leaky_relu(x, 0.5), [-0.5, 0.3, 3.0])
    assert activations.gelu(3.0).shape == ()
    for bad in ({"alpha": -1.0}, {"alpha": np.inf}):
        with pytest.raises(ValueError, match="alpha must be"):
            activations.celu(x, **bad)
    with pytest.raises(ValueError, match="b must be a finite number above 0"):
        activations.squareplus(x, b=0)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sparsemax"])
def test_axes_of_arrays(name: str) -> None:
    x = np.random.default_rng(3).normal(size=(2, 3, 4))
    function = getattr(activations, name)
    for axis in (-3, -2, -1, 0, 1, 2):
        y = function(x, axis=axis)
        assert y.shape == x.shape
        total = np.exp(y).sum(axis=axis) if name == "log_softmax" else y.sum(axis=axis)
        np.testing.assert_allclose(total, 1.0, rtol=1e-14)
        np.testing.assert_array_equal(y, np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis))


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    """Beside the definition: of all distributions on a grid none is nearer."""
    x = np.array([0.7, -0.2, 0.4])
    y = activations.sparsemax(x)
    np.testing.assert_allclose(y, [0.65, 0.0, 0.35], rtol=1e-15)
    a, b = np.meshgrid(np.linspace(0, 1, 201), np.linspace(0, 1, 201))
    grid = np.stack([a, b, 1 - a - b], axis=-1)[(a + b) <= 1]
    assert (np.square(grid - x).sum(axis=-1) >= np.square(y - x).sum() - 1e-12).all()


def test_glu_halves() -> None:
    x = np.random.default_rng(4).normal(size=(2, 4, 3))
    expected = x[:, :2] / (1 + np.exp(-x[:, 2:]))
    np.testing.assert_allclose(activations.glu(x, axis=1), expected, rtol=1e-15)
    with pytest.raises(ValueError, match="even size along axis -1"):
        activations.glu(x)
    with pytest.raises(ValueError, match="glu halves the features"):
        fastmlp.Sequential([fastmlp.Input((3,)), layers.Dense(3, "glu")])
    assert layers.Activation("glu").compute_output_shape((None, 6)) == (None, 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nothing", "activation must be None, one of 'celu'"),
        (3, "activation must be"),
        (np.tanh, "activation must be"),
        (partial(np.tanh), "activation must be"),
        (partial(activations.elu, [1.0]), "activation must be"),
        (partial(activations.elu, beta=1.0), "has an option that elu does not know"),
        (partial(activations.elu, alpha="1"), "alpha must be a finite number"),
        (layers.ELU, "activation must be"),
        (layers.PReLU(), "activation must be"),
        (layers.Dense(3), "activation must be"),
        ({"class_name": "nothing", "config": {}}, "layer must be one of"),
    ],
    ids=repr,
)
def test_wrong_activations(wrong: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        layers.Dense(2, activation=wrong)


def test_the_threshold_needs_its_options() -> None:
    with pytest.raises(ValueError, match="threshold needs its options"):
        fastmlp.Sequential([fastmlp.Input((2,)), layers.Dense(2, "threshold")])
    configured = partial(activations.threshold, threshold=0.5, default_value=-1.0)
    model = fastmlp.Sequential([fastmlp.Input((2,)), layers.Activation(configured)])
    np.testing.assert_array_equal(model(np.array([[0.5, 0.75]])), [[-1.0, 0.75]])


def test_an_axis_that_the_engines_do_not_work_along() -> None:
    wrong = partial(activations.softmax, axis=0)
    with pytest.raises(ValueError, match="axis of softmax must name"):
        fastmlp.Sequential([fastmlp.Input((2,)), layers.Dense(2, wrong)])


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        (3, words.Glu()),
        (6, words.Prelu(4)),
        (6, words.Prelu(2, 2)),
        (6, words.Dropout(0.5, 1, shared=2**50, inner=2**50)),
        (6, words.AlphaDropout(0.5, 1, shared=0)),
        (6, words.Elu(width=0.0)),
    ],
    ids=repr,
)
def test_words_that_the_c_engine_refuses(inputs: int, word: words.Operation) -> None:
    with pytest.raises(ValueError, match="an argument is outside its allowed range"):
        NativeEngine(Network(inputs, (word,)), None)


def test_every_function_is_registered_and_exported() -> None:
    for name in NAMES:
        assert activations.get(name) is getattr(activations, name)
        assert activations.get(activations.serialize(activations.get(name))) is activations.get(
            name
        )
    assert {"LeakyReLU", "ELU", "PReLU", "Identity", "AlphaDropout"} <= set(layers.__all__)
    assert registry.find("LeakyReLU") is layers.LeakyReLU
