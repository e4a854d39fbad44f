"""The collector by itself, not started: what it streams."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import desk.collector
from core.errors import LineDown, StoreError
from core.settings import Settings
from core.types import Batch, MarkPrice, Trade
from desk.collector import Collector
from desk.surroundings import Surroundings
from ingestion.rest import Rest
from ingestion.transport import Line
from storage.sqlite import TradeStore


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


class WaitingRest(Rest):
    """A REST that waits for its budget, as one that has spent it does."""

    def server_time_ms(self) -> int:
        waiting.set()
        self.pause(60.0)
        return 0


waiting = threading.Event()


def nobody(url: str) -> Line:
    raise LineDown("Nobody answers.")


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
