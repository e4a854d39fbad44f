"""The collector by itself, not started: what it streams."""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import desk.collector
from analytics.params import Params
from core.errors import LineDown, StoreError, UnknownSymbol
from core.settings import Settings
from core.types import Batch, FeedStatus, MarkPrice, Records, StreamStatus, SymbolInfo, Trade
from desk.collector import Collector
from desk.surroundings import Surroundings
from desk.watch import Key
from ingestion.rest import Rest
from ingestion.transport import Line
from storage.sqlite import TradeStore
from tests.storage.faults import Disk
from tests.storage.samples import seeded


@pytest.fixture
def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(desk.collector, "must_trade", lambda *_: None)
    collector = Collector(Settings(db=tmp_path / "trades.db", symbols=()), TradeStore(tmp_path / "trades.db"))
    yield collector
    collector.close()


def test_a_symbol_that_could_not_be_added_is_not_streamed_and_can_be_added_again(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(symbol: str) -> Trade | None:
        raise StoreError("The store cannot be read now.")

    with monkeypatch.context() as patched:
        patched.setattr(collector.store, "last_trade", unreadable)
        with pytest.raises(StoreError):
            collector.add("AUSDT")
    assert not collector.symbols
    collector.add("AUSDT")
    assert collector.symbols == ("AUSDT",)
    assert collector.intake.kind("AUSDT") == "trade"


@pytest.mark.parametrize(("streamed_ms", "newest"), [(2_000, "stream"), (1_000, "stream"), (500, "REST")])
def test_the_newer_mark_price_stands_wherever_it_came_from(collector: Collector, streamed_ms: int, newest: str) -> None:
    def mark(event_ms: int, funding_rate: float) -> MarkPrice:
        return MarkPrice("AUSDT", event_ms, 1.0, 1.0, funding_rate, 0)

    asked, streamed = mark(1_000, 1e-4), mark(streamed_ms, 2e-4)
    collector.repairer._facts = replace(collector.repairer.facts, marks={"AUSDT": asked})
    assert collector.marks() == {"AUSDT": asked}
    collector.streams._take(Batch(marks=(streamed,)))
    assert collector.marks() == {"AUSDT": streamed if newest == "stream" else asked}


def test_the_status_tells_of_records_that_were_not_taken(collector: Collector) -> None:
    one = np.ones(1, np.int64)
    stray = Records("AUSDT", one, one, one, one, one, one / 1, one / 1, one > 0, one > 0)
    collector.intake.take(Batch(records=(stray,), watermark_ms=1))
    assert collector.status().trades.rejected == {"not_asked_for": 1}


def catalogued(collector: Collector, **statuses: str) -> None:
    """The exchange's list comes, or is renewed."""
    listed = {
        s: SymbolInfo(s, status, "PERPETUAL", s, "USDT", 0.1, 0.1, 0.1, 9.0, 5.0) for s, status in statuses.items()
    }
    collector.repairer._facts = replace(collector.repairer.facts, catalogue=listed)


def test_a_streamed_symbol_that_the_exchange_does_not_trade_is_named_and_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(db=tmp_path / "trades.db", symbols=("AUSDT", "EOSUSDT", "FOOUSDT"))
    collector = Collector(settings, TradeStore(settings.db))
    key = Key("EOSUSDT", "AUSDT", Params())
    spoke: dict[str, float | None] = {"AUSDT": 0.1, "EOSUSDT": None, "FOOUSDT": None}

    def status() -> tuple[FeedStatus, FeedStatus]:
        streams = tuple(StreamStatus(symbol, age_s=age_s) for symbol, age_s in spoke.items())
        return FeedStatus("live", streams=streams), FeedStatus("live")

    def waited_for() -> list[str]:
        streams = collector.streams
        return [s for s in spoke if streams.trades._moves(s) and streams.market._moves(s)]

    collector.streams.status = status  # type: ignore[method-assign]
    collector._running = True
    try:
        assert (collector.status().problem, waited_for()) == ("", list(spoke))  # no list yet
        catalogued(collector, AUSDT="TRADING", EOSUSDT="SETTLING")
        of_eos = "EOSUSDT does not trade now: the exchange says SETTLING."
        of_foo = "FOOUSDT is not a contract of this exchange. Choose one from the list."
        assert (collector.status().problem, waited_for()) == (f"{of_eos} {of_foo}", ["AUSDT"])
        for _ in range(3):
            collector._learned()
        assert [line.getMessage() for line in caplog.records] == [f"{of_eos} {of_foo}"]
        assert collector.freshness(key).reason == f"No data: {of_eos}"
        for symbol, why in (("EOSUSDT", of_eos), ("FOOUSDT", of_foo)):
            with pytest.raises(UnknownSymbol, match=re.escape(why)):
                collector.add(symbol)
        collector.add("AUSDT")
        spoke["EOSUSDT"] = 0.1  # it trades again, and the list is an hour old
        assert collector.status().problem == of_foo
        assert not collector.freshness(key).reason
        spoke["EOSUSDT"] = None
        catalogued(collector, AUSDT="TRADING", EOSUSDT="TRADING", FOOUSDT="TRADING")
        assert (collector.status().problem, waited_for()) == ("", list(spoke))
        assert collector.freshness(key).silent == ("EOSUSDT",)
        assert collector.freshness(key).grace_ms == settings.grace_ms
    finally:
        collector._running = False
        collector.close()


def test_what_cannot_be_written_at_the_end_is_told(tmp_path: Path) -> None:
    disk = Disk()
    for code in (None, sqlite3.SQLITE_FULL):
        collector = Collector(
            Settings(db=tmp_path / "trades.db", symbols=()), TradeStore(tmp_path / "trades.db", connect=disk.connect)
        )
        disk.code = code
        collector.store.put(seeded(10, first=1 if code else 100))
        assert collector.close() is (code is None)


class WaitingRest(Rest):
    """A REST that waits for its budget, as one that has spent it does."""

    def server_time_ms(self) -> int:
        waiting.set()
        self.pause(60.0)
        return 0


waiting = threading.Event()


def nobody(url: str) -> Line:
    raise LineDown("Nobody answers.")


def test_others_hear_of_a_desk_whose_repair_waits_for_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.collector, "HEALTH_EVERY_S", 0.0)
    settings = Settings(db=tmp_path / "trades.db", symbols=())
    collector = Collector(settings, TradeStore(settings.db), Surroundings(connect=nobody, rest=WaitingRest))
    waiting.clear()
    told = threading.Semaphore(0)
    collector._tell = told.release  # type: ignore[method-assign]
    collector.start()
    assert waiting.wait(10.0)
    assert all(told.acquire(timeout=10.0) for _ in range(3))
    collector.close()


def test_closing_does_not_wait_for_a_thread_that_waits_for_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(db=tmp_path / "trades.db", symbols=())
    collector = Collector(settings, TradeStore(settings.db), Surroundings(connect=nobody, rest=WaitingRest))
    waiting.clear()
    collector.start()
    assert waiting.wait(10.0)
    began_s = time.monotonic()
    with caplog.at_level(logging.WARNING):
        collector.close()
    assert time.monotonic() - began_s < 4.0
    assert [line.getMessage() for line in caplog.records if "repair" in line.getMessage()] == []
