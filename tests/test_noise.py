"""What is random while training, and PReLU: distributions, formulas, shared masks and slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastmlp
from fastmlp import layers, random
from fastmlp.initializers import Constant

ROWS, COLUMNS = 400, 90


def one_layer(layer: layers.Layer, engine: str, *sample: int) -> fastmlp.Sequential:
    model = fastmlp.Sequential([fastmlp.Input(sample), layer])
    model.compile("sgd", engine=engine)
    return model


def test_normal_noise_is_normal() -> None:
    """36,000 deviates: moments within five standard errors, and the share in each of 20 bins of
    equal probability."""
    n = random.normal_noise(7, 3, ROWS, COLUMNS)
    size = n.size
    assert abs(n.mean()) < 5 / size**0.5
    assert abs(n.var() - 1) < 5 * (2 / size) ** 0.5
    assert abs((n**3).mean()) < 5 * (15 / size) ** 0.5
    assert abs((n**4).mean() - 3) < 5 * (96 / size) ** 0.5
    edges = [-np.inf, *fastmlp.random.normal_quantile(np.arange(1, 20) / 20), np.inf]
    shares = np.histogram(n, edges)[0] / size
    assert np.abs(shares - 0.05).max() < 5 * (0.05 * 0.95 / size) ** 0.5
    # neighbours in rows and columns have nothing in common
    for a, b in ((n[1:], n[:-1]), (n[:, 1:], n[:, :-1]), (n[:, 8:], n[:, :-8])):
        assert abs((a * b).mean()) < 5 / a.size**0.5


def test_normal_noise_follows_seed_step_row_and_column() -> None:
    n = random.normal_noise(7, 3, 9, 40)
    np.testing.assert_array_equal(n[:4, :33], random.normal_noise(7, 3, 4, 33))
    assert not np.isin(random.normal_noise(8, 3, 9, 40), n).any()
    assert not np.isin(random.normal_noise(7, 4, 9, 40), n).any()
    assert len(np.unique(n)) == n.size


def test_gaussian_noise(engine: str) -> None:
    x = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    model = one_layer(layers.GaussianNoise(0.5, seed=3), engine, COLUMNS)
    noise = model(x, training=True).numpy() - x
    assert abs(noise.mean()) < 5 * 0.5 / x.size**0.5
    assert abs(noise.std() - 0.5) < 5 * 0.5 / (2 * x.size) ** 0.5
    np.testing.assert_array_equal(model(x), x)


def test_gaussian_dropout(engine: str) -> None:
    x = np.full((ROWS, COLUMNS), 2.0)
    model = one_layer(layers.GaussianDropout(0.2, seed=3), engine, COLUMNS)
    factor = model(x, training=True).numpy() / 2.0
    assert abs(factor.mean() - 1) < 5 * 0.5 / x.size**0.5
    assert abs(factor.std() - 0.5) < 5 * 0.5 / (2 * x.size) ** 0.5  # sqrt(0.2 / 0.8)
    np.testing.assert_array_equal(model(x), x)


def test_alpha_dropout_keeps_mean_and_variance(engine: str) -> None:
    x = random.normal_noise(1, 0, ROWS, COLUMNS)
    model = one_layer(layers.AlphaDropout(0.3, seed=3), engine, COLUMNS)
    y = model(x, training=True).numpy()
    m = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
    a = (0.7 * (1 + 0.3 * m**2)) ** -0.5
    b = -a * m * 0.3
    dropped = np.isclose(y, a * m + b, rtol=1e-14)
    np.testing.assert_allclose(y[~dropped], a * x[~dropped] + b, rtol=1e-14)
    assert abs(dropped.mean() - 0.3) < 5 * (0.21 / x.size) ** 0.5
    assert abs(y.mean()) < 5 / x.size**0.5
    assert abs(y.var() - 1) < 0.03
    np.testing.assert_array_equal(model(x), x)


@pytest.mark.parametrize("cls", [layers.Dropout, layers.AlphaDropout])
@pytest.mark.parametrize(
    ("sample", "noise_shape", "same"),
    [
        ((12,), (1, 12), (0,)),
        ((12,), (None, 1), (1,)),
        ((12,), [1, 1], (0, 1)),
        ((4, 6), (None, 1, 6), (1,)),
        ((4, 6), (None, 4, 1), (2,)),
        ((4, 6), (1, None, None), (0,)),
        ((2, 4, 3), (30, 2, 1, 3), (2,)),
        ((2, 4, 3), (None, 1, 1, None), (1, 2)),
        ((4, 1, 6), (None, 1, 1, 1), (1, 2, 3)),
    ],
    ids=str,
)
def test_shared_masks(
    cls: Any, sample: tuple[int, ...], noise_shape: Any, same: tuple[int, ...], engine: str
) -> None:
    """Along the axes of size 1 all is alike, along the others it is not."""
    x = np.ones((30, *sample))
    model = one_layer(cls(0.5, noise_shape, seed=4), engine, *sample)
    y = model(x, training=True).numpy()
    assert y.shape == x.shape
    for axis, size in enumerate(x.shape):
        first = np.take(y, [0], axis=axis)
        assert (axis in same or size == 1) == bool((y == first).all()), axis
    assert len(np.unique(y)) == (1 if len(same) == x.ndim else 2)
    np.testing.assert_array_equal(model(x), x)


def test_noise_trains_on_both_engines(engine: str) -> None:
    """The same numbers on either, masks and noise being the same."""
    results = []
    for name in (engine, "native"):
        model = fastmlp.Sequential(
            [
                fastmlp.Input((5, 3)),
                layers.GaussianNoise(0.1, seed=1),
                layers.Dropout(0.2, (None, 1, 3), seed=2),
                layers.Flatten(),
                layers.Dense(6, "selu", kernel_initializer=Constant(0.1)),
                layers.AlphaDropout(0.1, seed=3),
                layers.GaussianDropout(0.1, seed=4),
                layers.Dense(2, kernel_initializer=Constant(-0.1)),
            ]
        )
        model.compile("adam", "mse", engine=name)
        x = np.random.default_rng(5).normal(size=(20, 5, 3))
        model.fit(x, x[:, 0, :2], batch_size=8, epochs=2, shuffle=False, verbose=0)
        results.append(model.predict(x))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dropout(1.0), "rate must be"),
        (lambda: layers.AlphaDropout(-0.1), "rate must be"),
        (lambda: layers.GaussianDropout(1.0), "rate must be"),
        (lambda: layers.GaussianNoise(1.5), r"stddev must be a number in \[0, 1\]"),
        (lambda: layers.GaussianNoise(0.5, seed=-1), "seed must be"),
        (lambda: layers.AlphaDropout(0.5, seed=0.5), "seed must be"),
        (lambda: layers.Dropout(0.5, "abc"), "noise_shape must be a tuple"),
        (lambda: layers.Dropout(0.5, 3), "noise_shape must be a tuple"),
        (lambda: layers.Dropout(0.5, (None, 0)), "noise_shape must be an integer"),
        (lambda: layers.Dropout(0.5, (None, 2)).build((None, 3)), "noise_shape must have a size"),
        (lambda: layers.Dropout(0.5, (None, 3)).build((None, 3, 3)), "noise_shape must have"),
        (
            lambda: layers.AlphaDropout(0.5, (None, 1, 4, 1)).build((None, 3, 4, 5)),
            "noise_shape must share neighbouring axes",
        ),
        (lambda: layers.LeakyReLU(-0.1), "negative_slope must be"),
        (lambda: layers.ELU("a"), "alpha must be"),
        (lambda: layers.PReLU(alpha_initializer="nothing"), "initializer must be one of"),
        (
            lambda: layers.PReLU(alpha_constraint="max_norm").build((None, 3, 4)),
            r"alpha_constraint must be NonNeg\(\) or None",
        ),
        (
            lambda: layers.PReLU(alpha_regularizer="orthogonal_regularizer").build((None, 3, 4)),
            "alpha_regularizer must be",
        ),
        (lambda: layers.PReLU(shared_axes=0), "shared_axes must be an integer of at least 1"),
        (lambda: layers.PReLU(shared_axes=[2]).build((None, 3)), "shared_axes must be axes"),
        (
            lambda: layers.PReLU(shared_axes=[1, 3]).build((None, 3, 4, 5)),
            "shared_axes must share neighbouring axes",
        ),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("sample", "shared_axes", "shape"),
    [
        ((6,), None, (6,)),
        ((6,), 1, (1,)),
        ((3, 4), None, (3, 4)),
        ((3, 4), [1], (1, 4)),
        ((3, 4), (2,), (3, 1)),
        ((2, 3, 4), [1, 2], (1, 1, 4)),
        ((2, 3, 4), [2], (2, 1, 4)),
        ((2, 1, 4), [1, 3], (1, 1, 1)),
    ],
    ids=str,
)
def test_prelu(sample: Any, shared_axes: Any, shape: Any, engine: str) -> None:
    """Its value, and a step of descent on its slopes by the formula."""
    layer = layers.PReLU("uniform", shared_axes=shared_axes)
    model = fastmlp.Sequential([fastmlp.Input(sample), layer, layers.Flatten()])
    model.compile(fastmlp.optimizers.SGD(0.5), "mse", engine=engine)
    assert layer.alpha is not None
    assert layer.alpha.shape == shape
    alpha = layer.get_weights()[0]
    x = np.random.default_rng(6).normal(size=(10, *sample))
    y = np.where(x > 0, x, alpha * x)
    np.testing.assert_allclose(model(x), y.reshape(10, -1), rtol=1e-15)
    model.fit(x, np.zeros((10, y[0].size)), batch_size=10, verbose=0)
    shared = tuple(i for i, size in enumerate(shape) if size != sample[i])
    gradient = (2 * y / y.size * np.minimum(x, 0)).sum(axis=0).sum(axis=shared, keepdims=True)
    # sums of up to 240 products
    np.testing.assert_allclose(layer.get_weights()[0], alpha - 0.5 * gradient, rtol=1e-12)
    again = layers.PReLU.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_a_frozen_prelu_keeps_its_slopes(engine: str) -> None:
    model = fastmlp.Sequential(
        [fastmlp.Input((3,)), layers.PReLU("ones", trainable=False), layers.Dense(1)]
    )
    model.compile("sgd", "mse", engine=engine)
    model.fit(-np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], 1.0)
    assert len(model.trainable_weights) == 2
