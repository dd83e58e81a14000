"""Layers called on the input of a model to come: ``Dense(3)(Input((4,)))``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from .shapes import Shape

if TYPE_CHECKING:
    from .layer import Layer

BRANCHES = (
    "fastmlp computes chains of layers, each on the output of the one before: a graph that "
    "branches, joins or has several inputs or outputs is not supported"
)


class KerasTensor:
    """What a layer will put out for an input: its shape and where it comes from.

    Attributes
    ----------
    shape : tuple
        (None, ...).
    layer : Layer
        Which puts it out.
    before : KerasTensor or InputLayer
        What the layer works on.
    training : bool or None
        What the layer was called with.
    """

    symbolic = True
    dtype = "float64"

    __array_ufunc__ = None

    def __init__(self, layer: Layer, before: Any, training: bool | None = None) -> None:
        self.layer, self.before, self.training = layer, before, training
        self.shape: Shape = layer.output_shape

    @property
    def ndim(self) -> int:
        """Number of axes, the batch's among them."""
        return len(self.shape)

    def _refuse(self, *_: Any) -> NoReturn:
        raise ValueError(f"{BRANCHES}. Received: an operator on {self!r}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __rtruediv__ = __matmul__ = __rmatmul__ = __pow__ = __neg__ = __getitem__ = _refuse

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise ValueError(
            "a KerasTensor has a shape, but no values: make a model of it first. "
            f"Received: {self!r}"
        )

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype=float64, name={self.layer.name}>"


def is_symbolic(x: Any) -> bool:
    """Whether x is the input of a model to come or made of one.

    Raises
    ------
    ValueError
        If it is several of them.
    """
    if isinstance(x, (list, tuple, dict)):
        parts = x.values() if isinstance(x, dict) else x
        if any(getattr(part, "symbolic", False) for part in parts):
            raise ValueError(f"{BRANCHES}. Received: a layer called on {x!r}")
        return False
    return bool(getattr(x, "symbolic", False))


def chain(inputs: Any, outputs: Any) -> tuple[Any, list[Layer]]:
    """The one input and the layers that lead from it to the one output.

    Raises
    ------
    ValueError, TypeError
        If they are several, no symbols, or do not belong together.
    """
    start, end = _lone("inputs", inputs), _lone("outputs", outputs)
    layers: list[Layer] = []
    at = end
    while at is not start:
        if not isinstance(at, KerasTensor):
            raise ValueError(
                f"outputs must be made of inputs. Received: inputs={start!r}, outputs={end!r}"
            )
        if at.training is not None:
            raise ValueError(
                "training must be None where layers are called on an Input: fit trains, evaluate "
                f"and predict do not. Received: training={at.training} for {at.layer!r}"
            )
        layers.append(at.layer)
        at = at.before
    return start, layers[::-1]


def _lone(name: str, given: Any) -> Any:
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, (list, tuple)):
        if len(given) != 1:
            raise ValueError(f"{BRANCHES}. Received: {len(given)} {name}")
        given = given[0]
    if not is_symbolic(given):
        raise TypeError(
            f"{name} must be Input(...) or what layers make of it. "
            f"Received: {name}={given!r} (of type {type(given).__name__})"
        )
    return given
