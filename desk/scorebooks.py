"""The books of all pairs that the engine looks at: which look comes next, what is due, what has to be stored.

One thread's own. A book goes on from where the database has it, so that what was said while nobody kept score is
scored from the journal, and a process that was killed opens no trade a second time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np

from analytics.paper import Book, Step, at_touch, scored, without_market
from analytics.paper_entry import Memory, params_of
from analytics.paper_fill import executable
from analytics.params import Params
from analytics.report import PairReport
from core.clock import now_ms
from core.errors import PairsightError, StoreError
from core.journal import JournalRow
from core.paper import PaperBook, PaperTrade, Settlement
from core.types import TIMEFRAME_NAMES, Candles, Ticks, Trade
from desk.abandoned import Abandoned
from desk.owed import CATCH_UP
from desk.settling import Settling
from desk.troubles import Troubles
from desk.watch import Key

log = logging.getLogger(__name__)

CHUNK: Final = 500  # stored looks scored at once
BOOKS_S: Final = 5.0  # how far the books have come is stored at least so often; a crash scores the rest again

LOOKS: Final = "Looks at {} cannot be scored"

BookId = tuple[str, int, str]  # pair, timeframe, key of the parameters


class Library(Protocol):
    """What is read and written."""

    def looks_after(
        self, pair: str, timeframe_s: int, params: str, after_ms: int, *, limit: int
    ) -> list[JournalRow]: ...
    def open_paper_trades(self) -> list[PaperTrade]: ...
    def paper_books(self) -> list[PaperBook]: ...
    def candles(
        self, symbol: str, timeframe_s: int, *, from_ms: int | None = ..., to_ms: int | None = ...
    ) -> Candles: ...
    def paper_mark(self) -> int: ...
    def put_paper(
        self,
        trades: Sequence[PaperTrade] = ...,
        books: Sequence[PaperBook] = ...,
        settlements: Sequence[Settlement] = ...,
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of the market at this moment. Cheap."""

    last_trade: Callable[[str], Trade | None]
    prints: Callable[[str], Ticks]  # recent trades of one symbol
    exchange_ms: Callable[[], int]  # newest exchange time seen; 0: none
    trades_on: Callable[[str], bool | None] = lambda _: None  # whether the exchange lists it as trading; None: no list
    ahead_ms: Callable[[], float] = lambda: 0.0  # of the exchange's clock before ours


@dataclass(slots=True)
class _Unstored:
    """What was changed since the database heard of it."""

    trades: dict[object, PaperTrade] = field(default_factory=dict)
    books: set[BookId] = field(default_factory=set)


class ScoreBooks:
    """``report_to`` analyses stored candles up to a moment. What fails for one book costs the others nothing, and is
    among ``troubles``."""

    def __init__(
        self,
        store: Library,
        market: Market,
        settling: Settling,
        report_to: Callable[[Key, int, int | None], PairReport],
        now_ms: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._market = market
        self._settling = settling
        self._report_to = report_to
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._abandoned = Abandoned(market.trades_on, market.exchange_ms, monotonic)
        self.troubles = Troubles(log)
        self._parts: dict[str, BookId] = {}  # of each book's work, by what its trouble is called
        self._books: dict[BookId, Book] = {}
        self._noted: dict[tuple[object, str], tuple[int, int] | None] = {}  # trade ids when due; None: not at the touch
        self._unstored = _Unstored()
        self._stored_s = -BOOKS_S
        self._changed_ms = 0  # of what was stored last

    def load(self) -> list[BookId]:
        """Go on from where the last process left off; returns the books there are."""
        on: dict[BookId, list[PaperTrade]] = {}
        for trade in self._store.open_paper_trades():
            on.setdefault(book_id(trade), []).append(trade)
        self._books = {}
        for b in self._store.paper_books():
            one = book_id(b)
            self._books[one] = Book(b.candle_ms, trades=tuple(on.get(one, ())))
            self._unstored.books.add(one)
            with self._guarded(one, LOOKS):  # an unreadable one begins anew, as after a long silence
                self._books[one] = replace(self._books[one], memory=Memory.from_text(b.memory))
                self._unstored.books.remove(one)
        self._changed_ms = self._store.paper_mark()
        self._settling.load(self.on, self._now_ms())
        return list(self._books)

    @property
    def on(self) -> list[PaperTrade]:
        """Trades that are not closed."""
        return [trade for book in self._books.values() for trade in book.trades]

    @property
    def waits(self) -> bool:
        """Whether a fill waits for the next trades."""
        return any(noted is not None for noted in self._noted.values())

    def score(self, row: JournalRow, params: Params, heard_ms: int = 0) -> None:
        """Take one look, heard at this exchange time (0: it was not). One that was taken already changes nothing; one
        that cannot be is passed over."""
        one = book_id(row)
        book = self._books.get(one, Book())
        if row.candle_ms <= book.candle_ms:
            return
        self._books[one] = replace(book, candle_ms=row.candle_ms)
        try:
            with self._guarded(one, LOOKS):
                self._take(book, row, params, heard_ms)
        except StoreError:  # it is tried again
            self._books[one] = book
            raise

    def _take(self, book: Book, row: JournalRow, params: Params, heard_ms: int) -> None:
        one = book_id(row)
        y, x = row.pair.split("/")
        each = (self._settling.hours(y), self._settling.hours(x))
        unheard = self._unheard(book, row, params) if book.trades else ()
        self._books[one], changed = scored(book, row, params, each, unheard, self.said_ms(row, heard_ms))
        self._unstored.books.add(one)
        for trade in changed:
            self._put(trade, self._settling.charged(trade))

    def said_ms(self, row: JournalRow, heard_ms: int) -> int:
        """Exchange time at which a look was said: when it was heard, else when it was written; 0: not known."""
        return heard_ms or (row.written_ms and row.written_ms + round(self._market.ahead_ms()))

    def read_on(self, one: BookId) -> bool:
        """Score the next stored looks of a book; says whether there are more."""
        rows = self._store.looks_after(*one, self._books.get(one, Book()).candle_ms, limit=CHUNK)
        for row in rows:
            try:
                params = params_of(row)
            except (ValueError, TypeError, KeyError) as error:  # another version's
                log.warning("%s: a stored look cannot be scored: %s", row.pair, error)
                self._books[one] = replace(self._books.get(one, Book()), candle_ms=row.candle_ms)
            else:
                self.score(row, params)
        return len(rows) == CHUNK

    def fill(self) -> None:
        """Fill at the touch what came due, as soon as both legs have traded after it; only until the candle is over."""
        due = set()

        def filled(trade: PaperTrade) -> None:
            if trade.state in {"entering", "leaving"}:
                due.add((trade.key, trade.state))
                now = self._at_touch(trade)
                if now is not None:
                    self._put(trade, self._settling.charged(now))

        self.for_each(filled, "Fills of {} cannot be made")
        self._noted = {mark: noted for mark, noted in self._noted.items() if mark in due}

    def fund(self) -> None:
        """Charge what was settled to whoever was in, and end what has no market any more."""

        def charged(trade: PaperTrade) -> None:
            now = self._settling.charged(trade)
            if now is not trade:
                self._put(trade, now)

        for closed in self._settling.turn(self.on):
            self._unstored.trades[closed.key] = closed
        self.for_each(charged, "Funding of {} cannot be charged")
        for trade in self._abandoned.among(self.on):
            log.warning("%s: no candle comes any more; a trade on paper is closed at the last one", trade.pair)
            self._put(trade, self._settling.charged(without_market(trade, trade.timeframe_s * 1000)))

    def for_each(self, do: Callable[[PaperTrade], None], fails: str) -> None:
        """Do this with every open trade; ``fails`` is the sentence where it cannot be done, about {}."""
        for one, book in list(self._books.items()):
            with self._guarded(one, fails):
                for trade in book.trades:
                    do(trade)

    @contextmanager
    def _guarded(self, one: BookId, fails: str) -> Iterator[None]:
        """A part of one book's work. A store that cannot be read is everybody's trouble, anything else this book's."""
        pair, timeframe_s, params = one
        what = fails.format(f"{pair} {TIMEFRAME_NAMES.get(timeframe_s, str(timeframe_s))} ({params})")
        self._parts[what] = one
        try:
            with self.troubles.guarded(what):
                yield
        except StoreError:
            raise
        except PairsightError as error:
            with self.troubles.waiting(what):
                raise error

    def forget_troubles(self, watched: Collection[BookId]) -> None:
        """Those of books that nobody watches and that have no trade on: nothing further would take them back."""
        for what, one in list(self._parts.items()):
            if one not in watched and not self._books.get(one, Book()).trades:
                self.troubles.forget(what)
                del self._parts[what]

    def save(self, *, everything: bool = False) -> None:
        """Trades at once, with their books; books alone now and then. What is refused is offered again."""
        now_s, new, settlements = self._monotonic(), self._unstored, self._settling.fresh
        due = everything or new.trades or settlements or now_s - self._stored_s >= BOOKS_S
        if not due or not (new.trades or new.books or settlements):
            return
        # It always grows, though a clock may be set back: whoever reads what changed since then misses nothing.
        self._changed_ms = max(self._now_ms(), self._changed_ms + 1)
        trades = [replace(t, changed_ms=self._changed_ms) for t in new.trades.values()]
        books = [PaperBook(*one, self._books[one].candle_ms, self._books[one].memory.as_text()) for one in new.books]
        if self._store.put_paper(trades, books, settlements):
            self._unstored, self._settling.fresh, self._stored_s = _Unstored(), [], now_s

    def _put(self, before: PaperTrade, now: PaperTrade) -> None:
        """One trade in place of what it was; a closed one leaves its book."""
        one = book_id(now)
        book = self._books[one]
        trades = tuple(now if t is before else t for t in book.trades)
        self._books[one] = replace(book, trades=tuple(t for t in trades if t.state != "closed"))
        self._unstored.trades[now.key] = now
        self._unstored.books.add(one)

    def _at_touch(self, trade: PaperTrade) -> PaperTrade | None:
        """The trade filled; None: not now. Where the touch is not known then, the next candle fills it."""
        step_ms = trade.timeframe_s * 1000
        look_ms = trade.look_ms if trade.state == "entering" else trade.exit_look_ms
        over_ms, mark = look_ms + 2 * step_ms, (trade.key, trade.state)
        y, x = (self._market.last_trade(symbol) for symbol in trade.symbols)
        if y is None or x is None or self._market.exchange_ms() >= over_ms:
            return None
        noted = self._noted.setdefault(mark, (y.trade_id, x.trade_id))
        if noted is None or y.trade_id <= noted[0] or x.trade_id <= noted[1]:
            return None
        ms = max(y.ts_ms, x.ts_ms)
        way = 1.0 if trade.state == "entering" else -1.0
        price_y, price_x = (
            executable(self._market.prints(symbol), buys=way * qty > 0, after_id=after_id)
            for symbol, qty, after_id in zip(trade.symbols, (trade.qty_y, trade.qty_x), noted, strict=True)
        )
        if price_y is None or price_x is None or not look_ms + step_ms <= ms < over_ms:
            self._noted[mark] = None
            return None
        return at_touch(trade, ms, price_y, price_x)

    def _unheard(self, book: Book, row: JournalRow, params: Params) -> tuple[Step, ...]:
        """Candles that the engine did not make up for after a long absence, as far as the open trades need them."""
        step_ms = params.timeframe_s * 1000
        if row.candle_ms - book.candle_ms <= min(params.need_bars, CATCH_UP) * step_ms:
            return ()
        symbol_y, symbol_x = row.pair.split("/")
        y, x = (
            self._store.candles(s, params.timeframe_s, from_ms=book.candle_ms + 1, to_ms=row.candle_ms).open_ms
            for s in (symbol_y, symbol_x)
        )
        opens = np.intersect1d(y, x)[: params.fit_bars + 2]  # by then every time limit is over, and filled
        if not len(opens):
            return ()
        report = self._report_to(
            Key(symbol_y, symbol_x, params), 2 * params.need_bars + len(opens), int(opens[-1]) + step_ms
        )
        z = report.z_roll if params.preset == "classic" else report.log_fits.z
        return tuple(
            Step(int(report.open_ms[i]), float(report.y[i]), float(report.x[i]), float(z[i]))
            for i in np.flatnonzero(report.open_ms > book.candle_ms).tolist()
        )


def book_id(what: JournalRow | PaperTrade | PaperBook) -> BookId:
    """Whose book it is."""
    return what.pair, what.timeframe_s, what.params
