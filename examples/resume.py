"""A training that is interrupted goes on to the very bits it would have had."""

import tempfile
from pathlib import Path

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
x = rng.normal(size=(1000, 5))
y = np.tanh(x @ rng.normal(size=(5, 2)))
folder = Path(tempfile.mkdtemp())


class Interrupt(keras.callbacks.Callback):
    """Stands for the power cut after the third epoch."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt


def build() -> keras.Sequential:
    """The same model, from the same seed."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    return model


whole = build()
whole.fit(x, y, epochs=6, verbose=0)

backup = keras.callbacks.BackupAndRestore(folder / "backup")
try:
    build().fit(x, y, epochs=6, verbose=0, callbacks=[backup, Interrupt()])
except KeyboardInterrupt:
    print("interrupted after the third epoch")

resumed = build()
backup = keras.callbacks.BackupAndRestore(folder / "backup")
history = resumed.fit(x, y, epochs=6, verbose=0, callbacks=[backup])
print("epochs that were left:", [epoch + 1 for epoch in history.epoch])
same = all(map(np.array_equal, whole.get_weights(), resumed.get_weights()))
print("the same bits as without the interruption:", same)
