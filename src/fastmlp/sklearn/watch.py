"""What an estimator does after each epoch, as scikit-learn's do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..callbacks.callback import Callback, Logs

_SMALLEST_RATE = 1e-6  # below which "adaptive" stops
_ADAPTIVE_DIVISOR = 5.0
_LEAST_DECREASE = 2.220446049250313e-9  # of the loss, for lbfgs: SciPy's ftol


class Watch(Callback):
    """Keeps an estimator's account of its training, lowers the learning rate, and stops.

    Parameters
    ----------
    estimator
        Whose attributes tell of the training.
    samples : int
        Samples of an epoch.
    score : callable, optional
        The score of the validation data, if there are any; the logs get it as "val_score".
    """

    def __init__(self, estimator: Any, samples: int, score: Callable[[], float] | None) -> None:
        self._estimator = estimator
        self._samples = samples
        self._score = score
        self.stopped = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        assert logs is not None
        e = self._estimator
        e.n_iter_ += 1
        e.t_ += self._samples
        e.loss_ = logs["loss"]
        e.loss_curve_.append(e.loss_)
        if e.verbose:
            print(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        if self._score is not None:
            logs["val_score"] = self._score()
            e.validation_scores_.append(logs["val_score"])
            if e.verbose:
                print(f"Validation score: {logs['val_score']:f}")
        if e.solver == "lbfgs" and not e.early_stopping:
            self._end_lbfgs()
            return
        self._count()
        optimizer = self.model.optimizer
        if e.solver == "sgd" and e.learning_rate == "invscaling":
            optimizer.learning_rate = e.learning_rate_init / (e.t_ + 1) ** e.power_t
        if e._no_improvement_count > e.n_iter_no_change:
            self._stop_or_slow_down()

    def _end_lbfgs(self) -> None:
        """Stop where SciPy does: at a loss that hardly falls, or after ``max_fun`` losses."""
        e = self._estimator
        before, e.best_loss_ = e.best_loss_, min(e.best_loss_, e.loss_)
        least = _LEAST_DECREASE * max(abs(before), abs(e.loss_), 1.0)
        if math.isfinite(before) and before - e.loss_ <= least:
            self.stopped = self.model.stop_training = True
        elif self.model.optimizer.evaluations >= e.max_fun:
            self.model.stop_training = True

    def _count(self) -> None:
        """Count the epochs without improvement of the loss, or of the score, by ``tol``."""
        e = self._estimator
        if e.early_stopping:
            value = e.validation_scores_[-1]
            improved = value >= e.best_validation_score_ + e.tol
            if value > e.best_validation_score_:
                e.best_validation_score_ = value
                e._best_weights = self.model.get_weights()
        else:
            improved = e.loss_ <= e.best_loss_ - e.tol
            if e.loss_ < e.best_loss_:
                e.best_loss_ = e.loss_
        e._no_improvement_count = 0 if improved else e._no_improvement_count + 1

    def _stop_or_slow_down(self) -> None:
        e, optimizer = self._estimator, self.model.optimizer
        reason = "Validation score" if e.early_stopping else "Training loss"
        message = (
            f"{reason} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} "
            "consecutive epochs."
        )
        adapts = e.solver == "sgd" and e.learning_rate == "adaptive"
        rate = float(optimizer.learning_rate) if adapts else 0.0
        if rate > _SMALLEST_RATE:
            optimizer.learning_rate = rate / _ADAPTIVE_DIVISOR
            e._no_improvement_count = 0
            outcome = f"Setting learning rate to {rate / _ADAPTIVE_DIVISOR:f}"
        else:
            self.stopped = self.model.stop_training = True
            outcome = "Learning rate too small. Stopping." if adapts else "Stopping."
        if e.verbose:
            print(f"{message} {outcome}")
