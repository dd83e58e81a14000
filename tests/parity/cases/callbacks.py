"""What callbacks do to a training, in which order they are called, and what is printed."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import warnings
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

import numpy as np

from ..frame import case, classes, mlp, optimizer_variables, regression


def compiled(keras: Any, optimizer: Any = "sgd", **options: Any) -> Any:
    model = mlp(keras)
    model.compile(optimizer=optimizer, loss="mse", **options)
    return model


def outcome(model: Any, history: Any) -> dict[str, Any]:
    return {
        "weights": model.get_weights(),
        "optimizer": optimizer_variables(model),
        "history": dict(sorted(history.history.items())),
        "epoch": history.epoch,
    }


def trained(keras: Any, hooks: Any, model: Any = None, rate: float = 0.5, **options: Any) -> Any:
    """The outcome of a short fit with validation, and what it printed."""
    x, y = regression(3)
    model = compiled(keras, keras.optimizers.SGD(rate)) if model is None else model
    options = {"epochs": 6, "batch_size": 8, "validation_split": 0.25, **options}
    printed = io.StringIO()
    with redirect_stdout(printed):
        history = model.fit(x, y, shuffle=False, verbose=0, callbacks=hooks, **options)
    return outcome(model, history) | {"printed": printed.getvalue()}


class Feed:
    """Makes callbacks that put given numbers into the logs."""

    def __new__(cls, keras: Any, values: list[float], name: str = "val_loss") -> Any:
        def put(epoch: int, logs: Any) -> None:
            logs[name] = values[epoch]

        return keras.callbacks.LambdaCallback(on_epoch_end=put)


NUMBERS = [0.9, 0.5, 0.6, 0.55, 0.52, 0.51, 0.2, 0.1]


# EarlyStopping.


@case
def early_stopping(keras: Any) -> dict[str, Any]:
    """With a rate so high that the validation loss swings."""
    hook = keras.callbacks.EarlyStopping(patience=2, verbose=1, min_delta=0.01)
    return trained(keras, [hook], rate=1.5, epochs=20) | {"at": [hook.stopped_epoch, hook.wait]}


@case
def early_stopping_restores_the_best(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    numbers = Feed(keras, NUMBERS)
    return trained(keras, [numbers, hook], epochs=8) | {"best": [hook.best_epoch, hook.best]}


@case
def early_stopping_restores_without_stopping(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True, verbose=1)
    numbers = Feed(keras, NUMBERS)
    return trained(keras, [numbers, hook], epochs=5)


@case
def early_stopping_with_a_baseline(keras: Any) -> dict[str, Any]:
    """No epoch beats the baseline, some beat the best."""
    hook = keras.callbacks.EarlyStopping(patience=3, baseline=0.3, restore_best_weights=True)
    return trained(keras, [Feed(keras, NUMBERS), hook], epochs=8)


@case
def early_stopping_upwards_from_an_epoch(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.EarlyStopping("score", mode="max", start_from_epoch=2, patience=1)
    return trained(keras, [Feed(keras, NUMBERS, "score"), hook], epochs=8)


@case
def early_stopping_knows_that_accuracy_goes_up(keras: Any) -> dict[str, Any]:
    x, y = classes(5)
    model = mlp(keras, outputs=4, last="softmax")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    hook = keras.callbacks.EarlyStopping("accuracy", patience=1)
    history = model.fit(x, y, epochs=30, shuffle=False, verbose=0, callbacks=[hook])
    return outcome(model, history)


@case
def early_stopping_of_what_is_not_there(keras: Any) -> dict[str, Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x, y = regression(3)
        model = compiled(keras)
        hook = keras.callbacks.EarlyStopping("val_loss")
        model.fit(x, y, shuffle=False, verbose=0, callbacks=[hook])
    return {"message": [str(w.message) for w in caught if "Early stopping" in str(w.message)]}


# Learning rates.


@case
def reduce_lr_on_plateau(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, verbose=1, min_lr=0.2)
    return trained(keras, [Feed(keras, NUMBERS), hook], epochs=8)


@case
def reduce_lr_cools_down(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.ReduceLROnPlateau(factor=0.25, patience=1, cooldown=2, min_delta=0.3)
    return trained(keras, [hook], epochs=9)


@case
def reduce_lr_under_adam(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=2, min_delta=0.5)
    model = compiled(keras, keras.optimizers.Adam(0.125))
    return trained(keras, [hook], model, epochs=7)


@case
def learning_rate_scheduler(keras: Any) -> dict[str, Any]:
    def schedule(epoch: int, rate: float) -> float:
        return rate if epoch < 2 else rate * 0.75

    return trained(keras, [keras.callbacks.LearningRateScheduler(schedule, verbose=1)])


@case
def learning_rate_scheduler_of_the_epoch(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (1 + epoch))
    return trained(keras, [hook], compiled(keras, keras.optimizers.SGD(0.1, momentum=0.5)))


# Averages of weights.


@case
def swap_ema_weights(keras: Any) -> dict[str, Any]:
    """Validation with the averages, training with the weights."""
    optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    return trained(keras, [keras.callbacks.SwapEMAWeights()], compiled(keras, optimizer))


@case
def swap_ema_weights_on_epochs(keras: Any) -> dict[str, Any]:
    """What other callbacks see at the end of an epoch are the averages."""
    optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5)
    model = compiled(keras, optimizer)
    seen: list[Any] = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    return trained(keras, [swap, look], model, epochs=3) | {"seen": seen}


# Ends.


@case
def terminate_on_nan(keras: Any) -> dict[str, Any]:
    """With a rate that lets the first step leave all bounds."""
    x, y = regression(3)
    model = compiled(keras, keras.optimizers.SGD(1e160))
    options: Any = {"batch_size": 4, "epochs": 3, "shuffle": False, "verbose": 0}
    printed = io.StringIO()
    with redirect_stdout(printed), np.errstate(all="ignore"):
        history = model.fit(x, y, callbacks=[keras.callbacks.TerminateOnNaN()], **options)
    return {
        "printed": printed.getvalue(),
        "epoch": history.epoch,
        "steps": int(np.asarray(model.optimizer.iterations)),
    }


@case
def stop_training_at_a_batch(keras: Any) -> dict[str, Any]:
    model = compiled(keras)
    seen: list[int] = []

    def stop(batch: int, logs: Any) -> None:
        seen.append(batch)
        model.stop_training = len(seen) == 5

    hook = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    return trained(keras, [hook], model) | {"seen": seen}


# Logs.


@case
def logs_of_batches(keras: Any) -> dict[str, Any]:
    """The running means after each batch, of an epoch and of an evaluation."""
    x, y = regression(3)
    model = compiled(keras, metrics=["mse"])
    seen: list[Any] = []

    def note(batch: int, logs: Any) -> None:
        seen.append([batch, *(float(logs[key]) for key in sorted(logs))])

    hook = keras.callbacks.LambdaCallback(on_train_batch_end=note, on_test_batch_end=note)
    model.fit(x, y, batch_size=10, epochs=2, shuffle=False, verbose=0, callbacks=[hook])
    model.evaluate(x, y, batch_size=10, verbose=0, callbacks=[hook])
    return {"seen": seen}


@case
def order_of_events(keras: Any) -> dict[str, Any]:
    """Every hook with the names of its logs, in fit with validation, evaluate and predict."""
    x, y = regression(3)
    model = compiled(keras, metrics=["mse"])
    events: list[str] = []

    def note(hook: str) -> Any:
        def call(*place: Any, **named: Any) -> None:
            *place, logs = (*place, *named.values())
            events.append(" ".join(map(str, [hook, *place, sorted(logs or {})])))

        return call

    stages = ("train", "test", "predict")
    names = [f"on_{stage}_{end}" for stage in stages for end in ("begin", "end")]
    names += [f"on_{stage}_batch_{end}" for stage in stages for end in ("begin", "end")]
    names += ["on_epoch_begin", "on_epoch_end"]
    hook = keras.callbacks.LambdaCallback(**{name: note(name) for name in names})
    options: Any = {"batch_size": 8, "verbose": 0, "callbacks": [hook]}
    model.fit(x, y, epochs=2, validation_split=0.5, shuffle=False, **options)
    model.evaluate(x, y, **options)
    model.predict(x, **options)
    return {"events": events}


@case
def csv_logger(keras: Any) -> dict[str, Any]:
    """The file's names and form; its numbers are those of the history."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.csv")
        hooks = [keras.callbacks.CSVLogger(path, separator=";")]
        trained(keras, hooks, compiled(keras, metrics=["mse"]), epochs=3)
        hooks = [keras.callbacks.CSVLogger(path, separator=";", append=True)]
        trained(keras, hooks, compiled(keras, metrics=["mse"]), epochs=2)
        hooks = [keras.callbacks.CSVLogger(path + "2")]
        trained(keras, hooks, compiled(keras), epochs=1, validation_split=0.0)
        files = []
        for name in (path, path + "2"):
            with open(name, newline="") as file:
                files.append(file.read())
    numbers = r"\d\.\d+(e-\d+)?"
    return {
        "form": [re.sub(numbers, "x", text) for text in files],
        "numbers": [
            float(cell)
            for text in files
            for cell in re.split("[;,\r\n]+", text)
            if re.fullmatch(numbers, cell)
        ],
    }


@case
def model_checkpoint_messages(keras: Any) -> dict[str, Any]:
    """What is printed; what is written is each library's own format."""

    class Model:
        metrics: tuple[()] = ()
        metrics_names: tuple[()] = ()

        def save_weights(self, path: Any, overwrite: bool = True) -> None:
            print("save", path)

    suffix = ".npz" if keras.__name__ == "fastmlp" else ".weights.h5"
    printed = io.StringIO()
    for options in ({}, {"save_best_only": True}, {"save_freq": 2}):
        hook = keras.callbacks.ModelCheckpoint(
            "{epoch:02d}" + suffix, save_weights_only=True, verbose=1, **options
        )
        hook.set_model(Model())
        with redirect_stdout(printed):
            hook.on_train_begin()
            for epoch, number in enumerate(NUMBERS):
                hook.on_epoch_begin(epoch)
                for batch in range(3):
                    hook.on_train_batch_end(batch, {"loss": 1.0})
                hook.on_epoch_end(epoch, {"val_loss": number})
    return {"printed": printed.getvalue().replace(suffix, "")}


# What is printed.


class Clock:
    """A module ``time`` that moves by given seconds from look to look."""

    def __init__(self, ticks: list[float]) -> None:
        self.now, self.ticks = 1000.0, ticks

    def time(self) -> float:
        self.now += self.ticks.pop(0) if self.ticks else 0.25
        return self.now


def bar_prints(keras: Any, steps: Any, ticks: list[float], **options: Any) -> str:
    """What a bar prints for (step, values) under a clock."""
    module = sys.modules[keras.utils.Progbar.__module__]
    printed = io.StringIO()
    with patch.object(module, "time", Clock(list(ticks))), redirect_stdout(printed):
        bar = keras.utils.Progbar(**options)
        for step, values in steps:
            bar.update(step, values)
    return printed.getvalue()


def values_of(step: int) -> list[tuple[str, float]]:
    return [("loss", 3.0 / (step + 1) ** 4), ("mae", 0.5 - 0.125 * step), ("score", -1.5 * step)]


@case(engines=("reference",))
def progbar(keras: Any) -> dict[str, Any]:
    """Bars of all kinds, with and without a target, fast, slow, and growing shorter."""
    ten = [(step, values_of(step)) for step in range(1, 11)]
    few = [(1, []), (40, [("loss", 2.0)]), (41, []), (7200, [("loss", 1e-5)])]
    return {
        "plain": bar_prints(keras, ten, [0.0, 2.0], target=10),
        "fast": bar_prints(keras, ten, [0.0] + [0.0004] * 99, target=10),
        "narrow": bar_prints(keras, ten, [0.0] + [0.02] * 99, target=10, width=7, interval=0.05),
        "stateful": bar_prints(keras, ten, [0.0], target=10, stateful_metrics=["mse"]),
        "stateless": bar_prints(keras, ten, [0.0], target=10, stateless_metrics=["mse"]),
        "unknown": bar_prints(keras, ten, [0.0], target=None),
        "long": bar_prints(keras, few, [0.0, 1.0, 60.0, 1.0, 9000.0], target=7200, unit_name="row"),
        "line": bar_prints(keras, ten, [0.0, 0.1], target=10, verbose=2),
        "silent": bar_prints(keras, ten, [0.0], target=10, verbose=0),
    }


@case
def lines_of_verbose_2(keras: Any) -> dict[str, Any]:
    """The very lines, with the times taken out; without metrics, whose order differs by intent."""
    x, y = regression(3)
    model = compiled(keras)
    printed = io.StringIO()
    options: Any = {"batch_size": 8, "verbose": 2}
    with redirect_stdout(printed):
        model.fit(x, y, epochs=2, validation_split=0.25, shuffle=False, **options)
        model.fit(x, y, shuffle=False, **options)
        model.evaluate(x, y, **options)
        model.predict(x, **options)
    times = r"\d+s - \d+(s|ms|us)/step"
    return {"printed": re.sub(times, "TIME", printed.getvalue())}


@case
def params_that_callbacks_are_told(keras: Any) -> dict[str, Any]:
    hook = keras.callbacks.LambdaCallback()
    trained(keras, [hook])
    return {"params": {key: hook.params[key] for key in ("epochs", "steps", "verbose")}}


# Arrays.


@case(engines=("reference",))
def arrays_made_ready(keras: Any) -> dict[str, Any]:
    rng = np.random.RandomState(0)
    x = rng.uniform(-1.0, 1.0, (4, 3, 2))
    x[1] = 0.0
    utils = keras.utils
    return {
        "categorical": [
            utils.to_categorical([0, 2, 1]),
            utils.to_categorical([[1], [0]], num_classes=4),
        ],
        "normalized": [utils.normalize(x), utils.normalize(x, axis=1, order=1)],
    }


# Tables.


@case(engines=("reference",))
def summaries(keras: Any) -> dict[str, Any]:
    """Tables of several widths, with all arguments, to the byte."""
    layers = keras.layers
    inner = [keras.Input((3,)), layers.Dense(3, name="a"), layers.BatchNormalization(name="b")]
    long_name = "a_very_long_name_that_has_to_be_cut_off_somewhere"
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="first"),
            keras.Sequential(inner, name="inner"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(200, name=long_name, trainable=False),
        ],
        name="outer",
    )
    texts: list[str] = []
    forms: list[dict[str, Any]] = [
        {},
        {"expand_nested": True, "show_trainable": True},
        {"line_length": 60, "show_trainable": True},
        {"line_length": 71, "positions": [0.3, 0.6, 1.0]},
        {"line_length": 63, "layer_range": ["inner", "drop"]},
        {"line_length": 120, "layer_range": ["drop", "f.*"]},
    ]
    with patch.dict(os.environ, COLUMNS="150"):
        for form in forms:
            model.summary(print_fn=texts.append, **form)
    return {"texts": texts}
