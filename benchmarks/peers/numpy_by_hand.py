"""NumPy with OpenBLAS, written as a careful person would: every array is allocated once, all
products and updates go into ``out=``, Adam works in place, in pieces, in ten passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jobs import SEED, Job

from peers import Unit, UnsupportedJobError, package_versions

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
CHUNK = 131_072  # parameters updated at a time: the fastest of 2,048 to all of them


def versions() -> dict[str, str]:
    return package_versions("numpy")


class _Adam:
    """Keras's Adam on one flat vector (P,), in place.

    The moments are kept without their factors, m / (1 - b1) and v / (1 - b2), which saves two
    of twelve passes; the factors go into alpha and epsilon.
    """

    def __init__(self, parameters: Any, learning_rate: float) -> None:
        self.parameters = parameters  # (P,)
        self.gradient = np.zeros_like(parameters)  # (P,)
        self.m, self.v = np.zeros_like(parameters), np.zeros_like(parameters)
        self.learning_rate = learning_rate
        self.t = 0

    def step(self) -> None:
        """Uses up the gradient."""
        self.t += 1
        alpha = self.learning_rate * (1.0 - BETA_2**self.t) ** 0.5 / (1.0 - BETA_1**self.t)
        scale = (1.0 - BETA_2) ** 0.5  # sqrt(v) = scale * sqrt(the v that is kept)
        alpha *= (1.0 - BETA_1) / scale
        for start in range(0, len(self.parameters), CHUNK):
            piece = slice(start, start + CHUNK)
            w, g, m, v = self.parameters[piece], self.gradient[piece], self.m[piece], self.v[piece]
            m *= BETA_1
            m += g
            g *= g
            v *= BETA_2
            v += g
            np.sqrt(v, out=g)
            g += EPSILON / scale
            np.divide(m, g, out=g)
            g *= alpha
            w -= g


class _Network:
    """Weights, gradients and all activations of a batch, allocated once."""

    def __init__(self, job: Job, weights: list[Any]) -> None:
        self.job = job
        self.adam = _Adam(np.concatenate([w.ravel() for w in weights]), job.learning_rate)
        self.weights = self._views(self.adam.parameters)
        self.gradients = self._views(self.adam.gradient)
        batch = job.batch
        self.x = np.empty((batch, job.layers[0]))
        self.activations = [np.empty((batch, width)) for width in job.layers[1:]]
        self.deltas = [np.empty((batch, width)) for width in job.layers[1:]]
        self.masks = [np.empty((batch, width)) for width in job.layers[1:-1]]
        self.random = [np.empty((batch, width), np.uint16) for width in job.layers[1:-1]]
        self.generator = np.random.Generator(np.random.SFC64(SEED))

    def _views(self, flat: Any) -> list[tuple[Any, Any]]:
        """[(kernel (i, o), bias (o,)), ...] inside the flat vector (P,)."""
        views, at = [], 0
        for inputs, outputs in self.job.dense_shapes:
            kernel = flat[at : at + inputs * outputs].reshape(inputs, outputs)
            at += inputs * outputs
            views.append((kernel, flat[at : at + outputs]))
            at += outputs
        return views

    def _draw_mask(self, index: int, rows: int) -> Any:
        """Dropout's factors (rows, units): 0 or 1 / (1 - rate), from 16-bit words."""
        words, mask = self.random[index][:rows], self.masks[index][:rows]
        words[...] = np.frombuffer(self.generator.bytes(words.nbytes), np.uint16).reshape(
            words.shape
        )
        kept = words >= int(self.job.dropout * 2**16)
        return np.multiply(kept, 1.0 / (1.0 - self.job.dropout), out=mask)

    def forward(self, x: Any, training: bool) -> Any:
        """Outputs (rows, K) of x (rows, F)."""
        rows = len(x)
        last = len(self.weights) - 1
        for index, (kernel, bias) in enumerate(self.weights):
            z = np.matmul(x, kernel, out=self.activations[index][:rows])
            z += bias
            if index < last:
                if self.job.activation == "relu":
                    np.maximum(z, 0.0, out=z)
                else:
                    np.tanh(z, out=z)
                if training and self.job.dropout:
                    z *= self._draw_mask(index, rows)
            x = z
        return x

    def _output_delta(self, outputs: Any, y: Any) -> float:
        """d(mean loss)/d(outputs) into the last delta; returns the mean loss."""
        rows = len(outputs)
        delta = self.deltas[-1][:rows]
        if not self.job.is_classification:
            np.subtract(outputs, y, out=delta)
            loss = float(np.vdot(delta, delta)) / delta.size
            delta *= 2.0 / delta.size
            return loss
        outputs -= outputs.max(axis=1, keepdims=True)
        np.exp(outputs, out=delta)
        total = delta.sum(axis=1, keepdims=True)
        chosen = np.arange(rows), y
        loss = float(np.mean(np.log(total[:, 0]) - outputs[chosen]))
        delta /= total
        delta[chosen] -= 1.0
        delta *= 1.0 / rows
        return loss

    def _backward(self, x: Any) -> None:
        """Gradients of every weight, from the last delta back."""
        rows = len(x)
        for index in range(len(self.weights) - 1, -1, -1):
            below = self.activations[index - 1][:rows] if index else x
            delta = self.deltas[index][:rows]
            kernel_gradient, bias_gradient = self.gradients[index]
            np.matmul(below.T, delta, out=kernel_gradient)
            np.sum(delta, axis=0, out=bias_gradient)
            if index:
                kernel = self.weights[index][0]
                self._hidden_delta(
                    index - 1, np.matmul(delta, kernel.T, out=self.deltas[index - 1][:rows])
                )

    def _hidden_delta(self, index: int, delta: Any) -> None:
        """Multiplies delta (rows, units) by the derivative of dropout and activation."""
        rows = len(delta)
        a = self.activations[index][:rows]
        if self.job.dropout:
            delta *= self.masks[index][:rows]
        if self.job.activation == "relu":
            delta *= a > 0.0
        else:
            delta *= 1.0 - a * a  # no job has both tanh and dropout, so a is tanh's output

    def train_batch(self, x: Any, y: Any) -> float:
        loss = self._output_delta(self.forward(x, training=True), y)
        self._backward(x)
        self.adam.step()
        return loss


def _prepare_train(job: Job, x: Any, y: Any, weights: list[Any]) -> Unit:
    x = x / 255.0 if x.dtype == np.uint8 else x
    network = _Network(job, weights)
    generator = np.random.default_rng(SEED)
    whole_set = job.batch == job.rows

    def epoch() -> float:
        if whole_set:
            return network.train_batch(x, y)
        order = generator.permutation(job.rows) if job.shuffle else np.arange(job.rows)
        total = 0.0
        for start in range(0, job.rows, job.batch):
            rows = order[start : start + job.batch]
            batch = np.take(x, rows, axis=0, out=network.x[: len(rows)], mode="clip")
            total += network.train_batch(batch, y[rows]) * len(rows)
        return total / job.rows

    def unit() -> float:
        return [epoch() for _ in range(job.epochs)][-1]

    return unit


def prepare(job: Job, x: Any, y: Any, weights: list[Any], threads: int) -> Unit:
    """Threads are OpenBLAS's, set by the worker's environment."""
    if job.kind in ("train", "memory"):
        return _prepare_train(job, x, y, weights)
    if job.kind in ("predict", "call"):
        (kernel_1, bias_1, kernel_2, bias_2) = weights
        hidden = np.empty((len(x), kernel_1.shape[1]))

        def predict() -> None:
            np.matmul(x, kernel_1, out=hidden)
            np.add(hidden, bias_1, out=hidden)
            np.maximum(hidden, 0.0, out=hidden)
            outputs = hidden @ kernel_2
            outputs += bias_2

        return predict
    if job.kind == "dgemm":

        def multiply() -> None:
            np.matmul(x, y)

        return multiply
    raise UnsupportedJobError(f"no {job.kind} job")
