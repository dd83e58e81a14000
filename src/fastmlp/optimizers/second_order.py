"""What the optimizers have in common that look at the curvature of the loss: they ask for losses
and gradients as often as they like and move the weights themselves.

Letters: P weights that are trained, n residuals: a sample has one for each of its outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from .. import engine
from .._configured import Configured
from ..engine import Float64Array
from ..variable import Variable
from .optimizer import Optimizer

#: Reasons for the end of a training that mean success.
_CONVERGED = ("goal", "gradient", "step")

#: The settings of Optimizer that surround a step of the engine, which there is none of here.
_AROUND = (
    *("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema"),
    *("loss_scale_factor", "gradient_accumulation_steps"),
)


@dataclass(frozen=True)
class Result:
    """How a training by :class:`LevenbergMarquardt` or :class:`LBFGS` ended.

    Attributes
    ----------
    reason : str
        "goal": the loss is not above the goal. "gradient": the gradient is below its tolerance.
        "step": steps are below their tolerance. "damping": no step is downhill, however much it
        is damped. "line_search": nor is one along the gradient. "nonfinite": the loss is NaN or
        infinite. "epochs": all have been run. "callback": one of them stopped the training.
        "interrupted": by Ctrl-C or an error.
    converged : bool
        Whether the reason is one of the first three.
    iterations : int
        Steps that were taken.
    evaluations : int
        How often the loss was asked for.
    loss, gradient_norm : float
        The loss after the last step and the Euclidean norm of its gradient.
    """

    reason: str
    converged: bool
    iterations: int
    evaluations: int
    loss: float
    gradient_norm: float


class Algebra(Protocol):
    """The part of an engine that knows nothing of networks; see
    :class:`fastmlp.engine.Engine`."""

    def factor(self, matrix: Float64Array) -> Float64Array | None: ...

    def solve(self, lower: Float64Array, b: Float64Array) -> Float64Array: ...

    def product(self, a: Float64Array, b: Float64Array) -> Float64Array: ...

    def dot(self, a: Float64Array, b: Float64Array) -> float: ...


class Problem(Protocol):
    """A loss of weights w (P,), which is at some w at any time.

    Gauss and Newton's matrix H (P, P) is that of the loss: the Hessian with residuals that are
    linear in w in place of the true ones.
    """

    algebra: Algebra

    @property
    def weights(self) -> Float64Array:
        """The weights that were kept last."""

    def loss(self, w: Float64Array) -> float:
        """Go to w; the loss there."""

    def gradient(self, w: Float64Array) -> Float64Array:
        """Go to w; the gradient of the loss there (P,)."""

    def loss_and_gradient(self, w: Float64Array) -> tuple[float, Float64Array]:
        """Go to w; both, where both are wanted."""

    def keep(self, w: Float64Array) -> None:
        """Go to w, which are the weights from now on."""


class CurvedProblem(Problem, Protocol):
    """One that knows Gauss and Newton's matrix at the weights that were kept last."""

    @property
    def residuals(self) -> int:
        """n."""

    @property
    def is_squares(self) -> bool:
        """Whether the loss is a sum of squares of residuals, and perhaps of weights."""

    @property
    def is_penalized(self) -> bool:
        """Whether there are squares of weights among them."""

    def curvature(self) -> Float64Array:
        """H (P, P)."""

    def curvature_product(self, v: Float64Array) -> Float64Array:
        """H v (P,)."""

    def curvature_diagonal(self) -> Float64Array:
        """The diagonal of H (P,)."""

    # Of squares of residuals only, with A (n, P) such that A.T @ A is their part of H.

    def curvature_root(self) -> Float64Array:
        """A; asked for where n is small."""

    def residual_vector(self) -> Float64Array:
        """r (n,) such that A.T @ r is their gradient."""

    def bend(self, v: Float64Array, share: float) -> Float64Array:
        """(n,) the second derivatives of r by t at w + t v, from r at t = -share, 0, share."""

    def pull(self, u: Float64Array) -> Float64Array:
        """A.T @ u (P,)."""


@dataclass(frozen=True)
class Step:
    """What an optimizer did: the loss and the gradient (P,) where it is now, and why it cannot
    go on, if so."""

    loss: float
    gradient: Float64Array
    taken: bool
    reason: str | None
    logs: dict[str, float]


class SecondOrder(Optimizer):
    """Base of the optimizers whose steps are not the engine's: no learning rate, decay, clip or
    average.

    Attributes
    ----------
    result : Result or None
        How the last ``fit`` ended.
    """

    moves_by_itself: ClassVar[bool] = True
    #: Whether every step is on all samples.
    whole_set: ClassVar[bool] = False

    def __init__(self, name: str | None) -> None:
        super().__init__(0.0, name=name)
        self.result: Result | None = None
        self._state: dict[str, Variable] = {}
        self._size = 0  # P that the state is for
        self.begin_run()

    # What an optimizer of its own kind says.

    def advance(self, problem: Any) -> Step:
        """One step downhill from the weights of a problem, which then keeps those it came to."""
        raise NotImplementedError(f"{type(self).__name__} must implement advance")

    def state_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        """What it remembers for P weights: names and shapes."""
        raise NotImplementedError(f"{type(self).__name__} must implement state_shapes")

    def _initial(self, name: str, shape: tuple[int, ...]) -> Any:
        """What one of these starts from."""
        return np.zeros(shape)

    # Its state.

    @property
    def built(self) -> bool:
        """Whether there is a state."""
        return self._size > 0

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for all these weights, unless it has been made before."""
        super().build(variables)
        self.remember(sum(variable.size for variable in variables))

    def remember(self, size: int) -> None:
        """Make the state for so many weights, unless it is for as many."""
        shapes = self.state_shapes(size)
        if shapes != {key: variable.shape for key, variable in self._state.items()}:
            self._size = size
            self._state = {
                key: Variable(
                    self._initial(key, shape), trainable=False, name=key, path=f"{self.name}/{key}"
                )
                for key, shape in shapes.items()
            }

    @property
    def variables(self) -> list[Any]:
        """``steps``, then the state."""
        return [self.steps, *self._state.values()]

    # A run of steps.

    def begin_run(self) -> None:
        """A training begins."""
        self._iterations = self._evaluations = 0
        self._last: Step | None = None
        #: Why not to go on, if so.
        self.reason: str | None = None
        #: What is told of an epoch beside losses and metrics; attempts are those of all steps.
        self.logs: dict[str, float] = {}
        self._epoch_ended = False
        self.result = None

    def go(self, problem: Problem, in_batches: bool = False) -> Step:
        """:meth:`advance`, with its logs; ``in_batches``: the next problem is another, so that
        the loss, if it is finite, is no reason to end."""
        attempts = 0.0 if self._epoch_ended else self.logs.get("attempts", 0.0)
        self._epoch_ended = not in_batches
        step = self.advance(problem)
        self._iterations += step.taken
        self.steps += 1
        self._last, self.logs = step, dict(step.logs)
        self.logs["attempts"] += attempts
        if not in_batches or step.reason == "nonfinite":
            self.reason = step.reason
        elif step.reason is not None and not step.taken:
            self.start_anew()
        return step

    @property
    def evaluations(self) -> int:
        """Losses that were asked for in this training."""
        return self._evaluations

    def start_anew(self) -> None:
        """Forget what kept it from a step, for another problem."""

    def end_epoch(self, loss: float) -> None:
        """An epoch of this mean loss is over."""
        self._epoch_ended = True

    def end_run(self, reason: str) -> Result | None:
        """A training has ended; ``reason`` counts if the last step had none. What is known of it,
        if there was a step."""
        if self._last is None:
            return None
        reason = self.reason or reason
        norm = float(np.sqrt(np.square(self._last.gradient).sum()))
        counts = self._iterations, self._evaluations
        self.result = Result(reason, reason in _CONVERGED, *counts, self._last.loss, norm)
        return self.result

    def check_settings(self) -> None:
        """ValueError if a setting of Optimizer has been made that means nothing here."""
        for name in _AROUND:
            value = getattr(self, name)
            if value is not None and value is not False:
                raise ValueError(
                    f"{name} does not go with {type(self).__name__}, which chooses its steps by "
                    f"the loss. Received: {name}={value!r}"
                )

    # What an Optimizer has and this has not.

    def lower(self) -> engine.Optimizer:
        """SGD, which the engine is never asked for."""
        return engine.Sgd()

    @property
    def learning_rate(self) -> Any:
        """There is none."""
        raise AttributeError(f"{type(self).__name__} has no learning_rate: it finds its steps")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise ValueError(
            f"learning_rate must not be set: {type(self).__name__} has none, it finds its steps. "
            f"Received: learning_rate={value!r}"
        )

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """ValueError: a gradient is not enough."""
        raise ValueError(
            f"{type(self).__name__} asks for losses and gradients as it goes: it cannot apply "
            f"gradients, use fit. Received: {len(grads)} gradients"
        )

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Nothing: there are no averages."""

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as plain data."""
        return Configured.get_config(self)
