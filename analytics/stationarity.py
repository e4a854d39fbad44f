"""Does a deviation die out? Unit-root and cointegration tests with their p-values, and the half-life.

Holds the only link to statsmodels' MacKinnon tables; the regressions are ours, because the desk runs them thousands
of times and to the bit. ``rolling_eg`` does the same for every row of a history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import ndtr
from statsmodels.tsa import adfvalues

from analytics.dickey_fuller import aic_lags, level_t
from core.errors import DataError, DegenerateData, NotEnoughData
from core.types import Floats

# statsmodels' coint calls two series collinear from this share of unexplained variance down, and so do we.
COLLINEAR: Final = 100 * float(np.sqrt(np.finfo(np.float64).eps))

Trend = Literal["c", "n"]


@dataclass(frozen=True, slots=True)
class TestResult:
    """A unit-root or cointegration test. ``null`` states what a small p-value speaks against."""

    __test__ = False  # not a pytest class
    stat: float
    pvalue: float
    lags: int
    nobs: int
    null: str


@dataclass(frozen=True, slots=True)
class HalfLife:
    """Bars until half of a deviation is gone, with a 95 % interval; infinite where nothing reverts."""

    bars: float
    low: float
    high: float


def adf(series: Floats, lags: int | None = None, trend: Trend = "c") -> TestResult:
    """Augmented Dickey-Fuller test of one series.

    Parameters
    ----------
    series : (n,) float
        Any unit; evenly spaced, oldest first.
    lags : int, optional
        Lagged differences in the regression. None: chosen by AIC among 0 … ⌈12 (n/100)^¼⌉, all fitted to the same
        observations, as ``adfuller`` does by default.
    trend : "c" or "n"
        With a constant, or without.

    Returns
    -------
    TestResult
        Equal to ``adfuller(series, maxlag, trend, autolag, result_object=True)`` within rounding.

    Raises
    ------
    ValueError
        For another trend, or ``lags < 0``.
    NotEnoughData
        Fewer observations than the regression needs.
    DegenerateData
        Flat, not finite, or explained without remainder.

    Notes
    -----
    Dickey and Fuller (1979); Schwert (1989) for the lag limit; p-values MacKinnon (1994, 2010).
    The table is for a series that was observed. For the residual of a fitted hedge use ``engle_granger``: this one
    then rejects three times too often.
    """
    if trend not in {"c", "n"}:
        raise ValueError(f"trend must be 'c' or 'n', was {trend!r}")
    if lags is not None and lags < 0:
        raise ValueError(f"lags must be >= 0, was {lags}")
    return _adf(_one_series(series)[None], lags, trend)[0]


def adf_each(series: Floats) -> list[TestResult | None]:
    """``adf`` of each row of (m, n), to the bit; None where it is undefined."""
    return _each(lambda rows: _adf(rows, None, "c"), series)


def _adf(e: Floats, lags: int | None, trend: Trend) -> list[TestResult]:
    n, constant = e.shape[1], trend == "c"
    longest = _longest_lag(n, constant)
    if longest < 0 or (lags is not None and lags > longest):
        raise NotEnoughData(needed=2 * ((lags or 0) + constant + 1), got=n)
    _refuse_flat(e, "it has no unit root to test")
    if constant:
        e = e - e.mean(axis=1, keepdims=True)  # changes nothing but the rounding
    chosen = aic_lags(e, _schwert(n, longest), constant) if lags is None else np.full(len(e), lags)
    stat, nobs = np.empty(len(e)), np.empty(len(e), np.int64)
    for used in np.unique(chosen).tolist():
        which = chosen == used
        stat[which], nobs[which] = level_t(e[which], used, constant)
    rows = zip(stat.tolist(), mackinnon_p(stat, 1, trend).tolist(), chosen.tolist(), nobs.tolist(), strict=True)
    return [TestResult(*row, "unit root") for row in rows]


def engle_granger(y: Floats, x: Floats, lags: int = 2) -> TestResult:
    """Engle-Granger test: is there a β for which y − βx keeps coming back?

    OLS of y on x with a constant, then Dickey-Fuller of its residual without constant, with the table for a residual
    that was made as small as it can be. Exactly 2 lags hold the test's size under bid-ask bounce.

    Parameters
    ----------
    y, x : (n,) float
        Log prices, oldest first. Which is y matters a little.
    lags : int
        Lagged differences of the residual, >= 0.

    Returns
    -------
    TestResult
        Equal to ``coint(y, x, trend="c", maxlag=lags, autolag=None)`` within rounding.

    Raises
    ------
    NotEnoughData, DegenerateData
        Too short; flat, not finite, or x explains y all but perfectly (1 − R² <= 1.5e-6): nothing is left to test.

    Notes
    -----
    Engle and Granger (1987); MacKinnon (1994, 2010), two series, constant.
    """
    y, x = _one_series(y, "y"), _one_series(x, "x")
    if len(y) != len(x):
        raise ValueError(f"y and x must have equal length, were {len(y)} and {len(x)}")
    if lags < 0:
        raise ValueError(f"lags must be >= 0, was {lags}")
    if lags > _longest_lag(len(y), constant=False):
        raise NotEnoughData(needed=2 * (lags + 1), got=len(y))
    if y.max() == y.min() or x.max() == x.min():
        raise DegenerateData("a series is flat: no relationship can be tested")
    dy, dx = y - y.mean(), x - x.mean()
    beta = (dy * dx).sum() / (dx * dx).sum()
    e = dy - beta * dx
    if not (e * e).sum() > COLLINEAR * (dy * dy).sum():
        raise DegenerateData("one series explains the other without remainder: nothing is left to test")
    (stat,), nobs = level_t(e[None], lags, constant=False)
    return TestResult(float(stat), float(mackinnon_p(stat, 2)), lags, nobs, "no cointegration")


def half_life(series: Floats) -> HalfLife:
    """How many bars until half of a deviation is gone, if the series reverts at all.

    AR(1): Δe = c + φ e₋₁ + noise, half-life = −ln 2 / ln(1 + φ), with φ ± 1.96 standard errors for the interval.
    Infinite where φ >= 0; 0 where φ <= −1. Pure noise shows one too (a median of n/11.5 bars for a random walk), so
    that it means something only for a series that passed a test.

    Raises
    ------
    NotEnoughData, DegenerateData
        Fewer than 4 values; flat or not finite.
    """
    e = _one_series(series)
    if len(e) < 4:
        raise NotEnoughData(needed=4, got=len(e))
    level, change = e[:-1] - e[:-1].mean(), np.diff(e)
    change = change - change.mean()
    if e[:-1].max() == e[:-1].min():
        raise DegenerateData("the series is flat: nothing can revert")
    sxx = (level * level).sum()
    phi = (level * change).sum() / sxx
    rest = change - phi * level
    se = np.sqrt((rest * rest).sum() / (len(level) - 2) / sxx)
    return HalfLife(_bars(phi), _bars(phi - 1.96 * se), _bars(phi + 1.96 * se))


def kpss(series: Floats) -> TestResult:
    """KPSS test: here the null is that the series *is* stationary, so a small p speaks against it.

    Level version, Bartlett weights, lags by Hobijn, Franses and Ooms (1998), as ``kpss(series, "c", "auto")``. The
    published table ends at .01 and .10: a p of .10 reads ".10 or more".

    Raises
    ------
    NotEnoughData, DegenerateData
    """
    return _kpss(_one_series(series)[None])[0]


def kpss_each(series: Floats) -> list[TestResult | None]:
    """``kpss`` of each row of (m, n), to the bit; None where it is undefined."""
    return _each(_kpss, series)


def _kpss(e: Floats) -> list[TestResult]:
    n = e.shape[1]
    if n < 10:
        raise NotEnoughData(needed=10, got=n)
    _refuse_flat(e, "the test is undefined")
    e = e - e.mean(axis=1, keepdims=True)

    def autocovariance(lag: int) -> Floats:
        total: Floats = (e[:, lag:] * e[:, : n - lag]).sum(axis=1)
        return total

    variance = autocovariance(0)
    s0, s1 = variance / n, np.zeros(len(e))
    for lag in range(1, int(n ** (2.0 / 9.0)) + 1):
        c = autocovariance(lag) / (n / 2.0)
        s0 += c
        s1 += lag * c
    lags = [min(int(1.1447 * (ratio**2) ** (1.0 / 3.0) * n ** (1.0 / 3.0)), n - 1) for ratio in (s1 / s0).tolist()]
    weighed = np.array(lags)
    for lag in range(1, max(lags) + 1):
        variance += np.where(lag <= weighed, 2.0 * autocovariance(lag) * (1.0 - lag / (weighed + 1.0)), 0.0)
    walk = np.cumsum(e, axis=1)
    stat = (walk * walk).sum(axis=1) / n**2 / (variance / n)
    pvalue = np.interp(stat, [0.347, 0.463, 0.574, 0.739], [0.10, 0.05, 0.025, 0.01])
    return [TestResult(*row, n, "stationary") for row in zip(stat.tolist(), pvalue.tolist(), lags, strict=True)]


def lag_limit(n: int) -> int:
    """The most lagged differences that ``adf`` considers for n values when AIC chooses."""
    return _schwert(n, _longest_lag(n, constant=True))


def mackinnon_p(stat: Floats | float, series: int, trend: Trend = "c") -> Floats:
    """MacKinnon's p-value of Dickey-Fuller statistics for 1 (ADF) or 2 (Engle-Granger) series; NaN stays NaN."""
    t = np.asarray(stat, np.float64)
    i = series - 1
    small = np.polynomial.polynomial.polyval(t, adfvalues._tau_smallps[trend][i])
    large = np.polynomial.polynomial.polyval(t, adfvalues._tau_largeps[trend][i])
    p = ndtr(np.where(t <= adfvalues._tau_stars[trend][i], small, large))
    p = np.where(t > adfvalues._tau_maxs[trend][i], 1.0, p)
    p = np.where(t < adfvalues._tau_mins[trend][i], 0.0, p)
    out: Floats = np.where(np.isnan(t), np.nan, p)
    return out


def _each(test: Callable[[Floats], list[TestResult]], series: Floats) -> list[TestResult | None]:
    try:
        return [*test(series)] if len(series) else []
    except DataError:  # of one of them: the others have theirs all the same
        if len(series) == 1:
            return [None]
        return [result for row in series for result in _each(test, row[None])]


def _refuse_flat(e: Floats, so: str) -> None:
    if (e.max(axis=1) == e.min(axis=1)).any():
        raise DegenerateData(f"the series is flat: {so}")


def _one_series(series: Floats, name: str = "series") -> Floats:
    e = np.ascontiguousarray(series, dtype=np.float64)
    if e.ndim != 1:
        raise ValueError(f"{name} must be 1-D, had {e.ndim} dimensions")
    if not np.isfinite(e).all():
        raise DegenerateData(f"{name} holds a value that is not finite")
    return e


def _bars(phi: float) -> float:
    if phi >= 0:
        return float("inf")
    return 0.0 if phi <= -1 else float(-np.log(2.0) / np.log1p(phi))


def _longest_lag(n: int, constant: bool) -> int:
    return n // 2 - int(constant) - 1


def _schwert(n: int, longest: int) -> int:
    return min(longest, int(np.ceil(12.0 * (n / 100.0) ** 0.25)))
