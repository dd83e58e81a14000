"""Time to each level of loss, by methods of second order: fastmlp's beside SciPy's with analytic
derivatives, scikit-learn's, JAX's with optimistix and PyTorch's, as far as they are installed.

    python benchmarks/second_order.py [--rows 2000] [--seconds 5] [--units 20]

All fit sin(10 x) / (10 x) by the same 1-units-1 tanh network from the same weights. A method is
stopped after ``--seconds``; what it does before its first step (compilation of JAX's) is not
counted. A peer that is a black box (scikit-learn) tells the loss after each of its runs only.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import fastmlp
from fastmlp import layers

Array = NDArray[np.float64]
LEVELS = [10.0**-k for k in range(2, 13)]


class EnoughError(Exception):
    """The time is over."""


class Clock:
    """Keeps (seconds, least loss so far)."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun = time.perf_counter()
        self.trace: list[tuple[float, float]] = []

    def tell(self, loss: float) -> None:
        now = time.perf_counter() - self.begun
        self.trace.append((now, float(loss)))
        if now > self.seconds:
            raise EnoughError

    def at(self, level: float) -> float | None:
        """When the loss was no more than this."""
        return next((when for when, loss in self.trace if loss <= level), None)


class Job:
    """The data and the first weights, and the network in NumPy."""

    def __init__(self, rows: int, units: int) -> None:
        self.units = units
        self.x = np.linspace(-1.0, 1.0, rows)[:, None]
        self.y = np.sinc(10.0 * self.x / np.pi)
        fastmlp.utils.set_random_seed(1)
        self.first = self.model("lm").get_weights()

    def model(self, optimizer: object) -> fastmlp.Sequential:
        hidden = layers.Dense(self.units, "tanh")
        model = fastmlp.Sequential([fastmlp.Input((1,)), hidden, layers.Dense(1)])
        if hasattr(self, "first"):
            model.set_weights(self.first)
        model.compile(optimizer, "mse")
        return model

    @property
    def start(self) -> Array:
        return np.concatenate([w.ravel() for w in self.first])

    def parts(self, w: Array) -> tuple[Array, Array, Array, Array]:
        u = self.units
        return w[:u].reshape(1, u), w[u : 2 * u], w[2 * u : 3 * u], w[3 * u :]

    def errors(self, w: Array) -> Array:
        kernel, bias, last, offset = self.parts(w)
        return np.tanh(self.x * kernel + bias) @ last + offset - self.y[:, 0]

    def jacobian(self, w: Array) -> Array:
        kernel, bias, last, _ = self.parts(w)
        h = np.tanh(self.x * kernel + bias)
        slope = (1.0 - h * h) * last
        return np.hstack([slope * self.x, slope, h, np.ones_like(self.x)])

    def loss_and_gradient(self, w: Array) -> tuple[float, Array]:
        kernel, bias, last, _ = self.parts(w)
        h = np.tanh(self.x * kernel + bias)
        e = h @ last + w[-1] - self.y[:, 0]
        slope = (1.0 - h * h) * last * e[:, None]
        parts = [(slope * self.x).sum(axis=0), slope.sum(axis=0), h.T @ e, e.sum(keepdims=True)]
        return float(e @ e) / len(e), 2.0 / len(e) * np.concatenate(parts)


def by_fastmlp(name: str) -> Callable[[Job, Clock], None]:
    def run(job: Job, clock: Clock) -> None:
        model = job.model(name)
        hook = fastmlp.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: clock.tell(logs["loss"])
        )
        clock.begun = time.perf_counter()
        model.fit(job.x, job.y, epochs=10**6, verbose=0, callbacks=[hook])

    return run


def by_least_squares(method: str) -> Callable[[Job, Clock], None]:
    def run(job: Job, clock: Clock) -> None:
        from scipy.optimize import least_squares

        def errors(w: Array) -> Array:
            e = job.errors(w)
            clock.tell(float(e @ e) / len(e))
            return e

        options = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 10**6}
        least_squares(errors, job.start, job.jacobian, method=method, **options)

    return run


def by_scipy_lbfgs(job: Job, clock: Clock) -> None:
    from scipy.optimize import minimize

    def told(w: Array) -> tuple[float, Array]:
        loss, gradient = job.loss_and_gradient(w)
        clock.tell(loss)
        return loss, gradient

    options = {"maxiter": 10**6, "maxfun": 10**7, "ftol": 0.0, "gtol": 0.0}
    minimize(told, job.start, jac=True, method="L-BFGS-B", options=options)


def by_scikit_learn(job: Job, clock: Clock) -> None:
    import warnings

    from sklearn.neural_network import MLPRegressor

    warnings.simplefilter("ignore")
    steps = 50
    while True:  # from the beginning each time, for twice as many steps
        made = MLPRegressor(
            hidden_layer_sizes=(job.units,),
            activation="tanh",
            solver="lbfgs",
            alpha=0.0,
            tol=0.0,
            max_iter=steps,
            max_fun=10**7,
            random_state=1,
        )
        clock.begun = time.perf_counter()
        made.fit(job.x, job.y[:, 0])
        clock.tell(2.0 * made.loss_)
        steps *= 2


def by_optimistix(job: Job, clock: Clock) -> None:
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)
    u, x, y = job.units, jnp.asarray(job.x), jnp.asarray(job.y[:, 0])

    def errors(w, args):  # type: ignore[no-untyped-def]
        return jnp.tanh(x * w[:u] + w[u : 2 * u]) @ w[2 * u : 3 * u] + w[-1] - y

    solver = optimistix.LevenbergMarquardt(rtol=1e-15, atol=1e-15)
    options = (errors, solver, jnp.asarray(job.start), None, {}, None, None, frozenset())
    state = solver.init(*options)
    step = jax.jit(lambda w, s: solver.step(errors, w, None, {}, s, frozenset()))
    w = jnp.asarray(job.start)
    jax.block_until_ready(step(w, state))
    clock.begun = time.perf_counter()
    while True:
        w, state, _ = step(w, state)
        clock.tell(float(jnp.mean(jnp.square(errors(w, None)))))


def by_torch(job: Job, clock: Clock) -> None:
    import torch

    torch.set_default_dtype(torch.float64)
    kernel, bias, last, offset = (
        torch.tensor(part.reshape(-1), requires_grad=True) for part in job.first
    )
    x, y = torch.tensor(job.x), torch.tensor(job.y[:, 0])
    method = torch.optim.LBFGS(
        [kernel, bias, last, offset],
        history_size=10,
        line_search_fn="strong_wolfe",
        max_iter=1,
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )

    def closure():  # type: ignore[no-untyped-def]
        method.zero_grad()
        loss = torch.mean((torch.tanh(x * kernel + bias) @ last + offset - y) ** 2)
        loss.backward()
        return loss

    clock.begun = time.perf_counter()
    while True:
        clock.tell(method.step(closure).item())


METHODS: dict[str, Callable[[Job, Clock], None]] = {
    "fastmlp lm": by_fastmlp("lm"),
    "SciPy trf": by_least_squares("trf"),
    "SciPy lm": by_least_squares("lm"),
    "optimistix LM": by_optimistix,
    "fastmlp lbfgs": by_fastmlp("lbfgs"),
    "SciPy L-BFGS-B": by_scipy_lbfgs,
    "scikit-learn lbfgs": by_scikit_learn,
    "PyTorch LBFGS": by_torch,
    "fastmlp adam": by_fastmlp("adam"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    job = Job(given.rows, given.units)
    print(f"1-{job.units}-1, {given.rows} rows: seconds to a mean squared error of")
    print(f"{'':20}" + "".join(f"{level:8.0e}" for level in LEVELS) + "   least")
    for name, run in METHODS.items():
        clock = Clock(given.seconds)
        try:
            run(job, clock)
        except EnoughError:
            pass
        except ImportError as error:
            print(f"{name:20} {error}")
            continue
        times = [clock.at(level) for level in LEVELS]
        shown = "".join(f"{'-' if t is None else format(t, '.3f'):>8}" for t in times)
        print(f"{name:20}{shown}   {min(loss for _, loss in clock.trace):.1e}", flush=True)


if __name__ == "__main__":
    main()
