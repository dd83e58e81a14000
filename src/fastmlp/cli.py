"""The command line: ``fastmlp mnist`` trains the quickstart network, ``fastmlp export`` turns a
file of a model into ONNX or C, ``fastmlp info`` describes this installation."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastmlp

USAGE_ERROR = 2  # argparse's own code for a bad argument
INTERRUPTED = 128 + 2  # what a shell reports for a program ended by SIGINT
PIPE_CLOSED = 128 + 13  # and by SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit code: 0, 2 for a wrong argument or file, 130 after Ctrl-C, 141 if the reader
        of the output went away.

    Examples
    --------
    >>> from fastmlp.cli import main
    >>> main(["info"])  # doctest: +ELLIPSIS
    fastmlp ...
    0
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("fastmlp: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (ValueError, OSError, ImportError) as error:
        print(f"fastmlp {options.command}: error: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastmlp",
        description="Train and serve multilayer perceptrons in float64 on the CPU.",
    )
    parser.add_argument("--version", action="version", version=f"fastmlp {fastmlp.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_mnist(commands)
    export = commands.add_parser(
        "export",
        help="turn a file of a model into an ONNX file or a C file",
        description="Read a model that model.save has written and write it as an ONNX file (which "
        "needs the package onnx) or as one C99 file, float64 both.",
    )
    export.add_argument("model", type=Path, metavar="MODEL", help="the file of the model")
    export.add_argument(
        "output", type=Path, metavar="FILE", help="what to write: ends in .onnx or .c"
    )
    export.set_defaults(run=_export)
    info = commands.add_parser(
        "info",
        help="print version, CPU, instruction sets, threads and build flags",
        description="Print version, CPU, instruction sets, threads and build flags: what a "
        "report of a problem or a timing should say.",
    )
    info.add_argument(
        "--tune",
        action="store_true",
        help="train for two seconds and print which ways of training, all of which give the same "
        "numbers, are the fastest on this machine",
    )
    info.set_defaults(run=_info)
    return parser


def _add_mnist(commands: Any) -> None:
    mnist = commands.add_parser(
        "mnist",
        help="train a network on handwritten digits and test it",
        description="Train the quickstart network, Flatten - Dense(relu) - Dropout - Dense(10), "
        "on the bundled MNIST digits and test it. The same arguments give the same numbers.",
    )

    def add(name: str, words: str, default: object = None, **how: Any) -> None:
        ends = "" if default is None else f" (default: {default})"
        mnist.add_argument(name, default=default, help=words + ends, **how)

    count = {"type": _positive_int, "metavar": "N"}
    add("--epochs", "passes over the data", 5, **count)
    add("--batch-size", "images in one step", 32, **count)
    mnist.add_argument(
        "--hidden",
        type=_positive_int,
        nargs="+",
        default=[128],
        metavar="UNITS",
        help="width of each hidden layer, as in --hidden 512 512 (default: 128)",
    )
    add("--dropout", "after each hidden layer", 0.2, type=_rate, metavar="RATE")
    add("--learning-rate", "of Adam", 0.001, type=_positive_float, metavar="RATE")
    add("--seed", "of weights, order and dropout", 0, type=int, metavar="N")
    add("--threads", "to compute with (default: FASTMLP_NUM_THREADS, else the CPUs)", **count)
    add(
        "--engine",
        "native is the C library, reference its specification in NumPy",
        "native",
        choices=["native", "reference"],
    )
    add(
        "--data",
        "a folder of IDX files or an .npz file (default: the bundled MNIST)",
        type=Path,
        metavar="PATH",
    )
    add(
        "--plot",
        "write learning curves to FILE, as .png, .svg or .pdf; needs matplotlib",
        type=Path,
        metavar="FILE",
    )
    mnist.set_defaults(run=_mnist)


def _number(convert: Callable[[str], float], holds: Callable[[float], bool], words: str) -> Any:
    """A type for argparse: the number, or an error that says what was expected."""

    def parse(text: str) -> float:
        try:
            value = convert(text)
        except ValueError:
            value = float("nan")
        if not holds(value):
            raise argparse.ArgumentTypeError(f"{words} expected. Received: {text}")
        return value

    return parse


_positive_int = _number(int, lambda n: n >= 1, "a whole number of at least 1")
_positive_float = _number(float, lambda x: 0 < x < float("inf"), "a number above 0")
_rate = _number(float, lambda x: 0 <= x < 1, "a number in [0, 1)")


def _mnist(options: argparse.Namespace) -> None:
    """Train, test and report."""
    figure = None if options.plot is None else _figure(options.plot)
    if options.threads is not None:
        fastmlp.set_num_threads(options.threads)
    fastmlp.utils.set_random_seed(options.seed)
    train, test = fastmlp.datasets.mnist.load_data(options.data)

    model = _classifier(train[0].shape[1:], _classes(train[1], test[1]), options)
    model.summary()
    start = time.perf_counter()
    history = model.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=None if figure is None else test,
    )
    seconds = time.perf_counter() - start
    model.evaluate(*test, verbose=2)
    print(_confusion_table(_confusion(test[1], model.predict(test[0]))))
    epochs = "1 epoch" if options.epochs == 1 else f"{options.epochs} epochs"
    print(f"{epochs} in {seconds:.2f} s ({options.engine} engine)")
    if figure is not None:
        _plot(history.history, figure)
        figure.savefig(options.plot)
        print(f"learning curves in {options.plot}")


def _classes(*labels: NDArray[np.uint8]) -> int:
    """Ten, or more where the labels of --data ask for it."""
    return max(10, *(int(y.max(initial=0)) + 1 for y in labels))


def _classifier(
    shape: tuple[int, ...], classes: int, options: argparse.Namespace
) -> fastmlp.Sequential:
    """The quickstart network on images of grey values 0 to 255, scaled inside the network so
    that no float64 copy of the images is made."""
    layers: list[Any] = [
        fastmlp.layers.Input(shape),
        fastmlp.layers.Rescaling(1 / 255),
        fastmlp.layers.Flatten(),
    ]
    for units in options.hidden:
        layers += [
            fastmlp.layers.Dense(units, activation="relu"),
            fastmlp.layers.Dropout(options.dropout),
        ]
    model = fastmlp.Sequential([*layers, fastmlp.layers.Dense(classes)])
    model.compile(
        optimizer=fastmlp.optimizers.Adam(learning_rate=options.learning_rate),
        loss=fastmlp.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        engine=options.engine,
    )
    return model


def _confusion(labels: NDArray[np.uint8], outputs: NDArray[np.float64]) -> NDArray[np.int64]:
    """Counts (K, K) of labels (N,) and outputs (N, K): row = label, column = prediction."""
    classes = outputs.shape[1]
    pairs = labels.astype(np.int64) * classes + outputs.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _confusion_table(counts: NDArray[np.int64]) -> str:
    """The counts as text; zeros are dots, so that the eye finds the mistakes."""
    width = max(len(str(counts.max())), len(str(len(counts) - 1))) + 1
    numbers = "".join(f"{j:>{width}}" for j in range(len(counts)))
    lines = ["Confusion matrix (row: label, column: prediction)", f"{'':>3} {numbers}"]
    for i, row in enumerate(counts):
        cells = "".join(f"{n or '.':>{width}}" for n in row.tolist())
        lines.append(f"{i:>3} {cells}")
    return "\n".join(lines)


def _figure(path: Path) -> Any:
    """An empty matplotlib figure that can be written to ``path``; asked for before the training,
    so that no hour of work ends in an error."""
    try:
        module = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise ImportError("--plot needs matplotlib (pip install matplotlib)") from None
    figure = module.Figure(figsize=(8, 3.5), layout="constrained")
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise ValueError(f"--plot must end in one of .{', .'.join(kinds)}. Received: {path}")
    if not path.parent.is_dir():
        raise ValueError(f"--plot must lie in a folder that exists. Received: {path}")
    return figure


def _plot(history: dict[str, list[float]], figure: Any) -> None:
    """Loss and accuracy by epoch, on the training and the test set."""
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], marker="o", label="training, with dropout")
        axes.plot(epochs, history[f"val_{name}"], marker="o", label="test")
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.set_xticks(epochs)
        axes.legend()


def _export(options: argparse.Namespace) -> None:
    """Write a model in another form."""
    writes = {".onnx": "export", ".c": "export_c"}
    if options.output.suffix not in writes:
        raise ValueError(f"FILE must end in .onnx or .c. Received: {options.output}")
    model = fastmlp.models.load_model(options.model, compile=False)
    getattr(model, writes[options.output.suffix])(options.output)
    print(f"{model.name} in {options.output}")


def _info(options: argparse.Namespace) -> None:
    """Describe the installation and the machine."""
    from fastmlp._core import build_info

    build = build_info()
    lines = {
        "fastmlp": fastmlp.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "CPU": _cpu_model(),
        "instruction set": f"{build['isa']} (available: {', '.join(build['usable'])})",
        "threads": fastmlp.get_num_threads(),
        "compiler": build["compiler"],
        "build flags": build["flags"],
    }
    for name, value in lines.items():
        print(f"{name:<16} {value}")
    if options.tune:
        print(_ways_table())


_TUNED_SECONDS = 0.2  # for each batch size: three rounds of trials, of milliseconds each


def _ways_table() -> str:
    """Ways of training 784-128-10 on 4,096 rows, a line for each: microseconds a row."""
    from fastmlp.engine import Adam, Data, Dense, Network, Relu, Training, make_loss
    from fastmlp.engine.native import NativeEngine

    network = Network(784, (Dense(784, 128), Relu(), Dense(128, 10)))
    loss = make_loss("sparse_categorical_crossentropy", from_logits=True)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 4096, dtype=np.int32)
    order = np.arange(len(labels))
    lines = ["", "density  batch  first product  rows a pass  threads  us a row"]
    for density in (0.2, 0.5, 1.0):
        x = rng.random((len(labels), 784)) * (rng.random((len(labels), 784)) < density)
        for batch in (32, 128, 256, 1024):
            engine = NativeEngine(network, Training(loss, Adam()))
            end = time.perf_counter() + _TUNED_SECONDS
            rates, iterations = np.full(len(labels) // batch, 1e-3), np.array(0)
            while time.perf_counter() < end:
                engine.train(Data(x, labels), order, batch, rates, iterations, False)
            for way in engine.ways:
                cost = f"{way['row_seconds'] * 1e6:8.3f}" if way["row_seconds"] else " " * 8
                lines.append(
                    f"{density:7.1f} {batch:6} {'lists' if way['by_lists'] else 'dense':>14} "
                    f"{way['pass_rows']:12} {way['threads']:8}  {cost}"
                    f"{'  chosen' if way['chosen'] else ''}"
                )
    return "\n".join(lines)


def _cpu_model() -> str:
    """The processor's name, from Linux's list of CPUs where there is one."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
