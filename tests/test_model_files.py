"""Whole models in files, pickles and copies: training goes on to the very bits."""

from __future__ import annotations

import copy
import json
import os
import pickle

import numpy as np
import pytest
from small_model import EXACT, X, Y, assert_same_weights

import fastmlp
from fastmlp import callbacks, layers, losses, metrics, optimizers
from fastmlp.saving import load_model, npz, save_model

FORMATS = [".npz", ".keras"]


def busy_model(engine: str, optimizer: object = "adam") -> fastmlp.Sequential:
    """Everything that a file has to carry: nested and frozen layers, state, seeds, no decay."""
    frozen = layers.Dense(5, activation="tanh", trainable=False)
    inner = fastmlp.Sequential([layers.Dense(4), layers.PReLU(), layers.LayerNormalization()])
    model = fastmlp.Sequential(
        [
            fastmlp.Input(X.shape[1:]),
            layers.GaussianNoise(0.1),
            frozen,
            layers.Dense(6, activation="relu", kernel_regularizer=fastmlp.regularizers.L2(1e-3)),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            inner,
            layers.Dense(3, activation="softmax", kernel_constraint=fastmlp.constraints.MaxNorm(2)),
        ]
    )
    model.compile(
        optimizer,
        losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(2)],
        weighted_metrics=["sparse_categorical_crossentropy"],
        engine=engine,
    )
    return model


def fit(model, epochs=2):
    return model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0).history


def test_training_goes_on_to_the_bits(tmp_path, engine):
    rate = optimizers.schedules.CosineDecay(0.05, 30)
    optimizer = optimizers.AdamW(rate, weight_decay=0.01, amsgrad=True, use_ema=True, clipnorm=1.0)
    model = busy_model(engine, optimizer)
    optimizer.exclude_from_weight_decay([model.layers[2].bias], ["gamma"])
    fit(model)
    model.layers[3].trainable = False
    for place, suffix in enumerate(FORMATS):
        path = tmp_path / f"m{place}{suffix}"
        model.save(path)
        twin = load_model(path)
        assert twin is not model
        assert twin._compiled_engine == engine
        assert twin.get_config() == model.get_config()
        assert twin.get_compile_config() == model.get_compile_config()
        assert_same_weights(model, twin, **EXACT)
        reference = pickle.loads(pickle.dumps(model))
        assert fit(reference) == fit(twin)
        assert_same_weights(reference, twin, **EXACT)
        assert reference.evaluate(X, Y, verbose=0) == twin.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_pickles_and_copies_go_on_to_the_bits(duplicate, engine):
    model = busy_model(engine)
    fit(model, 1)
    twin = duplicate(model)
    assert fit(twin) == fit(model)
    assert_same_weights(model, twin, **EXACT)


@pytest.mark.parametrize("suffix", FORMATS)
def test_functional_unbuilt_and_uncompiled_models(suffix, tmp_path):
    x = fastmlp.Input((4,), name="x")
    functional = fastmlp.Model(x, layers.Dense(2, name="out")(layers.Dense(3)(x)), name="f")
    path = tmp_path / f"m{suffix}"
    save_model(functional, path)
    twin = load_model(path)
    assert isinstance(twin, fastmlp.models.Functional)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in functional.layers]
    assert not twin.compiled
    np.testing.assert_array_equal(twin(X[:, :4]), functional(X[:, :4]))

    unbuilt = fastmlp.Sequential([layers.Dense(2)])
    with pytest.warns(UserWarning, match="saved before it is built"):
        unbuilt.save(path)
    twin = load_model(path)
    assert not twin.built
    twin.build((None, 3))

    model = busy_model("reference")
    model.save(path)
    assert not load_model(path, compile=False).compiled
    assert load_model(path).optimizer.built is False  # it has not trained yet
    assert fastmlp.models.load_model is load_model


@pytest.mark.parametrize("suffix", FORMATS)
def test_boundaries_of_bins(suffix, tmp_path):
    """Given ones and such as came from data; bins of the samples are those they were."""
    x = np.random.default_rng(0).normal(size=(50, 3))
    adapted = layers.Discretization(num_bins=4, output_mode="count")
    adapted.adapt(x)
    for layer in (adapted, layers.Discretization([-0.5, 0.1 + 0.2])):
        model = fastmlp.Sequential([fastmlp.Input((3,)), layer, layers.Dense(2)])
        path = tmp_path / f"{layer.name}{suffix}"
        save_model(model, path)
        loaded = load_model(path)
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
        assert loaded.layers[0].get_config() == layer.get_config()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_is_there(suffix, tmp_path):
    path = tmp_path / f"m{suffix}"
    model = busy_model("reference")
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite is False"):
        model.save(path, overwrite=False)
    model.compile(optimizers.SGD(lambda: 0.1), "mse")
    with pytest.raises(ValueError, match="must be made of plain data"):
        model.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


class Doubled(layers.Dense):
    """A class that fastmlp does not have."""


@pytest.mark.parametrize("suffix", FORMATS)
def test_classes_of_ones_own(suffix, tmp_path):
    model = fastmlp.Sequential([fastmlp.Input((3,)), Doubled(2)])
    path = tmp_path / f"m{suffix}"
    model.save(path)
    with pytest.raises(ValueError, match="Doubled"):
        load_model(path)
    twin = load_model(path, custom_objects={"Doubled": Doubled})
    assert type(twin.layers[0]) is Doubled
    assert_same_weights(model, twin, **EXACT)


def test_wrong_arguments(tmp_path):
    model = busy_model("reference")
    with pytest.raises(ValueError, match=r"filepath must end in .*Received: filepath='m\.pkl'"):
        model.save("m.pkl")
    with pytest.raises(TypeError, match="model must be a fastmlp model"):
        save_model(None, "m.npz")
    with pytest.raises(ValueError, match="safe_mode must be True"):
        load_model("m.npz", safe_mode=False)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "m.npz")
    with pytest.raises(TypeError, match="config must be a dict"):
        model.compile_from_config(None)


@pytest.mark.parametrize("suffix", FORMATS)
def test_weights_of_a_whole_model(suffix, tmp_path):
    """``load_weights`` takes what it needs from a file of ``save``."""
    model, twin = busy_model("reference"), busy_model("reference")
    fit(model)
    model.save(tmp_path / f"m{suffix}")
    twin.load_weights(tmp_path / f"m{suffix}")
    assert_same_weights(model, twin, **EXACT)
    assert int(twin.optimizer.steps) == int(model.optimizer.steps)


@pytest.mark.parametrize("suffix", FORMATS)
def test_checkpoints_of_whole_models_go_on_to_the_bits(suffix, tmp_path, engine):
    model = busy_model(engine)
    hook = callbacks.ModelCheckpoint(tmp_path / f"{{epoch}}{suffix}")
    model.fit(X, Y, epochs=3, batch_size=8, verbose=0, callbacks=[hook])
    assert sorted(os.listdir(tmp_path)) == [f"{n}{suffix}" for n in (1, 2, 3)]
    twin = load_model(tmp_path / f"2{suffix}")
    twin.fit(X, Y, initial_epoch=2, epochs=3, batch_size=8, verbose=0)
    assert_same_weights(model, twin, **EXACT)


def test_the_file_is_plain_and_checked(tmp_path):
    """NumPy reads it without pickles; a bit that is turned shows."""
    path = tmp_path / "m.npz"
    busy_model("reference").save(path)
    with np.load(path, allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        assert arrays["layers/dense/kernel"].shape == (X.shape[1], 5)
    assert about["format"] == "fastmlp model"
    assert about["config"]["class_name"] == "Sequential"
    arrays, about = npz.load(str(path), "model")
    about["config"]["config"]["layers"] = about["config"]["config"]["layers"][:-1]
    npz.save(str(path), "model", arrays, about)
    with pytest.raises(ValueError, match=r"m\.npz must be a file of a model.*besides"):
        load_model(path)
    del about["config"]
    npz.save(str(path), "model", arrays, about)
    with pytest.raises(ValueError, match=r"none of 'config'"):
        load_model(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.npz must be a whole file of fastmlp model"):
        load_model(path)
