"""The trades of a gap, fetched again: what to ask, and what the answers prove. Returns values; stores nothing.

Three sources, from exact to none:

1. ``trades``: the newest 1,000 executions with their own ids. Exact in every field; what lies before them in the same
   gap comes from
2. ``aggTrades``: an aggregate stands for the trades ``f … l`` of one price and side within 100 ms. Stored as one row,
   it gives the same open, high, low, close and volume as its trades. Where some of its trades are stored already, at
   the gap's edges or inside, it adds its quantity less theirs (`remainder.py`). When it holds several trades and an
   edge of a second may lie between them, nobody can say how they divide: the two seconds at that edge stay lost. The
   trade count of a row is ``l - f + 1``, which is its number of executions as long as the exchange gives no id inside
   an aggregate to anything else; candles of a minute and more take theirs from klines.
3. Neither, for a long gap: candles of a minute and more come from klines, finer ones stay lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.errors import BadRequest
from core.types import Bools, Gap, Records, Ticks, TradeKind
from ingestion.answers import Answers
from ingestion.remainder import merged, remainder

SHORT_MS: Final = 300_000
SHORT_IDS: Final = 5_000  # a longer gap with so few records is cheap all the same
WINDOW_MS: Final = 100  # the exchange aggregates within this time
TRIES: Final = 3
SETTLING_S: Final = 0.5  # REST may lag behind the stream
SECOND_MS: Final = 1_000

Stored = Callable[[str, int, int], Ticks]  # symbol, from_ms, to_ms -> what the database holds of that time


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """What became of a gap."""

    ticks: Ticks  # the missing trades that were found; ids strictly inside the gap
    lost: tuple[Gap, ...] = ()  # what stays unknown, state 'lost'; times at which no fine candle can be trusted
    reason: str = ""  # how it was filled, or why not
    again: bool = False  # the exchange may know more later


def fill(gap: Gap, rest: Answers, stored: Stored, kind: TradeKind = "trade") -> Fill:
    """Fetch what a gap misses.

    Parameters
    ----------
    gap : Gap
        One whose bounds are not known cannot be filled.
    stored : callable
        What the database holds around the gap and, where that is so, inside it; in order of id.
    kind : TradeKind
        What the stream delivers. Where that is aggregates, only they give the candles it would have given.

    Raises
    ------
    RestError
        As `ingestion.rest`, except `BadRequest`: what the exchange no longer keeps is lost.
    """
    if gap.after_id is None or gap.before_id is None:
        return _lost(gap, "The ids around it are not known.")
    after, before = gap.after_id, gap.before_id
    if after + 1 >= before:
        return Fill(Ticks.empty(gap.symbol), reason="Nothing is missing.")
    if gap.to_ms - gap.from_ms > SHORT_MS and before - after > SHORT_IDS:
        return _lost(gap, "Too long to fetch trade by trade; candles of a minute and more come from klines.")
    try:
        for attempt in range(TRIES):
            if attempt:
                rest.pause(SETTLING_S)
            newest = rest.singles(gap.symbol, after, before) if kind == "trade" else None
            ticks, exact_from = newest or (Ticks.empty(gap.symbol), before)
            if exact_from == after + 1:
                return _from_singles(gap, after, before, ticks, stored)
            rows = rest.aggregates(gap, after, exact_from)
            if rows is not None:
                tail = _from_singles(gap, exact_from - 1, before, ticks, stored)
                return _with(tail, _from_aggregates(gap, after, exact_from, rows, _beside(tail.ticks, stored), kind))
    except BadRequest as error:
        return _lost(gap, str(error))
    return replace(_lost(gap, "The exchange's answers do not cover it."), again=True)


def _lost(gap: Gap, reason: str) -> Fill:
    return Fill(Ticks.empty(gap.symbol), (replace(gap, state="lost", id=None),), reason)


# Executions one by one


def _from_singles(gap: Gap, after: int, before: int, ticks: Ticks, stored: Stored) -> Fill:
    if not len(ticks):
        return Fill(ticks, reason="What is missing were no trades.")
    found = remainder(ticks, _around(gap, ticks, stored), after, before)
    return Fill(found.ticks, reason=f"{len(found.ticks)} trades fetched one by one.")


def _around(gap: Gap, found: Ticks, stored: Stored) -> Ticks:
    low, high = min(gap.from_ms, int(found.ts_ms.min())), max(gap.to_ms, int(found.ts_ms.max()))
    return stored(gap.symbol, low - 2 * WINDOW_MS, high + 2 * WINDOW_MS)


def _beside(ticks: Ticks, stored: Stored) -> Stored:
    """The database as it will be once it holds these, too."""
    return lambda symbol, from_ms, to_ms: merged((stored(symbol, from_ms, to_ms), ticks))


def _with(tail: Fill, head: Fill) -> Fill:
    """A gap of which the exchange has only the later trades one by one."""
    if not len(tail.ticks):
        return head
    return Fill(merged((head.ticks, tail.ticks)), head.lost, f"{tail.reason} Before them: {head.reason}")


# Aggregates


def _from_aggregates(gap: Gap, after: int, before: int, rows: Records, stored: Stored, kind: TradeKind) -> Fill:
    ours = (rows.first_id < before) & (rows.trade_id > after) & rows.priced
    if not ours.any():
        return Fill(Ticks.empty(gap.symbol), reason="What is missing were no trades.")
    found = rows.take(ours).trades()
    added = remainder(found, _around(gap, found, stored), after, before)
    used = np.zeros(len(rows), np.bool_)
    used[np.flatnonzero(ours)[added.used]] = True
    lost = [_unknown(gap, at_ms - WINDOW_MS, at_ms + WINDOW_MS) for at_ms in added.unclear_ms.tolist()]
    if kind == "trade":
        lost += [_unknown(gap, edge_ms - 1, edge_ms) for edge_ms in _divided(rows, used)]
    words = f"{len(added.ticks)} rows fetched as aggregates"
    return Fill(added.ticks, tuple(lost), f"{words}; {len(lost)} moments stay unknown." if lost else f"{words}.")


def _divided(rows: Records, ours: Bools) -> Iterator[int]:
    """The edges of seconds that may lie between the trades of one aggregate.

    The time of an aggregate is that of its first trade or of its last, nobody says which. Its trades lie within 100 ms
    of it and, since ids never run against time by much, between the times of its neighbours.
    """
    several = ours & (rows.trade_id > rows.first_id)
    for row in np.flatnonzero(several):
        at_ms = int(rows.ts_ms[row])
        low_ms = max(at_ms - WINDOW_MS, int(rows.ts_ms[row - 1]) if row else 0)
        high_ms = min(at_ms + WINDOW_MS, int(rows.ts_ms[row + 1]) if row + 1 < len(rows) else at_ms + WINDOW_MS)
        edge_ms = high_ms // SECOND_MS * SECOND_MS
        if low_ms < edge_ms:
            yield edge_ms


def _unknown(gap: Gap, from_ms: int, to_ms: int) -> Gap:
    return Gap(gap.symbol, gap.after_id, gap.before_id, from_ms, to_ms, "lost")
