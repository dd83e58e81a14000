"""Stop when the validation loss no longer falls, and go back to the best weights."""

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
x = rng.normal(size=(120, 10))
y = x[:, :1] * x[:, 1:2] + rng.normal(0.0, 0.5, (120, 1))

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((10,)),
        keras.layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse")
stop = keras.callbacks.EarlyStopping(patience=20, restore_best_weights=True, verbose=1)
history = model.fit(
    x, y, validation_split=0.3, epochs=1000, batch_size=16, callbacks=[stop], verbose=0
)
losses = history.history["val_loss"]
print(f"{len(losses)} epochs, lowest validation loss {min(losses):.4f}")
print(f"validation loss of the weights now:   {model.evaluate(x[84:], y[84:], verbose=0):.4f}")
