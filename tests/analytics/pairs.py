"""Pairs made by hand for the tests of analytics: candles, a report with the numbers one asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analytics.backtest import Frictions
from analytics.funding import FundingRates
from analytics.params import Params
from analytics.report import PairReport, TestResult, analyse
from core.types import Candles, Floats, Ints

FEES_ONLY = Frictions(0.0, 0.0, FundingRates.none(), FundingRates.none())  # the least a round trip costs
START_MS = 1_700_000_040_000  # a whole minute


def candles(symbol: str, close: Floats, timeframe_s: int = 60, open_ms: Ints | None = None) -> Candles:
    """Candles that hold nothing but their close."""
    n = len(close)
    if open_ms is None:
        open_ms = START_MS // (timeframe_s * 1000) * timeframe_s * 1000 + np.arange(n) * timeframe_s * 1000
    ones = np.ones(n)
    kind = np.full(n, "kline", dtype="U8")
    return Candles(symbol, timeframe_s, open_ms, close, close, close, close, ones, ones.astype(np.int64), kind)


def walk(rng: np.random.Generator, n: int, sd: float = 1e-3, start: float = 10.0) -> Floats:
    """A random walk of log prices."""
    return start + np.cumsum(rng.normal(0.0, sd, n))


def reverting(rng: np.random.Generator, n: int, half_life: float, sd: float) -> Floats:
    """An AR(1) series with the half-life (bars) and standard deviation asked for."""
    phi = 0.5 ** (1.0 / half_life)
    noise = rng.normal(0.0, sd * np.sqrt(1.0 - phi * phi), n)
    out = np.empty(n)
    level = rng.normal(0.0, sd)
    for i in range(n):
        level = phi * level + noise[i]
        out[i] = level
    return out


def cointegrated(
    rng: np.random.Generator, n: int, half_life: float = 10.0, beta: float = 0.8, sd: float = 1e-3
) -> tuple[Floats, Floats]:
    """Prices of a pair whose log spread reverts."""
    x = walk(rng, n)
    return np.exp(beta * x + reverting(rng, n, half_life, sd)), np.exp(x)


def unrelated(rng: np.random.Generator, n: int, corr: float = 0.8) -> tuple[Floats, Floats]:
    """Prices of two walks whose returns correlate and whose levels drift apart."""
    common, own = rng.normal(size=n), rng.normal(size=n)
    y = 7.0 + np.cumsum(1e-3 * (corr * common + np.sqrt(1 - corr * corr) * own))
    return np.exp(y), np.exp(10.0 + np.cumsum(1e-3 * common))


def report_saying(
    *,
    z: list[float],
    p: float | None = 0.001,
    adf_p: float | None = 0.001,
    corr: float = 0.9,
    beta: float = 0.8,
    sd: float = 0.001,
    z_roll: float | None = None,
    incomplete: int = 0,
    stale: float = 0.0,
    have: int | None = None,
    params: Params | None = None,
) -> PairReport:
    """A report whose newest rows have the z values given (oldest first) and whose newest row says the rest."""
    params = params or Params(fit_bars=40, z_bars=10)
    have = params.need_bars if have is None else have
    rng = np.random.default_rng(7)
    y, x = cointegrated(rng, have)
    base = analyse(candles("YUSDT", y, params.timeframe_s), candles("XUSDT", x, params.timeframe_s), params)
    if have == 0:
        return base
    fits = base.log_fits

    def ending(rows: Floats, *values: float) -> Floats:
        out = rows.copy()
        tail = values[-len(out) :]
        out[len(out) - len(tail) :] = tail
        return out

    rows_z = np.full(have, np.nan)
    rows_z[max(0, have - params.lookback - 1) :] = z[0]  # as if it had stood there before
    rows_z = ending(rows_z, *z)
    log_fits = replace(
        fits,
        z=rows_z,
        beta=ending(fits.beta, beta),
        resid_sd=ending(fits.resid_sd, sd),
        spread=ending(fits.spread, z[-1] * sd),
    )
    test = None if p is None else TestResult(-9.0, p, 2, 37, "no cointegration")
    plain = None if adf_p is None else TestResult(-9.0, adf_p, 0, 39, "unit root")
    hedge = base.hedge and replace(base.hedge, beta=beta)
    return replace(
        base,
        log_fits=log_fits,
        z=rows_z,
        beta=log_fits.beta,
        resid_sd=log_fits.resid_sd,
        spread=log_fits.spread,
        z_roll=ending(base.z_roll, z[-1] if z_roll is None else z_roll),
        corr=ending(base.corr, corr),
        engle_granger=test,
        eg_pvalue=ending(base.eg_pvalue, np.nan if p is None else p),
        adf=plain,
        incomplete=incomplete,
        stale_share=stale,
        hedge=hedge,
    )
