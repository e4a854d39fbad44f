"""A look at candles from files: the same functions as everywhere, over nothing but the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from analytics.costs import CostSplit, round_trip
from analytics.decision import Freshness, decide
from analytics.look import Look
from analytics.params import FIT_BARS, Params
from analytics.record import record_of
from analytics.report import analyse
from analytics.ticket import deciding_z, legs_of
from core.types import TIMEFRAME_NAMES, Candles
from ui.candle_file import CandleFile


@dataclass(frozen=True, slots=True)
class Assumed:
    """What files do not tell and the trader has to: both in bps."""

    half_spread_bps: float = 0.5  # of each leg's own notional, as often paid as a fee
    funding_bps: float = 0.0  # of gross notional over the whole hold


def legs_in(files: Sequence[CandleFile]) -> tuple[dict[str, Candles], str]:
    """Every symbol's candles by name; or why the files do not go together, as a sentence."""
    found: dict[str, Candles] = {}
    for file in files:
        twice = sorted(found.keys() & file.legs.keys())
        if twice:
            return {}, f"{twice[0]} is in two files: choose one of them."
        found.update(file.legs)
    lengths = {c.timeframe_s for c in found.values()}
    if len(lengths) > 1:
        names = " and ".join(TIMEFRAME_NAMES[s] for s in sorted(lengths))
        return {}, f"The files hold candles of {names}: both legs must be of one length."
    if files and len(found) < 2:
        return {}, f"Only {next(iter(found), 'no symbol')} is in the files: a pair needs two."
    return found, ""


def params_for(chosen: Params, timeframe_s: int) -> Params:
    """The sidebar's rule on the files' timeframe; a window that was the rule's own stays the rule's own.

    Raises ValueError where the windows do not go together there.
    """
    own = chosen.fit_bars == FIT_BARS[chosen.timeframe_s]
    return replace(chosen, timeframe_s=timeframe_s, fit_bars=0 if own else chosen.fit_bars)


@lru_cache(maxsize=8)
def look_at(y: Candles, x: Candles, params: Params, assumed: Assumed) -> Look:
    """The look at the newest candle of both. Raises ValueError for what cannot be analysed."""
    report = analyse(y, x, params)
    record = record_of(report).summary() if report.have_bars else None
    legs = legs_of(report, deciding_z(report))
    costs: CostSplit | None = None
    if legs is not None:
        half = assumed.half_spread_bps
        known = round_trip(legs, fee_y_bps=params.fee_bps, fee_x_bps=params.fee_bps, half_y_bps=half, half_x_bps=half)
        costs = replace(known, funding_bps=assumed.funding_bps, formula="")
    freshness = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=params.timeframe_s)
    return Look(report, decide(report, freshness=freshness, costs=costs, record=record), costs, record)


def told(files: Sequence[CandleFile], legs: Mapping[str, Candles]) -> str:
    """What was read, in one sentence."""
    rows, empty = sum(f.rows for f in files), sum(f.without_trades for f in files)
    names = ", ".join(f"{symbol} {len(c):,}" for symbol, c in legs.items())
    left_out = f" {empty:,} bars without a trade are no candles and were left out." if empty else ""
    return f"{rows:,} rows read and checked: {names} candles.{left_out}"
