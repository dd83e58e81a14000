"""Moments that have all but vanished become 0 at every 256th step, in all forms of the update."""

from __future__ import annotations

import numpy as np
import pytest
from engine_cases import ADAM, NESTEROV, SPARSE, mlp

from fastmlp.engine import (
    Adam,
    Data,
    Engine,
    Float64Array,
    Network,
    Sgd,
    Training,
)
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.words import SETTLING_STEPS, SMALLEST_MOMENT

TINY = np.array([0.5, -0.5, 1.5, -1.5, 2.0**100]) * SMALLEST_MOMENT
# By lists of non-zeros and by columns, by batch rows, and a gradient block at a time.
NETWORKS = [(mlp(784, 128, 10), 32), (mlp(5, 7, 3), 32), (mlp(5, 7, 3), 1500)]


def start(network: Network, slot: int) -> Float64Array:
    """What a slot of the first kernel (inputs, width) begins with; v can not be negative."""
    moment = np.resize(TINY, network.parameter_shapes[0])
    return np.abs(moment) if slot == 1 else moment


def after_step(
    engine: Engine, network: Network, batch: int, optimizer: Adam | Sgd, step: int
) -> list[Float64Array]:
    """Slots of the first kernel after the 256th or another step, without a gradient."""
    rng = np.random.default_rng(0)
    for i, shape in enumerate(network.parameter_shapes):
        engine.write_parameter(i, rng.standard_normal(shape))
    for slot in range(optimizer.slots):
        engine.write_slot(0, slot, start(network, slot))
    data = Data(np.zeros((batch, network.inputs)), np.zeros(batch, np.int32), None)
    iterations = np.array(step - 1, np.int64)
    engine.train(data, np.arange(batch), batch, np.array([0.001]), iterations, False)
    return [engine.read_slot(0, slot) for slot in range(optimizer.slots)]


@pytest.mark.parametrize("optimizer", [ADAM, NESTEROV, Adam(0.99, 0.9999)], ids=str)
@pytest.mark.parametrize(("network", "batch"), NETWORKS, ids=["columns", "rows", "blocks"])
def test_tiny_moments_vanish_at_every_256th_step(
    network: Network, batch: int, optimizer: Adam | Sgd, threads: int
) -> None:
    training = Training(SPARSE, optimizer)
    decays = (optimizer.beta_1, optimizer.beta_2) if isinstance(optimizer, Adam) else (0.9,)
    for engine in (NativeEngine(network, training), ReferenceEngine(network, training)):
        before = after_step(engine, network, batch, optimizer, 2 * SETTLING_STEPS - 1)
        settled = after_step(engine, network, batch, optimizer, 2 * SETTLING_STEPS)
        for slot, decay in enumerate(decays):
            moved = start(network, slot) * decay
            # m + (0 - m) (1 - beta) rounds three times
            np.testing.assert_allclose(before[slot], moved, rtol=1e-15)
            expected = np.where(np.abs(moved) < SMALLEST_MOMENT, 0.0, moved)
            np.testing.assert_allclose(settled[slot], expected, rtol=1e-15)
            assert (settled[slot] == 0).any()
            assert (settled[slot] != 0).any()


def test_no_moment_becomes_subnormal() -> None:
    """Ten thousand steps of which only the first has a gradient; without settling m would be
    subnormal after 6,700."""
    network = mlp(3, 4, 2)
    engine = NativeEngine(network, Training(SPARSE, ADAM))
    rng = np.random.default_rng(0)
    for i, shape in enumerate(network.parameter_shapes):
        engine.write_parameter(i, rng.standard_normal(shape))
    x = np.zeros((10_000, 3))
    x[0] = 1.0
    data = Data(x, np.zeros(len(x), np.int32), None)
    iterations, lowest = np.array(0, np.int64), np.inf
    for chunk in np.array_split(np.arange(len(x)), 200):
        engine.train(data, chunk, 1, np.full(len(chunk), 0.001), iterations, False)
        m = np.abs(engine.read_slot(0, 0))
        lowest = min(lowest, np.min(m[m > 0], initial=np.inf))
    assert 2.0**-1022 <= lowest < 1e-280
    assert not engine.read_slot(0, 0).any()
