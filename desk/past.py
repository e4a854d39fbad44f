"""Looks at past candles, from what is stored: what the journal said there can be said again, and compared."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from math import isfinite
from typing import Final, Protocol

import msgspec

from analytics.costs import CostSplit, round_trip
from analytics.decision import Freshness, decide
from analytics.look import Look
from analytics.record import Record, RecordSummary, advance, record_of
from analytics.report import PairReport
from analytics.ticket import deciding_z, legs_of
from core.errors import DataError
from core.journal import JournalRow
from desk.basis import Prints, half_bps_at
from desk.watch import SCREEN_ROWS, Key, record_bars

RECORDS: Final = 8  # pairs whose record at a past candle is kept, to add the candles after it one by one

ReportTo = Callable[[Key, int, int], PairReport]


class Library(Prints, Protocol):
    """What is read beside candles."""

    def looks(
        self, pair: str, timeframe_s: int, params: str, *, from_ms: int | None = ..., before_ms: int | None = ...
    ) -> list[JournalRow]: ...


class Past:
    """``report_to(key, bars, to_ms)`` analyses the newest ``bars`` candles opened before ``to_ms``. Thread safe."""

    def __init__(self, report_to: ReportTo, store: Library) -> None:
        self._report_to = report_to
        self._store = store
        self._records: OrderedDict[Key, Record] = OrderedDict()
        self._lock = threading.Lock()  # guards the records

    def look(self, key: Key, candle_ms: int) -> Look:
        """The look at the candle opened at ``candle_ms``, with nothing that came after it.

        What cannot be known from candles, costs and record, is the journal's where it has a row; elsewhere the price
        spreads come from the trades still stored and the record from the candles still stored, and funding is not
        known.

        Raises
        ------
        DataError
            Where the two legs share no stored candle at that time, or what the journal has cannot be read.
        """
        params = key.params
        end_ms = candle_ms + params.timeframe_s * 1000
        report = self._report_to(key, params.need_bars + SCREEN_ROWS, end_ms)
        if report.newest_ms != candle_ms:
            raise DataError("No candle that both legs share is stored at that time.")
        said = self._store.looks(key.pair, params.timeframe_s, params.key, from_ms=candle_ms, before_ms=candle_ms + 1)
        if said:
            costs, record = costs_of(said[0]), record_said(said[0])
        else:
            record = self._record(key, report, end_ms)
            costs = self._costs(key, report, end_ms)
        freshness = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=params.timeframe_s)
        return Look(report, decide(report, freshness=freshness, costs=costs, record=record), costs, record)

    def _costs(self, key: Key, report: PairReport, end_ms: int) -> CostSplit | None:
        legs = legs_of(report, deciding_z(report))
        if legs is None:
            return None
        return round_trip(
            legs,
            fee_y_bps=key.params.fee_bps,
            fee_x_bps=key.params.fee_bps,
            half_y_bps=half_bps_at(self._store, key.symbol_y, end_ms),
            half_x_bps=half_bps_at(self._store, key.symbol_x, end_ms),
        )

    def _record(self, key: Key, report: PairReport, end_ms: int) -> RecordSummary:
        """Forward by single candles from the record kept, else from the stored history before."""
        with self._lock:
            kept = self._records.get(key)
        record: Record | None = None
        if kept is not None and kept.newest_ms is not None and kept.newest_ms < end_ms:
            try:
                record = advance(kept, report)
            except ValueError:  # too far: the report does not reach back to it
                record = None
        if record is None:
            record = record_of(self._report_to(key, record_bars(key.params), end_ms))
        with self._lock:
            self._records[key] = record
            self._records.move_to_end(key)
            while len(self._records) > RECORDS:
                self._records.popitem(last=False)
        return record.summary()


def costs_of(row: JournalRow) -> CostSplit | None:
    """The costs a look rested on; None where it knew none."""
    if not isfinite(row.fees_bps):
        return None
    formula = str(_inputs(row).get("cost_formula") or "")
    return CostSplit(row.fees_bps, _known(row.half_spreads_bps), _known(row.funding_bps), formula)


def record_said(row: JournalRow) -> RecordSummary | None:
    """The pair's record as a look knew it; None where it knew none. Raises DataError where it cannot be read."""
    told = _inputs(row).get("record")
    try:
        return msgspec.convert(told, RecordSummary | None)
    except msgspec.ValidationError as error:
        raise DataError(
            f"The record that this look rested on cannot be read: another version of Pairsight kept it ({error})."
        ) from error


def _inputs(row: JournalRow) -> dict[str, object]:
    found = json.loads(row.inputs)
    return found if isinstance(found, dict) else {}


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
