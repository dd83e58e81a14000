"""Keras's callbacks: what they do, and the very messages they print."""

from __future__ import annotations

import http.server
import json
import pickle
import threading
import urllib.parse
from typing import ClassVar

import numpy as np
import pytest
from small_model import EXACT, X, Y, assert_same_weights, make_model

from fastmlp import callbacks, metrics, optimizers


class Feed(callbacks.Callback):
    """Puts numbers into the logs, as if the model had reached them."""

    def __init__(self, name: str, values: list[float]) -> None:
        self.name, self.values = name, values

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def fit(values: list[float], hook: callbacks.Callback, name: str = "val_loss", model=None):
    """A fit of as many epochs as there are values, which ``hook`` sees under that name."""
    model = make_model("reference") if model is None else model
    hooks = [Feed(name, values), hook]
    return model, model.fit(X, Y, epochs=len(values), callbacks=hooks, verbose=0)


# EarlyStopping.


def test_early_stopping_waits_for_its_patience(capsys):
    hook = callbacks.EarlyStopping(patience=2, verbose=1)
    _, history = fit([3.0, 2.0, 2.5, 2.0, 1.0], hook)
    assert history.epoch == [0, 1, 2, 3]
    assert (hook.stopped_epoch, hook.best, hook.wait) == (3, 2.0, 2)
    assert capsys.readouterr().out == "Epoch 4: early stopping\n"


def test_early_stopping_without_patience_needs_two_epochs():
    _, history = fit([np.inf, np.inf, 1.0], callbacks.EarlyStopping(mode="min"))
    assert history.epoch == [0, 1]


def test_early_stopping_restores_the_best_weights(engine, capsys):
    model = make_model(engine)
    kept = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    hook = callbacks.EarlyStopping(restore_best_weights=True, patience=2, verbose=1)
    hooks = [keep, Feed("val_loss", [3.0, 1.0, 2.0, 2.0, 2.0]), hook]
    model.fit(X, Y, epochs=5, callbacks=hooks, verbose=0)
    assert len(kept) == 4
    for restored, best in zip(model.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(restored, best)
    assert capsys.readouterr().out == (
        "Epoch 4: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    )


def test_early_stopping_restores_also_when_it_did_not_stop(capsys):
    hook = callbacks.EarlyStopping(restore_best_weights=True, patience=9, verbose=1)
    fit([3.0, 1.0, 2.0], hook)
    assert hook.best_epoch == 1
    assert capsys.readouterr().out == (
        "Restoring model weights from the end of the best epoch: 2.\n"
    )


def test_early_stopping_with_a_baseline_counts_what_does_not_beat_it():
    hook = callbacks.EarlyStopping(patience=2, baseline=1.0)
    assert fit([3.0, 2.0, 1.5, 1.2], hook)[1].epoch == [0, 1, 2, 3]
    assert fit([3.0, 3.0, 1.5, 1.2], hook)[1].epoch == [0, 1]
    hook = callbacks.EarlyStopping(patience=2, baseline=2.5)
    assert fit([3.0, 2.0, 2.1, 1.9], hook)[1].epoch == [0, 1, 2, 3]


def test_early_stopping_from_an_epoch_and_by_a_difference():
    hook = callbacks.EarlyStopping(start_from_epoch=2)
    assert fit([1.0, 2.0, 3.0, 4.0, 5.0], hook)[1].epoch == [0, 1, 2, 3]
    hook = callbacks.EarlyStopping(min_delta=-0.5)
    assert hook.min_delta == 0.5
    assert fit([3.0, 2.4, 2.0, 1.0], hook)[1].epoch == [0, 1, 2]


def test_early_stopping_upwards():
    hook = callbacks.EarlyStopping(monitor="score", mode="max", min_delta=0.1)
    assert fit([1.0, 2.0, 2.05, 9.0], hook, "score")[1].epoch == [0, 1, 2]


def test_early_stopping_warns_of_what_the_logs_lack():
    hook = callbacks.EarlyStopping()
    message = "conditioned on metric `val_loss` which is not available. Available metrics are: loss"
    with pytest.warns(UserWarning, match=message):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)


# Which way is better.


class Up(metrics.Mean):
    _direction = "up"

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(np.ones(len(y_true)))


class Unknown(Up):
    _direction = None


def test_the_metric_tells_which_way_is_better():
    model = make_model("reference", metrics=[Up(name="score"), Unknown(name="dark")])
    for monitor in ("score", "val_score"):
        hook = callbacks.EarlyStopping(monitor=monitor)
        fit([1.0, 2.0, 1.0], hook, monitor, model)
        assert hook.best == 2.0
    hook = callbacks.EarlyStopping(monitor="val_dark")
    with pytest.raises(ValueError, match="monitor=val_dark, but fastmlp isn't able to auto"):
        fit([1.0], hook, "val_dark", model)
    with pytest.raises(ValueError, match="maximized or minimized"):
        fit([1.0], callbacks.ReduceLROnPlateau(monitor="nothing"), "nothing", model)


def test_an_unknown_mode_is_auto():
    with pytest.warns(UserWarning, match="EarlyStopping mode 'up' is unknown, fallback to auto"):
        assert callbacks.EarlyStopping(mode="up").mode == "auto"


# Learning rates.


def test_reduce_lr_on_plateau(capsys):
    hook = callbacks.ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2, verbose=1, min_lr=0.003)
    model, history = fit([3.0, 3.0, 3.0, 3.0, 3.0, 3.0], hook)
    assert history.history["learning_rate"] == [0.01, 0.01, 0.005, 0.005, 0.003, 0.003]
    assert float(model.optimizer.learning_rate) == 0.003
    assert capsys.readouterr().out == (
        "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.005.\n"
        "\nEpoch 4: ReduceLROnPlateau reducing learning rate to 0.003.\n"
    )


def test_reduce_lr_warns_of_what_the_logs_lack():
    message = "reduction is conditioned on metric `val_loss` which is not available. Available "
    with pytest.warns(UserWarning, match=message + "metrics are: loss,learning_rate."):
        make_model("reference").fit(X, Y, callbacks=[callbacks.ReduceLROnPlateau()], verbose=0)


@pytest.mark.parametrize("takes_rate", [False, True])
def test_learning_rate_scheduler(takes_rate, engine, capsys):
    schedule = (
        (lambda epoch, rate: rate / 2) if takes_rate else (lambda epoch: 0.01 / 2 ** (epoch + 1))
    )
    model = make_model(engine)
    hook = callbacks.LearningRateScheduler(schedule, verbose=1)
    history = model.fit(X, Y, epochs=2, callbacks=[hook], verbose=0).history
    assert history["learning_rate"] == [0.005, 0.0025]
    assert capsys.readouterr().out == (
        "\nEpoch 1: LearningRateScheduler setting learning rate to 0.005.\n"
        "\nEpoch 2: LearningRateScheduler setting learning rate to 0.0025.\n"
    )
    twin = make_model(engine)
    for rate in (0.005, 0.0025):
        twin.optimizer.learning_rate = rate
        twin.fit(X, Y, verbose=0)
    assert_same_weights(model, twin, **EXACT)


def test_a_schedule_must_return_a_float():
    hook = callbacks.LearningRateScheduler(lambda epoch: "fast")
    with pytest.raises(ValueError, match=r"should be a float\. Got: fast"):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)


# Ends of training.


def test_terminate_on_nan(engine, capsys):
    model = make_model(engine, "sgd", "mse")

    def explode(batch, logs):
        if batch == 1:
            model.set_weights([w * 1e200 for w in model.get_weights()])

    hooks = [callbacks.LambdaCallback(on_train_batch_end=explode), callbacks.TerminateOnNaN()]
    y = np.zeros((len(X), 3))
    with np.errstate(over="ignore", invalid="ignore"):
        history = model.fit(X, y, batch_size=10, epochs=3, callbacks=hooks, verbose=0)
    assert history.epoch == [0]
    assert int(model.optimizer.iterations) == 3
    assert capsys.readouterr().out == "Batch 2: Invalid loss, terminating training\n"


def test_stop_at_time(engine, capsys):
    model = make_model(engine)
    hook = callbacks.StopAtTime(0.05, verbose=1)
    history = model.fit(X, Y, batch_size=1, epochs=10**9, callbacks=[hook], verbose=0)
    assert history.epoch
    last = len(history.epoch)
    assert capsys.readouterr().out == f"Epoch {last}: stopping after 0.05 s\n"
    never = callbacks.StopAtTime(1e9)
    assert len(model.fit(X, Y, epochs=3, callbacks=[never], verbose=0).epoch) == 3


def test_which_callbacks_stop_the_engine_at_every_batch():
    listens = callbacks.CallbackList([callbacks.TerminateOnNaN()])
    assert listens.wants("on_batch_end")
    quiet = [
        callbacks.EarlyStopping(),
        callbacks.ReduceLROnPlateau(),
        callbacks.LearningRateScheduler(lambda epoch: 0.1),
        callbacks.StopAtTime(1.0),
        callbacks.CSVLogger("x"),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ]
    hooks = [hook for hook in callbacks.callback.HOOKS if "batch" in hook]
    assert len(hooks) == 8
    assert not callbacks.CallbackList([quiet, callbacks.CallbackList(quiet)]).wants(*hooks)
    assert callbacks.CallbackList([callbacks.CallbackList([*quiet, listens])]).wants(*hooks)


# Logs that go elsewhere.


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model = make_model("reference", metrics=["accuracy"])
    hook = callbacks.CSVLogger(path, separator=";")
    history = model.fit(X, Y, epochs=2, callbacks=[hook], verbose=0).history
    loss, accuracy = history["loss"], history["accuracy"]
    lines = ["epoch;accuracy;loss;val_accuracy;val_loss"]
    lines += [f"{i};{accuracy[i]!r};{loss[i]!r};NA;NA" for i in range(2)]
    assert path.read_bytes().decode() == "\r\n".join(lines) + "\r\n"
    again = callbacks.CSVLogger(path, separator=";", append=True)
    data = (X, Y)
    history = model.fit(X, Y, validation_data=data, callbacks=[again], verbose=0).history
    values = ";".join(repr(history[name][0]) for name in sorted(history))
    assert path.read_bytes().decode() == "\r\n".join([*lines, f"0;{values}"]) + "\r\n"
    model.fit(X, Y, callbacks=[hook], verbose=0)  # one that does not append begins anew
    assert len(path.read_text().splitlines()) == 2


def test_csv_logger_writes_each_epoch_at_once(tmp_path):
    path = tmp_path / "log.csv"
    seen = []
    look = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(path.read_text().count("\n"))
    )
    hook = callbacks.CSVLogger(path)
    make_model("reference").fit(X, Y, epochs=3, callbacks=[hook, look], verbose=0)
    assert seen == [0, 2, 3]


def test_csv_logger_shows_arrays():
    from fastmlp.callbacks.logs import _cell

    assert _cell(np.array([1, 2])) == '"[1, 2]"'
    assert _cell(np.array(1.5)) == 1.5
    assert _cell("NA") == "NA"


class Server(http.server.BaseHTTPRequestHandler):
    """Remembers what it is sent; answers under /broken with an error."""

    seen: ClassVar[list] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append((self.path, self.headers["Content-Type"], self.headers["X-Key"], body))
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        Server.seen = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_remote_monitor(server):
    hooks = [
        callbacks.RemoteMonitor(server, headers={"X-Key": "k"}),
        callbacks.RemoteMonitor(server, path="/broken", send_as_json=True),
    ]
    loss = make_model("reference").fit(X, Y, callbacks=hooks, verbose=0).history["loss"][0]
    form, plain = Server.seen
    assert form[:3] == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "k")
    sent = {"epoch": 0, "loss": loss}
    assert json.loads(urllib.parse.parse_qs(form[3])["data"][0]) == sent
    assert plain[:2] == ("/broken", "application/json")
    assert json.loads(plain[3]) == sent


def test_a_server_that_does_not_answer_is_a_warning():
    hook = callbacks.RemoteMonitor("http://127.0.0.1:1")
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http"):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)


# Arguments.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: callbacks.EarlyStopping(patience=-1), "patience must be an integer"),
        (lambda: callbacks.EarlyStopping(baseline="low"), "baseline must be a finite number"),
        (lambda: callbacks.EarlyStopping(min_delta=np.nan), "min_delta must be a finite number"),
        (lambda: callbacks.EarlyStopping(restore_best_weights=1), "restore_best_weights must be"),
        (lambda: callbacks.EarlyStopping(start_from_epoch=0.5), "start_from_epoch must be"),
        (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "not support a factor >= 1.0. Received"),
        (lambda: callbacks.ReduceLROnPlateau(min_lr=-1), "min_lr must be"),
        (lambda: callbacks.ReduceLROnPlateau(cooldown=-1), "cooldown must be"),
        (lambda: callbacks.LearningRateScheduler(0.1), "schedule must be callable"),
        (lambda: callbacks.TerminateOnNaN("yes"), "raise_error must be True or False"),
        (lambda: callbacks.StopAtTime(-1), "seconds must be"),
        (lambda: callbacks.CSVLogger("x", separator=", "), "separator must be one character"),
        (lambda: callbacks.CSVLogger("x", append=None), "append must be True or False"),
        (lambda: callbacks.RemoteMonitor("ftp://x"), "root must begin with http"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# The list.


def test_callback_list_adds_what_is_missing():
    history = callbacks.History()
    hooks = callbacks.CallbackList([history, [callbacks.TerminateOnNaN()]], add_history=True)
    assert [type(c).__name__ for c in hooks.callbacks] == ["History", "TerminateOnNaN"]
    hooks = callbacks.CallbackList(add_history=True, add_progbar=True, verbose=0, epochs=2, steps=3)
    assert [type(c).__name__ for c in hooks.callbacks] == ["History", "ProgbarLogger"]
    assert hooks.history.params == {"verbose": 0, "epochs": 2, "steps": 3}
    with pytest.raises(TypeError, match="must be instances of fastmlp"):
        callbacks.CallbackList([[object()]])


def test_fit_takes_a_callback_list_and_a_history():
    model, history = make_model("reference"), callbacks.History()
    assert model.fit(X, Y, verbose=0, callbacks=[history]) is history is model.history
    hooks = callbacks.CallbackList([history], model=model, verbose=0, epochs=5, steps=2)
    assert model.fit(X, Y, verbose=0, callbacks=hooks) is history
    assert history.params["epochs"] == 5
    assert len(history.history["loss"]) == 2
    other = model.fit(X, Y, verbose=0, callbacks=callbacks.CallbackList())
    assert other is model.history is not history


def test_a_trained_model_does_not_take_its_callbacks_along():
    """Its history does not know them: they may hold files and functions that no pickle can."""
    model = make_model("reference")
    hook = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    history = model.fit(X, Y, callbacks=[hook], verbose=0)
    twin = pickle.loads(pickle.dumps(model))
    assert twin.history.history == history.history


def test_a_subclass_need_not_call_the_constructor():
    class Bare(callbacks.Callback):
        def __init__(self):
            self.epochs = []

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append((epoch, self.params["epochs"], self.model is not None))

    bare = Bare()
    assert bare.model is bare.params is None
    make_model("reference").fit(X, Y, epochs=2, verbose=0, callbacks=[bare])
    assert bare.epochs == [(0, 2, True), (1, 2, True)]


def test_lambda_callback_takes_keras_s_first_arguments_by_place():
    calls = []

    def note(name):
        return lambda *args, **kwargs: calls.append(name)

    names = ["epoch_begin", "epoch_end", "train_begin", "train_end", "batch_begin", "batch_end"]
    hook = callbacks.LambdaCallback(*map(note, names), on_test_end=note("test_end"))
    make_model("reference").fit(
        X, Y, batch_size=50, validation_split=0.5, callbacks=hook, verbose=0
    )
    expected = "train_begin epoch_begin batch_begin batch_end test_end epoch_end train_end"
    assert calls == expected.split()


# Averages.


def test_averages_are_there_for_tests_only(engine):
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model, twin = make_model(engine, optimizer), make_model(engine, "sgd")
    twin.optimizer.learning_rate = 0.1
    swap = callbacks.SwapEMAWeights()
    seen = []
    look = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    options = {"epochs": 3, "shuffle": False, "verbose": 0, "validation_split": 0.2}
    model.fit(X, Y, callbacks=[swap, look], **options)
    twin.fit(X, Y, **options)
    for mine, other in zip(seen[-1], twin.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert not swap._averages_in_model
    before = model.get_weights()
    outputs = model.predict(X, callbacks=[swap])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(outputs, model.predict(X))  # at the end weights are averages


def test_averages_need_an_optimizer_that_keeps_them():
    hooks = [callbacks.SwapEMAWeights()]
    with pytest.raises(ValueError, match="must be used when `use_ema=True` is set"):
        make_model("reference").fit(X, Y, validation_split=0.5, callbacks=hooks, verbose=0)
    with pytest.raises(ValueError, match="swap_on_epoch must be"):
        callbacks.SwapEMAWeights(1)
