"""What a model knows before it trains: its loss, optimizer, metrics and engine, and which data
fit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _checks, losses, optimizers, random
from ..callbacks.history import History
from ..engine import Data, Training
from ..engine import Loss as LoweredLoss
from ..layers.layer import Layer
from ..variable import Variable
from . import data as data_module
from .tracker import Tracker


class CompiledModel(Layer):
    """A layer made of layers, with what ``compile`` chose: all that training builds on."""

    def __init__(self, *, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self.stop_training = False
        self.history: History | None = None
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: losses.Loss | None = None
        self.tracker = Tracker(None, None)
        self.compiled = False
        self._compiled_engine: str | None = None
        self._lowered_loss: LoweredLoss | None = None
        self._shuffle_seed = 0
        # (epoch, batch) at which the fit that has just begun goes on, if it was killed before.
        self._resume_at: tuple[int, int] | None = None
        self._with_slots: list[Variable] = []  # weights of which the optimizer remembers slots

    @property
    def layers(self) -> list[Layer]:
        """The layers, from input to output."""
        return []

    # Compiling.

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        *,
        metrics: Any = None,
        weighted_metrics: Any = None,
        engine: str | None = None,
    ) -> None:
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
            "rmsprop" (Keras's default), "adam", "sgd" or an instance.
        loss : str or Loss
            Needed for ``fit`` and ``evaluate``.
        metrics, weighted_metrics : list, optional
            Names, instances of Metric or functions of (y_true, y_pred); the second kind uses
            sample weights.
        engine : str, optional
            "native" (default), or "reference", the specification in NumPy.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
        >>> model.compile("sgd", "mse", metrics=["mse"])
        >>> model.metrics_names
        ['loss', 'mse']
        """
        chosen_optimizer = optimizers.get(optimizer)
        chosen_optimizer.lower()
        chosen_loss = None if loss is None else losses.get(loss)
        lowered = None if chosen_loss is None else chosen_loss.lower()
        tracker = Tracker(metrics, weighted_metrics)
        if engine not in (None, "native", "reference"):
            raise ValueError(f'engine must be "native" or "reference". Received: engine={engine!r}')
        with self._lock:
            self.optimizer, self.loss, self.tracker = chosen_optimizer, chosen_loss, tracker
            self._lowered_loss, self._compiled_engine = lowered, engine
            self._shuffle_seed = random.next_seed()
            self.compiled = True
            self._binding = None  # the next use binds the new optimizer's slots
            self._with_slots = []
            Variable.tick()

    def _require_loss(self) -> losses.Loss:
        if self.loss is None:
            state = "with loss=None" if self.compiled else "not at all"
            raise ValueError(
                "compile must be called with a loss before fit, evaluate, train_on_batch or "
                f"test_on_batch. Received: model {self.name!r}, compiled {state}"
            )
        return self.loss

    @property
    def metrics(self) -> list[Any]:
        """The loss's running mean, then the compiled metrics."""
        return [self.tracker.loss, *self.tracker.plain, *self.tracker.weighted]

    @property
    def metrics_names(self) -> list[str]:
        """Names of what ``evaluate`` returns, in its order."""
        return list(self.tracker.names)

    def reset_metrics(self) -> None:
        """Set the running loss and metrics to their start."""
        self.tracker.reset()

    # The engine.

    def _engine_name(self) -> str:
        """The compiled choice, else that of a model inside this one, else native."""
        if self._compiled_engine is not None:
            return self._compiled_engine
        for layer in self.layers:
            name = layer._engine_name()
            if name != "native":
                return name
        return "native"

    def _training(self) -> Training | None:
        if self._lowered_loss is None or self.optimizer is None:
            return None
        optimizer = self.optimizer
        tail = optimizer.tail(self.weights)
        return Training(self._lowered_loss, optimizer.lower(), optimizer.clip(), tail)

    def _slots(self, variables: Sequence[Variable]) -> list[list[Variable]]:
        if self._training() is None or self.optimizer is None:
            return []
        self._forget_removed()
        self._with_slots = list(variables)
        return [self.optimizer.slots(v) if v.trainable else [] for v in variables]

    def _forget_removed(self) -> None:
        """Slots of weights that are no longer the model's go."""
        kept = {id(variable) for variable in self.weights}
        if self.optimizer is not None:
            self.optimizer.forget([v for v in self._with_slots if id(v) not in kept])
        self._with_slots = [v for v in self._with_slots if id(v) in kept]

    def _checked(self, x: Any, y: Any, sample_weight: Any = None, prefix: str = "") -> Data:
        """A set that fits this model, built for x if it was not."""
        loss = self._require_loss()
        self._build_for(x)
        sample = tuple(size for size in self.input_shape[1:] if size is not None)
        outputs = self._network().outputs
        checked = data_module.checked_set(loss, sample, outputs, x, y, sample_weight, prefix)
        _checks.finite(f"{prefix}x", checked.x)
        return checked

    def _training_sets(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Any,
        validation_split: float,
        validation_data: Any,
    ) -> tuple[Data, Data | None]:
        """The set to train on and the one to validate with, all checked."""
        share = _checks.number("validation_split", validation_split, 0.0, 1.0)
        if class_weight is not None and sample_weight is not None:
            raise ValueError(
                "class_weight and sample_weight cannot be given together. "
                f"Received: class_weight={class_weight!r} and sample_weight"
            )
        train, validation = self._checked(x, y, sample_weight), None
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise ValueError(
                    "validation_data must be (x, y) or (x, y, sample_weight). "
                    f"Received: validation_data of type {type(validation_data).__name__}"
                )
            weights = validation_data[2] if len(validation_data) == 3 else None
            validation = self._checked(
                validation_data[0], validation_data[1], weights, "validation "
            )
        elif share:
            train, validation = data_module.split(train, share)
        return self._with_class_weight(train, class_weight), validation

    def _with_class_weight(self, data: Data, class_weight: Any) -> Data:
        if class_weight is None:
            return data
        weights = data_module.class_weights(class_weight, data.targets, self._network().outputs)
        return Data(data.x, data.targets, weights)
