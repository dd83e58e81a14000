"""How sure a fitted model is of its weights and outputs.

Letters: N samples, n residuals (one for each output of each sample), P trainable weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._optional import require
from ..engine import Data, Float64Array, MeanSquaredError
from ..optimizers import LevenbergMarquardt
from .second_order import BatchProblem

if TYPE_CHECKING:
    from .compiled import CompiledModel


@dataclass(frozen=True)
class Covariance:
    """What :meth:`Model.covariance` gives.

    Attributes
    ----------
    matrix : ndarray
        (P, P) of the trainable weights, each row-major, one behind the other.
    standard_errors : ndarray
        (P,) the roots of its diagonal.
    rank : int
        Directions in which the data tell the weights; less than P where weights can change
        together without changing an output.
    residual_variance : float
        The variance of the noise in y, estimated; NaN where there are no more residuals than
        ``rank``.
    degrees_of_freedom : float
        Residuals that the weights leave free: n - rank, or n less the effective parameters.
    """

    matrix: Float64Array
    standard_errors: Float64Array
    rank: int
    residual_variance: float
    degrees_of_freedom: float


class Interval(NamedTuple):
    """Outputs (N, ...) and the ends of their intervals, of the same shape."""

    prediction: Float64Array
    lower: Float64Array
    upper: Float64Array


def covariance(model: CompiledModel, data: Data) -> Covariance:
    """Of a model with the loss "mse" at its weights, for the samples it was fitted to.

    Raises
    ------
    ValueError
        If the model has another loss.
    """
    if not isinstance(model._lowered_loss, MeanSquaredError):
        raise ValueError(
            'loss must be "mse" for a covariance of weights. '
            f"Received: loss={getattr(model._lowered_loss, 'name', None)!r}"
        )
    if any(rule is not None for rule in model._network().regularizers):
        raise ValueError(
            "regularizers must be None for a covariance of weights: a penalty of a strength that "
            "was given says nothing of their errors; "
            'LevenbergMarquardt(regularization="bayesian") estimates one. '
            f"Received: {list(model._network().regularizers)}"
        )
    problem = BatchProblem(model, data)
    w = problem.weights
    n, rescale = problem.residuals, math.sqrt(0.5 / problem.share)
    jacobian, residuals = (
        rescale * a for a in (problem.curvature_root(), problem.residual_vector())
    )
    alpha, beta = _evidence(model)
    if not beta:
        return of_squares(jacobian, residuals)
    weighed = np.vstack([math.sqrt(2 * beta) * jacobian, math.sqrt(2 * alpha) * np.eye(len(w))])
    matrix, rank = _inverse_gram(weighed)
    effective = len(w) - 2.0 * alpha * float(np.trace(matrix))
    errors = np.sqrt(matrix.diagonal())
    return Covariance(matrix, errors, rank, 1.0 / (2.0 * beta), n - effective)


def of_squares(jacobian: Float64Array, residuals: Float64Array) -> Covariance:
    """Of what has least squares of residuals (n,), with their Jacobian (n, P)."""
    inverse, rank = _inverse_gram(jacobian)
    free = float(len(residuals) - rank)
    variance = math.fsum(np.square(residuals)) / free if free > 0 else math.nan
    matrix = variance * inverse
    return Covariance(matrix, np.sqrt(matrix.diagonal()), rank, variance, free)


def _evidence(model: CompiledModel) -> tuple[float, float]:
    """alpha and beta that the optimizer has estimated; beta 0 if it has not."""
    optimizer = model.optimizer
    if not (isinstance(optimizer, LevenbergMarquardt) and optimizer.regularization):
        return 0.0, 0.0
    return optimizer.evidence


def _inverse_gram(a: Float64Array) -> tuple[Float64Array, int]:
    """(A.T A)^+ (P, P) of A (n, P), and A's rank: by the singular values of A with columns of
    length 1, those below n or P roundings of the largest being 0."""
    lengths = np.sqrt(np.square(a).sum(axis=0))
    lengths[lengths == 0.0] = 1.0
    upper = np.linalg.qr(a / lengths, mode="r")
    _, values, right = np.linalg.svd(upper)
    values = np.concatenate([values, np.zeros(len(right) - len(values))])
    least = max(a.shape) * np.finfo(float).eps * values.max(initial=0.0)
    kept = values > least
    root = right[kept].T / values[kept] / lengths[:, None]
    return root @ root.T, int(kept.sum())


def interval(
    model: Any, x: Any, covariance: Covariance, confidence: float, noise: bool
) -> Interval:
    """See :meth:`Model.predict_interval`."""
    special = require("scipy.special", "scipy", "predict_interval")
    prediction = model.predict(x, verbose=0)
    jacobian = model.jacobian(x, wrt="parameters")
    variance = np.einsum("...p,pq,...q->...", jacobian, covariance.matrix, jacobian)
    if noise:
        variance = variance + covariance.residual_variance
    quantile = special.stdtrit(covariance.degrees_of_freedom, 0.5 + confidence / 2.0)
    reach = quantile * np.sqrt(np.maximum(variance, 0.0))
    return Interval(prediction, prediction - reach, prediction + reach)
