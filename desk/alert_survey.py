"""What the watch for alerts sees of a collector: cheap reads, none of which holds anybody up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from analytics.decision import Freshness
from core.settings import Settings
from core.types import DeskStatus, FeedStatus, Source, Trade
from desk.watch import Key
from desk.watchlist import key_of, watch_list
from storage.sqlite import TradeStore

Prices = tuple[float, float, int]  # of Y and X, and the older one's time


@dataclass(frozen=True, slots=True)
class Survey:
    """Where the watch looks. Safe from its thread."""

    keys: Callable[[], Sequence[Key]]  # the pairs on the watch-list
    prices: Callable[[Key], Prices | None]  # the newest trades of both legs; None where they are not of this moment
    ages: Callable[[], Mapping[str, float | None]]  # seconds since each stream's newest record; empty while stopped
    problem: Callable[[], str]  # why there are no data, as a sentence
    watermark_ms: Callable[[], int]
    source: Callable[[], Source]
    grace_ms: int = 0  # after a candle's end, before it is confirmed


class Silences:
    """Which streams are silent. One that has not said anything yet is as old as our waiting for it."""

    def __init__(self) -> None:
        self._awaited_s: dict[str, float] = {}

    def of(self, ages: Mapping[str, float | None], now_s: float, after_s: float) -> set[str]:
        """Symbols whose newest record is older, by ``ages`` as a survey tells them at this moment."""
        # Who has spoken, or is streamed no longer, is waited for from the next time on.
        self._awaited_s = {s: self._awaited_s.get(s, now_s) for s, age in ages.items() if age is None}
        return {s for s, age in ages.items() if (now_s - self._awaited_s[s] if age is None else age) > after_s}


class _Streams(Protocol):
    def status(self) -> tuple[FeedStatus, FeedStatus]: ...


class Watched(Protocol):
    """The part of a collector that is looked at."""

    @property
    def settings(self) -> Settings: ...
    @property
    def store(self) -> TradeStore: ...
    @property
    def streams(self) -> _Streams: ...
    @property
    def running(self) -> bool: ...
    def freshness(self, key: Key) -> Freshness: ...
    def newest_trade(self, symbol: str) -> Trade | None: ...
    def status(self) -> DeskStatus: ...


def survey_of(collector: Watched) -> Survey:
    """What there is to see of it."""

    def keys() -> Sequence[Key]:
        settings = collector.settings
        kept = dict.fromkeys((*watch_list(collector.store), *settings.watch))
        return [key_of(entry, settings.taker_fee_bps) for entry in kept]

    def prices(key: Key) -> Prices | None:
        fresh = collector.freshness(key)
        y, x = collector.newest_trade(key.symbol_y), collector.newest_trade(key.symbol_x)
        if fresh.reason or fresh.silent or y is None or x is None:
            return None
        return y.price, x.price, min(y.ts_ms, x.ts_ms)

    def ages() -> Mapping[str, float | None]:
        if not collector.running:
            return {}
        trades, _ = collector.streams.status()
        return {stream.symbol: stream.age_s for stream in trades.streams}

    return Survey(
        keys,
        prices,
        ages,
        problem=lambda: collector.status().problem,
        watermark_ms=lambda: collector.streams.status()[0].watermark_ms,
        source=lambda: collector.status().source,
        grace_ms=collector.settings.grace_ms,
    )
