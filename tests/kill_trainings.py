"""Kill trainings at random moments and let them go on, to the bits of one that was left alone.

    python tests/kill_trainings.py --count 200

A training with BackupAndRestore and ModelCheckpoint is killed by SIGKILL a few times, then left to
end. Every other time it is killed by the clock; else while a file is being written: when half of it
is, before it is brought to the disk, before or after it is put in its place. After each kill the
checkpoint, if there is one, must be a whole model of the end of an epoch.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from small_model import X, Y

import fastmlp
from fastmlp import callbacks, layers
from fastmlp.saving import archive, load_model

EPOCHS, BATCH = 6, 8
_KILLS = 4  # of one training
_MOMENTS = ("half", "before fsync", "before replace", "after replace")

Weights = list[np.ndarray]


def make() -> Any:
    """A model with all that has to be kept: slots, moments, masks, averages."""
    model = fastmlp.Sequential(
        [
            fastmlp.Input(X.shape[1:]),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = fastmlp.optimizers.Adam(0.01, use_ema=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(hooks: list[Any], seed: int) -> Any:
    fastmlp.utils.set_random_seed(seed)
    model = make()
    model.fit(X, Y, epochs=EPOCHS, batch_size=BATCH, verbose=0, callbacks=hooks)
    return model


def alone() -> tuple[list[Weights], Weights]:
    """The weights at the end of each epoch, and at the end, of a training that is left alone."""
    kept: list[Weights] = []
    hook = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(hook.model.get_weights())
    )
    return kept, train([hook], 1).get_weights()


def hooks_in(folder: Path, kind: str) -> list[Any]:
    slow = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(5e-4))
    backup = callbacks.BackupAndRestore(folder / "backup", save_freq=3)
    return [slow, callbacks.ModelCheckpoint(folder / f"m{kind}"), backup]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(moment: str, number: int) -> None:
    """Let this process be killed while it writes its file of that number."""
    left = [number]

    def last() -> bool:
        left[0] -= 1
        return left[0] == 0

    write, fsync, replace = archive.write, os.fsync, os.replace

    def half(file: Any, members: Any) -> None:
        write(file, members)
        if last():
            file.flush()
            os.ftruncate(file.fileno(), file.tell() // 2)
            _die()

    def before(function: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any) -> Any:
            if last():
                _die()
            return function(*arguments)

        return dying

    def after(*arguments: Any) -> None:
        replace(*arguments)
        if last():
            _die()

    if moment == "half":
        archive.write = half
    elif moment == "before fsync":
        os.fsync = before(fsync)
    else:
        os.replace = after if moment == "after replace" else before(replace)


def attempt(folder: Path, kind: str, kill: Callable[[int], None] | None, moment: Any) -> bool:
    """Train in a process of its own, which may be killed; whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            if moment is not None:
                _die_at(*moment)
            begun = (folder / "backup" / "latest.npz").exists()
            # What goes on has drawn other seeds: the file has to know.
            model = train(
                hooks_in(folder, kind), random.SystemRandom().randrange(2**32) if begun else 1
            )
            np.savez(folder / "end.npz", *model.get_weights())
            os._exit(0)
        finally:
            os._exit(1)
    if kill is not None:
        kill(child)
    _, status = os.waitpid(child, 0)
    ended = os.WIFEXITED(status)
    assert not ended or os.WEXITSTATUS(status) == 0, "the training failed"
    return ended


def same(a: Weights, b: Weights) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(a, b, strict=True))


def check_checkpoint(path: Path, epochs: list[Weights]) -> None:
    if path.exists():
        model = load_model(path)
        done = int(model.optimizer.steps) // -(-len(X) // BATCH)
        assert same(model.get_weights(), epochs[done - 1]), f"{path} has other weights"


def run(count: int, seed: int, folder: Path) -> dict[str, int]:
    """Kill so many times; how often at which moment."""
    draw = random.Random(seed)
    epochs, end = alone()
    began = time.monotonic()
    attempt(folder, ".npz", None, None)
    lasts = time.monotonic() - began
    kills: dict[str, int] = {}
    trainings = 0
    while sum(kills.values()) < count:
        kind = (".npz", ".keras")[trainings % 2]
        place = folder / str(trainings)
        place.mkdir()
        trainings += 1
        left = _KILLS
        while True:
            name, kill, moment = "", None, None
            if left and draw.random() < 0.5:
                name, delay = "by the clock", draw.uniform(0, lasts)

                def kill(child: int, delay: float = delay) -> None:
                    time.sleep(delay)
                    os.kill(child, signal.SIGKILL)

            elif left:
                name = draw.choice(_MOMENTS)
                moment = (name, draw.randint(1, 8))
            if attempt(place, kind, kill, moment):
                break
            kills[name] = kills.get(name, 0) + 1
            left -= 1
            check_checkpoint(place / f"m{kind}", epochs)
        with np.load(place / "end.npz") as stored:
            assert same([stored[key] for key in stored.files], end), f"training {trainings} differs"
        assert not (place / "backup").exists()
    return kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many kills")
    parser.add_argument("--seed", type=int, default=0, help="other moments for each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kills = run(options.count, options.seed, Path(folder))
    print(f"{sum(kills.values())} kills, none lost: {kills}")


if __name__ == "__main__":
    main()
