"""The exchange itself: takes what its source lets happen, keeps the truth, tells the hub. No socket, no thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, Protocol

from simulator import encode
from simulator.aggregate import WINDOW_MS, Aggregate
from simulator.bars import Bars
from simulator.clock import ExchangeClock
from simulator.hub import Hub
from simulator.records import Instrument, Item, Quote, Record
from simulator.streams import EVERY_QUOTE
from simulator.tape import SymbolTape
from simulator.universe import IDLE

KEPT_RECORDS: Final = 4_000_000  # single records in memory, all symbols; about 75 bytes each with their aggregates
CHECK_EVERY: Final = 1 << 14


class History(Protocol):
    """The bars of the time before the first record that the exchange remembers."""

    def __contains__(self, symbol: object) -> bool: ...

    def close_before(self, symbol: str, at_ms: int) -> int | None:
        """The last price before a moment."""
        ...

    def id_at(self, symbol: str, at_ms: int) -> int:
        """Id of the first record from a moment on."""
        ...

    def minutes(self, symbol: str, from_ms: int, to_ms: int) -> Bars:
        """Minutes that open within ``[from_ms, to_ms)``."""
        ...

    def hours(self, symbol: str, from_ms: int, to_ms: int) -> Bars:
        """Hours that open within ``[from_ms, to_ms)``."""
        ...


class Source(Protocol):
    """Where records come from."""

    @property
    def mode(self) -> Literal["market", "replay"]:
        """Made up, or recorded."""
        ...

    @property
    def instruments(self) -> Sequence[Instrument]:
        """The contracts that are traded."""
        ...

    @property
    def history(self) -> History | None:
        """Bars from before ``past_start_ms``, where there are any."""
        ...

    @property
    def start_ms(self) -> int:
        """What the clock shows before it starts."""
        ...

    @property
    def past_start_ms(self) -> int:
        """From here on, a whole minute, every record is known; older times have bars only."""
        ...

    def past(self) -> Iterable[Record]:
        """Records from before the start."""
        ...

    def take(self, now_ms: int, limit: int) -> Sequence[Item]:
        """What has happened up to ``now_ms`` and was not taken yet, in order of arrival, at most ``limit``."""
        ...

    @property
    def reached_ms(self) -> int:
        """When the newest item taken has happened."""
        ...

    def quote(self, symbol: str, at_ms: int) -> tuple[int, int] | None:
        """Best bid and ask at a moment, in units of the last digit; None where the source has its own messages."""
        ...

    @property
    def end_ms(self) -> int | None:
        """Event time of the last item; None where there is no last one."""
        ...


class Exchange:
    """One step a tick: ``step(now)`` publishes all that happened since the last one."""

    def __init__(self, source: Source, clock: ExchangeClock) -> None:
        self.source = source
        self.clock = clock
        self.hub = Hub()
        self.instruments = {i.symbol: i for i in source.instruments}
        self.instruments |= {i.symbol: i for i in IDLE if i.symbol not in self.instruments}
        self.tapes = {symbol: SymbolTape(i) for symbol, i in self.instruments.items()}
        self.now_ms = source.start_ms  # up to here everything has happened; a busy machine's clock may be ahead
        self.published = 0  # records, those of the past not counted
        self.kept_records = KEPT_RECORDS
        self.ended = False
        self.clock_error_ms = 0  # by how much REST tells the wrong time
        self.before_record: Callable[[], None] | None = None  # called when one is about to happen
        self.on_record: Callable[[Record], Iterable[Record]] | None = None  # what is delivered in place of a record
        self._trade_streams = {s: f"{s.lower()}@trade" for s in self.instruments}
        self._agg_streams = {s: f"{s.lower()}@aggTrade" for s in self.instruments}
        self._open: dict[str, int] = {}  # symbols with an open aggregate -> when its 100 ms are over, oldest first
        self._id_shift: dict[str, int] = {}
        if source.end_ms is not None:
            clock.end_ms = source.end_ms + 2 * WINDOW_MS  # time for the last aggregate to be complete
        for record in source.past():
            self._keep(record)

    def step(self, limit: int = 2_000) -> bool:
        """Let happen what is due; True where more is due than ``limit`` allowed."""
        if not self.clock.started:
            return False
        now_ms = self.clock.now_ms() if self.clock.by_itself else 1 << 62
        items = self.source.take(now_ms, limit)
        if not self.clock.by_itself:
            now_ms = self._reach(items)
        for item in items:
            if isinstance(item, Record):
                self.happen(item)
            else:
                self._quote(item)
        if len(items) >= limit:
            self.now_ms = max(self.now_ms, self.source.reached_ms)
            return True
        self._close_aggregates(now_ms)
        self.now_ms = now_ms
        self.ended = self.clock.end_ms is not None and now_ms >= self.clock.end_ms
        return False

    def _reach(self, items: Sequence[Item]) -> int:
        """Where the clock does not run by itself, it follows what happens, and outlasts the last aggregate."""
        if items:
            self.clock.reach(self.source.reached_ms)
        elif self.clock.end_ms is not None:
            self.clock.reach(self.clock.end_ms)
        return self.clock.now_ms()

    def happen(self, record: Record) -> None:
        """One record becomes part of the truth and goes out to those who listen."""
        if self.before_record is not None:
            self.before_record()
        shift = self._id_shift.get(record.symbol, 0)
        if shift:
            record = record._replace(id=record.id + shift)
        self._close_aggregates(min(record.event_ms, self.source.reached_ms))
        self.published += 1
        if self.published % CHECK_EVERY == 0:
            self._keep_within_bounds()
        for_delivery = (record,) if self.on_record is None else self.on_record(record)
        for r in for_delivery:
            self.deliver(r)
        self._keep(record)

    def insert(self, record: Record) -> None:
        """A record that the source does not know of: it takes the next id, and all later ids move up by one."""
        last = self.tapes[record.symbol].last_id
        shift = self._id_shift.get(record.symbol, 0)
        self.happen(record._replace(id=(last if last is not None else 0) + 1 - shift))
        self._id_shift[record.symbol] = shift + 1

    def deliver(self, record: Record) -> None:
        """Send a record to those who listen; the truth does not change."""
        stream = self._trade_streams[record.symbol]
        if stream in self.hub.listeners:
            self.hub.publish(stream, encode.trade(record))

    def bars(self, symbol: str, from_ms: int, to_ms: int, coarse: bool) -> Bars:
        """Base bars within ``[from_ms, to_ms)`` up to now, oldest first: minutes, or hours as far back as allowed."""
        tape, history = self.tapes[symbol], self.source.history
        if history is None or symbol not in history:
            return tape.minutes(from_ms, to_ms)
        begin = self.source.past_start_ms
        old_end = min(to_ms, begin)
        parts = []
        if from_ms < old_end and coarse:
            hour = old_end // 3_600_000 * 3_600_000
            if from_ms < hour:
                parts.append(history.hours(symbol, from_ms, hour))
                from_ms = hour
        if from_ms < old_end:
            parts.append(history.minutes(symbol, from_ms, old_end))
        parts.append(tape.minutes(max(from_ms, begin), to_ms))
        return Bars.join(parts)

    def listed_ms(self, symbol: str) -> int | None:
        """From when on the exchange has bars of a symbol; None where it has none."""
        if self.source.history is not None and symbol in self.source.history:
            return self.instruments[symbol].onboard_ms
        return self.tapes[symbol].first_minute_ms

    def close_before(self, symbol: str, at_ms: int) -> int | None:
        """The last price before a moment, in units of the last digit."""
        close, history = self.tapes[symbol].close_before(at_ms), self.source.history
        if close is None and history is not None and symbol in history:
            return history.close_before(symbol, at_ms)
        return close

    def known_from_ms(self, symbol: str) -> int:
        """From when on every aggregate of a symbol is still known."""
        log = self.tapes[symbol].aggregates
        if log.forgot and log.oldest is not None:
            return log.oldest[1]
        return self.source.past_start_ms

    def _keep(self, record: Record) -> None:
        tape = self.tapes[record.symbol]
        done = tape.append(record)
        if done is not None:
            self._open.pop(record.symbol, None)
            self._push(record.symbol, done, record.event_ms)
        since = tape.open_aggregate_ms
        if since is None:
            self._open.pop(record.symbol, None)
        elif record.symbol not in self._open:
            self._open[record.symbol] = since + WINDOW_MS

    def _keep_within_bounds(self) -> None:
        while sum(len(tape) for tape in self.tapes.values()) > self.kept_records:
            max(self.tapes.values(), key=len).forget()

    def _close_aggregates(self, now_ms: int) -> None:
        while self._open:
            symbol = next(iter(self._open))
            over_ms = self._open[symbol]
            if over_ms > now_ms:
                return
            del self._open[symbol]
            done = self.tapes[symbol].close_aggregate(now_ms)
            if done is not None:
                self._push(symbol, done, over_ms)

    def _push(self, symbol: str, aggregate: Aggregate, event_ms: int) -> None:
        stream = self._agg_streams[symbol]
        if stream in self.hub.listeners:
            self.hub.publish(stream, encode.agg_trade(symbol, aggregate, event_ms))

    def _quote(self, quote: Quote) -> None:
        self.hub.publish(quote.stream, quote.data)
        if quote.stream.endswith("@bookTicker"):
            self.hub.publish(EVERY_QUOTE, quote.data)
