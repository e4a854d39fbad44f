"""The collector by itself, not started: what it streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import desk.collector
from core.errors import StoreError
from core.settings import Settings
from core.types import Trade
from desk.collector import Collector
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
