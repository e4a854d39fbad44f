"""Reading the store, from any thread. What a read costs follows the rows asked for, not those stored."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from math import nan
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.journal import JournalRow
from core.paper import PaperBook, PaperTrade, Settlement
from core.types import Candles, Gap, GapState, StoreStatus, Ticks, Trade
from storage import paper
from storage.alerts import AlertReading
from storage.connect import check_file, connect_reader, explain
from storage.schema import MIGRATIONS
from storage.wishes import WishReading

_IDLE_CONNECTIONS: Final = 8  # kept open for the next reads; more are opened while needed
_EVER: Final = 1 << 62
_ALL: Final = -1  # SQLite's LIMIT for none

_CANDLES: Final = """
    SELECT open_ms, open, high, low, close, volume, trade_count, provenance FROM candles
    WHERE symbol_id = (SELECT id FROM symbols WHERE name = ?) AND timeframe_s = ? AND open_ms >= ? AND open_ms < ?
    ORDER BY open_ms DESC LIMIT ?"""
_CANDLE: Final = np.dtype("i8, f8, f8, f8, f8, f8, i8, U8")
_TRADES: Final = """
    SELECT trade_id, first_id, ts_ms, price, qty, buyer_is_maker FROM trades
    WHERE symbol_id = (SELECT id FROM symbols WHERE name = ?)"""
_TRADE: Final = np.dtype("i8, i8, i8, f8, f8, ?")
_TRADES_BY_ID: Final = _TRADES + " AND trade_id > ? AND trade_id < ? ORDER BY trade_id DESC LIMIT ?"
_NEXT_TRADE: Final = _TRADES + " AND trade_id > ? ORDER BY trade_id LIMIT 1"
_TRADES_BY_TIME: Final = _TRADES + " AND ts_ms >= ? AND ts_ms < ? ORDER BY ts_ms DESC, trade_id DESC LIMIT ?"
_GAPS: Final = """
    SELECT name, after_id, before_id, from_ms, to_ms, state, gaps.id FROM gaps JOIN symbols ON symbols.id = symbol_id
    WHERE to_ms >= ? AND from_ms < ?"""
_GAPS_NEWEST: Final = " ORDER BY to_ms DESC, gaps.id DESC LIMIT ?"
_LOOK_NAMES: Final = tuple(f.name for f in fields(JournalRow))
_LOOKS: Final = f"""
    SELECT {", ".join(_LOOK_NAMES)} FROM decisions
    WHERE pair = ? AND timeframe_s = ? AND params = ? AND candle_ms >= ? AND candle_ms < ?
    ORDER BY candle_ms DESC LIMIT ?"""  # noqa: S608 (the names are the program's own)
_LOOKS_AFTER: Final = f"""
    SELECT {", ".join(_LOOK_NAMES)} FROM decisions
    WHERE pair = ? AND timeframe_s = ? AND params = ? AND candle_ms > ?
    ORDER BY candle_ms LIMIT ?"""  # noqa: S608 (the names are the program's own)


class StoreReader(AlertReading, WishReading):
    """A Pairsight database, read only. Safe from any thread; each read sees one committed state.

    Times ``from_ms <= t < to_ms`` are half open everywhere; rows come oldest first, and with ``limit`` the newest of
    those asked for. A symbol never stored has no rows. Every read raises StoreError, with a sentence, when the file
    cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pool = _Pool(path)

    @classmethod
    def open_reader(cls, path: Path | str) -> StoreReader:
        """Read a database that another process, or nobody, collects into.

        Raises
        ------
        StoreError
            If there is none yet, it is another program's, or of an older or newer Pairsight.
        StoreCorrupt
            If the file is not a usable database.
        """
        path = Path(path)
        have, known = check_file(path), MIGRATIONS[-1].number
        if not have:
            raise StoreError(f"{path} holds nothing yet: start a Pairsight that collects into it")
        if have < known:
            raise StoreError(
                f"{path} has format {have}, this Pairsight reads {known}: end the one that collects into it, "
                "and start it again in this version"
            )
        return StoreReader(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def status(self) -> StoreStatus:
        """The store at this moment. Cheap."""
        return StoreStatus(
            "closed" if self._pool.closed else "reading", path=str(self._path), size_bytes=self._size_bytes()
        )

    def close(self, timeout_s: float = 10.0) -> bool:
        """End reading; later reads raise StoreError."""
        self._pool.close()
        return True

    def symbols(self) -> tuple[str, ...]:
        """Every symbol ever stored, by name."""
        return tuple(name for (name,) in self._rows("SELECT name FROM symbols ORDER BY name"))

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        *,
        limit: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Candles:
        """Confirmed, complete candles opened in ``from_ms <= t < to_ms``, oldest first; with ``limit`` the newest."""
        span = _or(from_ms, -_EVER), _or(to_ms, _EVER), _or(limit, _ALL)
        return Candles(symbol, timeframe_s, *self._columns(_CANDLES, _CANDLE, symbol, timeframe_s, *span))

    def trades(
        self,
        symbol: str,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        after_id: int | None = None,
        before_id: int | None = None,
        limit: int | None = None,
    ) -> Ticks:
        """Stored trades by time, or by id with ``after_id < trade_id < before_id``; not by both. In order of id."""
        by_time = from_ms is not None or to_ms is not None
        if by_time and (after_id is not None or before_id is not None):
            raise ValueError("trades are read by time or by id, not by both")
        sql, low, high = (_TRADES_BY_TIME, from_ms, to_ms) if by_time else (_TRADES_BY_ID, after_id, before_id)
        columns = self._columns(sql, _TRADE, symbol, _or(low, -_EVER), _or(high, _EVER), _or(limit, _ALL))
        found = Ticks(symbol, *columns)
        return found.take(np.argsort(found.trade_id, kind="stable")) if by_time else found

    def last_trade(self, symbol: str) -> Trade | None:
        """The stored trade with the highest id."""
        return _only(self.trades(symbol, limit=1))

    def next_trade(self, symbol: str, after_id: int) -> Trade | None:
        """The stored trade with the lowest id above ``after_id``."""
        return _only(Ticks(symbol, *self._columns(_NEXT_TRADE, _TRADE, symbol, after_id)))

    def gaps(
        self,
        symbol: str | None = None,
        state: GapState | None = None,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int | None = None,
    ) -> list[Gap]:
        """Gaps that end at or after ``from_ms`` and start before ``to_ms``, by their end."""
        sql = _GAPS
        values: list[int | str] = [_or(from_ms, -_EVER), _or(to_ms, _EVER)]
        for clause, value in ((" AND name = ?", symbol), (" AND state = ?", state)):
            if value is not None:
                sql, values = sql + clause, [*values, value]
        rows = self._rows(sql + _GAPS_NEWEST, *values, _or(limit, _ALL))
        return [Gap(*row) for row in reversed(rows)]

    def gap_counts(self) -> Mapping[str, int]:
        """How many gaps are open, repaired and lost."""
        counted = dict(self._rows("SELECT state, count(*) FROM gaps GROUP BY state"))
        return {state: counted.get(state, 0) for state in ("open", "repaired", "lost")}

    def counts(self) -> Mapping[tuple[str, int], int]:
        """Rows stored by symbol and timeframe; timeframe 0 stands for trades."""
        rows = self._rows("SELECT name, timeframe_s, row_count FROM totals JOIN symbols ON symbols.id = symbol_id")
        return {(name, timeframe_s): count for name, timeframe_s, count in rows}

    def note(self, name: str) -> tuple[str, int] | None:
        """A small thing kept by name: its JSON and when it was put, Unix ms; None where there is none."""
        rows = self._rows("SELECT body, at_ms FROM notes WHERE name = ?", name)
        return (str(rows[0][0]), int(rows[0][1])) if rows else None

    def looks(
        self,
        pair: str,
        timeframe_s: int,
        params: str,
        *,
        limit: int | None = None,
        before_ms: int | None = None,
        from_ms: int | None = None,
    ) -> list[JournalRow]:
        """What the looks said at candles opened in ``from_ms <= t < before_ms``, oldest first."""
        rows = self._rows(
            _LOOKS, pair, timeframe_s, params, _or(from_ms, -_EVER), _or(before_ms, _EVER), _or(limit, _ALL)
        )
        return [_look(row) for row in reversed(rows)]

    def looks_after(self, pair: str, timeframe_s: int, params: str, after_ms: int, *, limit: int) -> list[JournalRow]:
        """What the oldest looks said at candles opened after ``after_ms``, oldest first."""
        return [_look(row) for row in self._rows(_LOOKS_AFTER, pair, timeframe_s, params, after_ms, limit)]

    def paper_trades(self, *, limit: int | None = None) -> list[PaperTrade]:
        """Trades on paper, oldest look first; with ``limit`` the newest."""
        return [paper.trade_of(row) for row in reversed(self._rows(paper.NEWEST_TRADES, _or(limit, _ALL)))]

    def changed_paper_trades(self, from_ms: int) -> list[PaperTrade]:
        """Those that changed since then, our clock."""
        return [paper.trade_of(row) for row in self._rows(paper.CHANGED_TRADES, from_ms)]

    def open_paper_trades(self) -> list[PaperTrade]:
        """Those that are not closed, oldest look first."""
        return [paper.trade_of(row) for row in self._rows(paper.OPEN_TRADES)]

    def unfunded_paper_trades(self, from_ms: int) -> list[PaperTrade]:
        """Those closed since then that were held through a settlement whose rate is not known."""
        return [paper.trade_of(row) for row in self._rows(paper.UNKNOWN_FUNDING, from_ms)]

    def paper_books(self) -> list[PaperBook]:
        """How far each journal has been scored."""
        return [PaperBook(*row) for row in self._rows(paper.BOOKS)]

    def settlements(self, from_ms: int) -> list[Settlement]:
        """Funding seen to be settled since then, oldest first."""
        return [Settlement(*row) for row in self._rows(paper.SETTLEMENTS, from_ms)]

    def paper_mark(self) -> int:
        """When a trade on paper last changed; 0: there is none. It grows with each change. Cheap."""
        return int(self._rows(paper.MARK)[0][0] or 0)

    def _columns(self, sql: str, row: np.dtype[np.void], *values: object) -> list[NDArray[Any]]:
        """What a read that gives the newest row first found, as columns, oldest first.

        The rows never exist as Python objects all at once: those of a long history take 20 MB for each leg.
        """
        with self._pool.connection() as connection:
            found = np.fromiter(connection.execute(sql, values), row)[::-1]
        return [np.ascontiguousarray(found[name]) for name in row.names or ()]

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._pool.connection() as connection:
            return connection.execute(sql, values).fetchall()

    def _size_bytes(self) -> int:
        size = 0
        for name in (self._path, f"{self._path}-wal"):
            try:
                size += os.stat(name).st_size
            except OSError:
                continue
        return size


class _Pool:
    """Read-only connections, handed to one thread at a time. The lock guards the list of idle ones.

    Not one a thread: Streamlit runs every script in a new thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[tuple[sqlite3.Connection, tuple[int, int]]] = []
        self._lock = threading.Lock()
        self.closed = False

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one read; errors of SQLite leave it as StoreError."""
        if self.closed:
            raise StoreError(f"{self._path} is closed")
        connection = None
        try:
            found = os.stat(self._path)
            file = (found.st_dev, found.st_ino)  # a file moved away leaves its readers with the old one
            connection = self._borrow(file) or connect_reader(self._path)
            yield connection
        except (sqlite3.Error, OSError) as error:
            if connection is not None:
                connection.close()
                connection = None
            raise explain(error, self._path) from error
        finally:
            if connection is not None:
                self._give_back(connection, file)

    def close(self) -> None:
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _borrow(self, file: tuple[int, int]) -> sqlite3.Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, opened = self._idle.pop()
            if opened == file:
                return connection
            connection.close()

    def _give_back(self, connection: sqlite3.Connection, file: tuple[int, int]) -> None:
        with self._lock:
            if not self.closed and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append((connection, file))
                return
        connection.close()


def _only(ticks: Ticks) -> Trade | None:
    """The one trade there is, as a value."""
    return ticks.row(0) if len(ticks) else None


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _look(row: tuple[Any, ...]) -> JournalRow:
    """Columns stand in the order of the fields; only numbers may be NULL, and are then undefined."""
    values: list[Any] = [nan if value is None else value for value in row]
    return JournalRow(*values)
