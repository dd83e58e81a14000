"""What a model knows before it trains: its loss, optimizer, metrics and engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np

from .. import _checks, losses, metrics, optimizers, random
from .._configured import Configured
from .._registry import serialize
from ..callbacks.history import History
from ..engine import Loss as LoweredLoss
from ..engine import Training
from ..layers.custom import inner_layers
from ..layers.layer import Layer
from ..metrics.by_shapes import crossentropy_of
from ..variable import Variable
from .tracker import Tracker

# Of losses: a crossentropy that the labels choose.
_BY_LABELS = frozenset({"crossentropy", "ce"})

# What a Keras model can override of a step.
_STEPS = (
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
    "make_train_function",
    "make_test_function",
    "make_predict_function",
)


class CompiledModel(Layer):
    """A layer made of layers, with what ``compile`` chose: all that training builds on."""

    def __init__(self, *, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self.stop_training = False
        self.history: History | None = None
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self.loss_weights: Any = None
        self._loss_weight = 1.0
        self._loss_by_labels = False
        self.steps_per_execution = 1
        self.run_eagerly = False
        self.jit_compile: bool | str = "auto"
        self._loss: losses.Loss | None = None
        self.tracker = Tracker(None, None)
        self._metrics_given: dict[str, Any] = {}  # as they were given to compile
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
        return inner_layers(self)

    # Compiling.

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        *,
        engine: str | None = None,
    ) -> None:
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
            "rmsprop" (Keras's default), another of :mod:`fastmlp.optimizers`, or an instance.
        loss : str or Loss
            Needed for ``fit`` and ``evaluate``. "crossentropy" ("ce") is that of probabilities
            which the first labels ask for: binary for one output, sparse for class indices, else
            categorical.
        loss_weights : float, list of one float or dict of one float, optional
            What the loss is multiplied with, before regularizers add to it.
        metrics, weighted_metrics : list or dict, optional
            Names, instances of Metric or functions of (y_true, y_pred), also in nested lists and
            in a dict by the output's name; the second kind uses sample weights. "accuracy" ("acc")
            is binary for one output, with a threshold at 0.5 for logits too, sparse for class
            indices, else categorical; so is "crossentropy" ("ce"), of probabilities.
        run_eagerly, jit_compile, auto_scale_loss : bool
            Accepted, since they change no number in Keras's float64 either: the engine is always
            compiled, and float64 needs no scaled loss.
        steps_per_execution : int
            Callbacks that ask for batches are told of so many at a time.
        engine : str, optional
            "native", or "reference", the specification in NumPy; by default the first, or the
            second if something in the model is written in Python.

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
        self._refuse_overridden_steps()
        _checks.boolean("run_eagerly", run_eagerly)
        _checks.boolean("auto_scale_loss", auto_scale_loss)
        if jit_compile != "auto":
            _checks.boolean("jit_compile", jit_compile)
        steps = _checks.integer("steps_per_execution", steps_per_execution, 1)
        weight = _checks.number("loss_weights", _lone(loss_weights))
        chosen_optimizer = optimizers.get(optimizer)
        chosen_optimizer.lower()
        by_labels = isinstance(loss, str) and loss.lower() in _BY_LABELS
        chosen_loss = None if loss is None or by_labels else losses.get(loss)
        lowered = None if chosen_loss is None else _weighted(chosen_loss.lower(), weight)
        tracker = Tracker(metrics, weighted_metrics)
        if engine not in (None, "native", "reference"):
            raise ValueError(f'engine must be "native" or "reference". Received: engine={engine!r}')
        with self._lock:
            self.optimizer, self._loss, self.tracker = chosen_optimizer, chosen_loss, tracker
            self.loss, self.loss_weights = loss, loss_weights
            self._loss_weight, self._loss_by_labels = weight, by_labels
            self.run_eagerly, self.jit_compile = run_eagerly, jit_compile
            self.steps_per_execution = steps
            self._lowered_loss, self._compiled_engine = lowered, engine
            self._shuffle_seed = random.next_seed()
            self._metrics_given = {"metrics": metrics, "weighted_metrics": weighted_metrics}
            self.compiled = True
            self._binding = None  # the next use binds the new optimizer's slots
            self._with_slots = []
            Variable.tick()

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of ``compile`` as plain data, the optimizer's as they are now; None if the
        model is not compiled.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.get_compile_config()["loss"]
        'mse'
        """
        if not self.compiled:
            return None
        return {
            "optimizer": serialize(self.optimizer),
            "loss": _as_data(self.loss),
            "loss_weights": self.loss_weights,
            **{name: _as_data(given) for name, given in self._metrics_given.items()},
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self.jit_compile,
            "engine": self._compiled_engine,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """``compile`` with the arguments that :meth:`get_compile_config` gave.

        Raises
        ------
        ValueError, TypeError
            If they are no such arguments.
        """
        if not isinstance(config, dict):
            raise TypeError(f"config must be a dict. Received: config={config!r}")
        given = {
            name: _metrics_from(value) if name in ("metrics", "weighted_metrics") else value
            for name, value in config.items()
        }
        self.compile(**given)

    def _refuse_overridden_steps(self) -> None:
        """ValueError if a subclass has a Keras method of its own that the engines never call."""
        own = [name for name in _STEPS if hasattr(self, name)]
        if own:
            raise ValueError(
                "the engines of fastmlp run whole steps by themselves: a model cannot override "
                f"{', '.join(own)}. Received: {type(self).__name__} with {own[0]}"
            )

    def _check_loss(self) -> None:
        """ValueError if the model is not compiled with a loss."""
        if not self._loss_by_labels:
            self._require_loss()

    def _require_loss(self) -> losses.Loss:
        if self._loss is None:
            state = f"with loss={self.loss!r}" if self.compiled else "not at all"
            raise ValueError(
                "compile must be called with a loss before fit, evaluate, train_on_batch or "
                f"test_on_batch. Received: model {self.name!r}, compiled {state}"
            )
        return self._loss

    def _loss_for(self, y: Any) -> losses.Loss:
        """The compiled loss, which these labels choose if none have before."""
        if self._loss_by_labels:
            if y is None:
                raise ValueError("y must be given. Received: y=None")
            loss = losses.get(crossentropy_of(np.shape(y), self.output_shape))
            with self._lock:
                self._loss, self._loss_by_labels = loss, False
                self._lowered_loss = _weighted(loss.lower(), self._loss_weight)
                self._binding = None
                Variable.tick()
        return self._require_loss()

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

    def _chosen_engine(self) -> str | None:
        """The compiled choice, else that of a model inside this one."""
        if self._compiled_engine is not None:
            return self._compiled_engine
        for layer in self.layers:
            name = layer._chosen_engine()
            if name is not None:
                return name
        return None

    def _training(self) -> Training | None:
        if self._lowered_loss is None or self.optimizer is None:
            return None
        optimizer = self.optimizer
        tail = optimizer.tail(self._parameters())
        return Training(self._lowered_loss, optimizer.lower(), optimizer.clip(), tail)

    def _slots(self, variables: Sequence[Variable]) -> list[list[Variable]]:
        training = self._training()
        if training is None or self.optimizer is None:
            return []
        self._forget_removed()
        self._with_slots = list(variables)
        slots = [self.optimizer.slots(v) if v.trainable else [] for v in variables]
        shapes = self._network().parameter_shapes
        for variable, shape, kept in zip(variables, shapes, slots, strict=True):
            if kept and len(kept) != len(training.slot_shapes(shape)):
                raise ValueError(
                    f"{type(self.optimizer).__name__} keeps sums along the axes of a weight, which "
                    "fastmlp has for matrices and vectors only: choose another optimizer. "
                    f"Received: weight {variable.path!r} of shape {variable.shape}"
                )
        return slots

    def _forget_removed(self) -> None:
        """Slots of weights that are no longer the model's go."""
        kept = {id(variable) for variable in self.weights}
        if self.optimizer is not None:
            self.optimizer.forget([v for v in self._with_slots if id(v) not in kept])
        self._with_slots = [v for v in self._with_slots if id(v) in kept]


def _weighted(loss: LoweredLoss, weight: float) -> LoweredLoss:
    return loss if weight == 1.0 else dataclasses.replace(loss, weight=weight)


def _lone(loss_weights: Any) -> Any:
    """The weight of the one loss, from Keras's argument."""
    if isinstance(loss_weights, dict):
        loss_weights = list(loss_weights.values())
    if isinstance(loss_weights, (list, tuple)) and len(loss_weights) == 1:
        loss_weights = loss_weights[0]
    return 1.0 if loss_weights is None else loss_weights


def _as_data(given: Any) -> Any:
    """Names, objects, functions and classes, in whatever lists and dicts, as plain data."""
    if isinstance(given, dict):
        return {key: _as_data(value) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [_as_data(value) for value in given]
    if isinstance(given, type):
        return given.__name__
    return serialize(given) if isinstance(given, (Configured, FunctionType)) else given


def _metrics_from(data: Any) -> Any:
    """Metrics from what ``_as_data`` made of them."""
    if isinstance(data, dict):
        if "class_name" in data and "config" in data:
            return metrics.get(data)
        return {key: _metrics_from(value) for key, value in data.items()}
    return [_metrics_from(value) for value in data] if isinstance(data, list) else data
