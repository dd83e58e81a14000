"""The kernels' cases of tests/kernels, timed: pytest benchmarks/bench_kernels.py

Rates are in the table's extra_info: gflops counts a fused multiply-add as two operations, gbs
the bytes that have to be read and written at least once. Calling through ctypes costs about
2 us, which is in every time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fastmlp import _core

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kernels.cases import BENCHMARKS, Case
from kernels.memory import prepare

ISAS = [name for name in _core.isas() if _core.isa_usable(name)]
MANY_FMAS = 1e7  # where each is a call of fma(), as in the baseline, this takes a second


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", BENCHMARKS, ids=str)
def test_kernel(benchmark: Any, case: Case, isa: str) -> None:
    call = case.build()
    if isa == "baseline" and call.fmas > MANY_FMAS:
        pytest.skip("too long for the baseline's fma()")
    prepared = prepare(call, isa)
    benchmark.group = str(case)
    benchmark(prepared.invoke)
    if benchmark.stats is None:  # --benchmark-disable
        return
    nanoseconds = benchmark.stats.stats.min * 1e9
    if call.fmas:
        benchmark.extra_info["gflops"] = round(2 * call.fmas / nanoseconds, 2)
    if call.traffic:
        benchmark.extra_info["gbs"] = round(call.traffic / nanoseconds, 2)
