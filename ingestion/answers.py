"""What REST answers to one round of repair: many gaps of a symbol are asked for together. No store, no clock.

A page costs the same however little of it is wanted, so it is always asked for whole; and what a page has shown for one
gap is not asked for again for the next.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from core.errors import BadRequest
from core.types import Gap, Records, Ticks

PAGE: Final = 1_000
# Of aggregates for one gap, 20 weight each: half of what a minute allows. A busy symbol fills one in a minute.
MOST_CALLS: Final = 60
MARGIN_MS: Final = 1_000  # asked for before a gap, so that its neighbour proves the edge
EARLIER: Final = 50  # rows asked for before the first one, where the margin was too small
AHEAD_MS: Final = 3_000_000  # how far a page may reach: the exchange answers spans below an hour


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


class Answers:
    """Good for as long as nothing older is asked for: keep it for one look through the gaps, not longer."""

    def __init__(self, rest: Trades) -> None:
        self._rest = rest
        self._newest: dict[str, Ticks] = {}
        self._runs: dict[str, Records] = {}  # consecutive aggregates

    def pause(self, seconds: float) -> None:
        """Let the exchange catch up with its own stream."""
        self._rest.pause(seconds)

    def singles(self, symbol: str, after: int, before: int) -> tuple[Ticks, int] | None:
        """Executions with ids between, one by one, and the id from which on they are all of them.

        That is ``after + 1`` where the newest ones reach back so far; None where they do not reach over the end.
        """
        known = self._newest.get(symbol)
        if known is None or known.trade_id[-1] < before - 1:
            try:
                known = self._rest.trades(symbol)
            except BadRequest:  # a server without this endpoint; aggregates may still answer
                return None
            if not len(known):
                return None
            self._newest[symbol] = known
        first = int(known.trade_id[0])
        if first >= before or known.trade_id[-1] < before - 1:
            return None
        # The first missing id itself may be no trade, so the edge is proven by a trade at or before it.
        return known.take((known.trade_id > after) & (known.trade_id < before)), max(first, after + 1)

    def aggregates(self, gap: Gap, after: int, before: int) -> Records | None:
        """Consecutive aggregates over the ids between, with a neighbour on either side; None where they do not reach.

        Asked again, it goes on where it stopped.
        """
        rows, calls = self._runs.get(gap.symbol), 0
        if rows is None or rows.first_id[0] > after + 1 or rows.trade_id[-1] < after - PAGE:
            rows, calls = self._begin(gap, after), 2
        elif rows.trade_id[-1] < before - 1 and len(rows) > 1:
            rows = rows.take(slice(0, -1))  # the newest one may have grown since
        if rows is None:
            return None
        parts, last = [rows], rows
        while last.trade_id[-1] < before - 1 and calls < MOST_CALLS:
            newest = int(last.record_id[-1])
            more = self._rest.agg_trades(gap.symbol, from_id=newest + 1, limit=PAGE)
            more = more.take(more.record_id > newest)
            if not len(more):
                break
            parts.append(more)
            last, calls = more, calls + 1
        rows = parts[0].joined(*parts[1:])
        self._runs[gap.symbol] = rows
        return _part(rows, after, before)

    def _begin(self, gap: Gap, after: int) -> Records | None:
        start_ms = max(0, gap.from_ms - MARGIN_MS)
        end_ms = max(gap.to_ms + MARGIN_MS, start_ms + AHEAD_MS)
        rows = self._rest.agg_trades(gap.symbol, start_ms=start_ms, end_ms=end_ms, limit=PAGE)
        if not len(rows):
            return None
        if rows.first_id[0] > after + 1 and rows.record_id[0] > 0:
            earlier = self._rest.agg_trades(gap.symbol, from_id=max(0, int(rows.record_id[0]) - EARLIER), limit=EARLIER)
            rows = earlier.take(earlier.record_id < rows.record_id[0]).joined(rows)
        return rows


def _part(rows: Records, after: int, before: int) -> Records | None:
    """The rows that touch the ids between, and one neighbour on either side; None unless they prove that it is all."""
    low = max(0, int(np.searchsorted(rows.trade_id, after, "right")) - 1)
    high = int(np.searchsorted(rows.first_id, before, "left")) + 1
    part = rows.take(slice(low, high))
    consecutive = (np.diff(part.record_id) == 1).all() and (part.first_id[1:] > part.trade_id[:-1]).all()
    reaches = len(part) and part.first_id[0] <= after + 1 and part.trade_id[-1] >= before - 1
    return part if consecutive and reaches else None
