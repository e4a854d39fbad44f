"""How much X hedges one Y: the methods on offer, each ``(y, x) -> HedgeFit``.

The evidence test and z always use least squares; the other methods change the β that is traded, and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import theilslopes

from core.errors import DegenerateData, NotEnoughData
from core.types import Floats

MIN_ROWS: Final = 10
HUBER_K: Final = 1.345  # 95 % of least squares' efficiency under normal noise
MAD_TO_SD: Final = 0.6744897501960817  # of a normal distribution
SEN_ROWS: Final = 1500  # all pairs of more rows would fill the memory: then evenly spaced rows are taken


@dataclass(frozen=True, slots=True)
class HedgeFit:
    """A line y = α + β x through one window."""

    alpha: float
    beta: float
    beta_se: float  # standard error, for uncorrelated residuals; of the newest β for the Kalman filter
    resid_sd: float  # of y − α − βx over the window, n − 2 degrees of freedom
    method: str


def ols(y: Floats, x: Floats) -> HedgeFit:
    """Ordinary least squares: all noise is in y."""
    y, x, dy, dx = _legs(y, x)
    sxx = float((dx * dx).sum())
    beta = float((dy * dx).sum()) / sxx
    rest = dy - beta * dx
    return _line(y, x, beta, np.sqrt((rest * rest).sum() / (len(y) - 2) / sxx), "ols")


def total_least_squares(y: Floats, x: Floats) -> HedgeFit:
    """Orthogonal regression: noise in both legs alike, so that swapping them inverts β exactly.

    Standard error from the angle of the first principal axis (Anderson 1963).
    """
    y, x, dy, dx = _legs(y, x)
    yy, xx, xy = (dy * dy).sum(), (dx * dx).sum(), (dy * dx).sum()
    if xy == 0.0:
        raise DegenerateData("the legs are uncorrelated: no axis is longer")
    half = (yy - xx) / 2.0
    root = float(np.hypot(half, xy))
    beta = float((half + root) / xy)
    long, short = (yy + xx) / 2.0 + root, max(0.0, (yy + xx) / 2.0 - root)
    angle_sd = float(np.sqrt(long * short / len(y))) / (long - short)
    return _line(y, x, beta, (1.0 + beta * beta) * angle_sd, "tls")


def huber(y: Floats, x: Floats) -> HedgeFit:
    """Huber's M-estimator, k = 1.345, scale by the median absolute residual: a few wild candles weigh little.

    Iteratively reweighted least squares (Huber 1964, 1981 for the standard error), as ``statsmodels.RLM``.
    """
    y, x, dy, dx = _legs(y, x)
    n = len(y)
    design = np.stack((np.ones(n), dx))
    intercept, beta = 0.0, float((dy * dx).sum() / (dx * dx).sum())
    scale = 0.0
    for _ in range(200):
        resid = dy - intercept - beta * dx
        scale = float(np.median(np.abs(resid))) / MAD_TO_SD
        if scale <= 1e-12 * float(np.sqrt((dy * dy).mean())):
            return _line(y, x, beta, 0.0, "huber", intercept)  # a line through more than half of the points
        weight = np.minimum(1.0, HUBER_K * scale / np.maximum(np.abs(resid), 1e-300))
        mean_x, mean_y = (weight * dx).sum() / weight.sum(), (weight * dy).sum() / weight.sum()
        last = beta
        beta = float((weight * (dx - mean_x) * (dy - mean_y)).sum() / (weight * (dx - mean_x) ** 2).sum())
        intercept = float(mean_y - beta * mean_x)
        if abs(beta - last) <= 1e-12 * max(1.0, abs(beta)):
            break
    standard = (dy - intercept - beta * dx) / scale
    inside = np.abs(standard) <= HUBER_K
    psi = np.clip(standard, -HUBER_K, HUBER_K)
    share = float(inside.mean())
    correction = 1.0 + len(design) / n * float(inside.var()) / share**2
    variance = correction**2 * float((psi * psi).sum()) / (n - 2) * scale**2 / share**2 / float((dx * dx).sum())
    return _line(y, x, beta, np.sqrt(variance), "huber", intercept)


def theil_sen(y: Floats, x: Floats) -> HedgeFit:
    """Median of the slopes between all pairs of candles: stands 29 % of wild ones (Theil 1950, Sen 1968).

    Of more than 1,500 rows an evenly spaced choice is used. The standard error is Sen's 95 % interval over 3.92.
    """
    y, x, dy, dx = _legs(y, x)
    step = -(-len(y) // SEN_ROWS)
    slope, _, low, high = theilslopes(dy[::-step], dx[::-step], alpha=0.95)
    beta = float(slope)
    return _line(y, x, beta, (high - low) / (2.0 * 1.959964), "theil_sen", float(np.median(dy - beta * dx)))


def kalman(y: Floats, x: Floats) -> HedgeFit:
    """A hedge ratio that drifts: see ``analytics.kalman``."""
    from analytics.kalman import drifting_hedge  # statsmodels' state space takes a second to import

    y, x, dy, dx = _legs(y, x)
    start = ols(y, x)
    if start.resid_sd <= 1e-9 * float(np.sqrt((dy * dy).mean())):
        return HedgeFit(start.alpha, start.beta, 0.0, start.resid_sd, "kalman")  # nothing is left to filter
    above_means, beta, beta_se = drifting_hedge(dy, dx, start.beta, start.beta_se, start.resid_sd)
    return _line(y, x, beta, beta_se, "kalman", above_means)


METHODS: Final[Mapping[str, Callable[[Floats, Floats], HedgeFit]]] = {
    "ols": ols,
    "tls": total_least_squares,
    "huber": huber,
    "theil_sen": theil_sen,
    "kalman": kalman,
}
TITLES: Final[Mapping[str, str]] = {
    "ols": "Least squares",
    "tls": "Total least squares",
    "huber": "Huber",
    "theil_sen": "Theil-Sen",
    "kalman": "Kalman filter",
}


def _legs(y: Floats, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Both legs as arrays of numbers, so that rows are paired by their order, and less their means."""
    y, x = np.asarray(y, np.float64), np.asarray(x, np.float64)
    if y.ndim != 1 or y.shape != x.shape:
        raise ValueError(f"y and x must be 1-D and of equal length, were {y.shape} and {x.shape}")
    if len(y) < MIN_ROWS:
        raise NotEnoughData(needed=MIN_ROWS, got=len(y))
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise DegenerateData("a leg holds a value that is not finite")
    if y.max() == y.min() or x.max() == x.min():
        raise DegenerateData("a leg is flat: no hedge ratio can be told")
    return y, x, y - y.mean(), x - x.mean()


def _line(y: Floats, x: Floats, beta: float, beta_se: float, method: str, above_means: float = 0.0) -> HedgeFit:
    """The line of slope β that passes ``above_means`` over the means."""
    rest = (y - y.mean()) - beta * (x - x.mean()) - above_means
    sd = float(np.sqrt((rest * rest).sum() / (len(y) - 2)))
    return HedgeFit(float(y.mean() - beta * x.mean()) + above_means, beta, float(beta_se), sd, method)
