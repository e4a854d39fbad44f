"""Trades on paper come back as they were put, one row each; what a look changed is stored whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from math import nan
from pathlib import Path

import pytest

from core.journal import JournalRow
from core.paper import PaperBook, PaperTrade, Settlement
from storage import paper
from storage.reader import StoreReader
from storage.sqlite import TradeStore

TRADE = PaperTrade(
    pair="YUSDT/XUSDT", timeframe_s=60, look_ms=60_000, params="key", rule="evidence 1", preset="evidence",
    inputs="{}", verdict="TRADABLE", failed="", side=-1, z=-2.1, price_y=100.1, price_x=0.3, hedge=0.7,
    notional=10_000.0, qty_y=0.1, qty_x=-3.0, fee_bps=5.0, leave_z=0.0, stop_z=4.0, limit_bars=40, shown_bps=31.4,
    half_bps=0.1, cost_bps=12.0, promised_bps=nan, middle_bps=nan, hours_y=8, hours_x=4,
)  # fmt: skip
BOOK = PaperBook("YUSDT/XUSDT", 60, "key", 60_000, '{"seen":true}')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TradeStore]:
    with TradeStore(tmp_path / "paper.db", flush_ms=10) as opened:
        yield opened


def same(a: PaperTrade, b: PaperTrade) -> bool:
    return all(repr(getattr(a, f.name)) == repr(getattr(b, f.name)) for f in fields(PaperTrade))


def test_a_trade_comes_back_bit_for_bit_and_unknown_stays_unknown(store: TradeStore) -> None:
    assert store.put_paper([TRADE], [BOOK], [Settlement("YUSDT", 28_800_000, -0.0001, 0.1 + 0.2)])
    assert store.flush()
    (trade,) = store.paper_trades()
    assert same(trade, TRADE)
    assert store.paper_books() == [BOOK]
    assert store.settlements(28_800_000) == [Settlement("YUSDT", 28_800_000, -0.0001, 0.30000000000000004)]
    assert store.settlements(28_800_001) == []


def test_a_trade_put_again_is_one_row_as_it_was_last(store: TradeStore) -> None:
    closed = replace(TRADE, state="closed", out_ms=9, funding_unknown=1, changed_ms=7)
    for trade in (TRADE, replace(TRADE, state="open"), closed):
        store.put_paper([trade])
    assert store.flush()
    assert [t.state for t in store.paper_trades()] == ["closed"]
    assert store.open_paper_trades() == []
    assert [t.key for t in store.unfunded_paper_trades(9)] == [TRADE.key]
    assert store.unfunded_paper_trades(10) == []
    assert store.paper_mark() == 7


def test_the_newest_trades_come_oldest_first_and_open_ones_by_themselves(store: TradeStore) -> None:
    several = [replace(TRADE, look_ms=i, state="closed" if i % 2 else "open", promised_bps=0.0) for i in (5, 1, 4, 2)]
    store.put_paper(several)
    assert store.flush()
    assert [t.look_ms for t in store.paper_trades(limit=3)] == [2, 4, 5]
    assert [t.look_ms for t in store.open_paper_trades()] == [2, 4]


def test_a_request_is_stored_whole_or_not_at_all(store: TradeStore) -> None:
    store.put_paper([replace(TRADE, look_ms=1)], [replace(BOOK, memory=None)])  # type: ignore[arg-type]
    assert store.flush()
    assert store.paper_trades() == []
    assert store.status().dropped == 2
    assert store.status().state == "writing"


def test_looks_are_read_on_from_a_candle_oldest_first(store: TradeStore) -> None:
    rows = [JournalRow("YUSDT/XUSDT", 60, ms, "key", "evidence 1", "WAIT", "") for ms in (10, 20, 30, 40)]
    store.put_looks(rows)
    assert store.flush()
    assert [r.candle_ms for r in store.looks_after("YUSDT/XUSDT", 60, "key", 10, limit=2)] == [20, 30]
    assert store.looks_after("YUSDT/XUSDT", 60, "other", 10, limit=2) == []


def test_whether_anything_changed_is_asked_without_a_walk_over_the_trades(store: TradeStore, tmp_path: Path) -> None:
    assert store.paper_mark() == 0
    store.put_paper([TRADE])
    assert store.flush()
    with closing(sqlite3.connect(tmp_path / "paper.db")) as tool:
        plan = tool.execute("EXPLAIN QUERY PLAN " + paper.MARK).fetchall()
    assert [detail.split()[0] for *_, detail in plan] == ["SEARCH"]


def test_another_process_and_any_tool_read_them_while_they_are_written(store: TradeStore, tmp_path: Path) -> None:
    store.put_paper([TRADE])
    assert store.flush()
    with StoreReader.open_reader(tmp_path / "paper.db") as other:
        assert same(other.paper_trades()[0], TRADE)
    with sqlite3.connect(f"file:{tmp_path / 'paper.db'}?mode=ro", uri=True) as tool:
        assert tool.execute("SELECT verdict, side FROM paper_trades").fetchall() == [("TRADABLE", -1)]
    tool.close()
