"""An autoencoder of digits: 784 pixels through 16 numbers and back."""

import numpy as np

import fastmlp as keras

(x_train, _), (x_test, _) = keras.datasets.mnist.load_data()
x_train = x_train[:10000].reshape(-1, 784) / 255.0
x_test = x_test[:1000].reshape(-1, 784) / 255.0

keras.utils.set_random_seed(1)
encoder = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
    ]
)
decoder = keras.Sequential(
    [
        keras.Input((16,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(784, activation="sigmoid"),
    ]
)
autoencoder = keras.Sequential([encoder, decoder])
autoencoder.compile("adam", "binary_crossentropy")
autoencoder.fit(x_train, x_train, epochs=5, batch_size=64, verbose=0)

code = encoder.predict(x_test, verbose=0)
again = decoder.predict(code, verbose=0)
print(f"code of a digit: {code.shape[1]} numbers, {np.mean(code == 0.0):.0%} of them zero")
mean = np.mean((x_test - x_train.mean(axis=0)) ** 2)
print(f"squared error: {np.mean((x_test - again) ** 2):.4f}, of the mean image {mean:.4f}")
for row in again[0].reshape(28, 28)[4:26:2]:
    print("".join(" .:-=+*#%@"[int(9.99 * value)] for value in row).rstrip())
