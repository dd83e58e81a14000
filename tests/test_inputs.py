"""Samples in every form: the same bits as their float64 array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_model import EXACT, assert_same_weights

import fastmlp
from fastmlp import Sequential, layers
from fastmlp.models import samples

ENGINES = pytest.mark.parametrize("engine", ["native", "reference"])
RNG = np.random.default_rng(8)
N, F = 40, 11
# Small whole numbers, which every type holds; sparse enough for lists, with an empty row.
WHOLE = np.where(RNG.random((N, F)) < 0.25, RNG.integers(0, 100, (N, F)), 0).astype(np.float64)
WHOLE[3] = 0
Y = RNG.normal(size=(N, 2))


def make_model(engine: str, scale: float = 1 / 64, offset: float = 0.0) -> Sequential:
    fastmlp.utils.set_random_seed(3)
    model = Sequential(
        [
            layers.Input((F,)),
            layers.Rescaling(scale, offset),
            layers.Dense(6, "tanh"),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse", engine=engine)
    return model


def assert_same(x, engine: str, dense=WHOLE, y=Y, **options) -> None:
    """Training, scores, outputs and gradients by x are those by its float64 array."""
    expected, actual = make_model(engine, **options), make_model(engine, **options)
    for model, inputs, targets in ((expected, dense, Y), (actual, x, y)):
        model.fit(inputs, targets, 7, epochs=2, verbose=0)
        model.train_on_batch(inputs, targets)
    assert_same_weights(expected, actual, **EXACT)
    np.testing.assert_array_equal(actual.predict(x), expected.predict(dense))
    np.testing.assert_array_equal(actual.predict_on_batch(x), expected.predict(dense))
    assert actual.evaluate(x, y, 9, verbose=0) == expected.evaluate(dense, Y, 9, verbose=0)
    assert actual.loss_and_gradient(x, y)[0] == expected.loss_and_gradient(dense, Y)[0]


def odd_layout(x):
    """Every second row and column of a larger array."""
    wide = np.full((2 * N, 2 * F), np.nan)
    wide[::2, 1::2] = x
    return wide[::2, 1::2]


def read_only(x):
    copy = x.copy()
    copy.flags.writeable = False
    return copy


class Interface:
    """What has ``__array__`` alone."""

    def __init__(self, x):
        self._x = x

    def __array__(self, dtype=None, copy=None):
        return np.array(self._x, dtype, copy=copy)


class Capsule:
    """What has DLPack's methods alone."""

    def __init__(self, x):
        self._x = x

    def __dlpack__(self, **options):
        return self._x.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._x.__dlpack_device__()


FORMS = {
    **{
        np.dtype(t).name: lambda x, t=t: x.astype(t)
        for t in [
            "int8",
            "uint8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "uint64",
            "float16",
            "float32",
            "longdouble",
        ]
    },
    "big-endian": lambda x: x.astype(">f8"),
    "big-endian int": lambda x: x.astype(">i4"),
    "Fortran": np.asfortranarray,
    "strided": odd_layout,
    "backwards": lambda x: x[::-1].copy()[::-1],
    "read-only": read_only,
    "list": lambda x: x.tolist(),
    "dict": lambda x: {"input_layer": x},
    "__array__": Interface,
    "DLPack": Capsule,
}


@ENGINES
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_an_array(form, engine):
    if form == "dict":
        model = make_model(engine)
        x = {model._input_layer.name: WHOLE}
        with pytest.raises(ValueError, match="x as a dict must have the input"):
            model.predict({"other": WHOLE})
        np.testing.assert_array_equal(model.predict(x), model.predict(WHOLE))
        return
    assert_same(FORMS[form](WHOLE), engine)


@ENGINES
@pytest.mark.parametrize("form", sorted(FORMS.keys() - {"dict"}))
def test_calls_with_forms_of_an_array(form, engine):
    """What a call reads where it lies, and what it converts; the numbers of predict to the bit."""
    model = make_model(engine)
    y = model(FORMS[form](WHOLE))
    assert type(y) is fastmlp.Tensor
    np.testing.assert_array_equal(y, model.predict(WHOLE))
    np.testing.assert_array_equal(model(WHOLE[:1]), model.predict(WHOLE[:1]))
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_array_equal(model(FORMS[form](WHOLE)), model.predict(WHOLE))


@ENGINES
def test_calls_of_another_width_or_with_nan(engine):
    model = Sequential([fastmlp.Input((F,)), layers.Dense(2)])
    model.compile("sgd", "mse", engine=engine)
    with pytest.raises(ValueError, match=f"x must have shape .*{F}"):
        model(np.zeros((2, F + 1)))
    for value in (np.nan, np.inf):
        x = WHOLE.astype(np.float64)
        x[3, 2] = value
        for _ in range(2):  # also by what the first call has bound
            with pytest.raises(ValueError, match="x must"):
                model(x)
    weights = model.get_weights()
    weights[0][:] = 1e308  # that outputs overflow is the model's own matter, not the input's
    model.set_weights(weights)
    assert np.isinf(model(WHOLE.astype(np.float64))).any()


@ENGINES
def test_labels_by_dlpack(engine):
    assert_same(WHOLE, engine, y=Capsule(Y))


@ENGINES
def test_booleans(engine):
    truth = WHOLE > 0
    assert_same(truth, engine, truth.astype(np.float64))


@ENGINES
@pytest.mark.parametrize("dtype", ["int16", "float64", ">f8", "float16"])
def test_memory_maps(dtype, engine, tmp_path: Path):
    mapped = np.memmap(tmp_path / "x", dtype, "w+", shape=(N, F))
    mapped[:] = WHOLE
    x = np.memmap(tmp_path / "x", dtype, "r", shape=(N, F))
    assert_same(x, engine)


def test_large_arrays_are_converted_by_chunks(monkeypatch):
    from fastmlp.models import feed

    monkeypatch.setattr(samples, "_LARGE", 0)
    monkeypatch.setattr(feed, "_BLOCK_BYTES", 8 * F * 15)
    converted = []
    original = samples.LazyRows.converted
    monkeypatch.setattr(
        samples.LazyRows,
        "converted",
        lambda self, rows: (converted.append(1), original(self, rows))[1],
    )
    for form in ("int64", "Fortran", "strided"):
        assert_same(FORMS[form](WHOLE), "native")
    assert len(converted) > 3 * 2 * 3  # several chunks an epoch
    model = make_model("native")
    model.fit(FORMS["int64"](WHOLE), Y, 7, validation_split=0.3, steps_per_epoch=2, verbose=0)
    bad = WHOLE.copy(order="F")
    bad[17, 2] = np.inf
    with pytest.raises(ValueError, match="inf in row 17"):
        model.fit(bad, Y, verbose=0)


# Frames.


@ENGINES
def test_pandas(engine):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(WHOLE, columns=[f"c{i}" for i in range(F)])
    assert_same(frame, engine, y=pd.DataFrame(Y))
    mixed = frame.astype({"c0": "int32", "c1": "Int64", "c2": "float32", "c3": "Float64"})
    assert_same(mixed, engine)
    weights = pd.Series(np.linspace(0.5, 2, N), index=np.arange(N)[::-1])
    expected, actual = make_model(engine), make_model(engine)
    expected.fit(WHOLE, Y, sample_weight=weights.to_numpy(), verbose=0)
    actual.fit(frame, Y, sample_weight=weights, verbose=0)
    assert_same_weights(expected, actual, **EXACT)


def test_pandas_columns_that_are_no_numbers():
    pd = pytest.importorskip("pandas")
    model = make_model("reference")
    frame = pd.DataFrame(WHOLE)
    frame["name"] = "text"
    with pytest.raises(ValueError, match="column 'name' of dtype"):
        model.predict(frame)
    with pytest.raises(ValueError, match=r"column 4 of dtype datetime"):
        model.predict(frame.assign(**{}).astype({4: "datetime64[ns]"}))
    gaps = pd.DataFrame(WHOLE).astype({2: "Int64"})
    gaps.loc[5, 2] = pd.NA
    with pytest.raises(ValueError, match="nan in row 5"):
        model.fit(gaps, Y, verbose=0)


@ENGINES
def test_polars(engine):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(WHOLE, schema=[f"c{i}" for i in range(F)])
    mixed = frame.with_columns(pl.col("c0").cast(pl.Int32), pl.col("c1").cast(pl.Float32))
    for x in (frame, mixed):
        assert_same(x, engine, y=pl.DataFrame(Y))
    with pytest.raises(ValueError, match="column 'c3' of dtype String"):
        make_model(engine).predict(frame.with_columns(pl.col("c3").cast(pl.String)))


# Sparse matrices.


@ENGINES
@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "csc_array", "coo_array", "lil_array"])
def test_sparse_matrices(kind, engine):
    sparse = pytest.importorskip("scipy.sparse")
    assert_same(getattr(sparse, kind)(WHOLE), engine)


@ENGINES
@pytest.mark.parametrize("offset", [0.0, 0.5])
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "float64"])
def test_sparse_types(dtype, offset, engine):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_array(WHOLE.astype(dtype))
    matrix.indices, matrix.indptr = (a.astype(np.int64) for a in (matrix.indices, matrix.indptr))
    assert_same(matrix, engine, offset=offset)


@ENGINES
def test_sparse_matrices_that_are_not_canonical(engine):
    sparse = pytest.importorskip("scipy.sparse")
    plain = sparse.csr_array(WHOLE)
    order = np.arange(plain.nnz)[::-1].copy()
    row = np.repeat(np.arange(N), np.diff(plain.indptr))
    order = order[np.argsort(row[order], kind="stable")]
    unsorted = sparse.csr_array((plain.data[order], plain.indices[order], plain.indptr), (N, F))
    assert not unsorted.has_sorted_indices
    before = unsorted.indices.copy()
    assert_same(unsorted, engine)
    np.testing.assert_array_equal(unsorted.indices, before)  # not sorted in place
    halves = sparse.csr_array(
        (np.repeat(plain.data / 2, 2), np.repeat(plain.indices, 2), plain.indptr * 2), (N, F)
    )
    assert_same(halves, engine)
    zeros = plain.copy()
    zeros.data[::3] = 0
    assert_same(zeros, engine, zeros.toarray())


@ENGINES
def test_sparse_validation_and_weights(engine):
    sparse = pytest.importorskip("scipy.sparse")
    expected, actual = make_model(engine), make_model(engine)
    weights = np.linspace(0.5, 2, N)
    wanted, found = (
        model.fit(
            x,
            Y,
            8,
            epochs=3,
            sample_weight=weights,
            validation_split=0.25,
            steps_per_epoch=2,
            shuffle="batch",
            verbose=0,
        ).history
        for model, x in ((expected, WHOLE), (actual, sparse.csr_array(WHOLE)))
    )
    assert wanted == found
    batches = [(sparse.csr_array(WHOLE[i : i + 8]), Y[i : i + 8]) for i in range(0, N, 8)]
    expected.fit(WHOLE, Y, 8, shuffle=False, verbose=0)
    actual.fit(iter(batches), verbose=0)
    assert_same_weights(expected, actual, **EXACT)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: m.indices.__setitem__(2, F), "column indices in"),
        (lambda m: m.indices.__setitem__(2, -1), "column indices in"),
        (lambda m: m.indptr.__setitem__(2, 10_000), "indptr ascends"),
        (lambda m: m.indptr.__setitem__(0, 1), "indptr ascends"),
        (lambda m: m.indptr.__setitem__(-1, 10_000), "indptr ascends"),
        (lambda m: m.data.__setitem__(4, np.nan), "nan in row"),
    ],
)
def test_damaged_sparse_matrices(damage, message):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_array(WHOLE)
    damage(matrix)
    with pytest.raises(ValueError, match=message):
        make_model("native").fit(matrix, Y, verbose=0)


def test_sparse_matrices_of_another_shape_or_place():
    sparse = pytest.importorskip("scipy.sparse")
    model = make_model("native")
    with pytest.raises(ValueError, match=r"x must have shape \(samples, 11\)"):
        model.predict(sparse.csr_array(WHOLE[:, :5]))
    with pytest.raises(ValueError, match="y must be dense"):
        model.fit(WHOLE, sparse.csr_array(Y), verbose=0)
    with pytest.raises(ValueError, match="dtype complex"):
        model.predict(sparse.csr_array(WHOLE * 1j))
    unbuilt = Sequential([layers.Dense(2)])
    assert unbuilt.predict(sparse.csr_array(WHOLE)).shape == (N, 2)
