"""The inverse of the normal distribution function, the same bits on every machine.

Only exactly rounded operations are used (+, -, *, /, square root, frexp), not NumPy's or the C
library's logarithm, whose last bits differ between versions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


def _log(x: Float64Array) -> Float64Array:
    """Natural logarithm of x > 0 to about 1 ulp, from exactly rounded operations.

    x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1) / (m + 1), by its
    power series: |s| < 0.172, so eleven terms reach 2^-57. ln 2 is split as in fdlibm's e_log.c.
    """
    m, e = np.frexp(x)
    low = m < math.sqrt(0.5)
    m = np.where(low, 2.0 * m, m)
    e = np.where(low, e - 1, e).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = np.zeros_like(s)
    for n in range(21, 1, -2):
        series = (series + 1.0 / n) * square
    logarithm: Float64Array = e * 6.93147180369123816490e-01 + (
        e * 1.90821492927058770002e-10 + (2.0 * s + 2.0 * s * series)
    )
    return logarithm


def _ratio(
    x: Float64Array, numerator: tuple[float, ...], denominator: tuple[float, ...]
) -> Float64Array:
    """Quotient of two polynomials in x, coefficients from the highest power down."""
    above, below = np.zeros_like(x), np.zeros_like(x)
    for a, b in zip(numerator, denominator, strict=True):
        above, below = above * x + a, below * x + b
    quotient: Float64Array = above / below
    return quotient


# Coefficients of AS241, highest power first: centre, tail, far tail.
_CENTRE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_TAIL = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
_FAR_TAIL = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)


def normal_quantile(p: Float64Array) -> Float64Array:
    """The x with Phi(x) = p, for p in (0, 1), elementwise, to about 1e-15 relative.

    Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution",
    Applied Statistics 37 (1988), routine PPND16.

    Examples
    --------
    >>> import numpy as np
    >>> normal_quantile(np.array([0.5]))
    array([0.])
    """
    q = p - 0.5
    centre = q * _ratio(0.180625 - q * q, *_CENTRE)
    r = np.sqrt(-_log(np.minimum(p, 1.0 - p)))
    tail = np.where(r <= 5.0, _ratio(r - 1.6, *_TAIL), _ratio(r - 5.0, *_FAR_TAIL))
    return np.where(np.abs(q) <= 0.425, centre, np.copysign(tail, q))
