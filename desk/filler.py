"""The trades of open gaps: what came too late for the stream, and what the exchange is asked for. No thread."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from core.errors import StoreError
from core.types import Gap, GapState, Ticks, Trade, TradeKind
from ingestion.answers import Answers
from ingestion.remainder import remainder
from ingestion.repair import Fill, fill
from ingestion.rest import Rest

log = logging.getLogger(__name__)

FLUSH_S: Final = 2.0
AGAIN_S: Final = 5.0  # until what could not be settled is tried again
CHECK_S: Final = 60.0  # the table of gaps is gone through so often, news or not
MOST_TRIES: Final = 12  # of an answer that does not reach over the gap
MOST_LATE: Final = 10_000  # latecomers that wait for a store that cannot be written
LATER_MS: Final = (10_000, 600_000, 86_400_000)  # how far behind a gap the next trade is looked for


class Trades(Protocol):
    """What filling gaps needs of the store."""

    def put(self, ticks: Ticks) -> None: ...
    def put_gap(self, gap: Gap) -> None: ...
    def set_gap_state(self, gap: Gap, state: GapState) -> None: ...
    def flush(self, timeout_s: float = ...) -> bool: ...
    def next_trade(self, symbol: str, after_id: int) -> Trade | None: ...
    def gaps(self, *, state: GapState | None = ...) -> list[Gap]: ...
    def trades(
        self,
        symbol: str,
        *,
        from_ms: int | None = ...,
        to_ms: int | None = ...,
        after_id: int | None = ...,
        before_id: int | None = ...,
        limit: int | None = ...,
    ) -> Ticks: ...


class Filler:
    """Works from the store's own table of gaps, so that none is forgotten.

    ``kind`` says what a symbol's stream delivers, so that a repaired candle is the one it would have given; None: the
    symbol is not streamed.
    ``on_healed`` hears of gaps that latecomers closed, ``on_settled`` of each gap of which something became.
    """

    def __init__(
        self,
        rest: Rest,
        store: Trades,
        *,
        kind: Callable[[str], TradeKind | None],
        on_healed: Callable[[Gap], None],
        on_settled: Callable[[Gap], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._rest = rest
        self._store = store
        self._kind = kind
        self._on_healed = on_healed
        self._on_settled = on_settled
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards what came late
        self._late: list[Ticks | Gap] = []  # in the order they came: latecomers, then what they completed
        self._next_s = 0.0  # when to go through the table
        self._tries: Counter[int | None] = Counter()  # by the gap's row

    def news(self) -> None:
        """There is a new gap in the table."""
        self._next_s = 0.0

    def latecomers(self, ticks: Ticks) -> None:
        """Trades of a gap that came after all."""
        with self._lock:
            self._late.append(ticks)

    def healed(self, gap: Gap) -> None:
        """Latecomers closed a gap."""
        with self._lock:
            self._late.append(gap)

    def absorb(self) -> None:
        """Store what came late, unless repair was faster; needs no answer."""
        with self._lock:
            late, self._late = self._late, []
        if not late:
            return
        if not self._store.flush(FLUSH_S):
            with self._lock:
                # Beyond the bound they are let go: their gaps are still open, and repaired once there is a store.
                self._late = late + self._late if len(late) < MOST_LATE else []
            return
        for one in late:
            if isinstance(one, Ticks):
                self._add(one)
            else:
                self._settle(one, "repaired")
                self._on_healed(one)

    def turn(self) -> None:
        """Try every open gap, those that failed least often and the shortest first: of a short one the exchange may
        still have the single trades. Raises RestError; what was filled before stands.
        """
        if self._monotonic() < self._next_s:
            return
        self._next_s = self._monotonic() + CHECK_S  # before reading: news meanwhile are news
        try:
            if not self._store.flush(FLUSH_S):
                raise StoreError("nothing can be stored now")
            gaps = self._store.gaps(state="open")
            answers = Answers(self._rest)
            for gap in sorted(gaps, key=lambda gap: (self._tries[gap.id], gap.to_ms - gap.from_ms, gap.from_ms)):
                if not self._try(gap, answers):
                    self._next_s = min(self._next_s, self._monotonic() + AGAIN_S)
            still = {gap.id for gap in gaps}
            self._tries = Counter({row: tries for row, tries in self._tries.items() if row in still})
        except BaseException:
            self._next_s = 0.0
            raise

    def _try(self, gap: Gap, answers: Answers) -> bool:
        """Trades of a short gap; a long one, or one the exchange no longer keeps, is lost. False: not settled yet."""
        kind, bounded = self._kind(gap.symbol), self._bounded(gap)
        if bounded is None and kind is not None:
            return False
        if bounded is None:  # nothing came after it, and nothing will
            log.info("gap of %s after id %s: lost. It has no end, and is not streamed.", gap.symbol, gap.after_id)
            self._settle(gap, "lost")
            return True
        self._tries[gap.id] += 1
        filled: Fill = fill(bounded, answers, self._stored, kind or "trade")
        if filled.again and self._tries[gap.id] < MOST_TRIES:
            return False
        if len(filled.ticks):
            self._store.put(filled.ticks)
        whole = any(_bounds(part) == _bounds(bounded) for part in filled.lost)
        for part in filled.lost:
            if not whole:
                self._store.put_gap(part)
        state: GapState = "lost" if whole else "repaired"
        log.info("gap of %s after id %s: %s. %s", gap.symbol, bounded.after_id, state, filled.reason)
        self._settle(gap, state)
        return True

    def _bounded(self, gap: Gap) -> Gap | None:
        """A gap of which only the time is known lies between the stored trades around it; None: none after it yet."""
        if gap.after_id is not None and gap.before_id is not None:
            return gap
        after, before, to_ms = gap.after_id, gap.before_id, gap.to_ms
        if after is None:
            earlier = self._store.trades(gap.symbol, to_ms=gap.from_ms, limit=1)
            after = int(earlier.trade_id[-1]) if len(earlier) else None
        if before is None:
            later = self._later(gap)
            if len(later):
                before, to_ms = int(later.first_id[0]), max(to_ms, int(later.ts_ms[0]))
            elif (following := self._store.next_trade(gap.symbol, after or 0)) and following.ts_ms > gap.to_ms:
                before, to_ms = following.first_id, following.ts_ms
            else:
                return None
        if after is None or after >= before:  # nobody listened before, or the exchange numbers anew
            return replace(gap, before_id=before)
        return replace(gap, after_id=after, before_id=before, to_ms=to_ms)

    def _later(self, gap: Gap) -> Ticks:
        """Stored trades soon after a gap's time, by id; empty where there are none."""
        for span_ms in LATER_MS:
            later = self._store.trades(gap.symbol, from_ms=gap.to_ms + 1, to_ms=gap.to_ms + 1 + span_ms)
            if len(later):
                return later
        return Ticks.empty(gap.symbol)

    def _add(self, late: Ticks) -> None:
        """Store latecomers, less what repair has stored of them."""
        if not len(late):
            return
        low, high = int(late.first_id.min()) - 1, int(late.trade_id.max()) + 1
        across = self._store.next_trade(late.symbol, high - 1)  # an aggregate may reach beyond
        end = high if across is None or across.first_id >= high else across.trade_id + 1
        known = self._store.trades(late.symbol, after_id=low, before_id=end)
        added = remainder(late, known, low, high)
        self._store.put(added.ticks)
        for at_ms in added.unclear_ms.tolist():
            self._store.put_gap(Gap(late.symbol, low, high, at_ms, at_ms, "lost"))
        self._store.flush(FLUSH_S)

    def _stored(self, symbol: str, from_ms: int, to_ms: int) -> Ticks:
        if not self._store.flush(FLUSH_S):
            raise StoreError("nothing can be stored now")
        return self._store.trades(symbol, from_ms=from_ms, to_ms=to_ms)

    def _settle(self, gap: Gap, state: GapState) -> None:
        self._store.set_gap_state(gap, state)
        self._on_settled(gap)


def _bounds(gap: Gap) -> tuple[int | None, int | None, int, int]:
    return gap.after_id, gap.before_id, gap.from_ms, gap.to_ms
