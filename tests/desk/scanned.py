"""A market to scan, by hand: contracts, volumes, minutes; an exchange, a store and a stream in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from analytics.market import MarketRule
from core.errors import Unreachable
from core.types import Bars, Batch, Candles, FeedStatus, Floats, SymbolInfo
from desk.closes import STEP_MS
from desk.universe import Universe
from ingestion.binance import StreamKind
from ingestion.binance_rest import Ticker

NOW_MS = 1_785_780_000_000
RULE = MarketRule(most=3, fit_bars=40)


def info(
    symbol: str, *, status: str = "TRADING", kind: str = "PERPETUAL", quote: str = "USDT", age: int = 9_999
) -> SymbolInfo:
    """A contract listed for so many minutes."""
    onboard_ms = NOW_MS - age * STEP_MS
    return SymbolInfo(symbol, status, kind, symbol.removesuffix(quote), quote, 0.1, 0.1, 0.1, 1e6, 5.0, onboard_ms)


def ticker(symbol: str, volume: float) -> Ticker:
    return Ticker(symbol, 1_000, volume)


def candles(symbol: str, opens: Iterable[int], close: Floats | float = 100.0, volume: float = 2.0) -> Candles:
    """Minutes that opened so many minutes after NOW_MS."""
    open_ms = NOW_MS + STEP_MS * np.array(list(opens), np.int64)
    n = len(open_ms)
    c, v, ones = np.broadcast_to(close, n).astype(np.float64), np.full(n, volume), np.ones(n, np.int64)
    return Candles(symbol, 60, open_ms, c, c, c, c, v, ones, np.full(n, "kline", "U8"))


@dataclass
class FakeRest:
    """An exchange of three symbols whose minutes are all there."""

    asked: list[str] = field(default_factory=list)
    refuses: bool = False
    waits_s: float = 0.0
    meanwhile: Callable[[], None] = lambda: None  # while the 24 h volumes are on their way

    def server_time_ms(self) -> int:
        self.asked.append("time")
        if self.refuses:
            raise Unreachable("The exchange did not answer in time.")
        return NOW_MS

    def exchange_ms(self) -> int:
        return NOW_MS

    def clock_ms(self) -> int:
        return NOW_MS

    def wait_s(self, weight: int) -> float:
        return self.waits_s

    def ticker_24h(self) -> list[Ticker]:
        self.asked.append("ticker")
        self.meanwhile()
        return [ticker("AUSDT", 3), ticker("BUSDT", 2), ticker("CUSDT", 1)]

    def klines(self, symbol: str, timeframe_s: int, *, start_ms: int, end_ms: int, limit: int) -> Candles:
        self.asked.append(f"{symbol} {(end_ms - start_ms) // STEP_MS + 1}")
        minutes = np.arange((start_ms - NOW_MS) // STEP_MS, (end_ms - NOW_MS) // STEP_MS + 1)
        steps = np.random.default_rng(len(symbol) + ord(symbol[0])).normal(0, 1e-3, 10_000)
        return candles(symbol, minutes.tolist(), 100 * np.exp(np.cumsum(steps)[minutes + 5_000]))


@dataclass
class FakeStore:
    """Candles in memory."""

    held: dict[str, dict[int, float]] = field(default_factory=dict)

    def put_candles(self, page: Candles) -> None:
        for open_ms, close in zip(page.open_ms.tolist(), page.close.tolist(), strict=True):
            self.held.setdefault(page.symbol, {}).setdefault(open_ms, close)

    def candles(
        self, symbol: str, timeframe_s: int, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> Candles:
        known = sorted(t for t in self.held.get(symbol, {}) if (from_ms or 0) <= t < (to_ms or 1 << 62))
        closes = np.array([self.held[symbol][t] for t in known])
        return candles(symbol, [(t - NOW_MS) // STEP_MS for t in known], closes if known else 1.0)

    def flush(self, timeout_s: float = 1.0) -> bool:
        return True


@dataclass
class FakeStream:
    """A feed that delivers what a test hands in."""

    names: set[str] = field(default_factory=set)
    running: bool = False
    state: Literal["live", "waiting"] = "live"  # while it runs

    def start(self) -> None:
        self.running = True

    def stop(self) -> bool:
        self.running = False
        return True

    def subscribe(self, symbols: Iterable[str], kind: StreamKind) -> None:
        assert kind == "kline_1m"
        self.names |= set(symbols)

    def unsubscribe(self, symbols: Iterable[str], kind: StreamKind) -> None:
        self.names -= set(symbols)

    def status(self) -> FeedStatus:
        return FeedStatus(self.state if self.running else "stopped")


@dataclass
class Stage:
    """A universe and everything around it; the clock stands still until it is moved."""

    rest: FakeRest = field(default_factory=FakeRest)
    store: FakeStore = field(default_factory=FakeStore)
    stream: FakeStream = field(default_factory=FakeStream)
    clock_s: float = 0.0

    def __post_init__(self) -> None:
        self.universe = Universe(
            self.rest,  # type: ignore[arg-type]
            self.store,
            catalogue=lambda: {s: info(s) for s in ("AUSDT", "BUSDT", "CUSDT")},
            open_stream=lambda take: self.stream,
            monotonic=lambda: self.clock_s,
        )

    def turn(self) -> None:
        self.universe.turn(lambda: False)

    def push(self, symbol: str, minute: int, traded: bool = True) -> None:
        """A closed bar."""
        page = candles(symbol, [minute] if traded else [], 100.0 + minute)
        opens = np.array([NOW_MS + minute * STEP_MS], np.int64)
        self.universe.take(Batch(bars=(Bars(symbol, NOW_MS, 1, opens, page),)))
