"""The native engine's results: one set of bits for every thread count and instruction set, and
the reference engine's to rounding."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from engine_cases import ADAM, JOBS, NESTEROV, SPARSE, Job, mlp, state, train, train_whole
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.exact import chain, same_bits
from layer_jobs import LAYER_JOBS
from processes import run_script

from fastmlp import _core
from fastmlp.engine import (
    Adafactor,
    Adagrad,
    Adam,
    Average,
    BatchNormalization,
    Clip,
    Data,
    Dense,
    Dropout,
    Ftrl,
    Lamb,
    Nadam,
    Network,
    Operation,
    Optimizer,
    Prelu,
    Relu,
    Repeat,
    Rescaling,
    Rmsprop,
    Sgd,
    Sigmoid,
    Softmax,
    Tail,
    Tanh,
    Training,
    create_engine,
    make_loss,
)
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.rows import SparseRows
from fastmlp.engine.words import NARROW_PARAMETERS, Float64Array

JOBS = [*JOBS, *LAYER_JOBS]

ISAS = [name for name in _core.isas() if _core.isa_usable(name)]
THREADS = (1, 2, 3, 5)

# Relative to 1 + |value|. Each of some ten steps adds roundings of sums of up to 2,500 terms of
# either sign, about sqrt(2500) * 2^-53 = 6e-15, and Adam's quotient, where a moment is near
# zero, passes on the relative error of a cancelled gradient: ten or a hundred times as much.
ROUNDING = 1e-12


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    before = _core.get_num_threads()
    yield
    _core.set_num_threads(before)


def native(job: Job, threads: int) -> NativeEngine:
    _core.set_num_threads(threads)
    return NativeEngine(job.network, job.training)


def block_tree(blocks: list[Float64Array]) -> Float64Array:
    """Blocks 2i and 2i + 1 first, then those sums; one without a partner goes up as it is."""
    while len(blocks) > 1:
        sums = [a + b for a, b in zip(blocks[::2], blocks[1::2], strict=False)]
        blocks = sums + blocks[2 * len(sums) :]
    return blocks[0]


MOST = NARROW_PARAMETERS // 8  # inputs of eight columns


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("network", "block"),
    [
        (Network(MOST, (Dense(MOST, 7, use_bias=False),)), 64),
        (Network(MOST + 1, (Dense(MOST + 1, 7, use_bias=False),)), 1024),
        (Network(9, (Dense(9, 16), Tanh(), Dense(16, 3))), 64),
        (Network(9, (Dense(9, 16), Prelu(), Dense(16, 3))), 1024),
    ],
    ids=["the most", "one more", "two layers", "slopes"],
)
def test_gradients_are_added_by_a_tree_of_blocks(
    network: Network, block: int, threads: int
) -> None:
    assert network.gradient_block == block
    rng = np.random.default_rng(4)
    rows = 2 * 1024 + 300
    data = Data(rng.normal(size=(rows, network.inputs)), rng.normal(size=(rows, network.outputs)))
    _core.set_num_threads(threads)
    summed = replace(make_loss("mean_squared_error"), reduction="sum")
    engine = NativeEngine(network, Training(summed, Sgd()))
    for i, shape in enumerate(network.parameter_shapes):
        engine.write_parameter(i, rng.normal(size=shape))
    blocks = [np.arange(start, min(start + block, rows)) for start in range(0, rows, block)]
    parts = [engine.gradient(data, of_block, 0)[1] for of_block in blocks]
    assert same_bits(engine.gradient(data, np.arange(rows), 0)[1], block_tree(parts))


def test_blocks_are_those_of_samples_where_a_sample_is_a_row() -> None:
    assert Network(9, (Repeat(2), Dense(9, 3))).gradient_block == 1024
    assert Network(9, (Dense(9, 3), Repeat(2), Softmax())).gradient_block == 1024
    assert Network(9, (Dense(9, 3), BatchNormalization())).gradient_block == 1024
    assert Network(9, (Dense(9, 3, trainable=False), Dropout(0.5, 1))).gradient_block == 64


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_threads_change_no_bit(job: Job) -> None:
    outcome = train_whole(native(job, 1), job)
    for threads in THREADS[1:]:
        assert not train_whole(native(job, threads), job).differing(outcome), f"{threads} threads"


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_instruction_sets_change_no_bit(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(job, samples=min(job.samples, job.batch + 3))  # the baseline is slow
    monkeypatch.setenv("FASTMLP_ISA", "baseline")
    outcome = train_whole(native(job, 2), job)
    for isa in ISAS:
        monkeypatch.setenv("FASTMLP_ISA", isa)
        engine = native(job, 2)
        assert engine._network.isa == isa
        assert not train_whole(engine, job).differing(outcome), isa


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_stored_gradients_change_no_bit(job: Job, threads: int) -> None:
    """Adam and SGD are applied to gradients in registers, or forced to store them first."""
    outcome = train_whole(native(job, threads), job)
    stored = NativeEngine(job.network, job.training, stored=True)
    assert not train_whole(stored, job).differing(outcome)


@pytest.mark.parametrize("name", ["native", "reference"])
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_gradient_applied_is_a_step(job: Job, name: str) -> None:
    """To the bit, for all that has a gradient; the state of a normalization is a step's own."""
    rows = job.order()[: job.batch]
    whole, apart = (create_engine(name, job.network, job.training) for _ in range(2))
    job.initialise(whole)
    job.initialise(apart)
    counts = np.array(4), np.array(4)
    result = whole.train(job.data(), rows, job.batch, job.rates[:1], counts[0], False)
    before = [apart.read_parameter(i) for i in range(len(job.network.roles))]
    loss, gradient = apart.gradient(job.data(), rows, 4)
    after = [apart.read_parameter(i) for i in range(len(job.network.roles))]
    assert all(same_bits(a, b) for a, b in zip(before, after, strict=True))
    apart.apply(gradient, float(job.rates[0]), counts[1])
    assert loss == result.losses[0]
    assert counts[0] == counts[1] == 5
    for i, role in enumerate(job.network.roles):
        if role == "trained":
            assert same_bits(apart.read_parameter(i), whole.read_parameter(i)), i


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_gradients_of_the_engines_are_one(job: Job) -> None:
    """And neither the number of threads nor the instruction set changes a bit of them."""
    rows = job.order()[: job.batch]
    expected = ReferenceEngine(job.network, job.training)
    job.initialise(expected)
    loss, gradient = expected.gradient(job.data(), rows, 0)
    found = []
    for threads in THREADS:
        engine = native(job, threads)
        job.initialise(engine)
        found.append(engine.gradient(job.data(), rows, 0))
        assert found[-1][0] == found[0][0]
        assert same_bits(found[-1][1], found[0][1])
    assert abs(found[0][0] - loss) <= ROUNDING * (1.0 + abs(loss))
    np.testing.assert_allclose(found[0][1], gradient, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_native_is_the_reference(job: Job) -> None:
    expected = train_whole(ReferenceEngine(job.network, job.training), job)
    distance, where = train_whole(native(job, 2), job).distance(expected)
    assert distance < ROUNDING, where


@pytest.mark.parametrize("name", ["flagship", "wide", "narrow", "columns"])
def test_threads_may_change_in_the_middle(name: str) -> None:
    """A step or two with each count, in one training."""
    job = next(job for job in JOBS if job.name.startswith(name))
    expected = train_whole(native(job, 1), job)
    engine = native(job, 1)
    job.initialise(engine)
    for step in range(job.steps):
        _core.set_num_threads((3, 1, 5, 2)[step % 4])
        train(engine, job, step, step + 1)
    after = state(engine, job)
    expected.arrays = {name: expected.arrays[name] for name in after.arrays}
    assert not after.differing(expected)


@pytest.mark.parametrize("name", ["flagship, sparse", "one sparse", "wide hidden"])
def test_a_training_in_pieces_is_the_training(name: str) -> None:
    """Weights, slots and iterations carried to a fresh engine after each step: what was kept in
    the first one (which inputs have been zero so far, workspaces) changes nothing."""
    job = next(job for job in JOBS if job.name.startswith(name))
    whole = native(job, 2)
    job.initialise(whole)
    losses = train(whole, job).arrays["losses"]
    engine = native(job, 2)
    job.initialise(engine)
    for step in range(job.steps):
        piece = train(engine, job, step, step + 1)
        assert piece.arrays["losses"] == losses[step]
        following = native(job, 2)
        for i in range(len(job.network.parameter_shapes)):
            following.write_parameter(i, engine.read_parameter(i))
            shape = job.network.parameter_shapes[i]
            for slot in range(len(job.training.slot_shapes(shape))):
                following.write_slot(i, slot, engine.read_slot(i, slot))
        engine = following
    assert not state(engine, job).differing(state(whole, job))


@pytest.mark.parametrize("isa", ISAS)
def test_indices_out_of_range_are_left_out(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative ones, which ascending rows have first, and those beyond the last feature."""
    monkeypatch.setenv("FASTMLP_ISA", isa)
    monkeypatch.setenv("FASTMLP_TUNE", "lists")
    job = Job("ends", mlp(37, 200, 3), Training(SPARSE, ADAM), 40, 16, density=0.2)
    x = job.data().x.astype(np.float64)
    places, values, ends = [], [], [0]
    for row in x:
        (found,) = np.nonzero(row)
        places += [-5, -1, *found, 37, 2**31 - 1]
        values += [1.0, 2.0, *row[found], 3.0, 4.0]
        ends.append(len(places))
    rows = SparseRows(np.array(ends), np.array(places, np.int32), np.array(values), 37)
    outcomes = []
    for threads in THREADS:
        for samples in (x, rows):
            engine = native(job, threads)
            job.initialise(engine)
            data = replace(job.data(), x=samples)
            engine.train(data, job.order(), 16, job.rates, np.array(0), False)
            outcomes.append(state(engine, job))
    assert not any(outcome.differing(outcomes[0]) for outcome in outcomes[1:])


@pytest.mark.parametrize("features", [1, 13, 128])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_predictions_are_chains(features: int, dtype: str) -> None:
    """Rows that are read where they lie (float64, and not 1 KB apart) and rows that are copied."""
    engine = NativeEngine(Network(features, (Dense(features, 9),)), None)
    rng = np.random.default_rng(features)
    w, bias = rng.standard_normal((features, 9)), rng.standard_normal(9)
    engine.write_parameter(0, w)
    engine.write_parameter(1, bias)
    for rows in (1, 5, 47, 48, 49, 1000):
        x = rng.standard_normal((rows, features)).astype(dtype)
        expected = chain(x.astype(np.float64), w) + bias
        for threads in THREADS:
            _core.set_num_threads(threads)
            assert same_bits(engine.predict(x), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_sparse_and_dense_batches_are_one(dtype: str) -> None:
    """Rows that are mostly zero, predicted by lists of non-zeros, and again in a set that full
    rows make dense."""
    job = Job("", mlp(400, 200, 5), Training(make_loss("mean_squared_error"), Adam()), 64, 32)
    job = replace(job, density=0.05, dtype=dtype)
    engine = native(job, 2)
    job.initialise(engine)
    x = job.data().x
    mixed = np.concatenate([x, *[np.ones_like(x)] * 8])
    assert np.array_equal(engine.predict(x), engine.predict(mixed)[: len(x)])


# -- random architectures


def activations() -> st.SearchStrategy[Operation]:
    return st.one_of(
        st.builds(
            Relu,
            st.sampled_from([0.0, 0.25]),
            st.sampled_from([float("inf"), 0.75]),
            st.sampled_from([0.0, -0.125]),
        ),
        st.just(Tanh()),
        st.just(Sigmoid()),
        st.just(Softmax()),
        # an epsilon that bounds what a column that is nearly constant is multiplied by
        st.builds(BatchNormalization, epsilon=st.just(0.1), trainable=st.booleans()),
        st.builds(Dropout, st.sampled_from([0.1, 0.5]), st.integers(0, 2**64 - 1)),
        st.builds(Rescaling, st.sampled_from([0.5, -2.0]), st.sampled_from([0.0, 0.25])),
    )


@pytest.mark.parametrize("name", ["native", "reference"])
@pytest.mark.parametrize("batch", [7, 40, 100])
def test_epochs_in_one_call_are_epochs(name: str, batch: int) -> None:
    """The last batch of an epoch is short, and none holds rows of two epochs."""
    job = Job("epochs", mlp(30, 140, 5, dropout=0.2), Training(SPARSE, ADAM), 40, batch)
    rng = np.random.default_rng(3)
    orders = np.stack([rng.permutation(40) for _ in range(3)])
    rates = np.linspace(0.01, 0.001, 3 * job.steps)
    together = create_engine(name, job.network, job.training)
    apart = create_engine(name, job.network, job.training)
    job.initialise(together)
    job.initialise(apart)
    counts = np.array(0), np.array(0)
    whole = together.train(job.data(), orders, batch, rates, counts[0], True)
    parts = [
        apart.train(job.data(), order, batch, part, counts[1], True)
        for order, part in zip(orders, np.split(rates, 3), strict=True)
    ]
    assert counts[0] == counts[1] == 3 * job.steps
    for name in ("losses", "outputs"):
        expected = np.concatenate([getattr(part, name) for part in parts])
        assert same_bits(getattr(whole, name), expected)
    assert not state(together, job).differing(state(apart, job))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    width = inputs = draw(st.integers(1, 40))
    operations: list[Operation] = draw(st.lists(activations(), max_size=2))
    for _ in range(draw(st.integers(1, 4))):
        outputs = draw(st.one_of(st.integers(1, 40), st.integers(200, 300)))
        following = draw(st.lists(activations(), max_size=2))
        # a normalization takes a bias out again: its gradient would be rounding alone
        normal = any(isinstance(operation, BatchNormalization) for operation in following)
        biased = draw(st.booleans()) and not normal
        operations += [Dense(width, outputs, biased, draw(st.booleans())), *following]
        width = outputs
    return Network(inputs, tuple(operations))


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    network = draw(networks())
    probabilities = bool(network.operations) and isinstance(network.operations[-1], Softmax)
    kind = draw(
        st.sampled_from(
            [
                "sparse_categorical_crossentropy",
                "categorical_crossentropy",
                "binary_crossentropy",
                "mean_squared_error",
            ]
        )
    )
    reductions = ["sum_over_batch_size", "sum", "mean_with_sample_weight"]
    options = {} if kind == "mean_squared_error" else {"from_logits": not probabilities}
    loss = make_loss(kind, reduction=draw(st.sampled_from(reductions)), **options)
    optimizers: list[Optimizer] = [
        Adam(),
        Adam(0.5, 0.9, 1e-3),
        Sgd(),
        Sgd(0.5),
        NESTEROV,
        Rmsprop(epsilon=1e-3),
        Rmsprop(0.5, 0.9, 1e-3, centered=True),
        Nadam(epsilon=1e-3),
        Adagrad(),
        Ftrl(-0.6, 0.01, 0.1),
        # what is divided by the root of its own square is not rounding alone
        Lamb(epsilon=1e-2),
        Adafactor(epsilon_1=1e-3),
    ]
    optimizer = draw(st.sampled_from(optimizers))
    tails = [Tail(), Tail(0.1, (0,)), Tail(0.1, (), 2), Tail(average=Average(0.9, 1))]
    tail = draw(st.sampled_from(tails))
    clips = [Clip(), Clip(clipnorm=0.1), Clip(clipvalue=0.01), Clip(global_clipnorm=0.2)]
    clip = draw(st.sampled_from(clips))
    return Job(
        "random",
        network,
        Training(loss, optimizer, clip, tail),
        samples=draw(st.integers(1, 80)),
        batch=draw(st.sampled_from([1, 7, 32, 100])),
        density=draw(st.sampled_from([0.1, 1.0])),
        dtype=draw(st.sampled_from(["float64", "float32"])),
        weighted=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(jobs())
def test_random_architectures(job: Job) -> None:
    """Three threads are one to the bit, and the reference to rounding after the first step;
    further steps may part where a moment of Adam's is all rounding."""
    outcome = train_whole(native(job, 1), job)
    assert not train_whole(native(job, 3), job).differing(outcome)
    first = replace(job, samples=min(job.samples, job.batch))
    expected = train_whole(ReferenceEngine(job.network, job.training), first)
    distance, where = train_whole(native(job, 3), first).distance(expected)
    assert distance < ROUNDING, where


# -- in processes of their own


_WITHOUT_LAYERS = """
import numpy as np
from fastmlp import engine as door
from fastmlp.engine import native, reference

x = np.linspace(-1, 1, 120).reshape(20, 6)
training = door.Training(door.make_loss("mean_squared_error"), door.Sgd())
for operations in [(), (door.Dropout(0.5, 1),), (door.Rescaling(2.0, 0.5),), (door.Tanh(),)]:
    network = door.Network(6, operations)
    losses = [
        engine(network, training)
        .train(door.Data(x, x), np.arange(20), 8, np.ones(3), np.array(0), False)
        .losses
        for engine in (native.NativeEngine, reference.ReferenceEngine)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-14)  # sums of 6 and of 8 squares
"""


def test_networks_without_layers_train() -> None:
    """There is nothing to learn, but the losses are told."""
    run_script(_WITHOUT_LAYERS)


_FLAGSHIP = """
import hashlib
import numpy as np
from fastmlp.datasets import mnist
from fastmlp.engine import Adam, Data, Dense, Dropout, Network, Relu, Rescaling, Training, make_loss
from fastmlp.engine.native import NativeEngine

rows = {rows}
(x, y), _ = mnist.load_data()
data = Data(x[:rows].reshape(rows, 784), y[:rows].astype(np.int32))
operations = (Rescaling(1 / 255), Dense(784, 128), Relu(), Dropout(0.2, 1), Dense(128, 10))
loss = make_loss("sparse_categorical_crossentropy", from_logits=True)
engine = NativeEngine(Network(784, operations), Training(loss, Adam()))
rng = np.random.default_rng(0)
for i, shape in enumerate(engine_shapes := [(784, 128), (128,), (128, 10), (10,)]):
    engine.write_parameter(i, 0.05 * rng.standard_normal(shape))
steps = -(-rows // 32)
order = engine.permutation(7, 0, rows)
engine.train(data, order, 32, np.full(steps, 1e-3), np.array(0, np.int64), False)
weights = b"".join(engine.read_parameter(i).tobytes() for i in range(len(engine_shapes)))
print(hashlib.sha256(weights).hexdigest())
"""


def flagship_hash(rows: int, **environment: str) -> str:
    """SHA-256 of the flagship's weights after one epoch of ``rows`` MNIST images."""
    digest = run_script(_FLAGSHIP.format(rows=rows), environment)
    assert len(digest) == len(hashlib.sha256().hexdigest())
    return digest


def test_the_flagship_has_one_hash() -> None:
    """1, 2 and 3 threads, the best instruction set and the slowest; 1,000 images."""
    hashes = {
        (threads, isa): flagship_hash(1000, FASTMLP_NUM_THREADS=threads, FASTMLP_ISA=isa)
        for threads, isa in [("1", ISAS[0]), ("2", ISAS[0]), ("3", ISAS[0]), ("2", "baseline")]
    }
    assert len(set(hashes.values())) == 1, hashes
    assert flagship_hash(1001) not in hashes.values()


@pytest.mark.parametrize("value", ["mmx", "", "AVX2"])
def test_an_unknown_instruction_set_is_an_error(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTMLP_ISA", value)
    with pytest.raises(ValueError, match=f"FASTMLP_ISA={value!r}"):
        NativeEngine(Network(3, ()), None)
