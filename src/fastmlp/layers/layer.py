"""The base of all layers (and of models, which are layers made of layers)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import _checks, _naming, regularizers
from .._locks import Lock
from .._registry import Registry
from ..binding import Binding
from ..engine import Network, Operation, Reshape, Training, without_idle
from ..initializers import first_value
from ..initializers.initializer import Maker
from ..tensor import Tensor
from ..variable import Variable
from . import called, custom, input_spec, penalties
from .shaped import Shaped
from .shapes import Shape, check_categories, rows_of, sample_shape
from .symbolic import KerasTensor, is_symbolic

# Dropout masks of ``layer(x, training=True)`` are numbered from here, far above any training
# step, so that such a call never repeats the mask of a step.
_FIRST_CALL_STEP = 1 << 47


class Layer(Shaped):
    """What a model is made of.

    Parameters
    ----------
    name : str, optional
        Defaults to the class's name in snake_case, numbered: dense, dense_1, ...
    trainable : bool
        Whether training changes the layer's weights.
    dtype : str, optional
        "float64" or None; fastmlp computes in nothing else.
    activity_regularizer : str or Regularizer, optional
        L1, L2 or L1L2 of the outputs; the mean over the samples of a batch is added to its loss.
    input_shape : tuple of int, optional
        Shape of one sample, for the first layer of a model (Keras's older way to write
        ``Input(shape)``).
    input_dim : int, optional
        The same for samples that are vectors: ``input_shape=(input_dim,)``.

    Raises
    ------
    ValueError
        If an argument is not as described.
    TypeError
        If there is an argument that fastmlp does not know.
    """

    _kept_as: ClassVar = {"input_shape": "declared_shape", "input_dim": None}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        custom.adopt(cls, Layer)

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        activity_regularizer: Any = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string. Received: name={name!r}")
        self.name = name or _naming.unique_name(_naming.snake_case(type(self).__name__))
        self.dtype = _checks.float64("dtype", dtype)
        self._trainable = _checks.boolean("trainable", trainable)
        regularizers.elementwise("activity_regularizer", activity_regularizer)
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self._activity_loss: float | None = None  # of the last call
        if input_dim is not None:
            input_shape = (_checks.integer("input_dim", input_dim, 1),)
        #: Shape of one sample if the layer was told it, as the first of a model can be.
        self.declared_shape = None if input_shape is None else sample_shape(input_shape)
        self._lock = Lock()  # of building and binding; a model's is taken before its layers'
        self._building = False
        self._scope = ""
        self._input_shape: Shape | None = None
        self._output_shape: Shape | None = None
        self._own_weights: list[Variable] = []
        self._built_in_weights: list[Variable] = []
        self._binding: Binding | None = None
        # While a fit runs that nobody listens to, what the layer computes does not change, and
        # whether its binding still serves it need not be asked at each run of steps.
        self._is_settled = False
        self._sample_shape: tuple[int, ...] = ()
        self._category_limit: int | None = None
        self._calls = 0
        self._chain: tuple[Any, list[Any]] = ((), [])  # see custom.chain_of
        self._node: KerasTensor | None = None  # what it puts out where it was called or built last

    # Weights.

    def _inner_layers(self) -> list[Any]:
        return custom.inner_layers(self)

    def _parameters(self) -> list[Variable]:
        """What the engine's parameters mirror, in the order of the operations."""
        chain = custom.chain_of(self)
        if chain:
            return [variable for layer in chain for variable in layer._parameters()]
        return sorted(self.weights, key=lambda v: not v.trainable and custom.is_custom(self))

    @property
    def category_limit(self) -> int | None:
        """If inputs must be whole numbers: below which."""
        return None

    def _add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Maker | None,
        state: bool = False,
        *,
        regularizer: Any = None,
        constraint: Any = None,
    ) -> Variable:
        """A new weight; ``state``: training changes it without a gradient. Regularizer and
        constraint are what ``get`` of their modules returns."""
        path = "/".join(part for part in (self._scope, self.name, name) if part)
        variable = Variable(first_value(path, initializer, shape), name=name, path=path)
        penalties.put_rules(variable, regularizer, constraint)
        variable.state = state
        variable.trainable = self.trainable and not state
        # In the order of weights: all that are trained, then the state.
        self._own_weights = sorted([*self._own_weights, variable], key=lambda v: v.state)
        return variable

    # Regularization.

    @property
    def activity_regularizer(self) -> Any:
        """What is added to the loss for the outputs, or None."""
        return self._activity_regularizer

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        regularizers.elementwise("activity_regularizer", value)
        self._activity_regularizer, self._activity_loss = regularizers.get(value), None
        Variable.tick()

    @property
    def losses(self) -> list[Tensor]:
        """What is added to the loss: for the outputs of the last ``layer(x)``, layer by layer,
        then for each regularized weight that is trained."""
        return penalties.losses_of(self)

    # Configuration.

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as plain data."""
        config = super().get_config()
        for optional in ("input_shape", "activity_regularizer"):
            if config.get(optional) is None:
                config.pop(optional, None)
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape that the layer was built for, {"input_shape": (None, ...)}; None before."""
        return {"input_shape": self._input_shape} if self.built else None

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build the layer for the shape that :meth:`get_build_config` gave.

        Raises
        ------
        ValueError
            If the layer cannot work on that shape, or was built for another.
        """
        if config and "input_shape" in config:
            self.build(config["input_shape"])

    # Computing.

    def operations(self) -> list[Operation]:
        """What the built layer is in the engine's words."""
        return custom.operations(self)

    def regularized_operations(self) -> list[Operation]:
        """The operations, then the penalty of what they put out, if there is one."""
        return self.operations() + penalties.activity_operations(self.activity_regularizer)

    def _network(self) -> Network:
        inputs = math.prod(size for size in self.input_shape[1:] if size is not None)
        last, parameters = self.output_shape[-1], self._parameters()
        assert last is not None
        operations = without_idle(inputs, [*self.regularized_operations(), Reshape(last)])
        return penalties.with_rules(Network(inputs, operations), parameters)

    def _chosen_engine(self) -> str | None:
        """The engine that was asked for, if one was."""
        return None

    def _training(self) -> Training | None:
        return None

    def _slots(self, variables: Sequence[Variable]) -> list[list[Variable]]:
        """The optimizer's slots of each variable."""
        return []

    def _bind(self) -> Binding:
        """The layer's engine, made anew if what it computes has changed, and up to date."""
        if self._is_settled and (settled := self._binding) is not None:
            settled.sync()
            return settled
        with self._lock:
            network = self._network()
            name = self._chosen_engine() or network.engine
            made_from = (name, network, self._training(), self._parameters())
            binding = self._binding
            if binding is None or not binding.serves(*made_from):
                binding = Binding(*made_from, self._slots(made_from[-1]))
                sample = tuple(size for size in self.input_shape[1:] if size is not None)
                self._sample_shape = sample
                self._category_limit = self.category_limit
                vectors = len(sample) == 1 and len(self.output_shape) == 2
                looked_at = self._input_spec is not None or self._category_limit is not None
                if vectors and not looked_at and not binding.activities:
                    binding.quick = binding.engine.call
                self._binding = binding
        binding.sync()
        return binding

    def _on_symbol(self, x: Any, training: bool | None) -> Any:
        """What the layer will put out for the input of a model to come."""
        self.build(x.shape)
        self._node = KerasTensor(self, x, training)
        return self._node

    @property
    def input(self) -> Any:
        """What the layer works on in the built model it is in, for ``Model(inputs, outputs)``;
        AttributeError if it is in none."""
        return self._connected().before

    @property
    def output(self) -> Any:
        """What the layer puts out in the built model it is in, for ``Model(inputs, outputs)``;
        AttributeError if it is in none."""
        return self._connected()

    def _connected(self) -> KerasTensor:
        if self._node is None:
            raise AttributeError(
                f"layer {self.name!r} has never been called and is in no built model: it has no "
                "defined input or output"
            )
        return self._node

    def __call__(self, x: Any, training: bool | None = None, mask: Any = None) -> Tensor:
        """Outputs for a batch, microseconds for a small one.

        Parameters
        ----------
        x : array_like
            (N, ...) samples.
        training : bool, optional
            True: with dropout, new masks at every call. Default: without.
        mask : None
            Taken as Keras's argument; there are no masks.

        Returns
        -------
        Tensor
            (N, ...) outputs, float64.

        Raises
        ------
        ValueError
            If x has the wrong shape, is not real numbers, or holds NaN or infinity that shows
            in the outputs.
        """
        if mask is not None:
            called.refuse_mask(mask)
        binding = self._binding
        up_to_date = binding is not None and binding.clock == Variable.clock
        if binding is not None and up_to_date and binding.quick is not None and training is None:
            outputs: Tensor | None = binding.quick(x, Tensor)
            if outputs is not None:
                return outputs
        if type(x) is not np.ndarray and is_symbolic(x):
            return self._on_symbol(x, training)  # type: ignore[no-any-return]
        if self._input_spec is not None:
            input_spec.check(self._input_spec, np.shape(x), self.name)
        if binding is None or not up_to_date:
            self._build_for(x)
            binding = self._bind()
        x = rows_of(x, self._sample_shape)
        if self._category_limit is not None:
            check_categories("x", x, self._category_limit)
        if training is None or training is False:
            step = None
        else:
            dropout = _checks.boolean("training", training)
            step = self._next_dropout_step() if dropout else None
        y = binding.engine.predict(x, step)
        if binding.activities:
            _, costs = binding.engine.penalties(x, step)
            penalties.keep_activity_losses(
                self, costs.mean(axis=1) if len(x) else costs.sum(axis=1)
            )
        # NaN in x shows in the few outputs; only then are the many inputs looked at.
        if not np.isfinite(y).all():
            _checks.finite("x", x)
        if len(self._output_shape or ()) != 2:
            y = y.reshape(-1, *self.output_shape[1:])
        return y.view(Tensor)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """What the layer makes of a batch: for ``call`` of subclasses, which ``__call__``
        surrounds."""
        if mask is not None:
            called.refuse_mask(mask)
        inside = called.now.frame
        if inside is None:
            return self(inputs, training)
        return called.built_in(self, Layer, inputs, training, inside)

    def _next_dropout_step(self) -> int:
        with self._lock:
            self._calls += 1
            return _FIRST_CALL_STEP + self._calls - 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def __getstate__(self) -> dict[str, Any]:
        # An engine does not travel with a pickle, nor do the layers in front of this one.
        return {
            **self.__dict__,
            "_binding": None,
            "_is_settled": False,
            "_node": None,
            "_chain": ((), []),
        }


registry: Registry[Layer] = Registry("layer", Layer, "keras.layers")
register = registry.register
