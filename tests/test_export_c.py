"""Models as C files: the bits of predict, whoever compiles them, and clear errors."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from processes import c_compiler
from random_models import HOSTILE, random_model

import fastmlp as keras
from fastmlp.engine import Network, words
from fastmlp.export.c_file import c_file
from fastmlp.export.c_steps import LAYERS
from fastmlp.export.c_text import number
from fastmlp.export.steps import TRAINING_ONLY, Lowered, Step, lower

# Few, and every kind of step among them.
MODELS = range(62, 82)
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror"]
SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
LINUX = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")


# Each activation and function of a row alone, also with options that no layer has by name.
OPTIONS = {
    words.Threshold: [words.Threshold(0.2, -1.0)],
    words.Gelu: [words.Gelu(), words.Gelu(True)],
    words.Relu: [words.Relu(), words.Relu(0.1, 2.0, 0.3)],
    words.Rescaling: [words.Rescaling(0.3, -0.2)],
}
ALONE = [
    one
    for word in vars(words).values()
    if isinstance(word, type) and hasattr(word, "name") and not issubclass(word, TRAINING_ONLY)
    if issubclass(
        word, (words.Activation, words.Softmax, words.LogSoftmax, words.Sparsemax, words.Glu)
    )
    for one in OPTIONS.get(word) or [word()]
]


def alone(word: words.Operation) -> Lowered:
    """A network of one operation on six numbers."""
    width = word.output_width(6)
    network, step = Network(6, (word,)), Step(word, [], 1, 6, 1, width)
    return Lowered(network, [], [step], (6,), (width,), None)


def c_source(seeds: range, others: list[words.Operation]) -> str:
    """A C file of random models and of operations alone; each tests itself with random and
    hostile samples."""
    models, samples = {}, {}
    for i, word in enumerate(others):
        models[f"word{i}"] = alone(word)
        draw = np.random.default_rng(i)
        samples[f"word{i}"] = np.r_[draw.normal(0, 3, 600), np.resize(HOSTILE, 24)].reshape(-1, 6)
    for seed in seeds:
        model, x = random_model(seed)
        models[f"net{seed}"] = lower(model)
        samples[f"net{seed}"] = x.reshape(len(x), -1)
    return c_file(models, samples)


def run(source: Path, compiler: str, *options: str) -> str:
    """What the file's program prints; fails where it does."""
    program = source.with_suffix("")
    command = [compiler, *STRICT, *options, "-DFASTMLP_MAIN", str(source), "-o", str(program)]
    built = subprocess.run([*command, "-lm"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[:2000]
    done = subprocess.run([program], capture_output=True, text=True, env=LINUX, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sanitizes(compiler: str) -> bool:
    """Whether the compiler's sanitizers are installed; clang's are a package of their own."""
    command = [compiler, *SANITIZED, "-x", "c", "-", "-o", os.devnull]
    return subprocess.run(command, input=b"int main(void) {}", capture_output=True).returncode == 0


def compilers() -> list[str]:
    return [c for c in ("gcc", "clang") if shutil.which(c)] or [c_compiler()]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("c") / "many.c"
    path.write_text(c_source(MODELS, ALONE))
    return path


@pytest.mark.parametrize("compiler", compilers())
@pytest.mark.parametrize(
    "options",
    [["-O0"], ["-O3", "-march=native"], ["-O1", *SANITIZED], ["-O2", "-DFASTMLP_EXACT_FMA"]],
    ids=lambda options: options[-1],
)
def test_random_models_give_the_bits_of_predict(
    source: Path, compiler: str, options: list[str]
) -> None:
    if SANITIZED[1] in options and not sanitizes(compiler):
        pytest.skip(f"{compiler} is here without its sanitizers")
    assert run(source, compiler, *options) == "all outputs are fastmlp's\n"


def test_the_test_in_a_file_can_fail(tmp_path: Path) -> None:
    """With products and sums that are rounded twice."""
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(20, "tanh")])
    x = np.random.default_rng(1).normal(size=(3, 20))
    text = c_file({"net": lower(model)}, {"net": x})
    broken = tmp_path / "broken.c"
    broken.write_text(text.replace("#define FM_FMA fma", "#define FM_FMA(a, b, c) ((a) * (b) + c)"))
    with pytest.raises(AssertionError, match="outputs are not fastmlp's"):
        run(broken, c_compiler(), "-O1")


def test_every_operation_was_exported() -> None:
    """The models above meet each word that inference has."""
    kinds = {type(s.operation) for seed in MODELS for s in lower(random_model(seed)[0]).steps}
    kinds |= {type(word) for word in ALONE}
    operations = {
        word
        for word in vars(words).values()
        if isinstance(word, type) and issubclass(word, words.Operation) and hasattr(word, "name")
    }
    assert operations - set(TRAINING_ONLY) == kinds
    assert {word for word in kinds if not issubclass(word, words.Activation)} == LAYERS.keys()


def test_the_file_alone(tmp_path: Path) -> None:
    """As a user has it: two models in one program, called from elsewhere, no variables."""
    models = []
    for name in ("one", "two"):
        model = keras.Sequential([keras.Input((3, 2)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(4, "tanh"))
        model.export_c(tmp_path / f"{name}.c")
        models.append(model)
    x = np.arange(6.0)
    caller = """
    #include <stdio.h>
    void one_predict(const double *x, double *y, double *work);
    void two_predict(const double *x, double *y, double *work);
    int main(void)
    {
        static const double x[6] = {0, 1, 2, 3, 4, 5};
        double y[8], work[64];
        one_predict(x, y, work);
        two_predict(x, y + 4, work);
        for (int i = 0; i < 8; i++)
            printf("%a ", y[i]);
    }
    """
    (tmp_path / "caller.c").write_text(caller)
    files = [str(tmp_path / name) for name in ("one.c", "two.c", "caller.c")]
    program = tmp_path / "program"
    subprocess.run([c_compiler(), "-O2", *files, "-o", program, "-lm"], check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    expected = np.concatenate([model.predict(x.reshape(1, 3, 2))[0] for model in models])
    assert [float.fromhex(word) for word in printed.split()] == expected.tolist()
    assert "#define ONE_WORK 16\n" in (tmp_path / "one.c").read_text()


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
def test_an_object_has_no_variables_and_calls_next_to_nothing(source: Path, tmp_path: Path) -> None:
    object_file = tmp_path / "net.o"
    subprocess.run([c_compiler(), "-std=c99", "-O2", "-c", source, "-o", object_file], check=True)
    printed = subprocess.run(["nm", object_file], capture_output=True, text=True, check=True)
    kinds: dict[str, set[str]] = {}
    for line in printed.stdout.splitlines():
        *_, kind, name = line.split()
        kinds.setdefault(kind, set()).add(name)
    assert kinds.keys() <= {"T", "t", "r", "U", "R"}, kinds.keys()  # code and constants
    assert kinds["U"] <= {"fma", "sqrt", "memcpy", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"}
    assert all(re.fullmatch(r"(net|word)\d+_(predict|self_test)", name) for name in kinds["T"])


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
def test_a_microcontroller_build(source: Path, tmp_path: Path) -> None:
    """For a Cortex-M4, which has no doubles of its own and whose C library rounds fma twice."""
    compiler = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "--specs=nosys.specs"]
    program = tmp_path / "net.elf"
    built = subprocess.run(
        [*compiler, *STRICT, "-DFASTMLP_MAIN", source, "-o", program, "-lm"],
        capture_output=True,
        text=True,
    )
    assert program.exists(), built.stderr[:2000]


def test_numbers() -> None:
    assert [number(x) for x in (0.0, -0.0, 1.0, -2.5, 5e-324)] == [
        *("0x0p+0", "-0x0p+0", "0x1p+0", "-0x1.4p+1", "0x0.0000000000001p-1022")
    ]
    assert [number(x) for x in (np.inf, -np.inf, np.nan)] == ["INFINITY", "-INFINITY", "NAN"]
    draw = np.random.default_rng(1)
    for x in draw.normal(size=100) * 10.0 ** draw.integers(-300, 300, 100):
        assert float.fromhex(number(x)) == x


class Twice(keras.layers.Layer):
    def forward(self, x, weights, training):
        return 2 * x


def test_errors(tmp_path: Path) -> None:
    model = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"must be built before it is exported.*build\("):
        model.export_c(tmp_path / "net.c")
    model.build((None, 3))
    with pytest.raises(ValueError, match=r"filepath must end in \.c"):
        model.export_c(tmp_path / "net.h")
    with pytest.raises(ValueError, match=r"name must be a name in C.*'2x'"):
        model.export_c(tmp_path / "net.c", name="2x")
    with pytest.raises(OSError, match="folder does not exist"):
        model.export_c(tmp_path / "nowhere" / "net.c")
    model.compile(keras.optimizers.SGD(1e308), "mse")
    model.fit(np.full((8, 3), 1e3), np.ones((8, 2)), epochs=3, verbose=0)
    with pytest.raises(ValueError, match=r"weights must be finite.*kernel"):
        model.export_c(tmp_path / "net.c")
    assert not list(tmp_path.iterdir())
    model.set_weights([np.zeros((3, 2)), np.zeros(2)])
    model.export_c(tmp_path / "2 nets.c")
    assert "void _2_nets_predict(" in (tmp_path / "2 nets.c").read_text()


def test_layers_in_python_cannot_be_exported(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), Twice(name="twice")])
    with pytest.raises(ValueError, match=r"what is written in Python cannot.*'twice'"):
        model.export_c(tmp_path / "net.c")
