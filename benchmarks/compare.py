"""fastmlp beside its peers on the same machine, round by round in alternation.

``python benchmarks/compare.py --jobs flagship,tabular --peers fastmlp,jax --output results/zen4``

For every job each peer gets a process of its own, is prepared and warmed up (compilation and
the first unit are timed for nobody), and is stopped. Then the rounds: one peer at a time is
let go, measured, and stopped again (SIGSTOP, so that no pool of the others can spin), in the
order A B C A B C. A ratio is taken within a round and the table shows the median over rounds
with quartiles. README.md says why this is fair.

Every job is added to the file that ``--output`` names as it ends: a run that was cut short goes on
with ``--resume``.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
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
from tqdm import tqdm

from fastmlp import _core

# The reference engine is written to be read; its half a minute an epoch tells nothing here.
DEFAULT_PEERS = ",".join(name for name in PEERS if name != "fastmlp-reference")
LEAST_SECONDS = 0.2  # a measurement is at least this long: timer and wake-up below 0.1 %


@contextmanager
def locked(files: Sequence[Path]) -> Iterator[None]:
    """Hold these files' locks, taken in their order, as flock(1) does."""
    with ExitStack() as stack:
        for path in files:
            fcntl.flock(stack.enter_context(path.open("a")), fcntl.LOCK_EX)
        yield


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


def contestants(job: Job, peers: Sequence[Peer]) -> list[Peer]:
    """The peers that jobs of this kind are for."""
    return [peer for peer in peers if job.kind in peer.kinds]


def rounds_of(job: Job, rounds: int) -> int:
    """A process has one peak of memory."""
    return 1 if job.kind == "memory" else rounds


def work(job: Job, peers: Sequence[Peer], rounds: int) -> int:
    """How many steps the progress bar has for a job: each peer's start, then its units."""
    return (1 + rounds_of(job, rounds)) * len(contestants(job, peers))


def run_job(
    job: Job,
    peers: Sequence[Peer],
    rounds: int,
    threads: int,
    bar: Any,
    locks: Sequence[Path] = (),
) -> dict[str, Any]:
    """Measure one job: what Measurements holds, the job itself and its bound. Rounds are measured
    under the locks; what goes before is not."""
    found = Measurements()
    rounds = rounds_of(job, rounds)
    with data_directory(job) as directory, ExitStack() as stack:
        workers = []
        for peer in contestants(job, peers):
            bar.set_postfix_str(f"{job.name}: starting {peer.name}")
            worker = RemoteWorker(peer, threads, directory / f"{peer.name}.log")
            stack.callback(worker.close)
            can = _start(worker, job, directory, found)
            if can:
                workers.append(worker)
            bar.update(1 if can else 1 + rounds)
        for i in range(rounds):
            bar.set_postfix_str(f"{job.name}: round {i + 1} of {rounds}")
            with locked(locks):
                workers = [worker for worker in workers if _measure(worker, found)]
            bar.update(len(workers))
    limit = limits.bound(job, threads)
    return asdict(found) | {
        "foreign": statistics.median(found.foreign) if found.foreign else None,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
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
        "isa": _core.build_info()["isa"],
        "command": shlex.join(["python", "benchmarks/compare.py", *sys.argv[1:]]),
        "limits": {str(count): dict(limits.measure(count)) for count in sorted({1, threads})},
    }


def smoke_jobs() -> list[Job]:
    """Every kind of job at a size that takes a second or so: shows that the benchmark runs, and
    says nothing about speed."""
    sizes = {"flagship": 3_200, "flagship-128": 3_200, "tabular": 12_800, "predict": 1_000}
    small = [replace(JOBS[name], rows=rows, epochs=2) for name, rows in sizes.items()]
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
    parser.add_argument(
        "--output", type=Path, help="results/zen4: the results are results/zen4.json, .md and .svg"
    )
    parser.add_argument("--resume", action="store_true", help="leave out jobs that it already has")
    parser.add_argument(
        "--lock",
        type=Path,
        action="append",
        default=[],
        help="a file to be locked while a round is measured; may be given several times",
    )
    parser.add_argument("--smoke", action="store_true", help="fastmlp alone, tiny jobs, 15 s")
    options = parser.parse_args(arguments)
    if options.resume and options.output is None:
        parser.error("--resume needs --output")
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


def _write(results: dict[str, Any], stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(results, separators=(",", ":")) + "\n")
    stem.with_suffix(".md").write_text(report.markdown(results))
    try:
        report.draw_chart(results, stem.with_suffix(".svg"))
    except ImportError:
        print("No chart: matplotlib is not installed.", file=sys.stderr)


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Results with the jobs of both, in the table's order; of a job in both, the newer one."""
    jobs = {result["job"]["name"]: result for result in (*old["jobs"], *new["jobs"])}
    peers = old["peers"] | new["peers"]
    return new | {
        "jobs": [jobs[name] for name in JOBS if name in jobs],
        "peers": {name: peers[name] for name in PEERS if name in peers},
    }


def _before(stem: Path | None, results: dict[str, Any]) -> dict[str, Any]:
    """What was measured earlier on such a CPU with as many threads and the same baseline."""
    if stem is None or not stem.with_suffix(".json").exists():
        return results
    old: dict[str, Any] = json.loads(stem.with_suffix(".json").read_text())
    same = ("cpu", "cores", "threads", "isa")
    if any(old["machine"][k] != results["machine"][k] for k in same) or (
        old["baseline"] != results["baseline"]
    ):
        raise SystemExit(f"{stem}.json is of another machine or baseline: move it away first")
    return old


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    with locked(options.lock):
        machine = describe_machine(options.threads)
    stem = options.output
    results: dict[str, Any] = {
        "machine": machine,
        "baseline": options.baseline,
        "peers": {p.name: {"title": p.title, "note": p.note} for p in options.contestants},
        "jobs": [],
    }
    before = _before(stem, results)
    done = {result["job"]["name"] for result in before["jobs"]} if options.resume else set()
    left = [job for job in options.selected if job.name not in done]
    total = sum(work(job, options.contestants, options.rounds) for job in left)
    with tqdm(total=total, disable=None) as bar:
        for job in left:
            result = run_job(
                job, options.contestants, options.rounds, options.threads, bar, options.lock
            )
            results["jobs"].append(result)
            bar.write(report.job_section(result, results))
            sys.stdout.flush()
            if stem:  # after every job, so that an interrupted run keeps what it has
                _write(merge(before, results), stem)
    print(report.summary(merge(before, results)))
    return 1 if options.smoke and any(r["broken"] for r in results["jobs"]) else 0


if __name__ == "__main__":
    sys.exit(main())
