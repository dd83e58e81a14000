"""How fastmlp's time per step grows with width, depth, batch and threads, and what limits it.

``python benchmarks/scaling.py --output results/`` varies one thing at a time around the
flagship (784-128-10, batch 32, no dropout, dense random input) and prints a Markdown table:
time per step, the lower bound of limits.py, and the largest part of that bound. Where the time
is more than twice the bound, what limits is overhead: barriers, gathers, the small layers and
Python. The chart has one log-log panel for each series.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import limits
from jobs import FLAGSHIP, Job, initial_weights, load_data
from peers import fastmlp_fit

import fastmlp

UNIT_SECONDS = 0.15  # a measured unit is at least about this long
UNITS = 5  # of which the median is reported
MOST_ROWS = 60_000
MOST_STEPS = 5_000

_BASE = replace(FLAGSHIP, data="dense", dropout=0.0, epochs=1)


@dataclass(frozen=True)
class Point:
    """One measured configuration."""

    series: str
    value: int  # what is varied
    threads: int
    seconds: float  # per step
    bound: float  # per step, updates and products one after the other
    limited_by: str


def _points(series: str, most_threads: int) -> Iterable[tuple[int, int, Job]]:
    """(value, threads, job) of a series."""
    if series == "width":
        for width in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
            yield width, most_threads, replace(_BASE, layers=(784, width, 10))
    elif series == "depth":
        for depth in (1, 2, 4, 8, 16):
            yield depth, most_threads, replace(_BASE, layers=(784, *[128] * depth, 10))
    elif series == "batch":
        for batch in (1, 4, 16, 32, 64, 256, 1024, 4096, 10_000):
            yield batch, most_threads, replace(_BASE, batch=batch)
    else:  # threads, on the flagship's own data and on a wide net
        layers = (784, 2048, 2048, 10) if series == "threads, wide" else _BASE.layers
        data = "dense" if series == "threads, wide" else "mnist"
        batch = 256 if series == "threads, wide" else 32
        count = 1
        while count < 2 * most_threads:
            threads = min(count, most_threads)
            yield threads, threads, replace(_BASE, layers=layers, data=data, batch=batch)
            count *= 2


SERIES = ("width", "depth", "batch", "threads, flagship", "threads, wide")


def _sized(job: Job, seconds: float) -> Job:
    """The job with as many steps as fill UNIT_SECONDS, if one takes ``seconds``."""
    steps = max(1, min(int(UNIT_SECONDS / seconds), MOST_STEPS, MOST_ROWS // job.batch))
    return replace(job, rows=steps * job.batch)


def _limit(job: Job, threads: int) -> tuple[float, str]:
    """Seconds a step takes at least, and the largest part of it."""
    times = limits.training_times(job, threads, *limits.input_statistics(job))
    name = max(times, key=lambda part: times[part])
    bound = max(times["fma"] + times["divider"], times["memory"]) + times["barriers"]
    return bound / job.steps, name


def measure(series: str, value: int, threads: int, job: Job) -> Point:
    """Median time per step over UNITS units, after one to warm up."""
    guess, _ = _limit(replace(job, rows=MOST_ROWS), threads)
    job = _sized(job, 2.0 * guess)
    unit = fastmlp_fit.prepare(job, *load_data(job), initial_weights(job), threads)
    unit()
    times = []
    for _ in range(UNITS):
        start = time.perf_counter()
        unit()
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times) / job.steps
    bound, name = _limit(job, threads)
    if seconds > 2.0 * bound:
        name = "overhead"
    return Point(series, value, threads, seconds, bound, name)


def markdown(points: Iterable[Point]) -> str:
    lines = [
        "| series | value | threads | time per step | bound | bound / time | limited by |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for p in points:
        lines.append(
            f"| {p.series} | {p.value} | {p.threads} | {1e6 * p.seconds:.4g} us "
            f"| {1e6 * p.bound:.4g} us | {100 * p.bound / p.seconds:.0f} % | {p.limited_by} |"
        )
    return "\n".join(lines) + "\n"


def draw_chart(points: list[Point], path: Path) -> None:
    """One log-log panel a series: measured and bound."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(p.series for p in points))
    figure, axes = pyplot.subplots(
        1, len(names), figsize=(3.2 * len(names), 3.4), layout="constrained", squeeze=False
    )
    for panel, name in zip(axes[0], names, strict=True):
        mine = [p for p in points if p.series == name]
        values = [p.value for p in mine]
        panel.loglog(values, [1e6 * p.seconds for p in mine], "o-", label="fastmlp")
        panel.loglog(values, [1e6 * p.bound for p in mine], "k--", label="bound")
        panel.set_title(name)
        panel.set_xlabel(name.split(",")[0])
    axes[0][0].set_ylabel("time per step, us")
    axes[0][0].legend()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time per step as the network grows.")
    parser.add_argument("--series", nargs="+", choices=SERIES, default=SERIES)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all CPUs")
    parser.add_argument("--output", type=Path, help="folder for scaling.md and scaling.svg")
    options = parser.parse_args()
    points = []
    for series in options.series:
        for value, threads, job in _points(series, options.threads):
            print(f"{series} {value} ...", file=sys.stderr, flush=True)
            points.append(measure(series, value, threads, job))
    table = markdown(points)
    print(f"fastmlp {fastmlp.__version__}, at most {options.threads} threads\n\n{table}")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "scaling.md").write_text(table)
        draw_chart(points, options.output / "scaling.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
