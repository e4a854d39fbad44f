"""The screen reads of the trades on paper only what changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desk import track_shelf
from desk.track_shelf import TrackShelf
from storage.sqlite import TradeStore
from tests.storage.test_paper import TRADE


def test_what_changed_is_read_by_itself_and_what_did_not_is_the_same_object(store: TradeStore) -> None:
    shelf = TrackShelf()
    assert shelf.view(store).trades == ()
    store.put_paper([replace(TRADE, look_ms=i, promised_bps=0.0, middle_bps=0.0, changed_ms=5) for i in (1, 2)])
    assert store.flush()
    first = shelf.view(store)
    assert [t.look_ms for t in first.trades] == [1, 2]
    assert shelf.view(store) is first
    closed = replace(TRADE, look_ms=2, promised_bps=0.0, state="closed", out_ms=7, changed_ms=6)
    store.put_paper([closed, replace(TRADE, look_ms=3, promised_bps=0.0, changed_ms=6)])
    assert store.flush()
    now = shelf.view(store)
    assert [(t.look_ms, t.state) for t in now.trades] == [(1, "entering"), (2, "closed"), (3, "entering")]
    assert [t.look_ms for t in now.on] == [1, 3]
    assert now.mark != first.mark
    seen = replace(now.trades[0], seen_ms=99, changed_ms=8)
    store.put_paper([seen])
    assert store.flush()
    later = shelf.view(store)
    assert later.trades[0].seen_ms == 99
    assert later.mark == now.mark  # no figure changes


def test_it_holds_no_more_than_it_shows(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_shelf, "MOST", 3)
    shelf = TrackShelf()
    for ms in range(1, 6):
        store.put_paper([replace(TRADE, look_ms=ms, changed_ms=ms)])
        assert store.flush()
        assert [t.look_ms for t in shelf.view(store).trades] == list(range(1, ms + 1))[-3:]
    assert len(shelf._trades) == 3


def test_another_store_is_read_anew_though_nothing_in_it_is_newer(store: TradeStore, tmp_path: Path) -> None:
    shelf = TrackShelf()
    store.put_paper([replace(TRADE, look_ms=1, changed_ms=5)])
    assert store.flush()
    assert [t.look_ms for t in shelf.view(store).trades] == [1]
    with TradeStore(tmp_path / "other.db", flush_ms=10) as other:
        other.put_paper([replace(TRADE, look_ms=2, changed_ms=5)])
        assert other.flush()
        assert [t.look_ms for t in shelf.view(other).trades] == [2]
