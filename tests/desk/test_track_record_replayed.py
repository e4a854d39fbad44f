"""Over a real recording: the score kept while it ran is that of its journal, at prices that were really traded."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics.paper import Book, scored
from analytics.paper_account import account
from analytics.params import Params
from core.paper import PaperTrade
from core.settings import Settings
from desk.desk import Desk
from simulator.running import SimulatedExchange
from storage.reader import StoreReader

RECORDING = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"
RECORDS = 24_356
PAIR = "ETHUSDT/BTCUSDT"
MIDNIGHT_MS = 1_721_347_200_000  # 2024-07-19: funding is settled
BARE: dict[str, Any] = {"changed_ms": 0, "funding": 0.0, "funding_unknown": 0}  # what a journal does not hold


def decisions(trade: PaperTrade) -> tuple[object, ...]:
    """What does not depend on how it was filled."""
    return (trade.key, trade.verdict, trade.failed, trade.side, trade.qty_y, trade.qty_x, trade.exit_look_ms,
            trade.reason, trade.state == "closed")  # fmt: skip


@pytest.mark.recording
def test_the_score_of_a_replay_is_the_score_of_its_journal(shared_data: Path, tmp_path: Path) -> None:
    params = Params(timeframe_s=1, fit_bars=60, z_bars=20, entry_z=1.5, preset="classic")
    with SimulatedExchange.replaying(shared_data / RECORDING, speed=20) as exchange:
        desk = Desk(
            Settings(
                ws_url=exchange.ws_url,
                rest_url=exchange.rest_url,
                db=tmp_path / "replayed.db",
                symbols=("BTCUSDT", "ETHUSDT"),
            )
        )
        desk.start()
        try:
            deadline = time.monotonic() + 120
            while desk.status().trades.records < RECORDS:
                assert time.monotonic() < deadline
                desk.look("ETHUSDT", "BTCUSDT", params)
                time.sleep(0.1)
            time.sleep(2)  # the last looks
            seen = desk.track_record()
        finally:
            desk.close()
    with StoreReader.open_reader(tmp_path / "replayed.db") as store:
        stored = store.paper_trades()
        journal = store.looks(PAIR, 1, params.key)
        bars = {s: store.candles(s, 1) for s in ("ETHUSDT", "BTCUSDT")}
    assert len(seen.trades) > 5
    assert len(stored) >= len(seen.trades)

    book = Book()
    again: dict[object, PaperTrade] = {}
    for row in journal:
        book, changed = scored(book, row, params)
        again.update((t.key, t) for t in changed)
    assert [decisions(t) for t in stored] == [decisions(t) for t in sorted(again.values(), key=lambda t: t.look_ms)]

    closed = [t for t in stored if t.state == "closed"]
    assert closed
    for trade in closed:
        money = account(trade)
        assert money is not None
        same = again[trade.key]
        for how, symbol, price, ms in (
            (trade.in_fill, "ETHUSDT", trade.in_y, trade.in_ms),
            (trade.in_fill, "BTCUSDT", trade.in_x, trade.in_ms),
            (trade.out_fill, "ETHUSDT", trade.out_y, trade.out_ms),
            (trade.out_fill, "BTCUSDT", trade.out_x, trade.out_ms),
        ):
            if how == "touch":
                c = bars[symbol]
                (i,) = (c.open_ms == ms // 1000 * 1000).nonzero()[0]
                span = 2e-3 * price  # a touch that was shifted by the price spread may lie just outside what traded
                assert c.low[i] - span <= price <= c.high[i] + span
        if trade.in_fill == trade.out_fill == "candle":
            assert repr(replace(trade, **BARE)) == repr(replace(same, **BARE))  # to the bit
        held = trade.in_ms < MIDNIGHT_MS <= trade.out_ms  # through a settlement
        assert held == bool(trade.funding or trade.funding_unknown)
