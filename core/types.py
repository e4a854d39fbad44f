"""The values that cross package boundaries. All frozen; arrays are columns, oldest first; times are Unix ms UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.engine import EngineStatus

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

TIMEFRAMES_S: Final = (1, 5, 15, 60, 300, 900, 3600)
TIMEFRAME_NAMES: Final[Mapping[int, str]] = {
    1: "1s", 5: "5s", 15: "15s", 60: "1m", 300: "5m", 900: "15m", 3600: "1h",
}  # fmt: skip

GapState = Literal["open", "repaired", "lost"]
TradeKind = Literal["trade", "aggTrade"]
Source = Literal["LIVE", "REPLAY", "SIMULATED"]


@dataclass(frozen=True, slots=True)
class WatchedPair:
    """A pair on the watch-list: looked at and journalled whether or not anybody looks on."""

    symbol_y: str
    symbol_x: str
    timeframe_s: int = 60
    preset: Literal["evidence", "classic"] = "evidence"

    @property
    def pair(self) -> str:
        """Its name, Y first."""
        return f"{self.symbol_y}/{self.symbol_x}"

    @property
    def words(self) -> str:
        """Pair, timeframe and preset.

        >>> WatchedPair("ETHUSDT", "BTCUSDT", 300, "classic").words
        'ETHUSDT/BTCUSDT 5m Classic'
        """
        return f"{self.pair} {TIMEFRAME_NAMES[self.timeframe_s]} {self.preset.capitalize()}"


@dataclass(frozen=True, slots=True)
class Trade:
    """One executed trade, or one aggregate of several (then ``first_id < trade_id``), as the venue reported it."""

    symbol: str
    trade_id: int  # unique and increasing per symbol
    first_id: int  # the first trade id an aggregate stands for; trade_id itself for a single trade
    ts_ms: int  # venue's trade time
    price: float  # quote currency per unit; float, because we estimate and never settle
    qty: float  # base currency, > 0
    buyer_is_maker: bool  # True: the taker sold


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """Trades of one symbol as columns of equal length n, ordered by trade id."""

    symbol: str
    trade_id: Ints
    first_id: Ints
    ts_ms: Ints
    price: Floats
    qty: Floats
    buyer_is_maker: Bools

    def __len__(self) -> int:
        return len(self.trade_id)

    @classmethod
    def empty(cls, symbol: str) -> Ticks:
        """A symbol without trades."""
        i, f = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(symbol, i, i, i, f, f, np.empty(0, np.bool_))

    def take(self, which: slice | Bools | Ints) -> Ticks:
        """The rows that a slice, a mask or an index array names."""
        return Ticks(
            self.symbol,
            self.trade_id[which],
            self.first_id[which],
            self.ts_ms[which],
            self.price[which],
            self.qty[which],
            self.buyer_is_maker[which],
        )

    def row(self, at: int) -> Trade:
        """One of them."""
        return Trade(
            self.symbol,
            trade_id=int(self.trade_id[at]),
            first_id=int(self.first_id[at]),
            ts_ms=int(self.ts_ms[at]),
            price=float(self.price[at]),
            qty=float(self.qty[at]),
            buyer_is_maker=bool(self.buyer_is_maker[at]),
        )

    def joined(self, *more: Ticks) -> Ticks:
        """These rows, then those of each of ``more``."""
        parts = (self, *more)
        return Ticks(
            self.symbol,
            np.concatenate([part.trade_id for part in parts]),
            np.concatenate([part.first_id for part in parts]),
            np.concatenate([part.ts_ms for part in parts]),
            np.concatenate([part.price for part in parts]),
            np.concatenate([part.qty for part in parts]),
            np.concatenate([part.buyer_is_maker for part in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What a trade stream sent for one symbol, in order of arrival, non-trades included.

    Every record counts for continuity; only rows where ``priced`` is True are trades.
    """

    symbol: str
    record_id: Ints  # increases by 1 per record of this kind: t of a trade, a of an aggregate
    trade_id: Ints  # the last trade id the record stands for
    first_id: Ints  # the first one; equal to trade_id for a single trade
    ts_ms: Ints
    event_ms: Ints  # when the exchange pushed it
    price: Floats
    qty: Floats
    buyer_is_maker: Bools
    priced: Bools
    kind: TradeKind = "trade"

    def __len__(self) -> int:
        return len(self.record_id)

    @classmethod
    def empty(cls, symbol: str, kind: TradeKind = "trade") -> Records:
        """No records."""
        i, f, b = np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.bool_)
        return cls(symbol, i, i, i, i, i, f, f, b, b, kind)

    def take(self, which: slice | Bools | Ints) -> Records:
        """The rows that a slice, a mask or an index array names."""
        return Records(
            self.symbol,
            self.record_id[which],
            self.trade_id[which],
            self.first_id[which],
            self.ts_ms[which],
            self.event_ms[which],
            self.price[which],
            self.qty[which],
            self.buyer_is_maker[which],
            self.priced[which],
            self.kind,
        )

    def joined(self, *more: Records) -> Records:
        """These rows, then those of each of ``more``; all at once, for a gap may take sixty pages."""
        parts = (self, *more)
        return Records(
            self.symbol,
            np.concatenate([part.record_id for part in parts]),
            np.concatenate([part.trade_id for part in parts]),
            np.concatenate([part.first_id for part in parts]),
            np.concatenate([part.ts_ms for part in parts]),
            np.concatenate([part.event_ms for part in parts]),
            np.concatenate([part.price for part in parts]),
            np.concatenate([part.qty for part in parts]),
            np.concatenate([part.buyer_is_maker for part in parts]),
            np.concatenate([part.priced for part in parts]),
            self.kind,
        )

    def trades(self) -> Ticks:
        """The executions among them."""
        m: slice | Bools = slice(None) if self.priced.all() else self.priced
        return Ticks(
            self.symbol,
            self.trade_id[m],
            self.first_id[m],
            self.ts_ms[m],
            self.price[m],
            self.qty[m],
            self.buyer_is_maker[m],
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """The exchange's answer to a SUBSCRIBE and the like: ``error`` is None for a success."""

    request_id: int | None
    result: object = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """One ``markPriceUpdate``: mark and index price, the running funding rate and its next settlement."""

    symbol: str
    event_ms: int
    mark: float
    index: float
    funding_rate: float  # per settlement, a fraction; positive: longs pay shorts
    next_funding_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """What one symbol's kline stream said: that it lives, and which of its bars have closed."""

    symbol: str
    event_ms: int  # when the exchange pushed the newest message
    messages: int
    closed_ms: Ints  # opens of the bars that closed, those without a trade too
    candles: Candles  # of the closed bars with trades; provenance 'kline'


@dataclass(frozen=True, slots=True)
class Batch:
    """What a run of frames held. ``rejected`` counts by reason what was not a usable trade or message."""

    records: tuple[Records, ...] = ()
    marks: tuple[MarkPrice, ...] = ()
    bars: tuple[Bars, ...] = ()
    replies: tuple[Reply, ...] = ()
    watermark_ms: int = 0  # newest exchange event time in it; 0: none
    frames: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    closing: bool = False  # the server announced that it will end this connection soon


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of one symbol and timeframe as columns; ``[open_ms, open_ms + timeframe)``; no trade, no candle."""

    symbol: str
    timeframe_s: int
    open_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats  # base currency
    trade_count: Ints
    provenance: Texts  # 'trades', 'repaired' or 'kline'

    def __len__(self) -> int:
        return len(self.open_ms)

    @classmethod
    def empty(cls, symbol: str, timeframe_s: int) -> Candles:
        """No candles."""
        i, f = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(symbol, timeframe_s, i, f, f, f, f, f, i, np.empty(0, "U8"))

    def take(self, which: slice | Bools | Ints) -> Candles:
        """The rows that a slice, a mask or an index array names."""
        return Candles(
            self.symbol,
            self.timeframe_s,
            self.open_ms[which],
            self.open[which],
            self.high[which],
            self.low[which],
            self.close[which],
            self.volume[which],
            self.trade_count[which],
            self.provenance[which],
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Records missing between two ids of one symbol.

    The missing ids are ``after_id + 1 … before_id - 1``; an unknown bound is None (before the first record, or
    after the newest). The missing trades happened within ``[from_ms, to_ms]``.
    """

    symbol: str
    after_id: int | None
    before_id: int | None
    from_ms: int
    to_ms: int
    state: GapState = "open"
    id: int | None = None  # row id, once stored


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """What ``exchangeInfo`` says of one contract."""

    symbol: str
    status: str  # TRADING, SETTLING, ...
    contract_type: str  # PERPETUAL, CURRENT_QUARTER, TRADIFI_PERPETUAL, ...
    base: str
    quote: str
    tick_size: float
    step_size: float
    min_qty: float
    max_qty: float
    min_notional: float
    onboard_ms: int = 0


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One symbol's stream as the feed sees it."""

    symbol: str
    last_id: int | None = None
    last_event_ms: int | None = None
    age_s: float | None = None  # since its newest record arrived, by our monotonic clock; None: nothing yet
    rate_per_s: float = 0.0  # records a second, smoothed
    kind: str = "trade"  # trade or aggTrade

    def silent(self, after_s: float) -> bool:
        """Whether nothing came for longer than that, or ever.

        >>> [StreamStatus("BTCUSDT", age_s=age_s).silent(15.0) for age_s in (None, 15.0, 15.1)]
        [True, False, True]
        """
        return self.age_s is None or self.age_s > after_s


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One socket's state. ``state``: stopped, connecting, live, waiting, blocked (final, see ``reason``)."""

    state: Literal["stopped", "connecting", "live", "waiting", "blocked"] = "stopped"
    reason: str = ""  # why it is not live, as a sentence for the trader
    url: str = ""
    reconnects: int = 0
    frames: int = 0
    records: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)  # what was received and not taken, by reason
    watermark_ms: int = 0
    last_frame_age_s: float | None = None
    next_try_in_s: float | None = None
    streams: tuple[StreamStatus, ...] = ()
    simulated: Literal["", "market", "replay"] = ""  # what the server says of itself

    def silent(self, symbols: Iterable[str], after_s: float) -> tuple[str, ...]:
        """Which of these symbols have no stream that speaks."""
        speaking = {stream.symbol for stream in self.streams if not stream.silent(after_s)}
        return tuple(symbol for symbol in symbols if symbol not in speaking)


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store's writer, as a value. ``state``: writing, reading (another process collects), failing, closed."""

    state: Literal["writing", "reading", "failing", "closed"] = "closed"
    reason: str = ""
    path: str = ""
    queued: int = 0  # rows waiting
    written: int = 0  # rows since start
    dropped: int = 0  # rows that had to be given up
    write_ms: float | None = None  # median of recent transactions
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DeskStatus:
    """The whole desk at one moment, as the screen and ``python -m desk --status`` see it."""

    running: bool = False
    source: Source = "LIVE"
    trades: FeedStatus = field(default_factory=FeedStatus)
    market: FeedStatus = field(default_factory=FeedStatus)
    engine: EngineStatus = field(default_factory=EngineStatus)
    store: StoreStatus = field(default_factory=StoreStatus)
    symbols: tuple[str, ...] = ()  # streamed, or to be streamed once started
    problem: str = ""  # why there are no data, as a sentence; empty: nothing is wrong
    may_collect: bool = True  # False: told only to read (PAIRSIGHT_ROLE)
    simulator_offered: bool = False  # the exchange cannot be reached and the local one could stand in
    warmup: Mapping[str, float] = field(default_factory=dict)  # symbol -> history loaded, 0..1; absent: nothing to load
    gaps_open: int = 0
    gaps_repaired: int = 0
    gaps_lost: int = 0
    alerts_problem: str = ""  # why some alert may not be told now, as a sentence; empty: nothing is wrong
    track_problem: str = ""  # why some look's score is not kept now, the same way
    clock_offset_ms: float | None = None  # exchange clock minus ours; None: not measured
    log: tuple[str, ...] = ()  # newest lines last
    stale_after_s: float = 15.0  # a stream silent for longer is called silent
    universe: FeedStatus = field(default_factory=FeedStatus)  # the scanner's bars; stopped while nobody wants a scan
