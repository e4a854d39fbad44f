"""Batches from the trade sockets in; ordered trades, gaps and confirmed candles out. No socket, no SQL.

Everything that must happen in one order per symbol happens here, on the thread that received it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.types import Batch, Candles, Gap, Records, Ticks, TradeKind
from ingestion.continuity import Continuity
from ingestion.times import THE_EXCHANGE, FeedTimes
from storage.candles import CandleBuilder


class Keeper(Protocol):
    """What the intake needs of a store: everything is queued in the order given, and only ``wait_room`` waits."""

    def put(self, ticks: Ticks) -> None: ...
    def put_candles(self, candles: Candles) -> None: ...
    def put_gap(self, gap: Gap) -> None: ...
    def delete_candles(self, symbol: str, from_ms: int, to_ms: int, timeframe_s: int | None = ...) -> None: ...
    def wait_room(self, timeout_s: float) -> bool: ...


class Memory(Protocol):
    """What the intake needs of the ring."""

    def put(self, ticks: Ticks) -> None: ...


KLINE_MIN_S: Final = 60  # the exchange keeps no finer bars
# A batch waits at most so long for a store that is behind. Frames come faster than they can be written only in
# extremes; they wait in the socket then, since what the store's queue refuses would be a gap.
ROOM_WAIT_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Hole:
    """Intervals ``first_ms … last_ms`` (opens) of one timeframe that passed without a trustworthy candle."""

    symbol: str
    timeframe_s: int
    first_ms: int
    last_ms: int
    late: bool = False  # every trade is stored by now; only the candle has to be built again

    @property
    def by_kline(self) -> bool:
        """Whether the exchange's own bar is to fill it."""
        return self.timeframe_s >= KLINE_MIN_S and not self.late


@dataclass(slots=True)
class _Leg:
    """One symbol on its way through."""

    continuity: Continuity
    builder: CandleBuilder
    started: bool = False  # whether its first record has come
    doubted: bool = False  # the line broke since its newest record: what was missed is not known yet
    held: bool = False
    newest: dict[int, int] = field(default_factory=dict)  # timeframe -> open of the newest confirmed candle


class Intake:
    """The way of one trade, for all symbols of one source.

    ``on_gap`` hears of every gap found, ``on_healed`` of one that latecomers closed, ``on_holes`` of intervals that
    need repair, ``on_start`` of a symbol's first record, ``on_confirmed`` of each round of confirmed candles. They are
    called on the receiving thread and must only take note.
    """

    def __init__(
        self,
        ring: Memory,
        store: Keeper,
        *,
        grace_ms: int,
        on_gap: Callable[[Gap], None],
        on_healed: Callable[[Gap], None],
        on_holes: Callable[[list[Hole]], None],
        on_start: Callable[[str, int], None],
        on_confirmed: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        times: FeedTimes = THE_EXCHANGE,
    ) -> None:
        self._ring = ring
        self._store = store
        self._grace_ms = grace_ms
        self._on_gap = on_gap
        self._on_healed = on_healed
        self._on_holes = on_holes
        self._on_start = on_start
        self._on_confirmed = on_confirmed
        self._monotonic = monotonic
        self._times = times
        self._legs: dict[str, _Leg] = {}
        self._watermark_ms = 0
        self._second = 0  # of the watermark, when candles were last confirmed
        self._unasked = 0  # records of symbols nobody asked for
        self._lock = threading.Lock()  # guards all of it: during a renewal two sockets deliver

    def add(self, symbol: str, last_id: int | None, last_ms: int | None, kind: TradeKind = "trade") -> None:
        """Take this symbol from now on; the newest stored record, where there is one, shows what was missed since."""
        with self._lock:
            if symbol in self._legs:
                return
            continuity = Continuity(symbol, kind, self._times)
            if last_id is not None and last_ms is not None:
                continuity.resume(last_id, last_ms)
            self._legs[symbol] = _Leg(continuity, CandleBuilder(symbol, grace_ms=self._grace_ms))

    def drop(self, symbol: str) -> None:
        """Take it no longer."""
        with self._lock:
            self._legs.pop(symbol, None)

    def take(self, batch: Batch) -> None:
        """One batch, as it came. Waits a little where the store is behind: the next one then stays in the socket."""
        with self._lock:
            now_s = self._monotonic()
            self._watermark_ms = max(self._watermark_ms, batch.watermark_ms)
            for records in batch.records:
                leg = self._legs.get(records.symbol)
                if leg is None:
                    self._unasked += len(records)
                    continue
                self._advance(records.symbol, leg, records, now_s)
            confirmed = self._confirm()
        if confirmed:
            self._on_confirmed()
        self._store.wait_room(ROOM_WAIT_S)

    def tick(self) -> None:
        """Time has passed without a batch: records held back for missing ones may have waited long enough."""
        with self._lock:
            now_s = self._monotonic()
            for symbol, leg in self._legs.items():
                if leg.held:
                    self._advance(symbol, leg, None, now_s)

    def line_down(self) -> None:
        """The connection broke: until its next record shows what was missed, nothing of a symbol is confirmed."""
        with self._lock:
            for leg in self._legs.values():
                self._doubt(leg)

    def silent(self, symbols: Iterable[str]) -> None:
        """These streams are silent for longer than their rate explains: the same doubt, one by one."""
        with self._lock:
            for symbol in symbols:
                if symbol in self._legs:
                    self._doubt(self._legs[symbol])

    @property
    def watermark_ms(self) -> int:
        """Newest exchange event time seen; 0: nothing yet."""
        return self._watermark_ms

    def newest_ms(self, symbol: str, timeframe_s: int) -> int | None:
        """Open of the newest candle confirmed from the stream."""
        leg = self._legs.get(symbol)
        return leg.newest.get(timeframe_s) if leg else None

    def _doubt(self, leg: _Leg) -> None:
        if leg.started:
            leg.doubted = True
            leg.builder.hold()

    def _advance(self, symbol: str, leg: _Leg, records: Records | None, now_s: float) -> None:
        taken = leg.continuity.take(records, now_s) if records is not None else leg.continuity.tick(now_s)
        if not leg.started and len(taken.records):
            # The candles its first record falls into began before anyone listened.
            leg.started = True
            first_ms = int(taken.records.ts_ms[0])
            leg.builder.gap(None, first_ms)
            self._on_start(symbol, first_ms)
        for gap in taken.gaps:
            leg.builder.gap(gap.from_ms, gap.to_ms)
            self._store.delete_candles(symbol, gap.from_ms, gap.to_ms)
            self._store.put_gap(gap)
            self._on_gap(gap)
        if taken.fillers is not None and len(taken.fillers):
            # They lie in a gap declared earlier: stored now; its candles are built again once nothing is missing.
            self._store.put(taken.fillers.trades())
        for gap in taken.healed:
            self._on_healed(gap)
        ticks = taken.records.trades()
        if len(ticks):
            self._ring.put(ticks)
            self._store.put(ticks)
            leg.builder.add(ticks)
        if len(taken.records):
            leg.doubted = False
        leg.held = taken.pending
        if leg.held or leg.doubted:
            leg.builder.hold()
        else:
            leg.builder.release()
        late = leg.builder.late()
        if late:
            for timeframe_s, open_ms in late:
                self._store.delete_candles(symbol, open_ms, open_ms + timeframe_s * 1000 - 1, timeframe_s)
            self._on_holes([Hole(symbol, tf, open_ms, open_ms, late=True) for tf, open_ms in late])

    def _confirm(self) -> bool:
        second = (self._watermark_ms - self._grace_ms) // 1000
        if second <= self._second:
            return False
        self._second = second
        any_new = False
        for symbol, leg in self._legs.items():
            for timeframe_s, candles in leg.builder.confirm(self._watermark_ms).items():
                self._store.put_candles(candles)
                leg.newest[timeframe_s] = int(candles.open_ms[-1])
                any_new = True
            holes = leg.builder.incomplete()
            if holes:
                self._on_holes([Hole(symbol, *hole) for hole in holes])
        return any_new
