"""Metrics against their definitions, in several updates and with weights."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from fastmlp import metrics

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


def test_a_metric_collects_over_batches_and_weights():
    metric = metrics.SparseCategoricalAccuracy()
    outputs = np.array([[1.0, 0.0], [1.0, 0.0]])
    metric.update_state([0, 1], outputs)
    metric.update_state([0, 0], outputs, sample_weight=[2.0, 4.0])
    assert float(metric.result()) == (1 + 6) / (2 + 6)
    metric.reset_state()
    assert float(metric.result()) == 0.0
