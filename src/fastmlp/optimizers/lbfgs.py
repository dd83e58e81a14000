"""The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np

from ..engine import Float64Array
from ..variable import Variable, lend
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
        self._memory: _Memory | None = None

    def state_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        return {"pairs": (), "steps": (self.history, size), "changes": (self.history, size)}

    def advance(self, problem: Problem) -> Step:
        w = problem.weights
        self.remember(len(w))
        dot = problem.algebra.dot
        memory = self._memory = _current(self._memory, self._state, dot)
        loss, g = problem.loss_and_gradient(w)
        attempts = 0
        if self._last is None:
            self._evaluations += 1

        def step(taken: bool, reason: str | None) -> Step:
            logs = {"attempts": float(attempts), "gradient_norm": math.sqrt(dot(g, g))}
            return Step(loss, g, taken, reason or self._reason(loss, g), logs)

        if self._reason(loss, g):
            return step(False, None)
        tried: dict[float, tuple[Float64Array, Float64Array]] = {}
        while True:
            d = memory.direction(g, dot)
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
                first = 1.0 if memory.pairs else 1.0 / math.sqrt(dot(g, g))
                found = search(at, Point(0.0, loss, slope), first, self.max_evaluations)
            if found is not None or not memory.pairs:
                break
            memory.clear()
            tried.clear()
        if found is None:
            problem.keep(w)
            return step(False, "line_search")
        there, gradient = tried[found.t]
        memory.add(found.t * d, gradient - g, dot)
        problem.keep(there)  # the very array, of which the problem knows loss and gradient
        loss, g = found.loss, gradient
        return step(True, None)

    def _reason(self, loss: float, g: Float64Array) -> str | None:
        """Why not to go on from here, if so."""
        largest = float(np.abs(g).max(initial=0.0))
        if not (math.isfinite(loss) and math.isfinite(largest)):
            return "nonfinite"
        if loss == 0.0 if self.goal == 0.0 else loss <= self.goal:
            return "goal"
        return "gradient" if largest <= self.gradient_tolerance * max(1.0, abs(loss)) else None


class _Pair(NamedTuple):
    """A step s, the change y of the gradient that it made, and their products."""

    s: Float64Array
    y: Float64Array
    sy: float
    yy: float


class _Memory:
    """The last pairs, from which the state's arrays are made when somebody asks for them."""

    def __init__(self, state: dict[str, Variable], dot: Dot) -> None:
        self.state = state
        steps, changes = state["steps"].value, state["changes"].value
        first = len(steps) - int(float(state["pairs"]))
        known = zip(steps[first:], changes[first:], strict=True)
        #: The newest is the last.
        self.pairs = deque((_Pair(s, y, dot(s, y), dot(y, y)) for s, y in known), maxlen=len(steps))
        self.lent = [_Lent(self, name) for name in state]

    def add(self, s: Float64Array, y: Float64Array, dot: Dot) -> None:
        """Remember a pair, if it tells of the curvature."""
        pair = _Pair(s, y, dot(s, y), dot(y, y))
        if pair.sy > _LEAST_CURVATURE * pair.yy:
            self.pairs.append(pair)
            lend(self.lent)

    def clear(self) -> None:
        """Forget them."""
        self.pairs.clear()
        lend(self.lent)

    def direction(self, g: Float64Array, dot: Dot) -> Float64Array:
        """-B g, by the two loops over the pairs."""
        q, shares = g.copy(), []
        for pair in reversed(self.pairs):
            shares.append(dot(pair.s, q) / pair.sy)
            q -= shares[-1] * pair.y
        if self.pairs:
            q *= self.pairs[-1].sy / self.pairs[-1].yy
        for pair, share in zip(self.pairs, reversed(shares), strict=True):
            q += (share - dot(pair.y, q) / pair.sy) * pair.s
        return -q


class _Lent:
    """One array of the state, as the memory has it."""

    def __init__(self, memory: _Memory, name: str) -> None:
        self.variable, self.seen = memory.state[name], memory.state[name].version
        self._memory, self._name = memory, name

    def read(self) -> Float64Array:
        """That array, as a new one: pairs in the last rows, the newest in the very last."""
        pairs = tuple(self._memory.pairs)  # another thread may add to them
        if self._name == "pairs":
            return np.array(float(len(pairs)))
        whole = np.zeros(self.variable.shape)
        for row, pair in zip(whole[len(whole) - len(pairs) :], pairs, strict=True):
            row[:] = pair.s if self._name == "steps" else pair.y
        return whole


def _current(memory: _Memory | None, state: dict[str, Variable], dot: Dot) -> _Memory:
    """The memory, made anew if nobody has it or the state has been assigned."""
    if memory is None or memory.state is not state:
        return _Memory(state, dot)
    known = all(lent.seen == lent.variable.version for lent in memory.lent)
    return memory if known else _Memory(state, dot)
