"""A model and a batch as the problem that optimizers with the curvature of the loss solve.

Letters: B samples of the batch, each with S rows of K outputs; P weights that are trained; n
residuals, B S K.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..engine import (
    L1L2,
    AlphaDropout,
    BatchNormalization,
    CurvatureOperator,
    Data,
    Dropout,
    Engine,
    Float64Array,
    GaussianDropout,
    GaussianNoise,
    MeanSquaredError,
    Network,
    StepsResult,
)
from ..engine import Loss as LoweredLoss
from ..engine.rows import dense_rows
from ..optimizers import LevenbergMarquardt
from ..optimizers.second_order import Algebra, SecondOrder
from ..variable import Variable, lend
from .data import gradients_as_targets, targets_by_row
from .feed import ArrayFeed

if TYPE_CHECKING:
    from ..progress import Progress
    from .compiled import CompiledModel
    from .feed import Chunk, Feed

_NOISE = (Dropout, AlphaDropout, GaussianNoise, GaussianDropout)


def graded(network: Network, loss: LoweredLoss) -> LoweredLoss:
    """The loss that an engine computes for this one: of logits, where it can."""
    last = network.operations[-1] if network.operations else None
    return (last and loss.before(last)) or loss


def check(model: CompiledModel) -> None:
    """ValueError if a compiled and built model cannot be trained by its optimizer.

    Nothing may make the loss at some weights another each time, or give it kinks.
    """
    optimizer, network, loss = model.optimizer, model._network(), model._lowered_loss
    assert isinstance(optimizer, SecondOrder)
    assert loss is not None
    optimizer.check_settings()
    name = type(optimizer).__name__
    for operation in network.operations:
        by_batch = isinstance(operation, BatchNormalization) and operation.trainable
        if isinstance(operation, _NOISE) or by_batch:
            word = type(operation).__name__
            raise ValueError(
                f"optimizer {name} needs a loss that depends on the weights alone: leave out "
                f"dropout and noise, and set trainable=False on batch normalization. "
                f"Received: a model with {word}"
            )
    parameters = model._parameters()
    for parameter in parameters:
        if parameter.constraint is not None:
            raise ValueError(
                f"constraint of {parameter.path!r} must be None with optimizer {name}, whose steps "
                f"go downhill where nothing holds the weights. Received: {parameter.constraint!r}"
            )
    curved = isinstance(optimizer, LevenbergMarquardt)
    for rule in network.regularizers:
        if isinstance(rule, L1L2) and rule.l1:
            raise ValueError(
                f"regularizers must be L2 with optimizer {name}: L1 has kinks. Received: {rule!r}"
            )
        if curved and rule is not None and not isinstance(rule, L1L2):
            raise ValueError(
                f"regularizers must be L2 with optimizer {name}; LBFGS takes any that is smooth. "
                f"Received: {rule!r}"
            )
    if isinstance(optimizer, LevenbergMarquardt):
        _check_curvature(optimizer, network, loss)


def _check_curvature(optimizer: LevenbergMarquardt, network: Network, loss: LoweredLoss) -> None:
    """ValueError if the loss has no Gauss-Newton matrix, or the evidence none of squares."""
    of_outputs = graded(network, loss)
    one = np.ones((1, network.outputs))
    of_outputs.root(one, np.zeros(1, np.int32) if loss.class_indices else one)
    if network.activities:
        raise ValueError(
            "activity regularizers must not be there with optimizer LevenbergMarquardt; LBFGS "
            "takes them. Received: a model with ActivityRegularization"
        )
    if optimizer.regularization and (
        not isinstance(loss, MeanSquaredError) or any(network.regularizers)
    ):
        raise ValueError(
            'regularization="bayesian" goes with the loss "mse" and no other regularizer. '
            f"Received: loss={loss.name!r}, regularizers={list(network.regularizers)}"
        )
    if loss.weight < 0.0:
        raise ValueError(f"loss_weights must not be negative. Received: {loss.weight}")


class BatchProblem:
    """The loss of a batch as a function of the weights that are trained.

    Trials are made in an engine of its own, so that the model has the weights that were kept
    last whenever somebody looks. What has been computed at them, or at the last trial, is known.

    Parameters
    ----------
    model : CompiledModel
        Checked by :func:`check`.
    data : Data
        The batch.
    """

    def __init__(self, model: CompiledModel, data: Data) -> None:
        assert model._lowered_loss is not None
        assert model._loss is not None
        self.data, self.binding = data, model._bind()
        self._tried = _Placed(self.binding.twin())
        self._network = model._network()
        self._split, self._outputs = self._network.split, self._network.outputs
        self.algebra: Algebra = self._tried.engine
        self._face_loss, self._loss = model._loss, model._lowered_loss
        self._output_shape = model.output_shape[1:]
        self._rows = np.arange(len(data.x), dtype=np.int64)
        self._variables = model._parameters()
        roles = self._network.roles
        self._trained = [i for i, role in enumerate(roles) if role == "trained"]
        parts = [self._variables[i] for i in self._trained]
        #: Of all elements with the role "trained", which are those of trainable layers.
        self.is_free = np.concatenate(
            [np.zeros(0, bool), *(np.full(v.size, v.trainable) for v in parts)]
        )
        ends = np.cumsum([v.size for v in parts])
        self._slices = [slice(end - v.size, end) for end, v in zip(ends, parts, strict=True)]
        rules = self._network.regularizers or (None,) * len(roles)
        decays = [2.0 * r.l2 if isinstance(r, L1L2) else 0.0 for r in rules]
        self._decay = np.repeat([decays[i] for i in self._trained], [v.size for v in parts])[
            self.is_free
        ]
        self._shapes = self._network.parameter_shapes
        free = zip(self._trained, self._slices, strict=True)
        self._lent = [
            _Lent(self._variables[i], part) for i, part in free if self._variables[i].trainable
        ]
        self._seen: list[int] = []  # the variables' versions when they were read
        self._kept, self._trial = _Facts(np.zeros(0)), _Facts(np.zeros(0))
        self._giving: _Placed | None = None

    # The weights.

    @property
    def weights(self) -> Float64Array:
        """(P,) the model's."""
        versions = self._versions()
        if self._seen != versions:
            # Frozen weights and moving moments may be others, too.
            self._tried.write_all(self._variables, self._shapes)
            self._giving = None
            values = [self._variables[i].value.ravel() for i in self._trained]
            self._all = np.concatenate([np.zeros(0), *values])
            w = self._all[self.is_free]
            self._kept, self._trial, self._seen = _Facts(w), _Facts(w), versions
            self._tried.at = w
        return self._kept.w

    def _versions(self) -> list[int]:
        return [variable.version for variable in self._variables]

    def keep(self, w: Float64Array) -> None:
        """The model's weights are w from now on."""
        if w is self._kept.w:
            return
        self._kept = self._facts(w)
        everything = self._everything(w)
        for lent in self._lent:
            lent.everything = everything
        lend(self._lent)
        self._seen = self._versions()

    def _everything(self, w: Float64Array) -> Float64Array:
        """The elements of all parameters with the role "trained"."""
        if len(w) == len(self._all):
            return w
        everything = self._all.copy()
        everything[self.is_free] = w
        return everything

    def _facts(self, w: Float64Array) -> _Facts:
        """What is known at w."""
        for facts in (self._kept, self._trial):
            if w is facts.w:
                return facts
        self._trial = _Facts(w)
        return self._trial

    def _go(self, w: Float64Array, placed: _Placed | None = None) -> Engine:
        """The engine, or another one, with the weights w."""
        placed = placed or self._tried
        if placed.at is not w:
            placed.at = None  # until it is whole
            everything = self._everything(w)
            for i, part in zip(self._trained, self._slices, strict=True):
                placed.engine.write_parameter(i, everything[part].reshape(self._shapes[i]))
            placed.at = w
        return placed.engine

    # The loss.

    def loss(self, w: Float64Array) -> float:
        """The batch's loss and the penalties, as ``evaluate`` has them."""
        facts = self._facts(w)
        if facts.loss is None:
            losses, outputs = self._go(w).evaluate(self.data)
            loss = self.algebra.dot(losses, self._factors)
            facts.loss, facts.outputs = loss + self._penalty(), outputs
        return facts.loss

    def _penalty(self) -> float:
        if not self.binding.penalized:
            return 0.0
        penalty: float = self._tried.engine.penalties(self.data.x[:1])[0]
        return penalty

    def gradient(self, w: Float64Array) -> Float64Array:
        """(P,)."""
        facts = self._facts(w)
        if facts.gradient is None:
            _, facts.gradient = self._differentiated(w)
        return facts.gradient

    def loss_and_gradient(self, w: Float64Array) -> tuple[float, Float64Array]:
        """Both at once, the loss as a training step has it."""
        facts = self._facts(w)
        if facts.loss is None or facts.gradient is None:
            facts.loss, facts.gradient = self._differentiated(w)
        return facts.loss, facts.gradient

    def _differentiated(self, w: Float64Array) -> tuple[float, Float64Array]:
        engine, data, value = self._go(w), self.data, 0.0
        if self._face_loss.is_python:
            outputs = engine.predict(data.x).reshape(-1, *self._output_shape)
            data, value = gradients_as_targets(
                self._face_loss, self._loss, data, self._rows, outputs
            )
        loss, gradient = engine.gradient(data, self._rows, 0)
        return loss + value, gradient[self.is_free]

    @property
    def outputs(self) -> Float64Array:
        """(B S, K) at the weights that were kept last."""
        facts = self._kept
        if facts.outputs is None:
            facts.outputs = self._go(facts.w).predict(self.data.x)
        return facts.outputs

    @property
    def share(self) -> float:
        """What a squared residual of weight 1 counts in the loss, by the reduction."""
        weights = self.data.sample_weight
        total = self.residuals / self._outputs if weights is None else float(weights.sum())
        return float(self._factors.sum()) / (total * self._outputs)

    @functools.cached_property
    def _factors(self) -> Float64Array:
        """What each row's loss is multiplied by, (B S,)."""
        weights = self.data.sample_weight
        if weights is None:
            weights = np.ones(len(self._rows) * self._split)
        return self._loss.factors(self._targets, weights.ravel())

    @property
    def _targets(self) -> NDArray[Any]:
        """Of each row of outputs."""
        return targets_by_row(self.data.targets, len(self._rows) * self._split)

    # Its curvature, at the weights that were kept last.

    @property
    def residuals(self) -> int:
        """n."""
        return len(self._rows) * self._split * self._outputs

    @property
    def is_squares(self) -> bool:
        """Whether the loss is a sum of squares of residuals, and perhaps of weights."""
        return isinstance(self._loss, MeanSquaredError)

    @property
    def is_penalized(self) -> bool:
        """Whether there are squares of weights among them."""
        return bool(self._decay.any())

    def curvature(self) -> Float64Array:
        """H (P, P)."""
        matrix = self._go(self._kept.w).gauss_newton(self.data, self._rows)
        if not self.is_free.all():
            matrix = np.ascontiguousarray(matrix[np.ix_(self.is_free, self.is_free)])
        matrix.flat[:: len(matrix) + 1] += self._decay
        return matrix

    def curvature_product(self, v: Float64Array) -> Float64Array:
        """H v (P,)."""
        whole = np.zeros(len(self.is_free))
        whole[self.is_free] = v
        product = self._operator().product(whole)
        result: Float64Array = product[self.is_free] + self._decay * v
        return result

    def curvature_diagonal(self) -> Float64Array:
        """The diagonal of H (P,)."""
        result: Float64Array = self._operator().diagonal()[self.is_free] + self._decay
        return result

    def _operator(self) -> CurvatureOperator:
        """H without the penalties; the engine has the weights that it is of."""
        engine = self._go(self._kept.w)
        if self._kept.operator is None:
            self._kept.operator = engine.gauss_newton_operator(self.data, self._rows)
        return self._kept.operator

    def curvature_root(self) -> Float64Array:
        """A (n, P), A.T @ A = H but for the penalties."""
        root = self._go(self._kept.w).gauss_newton_root(self.data, self._rows)
        return root[:, self.is_free]

    # Of squares.

    @functools.cached_property
    def _root_factors(self) -> Float64Array:
        """What the rows of residuals are multiplied by, (B S, 1)."""
        scale = np.sqrt(self._factors * (2.0 / self._outputs))
        result: Float64Array = scale[:, None]
        return result

    def residual_vector(self) -> Float64Array:
        """r (n,) with A.T @ r the gradient."""
        errors: Float64Array = self.outputs - self._targets
        return (self._root_factors * errors).ravel()

    def bend(self, v: Float64Array, share: float) -> Float64Array:
        """The second derivatives of r along v (n,)."""
        w, before = self._kept.w, self.outputs
        sides = [self._go(w + t * v).predict(self.data.x) for t in (share, -share)]
        second = (sides[0] - 2.0 * before + sides[1]) / share**2
        return (self._root_factors * second).ravel()

    def pull(self, u: Float64Array) -> Float64Array:
        """A.T @ u (P,): the gradient of a loss whose gradients by the outputs are u."""
        if self._giving is None:
            self._giving = _Placed(self.binding.twin(given_gradient=True))
            self._giving.write_all(self._variables, self._shapes)
        scaled = self._root_factors * u.reshape(-1, self._outputs)
        given = Data(self.data.x, scaled.reshape(len(self._rows), -1))
        _, pulled = self._go(self._kept.w, self._giving).gradient(given, self._rows, 0)
        result: Float64Array = pulled[self.is_free]
        return result


class _Lent:
    """The newest value of a weight, as a part of all of them."""

    def __init__(self, variable: Variable, part: slice) -> None:
        self.variable, self.seen = variable, -1
        self._part = part
        self.everything = np.zeros(0)

    def read(self) -> Float64Array:
        """That value, as a new array."""
        return self.everything[self._part].reshape(self.variable.shape).copy()


class _Placed:
    """An engine, and the weights w that it has been given (P,), if they are known."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.at: Float64Array | None = None

    def write_all(self, variables: list[Variable], shapes: list[tuple[int, ...]]) -> None:
        """Give it the model's parameters, those that are not trained, too."""
        for i, (variable, shape) in enumerate(zip(variables, shapes, strict=True)):
            self.engine.write_parameter(i, np.array(variable.value).reshape(shape))


class _Facts:
    """What is known of the loss at w; None: not yet."""

    def __init__(self, w: Float64Array) -> None:
        self.w = w
        self.loss: float | None = None
        self.outputs: Float64Array | None = None
        self.gradient: Float64Array | None = None
        self.operator: CurvatureOperator | None = None


class Stepper:
    """Runs the steps of an optimizer that moves the weights by itself, in a training that has
    begun.

    Raises
    ------
    ValueError
        If the model cannot be trained by it.
    """

    def __init__(self, model: CompiledModel, feed: Feed | None) -> None:
        check(model)
        assert isinstance(model.optimizer, SecondOrder)
        one_set = isinstance(feed, ArrayFeed) and feed.steps == 1
        if model.optimizer.whole_set and not (feed is None or one_set):
            raise ValueError(
                f"batch_size and steps_per_epoch must be None with {model.optimizer.name}, which "
                f"takes all samples at once, as arrays. Received: {feed.steps} steps an epoch"
            )
        self._model, self._optimizer = model, model.optimizer
        self._problem: BatchProblem | None = None
        self._warned = False
        self._optimizer.begin_run()

    def run(self, chunk: Chunk, record_outputs: bool, in_batches: bool) -> StepsResult:
        """One step on a chunk of one batch: the loss and outputs (B, ..., K) after it.

        in_batches: it is one of several, each of which has a loss of its own, so that nothing
        but a loss that is not finite ends the training.
        """
        model, data = self._model, chunk.data
        if chunk.order is not None:
            data = rows_of(data, chunk.order)
        # The model's own engine may lag behind: the problem has others.
        problem, settled = self._problem, model._binding if model._is_settled else None
        binding = settled or model._bind()
        if problem is None or problem.data is not data or problem.binding is not binding:
            problem = self._problem = BatchProblem(model, data)
            self._warn_of_few(problem)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            step = self._optimizer.go(problem, in_batches)
        model.stop_training = model.stop_training or self._optimizer.reason is not None
        outputs = None
        if record_outputs:
            outputs = problem.outputs.reshape(-1, *model.output_shape[1:])
        return StepsResult(np.array([step.loss]), outputs)

    def _warn_of_few(self, problem: BatchProblem) -> None:
        """Once in a training: a batch of fewer residuals than weights can be fitted, noise and
        all, if nothing but its squares is minimized."""
        optimizer, weights = self._optimizer, np.count_nonzero(problem.is_free)
        if self._warned or not isinstance(optimizer, LevenbergMarquardt):
            return
        penalized = problem.is_penalized or optimizer.regularization is not None
        if problem.residuals < weights and not penalized:
            self._warned = True
            warnings.warn(
                f"a batch of {len(problem.data.x)} has {problem.residuals} residuals, which "
                f"{weights} weights can fit whatever they are: take more samples (a larger "
                'batch_size), fewer weights, or regularization="bayesian"',
                stacklevel=2,
            )

    @property
    def logs(self) -> dict[str, float]:
        """What the optimizer tells of the epoch so far."""
        return self._optimizer.logs

    def end_epoch(self, loss: float) -> None:
        """An epoch of this mean loss is over."""
        self._optimizer.end_epoch(loss)
        self._model.stop_training = self._model.stop_training or self._optimizer.reason is not None

    def end(self, reason: str, progress: Progress) -> None:
        """The training is over, for this reason unless the optimizer has ended it."""
        result = self._optimizer.end_run(reason)
        if result is not None:
            told = f"{result.iterations} steps, {result.evaluations} losses"
            progress.note(f"{self._optimizer.name} ended: {result.reason} ({told})")


def rows_of(data: Data, rows: NDArray[np.int64]) -> Data:
    """Those samples as a set of their own."""
    weights = data.sample_weight
    x = data.x[rows] if isinstance(data.x, np.ndarray) else dense_rows(data.x, rows)
    return Data(x, data.targets[rows], None if weights is None else weights[rows], data.label_shape)
