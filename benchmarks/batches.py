"""Epoch time of the flagship over the batch size: ``python benchmarks/batches.py --output NAME``

The time of an epoch must not rise with the batch. Every size trains its own network on the
same rows of MNIST in turn, round by round; printed and drawn are medians, with one thread and
with all. Under the table stands the largest rise from any size to a larger one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from compare import locked
from jobs import FLAGSHIP, initial_weights, load_data
from peers import fastmlp_fit
from tqdm import tqdm

import fastmlp
from fastmlp import _core

BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
ROWS = 15 * 4096  # whole batches of every size


def measure(threads: int, rounds: int, rows: int, locks: list[Path]) -> dict[int, float]:
    """Batch size to the median seconds of an epoch."""
    jobs = [replace(FLAGSHIP, batch=batch, rows=rows, epochs=1) for batch in BATCHES]
    x, y = load_data(jobs[0])
    x, y = (np.resize(array, (rows, *array.shape[1:])) for array in (x, y))
    units = [fastmlp_fit.prepare(job, x, y, initial_weights(job), threads) for job in jobs]
    times: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    for i in tqdm(range(rounds + 1), disable=None, desc=f"{threads} threads"):
        with locked(locks):
            for batch, unit in zip(BATCHES, units, strict=True):
                start = time.perf_counter()
                unit()
                if i > 0:  # the first round warms up
                    times[batch].append(time.perf_counter() - start)
    return {batch: statistics.median(values) for batch, values in times.items()}


def largest_rise(times: dict[int, float]) -> float:
    """By which factor an epoch takes longer than one of a smaller batch, at most."""
    values = list(times.values())
    return max(later / min(values[: i + 1]) for i, later in enumerate(values))


def markdown(by_threads: dict[int, dict[int, float]]) -> str:
    lines = [
        "| batch | " + " | ".join(map(str, BATCHES)) + " |",
        "| --- |" + " ---: |" * len(BATCHES),
    ]
    for threads, times in by_threads.items():
        cells = " | ".join(f"{1e3 * seconds:.0f}" for seconds in times.values())
        lines.append(f"| {threads} thread{'s' * (threads > 1)}, ms | {cells} |")
    rises = ", ".join(f"{100 * largest_rise(t) - 100:.1f} %" for t in by_threads.values())
    return "\n".join([*lines, "", f"Largest rise: {rises}."]) + "\n"


def draw_chart(by_threads: dict[int, dict[int, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    for threads, times in by_threads.items():
        milliseconds = [1e3 * seconds for seconds in times.values()]
        axes.plot(list(times), milliseconds, "o-", label=f"{threads} thread{'s' * (threads > 1)}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(BATCHES, [f"{batch:,}" for batch in BATCHES])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("batch")
    axes.set_ylabel("an epoch of the flagship, ms")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of an epoch over the batch size.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all CPUs")
    parser.add_argument("--lock", type=Path, action="append", default=[], help="as in compare.py")
    parser.add_argument("--output", type=Path, help="results/zen4: .md and .svg of that name")
    options = parser.parse_args()
    by_threads = {
        threads: measure(threads, options.rounds, options.rows, options.lock)
        for threads in sorted({1, options.threads})
    }
    table = markdown(by_threads)
    print(f"fastmlp {fastmlp.__version__}, {_core.build_info()['isa']}\n\n{table}")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.with_suffix(".md").write_text(table)
        draw_chart(by_threads, options.output.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
