"""Batches from the trade sockets in; ordered trades, gaps and confirmed candles out. No socket, no SQL.

Everything that must happen in one order per symbol happens here, on the thread that received it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.types import Batch, Candles, Gap, Records, Ticks, TradeKind
from desk.holes import Hole, touched
from ingestion.continuity import Continuity, Taken
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


# A batch waits at most so long for a store that is behind. Frames come faster than they can be written only in
# extremes; they wait in the socket then, since what the store's queue refuses would be a gap.
ROOM_WAIT_S: Final = 0.25


class Care(Protocol):
    """Who mends what the stream could not deliver. Told on the receiving thread: it must only take note.

    Of holes it hears before their candles leave the store, so that nothing it is just about to write outlives them;
    of a gap once its row is on its way.
    """

    def gap(self, gap: Gap) -> None: ...
    def latecomers(self, ticks: Ticks) -> None: ...
    def healed(self, gap: Gap) -> None: ...
    def holes(self, holes: list[Hole]) -> None: ...
    def started(self, symbol: str, first_ms: int) -> None: ...


@dataclass(slots=True)
class _Leg:
    """One symbol on its way through."""

    continuity: Continuity
    builder: CandleBuilder
    started: bool = False  # whether its first record has come
    suspected: bool = False  # it is silent as if dead, and that is in the table of gaps
    held: bool = False
    second: int = 0  # up to which its candles have been confirmed
    newest: dict[int, int] = field(default_factory=dict)  # timeframe -> open of the newest confirmed candle


class Intake:
    """The way of one trade, for all symbols of one source.

    ``care`` hears of every gap found, of what came too late and of intervals that need repair; ``on_confirmed`` of
    each round of confirmed candles.
    """

    def __init__(
        self,
        ring: Memory,
        store: Keeper,
        care: Care,
        *,
        grace_ms: int,
        on_confirmed: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        times: FeedTimes = THE_EXCHANGE,
    ) -> None:
        self._ring = ring
        self._store = store
        self._care = care
        self._grace_ms = grace_ms
        self._on_confirmed = on_confirmed
        self._monotonic = monotonic
        self._times = times
        self._legs: dict[str, _Leg] = {}
        self._watermark_ms = 0
        self._left_out: Counter[str] = Counter()  # records by reason
        self._lock = threading.Lock()  # guards all of it: during a renewal two sockets deliver

    def add(self, symbol: str, last_id: int | None, last_ms: int | None, kind: TradeKind = "trade") -> None:
        """Take this symbol from now on; the newest stored record, where there is one, shows what was missed since."""
        with self._lock:
            if symbol in self._legs:
                return
            continuity = self._continuity(symbol, kind, last_id, last_ms)
            self._legs[symbol] = _Leg(continuity, CandleBuilder(symbol, grace_ms=self._grace_ms))

    def switch(self, symbol: str, kind: TradeKind) -> None:
        """Take the symbol's other kind of stream from now on; what lies between shows as a gap."""
        with self._lock:
            leg = self._legs.get(symbol)
            if leg is not None and leg.continuity.kind != kind:
                old = leg.continuity
                leg.continuity, leg.held = self._continuity(symbol, kind, old.last_id, old.last_ms), False

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
                if leg is None or leg.continuity.kind != records.kind:
                    self._left_out["not_asked_for"] += len(records)
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
            confirmed = self._confirm()
        if confirmed:
            self._on_confirmed()

    def ended(self) -> None:
        """Nothing more will come for now: records held back for missing ones are stored, and those are gaps."""
        with self._lock:
            for symbol, leg in self._legs.items():
                if leg.held:
                    self._move_on(symbol, leg, leg.continuity.let_go())
            confirmed = self._confirm()
        if confirmed:
            self._on_confirmed()

    def suspect(self, symbols: Iterable[str]) -> None:
        """These streams are silent as if dead. What has passed since their newest record is a gap until the next."""
        with self._lock:
            for symbol in symbols:
                leg = self._legs.get(symbol)
                if leg is None or not leg.started or leg.suspected or leg.continuity.last_id is None:
                    continue
                last_ms, passed_ms = leg.continuity.last_ms, self._watermark_ms - self._grace_ms
                if passed_ms > last_ms:  # otherwise all is silent
                    leg.suspected = True
                    self._declare(leg, Gap(symbol, leg.continuity.last_id, None, last_ms, self._watermark_ms))

    def dropped(self, gap: Gap) -> None:
        """The store had no room for a stretch of what was handed on: its candles are repaired with it."""
        with self._lock:
            leg = self._legs.get(gap.symbol)
            if leg is not None:
                leg.builder.gap(gap.from_ms, gap.to_ms)
                self._tell_holes(gap.symbol, leg)
            self._store.delete_candles(gap.symbol, gap.from_ms, gap.to_ms)
        self._care.gap(gap)

    def left_out(self) -> dict[str, int]:
        """Records that were not taken, by reason: ``not_asked_for`` (their symbol or kind), ``double``,
        ``out_of_place`` (nobody can say where in the numbering they belong)."""
        with self._lock:
            return dict(self._left_out)

    @property
    def watermark_ms(self) -> int:
        """Newest exchange event time seen; 0: nothing yet."""
        return self._watermark_ms

    def passed_ms(self, symbol: str) -> int:
        """Up to which time all of a symbol's records have been taken, or are known to be missing.

        What is over by then has been given out, or told as a hole.
        """
        with self._lock:  # not between taking a record and giving out what it confirms
            leg = self._legs.get(symbol)
            return self._watermark_ms - self._grace_ms if leg is None else self._passed_ms(leg)

    def kind(self, symbol: str) -> TradeKind | None:
        """Which kind of stream a symbol is taken from; None: from none."""
        leg = self._legs.get(symbol)
        return leg.continuity.kind if leg else None

    def newest_ms(self, symbol: str, timeframe_s: int) -> int | None:
        """Open of the newest candle confirmed from the stream."""
        leg = self._legs.get(symbol)
        return leg.newest.get(timeframe_s) if leg else None

    def _continuity(self, symbol: str, kind: TradeKind, last_id: int | None, last_ms: int | None) -> Continuity:
        continuity = Continuity(symbol, kind, self._times)
        if last_id is not None and last_ms is not None:
            continuity.resume(last_id, last_ms)
        return continuity

    def _advance(self, symbol: str, leg: _Leg, records: Records | None, now_s: float) -> None:
        self._move_on(
            symbol,
            leg,
            leg.continuity.take(records, now_s) if records is not None else leg.continuity.tick(now_s),
        )

    def _move_on(self, symbol: str, leg: _Leg, taken: Taken) -> None:
        if taken.duplicates:
            self._left_out["double"] += taken.duplicates
        if taken.implausible:
            self._left_out["out_of_place"] += taken.implausible
        if not leg.started and len(taken.records):
            # The candles its first record falls into began before anyone listened. Of what an earlier run missed
            # since its last record the builder knows nothing.
            leg.started = True
            first_ms = int(taken.records.ts_ms[0])
            leg.builder.gap(None, first_ms)
            self._care.holes([hole for gap in taken.gaps for hole in touched(gap)])
            self._care.started(symbol, first_ms)
        for gap in taken.gaps:
            self._declare(leg, gap)
        if taken.fillers is not None:
            # They lie in a gap declared earlier, and repair may have fetched them by now.
            self._care.latecomers(taken.fillers.trades())
        for gap in taken.healed:
            self._care.healed(gap)
        ticks = taken.records.trades()
        if len(ticks):
            self._ring.put(ticks)
            self._store.put(ticks)
            leg.builder.add(ticks)
        if len(taken.records):
            leg.suspected = False
        leg.held = taken.pending
        late = leg.builder.late()
        if late:
            self._care.holes([Hole(symbol, tf, open_ms, open_ms, late=True) for tf, open_ms in late])
            for timeframe_s, open_ms in late:
                self._store.delete_candles(symbol, open_ms, open_ms + timeframe_s * 1000 - 1, timeframe_s)

    def _declare(self, leg: _Leg, gap: Gap) -> None:
        """Trades are missing: what touches them is not known until they are repaired."""
        leg.builder.gap(gap.from_ms, gap.to_ms)
        self._tell_holes(gap.symbol, leg)
        self._store.delete_candles(gap.symbol, gap.from_ms, gap.to_ms)
        self._store.put_gap(gap)
        self._care.gap(gap)

    def _tell_holes(self, symbol: str, leg: _Leg) -> None:
        holes = leg.builder.incomplete()
        if holes:
            self._care.holes([Hole(symbol, *hole) for hole in holes])

    def _passed_ms(self, leg: _Leg) -> int:
        """That an interval is over, the watermark says: any symbol's records. That nothing more of it is to come, only
        the symbol's own next record does: a stream that died in its midst is as silent as one without trades.
        """
        return min(self._watermark_ms - self._grace_ms, leg.continuity.last_ms)

    def _confirm(self) -> bool:
        """Give out what has passed; at most once a second of it."""
        any_new = False
        for symbol, leg in self._legs.items():
            if not leg.started:
                continue
            passed_ms = self._passed_ms(leg)
            if passed_ms // 1000 <= leg.second:
                continue
            leg.second = passed_ms // 1000
            confirmed = leg.builder.confirm(passed_ms + self._grace_ms)
            self._tell_holes(symbol, leg)  # first: once a later candle is stored, only this says that one is missing
            for timeframe_s, candles in confirmed.items():
                self._store.put_candles(candles)
                leg.newest[timeframe_s] = int(candles.open_ms[-1])
                any_new = True
        return any_new
