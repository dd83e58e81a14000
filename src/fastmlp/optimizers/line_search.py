"""The search of a step along a direction that Moré and Thuente have found.

Source: Moré and Thuente, "Line search algorithms with guaranteed sufficient decrease", ACM
Transactions on Mathematical Software 20(3), 1994.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

_DECREASE, _CURVATURE = 1e-4, 0.9  # of Wolfe's two conditions
# Where losses differ by no more than this share, their slopes tell what they cannot: Hager and
# Zhang's approximate conditions, SIAM Journal on Optimization 16(1), 2005.
_FLOOR = 1e-13
_NARROW = 0.1  # an interval is as good as its best end at this share of its upper end
_SHRINK = 0.66  # how much shorter an interval must become
_LONGEST = 1e10


class Point(NamedTuple):
    """A step t along the direction, the loss there and its slope by t."""

    t: float
    loss: float
    slope: float


def search(at: Callable[[float], Point], start: Point, t: float, most: int) -> Point | None:
    """A point of Wolfe's strong conditions, or, after ``most`` points, the best that was found;
    None if there is no better one than ``start``, at t = 0.

    Parameters
    ----------
    at : callable
        t to its point.
    start : Point
        Its slope is negative.
    t : float
        The first to try; positive.
    most : int
        How many points to ask for.
    """
    test = _DECREASE * start.slope
    best = other = start
    bracketed, first_stage, farthest = False, True, _LONGEST
    width, before = farthest, 2.0 * farthest
    low, high = 0.0, 5.0 * t
    for _ in range(most):
        p = at(t)
        if not (math.isfinite(p.loss) and math.isfinite(p.slope)):
            farthest = t
            t = best.t + _NARROW * (t - best.t)
            high = min(high, farthest)
            continue
        enough = p.loss <= start.loss + p.t * test
        if enough and abs(p.slope) <= -_CURVATURE * start.slope:
            return p
        if abs(p.loss - start.loss) <= _FLOOR * abs(start.loss) and (
            _CURVATURE * start.slope <= p.slope <= (2.0 * _DECREASE - 1.0) * start.slope
        ):
            return p
        if enough and p.t >= farthest and p.slope <= test:
            break
        if first_stage and enough and p.slope >= 0.0:
            first_stage = False
        points = (best, other, p)
        if first_stage and not enough and p.loss <= best.loss:
            # less the line of sufficient decrease, whose minimum is sought first
            a, b, c = (Point(q.t, q.loss - q.t * test, q.slope - test) for q in points)
            points = (a, b, c)
        t, bracketed = _next(*points, bracketed, low, high)
        if points[2].loss > points[0].loss:
            other = p
        else:
            if points[2].slope * points[0].slope < 0.0:
                other = best
            best = p
        if bracketed:
            span = abs(other.t - best.t)
            if span >= _SHRINK * before:
                t = best.t + 0.5 * (other.t - best.t)
            before, width = width, span
            low, high = min(best.t, other.t), max(best.t, other.t)
            if not low < t < high or high - low <= _NARROW * high:
                break
        else:
            low, high = t + 1.1 * (t - best.t), t + 4.0 * (t - best.t)
        t = min(t, farthest)
    return best if best.loss < start.loss else None


def _next(
    x: Point, y: Point, p: Point, bracketed: bool, low: float, high: float
) -> tuple[float, bool]:
    """The next t to try, and whether a minimum lies between ends that are known: from the best
    end x, the other one y, and the point p tried last, by cubics and quadratics through them."""
    opposed = p.slope * x.slope < 0.0
    back = x.t - p.t
    if p.loss > x.loss:  # a minimum lies between
        cubic = x.t - _cubic(x, p) * back
        rise = (x.loss - p.loss) / -back
        parabola = x.t - x.slope / (rise + x.slope) / 2.0 * back
        if abs(cubic - x.t) < abs(parabola - x.t):
            return cubic, True
        return cubic + (parabola - cubic) / 2.0, True
    secant = p.t + p.slope / (p.slope - x.slope) * back if p.slope != x.slope else high
    if opposed:  # so it does here
        cubic = p.t + _cubic(p, x) * back
        return (cubic if abs(cubic - p.t) > abs(secant - p.t) else secant), True
    if abs(p.slope) < abs(x.slope):  # it is ahead, where the cubic has it if it has one there
        share = _cubic(p, x, ahead=True)
        cubic = p.t + share * back if share < 0.0 else (high if p.t > x.t else low)
        if not bracketed:
            t = cubic if abs(cubic - p.t) > abs(secant - p.t) else secant
            return max(low, min(high, t)), False
        t = cubic if abs(cubic - p.t) < abs(secant - p.t) else secant
        limit = p.t + _SHRINK * (y.t - p.t)
        return (min(limit, t) if p.t > x.t else max(limit, t)), True
    if bracketed:
        return p.t + _cubic(p, y) * (y.t - p.t), True
    return (high if p.t > x.t else low), False


def _cubic(a: Point, b: Point, ahead: bool = False) -> float:
    """Where, as a share of the way from a to b, the cubic through both has its minimum; with
    ``ahead`` 0 if it has none."""
    theta = 3.0 * (a.loss - b.loss) / (b.t - a.t) + a.slope + b.slope
    size = max(abs(theta), abs(a.slope), abs(b.slope))
    if size == 0.0:
        return 0.0
    under = (theta / size) ** 2 - (a.slope / size) * (b.slope / size)
    gamma = size * math.sqrt(max(under, 0.0))
    if b.t < a.t:
        gamma = -gamma
    if ahead:
        if gamma == 0.0:
            return 0.0
        return ((gamma - a.slope) + theta) / ((gamma + (b.slope - a.slope)) + gamma)
    return ((gamma - a.slope) + theta) / (((gamma - a.slope) + gamma) + b.slope)
