"""Metrics by words, functions, classes and configurations; in models; and what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from small_model import N, X, Y, make_model

import fastmlp
from fastmlp import losses, metrics
from fastmlp.metrics.by_shapes import chosen_by_shapes

RNG = np.random.default_rng(9)
SCORES = RNG.uniform(size=(40, 3))
HITS = (RNG.uniform(size=(40, 3)) < 0.4).astype(float)
LABELS = RNG.integers(0, 3, 40)
WEIGHTS = RNG.uniform(0.1, 2.0, 40)


# -- names, words, configurations --


@pytest.mark.parametrize(
    ("labels", "outputs", "expected"),
    [
        ([0, 1], [[0.9, 0.1], [0.8, 0.2]], 0.5),  # class indices: sparse
        ([[0], [1]], [[0.9, 0.1], [0.2, 0.8]], 1.0),
        ([[1, 0], [1, 0]], [[0.9, 0.1], [0.2, 0.8]], 0.5),  # one-hot: categorical
        ([[1.0], [0.0], [1.0]], [[0.6], [0.4], [0.4]], 2 / 3),  # one output: binary
    ],
)
def test_words_resolved_by_shapes(labels, outputs, expected):
    metric = chosen_by_shapes("Acc")
    assert metric.name == "Acc"
    assert metric._direction == "up"
    assert float(metric(np.array(labels), np.array(outputs))) == pytest.approx(expected)
    cross = chosen_by_shapes("ce")
    assert cross._direction == "down"
    y, p = np.array(labels), np.array(outputs)
    if p.shape[1] == 1:
        picked = np.where(y == 1.0, p, 1 - p)[:, 0]
    else:
        picked = p[np.arange(len(p)), y.argmax(axis=1) if y.shape == p.shape else y.ravel()]
    assert float(cross(y, p)) == pytest.approx(-np.log(picked).mean(), rel=1e-6)


def test_other_words_are_not_resolved_by_shapes():
    assert chosen_by_shapes("binary_accuracy") is None
    assert type(metrics.get("accuracy")) is metrics.Accuracy
    with pytest.raises(ValueError, match=r"metric must be one of .*Received: metric='acc'"):
        metrics.get("acc")


def test_keys_in_logs():
    model = make_model(
        "reference",
        metrics={"b": ["acc", "acc"], "a": [["MSE_of_mine"], []][1]},
        weighted_metrics=("acc", "acc"),
    )
    assert model.metrics_names == ["loss", "acc", "acc_1", "weighted_acc", "weighted_acc_1"]
    model = make_model("reference", metrics=[metrics.AUC(name="loss"), "Accuracy", "CE"])
    assert model.metrics_names == ["loss", "loss_1", "Accuracy", "CE"]


def test_a_loss_by_its_name_is_a_metric_of_samples():
    name = "sparse_categorical_crossentropy"
    metric = metrics._of_loss(name)
    assert metric._direction == "down"
    e = np.abs(HITS - SCORES)
    expected = np.where(e <= 1.0, e**2 / 2, e - 0.5).mean()
    assert float(metrics.get("huber")(HITS, SCORES)) == pytest.approx(expected, rel=1e-13)
    each = losses.sparse_categorical_crossentropy(LABELS, SCORES)
    assert metric.name == name
    expected = np.average(each, weights=WEIGHTS)
    assert float(metric(LABELS, SCORES, WEIGHTS)) == pytest.approx(expected, rel=1e-13)


def test_metrics_of_ones_own_by_configuration():
    class Count(metrics.Metric):
        def __init__(self, start=0.0, **options):
            super().__init__(**options)
            self.start = start

    def distance(y_true, y_pred):
        return np.abs(y_true - y_pred)

    config = metrics.serialize(Count(3.0, name="n"))
    assert metrics.deserialize(config, {"Count": Count}).get_config() == {
        "start": 3.0,
        "name": "n",
        "dtype": "float64",
    }
    with pytest.raises(ValueError, match="metric must be one of"):
        metrics.deserialize(config)
    wrapped = metrics.serialize(metrics.get(distance))
    twin = metrics.deserialize(wrapped, {"distance": distance})
    assert (twin.name, float(twin(np.ones(1), np.full(1, 3.0)))) == ("distance", 2.0)
    with pytest.raises(ValueError, match=r"fn must be the name.*Received: fn='distance'"):
        metrics.deserialize(wrapped)
    plain = metrics.serialize(metrics.MeanMetricWrapper(metrics.mean_absolute_error))
    assert float(metrics.deserialize(plain)([[1.0]], [[3.0]])) == 2.0


def test_a_metric_within_a_metric():
    class Both(metrics.Metric):
        def __init__(self, **options):
            super().__init__(**options)
            self.parts = [metrics.Mean(), metrics.Sum()]
            self.updates = self.add_weight(name="updates")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.updates.assign_add(1.0)
            for part in self.parts:
                part.update_state(y_pred)

        def result(self):
            return {part.name: part.result() for part in self.parts}

    both = Both()
    assert both(None, [1.0, 3.0]) == {"mean": 2.0, "sum": 4.0}
    assert [float(v) for v in both.variables] == [1.0, 4.0, 2.0, 4.0]
    twin = copy.deepcopy(both)
    both.reset_state()
    assert [float(v) for v in both.variables] == [0.0] * 4
    assert [float(v) for v in twin.variables] == [1.0, 4.0, 2.0, 4.0]


# -- in models --


def test_arrays_and_dicts_in_logs(engine, capsys):
    class Extremes(metrics.Metric):
        def __init__(self):
            super().__init__(name="extremes")
            self.low = self.add_variable((), "zeros", name="low")

        def update_state(self, y_true, y_pred, sample_weight=None):
            assert len(y_pred) <= 8  # batch by batch
            self.low.assign(np.minimum(self.low, y_pred.min()))

        def result(self):
            return {"z_low": self.low, "a_low": 2.0 * self.low}

    matrix = metrics.ConfusionMatrix(3, name="matrix")
    model = make_model(engine, metrics=[Extremes(), matrix, "accuracy"])
    history = model.fit(X, Y, 8, 2, 2, validation_split=0.2, shuffle=False).history
    assert list(history) == [
        *("loss", "matrix", "accuracy", "a_low", "z_low"),
        *("val_loss", "val_matrix", "val_accuracy", "val_a_low", "val_z_low"),
    ]
    assert [m.shape for m in history["matrix"]] == [(3, 3), (3, 3)]
    assert [m.sum() for m in history["val_matrix"]] == [10.0, 10.0]
    assert type(history["z_low"][0]) is float
    assert f"matrix: {40 / 9:.4f}" in capsys.readouterr().out  # the mean, as Keras prints it
    _, table, accuracy, low, high = model.evaluate(X, Y, 8, 0)
    assert np.trace(table) / N == pytest.approx(accuracy)
    assert (low, high) == (2 * high, high)
    predicted = model.predict(X).argmax(axis=1)
    assert table[1, 2] == np.sum((Y == 1) & (predicted == 2))


def test_weighted_counts_do_not_depend_on_the_chunks(engine, monkeypatch):
    from fastmlp.models import training

    def history(chunk):
        monkeypatch.setattr(training.Trainer, "_adapt", lambda *_: None)
        monkeypatch.setattr(training, "_FIRST_CHUNK", chunk)
        fastmlp.utils.clear_session()
        model = make_model(
            engine,
            loss=losses.CategoricalCrossentropy(from_logits=True),
            metrics=[metrics.F1Score(), metrics.Hinge(), metrics.AUC(), metrics.R2Score()],
            weighted_metrics=[metrics.AUC(5), metrics.F1Score(), metrics.ConfusionMatrix(3)],
        )
        rows = np.eye(3)[Y]
        weights = np.linspace(0.1, 2.0, N)
        found = model.fit(X, rows, 4, 2, 0, shuffle=False, sample_weight=weights).history
        return {name: np.array(values).tolist() for name, values in found.items()}

    expected = history(1)
    for chunk in (3, 13, 26):
        assert history(chunk) == expected, f"chunks of {chunk} steps"


def test_labels_are_shown_as_they_were_given(engine):
    shapes = []

    def shape(y_true, y_pred):
        shapes.append(y_true.shape[1:])
        return y_pred[:, 0]

    x, y = X[:, :1], X[:, 1]
    model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[shape], engine=engine)
    model.fit(x, y, verbose=0, validation_data=(x, y[:, None]), class_weight={0: 1.0})
    model.evaluate(x, y, verbose=0)
    model.train_on_batch(x, y[:, None])
    assert set(shapes[:2]) == {()}
    assert shapes[2:4] == [(1,), (1,)]
    assert set(shapes[4:-1]) == {()}
    assert shapes[-1] == (1,)


# -- misuse --


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.AUC(curve="POC"), "curve must be one of"),
        (lambda: metrics.AUC(summation_method="x"), "summation_method must be one of"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be an integer of at least 2"),
        (lambda: metrics.AUC(thresholds=[0.5, 1.5]), r"thresholds must lie in \[0, 1\]"),
        (lambda: metrics.AUC(num_labels=3), "num_labels goes with multi_label=True only"),
        (lambda: metrics.AUC(multi_label=True)([1.0], [1.0]), "y_pred must have shape"),
        (
            lambda: metrics.AUC(label_weights=[1.0])(HITS, SCORES),
            "y_pred must have 1 labels, one for each of label_weights",
        ),
        (lambda: metrics.Precision(thresholds=[]), "thresholds must hold a number"),
        (lambda: metrics.Precision(thresholds=-0.1), "thresholds must be"),
        (lambda: metrics.Precision(top_k=0), "top_k must be an integer of at least 1"),
        (lambda: metrics.Precision(top_k=9)(HITS, SCORES), "at least top_k=9 classes"),
        (lambda: metrics.Recall(class_id=3)(HITS, SCORES), "more than class_id=3 classes"),
        (lambda: metrics.Recall()(HITS, SCORES[:, :2]), "same shape.*(40, 3).*(40, 2)"),
        (lambda: metrics.Recall()(HITS, SCORES, [1.0, 2.0]), "sample_weight must broadcast"),
        (lambda: metrics.PrecisionAtRecall(1.5), r"recall must lie in \[0, 1\]"),
        (lambda: metrics.SensitivityAtSpecificity(0.5, 0), "num_thresholds must be"),
        (lambda: metrics.F1Score(average="mean"), "average must be None"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta must be above 0"),
        (lambda: metrics.F1Score(threshold=1.5), r"threshold must lie in \(0, 1\]"),
        (lambda: metrics.F1Score()([1.0], [1.0]), "must have shape"),
        (lambda: metrics.R2Score("sum"), "class_aggregation must be one of"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors must be an integer"),
        (lambda: metrics.R2Score()(SCORES[None], SCORES[None]), "must have shape"),
        (lambda: metrics.IoU(2, [2]), "target_class_ids must be an integer in"),
        (lambda: metrics.IoU(2, []), "target_class_ids must name a class"),
        (lambda: metrics.MeanIoU(2, dtype="float32"), 'dtype must be "float64"'),
        (lambda: metrics.MeanIoU(2)([1], [1, 0]), "equally many classes"),
        (lambda: metrics.TopKCategoricalAccuracy(0), "k must be an integer of at least 1"),
        (lambda: metrics.SparseCategoricalAccuracy()([1, 2], SCORES), "y_true must hold class"),
        (lambda: metrics.CategoricalAccuracy()(LABELS, SCORES), "same shape"),
        (
            lambda: metrics.SparseCategoricalCrossentropy()(LABELS + 1, SCORES),
            r"class indices in \[0, 3\)",
        ),
        (lambda: metrics.MeanSquaredError()([["a"]], [[1.0]]), "y_true must be an array of real"),
        (lambda: metrics.Mean(dtype="float32"), 'dtype must be "float64"'),
        (lambda: metrics.Mean().add_weight(dtype="int32"), 'dtype must be "float64"'),
        (lambda: metrics.Mean().add_variable((), "zeros", aggregation="mean"), "aggregation must"),
        (lambda: make_model("reference", metrics="accuracy"), "metrics must be a list"),
        (lambda: make_model("reference", weighted_metrics=3), "weighted_metrics must be a list"),
        (lambda: make_model("reference", metrics=[None]), "metrics must hold metrics"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_types():
    with pytest.raises(TypeError, match="fn must be a function"):
        metrics.MeanMetricWrapper(3)
    with pytest.raises(TypeError, match="metric must be a name or an instance of Metric"):
        make_model("reference", metrics=[3])
    with pytest.raises(NotImplementedError, match="Metric must implement update_state"):
        metrics.Metric()([1.0], [1.0])

    class Hasty(metrics.Metric):
        def __init__(self):
            self.add_weight(name="total")

    with pytest.raises(RuntimeError, match=r"Hasty.__init__ must call super\(\).__init__\(\)"):
        Hasty()
