"""The TensorFlow quickstart for beginners runs with only its import line changed."""

from __future__ import annotations

import io
import math
from contextlib import redirect_stdout

import numpy as np
import pytest
from run_notebook import without_times

import fastmlp

# The notebook's cells, https://www.tensorflow.org/tutorials/quickstart/beginner, verbatim but
# for the first line; one epoch of 3,000 images instead of five of 60,000 keeps the test short.
CELLS = """
from fastmlp.compat import tf
print("TensorFlow version:", tf.__version__)
# %%
mnist = tf.keras.datasets.mnist

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
x_train, y_train = x_train[:3000], y_train[:3000]
# %%
model = tf.keras.models.Sequential([
  tf.keras.layers.Flatten(input_shape=(28, 28)),
  tf.keras.layers.Dense(128, activation='relu'),
  tf.keras.layers.Dropout(0.2),
  tf.keras.layers.Dense(10)
])
# %%
predictions = model(x_train[:1]).numpy()
# %%
probabilities = tf.nn.softmax(predictions).numpy()
# %%
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# %%
initial_loss = loss_fn(y_train[:1], predictions).numpy()
# %%
model.compile(optimizer='adam',
              loss=loss_fn,
              metrics=['accuracy'])
# %%
model.fit(x_train, y_train, epochs=1)
# %%
evaluated = model.evaluate(x_test,  y_test, verbose=2)
# %%
probability_model = tf.keras.Sequential([
  model,
  tf.keras.layers.Softmax()
])
# %%
last = probability_model(x_test[:5])
"""


def test_quickstart_notebook() -> None:
    fastmlp.utils.set_random_seed(1)
    names: dict = {}
    output = io.StringIO()
    with redirect_stdout(output):
        for cell in CELLS.split("# %%"):
            exec(cell, names)
    assert f"TensorFlow version: {fastmlp.__version__}\n" in output.getvalue()
    assert "313/313 - Ns - N/step - loss: " in without_times(output.getvalue())

    predictions, initial_loss = names["predictions"], names["initial_loss"]
    assert type(predictions) is np.ndarray
    assert predictions.shape == (1, 10)
    assert abs(names["probabilities"].sum() - 1) < 1e-15
    # The probability of the right class, of ten, from random weights: far from 0 and from 1.
    assert initial_loss.shape == ()
    assert 0.2 * math.log(10) < initial_loss < 2.5 * math.log(10)
    expected = -np.log(names["probabilities"][0, names["y_train"][0]])
    assert abs(initial_loss - expected) < 1e-14  # two roads to one number
    loss, accuracy = names["evaluated"]
    assert 0.8 < accuracy < 1
    assert 0 < loss < 0.7
    assert names["last"].shape == (5, 10)
    np.testing.assert_allclose(names["last"].numpy().sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_array_equal(names["last"].argmax(axis=1), names["y_test"][:5])


def test_names() -> None:
    from fastmlp.compat import tf

    assert tf.keras is fastmlp
    x = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(tf.nn.softmax(x, axis=0).sum(axis=0), 1, rtol=1e-15)
    np.testing.assert_array_equal(tf.nn.softmax(x), fastmlp.activations.softmax(x))


def test_float_types_other_than_float64_are_refused():
    fastmlp.config.set_floatx("float64")
    assert fastmlp.backend.floatx() == "float64"
    for function in (fastmlp.config.set_floatx, fastmlp.backend.set_floatx):
        with pytest.raises(ValueError, match="float32"):
            function("float32")
