"""Estimators around a function that builds a model: scikit-learn's checks, and targets by loss."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp import losses
from fastmlp.sklearn import KerasLikeClassifier, KerasLikeRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
THREE = np.array(["low", "middle", "high"])[np.digitize(X.sum(axis=1), [-1.0, 1.0])]
TWO = np.where(X[:, 0] > 0, "yes", "no")
LABELS = np.c_[X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0].astype(int)


def network(outputs: int, activation: Any, loss: Any, units: int = 10, dropout: float = 0.0) -> Any:
    model = fastmlp.Sequential(
        [
            fastmlp.layers.Dense(units, activation="tanh"),
            fastmlp.layers.Dropout(dropout),
            fastmlp.layers.Dense(outputs, activation=activation),
        ]
    )
    model.compile(fastmlp.optimizers.Adam(0.05), loss)
    return model


def classifier(X: Any, y: Any, **options: Any) -> Any:
    """For a pickle, a function of a module."""
    classes = len(np.unique(y))
    if y.ndim == 2:
        return network(y.shape[1], "sigmoid", "binary_crossentropy", **options)
    if classes <= 2:
        return network(1, None, losses.BinaryCrossentropy(from_logits=True), **options)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return network(classes, None, loss, **options)


def regressor(X: Any, y: Any, **options: Any) -> Any:
    return network(y[0].size, None, "mse", **options)


# One batch, so that a weight of k is k samples whatever the order.
BRIEFLY = {"epochs": 50, "batch_size": 1000}


@parametrize_with_checks(
    [
        KerasLikeClassifier(classifier, fit_kwargs=BRIEFLY),
        KerasLikeRegressor(regressor, fit_kwargs=BRIEFLY),
    ]
)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    """All of them: none is expected to fail."""
    check(estimator)


@pytest.mark.parametrize(
    ("y", "outputs", "activation", "loss"),
    [
        (TWO, 1, "sigmoid", "binary_crossentropy"),
        (TWO, 1, None, losses.BinaryCrossentropy(from_logits=True)),
        (TWO, 2, "softmax", "sparse_categorical_crossentropy"),
        (THREE, 3, "softmax", "categorical_crossentropy"),
        (THREE, 3, None, losses.CategoricalCrossentropy(from_logits=True)),
        (LABELS, 3, "sigmoid", "binary_crossentropy"),
        (LABELS, 3, None, losses.BinaryCrossentropy(from_logits=True)),
    ],
)
def test_the_loss_decides_what_targets_are(
    y: Any, outputs: int, activation: Any, loss: Any
) -> None:
    def build(X: Any, y: Any) -> Any:
        return network(outputs, activation, loss)

    made = KerasLikeClassifier(build, fit_kwargs={"epochs": 100}, random_state=0).fit(X, y)
    assert made.score(X, y) > 0.9
    proba = made.predict_proba(X)
    assert proba.shape == (90, len(made.classes_))
    assert (proba >= 0).all()
    if y is not LABELS:
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-14)
    assert (pickle.loads(pickle.dumps(made.model_)).predict(X) == made.model_.predict(X)).all()


@pytest.mark.usefixtures("joblib_workers")
def test_a_search_over_the_functions_arguments() -> None:
    grid = {"model_kwargs__units": [2, 12], "fit_kwargs__epochs": [3, 60]}
    given = KerasLikeClassifier(classifier, model_kwargs={"dropout": 0.1}, random_state=0)
    one, two = (GridSearchCV(given, grid, cv=2, n_jobs=jobs).fit(X, THREE) for jobs in (1, 2))
    assert one.best_params_["fit_kwargs__epochs"] == 60
    assert (one.cv_results_["mean_test_score"] == two.cv_results_["mean_test_score"]).all()
    best = one.best_estimator_
    assert best.get_params()["model_kwargs__units"] == one.best_params_["model_kwargs__units"]
    assert best.model_kwargs["dropout"] == 0.1
    assert given.fit_kwargs is None  # a search sets those of its clones
    assert (two.best_estimator_.predict_proba(X) == best.predict_proba(X)).all()


def test_numbers_are_those_of_the_model() -> None:
    """The function's model with that random_state trains as it would by itself."""
    made = KerasLikeRegressor(regressor, fit_kwargs={"epochs": 3}, random_state=5).fit(X, X[:, 0])
    seed = int(np.random.RandomState(5).randint(1 << 62, dtype=np.int64))
    with fastmlp.random.seeded(seed):
        model = regressor(X, X[:, 0])
    history = model.fit(X, X[:, 0], epochs=3, verbose=0).history
    assert made.history_ == history
    assert (made.predict(X) == model.predict(X)[:, 0]).all()
    validated = clone(made).fit(X, X[:, 0], X_val=X[:9], y_val=X[:9, 0])
    assert set(validated.history_) == {"loss", "val_loss"}
    total = KerasLikeRegressor(lambda X, y: network(1, None, losses.MeanSquaredError("sum")))
    assert total.fit(X, X[:, 0], np.full(90, 2.0)).history_["loss"][0] > 2 * history["loss"][0]


def test_a_warm_start_goes_on() -> None:
    twice, once = (
        KerasLikeClassifier(classifier, fit_kwargs={"epochs": n}, random_state=0, warm_start=True)
        for n in (2, 4)
    )
    twice.fit(X, THREE).fit(X, THREE)
    assert (twice.predict_proba(X) == once.fit(X, THREE).predict_proba(X)).all()
    with pytest.raises(ValueError, match="y must have the classes of the model"):
        once.fit(X, np.where(THREE == "low", "lower", THREE))


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"model": fastmlp.Sequential()}, TypeError, "model must be a function"),
        ({"model": "mlp"}, TypeError, "model must be a function"),
        ({"model": lambda X, y: None}, TypeError, "a function that gives a NoneType"),
        ({"model": lambda X, y: fastmlp.Sequential()}, ValueError, "compile must be called"),
        ({"model": lambda X, y: network(2, None, "mse")}, ValueError, "2 outputs for 3 class"),
        ({"model_kwargs": {"layers": 1}}, TypeError, "layers"),
        ({"model_kwargs": 3}, TypeError, "model_kwargs must be a dict"),
        ({"fit_kwargs": {"x": X, "epochs": 1}}, ValueError, "Received: fit_kwargs with x"),
        ({"fit_kwargs": {"epoch": 1}}, TypeError, "epoch"),
        ({"warm_start": "yes"}, ValueError, "warm_start must"),
    ],
)
def test_a_parameter_is_refused_by_its_name(
    given: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        KerasLikeClassifier(**{"model": classifier, **given}).fit(X, THREE)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        KerasLikeClassifier(classifier).set_params(epochs=3)
