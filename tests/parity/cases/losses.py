"""Every loss: alone, on arrays of any rank, weighted and reduced; and in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..frame import case, mlp, stream, uniform

# Class -> options, and what its labels and predictions are.
LOSSES: dict[str, tuple[dict[str, Any], str]] = {
    "MeanSquaredError": ({}, "real"),
    "MeanAbsoluteError": ({}, "real"),
    "MeanAbsolutePercentageError": ({}, "real"),
    "MeanSquaredLogarithmicError": ({}, "positive"),
    "Huber": ({"delta": 0.3}, "real"),
    "LogCosh": ({}, "real"),
    "Poisson": ({}, "positive"),
    "KLDivergence": ({}, "shares"),
    "CosineSimilarity": ({}, "real"),
    "Hinge": ({}, "signs"),
    "SquaredHinge": ({}, "yes"),
    "CategoricalHinge": ({}, "classes"),
    "BinaryCrossentropy": ({"label_smoothing": 0.1}, "yes"),
    "BinaryFocalCrossentropy": (
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        "yes",
    ),
    "CategoricalCrossentropy": ({"label_smoothing": 0.1}, "classes"),
    "CategoricalFocalCrossentropy": ({"alpha": 0.3, "gamma": 1.5}, "classes"),
    "SparseCategoricalCrossentropy": ({"ignore_class": 1}, "labels"),
    "CategoricalGeneralizedCrossEntropy": ({"q": 0.7}, "labels"),
}
LOGITS = [name for name in LOSSES if name.endswith("Crossentropy")]


def data(kind: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions (..., K)."""
    rng = stream(11)
    predictions = rng.uniform(0.05, 0.95, shape)
    if kind in ("classes", "labels", "shares"):
        predictions /= predictions.sum(axis=-1, keepdims=True)
    labels = rng.randint(0, shape[-1], shape[:-1])
    truth: dict[str, Callable[[], np.ndarray]] = {
        "real": lambda: rng.uniform(-1.0, 1.0, shape),
        "positive": lambda: rng.uniform(0.0, 2.0, shape),
        "signs": lambda: np.where(rng.uniform(size=shape) < 0.5, -1.0, 1.0),
        "yes": lambda: (rng.uniform(size=shape) < 0.5).astype(float),
        "classes": lambda: np.eye(shape[-1])[labels],
        "shares": lambda: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
        "labels": lambda: labels,
    }
    return truth[kind](), predictions


def alone(name: str, options: dict[str, Any], kind: str) -> Callable[[Any], dict[str, Any]]:
    def script(keras: Any) -> dict[str, Any]:
        make, found = getattr(keras.losses, name), {}
        for shape in ((5, 3), (4, 2, 3)):
            y, p = data(kind, shape)
            weights = stream(2).uniform(0.1, 2.0, shape[:-1])
            rank = f"rank {len(shape)}"
            for reduction in ("none", "sum", "sum_over_batch_size", "mean_with_sample_weight"):
                loss = make(reduction=reduction, **options)
                found[f"{rank} {reduction}"] = np.asarray(loss(y, p))
                found[f"{rank} {reduction} weighted"] = np.asarray(loss(y, p, weights))
        loss = make(**options)
        found["name"] = loss.name
        y, p = data(kind, (5, 3))
        found["scalar weight"] = np.asarray(loss(y, p, 0.5))
        found["weights (N, 1)"] = np.asarray(loss(y, p, np.arange(5.0)[:, None]))
        return found

    script.__name__ = f"{name}_alone"
    return script


def trained(name: str, options: dict[str, Any], kind: str) -> Callable[[Any], dict[str, Any]]:
    def script(keras: Any) -> dict[str, Any]:
        last = "softmax" if kind in ("classes", "labels", "shares") else "sigmoid"
        last = None if options.get("from_logits") else last
        model = mlp(keras, outputs=3, last=last)
        y, _ = data(kind, (22, 3))
        x = stream(5).uniform(-1.0, 1.0, (22, 3))
        weights = stream(6).uniform(0.1, 2.0, 22)
        model.compile(keras.optimizers.SGD(0.1), getattr(keras.losses, name)(**options))
        history = model.fit(
            x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, sample_weight=weights
        )
        return {
            "weights": model.get_weights(),
            "loss": history.history["loss"],
            "evaluate": model.evaluate(x, y, batch_size=8, verbose=0),
        }

    suffix = "_from_logits" if options.get("from_logits") else ""
    script.__name__ = f"{name}{suffix}_trained"
    return script


for _name, (_options, _kind) in LOSSES.items():
    case(alone(_name, _options, _kind))
    case(trained(_name, _options, _kind))
for _name in LOGITS:
    _options, _kind = LOSSES[_name]
    case(trained(_name, _options | {"from_logits": True}, _kind))


@case
def as_functions_and_names(keras: Any) -> dict[str, Any]:
    """Functions of two arrays, and what strings mean."""
    y, p = data("yes", (4, 3))
    functions = (
        "mean_squared_error mean_absolute_error mean_absolute_percentage_error poisson "
        "mean_squared_logarithmic_error huber log_cosh kl_divergence cosine_similarity hinge "
        "squared_hinge categorical_hinge binary_crossentropy categorical_crossentropy "
        "binary_focal_crossentropy categorical_focal_crossentropy"
    )
    found: dict[str, Any] = {
        name: np.asarray(getattr(keras.losses, name)(y, p)) for name in functions.split()
    }
    labels = np.array([0, 2, 1, 1])
    sparse = keras.losses.sparse_categorical_crossentropy
    found["sparse"] = np.asarray(sparse(labels, p))
    found["sparse, a column"] = np.asarray(sparse(labels[:, None], p, from_logits=True))
    for name in ("mse", "mae", "mape", "msle", "bce", "kld", "hinge", "LogCosh"):
        model = mlp(keras, outputs=3, last="sigmoid")
        model.compile("sgd", name)
        found[f"loss {name}"] = model.evaluate(p, y, verbose=0)
    return found


@case
def shapes_that_are_squeezed(keras: Any) -> dict[str, Any]:
    """(N,) against (N, 1), either way, and one number for each of N outputs of one sample."""
    rng = stream(3)
    flat, column = rng.uniform(size=5), rng.uniform(size=(5, 1))
    loss = keras.losses.MeanSquaredError(reduction="none")
    return {
        "flat labels": np.asarray(loss(flat, column)),
        "flat predictions": np.asarray(loss(column, flat)),
        "both flat": np.asarray(loss(flat, flat[::-1])),
        "weighted": np.asarray(keras.losses.MeanAbsoluteError()(flat, column, flat)),
        "broadcast": np.asarray(loss(column, rng.uniform(size=(5, 3)))),
    }


@case
def along_another_axis(keras: Any) -> dict[str, Any]:
    """Losses along an axis that is given."""
    y, p = data("shares", (3, 4))
    cosine = keras.losses.CosineSimilarity(axis=0, reduction="none")
    crossentropy = keras.losses.CategoricalCrossentropy(axis=0, from_logits=True, reduction="none")
    return {
        "cosine": np.asarray(cosine(y, p)),
        "crossentropy": np.asarray(crossentropy(y.T, p.T)),
    }


@case
def zeros_beside_signs(keras: Any) -> dict[str, Any]:
    """A label of 0 is -1 among zeros and ones, and 0 beside -1."""
    predictions = np.array([[0.3, -0.4, 2.0]])
    losses = (keras.losses.Hinge(), keras.losses.SquaredHinge())
    return {
        loss.name: [
            np.asarray(loss(np.array([[1.0, 0.0, 0.0]]), predictions)),
            np.asarray(loss(np.array([[1.0, 0.0, -1.0]]), predictions)),
        ]
        for loss in losses
    }


@case
def overlaps(keras: Any) -> dict[str, Any]:
    """Dice and Tversky over all, over the last axis and over several."""
    losses, (y, p) = keras.losses, data("yes", (4, 3, 2))
    return {
        str(axis): [
            np.asarray(losses.dice(y, p, axis=axis)),
            np.asarray(losses.tversky(y, p, 0.3, 0.9, axis=axis)),
            np.asarray(losses.Dice(axis=axis, reduction="none")(y, p)),
            np.asarray(losses.Tversky(0.3, 0.9, axis=axis)(y, p, sample_weight=2.0)),
        ]
        for axis in (None, -1, (1, 2), 0)
    }


@case
def trained_by_overlaps(keras: Any) -> dict[str, Any]:
    """Of whole batches, the last one shorter, and of samples, which can have weights."""
    y, x = data("yes", (18, 3))
    found = {}
    for name, loss in {
        "dice": "dice",
        "batch": keras.losses.Tversky(0.3, 0.9),
        "samples": keras.losses.Dice(axis=-1),
        "weighted": keras.losses.Tversky(0.7, axis=-1),
    }.items():
        model = mlp(keras, outputs=3, last="sigmoid")
        model.compile(keras.optimizers.Adam(0.05), loss)
        weights = np.linspace(0.5, 2.0, 18) if name == "weighted" else None
        history = model.fit(x, y, 7, 2, 0, shuffle=False, sample_weight=weights).history
        found[name] = [history["loss"], *model.get_weights()]
    return found


@case
def focal_beyond_probabilities(keras: Any) -> dict[str, Any]:
    """1 - r is below 0 there, and has whole powers alone."""
    y, _ = data("yes", (18, 3))
    p = stream(5).uniform(-0.5, 1.5, y.shape)
    found = {}
    for gamma in (1.0, 2.0, 3.0, 4.0):
        loss = keras.losses.BinaryFocalCrossentropy(gamma=gamma)
        model = mlp(keras, outputs=3)
        model.compile(keras.optimizers.SGD(0.01), loss)
        model.fit(p, y, 6, 2, 0, shuffle=False)
        found[str(gamma)] = [np.asarray(loss(y, p)), *model.get_weights()]
    return found


@case
def loss_weights(keras: Any) -> dict[str, Any]:
    """What regularizers add is not multiplied."""
    y, x = data("real", (18, 3))
    found = {}
    for name, given in {"number": 0.25, "list": [3.0], "zero": 0.0}.items():
        for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
            model = keras.Sequential(
                [
                    keras.Input((3,)),
                    keras.layers.Dense(4, activation="tanh", kernel_regularizer="l2"),
                    keras.layers.Dense(3),
                ]
            )
            model.set_weights(uniform(8, model))
            loss = keras.losses.MeanSquaredError(reduction=reduction)
            model.compile("adam", loss, loss_weights=given, metrics=["mse"])
            weights = np.linspace(0.5, 2.0, 18)
            history = model.fit(x, y, 7, 2, 0, shuffle=False, sample_weight=weights).history
            scores = model.evaluate(x, y, 7, 0)
            found[f"{name} {reduction}"] = [history["loss"], scores, *model.get_weights()]
    return found


@case
def crossentropy_of_the_labels(keras: Any) -> dict[str, Any]:
    """The word means one that is chosen by the shapes of labels and outputs."""
    (classes, x), labels = data("classes", (18, 3)), data("labels", (18, 3))[0]
    found = {}
    for name, outputs, y in (
        ("binary", 1, (labels > 1).astype(float)[:, None]),
        ("sparse", 3, labels),
        ("column", 3, labels[:, None]),
        ("categorical", 3, classes),
    ):
        for word in ("crossentropy", "CE"):
            model = mlp(keras, outputs=outputs, last="sigmoid" if outputs == 1 else "softmax")
            model.compile("adam", word)
            history = model.fit(x, y, 7, 2, 0, shuffle=False).history
            found[f"{name} {word}"] = [history["loss"], *model.get_weights()]
    return found
