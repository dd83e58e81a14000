"""Read mutated files of every format, many of them.

    python tests/fuzz_files.py --count 1000000 --seconds 170 --seed 1

Each is read as a user would: it is either a model or a ValueError. Anything else is a failure: a
crash, another error, a wait of more than a minute, memory beyond a bound, and what an audit hook
sees beside the one opening of the file. A failure is named by its kind and number, from which
``--only`` makes the file again.
"""

from __future__ import annotations

import argparse
import codecs
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import fastmlp
from fastmlp import layers, saving
from fastmlp.saving import npz

_KERAS = Path(__file__).parent / "keras_files"
KINDS = (".npz", ".keras", ".h5", ".weights.h5", ".safetensors")
_BLOCK = 500  # files that one process reads
_PATIENCE = 60  # seconds for each
_MEMORY = 1 << 31  # bytes beside what the process has at first

# What runs code, reads or writes elsewhere. NumPy parses headers of arrays with ast, which
# compiles, but does not run them.
_FORBIDDEN = ("exec", "import", "open", "os.", "subprocess.", "socket.", "ctypes.", "marshal.")
_FORBIDDEN += ("pickle.", "shutil.", "tempfile.", "urllib.", "code.")


@dataclass
class Result:
    """How many files were read and refused, and which failed."""

    read: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


def _model() -> Any:
    fastmlp.utils.clear_session()
    inner = fastmlp.Sequential([layers.Dense(2), layers.PReLU()])
    model = fastmlp.Sequential(
        [fastmlp.Input((3,)), layers.Dense(2, "tanh"), layers.BatchNormalization(), inner]
    )
    model.compile("adam", "mse", metrics=["mae", fastmlp.metrics.AUC(num_thresholds=5)])
    model.fit(np.eye(3), np.zeros((3, 2)), verbose=0)
    return model


def corpus(kind: str) -> list[bytes]:
    """Honest files of a format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"w{kind}"
        if kind == ".h5":
            with zipfile.ZipFile(_KERAS / "golden.zip") as archive:
                old = [archive.read(name) for name in ("keras_2.h5", "legacy.h5")]
            with zipfile.ZipFile(_KERAS / "keras_2.zip") as archive:
                names = ("before-chained-rmsprop.h5", "since-nested-adam.h5")
                return [*old, *map(archive.read, names)]
        model = _model()
        (model.save if kind in (".npz", ".keras") else model.save_weights)(path)
        return [path.read_bytes()]


def mutated(kind: str, number: int, seeds: list[bytes]) -> bytes:
    """The file of that number."""
    draw = random.Random(f"{kind} {number}")
    content = draw.choice(seeds)
    if kind in (".npz", ".keras") and draw.random() < 0.7:
        return _members_mutated(draw, content)
    return _bytes_mutated(draw, content)


def _bytes_mutated(draw: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.randrange(len(changed))
        if draw.random() < 0.5:  # where something is, of which there is little among zeros
            while not changed[place] and draw.random() < 0.95:
                place = draw.randrange(len(changed))
        size = draw.choice((1, 1, 1, 2, 4, 8))
        how = draw.randrange(7)
        if how == 0:
            changed[place] ^= 1 << draw.randrange(8)
        elif how == 1:
            changed[place : place + size] = draw.choice((b"\0", b"\xff", b"\x7f")) * size
        elif how == 2:
            changed[place : place + size] = draw.randbytes(size)
        elif how == 3:
            other = draw.randrange(len(changed))
            changed[place : place + size] = changed[other : other + size]
        elif how == 4:
            del changed[place : place + size]
        elif how == 5:
            changed[place:place] = draw.randbytes(size)
        elif draw.random() < 0.1:
            del changed[place:]
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def _members_mutated(draw: random.Random, content: bytes) -> bytes:
    """Contents of members, in an archive that is whole, with checksums that are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(sorted(members))
    if name.endswith(".json"):
        told = json.loads(members[name])
        _value_mutated(draw, told)
        members[name] = json.dumps(told).encode()
    elif "about.npy" in members and draw.random() < 0.8:
        arrays = {key[:-4]: npz._array(key, member) for key, member in members.items()}
        told = json.loads(str(arrays.pop("about")))
        told.pop("sha256")
        _value_mutated(draw, told)
        told["sha256"] = npz._checksum(told, arrays)
        members["about.npy"] = npz._npy(np.array(json.dumps(told)))
    else:
        members[name] = _bytes_mutated(draw, members[name])
    if draw.random() < 0.02:
        del members[draw.choice(sorted(members))]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for key, member in members.items():
            archive.writestr(key, member)
    return made.getvalue()


_WORDS = ("Dense", "Lambda", "Sequential", "Functional", "Dropout", "relu", "__lambda__", "os")
_WORDS += ("function", "keras.layers", "InputLayer", "Normalization", "AUC", "Adam", "", "name")


def _value_mutated(draw: random.Random, told: Any) -> None:
    """Change something somewhere inside."""
    holders: list[Any] = []

    def gather(value: Any) -> None:
        if isinstance(value, (dict, list)) and value:
            holders.append(value)
            for part in value.values() if isinstance(value, dict) else value:
                gather(part)

    gather(told)
    for _ in range(draw.choice((1, 1, 2, 5))):
        holder = draw.choice(holders)
        if not holder:
            continue
        key = (
            draw.choice(sorted(holder)) if isinstance(holder, dict) else draw.randrange(len(holder))
        )
        how = draw.randrange(5)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[draw.choice(_WORDS)] = holder[key]
        elif how == 2:
            holder[key] = json.loads(json.dumps(draw.choice(holders)))
        else:
            numbers = (0, -1, 1, 2**31, 2**63, 2**100, 1e308, -0.5, float("nan"), float("inf"))
            others = (None, True, [], {}, [[]], *_WORDS)
            holder[key] = draw.choice((*numbers, *others))


# Watching.


def watch(warm: list[str]) -> list[tuple[str, Any]]:
    """Note from now on what is run, imported or opened; after honest files have been read, so
    that all is imported that reading takes."""
    import difflib  # noqa: F401 - fastmlp looks for names that are like an unknown one
    import unicodedata  # noqa: F401 - Python's own, for names of code points

    import safetensors.numpy  # noqa: F401

    for codec in ("ascii", "cp437"):  # h5py's and zipfile's, for names
        codecs.lookup(codec)
    for path in warm:
        saving.load_model(path)
    seen: list[tuple[str, Any]] = []
    read_write = os.O_WRONLY | os.O_RDWR

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & read_write
            seen.append(("write" if writes else event, arguments[0] if arguments else None))

    sys.addaudithook(hook)
    return seen


def events_of(path: str, seen: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """What is seen while a file is read, which must be a ValueError or a model."""
    del seen[:]
    with suppress(ValueError):
        load(path)
    return list(seen)


_WEIGHTS = (".weights.h5", ".safetensors")
_weighted = _model()


def load(path: str) -> None:
    """Read a file as a user does."""
    if path.endswith(_WEIGHTS):
        _weighted.load_weights(path)
    else:
        saving.load_model(path)


def run(kind: str, count: int, seed: int, folder: str, seconds: float = 1e9) -> Result:
    """Read ``count`` files of a format, or as many as the time allows."""
    seeds, result, began = corpus(kind), Result(), time.monotonic()
    path = os.path.join(folder, f"w{kind}")
    number = seed * 10**9
    last = number + count
    while number < last and time.monotonic() - began < seconds:
        end = min(number + _BLOCK, last)
        number = _block(kind, number, end, seeds, path, result)
    return result


def _block(kind: str, number: int, end: int, seeds: list[bytes], path: str, result: Result) -> int:
    """Read the files [number, end) in a process of their own; the number to go on with."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        try:
            _read_all(kind, number, end, seeds, path, send)
        finally:
            os._exit(1)
    os.close(send)
    with os.fdopen(receive) as lines:
        told = lines.read().splitlines()
    os.waitpid(child, 0)
    for line in told:
        if line in ("read", "refused"):
            setattr(result, line, getattr(result, line) + 1)
        else:
            result.failures.append(line)
    if len(told) < end - number:
        result.failures.append(f"{kind} {number + len(told)}: the process ended")
        return number + len(told) + 1
    return end


def _read_all(kind: str, number: int, end: int, seeds: list[bytes], path: str, send: int) -> None:
    warnings.simplefilter("ignore")
    seen = watch([])
    statm = Path("/proc/self/statm")
    if statm.exists():
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
    for place in range(number, end):
        with open(path, "wb") as file:
            file.write(mutated(kind, place, seeds))
        del seen[:]
        signal.alarm(_PATIENCE)
        try:
            load(path)
            told = "read"
        except ValueError as error:
            told = "refused" if path in str(error) else f"{kind} {place}: {error!r:.200}"
        except BaseException as error:
            told = f"{kind} {place}: {error!r:.200}"
        signal.alarm(0)
        if seen != [("open", path)]:
            told = f"{kind} {place}: {seen!r:.200}"
        os.write(send, told.replace("\n", " ").encode() + b"\n")
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="files in all")
    parser.add_argument("--seconds", type=float, default=1e9, help="when to stop before that")
    parser.add_argument("--seed", type=int, default=0, help="other files for each")
    parser.add_argument("--only", nargs=2, metavar=("KIND", "NUMBER"), help="write one file")
    options = parser.parse_args()
    if options.only:
        kind, number = options.only[0], int(options.only[1])
        Path(f"w{kind}").write_bytes(mutated(kind, number, corpus(kind)))
        return
    warnings.simplefilter("ignore")
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            share = (
                options.count // len(KINDS),
                options.seed,
                folder,
                options.seconds / len(KINDS),
            )
            result = run(kind, *share)
            total += result.read + result.refused
            print(f"{kind}: {result.read} read, {result.refused} refused", flush=True)
            for failure in result.failures:
                print(f"FAILED {failure}", flush=True)
    print(f"{total} files")


if __name__ == "__main__":
    main()
