"""Every word beside JAX: an epoch of 784-128-10 with each optimizer, activation, normalization,
clip, regularizer and constraint, against the same formula in one jitted ``lax.scan``.

    python benchmarks/words.py [--rounds 5] [--only NAME ...] [--output results/words.md]

MNIST in float64, batches of 32, ``STEPS`` steps a unit, sparse crossentropy from logits. Each side
has a process of its own, which sleeps while the other is measured; the two alternate, and the
table gives medians of the ratios within each round. What JAX runs is in ``peers/jax_words.py``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

BATCH, STEPS, CLASSES = 32, 400, 10
HIDDEN, INPUTS = 128, 784


@dataclass(frozen=True)
class Variant:
    """One configuration, in Keras's words: what differs from relu and Adam."""

    group: str
    name: str
    activation: str = "relu"
    layer: str = ""  # its name: it lies between the product and the activation
    optimizer: str = "Adam"
    options: dict[str, Any] = field(default_factory=dict)  # of the optimizer
    regularizer: str = ""  # of both kernels
    of_regularizer: dict[str, Any] = field(default_factory=dict)  # its options
    constraint: str = ""


def _activations() -> Iterable[Variant]:
    for name in [
        "relu",
        "leaky_relu",
        "relu6",
        "elu",
        "celu",
        "selu",
        "gelu",
        "silu",
        "hard_silu",
        "sigmoid",
        "hard_sigmoid",
        "log_sigmoid",
        "tanh",
        "hard_tanh",
        "tanh_shrink",
        "hard_shrink",
        "soft_shrink",
        "softplus",
        "softsign",
        "squareplus",
        "exponential",
        "mish",
        "sparse_plus",
        "sparse_sigmoid",
        "softmax",
        "log_softmax",
        "sparsemax",
        "glu",
        "linear",
    ]:
        yield Variant("activation", name, activation=name)
    yield Variant("activation", "PReLU", activation="linear", layer="PReLU")


def _optimizers() -> Iterable[Variant]:
    yield Variant("optimizer", "SGD", optimizer="SGD")
    yield Variant("optimizer", "SGD, momentum", optimizer="SGD", options={"momentum": 0.9})
    nesterov = {"momentum": 0.9, "nesterov": True}
    yield Variant("optimizer", "SGD, nesterov", optimizer="SGD", options=nesterov)
    for name in [
        "Adam",
        "AdamW",
        "Nadam",
        "Adamax",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Adafactor",
        "Lion",
        "Ftrl",
        "Lamb",
        "ScheduleFreeAdamW",
    ]:
        yield Variant("optimizer", name, optimizer=name)
    yield Variant("optimizer", "Adam, amsgrad", options={"amsgrad": True})
    centered = {"momentum": 0.9, "centered": True}
    yield Variant("optimizer", "RMSprop, centered", optimizer="RMSprop", options=centered)


def _around() -> Iterable[Variant]:
    for name in ("Batch", "Layer", "Group", "RMS", "Unit"):
        layer = f"{name}Normalization"
        yield Variant("normalization", layer, layer=layer)
    for clip in ("clipnorm", "clipvalue", "global_clipnorm"):
        yield Variant("clip", clip, options={clip: 0.01 if clip == "clipvalue" else 0.5})
    for name in ("L1", "L2"):
        yield Variant("regularizer", name, regularizer=name)
    both = {"l1": 0.01, "l2": 0.01}
    yield Variant("regularizer", "L1L2", regularizer="L1L2", of_regularizer=both)
    # Of rows, it is a product of 784 x 784 at each step, and nothing else is to be seen.
    name, columns = "OrthogonalRegularizer", {"mode": "columns"}
    yield Variant("regularizer", name, regularizer=name, of_regularizer=columns)
    for name in ("MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"):
        yield Variant("constraint", name, constraint=name)
    yield Variant("average", "use_ema", options={"use_ema": True})
    yield Variant("decay", "weight_decay", options={"weight_decay": 0.004})


VARIANTS = [*_activations(), *_optimizers(), *_around()]


def data() -> tuple[Any, Any]:
    """x (STEPS * BATCH, 784) in [0, 1], labels."""
    from fastmlp.datasets import mnist

    (x, y), _ = mnist.load_data()
    rows = STEPS * BATCH
    return x[:rows].reshape(rows, INPUTS) / 255.0, y[:rows].astype(np.int32)


def initial_weights(variant: Variant) -> list[Any]:
    """Kernels and biases that both sides begin with."""
    rng = np.random.default_rng(1)
    wide = HIDDEN // 2 if variant.activation == "glu" else HIDDEN  # which gates half by half
    shapes = [(INPUTS, HIDDEN), (HIDDEN,), (wide, CLASSES), (CLASSES,)]
    return [rng.uniform(-0.05, 0.05, shape) * (len(shape) == 2) for shape in shapes]


def fastmlp_unit(variant: Variant, x: Any, y: Any) -> Callable[[], float]:
    """A call that trains one epoch and returns its loss."""
    import fastmlp as keras

    layers = keras.layers
    weights: dict[str, Any] = {"kernel_constraint": variant.constraint or None}
    if variant.regularizer:
        regularizer = getattr(keras.regularizers, variant.regularizer)
        weights["kernel_regularizer"] = regularizer(**variant.of_regularizer)
    hidden: list[Any] = [layers.Dense(HIDDEN, **weights)]
    if variant.layer:
        hidden.append(getattr(layers, variant.layer)())
    hidden.append(layers.Activation(variant.activation))
    model = keras.Sequential([keras.Input((INPUTS,)), *hidden, layers.Dense(CLASSES, **weights)])
    k1, b1, k2, b2 = initial_weights(variant)
    model.layers[0].set_weights([k1, b1])
    model.layers[-1].set_weights([k2, b2])
    model.compile(
        getattr(keras.optimizers, variant.optimizer)(**variant.options),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0).history["loss"][-1]


def serve(side: str) -> None:
    """Read names of variants; for each train once, then once for each line "go"."""
    x, y = data()
    if side == "jax":
        from peers.jax_words import jax_unit as make
    else:
        make = fastmlp_unit
    by_name = {variant.name: variant for variant in VARIANTS}
    unit: Callable[[], float] = float
    for line in sys.stdin:
        if line.strip() != "go":
            unit = make(by_name[line.strip()], x, y)
            unit()
            print("ready", flush=True)
            continue
        start = time.perf_counter()
        loss = unit()
        print(time.perf_counter() - start, loss, flush=True)


class Worker:
    """A process of one side."""

    def __init__(self, side: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> str:
        """Its answer to one line."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a worker ended at {line!r}")
        return answer


def measure(variant: Variant, workers: list[Worker], rounds: int) -> str:
    """A line of the table: medians of both sides, of the ratios, and the losses at the end."""
    for worker in workers:
        worker.ask(variant.name)
    times: list[list[float]] = [[], []]
    losses = [0.0, 0.0]
    for _ in range(rounds):
        for i, worker in enumerate(workers):
            seconds, losses[i] = map(float, worker.ask("go").split())
            times[i].append(seconds)
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    mine, jax = (statistics.median(t) * 1e3 for t in times)
    return (
        f"| {variant.group} | {variant.name} | {mine:.0f} | {jax:.0f} | {ratio:.2f} | "
        f"{losses[0]:.4f} | {losses[1]:.4f} |"
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="names of variants, or of groups")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--serve", choices=["fastmlp", "jax"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    workers = [Worker("fastmlp"), Worker("jax")]
    lines = [
        f"| | | fastmlp, ms for {STEPS} steps | JAX, ms | JAX / fastmlp | loss | JAX's |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines))
    for variant in VARIANTS:
        if options.only and not {variant.name, variant.group} & set(options.only):
            continue
        lines.append(measure(variant, workers, options.rounds))
        print(lines[-1], flush=True)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
