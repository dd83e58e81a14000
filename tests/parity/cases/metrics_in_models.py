"""Metrics in compile, fit and evaluate."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import case, classes, mlp, regression, stream


def _run(model: Any, x: Any, y: Any, weights: Any = None, **options: Any) -> dict[str, Any]:
    history = model.fit(
        x,
        y,
        batch_size=7,
        epochs=2,
        shuffle=False,
        verbose=0,
        sample_weight=weights,
        validation_split=0.25,
        **options,
    )
    return {
        "history": dict(sorted(history.history.items())),
        "evaluate": dict(
            sorted(
                model.evaluate(
                    x, y, batch_size=5, verbose=0, sample_weight=weights, return_dict=True
                ).items()
            )
        ),
        "list": model.evaluate(x, y, batch_size=5, verbose=0, sample_weight=weights),
    }


@case
def in_a_regression(keras: Any) -> dict[str, Any]:
    """Metrics of outputs, plain and weighted."""
    x, y = regression(30, rows=30)
    model = mlp(keras)
    model.compile(
        keras.optimizers.SGD(0.1),
        "mse",
        metrics=["mae", "MSE", keras.metrics.RootMeanSquaredError(), "r2_score", "msle"],
        weighted_metrics=[
            "mape",
            keras.metrics.CosineSimilarity(),
            keras.metrics.R2Score(None, name="r2_scores"),
        ],
    )
    return _run(model, x, y, stream(31).uniform(size=30))


@case
def in_a_classifier(keras: Any) -> dict[str, Any]:
    """Class indices: accuracies, crossentropy, largest outputs, overlap."""
    x, y = classes(32, rows=30)
    model = mlp(keras, outputs=4, last="softmax")
    model.compile(
        keras.optimizers.SGD(0.5),
        "sparse_categorical_crossentropy",
        metrics=[
            "accuracy",
            "sparse_categorical_crossentropy",
            keras.metrics.SparseTopKCategoricalAccuracy(k=2),
        ],
        weighted_metrics=["acc"],
    )
    return _run(model, x, y, stream(33).uniform(size=30))


@case
def in_a_classifier_of_columns(keras: Any) -> dict[str, Any]:
    """Class indices (N, 1), class weights."""
    x, y = classes(34, rows=30)
    model = mlp(keras, outputs=4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["acc"], weighted_metrics=["ACC"])
    return _run(model, x, y[:, None], class_weight={0: 2.0, 1: 0.5, 3: 1.5})


@case
def in_a_classifier_of_rows(keras: Any) -> dict[str, Any]:
    """One-hot labels: scores of each class, areas, nested lists."""
    x, y = classes(35, rows=30)
    model = mlp(keras, outputs=4, last="softmax")
    model.compile(
        keras.optimizers.Adam(0.05),
        "categorical_crossentropy",
        metrics=[
            ["accuracy", keras.metrics.F1Score()],
            [keras.metrics.AUC(), keras.metrics.AUC(curve="PR", multi_label=True)],
            keras.metrics.Precision(thresholds=[0.2, 0.4]),
        ],
        weighted_metrics=[keras.metrics.Recall(), keras.metrics.AUC(num_thresholds=9)],
    )
    return _run(model, x, np.eye(4)[y], stream(36).uniform(size=30))


@case
def in_a_binary_classifier(keras: Any) -> dict[str, Any]:
    """One output: counts and constrained ratios; a dict of metrics."""
    x, y = classes(37, rows=30, outputs=2)
    model = mlp(keras, outputs=1, last="sigmoid")
    m = keras.metrics
    model.compile(
        keras.optimizers.Adam(0.05),
        "binary_crossentropy",
        metrics={
            "a": ["accuracy", m.TruePositives(), m.FalseNegatives(), m.Hinge(), "squared_hinge"],
            "b": m.SensitivityAtSpecificity(0.5),
        },
        weighted_metrics=[m.FalsePositives(thresholds=[0.4, 0.5]), m.BinaryCrossentropy()],
    )
    return _run(model, x, y[:, None].astype(float), stream(38).uniform(size=30))


@case
def accuracy_of_logits(keras: Any) -> dict[str, Any]:
    """The trap: one output means a threshold at 0.5, also for logits."""
    x, y = classes(39, rows=30, outputs=2)
    model = mlp(keras, outputs=1)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(
        "sgd", loss, metrics=["accuracy", keras.metrics.BinaryAccuracy("at_0", None, 0.0)]
    )
    return _run(model, x, y[:, None].astype(float))


@case
def functions_of_ones_own(keras: Any) -> dict[str, Any]:
    """Values of samples, and one number of a batch: the mean of the batches' numbers."""

    def largest_error(y_true: Any, y_pred: Any) -> Any:
        return abs(y_true - y_pred).max()

    def ErrorOfSamples(y_true: Any, y_pred: Any) -> Any:  # noqa: N802
        return abs(y_true - y_pred).sum(axis=-1)

    x, y = regression(40, rows=30)
    model = mlp(keras)
    model.compile(
        "sgd", "mse", metrics=[largest_error, ErrorOfSamples, keras.losses.MeanSquaredError()]
    )
    return _run(model, x, y)


@case
def labels_as_they_were_given(keras: Any) -> dict[str, Any]:
    """A metric of one's own sees labels of the shape that fit was given."""

    def error(y_true: Any, y_pred: Any) -> Any:
        return abs(y_true - y_pred[:, 0])

    x, y = regression(41, rows=30, outputs=1)
    model = mlp(keras, outputs=1)
    model.compile("sgd", "mse", metrics=[error, "mae"])
    return _run(model, x, y[:, 0])


@case
def classes_of_ones_own(keras: Any) -> dict[str, Any]:
    """Variables of its own, and a dict as result."""

    class Moments(keras.metrics.Metric):
        def __init__(self, name: str = "moments", **options: Any) -> None:
            super().__init__(name=name, **options)
            self.total = self.add_variable(shape=(), initializer="zeros", name="total")
            self.squares = self.add_weight(shape=(2,), initializer="zeros", name="squares")
            self.batches = self.add_weight(initializer="zeros", name="batches")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign(self.total + y_pred.sum())
            self.squares.assign_add((y_pred**2).sum(axis=0))
            self.batches.assign_add(1.0)

        def result(self) -> dict[str, Any]:
            return {
                "z_mean": self.total / self.batches,
                "a_mean": self.squares[0] / self.batches,
                "both": self.squares / self.batches,
            }

    x, y = regression(42, rows=30)
    model = mlp(keras)
    model.compile("sgd", "mse", metrics=[Moments(), "mae"])
    return _run(model, x, y)


@case
def of_sequences(keras: Any) -> dict[str, Any]:
    """Samples of several rows of outputs."""
    rng = stream(43)
    x = rng.uniform(-1.0, 1.0, (16, 5, 3))
    y = rng.randint(0, 4, (16, 5))
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(4, activation="softmax")])
    model.set_weights([rng.uniform(-1.0, 1.0, w.shape) for w in model.get_weights()])
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", "sparse_categorical_crossentropy"],
        weighted_metrics=["acc"],
    )
    found = _run(model, x, y, rng.uniform(size=(16, 5)))
    rows = np.eye(4)[y]
    model.compile("sgd", "categorical_crossentropy", metrics=["acc", "auc", "cosine_similarity"])
    return {"sparse": found, "one_hot": _run(model, x, rows)}
