"""The command line as a person meets it: output, exit codes, errors without tracebacks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_idx_folder

import fastmlp
from fastmlp import cli

STEP = r"\d+(?:s|ms|us)/step"
NUMBER = r"\d+\.\d{4}(?:e[-+]\d\d)?"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 70 training and 40 test images, 4x3, of noise."""
    folder = tmp_path_factory.mktemp("idx")
    write_idx_folder(folder, train=70, test=40)
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fastmlp", *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"fastmlp {fastmlp.__version__}\n")


def test_help_names_everything() -> None:
    top, mnist, info = run("--help"), run("mnist", "--help"), run("info", "--help")
    assert (top.returncode, mnist.returncode, info.returncode) == (0, 0, 0)
    assert "mnist" in top.stdout
    assert "info" in top.stdout
    assert "--version" in top.stdout
    options = {
        "--epochs": "(default: 5)",
        "--batch-size": "(default: 32)",
        "--hidden": "(default: 128)",
        "--dropout": "(default: 0.2)",
        "--learning-rate": "(default: 0.001)",
        "--seed": "(default: 0)",
        "--threads": "FASTMLP_NUM_THREADS",
        "--engine": "reference",
        "--data": "IDX",
        "--plot": "matplotlib",
    }
    for option, word in options.items():
        assert option in mnist.stdout
        assert word in mnist.stdout
    assert "None" not in mnist.stdout
    assert "instruction sets" in info.stdout


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_mnist_trains_tests_and_reports(data: Path, engine: str) -> None:
    done = run(
        "mnist",
        *("--data", str(data), "--engine", engine, "--hidden", "6", "5", "--epochs", "2"),
        *("--threads", "1", "--batch-size", "16", "--dropout", "0.1", "--learning-rate", "0.01"),
    )
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert 'Model: "sequential"' in out
    assert "Epoch 2/2" in out
    # 12 inputs: 12*6 + 6 + 6*5 + 5 + 5*10 + 10 parameters
    assert "173" in out
    assert re.search(rf"5/5 - \d+s - {STEP} - loss: {NUMBER} - accuracy: {NUMBER}", out)
    assert re.search(rf"\n2/2 - \d+s - {STEP} - loss: {NUMBER} - accuracy: {NUMBER}\n", out)
    assert re.search(rf"\n2 epochs in \d+\.\d\d s \({engine} engine\)\n$", out)
    table = out[out.index("Confusion matrix") :].splitlines()
    counts = [[int(n.replace(".", "0")) for n in line.split()] for line in table[1:12]]
    assert counts[0] == list(range(10))
    assert [line[0] for line in counts[1:]] == list(range(10))
    assert sum(sum(line[1:]) for line in counts[1:]) == 40
    assert "\r" not in done.stderr
    assert "Traceback" not in done.stderr


def test_main_is_the_command(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Called as a function it prints what the process prints, but for names and seconds."""
    arguments = ["mnist", "--data", str(data), "--epochs", "2", "--hidden", "4"]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    numbers = re.findall(NUMBER, printed)
    assert len(numbers) == 6
    assert numbers == re.findall(NUMBER, run(*arguments).stdout)
    assert cli.main(["info"]) == 0
    assert capsys.readouterr().out == run("info").stdout


def test_same_seed_same_numbers(data: Path) -> None:
    def numbers(seed: str) -> list[str]:
        done = run("mnist", "--data", str(data), "--epochs", "1", "--seed", seed)
        assert done.returncode == 0, done.stderr
        return re.findall(NUMBER, done.stdout)

    first = numbers("3")
    assert first == numbers("3")
    assert first != numbers("4")
    assert len(first) >= 4


BAD_ARGUMENTS = [
    ([], "COMMAND"),
    (["minst"], "minst"),
    (["mnist", "--epochs", "0"], r"--epochs.*at least 1.*Received: 0"),
    (["mnist", "--epochs", "2.5"], r"--epochs.*Received: 2\.5"),
    (["mnist", "--batch-size", "-3"], r"--batch-size.*Received: -3"),
    (["mnist", "--hidden"], "--hidden"),
    (["mnist", "--hidden", "128", "wide"], r"--hidden.*Received: wide"),
    (["mnist", "--dropout", "1"], r"--dropout.*\[0, 1\).*Received: 1"),
    (["mnist", "--learning-rate", "nan"], r"--learning-rate.*above 0.*Received: nan"),
    (["mnist", "--learning-rate", "inf"], r"--learning-rate.*Received: inf"),
    (["mnist", "--threads", "0"], r"--threads.*Received: 0"),
    (["mnist", "--engine", "cuda"], r"--engine.*cuda"),
    (["mnist", "--seed", "-1"], r"seed=-1"),
    (["mnist", "--seed", "x"], r"--seed.*x"),
    (["mnist", "--data", "/no/such/folder"], r"/no/such/folder.*does not exist"),
    (["mnist", "--layers", "3"], r"--layers"),
    (["info", "extra"], "extra"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(arguments)
    except SystemExit as stop:  # argparse's own
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert re.search(message, err), err
    assert err.count("error:") == 1


def test_damaged_data_is_named(data: Path, tmp_path: Path) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"not images")
    done = run("mnist", "--data", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"fastmlp mnist: error: .*train-images-idx3-ubyte: .*\n", done.stderr)


def test_labels_beyond_nine_widen_the_network(tmp_path: Path) -> None:
    write_idx_folder(tmp_path, train=30, test=20)
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([11]))
    done = run("mnist", "--data", str(tmp_path), "--epochs", "1", "--hidden", "4")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n 11 .*1", done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_is_one_line_and_130(data: Path) -> None:
    process = subprocess.Popen(
        command("mnist", "--data", str(data), "--epochs", "100000", "--engine", "reference"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Epoch 2/" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "fastmlp: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of a POSIX shell")
def test_a_reader_that_leaves_is_no_error(data: Path) -> None:
    process = subprocess.Popen(
        command("mnist", "--data", str(data), "--epochs", "2000", "--engine", "reference"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=20) == 141
    assert err == ""


def test_info() -> None:
    done = run("info")
    assert done.returncode == 0, done.stderr
    rows = {line[:16].strip(): line[17:] for line in done.stdout.splitlines()}
    assert rows["fastmlp"] == fastmlp.__version__
    assert rows["NumPy"] == np.__version__
    assert re.fullmatch(r"\w+ \(available: .*baseline.*\)", rows["instruction set"])
    assert int(rows["threads"]) >= 1
    assert all(rows[name].strip() for name in ("CPU", "platform", "compiler", "build flags"))


def test_info_tells_threads_and_instruction_set_in_use() -> None:
    done = run("info", FASTMLP_NUM_THREADS="3", FASTMLP_ISA="baseline")
    assert done.returncode == 0, done.stderr
    assert re.search(r"threads +3\n", done.stdout)
    assert re.search(r"instruction set +baseline \(", done.stdout)


def test_info_measures_ways_of_training() -> None:
    """One of each job's is chosen; by rule there is one, which is not measured."""
    lines = {
        how: run("info", "--tune", FASTMLP_TUNE=how).stdout.partition("us a row\n")[2].splitlines()
        for how in ("0", "1")
    }
    assert len(lines["0"]) == 12
    assert all(re.fullmatch(r"[\d. ]+ (lists|dense) [\d ]+ chosen", line) for line in lines["0"])
    assert len(lines["1"]) > 12
    assert sum(line.endswith("chosen") for line in lines["1"]) == 12
    assert sum(bool(re.search(r"\d\.\d{3}", line)) for line in lines["1"]) > 12


@pytest.mark.parametrize("ending", [".c", ".onnx"])
def test_export(tmp_path: Path, ending: str) -> None:
    """The file is the one that the model itself would have written."""
    if ending == ".onnx":
        pytest.importorskip("onnx")
    model = fastmlp.Sequential([fastmlp.Input((3,)), fastmlp.layers.Dense(2, "tanh")])
    source, output, expected = (tmp_path / name for name in ("m.npz", f"net{ending}", "expected"))
    model.save(source)
    done = run("export", str(source), str(output))
    assert (done.returncode, done.stdout) == (0, f"{model.name} in {output}\n"), done.stderr
    expected.mkdir()
    write = model.export_c if ending == ".c" else model.export
    write(expected / f"net{ending}")
    assert output.read_bytes() == (expected / f"net{ending}").read_bytes()


def test_export_of_what_cannot_be(tmp_path: Path) -> None:
    missing = run("export", str(tmp_path / "no.npz"), str(tmp_path / "net.c"))
    assert missing.returncode == cli.USAGE_ERROR
    assert "no.npz" in missing.stderr
    wrong = run("export", str(tmp_path / "no.npz"), str(tmp_path / "net.tflite"))
    assert wrong.returncode == cli.USAGE_ERROR
    assert "FILE must end in .onnx or .c. Received:" in wrong.stderr
    assert "Traceback" not in missing.stderr + wrong.stderr


def test_unknown_instruction_set_is_an_error() -> None:
    done = run("info", FASTMLP_ISA="mmx")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "FASTMLP_ISA" in done.stderr
    assert "mmx" in done.stderr


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_plot_writes_learning_curves(data: Path, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"curves.{kind}"
    done = run("mnist", "--data", str(data), "--epochs", "2", "--plot", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"learning curves in {path}\n")
    start = {"png": b"\x89PNG", "svg": b"<?xml"}[kind]
    assert path.read_bytes().startswith(start)
    assert path.stat().st_size > 5000


@pytest.mark.parametrize(
    ("path", "message"),
    [("curves.doc", r"must end in one of .*\.png.*curves\.doc"), ("no/x.png", r"exists.*no/x")],
)
def test_plot_file_is_checked_before_training(
    data: Path, path: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert cli.main(["mnist", "--data", str(data), "--plot", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(message, err)


def test_plot_without_matplotlib_says_so_before_training(data: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("mnist", "--data", str(data), "--plot", "curves.png", PYTHONPATH=search)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "fastmlp mnist: error: --plot needs matplotlib (pip install matplotlib)\n"
    )


def test_confusion_table() -> None:
    labels = np.array([0, 1, 1, 2, 2, 2], np.uint8)
    outputs = np.eye(3)[[0, 1, 2, 2, 2, 2]]
    assert cli._confusion_table(cli._confusion(labels, outputs)) == (
        "Confusion matrix (row: label, column: prediction)\n"
        "     0 1 2\n"
        "  0  1 . .\n"
        "  1  . 1 1\n"
        "  2  . . 3"
    )
