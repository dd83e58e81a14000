"""What layers add to the loss and how their weights are held: from the face's objects to words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import constraints, regularizers
from ..engine import (
    ActivityRegularization,
    Constraint,
    Network,
    Operation,
    PythonRegularizer,
    Regularizer,
)
from ..tensor import Tensor, as_tensor
from ..variable import Variable
from .custom import chain_of

if TYPE_CHECKING:
    from .layer import Layer


def put_rules(variable: Variable, regularizer: Any, constraint: Any) -> None:
    """Give a new weight its regularizer and constraint.

    Raises
    ------
    ValueError
        If one of them is not for weights of that shape.
    """
    if isinstance(regularizer, regularizers.Regularizer):
        regularizer.check(variable.shape)
    if isinstance(constraint, constraints.Constraint):
        constraint.lower(len(variable.shape))
    variable.regularizer, variable.constraint = regularizer, constraint


def with_rules(network: Network, parameters: Sequence[Variable]) -> Network:
    """The network with the regularizers and constraints of its parameters.

    Raises
    ------
    ValueError
        If an engine has a weight of several axes as a vector, which has no rows and columns, and
        its regularizer or constraint asks for them.
    """
    if all(p.regularizer is None and p.constraint is None for p in parameters):
        return network
    for parameter, shape in zip(parameters, network.parameter_shapes, strict=True):
        rules = (parameter.regularizer, parameter.constraint)
        by_axis = (regularizers.OrthogonalRegularizer, constraints.OfNorms)
        for rule in rules:
            if len(shape) < len(parameter.shape) and isinstance(rule, by_axis):
                raise ValueError(
                    f"regularizer and constraint of {parameter.path!r} must work element by "
                    f"element, as L1, L2 and NonNeg do: it has the shape {parameter.shape}. "
                    f"Received: {rule!r}"
                )
    return Network(
        network.inputs,
        network.operations,
        lowered_regularizers(parameters),
        lowered_constraints(parameters),
    )


def lowered_regularizers(weights: Sequence[Variable]) -> tuple[Regularizer | None, ...]:
    """The regularizer of each weight in the engine's words; empty if none has one."""
    words: list[Regularizer | None] = []
    for variable in weights:
        regularizer = variable.regularizer if variable.trainable else None
        if regularizer is None:
            words.append(None)
        elif regularizers.written_in_python(regularizer):
            words.append(PythonRegularizer(regularizer, variable.shape, _differentiated))
        else:
            words.append(regularizer.lower())
    return tuple(words) if any(words) else ()


def _differentiated(function: Any, w: Any) -> Any:
    from ..ops.traced import watched  # few regularizers are written in Python

    value, backward = watched(function, w)
    return value, backward(np.ones_like(value))


def lowered_constraints(weights: Sequence[Variable]) -> tuple[Constraint | None, ...]:
    """The constraint of each weight in the engine's words; empty if none has one. What is written
    in Python is not among them: see :func:`hold`."""
    words: list[Constraint | None] = []
    for variable in weights:
        constraint = variable.constraint if variable.trainable else None
        if constraint is None or constraints.written_in_python(constraint):
            words.append(None)
        else:
            words.append(constraint.lower(len(variable.shape)))
    return tuple(words) if any(words) else ()


def held_by_python(weights: Sequence[Variable]) -> list[Variable]:
    """The trained weights whose constraint no engine knows."""
    return [
        variable
        for variable in weights
        if variable.trainable
        and variable.constraint is not None
        and constraints.written_in_python(variable.constraint)
    ]


def hold(weights: Sequence[Variable]) -> None:
    """Bring weights back to their constraints, after a step."""
    for variable in weights:
        variable.assign(variable.constraint(variable.value))


def activity_operations(activity_regularizer: Any) -> list[Operation]:
    """What follows the operations of a layer whose outputs are regularized."""
    word = regularizers.elementwise("activity_regularizer", activity_regularizer)
    return [] if word is None else [ActivityRegularization(word.l1, word.l2)]


def leaves(layer: Layer) -> Iterator[Layer]:
    """The layers without layers inside that a layer is made of, from input to output."""
    inside = chain_of(layer) or (None if layer._by_call else getattr(layer, "layers", None))
    if inside is None:
        yield layer
    else:
        for each in inside:
            yield from leaves(each)


def keep_activity_losses(layer: Layer, means: Sequence[float]) -> None:
    """Note what the outputs of a call have cost, layer by layer."""
    regularized = [leaf for leaf in leaves(layer) if leaf.activity_regularizer is not None]
    for leaf, mean in zip(regularized, means, strict=True):
        leaf._activity_loss = mean


def losses_of(layer: Layer) -> list[Tensor]:
    """What a layer adds to the loss: for its outputs at the last call, then for its weights."""
    of_outputs = [leaf._activity_loss for leaf in leaves(layer)]
    of_weights = [
        float(variable.regularizer(variable.value))
        for variable in layer.trainable_weights
        if variable.regularizer is not None
    ]
    return [as_tensor(loss) for loss in (*of_outputs, *of_weights) if loss is not None]
