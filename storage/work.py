"""What can be asked of the writer, and how each request is carried out inside its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from math import isnan
from typing import ClassVar, Final, Protocol

import numpy as np

from core.journal import JournalRow
from core.types import Candles, Floats, Gap, GapState, Ticks
from storage.rows import ManyRows

Span = tuple[int, int]  # oldest and newest time, ms

_TRADES: Final = ManyRows("INSERT OR IGNORE INTO trades", 7)
_NEW_CANDLES: Final = ManyRows("INSERT OR IGNORE INTO candles", 10)
# An upsert, not REPLACE: that would delete behind the back of the triggers that count.
_ANY_CANDLES: Final = ManyRows(
    "INSERT INTO candles",
    10,
    "ON CONFLICT DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,"
    " volume = excluded.volume, trade_count = excluded.trade_count, provenance = excluded.provenance",
)
_LOOKS: Final = ManyRows("INSERT OR IGNORE INTO decisions", len(fields(JournalRow)))
# Each journal of the pair is named, for its candles come after its parameters in the key: else all of it is read.
_NOTE: Final = """
    WITH RECURSIVE journals (params) AS (
        SELECT min(params) FROM decisions WHERE pair = :pair AND timeframe_s = :timeframe_s
        UNION ALL
        SELECT (
            SELECT min(params) FROM decisions
            WHERE pair = :pair AND timeframe_s = :timeframe_s AND params > journals.params
        ) FROM journals WHERE journals.params IS NOT NULL
    )
    UPDATE decisions SET note = 'repaired' WHERE pair = :pair AND timeframe_s = :timeframe_s
        AND params IN (SELECT params FROM journals) AND candle_ms BETWEEN :from_ms AND :to_ms AND note <> 'repaired'
"""


class Ledger:
    """The writing connection, its transaction, and what is known of both: the symbols' ids, its trades' times."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._ids: dict[str, int] = dict(connection.execute("SELECT name, id FROM symbols"))
        self._new: list[str] = []
        self._times: dict[int, Span] = {}

    def begin(self) -> None:
        """Begin a transaction."""
        self._new, self._times = [], {}
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> Mapping[int, Span]:
        """End it; returns the oldest and newest time of its trades, by symbol id."""
        self.connection.execute("COMMIT")
        self._new = []  # they stay, whatever comes before the next one begins
        return self._times

    def undo(self) -> None:
        """Leave the transaction, if there still is one, as if it had not been."""
        for symbol in self._new:
            self._ids.pop(symbol, None)
        self._new = []
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):  # SQLite rolls back by itself when it cannot be told to
                self.connection.execute("ROLLBACK")

    def symbol_id(self, symbol: str) -> int:
        """The symbol's id, given at first sight."""
        known = self._ids.get(symbol)
        if known is None:
            known = self.connection.execute("INSERT INTO symbols (name) VALUES (?)", (symbol,)).lastrowid
            assert known is not None
            self._ids[symbol] = known
            self._new.append(symbol)
        return known

    def reached(self, symbol_id: int, span: Span) -> None:
        """The transaction holds trades of these times."""
        first, last = self._times.get(symbol_id, span)
        self._times[symbol_id] = (min(first, span[0]), max(last, span[1]))


class Work(Protocol):
    """One request. ``rows`` is what it weighs in the queue."""

    @property
    def rows(self) -> int: ...

    def do(self, ledger: Ledger) -> None: ...


@dataclass(frozen=True, slots=True)
class PutTrades:
    """Store each trade once, however often it comes."""

    ticks: Ticks

    @property
    def rows(self) -> int:
        return len(self.ticks)

    def do(self, ledger: Ledger) -> None:
        t = self.ticks
        _check_finite(t.symbol, t.price, t.qty)
        symbol_id = ledger.symbol_id(t.symbol)
        inserted = _TRADES.run(
            ledger.connection,
            (
                [symbol_id] * len(t),
                t.trade_id.tolist(),
                t.first_id.tolist(),
                t.ts_ms.tolist(),
                t.price.tolist(),
                t.qty.tolist(),
                t.buyer_is_maker.astype(np.int8).tolist(),
            ),
        )
        count_trades(ledger.connection, symbol_id, inserted)
        ledger.reached(symbol_id, (int(t.ts_ms.min()), int(t.ts_ms.max())))


@dataclass(frozen=True, slots=True)
class PutCandles:
    """Store candles that are not there; with ``replace`` also over those that are."""

    candles: Candles
    replace: bool = False

    @property
    def rows(self) -> int:
        return len(self.candles)

    def do(self, ledger: Ledger) -> None:
        c, n = self.candles, len(self.candles)
        _check_finite(c.symbol, c.open, c.high, c.low, c.close, c.volume)
        (_ANY_CANDLES if self.replace else _NEW_CANDLES).run(
            ledger.connection,
            (
                [ledger.symbol_id(c.symbol)] * n,
                [c.timeframe_s] * n,
                c.open_ms.tolist(),
                c.open.tolist(),
                c.high.tolist(),
                c.low.tolist(),
                c.close.tolist(),
                c.volume.tolist(),
                c.trade_count.tolist(),
                c.provenance.tolist(),
            ),
        )


@dataclass(frozen=True, slots=True)
class DeleteCandles:
    """Remove the candles that [from_ms, to_ms] touches, save those the exchange itself closed."""

    symbol: str
    from_ms: int
    to_ms: int
    timeframe_s: int | None = None  # None: every timeframe
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        symbol_id = ledger.symbol_id(self.symbol)
        if self.timeframe_s is None:
            frames = "SELECT timeframe_s FROM totals WHERE symbol_id = ? AND timeframe_s > 0"
            timeframes = [s for (s,) in ledger.connection.execute(frames, (symbol_id,))]
        else:
            timeframes = [self.timeframe_s]
        for timeframe_s in timeframes:
            ledger.connection.execute(
                "DELETE FROM candles WHERE symbol_id = ? AND timeframe_s = ? AND open_ms > ? AND open_ms <= ?"
                " AND provenance <> 'kline'",
                (symbol_id, timeframe_s, int(self.from_ms) - timeframe_s * 1000, int(self.to_ms)),
            )


@dataclass(frozen=True, slots=True)
class PutGap:
    """Store a gap, once; put again, it has the state given last."""

    gap: Gap
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        g = self.gap
        ledger.connection.execute(
            "INSERT INTO gaps (symbol_id, after_id, before_id, from_ms, to_ms, state) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET state = excluded.state",
            (ledger.symbol_id(g.symbol), *_bounds(g), g.state),
        )


@dataclass(frozen=True, slots=True)
class SetGapState:
    """Say what became of a gap, by its id or, before it has one, by its bounds."""

    gap: Gap
    state: GapState
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        g = self.gap
        if g.id is not None:
            ledger.connection.execute("UPDATE gaps SET state = ? WHERE id = ?", (self.state, g.id))
            return
        ledger.connection.execute(
            "UPDATE gaps SET state = ? WHERE symbol_id = ? AND after_id IS ? AND before_id IS ?"
            " AND from_ms = ? AND to_ms = ?",
            (self.state, ledger.symbol_id(g.symbol), *_bounds(g)),
        )


@dataclass(frozen=True, slots=True)
class PutNote:
    """Keep a small thing by name; the newest stands."""

    name: str
    body: str  # JSON
    at_ms: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (self.name, self.body, self.at_ms))


@dataclass(frozen=True, slots=True)
class PutLooks:
    """Store what looks said, each once; a look that is there is never changed."""

    looks: tuple[JournalRow, ...]

    @property
    def rows(self) -> int:
        return len(self.looks)

    def do(self, ledger: Ledger) -> None:
        columns = [[stored(f.type, getattr(look, f.name)) for look in self.looks] for f in fields(JournalRow)]
        _LOOKS.run(ledger.connection, columns)


@dataclass(frozen=True, slots=True)
class NoteLooks:
    """Note "repaired" on stored looks at candles opened in [from_ms, to_ms]; what they said stays."""

    pair: str
    timeframe_s: int
    from_ms: int
    to_ms: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        span = {"from_ms": int(self.from_ms), "to_ms": int(self.to_ms)}
        ledger.connection.execute(_NOTE, {"pair": self.pair, "timeframe_s": self.timeframe_s, **span})


def gather(requests: Iterable[Work]) -> list[Work]:
    """The same requests with each symbol's trades in one: they go first, since nothing else depends on their order."""
    sheaves: dict[str, list[Ticks]] = {}
    others: list[Work] = []
    for request in requests:
        if isinstance(request, PutTrades):
            sheaves.setdefault(request.ticks.symbol, []).append(request.ticks)
        else:
            others.append(request)
    return [*(PutTrades(first.joined(*more) if more else first) for first, *more in sheaves.values()), *others]


def count_trades(connection: sqlite3.Connection, symbol_id: int, change: int) -> None:
    """Keep the number of a symbol's stored trades."""
    if change:
        connection.execute(
            "INSERT INTO totals VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET row_count = row_count + excluded.row_count",
            (symbol_id, change),
        )


def _check_finite(symbol: str, *columns: Floats) -> None:
    # SQLite takes NaN for NULL, and OR IGNORE would then lose the row without a word.
    if not all(np.isfinite(column).all() for column in columns):
        raise ValueError(f"{symbol}: a price or quantity is not finite")


def _bounds(gap: Gap) -> tuple[int | None, int | None, int, int]:
    # int(): bounds are often cut from arrays, and SQLite does not know numpy's integers.
    after_id, before_id = (None if bound is None else int(bound) for bound in (gap.after_id, gap.before_id))
    return after_id, before_id, int(gap.from_ms), int(gap.to_ms)


def stored(kind: object, value: str | int | float) -> str | int | float | None:
    """A field as its column holds it; int() and float(), for SQLite does not know numpy's."""
    if kind == "float":
        return None if isnan(number := float(value)) else number
    return int(value) if kind == "int" else value
