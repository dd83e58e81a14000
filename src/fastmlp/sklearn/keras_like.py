"""Estimators around a function that builds a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, validate_data

from .. import _checks, activations
from ..models import Model
from ..random import seeded
from .validation import SPARSE, checked_validation, predicted
from .weights import Float64Array, checked_weights, mean_one

# Parameters that are dicts, whose items are parameters too.
_GROUPS = ("model_kwargs", "fit_kwargs")
# What fit takes by itself.
_OWN = frozenset({"x", "y", "sample_weight", "validation_data"})


class KerasLike(BaseEstimator):
    """Base of the estimators around a function that builds a model; its parameters are theirs.

    Parameters and attributes: see :class:`KerasLikeClassifier`.
    """

    def __init__(
        self,
        model: Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, with ``deep`` also the items of ``model_kwargs`` and ``fit_kwargs``."""
        params: dict[str, Any] = super().get_params(deep)
        for group in _GROUPS if deep else ():
            items = params[group]
            if isinstance(items, Mapping):  # of any kind until fit
                params |= {f"{group}__{name}": value for name, value in items.items()}
        return params

    def set_params(self, **params: Any) -> Any:
        """Set parameters, also single items as in ``model_kwargs__units=8``.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        items = {name for name in params if name.split("__")[0] in _GROUPS and "__" in name}
        super().set_params(**{name: params[name] for name in params if name not in items})
        for name in items:
            group, _, item = name.partition("__")
            setattr(self, group, {**(getattr(self, group) or {}), item: params[name]})
        return self

    def _items(self, group: str) -> Mapping[str, Any]:
        items = getattr(self, group)
        if not isinstance(items, (Mapping, type(None))):
            raise TypeError(f"{group} must be a dict or None. Received: {group}={items!r}")
        return items or {}

    # What classifiers and regressors do each in their way.

    def _checked_targets(self, y: Any, known: bool) -> Any:
        """y as the kind of estimator takes it."""
        raise NotImplementedError

    def _for_builder(self, y: Any) -> Any:
        """y as the function that builds the model sees it."""
        raise NotImplementedError

    def _targets(self, y: Any) -> Any:
        """What the model's loss compares with outputs."""
        raise NotImplementedError

    def _check_validation_targets(self, y: Any) -> None:
        """ValueError if validation targets are not of the training targets' kind."""

    def _train(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any]) -> None:
        arguments = {"verbose": 0, **self._items("fit_kwargs")}
        given = sorted(_OWN & arguments.keys())
        if given:
            raise ValueError(
                f"fit_kwargs must not have {', '.join(sorted(_OWN))}, which fit is given itself. "
                f"Received: fit_kwargs with {', '.join(given)}"
            )
        known = _checks.boolean("warm_start", self.warm_start) and hasattr(self, "model_")
        X, y = validate_data(self, X, y, accept_sparse=SPARSE, multi_output=True, reset=not known)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = self._checked_targets(y, known)
        weights = None if sample_weight is None else checked_weights(sample_weight, len(y))
        if not known:
            self.model_ = self._built(X, y)
        held_out = checked_validation(self, validation)
        if held_out is not None:
            X_val, y_val, weights_val = held_out
            targets = self._targets(y_val)
            arguments["validation_data"] = (X_val, targets, self._scaled(weights_val, len(y_val)))
        self.history_ = self.model_.fit(
            X, self._targets(y), sample_weight=self._scaled(weights, len(y)), **arguments
        ).history

    def _built(self, X: Any, y: Any) -> Model:
        """A new model from the function.

        Raises
        ------
        TypeError, ValueError
            If it is no function, or does not give a compiled model.
        """
        if isinstance(self.model, Model) or not callable(self.model):
            raise TypeError(
                "model must be a function that builds and compiles a model for (X, y). "
                f"Received: model={self.model!r}"
            )
        seed = check_random_state(self.random_state).randint(1 << 62, dtype=np.int64)
        with seeded(int(seed)):
            made = self.model(X, self._for_builder(y), **self._items("model_kwargs"))
        if not isinstance(made, Model):
            raise TypeError(
                "model must give a model of fastmlp. Received: a function that gives a "
                f"{type(made).__name__}"
            )
        made._require_loss()
        if not made.built:
            made.build((None, X.shape[1]))
        return made

    def _scaled(self, weights: Float64Array | None, samples: int) -> Float64Array | None:
        """Weights of which one of k counts like k samples, under the loss's reduction."""
        if self.model_._require_loss().reduction == "sum":
            return weights
        return mean_one(weights, samples)[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class KerasLikeClassifier(ClassifierMixin, KerasLike):
    """A classifier around a function that builds a model, as Keras's ``SKLearnClassifier``.

    The model has one output for each class (or label), or a single one for two classes. Its loss
    decides what it is given as targets: indices of classes if it is a sparse one, else zeros and
    ones.

    Parameters
    ----------
    model : callable
        ``model(X, y, **model_kwargs)`` builds and compiles a model for the samples X
        (N, n_features) and y: indices of classes (N,), zeros and ones of labels (N, K), or real
        targets (N,) or (N, K).
    warm_start : bool
        Whether ``fit`` goes on training the model that there is.
    model_kwargs : dict, optional
        Further arguments of ``model``. In a search each is a parameter, such as
        ``model_kwargs__units``.
    fit_kwargs : dict, optional
        Arguments of the model's ``fit``, such as ``fit_kwargs__epochs`` in a search. Without
        "verbose" nothing is printed.
    random_state : int, RandomState or None
        Determines what the model draws: initial weights, orders of samples, dropout.

    Attributes
    ----------
    classes_ : ndarray
        (K,) labels of the classes.
    model_ : Model
        The trained model.
    history_ : dict
        The logs of the last ``fit``, one list for each name.
    n_features_in_, feature_names_in_
        As of scikit-learn's.

    Raises
    ------
    ValueError, TypeError
        From ``fit``, if a parameter is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp
    >>> def build(X, y, units=8):
    ...     model = fastmlp.Sequential([
    ...         fastmlp.layers.Dense(units, activation="tanh"),
    ...         fastmlp.layers.Dense(len(np.unique(y)), activation="softmax"),
    ...     ])
    ...     model.compile("adam", "sparse_categorical_crossentropy")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(90, 2))
    >>> y = np.array(["low", "middle", "high"])[np.digitize(x.sum(axis=1), [-1.0, 1.0])]
    >>> classifier = KerasLikeClassifier(build, fit_kwargs={"epochs": 300}, random_state=0)
    >>> classifier.set_params(model_kwargs__units=16).fit(x, y).score(x, y) > 0.9
    True
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> KerasLikeClassifier:
        """Build the model and train it.

        Parameters
        ----------
        X : array_like or sparse matrix
            (N, n_features) samples.
        y : array_like
            (N,) classes, or (N, K) zeros and ones for K labels.
        sample_weight : array_like, optional
            (N,) weights, not negative; made to have a mean of 1, unless the loss is a sum.
        X_val, y_val, sample_weight_val : array_like, optional
            Validation data of the model's ``fit``.

        Returns
        -------
        KerasLikeClassifier
            This one.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is not as described.
        """
        self._train(X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    def _checked_targets(self, y: Any, known: bool) -> Any:
        if known:
            self._check_validation_targets(y)
        else:
            self._binarizer = LabelBinarizer().fit(y)
            self.classes_: NDArray[Any] = self._binarizer.classes_
        return y

    def _check_validation_targets(self, y: Any) -> None:
        further = np.setdiff1d(y, self.classes_) if self._has_classes else ()
        if len(further):
            raise ValueError(
                f"y must have the classes of the model, {self.classes_}. Received: {further}"
            )

    @property
    def _has_classes(self) -> bool:
        """Whether each sample is of one class, rather than of several labels."""
        return not self._binarizer.y_type_.startswith("multilabel")

    def _for_builder(self, y: Any) -> Any:
        if self._has_classes:
            return np.searchsorted(self.classes_, y)
        return np.asarray(self._binarizer.transform(y), np.float64)

    def _targets(self, y: Any) -> Any:
        loss, outputs = self.model_._require_loss(), self.model_.output_shape[-1]
        seen, classes = self._for_builder(y), len(self.classes_)
        binary = self._has_classes and classes <= 2 and outputs == 1
        if outputs != classes and not binary:
            raise ValueError(
                f"model must have {classes} outputs, one for each class or label, or one for two "
                f"classes. Received: {outputs} outputs for {classes} class(es)"
            )
        if not self._has_classes:
            return seen
        if not loss.is_python and loss.lower().class_indices:
            return seen
        return seen.astype(np.float64) if outputs == 1 else np.eye(classes)[seen]

    def predict(self, X: Any) -> Any:
        """The likeliest classes, or the labels with a probability above 1/2, for samples X."""
        proba = self.predict_proba(X)
        if self._has_classes:
            return self.classes_[proba[:, : len(self.classes_)].argmax(axis=1)]
        return self._binarizer.inverse_transform(proba)

    def predict_proba(self, X: Any) -> Float64Array:
        """Probabilities for samples X: the model's outputs, or what logits stand for if its loss
        says ``from_logits=True``.

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
        exclusive = self._has_classes and outputs.shape[1] > 1
        if getattr(self.model_._require_loss(), "from_logits", False):
            activation = activations.softmax if exclusive else activations.sigmoid
            outputs = np.asarray(activation(outputs))
        if exclusive or not self._has_classes:
            return outputs
        return np.hstack([1.0 - outputs, outputs])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class KerasLikeRegressor(RegressorMixin, KerasLike):
    """A regressor around a function that builds a model, as Keras's ``SKLearnRegressor``.

    Parameters
    ----------
    model, warm_start, model_kwargs, fit_kwargs, random_state
        See :class:`KerasLikeClassifier`.

    Attributes
    ----------
    model_, history_, n_features_in_, feature_names_in_
        See :class:`KerasLikeClassifier`.

    Raises
    ------
    ValueError, TypeError
        From ``fit``, if a parameter is not as described.

    Examples
    --------
    >>> import fastmlp
    >>> def build(X, y):
    ...     model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    ...     model.compile(fastmlp.optimizers.SGD(0.1), "mse")
    ...     return model
    >>> regressor = KerasLikeRegressor(build, fit_kwargs={"epochs": 500}, random_state=0)
    >>> regressor.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[3.0]]).round(3)
    array([7.])
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> KerasLikeRegressor:
        """Build the model and train it.

        Parameters
        ----------
        X : array_like or sparse matrix
            (N, n_features) samples.
        y : array_like
            (N,) or (N, K) targets.
        sample_weight : array_like, optional
            (N,) weights, not negative; made to have a mean of 1, unless the loss is a sum.
        X_val, y_val, sample_weight_val : array_like, optional
            Validation data of the model's ``fit``.

        Returns
        -------
        KerasLikeRegressor
            This one.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is not as described.
        """
        self._train(X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    def _checked_targets(self, y: Any, known: bool) -> Any:
        return np.asarray(y, np.float64)

    def _for_builder(self, y: Any) -> Any:
        return y

    def _targets(self, y: Any) -> Any:
        return np.asarray(y, np.float64)

    def predict(self, X: Any) -> Any:
        """Predictions (N,), or (N, K) for several outputs, for samples X."""
        outputs = predicted(self, X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
