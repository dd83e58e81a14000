"""Batches from generators, iterables and PyDatasets; epochs of a given number of steps."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from small_model import EXACT, X, Y, assert_same_weights, make_model

from fastmlp import callbacks, utils

ENGINES = pytest.mark.parametrize("engine", ["native", "reference"])
WEIGHTS = np.linspace(0.5, 1.5, len(X))
SIZE = 10  # divides the 50 samples into 5 batches
QUIET = {"verbose": 0, "shuffle": False}


def parts(weights: bool = False, sizes: tuple[int, ...] = (SIZE,) * 5):
    """The samples as batches of these sizes."""
    ends = np.cumsum(sizes)
    arrays = (X, Y, WEIGHTS) if weights else (X, Y)
    return [
        tuple(a[end - size : end] for a in arrays) for end, size in zip(ends, sizes, strict=True)
    ]


class Iterable:
    """Begins anew whenever it is asked."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


class Numbered(utils.PyDataset):
    def __init__(self, batches, **options):
        super().__init__(**options)
        self.batches = batches
        self.calls = []

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


class Spy(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(f"E{epoch}")

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(f"b{batch}")

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(f"e{batch}")

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(f"t{batch}")

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.append(f"p{batch}")


def cyclic(batches, epochs):
    return (batch for _ in range(epochs) for batch in batches)


SOURCES = {
    "generator": lambda batches: (cyclic(batches, 2), {"steps_per_epoch": len(batches)}),
    "iterable": lambda batches: (Iterable(batches), {}),
    "iterable of lists": lambda batches: (Iterable([list(b) for b in batches]), {}),
    "PyDataset": lambda batches: (Numbered(batches), {}),
    "PyDataset, threads": lambda batches: (Numbered(batches, workers=3, max_queue_size=2), {}),
}


@ENGINES
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("source", SOURCES)
def test_batches_train_as_the_arrays_they_are_cut_from(source, weighted, engine):
    options = {"metrics": ["accuracy"], "weighted_metrics": ["mse"]}
    expected = make_model(engine, "adam", "mse", **options)
    expected.set_weights([w + 0.1 for w in expected.get_weights()])
    actual = make_model(engine, "adam", "mse", **options)
    actual.set_weights(expected.get_weights())
    target = np.eye(3)[Y]
    batches = [(b[0], np.eye(3)[b[1]], *b[2:]) for b in parts(weighted)]
    weights = WEIGHTS if weighted else None
    wanted = expected.fit(X, target, SIZE, 2, sample_weight=weights, **QUIET).history
    x, steps = SOURCES[source](batches)
    history = actual.fit(x, epochs=2, **steps, **QUIET).history
    assert_same_weights(expected, actual, **EXACT)
    # the means are taken in another order
    for name, values in wanted.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-13)


@ENGINES
def test_batches_of_several_sizes(engine):
    batches = parts(sizes=(3, 20, 1, 26))
    expected, actual = make_model(engine), make_model(engine)
    for x, y in batches:
        expected.train_on_batch(x, y)
    history = actual.fit(Iterable(batches), verbose=0).history
    assert_same_weights(expected, actual, **EXACT)
    fresh = make_model(engine)
    losses = [fresh.train_on_batch(x, y) for x, y in batches]
    np.testing.assert_allclose(history["loss"], np.average(losses, weights=(3, 20, 1, 26)))


def test_a_generator_goes_on_and_an_iterable_begins_anew():
    model, spy = make_model("reference"), Spy()
    generator = iter(parts())
    model.fit(generator, steps_per_epoch=2, epochs=2, callbacks=[spy], **QUIET)
    np.testing.assert_array_equal(next(generator)[0], X[40:])  # nothing was taken in vain
    assert spy.seen == ["E0", "b0", "e0", "b1", "e1", "E1", "b0", "e0", "b1", "e1"]
    spy = Spy()
    model.fit(Iterable(parts()), epochs=2, callbacks=[spy], **QUIET)
    assert [s for s in spy.seen if s[0] != "b"] == [
        "E0",
        *["e0", "e1", "e2", "e3", "e4", "E1", "e0", "e1", "e2", "e3", "e4"],
    ]


def test_a_generator_that_ends_stops_the_training():
    model, spy = make_model("reference"), Spy()
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(iter(parts()), epochs=3, callbacks=[spy], **QUIET)
    assert len(history.history["loss"]) == 1
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(iter(parts()), steps_per_epoch=3, epochs=3, **QUIET)
    assert len(history.history["loss"]) == 2


# As Keras 3.15 does, seen by running it.
@pytest.mark.parametrize(
    ("steps", "epochs", "counts", "warned"),
    [(2, 4, [2, 2, 1, 2], 1), (7, 2, [5, 5], 2), (5, 2, [5, 5], 0), (1, 3, [1, 1, 1], 0)],
)
@pytest.mark.parametrize("source", ["arrays", "PyDataset"])
def test_steps_of_an_epoch(steps, epochs, counts, warned, source):
    model, spy = make_model("reference"), Spy()
    data = (X, Y, SIZE) if source == "arrays" else (Numbered(parts()),)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*data, steps_per_epoch=steps, epochs=epochs, callbacks=[spy], **QUIET)
    found = "".join(s[0] for s in spy.seen if s[0] != "b").split("E")[1:]
    assert [len(epoch) for epoch in found] == counts
    assert len(caught) == warned


@ENGINES
def test_epochs_of_steps_go_on_through_the_set(engine):
    expected, actual = make_model(engine, "adam"), make_model(engine, "adam")
    for shuffle in (False, True):
        expected.fit(X, Y, SIZE, epochs=2, shuffle=shuffle, verbose=0)
        actual.fit(X, Y, SIZE, epochs=10, steps_per_epoch=1, shuffle=shuffle, verbose=0)
        assert_same_weights(expected, actual, **EXACT)


def test_steps_without_a_batch_size_cut_the_set():
    model, spy = make_model("reference"), Spy()
    model.fit(X, Y, steps_per_epoch=4, callbacks=[spy], **QUIET)
    assert len(spy.seen) == 1 + 2 * 4  # 13, 13, 13 and 11 samples
    assert model.history.params["steps"] == 4


def test_shuffled_batches_keep_their_samples():
    expected, actual = make_model("reference"), make_model("reference")
    seen = []

    class Order(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    actual.fit(X, Y, 25, shuffle="batch", callbacks=[Order()], verbose=0)
    first = expected.train_on_batch(X[:25], Y[:25])
    np.testing.assert_allclose(seen[0], first, rtol=1e-13)  # the same samples in another order
    assert seen[0] != make_model("reference").train_on_batch(X[25:], Y[25:])


def test_a_pydataset_is_shuffled_by_batches():
    given = parts()
    numbered = Numbered(given)
    order = []
    numbered.__class__.__getitem__ = lambda self, i: (order.append(i), self.batches[i])[1]
    try:
        make_model("reference").fit(numbered, epochs=3, verbose=0)
    finally:
        Numbered.__getitem__ = lambda self, i: self.batches[i]
    epochs = np.reshape(order, (3, 5))
    assert (np.sort(epochs) == np.arange(5)).all()
    assert len(np.unique(epochs, axis=0)) == 3
    assert numbered.calls == ["begin", "end"] * 3


def test_workers_of_their_own_process():
    numbered = Numbered(parts(), workers=1, use_multiprocessing=True)
    expected, actual = make_model("native"), make_model("native")
    expected.fit(X, Y, SIZE, **QUIET)
    actual.fit(numbered, **QUIET)
    assert_same_weights(expected, actual, **EXACT)


def test_batches_come_in_order_whichever_worker_is_first():
    """Beside Keras, whose epochs begin at the second batch where there are workers."""

    class Delayed(Numbered):
        def __getitem__(self, index):
            time.sleep(0.001 * delays[index])
            return self.batches[index]

    expected = make_model("native")
    expected.fit(Numbered(parts()), epochs=2, **QUIET)
    for seed in range(10):
        delays = np.random.RandomState(seed).permutation(5)
        for queue in (1, 2, 10):
            actual = make_model("native")
            actual.fit(Delayed(parts(), workers=2, max_queue_size=queue), epochs=2, **QUIET)
            assert_same_weights(expected, actual, **EXACT)


def test_an_error_in_a_worker_is_raised():
    class Broken(Numbered):
        def __getitem__(self, index):
            raise RuntimeError(f"no batch {index}")

    with pytest.raises(RuntimeError, match="no batch 0"):
        make_model("reference").fit(Broken(parts(), workers=2), **QUIET)


def test_a_pydataset_without_super_init():
    class Careless(utils.PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 5

        def __getitem__(self, index):
            return parts()[index]

    with pytest.warns(UserWarning, match="super"):
        make_model("reference").fit(Careless(), verbose=0)


@ENGINES
def test_evaluate_and_predict_by_batches(engine):
    model = make_model(engine, metrics=["accuracy"])
    scores, outputs = model.evaluate(X, Y, verbose=0), model.predict(X)
    for x in (iter(parts()), Iterable(parts()), Numbered(parts(), workers=2)):
        np.testing.assert_allclose(model.evaluate(x, verbose=0), scores, rtol=1e-13)
    for x in (
        iter(parts()),
        Iterable(parts()),
        Numbered(parts()),
        Iterable([b[0] for b in parts()]),
    ):
        np.testing.assert_array_equal(model.predict(x), outputs)


@ENGINES
def test_steps_of_evaluate_and_predict(engine):
    model, spy = make_model(engine), Spy()
    part = model.evaluate(X[:20], Y[:20], verbose=0)
    for x in ((X, Y, SIZE), (iter(parts()),), (Numbered(parts()),)):
        np.testing.assert_allclose(model.evaluate(*x, steps=2, verbose=0), part, rtol=1e-13)
    np.testing.assert_array_equal(
        model.predict(X, SIZE, steps=2, callbacks=[spy]), model.predict(X[:20])
    )
    assert spy.seen == ["p0", "p1"]
    with pytest.warns(UserWarning, match="ran out of data"):
        model.evaluate(X, Y, SIZE, steps=9, verbose=0)


VALIDATIONS = {
    "arrays": lambda: (X[:20], Y[:20]),
    "weighted": lambda: [X[:20], Y[:20], WEIGHTS[:20]],
    "iterable": lambda: Iterable(parts()[:2]),
    "PyDataset": lambda: Numbered(parts()[:2]),
    "generator": lambda: cyclic(parts()[:2], 3),
}


@pytest.mark.parametrize("given", VALIDATIONS)
def test_validation_data(given):
    model, twin = make_model("reference"), make_model("reference")
    history = model.fit(
        X,
        Y,
        epochs=3,
        validation_data=VALIDATIONS[given](),
        validation_steps=2 if given == "generator" else None,
        verbose=0,
    ).history
    weights = WEIGHTS[:20] if given == "weighted" else None
    twin.fit(X, Y, epochs=3, verbose=0)
    assert_same_weights(model, twin, **EXACT)
    last = twin.evaluate(X[:20], Y[:20], sample_weight=weights, verbose=0)
    np.testing.assert_allclose(history["val_loss"][-1], last, rtol=1e-13)
    assert len(history["val_loss"]) == 3


def test_validation_steps():
    model, spy = make_model("reference"), Spy()
    model.fit(
        X, Y, SIZE, epochs=2, validation_data=(X, Y), validation_steps=3, callbacks=[spy], verbose=0
    )
    assert [s for s in spy.seen if s[0] == "t"] == ["t0", "t1", "t2"] * 2
    history = model.fit(X, Y, SIZE, validation_split=0.4, validation_steps=1, verbose=0).history
    np.testing.assert_allclose(
        history["val_loss"], model.evaluate(X[30:40], Y[30:40], verbose=0), rtol=1e-13
    )


def test_steps_per_execution():
    model, spy = make_model("reference", steps_per_execution=3), Spy()
    model.fit(X, Y, SIZE, callbacks=[spy], **QUIET)
    assert spy.seen == ["E0", "b0", "e2", "b3", "e4"]
    twin = make_model("reference")
    twin.fit(X, Y, SIZE, **QUIET)
    assert_same_weights(model, twin, **EXACT)


def test_class_weights_of_a_pydataset():
    weights = {0: 2.0, 1: 0.5}
    expected, actual = make_model("reference"), make_model("reference")
    expected.fit(X, Y, SIZE, class_weight=weights, **QUIET)
    actual.fit(Numbered(parts()), class_weight=weights, **QUIET)
    assert_same_weights(expected, actual, **EXACT)
    with pytest.raises(ValueError, match="class_weight and sample_weight"):
        actual.fit(Numbered(parts(True)), class_weight=weights, **QUIET)
    with pytest.raises(ValueError, match="class_weight cannot be given with x as a generator"):
        actual.fit(iter(parts()), class_weight=weights, **QUIET)


@pytest.mark.parametrize("source", ["generator", "iterable", "PyDataset"])
def test_a_source_builds_the_model(source):
    from fastmlp import Sequential, layers

    model = Sequential([layers.Dense(3)])
    model.compile("sgd", "mse", engine="reference")
    given, steps = SOURCES[source](parts())
    batches = [(x, np.eye(3)[y]) for x, y in parts()]
    given, steps = SOURCES[source](batches)
    history = model.fit(given, epochs=2, **steps, verbose=0)
    assert model.built
    assert len(history.history["loss"]) == 2
    predicting = Sequential([layers.Dense(3)])
    assert predicting.predict(iter(parts())).shape == (50, 3)


REFUSED = {
    "y": (lambda m: m.fit(iter(parts()), Y), "y must not be given with x as a generator"),
    "sample_weight": (
        lambda m: m.fit(Numbered(parts()), sample_weight=WEIGHTS),
        "sample_weight must not be given with x as a PyDataset",
    ),
    "batch_size": (
        lambda m: m.fit(Iterable(parts()), batch_size=3),
        "batch_size must not be given",
    ),
    "split": (lambda m: m.fit(iter(parts()), validation_split=0.2), "validation_split needs x"),
    "shuffle": (lambda m: m.fit(iter(parts()), shuffle="batch"), "shuffle must be True or False"),
    "empty": (lambda m: m.fit(iter([])), "generator must give at least one batch"),
    "no batch": (lambda m: m.fit(iter([X])), "a generator must give tuples"),
    "long batch": (lambda m: m.fit(iter([(X, Y, WEIGHTS, X)])), "a generator must give tuples"),
    "no targets": (lambda m: m.fit(iter([(X,)])), "y must be given"),
    "wide batch": (lambda m: m.fit(iter([(X[:, :3], Y)])), r"x must have shape \(samples, 4\)"),
    "steps 0": (lambda m: m.fit(X, Y, steps_per_epoch=0), "steps_per_epoch must be an integer"),
    "val steps": (lambda m: m.fit(X, Y, validation_steps=2), "validation_steps needs"),
    "val one": (lambda m: m.fit(X, Y, validation_data=X), "validation_data must be"),
    "loss_weights": (
        lambda m: m.compile("sgd", "mse", loss_weights=[2.0, 1.0]),
        "loss_weights must be",
    ),
    "execution": (lambda m: m.compile("sgd", "mse", steps_per_execution=0), "steps_per_execution"),
    "jit": (lambda m: m.compile("sgd", "mse", jit_compile="yes"), "jit_compile must be"),
    "workers": (lambda m: Numbered(parts(), workers=-1), "workers must be an integer"),
    "queue": (lambda m: Numbered(parts(), max_queue_size=0), "max_queue_size must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    action, message = REFUSED[name]
    model = make_model("reference")
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        action(model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_steps_that_a_subclass_overrides_are_refused():
    from fastmlp import Sequential, layers

    class Own(Sequential):
        def train_step(self, data):
            return {}

    with pytest.raises(ValueError, match="cannot override train_step"):
        Own([layers.Input((2,)), layers.Dense(1)]).compile("sgd", "mse")


def test_unknown_numbers_of_steps_are_printed(capsys):
    model = make_model("reference")
    model.fit(iter(parts()), verbose=2)
    assert "5/5" in capsys.readouterr().out
    model.fit(iter(parts()), verbose=1)
