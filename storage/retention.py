"""Old trades leave, a few at a time. Candles stay for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from storage.work import Span, count_trades

LOT_ROWS: Final = 1000
# Trades are let grow this much older than asked before any leave: a few large lots cost less than many small ones.
_SLACK: Final = 0.01


class Retention:
    """Which trades are too old, by exchange time: a replay lives in the past, so no clock of ours is asked.

    "Now" is the older of the newest times that the last two transactions with trades brought: one trade with a wild
    time cannot empty the table. Nothing is read from the database unless something is too old.
    """

    def __init__(self, connection: sqlite3.Connection, keep_ms: int) -> None:
        self._keep_ms = keep_ms
        self._oldest_ms: dict[int, int] = {}  # by symbol
        self._leaving = False
        newest = []
        for (symbol_id,) in connection.execute("SELECT id FROM symbols").fetchall():
            first, last = (_edge(connection, symbol_id, edge) for edge in ("min", "max"))
            if first is not None and last is not None:
                self._oldest_ms[symbol_id] = first
                newest.append(last)
        latest = max(newest, default=None)
        self._newest_ms: tuple[int | None, int | None] = (latest, latest)

    def saw(self, times: Mapping[int, Span]) -> None:
        """A transaction brought trades of these times, by symbol."""
        if times:
            for symbol_id, (first, _) in times.items():
                self._oldest_ms[symbol_id] = min(first, self._oldest_ms.get(symbol_id, first))
            self._newest_ms = (self._newest_ms[1], max(last for _, last in times.values()))

    def lot(self, connection: sqlite3.Connection) -> int:
        """Delete at most one lot, in a transaction of its own; returns its rows, 0 when nothing is too old."""
        before, last = self._newest_ms
        if before is None or last is None:
            return 0
        cutoff_ms = min(before, last) - self._keep_ms
        start_ms = cutoff_ms if self._leaving else cutoff_ms - int(self._keep_ms * _SLACK)
        symbol_id = next((i for i, oldest_ms in self._oldest_ms.items() if oldest_ms < start_ms), None)
        self._leaving = symbol_id is not None
        if symbol_id is None:
            return 0
        connection.execute("BEGIN IMMEDIATE")
        gone = connection.execute(
            "DELETE FROM trades WHERE symbol_id = ?1 AND trade_id IN"
            " (SELECT trade_id FROM trades WHERE symbol_id = ?1 AND ts_ms < ?2 ORDER BY ts_ms LIMIT ?3)",
            (symbol_id, cutoff_ms, LOT_ROWS),
        ).rowcount
        count_trades(connection, symbol_id, -gone)
        oldest_ms = _edge(connection, symbol_id, "min")
        connection.execute("COMMIT")
        if oldest_ms is None:
            del self._oldest_ms[symbol_id]
        else:
            self._oldest_ms[symbol_id] = oldest_ms
        return gone


def _edge(connection: sqlite3.Connection, symbol_id: int, edge: str) -> int | None:
    """A symbol's oldest ('min') or newest ('max') stored trade time; None without trades."""
    sql = f"SELECT {edge}(ts_ms) FROM trades WHERE symbol_id = ?"  # noqa: S608 (min or max)
    (found,) = connection.execute(sql, (symbol_id,)).fetchone()
    return None if found is None else int(found)
