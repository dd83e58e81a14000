"""Checkpoints, and trainings that are killed and go on to the very bits."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from processes import TESTS, run_script
from small_model import EXACT, X, Y, assert_same_weights, make_model

import fastmlp
from fastmlp import callbacks, optimizers

# ModelCheckpoint.


class Feed(callbacks.Callback):
    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.values[epoch]


def test_every_epoch_is_saved_under_its_name(tmp_path, engine, capsys):
    model = make_model(engine)
    kept = []
    hooks = [
        Feed([0.5, 0.25]),
        callbacks.ModelCheckpoint(
            tmp_path / "new" / "{epoch:02d}-{val_loss:.2f}.npz", save_weights_only=True, verbose=1
        ),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())),
    ]
    model.fit(X, Y, epochs=2, callbacks=hooks, verbose=0)
    assert sorted(os.listdir(tmp_path / "new")) == ["01-0.50.npz", "02-0.25.npz"]
    twin = make_model(engine)
    twin.load_weights(tmp_path / "new" / "01-0.50.npz")
    for a, b in zip(twin.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(a, b)
    paths = [str(tmp_path / "new" / name) for name in ("01-0.50.npz", "02-0.25.npz")]
    assert capsys.readouterr().out == "".join(
        f"\nEpoch {i}: saving model to {path}\n\nEpoch {i}: finished saving model to {path}\n"
        for i, path in enumerate(paths, 1)
    )


def test_only_the_best_is_saved(tmp_path, capsys):
    path = tmp_path / "best.npz"
    hook = callbacks.ModelCheckpoint(path, save_weights_only=True, save_best_only=True, verbose=1)
    model = make_model("reference")
    model.fit(X, Y, epochs=3, callbacks=[Feed([0.1, 0.2, 0.09]), hook], verbose=0)
    assert capsys.readouterr().out == (
        f"\nEpoch 1: val_loss improved from None to 0.10000, saving model to {path}\n"
        f"\nEpoch 1: finished saving model to {path}\n"
        "\nEpoch 2: val_loss did not improve from 0.10000\n"
        f"\nEpoch 3: val_loss improved from 0.10000 to 0.09000, saving model to {path}\n"
        f"\nEpoch 3: finished saving model to {path}\n"
    )
    twin = make_model("reference")
    twin.load_weights(path)
    assert_same_weights(model, twin, **EXACT)
    hook = callbacks.ModelCheckpoint(
        tmp_path / "never.npz",
        save_weights_only=True,
        save_best_only=True,
        initial_value_threshold=0.05,
    )
    model.fit(X, Y, epochs=2, callbacks=[Feed([0.1, 0.06]), hook], verbose=0)
    assert not (tmp_path / "never.npz").exists()


def test_every_few_batches_are_saved(tmp_path, engine):
    hook = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.npz", save_weights_only=True, save_freq=2
    )
    model = make_model(engine)
    model.fit(X, Y, epochs=2, batch_size=20, callbacks=[hook], verbose=0)  # 3 batches an epoch
    assert sorted(os.listdir(tmp_path)) == ["1-2.npz", "2-1.npz", "2-3.npz"]
    twin = make_model(engine)
    twin.load_weights(tmp_path / "2-3.npz")
    assert_same_weights(model, twin, **EXACT)


def test_batches_that_are_executed_together_are_counted_all(tmp_path):
    model = make_model("reference", steps_per_execution=2)
    hook = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.npz", save_weights_only=True, save_freq=3
    )
    model.fit(X, Y, epochs=2, batch_size=10, callbacks=[hook], verbose=0)  # 2, 4 and 5 are seen
    assert sorted(os.listdir(tmp_path)) == ["1-4.npz", "2-2.npz", "2-5.npz"]


def test_wrong_checkpoints(tmp_path):
    make = callbacks.ModelCheckpoint
    with pytest.raises(ValueError, match=r"filepath must end in .*Received: filepath='best\.pkl'"):
        make("best.pkl")
    with pytest.raises(ValueError, match=r"filepath must end in .*Received: filepath='best\.h5'"):
        make("best.h5", save_weights_only=True)
    for wrong in (0, True, 1.5, "batch", None):
        with pytest.raises(ValueError, match="Unrecognized save_freq"):
            make("w.npz", save_weights_only=True, save_freq=wrong)
    hook = make(tmp_path / "{nothing}.npz", save_weights_only=True)
    with pytest.raises(KeyError, match="Failed to format this callback filepath"):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)
    (tmp_path / "d.npz").mkdir()
    hook = make(tmp_path / "d.npz", save_weights_only=True)
    with pytest.raises(IsADirectoryError, match="specify a non-directory filepath"):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)
    hook = make(tmp_path / "w.npz", save_weights_only=True, save_best_only=True)
    with pytest.warns(UserWarning, match="Can save best model only with val_loss available"):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)
    assert (tmp_path / "w.npz").exists()


def test_what_waits_for_epochs_does_not_stop_the_engine(tmp_path):
    quiet = [
        callbacks.ModelCheckpoint("w.npz", save_weights_only=True),
        callbacks.BackupAndRestore(tmp_path),
    ]
    assert not callbacks.CallbackList(quiet).wants("on_train_batch_end")
    assert callbacks.CallbackList([callbacks.BackupAndRestore(tmp_path, 2)]).wants(
        "on_train_batch_end"
    )


# BackupAndRestore.


class Interrupt(callbacks.Callback):
    """Fails before the n-th step."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.steps == self.step:
            raise RuntimeError("interrupted")


def noisy_model(engine):
    """Dropout, batch normalization and Adam: much to be remembered. Each has other seeds, as in
    a program that sets none."""
    model = fastmlp.Sequential(
        [
            fastmlp.Input((4,)),
            fastmlp.layers.Dense(8, "relu"),
            fastmlp.layers.BatchNormalization(),
            fastmlp.layers.Dropout(0.3),
            fastmlp.layers.Dense(3),
        ]
    )
    loss = fastmlp.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], engine=engine)
    return model


def watchers(patience=6):
    """Callbacks that remember things from epoch to epoch, and act."""
    return [
        callbacks.ReduceLROnPlateau(patience=1, factor=0.7, min_delta=0.05),
        callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
    ]


# 3 batches an epoch
OPTIONS = {"epochs": 9, "batch_size": 16, "validation_split": 0.2, "verbose": 0}


@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
@pytest.mark.parametrize("step", [2, 6, 16, 17])
def test_an_interrupted_training_goes_on_to_the_bits(save_freq, step, engine, tmp_path):
    first = noisy_model(engine)
    start, seeds = first.get_weights(), (first._shuffle_seed, first.layers[2]._drawn_seed)
    whole = noisy_model(engine)
    whole.set_weights(start)
    whole._shuffle_seed, whole.layers[2]._drawn_seed = seeds
    history = whole.fit(X, Y, callbacks=watchers(), **OPTIONS)
    hooks = [callbacks.BackupAndRestore(tmp_path, save_freq), *watchers(), Interrupt(step)]
    with pytest.raises(RuntimeError, match="interrupted"):
        first.fit(X, Y, callbacks=hooks, **OPTIONS)
    second = noisy_model(engine)  # with other weights and seeds
    if not os.listdir(tmp_path):  # it was interrupted before anything was saved
        second.set_weights(start)
        second._shuffle_seed, second.layers[2]._drawn_seed = seeds
    hooks = [callbacks.BackupAndRestore(tmp_path, save_freq), *watchers()]
    rest = second.fit(X, Y, callbacks=hooks, **OPTIONS)
    assert_same_weights(whole, second, **EXACT)
    for a, b in zip(whole.optimizer.variables, second.optimizer.variables, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert rest.epoch == history.epoch[-len(rest.epoch) :]
    seen_whole = len(rest.epoch) - 1  # the first of them may have been under way
    assert seen_whole > 0
    for name, values in history.history.items():
        assert len(rest.history[name]) == len(rest.epoch)
        np.testing.assert_array_equal(rest.history[name][-seen_whole:], values[-seen_whole:])
    assert not tmp_path.exists() or os.listdir(tmp_path) == []


OPTIMIZERS = {
    name: made
    for name, made in vars(optimizers).items()
    if isinstance(made, type)
    and issubclass(made, optimizers.Optimizer)
    and made is not optimizers.Optimizer
    and made is not optimizers.LBFGS  # which takes no batches: see test_second_order.py
} | {
    "averages": lambda: optimizers.Adam(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4),
    "gathered gradients": lambda: optimizers.Adam(gradient_accumulation_steps=3),
    "a schedule": lambda: optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 20), momentum=0.9),
    "the largest moments": lambda: optimizers.Adam(amsgrad=True),
}


# Levenberg and Marquardt warn of too few residuals in batches of this data: here only bits count
@pytest.mark.filterwarnings("ignore:a batch of .* residuals:UserWarning")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on_to_the_bits(name, tmp_path):
    whole, first, second = (make_model("native", OPTIMIZERS[name]()) for _ in range(3))
    options = {"epochs": 3, "batch_size": 16, "verbose": 0}
    whole.fit(X, Y, **options)
    hooks = [callbacks.BackupAndRestore(tmp_path, 1), Interrupt(7)]
    with pytest.raises(RuntimeError, match="interrupted"):
        first.fit(X, Y, callbacks=hooks, **options)
    second.set_weights([np.zeros_like(w) for w in second.get_weights()])
    rest = second.fit(X, Y, callbacks=[callbacks.BackupAndRestore(tmp_path, 1)], **options)
    assert rest.epoch == [1, 2]
    assert_same_weights(whole, second, **EXACT)


SCRIPT = f"""
import sys, time
sys.path.insert(0, {str(TESTS)!r})
import numpy as np
import fastmlp
from small_model import X, Y
from test_backup import KILLED, noisy_model, watchers

class Slow(fastmlp.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.002)
    def on_epoch_end(self, epoch, logs=None):
        print(epoch, flush=True)

folder, frequency, result = sys.argv[1:4]
save_freq = int(frequency) if frequency.isdigit() else frequency
model = noisy_model("native")  # no seed is set: the file has to know
for start in sys.argv[4:]:  # where the first process leaves what it began with
    model.save_weights(start)
    seeds = [model._shuffle_seed, model.layers[2]._drawn_seed]
    np.save(start + ".npy", np.array(seeds, np.uint64))
hooks = [fastmlp.callbacks.BackupAndRestore(folder, save_freq), *watchers(99), Slow()]
model.fit(X, Y, callbacks=hooks, **KILLED)
model.save_weights(result)
"""
KILLED = OPTIONS | {"epochs": 30}


@pytest.mark.parametrize("save_freq", ["epoch", "3"])
def test_a_killed_training_goes_on_to_the_bits(save_freq, tmp_path):
    """SIGKILL, which no process sees coming, three times and at any moment."""
    backup, result, start = (str(tmp_path / name) for name in ("backup", "w.npz", "start.npz"))
    command = [sys.executable, "-c", SCRIPT, backup, save_freq, result]
    for attempt in range(4):
        further = [start] if attempt == 0 else []
        process = subprocess.Popen([*command, *further], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if attempt < 3:
            for _ in range(4):
                assert process.stdout.readline(), "ended before it was killed"
            time.sleep(0.003 * attempt)
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
        assert process.returncode == (-signal.SIGKILL if attempt < 3 else 0)
    assert not os.path.exists(backup)

    whole = noisy_model("native")
    whole.load_weights(start)
    whole._shuffle_seed, whole.layers[2]._drawn_seed = np.load(start + ".npy").tolist()
    whole.fit(X, Y, callbacks=watchers(99), **KILLED)
    resumed = noisy_model("native")
    resumed.load_weights(result)
    assert_same_weights(whole, resumed, **EXACT)


def test_a_generator_goes_on_to_the_bits(tmp_path):
    """The number of batches is not known; so many are skipped as had been seen."""

    class Batches(fastmlp.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, place):
            return X[place::3], Y[place::3]

    def endless():
        while True:
            for place in range(3):
                yield X[place::3], Y[place::3]

    options = {"epochs": 4, "verbose": 0, "shuffle": False}
    for data, further in ((Batches, {}), (endless, {"steps_per_epoch": 3})):
        first, whole, second = (noisy_model("reference") for _ in range(3))
        whole.set_weights(first.get_weights())
        whole.layers[2]._drawn_seed = first.layers[2]._drawn_seed
        whole.fit(data(), **options, **further)
        folder = tmp_path / data.__name__
        hooks = [callbacks.BackupAndRestore(folder, 2), Interrupt(8)]
        with pytest.raises(RuntimeError, match="interrupted"):
            first.fit(data(), callbacks=hooks, **options, **further)
        hooks = [callbacks.BackupAndRestore(folder, 2)]
        second.fit(data(), callbacks=hooks, **options, **further)
        assert_same_weights(whole, second, **EXACT)


def interrupted(folder, step=7, save_freq="epoch", **options):
    """A model whose training failed and left a file in the folder."""
    model = noisy_model("reference")
    hooks = [callbacks.BackupAndRestore(folder, save_freq, **options), Interrupt(step)]
    with pytest.raises(RuntimeError, match="interrupted"):
        model.fit(X, Y, callbacks=hooks, **OPTIONS)
    return model


def test_a_damaged_file_is_an_error_or_the_one_before(tmp_path):
    interrupted(tmp_path, double_checkpoint=True)
    assert sorted(os.listdir(tmp_path)) == ["latest.npz", "previous.npz"]
    latest = tmp_path / "latest.npz"
    latest.write_bytes(latest.read_bytes()[:-100])
    model = noisy_model("reference")
    with pytest.warns(UserWarning, match="training goes on from the file before the last"):
        history = model.fit(X, Y, callbacks=[callbacks.BackupAndRestore(tmp_path)], **OPTIONS)
    assert history.epoch[0] == 1  # two were whole, the file before the last is of one
    interrupted(tmp_path)
    latest.write_bytes(b"PK")
    hook = callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(ValueError, match=r"cannot go on from .*latest\.npz, and begins anew once"):
        model.fit(X, Y, callbacks=[hook], **OPTIONS)


def test_another_training_s_file_is_an_error_and_changes_nothing(tmp_path):
    interrupted(tmp_path)
    model = make_model("reference")
    before = model.get_weights()
    for wrong, message in (
        (model, "must hold the model's 4 weights"),
        (noisy_model("reference"), "optimizer 'sgd' has 2 variables whereas the saved"),
    ):
        wrong.compile("sgd", model.loss, engine="reference")
        with pytest.raises(ValueError, match=message):
            wrong.fit(X, Y, callbacks=[callbacks.BackupAndRestore(tmp_path)], **OPTIONS)
        assert wrong.optimizer.iterations == 0
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    interrupted(tmp_path / "within", 7, 1)
    hook = callbacks.BackupAndRestore(tmp_path / "within", 1)
    with pytest.raises(ValueError, match="within an epoch of 3 batches, and can only go on with"):
        noisy_model("reference").fit(X, Y, epochs=9, batch_size=5, callbacks=[hook], verbose=0)


def test_a_full_disk_ends_training_and_keeps_the_file(tmp_path, monkeypatch):
    interrupted(tmp_path)
    before = (tmp_path / "latest.npz").read_bytes()

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left on device; the file there is as it was"):
        noisy_model("reference").fit(
            X, Y, callbacks=[callbacks.BackupAndRestore(tmp_path)], **OPTIONS
        )
    assert (tmp_path / "latest.npz").read_bytes() == before


def test_what_is_deleted_at_the_end(tmp_path):
    folder = tmp_path / "backup"
    model = noisy_model("reference")
    keep = callbacks.BackupAndRestore(folder, delete_checkpoint=False)
    model.fit(X, Y, callbacks=[keep], **OPTIONS)
    assert os.listdir(folder) == ["latest.npz"]
    (folder / "mine.txt").write_text("not the callback's")
    for name in (".latest.npz.77-abcd.tmp", "previous.npz.tmp"):  # of processes that were killed
        (folder / name).write_text("")
    again = model.fit(X, Y, callbacks=[callbacks.BackupAndRestore(folder)], **OPTIONS)
    assert again.epoch == []  # that training had come to its end
    assert os.listdir(folder) == ["mine.txt"]
    whole = model.fit(X, Y, epochs=1, verbose=0)  # a fit without the callback begins at 0
    assert whole.epoch == [0]


def test_wrong_backups():
    with pytest.raises(ValueError, match="Empty `backup_dir` argument passed"):
        callbacks.BackupAndRestore("")
    with pytest.raises(ValueError, match="Unrecognized save_freq: False"):
        callbacks.BackupAndRestore("x", save_freq=False)
    with pytest.raises(ValueError, match="double_checkpoint must be"):
        callbacks.BackupAndRestore("x", double_checkpoint=1)
    with pytest.raises(ValueError, match="delete_checkpoint must be"):
        callbacks.BackupAndRestore("x", delete_checkpoint=1)


# LearningRateFinder, which has to leave no trace.


def test_learning_rate_finder(engine):
    model, twin = noisy_model(engine), noisy_model(engine)
    twin.set_weights(model.get_weights())
    twin._shuffle_seed, twin.layers[2]._drawn_seed = (
        model._shuffle_seed,
        model.layers[2]._drawn_seed,
    )
    finder = callbacks.LearningRateFinder(1e-4, 10.0, steps=30)
    for _ in range(2):
        model.fit(X, Y, batch_size=10, epochs=20, callbacks=[finder], verbose=0)
        assert len(finder.losses) == len(finder.learning_rates) == len(finder.smoothed) <= 30
        np.testing.assert_allclose(finder.learning_rates[0], 1e-4, rtol=1e-14)
        ratios = np.diff(np.log(finder.learning_rates))
        np.testing.assert_allclose(ratios, np.log(1e5) / 29, rtol=1e-10)
        assert 1e-4 <= finder.suggestion() <= 10.0
    loss, _ = twin.loss_and_gradient(X[:10], Y[:10])
    finder_loss = None
    plain = callbacks.LearningRateFinder(1e-4, 10.0, steps=3, smoothing=0.0)
    model.fit(X[:10], Y[:10], batch_size=10, shuffle=False, callbacks=[plain], verbose=0)
    finder_loss = plain.losses[0]
    np.testing.assert_allclose(finder_loss, loss, rtol=1e-12)
    for each in (model, twin):
        each.fit(X, Y, **OPTIONS)
    assert_same_weights(model, twin, **EXACT)


def test_learning_rate_finder_stops_when_the_loss_explodes():
    model = make_model("reference", "sgd", "mse")
    finder = callbacks.LearningRateFinder(1.0, 1e6, steps=500, stop_factor=2.0)
    before = model.get_weights()
    with np.errstate(all="ignore"):
        model.fit(X, np.ones((len(X), 3)), batch_size=5, epochs=99, callbacks=[finder], verbose=0)
    assert 3 <= len(finder.losses) < 500
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    pytest.importorskip("matplotlib").use("agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    assert finder.plot(ax) is ax
    assert ax.get_xscale() == "log"
    plt.close(figure)


def test_wrong_finders():
    make = callbacks.LearningRateFinder
    for options, message in (
        ({"min_lr": 0.0}, "min_lr must be positive and below max_lr"),
        ({"min_lr": 1.0, "max_lr": 0.5}, "min_lr must be positive and below max_lr"),
        ({"steps": 2}, "steps must be an integer of at least 3"),
        ({"smoothing": 1.0}, "smoothing must be"),
        ({"stop_factor": 0.5}, "stop_factor must be"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**options)
    with pytest.raises(ValueError, match="at least 3 batches"):
        make().suggestion()


def test_trainings_go_on_wherever_they_are_killed(tmp_path):
    """Some of the 200 kills of ``python tests/kill_trainings.py``, half of them during a save."""
    run_script(
        f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
import kill_trainings
kills = kill_trainings.run(12, 3, Path({str(tmp_path)!r}))
assert len(kills) >= 3, kills
"""
    )
