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


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_scaling_by_hand(mode, distribution):
    """The fan of each mode, for each distribution; five standard errors as above."""
    fan = {"fan_in": 300, "fan_out": 200, "fan_avg": 250}[mode]
    values = initializers.VarianceScaling(3.0, mode, distribution, seed=5)(SHAPE)
    assert abs(values.var() * fan / 3.0 - 1) < 7.5 / math.sqrt(N)
    if distribution == "uniform":
        assert np.abs(values).max() <= math.sqrt(9.0 / fan)


def test_fans_of_axes_and_of_what_has_more_than_two():
    same = {"scale": 2.0, "distribution": "uniform", "seed": 1}
    scaling = initializers.VarianceScaling
    given = scaling(**same, input_axes=[0, 1], output_axes=[2])((2, 3, 4))
    assert (given == scaling(**same)((6, 4)).reshape(2, 3, 4)).all()
    assert (scaling(**same)((5, 2, 3)) == scaling(**same)((10, 3)).reshape(5, 2, 3)).all()
    assert scaling(**same)(()).shape == ()
    named = initializers.HeNormal(seed=1, input_axes=[1], output_axes=[0])
    assert (
        named((3, 5))
        == initializers.VarianceScaling(2.0, seed=1, input_axes=[1], output_axes=[0])((3, 5))
    ).all()
    assert initializers.deserialize(initializers.serialize(named)).input_axes == [1]


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (70, 70), (40, 90), (2, 3, 4), (1, 1), (3, 0)])
def test_orthogonal(shape):
    rows, columns = math.prod(shape[:-1]), shape[-1]
    matrix = initializers.Orthogonal(2.0, seed=4)(shape).reshape(rows, columns) / 2.0
    gram = matrix @ matrix.T if rows < columns else matrix.T @ matrix
    # after two passes the columns are orthonormal to a few roundings
    assert np.abs(gram - np.eye(len(gram))).max(initial=0.0) < 1e-14


def test_orthogonal_spans_what_was_drawn():
    """The columns are those of a QR decomposition with a positive diagonal."""
    a = initializers.RandomNormal(0.0, 1.0, seed=8)((50, 40))
    q, r = np.linalg.qr(a)
    ours = initializers.Orthogonal(seed=8)((50, 40))
    # a well conditioned matrix, a random one: 1e2 roundings
    assert np.abs(ours - q * np.sign(np.diag(r))).max() < 1e-12


def test_identity():
    assert (initializers.get("identity")((2, 3)) == np.eye(2, 3)).all()
    assert (initializers.Identity(gain=-2.0)((3, 3)) == -2.0 * np.eye(3)).all()


def test_functions_arrays_and_none():
    dense = layers.Dense(
        2,
        kernel_initializer=lambda shape, dtype=None: np.full(shape, 3, dtype),
        bias_initializer=np.array([1, 2]),
    )
    dense.build((None, 3))
    kernel, bias = dense.get_weights()
    assert (kernel == 3.0).all()
    assert bias.tolist() == [1.0, 2.0]
    assert initializers.get(None) is None
    layer = layers.Dense(4, kernel_initializer=None)
    layer.build((None, 50))
    assert 0.0 < np.abs(layer.get_weights()[0]).max() <= math.sqrt(6 / 54)  # Glorot's uniform

    class Twos(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 2.0)

    mine = layers.Dense(1, kernel_initializer=Twos())
    mine.build((None, 2))
    assert mine.get_weights()[0].tolist() == [[2.0], [2.0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.VarianceScaling(0.0), "scale must be positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "mode must be one of"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), "distribution must be"),
        (lambda: initializers.VarianceScaling(input_axes=[0]), "given together"),
        (lambda: initializers.HeNormal(input_axes=0, output_axes=1), "input_axes must be a list"),
        (lambda: initializers.HeNormal(1, [0], [2])((3, 4)), "must be axes of the weight"),
        (lambda: initializers.Orthogonal()((3,)), "at least two axes"),
        (lambda: initializers.Identity()((3,)), "that of a matrix"),
        (lambda: initializers.Identity(float("nan")), "gain must be"),
        (lambda: initializers.Ones()(3), "shape must be a tuple"),
        (lambda: initializers.Ones()((2, -1)), "shape must be an integer"),
        (lambda: initializers.Ones()((2,), dtype="float32"), "float64 only"),
        (lambda: initializers.get(np.ones(3))((2,)), "that of the array"),
        (lambda: initializers.get(np.array([np.inf])), "finite"),
        (lambda: initializers.serialize(initializers.get(np.ones(2))), "no configuration"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda shape, dtype=None: np.zeros(3), "makes values of shape"),
        (lambda shape, dtype=None: np.full(shape, np.nan), "finite"),
        (lambda shape, dtype=None: np.full(shape, "a"), "real numbers"),
    ],
)
def test_functions_that_make_something_else(function, message):
    with pytest.raises(ValueError, match=message):
        layers.Dense(2, kernel_initializer=function).build((None, 2))
