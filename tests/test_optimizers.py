"""Optimizers as the face shows them: names, state, configuration and learning rates."""

from __future__ import annotations

import numpy as np
import pytest
from small_model import X, Y, make_model

import fastmlp
from fastmlp import Sequential, layers


def test_optimizers_by_name_of_any_case(engine):
    for name, cls in (("ADAM", "Adam"), ("sgd", "SGD"), ("SGD", "SGD"), ("rmsprop", "RMSprop")):
        assert type(make_model(engine, name).optimizer).__name__ == cls


def test_the_default_optimizer_is_keras_s():
    model = Sequential([layers.Dense(1)])
    model.compile(loss="mse")
    assert type(model.optimizer) is fastmlp.optimizers.RMSprop


@pytest.mark.parametrize("name", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), "1"])
def test_clips_are_positive_numbers(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*Received: {name}="):
        fastmlp.optimizers.Adam(**{name: value})


def test_there_is_one_clip_at_most():
    with pytest.raises(ValueError, match=r"At most one of clipnorm.*clipvalue=2\.0"):
        fastmlp.optimizers.SGD(clipnorm=1.0, clipvalue=2.0)


def test_a_clip_takes_effect(engine):
    """A tiny step: all of it is the clipped gradient."""
    moved = {}
    for clip in ({}, {"clipvalue": 1e-3}, {"global_clipnorm": 1e-3}):
        model = make_model(engine, fastmlp.optimizers.SGD(1.0, **clip))
        before = model.get_weights()
        model.fit(X, Y, batch_size=len(X), verbose=0)
        moved[tuple(clip)] = [b - a for a, b in zip(model.get_weights(), before, strict=True)]
    norm = sum(np.square(m).sum() for m in moved["global_clipnorm",]) ** 0.5
    # a difference of weights of order 1: 1e-16 of each
    np.testing.assert_allclose(norm, 1e-3, rtol=1e-10)
    for free, clipped in zip(moved[()], moved["clipvalue",], strict=True):
        np.testing.assert_allclose(clipped, np.clip(free, -1e-3, 1e-3), rtol=0, atol=1e-15)


def test_optimizer_state_is_visible(engine):
    model = make_model(engine, "adam")
    assert not model.optimizer.built
    model.fit(X, Y, batch_size=25, verbose=0)
    variables = model.optimizer.variables
    assert variables[0] == 2
    assert float(variables[1]) == 0.001
    assert [v.shape for v in variables[2:4]] == [(4, 8), (4, 8)]
    assert all(np.abs(v.value).max() > 0 for v in variables[2:])


def test_optimizer_configuration_round_trip():
    for optimizer in (
        fastmlp.optimizers.Adam(0.1, 0.5, 0.6, 1e-3, name="a"),
        fastmlp.optimizers.SGD(0.1, 0.5, True),
    ):
        twin = fastmlp.optimizers.deserialize(fastmlp.optimizers.serialize(optimizer))
        assert twin.get_config() == optimizer.get_config()


def test_learning_rate_can_be_set_and_computed_with():
    adam = fastmlp.optimizers.Adam()
    adam.learning_rate = adam.learning_rate * 0.5
    assert float(adam.learning_rate) == 0.0005
    adam.learning_rate.assign(0.1)
    assert float(adam.learning_rate) == 0.1
    with pytest.raises(ValueError, match="learning_rate=-1"):
        adam.learning_rate = -1


def test_a_rate_set_between_fits_is_used(engine):
    model = make_model(engine)
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
