"""Candles that the stream could not complete: built again from stored trades, or taken from the exchange. No thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np

from analytics.resample import resample
from core.errors import RestError
from core.types import Candles, Gap, Ticks
from desk.intake import Hole
from ingestion.binance_rest import SETTLING_MS
from ingestion.history import BARS_A_CALL
from ingestion.rest import Rest


class Bench(Protocol):
    """What mending needs of the store."""

    def replace_candles(self, candles: Candles) -> None: ...
    def flush(self, timeout_s: float = ...) -> bool: ...
    def trades(
        self, symbol: str, *, from_ms: int | None = ..., to_ms: int | None = ..., limit: int | None = ...
    ) -> Ticks: ...
    def gaps(self, symbol: str, *, from_ms: int, to_ms: int) -> Iterable[Gap]: ...


class Mender:
    """The holes that are known, and what is done about each once its last interval is over.

    From a minute up the exchange's own closed bar fills a hole. A finer candle is built again from the stored trades
    where no gap leaves any of them unknown; where one does, there is no candle. ``on_mended`` hears of the symbol,
    timeframe and first open.
    """

    def __init__(self, rest: Rest, store: Bench, on_mended: Callable[[Hole], None]) -> None:
        self._rest = rest
        self._store = store
        self._on_mended = on_mended
        self._holes: list[Hole] = []
        self._lock = threading.Lock()  # guards the list

    def add(self, holes: Iterable[Hole]) -> None:
        """Intervals passed without a candle that can be trusted."""
        with self._lock:
            self._holes += holes

    def spans(self, symbol: str, timeframe_s: int) -> list[tuple[int, int]]:
        """First and last opens of what is still to be mended."""
        with self._lock:
            return [(h.first_ms, h.last_ms) for h in self._holes if (h.symbol, h.timeframe_s) == (symbol, timeframe_s)]

    def turn(self, passed_ms: int, *, ask: bool) -> None:
        """Mend what was over at exchange time ``passed_ms``; without ``ask`` only what needs no answer.

        Raises RestError, once all that needs no answer is done.
        """
        with self._lock:
            holes, self._holes = self._holes, []
        due = ask and any(h.by_kline and h.first_ms + h.timeframe_s * 1000 + SETTLING_MS <= passed_ms for h in holes)
        waiting: list[Hole] = []
        unanswered: RestError | None = None
        settled_ms = 0
        try:
            if due:
                settled_ms = min(passed_ms, self._rest.server_time_ms()) - SETTLING_MS
        except RestError as error:
            unanswered = error
        try:
            while holes:
                left = self._mend(holes[-1], settled_ms if holes[-1].by_kline else passed_ms)
                holes.pop()
                waiting += left
        finally:
            with self._lock:
                self._holes = waiting + holes + self._holes
        if unanswered is not None:
            raise unanswered

    def _mend(self, hole: Hole, over_ms: int) -> list[Hole]:
        """Mend what ended by ``over_ms``; return what must wait."""
        ms = hole.timeframe_s * 1000
        last = min(hole.last_ms, over_ms // ms * ms - ms)
        if last < hole.first_ms:
            return [hole]
        if hole.by_kline:
            self._from_klines(hole, last)
        elif not self._from_trades(hole, last):
            return [hole]
        self._on_mended(hole)
        return [replace(hole, first_ms=last + ms)] if last < hole.last_ms else []

    def _from_klines(self, hole: Hole, last_ms: int) -> None:
        ms = hole.timeframe_s * 1000
        first = hole.first_ms
        while first <= last_ms:
            end = min(last_ms, first + (BARS_A_CALL - 1) * ms)
            bars = (end - first) // ms + 1
            candles = self._rest.klines(
                hole.symbol, hole.timeframe_s, start_ms=first, end_ms=end, limit=bars, background=False
            )
            self._store.replace_candles(candles)
            first = end + ms

    def _from_trades(self, hole: Hole, last_ms: int) -> bool:
        """Build candles again from what is stored, where all of it is stored. False: a gap is still open."""
        ms = hole.timeframe_s * 1000
        end = last_ms + ms
        self._store.flush()
        gaps = list(self._store.gaps(hole.symbol, from_ms=hole.first_ms, to_ms=end))
        if any(gap.state == "open" for gap in gaps):
            return False
        ticks = self._store.trades(hole.symbol, from_ms=hole.first_ms, to_ms=end)
        if not len(ticks):
            return True
        candles = resample(ticks, hole.timeframe_s)
        sound = np.ones(len(candles), np.bool_)
        for gap in gaps:
            if gap.state == "lost":
                sound &= (candles.open_ms + ms <= gap.from_ms) | (candles.open_ms > gap.to_ms)
        if not len(self._store.trades(hole.symbol, to_ms=hole.first_ms, limit=1)):
            # Nobody listened before: what the first interval held until then is not known.
            sound &= candles.open_ms > ticks.ts_ms.min()
        self._store.replace_candles(_repaired(candles.take(sound)))
        return True


def _repaired(candles: Candles) -> Candles:
    return replace(candles, provenance=np.full(len(candles), "repaired", "U8"))
