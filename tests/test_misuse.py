"""Wrong use, in a table: each row is an error that names the argument and the value received.

Nothing here may print, crash or change a weight. A row's call is given a compiled model of 3
features and 4 classes; the patterns must all be found in the message: first the name of the
argument, then what was received. One file, since it is one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import fastmlp
from fastmlp import layers, losses, optimizers

X = np.linspace(-1, 1, 24).reshape(8, 3)  # (N, F)
Y = np.array([0, 1, 2, 3, 0, 1, 2, 3])  # (N,)
ONE_HOT = np.eye(4)[Y]  # (N, K)


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    """A copy with one element, neither the first nor the last, replaced."""
    copy = array.astype(np.float64)
    copy[3, 1] = value
    return copy


def make_model(engine: str, loss: Any = None) -> fastmlp.Sequential:
    fastmlp.utils.set_random_seed(3)
    model = fastmlp.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(5, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(4),
        ]
    )
    loss = loss or losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"], engine=engine)
    return model


def one_hot_model(model: fastmlp.Sequential) -> fastmlp.Sequential:
    model.compile("adam", losses.CategoricalCrossentropy(from_logits=True))
    return model


def regression_model(model: fastmlp.Sequential) -> fastmlp.Sequential:
    model.compile("sgd", "mean_squared_error")
    return model


def unbuilt() -> fastmlp.Sequential:
    return fastmlp.Sequential([layers.Dense(4)])


@dataclass(frozen=True)
class Misuse:
    id: str
    call: Callable[[fastmlp.Sequential], object]
    error: type[Exception] | tuple[type[Exception], ...]
    patterns: tuple[str, ...]


def row(
    id: str,
    call: Callable[[fastmlp.Sequential], object],
    error: type[Exception] | tuple[type[Exception], ...],
    *patterns: str,
) -> Misuse:
    return Misuse(id, call, error, patterns)


V, T = ValueError, TypeError

LAYERS = [
    row("dense-units-0", lambda m: layers.Dense(0), V, "units", "units=0"),
    row("dense-units-negative", lambda m: layers.Dense(-1), V, "units", "units=-1"),
    row("dense-units-fraction", lambda m: layers.Dense(2.5), (V, T), "units", r"units=2\.5"),
    row("dense-units-text", lambda m: layers.Dense("8"), (V, T), "units", "units='8'"),
    row("dense-units-bool", lambda m: layers.Dense(True), (V, T), "units", "units=True"),
    row("dense-units-none", lambda m: layers.Dense(None), (V, T), "units", "units=None"),
    row("dense-units-huge", lambda m: layers.Dense(2**62), V, "units", f"units={2**62}"),
    row(
        "activation-unknown",
        lambda m: layers.Dense(4, activation="rellu"),
        V,
        "activation",
        "'rellu'",
    ),
    row("activation-number", lambda m: layers.Dense(4, activation=3), (V, T), "activation", "=3"),
    row("activation-layer-unknown", lambda m: layers.Activation("x"), V, "activation", "'x'"),
    row("dense-keyword", lambda m: layers.Dense(4, unit=3), T, "unit", "unit"),
    row(
        "initializer-unknown",
        lambda m: layers.Dense(4, kernel_initializer="glorot"),
        V,
        "initializer",
        "'glorot'",
    ),
    row(
        "initializer-number",
        lambda m: layers.Dense(4, bias_initializer=0.5),
        (V, T),
        "initializer",
        r"0\.5",
    ),
    row("use-bias-text", lambda m: layers.Dense(4, use_bias="no"), V, "use_bias", "'no'"),
    row("dtype-float32", lambda m: layers.Dense(4, dtype="float32"), V, "dtype", "float32"),
    row("dropout-rate-above-one", lambda m: layers.Dropout(1.5), V, "rate", r"rate=1\.5"),
    row("dropout-rate-negative", lambda m: layers.Dropout(-0.1), V, "rate", r"rate=-0\.1"),
    row("dropout-rate-nan", lambda m: layers.Dropout(np.nan), V, "rate", "rate=nan"),
    row("dropout-rate-text", lambda m: layers.Dropout("0.2"), (V, T), "rate", r"rate='0\.2'"),
    row("dropout-seed", lambda m: layers.Dropout(0.2, seed=-5), V, "seed", "seed=-5"),
    row("rescaling-text", lambda m: layers.Rescaling("1/255"), (V, T), "scale", "'1/255'"),
    row("rescaling-infinite", lambda m: layers.Rescaling(np.inf), V, "scale", "=inf"),
    row("relu-slope", lambda m: layers.ReLU(negative_slope=-1.0), V, "negative_slope", r"-1\.0"),
    row("softmax-axis", lambda m: layers.Softmax(axis="last"), (V, T), "axis", "'last'"),
    row("input-shape-zero", lambda m: layers.Input((0,)), V, "shape", r"\(0,\)"),
    row("input-shape-text", lambda m: layers.Input("28"), (V, T), "shape", "'28'"),
    row("input-shape-missing", lambda m: layers.Input(), (V, T), "shape", "None"),
    row(
        "flatten-input-shape",
        lambda m: layers.Flatten(input_shape=(28, -1)),
        V,
        "input_shape|shape",
        r"\(28, -1\)",
    ),
]

MODELS = [
    row("layers-not-layers", lambda m: fastmlp.Sequential([3]), (V, T), "layer", "3"),
    row("layers-not-a-list", lambda m: fastmlp.Sequential(3), (V, T), "layers", "3"),
    row("add-text", lambda m: unbuilt().add("dense"), (V, T), "layer", "'dense'"),
    row("add-class", lambda m: unbuilt().add(layers.Dense), (V, T), "layer", "Dense"),
    row("get-layer-name", lambda m: m.get_layer("dense_77"), V, "name", "dense_77"),
    row("get-layer-index", lambda m: m.get_layer(index=9), V, "index", "9"),
    row("get-layer-nothing", lambda m: m.get_layer(), V, "name.*index", "None"),
    row("build-shape", lambda m: unbuilt().build((None, -3)), V, "shape", r"\(None, -3\)"),
    row("count-unbuilt", lambda m: unbuilt().count_params(), V, "built|build", "sequential"),
    row("predict-unbuilt-empty", lambda m: fastmlp.Sequential().predict(X), V, "layer", "0|no"),
    row(
        "from-config-unknown-layer",
        lambda m: fastmlp.Sequential.from_config(
            {"name": "s", "layers": [{"class_name": "Conv2D", "config": {}}]}
        ),
        V,
        "class_name|layer",
        "'Conv2D'",
    ),
    row("floatx", lambda m: fastmlp.config.set_floatx("float32"), V, "value|floatx", "float32"),
    row("seed-negative", lambda m: fastmlp.utils.set_random_seed(-1), V, "seed", "seed=-1"),
    row("seed-text", lambda m: fastmlp.utils.set_random_seed("1"), (V, T), "seed", "seed='1'"),
]

COMPILE = [
    row("optimizer-unknown", lambda m: m.compile("adamm", "mse"), V, "optimizer", "'adamm'"),
    row("optimizer-number", lambda m: m.compile(3, "mse"), (V, T), "optimizer", "3"),
    row("loss-unknown", lambda m: m.compile("adam", "logloss"), V, "loss", "'logloss'"),
    row("loss-number", lambda m: m.compile("adam", 3), (V, T), "loss", "3"),
    row(
        "metric-unknown",
        lambda m: m.compile("adam", "mse", metrics=["acuracy"]),
        V,
        "metric must be one of .*'accuracy'",
        "'acuracy'",
    ),
    row(
        "metrics-not-a-list",
        lambda m: m.compile("adam", "mse", metrics="accuracy"),
        (V, T),
        "metrics",
        "'accuracy'",
    ),
    row(
        "engine-unknown",
        lambda m: m.compile("adam", "mse", engine="cuda"),
        V,
        "engine",
        "engine='cuda'",
    ),
    row("compile-keyword", lambda m: m.compile("adam", "mse", lr=1), T, "lr", "lr"),
    row(
        "learning-rate-negative",
        lambda m: optimizers.Adam(-0.1),
        V,
        "learning_rate",
        r"learning_rate=-0\.1",
    ),
    row("learning-rate-nan", lambda m: optimizers.SGD(np.nan), V, "learning_rate", "=nan"),
    row(
        "learning-rate-text",
        lambda m: optimizers.Adam("0.1"),
        (V, T),
        "learning_rate",
        r"'0\.1'",
    ),
    row("beta-1", lambda m: optimizers.Adam(beta_1=1.0), V, "beta_1", r"beta_1=1\.0"),
    row("beta-2", lambda m: optimizers.Adam(beta_2=-0.5), V, "beta_2", r"beta_2=-0\.5"),
    row("epsilon", lambda m: optimizers.Adam(epsilon=-1e-7), V, "epsilon", "epsilon=-1e-07"),
    row("momentum", lambda m: optimizers.SGD(momentum=1.5), V, "momentum", r"momentum=1\.5"),
    row("nesterov", lambda m: optimizers.SGD(nesterov="yes"), V, "nesterov", "'yes'"),
    row("optimizer-keyword", lambda m: optimizers.Adam(lr=0.1), T, "lr", "lr"),
    row(
        "label-smoothing",
        lambda m: losses.CategoricalCrossentropy(label_smoothing=1.5),
        V,
        "label_smoothing",
        r"label_smoothing=1\.5",
    ),
    row(
        "reduction",
        lambda m: losses.MeanSquaredError(reduction="average"),
        V,
        "reduction",
        "reduction='average'",
    ),
    row(
        "from-logits-text",
        lambda m: losses.SparseCategoricalCrossentropy(from_logits="no"),
        V,
        "from_logits",
        "'no'",
    ),
    row(
        "loss-shapes",
        lambda m: losses.MeanSquaredError()(np.zeros((3, 2)), np.zeros((4, 2))),
        V,
        "y_true|y_pred",
        r"\(3, 2\)",
        r"\(4, 2\)",
    ),
]

DATA = [
    row("fit-before-compile", lambda m: unbuilt().fit(X, Y), V, "compile", "fit"),
    row("evaluate-before-compile", lambda m: unbuilt().evaluate(X, Y), V, "compile", "evaluate"),
    row("x-features", lambda m: m.fit(X[:, :2], Y), V, r"\bx\b", r"\(8, 2\)", "3"),
    row("x-rank", lambda m: m.fit(X.reshape(8, 3, 1), Y), V, r"\bx\b", r"\(8, 3, 1\)"),
    row("x-one-row-as-vector", lambda m: m.predict(X[0]), V, r"\bx\b", r"\(3,\)"),
    row("x-scalar", lambda m: m.predict(1.0), V, r"\bx\b", r"\(\)"),
    row("x-empty", lambda m: m.fit(X[:0], Y[:0]), V, r"\bx\b", r"\(0, 3\)"),
    row("x-none", lambda m: m.fit(None, Y), (V, T), r"\bx\b", "None"),
    row("x-object", lambda m: m.fit(X.astype(object), Y), (V, T), r"\bx\b", "object"),
    row("x-text", lambda m: m.fit(X.astype(str), Y), (V, T), r"\bx\b", "<U|str"),
    row("x-complex", lambda m: m.fit(X + 1j, Y), (V, T), r"\bx\b", "complex128"),
    row("x-ragged", lambda m: m.fit([[1, 2, 3], [4]], Y[:2]), (V, T), r"\bx\b", "."),
    row("x-nan", lambda m: m.fit(with_value(X, np.nan), Y), V, r"\bx\b", "nan"),
    row("x-inf", lambda m: m.fit(with_value(X, np.inf), Y), V, r"\bx\b", "inf"),
    row("x-nan-predict", lambda m: m.predict(with_value(X, np.nan)), V, r"\bx\b", "nan"),
    row("x-nan-call", lambda m: m(with_value(X, -np.inf)), V, r"\bx\b|inputs", "inf"),
    row(
        "x-nan-float32",
        lambda m: m.fit(with_value(X, np.nan).astype(np.float32), Y),
        V,
        r"\bx\b",
        "nan",
    ),
    row("x-features-predict", lambda m: m.predict(np.ones((2, 4))), V, r"\bx\b", r"\(2, 4\)"),
    row("x-features-call", lambda m: m(np.ones((2, 4))), V, r"\bx\b|inputs", r"\(2, 4\)"),
    row("x-features-batch", lambda m: m.predict_on_batch(X[:, :1]), V, r"\bx\b", r"\(8, 1\)"),
    row("y-none", lambda m: m.fit(X), (V, T), r"\by\b", "None"),
    row("y-short", lambda m: m.fit(X, Y[:-1]), V, r"\by\b", "7"),
    row("y-long", lambda m: m.evaluate(X[:5], Y), V, r"\by\b", "8"),
    row("y-label-high", lambda m: m.fit(X, Y + 1), V, r"\by\b", r"\b4\b"),
    row("y-label-negative", lambda m: m.fit(X, Y - 1), V, r"\by\b", "-1"),
    row("y-label-high-evaluate", lambda m: m.evaluate(X, Y * 9), V, r"\by\b", "27"),
    row("y-label-huge", lambda m: m.fit(X, Y + 2**40), V, r"\by\b", "10995116277|1.09"),
    row("y-label-fraction", lambda m: m.fit(X, Y + 0.5), V, r"\by\b", r"0\.5"),
    row("y-label-nan", lambda m: m.fit(X, np.where(Y == 2, np.nan, Y)), V, r"\by\b", "nan"),
    row("y-label-text", lambda m: m.fit(X, Y.astype(str)), (V, T), r"\by\b", "<U|str"),
    row("y-one-hot-for-sparse", lambda m: m.fit(X, ONE_HOT), V, r"\by\b", r"\(8, 4\)"),
    row("y-sparse-for-one-hot", lambda m: one_hot_model(m).fit(X, Y), V, r"\by\b", r"\(8,\)"),
    row(
        "y-one-hot-columns",
        lambda m: one_hot_model(m).fit(X, ONE_HOT[:, :3]),
        V,
        r"\by\b",
        r"\(8, 3\)",
    ),
    row(
        "y-inf-regression",
        lambda m: regression_model(m).fit(X, with_value(ONE_HOT, np.inf)),
        V,
        r"\by\b",
        "inf",
    ),
    row(
        "y-columns-regression",
        lambda m: regression_model(m).fit(X, ONE_HOT[:, :2]),
        V,
        r"\by\b",
        r"\(8, 2\)",
    ),
    row("y-features-on-batch", lambda m: m.train_on_batch(X, Y[:3]), V, r"\by\b", "3"),
    row("y-on-test-batch", lambda m: m.test_on_batch(X, Y + 7), V, r"\by\b", "7|8|9|10"),
]

FIT = [
    row("batch-size-0", lambda m: m.fit(X, Y, batch_size=0), V, "batch_size", "batch_size=0"),
    row("batch-size-negative", lambda m: m.fit(X, Y, -8), V, "batch_size", "batch_size=-8"),
    row(
        "batch-size-fraction",
        lambda m: m.fit(X, Y, batch_size=2.5),
        (V, T),
        "batch_size",
        r"batch_size=2\.5",
    ),
    row(
        "batch-size-predict",
        lambda m: m.predict(X, batch_size=0),
        V,
        "batch_size",
        "batch_size=0",
    ),
    row(
        "batch-size-evaluate",
        lambda m: m.evaluate(X, Y, batch_size="all"),
        (V, T),
        "batch_size",
        "'all'",
    ),
    row("epochs-negative", lambda m: m.fit(X, Y, epochs=-1), V, "epochs", "epochs=-1"),
    row("epochs-fraction", lambda m: m.fit(X, Y, epochs=1.5), (V, T), "epochs", r"epochs=1\.5"),
    row(
        "initial-epoch",
        lambda m: m.fit(X, Y, initial_epoch=-2),
        V,
        "initial_epoch",
        "initial_epoch=-2",
    ),
    row("verbose", lambda m: m.fit(X, Y, verbose=7), V, "verbose", "verbose=7"),
    row("verbose-text", lambda m: m.predict(X, verbose="loud"), V, "verbose", "'loud'"),
    row("shuffle-text", lambda m: m.fit(X, Y, shuffle="rows"), V, "shuffle", "'rows'"),
    row(
        "validation-split-1",
        lambda m: m.fit(X, Y, validation_split=1.0),
        V,
        "validation_split",
        r"validation_split=1\.0",
    ),
    row(
        "validation-split-negative",
        lambda m: m.fit(X, Y, validation_split=-0.2),
        V,
        "validation_split",
        r"validation_split=-0\.2",
    ),
    row(
        "validation-split-leaves-nothing",
        lambda m: m.fit(X[:1], Y[:1], validation_split=0.5),
        V,
        "validation_split",
        r"validation_split=0\.5",
    ),
    row(
        "validation-data-array",
        lambda m: m.fit(X, Y, validation_data=X),
        (V, T),
        "validation_data",
        ".",
    ),
    row(
        "validation-data-length",
        lambda m: m.fit(X, Y, validation_data=(X, Y[:2])),
        V,
        r"validation_data|\by\b",
        "2",
    ),
    row(
        "validation-data-label",
        lambda m: m.fit(X, Y, validation_data=(X, Y + 5)),
        V,
        r"validation_data|\by\b",
        "5|6|7|8",
    ),
    row(
        "class-weight-and-sample-weight",
        lambda m: m.fit(X, Y, class_weight={0: 2.0}, sample_weight=np.ones(8)),
        V,
        "class_weight",
        "sample_weight",
    ),
    row(
        "class-weight-list",
        lambda m: m.fit(X, Y, class_weight=[1, 2]),
        (V, T),
        "class_weight",
        r"\[1, 2\]",
    ),
    row(
        "class-weight-negative",
        lambda m: m.fit(X, Y, class_weight={1: -2.0}),
        V,
        "class_weight",
        r"-2\.0",
    ),
    row(
        "class-weight-nan",
        lambda m: m.fit(X, Y, class_weight={1: np.nan}),
        V,
        "class_weight",
        "nan",
    ),
    row(
        "sample-weight-length",
        lambda m: m.fit(X, Y, sample_weight=np.ones(5)),
        V,
        "sample_weight",
        r"\(5,\)|5",
    ),
    row(
        "sample-weight-rank",
        lambda m: m.fit(X, Y, sample_weight=np.ones((8, 2))),
        V,
        "sample_weight",
        r"\(8, 2\)",
    ),
    row(
        "sample-weight-nan",
        lambda m: m.fit(X, Y, sample_weight=np.full(8, np.nan)),
        V,
        "sample_weight",
        "nan",
    ),
    row(
        "sample-weight-evaluate",
        lambda m: m.evaluate(X, Y, sample_weight=np.ones(7)),
        V,
        "sample_weight",
        r"\(7,\)|7",
    ),
    row("callbacks", lambda m: m.fit(X, Y, callbacks=[3]), (V, T), "callback", "3"),
    row("fit-keyword", lambda m: m.fit(X, Y, batchsize=3), T, "batchsize", "batchsize"),
    row("evaluate-keyword", lambda m: m.evaluate(X, Y, epochs=3), T, "epochs", "epochs"),
    row("training-text", lambda m: m(X, training="yes"), V, "training", "'yes'"),
]

WEIGHTS = [
    row("set-weights-few", lambda m: m.set_weights([np.zeros((3, 5))]), V, "weights", r"\b1\b"),
    row(
        "set-weights-shape",
        lambda m: m.set_weights([np.ones((5, 3)), np.ones(5), np.ones((5, 4)), np.ones(4)]),
        V,
        "weights|kernel",
        r"\(5, 3\)",
    ),
    row(
        "set-weights-last-shape",
        lambda m: m.set_weights([np.ones((3, 5)), np.ones(5), np.ones((5, 4)), np.ones(1)]),
        V,
        "weights|bias",
        r"\(1,\)",
    ),
    row(
        "set-weights-nan",
        lambda m: m.set_weights([np.ones((3, 5)), np.ones(5), np.full((5, 4), np.nan), np.ones(4)]),
        V,
        "weights|kernel",
        "nan",
    ),
    row("set-weights-number", lambda m: m.set_weights(3), (V, T), "weights", "3"),
    row("to-categorical", lambda m: fastmlp.utils.to_categorical([0, 5], 3), V, "x|class", "5"),
    row("threads-0", lambda m: fastmlp.set_num_threads(0), V, r"\bn\b|threads", "0"),
    row("threads-text", lambda m: fastmlp.set_num_threads("2"), (V, T), r"\bn\b|threads", "'2'"),
]

TABLE = LAYERS + MODELS + COMPILE + DATA + FIT + WEIGHTS


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("misuse", TABLE, ids=lambda misuse: misuse.id)
def test_misuse(misuse: Misuse, engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = make_model(engine)
    before = model.get_weights()
    with pytest.raises(misuse.error) as caught:
        misuse.call(model)
    message = str(caught.value)
    for pattern in misuse.patterns:
        assert caught.match(pattern)
    assert len(message) < 600, "a message is to be read, not to hold the data"
    for got, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert capfd.readouterr() == ("", "")


def test_table_is_long_and_its_rows_are_distinct() -> None:
    assert len({misuse.id for misuse in TABLE}) == len(TABLE) >= 60


READABLE = {
    "read-only": lambda x: _read_only(x),
    "fortran order": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "broadcast": lambda x: np.broadcast_to(x, (1, *x.shape))[0],
    "unaligned": lambda x: _unaligned(x),
    "big-endian": lambda x: x.astype(">f8"),
    "list": lambda x: x.tolist(),
    "float32 of float32": lambda x: x.astype(np.float32),
    "subclass": lambda x: x.view(fastmlp.Tensor),
}


def _read_only(x: np.ndarray) -> np.ndarray:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(x: np.ndarray) -> np.ndarray:
    """The same numbers one byte off any multiple of eight."""
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    view = buffer[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("kind", READABLE)
def test_odd_arrays_are_as_good_as_plain_ones(kind: str, engine: str) -> None:
    """Memory layout is no misuse: the same numbers give the same bits."""
    x = X.astype(np.float32).astype(np.float64)  # exact in float32, too
    expected, got = make_model(engine), make_model(engine)
    odd = READABLE[kind](x)
    odd_copy = np.array(odd)
    expected.fit(x, Y, batch_size=3, epochs=2, verbose=0)
    got.fit(odd, Y, batch_size=3, epochs=2, verbose=0)
    for one, other in zip(got.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(got.predict(odd), expected.predict(x))
    assert got.evaluate(odd, Y, verbose=0) == expected.evaluate(x, Y, verbose=0)
    np.testing.assert_array_equal(odd, odd_copy)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64", "float64", "bool"])
def test_labels_of_any_whole_type(dtype: str, engine: str) -> None:
    labels = Y % 2
    expected, got = make_model(engine), make_model(engine)
    expected.fit(X, labels, verbose=0)
    got.fit(X, labels.astype(dtype)[:, None], verbose=0)  # (N, 1) is as good as (N,)
    for one, other in zip(got.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
