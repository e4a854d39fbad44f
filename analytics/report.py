"""analyse(): the whole pipeline, confirmed candles of two legs in, one PairReport out. Pure and causal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from analytics.correlation import log_returns, rolling_correlation
from analytics.hedge import METHODS, HedgeFit
from analytics.params import RELATED_P, Params
from analytics.rolling import Fits, eg_rows, fit_rows, residuals_at
from analytics.stationarity import HalfLife, TestResult, adf, half_life, kpss
from analytics.zscore import residual_zscore
from core.errors import DataError
from core.types import Bools, Candles, Floats, Ints

__all__ = ["EG_LAGS", "HalfLife", "PairReport", "TestResult", "analyse"]

T = TypeVar("T")
Detail = Literal["all", "newest", "history"]
EG_LAGS = 2  # one lag takes bid-ask bounce for mean reversion; exactly two hold the test's size


def _no_floats() -> Floats:
    return np.empty(0)


def _no_ints() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PairReport:
    """All that is known of a pair at its newest aligned confirmed candle; rows are as they were known then.

    Row arrays have length n (aligned candles given), oldest first, NaN where a row's own window was not full.
    ``spread[i]`` and ``z[i]`` belong to the fit of the N candles that end at i: nothing here repaints. A row is a
    function of its own window's candles alone, so that it is the same to the bit however much history was given
    (``unchanged`` of the very first row excepted: what came before it is not known).
    """

    symbol_y: str
    symbol_x: str
    params: Params
    open_ms: Ints  # (n,) aligned candle opens
    y: Floats  # (n,) closes of Y, quote currency
    x: Floats  # (n,) closes of X
    alpha: Floats  # (n,) log units (or price units when params.price_units)
    beta: Floats  # (n,) hedge ratio: notional ratio in logs, units of X per unit of Y in prices
    beta_se: Floats  # (n,)
    resid_sd: Floats  # (n,) residual sd of the fit, N − 2 degrees of freedom
    spread: Floats  # (n,) last residual of the row's own fit
    z: Floats  # (n,) spread / resid_sd: the z of the evidence rule
    z_mean: Floats  # (n,) mean of the row's own residuals over its last W bars
    z_sd: Floats  # (n,) their standard deviation
    z_roll: Floats  # (n,) (spread − z_mean) / z_sd: the trader's timing view
    corr: Floats  # (n,) correlation of log returns over W bars
    unchanged_y: Bools  # (n,) close equal to the leg's previous candle's
    unchanged_x: Bools
    have_bars: int  # aligned candles available
    need_bars: int  # N + N/4
    incomplete: int  # intervals known to be incomplete in the last need_bars span, either leg
    stale_share: float  # worse leg's share of that span's intervals without a candle or with an unchanged close
    engle_granger: TestResult | None  # log residual of the last fit, exactly 2 lags; None where undefined
    adf: TestResult | None  # plain ADF on the last fit's residuals (informing; the Classic preset's test)
    half_life: HalfLife | None  # only where the check "related" passes
    persistence: Floats  # (6,) Engle-Granger p of the windows ended j·N/20 candles ago, j = 0…5; NaN where short
    log_fits: Fits = field(
        default_factory=Fits.empty
    )  # the rule's own fit, always in logs; the rows above are the same unless params.price_units
    eg_stat: Floats = field(default_factory=_no_floats)  # (n,) Engle-Granger of each row's window
    eg_pvalue: Floats = field(default_factory=_no_floats)
    stale_rows: Floats = field(default_factory=_no_floats)  # (n,) stale_share as of each row; NaN until need_bars rows
    incomplete_rows: Ints = field(default_factory=_no_ints)  # (n,) incomplete as of each row; −1 until need_bars rows
    kpss: TestResult | None = None  # of the last fit's residuals (informing)
    hedge: HedgeFit | None = None  # by params.method, over the last fit's window: the β that is traded
    newest_y_ms: int | None = None  # each leg's own newest candle, aligned or not
    newest_x_ms: int | None = None

    @property
    def newest_ms(self) -> int | None:
        """Open time of the newest aligned candle."""
        return int(self.open_ms[-1]) if len(self.open_ms) else None

    @property
    def pair(self) -> str:
        """The pair's name, Y first."""
        return f"{self.symbol_y}/{self.symbol_x}"

    @property
    def step_ms(self) -> int:
        """Length of an interval."""
        return self.params.timeframe_s * 1000


def analyse(
    candles_y: Candles,
    candles_x: Candles,
    params: Params,
    incomplete_ms: Ints | None = None,
    *,
    detail: Detail = "all",
) -> PairReport:
    """Align two legs on their open times and evaluate the rule's statistics at every row.

    Parameters
    ----------
    candles_y, candles_x : Candles
        Confirmed and complete candles of ``params.timeframe_s``, by time. Nothing is filled: a row is an interval in
        which both legs traded.
    params : Params
    incomplete_ms : (k,) int, optional
        Open times of intervals known to be incomplete in either leg. They have no candle; the clean-data check counts
        them.

    Returns
    -------
    PairReport
        With fewer candles than N all statistics are NaN or None; nothing is raised for want of data.

    Raises
    ------
    ValueError
        For one symbol twice, candles of another timeframe, off its grid, out of order or two of one time, a close that
        is no price, or an unknown hedge method.
    """
    if params.method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, was {params.method!r}")
    for candles in (candles_y, candles_x):
        if candles.timeframe_s != params.timeframe_s:
            raise ValueError(f"candles must be of {params.timeframe_s} s, were of {candles.timeframe_s} s")
        if len(candles) and not (candles.close.min() > 0 and candles.close.max() < np.inf):
            raise ValueError(f"closes of {candles.symbol} must be finite and > 0")
        if (np.diff(candles.open_ms) <= 0).any():
            raise ValueError(f"opens of {candles.symbol} must increase")
        if (candles.open_ms % (params.timeframe_s * 1000)).any():
            raise ValueError(f"opens of {candles.symbol} must be whole multiples of {params.timeframe_s} s")
    if candles_y.symbol == candles_x.symbol:
        raise ValueError(f"Y and X must be two symbols, were both {candles_y.symbol}")

    step_ms = params.timeframe_s * 1000
    open_ms, at_y, at_x = _aligned(candles_y.open_ms, candles_x.open_ms)
    if detail == "newest":
        open_ms, at_y, at_x = (rows[-params.need_bars :] for rows in (open_ms, at_y, at_x))
    y, x = candles_y.close[at_y], candles_x.close[at_x]
    slots = open_ms // step_ms
    bars, n = params.fit_bars, len(open_ms)

    log_y, log_x = np.log(y), np.log(x)
    log_fits = fit_rows(log_y, log_x, bars, slots)
    shown_y, shown_x = (y, x) if params.price_units else (log_y, log_x)
    shown = fit_rows(y, x, bars, slots) if params.price_units else log_fits
    eg_stat = eg_pvalue = z_roll = z_mean = z_sd = corr = np.full(n, np.nan)
    if detail != "history":
        only = 1 if detail == "newest" else None
        eg_stat, eg_pvalue = eg_rows(log_y, log_x, log_fits, slots, EG_LAGS, _checkpoints(n, bars) if only else None)
        z_roll, z_mean, z_sd = residual_zscore(shown_y, shown_x, shown, params.z_bars, slots, only)
        corr, tail = corr.copy(), slice(max(0, n - params.z_bars) if only else 0, n)
        corr[tail] = rolling_correlation(log_returns(y)[tail], log_returns(x)[tail], params.z_bars, slots[tail])
    related = n > 0 and bool(eg_pvalue[-1] < RELATED_P)
    residuals = residuals_at(shown_y, shown_x, shown, -1) if detail != "history" else None

    unchanged_y, unchanged_x = _unchanged(candles_y.close), _unchanged(candles_x.close)
    span = min(params.need_bars, n)
    stale = _stale_rows(open_ms, step_ms, span, (at_y, at_x), (unchanged_y, unchanged_x))
    holes = np.unique(incomplete_ms) if incomplete_ms is not None else np.empty(0, np.int64)
    incomplete = _incomplete_rows(open_ms, span, holes)
    full = n >= params.need_bars
    return PairReport(
        symbol_y=candles_y.symbol,
        symbol_x=candles_x.symbol,
        params=params,
        open_ms=open_ms,
        y=y,
        x=x,
        alpha=shown.alpha,
        beta=shown.beta,
        beta_se=shown.beta_se,
        resid_sd=shown.resid_sd,
        spread=shown.spread,
        z=shown.z,
        z_mean=z_mean,
        z_sd=z_sd,
        z_roll=z_roll,
        corr=corr,
        unchanged_y=unchanged_y[at_y],
        unchanged_x=unchanged_x[at_x],
        have_bars=n,
        need_bars=params.need_bars,
        incomplete=int(incomplete[-1]) if n else 0,
        stale_share=float(stale[-1]) if n else 0.0,
        engle_granger=_last_test(eg_stat, eg_pvalue, bars),
        adf=_or_none(adf, residuals),
        half_life=_or_none(half_life, residuals) if related else None,
        kpss=_or_none(kpss, residuals),
        persistence=_persistence(eg_pvalue, bars),
        log_fits=log_fits,
        eg_stat=eg_stat,
        eg_pvalue=eg_pvalue,
        stale_rows=stale if full else np.full(n, np.nan),
        incomplete_rows=incomplete if full else np.full(n, -1),
        hedge=_hedge(shown_y, shown_x, shown, params) if detail != "history" else None,
        newest_y_ms=int(candles_y.open_ms[-1]) if len(candles_y) else None,
        newest_x_ms=int(candles_x.open_ms[-1]) if len(candles_x) else None,
    )


def _aligned(a: Ints, b: Ints) -> tuple[Ints, Ints, Ints]:
    """Opens that both legs have, and the rows at which each has them."""
    if np.array_equal(a, b):  # as good as always
        at = np.arange(len(a))
        return a.copy(), at, at
    return np.intersect1d(a, b, assume_unique=True, return_indices=True)


def _unchanged(close: Floats) -> Bools:
    same = np.zeros(len(close), np.bool_)
    same[1:] = close[1:] == close[:-1]
    return same


def _stale_rows(
    open_ms: Ints, step_ms: int, span: int, at: tuple[Ints, Ints], unchanged: tuple[Bools, Bools]
) -> Floats:
    """Worse leg's stale share over the ``span`` aligned rows that end at each row; NaN for the first ones.

    The span's first interval is left out: whether its close changed depends on a candle before the span.
    """
    n = len(open_ms)
    out = np.full(n, np.nan)
    if n == 0 or span < 2:
        out[:] = 0.0
        return out
    i = np.arange(span - 1, n)
    s = i - (span - 1)
    intervals = (open_ms[i] - open_ms[s]) // step_ms
    shares = []
    for rows, same in zip(at, unchanged, strict=True):
        count = np.cumsum(same)
        fresh = (rows[i] - rows[s]) - (count[rows[i]] - count[rows[s]])
        shares.append((intervals - fresh) / intervals)
    out[i] = np.maximum(*shares)
    return out


def _incomplete_rows(open_ms: Ints, span: int, holes: Ints) -> Ints:
    """Intervals known to be incomplete from the first to the last of the ``span`` rows ending at each row, or −1."""
    out = np.full(len(open_ms), -1)
    if len(open_ms):
        i = np.arange(span - 1, len(open_ms))
        first, last = open_ms[i - (span - 1)], open_ms[i]
        out[i] = np.searchsorted(holes, last, side="right") - np.searchsorted(holes, first, side="left")
    return out


def _hedge(y: Floats, x: Floats, fits: Fits, params: Params) -> HedgeFit | None:
    if not len(y) or np.isnan(fits.beta[-1]):
        return None
    if params.method == "ols":
        alpha, beta, beta_se, sd = (float(r[-1]) for r in (fits.alpha, fits.beta, fits.beta_se, fits.resid_sd))
        return HedgeFit(alpha, beta, beta_se, sd, "ols")
    try:
        return METHODS[params.method](y[-fits.bars :], x[-fits.bars :])
    except DataError:
        return None


def _last_test(stat: Floats, pvalue: Floats, bars: int) -> TestResult | None:
    if not len(stat) or np.isnan(stat[-1]):
        return None
    return TestResult(float(stat[-1]), float(pvalue[-1]), EG_LAGS, bars - 1 - EG_LAGS, "no cointegration")


def _or_none(statistic: Callable[[Floats], T], residuals: Floats | None) -> T | None:
    """A statistic of the residuals, or None where it is undefined."""
    try:
        return None if residuals is None else statistic(residuals)
    except DataError:
        return None


def _checkpoints(n: int, bars: int) -> Ints:
    """Rows j·N/20 before the newest of n, j = 0 … 5, as far as there are so many; the newest first."""
    at = n - 1 - np.arange(6) * (bars // 20)
    return at[at >= 0]


def _persistence(pvalue: Floats, bars: int) -> Floats:
    out, at = np.full(6, np.nan), _checkpoints(len(pvalue), bars)
    out[: len(at)] = pvalue[at]
    return out
