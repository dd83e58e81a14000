"""Do all peers train the same? ``python benchmarks/agree.py``

Without dropout and shuffling, from the same weights, every peer must go through the same losses.
Each trains a few epochs of three small jobs; the loss of the last is compared with fastmlp's
reference engine. Exit status 1 if one is further off than its tolerance.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import asdict, replace

from compare import data_directory
from jobs import JOBS, Job
from peers import PEERS, Peer
from remote import RemoteWorker, WorkerError

REFERENCE = "fastmlp-reference"
EPOCHS = 3
# Relative. Rounding alone: sums in another order, hundreds of steps. Keras on JAX takes the mean
# of the squared error through float32 (ops.mean is 3e-8 off, the loss was seen 3e-9 off), Keras
# on TensorFlow keeps the learning rate in float32 (6e-8 off; the loss 3e-6). PyTorch adds epsilon
# after the bias correction of v (2e-3), scikit-learn sees half of the squared error's gradient
# beside the same epsilon (3e-5).
ROUNDING, SINGLE_MEAN, SINGLE_RATE, OTHER_EPSILON = 1e-10, 1e-7, 1e-4, 2e-2
TOLERANCES = {
    "keras-jax": SINGLE_MEAN,
    "keras-jax-default": SINGLE_MEAN,
    "keras-tensorflow": SINGLE_RATE,
    "keras-tensorflow-default": SINGLE_RATE,
    "torch": OTHER_EPSILON,
    "sklearn": OTHER_EPSILON,
}


def cases() -> list[Job]:
    """The flagship, the regressor and the tanh net, with a short last batch where there can be
    one."""
    still = {"dropout": 0.0, "shuffle": False, "epochs": EPOCHS}
    return [
        replace(JOBS["flagship"], rows=3_210, **still),
        replace(JOBS["tabular"], rows=5_000, **still),
        replace(JOBS["tanh"], **still),
    ]


def losses(job: Job, peers: list[Peer]) -> dict[str, float | str]:
    """Each peer's mean loss in the last epoch, or why there is none."""
    found: dict[str, float | str] = {}
    for peer in peers:
        with data_directory(job) as directory, ExitStack() as stack:
            worker = RemoteWorker(peer, 1, directory / "log")
            stack.callback(worker.close)
            try:
                refusal = worker.ask("prepare", job=asdict(job), directory=str(directory))
                found[peer.name] = " ".join(refusal.values())
                if not refusal:
                    found[peer.name] = worker.ask("measure", least_seconds=0.0)["loss"]
            except WorkerError as error:
                found[peer.name] = str(error)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Check that all peers train the same.")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: %(default)s")
    names = parser.parse_args().peers.split(",")
    peers = [PEERS[name] for name in dict.fromkeys([REFERENCE, *names])]
    disagreed = False
    for job in cases():
        found = losses(job, peers)
        truth = found[REFERENCE]
        if isinstance(truth, str):
            sys.exit(f"{REFERENCE} did not run: {truth}")
        for name, loss in found.items():
            if isinstance(loss, str):
                print(f"{job.name:10} {name:25} not run: {loss}")
                continue
            off = abs(loss - truth) / truth
            agrees = off <= TOLERANCES.get(name, ROUNDING)
            disagreed |= not agrees
            print(f"{job.name:10} {name:25} {loss:.15f} {off:.1e} {'' if agrees else 'DISAGREES'}")
    return 1 if disagreed else 0


if __name__ == "__main__":
    sys.exit(main())
