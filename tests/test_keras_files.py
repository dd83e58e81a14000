"""Keras's files: what Keras wrote, read without it, and both ways beside it."""

from __future__ import annotations

import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from keras_files import cases, make, make_keras_2, peer
from small_model import EXACT, X, Y, assert_same_weights

import fastmlp
from fastmlp import layers, losses
from fastmlp.saving import hdf5, load_model
from fastmlp.saving.keras_configs import from_keras

# Keras's own sums and functions have other rounding errors than fastmlp's.
PREDICTED = {"rtol": 0, "atol": 1e-12}
TRAINED = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(scope="module")
def golden(tmp_path_factory) -> Path:
    """A folder with Keras's files."""
    folder = tmp_path_factory.mktemp("keras")
    with zipfile.ZipFile(Path(make.__file__).parent / "golden.zip") as archive:
        archive.extractall(folder)
    return folder


def expected(golden: Path, name: str) -> np.ndarray:
    with np.load(golden / "expected.npz") as stored:
        return stored[name]


@pytest.mark.parametrize(("model", "optimizer"), make.FILES)
def test_models_of_keras_predict_and_train_on(model, optimizer, golden):
    name = f"{model}-{optimizer}"
    twin = load_model(golden / f"{name}.keras")
    x, _ = cases.data()
    np.testing.assert_allclose(twin.predict(x), expected(golden, f"{name}/saved"), **PREDICTED)
    cases.train(twin)
    np.testing.assert_allclose(twin.predict(x), expected(golden, f"{name}/trained"), **TRAINED)


def test_weights_of_keras(golden):
    name = "-".join(make.FILES[0])
    whole = load_model(golden / f"{name}.keras")
    for path in (f"{name}.weights.h5", f"{name}.keras"):
        twin = cases.make(fastmlp, *make.FILES[0])
        twin.load_weights(golden / path)
        assert_same_weights(whole, twin, **EXACT)
        assert int(twin.optimizer.steps) == int(whole.optimizer.steps) > 0


def test_older_models_of_keras_predict_and_train_on(golden):
    """``.h5`` of Keras 3; its order of a nested model's weights: what is trained first."""
    twin = load_model(golden / "legacy.h5")
    x, _ = cases.data()
    np.testing.assert_allclose(twin.predict(x), expected(golden, "legacy/saved"), **PREDICTED)
    cases.train(twin)
    np.testing.assert_allclose(twin.predict(x), expected(golden, "legacy/trained"), **TRAINED)
    weights = cases.make(fastmlp, *make.LEGACY)
    weights.load_weights(golden / "legacy.h5")
    assert_same_weights(load_model(golden / "legacy.h5"), weights, **EXACT)


@pytest.fixture(scope="module")
def keras_2(tmp_path_factory) -> Path:
    """A folder with what Keras 2 wrote."""
    folder = tmp_path_factory.mktemp("keras_2")
    with zipfile.ZipFile(Path(make.__file__).parent / "keras_2.zip") as archive:
        archive.extractall(folder)
    return folder


OF_KERAS_2 = [
    f"{age}-{model}-{optimizer}"
    for age, files in (("before", make_keras_2.BEFORE), ("since", make_keras_2.SINCE))
    for model, optimizer in files
]


@pytest.mark.parametrize("name", OF_KERAS_2)
def test_models_of_keras_2_predict_and_train_on(name, keras_2):
    """With the slots of optimizers of before and since TensorFlow 2.11."""
    twin = load_model(keras_2 / f"{name}.h5")
    x, _ = cases.data()
    np.testing.assert_allclose(twin.predict(x), expected(keras_2, f"{name}/saved"), **PREDICTED)
    assert int(twin.optimizer.steps) == 6
    cases.train(twin)
    # Keras 2 rounds the 0.96 of Nadam's formula to float32
    close = {"rtol": 0, "atol": 1e-7} if name.endswith("nadam") else TRAINED
    np.testing.assert_allclose(twin.predict(x), expected(keras_2, f"{name}/trained"), **close)


def rewritten(path: Path, change) -> Path:
    """A copy of a file that ``change`` has had its way with."""
    import h5py

    copy = path.with_name("changed.h5")
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        change(file)
    return copy


def without(*endings):
    """Leave out the optimizer's variables whose names end so."""

    def change(file):
        names = file["optimizer_weights"].attrs["weight_names"]
        kept = [name for name in names if not name.endswith(endings)]
        file["optimizer_weights"].attrs["weight_names"] = np.array([n.encode() for n in kept])

    return change


def of_nadam(file):
    """The optimizer becomes Nadam with the schedule of its momentum that it had in Keras 2."""
    training = json.loads(file.attrs["training_config"])
    told = {"class_name": "Nadam", "config": {"name": "Nadam", "decay": 0.004}}
    file.attrs["training_config"] = json.dumps({**training, "optimizer_config": told})


def test_slots_of_keras_2_that_do_not_fit(keras_2):
    """They are skipped with a warning that says why; the weights are read."""
    path = keras_2 / "before-nested-adam.h5"
    whole = load_model(path)
    for endings, why in (
        (("iter:0",), "it does not tell how many steps were done"),
        (("bias/m:0",), r"it has no momentum of '.*bias'"),
    ):
        with pytest.warns(UserWarning, match=f"variables are skipped: {why}"):
            twin = load_model(rewritten(path, without(*endings)))
        assert_same_weights(whole, twin, **EXACT)
        assert int(twin.optimizer.steps) == 0
    other = cases.make(fastmlp, "nested", "lion")
    with pytest.warns(UserWarning, match="they are Adam's, and the model has Lion"):
        other.load_weights(path)
    assert_same_weights(whole, other, **EXACT)
    twin = cases.make(fastmlp, "nested", "adam")
    twin.load_weights(path)
    assert int(twin.optimizer.steps) == 6
    for variable, same in zip(
        whole.optimizer.variables[2:], twin.optimizer.variables[2:], strict=True
    ):
        np.testing.assert_array_equal(variable.numpy(), same.numpy())


def test_layers_frozen_since_keras_2_trained_them_keep_their_slots(keras_2):
    path = keras_2 / "since-chained-nesterov.h5"

    def freeze(file):
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1]["config"]["trainable"] = False
        file.attrs["model_config"] = json.dumps(config)

    whole, twin = load_model(path), load_model(rewritten(path, freeze))
    assert len(twin.trainable_weights) == len(whole.trainable_weights) - 2
    twin.layers[-1].trainable = True
    twin.compile(twin.optimizer, twin.loss)
    for model in (whole, twin):
        cases.train(model)
    assert_same_weights(whole, twin, **EXACT)


def test_nadam_of_before_is_refused_by_name(keras_2):
    path = rewritten(keras_2 / "before-nested-adam.h5", of_nadam)
    with pytest.raises(ValueError, match=r"another schedule of its momentum: .* compile=False"):
        load_model(path)
    assert load_model(path, compile=False).optimizer is None


def test_a_model_of_keras_2(golden):
    """With a count of steps, but no slots."""
    with pytest.warns(UserWarning, match="it has no momentum of"):
        model = load_model(golden / "keras_2.h5")
    kernels = [np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(1, -1, 6).reshape(3, 2)]
    for layer, kernel in zip(model.layers, kernels, strict=True):
        np.testing.assert_array_equal(layer.kernel.numpy(), kernel.astype(np.float32))
        np.testing.assert_array_equal(layer.bias.numpy(), np.arange(kernel.shape[1]))
    assert model.layers[0].get_config()["activation"] == "relu"
    assert model._loss.from_logits
    assert model._loss.reduction == "sum_over_batch_size"
    assert int(model.optimizer.steps) == 0
    assert model.metrics_names == ["loss", "accuracy"]


def test_the_layout_is_that_of_keras(golden, tmp_path):
    """The same groups, names and arrays, whoever wrote the file."""
    name = "-".join(make.FILES[0])
    load_model(golden / f"{name}.keras").save(tmp_path / "m.keras")
    found = []
    for path in (golden / f"{name}.keras", tmp_path / "m.keras"):
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
            assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
            found.append(
                (archive.read("model.weights.h5"), json.loads(archive.read("config.json")))
            )
    (theirs, their_config), (ours, our_config) = found
    left, right = hdf5.read(theirs, "name"), hdf5.read(ours, "name")
    assert left.texts == right.texts
    assert {n: a.shape for n, a in left.arrays.items()} == {
        n: a.shape for n, a in right.arrays.items()
    }
    for array in left.arrays:
        np.testing.assert_array_equal(left.arrays[array], right.arrays[array])
    assert our_config.keys() <= their_config.keys()
    assert hdf5.write(right.arrays, {}) == hdf5.write(right.arrays, {})


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors", ".npz"])
def test_weights_in_every_format(suffix, tmp_path):
    model, twin, other = (cases.make(fastmlp, "nested", o) for o in ("adam", "adam", "nesterov"))
    cases.train(model)
    path = tmp_path / f"w{suffix}"
    model.save_weights(path)
    twin.load_weights(path)
    assert_same_weights(model, twin, **EXACT)
    cases.train(model)
    cases.train(twin)
    assert_same_weights(model, twin, **EXACT)
    with pytest.warns(UserWarning, match="the optimizer's variables are skipped"):
        other.load_weights(path)
    smaller = fastmlp.Sequential([fastmlp.Input((4,)), layers.Dense(6), layers.Dense(2)])
    before = smaller.get_weights()
    with pytest.raises(ValueError, match="must hold the model's 4 weights"):
        smaller.load_weights(path)
    for a, b in zip(before, smaller.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="weights that do not fit are skipped"):
        smaller.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(smaller.get_weights()[0], model_kernel(path, suffix))
    path.write_bytes(path.read_bytes()[:-70])
    with pytest.raises(ValueError, match=rf"w\{suffix} must be a whole file of"):
        twin.load_weights(path)


def model_kernel(path, suffix):
    """The first kernel, as the format's own package reads it."""
    if suffix == ".npz":
        return np.load(path)["layers/dense/kernel"]
    if suffix == ".safetensors":
        from safetensors.numpy import load_file

        return load_file(path)["layers/dense/kernel"]
    import h5py

    with h5py.File(path) as file:
        return file["layers/dense/vars/0"][...]


def test_what_keras_does_not_have(tmp_path):
    path = tmp_path / "m.keras"
    model = fastmlp.Sequential([fastmlp.Input((4,)), layers.Dense(1)])
    model.compile("sgd", losses.Pinball(0.3))
    with pytest.raises(ValueError, match=r"Keras has no Pinball .* ends in \.npz"):
        model.save(path)
    model.compile("sgd", "pinball")
    with pytest.raises(ValueError, match="Keras has no Pinball"):
        model.save(path)
    with pytest.raises(ValueError, match="filepath must end in"):
        model.save(tmp_path / "m.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "extra", "suffix"),
    [("h5py", "keras", ".weights.h5"), ("safetensors.numpy", "safetensors", ".safetensors")],
)
def test_packages_that_are_not_installed(module, extra, suffix, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    model = fastmlp.Sequential([fastmlp.Input((4,)), layers.Dense(3)])
    path = tmp_path / f"w{suffix}"
    with pytest.raises(ImportError, match=rf"pip install \"fastmlp\[{extra}\]\""):
        model.save_weights(path)
    assert not path.exists()
    path.write_bytes(b"something")
    with pytest.raises(ImportError, match=rf"pip install \"fastmlp\[{extra}\]\""):
        model.load_weights(path)


def test_branches_types_and_options_that_fastmlp_does_not_have():
    """What Keras can say of a model and fastmlp cannot do is refused by its name."""
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 2]}}
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 1, "dtype": "mixed_float16"}}
    with pytest.raises(ValueError, match="Dense of type 'mixed_float16' is not supported"):
        from_keras(dense)
    scaled = {"class_name": "LayerNormalization", "config": {"rms_scaling": True}}
    with pytest.raises(ValueError, match="LayerNormalization with rms_scaling=True is not"):
        from_keras(scaled)
    two = {"layers": [first], "input_layers": [["x", 0, 0]], "output_layers": [["x", 0, 0]] * 2}
    with pytest.raises(ValueError, match=r"its outputs are \['x', 'x'\]"):
        from_keras({"class_name": "Functional", "config": two})
    beside = {**first, "config": {**first["config"], "name": "y"}}
    one = {"layers": [first, beside], "output_layers": [["x", 0, 0]]}
    with pytest.raises(ValueError, match=r"no chain of layers: \['y'\] lie beside it"):
        from_keras({"class_name": "Functional", "config": one})


def test_keras_has_bins_that_take_no_trainable(tmp_path):
    """Keras, which writes no such argument of Discretization, could not read the file."""
    cases.MODELS["embedded"](fastmlp).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
    taken = [layer["config"].get("trainable") for layer in config["config"]["layers"][1:]]
    assert taken == [None, True, True, True]
    assert load_model(tmp_path / "m.keras").layers[0].trainable


def test_the_engine_and_the_seeds_are_in_the_metadata(tmp_path, engine):
    model = fastmlp.Sequential([fastmlp.Input((4,)), layers.Dropout(0.5), layers.Dense(3)])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), engine=engine)
    model.save(tmp_path / "m.keras")
    twin = load_model(tmp_path / "m.keras")
    assert twin._compiled_engine == engine
    model.fit(X, Y, verbose=0)
    twin.fit(X, Y, verbose=0)
    assert_same_weights(model, twin, **EXACT)


needs_keras = pytest.mark.skipif(
    not (importlib.util.find_spec("keras") and importlib.util.find_spec("jax")),
    reason="keras and jax are not installed",
)


@pytest.mark.peers
@needs_keras
@pytest.mark.filterwarnings("ignore")  # those of Keras and JAX about themselves
@pytest.mark.parametrize(("model", "optimizer"), cases.CASES)
def test_there_and_back(model, optimizer, tmp_path):
    """fastmlp, Keras, fastmlp: the same weights at each border, and trainings that go on alike."""
    keras = peer.keras()
    x, _ = cases.data()
    ours = cases.make(fastmlp, model, optimizer)
    cases.train(ours)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    for step in (PREDICTED, TRAINED):
        np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), **step)
        if step is PREDICTED:
            for a, b in zip(ours.weights, theirs.weights, strict=True):
                np.testing.assert_array_equal(a.numpy(), b.numpy())
            cases.train(ours)
            cases.train(theirs)
    theirs.save(tmp_path / "theirs.keras")
    back = load_model(tmp_path / "theirs.keras")
    for step in (PREDICTED, TRAINED):
        np.testing.assert_allclose(back.predict(x), theirs.predict(x, verbose=0), **step)
        if step is PREDICTED:
            for a, b in zip(back.weights, theirs.weights, strict=True):
                np.testing.assert_array_equal(a.numpy(), b.numpy())
            cases.train(back)
            cases.train(theirs)


@pytest.mark.peers
@needs_keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optimizer", ["lm", "lbfgs"])
def test_keras_reads_models_of_optimizers_that_it_has_not(optimizer, tmp_path):
    """As ones that are not compiled; and what it then writes fastmlp reads."""
    keras = peer.keras()
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    ours = fastmlp.Sequential([fastmlp.Input((1,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    ours.compile(optimizer, "mse")
    ours.fit(x, np.sin(x), epochs=5, verbose=0)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    assert not theirs.compiled
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), **PREDICTED)
    theirs.save(tmp_path / "theirs.keras")
    assert_same_weights(load_model(tmp_path / "theirs.keras"), ours, **EXACT)
