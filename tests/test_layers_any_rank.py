"""Layers on samples of several axes, with axes, categories and moments: what they compute, what
they refuse, and models of them."""

from __future__ import annotations

import numpy as np
import pytest

import fastmlp
from fastmlp import layers

X = np.random.default_rng(0).normal(size=(5, 3, 4))  # (B, 3, 4)


def model_of(engine: str, *made: layers.Layer, **compiled: object) -> fastmlp.Sequential:
    model = fastmlp.Sequential([fastmlp.Input(X.shape[1:]), *made])
    model.compile("sgd", engine=engine, **compiled)
    return model


def test_dense_works_on_the_last_axis(engine):
    layer = layers.Dense(2, "relu")
    y = model_of(engine, layer).predict(X)
    kernel, bias = layer.get_weights()
    # sums of four products in one order or another
    np.testing.assert_allclose(y, np.maximum(X @ kernel + bias, 0), rtol=1e-14, atol=1e-15)
    assert layer.output_shape == (None, 3, 2)


@pytest.mark.parametrize("dims", [(1, 2, 3), (2, 1, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2), (1, 3, 2)])
def test_permutations_of_axes(engine, dims):
    x = np.random.default_rng(1).normal(size=(4, 2, 3, 5))
    model = fastmlp.Sequential([layers.Permute(dims)])
    model.compile("sgd", engine=engine)
    np.testing.assert_array_equal(model(x), x.transpose(0, *dims))


@pytest.mark.parametrize("target", [(12,), (4, 3), (2, -1), (-1, 2, 2)])
def test_reshapes(engine, target):
    model = model_of(engine, layers.Reshape(target), layers.ReLU())
    np.testing.assert_array_equal(model(X), np.maximum(X.reshape(5, *target), 0))
    assert model.output_shape == (None, *X.reshape(5, *target).shape[1:])


def test_vectors_repeated(engine):
    model = model_of(engine, layers.Flatten(), layers.RepeatVector(3))
    np.testing.assert_array_equal(model(X), np.repeat(X.reshape(5, 1, 12), 3, axis=1))


def test_layouts_between_nothing_are_left_out():
    made = [layers.Rescaling(0.5), layers.Reshape((4, 3)), layers.Flatten(), layers.Dense(2)]
    model = fastmlp.Sequential([fastmlp.Input(X.shape[1:]), *made])
    assert len(model._network().operations) == 2  # rescaling and product, as for a vector


def test_a_gradient_through_layouts_is_the_same_on_both_engines():
    y = np.random.default_rng(2).normal(size=(5, 2, 2))
    gradients = []
    for engine in ("native", "reference"):
        fastmlp.utils.set_random_seed(3)
        made = [
            layers.Dense(6, "tanh"),
            layers.LayerNormalization(axis=(1, 2)),
            layers.Permute((2, 1)),
            layers.BatchNormalization(axis=1),
            layers.Reshape((2, 9)),
            layers.Softmax(axis=(1, 2)),
            layers.Dense(2),
        ]
        model = model_of(engine, *made, loss="mse")
        gradients.append(model.loss_and_gradient(X, y, np.arange(5.0))[1])
    for native, reference in zip(*gradients, strict=True):
        np.testing.assert_allclose(native, reference, rtol=1e-12, atol=1e-14)


def test_weights_of_samples_are_those_of_their_rows(engine):
    y = np.random.default_rng(2).normal(size=(5, 3, 2))
    weights = np.arange(1.0, 6.0)
    model = model_of(engine, layers.Dense(2), loss="mse", weighted_metrics=["mse"])
    by_sample = model.evaluate(X, y, sample_weight=weights, verbose=0)
    by_row = model.evaluate(X, y, sample_weight=np.repeat(weights[:, None], 3, 1), verbose=0)
    errors = np.square(model.predict(X) - y).mean(axis=2)
    assert by_sample == by_row
    np.testing.assert_allclose(by_sample[0], (errors * weights[:, None]).mean(), rtol=1e-14)
    np.testing.assert_allclose(
        by_sample[1], (errors * weights[:, None]).sum() / weights.sum() / 3, rtol=1e-14
    )


def test_the_loss_of_batches_that_do_not_fill_up(engine):
    y = np.random.default_rng(2).normal(size=(5, 3, 2))
    loss = fastmlp.losses.MeanSquaredError(reduction="sum")
    model = model_of(engine, layers.Dense(2), loss=loss)
    errors = np.square(model.predict(X) - y).mean(axis=2).sum(axis=1)
    # the mean over batches of 2, 2 and 1 samples of their sums, each as often as it has samples
    expected = (2 * errors[:2].sum() + 2 * errors[2:4].sum() + errors[4]) / 5
    np.testing.assert_allclose(model.evaluate(X, y, batch_size=2, verbose=0), expected, rtol=1e-14)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 2), (5, 3, 3), (5,), (4, 3, 2)])
def test_labels_that_do_not_fit_rows(shape):
    model = model_of("reference", layers.Dense(2), loss="mse")
    with pytest.raises(ValueError, match=r"^(y|x and y) must"):
        model.fit(X, np.zeros(shape), verbose=0)


def test_class_weights_of_rows(engine):
    y = np.array([[0, 1, 1]] * 5)
    loss = fastmlp.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = model_of(engine, layers.Dense(2, kernel_initializer="zeros"), loss=loss)
    history = model.fit(X, y, batch_size=5, class_weight={0: 4.0, 1: 1.0}, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [2 * np.log(2)], rtol=1e-14)


def test_embeddings_train_what_they_show(engine):
    layer = layers.Embedding(4, 2, weights=np.arange(8.0).reshape(4, 2))
    model = fastmlp.Sequential([fastmlp.Input((2,)), layer])
    model.compile(
        fastmlp.optimizers.SGD(1.0), fastmlp.losses.MeanSquaredError("sum"), engine=engine
    )
    model.fit([[1, 3], [1, 1]], np.zeros((2, 2, 2)), batch_size=2, verbose=0)
    rows = np.arange(8.0).reshape(4, 2)
    # the mean of two squares has the slope of its number; row 1 is shown three times
    np.testing.assert_array_equal(layer.get_weights()[0], rows - rows * [[0], [3], [0], [1]])


@pytest.mark.parametrize("x", [[[4.0]], [[-1.0]], [[0.5]]])
@pytest.mark.parametrize("made", [layers.Embedding(4, 2), layers.CategoryEncoding(4)])
def test_what_is_no_category(made, x):
    model = fastmlp.Sequential([fastmlp.Input((1,)), layers.Flatten(), made, layers.Flatten()])
    model.compile("sgd", "mse", engine="reference")
    for use in (model, model.predict, lambda x: model.fit(x, np.zeros((1, model.output_shape[1])))):
        with pytest.raises(ValueError, match="x must hold whole numbers from 0 to 3"):
            use(x)


def test_adapting_by_batches_is_adapting_at_once():
    x = np.random.default_rng(1).normal(size=(50, 3, 4)) * 10 + 5
    whole, parts = layers.Normalization(axis=2), layers.Normalization(axis=2)
    whole.adapt(x)
    parts.adapt(batch for batch in (x[:7], x[7:30], x[30:]))
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    np.testing.assert_allclose(whole(x).numpy().mean(axis=(0, 1)), 0, atol=1e-14)
    np.testing.assert_allclose(whole(x).numpy().std(axis=(0, 1)), 1, rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), "mean and variance must be given together"),
        (lambda: layers.Normalization(mean=1.0, variance=-1.0), "variance must not be negative"),
        (lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])(X), "mean must broad"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(X), "adapt is for a layer"),
        (lambda: layers.Normalization().adapt([]), "data must hold at least one batch"),
        (lambda: layers.Normalization().adapt([[1.0]]), "Received: a batch of type list"),
        (lambda: layers.Normalization(axis=3)(X), "axis of Normalization"),
        (lambda: layers.Reshape((0,)), "target_shape must be positive"),
        (lambda: layers.Reshape((-1, -1)), "target_shape must be positive"),
        (lambda: layers.Reshape((5,))(X), "target_shape must hold the 12 numbers"),
        (lambda: layers.Reshape((-1, 5))(X), "target_shape must hold the 12 numbers"),
        (lambda: layers.Permute((0, 1)), "dims must be"),
        (lambda: layers.Permute((1, 3)), "dims must be 1, 2"),
        (lambda: layers.Permute((1,))(X), "dims of 'permute.*' must name every axis"),
        (lambda: layers.RepeatVector(2.0), "n must be an integer"),
        (lambda: layers.RepeatVector(0), "n must be an integer"),
        (lambda: layers.RepeatVector(2)(X), "takes inputs of shape"),
        (lambda: layers.LayerNormalization(axis=0)(X), "axis of LayerNormalization"),
        (lambda: layers.LayerNormalization(axis=[1, -2])(X), "must name different axes"),
        (lambda: layers.LayerNormalization(axis="last"), "axis must be an integer or a list"),
        (lambda: layers.LayerNormalization(epsilon=-1.0), "epsilon must be"),
        (lambda: layers.BatchNormalization(axis=0)(X), "axis of BatchNormalization"),
        (lambda: layers.Softmax(axis=0)(X), "axis of Softmax"),
        (
            lambda: layers.LayerNormalization(axis=[1, 2], gamma_regularizer="l2")(X),
            "need a single axis",
        ),
        (lambda: layers.GroupNormalization(3)(X), "groups of .* must divide the number of chan"),
        (lambda: layers.UnitNormalization(axis=4)(X), "axis of UnitNormalization"),
        (lambda: layers.Embedding(0, 2), "input_dim must be"),
        (lambda: layers.Embedding(2, 2, mask_zero=True), "mask_zero must be False"),
        (lambda: layers.Embedding(2, 2, weights=np.zeros((3, 2))), "weights must have shape"),
        (lambda: layers.CategoryEncoding(), "num_tokens must be"),
        (lambda: layers.CategoryEncoding(2, "int"), "output_mode must be one of"),
        (lambda: layers.CategoryEncoding(2, sparse=True), "sparse must be False"),
        (lambda: layers.Flatten("channels_first"), "data_format must be"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    "layer",
    [
        layers.Reshape((2, -1)),
        layers.Permute((2, 1)),
        layers.RepeatVector(3),
        layers.LayerNormalization([1, 2], 0.1, center=False),
        layers.GroupNormalization(2, 1),
        layers.RMSNormalization(1),
        layers.UnitNormalization((1, 2)),
        layers.Normalization(None, 1.0, 2.0, True),
        layers.Normalization((1, 2)),
        layers.Embedding(3, 2, "ones", "l2", "non_neg"),
        layers.LayerNormalization(gamma_regularizer="l1", beta_constraint="max_norm"),
        layers.CategoryEncoding(3, "count"),
        layers.Softmax([1, 2]),
        layers.BatchNormalization(1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_round_trip(layer):
    twin = layers.deserialize(layers.serialize(layer))
    assert twin.get_config() == layer.get_config()


def test_decay_left_out_is_of_the_weight_that_was_named(engine):
    """Moments are parameters of the engine that are no weights, or fewer than those."""
    for first in (layers.Normalization(mean=0.0, variance=1.0), layers.Normalization()):
        dense = layers.Dense(2, name="last", bias_initializer="ones")
        model = fastmlp.Sequential([fastmlp.Input((4,)), first, dense])
        optimizer = fastmlp.optimizers.SGD(0.5, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer, "mse", engine=engine)
        kernel, bias = dense.get_weights()
        x = np.zeros((1, 4))
        model.fit(x, model.predict(x), verbose=0)
        np.testing.assert_array_equal(dense.get_weights()[0], kernel - kernel * (0.5 * 0.5))
        np.testing.assert_array_equal(dense.get_weights()[1], bias)


@pytest.mark.parametrize("option", [{"sparse": True}, {"ragged": True}, {"optional": True}])
def test_inputs_as_fastmlp_has_none(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be False"):
        fastmlp.Input((3,), **option)


def test_inputs_of_whole_numbers_are_held_by_float64():
    assert fastmlp.Input((3,), dtype="int32").dtype == "float64"
    with pytest.raises(ValueError, match='dtype must be "float64"'):
        fastmlp.Input((3,), dtype="float32")


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_bins_are_those_of_numpy(mode, engine):
    x = np.random.RandomState(0).uniform(-2.0, 2.0, (50, 9))
    x[:3] = [[-1.0], [0.25], [1.0]]  # on boundaries
    boundaries = [-1.0, 0.25, 0.25, 1.0]
    layer = layers.Discretization(boundaries, output_mode=mode)
    model = fastmlp.Sequential([fastmlp.Input((9,)), layer, layers.Flatten()])
    model.compile("sgd", "mse", engine=engine)
    found = np.digitize(x, boundaries)
    shown = found[..., None] == np.arange(5)
    wanted = {
        "int": found,
        "one_hot": shown.reshape(50, -1),
        "multi_hot": shown.any(axis=1),
        "count": shown.sum(axis=1),
    }[mode]
    np.testing.assert_array_equal(model.predict(x), wanted)
    assert model.weights == []
    twin = fastmlp.Sequential.from_config(model.get_config())
    np.testing.assert_array_equal(twin(x), model(x))


@pytest.mark.parametrize("mode", ["int", "one_hot"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 1)])
def test_bins_of_any_rank(mode, shape, engine):
    x = np.random.RandomState(0).uniform(-2.0, 2.0, (20, *shape))
    layer = layers.Discretization([-1.0, 0.5], output_mode=mode)
    model = fastmlp.Sequential([fastmlp.Input(shape), layer])
    model.compile("sgd", "mse", engine=engine)
    found = np.digitize(x, [-1.0, 0.5])
    wanted = found if mode == "int" else np.eye(3)[found]
    np.testing.assert_array_equal(model.predict(x), wanted.reshape(20, *model.output_shape[1:]))


def test_bins_have_no_gradient_and_stay(engine):
    first = layers.Dense(3)
    model = fastmlp.Sequential(
        [fastmlp.Input((2,)), first, layers.Discretization([0.0, 1.0]), layers.Dense(1)]
    )
    model.compile("adam", "mse", engine=engine)
    x = np.random.RandomState(0).normal(size=(20, 2))
    before, bins = first.get_weights(), model.layers[1](first(x)).numpy()
    model.fit(x, x[:, 0], epochs=3, verbose=0)
    for a, b in zip(first.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.layers[1](first(x)), bins)


def test_bins_of_data_hold_equally_many():
    x = np.random.RandomState(0).exponential(size=(20_000, 2))
    layer = layers.Discretization(num_bins=8)
    layer.adapt(batch for batch in (x[:3000], x[3000:]))
    counts = np.bincount(np.asarray(layer(x)).astype(int).ravel(), minlength=8) / x.size
    # each of two batches is known to 1 % of its numbers, and so is what they are merged to
    np.testing.assert_allclose(counts, 1 / 8, atol=0.02)
    twin = layers.deserialize(layers.serialize(layer))
    assert twin.bin_boundaries == layer.bin_boundaries
    assert twin.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("size", "asked", "parts", "boundaries"),
    [
        (5, 2, 1, [1.2071067094802856]),
        (99, 4, 1, [4.87319278717041, 6.964101791381836, 8.558584213256836]),
        (2900, 4, 2, [26.83249855041504, 37.96050262451172, 46.58319854736328]),
    ],
)
def test_bins_of_data_are_those_of_keras(size, asked, parts, boundaries):
    """Of Keras 3.15.1, whose adapt needs TensorFlow: by update_state and finalize_state."""
    layer = layers.Discretization(num_bins=asked)
    layer.adapt(np.array_split(np.sqrt(np.arange(float(size))), parts))
    np.testing.assert_allclose(layer.bin_boundaries, boundaries, rtol=1e-6)  # of float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Discretization(), "bin_boundaries or num_bins must be given"),
        (lambda: layers.Discretization([0.0], 3), "must not be given together"),
        (lambda: layers.Discretization([1.0, 0.0]), "must be ascending"),
        (lambda: layers.Discretization([[1.0]]), "must be ascending"),
        (lambda: layers.Discretization([np.nan]), "must hold finite numbers"),
        (lambda: layers.Discretization(num_bins=0), "num_bins must be"),
        (lambda: layers.Discretization([0.0], epsilon=0.0), "epsilon must lie in"),
        (lambda: layers.Discretization([0.0], output_mode="bins"), "output_mode must be one of"),
        (lambda: layers.Discretization([0.0], sparse=True), "sparse must be False"),
        (lambda: layers.Discretization(num_bins=3)([[1.0]]), "has no boundaries yet"),
        (lambda: layers.Discretization([0.0]).adapt(np.ones(3)), "made with num_bins"),
        (lambda: layers.Discretization(num_bins=3).adapt(np.ones((0, 2))), "at least one number"),
        (lambda: layers.Discretization(num_bins=3).adapt([]), "at least one number"),
        (lambda: layers.Discretization(num_bins=3).adapt(np.array([np.inf])), "finite numbers"),
        (
            lambda: layers.Discretization([0.0], output_mode="count")(np.ones((2, 3, 4))),
            r"takes inputs of shape \(batch, features\)",
        ),
    ],
)
def test_bins_that_are_none(make, message):
    with pytest.raises(ValueError, match=message):
        make()
