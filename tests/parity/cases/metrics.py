"""Metrics, by themselves over several updates and weights, and in models."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import case, stream

ALONE = ("reference",)  # no model: no engine


def _updates(seed: int, outputs: int, batches: int = 3) -> list[tuple[np.ndarray, ...]]:
    """(y_true 0 or 1, y_pred in [0, 1], weights) of batches of 7, 8, 9 rows."""
    rng = stream(seed)
    found = []
    for rows in range(7, 7 + batches):
        y_pred = np.round(rng.uniform(0.0, 1.0, (rows, outputs)), 2)  # ties, and 0.5 itself
        y_true = (rng.uniform(0.0, 1.0, (rows, outputs)) < 0.4).astype(float)
        found.append((y_true, y_pred, rng.uniform(0.0, 2.0, rows)))
    return found


def _probabilities(seed: int, outputs: int = 4) -> list[tuple[np.ndarray, ...]]:
    """(class indices, one-hot rows, rows of probabilities, weights) of batches."""
    rng = stream(seed)
    found = []
    for rows in (7, 8, 9):
        scores = rng.uniform(0.05, 1.0, (rows, outputs))
        labels = rng.randint(0, outputs, rows)
        rows_ = scores / scores.sum(axis=1, keepdims=True)
        found.append((labels, np.eye(outputs)[labels], rows_, rng.uniform(0.0, 2.0, rows)))
    return found


def _followed(metric: Any, updates: Any) -> np.ndarray:
    """Results after each update, without weights and, after a reset, with them; then that of a
    call. In one array, as many small ones make a large file."""
    found = []
    for y_true, y_pred, _ in updates:
        metric.update_state(y_true, y_pred)
        found.append(metric.result())
    metric.reset_state()
    for y_true, y_pred, weights in updates:
        metric.update_state(y_true, y_pred, sample_weight=weights)
        found.append(metric.result())
    found.append(metric(*updates[0][:2]))
    return np.concatenate([np.ravel(result) for result in found])


@case(engines=ALONE)
def accuracies(keras: Any) -> dict[str, Any]:
    """Each accuracy over several updates."""
    m = keras.metrics
    sparse = [(labels, p, w) for labels, _, p, w in _probabilities(1)]
    column = [(labels[:, None], p, w) for labels, p, w in sparse]
    one_hot = [(rows, p, w) for _, rows, p, w in _probabilities(1)]
    ranked = [(labels, np.argsort(-p, axis=1).astype(float), w) for labels, p, w in sparse]
    equal = [(labels, p.argmax(axis=1), w) for labels, p, w in sparse]
    return {
        "equal": _followed(m.Accuracy(), equal),
        "binary": _followed(m.BinaryAccuracy(threshold=0.3), _updates(2, 3)),
        "binary_column": _followed(m.BinaryAccuracy(), _updates(3, 1)),
        "categorical": _followed(m.CategoricalAccuracy(), one_hot),
        "sparse": _followed(m.SparseCategoricalAccuracy(), sparse),
        "sparse_column": _followed(m.SparseCategoricalAccuracy(), column),
        "top": _followed(m.TopKCategoricalAccuracy(k=2), one_hot),
        "sparse_top": _followed(m.SparseTopKCategoricalAccuracy(k=2), sparse),
        "ranked": _followed(m.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True), ranked),
    }


@case(engines=ALONE)
def higher_ranks(keras: Any) -> dict[str, Any]:
    """Sequences of outputs, and vectors."""
    m = keras.metrics
    rng = stream(4)
    scores = rng.uniform(size=(3, 5, 4))
    labels = rng.randint(0, 4, (3, 5))
    weights = rng.uniform(size=(3, 5))
    found = {}
    for metric, y_true in (
        (m.SparseCategoricalAccuracy(), labels),
        (m.CategoricalAccuracy(), np.eye(4)[labels]),
        (m.SparseTopKCategoricalAccuracy(k=2), labels),
        (m.TopKCategoricalAccuracy(k=2), np.eye(4)[labels]),
        (m.MeanSquaredError(), np.eye(4)[labels]),
        (m.SparseCategoricalCrossentropy(from_logits=True), labels),
    ):
        found[metric.name] = [np.asarray(metric(y_true, scores))]
        metric.update_state(y_true, scores, sample_weight=weights)
        found[metric.name].append(np.asarray(metric.result()))
        metric.update_state(y_true, scores, sample_weight=weights[:, 0])
        found[metric.name].append(np.asarray(metric.result()))
    flat = np.eye(4)[labels]
    for metric in (m.BinaryAccuracy(), m.AUC(), m.Precision(), m.TruePositives()):
        found[metric.name] = np.asarray(metric(flat, np.round(scores)))
    one = rng.uniform(size=6), rng.uniform(size=6)
    for metric in (m.MeanAbsoluteError(), m.RootMeanSquaredError(), m.Mean(), m.Sum()):
        found[f"vector_{metric.name}"] = np.asarray(metric(*one))
    found["mean_of_rows"] = np.asarray(m.Mean()(scores, weights[:, 0]))
    found["mean_of_all"] = np.asarray(m.Mean()(scores, weights[..., None]))
    found["sum_of_rows"] = np.asarray(m.Sum()(scores, weights))
    found["one_number"] = np.asarray(m.Mean()(3.0, 2.0))
    return found


@case(engines=ALONE)
def counts(keras: Any) -> dict[str, Any]:
    """The four counts at one, at several and at even thresholds."""
    m = keras.metrics
    found = {}
    for cls in (m.TruePositives, m.FalsePositives, m.TrueNegatives, m.FalseNegatives):
        for number, thresholds in enumerate((None, 0.3, [0.7, 0.2], [0.0, 0.25, 0.5, 0.75, 1.0])):
            for outputs in (1, 3):
                metric = cls(thresholds=thresholds, name="count")
                name = f"{cls.__name__}_{number}_{outputs}"
                found[name] = _followed(metric, _updates(5 + outputs, outputs))
    return found


@case(engines=ALONE)
def precision_and_recall(keras: Any) -> dict[str, Any]:
    """Thresholds, largest outputs and one class."""
    m = keras.metrics
    found = {}
    for cls in (m.Precision, m.Recall):
        for number, options in enumerate(
            (
                {},
                {"thresholds": [0.2, 0.9, 0.5]},
                {"thresholds": [0.0, 0.5, 1.0]},
                {"top_k": 2},
                {"top_k": 1, "thresholds": 0.6},
                {"class_id": 1},
                {"top_k": 2, "class_id": 3},
            )
        ):
            metric = cls(**options, name="ratio")
            found[f"{cls.__name__}_{number}"] = _followed(metric, _updates(9, 4))
    return found


@case(engines=ALONE)
def best_under_constraint(keras: Any) -> dict[str, Any]:
    """One ratio where another is large enough."""
    m = keras.metrics
    found = {}
    for cls in (
        m.SensitivityAtSpecificity,
        m.SpecificityAtSensitivity,
        m.PrecisionAtRecall,
        m.RecallAtPrecision,
    ):
        for options in ({}, {"num_thresholds": 1}, {"num_thresholds": 7, "class_id": 1}):
            for value in (0.3, 0.8):
                metric = cls(value, **options, name="best")
                name = f"{cls.__name__}_{len(options)}_{options.get('num_thresholds')}_{value}"
                found[name] = _followed(metric, _updates(10, 3))
    return found


@case(engines=ALONE)
def areas(keras: Any) -> dict[str, Any]:
    """AUC: curves, sums, thresholds, labels and logits."""
    m = keras.metrics
    found = {}
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "minoring", "majoring"):
            for number, options in enumerate(
                (
                    {"num_thresholds": 200},
                    {"thresholds": [0.8, 0.1, 0.35]},
                    {"multi_label": True, "num_thresholds": 11},
                    {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 0.0, 2.5]},
                    {"label_weights": [1.0, 0.5, 2.5], "num_thresholds": 5},
                )
            ):
                metric = m.AUC(curve=curve, summation_method=method, name="auc", **options)
                updates = _updates(11, 3, batches=2)
                if "thresholds" not in options:  # no output on a threshold: their rounding is moot
                    updates = [(t, p * 0.9967 + 0.0011, w) for t, p, w in updates]
                found[f"{curve}_{method}_{number}"] = _followed(metric, updates)
    logits = [(t, 6.0 * p - 3.0, w) for t, p, w in _updates(12, 2)]
    found["logits"] = _followed(m.AUC(from_logits=True, name="auc"), logits)
    return found


@case(engines=ALONE)
def f_scores(keras: Any) -> dict[str, Any]:
    """F scores of classes and their averages."""
    m = keras.metrics
    found = {}
    for average in (None, "micro", "macro", "weighted"):
        for threshold in (None, 0.4):
            for name, metric in (
                ("f1", m.F1Score(average=average, threshold=threshold)),
                ("fbeta", m.FBetaScore(average=average, beta=2.0, threshold=threshold)),
            ):
                found[f"{name}_{average}_{threshold}"] = _followed(metric, _updates(13, 3))
    return found


@case(engines=ALONE)
def errors_of_regressions(keras: Any) -> dict[str, Any]:
    """Differences from targets."""
    m = keras.metrics
    updates = [(t + 0.3, p, w) for t, p, w in _updates(14, 3)]
    return {
        type(metric).__name__: _followed(metric, updates)
        for metric in (
            m.MeanSquaredError(),
            m.RootMeanSquaredError(),
            m.MeanAbsoluteError(),
            m.MeanAbsolutePercentageError(),
            m.MeanSquaredLogarithmicError(),
            m.LogCoshError(),
            m.CosineSimilarity(),
            m.PearsonCorrelation(),
            m.ConcordanceCorrelation(),
        )
    } | {
        "rank_1": _followed(
            m.RootMeanSquaredError(), [(t[:, 0], p[:, :1], w) for t, p, w in updates]
        ),
        "columns": _followed(m.CosineSimilarity(axis=1), updates),
    }


@case(
    engines=ALONE,
    tolerance=1e-6,
    why="Keras adjusts the R2 score in float32; ours is tested against its formula",
)
def adjusted_r2(keras: Any) -> dict[str, Any]:
    """R2 scores for the number of regressors."""
    metric = keras.metrics.R2Score(num_regressors=2)
    return {"r2": _followed(metric, [(t + 0.2 * p, p, w) for t, p, w in _updates(15, 2)])}


@case(engines=ALONE)
def r2(keras: Any) -> dict[str, Any]:
    """R2 scores, of several outputs."""
    updates = [(t + 0.2 * p, p, w) for t, p, w in _updates(15, 2)]
    return {
        str(aggregation): _followed(keras.metrics.R2Score(aggregation), updates)
        for aggregation in ("uniform_average", "variance_weighted_average", None)
    }


@case(engines=ALONE)
def costs(keras: Any) -> dict[str, Any]:
    """Crossentropies, divergences and hinges."""
    m = keras.metrics
    binary = _updates(16, 3)
    logits = [(t, 8.0 * p - 4.0, w) for t, p, w in binary]
    sparse = [(labels, p, w) for labels, _, p, w in _probabilities(17)]
    one_hot = [(rows, p, w) for _, rows, p, w in _probabilities(17)]
    raw = [(rows, np.log(p) * 3.0, w) for rows, p, w in one_hot]
    signs = [(2.0 * t - 1.0, p, w) for t, p, w in logits]
    return {
        "binary": _followed(m.BinaryCrossentropy(), binary),
        "binary_logits": _followed(m.BinaryCrossentropy(from_logits=True), logits),
        "binary_smooth": _followed(m.BinaryCrossentropy(label_smoothing=0.2), binary),
        "categorical": _followed(m.CategoricalCrossentropy(), one_hot),
        "categorical_logits": _followed(m.CategoricalCrossentropy(from_logits=True), raw),
        "categorical_smooth": _followed(m.CategoricalCrossentropy(label_smoothing=0.1), one_hot),
        "sparse": _followed(m.SparseCategoricalCrossentropy(), sparse),
        "ignored": _followed(m.SparseCategoricalCrossentropy(ignore_class=2), sparse),
        "kl": _followed(m.KLDivergence(), one_hot),
        "poisson": _followed(m.Poisson(), binary),
        "hinge": _followed(m.Hinge(), logits),
        "hinge_signs": _followed(m.Hinge(), signs),
        "squared_hinge": _followed(m.SquaredHinge(), logits),
        "categorical_hinge": _followed(m.CategoricalHinge(), one_hot),
    }


@case(
    engines=ALONE,
    tolerance=2e-7,
    why="Keras computes these ratios in float32; ours are tested against their formula",
)
def overlaps(keras: Any) -> dict[str, Any]:
    """Intersection over union."""
    m = keras.metrics
    sparse = [(t, p.argmax(axis=1), np.ceil(w)) for t, _, p, w in _probabilities(18)]
    scores = [(rows, p, np.ceil(w)) for _, rows, p, w in _probabilities(18)]
    binary = [(t, p, np.ceil(w)) for t, p, w in _updates(19, 1)]
    return {
        "iou": _followed(m.IoU(4, [0, 2], name="iou"), sparse),
        "fractions": _followed(m.IoU(4, [1], name="iou", dtype="float64"), sparse),
        "ignored": _followed(m.MeanIoU(4, ignore_class=1, name="iou"), sparse),
        "outside": _followed(m.MeanIoU(3, name="iou"), sparse),
        "one_hot": _followed(m.OneHotIoU(4, [0, 3], name="iou"), scores),
        "one_hot_mean": _followed(m.OneHotMeanIoU(4, name="iou"), scores),
        "binary": _followed(m.BinaryIoU(threshold=0.4, name="iou"), binary),
        "binary_1": _followed(m.BinaryIoU([1], name="iou"), binary),
    }


@case(engines=ALONE)
def functions(keras: Any) -> dict[str, Any]:
    """Metrics as functions."""
    m = keras.metrics
    (t, p, _), *_ = _updates(20, 3)
    (labels, rows, probabilities, _), *_ = _probabilities(21)
    return {
        "binary_accuracy": m.binary_accuracy(t, p, threshold=0.4),
        "categorical_accuracy": m.categorical_accuracy(rows, probabilities),
        "sparse_categorical_accuracy": m.sparse_categorical_accuracy(labels, probabilities),
        "top_k": m.top_k_categorical_accuracy(rows, probabilities, k=2),
        "sparse_top_k": m.sparse_top_k_categorical_accuracy(labels, probabilities, k=2),
        "mse": m.mean_squared_error(t, p),
        "mae": m.mean_absolute_error(t, p),
        "mape": m.mean_absolute_percentage_error(t, p),
        "msle": m.mean_squared_logarithmic_error(t, p),
        "huber": m.huber(t, p, delta=0.4),
        "log_cosh": m.log_cosh(t, p),
        "kl": m.kl_divergence(t, p),
        "poisson": m.poisson(t, p),
        "hinge": m.hinge(t, p),
        "squared_hinge": m.squared_hinge(t, p),
        "categorical_hinge": m.categorical_hinge(t, p),
        "bce": m.binary_crossentropy(t, p, from_logits=True, label_smoothing=0.1),
        "cce": m.categorical_crossentropy(rows, probabilities, label_smoothing=0.1),
        "sce": m.sparse_categorical_crossentropy(labels, probabilities),
        "pearson": m.pearson_correlation(t + 0.1 * p, p),
        "concordance": m.concordance_correlation(t, p),
    }


@case(engines=ALONE)
def variables(keras: Any) -> dict[str, Any]:
    """What metrics keep, by name."""
    m = keras.metrics
    (t, p, w), *_ = _updates(22, 3)
    found = {}
    for metric in (
        m.MeanSquaredError(),
        m.Precision(),
        m.F1Score(),
        m.R2Score(),
        m.AUC(3),
        m.TruePositives(),
        m.IoU(2, [0]),
    ):
        metric.update_state(
            t, np.round(p), sample_weight=np.ceil(w) if metric.name[:2] != "io" else None
        )
        for variable in metric.variables:
            found[f"{metric.name}_{variable.name}"] = np.asarray(variable, float)
    return found


@case(engines=ALONE)
def directions(keras: Any) -> dict[str, Any]:
    """The default name of each class, and whether more or less is better."""
    needed = {"IoU": (2, [0]), "OneHotIoU": (2, [0]), "MeanIoU": (2,), "OneHotMeanIoU": (2,)}
    found = {}
    for name in sorted(name for name in vars(keras.metrics) if name[0].isupper()):
        cls = getattr(keras.metrics, name)
        if (
            cls is not Any
            and issubclass(cls, keras.metrics.Metric)
            and name not in ("Metric", "SampleMean", "ConfusionMatrix")
        ):
            arguments = (abs,) if name == "MeanMetricWrapper" else needed.get(name, ())
            if "At" in name:
                arguments = (0.5,)
            metric = cls(*arguments)
            found[name] = f"{metric.name} {getattr(metric, '_direction', 'unknown')}"
    return {"classes": " ".join(found), "names": " ".join(found.values())}


@case(engines=ALONE)
def names(keras: Any) -> dict[str, Any]:
    """Strings in several spellings, and numbers behind names."""
    m = keras.metrics
    made = [m.AUC(), m.AUC(), m.Precision(), m.IoU(2, [0]), m.AUC(name="auc"), m.AUC()]
    words = ["mse", "MSE", "mean_squared_error", "MeanSquaredError", "bce", "BCE", "mape", "MSLE"]
    words += ["AUC", "auc", "f1_score", "F1Score", "r2_score", "top_k_categorical_accuracy"]
    words += ["accuracy", "Poisson", "kl_divergence", "recall", "true_positives"]
    return {
        "automatic": [metric.name for metric in made],
        "classes": [type(m.get(word)).__name__ for word in words],
        "again": [type(m.deserialize(m.serialize(m.get(word)))).__name__ for word in words],
    }
