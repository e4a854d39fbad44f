"""The history before now: who needs how much of it, and fetching that from closed klines, page by page. No thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol

from core.errors import BadRequest
from core.types import Candles
from desk.holes import KLINE_MIN_S
from ingestion.binance_rest import SETTLING_MS
from ingestion.history import history
from ingestion.rest import Rest

log = logging.getLogger(__name__)

REFUSED_WAIT_S: Final = 3_600.0
PAGE_WEIGHT: Final = 10
SETTLE_S: Final = 1.0


class Shelf(Protocol):
    """What warm-up needs of the store."""

    def put_candles(self, candles: Candles) -> None: ...
    def candles(
        self, symbol: str, timeframe_s: int, *, from_ms: int | None = ..., to_ms: int | None = ...
    ) -> Candles: ...
    def flush(self, timeout_s: float = ...) -> bool: ...


@dataclass(slots=True)
class _Want:
    """So many candles before now."""

    bars: int
    done: bool = False
    progress: float = 0.0
    not_before_s: float = 0.0
    until_ms: int = 0  # when the symbol's stream began: the bars that ended before are history
    again: int = 0  # how often it turned out that more is to be fetched


class Warmup:
    """The wanted histories. Smaller wants are met first, so that a verdict never waits for another pair's record.

    ``closed_ms`` says up to which exchange time bars are closed for sure; REST's own clock where nobody knows better.
    """

    def __init__(
        self,
        rest: Rest,
        store: Shelf,
        monotonic: Callable[[], float] = time.monotonic,
        closed_ms: Callable[[], int] | None = None,
    ) -> None:
        self._rest = rest
        self._store = store
        self._monotonic = monotonic
        self._closed_ms = closed_ms or rest.clock_ms
        self._wants: dict[tuple[str, int, int], _Want] = {}  # symbol, timeframe, bars
        self._lock = threading.Lock()  # guards the dict

    def want(self, symbol: str, timeframe_s: int, bars: int) -> bool:
        """The newest ``bars`` candles are needed; says whether that is news. Below 1 min the stream alone has them."""
        key = (symbol, timeframe_s, bars)
        with self._lock:
            covered = any(want.done and k[:2] == key[:2] and k[2] >= bars for k, want in self._wants.items())
            if timeframe_s < KLINE_MIN_S or key in self._wants or covered:
                return False
            self._wants[key] = _Want(bars)
            return True

    def keep(self, symbols: Collection[str]) -> None:
        """Forget what was wanted of any other symbol."""
        with self._lock:
            self._wants = {key: want for key, want in self._wants.items() if key[0] in symbols}

    def again(self, symbol: str, until_ms: int = 0) -> None:
        """The symbol's stream has begun, at ``until_ms``: what its histories lack up to there is fetched."""
        with self._lock:
            for (wanted, _, _), want in self._wants.items():
                if wanted == symbol:
                    want.done, want.until_ms, want.again = False, max(want.until_ms, until_ms), want.again + 1

    def progress(self) -> dict[str, float]:
        """How far, 0..1, each symbol is whose history is still being fetched."""
        with self._lock:
            left = [(symbol, want.progress) for (symbol, _, _), want in self._wants.items() if not want.done]
        return {symbol: min(p for s, p in left if s == symbol) for symbol, _ in left}

    def turn(self, stopped: Callable[[], bool], on_page: Callable[[str, int], None]) -> None:
        """Fetch what is due until there is nothing left, ``stopped`` says so, or the budget is spent.

        Raises RestError; what was fetched before stands.
        """
        with self._lock:
            due = sorted((want.bars, key) for key, want in self._wants.items() if not want.done)
        for _, key in due:
            if stopped() or not self._fetch(key, stopped, on_page):
                return

    def _fetch(
        self, key: tuple[str, int, int], stopped: Callable[[], bool], on_page: Callable[[str, int], None]
    ) -> bool:
        """One history, newest page first. False: not now, the budget or somebody else needs the time."""
        symbol, timeframe_s, bars = key
        want = self._wants[key]
        if self._monotonic() < want.not_before_s:
            return True
        if self._rest.wait_s(PAGE_WEIGHT) > 0:
            return False
        ms, again = timeframe_s * 1000, want.again
        now_ms = self._closed_ms()
        self._store.flush()
        have = self._store.candles(symbol, timeframe_s, from_ms=now_ms - (bars + 1) * ms, to_ms=now_ms).open_ms
        try:
            for page, progress in history(symbol, timeframe_s, bars, have.tolist(), self._rest, now_ms):
                self._store.put_candles(page)
                want.progress = progress
                on_page(symbol, timeframe_s)
                if progress < 1.0 and (stopped() or self._rest.wait_s(PAGE_WEIGHT) > 0):
                    return False
        except BadRequest as error:
            log.warning("no history of %s: %s", symbol, error)
            want.not_before_s = self._monotonic() + REFUSED_WAIT_S
            return True
        with self._lock:
            want.progress = 1.0
            # A bar that ended a moment before the stream began is in neither until it is settled.
            settled = now_ms - SETTLING_MS >= want.until_ms // ms * ms
            want.done = settled and want.again == again
            want.not_before_s = 0.0 if settled else self._monotonic() + SETTLE_S
            if want.done:  # it covers the smaller ones: only one is read again with the symbol's next stream
                for smaller in [k for k in self._wants if k[:2] == key[:2] and k[2] < bars]:
                    del self._wants[smaller]
        return True
