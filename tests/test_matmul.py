"""The engine's product on its own: every element one chain of FMAs, whatever shares the work."""

from __future__ import annotations

import numpy as np
import pytest
from kernels.exact import chain, same_bits

from fastmlp import _core

# Ragged last panels, rows beside and beyond a row block (96), depths around a depth block (256),
# and depths that are multiples of 128, whose rows are copied; wide ones, shared by columns, and
# tall ones, shared by rows, as are those of more than 512 rows.
SHAPES = [
    (1, 1, 1),
    (1, 5, 3),
    (3, 256, 8),
    (7, 257, 9),
    (33, 77, 101),
    (97, 128, 65),
    (100, 300, 10),
    (100, 300, 203),
    (193, 384, 40),
    (40, 640, 200),
    (520, 40, 530),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_element_is_one_chain(shape: tuple[int, int, int], threads: int) -> None:
    m, k, n = shape
    rng = np.random.default_rng(k)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    expected = chain(a, b)
    assert same_bits(_core.matmul(a, b), expected)
    transposed_a, transposed_b = np.asfortranarray(a), np.asfortranarray(b)
    assert same_bits(_core.matmul(transposed_a, b), expected)
    assert same_bits(_core.matmul(a, transposed_b), expected)
    assert same_bits(_core.matmul(transposed_a, transposed_b), expected)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 4, 0), (3, 0, 4)], ids=str)
def test_empty_products(shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    assert np.array_equal(_core.matmul(np.ones((m, k)), np.ones((k, n))), np.zeros((m, n)))


def test_operands_are_checked() -> None:
    with pytest.raises(ValueError, match=r"b must be .*shape \(3, 4\).*Received: .*\(5, 4\)"):
        _core.matmul(np.ones((2, 3)), np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"a must be .*dtype=float32"):
        _core.matmul(np.ones((2, 3), np.float32), np.ones((3, 4)))
