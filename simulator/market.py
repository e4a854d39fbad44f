"""The seeded market as the source of what happens: live prints, a past of single trades, a longer one of bars.

Seed, rate, symbols and scenario fix everything, ids included, at every moment since 2025: a market that is started
again goes on where it would have been, and its klines of yesterday equal the trades that were sent yesterday.
(Scenarios other than the default arrange something around their start, and so differ there from run to run.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

import numpy as np

from core.types import Ints
from simulator.bars import DAY_MS, HOUR_MS, MINUTE_MS, Bars, roll_up
from simulator.decimals import printed
from simulator.paths import EPOCH_HOUR, HOUR_S, Paths
from simulator.prints import KINDS, Prints, taken_apart
from simulator.records import Instrument, Record
from simulator.scenarios import SCENARIOS, Scenario
from simulator.seconds import Activity, Seconds, minute_bars
from simulator.universe import LISTINGS, Listing
from simulator.walks import rng_for

CHUNK_S: Final = 10  # single prints are made for so many seconds at once
PAST_RECORDS: Final = 100_000  # about so many single trades are known from before the start
KEPT_HOURS: Final = 6_000  # of minute bars, over all symbols


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """What identifies a seeded market."""

    seed: int = 1
    rate: float = 60.0  # records a second, all symbols together
    listings: tuple[Listing, ...] = LISTINGS
    scenario: Scenario = SCENARIOS["default"]
    past_minutes: int | None = None  # single trades known from before the start; None: as many as start fast


class Market:
    """Makes the records of a plan from ``start_ms`` on, and its history. Bars may be asked for from any thread."""

    mode: Literal["market", "replay"] = "market"

    def __init__(self, plan: MarketPlan, start_ms: int) -> None:
        chosen = plan.listings
        minutes = plan.past_minutes
        if minutes is None:
            minutes = min(30, round(PAST_RECORDS / plan.rate / 60))
        self.plan = plan
        self.start_ms = start_ms
        self.past_start_ms = start_ms // MINUTE_MS * MINUTE_MS - minutes * MINUTE_MS
        known_ms = start_ms - int(plan.scenario.history_days * DAY_MS)
        self.onboard_ms = max(EPOCH_HOUR * HOUR_MS, known_ms // HOUR_MS * HOUR_MS)
        self.instruments: Sequence[Instrument] = [
            replace(entry.instrument, onboard_ms=self.onboard_ms) for entry in chosen
        ]
        paths = Paths(chosen, plan.scenario, plan.seed, start_ms // 1000)
        self.history = Bookkeeping(Activity(paths, chosen, plan.scenario, plan.seed, plan.rate), self.instruments)
        self.history.closing_ms = self.past_start_ms
        self._chunk_s = self.past_start_ms // 1000 // CHUNK_S * CHUNK_S  # the next chunk's first second
        self._queue = _Queue([], self.instruments)
        self.reached_ms = start_ms  # when the newest record taken has happened

    def past(self) -> Iterable[Record]:
        """Every record from ``past_start_ms`` to the start, by event time."""
        return self.take(self.start_ms, 1 << 62)

    def take(self, now_ms: int, limit: int) -> list[Record]:
        """The next records up to ``now_ms``."""
        taken = self._queue.take(now_ms, limit)
        while len(taken) < limit and not self._queue and self._chunk_s * 1000 <= now_ms:
            self._queue = self._next_chunk()
            taken += self._queue.take(now_ms, limit - len(taken))
        if taken:
            self.reached_ms = taken[-1].event_ms
        return taken

    @property
    def end_ms(self) -> int | None:
        """A market does not end."""
        return None

    def quote(self, symbol: str, at_ms: int) -> tuple[int, int] | None:
        """Best bid and ask at a moment, in units of the last digit; None for a contract without a market."""
        if symbol not in self.history:
            return None
        hour, second = divmod(at_ms // 1000, HOUR_S)
        seconds = self.history.seconds(symbol, hour - EPOCH_HOUR)
        tick = next(i.tick for i in self.instruments if i.symbol == symbol)
        return int(seconds.bid[second]) * tick, int(seconds.ask[second]) * tick

    def _next_chunk(self) -> _Queue:
        hour, first = divmod(self._chunk_s, HOUR_S)
        self._chunk_s += CHUNK_S
        made = []
        for instrument in self.instruments:
            rng = rng_for(self.plan.seed, "prints", instrument.symbol, hour, first)
            seconds = self.history.seconds(instrument.symbol, hour - EPOCH_HOUR)
            made.append(taken_apart(rng, hour * HOUR_MS, seconds, first, first + CHUNK_S))
        return _Queue(made, self.instruments)


class _Queue:
    """The prints of one chunk, all symbols by event time; they become records only as they are taken."""

    def __init__(self, made: Sequence[Prints], instruments: Sequence[Instrument]) -> None:
        self._instruments = instruments
        self._next = 0
        whose = np.repeat(np.arange(len(made)), [len(p) for p in made])
        columns = [np.concatenate([getattr(p, f.name) for p in made]) if made else whose for f in fields(Prints)]
        self._due: Ints = columns[2]
        order = np.argsort(self._due, kind="stable")
        self._due = self._due[order]
        self._columns = [whose[order].tolist(), *(column[order].tolist() for column in columns)]
        self._texts: list[dict[int, str]] = [{} for _ in instruments]

    def __bool__(self) -> bool:
        return self._next < len(self._due)

    def take(self, now_ms: int, limit: int) -> list[Record]:
        first = self._next
        last = min(first + limit, int(np.searchsorted(self._due, now_ms, side="right")))
        if last <= first:
            return []
        self._next = last
        return [self._record(*row) for row in zip(*(column[first:last] for column in self._columns), strict=True)]

    def _record(
        self, whose: int, number: int, trade_ms: int, event_ms: int, price: int, qty: int, kind: int, maker: bool
    ) -> Record:
        i = self._instruments[whose]
        if kind == 1:
            return Record(i.symbol, number, trade_ms, event_ms, "0", "0", KINDS[1], maker)
        texts = self._texts[whose]
        text = texts.get(price)
        if text is None:
            text = texts[price] = printed(price * i.tick, i.price_decimals)
        if kind:  # insurance fund and deleveraging prints are off the tick and off the market
            text = printed(round(price * i.tick * 1.012), i.price_decimals) + "77"
        return Record(i.symbol, number, trade_ms, event_ms, text, printed(qty, i.qty_decimals), KINDS[kind], maker)


class Bookkeeping:
    """Bars of any time since the epoch, made when asked for and kept while there is room. Thread-safe."""

    def __init__(self, activity: Activity, instruments: Sequence[Instrument]) -> None:
        self.closing_ms = 0  # from here on the exchange's own tape knows better
        self._activity = activity
        self._ticks = {i.symbol: i.tick for i in instruments}
        self._lock = threading.RLock()  # guards everything below, and the paths
        self._seconds: dict[tuple[str, int], Seconds] = {}
        self._minutes: dict[tuple[str, int], Bars] = {}
        self._hours: dict[tuple[str, int], Bars] = {}

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._ticks

    def seconds(self, symbol: str, hour: int) -> Seconds:
        """What happens in an hour, counted from the epoch."""
        key = (symbol, hour)
        with self._lock:
            made = self._seconds.get(key)
            if made is None:
                if len(self._seconds) >= 2 * len(self._ticks) + 8:
                    self._seconds.pop(next(iter(self._seconds)))
                made = self._seconds[key] = self._activity.seconds(symbol, hour)
            return made

    def id_at(self, symbol: str, at_ms: int) -> int:
        """Id of the first record from a second on."""
        hour, second = divmod(at_ms // 1000, HOUR_S)
        return int(self.seconds(symbol, hour - EPOCH_HOUR).first_id[second])

    def minutes(self, symbol: str, from_ms: int, to_ms: int) -> Bars:
        """Minutes that open within ``[from_ms, to_ms)``; those without an execution are left out."""
        hours = range(from_ms // HOUR_MS, -(-to_ms // HOUR_MS))
        if not hours:
            return Bars.of([])
        found = Bars.join([self._minutes_of(symbol, hour - EPOCH_HOUR) for hour in hours])
        low, high = np.searchsorted(found.open_ms, [from_ms, to_ms])
        return found.take(slice(int(low), int(high)))

    def hours(self, symbol: str, from_ms: int, to_ms: int) -> Bars:
        """Hours that open within ``[from_ms, to_ms)``; those without an execution are left out."""
        parts = [Bars.of([])]
        for hour in range(from_ms // HOUR_MS - EPOCH_HOUR, to_ms // HOUR_MS - EPOCH_HOUR):
            key = (symbol, hour)
            made = self._hours.get(key)
            if made is None:
                open_ms = (EPOCH_HOUR + hour) * HOUR_MS
                made = roll_up(self._minutes_of(symbol, hour, keep=False), [open_ms], open_ms + HOUR_MS, None)
                self._hours[key] = made
            parts.append(made)
        return Bars.join(parts)

    def close_before(self, symbol: str, at_ms: int) -> int | None:
        """The last price before a moment, a day back at most."""
        at_ms = min(at_ms, self.closing_ms)
        for hour in range(-(-at_ms // HOUR_MS) - 1, at_ms // HOUR_MS - 25, -1):
            bars = self._minutes_of(symbol, hour - EPOCH_HOUR)
            i = int(np.searchsorted(bars.open_ms, at_ms)) - 1
            if i >= 0:
                return int(bars.close[i])
        return None

    def _minutes_of(self, symbol: str, hour: int, keep: bool = True) -> Bars:
        key = (symbol, hour)
        with self._lock:
            made = self._minutes.get(key)
            if made is None:
                kept = self._seconds.get(key)
                seconds = kept if kept is not None else self._activity.seconds(symbol, hour)
                made = minute_bars(hour, seconds, self._ticks[symbol])
                if keep:
                    if len(self._minutes) >= KEPT_HOURS:
                        self._minutes.pop(next(iter(self._minutes)))
                    self._minutes[key] = made
            return made
