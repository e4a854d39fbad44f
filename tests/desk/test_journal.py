"""The journal's words: written live, and said again afterwards by the pure functions over what was stored."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from math import isnan, nan
from pathlib import Path

import pytest

from analytics.costs import half_spread_bps, round_trip
from analytics.decision import Freshness, decide
from analytics.journal import journal_row
from analytics.look import Look
from analytics.params import Params
from analytics.record import record_of
from analytics.report import analyse
from analytics.ticket import deciding_z, legs_of
from core.journal import JournalRow
from core.settings import Settings
from core.types import Ints
from desk.desk import Desk
from desk.engine import PRINTS
from simulator.running import SimulatedExchange
from storage.reader import StoreReader

RECORDING = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"
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
    return JournalRow(**{k: nan if v is None else v for k, v in journal_row(look).items()})  # type: ignore[arg-type]


def same(a: object, b: object) -> bool:
    return a == b or (isinstance(a, float) and isinstance(b, float) and isnan(a) and isnan(b))


@pytest.mark.recording
@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_the_journal_of_a_replay_is_what_analytics_says_afterwards_to_the_bit(
    preset: str, shared_data: Path, tmp_path: Path
) -> None:
    params = replace(Params(timeframe_s=1, fit_bars=60, z_bars=30), preset=preset)  # type: ignore[arg-type]
    with SimulatedExchange.replaying(shared_data / RECORDING, speed=60) as exchange:
        desk = Desk(
            Settings(
                ws_url=exchange.ws_url,
                rest_url=exchange.rest_url,
                db=tmp_path / "journal.db",
                symbols=("BTCUSDT", "ETHUSDT"),
            )
        )
        desk.start()
        try:
            deadline = time.monotonic() + 60
            while desk.status().trades.records < 24_356:
                assert time.monotonic() < deadline
                desk.look("ETHUSDT", "BTCUSDT", params)
                time.sleep(0.1)
            time.sleep(2)  # the last looks
        finally:
            desk.close()
    with StoreReader.open_reader(tmp_path / "journal.db") as store:
        rows = store.looks("ETHUSDT/BTCUSDT", 1, params.key)
        aligned = sorted(
            set(store.candles("ETHUSDT", 1).open_ms.tolist()) & set(store.candles("BTCUSDT", 1).open_ms.tolist())
        )
        looked_at = [row.candle_ms for row in rows]
        assert looked_at == [t for t in aligned if t >= looked_at[0]]  # none missing, none doubled
        assert len(rows) > 300
        assert len({row.verdict for row in rows}) > 1
        for row in rows[:: max(1, len(rows) // 60)]:
            again = said_again(store, row, params)
            differs = [
                (f.name, getattr(row, f.name), getattr(again, f.name))
                for f in fields(JournalRow)
                if f.name not in OURS and not same(getattr(row, f.name), getattr(again, f.name))
            ]
            assert differs == [], row.candle_ms
