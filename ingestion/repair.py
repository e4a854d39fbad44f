"""The trades of a gap, fetched again: what to ask, and what the answers prove. Returns values; stores nothing.

Three sources, from exact to none:

1. ``trades``: the newest 1,000 executions with their own ids. Exact in every field.
2. ``aggTrades``: an aggregate stands for the trades ``f … l`` of one price and side within 100 ms. Stored as one row,
   it gives the same open, high, low, close and volume as its trades. At the gap's edges an aggregate may also hold
   trades that are stored already; what it adds is then its quantity less theirs. When it holds several trades and an
   edge of a second may lie between them, nobody can say how they divide: the two seconds at that edge stay lost. The
   trade count of a row is ``l - f + 1``, which is its number of executions as long as the exchange gives no id inside
   an aggregate to anything else; candles of a minute and more take theirs from klines.
3. Neither, for a long gap: candles of a minute and more come from klines, finer ones stay lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from core.errors import BadRequest
from core.exact import from_quanta, to_quanta
from core.types import Gap, Records, Ticks

SHORT_MS: Final = 300_000
SHORT_IDS: Final = 5_000  # a longer gap with so few records is cheap all the same
MOST_CALLS: Final = 12  # of aggTrades, 1,000 rows and 20 weight each
WINDOW_MS: Final = 100  # the exchange aggregates within this time
MARGIN_MS: Final = 1_000  # asked for on either side, so that the neighbours prove the edges
TRIES: Final = 3
SETTLING_S: Final = 0.5  # REST may lag behind the stream
SECOND_MS: Final = 1_000

Stored = Callable[[str, int, int], Ticks]  # symbol, from_ms, to_ms -> what the database holds of that time


class Trades(Protocol):
    """What repair asks of REST."""

    def trades(self, symbol: str) -> Ticks: ...
    def agg_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = ...,
    ) -> Records: ...
    def pause(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """What became of a gap."""

    ticks: Ticks  # the missing trades that were found; ids strictly inside the gap
    lost: tuple[Gap, ...] = ()  # what stays unknown, state 'lost'; times at which no fine candle can be trusted
    reason: str = ""  # how it was filled, or why not

    @property
    def complete(self) -> bool:
        """Whether nothing stays unknown."""
        return not self.lost


def fill(gap: Gap, rest: Trades, stored: Stored) -> Fill:
    """Fetch what a gap misses.

    Parameters
    ----------
    gap : Gap
        One whose bounds are not known cannot be filled.
    stored : callable
        What the database holds around the gap, needed where an aggregate overlaps the gap's edge.

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
            ticks = _from_trades(gap.symbol, after, before, rest)
            if ticks is not None:
                return Fill(ticks, reason=f"{len(ticks)} trades fetched one by one.")
            rows = _aggregates(gap, after, before, rest)
            if rows is not None:
                return _from_aggregates(gap, after, before, rows, stored)
    except BadRequest as error:
        return _lost(gap, str(error))
    return _lost(gap, "The exchange's answers do not cover it.")


def _lost(gap: Gap, reason: str) -> Fill:
    return Fill(Ticks.empty(gap.symbol), (replace(gap, state="lost", id=None),), reason)


# Executions one by one


def _from_trades(symbol: str, after: int, before: int, rest: Trades) -> Ticks | None:
    """The gap's trades from the newest ones; None when those do not reach over the whole gap."""
    if before - after > 1_000:
        return None
    newest = rest.trades(symbol)
    # The first missing id itself may be no trade, so the edge is proven by a trade at or before it.
    if not len(newest) or newest.trade_id[0] > after + 1 or newest.trade_id[-1] < before - 1:
        return None
    return newest.take((newest.trade_id > after) & (newest.trade_id < before))


# Aggregates


def _aggregates(gap: Gap, after: int, before: int, rest: Trades) -> Records | None:
    """Consecutive aggregates that reach over the gap, the neighbours on both sides included; None if they do not."""
    start_ms = max(0, gap.from_ms - MARGIN_MS)
    rows = rest.agg_trades(gap.symbol, start_ms=start_ms, end_ms=gap.to_ms + MARGIN_MS, limit=1_000)
    if not len(rows):
        return None
    if rows.first_id[0] > after + 1 and rows.record_id[0] > 1:
        earlier = rest.agg_trades(gap.symbol, from_id=max(1, int(rows.record_id[0]) - 50), limit=50)
        rows = earlier.take(earlier.record_id < rows.record_id[0]).joined(rows)
    for _ in range(MOST_CALLS):
        if rows.trade_id[-1] >= before - 1:
            break
        more = rest.agg_trades(gap.symbol, from_id=int(rows.record_id[-1]) + 1, limit=1_000)
        if not len(more):
            break
        rows = rows.joined(more)
    consecutive = (np.diff(rows.record_id) == 1).all() and (rows.first_id[1:] > rows.trade_id[:-1]).all()
    reaches = rows.first_id[0] <= after + 1 and rows.trade_id[-1] >= before - 1
    return rows if consecutive and reaches else None


def _from_aggregates(gap: Gap, after: int, before: int, rows: Records, stored: Stored) -> Fill:
    inside = (rows.first_id > after) & (rows.trade_id < before)
    at_edge = (rows.first_id < before) & (rows.trade_id > after) & ~inside
    parts = [rows.take(inside & rows.priced).trades()]
    lost: list[Gap] = []
    for row in np.flatnonzero(at_edge & rows.priced):
        part = _part(rows, int(row), after, before, stored)
        if part is None:
            lost.append(_unknown(gap, int(rows.ts_ms[row]) - WINDOW_MS, int(rows.ts_ms[row]) + WINDOW_MS))
        elif len(part):
            parts.append(part)
    lost += [_unknown(gap, edge_ms - 1, edge_ms) for edge_ms in _divided(rows, inside | at_edge)]
    ticks = _sorted(parts)
    words = f"{len(ticks)} rows fetched as aggregates"
    return Fill(ticks, tuple(lost), f"{words}; {len(lost)} moments stay unknown." if lost else f"{words}.")


def _part(rows: Records, row: int, after: int, before: int, stored: Stored) -> Ticks | None:
    """What an aggregate at the gap's edge adds to the trades stored of it; None when that cannot be known."""
    first, last, at_ms = int(rows.first_id[row]), int(rows.trade_id[row]), int(rows.ts_ms[row])
    known = stored(rows.symbol, at_ms - 2 * WINDOW_MS, at_ms + 2 * WINDOW_MS)
    known = known.take((known.first_id >= first) & (known.trade_id <= last))
    known = known.take((known.trade_id <= after) | (known.first_id >= before))
    covered = int((known.trade_id - known.first_id + 1).sum())
    outside = max(0, after - first + 1) + max(0, last - before + 1)
    if covered != outside:  # some of it is missing for another reason, so the rest is not all the gap's
        return None
    quanta = int(to_quanta(rows.qty[row : row + 1]).sum()) - int(to_quanta(known.qty).sum())
    if quanta < 0 or (known.price != rows.price[row]).any():
        return None
    part = rows.take(slice(row, row + 1)).trades()
    if quanta == 0:
        return part.take(slice(0, 0))  # the missing ids of it were no trades
    early = known.ts_ms[known.trade_id <= after]
    return replace(
        part,
        first_id=np.array([max(first, after + 1)]),
        trade_id=np.array([min(last, before - 1)]),
        qty=np.array([from_quanta(quanta)]),
        ts_ms=np.array([max(at_ms, int(early.max(initial=0)))]),
    )


def _divided(rows: Records, ours: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Iterator[int]:
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


def _sorted(parts: list[Ticks]) -> Ticks:
    joined = Ticks(
        parts[0].symbol,
        np.concatenate([part.trade_id for part in parts]),
        np.concatenate([part.first_id for part in parts]),
        np.concatenate([part.ts_ms for part in parts]),
        np.concatenate([part.price for part in parts]),
        np.concatenate([part.qty for part in parts]),
        np.concatenate([part.buyer_is_maker for part in parts]),
    )
    return joined.take(np.argsort(joined.trade_id))
