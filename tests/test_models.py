"""Models: building, weights that several models share, configuration, the summary."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import weakref

import numpy as np
import pytest

import fastmlp
from fastmlp import Sequential, layers
from fastmlp.variable import Variable

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(20, 4)), RNG.integers(0, 3, 20)
SPARSE = fastmlp.losses.SparseCategoricalCrossentropy(from_logits=True)


def make_model(engine: str, **compile_options: object) -> Sequential:
    model = Sequential([layers.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])
    model.compile("adam", SPARSE, engine=engine, **compile_options)
    return model


def test_building_waits_for_the_shape(engine):
    model = Sequential([layers.Dense(5), layers.Dense(3)])
    model.compile("sgd", SPARSE, engine=engine)
    assert not model.built
    assert model.get_weights() == []
    with pytest.raises(ValueError, match="not built"):
        model.count_params()
    assert model(X).shape == (20, 3)
    assert model.built
    assert model.count_params() == 25 + 18
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))


def test_build_takes_a_batch_shape():
    model = Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="input_shape must be given"):
        model.build()
    model.build((None, 4))
    assert model.weights[0].path == "sequential/dense/kernel"


def test_add_and_pop(engine):
    model = Sequential()
    model.add(layers.Input((4,)))
    model.add(layers.Dense(5))
    model.add(layers.Dense(3))
    model.compile("sgd", SPARSE, engine=engine)
    first = model(X).numpy()
    popped = model.pop()
    assert model(X).shape == (20, 5)
    model.add(layers.Dense(3, name="new"))
    assert not np.array_equal(model(X), first)
    model.pop()
    model.add(popped)
    np.testing.assert_array_equal(model(X), first)
    while model.layers:
        model.pop()
    with pytest.raises(IndexError, match="no layers to pop"):
        model.pop()


def test_what_cannot_be_added():
    model = Sequential([layers.Dense(3, name="a")])
    with pytest.raises(ValueError, match="name='a'"):
        model.add(layers.Dense(3, name="a"))
    with pytest.raises(ValueError, match="first and only one"):
        model.add(layers.Input((4,)))
    shared = Sequential([layers.Input((4,)), layers.Dense(4)])
    twice = Sequential([shared])
    with pytest.raises(ValueError, match="only once"):
        twice.add(shared.layers[0])
    assert twice.layers == [shared]


def test_get_layer():
    model = make_model("reference")
    assert model.get_layer("dense_1") is model.get_layer(index=1) is model.layers[1]
    assert model.get_layer(index=-1) is model.layers[1]


def test_set_weights_is_all_or_nothing(engine):
    model = make_model(engine)
    before = model.get_weights()
    with pytest.raises(ValueError, match="weights must have shape"):
        model.set_weights([np.zeros((4, 5)), np.zeros(5), np.zeros((5, 3)), np.zeros(4)])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.set_weights([np.ones_like(w) for w in before])
    # Four inputs, five relus, bias one everywhere.
    expected = np.maximum(X.sum(axis=1) + 1, 0) * 5 + 1
    np.testing.assert_allclose(model(X)[:, 0], expected, rtol=1e-13)


def test_weights_given_out_are_copies(engine):
    model = make_model(engine)
    model.get_weights()[0][:] = 7.0
    assert (model.get_weights()[0] != 7.0).all()
    with pytest.raises(ValueError, match="read-only"):
        model.weights[0].value[:] = 7.0


def test_nested_models_share_weights(engine):
    model = make_model(engine)
    probabilities = Sequential([model, layers.Softmax()])
    assert probabilities.built
    for _ in range(2):
        logits, shares = model(X).numpy(), probabilities(X).numpy()
        exponentials = np.exp(logits)
        expected = exponentials / exponentials.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shares, expected, rtol=1e-13)
        model.fit(X, Y, epochs=1, verbose=0)
        assert not np.array_equal(model(X), logits)


def test_training_the_outer_model_trains_the_inner(engine):
    inner = Sequential([layers.Input((4,)), layers.Dense(5, "tanh")])
    inner.compile("sgd", engine=engine)
    outer = Sequential([inner, layers.Dense(3)])
    outer.compile("sgd", SPARSE, engine=engine)
    before = inner(X).numpy()
    outer.fit(X, Y, verbose=0)
    after = inner(X).numpy()
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, inner.predict(X))
    inner.set_weights([np.zeros_like(w) for w in inner.get_weights()])
    np.testing.assert_allclose(outer(X), np.tile(outer.layers[1].bias.numpy(), (20, 1)))


def test_two_models_train_shared_weights_in_turn(engine):
    shared = layers.Dense(5, "tanh", input_shape=(4,))
    heads = [Sequential([shared, layers.Dense(3)]) for _ in range(2)]
    for head in heads:
        head.compile("sgd", SPARSE, engine=engine)
    values = [shared.get_weights()[0]]
    for head in (*heads, *heads):
        head.train_on_batch(X, Y)
        values.append(shared.get_weights()[0])
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(values))
    for head in heads:
        hidden = np.tanh(X @ values[-1] + shared.bias.value)
        kernel, bias = head.layers[1].get_weights()
        np.testing.assert_allclose(head(X), hidden @ kernel + bias, rtol=1e-12)


def test_frozen_layers_do_not_move(engine):
    model = make_model(engine)
    model.layers[0].trainable = False
    model.compile("adam", SPARSE, engine=engine)
    before = model.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])
    assert not np.array_equal(after[2], before[2])
    assert [v.path for v in model.trainable_weights] == [v.path for v in model.weights[2:]]
    assert len(model.non_trainable_weights) == 2
    model.trainable = True
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_compiling_anew_keeps_weights_and_starts_the_optimizer(engine):
    model = make_model(engine)
    model.fit(X, Y, batch_size=5, verbose=0)
    weights = model.get_weights()
    assert model.optimizer.iterations == 4
    model.compile("adam", SPARSE, engine=engine)
    assert model.optimizer.iterations == 0
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_engines_can_be_exchanged_in_mid_training():
    adam = fastmlp.optimizers.Adam()
    model = make_model("reference")
    twin = Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    twin.compile("adam", SPARSE, engine="reference")
    for name in ("reference", "native", "reference"):
        model.compile(adam, SPARSE, engine=name)
        model.fit(X, Y, batch_size=5, shuffle=False, verbose=0)
        twin.fit(X, Y, batch_size=5, shuffle=False, verbose=0)
    assert adam.iterations == 12
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        # Twelve Adam steps of rounding.
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_configuration_round_trip(engine):
    inner = Sequential([layers.Input((2, 2)), layers.Flatten(), layers.Dense(4)], name="inner")
    model = Sequential([inner, layers.Dropout(0.2, seed=1), layers.Dense(3, "softmax")], name="m")
    twin = Sequential.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    twin.set_weights(model.get_weights())
    for m in (model, twin):
        m.compile("sgd", engine=engine)
    np.testing.assert_array_equal(twin(np.ones((3, 2, 2))), model(np.ones((3, 2, 2))))


def test_copies_and_pickles_are_independent(engine):
    model = make_model(engine, metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    twins = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for twin in twins:
        assert not np.array_equal(twin.get_weights()[0], model.get_weights()[0])
        twin.fit(X, Y, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_array_equal(twin.get_weights()[0], model.get_weights()[0])


def test_dropped_models_are_freed(engine):
    model = make_model(engine)
    model.fit(X, Y, verbose=0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_call_returns_a_tensor_and_predict_an_array(engine):
    model = make_model(engine)
    tensor = model(X)
    assert type(tensor) is fastmlp.Tensor
    assert type(tensor.numpy()) is np.ndarray
    assert tensor.dtype == np.float64
    prediction = model.predict(X)
    assert type(prediction) is np.ndarray
    np.testing.assert_array_equal(prediction, tensor)
    np.testing.assert_array_equal(model.predict_on_batch(X), tensor)


@pytest.mark.parametrize(
    "x",
    [
        X.tolist(),
        np.asfortranarray(X),
        X.astype(">f8"),
        np.repeat(X, 2, axis=0)[::2],
        memoryview(X),
    ],
    ids=["list", "fortran", "big_endian", "strided", "memoryview"],
)
def test_arrays_of_every_layout_are_read(x, engine):
    model = make_model(engine)
    np.testing.assert_array_equal(model(x), model(X))
    np.testing.assert_array_equal(model.predict(x), model(X))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int64, np.bool_, np.float16])
def test_arrays_of_every_type_are_read(dtype, engine):
    x = (np.arange(80).reshape(20, 4) % 2).astype(dtype)
    model = make_model(engine)
    np.testing.assert_array_equal(model(x), model(x.astype(np.float64)))


def test_read_only_data_trains(engine):
    x, y = X.copy(), Y.copy()
    x.setflags(write=False)
    y.setflags(write=False)
    make_model(engine).fit(x, y, verbose=0)


def test_one_feature_needs_no_axis(engine):
    model = Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse", engine=engine)
    column = np.arange(3.0)
    np.testing.assert_array_equal(model(column), model(column[:, None]))
    model.fit(column, column, verbose=0)


def test_a_finite_sum_that_overflows_is_no_infinity(engine):
    x = np.full((3, 4), 1e308)
    model = make_model(engine)
    model.set_weights([w * 1e-300 for w in model.get_weights()])
    assert np.isfinite(model.predict(x)).all()
    assert np.isfinite(model.evaluate(x, [0, 1, 2], verbose=0))


# Variables.


def test_variables_behave_as_arrays():
    variable = Variable([[1.0, 2.0]], name="kernel", path="dense/kernel")
    np.testing.assert_array_equal(variable * 2 + variable, [[3.0, 6.0]])
    np.testing.assert_array_equal(np.asarray(variable), [[1.0, 2.0]])
    assert variable[0, 1] == 2.0
    assert float(Variable(3.0, name="x")) == 3.0
    assert {variable: 1}[variable] == 1
    with pytest.raises(ValueError, match=r"'dense/kernel' must have shape \(1, 2\)"):
        variable.assign([1.0])
    with pytest.raises(ValueError, match="real numbers"):
        variable.assign([["a", "b"]])


def test_an_assigned_variable_reaches_the_engine(engine):
    model = make_model(engine)
    model(X)
    model.layers[1].bias.assign([1.0, 2.0, 3.0])
    model.layers[1].kernel.assign(np.zeros((5, 3)))
    np.testing.assert_array_equal(model(X[:1]), [[1.0, 2.0, 3.0]])


# The summary.

SUMMARY = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ flatten (Flatten)                    │ (None, 784)                 │               0 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ dense (Dense)                        │ (None, 128)                 │         100,480 │
└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
 Total params: 100,480 (785.00 KB)
 Trainable params: 100,480 (785.00 KB)
 Non-trainable params: 0 (0.00 B)
"""


def test_summary_is_keras_s_table(capsys):
    model = Sequential([layers.Input((28, 28)), layers.Flatten(), layers.Dense(128)])
    model.summary(line_length=88)
    assert capsys.readouterr().out == SUMMARY
    texts = []
    model.summary(line_length=88, print_fn=texts.append)
    assert texts == [SUMMARY]


def test_summary_counts_the_optimizer_and_shows_nested_layers():
    model = Sequential([make_model("reference"), layers.Softmax()], name="outer")
    model.layers[0].trainable = False
    model.compile("adam", SPARSE, engine="reference")
    texts = []
    model.summary(print_fn=texts.append, expand_nested=True)
    assert "└ dense_1 (Dense)" in texts[0]
    assert "Non-trainable params: 43 (344.00 B)" in texts[0]
    trained = make_model("reference")
    trained.fit(X, Y, verbose=0)
    trained.summary(print_fn=texts.append)
    # Two slots a weight, the count of steps and the learning rate.
    assert " Total params: 131 (1.02 KB)" in texts[1]
    assert " Optimizer params: 88 (704.00 B)" in texts[1]


def test_summary_of_an_unbuilt_model_and_of_long_names():
    texts = []
    model = Sequential([layers.Dense(3, name="a_rather_long_name_" * 3)])
    model.summary(line_length=70, print_fn=texts.append)
    assert "0 (unbuilt)" in texts[0]
    table = [line for line in texts[0].splitlines() if line[0] in "┏┃┡│└"]
    assert {len(line) for line in table} == {70}
    cells = [line[2:30].rstrip() for line in table if line[0] == "│"]
    assert cells == ["a_rather_long_name_a_rather…", "(Dense)"]  # as Keras cuts it
