"""Levenberg and Marquardt's method and L-BFGS in fit, and what models tell of their derivatives."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import zipfile
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from nist_strd import NistProblem

import fastmlp
from fastmlp import callbacks, layers, optimizers
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.models.second_order import BatchProblem
from fastmlp.optimizers import LBFGS, LevenbergMarquardt
from fastmlp.optimizers.damped import DampedCholesky, DampedConjugate, DampedDual

BOTH = pytest.mark.parametrize("optimizer", ["lm", "lbfgs"])
ENGINES = pytest.mark.parametrize("engine", ["native", "reference"])


def network(
    *widths: int, optimizer: Any = "lm", seed: int = 1, loss: Any = "mse", **options: Any
) -> Any:
    """tanh layers and a linear one, built and compiled."""
    fastmlp.utils.set_random_seed(seed)
    model = fastmlp.Sequential(
        [
            fastmlp.Input((widths[0],)),
            *(layers.Dense(width, "tanh") for width in widths[1:-1]),
            layers.Dense(widths[-1]),
        ]
    )
    model.compile(optimizer, loss, **options)
    return model


def curve(n: int = 60, noise: float = 0.0) -> tuple[Any, Any]:
    x = np.linspace(-1.0, 1.0, n)[:, None]
    return x, np.sin(3.0 * x) + noise * np.random.default_rng(3).normal(size=x.shape)


# -- the loop, without networks


@pytest.mark.parametrize("method", [LevenbergMarquardt(), LBFGS()], ids=lambda o: o.name)
def test_what_is_not_finite_ends_a_training(method: Any) -> None:
    problem = NistProblem("BoxBOD", 0)
    problem.weights = np.array([1.0, -1e4])
    with np.errstate(all="ignore"):
        step = method.go(problem)
    assert not step.taken
    assert method.reason == "nonfinite"


# -- in fit


@ENGINES
def test_sinc(engine: str) -> None:
    """Second-order training goes where Adam does not: 1e-5 after 100 steps, 1e-8 after 300."""
    x = np.linspace(-1.0, 1.0, 400)[:, None]
    model = network(1, 20, 1, engine=engine)
    history = model.fit(x, np.sinc(10.0 * x / np.pi), epochs=300, verbose=0).history
    assert history["loss"][99] < 1e-5
    assert history["loss"][299] < 1e-8
    assert np.all(np.diff(history["loss"]) < 0)


@pytest.mark.parametrize("seed", range(10))
def test_a_student_finds_its_teacher(seed: int) -> None:
    """Weights off by 0.01: within 30 steps an error of roundings, whose squares are 1e-32 of
    what is summed in an output, which is several times as large as the output."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, size=(200, 2))
    model = network(2, 8, 1, seed=seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    y = model.predict(x, verbose=0)
    model.set_weights([w + 0.01 * rng.normal(size=w.shape) for w in model.get_weights()])
    model.fit(x, y, epochs=30, verbose=0)
    assert model.evaluate(x, y, verbose=0) <= 1e-28 * np.square(y).mean()


@BOTH
@ENGINES
def test_history(optimizer: str, engine: str) -> None:
    """The loss and metrics of an epoch are those after its step, as evaluate has them."""
    x, y = curve()
    model = network(1, 5, 1, optimizer=optimizer, engine=engine, metrics=["mae"])
    seen = []
    look = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.evaluate(x, y, verbose=0))
    )
    history = model.fit(x, y, epochs=8, verbose=0, callbacks=[look], validation_data=(x, y)).history
    names = {"loss", "mae", "attempts", "gradient_norm", "val_loss", "val_mae"}
    assert set(history) == names | ({"damping"} if optimizer == "lm" else set())
    # evaluate sums the losses in another order: roundings apart
    np.testing.assert_allclose(history["loss"], [loss for loss, _ in seen], rtol=1e-12)
    np.testing.assert_allclose(history["mae"], history["val_mae"], rtol=1e-12)
    gradient = np.concatenate([g.ravel() for g in model.loss_and_gradient(x, y)[1]])
    # a gradient near a minimum is a difference of larger sums
    assert history["gradient_norm"][-1] == pytest.approx(np.linalg.norm(gradient), rel=1e-9)
    assert len(history["loss"]) == 8
    assert model.optimizer.result.iterations == 8


@BOTH
def test_results(optimizer: str) -> None:
    x, y = curve()
    model = network(1, 5, 1, optimizer=optimizer)
    assert model.optimizer.result is None
    model.fit(x, y, epochs=3, verbose=0)
    assert model.optimizer.result.reason == "epochs"
    assert not model.optimizer.result.converged
    stop = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 1)
    )
    assert len(model.fit(x, y, epochs=9, verbose=0, callbacks=[stop]).history["loss"]) == 2
    assert model.optimizer.result.reason == "callback"

    def interrupt(epoch: int, logs: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=interrupt)])
    assert model.optimizer.result.reason == "interrupted"
    model.optimizer.goal = 0.1
    history = model.fit(x, y, epochs=500, verbose=0).history
    assert model.optimizer.result.reason == "goal"
    assert history["loss"][-1] <= 0.1
    assert len(history["loss"]) < 500


def test_a_line_fits_in_a_step_or_two(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.arange(6.0)[:, None]
    model = network(1, 1)
    model.fit(x, 2.0 * x - 1.0, epochs=60, verbose=2)
    assert model.optimizer.result.converged
    assert model.evaluate(x, 2.0 * x - 1.0, verbose=0) < 1e-24
    assert "levenberg_marquardt ended: " in capsys.readouterr().out


@BOTH
def test_a_weight_of_two_is_two_samples(optimizer: str) -> None:
    x, y = curve(20)
    twice = np.r_[x, x[:7]], np.r_[y, y[:7]]
    weights = np.where(np.arange(20) < 7, 2.0, 1.0)
    found = []
    for options in ({"sample_weight": weights}, {}):
        model = network(1, 4, 1, optimizer=optimizer, loss=fastmlp.losses.MeanSquaredError("sum"))
        data = (x, y) if options else twice
        model.fit(*data, epochs=12, verbose=0, **options)
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)  # roundings, grown by 12 steps


@BOTH
def test_cross_entropies(optimizer: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    y = np.argmax(x + 0.5 * rng.normal(size=x.shape), axis=1)
    loss = fastmlp.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = network(3, 4, 3, optimizer=optimizer, loss=loss, metrics=["accuracy"])
    first = model.evaluate(x, y, verbose=0)[0]
    history = model.fit(x, y, epochs=40, verbose=0).history
    assert history["loss"][-1] < 0.5 * first
    assert history["accuracy"][-1] > 0.8


@BOTH
def test_l2_is_part_of_what_is_minimized(optimizer: str) -> None:
    x, y = curve()
    fastmlp.utils.set_random_seed(1)
    model = fastmlp.Sequential(
        [layers.Dense(4, "tanh", kernel_regularizer="l2"), layers.Dense(1, kernel_regularizer="l2")]
    )
    model.compile(optimizer, "mse")
    history = model.fit(x, y, epochs=200, verbose=0).history
    _, gradient = model.loss_and_gradient(x, y)
    assert max(np.abs(g).max() for g in gradient) < 1e-6
    assert history["loss"][-1] == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-12)


def test_frozen_weights_stay() -> None:
    x, y = curve()
    model = network(1, 6, 1)
    model.layers[0].trainable = False
    before = model.layers[0].get_weights()
    history = model.fit(x, y, epochs=5, verbose=0).history
    assert all((a == b).all() for a, b in zip(before, model.layers[0].get_weights(), strict=True))
    assert history["loss"][-1] < history["loss"][0] or history["loss"][0] < 1e-3


FEW = "weights can fit whatever they are"


@pytest.mark.filterwarnings(f"ignore:.*{FEW}")
@pytest.mark.parametrize("solver", ["cholesky", "cg", "auto"])
def test_solvers_take_the_same_way(solver: str) -> None:
    """More weights than samples: "auto" takes the dual form."""
    x, y = curve(12)
    model = network(1, 20, 1, optimizer=LevenbergMarquardt(solver=solver))
    losses = model.fit(x, y, epochs=6, verbose=0).history["loss"]
    exact = network(1, 20, 1, optimizer=LevenbergMarquardt(solver="cholesky"))
    expected = exact.fit(x, y, epochs=6, verbose=0).history["loss"]
    # conjugate gradients end at a millionth of the right side, which six steps make more of
    np.testing.assert_allclose(losses, expected, rtol=1e-2)


def test_small_batches() -> None:
    x, y = curve(64)
    model = network(1, 5, 1)
    history = model.fit(x, y, batch_size=16, epochs=15, verbose=0).history
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    with pytest.raises(ValueError, match="batch_size and steps_per_epoch must be None"):
        network(1, 5, 1, optimizer="lbfgs").fit(x, y, batch_size=16, verbose=0)


def test_small_batches_are_warned_of() -> None:
    """Once in a training, if one has fewer residuals than there are weights that are trained."""
    x, y = curve(64)
    model = network(1, 5, 1)  # 16 weights
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    with pytest.warns(
        UserWarning, match=f"a batch of 15 has 15 residuals, which 16 {FEW}"
    ) as caught:
        model.fit(x, y, batch_size=15, epochs=2, verbose=0)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=f"a batch of 15 has 15 residuals, which 16 {FEW}"):
        model.train_on_batch(x[:15], y[:15])
    two = network(1, 4, 2)  # 18 weights, two residuals a sample
    two.fit(x[:63], np.hstack([y, y])[:63], batch_size=9, epochs=1, verbose=0)
    model.layers[0].trainable = False
    model.compile("lm", "mse")  # 6 weights
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    penalized = fastmlp.Sequential([layers.Dense(1, kernel_regularizer="l2", use_bias=False)])
    penalized.compile("lm", "mse")
    penalized.fit(np.ones((2, 3)), np.ones(2), epochs=2, verbose=0)
    for optimizer in ("lbfgs", LevenbergMarquardt(regularization="bayesian")):
        network(1, 5, 1, optimizer=optimizer).fit(x[:15], y[:15], epochs=2, verbose=0)


SAVED = [
    lambda: LevenbergMarquardt(damping=0.1, damping_increase=3.0),
    lambda: LevenbergMarquardt(regularization="bayesian"),
    lambda: LBFGS(history=4),
]


@pytest.mark.parametrize("suffix", [".npz", ".keras", ".weights.h5"])
@pytest.mark.parametrize("made", SAVED, ids=["lm", "bayesian", "lbfgs"])
def test_saved_and_resumed_to_the_bits(made: Any, suffix: str, tmp_path: Any) -> None:
    if suffix != ".npz":
        pytest.importorskip("h5py")
    x, y = curve()
    whole, model = (network(1, 5, 1, optimizer=made(), metrics=["mae"]) for _ in range(2))
    whole.fit(x, y, epochs=12, verbose=0)
    model.fit(x, y, epochs=7, verbose=0)
    path = tmp_path / f"model{suffix}"
    if suffix == ".weights.h5":
        model.save_weights(path)
        resumed = network(1, 5, 1, optimizer=made(), metrics=["mae"])
        resumed.load_weights(path)
    else:
        model.save(path)
        resumed = fastmlp.saving.load_model(path)
    assert resumed.optimizer.get_config() == model.optimizer.get_config()
    assert resumed.metrics_names == model.metrics_names
    history = resumed.fit(x, y, initial_epoch=7, epochs=12, verbose=0).history
    for key, values in history.items():
        assert values == whole.history.history[key][7:]
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        assert np.array(a).tobytes() == np.array(b).tobytes()


@BOTH
def test_who_looks_between_steps_sees_the_newest_and_changes_nothing(optimizer: str) -> None:
    """Weights and state are the engine's and the optimizer's own until somebody asks."""
    x, y = curve()
    seen: list[Any] = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            copied = copy.deepcopy(self.model)
            seen.append([np.array(v) for v in self.model.optimizer.variables])
            seen[-1] += self.model.get_weights()
            for a, b in zip([*copied.optimizer.variables, *copied.weights], seen[-1], strict=True):
                np.testing.assert_array_equal(a, b)
            clone = fastmlp.models.clone_model(self.model)
            clone.set_weights(self.model.get_weights())
            clone.compile("sgd", "mse")
            # a step's loss is summed in another order than that of evaluate
            told = clone.evaluate(x, y, batch_size=60, verbose=0)
            assert told == pytest.approx(logs["loss"], rel=1e-11)

    made = {"lm": LevenbergMarquardt, "lbfgs": lambda: LBFGS(history=4)}[optimizer]
    unseen, watched = (network(1, 5, 1, optimizer=made()) for _ in range(2))
    watched.fit(x, y, epochs=9, verbose=0, callbacks=[Look()])
    for epochs in range(1, 10):  # each is a training of its own, and is looked at after it
        unseen.fit(x, y, epochs=1, verbose=0)
        whole = network(1, 5, 1, optimizer=made())
        whole.fit(x, y, epochs=epochs, verbose=0)
        for model in (unseen, whole):
            values = [*model.optimizer.variables, *model.weights]
            for a, b in zip(values, seen[epochs - 1], strict=True):
                assert np.array(a).tobytes() == b.tobytes()


@BOTH
def test_weights_and_state_set_between_epochs_are_where_it_goes_on(optimizer: str) -> None:
    x, y = curve()
    fresh = network(1, 5, 1, optimizer=optimizer)
    elsewhere = [w + 0.5 for w in fresh.get_weights()]
    fresh.optimizer.build(fresh.trainable_weights)
    first = [np.array(v) for v in fresh.optimizer.variables]
    fresh.set_weights(elsewhere)
    losses = fresh.fit(x, y, epochs=5, verbose=0).history["loss"]

    class Move(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 3:
                self.model.set_weights(elsewhere)
                for variable, value in zip(self.model.optimizer.variables, first, strict=True):
                    variable.assign(value)

    model = network(1, 5, 1, optimizer=optimizer)
    history = model.fit(x, y, epochs=9, verbose=0, callbacks=[Move()]).history
    assert history["loss"][4:] == losses
    for mine, theirs in zip(model.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("suffix", [".npz", ".keras"])
def test_saved_before_the_first_step(suffix: str, tmp_path: Any) -> None:
    if suffix == ".keras":
        pytest.importorskip("h5py")
    x, y = curve()
    model = network(1, 5, 1)
    model.save(tmp_path / f"model{suffix}")
    twin = fastmlp.saving.load_model(tmp_path / f"model{suffix}")
    losses = [m.fit(x, y, epochs=5, verbose=0).history["loss"] for m in (model, twin)]
    assert losses[0] == losses[1]


@BOTH
def test_keras_reads_a_file_without_what_it_has_not(optimizer: str, tmp_path: Any) -> None:
    """Its compile_config is fastmlp's alone; weights are where they always are."""
    pytest.importorskip("h5py")
    x, y = curve()
    found = {}
    for name in (optimizer, "adam"):
        model = network(1, 5, 1, optimizer=name)
        model.fit(x, y, epochs=3, verbose=0)
        model.save(tmp_path / "model.keras")
        with zipfile.ZipFile(tmp_path / "model.keras") as archive:
            found[name] = tuple(
                json.loads(archive.read(f"{part}.json")) for part in ("config", "metadata")
            )
    config, metadata = found[optimizer]
    assert "compile_config" not in config
    told = metadata["fastmlp"]["compile_config"]["optimizer"]["class_name"]
    assert told == type(optimizers.get(optimizer)).__name__
    assert "compile_config" in found["adam"][0]
    assert "compile_config" not in found["adam"][1]["fastmlp"]
    assert fastmlp.saving.load_model(tmp_path / "model.keras", compile=False).optimizer is None


@pytest.mark.filterwarnings(f"ignore:.*{FEW}")
def test_early_stopping_restores_the_best_weights() -> None:
    x, y = curve(30, noise=0.3)
    model = network(1, 30, 1)
    stop = callbacks.EarlyStopping(patience=6, restore_best_weights=True)
    history = model.fit(x[::2], y[::2], validation_data=(x[1::2], y[1::2]), epochs=200, verbose=0,
                        callbacks=[stop]).history  # fmt: skip
    assert len(history["loss"]) < 200
    best = min(history["val_loss"])
    assert model.evaluate(x[1::2], y[1::2], verbose=0) == pytest.approx(best, rel=1e-12)


def test_lbfgs_needs_no_more_evaluations_than_scipy() -> None:
    """To a loss of 1e-4, from 120 starts, within a tenth more than SciPy's L-BFGS-B. From one start
    either may need twice as many: a rounding sends it elsewhere. Their geometric mean was between
    1.00 and 1.06 of SciPy's for 40 starts, at losses from 1e-3 to 3e-6."""
    x, y = curve()
    twin = network(1, 8, 1, optimizer="sgd")
    shapes = [w.shape for w in twin.get_weights()]
    ends = np.cumsum([math.prod(shape) for shape in shapes])

    class EnoughError(Exception):
        pass

    evaluations = 0

    def function(flat: Any) -> tuple[float, Any]:
        nonlocal evaluations
        parts = zip(np.split(flat, ends[:-1]), shapes, strict=True)
        twin.set_weights([part.reshape(shape) for part, shape in parts])
        evaluations += 1
        loss, gradient = twin.loss_and_gradient(x, y)
        if loss <= goal:
            raise EnoughError
        return loss, np.concatenate([g.ravel() for g in gradient])

    goal, ratios = 1e-4, []
    for seed in range(120):
        model = network(1, 8, 1, optimizer=optimizers.LBFGS(goal=goal), seed=seed)
        start = np.concatenate([w.ravel() for w in model.get_weights()])
        evaluations = 0
        with contextlib.suppress(EnoughError):
            options = {"ftol": 0.0, "gtol": 0.0, "maxiter": 10000}
            scipy.optimize.minimize(function, start, jac=True, method="L-BFGS-B", options=options)
        model.fit(x, y, epochs=10000, verbose=0)
        assert model.optimizer.result.reason == "goal"
        ratios.append(model.optimizer.result.evaluations / evaluations)
    assert np.exp(np.mean(np.log(ratios))) <= 1.1


def test_lbfgs_never_ends_in_nan() -> None:
    rng = np.random.default_rng(0)
    for seed in range(40):
        model = network(2, 4, 1, optimizer="lbfgs", seed=seed)
        model.set_weights([10.0 * rng.normal(size=w.shape) for w in model.get_weights()])
        model.fit(rng.normal(size=(20, 2)), 1e3 * rng.normal(size=(20, 1)), epochs=30, verbose=0)
        assert all(np.isfinite(w).all() for w in model.get_weights())


# -- what is refused


def test_what_is_refused() -> None:
    x, y = curve(20)
    for optimizer in ("lm", "lbfgs"):
        for layer, word in (
            (layers.Dropout(0.5), "Dropout"),
            (layers.GaussianNoise(0.1), "GaussianNoise"),
            (layers.BatchNormalization(), "BatchNormalization"),
        ):
            model = fastmlp.Sequential([layers.Dense(4), layer, layers.Dense(1)])
            model.compile(optimizer, "mse")
            with pytest.raises(ValueError, match=f"weights alone.* {word}"):
                model.fit(x, y, verbose=0)
        for options, name in (
            ({"kernel_regularizer": "l1"}, "regularizers must be L2"),
            ({"kernel_constraint": "non_neg"}, "constraint of"),
        ):
            model = fastmlp.Sequential([layers.Dense(1, **options)])
            model.compile(optimizer, "mse")
            with pytest.raises(ValueError, match=name):
                model.fit(x, y, verbose=0)
    model = network(1, 3, 1, loss="mae")
    with pytest.raises(ValueError, match="LBFGS"):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"damping": 0.0}, "damping must be"),
        ({"damping_increase": 1.0}, "damping_increase must be a number above 1"),
        ({"scaling": "trainlm"}, "scaling must be"),
        ({"acceleration": -1.0}, "acceleration must be"),
        ({"solver": "qr"}, "solver must be"),
        ({"regularization": "l2"}, "regularization must be"),
    ],
)
def test_wrong_settings(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        LevenbergMarquardt(**options)


@BOTH
def test_there_is_no_learning_rate(optimizer: str) -> None:
    made = optimizers.get(optimizer)
    with pytest.raises(ValueError, match="learning_rate must not be set"):
        made.learning_rate = 0.1
    with pytest.raises(ValueError, match="cannot apply gradients"):
        made.apply([np.zeros(2)], [])
    twin = type(made).from_config(made.get_config())
    assert twin.get_config() == made.get_config()


# -- Bayesian regularization, derivatives, covariances


def test_bayesian_regularization() -> None:
    x, y = curve(40, noise=0.1)
    model = network(1, 20, 1, optimizer=LevenbergMarquardt(regularization="bayesian"))
    history = model.fit(x, y, epochs=80, verbose=0).history
    effective = np.array(history["effective_parameters"])
    assert (effective >= 0).all()
    assert (effective <= model.count_params()).all()
    assert effective[-1] < 20
    # 1 / 2 beta estimates the variance of the noise, which is 0.01
    assert 0.5 < 0.01 * 2 * history["beta"][-1] < 2.0
    truth = np.sin(3.0 * x)
    plain = network(1, 20, 1)
    with pytest.warns(UserWarning, match=f"a batch of 40 has 40 residuals, which 61 {FEW}"):
        plain.fit(x, y, epochs=80, verbose=0)
    assert model.evaluate(x, truth, verbose=0) < plain.evaluate(x, truth, verbose=0)
    known = model.covariance(x, y)
    assert known.rank == model.count_params()
    # the log has beta as it was before the last step, which is still on its way
    assert known.residual_variance == pytest.approx(1 / (2 * history["beta"][-1]), rel=0.05)


@ENGINES
def test_jacobians_are_what_differences_say(engine: str) -> None:
    fastmlp.utils.set_random_seed(2)
    model = fastmlp.Sequential(
        [
            fastmlp.Input((2, 3)),
            layers.Dense(4, "swish"),
            layers.Flatten(),
            layers.LayerNormalization(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", "mse", engine=engine)
    x, h = np.random.default_rng(0).normal(size=(5, 2, 3)), 1e-6
    found = model.jacobian(x)
    assert found.shape == (5, 3, 2, 3)
    for i in range(2):
        for j in range(3):
            e = np.zeros((2, 3))
            e[i, j] = h
            difference = (model(x + e) - model(x - e)) / (2 * h)
            # of central differences: h^2 and roundings by h
            np.testing.assert_allclose(found[:, :, i, j], difference, atol=1e-8)
    by_weights = model.jacobian(x, wrt="parameters")
    assert by_weights.shape == (5, 3, model.count_params())
    start = 0
    for k, w in enumerate(model.get_weights()):
        for i in range(w.size):
            sides = []
            for t in (h, -h):
                moved = model.get_weights()
                moved[k].flat[i] += t
                twin = fastmlp.models.clone_model(model)
                twin.set_weights(moved)
                sides.append(twin(x))
            difference = (sides[0] - sides[1]) / (2 * h)
            np.testing.assert_allclose(by_weights[:, :, start + i], difference, atol=1e-8)
        start += w.size
    model.layers[0].trainable = False
    assert model.jacobian(x, wrt="parameters").shape[-1] == by_weights.shape[-1] - 16
    with pytest.raises(ValueError, match="wrt must be"):
        model.jacobian(x, wrt="weights")


def test_covariance_of_a_line() -> None:
    """What every textbook has."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    y = x @ [[1.0], [2.0]] + 0.5 + 0.1 * rng.normal(size=(30, 1))
    model = network(2, 1)
    model.fit(x, y, epochs=50, verbose=0)
    known = model.covariance(x, y)
    design = np.c_[x, np.ones(30)]
    solution, squares, _, _ = np.linalg.lstsq(design, y, rcond=None)
    np.testing.assert_allclose(np.concatenate(model.get_weights(), axis=None), solution[:, 0])
    expected = squares[0] / 27 * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(known.matrix, expected, rtol=1e-9)
    np.testing.assert_allclose(known.standard_errors, np.sqrt(expected.diagonal()))
    assert (known.rank, known.degrees_of_freedom) == (3, 27)
    found = model.predict_interval(x[:4], known, confidence=0.9)
    reach = scipy.stats.t(27).ppf(0.95) * np.sqrt(
        squares[0] / 27 + np.einsum("ip,pq,iq->i", design[:4], expected, design[:4])
    )
    np.testing.assert_allclose(found.upper - found.prediction, reach[:, None])
    np.testing.assert_allclose(found.prediction - found.lower, reach[:, None])
    mean = model.predict_interval(x[:4], known, noise=False)
    assert (mean.upper < found.upper).all()
    with pytest.raises(ValueError, match="confidence must be"):
        model.predict_interval(x, known, confidence=95)


def test_the_reduction_says_nothing_of_the_noise() -> None:
    """Nor does what the loss is multiplied by; samples of weight 2 are of half the variance."""
    x, y = curve(20, 0.1)
    weights = np.tile([0.5, 2.0], 10)
    found = []
    for reduction, factor in (("sum_over_batch_size", 1.0), ("sum", 0.3)):
        model = network(1, 2, 1, loss=fastmlp.losses.MeanSquaredError(reduction))
        model.compile("lm", fastmlp.losses.MeanSquaredError(reduction), loss_weights=factor)
        model.fit(x, y, epochs=100, verbose=0, sample_weight=weights)
        found.append(model.covariance(x, y, weights))
        errors = y - model.predict(x, verbose=0)
        squares = (weights[:, None] * errors**2).sum()
        assert found[-1].residual_variance == pytest.approx(squares / 13)
    # The minima agree to what the condition of a small network leaves.
    np.testing.assert_allclose(found[1].matrix, found[0].matrix, rtol=1e-5)
    penalized = fastmlp.Sequential([layers.Dense(1, kernel_regularizer="l2")])
    penalized.compile("lm", "mse")
    with pytest.raises(ValueError, match="regularizers must be None"):
        penalized.covariance(x, y)


def test_the_dual_form_is_the_primal_one() -> None:
    """Of fewer residuals than weights, at some weights and for some scale."""
    x, y = curve(4)
    model = network(1, 5, 1, engine="reference")
    problem = BatchProblem(model, model._one_batch(model._checked(x, y)))
    g, r = problem.gradient(problem.weights), problem.residual_vector()
    scale = 0.5 + np.random.default_rng(0).random(len(g))
    found = []
    for solver in (DampedCholesky(problem), DampedDual(problem), DampedConjugate(problem)):
        solver.add(1.0, 0.0)
        assert solver.damp(1e-2, scale)
        found.append(solver.solve(g, r))
        np.testing.assert_allclose(solver.diagonal, problem.curvature().diagonal(), rtol=1e-12)
    # Conjugate gradients end at 1e-6 of the right side, and the damping is 1e-2.
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-4, atol=1e-4)


@ENGINES
def test_what_is_pulled_back_is_the_jacobian_times_a_vector(engine: str) -> None:
    """Of samples with several rows, weights, and layers that are frozen; and after weights have
    been assigned."""
    fastmlp.utils.set_random_seed(3)
    frozen = layers.Dense(4, "tanh", trainable=False)
    model = fastmlp.Sequential([fastmlp.Input((3, 2)), frozen, layers.Dense(5, "relu"),
                                layers.LayerNormalization(), layers.Dense(2)])  # fmt: skip
    model.compile("lm", "mse", engine=engine)
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(9, 3, 2)), rng.normal(size=(9, 3, 2)), rng.random(9)
    problem = BatchProblem(model, model._one_batch(model._checked(x, y, weights)))
    for _ in range(2):
        problem.weights  # noqa: B018 - which looks at the model's
        u = rng.normal(size=problem.residuals)
        np.testing.assert_allclose(problem.pull(u), problem.curvature_root().T @ u, atol=1e-13)
        gradient = problem.gradient(problem.weights)
        np.testing.assert_allclose(problem.pull(problem.residual_vector()), gradient, atol=1e-13)
        model.set_weights([w + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()])


def test_an_interrupt_inside_a_step_leaves_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = curve()
    model = network(1, 5, 1, engine="reference")
    model.fit(x, y, epochs=2, verbose=0)
    before = np.concatenate(model.get_weights(), axis=None)

    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(ReferenceEngine, "gauss_newton", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=2, verbose=0)
    monkeypatch.undo()
    assert model.optimizer.result is None  # not a step was taken
    np.testing.assert_array_equal(np.concatenate(model.get_weights(), axis=None), before)
    losses = model.fit(x, y, epochs=1, verbose=0).history["loss"]
    assert losses[0] == pytest.approx(model.evaluate(x, y, batch_size=60, verbose=0), rel=1e-12)


def test_an_interrupt_between_steps_is_told() -> None:
    class Interrupt(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    x, y = curve()
    model = network(1, 5, 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10, verbose=0, callbacks=[Interrupt()])
    assert (model.optimizer.result.reason, model.optimizer.result.iterations) == ("interrupted", 3)
    loss = model.evaluate(x, y, batch_size=60, verbose=0)
    assert loss == pytest.approx(model.optimizer.result.loss, rel=1e-11)


@BOTH
def test_a_killed_training_goes_on_with_the_bits(optimizer: str, tmp_path: Any) -> None:
    """By BackupAndRestore, after an error in the middle of it."""

    class Killed(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 4:
                raise RuntimeError("killed")

    x, y = curve()
    whole, parts = network(1, 5, 1, optimizer=optimizer), network(1, 5, 1, optimizer=optimizer)
    whole.fit(x, y, epochs=9, verbose=0)
    keep = callbacks.BackupAndRestore(str(tmp_path))
    with pytest.raises(RuntimeError, match="killed"):
        parts.fit(x, y, epochs=9, verbose=0, callbacks=[keep, Killed()])
    again = network(1, 5, 1, optimizer=optimizer)
    again.fit(x, y, epochs=9, verbose=0, callbacks=[callbacks.BackupAndRestore(str(tmp_path))])
    for mine, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_lbfgs_computes_a_gradient_for_each_loss_it_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    plain = ReferenceEngine.gradient

    def counted(*given: Any) -> Any:
        calls.append(given)
        return plain(*given)

    monkeypatch.setattr(ReferenceEngine, "gradient", counted)
    x, y = curve()
    model = network(1, 5, 1, optimizer="lbfgs", engine="reference")
    history = model.fit(x, y, epochs=20, verbose=0).history
    result = model.optimizer.result
    assert len(calls) == result.evaluations == 1 + sum(history["attempts"])


def test_lbfgs_takes_other_losses() -> None:
    x, y = curve()
    for loss in ("huber", "log_cosh", "mean_absolute_error"):
        model = network(1, 5, 1, optimizer="lbfgs", loss=loss)
        losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        assert (np.diff(losses) <= 0.0).all()


def test_weights_that_change_nothing_lower_the_rank() -> None:
    x, y = curve(30, noise=0.1)
    model = network(1, 3, 1)
    w = model.get_weights()
    w[2][1] = 0.0  # the second unit is not heard
    model.set_weights(w)
    known = model.covariance(x, y)
    assert known.rank == model.count_params() - 2
    assert np.isfinite(known.matrix).all()
    other = network(1, 3, 1, optimizer="adam", loss="mae")
    with pytest.raises(ValueError, match='loss must be "mse"'):
        other.covariance(x, y)


@pytest.mark.slow
def test_intervals_cover_what_they_say() -> None:
    """93 to 97 % of new observations, over 200 noisy fits of a curve that a network can be."""
    x = np.linspace(-1.0, 1.0, 50)[:, None]
    teacher = network(1, 2, 1, seed=4)
    truth, start = teacher.predict(x, verbose=0), teacher.get_weights()
    rng, held = np.random.default_rng(1), []
    model = network(1, 2, 1)
    for _ in range(200):
        model.set_weights(start)
        y = truth + 0.05 * rng.normal(size=truth.shape)
        model.optimizer.begin_run()
        model.fit(x, y, epochs=25, verbose=0)
        found = model.predict_interval(x, model.covariance(x, y))
        new = truth + 0.05 * rng.normal(size=truth.shape)
        held.append(((found.lower <= new) & (new <= found.upper)).mean())
    assert 0.93 <= np.mean(held) <= 0.97
