"""Losses of one's own: with a gradient by hand, and without, by the autograd package."""

import numpy as np

import fastmlp as keras
from fastmlp import ops

rng = np.random.default_rng(0)
x = rng.uniform(-1.0, 1.0, (1000, 2))
y = x[:, :1] ** 2 - x[:, 1:] + rng.standard_t(2.0, (1000, 1)) * 0.05  # heavy tails


def cauchy(y_true, y_pred):
    """The loss of each sample (N,) and its gradient with respect to y_pred (N, K)."""
    scaled = (y_pred - y_true) / 0.1
    return np.log1p(scaled**2).sum(axis=1), 2.0 * scaled / (1.0 + scaled**2) / 0.1


def cauchy_by_ops(y_true, y_pred):
    """The same, and its gradient is found by the autograd package."""
    return ops.sum(ops.log1p(ops.square((y_pred - y_true) / 0.1)), axis=1)


for loss in ("mse", cauchy, cauchy_by_ops):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(x, y, epochs=20, verbose=0)
    error = np.abs(model.predict(x, verbose=0) - (x[:, :1] ** 2 - x[:, 1:])).mean()
    print(f"{getattr(loss, '__name__', loss):14} distance from the truth: {error:.4f}")
