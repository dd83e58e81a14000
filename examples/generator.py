"""Data that never are in memory at once: a PyDataset that makes each batch when it is asked for."""

import numpy as np

import fastmlp as keras


class Waves(keras.utils.PyDataset):
    """Noisy sine waves (B, 64); the target is their frequency (B, 1)."""

    def __init__(self, batches: int, seed: int, **options) -> None:
        super().__init__(**options)
        self.batches = batches
        self.seed = seed

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, index))
        frequency = rng.uniform(1.0, 5.0, (64, 1))
        phase = rng.uniform(0.0, 2.0 * np.pi, (64, 1))
        time = np.linspace(0.0, 1.0, 64)
        wave = np.sin(2.0 * np.pi * frequency * time + phase)
        return wave + rng.normal(0.0, 0.2, wave.shape), frequency


keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse", metrics=["mae"])
history = model.fit(
    Waves(100, seed=1, workers=2), validation_data=Waves(20, seed=2), epochs=10, verbose=0
).history
for epoch in (0, 4, 9):
    known, new = history["mae"][epoch], history["val_mae"][epoch]
    print(f"epoch {epoch + 1:2}: off by {known:.3f}, new waves {new:.3f}")
