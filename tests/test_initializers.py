"""Initial weights: their distributions, and the same bits for a seed everywhere."""

from __future__ import annotations

import hashlib
import math

import mpmath
import numpy as np
import pytest

from fastmlp import initializers, layers
from fastmlp._normal import _log, normal_quantile

SHAPE = (300, 200)
N = 300 * 200
FAN_IN, FAN_AVERAGE = 300, 250

# name -> (variance, largest absolute value)
SCALED = {
    "glorot_uniform": (1 / FAN_AVERAGE, math.sqrt(3 / FAN_AVERAGE)),
    "he_uniform": (2 / FAN_IN, math.sqrt(6 / FAN_IN)),
    "lecun_uniform": (1 / FAN_IN, math.sqrt(3 / FAN_IN)),
    "glorot_normal": (1 / FAN_AVERAGE, 2 * math.sqrt(1 / FAN_AVERAGE) / 0.87962566103423978),
    "he_normal": (2 / FAN_IN, 2 * math.sqrt(2 / FAN_IN) / 0.87962566103423978),
    "lecun_normal": (1 / FAN_IN, 2 * math.sqrt(1 / FAN_IN) / 0.87962566103423978),
}


@pytest.mark.parametrize(("name", "expected"), SCALED.items(), ids=SCALED)
def test_variance_scaling(name, expected):
    variance, bound = expected
    values = initializers.get({"class_name": name, "config": {"seed": 3}})(SHAPE)
    deviation = math.sqrt(variance)
    # Five standard errors of the mean (s / sqrt(N)) and of the variance (below 1.5 s^2 / sqrt(N)
    # for these distributions).
    assert abs(values.mean()) < 5 * deviation / math.sqrt(N)
    assert abs(values.var() / variance - 1) < 7.5 / math.sqrt(N)
    assert 0.99 * bound < np.abs(values).max() <= bound


def test_plain_distributions():
    uniform = initializers.RandomUniform(-1.0, 3.0, seed=1)(SHAPE)
    assert -1 < uniform.min() < -0.99
    assert 2.99 < uniform.max() < 3
    normal = initializers.RandomNormal(1.0, 0.5, seed=1)(SHAPE)
    assert abs(normal.mean() - 1.0) < 5 * 0.5 / math.sqrt(N)
    assert abs(normal.std() / 0.5 - 1) < 5 / math.sqrt(2 * N)
    cut = initializers.TruncatedNormal(1.0, 0.5, seed=1)(SHAPE)
    assert np.abs(cut - 1.0).max() <= 1.0
    assert abs(cut.std() / (0.5 * initializers.TRUNCATED_STDDEV) - 1) < 5 / math.sqrt(N)


def test_constants():
    assert initializers.get("zeros")((2, 3)).tolist() == [[0.0] * 3] * 2
    assert initializers.get("ones")((2,)).tolist() == [1.0, 1.0]
    assert initializers.Constant(-2.5)((2,)).tolist() == [-2.5, -2.5]


def test_the_bits_of_a_seed_are_fixed():
    """A change of these digests changes every trained model; it must be meant."""
    drawn = {
        "glorot_uniform": "c8145ea9f8cf90ad",
        "he_normal": "eb5f42ecce697ef9",
        "random_normal": "bc54e9bffbeba41c",
    }
    for name, digest in drawn.items():
        values = initializers.get({"class_name": name, "config": {"seed": 2024}})((64, 32))
        assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == digest, name


def test_normal_quantile_against_mpmath():
    rng = np.random.default_rng(1)
    # Centre, both tails, and the far tail down to the smallest number random_uniform gives.
    p = np.concatenate(
        [rng.random(200), 10.0 ** -rng.uniform(0.5, 15.5, 200), [2.0**-53, 0.5, 0.075, 0.925]]
    )
    with mpmath.workdps(40):
        exact = [mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(float(v)) - 1) for v in p]
        error = [
            float(abs((mpmath.mpf(float(x)) - e) / e)) if e else abs(float(x))
            for x, e in zip(normal_quantile(p), exact, strict=True)
        ]
    # AS241 states about 1e-16 for its approximation; its evaluation adds some roundings.
    assert max(error) < 2e-15


def test_log_against_mpmath():
    rng = np.random.default_rng(2)
    x = np.concatenate(
        [10.0 ** rng.uniform(-300, 300, 300), 1 + rng.uniform(-0.3, 0.4, 300), [1.0]]
    )
    with mpmath.workdps(40):
        exact = np.array([float(mpmath.log(mpmath.mpf(float(v)))) for v in x])
    # Some roundings of the series, each half a unit in the last place: 3 ulp.
    assert np.abs((_log(x) - exact) / np.spacing(np.abs(exact) + 1e-300)).max() < 3


def test_one_initializer_repeats_itself_and_two_differ():
    initializer = initializers.GlorotUniform()
    np.testing.assert_array_equal(initializer((3, 3)), initializer((3, 3)))
    assert not np.array_equal(initializer((3, 3)), initializers.GlorotUniform()((3, 3)))


@pytest.mark.parametrize(
    "identifier",
    ["HeNormal", "he_normal", initializers.HeNormal, {"class_name": "HeNormal", "config": {}}],
)
def test_get_takes_names_classes_and_configurations(identifier):
    assert type(initializers.get(identifier)) is initializers.HeNormal


@pytest.mark.parametrize(
    "initializer",
    [
        initializers.Zeros(),
        initializers.Constant(2.0),
        initializers.RandomUniform(-2.0, 1.0, seed=4),
        initializers.RandomNormal(3.0, 0.1, seed=4),
        initializers.TruncatedNormal(3.0, 0.1, seed=4),
        initializers.LecunNormal(seed=4),
    ],
    ids=lambda initializer: type(initializer).__name__,
)
def test_configuration_round_trip(initializer):
    twin = initializers.deserialize(initializers.serialize(initializer))
    np.testing.assert_array_equal(twin((4, 4)), initializer((4, 4)))


def test_a_layer_draws_from_its_initializers():
    layer = layers.Dense(3, kernel_initializer=initializers.HeUniform(5), bias_initializer="ones")
    layer.build((None, 4))
    np.testing.assert_array_equal(layer.kernel.value, initializers.HeUniform(5)((4, 3)))
    assert layer.bias.numpy().tolist() == [1.0, 1.0, 1.0]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'glorot_uniform'.*Received: initializer='glorot'"):
        initializers.get("glorot")
