"""What a Keras face does, whoever implements it: Keras or fastmlp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jobs import SEED, Job

from peers import Unit


def build(keras: Any, job: Job, weights: list[Any], rescale: bool = False) -> Any:
    """The job's Sequential model with the given weights."""
    layers = [keras.layers.Input((job.layers[0],))]
    if rescale:
        layers.append(keras.layers.Rescaling(1.0 / 255.0))
    for units in job.layers[1:-1]:
        layers.append(keras.layers.Dense(units, activation=job.activation))
        if job.dropout:
            layers.append(keras.layers.Dropout(job.dropout))
    layers.append(keras.layers.Dense(job.layers[-1]))
    model = keras.Sequential(layers)
    model.set_weights(weights)
    return model


def train_unit(
    keras: Any, job: Job, x: Any, y: Any, weights: list[Any], options: Mapping[str, Any]
) -> Unit:
    """``fit``; ``options`` go to ``compile``. Bytes are rescaled by the model's first layer."""
    keras.utils.set_random_seed(SEED)
    model = build(keras, job, weights, rescale=x.dtype == np.uint8)
    loss: Any = keras.losses.MeanSquaredError()
    if job.is_classification:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(learning_rate=job.learning_rate)
    model.compile(optimizer=optimizer, loss=loss, **options)

    def unit() -> float:
        history = model.fit(
            x, y, batch_size=job.batch, epochs=job.epochs, shuffle=job.shuffle, verbose=0
        )
        return float(history.history["loss"][-1])

    return unit


def predict_unit(model: Any, x: Any) -> Unit:
    """``predict`` in one batch of every row, which is the fastest for Keras."""

    def unit() -> None:
        model.predict(x, batch_size=len(x), verbose=0)

    return unit
