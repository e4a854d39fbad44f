"""Trades on paper in the database: how they are written, all that one look changed at once, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import nan
from typing import Any, Final

from core.paper import PaperBook, PaperTrade, Settlement
from storage.work import Ledger, stored

_KEY: Final = ("pair", "timeframe_s", "look_ms", "params")
_NAMES: Final = tuple(f.name for f in fields(PaperTrade))
_KINDS: Final = tuple(str(f.type) for f in fields(PaperTrade))
_CHANGED: Final = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in _KEY)
_PUT_TRADE: Final = (
    f"INSERT INTO paper_trades ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
    f" ON CONFLICT DO UPDATE SET {_CHANGED}"
)
_PUT_BOOK: Final = "INSERT OR REPLACE INTO paper_books VALUES (?, ?, ?, ?, ?)"
_PUT_SETTLEMENT: Final = "INSERT OR IGNORE INTO settlements VALUES (?, ?, ?, ?)"

TRADES: Final = f"SELECT {', '.join(_NAMES)} FROM paper_trades"  # noqa: S608 (the names are the program's own)
NEWEST_TRADES: Final = TRADES + " ORDER BY look_ms DESC, pair, timeframe_s, params LIMIT ?"
CHANGED_TRADES: Final = TRADES + " WHERE changed_ms >= ? ORDER BY look_ms"
OPEN_TRADES: Final = TRADES + " WHERE state <> 'closed' ORDER BY look_ms"
UNKNOWN_FUNDING: Final = TRADES + " WHERE funding_unknown > 0 AND state = 'closed' AND out_ms >= ?"
BOOKS: Final = "SELECT pair, timeframe_s, params, candle_ms, memory FROM paper_books"
SETTLEMENTS: Final = "SELECT symbol, settle_ms, rate, mark FROM settlements WHERE settle_ms >= ? ORDER BY settle_ms"
MARK: Final = "SELECT max(changed_ms) FROM paper_trades"  # the end of an index; nothing is ever deleted


@dataclass(frozen=True, slots=True)
class PutPaper:
    """Store trades as they are now, how far their books have come, and what was settled: all of it or nothing.

    A trade is one row by its key, however often it is put: a look that is taken again after a crash opens no second.
    """

    trades: tuple[PaperTrade, ...] = ()
    books: tuple[PaperBook, ...] = ()
    settlements: tuple[Settlement, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.trades) + len(self.books) + len(self.settlements)

    def do(self, ledger: Ledger) -> None:
        run = ledger.connection.executemany
        run(_PUT_TRADE, [_stored(t) for t in self.trades])
        run(_PUT_BOOK, [(b.pair, b.timeframe_s, b.params, b.candle_ms, b.memory) for b in self.books])
        run(_PUT_SETTLEMENT, [(s.symbol, s.settle_ms, s.rate, s.mark) for s in self.settlements])


def trade_of(row: Sequence[Any]) -> PaperTrade:
    """A trade as it was stored; only numbers may be NULL, and are then unknown."""
    values: list[Any] = [nan if value is None else value for value in row]
    return PaperTrade(*values)


def _stored(trade: PaperTrade) -> list[object]:
    return [stored(kind, getattr(trade, name)) for name, kind in zip(_NAMES, _KINDS, strict=True)]
