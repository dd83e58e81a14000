"""Gradients for those who want them: ``model.loss_and_gradient``."""

from __future__ import annotations

import numpy as np
import pytest
from small_model import X, Y, make_model

import fastmlp
from fastmlp import layers


def test_the_loss_and_its_gradient_are_those_of_a_step(engine):
    model = make_model(engine, fastmlp.optimizers.SGD(1.0))
    before = model.get_weights()
    loss, gradient = model.loss_and_gradient(X, Y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [g.shape for g in gradient] == [v.shape for v in model.trainable_weights]
    history = model.fit(X, Y, batch_size=len(X), shuffle=False, verbose=0)
    # the epoch's loss is the mean of one batch's
    assert history.history["loss"] == [pytest.approx(loss, rel=1e-15)]
    for old, new, g in zip(before, model.get_weights(), gradient, strict=True):
        np.testing.assert_array_equal(new, old - g)


def test_gradients_leave_out_what_is_not_trained(engine):
    model = make_model(engine, "sgd")
    model.layers[0].trainable = False
    whole = len(model.weights)
    _, gradient = model.loss_and_gradient(X, Y, sample_weight=np.ones(len(X)))
    assert [g.shape for g in gradient] == [v.shape for v in model.trainable_weights]
    assert 0 < len(gradient) < whole


def test_gradients_want_a_loss_and_data_that_fit(engine):
    model = make_model(engine, "sgd")
    with pytest.raises(ValueError, match="equally many samples"):
        model.loss_and_gradient(X, Y[:-1])
    with pytest.raises(ValueError, match="compile must be called"):
        fastmlp.Sequential([layers.Dense(1)]).loss_and_gradient(X, Y)
