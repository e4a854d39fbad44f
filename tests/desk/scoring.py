"""A small world for the track record: looks said and prices traded by hand, a store by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from analytics.report import PairReport, analyse
from core.journal import JournalRow
from core.paper import PaperBook, PaperTrade, Settlement
from core.types import Candles, MarkPrice, Ticks, Trade
from desk.scorebooks import Market, ScoreBooks
from desk.settling import Settling
from desk.track_record import TrackRecord
from desk.watch import Key
from tests.analytics.looks import MINUTE_MS, PARAMS, START_MS

KEY = Key("YUSDT", "XUSDT", PARAMS)


class Shelf:
    """A store by hand: what it was asked to keep, as of the last flush and since."""

    def __init__(self) -> None:
        self.looks: list[JournalRow] = []
        self.trades: dict[object, PaperTrade] = {}
        self.books: dict[object, PaperBook] = {}
        self.settled: dict[object, Settlement] = {}
        self.refuses = False
        self.puts = 0
        self.bars: dict[str, Candles] = {}

    def looks_after(self, pair: str, timeframe_s: int, params: str, after_ms: int, *, limit: int) -> list[JournalRow]:
        mine = [r for r in self.looks if (r.pair, r.timeframe_s, r.params) == (pair, timeframe_s, params)]
        return [r for r in mine if r.candle_ms > after_ms][:limit]

    def open_paper_trades(self) -> list[PaperTrade]:
        return [t for t in self.trades.values() if t.state != "closed"]

    def unfunded_paper_trades(self, from_ms: int) -> list[PaperTrade]:
        return [t for t in self.trades.values() if t.state == "closed" and t.funding_unknown and t.out_ms >= from_ms]

    def paper_books(self) -> list[PaperBook]:
        return list(self.books.values())

    def settlements(self, from_ms: int) -> list[Settlement]:
        return [s for s in self.settled.values() if s.settle_ms >= from_ms]

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        *,
        limit: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Candles:
        c = self.bars.get(symbol, Candles.empty(symbol, timeframe_s))
        c = c.take((c.open_ms >= (from_ms or 0)) & (c.open_ms < (inf if to_ms is None else to_ms)))
        return c.take(slice(-limit, None)) if limit else c

    def paper_mark(self) -> int:
        return max((t.changed_ms for t in self.trades.values()), default=0)

    def put_paper(self, trades=(), books=(), settlements=()) -> bool:  # type: ignore[no-untyped-def]
        if self.refuses:
            return False
        self.puts += 1
        self.trades.update((t.key, t) for t in trades)
        self.books.update(((b.pair, b.timeframe_s, b.params), b) for b in books)
        self.settled.update(((s.symbol, s.settle_ms), s) for s in settlements)
        return True


@dataclass
class World:
    """The market, and one process after another that keeps score of it."""

    shelf: Shelf = field(default_factory=Shelf)
    now_ms: int = START_MS
    clock_s: float = 0.0
    trades: dict[str, list[tuple[int, int, float, bool]]] = field(default_factory=dict)  # id, ms, price, taker sold
    marks: dict[str, MarkPrice] = field(default_factory=dict)
    hours: dict[str, int] | None = field(default_factory=lambda: {"XUSDT": 4})
    ask: Callable[[str, int, int], list[tuple[int, float]]] | None = None
    wanted: list[Key] = field(default_factory=list)
    listed: dict[str, bool] | None = field(default_factory=lambda: {"YUSDT": True, "XUSDT": True})
    ahead_ms: float = 0.0
    watches: list[Key] = field(default_factory=lambda: [KEY])
    record: TrackRecord = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A new process; what the one before had not stored is gone."""
        market = Market(self.last, self.prints, lambda: self.now_ms, self.trades_on, lambda: self.ahead_ms)
        settling = Settling(
            self.shelf, lambda: self.marks, lambda: self.now_ms, self.ask, lambda: self.clock_s, lambda: self.hours
        )
        books = ScoreBooks(self.shelf, market, settling, self.report_to, lambda: self.now_ms, lambda: self.clock_s)
        self.record = TrackRecord(
            books,
            flush=lambda: True,
            exchange_ms=lambda: self.now_ms,
            want=self.wanted.append,
            watches=lambda: self.watches,
        )

    def trades_on(self, symbol: str) -> bool | None:
        return None if self.listed is None else self.listed.get(symbol, False)

    def report_to(self, key: Key, bars: int, to_ms: int | None) -> PairReport:
        y, x = (self.shelf.candles(s, 60, limit=bars, to_ms=to_ms) for s in key.symbols)
        return analyse(y, x, key.params)

    def prints(self, symbol: str) -> Ticks:
        told = self.trades.get(symbol, [])
        if not told:
            return Ticks.empty(symbol)
        ids, ms, price, sold = (np.array(column) for column in zip(*told, strict=True))
        return Ticks(symbol, ids, ids, ms, price.astype(np.float64), np.ones(len(ids)), sold.astype(np.bool_))

    def last(self, symbol: str) -> Trade | None:
        told = self.trades.get(symbol)
        return Trade(symbol, told[-1][0], told[-1][0], told[-1][1], told[-1][2], 1.0, told[-1][3]) if told else None

    def trade(self, symbol: str, ms: int, bid: float, ask: float) -> None:
        """A taker sells at the bid, another buys at the ask."""
        told = self.trades.setdefault(symbol, [])
        for price, sold in ((bid, True), (ask, False)):
            told.append((len(told) + 1, ms, price, sold))
        self.now_ms = max(self.now_ms, ms)

    def say(self, row: JournalRow, *, heard: bool = True) -> None:
        """The engine journals a look at its candle's end, and tells it."""
        self.shelf.looks.append(row)
        self.now_ms = max(self.now_ms, row.candle_ms + MINUTE_MS + 500)
        if heard:
            self.record.hear(replace(KEY, params=PARAMS), row)

    @property
    def one(self) -> PaperTrade:
        (trade,) = self.shelf.trades.values()
        return trade
