"""Candles that the stream could not complete: built again from stored trades, or taken from the exchange. No thread."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

import msgspec
import numpy as np

from analytics.resample import resample
from core.clock import now_ms
from core.errors import BadRequest
from core.types import Candles, Gap, Ticks
from desk.holes import KLINE_MIN_S, Hole, insert, past, spans_of, without
from desk.notes import read_note
from ingestion.binance_rest import SETTLING_MS
from ingestion.history import BARS_A_CALL
from ingestion.rest import Rest

log = logging.getLogger(__name__)

HOLES: Final = "holes"  # the note in which a later process finds what this one had still to mend
FLUSH_S: Final = 2.0
CLOCK_BEHIND_MS: Final = 2_000  # so far behind the stream's own times, REST's clock is wrong
MOST_MS: Final = 3_600_000  # of trades read at once
Passed = Callable[[str], int]  # symbol -> up to which time nothing more of it is to come, but what is known to miss


class Bench(Protocol):
    """What mending needs of the store."""

    def replace_candles(self, candles: Candles) -> None: ...
    def put_note(self, name: str, body: str, at_ms: int) -> None: ...
    def note(self, name: str) -> tuple[str, int] | None: ...
    def flush(self, timeout_s: float = ...) -> bool: ...
    def candles(
        self, symbol: str, timeframe_s: int, *, from_ms: int | None = ..., to_ms: int | None = ...
    ) -> Candles: ...
    def trades(
        self, symbol: str, *, from_ms: int | None = ..., to_ms: int | None = ..., limit: int | None = ...
    ) -> Ticks: ...
    def gaps(self, symbol: str, *, from_ms: int, to_ms: int) -> Iterable[Gap]: ...


class Mender:
    """The holes that are known, and what is done about each once its last interval is over.

    From a minute up the exchange's own closed bar fills a hole. A finer candle is built again from the stored trades
    where no gap leaves any of them unknown; where a lost one does, there is no candle. When the exchange does not
    answer, stored trades without a gap will do for a minute, too. ``on_mended`` hears of each hole filled.

    The holes outlive the process: they are noted before the candles they stand for leave the store, and crossed out
    once the new ones have been handed to it.
    """

    def __init__(self, rest: Rest, store: Bench, on_mended: Callable[[Hole], None]) -> None:
        self._rest = rest
        self._store = store
        self._on_mended = on_mended
        self._lock = threading.Lock()  # guards what follows, and that nothing out of date is written
        self._holes: list[Hole] = []
        self._news: Counter[str] = Counter()  # how often something of a symbol turned out to be missing
        self._tried: dict[bool, tuple[list[Hole], int]] = {}  # what was built from trades last, by bars or not
        self._changes = 0  # how often anything changed that a hole may have waited for
        noted = read_note(store, HOLES, list[Hole])
        if noted is not None:
            self._holes = noted[0]

    def add(self, holes: Iterable[Hole]) -> None:
        """Intervals passed without a candle that can be trusted."""
        with self._lock:
            for hole in holes:
                self._news[hole.symbol] += 1
                insert(self._holes, hole)
            self._changes += 1
            self._note()

    def settled(self) -> None:
        """A gap was settled: holes may have waited for that."""
        with self._lock:
            self._changes += 1

    def spans(self, symbol: str, timeframe_s: int) -> list[tuple[int, int]]:
        """First and last opens of what is still to be mended."""
        with self._lock:
            return spans_of(self._holes, symbol, timeframe_s)

    def rebuild(self, passed: Passed) -> None:
        """Build again, from stored trades, what needs no bar of the exchange and of which no more is to come."""
        self._build_again(self._over(passed, by_kline=False))

    def fetch(self, passed_ms: int, passed: Passed) -> None:
        """Take from the exchange what it has bars of, once they are settled. Raises RestError."""
        if not self._over(lambda symbol: passed_ms - SETTLING_MS, by_kline=True):
            return
        # Both clocks must say that a bar is over: a bar that was still open would stand for ever.
        clock_ms = self._rest.clock_ms()
        settled_ms = min(passed_ms, clock_ms) - SETTLING_MS
        for hole in self._over(lambda symbol: settled_ms, by_kline=True):
            self._from_klines(hole)
        if clock_ms < passed_ms - CLOCK_BEHIND_MS:  # and it may never catch up
            self.make_do(passed)

    def make_do(self, passed: Passed) -> None:
        """The exchange does not answer: build what it has bars of from stored trades, where those are whole."""
        self._build_again(self._over(lambda symbol: passed(symbol) - SETTLING_MS, by_kline=True))

    def _build_again(self, holes: list[Hole]) -> None:
        """From stored trades, once: what still waits for a gap is not read through again before anything changed."""
        if not holes:
            return
        with self._lock:
            state = holes, self._changes
        by_kline = holes[0].by_kline
        if self._tried.get(by_kline) == state or not self._store.flush(FLUSH_S):
            return
        self._from_trades(holes)
        self._tried[by_kline] = state

    def _over(self, passed: Passed, by_kline: bool) -> list[Hole]:
        with self._lock:
            due = [hole for hole in self._holes if hole.by_kline is by_kline]
        ends_ms = {hole.symbol: passed(hole.symbol) for hole in due}
        return [part for hole in due for part in past(hole, ends_ms[hole.symbol])]

    def _from_klines(self, hole: Hole) -> None:
        ms = hole.timeframe_s * 1000
        for first in range(hole.first_ms, hole.last_ms + 1, BARS_A_CALL * ms):
            part = replace(hole, first_ms=first, last_ms=min(hole.last_ms, first + (BARS_A_CALL - 1) * ms))
            bars = (part.last_ms - first) // ms + 1
            try:
                candles = self._rest.klines(
                    hole.symbol, hole.timeframe_s, start_ms=first, end_ms=part.last_ms, limit=bars, background=False
                )
            except BadRequest as error:  # asking again is of no use
                log.warning("no bars of %s: %s", hole.symbol, error)
                self._from_trades([part])
                candles = Candles.empty(hole.symbol, hole.timeframe_s)
            self._fill(part, candles)

    def _from_trades(self, holes: Sequence[Hole]) -> None:
        """Build candles again from what is stored, where all of it is stored; the rest waits."""
        gaps: dict[str, list[Gap]] = {}
        for hole in holes:
            with self._lock:
                news = self._news[hole.symbol]
            if hole.symbol not in gaps:
                gaps[hole.symbol] = self._unrepaired(hole.symbol, holes)
            # A gap that may still be repaired is waited for; and where the exchange has a bar, a lost one, too.
            waited = [gap for gap in gaps[hole.symbol] if gap.state == "open" or hole.by_kline]
            parts = [hole]
            for gap in waited:
                parts = [part for known in parts for part in without(known, gap.from_ms, gap.to_ms)]
            for part in parts:
                self._build(part, [gap for gap in gaps[hole.symbol] if gap.state == "lost"], news)

    def _build(self, hole: Hole, lost: Iterable[Gap], news: int) -> None:
        ms = hole.timeframe_s * 1000
        hole = replace(hole, last_ms=min(hole.last_ms, hole.first_ms + max(MOST_MS - ms, 0)))
        listened = len(self._store.trades(hole.symbol, to_ms=hole.first_ms, limit=1)) > 0
        if hole.by_kline and not listened:
            return  # the exchange knows what was before
        ticks = self._store.trades(hole.symbol, from_ms=hole.first_ms, to_ms=hole.last_ms + ms)
        candles = resample(ticks, hole.timeframe_s)
        sound = np.ones(len(candles), np.bool_)
        for gap in lost:
            sound &= (candles.open_ms + ms <= gap.from_ms) | (candles.open_ms > gap.to_ms)
        if not listened and len(ticks):
            # What the first interval held before anyone listened is not known.
            sound &= candles.open_ms > ticks.ts_ms.min()
        stored = self._store.candles(hole.symbol, hole.timeframe_s, from_ms=hole.first_ms, to_ms=hole.last_ms + ms)
        bars = np.isin(candles.open_ms, stored.open_ms[stored.provenance == "kline"])  # the exchange's own stay
        self._fill(hole, _repaired(candles.take(sound & ~bars)), news)
        if hole.timeframe_s >= KLINE_MIN_S and not (sound | bars).all():
            self.add([replace(hole, late=False)])  # not from trades, then

    def _unrepaired(self, symbol: str, holes: Sequence[Hole]) -> list[Gap]:
        """The gaps that touch any of a symbol's holes and are not repaired."""
        spans = [(h.first_ms, h.last_ms + h.timeframe_s * 1000) for h in holes if h.symbol == symbol]
        low, high = min(first for first, _ in spans), max(end for _, end in spans)
        return [gap for gap in self._store.gaps(symbol, from_ms=low, to_ms=high) if gap.state != "repaired"]

    def _fill(self, hole: Hole, candles: Candles, news: int | None = None) -> None:
        """Write, and cross the hole out; unless more turned out to be missing since the trades were read."""
        with self._lock:
            if news is not None and news != self._news[hole.symbol]:
                return
            if len(candles):
                self._store.replace_candles(candles)
            ms = hole.timeframe_s * 1000
            self._holes = [
                left
                for known in self._holes
                for left in (
                    without(known, hole.first_ms, hole.last_ms + ms - 1) if known.kind == hole.kind else [known]
                )
            ]
            self._note()
        self._on_mended(hole)

    def _note(self) -> None:
        self._store.put_note(HOLES, msgspec.json.encode(self._holes).decode(), now_ms())


def _repaired(candles: Candles) -> Candles:
    return replace(candles, provenance=np.full(len(candles), "repaired", "U8"))
