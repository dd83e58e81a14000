"""What has weights: all, those that training changes, their values as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, constraints, initializers, regularizers
from .._configured import Configured
from ..variable import Variable


class Weighted(Configured):
    """The weights of a layer, which a Layer is."""

    name: str
    _own_weights: list[Variable]
    _trainable: bool

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        raise NotImplementedError

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights. Takes effect at the next ``fit``."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = _checks.boolean("trainable", value)
        for variable in self._own_weights:
            variable.trainable = self._trainable and not variable.state
        for layer in self._inner_layers():
            layer.trainable = self._trainable
        Variable.tick()

    def _inner_layers(self) -> list[Any]:
        """The layers that a layer of one's own calls."""
        raise NotImplementedError

    @property
    def weights(self) -> list[Variable]:
        """All weights, in the order of ``get_weights``."""
        inner = [v for layer in self._inner_layers() for v in layer.weights]
        return [*self._own_weights, *inner]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable]

    @property
    def variables(self) -> list[Variable]:
        """The same as ``weights``."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as ``trainable_weights``."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The same as ``non_trainable_weights``."""
        return self.non_trainable_weights

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = "none",
        overwrite_with_gradient: bool = False,
        name: str = "variable",
    ) -> Variable:
        """A new weight of a layer of one's own, see :mod:`fastmlp.layers.custom`.

        Parameters
        ----------
        shape : tuple of int
            By default one number.
        initializer : optional
            What ``initializers.get`` takes; Glorot's uniform one by default.
        trainable : bool
            Whether training changes it; if not, ``call`` may assign to it.
        regularizer, constraint : optional
            What ``get`` of their modules takes.
        name : str
            The last part of the weight's path.
        dtype, autocast, aggregation, overwrite_with_gradient
            As by default: there is one type and one device.

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        _checks.float64("dtype", dtype)
        _checks.boolean("autocast", autocast)  # casts float64 to float64
        _checks.only("aggregation", aggregation or "none", "none")
        _checks.only("overwrite_with_gradient", overwrite_with_gradient, False)
        return self._add_weight(
            name or "variable",
            tuple(shape or ()),
            initializers.get(initializer),
            not _checks.boolean("trainable", trainable),
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )

    def _add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Any,
        state: bool = False,
        *,
        regularizer: Any = None,
        constraint: Any = None,
    ) -> Variable:
        """A new weight; ``state``: training changes it without a gradient."""
        raise NotImplementedError

    def get_weights(self) -> list[NDArray[np.float64]]:
        """Copies of all weights: for each Dense its kernel (inputs, units), then bias (units,)."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights from arrays in the order of ``get_weights``.

        Raises
        ------
        ValueError
            If the number of arrays or a shape differs, or an array holds NaN or infinity; then
            no weight is changed.
        """
        variables = self.weights
        if not hasattr(weights, "__len__"):
            raise TypeError(f"weights must be a list of arrays. Received: weights={weights!r}")
        if len(weights) != len(variables):
            raise ValueError(
                f"weights must be {len(variables)} arrays for {self.name!r}. "
                f"Received: {len(weights)}"
            )
        arrays = [_checks.real_array("weights", array) for array in weights]
        for variable, array in zip(variables, arrays, strict=True):
            _checks.finite(f"weights for {variable.path!r}", array)
            if array.shape != variable.shape:
                raise ValueError(
                    f"weights must have shape {variable.shape} for {variable.path!r}. "
                    f"Received: shape {array.shape}"
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """Number of weights' elements.

        Raises
        ------
        ValueError
            If the layer is not built yet.
        """
        if not self.built:
            raise ValueError(
                f"count_params needs a built layer, but {self.name!r} is not built: "
                "give its input shape or call build(input_shape) first"
            )
        return sum(variable.size for variable in self.weights)

    # Penalties.
