"""MNIST to 98.4 %: wider layers, dropout, decoupled weight decay, a cosine schedule."""

import fastmlp as keras

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
epochs, batch = 15, 128

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dropout(0.4),
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(10),
    ]
)
rate = keras.optimizers.schedules.CosineDecay(
    2e-4, epochs * 60000 // batch - 500, warmup_target=2e-3, warmup_steps=500
)
model.compile(
    keras.optimizers.AdamW(rate, weight_decay=0.01),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x_train, y_train, epochs=epochs, batch_size=batch, verbose=0)
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"{accuracy:.2%} of the test set")
