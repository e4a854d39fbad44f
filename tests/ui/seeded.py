"""Seeded values for every state the screen can show: candles, their real analysis, looks, journal and runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from analytics.backtest import Frictions
from analytics.costs import CostSplit
from analytics.decision import Freshness, decide
from analytics.funding import FundingRates
from analytics.look import Look
from analytics.params import Params
from analytics.record import RecordSummary
from analytics.report import PairReport, analyse
from analytics.trial import Trial, TrialAsk, trial
from core.errors import DegenerateData
from core.journal import JournalRow
from core.types import (
    Bools,
    Candles,
    Floats,
    Ints,
    SymbolInfo,
)

Scenario = Literal[
    "tradable",
    "wait",
    "thin",
    "not_tradable",
    "trap",
    "warming",
    "no_data",
    "unreachable",
    "stopped",
    "failed",
    "empty",
]
SCENARIOS: Final[tuple[Scenario, ...]] = (
    "tradable", "wait", "thin", "not_tradable", "trap", "warming", "no_data", "unreachable", "stopped", "failed",
    "empty",
)  # fmt: skip
END_MS: Final = 1_721_401_200_000  # 2024-07-19 15:00:00 UTC: the newest candle ends here
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
NOT_RELATED: Final = 14  # a seed whose wandering spread is taken for none


def info(symbol: str, tick: float, step: float) -> SymbolInfo:
    """A contract as the exchange lists it."""
    return SymbolInfo(symbol, "TRADING", "PERPETUAL", symbol.removesuffix("USDT"), "USDT", tick, step, step, 1e4, 5.0)


CATALOGUE: Final = {
    s.symbol: s
    for s in (
        info("BTCUSDT", 0.1, 0.001), info("ETHUSDT", 0.01, 0.001), info("BNBUSDT", 0.01, 0.01),
        info("SOLUSDT", 0.001, 1.0), info("XRPUSDT", 0.0001, 0.1), info("ADAUSDT", 0.0001, 1.0),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Market:
    """What a scenario's prices are made of."""

    seed: int = 7
    related: bool = True  # the spread returns; else it wanders
    z: float = 1.3  # where the last candle puts it, roughly, in standard deviations
    rows: int = 1400


MARKETS: Final[Mapping[Scenario, Market]] = {
    "tradable": Market(z=2.6),
    "thin": Market(z=-2.5),
    "not_tradable": Market(seed=NOT_RELATED, related=False, z=0.7),
    "trap": Market(seed=NOT_RELATED, related=False, z=-3.0),
    "warming": Market(rows=330),
    "empty": Market(rows=0),
}
RECORDS: Final[Mapping[Scenario, RecordSummary]] = {
    "thin": RecordSummary(7, 20, 0.12, 0.40, -0.81, 13.0, 4_100, 52.1, 6.3, END_MS - 10 * 86_400_000, END_MS),
}
GOOD_RECORD: Final = RecordSummary(34, 20, 0.74, 0.04, 0.65, None, 4_100, 52.1, 21.9, END_MS - 30 * 86_400_000, END_MS)


@lru_cache(maxsize=64)
def report(symbol_y: str, symbol_x: str, params: Params, market: Market = Market()) -> PairReport:
    """The real analysis of seeded candles."""
    return analyse(*legs(symbol_y, symbol_x, params, market), params)


@lru_cache(maxsize=64)
def legs(symbol_y: str, symbol_x: str, params: Params, market: Market) -> tuple[Candles, Candles]:
    """Seeded candles with a hole of 18 in them."""
    if not market.rows:
        return Candles.empty(symbol_y, params.timeframe_s), Candles.empty(symbol_x, params.timeframe_s)
    rng = np.random.default_rng(market.seed)
    n = market.rows
    x = 64_000 * np.exp(np.cumsum(rng.normal(0, 2e-3, n)))
    keep_share = 0.93 if market.related else 1.0
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = keep_share * noise[i - 1] + rng.normal(0, 6e-4)
    noise -= noise[-1000:].mean()
    sd = float(noise[-1000:].std())
    noise[-12:] = np.linspace(noise[-12], 0.3 * sd, 12)  # armed: the excursion begins at the last candle
    noise[-1] = market.z * sd
    y = np.exp(math.log(3_425) + 0.84 * (np.log(x) - math.log(64_000)) + noise)
    keep = (np.arange(n) < n - 150) | (np.arange(n) >= n - 132)
    step = params.timeframe_s * 1000
    open_ms = END_MS - step * np.arange(n, 0, -1, dtype=np.int64)
    return _closes(symbol_y, params, open_ms, y, keep), _closes(symbol_x, params, open_ms, x, keep)


def _closes(symbol: str, params: Params, open_ms: Ints, close: Floats, keep: Bools) -> Candles:
    ones, trades = np.ones(len(close)), np.array(["trades"] * len(close))
    whole = Candles(
        symbol, params.timeframe_s, open_ms, close, close, close, close, ones, ones.astype(np.int64), trades
    )
    return whole.take(keep)


@lru_cache(maxsize=64)
def look(scenario: Scenario, symbol_y: str, symbol_x: str, params: Params) -> Look:
    """The real decision over a scenario's report."""
    if scenario == "failed":
        raise DegenerateData(f"{symbol_y} has not moved in this window: there is nothing to fit")
    r = report(symbol_y, symbol_x, params, MARKETS.get(scenario, Market()))
    costs = CostSplit(10.0, 1.6, 0.8, "10.0 fees + 1.6 half price-spreads + 0.8 funding") if len(r.open_ms) else None
    record = RECORDS.get(scenario, GOOD_RECORD) if len(r.open_ms) else None
    silent = (symbol_y,) if scenario == "no_data" else ()
    reason = "The feed is stopped." if scenario == "stopped" else ""
    decision = decide(r, freshness=Freshness(END_MS + 4_200, silent, reason), costs=costs, record=record)
    return Look(r, decision, costs, record)


@lru_cache(maxsize=256)
def past_look(scenario: Scenario, symbol_y: str, symbol_x: str, params: Params, candle_ms: int) -> Look:
    """The real decision over the scenario's candles up to one of them."""
    y, x = legs(symbol_y, symbol_x, params, MARKETS.get(scenario, Market()))
    r = analyse(y.take(y.open_ms <= candle_ms), x.take(x.open_ms <= candle_ms), params)
    if r.newest_ms != candle_ms:
        raise DegenerateData("No candle that both legs share is stored at that time.")
    now = look(scenario, symbol_y, symbol_x, params)
    freshness = Freshness.as_of(candle_ms, timeframe_s=params.timeframe_s)
    return Look(r, decide(r, freshness=freshness, costs=now.costs, record=now.record), now.costs, now.record)


@lru_cache(maxsize=16)
def walked(ask: TrialAsk) -> Trial:
    """The real run over seeded candles, or over those that were given."""
    y, x = ask.legs or legs(ask.symbol_y, ask.symbol_x, ask.params, Market(rows=6_000))
    costs = Frictions(ask.half_y_bps, ask.half_x_bps, FundingRates.none(), FundingRates.none())
    *_, last = trial(Trial(ask), y, x, costs)
    return last


@lru_cache(maxsize=64)
def said(scenario: Scenario, symbol_y: str, symbol_x: str, params: Params) -> tuple[JournalRow, ...]:
    """Forty looks that end with the scenario's verdict."""
    seen = look(scenario, symbol_y, symbol_x, params)
    r, n = seen.report, len(seen.report.open_ms)
    return tuple(
        JournalRow(
            pair=r.pair,
            timeframe_s=params.timeframe_s,
            candle_ms=int(r.open_ms[i]),
            params=params.key,
            rule=seen.decision.rule,
            verdict=str(seen.decision.verdict if i > n - 4 else "WAIT"),
            reason=seen.decision.reason,
            price_y=float(r.y[i]),
            price_x=float(r.x[i]),
            beta=float(r.beta[i]),
            spread=float(r.spread[i]),
            z=float(r.log_fits.z[i]),
            z_roll=float(r.z_roll[i]),
            corr=float(r.corr[i]),
            note="repaired" if i == n - 5 else "",
        )
        for i in range(max(0, n - 40), n)
    )
