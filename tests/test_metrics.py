"""Metrics against their definitions, in models and out of them."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from small_model import N, X, Y, make_model

import fastmlp
from fastmlp import losses, metrics
from fastmlp.metrics.by_shapes import chosen_by_shapes

RNG = np.random.default_rng(8)
ROWS, CLASSES = 40, 3
SCORES = RNG.uniform(size=(ROWS, CLASSES))
HITS = (RNG.uniform(size=(ROWS, CLASSES)) < 0.4).astype(float)
LABELS = RNG.integers(0, CLASSES, ROWS)
ONE_HOT = np.eye(CLASSES)[LABELS]
WEIGHTS = RNG.uniform(0.1, 2.0, ROWS)


def in_parts(metric, y_true, y_pred, weights=None):
    """The result after updates of several sizes."""
    for part in np.split(np.arange(len(y_pred)), [3, 4, 20]):
        given = () if weights is None else (weights[part],)
        metric.update_state(y_true[part], y_pred[part], *given)
    return np.asarray(metric.result())


def weighted_mean(values, weights):
    return math.fsum(values * weights) / math.fsum(weights)


# -- means --


VALUES = {  # each sample's value (N,), by loops over the definition
    metrics.BinaryAccuracy: lambda t, p: sum((p > 0.5) == t) / 3,
    metrics.CategoricalAccuracy: lambda t, p: (
        max(range(3), key=lambda i: p[i]) == max(range(3), key=lambda i: t[i])
    ),
    metrics.MeanSquaredError: lambda t, p: sum((p - t) ** 2) / 3,
    metrics.MeanAbsoluteError: lambda t, p: sum(abs(p - t)) / 3,
    metrics.LogCoshError: lambda t, p: sum(math.log(math.cosh(d)) for d in p - t) / 3,
    metrics.CosineSimilarity: lambda t, p: t @ p / max(math.hypot(*t) * math.hypot(*p), 1e-30),
    metrics.Poisson: lambda t, p: sum(p - t * np.log(p + 1e-7)) / 3,
    metrics.CategoricalHinge: lambda t, p: max(0.0, 1 + max((1 - t) * p) - t @ p),
}


@pytest.mark.parametrize("cls", VALUES, ids=lambda cls: cls.__name__)
def test_means_of_samples(cls):
    values = np.array([float(VALUES[cls](t, p)) for t, p in zip(HITS, SCORES, strict=True)])
    assert in_parts(cls(), HITS, SCORES) == pytest.approx(values.mean(), rel=1e-13)
    expected = weighted_mean(values, WEIGHTS)
    assert in_parts(cls(), HITS, SCORES, WEIGHTS) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_k_largest(k):
    places = [list(np.argsort(-p)) for p in SCORES]
    hits = np.array([y in order[:k] for y, order in zip(LABELS, places, strict=True)], float)
    cases = (
        (metrics.SparseTopKCategoricalAccuracy(k), LABELS, SCORES),
        (metrics.TopKCategoricalAccuracy(k), ONE_HOT, SCORES),
        (metrics.SparseTopKCategoricalAccuracy(k, from_sorted_ids=True), LABELS, np.array(places)),
    )
    for metric, y_true, y_pred in cases:
        got = in_parts(metric, y_true, y_pred, WEIGHTS)
        assert got == pytest.approx(weighted_mean(hits, WEIGHTS), rel=1e-13)


def test_no_class_and_no_number_are_not_among_the_largest():
    scores = np.array([[0.1, 0.9], [np.nan, 0.5], [0.3, 0.2]])
    hits = metrics.sparse_top_k_categorical_accuracy([5, 0, -1], scores, k=2)
    assert hits.tolist() == [0.0, 1.0, 0.0]  # NaN is last of two, behind one other
    assert metrics.sparse_top_k_categorical_accuracy([1], [[0.5, np.nan, 0.1]], k=2)[0] == 0.0


def test_a_root_is_of_the_whole_mean():
    squares = np.square(SCORES - HITS).mean(axis=1)
    expected = math.sqrt(weighted_mean(squares, WEIGHTS))
    got = in_parts(metrics.RootMeanSquaredError(), HITS, SCORES, WEIGHTS)
    assert got == pytest.approx(expected, rel=1e-13)


def test_sums():
    total = metrics.Sum()
    total.update_state(SCORES, HITS)
    total.update_state(2.0)
    assert float(total.result()) == pytest.approx(math.fsum((SCORES * HITS).ravel()) + 2.0)
    total.reset_state()
    assert float(total.result()) == 0.0


def test_one_number_of_a_batch_counts_by_batch():
    """Keras's mean of the batches' numbers, whatever their sizes."""
    metric = metrics.MeanMetricWrapper(lambda y, p, scale: scale * np.max(np.abs(y - p)), scale=2.0)
    got = in_parts(metric, HITS, SCORES)
    parts = [3, 4, 20]
    largest = [2.0 * np.abs(e).max() for e in np.split(HITS - SCORES, parts)]
    assert got == pytest.approx(np.mean(largest))


def test_the_variables_of_a_mean_are_its_sums():
    mean = metrics.Mean()
    mean([1.0, 2.0], [3.0, 1.0])
    assert [float(v) for v in mean.variables] == [5.0, 4.0]
    assert [v.name for v in mean.variables] == ["total", "count"]
    mean.total.assign(8.0)
    mean.count.assign_add(4.0)
    assert float(mean.result()) == 1.0
    twin = pickle.loads(pickle.dumps(mean))
    twin.total.assign(16.0)
    assert float(twin.result()) == 2.0 == 2.0 * float(mean.result())


# -- counts --


def brute_counts(y_true, y_pred, threshold, weights):
    found = dict.fromkeys(("tp", "fp", "tn", "fn"), 0.0)
    for t, p, w in zip(np.ravel(y_true), np.ravel(y_pred), np.ravel(weights), strict=True):
        found[("t" if (p > threshold) == bool(t) else "f") + ("p" if p > threshold else "n")] += w
    return found


ALL_WEIGHTS = np.repeat(WEIGHTS, CLASSES)
THRESHOLDS = [0.7, 0.2, 0.2, 0.95]


@pytest.mark.parametrize(
    ("cls", "key"),
    [
        (metrics.TruePositives, "tp"),
        (metrics.FalsePositives, "fp"),
        (metrics.TrueNegatives, "tn"),
        (metrics.FalseNegatives, "fn"),
    ],
)
def test_counts(cls, key):
    expected = [brute_counts(HITS, SCORES, t, ALL_WEIGHTS)[key] for t in THRESHOLDS]
    got = in_parts(cls(THRESHOLDS), HITS, SCORES, WEIGHTS)
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    one = brute_counts(HITS, SCORES, 0.5, np.ones(ROWS * CLASSES))[key]
    assert in_parts(cls(), HITS, SCORES) == one


def test_ratios_of_counts():
    for threshold in THRESHOLDS:
        c = brute_counts(HITS, SCORES, threshold, ALL_WEIGHTS)
        precision = in_parts(metrics.Precision(threshold), HITS, SCORES, WEIGHTS)
        recall = in_parts(metrics.Recall(threshold), HITS, SCORES, WEIGHTS)
        assert precision == pytest.approx(c["tp"] / (c["tp"] + c["fp"]), rel=1e-13)
        assert recall == pytest.approx(c["tp"] / (c["tp"] + c["fn"]), rel=1e-13)
    assert float(metrics.Precision()([1.0], [0.1])) == 0.0  # no positive


def test_largest_outputs_of_one_class():
    largest = np.argsort(-SCORES, axis=1)[:, :2]
    chosen = np.array([1 in row for row in largest])
    expected = HITS[chosen, 1].sum() / chosen.sum()
    got = in_parts(metrics.Precision(top_k=2, class_id=1), HITS, SCORES)
    assert got == pytest.approx(expected, rel=1e-13)


def test_even_thresholds_are_those_of_any():
    """The quick way finds the same counts, but for outputs that round onto a threshold."""
    even = [0.0, 0.25, 0.5, 0.75, 1.0]
    got = in_parts(metrics.TruePositives(even), HITS, SCORES)
    expected = [brute_counts(HITS, SCORES, t, np.ones(ROWS * CLASSES))["tp"] for t in even]
    assert got.tolist() == expected


@pytest.mark.parametrize(
    ("cls", "bounded", "sought"),
    [
        (metrics.SensitivityAtSpecificity, ("tn", "fp"), ("tp", "fn")),
        (metrics.SpecificityAtSensitivity, ("tp", "fn"), ("tn", "fp")),
        (metrics.PrecisionAtRecall, ("tp", "fn"), ("tp", "fp")),
        (metrics.RecallAtPrecision, ("tp", "fp"), ("tp", "fn")),
    ],
)
def test_the_best_under_a_constraint(cls, bounded, sought):
    def ratio(counts, names):
        part, rest = (counts[name] for name in names)
        return part / (part + rest) if part + rest else 0.0

    counts = [brute_counts(HITS, SCORES, i / 30, ALL_WEIGHTS) for i in range(31)]
    for bound in (0.0, 0.35, 0.6, 1.0):
        feasible = [ratio(c, sought) for c in counts if ratio(c, bounded) >= bound]
        got = in_parts(cls(bound, num_thresholds=31), HITS, SCORES, WEIGHTS)
        assert got == pytest.approx(max([0.0, *feasible]), rel=1e-12)


# -- areas --


def test_the_area_under_the_roc_is_the_share_of_pairs_in_order():
    """With a threshold between any two outputs, the area is the Mann-Whitney statistic."""
    t, p = HITS[:, 0], SCORES[:, 0]
    ordered = np.sort(p)
    between = ((ordered[1:] + ordered[:-1]) / 2).tolist()
    pairs = [a > b for a in p[t == 1] for b in p[t == 0]]
    got = in_parts(metrics.AUC(thresholds=between), t, p)
    assert got == pytest.approx(np.mean(pairs), rel=1e-12)
    logits = np.log(p / (1 - p))
    assert in_parts(metrics.AUC(thresholds=between, from_logits=True), t, logits) == got
    labels = [float(metrics.AUC()(HITS[:, i], SCORES[:, i])) for i in range(CLASSES)]
    several = metrics.AUC(multi_label=True, label_weights=[1.0, 2.0, 0.0])
    assert in_parts(several, HITS, SCORES) == pytest.approx((labels[0] + 2 * labels[1]) / 3)


def test_areas_between_their_bounds():
    for curve in ("ROC", "PR"):
        low, high = (
            float(metrics.AUC(curve=curve, summation_method=how)(HITS, SCORES))
            for how in ("minoring", "majoring")
        )
        middle = float(metrics.AUC(curve=curve)(HITS, SCORES))
        assert 0.0 < low < middle < high < 1.0


def test_an_area_before_labels_are_known():
    metric = metrics.AUC(multi_label=True)
    assert float(metric.result()) == 0.0
    metric.reset_state()
    assert 0.0 < float(metric(HITS, SCORES)) < 1.0


# -- F scores, R2, overlaps --


def test_f_scores_of_classes():
    picked = SCORES.max(axis=1, keepdims=True) == SCORES
    scores, supports = [], []
    for i in range(CLASSES):
        c = brute_counts(HITS[:, i], picked[:, i], 0.5, WEIGHTS)
        precision = c["tp"] / (c["tp"] + c["fp"])
        recall = c["tp"] / (c["tp"] + c["fn"])
        scores.append(5 * precision * recall / (4 * precision + recall))
        supports.append(c["tp"] + c["fn"])
    # Keras adds 1e-7 to each denominator, which are between 0.1 and 30.
    close = {"rel": 1e-5}
    got = in_parts(metrics.FBetaScore(beta=2.0), HITS, SCORES, WEIGHTS)
    assert got == pytest.approx(np.array(scores), **close)
    for average, expected in (
        ("macro", np.mean(scores)),
        ("weighted", np.average(scores, weights=supports)),
    ):
        got = in_parts(metrics.FBetaScore(average, 2.0), HITS, SCORES, WEIGHTS)
        assert got == pytest.approx(expected, **close)


def test_f1_of_all_classes_is_accuracy_where_each_sample_has_one():
    got = in_parts(metrics.F1Score("micro"), ONE_HOT, SCORES)
    assert got == pytest.approx((SCORES.argmax(axis=1) == LABELS).mean(), rel=1e-6)
    assert float(metrics.F1Score().result()) == 0.0


def test_r2_is_the_share_of_variance_explained():
    scores = []
    for t, p in zip(HITS.T, SCORES.T, strict=True):
        mean = np.average(t, weights=WEIGHTS)
        scores.append(1 - (WEIGHTS @ (t - p) ** 2) / (WEIGHTS @ (t - mean) ** 2))
    got = in_parts(metrics.R2Score(None), HITS, SCORES, WEIGHTS)
    np.testing.assert_allclose(got, scores, rtol=1e-11)
    adjusted = in_parts(metrics.R2Score(num_regressors=2), HITS, SCORES, WEIGHTS)
    n = ROWS * CLASSES
    expected = 1 - (1 - np.mean(scores)) * (n - 1) / (n - 3)
    assert adjusted == pytest.approx(expected, rel=1e-11)
    with pytest.warns(UserWarning, match="not adjusted"):
        assert float(metrics.R2Score(num_regressors=9)([[1.0], [2.0]], [[1.0], [2.0]])) == 1.0


def test_correlations_of_rows():
    expected = [np.corrcoef(t, p)[0, 1] for t, p in zip(HITS + SCORES, SCORES, strict=True)]
    got = metrics.pearson_correlation(HITS + SCORES, SCORES)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    shifted = metrics.concordance_correlation(SCORES, SCORES + 1.0)
    variance = SCORES.var(axis=1)
    np.testing.assert_allclose(shifted, 2 * variance / (2 * variance + 1 + 1e-7), rtol=1e-9)


def test_overlaps():
    predicted = SCORES.argmax(axis=1)
    shares = [
        np.sum((i == LABELS) & (predicted == i)) / np.sum((i == LABELS) | (predicted == i))
        for i in range(CLASSES)
    ]
    # Keras adds 1e-7 to denominators of 3 and of some dozens.
    assert in_parts(metrics.MeanIoU(3), LABELS, predicted) == pytest.approx(
        np.mean(shares), rel=1e-6
    )
    assert in_parts(metrics.OneHotIoU(3, [2]), ONE_HOT, SCORES) == pytest.approx(
        shares[2], rel=1e-6
    )
    kept = LABELS != 0
    expected = np.sum((LABELS == 1) & (predicted == 1)) / np.sum(
        kept & ((LABELS == 1) | (predicted == 1))
    )
    got = in_parts(metrics.IoU(3, [1], ignore_class=0), LABELS, predicted)
    assert got == pytest.approx(expected, rel=1e-6)


def test_integer_overlaps_cut_weights():
    with pytest.warns(UserWarning, match="counts in integers"):
        metrics.MeanIoU(3)(LABELS, LABELS, WEIGHTS)
    whole = metrics.IoU(2, [1], dtype="float64")
    assert float(whole([1, 0], [1, 1], [0.5, 1.5])) == pytest.approx(0.25, rel=1e-6)


def test_a_confusion_matrix():
    expected = np.zeros((3, 3))
    for y, p, w in zip(LABELS, SCORES.argmax(axis=1), WEIGHTS, strict=True):
        expected[y, p] += w
    for labels, outputs in (
        (LABELS, SCORES),
        (ONE_HOT, SCORES),
        (LABELS[:, None], SCORES),
        (LABELS, SCORES.argmax(axis=1)),
    ):
        got = in_parts(metrics.ConfusionMatrix(3), labels, outputs, WEIGHTS)
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    told = metrics.ConfusionMatrix(3, sparse_y_true=False, sparse_y_pred=True)
    got = in_parts(told, ONE_HOT, SCORES.argmax(axis=1), WEIGHTS)
    np.testing.assert_allclose(got, expected, rtol=1e-13)


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
    each = losses.sparse_categorical_crossentropy(LABELS, SCORES)
    assert metric.name == name
    assert in_parts(metric, LABELS, SCORES, WEIGHTS) == pytest.approx(weighted_mean(each, WEIGHTS))


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


def test_a_metric_collects_over_batches_and_weights():
    metric = metrics.SparseCategoricalAccuracy()
    outputs = np.array([[1.0, 0.0], [1.0, 0.0]])
    metric.update_state([0, 1], outputs)
    metric.update_state([0, 0], outputs, sample_weight=[2.0, 4.0])
    assert float(metric.result()) == (1 + 6) / (2 + 6)
    metric.reset_state()
    assert float(metric.result()) == 0.0
