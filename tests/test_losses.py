"""Losses as functions of two arrays, against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastmlp import config, losses, utils

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
LABELS = np.array([0, 2])
ONE_HOT = np.eye(3)[LABELS]
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
PER_SAMPLE = -np.log(PROBABILITIES[[0, 1], LABELS])
# Sums of three terms.
ROUNDING = {"rel": 1e-14}

SCE, CCE = losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy


@pytest.mark.parametrize(
    ("loss", "targets", "predictions"),
    [
        (SCE(from_logits=True), LABELS, LOGITS),
        (SCE(from_logits=True), LABELS[:, None].astype(np.float32), LOGITS),
        (SCE(), LABELS.tolist(), PROBABILITIES),
        (SCE(), LABELS, 7.0 * PROBABILITIES),  # renormalised
        (CCE(from_logits=True), ONE_HOT, LOGITS),
        (CCE(), ONE_HOT, PROBABILITIES),
    ],
)
def test_crossentropies_agree(loss, targets, predictions):
    assert float(loss(targets, predictions)) == pytest.approx(PER_SAMPLE.mean(), **ROUNDING)


def test_label_smoothing():
    smooth = ONE_HOT * 0.7 + 0.1
    expected = -(smooth * np.log(PROBABILITIES)).sum(axis=1).mean()
    got = CCE(from_logits=True, label_smoothing=0.3)(ONE_HOT, LOGITS)
    assert float(got) == pytest.approx(expected, **ROUNDING)


def test_probabilities_are_clipped_to_epsilon():
    assert float(SCE()([1], [[1.0, 0.0]])) == pytest.approx(-math.log(1e-7), **ROUNDING)
    assert float(SCE()([0], [[1.0, 0.0]])) == pytest.approx(-math.log(1 - 1e-7), rel=1e-9)
    config.set_epsilon(1e-3)
    try:
        assert float(SCE()([1], [[1.0, 0.0]])) == pytest.approx(-math.log(1e-3), **ROUNDING)
        assert SCE().lower().epsilon == 1e-3
    finally:
        config.set_epsilon(1e-7)


def test_mean_squared_error():
    got = losses.MeanSquaredError()([[1.0, 2.0], [0.0, 0.0]], [[2.0, 4.0], [1.0, 0.0]])
    assert float(got) == (2.5 + 0.5) / 2


WEIGHTS = np.array([1.0, 3.0])


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", (PER_SAMPLE * WEIGHTS).sum() / 2),
        ("mean", (PER_SAMPLE * WEIGHTS).sum() / 2),
        ("sum", (PER_SAMPLE * WEIGHTS).sum()),
        ("mean_with_sample_weight", (PER_SAMPLE * WEIGHTS).sum() / 4),
        ("none", PER_SAMPLE * WEIGHTS),
        (None, PER_SAMPLE * WEIGHTS),
    ],
)
def test_reductions(reduction, expected):
    got = SCE(from_logits=True, reduction=reduction)(LABELS, LOGITS, sample_weight=WEIGHTS)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-14)


def test_a_loss_without_reduction_cannot_train():
    with pytest.raises(ValueError, match="reduction must give one number"):
        SCE(reduction="none").lower()


@pytest.mark.parametrize(
    "identifier",
    ["mse", "MSE", "mean_squared_error", "MeanSquaredError", losses.mean_squared_error],
)
def test_names_of_losses(identifier):
    if identifier == "MSE":
        identifier = {"class_name": "MeanSquaredError", "config": {"reduction": "sum"}}
    assert type(losses.get(identifier)) is losses.MeanSquaredError


def test_loss_configuration_round_trip():
    loss = CCE(from_logits=True, label_smoothing=0.2, reduction="sum", name="smooth")
    twin = losses.deserialize(losses.serialize(loss))
    assert twin.get_config() == loss.get_config()
    assert twin.name == "smooth"


def test_per_sample_functions():
    np.testing.assert_allclose(
        losses.sparse_categorical_crossentropy(LABELS, LOGITS, from_logits=True), PER_SAMPLE
    )
    np.testing.assert_allclose(losses.categorical_crossentropy(ONE_HOT, PROBABILITIES), PER_SAMPLE)
    assert losses.mean_squared_error([[1.0]], [[3.0]]).tolist() == [4.0]


def test_to_categorical():
    assert utils.to_categorical([[1], [0]]).tolist() == [[0, 1], [1, 0]]
    assert utils.to_categorical(np.array([[0, 1]]), 3).shape == (1, 2, 3)
