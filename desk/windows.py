"""The newest candles of each symbol and timeframe in memory, always those that the store would give.

A look reads fifteen hundred candles of each leg, and one of them is new. The store says when more has changed than
the newest candle; only then are they read again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from core.journal import JournalRow
from core.types import Candles, Ticks

SPARE: Final = 600  # kept beyond what was asked for, for looks at candles a little older than the newest
MOST: Final = 8_000  # more than this is read from the store and not kept: the history of a record
SETTLE_S: Final = 0.25  # a store that takes longer is read as it is, and nothing of it kept
Change = tuple[int, int, int | None]


class Store(Protocol):
    """What is read, and what tells of changes."""

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        *,
        limit: int | None = ...,
        from_ms: int | None = ...,
        to_ms: int | None = ...,
    ) -> Candles: ...
    def candles_change(self, symbol: str, timeframe_s: int) -> Change: ...
    def settle(self, timeout_s: float) -> bool: ...
    def trades(
        self, symbol: str, *, from_ms: int | None = ..., to_ms: int | None = ..., limit: int | None = ...
    ) -> Ticks: ...
    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int | None = ...) -> list[JournalRow]: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    candles: Candles
    change: Change  # of the store when they were read
    asked: int  # rows asked for; with fewer there are no older ones


class Windows:
    """Reads for the store, from memory where it can. Thread safe: the lock guards what is kept, and its reading."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int], _Kept] = {}

    def candles(self, symbol: str, timeframe_s: int, *, limit: int | None = None, to_ms: int | None = None) -> Candles:
        """As the store's, to the bit."""
        if limit is None or limit > MOST:
            return self._store.candles(symbol, timeframe_s, limit=limit, to_ms=to_ms)
        with self._lock:
            kept = self._current(symbol, timeframe_s, limit)
        c = kept.candles
        end = len(c) if to_ms is None else int(np.searchsorted(c.open_ms, to_ms))
        if end < limit and len(c) >= kept.asked:  # it reaches back beyond what is kept
            return self._store.candles(symbol, timeframe_s, limit=limit, to_ms=to_ms)
        return c.take(slice(max(0, end - limit), end))

    def trades(
        self, symbol: str, *, from_ms: int | None = None, to_ms: int | None = None, limit: int | None = None
    ) -> Ticks:
        """The store's."""
        return self._store.trades(symbol, from_ms=from_ms, to_ms=to_ms, limit=limit)

    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int | None = None) -> list[JournalRow]:
        """The store's."""
        return self._store.looks(pair, timeframe_s, params, limit=limit)

    def _current(self, symbol: str, timeframe_s: int, limit: int) -> _Kept:
        change = self._store.candles_change(symbol, timeframe_s)
        kept = self._kept.get((symbol, timeframe_s))
        if kept is not None and kept.change == change and limit + SPARE <= kept.asked:
            return kept
        asked = max(limit + SPARE, kept.asked if kept is not None else 0)
        if kept is not None and kept.asked == asked and _only_grew(kept.change, change):
            candles = self._longer(kept)
            if len(candles) and candles.open_ms[-1] >= (change[2] or 0):
                return self._keep(_Kept(candles, change, asked))
        # What the store has been asked to do must be done before its candles are those of this change.
        done = self._store.settle(SETTLE_S)
        now = _Kept(self._store.candles(symbol, timeframe_s, limit=asked), change, asked)
        return self._keep(now) if done else now

    def _keep(self, kept: _Kept) -> _Kept:
        self._kept[kept.candles.symbol, kept.candles.timeframe_s] = kept
        return kept

    def _longer(self, kept: _Kept) -> Candles:
        """What is kept and the candles since."""
        old = kept.candles
        since_ms = int(old.open_ms[-1]) + 1 if len(old) else None
        more = self._store.candles(old.symbol, old.timeframe_s, from_ms=since_ms)
        return _joined(old, more, kept.asked) if len(more) else old


def _only_grew(before: Change, now: Change) -> bool:
    """Whether candles came after those known, and nothing else happened."""
    return before[:2] == now[:2] and before[2] is not None and now[2] is not None and now[2] > before[2]


def _joined(a: Candles, b: Candles, most: int) -> Candles:
    """Both, the newest ``most`` of them."""
    cut = max(0, len(a) + len(b) - most)
    columns = (
        np.concatenate((getattr(a, name)[cut:], getattr(b, name)[max(0, cut - len(a)) :]))
        for name in ("open_ms", "open", "high", "low", "close", "volume", "trade_count", "provenance")
    )
    return Candles(a.symbol, a.timeframe_s, *columns)
