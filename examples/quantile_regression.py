"""How sure is the prediction? Three quantiles of a target whose noise depends on x."""

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
x = rng.uniform(0.0, 3.0, (4000, 1))
y = np.sin(2.0 * x) + rng.normal(0.0, 0.1 + 0.2 * x)

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((1,)),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(3),
    ]
)
model.compile(keras.optimizers.Adam(0.005), keras.losses.Pinball(quantile=(0.05, 0.5, 0.95)))
model.fit(x, y, epochs=40, batch_size=64, verbose=0)

at = np.array([[0.5], [1.5], [2.5]])
print("  x   5 %   median  95 %")
for point, (low, middle, high) in zip(at[:, 0], model.predict(at, verbose=0), strict=True):
    print(f"{point:.1f} {low:6.2f} {middle:6.2f} {high:6.2f}")
x_new = rng.uniform(0.0, 3.0, (4000, 1))
y_new = np.sin(2.0 * x_new) + rng.normal(0.0, 0.1 + 0.2 * x_new)
low, _, high = model.predict(x_new, verbose=0).T
inside = np.mean((low < y_new[:, 0]) & (y_new[:, 0] < high))
print(f"new targets between the outer quantiles: {inside:.3f} (0.9 expected)")
