"""Layers written in NumPy: beside built-in ones, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastmlp
from fastmlp import layers

X = np.random.default_rng(0).normal(size=(12, 3, 4))
Y = np.random.default_rng(1).normal(size=(12, 3, 2))


class Linear(layers.Layer):
    """A product by the last axis, as Dense without bias."""

    def __init__(self, units: int, **options: Any) -> None:
        self.units = units
        super().__init__(**options)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def make_weights(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def forward(self, x, weights, training):
        return x @ weights[0]

    def backward(self, x, dy, weights, training):
        kernel = np.tensordot(x, dy, axes=(range(x.ndim - 1), range(x.ndim - 1)))
        return dy @ weights[0].T, [kernel]


class Tanh(layers.Layer):
    def forward(self, x, weights, training):
        return np.tanh(x)

    def backward(self, x, dy, weights, training):
        return dy * (1 - np.tanh(x) ** 2), []


def trained(*made: layers.Layer) -> tuple[list[np.ndarray], np.ndarray]:
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), *made])
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile("adam", "mse", engine="reference")
    model.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    return model.get_weights(), model.predict(X)


def test_they_train_as_the_layers_they_are_like():
    own = trained(Linear(5), Tanh(), Linear(2))
    built_in = trained(
        layers.Dense(5, use_bias=False), layers.Activation("tanh"), layers.Dense(2, use_bias=False)
    )
    for a, b in zip([*own[0], own[1]], [*built_in[0], built_in[1]], strict=True):
        # sums of 15 to 60 products in another order, through nine steps of Adam
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_alone_and_frozen():
    layer = Linear(2)
    np.testing.assert_array_equal(layer(X), X @ layer.get_weights()[0])
    layer.trainable = False
    before = layer.get_weights()[0]
    model = fastmlp.Sequential([layer])
    model.compile("sgd", "mse")  # no engine named: the one that can
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(layer.get_weights()[0], before)


def test_the_native_engine_says_what_to_do():
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), Linear(2, name="own")])
    model.compile("sgd", "mse", engine="native")
    with pytest.raises(ValueError, match=r"'own' is written in Python.*engine=\"reference\""):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("method", "result", "message"),
    [
        ("forward", lambda x, *_: x[:, :1], "what forward returns of layer .* must have shape"),
        ("backward", lambda x, dy, *_: (dy[:, :1], []), "dx of layer .* must have shape"),
        ("backward", lambda x, dy, *_: (dy, [dy]), "a list of 0 gradients. Received: 1"),
    ],
)
def test_what_does_not_fit(method, result, message):
    layer = Tanh()
    setattr(layer, method, result)
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), layer, layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0)
