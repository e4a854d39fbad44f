"""What the screens show of the journal is read once, and is always that of the store they look at."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from analytics.params import Params
from core.journal import JournalRow
from desk import journal_shelf
from desk.journal_shelf import JournalShelf
from storage.reader import StoreReader

PARAMS = Params()


class Store:
    """A journal by hand; it counts how often more than the newest row is read."""

    def __init__(self, reason: str = "", looks: int = 3) -> None:
        self.said = [JournalRow("A/B", 60, n, "key", "rule", "WAIT", reason) for n in range(looks)]
        self.reads = 0

    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int) -> list[JournalRow]:
        self.reads += limit > 1
        return self.said[-limit:]


def rows(shelf: JournalShelf, store: Store, pair: str = "A/B", limit: int = 10) -> list[JournalRow]:
    return shelf.rows(cast("StoreReader", store), pair, PARAMS, limit)


def test_the_journal_is_read_again_only_once_something_was_said() -> None:
    shelf, store = JournalShelf(), Store()
    assert rows(shelf, store) is rows(shelf, store)
    store.said.append(JournalRow("A/B", 60, 9, "key", "rule", "WAIT", ""))
    assert rows(shelf, store) == store.said
    assert store.reads == 2
    assert rows(shelf, store, limit=2) == store.said[-2:]


def test_nothing_said_is_nothing_read() -> None:
    store = Store(looks=0)
    assert rows(JournalShelf(), store) == []
    assert store.reads == 0


def test_another_store_has_another_journal() -> None:
    shelf, simulated, real = JournalShelf(), Store("made up"), Store("real")
    assert rows(shelf, simulated) == simulated.said
    assert rows(shelf, real) == real.said
    assert rows(shelf, simulated) == simulated.said


def test_many_tabs_at_once_each_get_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_shelf, "MOST", 1)
    shelf, stores = JournalShelf(), [Store("one"), Store("two")]
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as tabs:
            got = list(tabs.map(lambda n: rows(shelf, stores[n % 2], f"A/{n % 5}") == stores[n % 2].said, range(4_000)))
    finally:
        sys.setswitchinterval(0.005)
    assert all(got)
