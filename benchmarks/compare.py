"""fastmlp beside its peers on the same machine, round by round in alternation.

``python benchmarks/compare.py --jobs flagship,tabular --peers jax,torch --output results/``

For every job each peer gets a process of its own, is prepared and warmed up (compilation and
the first unit are timed for nobody), and is stopped. Then the rounds: one peer at a time is
let go, measured, and stopped again (SIGSTOP, so that no pool of the others can spin), in the
order A B C A B C. A ratio is taken within a round and the table shows the median over rounds
with quartiles. README.md says why this is fair.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import jobs as job_table
import limits
import numpy as np
import report
from jobs import JOBS, Job
from peers import PEERS, Peer
from remote import ForeignLoad, RemoteWorker, WorkerError

# The reference engine is written to be read; its half a minute an epoch tells nothing here.
DEFAULT_PEERS = ",".join(name for name in PEERS if name != "fastmlp-reference")
LEAST_SECONDS = 0.2  # a measurement is at least this long: timer and wake-up below 0.1 %


@contextmanager
def data_directory(job: Job) -> Iterator[Path]:
    """A folder with x.npy and y.npy for the workers to load."""
    with tempfile.TemporaryDirectory(prefix="fastmlp-bench-") as name:
        directory = Path(name)
        x, y = job_table.load_data(job)
        np.save(directory / "x.npy", x)
        np.save(directory / "y.npy", y)
        yield directory


@dataclass
class Measurements:
    """What a job's rounds gave, by the names of the peers."""

    values: dict[str, list[float]] = field(default_factory=dict)  # one a round: seconds or bytes
    losses: dict[str, float | None] = field(default_factory=dict)  # of the last round
    facts: dict[str, Any] = field(default_factory=dict)  # versions, thread pools
    absent: dict[str, str] = field(default_factory=dict)  # why a peer was not measured
    broken: list[str] = field(default_factory=list)  # absent, but not for being unable to do it
    foreign: list[float] = field(default_factory=list)  # CPUs other processes used meanwhile

    def give_up(self, peer: Peer, kind: str, reason: str) -> None:
        self.values.pop(peer.name, None)
        self.absent[peer.name] = reason
        if kind != "unsupported":
            self.broken.append(peer.name)


def _start(worker: RemoteWorker, job: Job, directory: Path, found: Measurements) -> bool:
    """Prepare, warm up and stop a worker; False if its peer cannot take part."""
    try:
        refusal = worker.ask("prepare", job=asdict(job), directory=str(directory))
        if not refusal:
            if job.kind != "memory":  # its one unit is what is measured
                worker.ask("measure", least_seconds=0.0)
            found.facts[worker.peer.name] = worker.ask("describe")
    except WorkerError as error:
        refusal = {"failed": str(error)}
    for kind, reason in refusal.items():
        found.give_up(worker.peer, kind, reason)
    worker.pause()
    return not refusal


def _measure(worker: RemoteWorker, found: Measurements) -> bool:
    """One unit of one peer, all others being stopped; False if the worker broke."""
    worker.resume()
    others = ForeignLoad(worker.process_id)
    try:
        answer = worker.ask("measure", least_seconds=LEAST_SECONDS)
    except WorkerError as error:
        found.give_up(worker.peer, "failed", str(error))
        return False
    found.foreign += others.cpus()
    worker.pause()
    found.values.setdefault(worker.peer.name, []).append(answer["value"])
    found.losses[worker.peer.name] = answer["loss"]
    return True


def run_job(job: Job, peers: list[Peer], rounds: int, threads: int) -> dict[str, Any]:
    """Measure one job: what Measurements holds, the job itself and its bound."""
    found = Measurements()
    with data_directory(job) as directory, ExitStack() as stack:
        workers = []
        for peer in peers:
            worker = RemoteWorker(peer, threads, directory / f"{peer.name}.log")
            stack.callback(worker.close)
            if _start(worker, job, directory, found):
                workers.append(worker)
        for _ in range(1 if job.kind == "memory" else rounds):
            workers = [worker for worker in workers if _measure(worker, found)]
    limit = limits.bound(job, threads)
    return asdict(found) | {
        "foreign": statistics.median(found.foreign) if found.foreign else None,
        "job": asdict(job) | {"steps": job.steps, "parameters": job.parameters},
        "bound_seconds": asdict(limit) if limit else None,
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe_machine(threads: int) -> dict[str, Any]:
    """Where the numbers come from."""
    compiler = os.environ.get("CC", "cc").split()
    version = subprocess.run([*compiler, "--version"], capture_output=True, text=True).stdout
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "compiler": version.splitlines()[0] if version else "unknown",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "benchmarks/compare.py", *sys.argv[1:]]),
        "limits": {str(count): dict(limits.measure(count)) for count in sorted({1, threads})},
    }


def smoke_jobs() -> list[Job]:
    """Every kind of job at a size that takes a second or so: shows that the benchmark runs, and
    says nothing about speed."""
    sizes = {"flagship": 3_200, "flagship-128": 3_200, "tabular": 12_800, "predict": 1_000}
    small = [replace(JOBS[name], rows=rows) for name, rows in sizes.items()]
    small += [replace(JOBS["tanh"], epochs=5), replace(JOBS["memory"], rows=3_200)]
    return [*small, *(JOBS[name] for name in ("call", "dgemm-256", "import"))]


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare fastmlp with its peers, in alternation.",
        epilog=f"Groups of jobs: {', '.join(job_table.GROUPS)}. Jobs: {', '.join(JOBS)}. "
        f"Peers: {', '.join(PEERS)}.",
    )
    parser.add_argument("--jobs", default="all", help="jobs or groups, comma separated")
    parser.add_argument(
        "--peers", default=DEFAULT_PEERS, help="comma separated; default: %(default)s"
    )
    parser.add_argument("--baseline", default="fastmlp", help="the peer ratios are taken to")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all CPUs")
    parser.add_argument("--output", type=Path, help="folder for results.json, .md and .svg")
    parser.add_argument("--smoke", action="store_true", help="fastmlp alone, tiny jobs, 30 s")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    unknown = [name for name in options.peers.split(",") if name not in PEERS]
    if unknown:
        parser.error(f"--peers must be among {', '.join(PEERS)}. Received: {', '.join(unknown)}")
    try:
        options.selected = job_table.select(options.jobs.split(","))
    except ValueError as error:
        parser.error(str(error))
    options.contestants = [PEERS[name] for name in options.peers.split(",")]
    if options.smoke:
        options.selected, options.contestants, options.rounds = smoke_jobs(), [PEERS["fastmlp"]], 1
    return options


def _write(results: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(report.markdown(results))
    try:
        report.draw_chart(results, folder / "results.svg")
    except ImportError:
        print("No chart: matplotlib is not installed.", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    results: dict[str, Any] = {
        "machine": describe_machine(options.threads),
        "baseline": options.baseline,
        "peers": {p.name: {"title": p.title, "note": p.note} for p in options.contestants},
        "jobs": [],
    }
    for job in options.selected:
        print(f"{job.name} ...", file=sys.stderr, flush=True)
        result = run_job(job, options.contestants, options.rounds, options.threads)
        results["jobs"].append(result)
        print(report.job_section(result, results), flush=True)
        if options.output:  # after every job, so that an interrupted run keeps what it has
            _write(results, options.output)
    print(report.summary(results))
    return 1 if options.smoke and any(r["broken"] for r in results["jobs"]) else 0


if __name__ == "__main__":
    sys.exit(main())
