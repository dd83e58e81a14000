"""What the parameters of an estimator mean: layers, a loss, an optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, layers, losses, optimizers, regularizers
from ..models import Sequential
from ..optimizers.settings import below_one, positive
from ..variable import Variable

# scikit-learn's names of activations that Keras calls otherwise.
_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}
# What the outputs go through, by scikit-learn's names.
_OUTPUTS = {
    "identity": "linear",
    "exp": "exponential",
    "logistic": "sigmoid",
    "softmax": "softmax",
}
_RATES = ("constant", "invscaling", "adaptive")


class Chain(Sequential):
    """A network whose epochs visit the samples in scikit-learn's orders."""

    #: What draws the orders, while an estimator trains the network.
    source: np.random.RandomState | None = None
    _order: NDArray[np.int64] | None = None

    def draw_orders_from(self, source: np.random.RandomState | None) -> None:
        """Orders come from ``source`` from now on, each a shuffle of the one before."""
        self.source, self._order = source, None

    def _permutation(self, ahead: int, n: int) -> NDArray[np.int64]:
        assert self.source is not None
        moved = np.arange(n)
        self.source.shuffle(moved)
        self._order = moved if self._order is None else self._order[moved]
        return self._order.copy()


@dataclass(frozen=True)
class Objective:
    """What is minimized.

    Parameters
    ----------
    loss : Loss
        For ``compile``.
    scale : float
        The loss is multiplied with it, to be scikit-learn's.
    out_activation : str
        What the outputs go through, by scikit-learn's name.
    on_logits : bool
        Whether the loss wants the outputs before that.
    """

    loss: losses.Loss
    scale: float
    out_activation: str
    on_logits: bool

    @property
    def class_indices(self) -> bool:
        """Whether targets are indices of classes."""
        return not self.loss.is_python and bool(self.loss.lower().class_indices)


def objective_of(loss: Any, kind: str, outputs: int) -> Objective:
    """From the parameter ``loss`` of an estimator of that kind of targets: "continuous",
    "multiclass" (more than two) or, each output a probability of its own, "binary".

    Raises
    ------
    ValueError, TypeError
        If it is no loss, or one of several classes where each output is for itself.
    """
    if kind == "continuous":
        if isinstance(loss, str) and loss == "squared_error":
            # of all outputs together, since that is whose gradient scikit-learn goes by
            return Objective(losses.MeanSquaredError(), outputs / 2, "identity", False)
        if isinstance(loss, str) and loss == "poisson":
            return Objective(losses.Poisson(), float(outputs), "exp", False)
        return Objective(losses.get(loss), 1.0, "identity", False)
    out_activation = "softmax" if kind == "multiclass" else "logistic"
    if isinstance(loss, str) and loss == "log_loss":
        if kind == "multiclass":
            chosen: losses.Loss = losses.SparseCategoricalCrossentropy(from_logits=True)
            return Objective(chosen, 1.0, out_activation, True)
        chosen = losses.BinaryCrossentropy(from_logits=True)
        return Objective(chosen, float(outputs), out_activation, True)
    chosen = losses.get(loss)
    if "categorical" in chosen.kind and kind != "multiclass":
        raise ValueError(
            "loss must be one of single outputs for two classes or several labels, such as "
            f"'binary_focal_crossentropy'. Received: loss={loss!r}"
        )
    return Objective(chosen, 1.0, out_activation, bool(getattr(chosen, "from_logits", False)))


def sizes_of(hidden_layer_sizes: Any) -> list[int]:
    """Units of the hidden layers."""
    if not hasattr(hidden_layer_sizes, "__iter__"):
        hidden_layer_sizes = [hidden_layer_sizes]
    return [_checks.integer("hidden_layer_sizes", units, 1) for units in hidden_layer_sizes]


def by_layer(name: str, value: Any, count: int) -> list[Any]:
    """One value for each of the hidden layers, from one for all or a list of as many."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must be one for all hidden layers or a list with one for each of the "
            f"{count}. Received: {name}={value!r}"
        )
    return list(value)


def chain_of(
    estimator: Any, features: int, outputs: int, goal: Objective, random: np.random.RandomState
) -> Chain:
    """The network of an estimator; ``random`` draws the seeds of dropout.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not as described.
    """
    sizes = sizes_of(estimator.hidden_layer_sizes)
    activations = by_layer("activation", estimator.activation, len(sizes))
    rates = by_layer("dropout", estimator.dropout, len(sizes))
    normalized = _checks.boolean("batch_normalization", estimator.batch_normalization)
    chain = Chain([layers.Input((features,))])
    for units, activation, rate in zip(sizes, activations, rates, strict=True):
        known = activation
        if isinstance(activation, str):
            known = _ACTIVATIONS.get(activation, activation)
        if normalized:
            chain.add(layers.Dense(units))
            chain.add(layers.BatchNormalization())
            chain.add(layers.Activation(known))
        else:
            chain.add(layers.Dense(units, known))
        if _checks.number("dropout", rate, 0.0, 1.0):
            # an int64 on every system, so that one seed is one mask everywhere
            seed = int(random.randint(1 << 62, dtype=np.int64))
            chain.add(layers.Dropout(rate, seed=seed))
    chain.add(layers.Dense(outputs, None if goal.on_logits else _OUTPUTS[goal.out_activation]))
    return chain


def initialize(chain: Sequential, activation: Any, random: np.random.RandomState) -> None:
    """scikit-learn's initial weights: kernels and biases are uniform, of limit
    sqrt(6 / (inputs + units)), or sqrt(2 / (inputs + units)) for "logistic"; the layer of the
    outputs as the last hidden one."""
    dense = dense_layers(chain)
    names = by_layer("activation", activation, len(dense) - 1)
    for layer, name in zip(dense, [*names, *(names[-1:] or [activation])], strict=True):
        assert layer.kernel is not None
        inputs, units = layer.kernel.shape
        logistic = isinstance(name, str) and name == "logistic"
        limit = np.sqrt((2.0 if logistic else 6.0) / (inputs + units))
        kernel = random.uniform(-limit, limit, (inputs, units))
        layer.set_weights([kernel, random.uniform(-limit, limit, units)])


def dense_layers(chain: Sequential) -> list[layers.Dense]:
    """The hidden layers and that of the outputs."""
    return [layer for layer in chain.layers if isinstance(layer, layers.Dense)]


def penalize(chain: Sequential, strength: float) -> None:
    """The penalty strength * sum w^2 of all kernels."""
    penalty = regularizers.L2(strength) if strength else None
    for layer in dense_layers(chain):
        assert layer.kernel is not None
        layer.kernel_regularizer = layer.kernel.regularizer = penalty
    Variable.tick()


def with_output_activation(chain: Sequential, goal: Objective) -> Sequential:
    """The network that predicts: the same layers, and what the outputs go through at the end."""
    further = [layers.Activation(_OUTPUTS[goal.out_activation])] if goal.on_logits else []
    return Sequential([*chain.layers, *further])


def optimizer_of(estimator: Any) -> optimizers.Optimizer:
    """The optimizer of an estimator.

    Raises
    ------
    ValueError
        If a parameter is not as described.
    """
    solver = estimator.solver
    rate: Any = estimator.learning_rate
    if not callable(rate):
        if rate not in _RATES:
            raise ValueError(
                f"learning_rate must be one of {_RATES}, a schedule or a function of the number "
                f"of steps. Received: learning_rate={rate!r}"
            )
        rate = positive("learning_rate_init", estimator.learning_rate_init)
    if solver == "sgd":
        nesterov = _checks.boolean("nesterovs_momentum", estimator.nesterovs_momentum)
        momentum = below_one("momentum", estimator.momentum)
        return optimizers.SGD(rate, momentum, nesterov)
    if solver == "adam":
        epsilon = positive("epsilon", estimator.epsilon)
        return optimizers.Adam(rate, estimator.beta_1, estimator.beta_2, epsilon)
    if solver == "lbfgs":
        return optimizers.LBFGS(gradient_tolerance=estimator.tol)
    raise ValueError(f"solver must be 'adam', 'sgd' or 'lbfgs'. Received: solver={solver!r}")
