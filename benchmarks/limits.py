"""The limits of this machine, and the lower bound they set for every job.

``python benchmarks/limits.py`` compiles ``limits.c`` for this CPU, measures FMA peak, divider
rate, cache and memory bandwidth and barrier latency, and prints them with each job's bound.

The bounds
----------
Letters: B rows in a step, N rows in a set, F inputs, K outputs, P parameters, d the share of
non-zero inputs, T threads. Dense layers have kernels (i, o); the first one is the one that
sees the inputs and needs no input gradient.

Products of a training step, in floating point operations:

    first layer    2 B i o  (forward)  +  2 B i o  (weight gradient), times d when zeros are skipped
    other layers   2 B i o  x 3        (forward, weight gradient, input gradient)

    t_fma     = flops / FMA peak of T cores
    t_divider = P / divider rate of T cores     one square root and one division a parameter
    t_memory  = 48 P / update + 8 P / read + 8 B F / read of the data

48 P: weight and both moments are read and written once; 8 P: the forward pass reads the
weights once more. The rates are those of the smallest memory that holds one thread's share,
24 P / T bytes, and for the data of the smallest that holds the set, 8 N F bytes. With zeros
skipped, P counts only the parameters that can ever have a gradient: a pixel that is zero in
every image leaves its weights and moments as they are.

    overlapped = max(t_fma, t_divider, t_memory) + 2 barriers
    summed     = max(t_fma + t_divider, t_memory) + 2 barriers

"Overlapped" is reached if updates and products run side by side, "summed" if one follows the
other. Both take the work as stated: an engine that needs fewer divisions (two quotients can
share one) or replaces them by products would have another bound. Activation, loss, dropout
masks, gathers and Python are free here, so the bounds are below what is possible.

Inference: flops 2 N i o a layer (the first times d), memory 8 P + 8 N (F + K) read at the
rates above, P without the weights of features that are zero in every row; one thread for one
row. Matrix product: 2 m k n flops and its operands read once.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jobs as job_table
from jobs import Job

_SOURCE = Path(__file__).with_name("limits.c")
# This program runs where it is compiled, so it may use everything this CPU has.
_FLAGS = ("-O2", "-march=native", "-ffp-contract=fast", "-pthread")
_UNKNOWN_L3 = 8 << 20  # bytes; where the system does not tell
_LEVELS = ("l1", "l2", "l3", "dram")


@dataclass(frozen=True)
class Bound:
    """Seconds an epoch or a call takes at least, for two ways of counting the input's zeros."""

    dense_overlapped: float
    dense_summed: float
    skipping_overlapped: float
    skipping_summed: float


@cache
def _program() -> Path:
    """The compiled program; removed at exit."""
    directory = Path(tempfile.mkdtemp(prefix="fastmlp-limits-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    target = directory / "limits"
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, *_FLAGS, str(_SOURCE), "-o", str(target), "-lm"], check=True)
    return target


def _l3_bytes() -> int:
    sizes = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
    if not sizes.exists():
        return _UNKNOWN_L3
    return int(sizes.read_text().strip().removesuffix("K")) * 1024


@cache
def measure(threads: int = 1) -> Mapping[str, Any]:
    """Rates of ``threads`` cores together: flops, parameters and bytes per second.

    Measured once in a process; takes about two seconds.
    """
    output = subprocess.run(
        [str(_program()), str(threads)], check=True, capture_output=True, text=True
    ).stdout
    rates: dict[str, Any] = json.loads(output)
    return rates | {"l3_bytes": _l3_bytes()}


def _level(rates: Mapping[str, Any], size: float) -> str:
    """The smallest memory that holds ``size`` bytes."""
    for level in _LEVELS[:-1]:
        if size <= rates[f"{level}_bytes"]:
            return level
    return "dram"


@cache
def input_statistics(job: Job) -> tuple[float, int]:
    """Share of non-zero inputs, and how many features are ever non-zero."""
    if not job.data.startswith("mnist"):
        return 1.0, job.layers[0]
    x, _ = job_table.load_data(job)
    return float((x != 0).mean()), int((x != 0).any(axis=0).sum())


def training_flops(job: Job, rows: int, density: float) -> float:
    """Floating point operations of the products for ``rows`` rows."""
    first, *others = job.dense_shapes
    return 4.0 * rows * first[0] * first[1] * density + sum(6.0 * rows * i * o for i, o in others)


def training_times(job: Job, threads: int, density: float, features: int) -> dict[str, float]:
    """Seconds that an epoch's products (fma), updates (divider), memory traffic and barriers
    take at least, each by itself."""
    rates = measure(threads)
    steps = job.steps
    parameters = job.parameters - (job.layers[0] - features) * job.layers[1]
    home = _level(rates, 24.0 * job.parameters / threads)
    data = _level(rates, 8.0 * job.rows * job.layers[0])
    update = 48.0 * parameters / rates[f"{home}_update"] + 8.0 * parameters / rates[f"{home}_read"]
    return {
        "fma": training_flops(job, job.rows, density) / rates["fma_flops"],
        "divider": steps * parameters / rates["divider_parameters"],
        "memory": steps * update + 8.0 * job.rows * job.layers[0] / rates[f"{data}_read"],
        "barriers": 2.0 * steps * rates["barrier_seconds"],
    }


def _train_bound(job: Job, threads: int, density: float, features: int) -> tuple[float, float]:
    """Seconds of an epoch: overlapped, summed."""
    t = training_times(job, threads, density, features)
    overlapped = max(t["fma"], t["divider"], t["memory"]) + t["barriers"]
    summed = max(t["fma"] + t["divider"], t["memory"]) + t["barriers"]
    return overlapped, summed


def _inference_bound(job: Job, threads: int, density: float, features: int) -> tuple[float, float]:
    rates = measure(1 if job.rows == 1 else threads)
    parameters = job.parameters - (job.layers[0] - features) * job.layers[1]
    first, *others = job.dense_shapes
    flops = 2.0 * job.rows * (first[0] * first[1] * density + sum(i * o for i, o in others))
    data_bytes = 8.0 * job.rows * (job.layers[0] + job.layers[-1])
    home = _level(rates, 8.0 * job.parameters)
    memory = 8.0 * parameters / rates[f"{home}_read"]
    memory += data_bytes / rates[f"{_level(rates, data_bytes)}_read"]
    seconds = float(max(flops / rates["fma_flops"], memory))
    return seconds, seconds  # no update to overlap with


def _dgemm_bound(job: Job, threads: int) -> float:
    rates = measure(threads)
    m, k, n = job.layers
    operands = 8.0 * (m * k + k * n + m * n)
    memory = operands / rates[f"{_level(rates, operands / threads)}_read"]
    return float(max(2.0 * m * k * n / rates["fma_flops"], memory))


def bound(job: Job, threads: int) -> Bound | None:
    """The least time of an epoch or a call of a job, or None if nothing bounds it here."""
    if job.kind == "dgemm":
        return Bound(*[_dgemm_bound(job, threads)] * 4)
    if job.kind not in ("train", "predict", "call"):
        return None
    density, features = input_statistics(job)
    least = _train_bound if job.kind == "train" else _inference_bound
    dense = least(job, threads, 1.0, job.layers[0])
    return Bound(*dense, *least(job, threads, density, features))


def table_of_rates(threads: int) -> str:
    """Markdown: what one core and what all of them reach."""
    counts = sorted({1, threads})
    rates = [measure(count) for count in counts]
    rows = [
        ("FMA peak, GFLOP/s", "fma_flops", 1e-9),
        ("square root + division, million a second", "divider_parameters", 1e-6),
        *(
            (f"{level.upper()} {what}, GB/s", f"{level}_{what}", 1e-9)
            for level in _LEVELS
            for what in ("read", "copy", "update")
        ),
        ("barrier, ns", "barrier_seconds", 1e9),
    ]
    head = "| limit (" + rates[0]["isa"] + ") | " + " | ".join(f"{c} thread(s)" for c in counts)
    lines = [head + " |", "| --- |" + " ---: |" * len(counts)]
    for title, key, scale in rows:
        lines.append(f"| {title} | " + " | ".join(f"{r[key] * scale:.1f}" for r in rates) + " |")
    return "\n".join(lines)


def table_of_bounds(selected: list[Job], threads: int) -> str:
    """Markdown: the four bounds of each job, per epoch or call, and per step."""
    lines = [
        "| job | steps | dense overlapped | dense summed | skipping overlapped | skipping summed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for job in selected:
        limit = bound(job, threads)
        if limit is None:
            continue
        times = (
            limit.dense_overlapped,
            limit.dense_summed,
            limit.skipping_overlapped,
            limit.skipping_summed,
        )
        cells = " | ".join(f"{1e3 * t:.4g} ms ({1e6 * t / job.steps:.4g} us)" for t in times)
        lines.append(f"| {job.name} | {job.steps} | {cells} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="This machine's limits and each job's bound.")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all CPUs")
    parser.add_argument("--jobs", default="train,inference,dgemm", help="jobs or groups, commas")
    options = parser.parse_args()
    try:
        selected = job_table.select(options.jobs.split(","))
    except ValueError as error:
        parser.error(str(error))
    print(table_of_rates(options.threads))
    print(f"\nLower bounds with {options.threads} thread(s), per epoch or call (per step):\n")
    print(table_of_bounds(selected, options.threads))
    return 0


if __name__ == "__main__":
    sys.exit(main())
