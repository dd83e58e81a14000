"""What a built model computes, step by step, with the numbers that it has learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..engine import Float64Array, Network, Operation
from ..engine.words import (
    ActivityRegularization,
    AlphaDropout,
    BatchNormalization,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    PythonOperation,
)

if TYPE_CHECKING:
    from ..layers.layer import Layer

#: What is there while training only.
TRAINING_ONLY = (ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise)


@dataclass(frozen=True)
class Step:
    """An operation with its parameters, on rows (rows, inputs) of a sample that become
    (new_rows, outputs)."""

    operation: Operation
    parameters: list[Float64Array]
    rows: int
    inputs: int
    new_rows: int
    outputs: int


@dataclass(frozen=True)
class Lowered:
    """A model without what only training needs."""

    network: Network
    parameters: list[Float64Array]
    steps: list[Step]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    #: Below which whole numbers the inputs are, if they are categories.
    category_limit: int | None


def normalizing_columns(step: Step) -> tuple[Float64Array, Float64Array]:
    """What a batch normalization multiplies columns with and adds to them, each (O,): rounded as
    the engine does."""
    word = step.operation
    assert isinstance(word, BatchNormalization)
    *trained, mean, variance = step.parameters
    inverse = 1.0 / np.sqrt(variance + word.epsilon)
    scale = trained[0] * inverse if word.scale else inverse
    beta = trained[-1] if word.center else 0.0
    return scale, beta - mean * scale


def lower(model: Layer) -> Lowered:
    """The steps of a model.

    Raises
    ------
    ValueError
        If it is not built, a weight is NaN or infinite, or a layer is written in Python.
    """
    if not model.built:
        raise ValueError(
            f"a model must be built before it is exported: call build(input_shape), or give its "
            f"first layer an Input. Received: model {model.name!r}, not built"
        )
    network, parameters = model._network(), []
    for variable, shape in zip(model._parameters(), network.parameter_shapes, strict=True):
        value = np.asarray(variable.numpy(), np.float64)
        if not np.isfinite(value).all():
            raise ValueError(
                "weights must be finite to be exported. "
                f"Received: NaN or infinity in {variable.path!r}"
            )
        parameters.append(value.reshape(shape))
    steps: list[Step] = []
    rest, rows, inputs = list(parameters), 1, network.inputs
    for operation in network.operations:
        if isinstance(operation, PythonOperation):
            raise ValueError(
                f"what is written in Python cannot be exported. Received: {operation.runs.what}"
            )
        count = len(operation.parameter_shapes(inputs))
        own, rest = rest[:count], rest[count:]
        outputs = operation.output_width(inputs)
        new_rows = operation.output_split(rows, inputs)
        if not isinstance(operation, TRAINING_ONLY):
            steps.append(Step(operation, own, rows, inputs, new_rows, outputs))
        rows, inputs = new_rows, outputs
    return Lowered(
        network,
        parameters,
        steps,
        tuple(size for size in model.input_shape[1:] if size is not None),
        tuple(size for size in model.output_shape[1:] if size is not None),
        model.category_limit,
    )
