"""Schedules: bits that do not depend on how many rates are asked for, edges, arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastmlp import optimizers
from fastmlp.optimizers import schedules

ALL = [
    schedules.ExponentialDecay(0.2, 7, 0.6),
    schedules.ExponentialDecay(0.2, 7, 0.6, staircase=True),
    schedules.PiecewiseConstantDecay([3, 9.5], [0.1, 0.05, 0.02]),
    schedules.PolynomialDecay(0.2, 15, 0.01, 0.7),
    schedules.PolynomialDecay(0.2, 15, 0.01, 0.7, cycle=True),
    schedules.InverseTimeDecay(0.2, 3, 0.6),
    schedules.CosineDecay(0.2, 11, 0.1),
    schedules.CosineDecay(0.0, 11, warmup_target=0.2, warmup_steps=5),
    schedules.CosineDecayRestarts(0.2, 3, m_mul=0.7, alpha=0.1),
    schedules.CosineDecayRestarts(0.2, 3, t_mul=1.0),
]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_rates_do_not_depend_on_how_many_are_asked_for(schedule):
    """A chunk of steps is as long as the clock lets it be."""
    one_by_one = np.array([float(schedule(step)) for step in range(60)])
    assert schedule.rates(0, 60).tobytes() == one_by_one.tobytes()
    assert schedule.rates(13, 20).tobytes() == one_by_one[13:33].tobytes()
    assert schedule(7).shape == ()


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_configurations_make_the_same(schedule):
    twin = schedules.deserialize(schedules.serialize(schedule))
    assert twin.get_config() == schedule.get_config()
    assert twin.rates(0, 30).tobytes() == schedule.rates(0, 30).tobytes()


def test_edges():
    cosine = schedules.CosineDecay(0.4, 10, 0.25)
    assert [float(cosine(s)) for s in (0, 10, 99)] == [0.4, 0.1, 0.1]
    # 1 - p is within a rounding of 1/2
    assert float(schedules.PolynomialDecay(1.0, 4, 0.0)(2)) == 0.5
    assert float(schedules.PolynomialDecay(1.0, 4, 0.0)(100)) == 0.0
    cycle = schedules.PolynomialDecay(1.0, 4, 0.0, cycle=True)
    assert [float(cycle(s)) for s in (0, 4, 6, 8)] == [1.0, 0.0, 0.25, 0.0]
    restarts = schedules.CosineDecayRestarts(1.0, 2, t_mul=2.0)
    assert [float(restarts(s)) for s in (0, 2, 6, 14)] == [1.0] * 4  # 2, then 4, then 8 steps
    assert float(schedules.PiecewiseConstantDecay([], [0.3])(5)) == 0.3
    assert math.isinf(float(schedules.ExponentialDecay(1.0, 1, 1e10)(100)))
    assert math.isnan(float(schedules.CosineDecayRestarts(1.0, 2, t_mul=0.5)(4)))


def test_own_schedules():
    class Own(schedules.ExponentialDecay):
        def __call__(self, step):
            return 0.5 / (step + 1)

    assert Own(1.0, 1, 1.0).rates(1, 2).tolist() == [0.25, 0.5 / 3]

    class Nothing(schedules.LearningRateSchedule):
        pass

    with pytest.raises(NotImplementedError, match="must override __call__"):
        Nothing()(1)
    with pytest.raises(NotImplementedError, match="must override get_config"):
        optimizers.SGD(Nothing()).get_config()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ExponentialDecay", (0.1, 0, 0.5), "decay_steps must be greater than 0"),
        ("ExponentialDecay", (-0.1, 5, 0.5), "initial_learning_rate"),
        ("ExponentialDecay", (0.1, 5, -0.5), "decay_rate"),
        ("ExponentialDecay", (0.1, 5, 0.5, "no"), "staircase"),
        ("InverseTimeDecay", (0.1, -5, 0.5), "decay_steps"),
        ("PolynomialDecay", (0.1, 0), "decay_steps"),
        ("PolynomialDecay", (0.1, 5, 0.1, -1.0), "power"),
        ("PiecewiseConstantDecay", ([1], [0.1]), "one element less than values"),
        ("PiecewiseConstantDecay", ([2, 1], [0.1, 0.1, 0.1]), "boundaries must ascend"),
        ("PiecewiseConstantDecay", ([2], [0.1, -0.1]), "values"),
        ("CosineDecay", (0.1, 0), "decay_steps"),
        ("CosineDecay", (0.1, 5, 0.0, "c", -1.0), "warmup_target"),
        ("CosineDecayRestarts", (0.1, 0), "first_decay_steps"),
        ("CosineDecayRestarts", (0.1, 5, 0.0), "t_mul"),
    ],
)
def test_wrong_arguments(name, options, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        getattr(schedules, name)(*options)
