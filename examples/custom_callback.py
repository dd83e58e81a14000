"""A callback of one's own: watch the weights grow, and stop when they are large enough."""

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
x = rng.normal(size=(512, 4))
y = (x[:, 0] * x[:, 1] > 0).astype(np.int32)


class WeightNorm(keras.callbacks.Callback):
    """Prints the norm of the first kernel every fifth epoch; stops training beyond a limit."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.norms: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.norms.append(float(np.linalg.norm(self.model.layers[0].kernel)))
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {logs['loss']:.3f}, norm {self.norms[-1]:.3f}")
        self.model.stop_training = self.norms[-1] > self.limit

    def on_train_end(self, logs: dict | None = None) -> None:
        print(f"ended after {len(self.norms)} epochs at {self.norms[-1]:.3f}")


keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(2),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
model.fit(x, y, epochs=50, verbose=0, callbacks=[WeightNorm(limit=6.0)])
