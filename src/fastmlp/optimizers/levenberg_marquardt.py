"""Levenberg and Marquardt's method with geodesic acceleration."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import Float64Array
from .damped import DampedCholesky, DampedConjugate, DampedDual, Solver
from .optimizer import register
from .second_order import CurvedProblem, SecondOrder, Step
from .settings import Setting, least_0, one_of, over_one, positive

# The share of a step by which the bend of the residuals is measured: Transtrum and Sethna's.
_BEND = 0.1
# Damping below a rounding of the diagonal that it is added to changes nothing.
_LEAST = 1e-16
# Weights from which on H is not made, and shares of them that make the dual form quicker.
_LARGE, _FEW = 4096, 0.5


@register("lm")
class LevenbergMarquardt(SecondOrder):
    """Gauss and Newton's steps, damped: for small networks that are fitted to precision.

    From weights w, with gradient g and Gauss-Newton matrix H of the loss, it solves
    (H + damping D^2) v = -g and takes v, or v + a / 2 with the acceleration a of the geodesic
    along v, if that lowers the loss; then it divides the damping by ``damping_decrease``.
    Otherwise it multiplies the damping by ``damping_increase`` and tries again. An epoch is one
    step that was taken, on all samples unless ``fit`` is given a ``batch_size``. ``loss`` and
    metrics in the logs are those after the step, and there are ``damping``, ``attempts`` and
    ``gradient_norm``. The loss never rises, but for small batches.

    Losses are "mse", and cross-entropies of logits, or of a last softmax or sigmoid, whose
    matrix is the generalised one and whose steps are not accelerated. L2 penalties are
    included. Dropout, noise, a batch normalization that trains, L1 penalties and constraints are
    refused by ``fit``, which warns of batches of fewer residuals than weights without a penalty:
    they can be fitted whatever they are.

    Parameters
    ----------
    damping : float
        At first; positive.
    damping_increase, damping_decrease : float
        Over 1.
    damping_max : float
        Where a training ends that finds no lower loss.
    scaling : {"more", "identity"}
        D^2 is the largest diagonal of H so far, or 1.
    acceleration : float
        The largest 2 |D a| / |D v| of a step that is taken; 0: no acceleration.
    goal : float
        The training ends at this loss.
    gradient_tolerance : float
        The training ends when the cosine of the angle between the residuals and each column of
        their Jacobian is no larger: |g_j| <= gradient_tolerance sqrt(2 H_jj loss).
    step_tolerance : float
        The training ends when |D v| <= step_tolerance |D w|.
    solver : {"auto", "cholesky", "cg"}
        How v is found: by the factor of H, or by conjugate gradients, which need no H; "auto"
        is the second from 4,097 weights on.
    regularization : "bayesian" or None
        With "bayesian" the sum of squared weights is added to the loss, in the ratio that the
        data themselves make most likely, estimated anew in each step; logs get
        ``effective_parameters``, ``alpha`` and ``beta``. For "mse" only.
    name : str, optional
        Defaults to "levenberg_marquardt".

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
    Sources: Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978 (scaling,
    the test of the gradient); Transtrum and Sethna, "Improvements to the Levenberg-Marquardt
    algorithm for nonlinear least-squares minimization", 2012, arXiv:1201.5885 (acceleration,
    damping); Foresee and Hagan, "Gauss-Newton approximation to Bayesian learning", 1997.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp
    >>> fastmlp.utils.set_random_seed(1)
    >>> x = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> model = fastmlp.Sequential(
    ...     [fastmlp.layers.Dense(6, "tanh"), fastmlp.layers.Dense(1)]
    ... )
    >>> model.compile(LevenbergMarquardt(goal=1e-8), "mse", engine="reference")
    >>> history = model.fit(x, np.sin(3.0 * x), epochs=300, verbose=0)
    >>> model.optimizer.result.reason
    'goal'
    """

    damping = Setting(positive)
    damping_increase = Setting(over_one)
    damping_decrease = Setting(over_one)
    damping_max = Setting(positive)
    scaling = Setting(one_of("more", "identity"))
    acceleration = Setting(least_0)
    goal = Setting(least_0)
    gradient_tolerance = Setting(least_0)
    step_tolerance = Setting(least_0)
    solver = Setting(one_of("auto", "cholesky", "cg"))
    regularization = Setting(one_of(None, "bayesian"))

    def __init__(
        self,
        damping: float = 1e-3,
        damping_increase: float = 2.0,
        damping_decrease: float = 3.0,
        damping_max: float = 1e10,
        scaling: str = "more",
        acceleration: float = 0.75,
        goal: float = 0.0,
        gradient_tolerance: float = 1e-10,
        step_tolerance: float = 1e-14,
        solver: str = "auto",
        regularization: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.damping, self.damping_max = damping, damping_max
        self.damping_increase, self.damping_decrease = damping_increase, damping_decrease
        self.scaling, self.acceleration = scaling, acceleration
        self.goal, self.gradient_tolerance = goal, gradient_tolerance
        self.step_tolerance = step_tolerance
        self.solver, self.regularization = solver, regularization

    def state_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        evidence = {"alpha": (), "beta": ()} if self.regularization else {}
        return {"damping": (), "scale": (size,), **evidence}

    def _initial(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.damping if name == "damping" else np.zeros(shape)

    @property
    def evidence(self) -> tuple[float, float]:
        """alpha and beta as they were estimated last; (0, 0) if they have not been."""
        return (self._number("alpha"), self._number("beta")) if self._state else (0.0, 0.0)

    def _number(self, name: str) -> float:
        return float(self._state[name])

    def advance(self, problem: CurvedProblem) -> Step:
        algebra, w = problem.algebra, problem.weights
        self.remember(len(w))
        loss, slope = problem.loss(w), problem.gradient(w)
        self._evaluations += self._last is None
        damping, attempts, reason = self._number("damping"), 0, None

        def step(taken: bool, reason: str | None) -> Step:
            norm = float(np.sqrt(algebra.dot(slope, slope)))
            logs = {"damping": damping, "attempts": float(attempts), "gradient_norm": norm}
            return Step(loss, slope, taken, reason, {**logs, **self._evidence_logs})

        self._evidence_logs: dict[str, float] = {}
        if not (np.isfinite(loss) and np.isfinite(slope).all()):
            return step(False, "nonfinite")
        if loss <= self.goal:
            return step(False, "goal")
        solver = self._solver(problem)
        data, decay = self._weigh(problem, solver, loss, w)
        solver.add(data, 2.0 * decay)
        value, g = data * loss + decay * algebra.dot(w, w), data * slope + 2.0 * decay * w
        size = np.sqrt(np.maximum(solver.diagonal, 0.0))
        if (np.abs(g) <= self.gradient_tolerance * np.sqrt(2.0 * value) * size).all():
            return step(False, "gradient")
        scale = self._scale(size)
        least = _LEAST * (1.0 if self.scaling == "more" else float(size.max()) ** 2)
        length = np.sqrt(algebra.dot(scale * w, scale * w))
        while reason is None:
            attempts += 1
            tried = self._attempt(problem, solver, g, damping, scale, data)
            if tried is not None:
                v, move = tried
                w_new = w + move
                short = np.sqrt(algebra.dot(v, v)) <= self.step_tolerance * length
                if short or (w_new == w).all():
                    reason = "step"
                loss_new = problem.loss(w_new)
                self._evaluations += 1
                if data * loss_new + decay * algebra.dot(w_new, w_new) < value:
                    damping = max(damping / self.damping_decrease, least)
                    break
            if reason is None:
                damping = max(damping * self.damping_increase, least)
                reason = "damping" if damping > self.damping_max else None
        else:
            problem.keep(w)
            self._state["damping"].assign(min(damping, self.damping_max))
            return step(False, reason)
        problem.keep(w_new)
        self._state["damping"].assign(damping)
        loss, slope = loss_new, problem.gradient(w_new)
        return step(True, "goal" if loss <= self.goal else reason)

    def _attempt(
        self,
        problem: CurvedProblem,
        solver: Solver,
        g: Float64Array,
        damping: float,
        scale: Float64Array,
        data: float,
    ) -> tuple[Float64Array, Float64Array] | None:
        """The step in the measure of the scale and as it is, for this damping; None if there is
        none, or one that bends too much."""
        algebra = problem.algebra
        if not solver.damp(damping, scale):
            return None
        squares = problem.is_squares
        v = -solver.solve(g, problem.residual_vector() if solver.by_residuals else None)
        if not np.isfinite(v).all():
            return None
        if not (self.acceleration and squares):
            return scale * v, v
        bend = problem.bend(v, _BEND)
        a = -solver.solve(data * problem.pull(bend), bend)
        length, turn = (np.sqrt(algebra.dot(scale * u, scale * u)) for u in (v, a))
        if not 2.0 * turn <= self.acceleration * length:  # nor NaN
            return None
        return scale * v, v + 0.5 * a

    def start_anew(self) -> None:
        self._state["damping"].assign(self.damping)

    def end_epoch(self, loss: float) -> None:
        super().end_epoch(loss)
        if self.reason is None and loss <= self.goal:
            self.reason = "goal"

    def check_settings(self) -> None:
        """Also that what is estimated goes with how steps are found."""
        super().check_settings()
        if self.regularization and self.solver == "cg":
            raise ValueError(
                'solver must be "cholesky" or "auto" with regularization="bayesian", which needs '
                "the trace of an inverse. Received: solver='cg'"
            )

    def _solver(self, problem: CurvedProblem) -> Solver:
        """How the damped matrix is solved with."""
        size = len(problem.weights)
        if not self.regularization:
            by_rows = problem.is_squares and not problem.is_penalized
            if self.solver != "cg" and by_rows and problem.residuals < _FEW * size:
                return DampedDual(problem)
            if self.solver == "cg" or (self.solver == "auto" and size > _LARGE):
                return DampedConjugate(problem)
        return DampedCholesky(problem)

    def _scale(self, size: Float64Array) -> Float64Array:
        """D (P,), from the square root of the diagonal of H."""
        if self.scaling == "identity":
            return np.ones_like(size)
        largest = np.maximum(self._state["scale"].value, size)
        self._state["scale"].assign(largest)
        return np.where(largest > 0.0, largest, 1.0)  # as MINPACK: a weight that moves nothing

    def _weigh(
        self, problem: CurvedProblem, solver: Solver, loss: float, w: Float64Array
    ) -> tuple[float, float]:
        """What the loss and the sum of squared weights are multiplied by: 1 and 0, or what is
        most likely of them: beta n and alpha, estimated from n residuals whose squares sum to
        n loss, P weights and gamma = P - 2 alpha tr((2 beta J.T J + 2 alpha)^-1)."""
        if not self.regularization:
            return 1.0, 0.0
        assert isinstance(solver, DampedCholesky), "the evidence needs H"
        n, alpha, beta = problem.residuals, self._number("alpha"), self._number("beta")
        effective = float(len(w))
        if beta > 0.0:
            trace = solver.trace_of_inverse(beta * n, 2.0 * alpha)
            if trace is not None:
                effective = min(max(effective - 2.0 * alpha * trace, 0.0), effective)
        squares = problem.algebra.dot(w, w)
        alpha = effective / (2.0 * squares) if squares > 0.0 else 1.0
        free = n - effective  # as MATLAB's trainbr: 1 where there are fewer residuals
        beta = free / (2.0 * n * loss) if free > 0.0 else 1.0
        self._state["alpha"].assign(alpha)
        self._state["beta"].assign(beta)
        self._evidence_logs = {"effective_parameters": effective, "alpha": alpha, "beta": beta}
        return beta * n, alpha
