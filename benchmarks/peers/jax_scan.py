"""JAX: the whole epoch is one jitted ``lax.scan`` with donated state and a hand-written Adam.

Settings tried on the flagship, in seconds per epoch on two Zen 3 cores: rows gathered inside
the scan 0.70, the set permuted first 0.98; masks from threefry 32-bit words 0.70, the same by
``random.bernoulli`` in float64 0.72, from rbg 0.80; unrolling the scan by 2, 4 and 8 and
XLA's CPU flags (vector width, fast math, scheduler, thunk runtime): no gain.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jobs import SEED, Job

from peers import Unit, UnsupportedJobError, package_versions

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


def versions() -> dict[str, str]:
    return package_versions("jax", "jaxlib", "numpy")


def _dropout(h: Any, rate: float, key: Any) -> Any:
    """Inverted dropout of h (B, units) from one 32-bit word an element."""
    words = jax.random.bits(key, h.shape, jnp.uint32)
    return jnp.where(words >= jnp.uint32(int(rate * 2**32)), h / (1.0 - rate), 0.0)


def _forward(job: Job, params: list[Any], x: Any, key: Any = None) -> Any:
    """Outputs (B, K); dropout is on when there is a key."""
    activation = jax.nn.relu if job.activation == "relu" else jnp.tanh
    last = len(params) // 2 - 1
    for index in range(last + 1):
        x = x @ params[2 * index] + params[2 * index + 1]
        if index < last:
            x = activation(x)
            if job.dropout and key is not None:
                key, now = jax.random.split(key)
                x = _dropout(x, job.dropout, now)
    return x


def _loss(job: Job, params: list[Any], x: Any, y: Any, key: Any) -> Any:
    outputs = _forward(job, params, x, key)
    if job.is_classification:
        log_p = jax.nn.log_softmax(outputs)
        return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))
    return jnp.mean((outputs - y) ** 2)


def _adam(job: Job, params: Any, m: Any, v: Any, t: Any, gradients: Any) -> tuple[Any, Any, Any]:
    """Keras's Adam: epsilon outside the bias correction."""
    alpha = job.learning_rate * jnp.sqrt(1.0 - BETA_2**t) / (1.0 - BETA_1**t)
    m = [a + (g - a) * (1.0 - BETA_1) for a, g in zip(m, gradients, strict=True)]
    v = [a + (g * g - a) * (1.0 - BETA_2) for a, g in zip(v, gradients, strict=True)]
    params = [p - a * alpha / (jnp.sqrt(b) + EPSILON) for p, a, b in zip(params, m, v, strict=True)]
    return params, m, v


def _make_run(job: Job) -> Any:
    """The jitted unit: (state, x, y, orders (epochs, N)) -> (state, last epoch's mean loss)."""
    batch, rows = job.batch, job.rows
    full = rows // batch * batch

    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, m, v, t, key = state
        key, now = jax.random.split(key)
        loss, gradients = jax.value_and_grad(lambda p: _loss(job, p, x, y, now))(params)
        params, m, v = _adam(job, params, m, v, t + 1, gradients)
        return (params, m, v, t + 1, key), loss

    def epoch(state: Any, x: Any, y: Any, order: Any) -> tuple[Any, Any]:
        indices = order[:full].reshape(-1, batch)
        state, losses = jax.lax.scan(lambda s, i: step(s, x[i], y[i]), state, indices)
        total = losses.sum() * batch
        if full < rows:  # the short last batch has a shape of its own
            state, loss = step(state, x[order[full:]], y[order[full:]])
            total += loss * (rows - full)
        return state, total / rows

    def whole_set_epoch(state: Any, x: Any, y: Any, order: Any) -> tuple[Any, Any]:
        del order  # one batch holds every row
        return step(state, x, y)

    body = whole_set_epoch if batch == rows else epoch

    def run(state: Any, x: Any, y: Any, orders: Any) -> tuple[Any, Any]:
        state, losses = jax.lax.scan(lambda s, order: body(s, x, y, order), state, orders)
        return state, losses[-1]

    return jax.jit(run, donate_argnums=0)


def _prepare_train(job: Job, x: Any, y: Any, weights: list[Any]) -> Unit:
    x = jnp.asarray(x / 255.0 if x.dtype == np.uint8 else x)
    y = jnp.asarray(y)
    run = _make_run(job)
    params = [jnp.array(w) for w in weights]
    zeros = [jnp.zeros_like(w) for w in params], [jnp.zeros_like(w) for w in params]
    state = (params, *zeros, jnp.float64(0.0), jax.random.key(SEED))
    generator = np.random.default_rng(SEED)
    in_order = np.arange(job.rows, dtype=np.int32)

    def unit() -> float:
        nonlocal state
        orders = [
            generator.permutation(in_order) if job.shuffle else in_order for _ in range(job.epochs)
        ]
        state, loss = run(state, x, y, np.stack(orders))
        jax.block_until_ready(state)
        return float(loss)

    return unit


def prepare(job: Job, x: Any, y: Any, weights: list[Any], threads: int) -> Unit:
    """Thread count is set by CPU affinity, which XLA reads when it starts."""
    if job.kind in ("train", "memory"):
        return _prepare_train(job, x, y, weights)
    if job.kind in ("predict", "call"):
        params = [jnp.asarray(w) for w in weights]
        forward = jax.jit(lambda p, rows: _forward(job, p, rows))

        def predict() -> None:
            np.asarray(forward(params, x))

        return predict
    if job.kind == "dgemm":
        # Transposing inside the jitted product keeps the operand as it is stored.
        a = jnp.asarray(x.T if job.transposed == "a" else x)
        b = jnp.asarray(y.T if job.transposed == "b" else y)

        @jax.jit
        def product(a: Any, b: Any) -> Any:
            a = a.T if job.transposed == "a" else a
            return a @ (b.T if job.transposed == "b" else b)

        def multiply() -> None:
            jax.block_until_ready(product(a, b))

        return multiply
    raise UnsupportedJobError(f"no {job.kind} job")
