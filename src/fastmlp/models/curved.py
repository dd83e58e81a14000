"""A model that can be differentiated, and asked how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _checks
from ..engine import Float64Array
from .feeding import FeedingModel

if TYPE_CHECKING:
    from .uncertainty import Covariance, Interval

# uncertainty.py is imported where it is used, as few programs need it.


class CurvedModel(FeedingModel):
    """A model with the derivatives of its outputs, and what follows from them."""

    def jacobian(self, x: Any, wrt: str = "inputs") -> Float64Array:
        """The derivatives of the outputs of x, without dropout.

        Parameters
        ----------
        x : array_like
            (N, ...) samples.
        wrt : {"inputs", "parameters"}
            By what.

        Returns
        -------
        ndarray
            (N, *outputs, *inputs), or with "parameters" (N, *outputs, P): by all elements of
            ``trainable_weights``, each row-major, one weight behind the other.

        Raises
        ------
        ValueError
            If x does not fit the model or ``wrt`` is neither.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1, kernel_initializer="ones")])
        >>> model.jacobian([[1.0, 2.0]])
        array([[[1., 1.]]])
        >>> model.jacobian([[1.0, 2.0]], wrt="parameters")
        array([[[1., 2., 1.]]])
        """
        if wrt not in ("inputs", "parameters"):
            raise ValueError(f'wrt must be "inputs" or "parameters". Received: wrt={wrt!r}')
        data = self._one_batch(self._checked_inputs(x))
        binding = self._bind()
        engine = binding.twin()
        for i, value in enumerate(binding.parameters()):
            engine.write_parameter(i, value)
        found: Float64Array = engine.jacobian(data.x, wrt)
        outputs = (len(data.x), *(size for size in self.output_shape[1:] if size is not None))
        if wrt == "inputs":
            return found.reshape(*outputs, *self._sample())
        roles = zip(self._parameters(), self._network().roles, strict=True)
        free = [np.full(v.size, v.trainable) for v, role in roles if role == "trained"]
        return found[:, :, np.concatenate([np.zeros(0, bool), *free])].reshape(*outputs, -1)

    def covariance(self, x: Any, y: Any, sample_weight: Any = None) -> Covariance:
        """The covariance of the trainable weights of a model that was fitted to these samples
        with the loss "mse": s^2 (J.T W J)^+, with the Jacobian J of the outputs by the weights,
        sample weights W and the residual variance s^2.

        After a fit by ``LevenbergMarquardt(regularization="bayesian")`` it is the inverse of
        2 beta J.T J + 2 alpha I instead, which networks should be given: their weights have
        directions that change no output.

        Parameters
        ----------
        x, y, sample_weight
            As for ``fit``.

        Returns
        -------
        Covariance
            ``matrix``, ``standard_errors``, ``rank``, ``residual_variance`` and
            ``degrees_of_freedom``.

        Raises
        ------
        ValueError
            If an argument is not as described, the loss is not "mse", or the model has
            regularizers.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
        >>> model.compile("lbfgs", "mse")
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.5, 1.5, 3.0]
        >>> history = model.fit(x, y, epochs=50, verbose=0)
        >>> model.covariance(x, y).standard_errors.round(3)
        array([0.212, 0.397])
        """
        from .uncertainty import covariance

        return covariance(self, self._one_batch(self._checked(x, y, sample_weight)))

    def predict_interval(
        self, x: Any, covariance: Covariance, confidence: float = 0.95, noise: bool = True
    ) -> Interval:
        """Outputs with intervals, by Student's t and the outputs' linear dependence on weights.

        Parameters
        ----------
        x : array_like
            (N, ...) samples.
        covariance : Covariance
            From :meth:`covariance`.
        confidence : float
            In (0, 1): the share of intervals that hold what they are for.
        noise : bool
            Whether that is a new y, or the mean of many at this x.

        Returns
        -------
        Interval
            ``prediction``, ``lower`` and ``upper``, each as from ``predict``.

        Raises
        ------
        ValueError
            If an argument is not as described.
        ImportError
            If SciPy is not installed.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
        >>> model.compile("lbfgs", "mse")
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.5, 1.5, 3.0]
        >>> history = model.fit(x, y, epochs=50, verbose=0)
        >>> found = model.predict_interval([[1.0]], model.covariance(x, y))
        >>> found.lower.round(2), found.upper.round(2)
        (array([[-1.28]]), array([[3.38]]))
        """
        from .uncertainty import interval

        confidence = _checks.number("confidence", confidence)
        if not 0.0 < confidence < 1.0:
            raise ValueError(
                f"confidence must be a number between 0 and 1. Received: confidence={confidence}"
            )
        return interval(self, x, covariance, confidence, _checks.boolean("noise", noise))
