"""Keeps score of what the desk says. One thread, "track": hears each look, and makes its rounds beside the engine."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from analytics.paper_entry import params_of
from core.journal import JournalRow
from core.paper import PaperTrade
from desk.basis import PRINTS
from desk.scorebooks import BookId, Market, ScoreBooks, book_id
from desk.settling import Settling
from desk.watch import Key
from desk.worker import Worker

if TYPE_CHECKING:  # who has its score kept
    from desk.collector import Collector

TURN_S: Final = 0.5
FLUSH_S: Final = 2.0  # who stops it waits for it
DUE_S: Final = 0.1  # while a fill waits for the next trades
GATHER_S: Final = 0.05  # looks come in lots: the rest of one is waited for
MOST_HEARD: Final = 20_000  # looks held between two rounds; those beyond are read from the journal
FOLLOW_S: Final = 60.0  # an open trade whose pair is not looked at is asked for so often
QUIET_BARS: Final = 3  # candles without a look, after which it is


class TrackRecord:
    """``flush`` has what was said written, ``exchange_ms`` is the newest exchange time seen, ``want`` has a pair
    looked at, ``watches`` are looked at."""

    def __init__(
        self,
        books: ScoreBooks,
        *,
        flush: Callable[[], bool],
        exchange_ms: Callable[[], int],
        want: Callable[[Key], None],
        watches: Callable[[], Iterable[Key]],
    ) -> None:
        self._books = books
        self._flush = flush
        self._exchange_ms = exchange_ms
        self._want = want
        self._watches = watches
        self._lock = threading.Lock()  # guards what was heard, and which books are current
        self._heard: deque[tuple[Key, JournalRow, int]] = deque()  # with the exchange time then
        self._current: set[BookId] = set()  # books that have scored all that was said before what is in _heard
        self._refused: set[BookId] = set()  # looks of theirs found no room since their journal was last read
        self._wake = threading.Event()
        self._worker = Worker("track", self._main, self._wake)
        self._loaded = False
        self._behind: dict[BookId, None] = {}  # in order; to be read from the journal
        self._followed_s = -FOLLOW_S

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread; what it knows is on its way to the store."""
        self._worker.stop(timeout_s)

    def hear(self, key: Key, row: JournalRow) -> None:
        """Take a look that was said; quick, for it is called on the engine's thread."""
        now_ms = self._exchange_ms()
        with self._lock:
            if len(self._heard) < MOST_HEARD:
                self._heard.append((key, row, now_ms))
            else:
                self._current.discard(book_id(row))  # at its next look the journal is read
                self._refused.add(book_id(row))
        self._wake.set()

    def turn(self, *, fund: bool = True) -> None:
        """One round: take what was heard, read what was not, fill, charge funding, store."""
        if not self._loaded:
            self._behind = dict.fromkeys(self._books.load())
            self._loaded = True
        self._listen()
        self._read_on()
        self._books.fill()
        if fund:
            self._books.fund()
        self._books.save()
        self._books.forget_troubles({(k.pair, k.params.timeframe_s, k.params.key) for k in self._watches()})
        self._follow()

    def problem(self) -> str:
        """Why some score is not kept now, as a sentence; empty: all is. Cheap."""
        return self._books.troubles.first()

    def round(self, fund: bool = True) -> None:
        """One round of the thread's; what fails in it is told by ``problem``."""
        troubles = self._books.troubles
        with troubles.waiting("The track record has to wait"), troubles.guarded("The track record is not kept"):
            self.turn(fund=fund)

    def _main(self, stop: threading.Event) -> None:
        stopping, funded_s = False, 0.0
        while not stopping:  # once more after the stop: what was heard until then is scored
            stopping = stop.is_set()
            self._wake.wait(DUE_S if self._books.waits else TURN_S)
            stop.wait(GATHER_S)
            self._wake.clear()
            fund = time.monotonic() - funded_s >= TURN_S  # walks over every open trade: not at each look
            funded_s = time.monotonic() if fund else funded_s
            self.round(fund or stopping)
        self._books.save(everything=True)

    def _listen(self) -> None:
        with self._lock:
            heard, self._heard = self._heard, deque()
            current = set(self._current)
        try:
            while heard:
                key, row, heard_ms = heard[0]
                if book_id(row) in current:
                    self._books.score(row, key.params, heard_ms)
                else:
                    self._behind.setdefault(book_id(row))
                heard.popleft()
        finally:  # one that could not be scored, and those after it, are read from the journal
            left = dict.fromkeys(book_id(row) for _, row, _ in heard)
            self._behind |= left
            with self._lock:
                self._current -= left.keys()

    def _read_on(self) -> None:
        """A chunk of the journal for each book that is behind."""
        if not self._behind:
            return
        with self._lock:
            self._refused -= self._behind.keys()
        if not self._flush():  # what was heard so far is not all in the journal yet
            return
        for one in list(self._behind):
            if not self._books.read_on(one):
                with self._lock:
                    if one in self._refused:
                        continue
                    self._current.add(one)
                del self._behind[one]
        if self._behind:
            self._wake.set()

    def _follow(self) -> None:
        """Have pairs with a trade on looked at, whoever asked for them first."""
        exchange_ms, now_s = self._exchange_ms(), time.monotonic()
        if not exchange_ms or now_s - self._followed_s < FOLLOW_S:
            return
        self._followed_s = now_s

        def follow(trade: PaperTrade) -> None:
            if exchange_ms - trade.seen_ms > QUIET_BARS * trade.timeframe_s * 1000:
                self._want(Key(*trade.symbols, params_of(trade)))

        self._books.for_each(follow, "Trades of {} cannot be looked after")


def keep_score(station: Collector, want: Callable[[Key], None]) -> TrackRecord:
    """The score of what a collector's engine says, kept in its store. Hears it from now on."""
    store, engine = station.store, station.engine

    def exchange_ms() -> int:
        return station.intake.watermark_ms

    def trades_on(symbol: str) -> bool | None:
        listed = station.catalogue()
        return (symbol in listed and listed[symbol].status == "TRADING") if listed else None

    market = Market(
        last_trade=station.newest_trade,
        prints=lambda symbol: station.ring.snapshot(symbol, PRINTS),
        exchange_ms=exchange_ms,
        trades_on=trades_on,
        ahead_ms=lambda: station.rest.offset_ms or 0.0,
    )
    settling = Settling(
        store, station.marks, exchange_ms, station.settled, hours=lambda: station.repairer.facts.funding_hours
    )
    books = ScoreBooks(store, market, settling, engine.report_to)
    record = TrackRecord(
        books, flush=lambda: store.settle(FLUSH_S), exchange_ms=exchange_ms, want=want, watches=lambda: engine.watches
    )
    engine.tell(record.hear)
    return record
