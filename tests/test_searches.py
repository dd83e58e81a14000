"""Searches: the recipes of docs/searches.md run, and a pruned trial leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastmlp
from fastmlp.callbacks import EarlyStopping, OptunaPruning

DOCUMENT = Path(__file__).parent.parent / "docs" / "searches.md"
# What each recipe needs besides the tests' own packages.
NEEDS = {"Dask": "distributed", "Ray": "ray", "Optuna": "optuna"}

# In the place of MLflow, which is large: the functions that the recipe calls, and what they got.
MLFLOW = """
import contextlib, os
import numpy as np
got = {"metrics": [], "params": {}}
@contextlib.contextmanager
def start_run():
    yield
    assert [step for step, _ in got["metrics"]] == [0, 1, 2]
    assert got["params"]["epochs"] == 3 and got["params"]["weights"] == 7850
    assert got["params"]["optimizer_beta_2"] == 0.999
    losses = [logs["loss"] for _, logs in got["metrics"]]
    assert losses == sorted(losses, reverse=True)
    print("logged", sorted(got["metrics"][0][1]), got["weights"])
def log_params(params):
    got["params"].update(params)
def log_metrics(metrics, step):
    got["metrics"].append((step, dict(metrics)))
def log_artifact(path):
    got["weights"] = os.path.basename(path)
    assert any(array.shape == (784, 10) for array in np.load(path).values())
"""


def recipes() -> dict[str, tuple[str, str]]:
    """Heading -> the script, and what it prints."""
    found = {}
    for part in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading = part.partition("\n")[0]
        (script,) = re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
        printed = re.findall(r"^```text\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
        found[heading] = script, "".join(printed)
    return found


RECIPES = recipes()


def test_there_is_a_recipe_for_each() -> None:
    assert set(RECIPES) == {"joblib and scikit-learn", "Dask", "Ray", "Optuna", "MLflow"}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_prints_what_it_says(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    script, expected = RECIPES[name]
    path = tmp_path / "recipe.py"  # a file, as workers look for it
    path.write_text(script, encoding="utf-8")
    if name == "MLflow":
        (tmp_path / "mlflow.py").write_text(MLFLOW, encoding="utf-8")
        expected = "logged ['accuracy', 'loss'] weights.npz\n"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FASTMLP_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, str(path)],
        env=inherited | {"HOME": str(tmp_path)},  # where Ray leaves a file
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected


# -- Optuna --

X = np.linspace(-1.0, 1.0, 40)[:, None]


def compiled() -> Any:
    model = fastmlp.Sequential([fastmlp.Input((1,)), fastmlp.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_a_pruned_trial_leaves_the_model_as_it_was_then() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0, n_warmup_steps=2))
    model, twin = compiled(), compiled()
    twin.set_weights(model.get_weights())
    twin._shuffle_seed = model._shuffle_seed
    stopping = EarlyStopping(monitor="loss", patience=99)
    before = threading.active_count()

    def objective(trial: Any) -> float:
        hooks = [stopping, OptunaPruning(trial, "loss")]
        model.fit(X, X, epochs=9, callbacks=hooks, verbose=0)
        raise AssertionError("not pruned")

    study.optimize(objective, n_trials=1)
    (trial,) = study.trials
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert threading.active_count() == before
    expected = twin.fit(X, X, epochs=3, verbose=0).history["loss"]
    assert list(trial.intermediate_values.values()) == expected
    # It goes on like one that ended by itself.
    for one in (model, twin):
        one.fit(X, X, initial_epoch=3, epochs=5, verbose=0)
    assert (model.predict(X, verbose=0) == twin.predict(X, verbose=0)).all()


def test_a_trial_with_hope_goes_on_and_a_missing_number_is_told() -> None:
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    compiled().fit(X, X, epochs=3, callbacks=[OptunaPruning(trial, "loss")], verbose=0)
    (frozen,) = study.trials
    assert list(frozen.intermediate_values) == [0, 1, 2]
    with pytest.warns(UserWarning, match="`val_loss` which is not available.*: loss"):
        compiled().fit(X, X, callbacks=[OptunaPruning(study.ask())], verbose=0)


def test_optuna_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "fastmlp\[optuna\]"'):
        OptunaPruning(None)
