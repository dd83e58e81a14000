"""A learning rate that warms up and falls along a cosine, beside a constant one."""

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
x = rng.uniform(-1.0, 1.0, (2000, 8))
y = np.sin(3.0 * x[:, :1]) * np.cos(2.0 * x[:, 1:2]) + x[:, 2:3] * x[:, 3:4]
steps = 30 * (len(x) // 50)

cosine = keras.optimizers.schedules.CosineDecay(
    initial_learning_rate=1e-4, decay_steps=steps - 200, warmup_target=0.01, warmup_steps=200
)
for rate in (0.01, cosine):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(32, activation="gelu"),
            keras.layers.Dense(32, activation="gelu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.AdamW(rate), "mse")
    history = model.fit(x, y, epochs=30, batch_size=50, verbose=0).history["loss"]
    print(f"{type(rate).__name__:12} loss after 10, 20, 30 epochs:", end=" ")
    print(", ".join(f"{history[epoch]:.5f}" for epoch in (9, 19, 29)))
at = (0, 200, 700, 1200)
print(f"the rate at steps {at}:", *(f"{float(cosine(step)):.5f}" for step in at))
