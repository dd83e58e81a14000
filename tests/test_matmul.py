"""The engine's product on its own: every element one chain of FMAs, whatever shares the work.

``python tests/test_matmul.py [repeats]`` repeats the threaded products more often than the suite
has time for.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
from kernels.exact import chain, same_bits

from fastmlp import _core

# Ragged last panels, rows beside and beyond a row block (96), depths around a depth block (256,
# or up to 512 with AVX-512), and depths that are multiples of 128, whose rows are copied; wide
# ones, shared by columns, and tall ones, shared by rows, as are those of more than 512 rows.
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
    (20, 513, 30),
    (98, 1100, 75),
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


def wrong_products(shapes: int, repeats: int) -> list[str]:
    """Random products in all four layouts with 2 and 3 threads, again and again: those that ever
    differ from one thread's in a bit. What members of a team do to each other depends on when
    each of them gets there, so one call says little."""
    rng = np.random.default_rng(8)
    before, wrong = _core.get_num_threads(), []
    for _ in range(shapes):
        m, k, n = (int(rng.integers(1, most)) for most in (130, 700, 260))
        a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
        layouts = list(product((a, np.asfortranarray(a)), (b, np.asfortranarray(b))))
        _core.set_num_threads(1)
        expected = _core.matmul(a, b).tobytes()
        for threads in (2, 3):
            _core.set_num_threads(threads)
            results = (_core.matmul(*layout) for _ in range(repeats) for layout in layouts)
            count = sum(result.tobytes() != expected for result in results)
            if count:
                wrong.append(f"({m}, {k}) x ({k}, {n}), {threads} threads: {count} calls")
    _core.set_num_threads(before)
    return wrong


def test_repeated_threaded_products_never_differ() -> None:
    assert not wrong_products(shapes=200, repeats=10)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 4, 0), (3, 0, 4)], ids=str)
def test_empty_products(shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    assert np.array_equal(_core.matmul(np.ones((m, k)), np.ones((k, n))), np.zeros((m, n)))


def test_operands_are_checked() -> None:
    with pytest.raises(ValueError, match=r"b must be .*shape \(3, 4\).*Received: .*\(5, 4\)"):
        _core.matmul(np.ones((2, 3)), np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"a must be .*dtype=float32"):
        _core.matmul(np.ones((2, 3), np.float32), np.ones((3, 4)))


if __name__ == "__main__":
    found = wrong_products(200, int(sys.argv[1]) if len(sys.argv) > 1 else 500)
    print("\n".join(found) or "every bit that of one thread")
    sys.exit(bool(found))
