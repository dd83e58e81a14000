"""The native engine: the words translated for the C library, by name.

The C catalog (csrc/catalog.h) says what words and options there are; each word here must have
just those as fields, or importing this module fails.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._compiled import core
from . import words
from .door import Data, Network, StepsResult, Training
from .native_curvature import NativeCurvature, samples
from .words import Float64Array, Loss, Operation

_VALUE = -1

# What may be kept of samples while they are trained on takes an eighth of their own memory at
# most, but 64 MiB in any case, and never more than 1 GiB.
_LEARNED_BYTES = 1 << 26, 1 << 30

# From so many epochs on, by kind of dtype. MNIST, two threads (Zen 4): 24 ms once, of which the
# look for NaN, that floats need anyway, takes 13; an epoch then takes 14 ms less of float64 and
# 7 ms less of bytes.
_LEARNING_PAYS = {"f": 2, "u": 4}

# Fields of words that are no options in C: derived there, passed beside, or a word of their own.
_NO_OPTIONS = {"inputs", "seed", "reduction", "weight"}


def _catalog(family: str, base: type[Any]) -> dict[str, tuple[int, list[str]]]:
    """Name -> (kind, options) of a family of the C catalog, held against the words."""
    catalog = {n: (kind, list(options)) for n, (kind, options) in core.catalog(family).items()}
    found = [w for w in vars(words).values() if isinstance(w, type) and issubclass(w, base)]
    known = {w.name: w for w in found if hasattr(w, "name")}
    if catalog.keys() != known.keys():
        raise ImportError(
            f"the compiled engine knows the {family}s {sorted(catalog)}, fastmlp.engine.words "
            f"{sorted(known)}: build and install fastmlp again"
        )
    for name, (_, options) in catalog.items():
        given: Any = known[name]
        fields = {f.name for f in dataclasses.fields(given)} - _NO_OPTIONS
        if fields != set(options):
            raise ImportError(
                f"the compiled engine knows the options {options} of {name!r}, "
                f"fastmlp.engine.words {sorted(fields)}: build and install fastmlp again"
            )
    return catalog


def _check_constants() -> None:
    """Numbers that both engines need are one number."""
    for name in (
        "gradient_block",
        "narrow_block",
        "narrow_parameters",
        "settling_steps",
        "smallest_moment",
    ):
        here, there = getattr(words, name.upper()), core.constant(name)
        if here != there:
            raise ImportError(
                f"{name} is {there} in the compiled engine and {here} in fastmlp.engine.words: "
                "build and install fastmlp again"
            )


_OPERATIONS = _catalog("operation", words.Operation)
_LOSSES = _catalog("loss", words.Loss)
_REDUCTIONS = _catalog("reduction", words.Reduction)
_OPTIMIZERS = _catalog("optimizer", words.Optimizer)
_REGULARIZERS = _catalog("regularizer", words.Regularizer)
_CONSTRAINTS = _catalog("constraint", words.Constraint)
_check_constants()


def _translated(
    catalog: dict[str, tuple[int, list[str]]], word: Any
) -> tuple[int, tuple[float, ...]]:
    """A word as the C engine has it: kind, options in the catalog's order."""
    kind, options = catalog[word.name]
    return kind, tuple(float(getattr(word, option)) for option in options)


def _operation(operation: Operation) -> tuple[Any, ...]:
    if isinstance(operation, words.PythonOperation):
        raise ValueError(
            f"{operation.runs.what} is written in Python, which the native engine cannot run: use "
            'compile(..., engine="reference")'
        )
    return (*_translated(_OPERATIONS, operation), getattr(operation, "seed", 0))


def _loss(loss: Loss) -> tuple[Any, ...]:
    return (*_translated(_LOSSES, loss), _REDUCTIONS[loss.reduction][0], loss.weight)


def _optimizer(training: Training, stored: bool) -> tuple[Any, ...]:
    """The optimizer with its clips, 0 for none, and what surrounds it."""
    clip, tail = training.clip, training.tail
    clips = (clip.clipnorm or 0.0, clip.clipvalue or 0.0, clip.global_clipnorm or 0.0)
    average = (False, 0.0, 0)
    if tail.average is not None:
        average = (True, tail.average.momentum, tail.average.every)
    around = (tail.weight_decay, tail.accumulate, *average)
    return (*_translated(_OPTIMIZERS, training.optimizer), *clips, *around, stored)


class NativeEngine(NativeCurvature):
    """The C engine behind the door of :mod:`fastmlp.engine`.

    ``stored``: gradients are stored also where they could be applied in registers, to the same
    bits; for tests.
    """

    name = "native"

    def __init__(
        self, network: Network, training: Training | None, *, stored: bool = False
    ) -> None:
        self._made_from = network, training
        self._short: Any = None
        self._network = core.CNetwork(
            network.inputs,
            [_operation(operation) for operation in network.operations],
            _loss(training.loss) if training else None,
            _optimizer(training, stored) if training else None,
            training.tail.exempt if training else (),
        )
        self.call: Callable[[Any, type[Any]], Any] | None = self._network.call

        for i, regularizer in enumerate(network.regularizers):
            if isinstance(regularizer, words.PythonRegularizer):
                raise ValueError(
                    f"the regularizer {regularizer.function!r} is written in Python, which the "
                    'native engine cannot run: use compile(..., engine="reference")'
                )
            if regularizer is not None:
                self._network.regularize(i, *_translated(_REGULARIZERS, regularizer))
        for i, constraint in enumerate(network.constraints):
            if constraint is not None:
                self._network.constrain(i, *_translated(_CONSTRAINTS, constraint))

    @property
    def ways(self) -> list[dict[str, Any]]:
        """What is known of ways of training, all of which give the same bits, for the last few
        batch sizes: ``batch``, ``density`` of the samples, ``by_lists`` of non-zeros or dense,
        ``pass_rows`` that go through the network at once, ``threads``, ``row_seconds`` that a
        row took (0 if it was not measured) and whether it is the one ``chosen``. The environment
        variable ``FASTMLP_TUNE`` says how: ``1`` by measuring, ``0`` by rule, or ``lists``,
        ``dense``, ``whole`` (dense, a batch in one pass), ``turns`` (another one each step)."""
        return self._network.ways

    def _without_last(self) -> Any:
        # made once, as products with the curvature ask for it again and again
        network = self._made_from[0]
        if self._short is None:
            short = Network(network.inputs, network.operations[:-1])
            self._short = NativeEngine(short, None)._network
        for i in range(len(network.parameter_shapes)):
            self._short.write(i, _VALUE, self._network.read(i, _VALUE))
        return self._short

    def read_parameter(self, index: int) -> Float64Array:
        return self._network.read(index, _VALUE)

    def write_parameter(self, index: int, value: Float64Array) -> None:
        self._network.write(index, _VALUE, np.ascontiguousarray(value))

    def read_slot(self, index: int, slot: int) -> Float64Array:
        return self._network.read(index, slot)

    def write_slot(self, index: int, slot: int, value: Float64Array) -> None:
        self._network.write(index, slot, np.ascontiguousarray(value))

    def permutation(self, seed: int, step: int, n: int) -> NDArray[np.int64]:
        return core.permutation(seed, step, n)

    def learn(self, x: Any, epochs: int) -> Any:
        if not isinstance(x, np.ndarray) or epochs < _LEARNING_PAYS[x.dtype.kind]:
            return None
        most = min(max(_LEARNED_BYTES[0], x.nbytes // 8), _LEARNED_BYTES[1])
        return self._network.code(x, most)

    def train(
        self,
        data: Data,
        order: NDArray[np.int64],
        batch_size: int,
        learning_rates: Float64Array,
        iterations: NDArray[np.int64],
        record_outputs: bool,
    ) -> StepsResult:
        losses, outputs = self._network.train(
            samples(data.x),
            data.targets,
            data.sample_weight,
            np.atleast_2d(order),
            batch_size,
            learning_rates,
            iterations,
            record_outputs,
            data.learned,
        )
        return StepsResult(losses, outputs)

    def gradient(
        self, data: Data, rows: NDArray[np.int64], iterations: int
    ) -> tuple[float, Float64Array]:
        return self._network.gradient(
            samples(data.x), data.targets, data.sample_weight, rows, iterations
        )

    def apply(
        self, gradient: Float64Array, learning_rate: float, iterations: NDArray[np.int64]
    ) -> None:
        self._network.apply(np.ascontiguousarray(gradient), learning_rate, iterations)

    def evaluate(self, data: Data) -> tuple[Float64Array, Float64Array]:
        return self._network.evaluate(samples(data.x), data.targets)

    def penalties(self, x: Any, dropout_step: int | None = None) -> tuple[float, Float64Array]:
        step = -1 if dropout_step is None else dropout_step
        return self._network.penalties(samples(x), step)

    def predict(self, x: Any, dropout_step: int | None = None) -> Float64Array:
        return self._network.predict(samples(x), -1 if dropout_step is None else dropout_step)
