"""``fastmlp.ops``: NumPy's values by Keras's names, and their derivatives by autograd."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastmlp import ops
from fastmlp.ops.traced import value_and_gradient

X = np.random.RandomState(3).uniform(0.2, 0.9, (4, 3))

# Functions of one array with a derivative, and of a second one that is fixed.
SMOOTH_OF_ONE = (
    "arccos arcsin arcsinh arctan arctanh cos cosh elu erf exp exp2 expm1 gelu leaky_relu log "
    "log10 log1p log2 log_sigmoid log_softmax negative normalize reciprocal relu relu6 rsqrt selu "
    "sigmoid silu sin sinh softmax softplus softsign sqrt square tan tanh abs"
)
SMOOTH_OF_TWO = "add divide divide_no_nan logaddexp maximum minimum multiply power subtract"
AXES = "amax amin max mean min prod std sum var logsumexp"


def central(function: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """The gradient of each row's value, by central differences."""
    step, gradient = 1e-6, np.empty_like(x)
    for index in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up)[index[0]] - function(down)[index[0]]) / (2 * step)
    return gradient


def assert_differentiated(function: Callable[[Any], Any]) -> None:
    values, gradient = value_and_gradient(function, X)
    np.testing.assert_allclose(values, function(X), rtol=1e-15)
    # differences of 1e-6 are exact to about 1e-12 (third derivative) + 1e-10 (rounding)
    np.testing.assert_allclose(gradient, central(function, X), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", SMOOTH_OF_ONE.split())
def test_functions_of_one_array_are_differentiated(name: str) -> None:
    pytest.importorskip("autograd")
    weight = np.arange(1.0, 4.0)
    assert_differentiated(lambda x: ops.sum(getattr(ops, name)(x) * weight, axis=-1))


@pytest.mark.parametrize("name", SMOOTH_OF_TWO.split())
def test_functions_of_two_arrays_are_differentiated(name: str) -> None:
    pytest.importorskip("autograd")
    other = X[::-1] + 0.05
    assert_differentiated(lambda x: ops.sum(getattr(ops, name)(x, other), axis=1))
    assert_differentiated(lambda x: ops.sum(getattr(ops, name)(other, x), axis=1))


@pytest.mark.parametrize("name", AXES.split())
def test_sums_along_axes_are_differentiated(name: str) -> None:
    pytest.importorskip("autograd")
    assert_differentiated(lambda x: getattr(ops, name)(x, axis=-1))
    assert_differentiated(lambda x: ops.sum(x / getattr(ops, name)(x, axis=1, keepdims=True), 1))


@pytest.mark.parametrize("from_logits", [False, True])
def test_crossentropies_are_differentiated(from_logits: bool) -> None:
    pytest.importorskip("autograd")
    labels, rows = np.array([0, 2, 1, 1]), np.eye(3)[[0, 2, 1, 1]]
    for function in (
        lambda x: ops.sparse_categorical_crossentropy(labels, x, from_logits),
        lambda x: ops.sparse_categorical_crossentropy(labels[:, None], x, from_logits),
        lambda x: ops.categorical_crossentropy(rows, x, from_logits),
        lambda x: ops.mean(ops.binary_crossentropy(rows, x, from_logits), axis=-1),
    ):
        assert_differentiated(function)


def test_what_losses_are_written_with_is_differentiated() -> None:
    pytest.importorskip("autograd")

    def loss(x: Any) -> Any:
        parts = ops.stack([x[:, 0], ops.squeeze(x[:, 1:2], axis=1)], axis=1)
        joined = ops.concatenate([parts, ops.expand_dims(x[:, 2], -1)], axis=1)
        bent = ops.where(ops.greater(joined, 0.5), joined**2, ops.abs(joined - 0.5))
        product = ops.matmul(bent, np.arange(6.0).reshape(3, 2))
        scaled = ops.reshape(ops.clip(product, 0.0, 4.0), (-1, 2)) * ops.stop_gradient(x[:, :2])
        return (
            ops.norm(scaled, axis=1)
            + ops.cumsum(x, axis=1)[:, -1]
            + ops.take(x, [0], axis=1)[:, 0]
            * ops.take_along_axis(x, [[2], [0], [1], [1]], axis=1)[:, 0]
        )

    values, gradient = value_and_gradient(loss, X)
    constant = X[:, :2].copy()  # what stop_gradient keeps

    def with_constant(x: np.ndarray) -> np.ndarray:
        bent = np.where(x > 0.5, x**2, np.abs(x - 0.5))
        scaled = np.clip(bent @ np.arange(6.0).reshape(3, 2), 0.0, 4.0) * constant
        return (
            np.linalg.norm(scaled, axis=1) + x.sum(axis=1) + x[:, 0] * x[np.arange(4), [2, 0, 1, 1]]
        )

    np.testing.assert_allclose(values, with_constant(X), rtol=1e-14)
    np.testing.assert_allclose(gradient, central(with_constant, X), rtol=1e-7, atol=1e-8)


def test_every_name_is_a_function_with_a_docstring() -> None:
    assert len(set(ops.__all__)) == len(ops.__all__)
    for name in ops.__all__:
        assert getattr(ops, name).__doc__, name


def test_values_are_numpys() -> None:
    np.testing.assert_array_equal(ops.add([1, 2], 3), [4, 5])
    np.testing.assert_array_equal(ops.max(X, axis=[0, 1]), X.max())
    np.testing.assert_array_equal(ops.transpose(X), X.T)
    np.testing.assert_array_equal(ops.einsum("ij,kj->ik", X, X), np.einsum("ij,kj->ik", X, X))
    np.testing.assert_array_equal(ops.ones((2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(ops.zeros_like(X), np.zeros_like(X))
    np.testing.assert_array_equal(ops.dot(X, X.T), X @ X.T)
    np.testing.assert_allclose(ops.solve(X[:3], X[:3, 0]), [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_array_equal(ops.one_hot([0, 5, -1], 2), [[1, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(ops.multi_hot([[0, 1], [1, 1]], 2), [[1, 1], [0, 1]])
    np.testing.assert_array_equal(ops.norm(X, axis=1, keepdims=True).shape, (4, 1))
    assert ops.in_top_k([0, 1], [[0.5, 0.5], [0.9, 0.1]], 1).tolist() == [True, False]


def test_erf_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-7, 7, 281), [1e-300, -1e-8, np.inf, -np.inf]])
    expected = [math.erf(value) for value in x]
    # sums of some sixty rounded terms
    np.testing.assert_allclose(ops.erf(x), expected, rtol=2e-15)
    assert np.isnan(ops.erf(np.nan))


def test_extremes_do_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert ops.sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
        assert ops.softplus(np.array([-1e4, 1e4])).tolist() == [0.0, 1e4]
        assert ops.softmax(np.array([1e4, 0.0])).tolist() == [1.0, 0.0]
        assert ops.elu(np.array([1e4])).tolist() == [1e4]


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="sparse and ragged must be None"):
        ops.convert_to_tensor([1.0], sparse=True)
    with pytest.raises(ValueError, match="sparse must be False"):
        ops.one_hot([1], 2, sparse=True)
    with pytest.raises(ValueError, match="x1 and x2 must be given together"):
        ops.where([True], [1.0])
    with pytest.raises(ValueError, match="synchronized must be False"):
        ops.moments([1.0], [0], synchronized=True)


def test_what_cannot_be_differentiated_says_so() -> None:
    pytest.importorskip("autograd")
    with pytest.raises(TypeError, match=r"write it with\s+fastmlp.ops"):
        value_and_gradient(lambda x: np.array([float(x[0, 0])]), X)


def test_without_autograd_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("autograd"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install fastmlp\[autograd\]"):
        value_and_gradient(lambda x: x, X)
