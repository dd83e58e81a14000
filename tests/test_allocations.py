"""Training does not allocate: counted by a malloc of our own, in front of the C library's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from processes import run_script, shared_library

from fastmlp import _core

_COUNTER = """
#include <stdatomic.h>
#include <stddef.h>
#include <errno.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
static atomic_ulong count;

unsigned long allocation_count(void) { return atomic_load(&count); }
void *malloc(size_t n) { atomic_fetch_add(&count, 1); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { atomic_fetch_add(&count, 1); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { atomic_fetch_add(&count, 1); return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n)
{
    atomic_fetch_add(&count, 1);
    return __libc_memalign(a, n);
}
int posix_memalign(void **p, size_t a, size_t n)
{
    *p = aligned_alloc(a, n);
    return *p == NULL ? ENOMEM : 0;
}
"""

# NumPy keeps small blocks for later and asks malloc for those of 1,024 bytes and more, so that
# both calls make result arrays beyond that: their own allocations are then alike.
_SCRIPT = """
import ctypes
from dataclasses import replace
import numpy as np
from engine_cases import JOBS
from fastmlp.engine.native import NativeEngine

counted = ctypes.CDLL(None).allocation_count
counted.restype = ctypes.c_ulong
before = counted()
ctypes.CDLL(None).malloc(1)
assert counted() > before, "the counter is not in front of malloc"

job = next(job for job in JOBS if job.name.startswith({name!r}))
data, rows = job.data(), job.samples
engine = NativeEngine(job.network, job.training)
job.initialise(engine)

def allocations(steps, batch):
    order = np.arange(steps * batch) % rows
    rates, iterations = np.full(steps, 1e-3), np.array(0)
    before = counted()
    engine.train(data, order, batch, rates, iterations, False)
    return counted() - before

first = allocations(150, {batch})  # lays out the workspace, starts the team
few = [allocations(150, {batch}) for _ in range(3)]
many = [allocations(1500, {batch}) for _ in range(3)]
wider = allocations(150, 2 * {batch})  # a larger workspace
print(first > min(few), min(few) == min(many), wider > min(few), first, few, many, wider)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="preloads a library as Linux does")
@pytest.mark.skipif("fsanitize" in _core.build_info()["flags"], reason="sanitizers own malloc")
@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("narrow layers", 2),
        ("tanh", 1100),  # two gradient blocks
        ("flagship, sparse", 2),
        ("wide hidden", 2),
        ("probabilities", 2),
    ],
)
def test_a_step_does_not_allocate(name: str, batch: int, tmp_path: Path) -> None:
    """1,500 steps allocate as often as 150; the first call and a larger batch more often."""
    counter = shared_library(_COUNTER, tmp_path)
    environment = {"LD_PRELOAD": str(counter), "FASTMLP_NUM_THREADS": "2"}
    printed = run_script(_SCRIPT.format(name=name, batch=batch), environment)
    assert printed.startswith("True True True"), printed
