"""Chains by the functional interface, layers of built models, clones and JSON."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fastmlp
from fastmlp import layers, models

X = np.random.default_rng(0).normal(size=(9, 4))
Y = np.random.default_rng(1).normal(size=(9, 2))


def chained() -> fastmlp.Model:
    x = fastmlp.Input((4,), name="x")
    h = layers.Dense(5, activation="tanh", name="hidden")(x)
    y = layers.Dense(2, name="last")(h)
    return fastmlp.Model(inputs=x, outputs=y)


def test_a_chain_is_the_sequential_of_its_layers(engine):
    outputs = []
    for make in (chained, lambda: fastmlp.Sequential([fastmlp.Input((4,)), *chained().layers[1:]])):
        fastmlp.utils.set_random_seed(0)
        model = make()
        model.compile("adam", "mse", engine=engine)
        model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
        outputs.append(model.predict(X))
    np.testing.assert_array_equal(*outputs)


def test_layers_names_and_shapes():
    model = chained()
    assert type(model) is models.Functional
    assert [layer.name for layer in model.layers] == ["x", "hidden", "last"]
    assert model.get_layer(index=1) is model.get_layer("hidden")
    assert model.input is model.inputs[0] is model.layers[0]
    assert model.output is model.outputs[0] is model.layers[2].output
    assert model.output.shape == model.output_shape == (None, 2)
    assert model.layers[2].input is model.layers[1].output
    assert repr(model.output) == "<KerasTensor shape=(None, 2), dtype=float64, name=last>"
    assert model.output.ndim == model.input.ndim == 2


def test_what_a_hidden_layer_puts_out():
    for model in (
        chained(),
        fastmlp.Sequential([layers.Dense(5, input_shape=(4,)), layers.ReLU()]),
    ):
        hidden = next(layer for layer in model.layers if isinstance(layer, layers.Dense))
        part = fastmlp.Model(model.inputs, hidden.output)
        np.testing.assert_array_equal(part.predict(X), hidden(X))


def test_a_part_from_the_middle_on():
    model = chained()
    rest = fastmlp.Model(model.layers[1].output, model.output)
    hidden = model.layers[1](X)
    np.testing.assert_array_equal(rest(hidden), model(X))


def test_models_in_chains_share_weights():
    inner = chained()
    x = fastmlp.Input((4,))
    outer = fastmlp.Model([x], [layers.Softmax()(inner(x))])
    inner.set_weights([w + 1.0 for w in inner.get_weights()])
    exponents = np.exp(inner.predict(X))
    expected = exponents / exponents.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outer(X), expected, rtol=1e-13)


def test_pickled_models_are_connected():
    model = pickle.loads(pickle.dumps(chained()))
    assert model.layers[2].input is model.layers[1].output


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dense(2)([fastmlp.Input((4,))] * 2), "a graph that branches"),
        (lambda: layers.Dense(2)({"a": fastmlp.Input((4,))}), "a graph that branches"),
        (lambda: layers.Add()([chained().output] * 2), "no attribute 'Add'.*a graph that branches"),
        (lambda: layers.concatenate([chained().output] * 2), "a graph that branches"),
        (lambda: layers.LSTM(2), "no attribute 'LSTM'$"),
        (lambda: chained().output + 1.0, "a graph that branches"),
        (lambda: np.ones(2) * chained().output, "a graph that branches"),
        (lambda: fastmlp.Model([fastmlp.Input((4,))] * 2, chained().output), "Received: 2 inputs"),
        (lambda: fastmlp.Model(chained().input, [chained().output] * 2), "Received: 2 outputs"),
        (lambda: fastmlp.Model(fastmlp.Input((4,)), chained().output), "must be made of inputs"),
        (lambda: fastmlp.Model(X, chained().output), "inputs must be Input"),
        (lambda: np.asarray(chained().output), "no values"),
        (lambda: layers.Dense(3).output, "has never been called"),
        (lambda: layers.Dense(3).input, "has never been called"),
        (lambda: fastmlp.Sequential().inputs, "is not built"),
        (lambda: chained().add(layers.ReLU()), "are fixed"),
        (lambda: chained().pop(), "are fixed"),
        (lambda: models.clone_model(layers.Dense(2)), "model must be a fastmlp model"),
        (lambda: models.model_from_json("{"), "json_string must be JSON"),
        (lambda: models.model_from_json('{"class_name": "ReLU", "config": {}}'), "must describe"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((ValueError, TypeError, AttributeError), match=message):
        make()


def test_a_layer_is_once_in_a_chain():
    x, layer = fastmlp.Input((4,)), layers.Dense(4)
    with pytest.raises(ValueError, match="names of the layers of a model must differ"):
        fastmlp.Model(x, layer(layer(x)))


@pytest.mark.parametrize(
    "make",
    [chained, lambda: fastmlp.Sequential([fastmlp.Input((4,)), chained(), layers.ReLU()])],
    ids=["functional", "nested"],
)
def test_clones_and_json(make):
    model = make()
    for twin in (models.clone_model(model), models.model_from_json(model.to_json())):
        assert twin.get_config() == model.get_config()
        assert type(twin) is type(model)
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin(X), model(X))


def test_layers_put_in_and_taken_out_without_building():
    model = fastmlp.Sequential([fastmlp.Input((4,)), layers.Dense(2)])
    model.add(layers.Dense(3), rebuild=False)
    assert not model.built
    assert model(X).shape == (9, 3)
    assert model.pop(rebuild=False).name == "dense_1"
    assert model.predict(X).shape == (9, 2)
