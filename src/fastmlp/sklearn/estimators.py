"""A classifier and a regressor with scikit-learn's names and defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import type_of_target, unique_labels

from . import network
from .mlp import MLP
from .validation import predicted
from .weights import Float64Array


class MLPClassifier(ClassifierMixin, MLP):
    """A classifier that trains a network: of two classes, several, or several labels.

    Takes the place of scikit-learn's: the same names and defaults and, from the same
    ``random_state``, the same initial weights, orders of samples, and updates. See Notes for
    where the numbers differ.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of the hidden layers.
    activation : str, callable or list of these
        Of the hidden layers, or of each: "identity", "logistic", "tanh", "relu" or another of
        :mod:`fastmlp.activations`.
    solver : {"adam", "sgd", "lbfgs"}
        The optimizer; "lbfgs" takes all samples as one batch, whatever ``batch_size``.
    alpha : float
        Strength of the L2 penalty alpha / 2 sum w^2 over the kernels, divided by the sum of a
        batch's weights.
    batch_size : int or "auto"
        Samples of a step, at most all; "auto" means 200, so that small sets are one batch.
    learning_rate : {"constant", "invscaling", "adaptive"}, schedule or callable
        For "sgd": the rate stays; becomes learning_rate_init / (samples seen + 1)^power_t after
        each epoch; or is divided by 5 whenever training would stop, down to 1e-6. "adam" keeps
        it at learning_rate_init. For both: one of :mod:`fastmlp.optimizers.schedules`, or a
        function of the number of steps, in place of learning_rate_init.
    learning_rate_init : float
        The first learning rate.
    power_t : float
        The exponent of "invscaling".
    max_iter : int
        Most epochs.
    shuffle : bool
        Whether each epoch visits the samples in a new order, unless they are one batch.
    random_state : int, RandomState or None
        Determines initial weights, orders, what is held out, and dropout.
    tol : float
        Smaller improvements do not count. Of "lbfgs", without ``early_stopping``: training ends
        where no element of the gradient is larger.
    verbose : bool
        Whether to print a line an epoch.
    warm_start : bool
        Whether ``fit`` goes on from the weights that there are.
    momentum : float
        Of "sgd", in [0, 1).
    nesterovs_momentum : bool
        Whether it is Nesterov's.
    early_stopping : bool
        Whether to stop by the score of validation data, and to keep the best weights.
    validation_fraction : float
        The share held out for that if ``fit`` is given no validation data; by classes where there
        are two.
    beta_1, beta_2, epsilon : float
        Of "adam".
    n_iter_no_change : int or inf
        More epochs without improvement stop the training.
    max_fun : int
        Of "lbfgs": training ends after the epoch in which it has asked for so many losses.
    loss : str or Loss
        "log_loss", or one of :mod:`fastmlp.losses`, of the outputs' probabilities (or logits,
        where it says ``from_logits=True``) and 0 and 1 for each class.
    class_weight : dict or "balanced", optional
        Weights of the classes, as for other classifiers of scikit-learn.
    dropout : float or list of float
        After the hidden layers, or after each: the rate of Dropout, in [0, 1).
    batch_normalization : bool
        Whether hidden layers normalize what their activation is applied to.
    callbacks : list of Callback, optional
        Called as training goes on; logs have "loss" and, with validation data, "val_loss" and
        "val_score".
    engine : str, optional
        "native" (default), or "reference", the specification in NumPy.

    Attributes
    ----------
    classes_ : ndarray
        (K,) labels of the classes.
    model_ : Sequential
        The network; puts out probabilities.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, units) and biases (units,), layer by layer.
    loss_, best_loss_, loss_curve_
        The loss of the last epoch, the least, and of all epochs.
    validation_scores_, best_validation_score_
        The accuracy after each epoch, and the best; None without validation data.
    history_ : dict
        The logs of the last ``fit``, one list for each name.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As of scikit-learn's.

    Raises
    ------
    ValueError, TypeError
        From ``fit``, if a parameter is not as described.

    Notes
    -----
    With samples that batches divide evenly, or in one batch, weights agree with scikit-learn's to
    rounding as long as no sample has a weight of its own or all are one batch. Elsewhere there are
    two differences. The last batch of an epoch has the penalty of the others. Weights of samples
    count in relation to the mean of all, not to that of their batch, so that one of 2 is two
    samples also in batches.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
    >>> classifier = MLPClassifier((16,), learning_rate_init=0.1, max_iter=1000, random_state=0)
    >>> classifier.fit(x, y).score(x, y) > 0.95
    True
    >>> classifier.predict([[2.0, 2.0], [2.0, -2.0]])
    array(['same', 'other'], dtype='<U5')
    """

    class_weight: Any

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: Any = 0.0,
        batch_normalization: bool = False,
        callbacks: Any = None,
        engine: str | None = None,
    ) -> None:
        self._keep(locals())

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPClassifier:
        """Train.

        Parameters
        ----------
        X : array_like or sparse matrix
            (N, n_features) samples.
        y : array_like
            (N,) classes, or (N, K) zeros and ones for K labels.
        sample_weight : array_like, optional
            (N,) weights, not negative.
        X_val, y_val, sample_weight_val : array_like, optional
            Validation data: their score is kept after each epoch, for ``early_stopping`` in place
            of a part of the training data.

        Returns
        -------
        MLPClassifier
            This one.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is not as described.
        """
        self._train(X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Train for one epoch, from what there is.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array_like, optional
            (K,) all classes; needed at the first call.

        Returns
        -------
        MLPClassifier
            This one.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is not as described.
        """
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._set_classes(labels)
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(
                f"classes must be those of the calls before, {self.classes_}. "
                f"Received: classes={classes!r}"
            )
        self._train(X, y, sample_weight, incremental=True)
        return self

    def _set_classes(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.classes_: NDArray[Any] = self._binarizer.classes_

    def _checked_targets(self, y: Any, incremental: bool) -> Any:
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._set_classes(y)
            return y
        classes = unique_labels(y)
        if self.warm_start and not incremental and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        self._check_classes("y", classes)
        return y

    def _check_classes(self, name: str, classes: Any) -> None:
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. '{name}' has {classes}."
            )

    def _check_validation_targets(self, y: Any) -> None:
        self._check_classes("y_val", unique_labels(y))

    def _goal(self, y: Any) -> tuple[network.Objective, int]:
        several = self._binarizer.y_type_ == "multiclass"
        labels = self._binarizer.y_type_.startswith("multilabel")
        outputs = len(self.classes_) if several or labels else 1
        kind = "multiclass" if several else "binary"
        return network.objective_of(self.loss, kind, outputs), outputs

    def _targets(self, y: Any) -> Any:
        goal, _ = self._goal(y)
        if goal.class_indices and goal.out_activation == "softmax":
            return np.searchsorted(self.classes_, y)
        return np.asarray(self._binarizer.transform(y), np.float64)

    def _strata(self, y: Any) -> Any:
        return y if self.n_outputs_ == 1 else None

    def _class_weights(self, y: Any) -> Float64Array | None:
        if self.class_weight is None:
            return None
        weights: Float64Array = compute_sample_weight(self.class_weight, y)
        return weights

    def _decide(self, outputs: Float64Array) -> Any:
        return self._binarizer.inverse_transform(
            outputs.ravel() if self.n_outputs_ == 1 else outputs
        )

    def _score_of(self, y: Any, predictions: Any, weights: Float64Array | None) -> float:
        return float(accuracy_score(y, predictions, sample_weight=weights))

    def predict_proba(self, X: Any) -> Float64Array:
        """Probabilities of the classes for samples X.

        Parameters
        ----------
        X : array_like or sparse matrix
            (N, n_features_in_) samples.

        Returns
        -------
        ndarray
            (N, K), in the order of ``classes_``; for labels, each one's.
        """
        outputs = predicted(self, X)
        if self.n_outputs_ > 1:
            return outputs
        return np.hstack([1.0 - outputs, outputs])

    def predict_log_proba(self, X: Any) -> Float64Array:
        """The logarithms of :meth:`predict_proba`."""
        result: Float64Array = np.log(self.predict_proba(X))
        return result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, MLP):
    """A regressor that trains a network, of one output or several.

    Takes the place of scikit-learn's: the same names and defaults and, from the same
    ``random_state``, the same initial weights, orders of samples, and updates.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, str or Loss
        Half the squared error; Poisson's deviance of the outputs' exponential; or one of
        :mod:`fastmlp.losses` of the outputs.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, \
power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, \
nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun, dropout, batch_normalization, callbacks, engine
        See :class:`MLPClassifier`.

    Attributes
    ----------
    validation_scores_, best_validation_score_
        R^2 after each epoch, and the best; None without validation data.
    model_, coefs_, intercepts_, loss_, best_loss_, loss_curve_, history_, n_iter_, t_, n_layers_, \
n_outputs_, out_activation_, n_features_in_, feature_names_in_
        See :class:`MLPClassifier`.

    Raises
    ------
    ValueError, TypeError
        From ``fit``, if a parameter is not as described.

    Notes
    -----
    The Notes of :class:`MLPClassifier` hold. Of several outputs the squared errors are added,
    which is what scikit-learn trains on; the loss that it shows is divided by their number. Its
    loss of "poisson" has a further term of y alone.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> y = np.sin(3.0 * x[:, 0])
    >>> regressor = MLPRegressor(hidden_layer_sizes=32, activation="tanh", random_state=0)
    >>> regressor.set_params(batch_size=20, learning_rate_init=0.01).fit(x, y).score(x, y) > 0.99
    True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        batch_normalization: bool = False,
        callbacks: Any = None,
        engine: str | None = None,
    ) -> None:
        self._keep(locals())

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Train.

        Parameters
        ----------
        X : array_like or sparse matrix
            (N, n_features) samples.
        y : array_like
            (N,) or (N, K) targets.
        sample_weight : array_like, optional
            (N,) weights, not negative.
        X_val, y_val, sample_weight_val : array_like, optional
            Validation data: their score is kept after each epoch, for ``early_stopping`` in place
            of a part of the training data.

        Returns
        -------
        MLPRegressor
            This one.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is not as described.
        """
        self._train(X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch, from what there is; arguments as for ``fit``."""
        self._train(X, y, sample_weight, incremental=True)
        return self

    def _checked_targets(self, y: Any, incremental: bool) -> Any:
        y = np.asarray(y, np.float64)
        if isinstance(self.loss, str) and self.loss == "poisson" and y.min() < 0:
            raise ValueError(
                f"y must not be negative for loss='poisson'. Received: y from {y.min()} on"
            )
        return y

    def _goal(self, y: Any) -> tuple[network.Objective, int]:
        outputs = 1 if y.ndim == 1 else y.shape[1]
        return network.objective_of(self.loss, "continuous", outputs), outputs

    def _targets(self, y: Any) -> Any:
        return np.asarray(y, np.float64).reshape(len(y), -1)

    def _check_validation_targets(self, y: Any) -> None:
        if y[:1].size != self.n_outputs_:
            raise ValueError(
                f"y_val must have the {self.n_outputs_} outputs of y. "
                f"Received: y_val of shape {y.shape}"
            )

    def _decide(self, outputs: Float64Array) -> Any:
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    def _score_of(self, y: Any, predictions: Any, weights: Float64Array | None) -> float:
        return float(r2_score(y, predictions, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
