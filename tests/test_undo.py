"""What fails leaves everything as it was, what is taken away is forgotten, and what is set takes
effect."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from small_model import EXACT, X, Y, assert_same_weights, make_model

from fastmlp import Sequential, layers, optimizers
from fastmlp.initializers import Initializer


class Failing(Initializer):
    """Raises at its first calls, then gives ones."""

    def __init__(self, error: BaseException, times: int = 1) -> None:
        self.error, self.times = error, times

    def __call__(self, shape, dtype=None):
        if self.times:
            self.times -= 1
            raise self.error
        return np.ones(shape)


def test_a_layer_whose_bias_fails_is_built_anew(engine):
    layer = layers.Dense(2, bias_initializer=Failing(ValueError("no bias")))
    with pytest.raises(ValueError, match="no bias"):
        layer.build((None, 3))
    assert not layer.built
    assert layer.kernel is None
    assert layer.weights == []
    layer.build((None, 4))
    assert [w.shape for w in layer.get_weights()] == [(4, 2), (2,)]


def test_layers_before_the_failing_one_are_not_built_either():
    inner = Sequential([layers.Dense(3)])
    model = Sequential([inner, layers.Dense(2, kernel_initializer=Failing(RuntimeError("no")))])
    with pytest.raises(RuntimeError, match="no"):
        model.build((None, 4))
    assert not inner.built
    assert model.weights == []
    model.build((None, 5))
    assert [w.shape for w in model.get_weights()] == [(5, 3), (3,), (3, 2), (2,)]


@pytest.mark.parametrize("error", [MemoryError(), ValueError("no"), KeyboardInterrupt()])
def test_add_is_undone(engine, error):
    model = make_model(engine)
    model.trainable = False
    before, outputs = model.get_weights(), model.predict(X)
    giant = layers.Dense(5, kernel_initializer=Failing(error))
    with pytest.raises(type(error)):
        model.add(giant)
    assert giant.trainable
    assert not giant.built
    assert len(model.layers) == 2
    assert model.output_shape == (None, 3)
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(model.predict(X), outputs)
    model.add(giant)  # its memory is there now
    assert model.predict(X).shape == (len(X), 5)


def test_an_input_that_came_with_a_failing_layer_goes_with_it():
    model = Sequential()
    with pytest.raises(MemoryError):
        model.add(layers.Dense(5, kernel_initializer=Failing(MemoryError()), input_shape=(3,)))
    model.add(layers.Dense(5, input_shape=(4,)))
    assert model.input_shape == (None, 4)


def test_a_model_cannot_be_put_into_itself():
    model = Sequential([layers.Dense(4)])
    outer = Sequential([Sequential([model], name="between")])
    for layer in (model, outer):
        with pytest.raises(ValueError, match=r"must not be or contain the model.*Received: layer="):
            model.add(layer)
    assert len(model.layers) == 1
    assert outer(X).shape == (len(X), 4)


def test_slots_of_removed_layers_are_forgotten(engine):
    model = make_model(engine, "adam")
    model.fit(X, Y, verbose=0)
    kept = [np.asarray(v) for v in model.optimizer.variables[:6]]
    for units in (3, 4, 5):
        model.pop()
        assert len(model.optimizer.variables) == 2 + 2 * 2
        model.add(layers.Dense(units))
        model.optimizer.learning_rate = 0.0
        model.evaluate(X, Y, verbose=0)
        assert len(model.optimizer.variables) == 2 + 2 * 4
        for slot, expected in zip(model.optimizer.variables[2:6], kept[2:6], strict=True):
            np.testing.assert_array_equal(slot, expected)


def test_slots_of_layers_removed_within_are_forgotten(engine):
    inner = Sequential([layers.Input((4,)), layers.Dense(5), layers.Dense(3)])
    model = Sequential([layers.Input((4,)), inner])
    model.compile("adam", "mse", engine=engine)
    targets = np.eye(3)[Y]
    model.fit(X, targets, verbose=0)
    for _ in range(3):
        inner.pop()
        inner.add(layers.Dense(3))
        model.fit(X, targets, verbose=0)
        assert len(model.optimizer.variables) == 2 + 2 * 4


def test_slots_of_frozen_layers_are_kept(engine):
    model = make_model(engine, "adam")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    model.fit(X, Y, verbose=0)
    assert len(model.optimizer.variables) == 2 + 2 * 4


SETTINGS = [
    (optimizers.SGD, {}, {"momentum": 0.9}),
    (optimizers.SGD, {"momentum": 0.9}, {"momentum": 0.0}),
    (optimizers.SGD, {"momentum": 0.9}, {"momentum": 0.5, "nesterov": True}),
    (optimizers.Adam, {}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
]


@pytest.mark.parametrize(("kind", "first", "then"), SETTINGS)
def test_settings_take_effect(kind, first, then, engine):
    """A model whose optimizer is set anew trains as one that was compiled so."""
    model = make_model(engine, kind(0.1, **first))
    model.predict(X)
    for name, value in then.items():
        setattr(model.optimizer, name, value)
    twin = make_model(engine, kind(0.1, **first | then))
    for each in (model, twin):
        each.fit(X, Y, epochs=2, verbose=0)
    assert_same_weights(model, twin, **EXACT)
    assert model.optimizer.get_config() == twin.optimizer.get_config()
    assert model.optimizer.slot_names == twin.optimizer.slot_names
    assert len(model.optimizer.variables) == len(twin.optimizer.variables)
    assert pickle.loads(pickle.dumps(model.optimizer)).get_config() == twin.optimizer.get_config()


def test_momentum_set_between_fits_starts_from_rest(engine):
    model = make_model(engine, optimizers.SGD(0.1))
    model.fit(X, Y, verbose=0)
    model.optimizer.momentum = 0.9
    twin = make_model(engine, optimizers.SGD(0.1, momentum=0.9))
    twin.set_weights(model.get_weights())
    twin.optimizer.iterations = model.optimizer.iterations  # the order of the samples
    for each in (model, twin):
        each._shuffle_seed = 1
        each.fit(X, Y, verbose=0)
    assert_same_weights(model, twin, **EXACT)


@pytest.mark.parametrize(
    ("optimizer", "name", "value"),
    [
        (optimizers.SGD(), "momentum", 1.0),
        (optimizers.SGD(), "momentum", np.nan),
        (optimizers.SGD(), "nesterov", "yes"),
        (optimizers.Adam(), "beta_1", 1.0),
        (optimizers.Adam(), "beta_2", -0.1),
        (optimizers.Adam(), "epsilon", np.inf),
        (optimizers.Adam(), "iterations", -1),
        (optimizers.Adam(), "iterations", 2.5),
        (optimizers.Adam(), "iterations", 2**64),
        (optimizers.Adam(), "iterations", "7"),
    ],
)
def test_settings_are_checked(optimizer, name, value):
    before = getattr(optimizer, name)
    with pytest.raises(ValueError, match=rf"{name} must be .*Received: {name}={value!r}"):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before


def test_iterations_can_be_set(engine):
    model = make_model(engine, "adam")
    counter = model.optimizer.iterations
    model.optimizer.iterations = 7
    assert counter is model.optimizer.iterations
    assert (counter.shape, counter.dtype, int(counter)) == ((), np.dtype(np.int64), 7)
    model.fit(X, Y, verbose=0)
    assert counter == 7 + -(-len(X) // 32)
