"""Metrics: numbers for people, computed from the outputs that training records.

No module here bears the name of a function that it exports: both would be the one attribute of
that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import losses
from .._naming import snake_case
from .._objects import get_registered_object, within
from .._registry import serialize
from .accuracies import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .auc import AUC
from .confusions import BinaryIoU, ConfusionMatrix, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .constrained import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from .correlations import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    R2Score,
    concordance_correlation,
    pearson_correlation,
)
from .counts import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from .crossentropies import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from .errors import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from .f_scores import F1Score, FBetaScore
from .hinges import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from .mean import Mean, MeanMetricWrapper, SampleMean, Sum
from .metric import Metric, registry


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Metric:
    """A metric from ``{"class_name": ..., "config": {...}}``.

    Parameters
    ----------
    config : dict
        What ``serialize`` made.
    custom_objects : dict, optional
        Names to metrics of one's own, and to functions that MeanMetricWrapper takes.

    Raises
    ------
    ValueError
        If the class or the function is not known.

    Examples
    --------
    >>> deserialize({"class_name": "AUC", "config": {"curve": "PR"}}).curve
    'PR'
    """
    with within(custom_objects):
        if isinstance(config, dict) and config.get("class_name") == "MeanMetricWrapper":
            arguments = config.get("config", {})
            config = {**config, "config": {**arguments, "fn": _function(arguments)}}
        return registry.deserialize(config)


def _function(arguments: dict[str, Any]) -> Callable[..., Any]:
    """The function whose name a configuration of MeanMetricWrapper holds."""
    name = arguments.get("fn")
    if isinstance(name, dict):
        name = name.get("config")
    function = name if callable(name) else get_registered_object(name, globals())
    if not callable(function) or isinstance(function, type) or str(name).startswith("_"):
        raise ValueError(
            "fn must be the name of a function of fastmlp.metrics or of custom_objects. "
            f"Received: fn={name!r}"
        )
    return function  # type: ignore[no-any-return]


def get(identifier: Any) -> Metric:
    """A metric from an instance, a class, a name, a configuration, or a function of labels and
    outputs.

    A name is that of a metric ("AUC", "mean_squared_error", "mse", "MSE") or else of a loss
    ("huber"), of which each sample's value counts.

    Raises
    ------
    ValueError
        If fastmlp has no metric or loss of that name. "acc" and "crossentropy" are names in
        ``compile`` only, which knows the shapes that they depend on.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, str):
        if registry.find(identifier) is None:
            return _of_loss(identifier)
        identifier = registry.get(identifier)
    elif isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if not callable(identifier) or isinstance(identifier, (type, Metric)):
        return registry.get(identifier)
    cls = registry.class_of(identifier)
    if cls is not None:
        return cls()
    function = getattr(identifier, "__name__", type(identifier).__name__)
    return MeanMetricWrapper(identifier, name=getattr(identifier, "name", snake_case(function)))


def _of_loss(name: str) -> Metric:
    """The metric that is a loss of that name."""
    if name in ("huber", "Huber"):
        function: Callable[..., Any] = huber
    else:
        try:
            function = losses.get(name).call
        except ValueError:
            return registry.get(name)  # the error lists the metrics
    metric = SampleMean(function, name=snake_case(name))
    metric._direction = "down"
    return metric


__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "ConfusionMatrix",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]
