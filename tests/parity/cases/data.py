"""Batches from generators and data sets, given steps, validation, weights, single batches.

Keras peeks at two batches of a generator and gives them again at each validation, which is not
followed here: a generator validates one epoch. Nor is what Keras does with the workers of a
PyDataset: it takes batch 0 to build the model and goes on from there, so that all epochs visit
1, 2, ..., 0 (with one worker it begins again). Here the order does not depend on the workers,
which tests/test_feeds.py holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import case

RANDOM = np.random.RandomState(5)
X, Y = RANDOM.normal(size=(20, 3)), RANDOM.normal(size=(20, 2))
W = RANDOM.uniform(0.5, 2.0, size=20)
KERNELS = [RANDOM.normal(size=s) for s in ((3, 4), (4,), (4, 2), (2,))]


def model_of(keras: Any, **options: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(2)]
    )
    model.set_weights(KERNELS)
    model.compile(keras.optimizers.Adam(0.05), "mse", **options)
    return model


def parts(weights: bool = False, sizes: tuple[int, ...] = (4,) * 5) -> list[tuple[Any, ...]]:
    ends = np.cumsum(sizes)
    arrays = (X, Y, W) if weights else (X, Y)
    return [
        tuple(a[end - size : end] for a in arrays) for end, size in zip(ends, sizes, strict=True)
    ]


def dataset(keras: Any, batches: list[tuple[Any, ...]]) -> Any:
    class Numbered(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> Any:
            return batches[index]

    return Numbered()


def endless(batches: list[tuple[Any, ...]]) -> Any:
    while True:
        yield from batches


def trained(keras: Any, model: Any, *data: Any, **options: Any) -> dict[str, Any]:
    history = model.fit(*data, shuffle=False, verbose=0, **options).history
    return {
        "history": history,
        "weights": model.get_weights(),
        "output": model.predict(X, verbose=0),
    }


@case
def generator(keras: Any) -> dict[str, Any]:
    return trained(keras, model_of(keras), endless(parts()), epochs=2, steps_per_epoch=3)


@case
def generator_of_weighted_batches(keras: Any) -> dict[str, Any]:
    model = model_of(keras, weighted_metrics=["mse"])
    return trained(keras, model, endless(parts(True)), epochs=2, steps_per_epoch=5)


@case
def batches_of_several_sizes(keras: Any) -> dict[str, Any]:
    return trained(keras, model_of(keras), dataset(keras, parts(sizes=(3, 9, 1, 7))), epochs=2)


@case
def pydataset_in_steps(keras: Any) -> dict[str, Any]:
    return trained(keras, model_of(keras), dataset(keras, parts()), epochs=5, steps_per_epoch=1)


@case
def steps_of_arrays_go_on(keras: Any) -> dict[str, Any]:
    return trained(keras, model_of(keras), X, Y, 5, epochs=4, steps_per_epoch=2)


@case
def steps_cut_the_arrays(keras: Any) -> dict[str, Any]:
    return trained(keras, model_of(keras), X, Y, epochs=2, steps_per_epoch=3)


@case
def validation_steps(keras: Any) -> dict[str, Any]:
    options = {"validation_data": (X, Y, W), "validation_steps": 3, "validation_batch_size": 4}
    return trained(keras, model_of(keras), X, Y, 8, epochs=3, **options)


@case
def validation_by_a_generator(keras: Any) -> dict[str, Any]:
    options = {"validation_data": endless(parts()), "validation_steps": 2}
    return trained(keras, model_of(keras), X, Y, 8, **options)


@case
def validation_split_and_frequency(keras: Any) -> dict[str, Any]:
    options = {"validation_split": 0.3, "validation_freq": 2, "sample_weight": W}
    return trained(keras, model_of(keras), X, Y, 8, epochs=4, initial_epoch=1, **options)


@case
def class_weights_of_a_pydataset(keras: Any) -> dict[str, Any]:
    data = dataset(keras, parts())
    return trained(keras, model_of(keras), data, epochs=2, class_weight={0: 2.0, 1: 0.5})


@case
def on_batch(keras: Any) -> dict[str, Any]:
    model = model_of(keras, metrics=["mae"], weighted_metrics=["mse"])
    logs = [
        model.train_on_batch(X[:7], Y[:7]),
        model.train_on_batch(X[7:], Y[7:], sample_weight=W[7:]),
        model.test_on_batch(X, Y, sample_weight=W),
        model.train_on_batch(X, Y, class_weight={0: 3.0}),
    ]
    named = model.train_on_batch(X, Y, return_dict=True)
    return {
        "logs": logs,
        "loss": named["loss"],
        "weights": model.get_weights(),
        "output": model.predict_on_batch(X[:3]),
    }


@case
def evaluate_and_predict_in_steps(keras: Any) -> dict[str, Any]:
    model = model_of(keras, metrics=["mae"])
    return {
        "arrays": model.evaluate(X, Y, batch_size=6, steps=2, verbose=0),
        "cut": model.evaluate(X, Y, steps=3, verbose=0),
        "generator": model.evaluate(endless(parts()), steps=3, verbose=0),
        "data set": model.evaluate(dataset(keras, parts(True)), verbose=0),
        "outputs": model.predict(X, batch_size=6, steps=2, verbose=0),
        "generated": model.predict(endless(parts()), steps=3, verbose=0),
    }


@case
def steps_per_execution(keras: Any) -> dict[str, Any]:
    return trained(keras, model_of(keras, steps_per_execution=2), X, Y, 5, epochs=2)
