"""Layers: shapes, what each computes, configurations."""

from __future__ import annotations

import numpy as np
import pytest

import fastmlp
from fastmlp import activations, layers

X = np.random.default_rng(0).normal(size=(5, 6))  # (B, F)

# What NumPy says each layer computes, written independently of the engines.
COMPUTED = {
    "relu": (layers.ReLU, {}, lambda x: np.maximum(x, 0)),
    "relu_capped": (
        layers.ReLU,
        {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2},
        lambda x: np.where(x >= 1, 1, np.where(x > 0.2, x, 0.1 * (x - 0.2))),
    ),
    "softmax": (layers.Softmax, {}, lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)),
    "tanh": (layers.Activation, {"activation": "tanh"}, np.tanh),
    "linear": (layers.Activation, {"activation": "linear"}, lambda x: x),
    "rescaling": (layers.Rescaling, {"scale": 3.0, "offset": -1.0}, lambda x: x * 3 - 1),
    "dropout": (layers.Dropout, {"rate": 0.5}, lambda x: x),
}
# exp and tanh of the native engine are within 1 ulp, a softmax divides by a sum of six.
ROUNDING = {"rtol": 1e-14, "atol": 1e-16}


def one_layer(layer: layers.Layer, engine: str) -> fastmlp.Sequential:
    model = fastmlp.Sequential([layer])
    model.compile("sgd", engine=engine)
    return model


@pytest.mark.parametrize(("cls", "options", "expected"), COMPUTED.values(), ids=COMPUTED)
def test_what_a_layer_computes(cls, options, expected, engine):
    np.testing.assert_allclose(one_layer(cls(**options), engine)(X), expected(X), **ROUNDING)


@pytest.mark.parametrize("use_bias", [True, False])
def test_dense(engine, use_bias):
    layer = layers.Dense(4, "tanh", use_bias, bias_initializer="ones")
    y = one_layer(layer, engine)(X)
    kernel = layer.get_weights()[0]
    # Sums of six products, in one order or another.
    np.testing.assert_allclose(y, np.tanh(X @ kernel + use_bias), rtol=1e-13)
    assert layer.count_params() == 24 + 4 * use_bias


def test_elementwise_layers_keep_the_shape_of_a_sample(engine):
    images = np.arange(24.0).reshape(2, 3, 4)
    model = fastmlp.Sequential([layers.Rescaling(0.5), layers.ReLU()])
    model.compile("sgd", engine=engine)
    np.testing.assert_array_equal(model(images), images * 0.5)
    np.testing.assert_array_equal(model.predict(images), images * 0.5)
    assert model.output_shape == (None, 3, 4)


def test_a_layer_can_be_called_alone():
    np.testing.assert_allclose(layers.Softmax()(X).numpy().sum(axis=1), 1.0, rtol=1e-15)


@pytest.mark.parametrize("engine_name", ["reference", "native"])
def test_dropout_while_training(engine_name):
    model = one_layer(layers.Dropout(0.25), engine_name)
    x = np.ones((200, 100))
    first, second = model(x, training=True).numpy(), model(x, training=True).numpy()
    kept = first != 0
    np.testing.assert_array_equal(first[kept], 1 / 0.75)
    # 20,000 draws: the standard deviation of the share is 0.003.
    assert abs(kept.mean() - 0.75) < 0.015
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(model(x), x)


def test_dropout_masks_follow_the_seed(engine):
    x = np.ones((4, 50))
    seeded = [one_layer(layers.Dropout(0.5, seed=s), engine)(x, training=True) for s in (1, 1, 2)]
    np.testing.assert_array_equal(seeded[0], seeded[1])
    assert not np.array_equal(seeded[0], seeded[2])


def test_names_are_numbered_as_in_keras():
    made = [layers.Dense(1), layers.Dense(1), layers.ReLU(), layers.Input((2,)), layers.Flatten()]
    assert [layer.name for layer in made] == ["dense", "dense_1", "re_lu", "input_layer", "flatten"]
    fastmlp.backend.clear_session()
    assert layers.Dense(1).name == "dense"
    assert layers.Dense(1, name="head").name == "head"


def test_shapes_before_and_after_building():
    layer = layers.Dense(3)
    assert not layer.built
    with pytest.raises(AttributeError, match="no input shape"):
        _ = layer.input_shape
    with pytest.raises(ValueError, match="not built"):
        layer.count_params()
    layer.build((None, 2))
    layer.build((None, 2))
    assert (layer.input_shape, layer.output_shape) == ((None, 2), (None, 3))
    with pytest.raises(ValueError, match=r"was built for input shape \(None, 2\)"):
        layer.build((None, 5))


def test_flatten_multiplies_the_axes():
    layer = layers.Flatten(input_shape=(4, 3, 2))
    layer.build((None, 4, 3, 2))
    assert layer.output_shape == (None, 24)


@pytest.mark.parametrize("option", [{"input_shape": (6,)}, {"input_dim": 6}])
def test_the_older_ways_to_state_the_input(option):
    model = fastmlp.Sequential([layers.Dense(2, **option)])
    assert model.input_shape == (None, 6)
    assert model.count_params() == 14


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, "relu", False, kernel_initializer="he_normal", name="d", trainable=False),
        layers.Dropout(0.3, seed=5),
        layers.Activation("softmax"),
        layers.ReLU(6.0, 0.1, 0.2),
        layers.Softmax(1),
        layers.Rescaling(0.5, 1.0),
        layers.Flatten(input_shape=(2, 3)),
        layers.Input((2, 3)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_round_trip(layer):
    twin = layers.deserialize(layers.serialize(layer))
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()


def test_activation_functions_on_arrays():
    x = np.array([[-1.0, 0.5, 2.0]])
    assert activations.relu(x, negative_slope=0.1, max_value=1.5).tolist() == [[-0.1, 0.5, 1.5]]
    assert activations.linear([1, 2]).tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(activations.tanh(x), np.tanh(x))
    np.testing.assert_allclose(activations.softmax(x.T, axis=0).sum(), 1.0, rtol=1e-15)
    assert activations.get(None) is activations.linear
    assert activations.get("tanh") is activations.tanh
    assert activations.serialize(activations.softmax) == "softmax"


def test_dense_takes_an_activation_function(engine):
    by_name, by_function = layers.Dense(3, "relu"), layers.Dense(3, activations.relu)
    assert by_name.get_config()["activation"] == by_function.get_config()["activation"] == "relu"


# -- batch normalization


def _normalized(engine, **options):
    model = fastmlp.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(4, activation="sigmoid"),
            layers.BatchNormalization(**options),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", engine=engine)
    return model


NORMAL_X = np.random.default_rng(3).normal(size=(40, 3))
NORMAL_Y = NORMAL_X.sum(axis=1)


def test_a_normalization_trains_by_the_batch_and_predicts_by_moving_moments(engine):
    model = _normalized(engine, momentum=0.5)
    layer = model.layers[1]
    hidden = model.layers[0](NORMAL_X).numpy()
    model.fit(NORMAL_X, NORMAL_Y, batch_size=40, verbose=0)
    # sums of 40 numbers below 1
    np.testing.assert_allclose(layer.moving_mean, 0.5 * hidden.mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(layer.moving_variance, 0.5 + 0.5 * hidden.var(axis=0), atol=1e-15)
    x = np.ones((2, 4))
    scale = layer.gamma / np.sqrt(layer.moving_variance + layer.epsilon)
    expected = (x - layer.moving_mean) * scale + layer.beta
    np.testing.assert_allclose(layer(x), expected, rtol=1e-14)
    y = layer(np.array([[1.0] * 4, [3.0] * 4]), training=True)
    expected = layer.gamma / np.sqrt(1.0 + layer.epsilon) + layer.beta
    np.testing.assert_allclose(y[1], expected, rtol=1e-14)


def test_the_weights_of_a_normalization_are_keras_s(engine):
    model = _normalized(engine)
    names = [v.name for v in model.weights]
    state = ["moving_mean", "moving_variance"]
    assert names == ["kernel", "bias", "gamma", "beta", *state, "kernel", "bias"]
    assert [v.name for v in model.layers[1].trainable_weights] == ["gamma", "beta"]
    assert [v.name for v in model.layers[1].non_trainable_weights] == state
    assert model.count_params() == 16 + 16 + 5
    model.layers[1].trainable = False
    model.layers[1].trainable = True
    assert [v.name for v in model.layers[1].non_trainable_weights] == state


def test_a_frozen_normalization_uses_and_keeps_its_moving_moments(engine):
    model = _normalized(engine)
    model.layers[1].trainable = False
    before = [w.copy() for w in model.layers[1].get_weights()]
    loss = model.evaluate(NORMAL_X, NORMAL_Y, verbose=0)
    history = model.fit(NORMAL_X, NORMAL_Y, batch_size=40, verbose=0)
    assert history.history["loss"][0] == pytest.approx(loss, rel=1e-14)
    for old, new in zip(before, model.layers[1].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axis": 1.5}, "axis must be an integer"),
        ({"momentum": 1.0}, "momentum must be"),
        ({"epsilon": -1.0}, "epsilon must be"),
        ({"center": 1}, "center must be True or False"),
        ({"renorm": True}, "renorm"),
    ],
)
def test_bad_options_of_a_normalization(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        layers.BatchNormalization(**options)


def test_masking_says_that_there_are_no_masks():
    with pytest.raises(ValueError, match=r"no masks.*sample_weight of 0.*mask_value=-1.0"):
        layers.Masking(mask_value=-1.0)
    with pytest.raises(ValueError, match="no masks"):
        layers.deserialize({"class_name": "Masking", "config": {"mask_value": 0.0}})


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(
    ("scale", "offset"),
    [([2.0, 0.5, -1.0], 0.25), (0.5, [[1.0], [2.0]]), (np.arange(6.0).reshape(2, 3), [1, 2, 3])],
)
def test_rescaling_by_arrays(scale, offset, engine):
    x = np.random.RandomState(0).uniform(-1.0, 1.0, (9, 2, 3))
    expected = x * np.asarray(scale) + np.asarray(offset)
    layer = layers.Rescaling(scale, offset)
    # one rounding less where it is one operation
    np.testing.assert_allclose(layer(x), expected, rtol=1e-15, atol=1e-15)
    twin = layers.Rescaling.from_config(layer.get_config())
    np.testing.assert_array_equal(twin(x), layer(x))
    before = fastmlp.Sequential([fastmlp.Input((2, 3)), twin, layers.Flatten(), layers.Dense(2)])
    after = fastmlp.Sequential([fastmlp.Input((2, 3)), layers.Flatten(), layers.Dense(2)])
    after.set_weights(before.get_weights())
    assert len(before.get_weights()) == 2
    assert twin.weights == []
    y = np.random.RandomState(1).uniform(size=(9, 2))
    for model, inputs in ((before, x), (after, expected)):
        model.compile("adam", "mse", engine=engine)
        model.fit(inputs, y, 4, 3, verbose=0, shuffle=False)
    for a, b in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(twin(x), expected, rtol=1e-15, atol=1e-15)  # training left it


def test_rescaling_by_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match="scale must broadcast to a sample"):
        layers.Rescaling([1.0, 2.0])(np.ones((4, 3)))
    with pytest.raises(ValueError, match="offset must hold finite numbers"):
        layers.Rescaling(1.0, [np.nan])
