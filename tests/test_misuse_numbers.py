"""Numbers and arrays that float64 and 64-bit sizes cannot hold, and arrays that are not what they
seem: a clear error, before anything has happened."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from small_model import X, Y, make_model

import fastmlp
from fastmlp import Sequential, layers, optimizers
from fastmlp.variable import Variable

HUGE = 10**400  # float() raises OverflowError
VAST = 10**5000  # so does str()


@pytest.mark.parametrize("size", [2**63, 2**64, VAST], ids=["2**63", "2**64", "vast"])
def test_batch_sizes_that_no_array_has(engine, size):
    model = make_model(engine)
    before = model.get_weights()
    for call in (
        lambda: model.fit(X, Y, batch_size=size, verbose=0),
        lambda: model.fit(X, Y, verbose=0, validation_split=0.2, validation_batch_size=size),
        lambda: model.evaluate(X, Y, batch_size=size, verbose=0),
        lambda: model.predict(X, batch_size=size),
    ):
        with pytest.raises(ValueError, match=r"batch_size must be an integer in .*Received: "):
            call()
    assert model.optimizer.iterations == 0
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_the_largest_batch_size_is_the_whole_set(engine):
    model, twin = make_model(engine), make_model(engine)
    a = model.fit(X, Y, sys.maxsize, verbose=0, validation_data=(X, Y), shuffle=False)
    b = twin.fit(X, Y, len(X), verbose=0, validation_data=(X, Y), shuffle=False)
    assert a.history == b.history
    np.testing.assert_array_equal(model.predict(X, sys.maxsize), twin.predict(X))


@pytest.mark.parametrize("value", [HUGE, -HUGE, VAST], ids=["huge", "-huge", "vast"])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("learning_rate", lambda v: optimizers.SGD(v)),
        ("learning_rate", lambda v: setattr(optimizers.SGD(), "learning_rate", v)),
        ("momentum", lambda v: optimizers.SGD(momentum=v)),
        ("epsilon", lambda v: optimizers.Adam(epsilon=v)),
        ("rate", lambda v: layers.Dropout(v)),
        ("scale", lambda v: layers.Rescaling(v)),
        ("value", lambda v: fastmlp.initializers.Constant(v)),
        ("validation_split", lambda v: make_model("native").fit(X, Y, validation_split=v)),
        (r"class_weight\[0\]", lambda v: make_model("native").fit(X, Y, class_weight={0: v})),
    ],
)
def test_numbers_that_float64_cannot_hold(name, call, value):
    with pytest.raises(ValueError, match=f"{name} must be .*Received: {name}="):
        call(value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, "0.1", np.array(-1.0), True])
def test_learning_rates_assigned_are_checked(value):
    optimizer = optimizers.SGD(0.5)
    with pytest.raises(ValueError, match=r"learning_rate must be .*Received: learning_rate="):
        optimizer.learning_rate.assign(value)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate.assign(np.float32(0.25))
    assert float(optimizer.learning_rate) == 0.25


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("config", lambda: Sequential.from_config(None)),
        ("config", lambda: Sequential.from_config({"name": "m"})),
        ("layers", lambda: Sequential.from_config({"layers": None})),
        ("optimizer|layer", lambda: Sequential.from_config({"layers": [None]})),
        ("layer", lambda: Sequential(np.array([1, 2]))),
        ("layers", lambda: Sequential(np.array(1))),
        ("layer", lambda: Sequential("dense")),
    ],
)
def test_what_is_no_list_of_layers(what, call):
    with pytest.raises((TypeError, ValueError), match=f"({what}).* must .*Received: "):
        call()


@pytest.mark.parametrize("shape", [(2**70,), (2**40, 2**40), (2**31,)])
def test_shapes_that_no_sample_has(shape):
    for call in (
        lambda: layers.Input(shape),
        lambda: layers.Flatten(input_shape=shape),
        lambda: Sequential([layers.Flatten()]).build((None, *shape)),
    ):
        with pytest.raises(ValueError, match=r"shape must be .*product of at most 2147483647"):
            call()


@pytest.mark.skipif(
    np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="long double is float64"
)
def test_long_doubles_that_float64_cannot_hold(engine):
    model = make_model(engine)
    before = model.get_weights()
    wrong = [w.astype(np.longdouble) for w in before]
    wrong[1][2] = np.longdouble("1e400")
    variable = Variable([1.0], name="bias")
    for call in (
        lambda: model.set_weights(wrong),
        lambda: variable.assign(np.array(["1e400"], np.longdouble)),
        lambda: model.predict(X.astype(np.longdouble) * np.longdouble("1e400")),
    ):
        with pytest.raises(ValueError, match=r"float64 can hold. Received: -?\d.*e\+"):
            call()
    assert variable.value[0] == 1.0
    model.set_weights([w.astype(np.longdouble) for w in before])
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_masked_arrays_do_not_lose_their_mask(engine):
    model = make_model(engine)
    masked = np.ma.masked_array(X, mask=X > 1)
    labels = np.ma.masked_array(Y, mask=Y == 0)
    for call in (
        lambda: model(masked),
        lambda: model.predict(masked),
        lambda: model.fit(masked, Y, verbose=0),
        lambda: model.fit(X, labels, verbose=0),
        lambda: model.evaluate(X, Y, sample_weight=np.ma.masked_less(np.ones(len(X)), 2)),
        lambda: model.layers[1].bias.assign(np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0])),
    ):
        with pytest.raises(ValueError, match=r"must not be masked.*Received: .* \d+ masked values"):
            call()
    nothing_masked = np.ma.masked_array(X, mask=False)
    np.testing.assert_array_equal(model.predict(nothing_masked), model.predict(X))
