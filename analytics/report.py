"""analyse(): the whole pipeline, confirmed candles of two legs in, one PairReport out. Pure and causal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from analytics.aligned import Aligned, Leg, incomplete_rows, stale_rows
from analytics.correlation import rolling_correlation
from analytics.hedge import METHODS, HedgeFit
from analytics.params import RELATED_P, Params
from analytics.rolling import Fits, eg_rows, fit_rows, residuals_at
from analytics.stationarity import HalfLife, TestResult, adf_each, half_life, kpss_each
from analytics.zscore import residual_zscore
from core.errors import DataError
from core.types import Bools, Candles, Floats, Ints

__all__ = ["EG_LAGS", "HalfLife", "PairCandles", "PairReport", "TestResult", "analyse", "analyse_newest"]

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
    return _reports([PairCandles(candles_y, candles_x, params, incomplete_ms)], detail)[0]


class PairCandles(NamedTuple):
    """What ``analyse`` takes."""

    y: Candles
    x: Candles
    params: Params
    incomplete_ms: Ints | None = None


def analyse_newest(pairs: Sequence[PairCandles]) -> list[PairReport]:
    """``analyse(…, detail="newest")`` of each, to the bit.

    A look's arrays are short: most of its time goes to calls and not to numbers, and here all share the calls.

    Raises
    ------
    ValueError
        As ``analyse`` does; and where N, W or the units are not the same for all.
    """
    return _reports(pairs, "newest") if pairs else []


def _reports(pairs: Sequence[PairCandles], detail: Detail) -> list[PairReport]:
    """Of several pairs only their newest rows."""
    _refuse(pairs)
    legs = {id(candles): Leg.of(candles) for pair in pairs for candles in (pair.y, pair.x)}  # many pairs share one
    most = pairs[0].params.need_bars if detail == "newest" else None
    rows = Aligned.of([(legs[id(pair.y)], legs[id(pair.x)]) for pair in pairs], most)
    known = _statistics(rows, pairs, detail)
    return [_report(pair, rows, known, at) for at, pair in enumerate(pairs)]


@dataclass(frozen=True, slots=True, eq=False)
class _Statistics:
    """Of the rows of several pairs, one after another: (n,) as those of ``PairReport``, and by pair."""

    detail: Detail
    log_fits: Fits
    shown_y: Floats
    shown_x: Floats
    shown: Fits
    stale: Floats
    incomplete: Ints
    eg_stat: Floats
    eg_pvalue: Floats
    z_roll: Floats
    z_mean: Floats
    z_sd: Floats
    corr: Floats
    tests: dict[int, tuple[Floats, TestResult | None, TestResult | None]]  # newest row -> residuals, ADF, KPSS


def _statistics(rows: Aligned, pairs: Sequence[PairCandles], detail: Detail) -> _Statistics:
    params = pairs[0].params
    bars, z_bars, heads, slots = params.fit_bars, params.z_bars, rows.heads, rows.slots
    log_fits = fit_rows(rows.log_y, rows.log_x, bars, slots, heads)
    shown_y, shown_x = (rows.y, rows.x) if params.price_units else (rows.log_y, rows.log_x)
    shown = fit_rows(rows.y, rows.x, bars, slots, heads) if params.price_units else log_fits
    spans = rows.spans(params.need_bars)
    stale, incomplete = stale_rows(rows, spans), incomplete_rows(rows, spans, [pair.incomplete_ms for pair in pairs])
    eg_stat = eg_pvalue = z_roll = z_mean = z_sd = corr = np.full(len(slots), np.nan)
    tests = {}
    if detail != "history":
        few = detail == "newest"
        eg_at, z_at, corr_at = (_checkpoints(rows, bars), rows.newest(bars), rows.newest(z_bars)) if few else [None] * 3
        eg_stat, eg_pvalue = eg_rows(rows.log_y, rows.log_x, log_fits, slots, EG_LAGS, only=eg_at, heads=heads)
        z_roll, z_mean, z_sd = residual_zscore(shown_y, shown_x, shown, z_bars, slots, only=z_at)
        returns_y, returns_x = rows.returns(rows.log_y), rows.returns(rows.log_x)
        corr = rolling_correlation(returns_y, returns_x, z_bars, slots, only=corr_at)
        fitted = rows.newest(bars)
        fitted = fitted[~np.isnan(shown.beta[fitted])]
        residuals = residuals_at(shown_y, shown_x, shown, fitted)
        results = zip(residuals, adf_each(residuals), kpss_each(residuals), strict=True)
        tests = dict(zip(fitted.tolist(), results, strict=True))
    return _Statistics(
        detail,
        log_fits,
        shown_y,
        shown_x,
        shown,
        stale,
        incomplete,
        eg_stat,
        eg_pvalue,
        z_roll,
        z_mean,
        z_sd,
        corr,
        tests,
    )


def _report(pair: PairCandles, rows: Aligned, known: _Statistics, at: int) -> PairReport:
    params = pair.params
    bars, need, w = params.fit_bars, params.need_bars, slice(int(rows.heads[at]), int(rows.ends[at]))
    have, last = w.stop - w.start, w.stop - 1
    full, any_row = have >= need, have > 0
    shown, eg_pvalue = known.shown.rows(w), known.eg_pvalue[w]
    residuals, adf, kpss = known.tests.get(last if any_row else -1, (None, None, None))
    related = any_row and bool(eg_pvalue[-1] < RELATED_P)
    return PairReport(
        symbol_y=pair.y.symbol,
        symbol_x=pair.x.symbol,
        params=params,
        open_ms=rows.open_ms[w],
        y=rows.y[w],
        x=rows.x[w],
        alpha=shown.alpha,
        beta=shown.beta,
        beta_se=shown.beta_se,
        resid_sd=shown.resid_sd,
        spread=shown.spread,
        z=shown.z,
        z_mean=known.z_mean[w],
        z_sd=known.z_sd[w],
        z_roll=known.z_roll[w],
        corr=known.corr[w],
        unchanged_y=rows.unchanged_y[w],
        unchanged_x=rows.unchanged_x[w],
        have_bars=have,
        need_bars=need,
        incomplete=int(known.incomplete[last]) if any_row else 0,
        stale_share=float(known.stale[last]) if any_row else 0.0,
        engle_granger=_last_test(known.eg_stat[w], eg_pvalue, bars),
        adf=adf,
        half_life=_half_life(residuals) if related else None,
        kpss=kpss,
        persistence=_persistence(eg_pvalue, bars),
        log_fits=known.log_fits.rows(w),
        eg_stat=known.eg_stat[w],
        eg_pvalue=eg_pvalue,
        stale_rows=known.stale[w] if full else np.full(have, np.nan),
        incomplete_rows=known.incomplete[w] if full else np.full(have, -1),
        hedge=None if known.detail == "history" else _hedge(known.shown_y[w], known.shown_x[w], shown, params),
        newest_y_ms=int(pair.y.open_ms[-1]) if len(pair.y) else None,
        newest_x_ms=int(pair.x.open_ms[-1]) if len(pair.x) else None,
    )


def _refuse(pairs: Sequence[PairCandles]) -> None:
    """Raise for what cannot be analysed."""
    seen: set[tuple[int, int]] = set()
    first = pairs[0].params
    for y, x, params, _ in pairs:
        if params.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, was {params.method!r}")
        if (params.fit_bars, params.z_bars, params.price_units) != (first.fit_bars, first.z_bars, first.price_units):
            raise ValueError("fit_bars, z_bars and price_units must be the same for all pairs")
        for candles in (y, x):
            if (id(candles), params.timeframe_s) not in seen:
                seen.add((id(candles), params.timeframe_s))
                _refuse_candles(candles, params.timeframe_s)
        if y.symbol == x.symbol:
            raise ValueError(f"Y and X must be two symbols, were both {y.symbol}")


def _refuse_candles(candles: Candles, timeframe_s: int) -> None:
    if candles.timeframe_s != timeframe_s:
        raise ValueError(f"candles must be of {timeframe_s} s, were of {candles.timeframe_s} s")
    if len(candles) and not (candles.close.min() > 0 and candles.close.max() < np.inf):
        raise ValueError(f"closes of {candles.symbol} must be finite and > 0")
    if (np.diff(candles.open_ms) <= 0).any():
        raise ValueError(f"opens of {candles.symbol} must increase")
    if (candles.open_ms % (timeframe_s * 1000)).any():
        raise ValueError(f"opens of {candles.symbol} must be whole multiples of {timeframe_s} s")


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


def _half_life(residuals: Floats | None) -> HalfLife | None:
    try:
        return None if residuals is None else half_life(residuals)
    except DataError:
        return None


def _checkpoints(rows: Aligned, bars: int) -> Ints:
    """Of each pair, the newest row and those j·N/20 before it, j = 1 … 5, as far as there are so many."""
    at = rows.ends[:, None] - 1 - np.arange(6) * (bars // 20)
    return at[at >= rows.heads[:, None]]


def _persistence(pvalue: Floats, bars: int) -> Floats:
    out, back = np.full(6, np.nan), pvalue[:: -(bars // 20)][:6]
    out[: len(back)] = back
    return out
