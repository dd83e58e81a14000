"""Categories as inputs: an embedding learns where each of fifty shops lies."""

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
shops = 50
turnover = rng.normal(0.0, 1.0, shops)  # what the model does not see
shop = rng.integers(0, shops, 4000)
y = turnover[shop][:, None] + rng.normal(0.0, 0.3, (4000, 1))

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((1,)),
        keras.layers.Embedding(shops, 2),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "mse")
model.fit(shop[:, None], y, epochs=15, verbose=0)
every = np.arange(shops)[:, None]
found = model.predict(every, verbose=0)[:, 0]
print(f"predictions against the truth: {np.corrcoef(found, turnover)[0, 1]:.3f} correlated")

one_hot = keras.Sequential(
    [
        keras.Input((1,)),
        keras.layers.CategoryEncoding(num_tokens=shops, output_mode="one_hot"),
        keras.layers.Dense(1),
    ]
)
one_hot.compile(keras.optimizers.Adam(0.05), "mse")
one_hot.fit(shop[:, None], y, epochs=15, verbose=0)
found = one_hot.predict(every, verbose=0)[:, 0]
print(f"with a column for each shop:   {np.corrcoef(found, turnover)[0, 1]:.3f}")
