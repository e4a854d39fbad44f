"""Wishes in the store: put there by screens that only read, carried out by the one process that collects."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from core.errors import StoreError
from core.wishes import Wish
from storage.connect import explain
from storage.work import Ledger

MOST: Final = 100  # that wait; who asks for more is told so
_WAIT_S: Final = 2.0  # for the collector's transaction
_WISHES: Final = "SELECT id, asked_ms, words, state, answer FROM wishes ORDER BY id"


class WishReading:
    """The part of a store's reader that knows wishes."""

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def wishes(self) -> tuple[Wish, ...]:
        """What was asked and is not done, in the order it came."""
        return tuple(Wish(*row) for row in self._rows(_WISHES))

    def wish_body(self, wish_id: int) -> str:
        """What is asked, as JSON; may hold a channel's address. Empty once it is taken, or where it is gone."""
        rows = self._rows("SELECT body FROM wishes WHERE id = ?", wish_id)
        return str(rows[0][0]) if rows else ""


def may_put(path: Path) -> bool:
    """Whether this user may write the file, as far as its permissions say. Cheap."""
    beside = (path, Path(f"{path}-wal"), Path(f"{path}-shm"))
    return all(os.access(name, os.W_OK) for name in beside if name == path or name.exists())


def put_wish(path: Path, words: str, body: str, asked_ms: int) -> None:
    """Ask something of the process that collects into this database. On disk when this returns.

    Through a connection of its own that is closed at once: the collector's is the only one that stays open for
    writing.

    Raises
    ------
    StoreError
        If this user may not write the file, it stays locked, or too much waits already.
    """
    try:
        uri = path.resolve().as_uri() + "?mode=rw"  # never made anew
        with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # the collector's to do, and its time to spend
            connection.execute("BEGIN IMMEDIATE")
            (waiting,) = connection.execute("SELECT count(*) FROM wishes WHERE state <> 'refused'").fetchone()
            if waiting >= MOST:
                raise StoreError(f"{waiting} wishes wait for the Pairsight that collects: is it running?")
            connection.execute(
                "INSERT INTO wishes (asked_ms, words, state, answer, body) VALUES (?, ?, 'asked', '', ?)",
                (asked_ms, words, body),
            )
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreError("The desk is writing: try again in a moment.") from error
        raise explain(error, path) from error


@dataclass(frozen=True, slots=True)
class TakeWish:
    """It is being done. What it may hold of secrets leaves the file."""

    wish_id: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute("UPDATE wishes SET state = 'taken', body = '' WHERE id = ?", (self.wish_id,))


@dataclass(frozen=True, slots=True)
class RefuseWish:
    """It cannot be done."""

    wish_id: int
    answer: str
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute(
            "UPDATE wishes SET state = 'refused', answer = ?, body = '' WHERE id = ?", (self.answer, self.wish_id)
        )


@dataclass(frozen=True, slots=True)
class DropWish:
    """It is done, or what was answered has been there long enough."""

    wish_id: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute("DELETE FROM wishes WHERE id = ?", (self.wish_id,))
