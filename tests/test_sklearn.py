"""The estimators for scikit-learn: its own checks, and its numbers."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run_script
from run_notebook import run_cell
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp import callbacks, losses, optimizers
from fastmlp.sklearn import MLPClassifier, MLPRegressor

# Networks here are small and train for a few epochs only.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
)

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 5))
TWO = (X[:, 0] * X[:, 1] > 0).astype(int)
FOUR = np.digitize(X[:, 0] + X[:, 1] ** 2, [0, 1, 2])
LABELS = np.c_[TWO, X[:, 2] > 0].astype(int)
REAL = np.sin(X[:, 0]) + X[:, 1]
REALS = np.c_[REAL, X[:, 2] ** 2, X[:, 3]]
WEIGHTS = rng.integers(0, 4, 120).astype(float)


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    """All of them, with the defaults: none is expected to fail."""
    check(estimator)


# -- scikit-learn's numbers --

SGD = {"solver": "sgd", "batch_size": 30, "learning_rate_init": 0.1}
PARITY: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "two classes": ("MLPClassifier", TWO, None, {}),
    "four classes": ("MLPClassifier", FOUR, None, {}),
    "labels": ("MLPClassifier", LABELS, None, {}),
    "weights": ("MLPClassifier", FOUR, WEIGHTS, {}),
    "batches": ("MLPClassifier", FOUR, None, {"batch_size": 30}),
    "batches in order": ("MLPClassifier", FOUR, None, {"batch_size": 30, "shuffle": False}),
    "logistic": (
        "MLPClassifier",
        FOUR,
        None,
        {"activation": "logistic", "hidden_layer_sizes": (7, 5)},
    ),
    "sgd": ("MLPClassifier", FOUR, None, SGD),
    "sgd without momentum": ("MLPClassifier", FOUR, None, {**SGD, "momentum": 0.0}),
    "invscaling": (
        "MLPClassifier",
        FOUR,
        None,
        {**SGD, "learning_rate": "invscaling", "power_t": 0.3, "nesterovs_momentum": False},
    ),
    "adaptive": (
        "MLPClassifier",
        FOUR,
        None,
        {**SGD, "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    ),
    "early stopping": (
        "MLPClassifier",
        TWO,
        None,
        {"early_stopping": True, "validation_fraction": 0.25, "learning_rate_init": 0.01},
    ),
    "tolerance": ("MLPClassifier", TWO, None, {"tol": 0.02, "n_iter_no_change": 3}),
    "regressor": ("MLPRegressor", REAL, None, {"activation": "tanh", "alpha": 0.1}),
    "regressor, weights": ("MLPRegressor", REAL, WEIGHTS, {"alpha": 0.1}),
    "linear": ("MLPRegressor", REAL, None, {"hidden_layer_sizes": (), "activation": "identity"}),
    "three outputs": ("MLPRegressor", REALS, None, {"hidden_layer_sizes": 7, "alpha": 1.0}),
    "regressor, early stopping": ("MLPRegressor", REAL, WEIGHTS + 1, {"early_stopping": True}),
    "poisson": ("MLPRegressor", np.exp(REAL), None, {"loss": "poisson"}),
}


@pytest.mark.parametrize("name", PARITY)
def test_scikit_learns_numbers(name: str) -> None:
    """From the same random_state the same weights, losses and scores, epoch for epoch."""
    kind, y, weights, given = PARITY[name]
    given = {"random_state": 3, "hidden_layer_sizes": (10,), "max_iter": 40, **given}
    theirs = getattr(neural_network, kind)(**given).fit(X, y, weights)
    ours = globals()[kind](**given).fit(X, y, weights)
    # Rounding grows over 40 epochs; Keras's loss of Poisson adds 1e-7 to the outputs.
    tolerance = 1e-6 if name == "poisson" else 1e-12
    for their, our in zip(
        [*theirs.coefs_, *theirs.intercepts_], [*ours.coefs_, *ours.intercepts_], strict=True
    ):
        np.testing.assert_allclose(our, their, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=10 * tolerance)
    if kind == "MLPClassifier":
        np.testing.assert_allclose(
            ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-10, atol=1e-10
        )
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    if name == "poisson":  # theirs has y log y - y besides
        further = np.subtract(theirs.loss_curve_, ours.loss_curve_)
        np.testing.assert_allclose(further, further[0], rtol=1e-4)
    elif name != "three outputs":  # by whose number theirs divides what it shows
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
    if ours.early_stopping:
        np.testing.assert_allclose(
            ours.validation_scores_, theirs.validation_scores_, rtol=1e-10, atol=1e-12
        )
        assert ours.best_validation_score_ == max(ours.validation_scores_)
        assert ours.best_loss_ is None


def test_names_and_defaults_are_scikit_learns() -> None:
    for ours, theirs in (
        (MLPClassifier(), neural_network.MLPClassifier()),
        (MLPRegressor(), neural_network.MLPRegressor()),
    ):
        expected = theirs.get_params()
        assert {name: ours.get_params()[name] for name in expected} == expected


def test_partial_fit_is_scikit_learns() -> None:
    ours, theirs = (
        cls((10,), random_state=3, batch_size=20)
        for cls in (MLPClassifier, neural_network.MLPClassifier)
    )
    for _ in range(4):
        for rows in (slice(0, 60), slice(60, 100)):  # other sizes, so another penalty
            for estimator in (ours, theirs):
                estimator.partial_fit(X[rows], FOUR[rows], classes=range(4))
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-12, atol=1e-12)
    assert ours.t_ == theirs.t_ == 400
    assert len(ours.loss_curve_) == 8


def test_a_warm_start_is_scikit_learns() -> None:
    ours, theirs = (
        cls(hidden_layer_sizes=10, random_state=3, max_iter=5, warm_start=True, batch_size=40)
        for cls in (MLPRegressor, neural_network.MLPRegressor)
    )
    for estimator in (ours, theirs):
        estimator.fit(X, REAL).set_params(alpha=0.5, max_iter=3).fit(X, REAL)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-12, atol=1e-12)
    assert len(ours.loss_curve_) == len(theirs.loss_curve_) == 8
    # scikit-learn 1.9 fails here; where another thing is judged, its best is begun anew
    ours.set_params(early_stopping=True).fit(X, REAL)
    assert len(ours.validation_scores_) == 3
    ours.set_params(early_stopping=False).partial_fit(X, REAL)
    assert ours.best_loss_ == ours.loss_
    with pytest.raises(ValueError, match="weights must"):
        ours.set_params(hidden_layer_sizes=(11,)).fit(X, REAL)


# -- one result, however it is computed --


def test_sparse_rows_float32_and_frames_give_the_bits_of_arrays() -> None:
    pandas = pytest.importorskip("pandas")
    few = np.where(np.abs(X) > 0.5, np.float32(X), np.float32(0))
    expected = MLPClassifier((10,), random_state=1, max_iter=5).fit(np.float64(few), FOUR)
    names = list("abcde")
    for x in (
        few,
        sparse.csr_array(few),
        sparse.csc_matrix(few),
        pandas.DataFrame(few, columns=names),
    ):
        made = clone(expected).fit(x, FOUR)
        assert (made.coefs_[0] == expected.coefs_[0]).all()
        assert (made.predict_proba(x) == expected.predict_proba(np.float64(few))).all()
    assert made.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="feature names"):
        made.predict(pandas.DataFrame(few, columns=list("abcdf")))


@pytest.mark.usefixtures("joblib_workers")
def test_a_search_in_two_processes_gives_the_bits_of_one() -> None:
    searches = [
        GridSearchCV(
            make_pipeline(StandardScaler(), MLPClassifier(random_state=0, max_iter=5, dropout=0.2)),
            {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 4)]},
            cv=2,
            n_jobs=jobs,
        ).fit(X, FOUR)
        for jobs in (1, 2)
    ]
    one, two = searches
    assert one.best_params_ == two.best_params_
    assert (one.cv_results_["mean_test_score"] == two.cv_results_["mean_test_score"]).all()
    assert (one.predict_proba(X) == two.predict_proba(X)).all()


def test_threads_engines_and_seeds_elsewhere_change_nothing(threads: int) -> None:
    fastmlp.utils.set_random_seed(threads)
    given: dict[str, Any] = {"random_state": 1, "max_iter": 4, "batch_size": 30, "dropout": 0.3}
    drawn = fastmlp.random.next_seed()
    fastmlp.utils.set_random_seed(threads)
    made = MLPClassifier((10,), **given).fit(X, FOUR)
    assert fastmlp.random.next_seed() == drawn  # none was taken from the sequence of the others
    proba = made.predict_proba(X)
    again = pickle.loads(pickle.dumps(made))
    assert (again.predict_proba(X) == proba).all()
    assert (again.partial_fit(X, FOUR).coefs_[0] == made.partial_fit(X, FOUR).coefs_[0]).all()
    reference = MLPClassifier((10,), engine="reference", **given).fit(X, FOUR)
    # NumPy sums in another order
    np.testing.assert_allclose(reference.predict_proba(X), proba, rtol=1e-12)
    assert proba.sum() == _FIRST.setdefault("sum", proba.sum())


_FIRST: dict[str, Any] = {}


# -- what scikit-learn's networks have not --


def test_layers_are_what_was_asked_for() -> None:
    made = MLPClassifier(
        (8, 6),
        ["gelu", "tanh"],
        dropout=[0.0, 0.5],
        batch_normalization=True,
        random_state=0,
        max_iter=3,
    ).fit(X, FOUR)
    kinds = [type(layer).__name__ for layer in made.model_.layers]
    block = ["Dense", "BatchNormalization", "Activation"]
    assert kinds == [*block, *block, "Dropout", "Dense", "Activation"]
    assert [w.shape for w in made.coefs_] == [(5, 8), (8, 6), (6, 4)]
    np.testing.assert_allclose(made.predict_proba(X).sum(axis=1), 1.0, rtol=1e-14)
    assert (made.model_.predict(X, verbose=0) == made.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("binary_focal_crossentropy", TWO),
        (losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), TWO),
        ("categorical_crossentropy", FOUR),
        (losses.SparseCategoricalCrossentropy(from_logits=True), FOUR),
        ("binary_crossentropy", LABELS),
    ],
)
def test_other_losses_of_classes(loss: Any, y: Any) -> None:
    made = MLPClassifier((16,), loss=loss, random_state=0, learning_rate_init=0.02, max_iter=150)
    assert made.fit(X, y).score(X, y) > 0.9
    assert made.loss_curve_[-1] < made.loss_curve_[0]


def test_the_loss_of_log_loss_is_the_sparse_one() -> None:
    given: dict[str, Any] = {"hidden_layer_sizes": 4, "random_state": 0, "max_iter": 5}
    mine = MLPClassifier(**given).fit(X, FOUR)
    for loss in (
        losses.SparseCategoricalCrossentropy(from_logits=True),
        losses.CategoricalCrossentropy(from_logits=True),
    ):
        other = MLPClassifier(loss=loss, **given).fit(X, FOUR)
        np.testing.assert_allclose(other.coefs_[0], mine.coefs_[0], rtol=1e-12)


def test_other_losses_of_numbers() -> None:
    made = MLPRegressor(losses.Pinball(0.9), (16,), random_state=0, learning_rate_init=0.02)
    share = (made.set_params(max_iter=300).fit(X, REAL).predict(X) >= REAL).mean()
    assert 0.8 < share < 1.0
    mae = MLPRegressor("mae", random_state=0, max_iter=3).fit(X, REALS)
    assert mae.predict(X).shape == (120, 3)


def test_class_weights_are_weights_of_samples() -> None:
    given: dict[str, Any] = {"hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 5}
    for class_weight in ({0: 3.0, 1: 1.0, 2: 0.5, 3: 1.0}, "balanced"):
        from sklearn.utils.class_weight import compute_sample_weight

        weights = compute_sample_weight(class_weight, FOUR)
        expected = MLPClassifier(**given).fit(X, FOUR, weights * (1 + WEIGHTS))
        made = MLPClassifier(class_weight=class_weight, **given).fit(X, FOUR, 1 + WEIGHTS)
        assert (made.coefs_[0] == expected.coefs_[0]).all()


def test_a_weight_counts_like_so_many_samples() -> None:
    """Also of labels and in early stopping; up to rounding, as the sums have other terms."""
    given: dict[str, Any] = {"hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 20}
    repeated = np.repeat(np.arange(60), WEIGHTS[:60].astype(int))
    for cls, y in ((MLPClassifier, LABELS), (MLPRegressor, REALS)):
        weighted = cls(**given).fit(
            X[:60], y[:60], WEIGHTS[:60], X_val=X[60:], y_val=y[60:], sample_weight_val=WEIGHTS[60:]
        )
        as_many = cls(**given).fit(X[repeated], y[repeated])
        np.testing.assert_allclose(weighted.coefs_[0], as_many.coefs_[0], rtol=1e-9)
        assert len(weighted.validation_scores_) == 20


def test_validation_data_of_ones_own() -> None:
    made = MLPClassifier((8,), random_state=0, max_iter=10, early_stopping=True)
    made.fit(X[:100], FOUR[:100], X_val=X[100:], y_val=FOUR[100:])
    assert made.t_ == 100 * made.n_iter_  # nothing was held out
    assert set(made.history_) == {"loss", "val_loss", "val_score"}
    assert made.history_["val_score"] == made.validation_scores_
    assert made.score(X[100:], FOUR[100:]) == made.best_validation_score_
    silent = clone(made).set_params(early_stopping=False)
    silent.fit(X[:100], FOUR[:100], X_val=X[100:], y_val=FOUR[100:])
    assert len(silent.validation_scores_) == 10
    assert silent.best_validation_score_ is None


def test_callbacks_and_schedules_are_fastmlps() -> None:
    rates = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            rates.append(float(self.model.optimizer.learning_rate))
            assert "val_score" in logs

    schedule = optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    stop = callbacks.EarlyStopping(monitor="loss", mode="min", min_delta=1e9, patience=3)
    made = MLPClassifier(
        random_state=0, batch_size=30, learning_rate=schedule, callbacks=[Look(), stop]
    )
    made.fit(X, FOUR, X_val=X, y_val=FOUR)
    assert made.n_iter_ == 4
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125, 0.00625], rtol=1e-15)


def test_verbose_prints_scikit_learns_lines(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for cls in (MLPClassifier, neural_network.MLPClassifier):
        cls(
            (4,),
            verbose=True,
            random_state=0,
            early_stopping=True,
            solver="sgd",
            learning_rate="adaptive",
            n_iter_no_change=2,
            max_iter=30,
        ).fit(X, TWO)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Setting learning rate to 0.000200" in printed[0]


def test_metadata_are_routed() -> None:
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        estimator = MLPClassifier((4,), random_state=0, max_iter=3)
        estimator.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, estimator, transform_input=["X_val"])
        pipeline.fit(X, FOUR, sample_weight=WEIGHTS, X_val=X[:9], y_val=FOUR[:9])
        assert len(pipeline[-1].validation_scores_) == 3
        scaled = StandardScaler().fit(X)
        expected = clone(estimator).fit(scaled.transform(X), FOUR, WEIGHTS)
        assert (pipeline[-1].coefs_[0] == expected.coefs_[0]).all()


def test_an_interrupt_keeps_the_model() -> None:
    class Interrupt(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    made = MLPRegressor(random_state=0, callbacks=[Interrupt()])
    with pytest.warns(UserWarning, match="interrupted by user"):
        made.fit(X, REAL)
    assert made.n_iter_ == len(made.loss_curve_) == 3
    assert set(made.history_) == {"loss"}
    assert np.isfinite(made.predict(X)).all()


@pytest.mark.parametrize("kind", [neural_network.MLPClassifier, neural_network.MLPRegressor])
def test_lbfgs_ends_where_scikit_learns_does(kind: Any) -> None:
    """After as many steps at the same minimum: the loss is flat there, so that roundings of the
    weights on the way, which the condition of the curvature passes on, are squared in it."""
    y = FOUR if kind is neural_network.MLPClassifier else REAL
    given = {"solver": "lbfgs", "hidden_layer_sizes": (4,), "alpha": 3.0, "random_state": 3}
    given["activation"] = "tanh"
    theirs = kind(max_iter=1000, **given).fit(X, y)
    ours = globals()[kind.__name__](max_iter=1000, **given).fit(X, y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-10)
    assert ours.n_iter_ == theirs.n_iter_ == len(ours.loss_curve_)
    assert (np.diff(ours.loss_curve_) <= 0.0).all()
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4, atol=1e-4)


def test_lbfgs_says_that_it_has_not_converged() -> None:
    for given in ({"max_iter": 3}, {"max_fun": 3}):
        made = MLPRegressor(hidden_layer_sizes=(6,), solver="lbfgs", random_state=0, **given)
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after"):
            made.fit(X, REAL)
        assert made.n_iter_ <= 3
    with pytest.raises(AttributeError, match="stochastic optimizers"):
        made.partial_fit(X, REAL)


def test_lbfgs_stops_early_by_the_score_of_what_it_has_not_seen() -> None:
    made = MLPClassifier((30,), solver="lbfgs", early_stopping=True, random_state=0, alpha=0.0)
    made.fit(X, TWO)
    assert made.n_iter_ == len(made.validation_scores_) < 200
    assert made.best_validation_score_ == max(made.validation_scores_)


# -- faults --


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"solver": "newton"}, "solver must be 'adam', 'sgd' or 'lbfgs'"),
        ({"solver": "lbfgs", "dropout": 0.5}, "leave out dropout"),
        ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must"),
        ({"activation": ["relu", "relu"]}, "activation must be one for all"),
        ({"activation": "none"}, "activation must be None, one of"),
        ({"alpha": -1.0}, "alpha must"),
        ({"batch_size": 0}, "batch_size must"),
        ({"learning_rate": "warmup"}, "learning_rate must be one of"),
        ({"learning_rate_init": 0.0}, "learning_rate_init must"),
        ({"power_t": -1.0}, "power_t must"),
        ({"max_iter": 0}, "max_iter must"),
        ({"shuffle": "yes"}, "shuffle must"),
        ({"tol": -1.0}, "tol must"),
        ({"momentum": 1.0, "solver": "sgd"}, "momentum must"),
        ({"validation_fraction": 1.0}, "validation_fraction must"),
        ({"beta_1": 1.0}, "beta_1 must"),
        ({"epsilon": 0.0}, "epsilon must"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must"),
        ({"max_fun": 0}, "max_fun must"),
        ({"dropout": 1.0}, "dropout must"),
        ({"batch_normalization": 1.5}, "batch_normalization must"),
        ({"loss": "categorical_crossentropy"}, "loss must be one of single outputs"),
        ({"engine": "gpu"}, "engine must"),
        ({"early_stopping": True, "validation_fraction": 0.001}, "validation_fraction|test_size"),
    ],
)
def test_a_parameter_is_refused_by_its_name(given: dict[str, Any], match: str) -> None:
    with pytest.raises((ValueError, TypeError), match=match):
        MLPClassifier(**given).fit(X, TWO)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"sample_weight": np.zeros(120)}, "sample_weight must not be negative, nor zero for all"),
        ({"sample_weight": -np.ones(120)}, "sample_weight must not be negative"),
        ({"sample_weight": np.ones(3)}, "sample_weight must have shape"),
        ({"X_val": X}, "X_val and y_val must be given together.*X_val alone"),
        ({"sample_weight_val": WEIGHTS}, "must be given together"),
        ({"X_val": X[:, :4], "y_val": FOUR}, "expecting 5 features"),
        ({"X_val": X, "y_val": FOUR + 1}, "`y_val` has classes not in"),
    ],
)
def test_an_argument_is_refused_by_its_name(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        MLPClassifier(max_iter=1).fit(X, FOUR, **arguments)


def test_weights_that_leave_nothing_are_refused() -> None:
    only = (FOUR == 0).astype(float)
    with pytest.raises(ValueError, match="times class_weight, must be above 0"):
        MLPClassifier(class_weight={0: 0.0}).fit(X, FOUR, only)
    alone = np.eye(1, 120)[0]  # one sample, which is not among those held out
    with pytest.raises(ValueError, match="of those that are validated with"):
        MLPClassifier(early_stopping=True, random_state=0).fit(X, FOUR, alone)


def test_few_rows_and_many_are_predicted_alike() -> None:
    made = MLPClassifier((10,), random_state=1, max_iter=5).fit(X, FOUR)
    many = np.tile(X, (3, 1))
    assert (made.predict_proba(many)[:120] == made.predict_proba(X)).all()
    assert (made.predict_proba(many)[7] == made.predict_proba(X[7:8])[0]).all()
    assert (made.model_.predict(many, verbose=0) == made.predict_proba(many)).all()


def test_other_faults() -> None:
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        MLPRegressor(early_stopping=True).partial_fit(X, REAL)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, FOUR)
    made = MLPClassifier().partial_fit(X, FOUR, classes=range(4))
    with pytest.raises(ValueError, match="classes must be those of the calls before"):
        made.partial_fit(X, FOUR, classes=range(5))
    with pytest.raises(ValueError, match="`y` has classes not in"):
        made.partial_fit(X, FOUR + 1)
    with pytest.raises(ValueError, match="y must not be negative"):
        MLPRegressor("poisson").fit(X, REAL)
    with pytest.raises(ValueError, match="y_val must have the 1 outputs"):
        MLPRegressor().fit(X, REAL, X_val=X, y_val=REALS)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        MLPRegressor(solver="sgd", learning_rate_init=1e300, max_iter=3).fit(X, REAL)
    with pytest.raises(AttributeError, match="coefs_ once it has been fitted"):
        MLPRegressor().coefs_  # noqa: B018
    with pytest.warns(UserWarning, match="batch_size"):
        MLPRegressor(batch_size=500, max_iter=1).fit(X, REAL)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPRegressor(max_iter=2).fit(X, REAL)


def test_fastmlp_does_not_import_scikit_learn() -> None:
    run_script(
        """
import sys
import fastmlp
fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)]).predict([[1.0, 2.0]])
assert "sklearn" not in sys.modules
sys.modules["sklearn"] = None  # as if it were not installed
try:
    fastmlp.sklearn
except ImportError as error:
    assert 'pip install "fastmlp[sklearn]"' in str(error), error
else:
    raise AssertionError
"""
    )
    assert "sklearn" in sys.modules


def test_the_document_prints_what_it_says() -> None:
    document = Path(__file__).parent.parent / "docs" / "scikit-learn.md"
    blocks = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$",
        document.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for script, expected in blocks:
        assert run_cell(script, names)[0] == expected
