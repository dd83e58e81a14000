"""The kernels' cases of tests/kernels, timed: ``pytest benchmarks --jobs kernels --isa all``

Rates are in the table's extra_info: gflops counts a fused multiply-add as two operations, gbs
the bytes that have to be read and written at least once. Calling through ctypes costs about
2 us, which is in every time. ``--benchmark-group-by=param:case`` puts instruction sets beside each
other.
"""

from __future__ import annotations

from typing import Any

import pytest
from kernels.cases import Case
from kernels.memory import prepare

MANY_FMAS = 1e7  # where each is a call of fma(), as in the baseline, this takes a second


@pytest.mark.benchmark(max_time=0.1, warmup=False)  # there are 140 of them
def test_kernel(benchmark: Any, case: Case, isa: str) -> None:
    call = case.build()
    if isa == "baseline" and call.fmas > MANY_FMAS:
        pytest.skip("too long for the baseline's fma()")
    prepared = prepare(call, isa)
    benchmark.group = "kernels"
    benchmark(prepared.invoke)
    if benchmark.stats is None:  # --benchmark-disable
        return
    nanoseconds = benchmark.stats.stats.min * 1e9
    if call.fmas:
        benchmark.extra_info["gflops"] = round(2 * call.fmas / nanoseconds, 2)
    if call.traffic:
        benchmark.extra_info["gbs"] = round(call.traffic / nanoseconds, 2)
