"""Ids in, gaps out. One symbol and one kind of stream; no I/O, no clock: time is handed in.

Every record counts, executions or not. A number left out is a gap, once it is clear that the record is not only late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.types import Bools, Floats, Gap, Ints, Records, TradeKind
from ingestion.holes import Holes
from ingestion.times import THE_EXCHANGE, FeedTimes

HOLD_RECORDS: Final = 10_000
AHEAD: Final = 10_000  # ids; further ahead a record alone is not believed
NEWER_MS: Final = 5_000  # a lower id, and yet so much newer than all before: no duplicate
STRANGERS: Final = 3  # so many records that agree on an unlikely place are believed


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What one step found out."""

    records: Records  # new ones, ids strictly increasing, above everything taken before unless it numbers anew
    gaps: tuple[Gap, ...] = ()  # what did not come; state 'open'
    fillers: Records | None = None  # late ones that lie in a gap declared earlier; no duplicates
    healed: tuple[Gap, ...] = ()  # gaps declared earlier of which nothing is missing any more, thanks to fillers
    duplicates: int = 0
    implausible: int = 0  # given up: ids nobody can place
    pending: bool = False  # records are held back: what lies behind them is not decided yet


class Continuity:
    """The state of one symbol's numbering.

    Records that are ahead wait for the missing ones until nothing has moved for ``hold_s``, or `HOLD_RECORDS` wait, so
    that reordering heals; then what is still missing is declared a gap and the stream goes on. Declared gaps are
    remembered for latecomers. A record that stays ahead for ``give_up_s`` while the stream moves on below it is
    garbage.

    A record more than `AHEAD` ahead does not fit, nor does one below the expected id whose trade is `NEWER_MS` newer
    than all before. Such a stranger alone is garbage and must not poison the symbol: it is forgotten as soon as a
    fitting record arrives. But when `STRANGERS` of them agree and nothing that fits has come for ``hold_s``, the
    exchange really has jumped (a long outage, a relisting, or the garbage was what came before): they are followed,
    and the jump is a gap.

    Aggregates are counted by their own ids (``record_id``). Gaps always speak of trade ids, which are what is stored.
    The ids of trades and of aggregates never meet: a symbol that changes its kind of stream gets a new `Continuity`,
    resumed at the last stored trade.
    """

    def __init__(self, symbol: str, kind: TradeKind = "trade", times: FeedTimes = THE_EXCHANGE) -> None:
        self._times = times
        self._nothing = Records.empty(symbol, kind)
        self._next: int | None = None  # the record id that would continue the stream
        self._last_trade: int | None = None  # the newest trade id accounted for
        self._last_ms = 0
        self._live = False  # a record has been taken; before that, the first ones together tell the place
        self._held = self._nothing
        self._held_s: Floats = np.empty(0)  # when each arrived
        self._moved_s = 0.0  # when the stream last went on by itself
        self._strangers = self._nothing
        self._strangers_s = 0.0  # when the first of them came
        self._holes = Holes()

    @property
    def kind(self) -> TradeKind:
        """Which kind of records it counts."""
        return self._nothing.kind

    @property
    def last_id(self) -> int | None:
        """The newest trade id accounted for; None: nothing yet."""
        return self._last_trade

    @property
    def last_ms(self) -> int:
        """Trade time of that record; 0: nothing yet."""
        return self._last_ms

    def resume(self, after_id: int, after_ms: int) -> None:
        """Go on after a stored trade, so that what was lost meanwhile shows as a gap. To be called before `take`."""
        self._last_trade, self._last_ms = after_id, after_ms
        # The own id of the aggregate that ended there is not stored; `_begin` finds the place by trade id.
        self._next = after_id + 1 if self._nothing.kind == "trade" else None

    def tick(self, now_s: float) -> Taken:
        """Let time pass: releases what has been held long enough."""
        return self.take(self._nothing, now_s)

    def let_go(self) -> Taken:
        """Nothing more will come for now: what is held back goes on, and what it waited for is gaps."""
        held, self._held, self._held_s = self._held, self._nothing, np.empty(0)
        gaps = self._account(held)
        return Taken(held, tuple(gaps), pending=len(self._strangers) > 0)

    def take(self, records: Records, now_s: float) -> Taken:
        """Account for records in order of arrival; ``now_s`` is a monotonic clock's seconds."""
        n = len(records)
        if not len(self._held) and not len(self._strangers):
            if not n:
                return Taken(records)
            ids = records.record_id
            if self._live and ids[0] == self._next and ids[-1] == ids[0] + n - 1 and (ids[1:] > ids[:-1]).all():
                self._advance(records)
                return Taken(records)
        return self._sort_out(records, now_s)

    def _sort_out(self, records: Records, now_s: float) -> Taken:
        """The long way: something is out of order, missing, double or strange, or this is the beginning."""
        odd = self._odd(records)
        strange, records = records.take(odd), records.take(~odd)
        gaps: list[Gap] = []
        came = len(records)
        if self._next is None:
            records = self._begin(records, gaps)
        dropped = came - len(records)
        old = records.record_id < (self._next or 0)
        fillers, healed, duplicates = self._holes.fill(records.take(old))
        if fillers is not None:
            gaps += self._outside(fillers)
        pool = self._held.joined(records.take(~old))
        arrived_s = np.concatenate((self._held_s, np.full(len(pool) - len(self._held), now_s)))
        _, order = np.unique(pool.record_id, return_index=True)
        duplicates += len(pool) - len(order) + dropped
        pool, arrived_s = pool.take(order), arrived_s[order]
        ready = self._ready(pool.record_id, arrived_s, now_s)
        taken, waiting = pool.take(slice(0, ready)), arrived_s[ready:] > now_s - self._times.give_up_s
        self._held, self._held_s = pool.take(slice(ready, None)).take(waiting), arrived_s[ready:][waiting]
        gaps += self._account(taken)
        implausible = len(pool) - ready - len(self._held) + self._keep(strange, bool(len(taken)), now_s)
        if self._believed(now_s):
            taken = self._follow(gaps, restarted=bool(self._strangers.record_id[0] < (self._next or 0)))
        undecided = len(self._strangers) > 0 and now_s - self._strangers_s < self._times.undecided_s
        return Taken(
            records=taken,
            gaps=tuple(gaps),
            fillers=fillers,
            healed=healed,
            duplicates=duplicates,
            implausible=implausible,
            pending=bool(len(self._held)) or undecided,
        )

    def _odd(self, records: Records) -> Bools:
        """Which records do not fit into the numbering."""
        ids = records.record_id
        if not self._live:
            everything = np.sort(np.concatenate((self._held.record_id, ids)))
            place = everything[len(everything) // 2] if len(everything) else 0
            far: Bools = np.abs(ids - place) > AHEAD
            return far
        expected = self._next or 0
        newest = max(expected, int(self._held.record_id[-1])) if len(self._held) else expected
        above = np.sort(ids[ids > newest])
        odd: Bools = (ids < expected) & (records.ts_ms > self._last_ms + NEWER_MS)
        leaps = np.flatnonzero(np.diff(above, prepend=newest) > AHEAD)
        return odd | (ids >= above[leaps[0]]) if len(leaps) else odd

    def _outside(self, fillers: Records) -> list[Gap]:
        """Latecomers whose trade time lies outside the gap they fill: the candles there must be built again, too."""
        return [
            Gap(fillers.symbol, int(fillers.first_id[row]) - 1, int(fillers.trade_id[row]) + 1, at_ms, at_ms)
            for row in np.flatnonzero(~self._holes.spans(fillers))
            for at_ms in (int(fillers.ts_ms[row]),)
        ]

    def _begin(self, records: Records, gaps: list[Gap]) -> Records:
        """The first records: whatever comes is the beginning, or it follows the trade to resume at."""
        resume = self._last_trade
        if resume is not None:
            # An aggregate that holds the resumed trade and later ones can be neither counted nor left out:
            # what it adds shows as a gap, and repair finds it.
            records = records.take(records.first_id > resume)
        if not len(records):
            return records
        first = records.take(np.array([int(np.argmin(records.record_id))]))
        self._next = int(first.record_id[0])
        if resume is not None and first.first_id[0] > resume + 1:
            gaps.append(self._gap(resume, int(first.first_id[0]), int(first.ts_ms[0])))
        return records

    def _ready(self, ids: Ints, arrived_s: Floats, now_s: float) -> int:
        """How many of the waiting records, ordered by id, can go on."""
        n = len(ids)
        if not n:
            return 0
        holes = np.flatnonzero(np.concatenate(([ids[0] != self._next], np.diff(ids) != 1)))
        ready = int(holes[0]) if len(holes) else n
        if ready:
            self._moved_s = now_s
        if n - ready > HOLD_RECORDS:
            return n
        overdue = np.flatnonzero(arrived_s <= now_s - self._times.hold_s)
        if now_s - self._moved_s < self._times.hold_s or not len(overdue) or overdue[-1] < ready:
            return ready
        behind = holes[holes > overdue[-1]]
        return int(behind[0]) if len(behind) else n

    def _account(self, records: Records) -> list[Gap]:
        """Move on over these, ordered by id; what they leave out is gaps."""
        if not len(records):
            return []
        ids = records.record_id
        gaps = []
        for at in np.flatnonzero(np.concatenate(([ids[0] != self._next], np.diff(ids) != 1))):
            after_id = int(records.trade_id[at - 1]) if at else self._last_trade
            after_ms = int(records.ts_ms[at - 1]) if at else self._last_ms
            gaps.append(self._gap(after_id, int(records.first_id[at]), int(records.ts_ms[at]), after_ms))
        self._advance(records)
        return gaps

    def _gap(self, after_id: int | None, before_id: int, before_ms: int, after_ms: int | None = None) -> Gap:
        after_ms = self._last_ms if after_ms is None else after_ms
        # Trade times do not quite follow the ids, so the bounds may come in either order.
        gap = Gap(self._nothing.symbol, after_id, before_id, min(after_ms, before_ms), max(after_ms, before_ms))
        self._holes.add(gap)
        return gap

    def _advance(self, records: Records) -> None:
        self._live = True
        self._next = int(records.record_id[-1]) + 1
        self._last_trade = int(records.trade_id[-1])
        self._last_ms = int(records.ts_ms[-1])

    def _keep(self, strange: Records, progress: bool, now_s: float) -> int:
        """Remember strangers, unless something that fits has come; how many are given up."""
        known = self._strangers
        if progress:
            self._strangers = self._nothing
            return len(known) + len(strange)
        if not len(strange):
            return 0
        if len(known):
            ids, low, high = strange.record_id, known.record_id[0] - AHEAD, known.record_id[-1] + AHEAD
            agreeing = strange.take((ids >= low) & (ids <= high))
            if len(agreeing) or len(known) >= STRANGERS:
                pool = known.joined(agreeing)
                _, order = np.unique(pool.record_id, return_index=True)
                self._strangers = pool.take(order)
                return len(known) + len(strange) - len(order)
        place = strange.record_id[len(strange) // 2]
        pool = strange.take(np.abs(strange.record_id - place) <= AHEAD)
        _, order = np.unique(pool.record_id, return_index=True)
        self._strangers, self._strangers_s = pool.take(order), now_s
        return len(known) + len(strange) - len(order)

    def _believed(self, now_s: float) -> bool:
        n = len(self._strangers)
        waited = now_s - self._strangers_s >= self._times.hold_s or n > HOLD_RECORDS
        return n >= STRANGERS and waited and not len(self._held)

    def _follow(self, gaps: list[Gap], restarted: bool) -> Records:
        """Go on where the strangers are."""
        moved, self._strangers = self._strangers, self._nothing
        if restarted:
            self._holes.clear()
            gaps.append(self._gap(None, int(moved.first_id[0]), int(moved.ts_ms[0])))
            self._next = int(moved.record_id[0])
        gaps += self._account(moved)
        return moved
