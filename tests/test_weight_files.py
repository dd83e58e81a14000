"""Files of weights: what comes back, and what is kept whatever fails."""

from __future__ import annotations

import errno
import os
import zipfile

import numpy as np
import pytest
from processes import run_script
from small_model import EXACT, X, Y, assert_same_weights, make_model

import fastmlp
from fastmlp import Sequential, layers
from fastmlp.saving import npz


def deep_model() -> Sequential:
    """Models inside a model, and layers of one class that differ in shape."""
    inner = Sequential([layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)])
    return Sequential([layers.Input((4,)), layers.Dense(5), inner, layers.Dense(3)])


def test_weights_come_back_whatever_layers_are_called(tmp_path):
    model, twin = deep_model(), deep_model()
    assert model.layers[0].name != twin.layers[0].name
    path = tmp_path / "model.npz"
    model.save_weights(path)
    twin.load_weights(str(path))
    assert_same_weights(model, twin, **EXACT)
    with np.load(path) as file:
        names = [name for name in file.files if name != "about"]
        np.testing.assert_array_equal(file["layers/dense_1/kernel"], model.layers[2].kernel)
    assert names[:3] == [
        "layers/dense/kernel",
        "layers/dense/bias",
        "layers/sequential/dense/kernel",
    ]
    assert "layers/sequential/batch_normalization/moving_variance" in names
    assert len(names) == len(model.weights)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_training_goes_on_from_a_file_to_the_bits(optimizer, engine, tmp_path):
    model = make_model(engine, optimizer)
    model.fit(X, Y, shuffle=False, verbose=0)
    model.optimizer.learning_rate = 0.003
    model.save_weights(tmp_path / "w.npz")
    twin = make_model(engine, optimizer)
    twin.load_weights(tmp_path / "w.npz")
    for each in (model, twin):
        each.fit(X, Y, shuffle=False, verbose=0)
    assert_same_weights(model, twin, **EXACT)
    assert twin.optimizer.iterations == model.optimizer.iterations == 4
    assert float(twin.optimizer.learning_rate) == 0.003


def test_weights_without_a_compiled_model_and_the_other_way(tmp_path):
    model = make_model("reference", "adam")
    plain = Sequential([layers.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(3)])
    plain.save_weights(tmp_path / "plain.npz")
    model.load_weights(tmp_path / "plain.npz")
    assert_same_weights(model, plain, **EXACT)
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "adam.npz")
    plain.load_weights(tmp_path / "adam.npz")
    assert_same_weights(model, plain, **EXACT)
    other = make_model("reference", "sgd")
    with pytest.warns(UserWarning, match="the optimizer's variables are skipped: optimizer '"):
        other.load_weights(tmp_path / "adam.npz")
    assert_same_weights(model, other, **EXACT)


def test_equal_models_are_equal_bytes(tmp_path):
    model = deep_model()
    for name in ("a.npz", "b.npz"):
        model.save_weights(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_special_numbers_come_back(tmp_path):
    model = Sequential([layers.Input((2,)), layers.Dense(1, name="d")])
    model.layers[0].kernel.assign([[-0.0], [5e-324]])
    model.layers[0].bias.assign([np.nan])
    model.save_weights(tmp_path / "w.npz")
    twin = Sequential([layers.Input((2,)), layers.Dense(1)])
    twin.load_weights(tmp_path / "w.npz")
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


# What does not fit.


def test_a_file_of_another_model_changes_nothing(tmp_path):
    model = deep_model()
    model.save_weights(tmp_path / "w.npz")
    for other, message in (
        (Sequential([layers.Input((4,)), layers.Dense(5)]), "besides .*layers/dense_1/kernel"),
        (Sequential([*deep_model().layers, layers.Dense(9)]), "lacking .*layers/dense_2/kernel"),
    ):
        other.build((None, 4)) if not other.built else None
        before = other.get_weights()
        with pytest.raises(ValueError, match=message):
            other.load_weights(tmp_path / "w.npz")
        for a, b in zip(before, other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    narrow = Sequential([layers.Input((3,)), layers.Dense(5)])
    wide = Sequential([layers.Input((4,)), layers.Dense(5)])
    narrow.save_weights(tmp_path / "narrow.npz")
    with pytest.raises(ValueError, match=r"shape \(4, 5\) for 'layers/dense/kernel'"):
        wide.load_weights(tmp_path / "narrow.npz")
    with pytest.warns(UserWarning, match=r"skipped: \['layers/dense/kernel'\]"):
        wide.load_weights(tmp_path / "narrow.npz", skip_mismatch=True)
    np.testing.assert_array_equal(wide.get_weights()[1], narrow.get_weights()[1])


@pytest.mark.parametrize("name", ["w.pkl", "w.json", "weights", "w", "w.npz.bak"])
def test_other_formats_are_refused(name, tmp_path):
    model = deep_model()
    for use in (model.save_weights, model.load_weights):
        with pytest.raises(ValueError, match=r"filepath must end in \.weights\.h5 or \.npz or"):
            use(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_wrong_arguments(tmp_path):
    model, path = deep_model(), tmp_path / "w.npz"
    with pytest.raises(ValueError, match="max_shard_size must be None"):
        model.save_weights(path, max_shard_size=1)
    with pytest.raises(ValueError, match="overwrite must be True or False"):
        model.save_weights(path, overwrite="no")
    with pytest.raises(ValueError, match="skip_mismatch must be"):
        model.load_weights(path, skip_mismatch=1)
    model.save_weights(path, overwrite=False)
    with pytest.raises(FileExistsError, match="overwrite is False"):
        model.save_weights(path, overwrite=False)
    unbuilt = Sequential([layers.Dense(3)])
    for use in (unbuilt.save_weights, unbuilt.load_weights):
        with pytest.raises(ValueError, match="must be built"):
            use(path)


# Damage.


def test_every_damaged_byte_and_every_cut_is_noticed(tmp_path):
    path = tmp_path / "w.npz"
    model = Sequential([layers.Input((1,)), layers.Dense(1)])
    model.save_weights(path)
    whole = path.read_bytes()
    before = [w.tobytes() for w in model.get_weights()]
    twin = Sequential([layers.Input((1,)), layers.Dense(1)])
    rng = np.random.default_rng(0)
    damaged = [whole[:cut] for cut in range(0, len(whole), 41)]
    for place in range(0, len(whole), 3):
        other = bytearray(whole)
        other[place] ^= int(rng.integers(1, 256))
        damaged.append(bytes(other))
    unnoticed, messages = 0, []
    for content in damaged:
        path.write_bytes(content)
        try:
            twin.load_weights(path)
        except ValueError as error:
            messages.append(str(error))
        else:
            # Bytes of the archive that say nothing, such as dates: the weights are right then.
            unnoticed += 1
            assert [w.tobytes() for w in twin.get_weights()] == before
    assert unnoticed < len(damaged) / 5
    assert all(str(path) in message for message in messages)


def test_a_checksum_that_is_not_the_content_s(tmp_path):
    """Whole archives, each member with its own right CRC, put together wrongly."""
    path = str(tmp_path / "w.npz")
    npz.save(path, "weights", {"a": np.zeros(2)}, {})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    npz.save(path, "weights", {"a": np.ones(2)}, {})
    with zipfile.ZipFile(path) as archive:
        members["a.npy"] = archive.read("a.npy")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="its checksum is not that of its content"):
        npz.load(path, "weights")


def test_files_of_something_else(tmp_path):
    path = tmp_path / "w.npz"
    model = deep_model()
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match="must be a whole file of fastmlp weights or model"):
        model.load_weights(path)
    np.savez(path, x=np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="must be a whole file of fastmlp weights or model"):
        model.load_weights(path)
    np.savez_compressed(path, x=np.zeros(3))
    with pytest.raises(ValueError, match=r"its member 'x\.npy' is compressed"):
        model.load_weights(path)
    npz.save(str(path), "training state", {}, {})
    with pytest.raises(ValueError, match="its format is 'fastmlp training state'"):
        model.load_weights(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="BadZipFile"):
        model.load_weights(path)


# The system's failures.


def test_missing_files_and_folders(tmp_path):
    model = deep_model()
    with pytest.raises(FileNotFoundError, match=r"w\.npz"):
        model.load_weights(tmp_path / "w.npz")
    with pytest.raises(FileNotFoundError, match=r"its folder does not exist; no file is there"):
        model.save_weights(tmp_path / "no" / "w.npz")
    (tmp_path / "d.npz").mkdir()
    with pytest.raises(OSError, match="could not write"):
        model.save_weights(tmp_path / "d.npz")
    assert os.listdir(tmp_path) == ["d.npz"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_full_disk_keeps_what_was_there(failing, code, tmp_path, monkeypatch):
    path, model, other = tmp_path / "w.npz", deep_model(), deep_model()
    model.save_weights(path)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(OSError, match="the file there is as it was") as caught:
            other.save_weights(path)
    assert caught.value.errno == code
    assert os.strerror(code) in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["w.npz"]


def test_an_interrupt_keeps_what_was_there(tmp_path, monkeypatch):
    path, model = tmp_path / "w.npz", deep_model()
    model.save_weights(path)
    before = path.read_bytes()

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deep_model().save_weights(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["w.npz"]


def test_a_limit_of_the_file_size(tmp_path):
    """The system itself refuses to write on, in the middle of the file."""
    run_script(
        f"""
import os, resource, signal
import fastmlp
folder = {str(tmp_path)!r}
path = os.path.join(folder, "w.npz")
model = fastmlp.Sequential([fastmlp.Input((100,)), fastmlp.layers.Dense(100)])
model.save_weights(path)
before = open(path, "rb").read()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
model.set_weights([w + 1 for w in model.get_weights()])
try:
    model.save_weights(path)
except OSError as error:
    assert "the file there is as it was" in str(error), error
else:
    raise AssertionError("written beyond the limit")
assert open(path, "rb").read() == before
assert os.listdir(folder) == ["w.npz"]
"""
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path):
    model = deep_model()
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="no file is there"):
        model.save_weights(tmp_path / "w.npz")
    tmp_path.chmod(0o700)


def test_a_link_stays_a_link_and_rights_are_the_usual_ones(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "w.npz"
    link.symlink_to(tmp_path / "real" / "w.npz")
    umask = os.umask(0o027)
    try:
        deep_model().save_weights(link)
    finally:
        os.umask(umask)
    assert link.is_symlink()
    assert (tmp_path / "real" / "w.npz").stat().st_mode & 0o777 == 0o640
    deep_model().load_weights(link)


def test_import_does_not_wait_for_files():
    run_script(
        """
import sys
import fastmlp
fastmlp.Sequential
assert "zipfile" not in sys.modules and "fastmlp.saving" not in sys.modules
"""
    )
    assert fastmlp
