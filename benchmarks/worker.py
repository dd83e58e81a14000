"""One peer in a process of its own, driven by compare.py over pipes.

``python worker.py PEER THREADS`` reads one JSON request a line from standard input and answers
each with one JSON line on what was its standard output; everything the frameworks print goes to
standard error. Requests: ``prepare`` (job, directory of x.npy and y.npy), ``measure`` (the least
seconds to spend; short units are repeated), ``describe``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jobs import Job, initial_weights
from peers import PEERS, Peer, Unit, UnsupportedJobError

# One process imports one package and tells how long that took; the interpreter's own start is
# not counted.
_IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def peak_memory_bytes() -> int:
    """The highest resident memory of this process. Linux's ``ru_maxrss`` would also count the
    parent's before exec, so it serves only where there is no /proc."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(ln for ln in status.read_text().splitlines() if ln.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def import_seconds(package: str) -> float:
    """Seconds the import statement takes in a fresh interpreter."""
    code = _IMPORT.format(package)
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    return float(output)


class Worker:
    """Answers requests; holds the prepared unit between them."""

    def __init__(self, peer: Peer, threads: int) -> None:
        self.peer = peer
        self.threads = threads
        self.job: Job | None = None
        self.unit: Unit | None = None

    def prepare(self, job: dict[str, Any], directory: str) -> dict[str, Any]:
        self.job = Job(**job | {"layers": tuple(job["layers"])})
        if self.job.kind == "import":
            import_seconds(self.peer.requires[0])  # bytecode and page cache are warm from here
            return {}
        missing = self.peer.missing()
        if missing:
            return {"missing": missing}
        import numpy as np

        # In memory of the worker's own, as a user's arrays are: NumPy asks for large pages, and
        # rows of a mapped file, read in any order, would each wait for the page tables.
        x, y = (np.load(Path(directory, f"{name}.npy")) for name in "xy")
        weights = [] if self.job.kind == "dgemm" else initial_weights(self.job)
        try:
            self.unit = self.peer.load().prepare(self.job, x, y, weights, self.threads)
        except UnsupportedJobError as reason:
            return {"unsupported": str(reason)}
        return {}

    def measure(self, least_seconds: float) -> dict[str, Any]:
        """Seconds of an epoch or a call (bytes for the memory job). Where nothing is trained, the
        mean of as many calls as fill the time; a training unit runs once, so that all peers have
        taken the same number of steps when their losses are compared."""
        assert self.job is not None
        if self.job.kind == "import":
            return {"value": import_seconds(self.peer.requires[0]), "loss": None}
        assert self.unit is not None
        if self.job.kind == "memory":
            loss = self.unit()
            return {"value": peak_memory_bytes(), "loss": loss}
        calls, elapsed = 1, 0.0
        while True:
            start = time.perf_counter()
            for _ in range(calls):
                loss = self.unit()
            elapsed = time.perf_counter() - start
            if self.job.kind == "train":
                return {"value": elapsed / self.job.epochs, "loss": loss}
            if elapsed >= least_seconds:
                return {"value": elapsed / calls, "loss": loss}
            calls = max(2 * calls, int(1.2 * calls * least_seconds / elapsed))

    def describe(self) -> dict[str, Any]:
        """Versions, and the BLAS and thread pools this process has loaded."""
        if self.peer.missing():
            return {"versions": {}, "thread_pools": []}
        try:
            from threadpoolctl import threadpool_info
        except ImportError:
            pools = [{"unknown": "threadpoolctl is not installed"}]
        else:
            wanted = ("internal_api", "version", "architecture", "num_threads")
            pools = [{k: p[k] for k in wanted if k in p} for p in threadpool_info()]
        return {"versions": self.peer.load().versions(), "thread_pools": pools}


def _use_cpus(count: int) -> None:
    """Confine this process to the first ``count`` CPUs it may use: the one limit on threads
    that every framework obeys."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def main() -> int:
    worker = Worker(PEERS[sys.argv[1]], int(sys.argv[2]))
    _use_cpus(worker.threads)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        handler = getattr(worker, request.pop("request"))
        print(json.dumps(handler(**request)), file=replies, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
