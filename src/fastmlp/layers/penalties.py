"""What layers add to the loss and how their weights are held: from the face's objects to words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import constraints, regularizers
from ..engine import ActivityRegularization, Constraint, Operation, Regularizer
from ..tensor import Tensor, as_tensor
from ..variable import Variable

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


def lowered_regularizers(weights: Sequence[Variable]) -> tuple[Regularizer | None, ...]:
    """The regularizer of each weight in the engine's words; empty if none has one.

    Raises
    ------
    ValueError
        If one is written in Python.
    """
    words: list[Regularizer | None] = []
    for variable in weights:
        regularizer = variable.regularizer if variable.trainable else None
        if regularizer is None:
            words.append(None)
            continue
        if regularizers.written_in_python(regularizer):
            raise ValueError(
                f"the regularizer of {variable.path!r} must be one of fastmlp.regularizers: an "
                f"engine cannot run one written in Python. Received: {regularizer!r}"
            )
        words.append(regularizer.lower())
    return tuple(words) if any(words) else ()


def lowered_constraints(weights: Sequence[Variable]) -> tuple[Constraint | None, ...]:
    """The constraint of each weight in the engine's words; empty if none has one.

    Raises
    ------
    ValueError
        If one is written in Python.
    """
    words: list[Constraint | None] = []
    for variable in weights:
        constraint = variable.constraint if variable.trainable else None
        if constraint is None:
            words.append(None)
            continue
        if constraints.written_in_python(constraint):
            raise ValueError(
                f"the constraint of {variable.path!r} must be one of fastmlp.constraints: an "
                f"engine cannot run one written in Python. Received: {constraint!r}"
            )
        words.append(constraint.lower(len(variable.shape)))
    return tuple(words) if any(words) else ()


def activity_operations(activity_regularizer: Any) -> list[Operation]:
    """What follows the operations of a layer whose outputs are regularized."""
    word = regularizers.elementwise("activity_regularizer", activity_regularizer)
    return [] if word is None else [ActivityRegularization(word.l1, word.l2)]


def leaves(layer: Layer) -> Iterator[Layer]:
    """The layers without layers inside that a layer is made of, from input to output."""
    inside = getattr(layer, "layers", None)
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
