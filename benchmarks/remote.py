"""The driving end of worker.py: start a peer's process, ask it, stop it while others run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from peers import Peer

WORKER = Path(__file__).with_name("worker.py")
SETTLE_SECONDS = 0.05  # after waking a peer, before it is timed
# Some machines' environments force an OpenBLAS kernel that is slow on their CPU.
FORGET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONSTARTUP")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "FASTMLP_NUM_THREADS",
)


class ForeignLoad:
    """How many CPUs were busy, since this was made, with something other than one process and
    the children it has waited for. What is above a few hundredths disturbs a measurement."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self._start = self._now()

    def _now(self) -> tuple[float, float] | None:
        """(clock, seconds of CPU all others have used), where the system tells."""
        try:
            machine = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
            own = Path(f"/proc/{self._process_id}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return None
        user, nice, system, _, _, irq, softirq, steal, *_ = map(int, machine)
        busy = user + nice + system + irq + softirq + steal
        ticks = busy - sum(map(int, own[11:15]))  # utime, stime and the children's
        return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK")

    def cpus(self) -> list[float]:
        """One number, or none if the system does not tell."""
        now = self._now()
        if now is None or self._start is None:
            return []
        return [max(0.0, (now[1] - self._start[1]) / (now[0] - self._start[0]))]


class WorkerError(Exception):
    """A worker died or broke the protocol; the message holds the end of its output."""


class RemoteWorker:
    """The driving end of worker.py."""

    def __init__(self, peer: Peer, threads: int, log: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in FORGET}
        environment |= dict.fromkeys(THREAD_VARIABLES, str(threads)) | dict(peer.environment)
        self.peer = peer
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(WORKER), peer.name, str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        self.process_id = self._process.pid

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"request": request, **arguments}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise WorkerError(f"worker ended during {request}: {self._last_words()}")
        return dict(json.loads(answer))

    def _last_words(self) -> str:
        """The last line of the log that names an error, else its last line."""
        lines = self._log.read_text(errors="replace").strip().splitlines() or ["no message"]
        return next((line for line in reversed(lines) if "Error" in line), lines[-1])[:300]

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
