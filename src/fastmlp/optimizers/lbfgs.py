"""The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from ..engine import Float64Array
from .line_search import Point, search
from .optimizer import register
from .second_order import Problem, SecondOrder, Step
from .settings import Setting, any_number, least_0, whole

Dot = Callable[[Float64Array, Float64Array], float]

# A pair whose product is a smaller share of |y|^2 says nothing of the curvature.
_LEAST_CURVATURE = 2.2e-16


@register("lbfgs")
class LBFGS(SecondOrder):
    """Steps along directions that the last gradients tell: for smooth losses of any kind, on all
    samples at once.

    The direction is -B g, with B from ``history`` pairs of steps and changes of the gradient g;
    the step along it is one of Wolfe's strong conditions, by Moré and Thuente's search, or of
    Hager and Zhang's approximate ones where losses differ by roundings only. If there is none,
    the pairs are dropped and the gradient is followed; if there is none again, the training
    ends. An epoch is one step. ``loss`` and metrics in the logs are those after the step, and
    there are ``attempts``, the losses and gradients that were asked for, and ``gradient_norm``.

    ``fit`` takes all samples as one batch, and refuses a smaller ``batch_size``. Dropout, noise,
    a batch normalization that trains, L1 penalties and constraints are refused.

    Parameters
    ----------
    history : int
        Pairs to remember, at least 1.
    max_evaluations : int
        The most losses that the search of one step may ask for.
    goal : float
        The training ends at this loss; 0: at 0, not below.
    gradient_tolerance : float
        The training ends when no element of the gradient is larger than this times the larger of
        1 and the loss.
    name : str, optional
        Defaults to "lbfgs".

    Attributes
    ----------
    result : Result or None
        How the last ``fit`` ended: ``reason``, ``converged``, ``iterations``, ``evaluations``,
        ``loss`` and ``gradient_norm``.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp
    >>> x = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile(LBFGS(), "mse", engine="reference")
    >>> history = model.fit(x, 2.0 * x + 1.0, epochs=20, verbose=0)
    >>> model.optimizer.result.converged
    True
    """

    whole_set: ClassVar[bool] = True

    history = Setting(whole(1))
    max_evaluations = Setting(whole(1))
    goal = Setting(any_number)
    gradient_tolerance = Setting(least_0)

    def __init__(
        self,
        history: int = 10,
        max_evaluations: int = 25,
        goal: float = 0.0,
        gradient_tolerance: float = 1e-10,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.history, self.max_evaluations = history, max_evaluations
        self.goal, self.gradient_tolerance = goal, gradient_tolerance

    def state_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        return {"pairs": (), "steps": (self.history, size), "changes": (self.history, size)}

    def advance(self, problem: Problem) -> Step:
        w = problem.weights
        self.remember(len(w))
        dot = problem.algebra.dot
        loss, g = problem.loss_and_gradient(w)
        attempts = 0
        if self._last is None:
            self._evaluations += 1

        def step(taken: bool, reason: str | None) -> Step:
            logs = {"attempts": float(attempts), "gradient_norm": float(np.sqrt(dot(g, g)))}
            return Step(loss, g, taken, reason or self._reason(loss, g), logs)

        if self._reason(loss, g):
            return step(False, None)
        tried: dict[float, tuple[Float64Array, Float64Array]] = {}
        while True:
            d = self._direction(g, dot)
            slope = dot(d, g)

            def at(t: float, d: Float64Array = d) -> Point:
                nonlocal attempts
                attempts += 1
                self._evaluations += 1
                there = w + t * d
                value, gradient = problem.loss_and_gradient(there)
                tried[t] = there, gradient
                return Point(t, value, dot(d, gradient))

            found = None
            if slope < 0.0:
                first = 1.0 if self._pairs else float(1.0 / np.sqrt(dot(g, g)))
                found = search(at, Point(0.0, loss, slope), first, self.max_evaluations)
            if found is not None or not self._pairs:
                break
            self._state["pairs"].assign(0.0)
            tried.clear()
        if found is None:
            problem.keep(w)
            return step(False, "line_search")
        there, gradient = tried[found.t]
        self._add_pair(found.t * d, gradient - g, dot)
        problem.keep(there)  # the very array, of which the problem knows loss and gradient
        loss, g = found.loss, gradient
        return step(True, None)

    def _reason(self, loss: float, g: Float64Array) -> str | None:
        """Why not to go on from here, if so."""
        if not (np.isfinite(loss) and np.isfinite(g).all()):
            return "nonfinite"
        if loss == 0.0 if self.goal == 0.0 else loss <= self.goal:
            return "goal"
        largest = float(np.abs(g).max(initial=0.0))
        return "gradient" if largest <= self.gradient_tolerance * max(1.0, abs(loss)) else None

    @property
    def _pairs(self) -> int:
        """How many pairs there are; the last is the newest."""
        return int(float(self._state["pairs"]))

    def _direction(self, g: Float64Array, dot: Dot) -> Float64Array:
        """-B g, by the two loops over the pairs."""
        first = self.history - self._pairs
        steps, changes = self._state["steps"].value, self._state["changes"].value
        q = g
        products = {i: dot(steps[i], changes[i]) for i in range(first, self.history)}
        shares = {}
        for i in reversed(range(first, self.history)):
            shares[i] = dot(steps[i], q) / products[i]
            q = q - shares[i] * changes[i]
        if self._pairs:
            q = products[self.history - 1] / dot(changes[-1], changes[-1]) * q
        for i in range(first, self.history):
            share = dot(changes[i], q) / products[i]
            q = q + (shares[i] - share) * steps[i]
        return -q

    def _add_pair(self, step: Float64Array, change: Float64Array, dot: Dot) -> None:
        if not dot(step, change) > _LEAST_CURVATURE * dot(change, change):
            return
        for key, value in (("steps", step), ("changes", change)):
            self._state[key].assign(np.concatenate([self._state[key].value[1:], value[None]]))
        self._state["pairs"].assign(float(min(self._pairs + 1, self.history)))
