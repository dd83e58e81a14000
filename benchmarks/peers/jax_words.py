"""JAX's side of words.py: each variant as one jitted ``lax.scan`` over the steps of an epoch with
donated state, in Keras's formulas (the settings are those of jax_scan.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from words import BATCH, STEPS, Variant, initial_weights

jax.config.update("jax_enable_x64", True)

Arrays = list[Any]


def _sparsemax(x: Any) -> Any:
    """Of x (B, U), by its rows sorted."""
    z = jnp.sort(x, axis=1)[:, ::-1]
    sums, places = jnp.cumsum(z, axis=1), jnp.arange(1.0, x.shape[1] + 1)
    count = (1 + places * z > sums).sum(axis=1, keepdims=True)
    return jnp.maximum(x - (jnp.take_along_axis(sums, count - 1, axis=1) - 1) / count, 0.0)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": jax.nn.relu,
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "relu6": jax.nn.relu6,
    "elu": jax.nn.elu,
    "celu": jax.nn.celu,
    "selu": jax.nn.selu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "silu": jax.nn.silu,
    "hard_silu": jax.nn.hard_silu,
    "sigmoid": jax.nn.sigmoid,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "log_sigmoid": jax.nn.log_sigmoid,
    "tanh": jnp.tanh,
    "hard_tanh": jax.nn.hard_tanh,
    "tanh_shrink": lambda x: x - jnp.tanh(x),
    "hard_shrink": lambda x: jnp.where(jnp.abs(x) > 0.5, x, 0.0),
    "soft_shrink": lambda x: jnp.sign(x) * jnp.maximum(jnp.abs(x) - 0.5, 0.0),
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "squareplus": jax.nn.squareplus,
    "exponential": jnp.exp,
    "mish": jax.nn.mish,
    "sparse_plus": jax.nn.sparse_plus,
    "sparse_sigmoid": jax.nn.sparse_sigmoid,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "sparsemax": _sparsemax,
    "glu": jax.nn.glu,
    "linear": lambda x: x,
}


def _through(kind: str, x: Any, gamma: Any, beta: Any) -> tuple[Any, Arrays]:
    """What the layer makes of x (B, U), and the batch's moments where they are wanted. gamma begins
    with ones, beta with zeros."""
    if kind == "PReLU":
        return jnp.maximum(x, 0.0) + beta * jnp.minimum(x, 0.0), []
    if kind == "UnitNormalization":
        return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(axis=1, keepdims=True), 1e-24)), []
    if kind == "BatchNormalization":
        mean, variance = x.mean(axis=0), x.var(axis=0)
        return (x - mean) / jnp.sqrt(variance + 1e-3) * gamma + beta, [mean, variance]
    if kind == "LayerNormalization":
        mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
        return (x - mean) / jnp.sqrt(variance + 1e-3) * gamma + beta, []
    if kind == "GroupNormalization":
        parts = x.reshape(x.shape[0], 32, -1)
        mean, variance = parts.mean(axis=2, keepdims=True), parts.var(axis=2, keepdims=True)
        return ((parts - mean) / jnp.sqrt(variance + 1e-3)).reshape(x.shape) * gamma + beta, []
    scale = jax.lax.rsqrt(jnp.square(x).mean(axis=1, keepdims=True) + 1e-6)
    return x * scale * gamma, []


def _orthogonal(w: Any) -> Any:
    """0.01 times the mean of the cosines between the columns of w, each by its size."""
    unit = w / jnp.maximum(jnp.sqrt(jnp.square(w).sum(axis=0, keepdims=True)), 1e-12)
    count = w.shape[1]
    off = jnp.abs((unit.T @ unit) * (1 - jnp.eye(count)))
    return 0.01 * 0.5 * off.sum() / (count * (count - 1) / 2)


def _penalty(kind: str, w: Any) -> Any:
    return {
        "L1": lambda: 0.01 * jnp.abs(w).sum(),
        "L2": lambda: 0.01 * jnp.square(w).sum(),
        "L1L2": lambda: 0.01 * jnp.abs(w).sum() + 0.01 * jnp.square(w).sum(),
        "OrthogonalRegularizer": lambda: _orthogonal(w),
        "": lambda: 0.0,
    }[kind]()


def _constrained(kind: str, w: Any) -> Any:
    if kind == "NonNeg":
        return w * (w >= 0)
    norms = jnp.sqrt(jnp.square(w).sum(axis=0, keepdims=True))
    if kind == "MaxNorm":
        return w * (jnp.clip(norms, 0, 2.0) / (1e-7 + norms))
    if kind == "UnitNorm":
        return w / (1e-7 + norms)
    return w * (jnp.clip(norms, 0.0, 1.0) / (1e-7 + norms)) if kind else w


def _clipped(options: dict[str, Any], gradients: Arrays) -> Arrays:
    if "clipvalue" in options:
        return [jnp.clip(g, -options["clipvalue"], options["clipvalue"]) for g in gradients]
    if "clipnorm" in options:
        limit = options["clipnorm"]
        norms = [jnp.sqrt(jnp.square(g).sum()) for g in gradients]
        pairs = zip(gradients, norms, strict=True)
        return [g * jnp.where(n > limit, limit / n, 1.0) for g, n in pairs]
    if "global_clipnorm" in options:
        limit = options["global_clipnorm"]
        norm = jnp.sqrt(sum(jnp.square(g).sum() for g in gradients))
        return [g * jnp.where(norm > limit, limit / norm, 1.0) for g in gradients]
    return gradients


# An optimizer: a weight's slots to begin with, and its step, (w, g, slots, t >= 1) -> (w, slots).
Slots = tuple[Any, ...]
Step = Callable[[Any, Any, Slots, Any], tuple[Any, Slots]]


def _moments(g: Any, m: Any, v: Any) -> tuple[Any, Any]:
    return m + (g - m) * 0.1, v + (g * g - v) * 0.001


def _adam(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m, v = _moments(g, *slots[:2])
    alpha = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - m * alpha / (jnp.sqrt(v) + 1e-7), (m, v)


def _amsgrad(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m, v = _moments(g, *slots[:2])
    top = jnp.maximum(slots[2], v)
    alpha = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - m * alpha / (jnp.sqrt(top) + 1e-7), (m, v, top)


def _adamw(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    return _adam(w - w * 0.004 * 0.001, g, slots, t)


def _nadam(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m, v, product = slots
    u, u_next = (0.9 * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
    product = product * u
    m, v = _moments(g, m, v)
    mean = u_next * m / (1 - product * u_next) + (1 - u) * g / (1 - product)
    return w - 0.001 * mean / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-7), (m, v, product)


def _adamax(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m = slots[0] + (g - slots[0]) * 0.1
    u = jnp.maximum(0.999 * slots[1], jnp.abs(g))
    return w - 0.001 * m / ((1 - 0.9**t) * (u + 1e-7)), (m, u)


def _rmsprop(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    v = 0.9 * slots[0] + 0.1 * g * g
    return w - 0.001 * g / jnp.sqrt(v + 1e-7), (v,)


def _adagrad(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    total = slots[0] + g * g
    return w - 0.001 * g / jnp.sqrt(total + 1e-7), (total,)


def _adadelta(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    v = 0.95 * slots[0] + 0.05 * g * g
    delta = -jnp.sqrt(slots[1] + 1e-7) * g / jnp.sqrt(v + 1e-7)
    return w + 0.001 * delta, (v, 0.95 * slots[1] + 0.05 * delta * delta)


def _adafactor(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    rate = jnp.minimum(0.001, 1 / jnp.sqrt(t)) * jnp.maximum(0.001, jnp.sqrt(jnp.square(w).mean()))
    beta, square = 1 - t**-0.8, g * g + 1e-30
    if w.ndim == 2:
        rows, columns = slots
        rows = beta * rows + (1 - beta) * square.mean(axis=1)
        columns = beta * columns + (1 - beta) * square.mean(axis=0)
        v, slots = rows[:, None] / rows.mean() * columns, (rows, columns)
    else:
        v = beta * slots[0] + (1 - beta) * square
        slots = (v,)
    u = g / jnp.sqrt(v)
    return w - rate * u / jnp.maximum(1.0, jnp.sqrt(jnp.square(u).mean())), slots


def _lion(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m = slots[0]
    return w - 0.001 * jnp.sign(0.9 * m + 0.1 * g), (0.99 * m + 0.01 * g,)


def _ftrl(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    total, linear = slots
    more = total + g * g
    linear = linear + g - (jnp.sqrt(more) - jnp.sqrt(total)) / 0.001 * w
    return -linear / (jnp.sqrt(more) / 0.001), (more, linear)


def _lamb(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m, v = _moments(g, *slots)
    r = m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-7)
    size, step = jnp.sqrt(jnp.square(w).sum()), jnp.sqrt(jnp.square(r).sum())
    return w - 0.001 * jnp.where((size > 0) & (step > 0), size / step, 1.0) * r, (m, v)


def _schedule_free(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    z, v = slots
    v = v + (g * g - v) * 0.001
    step = g / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    x = (w - 0.1 * z) / 0.9
    z = z - 0.0025 * step
    x = x + (z - x) / t
    return 0.9 * x + 0.1 * z, (z, v)


def _sgd(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    return w - 0.01 * g, ()


def _momentum(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m = 0.9 * slots[0] - 0.01 * g
    return w + m, (m,)


def _nesterov(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    m = 0.9 * slots[0] - 0.01 * g
    return w + 0.9 * m - 0.01 * g, (m,)


def _centered(w: Any, g: Any, slots: Slots, t: Any) -> tuple[Any, Slots]:
    v, mean = 0.9 * slots[0] + 0.1 * g * g, 0.9 * slots[1] + 0.1 * g
    m = 0.9 * slots[2] + 0.001 * g / jnp.sqrt(v - mean * mean + 1e-7)
    return w - m, (v, mean, m)


def _zeros(count: int) -> Callable[[Any], Slots]:
    return lambda w: tuple(jnp.zeros_like(w) for _ in range(count))


def _factors(w: Any) -> Slots:
    if w.ndim < 2:
        return (jnp.zeros_like(w),)
    return jnp.zeros(w.shape[0]), jnp.zeros(w.shape[1])


OPTIMIZERS: dict[str, tuple[Callable[[Any], Slots], Step]] = {
    "SGD": (_zeros(0), _sgd),
    "SGD, momentum": (_zeros(1), _momentum),
    "SGD, nesterov": (_zeros(1), _nesterov),
    "RMSprop, centered": (_zeros(3), _centered),
    "Adam": (_zeros(2), _adam),
    "Adam, amsgrad": (_zeros(3), _amsgrad),
    "AdamW": (_zeros(2), _adamw),
    "Nadam": (lambda w: (jnp.zeros_like(w), jnp.zeros_like(w), jnp.ones(())), _nadam),
    "Adamax": (_zeros(2), _adamax),
    "RMSprop": (_zeros(1), _rmsprop),
    "Adagrad": (lambda w: (jnp.full_like(w, 0.1),), _adagrad),
    "Adadelta": (_zeros(2), _adadelta),
    "Adafactor": (_factors, _adafactor),
    "Lion": (_zeros(1), _lion),
    "Ftrl": (lambda w: (jnp.full_like(w, 0.1), jnp.zeros_like(w)), _ftrl),
    "Lamb": (_zeros(2), _lamb),
    "ScheduleFreeAdamW": (lambda w: (jnp.array(w), jnp.zeros_like(w)), _schedule_free),
}


def jax_unit(variant: Variant, x: Any, y: Any) -> Callable[[], float]:
    """A call that trains one epoch and returns its loss."""
    options, kind = variant.options, variant.layer
    begin, apply = OPTIMIZERS.get(variant.name, OPTIMIZERS[variant.optimizer])
    activation = ACTIVATIONS[variant.activation]
    ema, decay = options.get("use_ema"), options.get("weight_decay", 0.0)

    def loss_of(params: Arrays, rows: Any, labels: Any) -> tuple[Any, Arrays]:
        h, moments = rows @ params[0] + params[1], []
        if kind:
            h, moments = _through(kind, h, params[4], params[5])
        logits = activation(h) @ params[2] + params[3]
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        penalties = sum(_penalty(variant.regularizer, params[i]) for i in (0, 2))
        return -picked.mean() + penalties, moments

    def step(state: Any, indices: Any) -> tuple[Any, Any]:
        params, slots, moving, averages, t = state
        (loss, moments), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            params, x[indices], y[indices]
        )
        gradients = _clipped(options, gradients)
        decayed = [w - w * decay * 0.001 if decay else w for w in params]
        done = [apply(w, g, s, t) for w, g, s in zip(decayed, gradients, slots, strict=True)]
        params = [w for w, _ in done]
        if variant.constraint:
            params = [
                _constrained(variant.constraint, w) if i in (0, 2) else w
                for i, w in enumerate(params)
            ]
        moving = [a * 0.99 + b * 0.01 for a, b in zip(moving, moments, strict=True)]
        if ema:
            averages = [a * 0.99 + w * 0.01 for a, w in zip(averages, params, strict=True)]
        return (params, [s for _, s in done], moving, averages, t + 1.0), loss

    x, y = jnp.asarray(x), jnp.asarray(y)
    run = jax.jit(lambda state, orders: jax.lax.scan(step, state, orders), donate_argnums=0)
    params = [jnp.asarray(w) for w in initial_weights(variant)]
    width = params[1].shape
    params += [jnp.ones(width), jnp.zeros(width)] if kind else []
    moving = [jnp.zeros(width), jnp.ones(width)] if kind == "BatchNormalization" else []
    averages = [jnp.array(w) for w in params] if ema else []
    state = (params, [begin(w) for w in params], moving, averages, jnp.float64(1.0))
    generator = np.random.default_rng(2)

    def unit() -> float:
        nonlocal state
        orders = generator.permutation(STEPS * BATCH).astype(np.int32).reshape(STEPS, BATCH)
        state, losses = run(state, orders)
        jax.block_until_ready(state)
        return float(losses.mean())

    return unit
