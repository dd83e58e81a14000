"""Estimators for scikit-learn: networks that train by fastmlp, within pipelines and searches.

``MLPClassifier`` and ``MLPRegressor`` have the names, the defaults and, from the same
``random_state``, the numbers of scikit-learn's; besides, dropout, activations layer by layer,
batch normalization, further losses, schedules and callbacks. ``KerasLikeClassifier`` and
``KerasLikeRegressor`` take a function that builds any model.

scikit-learn is not installed with fastmlp: ``pip install "fastmlp[sklearn]"``.
"""

from __future__ import annotations

from .._optional import require

require("sklearn", "sklearn", "fastmlp.sklearn")

# ruff: noqa: E402 - only where scikit-learn is
from .estimators import MLPClassifier, MLPRegressor
from .keras_like import KerasLikeClassifier, KerasLikeRegressor

__all__ = ["KerasLikeClassifier", "KerasLikeRegressor", "MLPClassifier", "MLPRegressor"]
