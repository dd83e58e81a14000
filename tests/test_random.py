"""Random numbers: known answers, and what masks, shuffles and seeds promise."""

from __future__ import annotations

import numpy as np
import pytest

from fastmlp import random, utils

# Random123's known-answer vectors (file kat_vectors of the release), philox4x32 with 10 rounds:
# counter, key, output.
KNOWN = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_known_answers(counter, key, expected):
    low, high = words(key)
    got = random.philox4x32(np.array(words(counter), np.uint64), low | high << 32)
    assert got.tolist() == words(expected)


def test_a_mask_keeps_its_share_and_depends_on_each_argument():
    mask = random.dropout_mask(1, 0, 500, 400, 0.3)
    # 200,000 draws: the standard deviation of the share is sqrt(0.3 * 0.7 / 2e5) = 0.001.
    assert abs(mask.mean() - 0.7) < 0.005
    others = [
        random.dropout_mask(2, 0, 500, 400, 0.3),
        random.dropout_mask(1, 1, 500, 400, 0.3),
        random.dropout_mask(1, 1 << 40, 500, 400, 0.3),
    ]
    for other in others:
        # Independent masks agree where both keep or both drop: 0.7^2 + 0.3^2 = 0.58.
        assert abs((mask == other).mean() - 0.58) < 0.01


def test_a_mask_does_not_depend_on_the_batch_around_an_element():
    mask = random.dropout_mask(5, 3, 20, 70, 0.5)
    np.testing.assert_array_equal(random.dropout_mask(5, 3, 7, 41, 0.5), mask[:7, :41])


def test_a_permutation_holds_each_index_once_and_changes_with_the_step():
    first, second = random.permutation(3, 0, 1000), random.permutation(3, 1, 1000)
    assert sorted(first.tolist()) == list(range(1000))
    # Two random orders agree in one place on average; 12 has a chance below 1e-8.
    assert (first == second).sum() < 12
    np.testing.assert_array_equal(random.permutation(3, 0, 1000), first)


@pytest.mark.parametrize("n", [1, 2])
def test_short_permutations(n):
    assert sorted(random.permutation(9, 9, n).tolist()) == list(range(n))


def test_uniform_numbers_lie_inside_and_fill_the_interval():
    numbers = random.random_uniform(4, 100_000)
    assert 0.0 < numbers.min() < 1e-3
    assert 1 - 1e-3 < numbers.max() < 1.0
    # Standard deviation of the mean: 1 / sqrt(12 * 1e5) = 0.0009.
    assert abs(numbers.mean() - 0.5) < 0.005
    np.testing.assert_array_equal(random.random_uniform(4, 11), numbers[:11])


def test_the_global_seed_fixes_what_is_drawn():
    utils.set_random_seed(3)
    first = [random.next_seed() for _ in range(3)], np.random.rand()  # noqa: NPY002 - it is seeded too
    utils.set_random_seed(3)
    assert ([random.next_seed() for _ in range(3)], np.random.rand()) == first  # noqa: NPY002
    assert len(set(first[0])) == 3


def test_a_step_beyond_48_bits_is_refused():
    with pytest.raises(ValueError, match="step"):
        random.dropout_mask(1, 1 << 48, 1, 1, 0.5)
