"""The steps of a model as nodes of an ONNX graph.

All are float64. What ONNX Runtime has no double kernel for (Elu, Selu, Celu, Softplus, Softsign,
HardSigmoid, HardSwish, Erf, Gelu, Mish, ThresholdedRelu) is put together from others, and so is
what takes a number as an attribute, which is float32 (the slope of LeakyRelu, the epsilon of
BatchNormalization).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import words
from ._formulas import PIECES
from .steps import Lowered, Step, normalizing_columns


class Graph:
    """Nodes and constants of a model, from "input" to "output".

    On the way rows are (samples * rows of a sample, width), as in the engine.
    """

    def __init__(self, onnx: Any, lowered: Lowered) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[tuple[Any, ...], str] = {}
        x = "input"
        if len(lowered.input_shape) != 1:
            x = self.reshape(x, -1, lowered.network.inputs)
        for step in lowered.steps:
            word = step.operation
            if isinstance(word, words.Activation):
                x = ACTIVATIONS[type(word)](self, x, word)
            else:
                x = LAYERS[type(word)](self, x, word, step)
        if len(lowered.output_shape) != 1:
            x = self.reshape(x, -1, *lowered.output_shape)
        self.nodes.append(onnx.helper.make_node("Identity", [x], ["output"]))

    def nodes_of(self, operator: str, *inputs: Any, outputs: int, **attributes: Any) -> list[str]:
        """What a new node puts out; inputs that are no names are float64 constants."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        given = [f"{operator.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(self._onnx.helper.make_node(operator, names, given, **attributes))
        return given

    def node(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """The one output of a new node."""
        return self.nodes_of(operator, *inputs, outputs=1, **attributes)[0]

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """The name of an array; equal ones are there once."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"constant_{len(self.constants)}"
            tensor = self._onnx.numpy_helper.from_array(array, self._names[key])
            self.constants.append(tensor)
        return self._names[key]

    def integers(self, value: Any) -> str:
        """The name of an array of integers."""
        return self.constant(value, np.int64)

    def reshape(self, x: str, *shape: int) -> str:
        """x in another shape."""
        return self.node("Reshape", x, self.integers(shape))

    def as_double(self, x: str) -> str:
        """Integers or truths as float64."""
        return self.node("Cast", x, to=self._onnx.TensorProto.DOUBLE)

    def as_integer(self, x: str) -> str:
        """float64 without what is behind the point."""
        return self.node("Cast", x, to=self._onnx.TensorProto.INT64)

    # Formulas.

    def where(self, condition: str, a: Any, b: Any) -> str:
        """a where the condition holds, else b."""
        return self.node("Where", condition, a, b)

    def add(self, a: Any, b: Any) -> str:
        """a + b."""
        return self.node("Add", a, b)

    def subtract(self, a: Any, b: Any) -> str:
        """a - b."""
        return self.node("Sub", a, b)

    def multiply(self, a: Any, b: Any) -> str:
        """a b."""
        return self.node("Mul", a, b)

    def divide(self, a: Any, b: Any) -> str:
        """a / b."""
        return self.node("Div", a, b)

    def above(self, a: Any, b: Any) -> str:
        """Whether a > b."""
        return self.node("Greater", a, b)

    def below(self, a: Any, b: Any) -> str:
        """Whether a < b."""
        return self.node("Less", a, b)

    def cut(self, x: str, low: float, high: float) -> str:
        """x, at least low and at most high."""
        return self.node("Clip", x, low, high)

    def exp_of_minus_size(self, x: str) -> str:
        """exp(-|x|)."""
        return self.node("Exp", self.node("Neg", self.node("Abs", x)))


# -- activations: each (graph, x, word) -> y --


def _relu(g: Graph, x: str, word: Any) -> str:
    if word == words.Relu():
        return g.node("Relu", x)
    below: Any = 0.0
    if word.negative_slope != 0:
        below = g.multiply(g.subtract(x, word.threshold), word.negative_slope)
    y = g.where(g.above(x, word.threshold), x, below)
    return y if np.isinf(word.max_value) else g.where(g.below(x, word.max_value), y, word.max_value)


def _leaky_relu(g: Graph, x: str, word: Any) -> str:
    return g.where(g.below(x, 0.0), g.multiply(x, word.negative_slope), x)


def _elu(g: Graph, x: str, word: Any) -> str:
    """exp(z) - 1 = 2 t / (1 - t), t = tanh(z / 2), in which nothing cancels for z <= 0."""
    above = g.above(x, 0.0)
    t = g.node("Tanh", g.multiply(g.where(above, 0.0, x), 0.5 / word.width))
    less_one = g.divide(g.add(t, t), g.subtract(1.0, t))
    below = g.multiply(less_one, word.scale * word.alpha)
    return g.where(above, g.multiply(x, word.scale), below)


def _softplus(g: Graph, x: str, word: Any) -> str:
    """max(x, 0) + log(1 + e), e = exp(-|x|); log(1 + e) = log(u) e / (u - 1), u = 1 + e rounded,
    or e where u is 1 (Goldberg, "What every computer scientist should know about floating-point
    arithmetic", ACM Computing Surveys 23 (1991), theorem 4)."""
    e = g.exp_of_minus_size(x)
    u = g.add(e, 1.0)
    quotient = g.divide(g.multiply(g.node("Log", u), e), g.subtract(u, 1.0))
    return g.add(g.node("Relu", x), g.where(g.above(u, 1.0), quotient, e))


def _log_sigmoid(g: Graph, x: str, word: Any) -> str:
    return g.node("Neg", _softplus(g, g.node("Neg", x), word))


def _silu(g: Graph, x: str, word: Any) -> str:
    return g.multiply(x, g.node("Sigmoid", x))


def _mish(g: Graph, x: str, word: Any) -> str:
    """x n / d as the engine's mish_formula."""
    e, negative = g.exp_of_minus_size(x), g.below(x, 0.0)
    twice, square = g.add(e, e), g.multiply(e, e)
    n = g.where(negative, g.add(square, twice), g.add(twice, 1.0))
    d = g.add(n, g.where(negative, 2.0, g.add(square, square)))
    return g.multiply(x, g.divide(n, d))


def _gelu(g: Graph, x: str, word: Any) -> str:
    if word.approximate:
        z = g.cut(x, -64.0, 64.0)
        cubic = g.multiply(g.multiply(g.multiply(z, z), z), 0.044715)
        u = g.multiply(g.add(z, cubic), 2.0 * np.sqrt(2.0 / np.pi))
        return g.multiply(x, g.node("Sigmoid", u))
    return g.multiply(x, _normal(g, x))


def _normal(g: Graph, x: str) -> str:
    """The normal distribution by the engine's series, v_normal in csrc/kernels/math.h."""
    text, _ = PIECES["v_normal"]
    series = re.findall(r"-?0x\S+p-?\d+", text[text.index("coefficient[]") : text.index("};")])
    first, *further = map(float.fromhex, series)
    a = g.node("Min", g.node("Abs", x), 40.0)
    t = g.divide(g.subtract(a, 5.0), g.add(a, 5.0))
    p: Any = first
    for coefficient in further:
        p = g.add(g.multiply(p, t), coefficient)
    e = g.node("Exp", g.multiply(g.multiply(a, a), -0.5))
    tail = g.multiply(e, g.divide(p, g.add(a, 5.0)))
    return g.where(g.above(x, 0.0), g.subtract(1.0, tail), tail)


def _hard_sigmoid(g: Graph, x: str, word: Any) -> str:
    return g.divide(g.cut(g.add(x, 3.0), 0.0, 6.0), 6.0)


def _hard_silu(g: Graph, x: str, word: Any) -> str:
    return g.multiply(x, _hard_sigmoid(g, x, word))


def _hard_shrink(g: Graph, x: str, word: Any) -> str:
    return g.where(g.above(g.node("Abs", x), word.threshold), x, 0.0)


def _soft_shrink(g: Graph, x: str, word: Any) -> str:
    edge = word.threshold
    below = g.where(g.below(x, -edge), g.add(x, edge), 0.0)
    return g.where(g.above(x, edge), g.subtract(x, edge), below)


def _squareplus(g: Graph, x: str, word: Any) -> str:
    """(x + r) / 2, r = sqrt(x^2 + b); below 0, where that cancels, b / 2 / (r - x)."""
    size = g.node("Abs", x)
    root = g.node("Sqrt", g.add(g.multiply(x, x), word.b))
    r = g.where(g.above(size, 2.0**500), size, root)
    below = g.divide(word.b / 2, g.add(r, size))
    return g.where(g.below(x, 0.0), below, g.multiply(g.add(x, r), 0.5))


def _sparse_plus(g: Graph, x: str, word: Any) -> str:
    middle = g.multiply(g.add(g.cut(x, -1.0, 1.0), 1.0), 0.5)
    return g.where(g.above(x, 1.0), x, g.multiply(middle, middle))


def _sparse_sigmoid(g: Graph, x: str, word: Any) -> str:
    return g.multiply(g.add(g.cut(x, -1.0, 1.0), 1.0), 0.5)


ACTIVATIONS: dict[type[Any], Callable[[Graph, str, Any], str]] = {
    words.Relu: _relu,
    words.LeakyRelu: _leaky_relu,
    words.Elu: _elu,
    words.Exponential: lambda g, x, word: g.node("Exp", x),
    words.Tanh: lambda g, x, word: g.node("Tanh", x),
    words.TanhShrink: lambda g, x, word: g.subtract(x, g.node("Tanh", x)),
    words.Sigmoid: lambda g, x, word: g.node("Sigmoid", x),
    words.LogSigmoid: _log_sigmoid,
    words.Silu: _silu,
    words.Softplus: _softplus,
    words.Mish: _mish,
    words.Gelu: _gelu,
    words.HardSigmoid: _hard_sigmoid,
    words.HardSilu: _hard_silu,
    words.HardTanh: lambda g, x, word: g.cut(x, -1.0, 1.0),
    words.HardShrink: _hard_shrink,
    words.SoftShrink: _soft_shrink,
    words.Threshold: lambda g, x, word: g.where(g.above(x, word.threshold), x, word.default_value),
    words.Softsign: lambda g, x, word: g.divide(x, g.add(g.node("Abs", x), 1.0)),
    words.Squareplus: _squareplus,
    words.SparsePlus: _sparse_plus,
    words.SparseSigmoid: _sparse_sigmoid,
    words.Rescaling: lambda g, x, word: g.add(g.multiply(x, word.scale), word.offset),
}


# -- layers: each (graph, x (rows, inputs), word, step) -> y (new rows, outputs) --


def _dense(g: Graph, x: str, word: Any, step: Step) -> str:
    return g.node("Gemm", x, *step.parameters)


def _softmax(g: Graph, x: str, word: Any, step: Step) -> str:
    return g.node("Softmax", x, axis=1)


def _log_softmax(g: Graph, x: str, word: Any, step: Step) -> str:
    return g.node("LogSoftmax", x, axis=1)


def _sparsemax(g: Graph, x: str, word: Any, step: Step) -> str:
    """max(x - tau, 0): of x sorted downwards, less its largest, the support are the first k of
    which 1 + k x_k > x_1 + ... + x_k, and tau = (x_1 + ... + x_k - 1) / k."""
    shifted = g.subtract(x, g.node("ReduceMax", x, axes=[1]))
    down, _ = g.nodes_of("TopK", shifted, g.integers([step.outputs]), outputs=2)
    sums = g.node("CumSum", down, g.integers(1))
    places = np.arange(1.0, step.outputs + 1)
    inside = g.above(g.add(g.multiply(down, places), 1.0), sums)
    k = g.node("ReduceSum", g.as_double(inside), g.integers([1]))
    last = g.node("GatherElements", sums, g.as_integer(g.subtract(k, 1.0)), axis=1)
    tau = g.divide(g.subtract(last, 1.0), k)
    return g.node("Relu", g.subtract(shifted, tau))


def _glu(g: Graph, x: str, word: Any, step: Step) -> str:
    a, gate = g.nodes_of("Split", x, g.integers([step.outputs] * 2), outputs=2, axis=1)
    return g.multiply(a, g.node("Sigmoid", gate))


def _prelu(g: Graph, x: str, word: Any, step: Step) -> str:
    alpha = step.parameters[0].reshape(-1, 1, word.inner)
    alphas = np.repeat(alpha, word.shared, axis=1).reshape(-1)
    return g.where(g.above(x, 0.0), x, g.multiply(x, alphas))


def _batch_normalization(g: Graph, x: str, word: Any, step: Step) -> str:
    scale, shift = normalizing_columns(step)
    return g.add(g.multiply(x, scale), shift)


def _scaling(g: Graph, x: str, word: Any, step: Step) -> str:
    y = g.multiply(x, step.parameters[0]) if word.scale else x
    return g.add(y, step.parameters[-1]) if word.center else y


def _standardization(g: Graph, x: str, word: Any, step: Step) -> str:
    mean, factor = step.parameters[0], word.factor(step.parameters)
    if word.invert:
        return g.add(g.multiply(x, factor), mean)
    return g.multiply(g.subtract(x, mean), factor)


def _row_normalization(g: Graph, x: str, word: Any, step: Step) -> str:
    d = g.subtract(x, g.node("ReduceMean", x, axes=[1])) if word.center else x
    square = g.multiply(d, d)
    if word.unit:
        total = g.node("ReduceSum", square, g.integers([1]))
        return g.divide(d, g.node("Sqrt", g.node("Max", total, word.epsilon)))
    mean = g.node("ReduceMean", square, axes=[1])
    return g.divide(d, g.node("Sqrt", g.add(mean, word.epsilon)))


def _reshape(g: Graph, x: str, word: Any, step: Step) -> str:
    return g.reshape(x, -1, step.outputs)


def _transpose(g: Graph, x: str, word: Any, step: Step) -> str:
    axes = g.reshape(x, -1, word.first, word.second, word.inner)
    return g.reshape(g.node("Transpose", axes, perm=[0, 2, 1, 3]), -1, step.outputs)


def _repeat(g: Graph, x: str, word: Any, step: Step) -> str:
    apart = g.reshape(x, -1, 1, step.inputs)
    return g.reshape(g.node("Tile", apart, g.integers([1, word.times, 1])), -1, step.outputs)


def _categories(g: Graph, x: str, count: int) -> str:
    """Whole numbers, the nearest of the categories."""
    return g.as_integer(g.cut(x, 0.0, count - 1.0))


def _embedding(g: Graph, x: str, word: Any, step: Step) -> str:
    entries = g.reshape(_categories(g, x, word.entries), -1)
    return g.node("Gather", g.constant(step.parameters[0]), entries)


def _category_encoding(g: Graph, x: str, word: Any, step: Step) -> str:
    tokens = g.integers(np.arange(word.tokens))
    found = g.node("Equal", g.reshape(_categories(g, x, word.tokens), -1, step.inputs, 1), tokens)
    count = g.node("ReduceSum", g.as_double(found), g.integers([1]), keepdims=0)
    return count if word.count else g.node("Min", count, 1.0)


def _discretization(g: Graph, x: str, word: Any, step: Step) -> str:
    below = g.node("Less", g.reshape(x, -1, 1, step.inputs), step.parameters[0])
    above = g.as_double(g.node("Not", below))
    return g.node("ReduceSum", above, g.integers([1]), keepdims=0)


LAYERS: dict[type[Any], Callable[[Graph, str, Any, Step], str]] = {
    words.Dense: _dense,
    words.Softmax: _softmax,
    words.LogSoftmax: _log_softmax,
    words.Sparsemax: _sparsemax,
    words.Glu: _glu,
    words.Prelu: _prelu,
    words.BatchNormalization: _batch_normalization,
    words.RowNormalization: _row_normalization,
    words.Scaling: _scaling,
    words.Standardization: _standardization,
    words.Reshape: _reshape,
    words.Transpose: _transpose,
    words.Repeat: _repeat,
    words.Embedding: _embedding,
    words.CategoryEncoding: _category_encoding,
    words.Discretization: _discretization,
}
