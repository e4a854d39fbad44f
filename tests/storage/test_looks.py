"""Looks and their notes: what finds no room is said not to be taken, and a note reads no more than it marks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.journal import JournalRow
from storage.sqlite import TradeStore
from storage.work import Ledger, NoteLooks
from tests.analytics.looks import look
from tests.storage.faults import Disk
from tests.storage.test_sqlite import WAITED_S, until_failing

ONE: Final = look(0, 1.0, 100.0, 50.0)


def at(*seconds: int, params: str = "key", pair: str = "A/B") -> list[JournalRow]:
    return [replace(ONE, pair=pair, timeframe_s=1, candle_ms=s * 1000, params=params) for s in seconds]


def test_looks_and_notes_that_find_no_room_are_not_taken(tmp_path: Path) -> None:
    disk = Disk()
    with TradeStore(tmp_path / "a.db", flush_ms=10, queue_rows=10, connect=disk.connect) as store:
        disk.code = sqlite3.SQLITE_FULL
        assert store.put_looks(at(*range(10)))
        until_failing(store)
        assert not store.put_looks(at(10, 11))
        assert all(store.note_looks("A/B", 1, 0, 0) for _ in range(2))
        assert not store.note_looks("A/B", 1, 0, 0)
        disk.code = None
        assert store.flush(WAITED_S)
        assert store.put_looks(at(10, 11))
        assert store.flush(WAITED_S)
        assert [row.candle_ms for row in store.looks("A/B", 1, "key")] == [s * 1000 for s in range(12)]


def test_a_note_marks_every_journal_of_the_pair_in_its_stretch_and_nothing_else(tmp_path: Path) -> None:
    with TradeStore(tmp_path / "a.db", flush_ms=10) as store:
        for params in ("", "first", "second", "third"):
            store.put_looks(at(*range(9), params=params))
        store.put_looks(at(*range(9), pair="A/C"))
        assert store.note_looks("A/B", 1, 3_000, 5_000)
        assert store.note_looks("A/C", 5, 3_000, 5_000)
        assert store.note_looks("B/A", 1, 3_000, 5_000)
        assert store.flush(WAITED_S)
        for params in ("", "first", "second", "third"):
            noted = [row.candle_ms for row in store.looks("A/B", 1, params) if row.note == "repaired"]
            assert noted == [3_000, 4_000, 5_000]
        assert not any(row.note for row in store.looks("A/C", 1, "key"))


def test_what_a_note_costs_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    """SQLite counts its own steps; a look's row is long, and a journal by the second soon has millions."""
    with TradeStore(tmp_path / "a.db", flush_ms=10) as store:
        for params in ("first", "second"):
            store.put_looks(at(*range(4_000), params=params))
            store.put_looks(at(*range(3_990, 4_000), params=params, pair="A/C"))
        assert store.flush(WAITED_S)
    assert steps(tmp_path / "a.db", "A/B") <= 1.1 * steps(tmp_path / "a.db", "A/C")


def steps(path: Path, pair: str) -> int:
    """So many it takes, by tens, to note a journal's last ten seconds."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_progress_handler(count, 10)
        NoteLooks(pair, 1, 3_990_000, 3_999_000).do(Ledger(connection))
    return counted
