"""MKL's dgemm, with which PyTorch is built for x86: through ``torch.matmul``, with one thread or
all, whichever takes less (small products are faster with one)."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from jobs import Job

from peers import Unit, UnsupportedJobError
from peers.torch_common import versions

__all__ = ["prepare", "versions"]


def prepare(job: Job, x: Any, y: Any, weights: list[Any], threads: int) -> Unit:
    if not torch.backends.mkl.is_available():
        raise UnsupportedJobError("this PyTorch is built without MKL")
    a, b = torch.from_numpy(x), torch.from_numpy(y)

    def unit() -> None:
        torch.matmul(a, b)

    def seconds(count: int) -> float:
        torch.set_num_threads(count)
        times = []
        for _ in range(9):
            start = time.perf_counter()
            unit()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    torch.set_num_threads(min((1, threads), key=seconds))
    return unit
