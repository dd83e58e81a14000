"""What the estimators of networks share: checking, training, the attributes of the trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, validate_data

from .. import _checks
from ..optimizers.settings import least_0
from ..random import seeded
from . import network
from .validation import SPARSE, checked_validation, outputs_of, predicted
from .watch import Watch
from .weights import Float64Array, checked_weights, mean_one

_AUTO_BATCH = 200  # scikit-learn's largest batch_size="auto"


class MLP(BaseEstimator):
    """Base of the estimators: their constructors' arguments, and how they train."""

    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    alpha: float
    batch_size: int | str
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    loss: Any
    dropout: Any
    batch_normalization: bool
    callbacks: Any
    engine: str | None

    # Of the trained; the others are set where they are used first.
    _chain: network.Chain
    best_loss_: float | None
    best_validation_score_: float | None
    _judged_by: str | None
    _best_weights: list[Float64Array] | None

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Keep a constructor's arguments as they are, under their names."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    # What classifiers and regressors do each in their way.

    def _checked_targets(self, y: Any, incremental: bool) -> Any:
        """y as the kind of estimator takes it; classes are noted."""
        raise NotImplementedError

    def _goal(self, y: Any) -> tuple[network.Objective, int]:
        """What is minimized, and the number of outputs."""
        raise NotImplementedError

    def _targets(self, y: Any) -> Any:
        """What the loss compares with outputs."""
        raise NotImplementedError

    def _strata(self, y: Any) -> Any:
        """By what validation data are drawn, if by anything."""
        return None

    def _class_weights(self, y: Any) -> Float64Array | None:
        """(N,) weights of samples by their class."""
        return None

    def _decide(self, outputs: Float64Array) -> Any:
        """Predictions from outputs (N, K)."""
        raise NotImplementedError

    def _score_of(self, y: Any, predictions: Any, weights: Float64Array | None) -> float:
        raise NotImplementedError

    def _check_validation_targets(self, y: Any) -> None:
        """ValueError if validation targets are not of the training targets' kind."""

    # Training.

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any, Any] = (None, None, None),
        incremental: bool = False,
    ) -> MLP:
        self._check_parameters()
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.solver == "lbfgs" and incremental:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"Received: solver={self.solver!r}"
            )
        goes_on = hasattr(self, "_chain") and (self.warm_start or incremental)
        X, y = validate_data(self, X, y, accept_sparse=SPARSE, multi_output=True, reset=not goes_on)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = self._checked_targets(y, incremental)
        weights = None if sample_weight is None else checked_weights(sample_weight, len(y))
        random = check_random_state(self.random_state)

        goal, outputs = self._goal(y)
        if not (goes_on and incremental):
            self._prepare(X.shape[1], outputs, goal, random, goes_on)
        held_out = self._validation(X, y, weights, validation, random)
        if held_out is not None and validation[0] is None:
            X, y, weights, held_out = held_out
        by_class = self._class_weights(y)
        if by_class is not None:
            weights = by_class if weights is None else weights * by_class
        self._run(X, y, weights, goal, held_out, random, incremental)
        return self

    def _check_parameters(self) -> None:
        """ValueError for parameters that the network and its optimizer do not look at."""
        least_0("alpha", self.alpha)
        if self.batch_size != "auto":
            _checks.integer("batch_size", self.batch_size, 1)
        least_0("power_t", self.power_t)
        _checks.integer("max_iter", self.max_iter, 1)
        _checks.integer("max_fun", self.max_fun, 1)
        least_0("tol", self.tol)
        for name in ("shuffle", "warm_start", "early_stopping"):
            _checks.boolean(name, getattr(self, name))
        _checks.number("validation_fraction", self.validation_fraction, 0.0, 1.0)
        if self.n_iter_no_change != np.inf:
            _checks.integer("n_iter_no_change", self.n_iter_no_change, 1)

    def _prepare(
        self,
        features: int,
        outputs: int,
        goal: network.Objective,
        random: np.random.RandomState,
        warm: bool,
    ) -> None:
        """The network and its optimizer; a warm one has the weights of the one before."""
        with seeded(0):  # nothing that is trained draws from it
            optimizer = network.optimizer_of(self)
            chain = network.chain_of(self, features, outputs, goal, random)
            chain.compile(optimizer, goal.loss, engine=self.engine)
        if warm:
            chain.set_weights(self._chain.get_weights())
        else:
            network.initialize(chain, self.activation, random)
        self._chain = chain
        self.model_ = network.with_output_activation(chain, goal)
        self.n_layers_ = len(network.dense_layers(chain)) + 1
        self.n_outputs_ = outputs
        self.out_activation_ = goal.out_activation
        if not warm:
            self.t_ = 0
            self.loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = None
            self._judged_by = None

    def _validation(
        self,
        X: Any,
        y: Any,
        weights: Float64Array | None,
        given: tuple[Any, Any, Any],
        random: np.random.RandomState,
    ) -> Any:
        """What is validated with: None; what was given; or, drawn from the training data, what
        is left of these and their weights, and it."""
        checked = checked_validation(self, given)
        if checked is not None:
            return checked
        if not self.early_stopping:
            return None
        train, held_out = train_test_split(
            np.arange(len(y)),
            random_state=random,
            test_size=self.validation_fraction,
            stratify=self._strata(y),
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        parts = [
            (X[rows], y[rows], None if weights is None else weights[rows])
            for rows in (train, held_out)
        ]
        return *parts[0], parts[1]

    def _batch(self, samples: int) -> int:
        """Samples of a step."""
        if self.solver == "lbfgs":
            return samples
        if self.batch_size == "auto":
            return min(_AUTO_BATCH, samples)
        size = int(self.batch_size)
        if size > samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=5,
            )
        return min(size, samples)

    def _run(
        self,
        X: Any,
        y: Any,
        weights: Float64Array | None,
        goal: network.Objective,
        held_out: tuple[Any, Any, Any] | None,
        random: np.random.RandomState,
        incremental: bool,
    ) -> None:
        """Run the epochs, and keep what is best."""
        chain, samples = self._chain, len(y)
        size = self._batch(samples)
        scaled, mean = mean_one(weights, samples, goal.scale)
        network.penalize(chain, self.alpha / (2.0 * size * mean))
        validation_data, score = self._validating(held_out, goal)
        self._judge_by("score" if self.early_stopping else "loss")
        self.n_iter_ = 0
        watch = Watch(self, samples, score)
        chain.draw_orders_from(random)
        try:
            chain.fit(
                X,
                self._targets(y),
                batch_size=size,
                epochs=1 if incremental else self.max_iter,
                verbose=0,
                callbacks=[watch, *(self.callbacks or ())],
                validation_data=validation_data,
                shuffle=self.shuffle and size < samples,
                sample_weight=scaled,
            )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        finally:
            chain.draw_orders_from(None)
        if chain.history is not None:  # it was not interrupted before it had begun
            self.history_ = chain.history.history
        if self.solver == "lbfgs":
            self._warn_of_lbfgs(watch.stopped)
        elif not (incremental or watch.stopped) and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )
        if self._best_weights is not None:
            for variable, value in zip(chain.weights, self._best_weights, strict=True):
                variable.assign(value)
        if not all(np.isfinite(w.value).all() for w in chain.weights):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )

    def _warn_of_lbfgs(self, stopped: bool) -> None:
        """As scikit-learn, where neither loss nor gradient has said that it is the minimum."""
        result = getattr(self._chain.optimizer, "result", None)
        if stopped or result is None or result.converged or result.reason == "interrupted":
            return
        warnings.warn(
            f"lbfgs failed to converge after {self.n_iter_} iteration(s) and {result.evaluations} "
            f"losses ({result.reason}): increase max_iter={self.max_iter} or "
            f"max_fun={self.max_fun}, or scale the data.",
            ConvergenceWarning,
            stacklevel=5,
        )

    def _validating(
        self, held_out: tuple[Any, Any, Any] | None, goal: network.Objective
    ) -> tuple[Any, Callable[[], float] | None]:
        """The model's validation data, and what computes their score."""
        if held_out is None:
            return None, None
        X, y, weights = held_out
        if self.validation_scores_ is None:
            self.validation_scores_ = []

        def score() -> float:
            outputs = outputs_of(self.model_, X)
            if not np.isfinite(outputs).all():
                return np.nan
            return self._score_of(y, self._decide(outputs), weights)

        return (X, self._targets(y), mean_one(weights, len(y), goal.scale)[0]), score

    def _judge_by(self, judge: str) -> None:
        """Begin anew with what is best, unless a warm start goes on with the same judge."""
        if self._judged_by == judge:
            return
        self._judged_by = judge
        self._no_improvement_count = 0
        by_score = judge == "score"
        self.best_loss_ = None if by_score else np.inf
        self.best_validation_score_ = -np.inf if by_score else None
        self._best_weights = self._chain.get_weights() if by_score else None

    # The trained.

    def predict(self, X: Any) -> Any:
        """Predictions for samples X (N, n_features_in_).

        Parameters
        ----------
        X : array_like or sparse matrix
            (N, n_features_in_) samples.

        Returns
        -------
        ndarray
            (N,), or (N, K) for several labels or outputs.
        """
        return self._decide(predicted(self, X))

    @property
    def coefs_(self) -> list[Float64Array]:
        """Weights (inputs, units) of the hidden layers and the outputs, read-only."""
        return [layer.kernel.value for layer in self._dense("coefs_")]

    @property
    def intercepts_(self) -> list[Float64Array]:
        """Biases (units,) of the hidden layers and the outputs, read-only."""
        return [layer.bias.value for layer in self._dense("intercepts_")]

    def _dense(self, name: str) -> list[Any]:
        if not hasattr(self, "_chain"):
            raise AttributeError(f"{type(self).__name__} has {name} once it has been fitted")
        return network.dense_layers(self._chain)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
