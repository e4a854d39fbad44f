"""What a journal says, said again from what was stored, by the pure functions."""

from __future__ import annotations

from dataclasses import fields
from math import isnan

from analytics.costs import half_spread_bps, round_trip
from analytics.decision import Freshness, decide
from analytics.journal import row_of
from analytics.look import Look
from analytics.params import Params
from analytics.record import record_of
from analytics.report import analyse
from analytics.ticket import deciding_z, legs_of
from core.journal import JournalRow
from core.types import Ints
from desk.basis import PRINTS
from storage.reader import StoreReader

OURS = {"written_ms", "note"}  # about the writing, not about the look


def said_again(store: StoreReader, row: JournalRow, params: Params, holes: Ints | None = None) -> JournalRow:
    """The look at a row's candle, from all that is stored up to it."""
    end_ms = row.candle_ms + params.timeframe_s * 1000
    y, x = (store.candles(s, params.timeframe_s, to_ms=end_ms) for s in row.pair.split("/"))
    report = analyse(y, x, params, holes)
    record = record_of(report).summary()
    legs = legs_of(report, deciding_z(report))
    costs = None
    if legs is not None:
        hour_ms = 3_600_000
        half = [
            half_spread_bps(store.trades(s, from_ms=end_ms - hour_ms, to_ms=end_ms, limit=PRINTS))
            for s in row.pair.split("/")
        ]
        costs = round_trip(
            legs,
            fee_y_bps=params.fee_bps,
            fee_x_bps=params.fee_bps,
            half_y_bps=half[0],
            half_x_bps=half[1],
            now_ms=end_ms,
            hold_s=record.mean_hold_s,
        )
    freshness = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=params.timeframe_s)
    look = Look(report, decide(report, freshness=freshness, costs=costs, record=record), costs, record)
    return row_of(look)


def same(a: object, b: object) -> bool:
    return a == b or (isinstance(a, float) and isinstance(b, float) and isnan(a) and isnan(b))


def differing(row: JournalRow, again: JournalRow) -> list[tuple[str, object, object]]:
    """Fields in which two rows of the same look differ, to the bit."""
    return [
        (f.name, getattr(row, f.name), getattr(again, f.name))
        for f in fields(JournalRow)
        if f.name not in OURS and not same(getattr(row, f.name), getattr(again, f.name))
    ]
