"""The optimizers of second order on problems whose solutions are known to many digits."""

from __future__ import annotations

from typing import Any

import more_garbow_hillstrom
import numpy as np
import pytest
from least_squares import run
from nist_strd import PROBLEMS, NistProblem, digits

import fastmlp
from fastmlp import layers
from fastmlp.models.uncertainty import of_squares
from fastmlp.optimizers import LBFGS, LevenbergMarquardt

STARTS = pytest.mark.parametrize("start", [0, 1])


def solve(name: str, start: int) -> tuple[NistProblem, LevenbergMarquardt]:
    problem, optimizer = NistProblem(name, start), LevenbergMarquardt(gradient_tolerance=1e-12)
    run(optimizer, problem)
    return problem, optimizer


@STARTS
@pytest.mark.parametrize("name", PROBLEMS)
def test_nist(name: str, start: int) -> None:
    """Six digits of every parameter from either start, but for MGH10 from the first, which lies
    orders of magnitude away in a curved canyon."""
    problem, optimizer = solve(name, start)
    if (name, start) == ("MGH10", 0):
        assert optimizer.reason is None
    else:
        assert optimizer.reason in ("step", "gradient")
        assert problem.digits >= 6
        squares = problem.residuals * problem.loss(problem.weights)
        # Lanczos1 has residuals of 1e-13: theirs are what roundings leave.
        assert name == "Lanczos1" or abs(squares / problem.rss - 1.0) < 1e-9


def test_most_of_nist_to_eight_digits() -> None:
    """Of 54 starts 46 on two CPUs, not the same: where a sum of squares is flat to its last digit,
    roundings, NumPy's exp among them, decide about the eighth of a parameter."""
    found = [solve(name, start)[0].digits for name in PROBLEMS for start in (0, 1)]
    assert sum(digit >= 8 for digit in found) >= 42


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "Lanczos1"])
def test_nist_standard_errors(name: str) -> None:
    """Six digits of those of every parameter, where the fit ends; those of Lanczos1 are what
    roundings of 1e-13 leave."""
    problem, _ = solve(name, 1)
    known = of_squares(problem.jacobian(problem.weights), problem.errors(problem.weights))
    assert known.rank == len(problem.weights)
    assert digits(known.standard_errors, problem.deviations) >= 6


#: The problems of NIST's that are networks with one input: the activation of the hidden units,
#: whether these and the output have biases, and the weights from the parameters b.
NETWORKS: dict[str, tuple[str, bool, bool, Any]] = {
    "Rat42": ("sigmoid", True, False, lambda b: ([[b[2]]], [-b[1]], [[b[0]]])),
    "DanWood": ("exponential", False, False, lambda b: ([[b[1]]], [[b[0]]])),  # of log x
    "MGH17": ("exponential", False, True, lambda b: ([-b[3:]], b[1:3, None], b[:1])),
    **dict.fromkeys(
        ("Lanczos2", "Lanczos3"),
        ("exponential", False, False, lambda b: ([-b[1::2]], b[::2, None])),
    ),
}


@STARTS
@pytest.mark.parametrize("name", NETWORKS)
def test_nist_networks(name: str, start: int) -> None:
    """By fit: NIST's sums of squares to nine digits, weights and their standard errors to six:
    where sums of squares differ in their last digits, the eighth of those does."""
    problem = NistProblem(name, start)
    activation, inner, outer, weights = NETWORKS[name]
    first = [np.array(w) for w in weights(problem.weights)]
    model = fastmlp.Sequential(
        [
            fastmlp.Input((1,)),
            layers.Dense(first[0].shape[1], activation, use_bias=inner),
            layers.Dense(1, use_bias=outer),
        ]
    )
    model.set_weights(first)
    x = (np.log(problem.x) if name == "DanWood" else problem.x)[:, None]
    model.compile(LevenbergMarquardt(gradient_tolerance=1e-12), "mse")
    model.fit(x, problem.y, epochs=1000, verbose=0)
    assert model.optimizer.result.converged
    squares = np.square(model.predict(x, verbose=0)[:, 0] - problem.y).sum()
    assert abs(squares / problem.rss - 1.0) < 1e-9
    for found, certified in (
        (np.concatenate(model.get_weights(), axis=None), problem.certified),
        (model.covariance(x, problem.y).standard_errors, problem.deviations),
    ):
        expected = np.concatenate([np.array(w) for w in weights(certified)], axis=None)
        assert digits(np.abs(found), np.abs(expected)) >= 6


@pytest.mark.parametrize("name", more_garbow_hillstrom.PROBLEMS)
def test_more_garbow_hillstrom(name: str) -> None:
    """The least sum of squares, to four digits or to 1e-20; from Freudenstein's and Roth's start
    there is a minimum nearby where every method that goes downhill ends."""
    problem = more_garbow_hillstrom.PROBLEMS[name].made()
    least, *others = more_garbow_hillstrom.PROBLEMS[name].minima
    optimizer = LevenbergMarquardt(gradient_tolerance=1e-12)
    run(optimizer, problem)
    found = problem.residuals * problem.loss(problem.weights)
    assert found == pytest.approx(others[0] if name[0:2] == "2 " else least, rel=1e-4, abs=1e-20)
    # Where the Jacobian is singular at the minimum, steps only halve the distance.
    assert optimizer.reason is not None or name == "13 Powell singular"


@pytest.mark.parametrize("name", more_garbow_hillstrom.PROBLEMS)
def test_more_garbow_hillstrom_by_lbfgs(name: str) -> None:
    """One of the minima, to four digits or to 1e-12, which is where its gradients end."""
    problem = more_garbow_hillstrom.PROBLEMS[name].made()
    run(LBFGS(), problem, 2000)
    found = problem.residuals * problem.loss(problem.weights)
    minima = more_garbow_hillstrom.PROBLEMS[name].minima
    assert any(found == pytest.approx(least, rel=1e-4, abs=1e-12) for least in minima)
