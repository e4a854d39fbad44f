"""What fetched rows add to the stored ones: a trade must not be counted twice because it came by two ways. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.exact import from_quanta, to_quanta
from core.types import Bools, Ints, Ticks


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """What is to be stored, and what cannot be."""

    ticks: Ticks  # ids strictly inside the gap, none of them stored yet; in order of id
    used: Bools  # by fetched row: whether it added anything
    unclear_ms: Ints  # times of rows of which some trades are missing, and nobody can say which


def remainder(found: Ticks, known: Ticks, after: int, before: int) -> Remainder:
    """Leave out of fetched rows what is stored.

    Parameters
    ----------
    found, known : Ticks
        Fetched and stored rows, single trades or aggregates, each in order of id and without overlap.
    after, before : int
        Only ids strictly between these are asked for; a row may reach beyond.

    Notes
    -----
    A row that is stored in part adds its quantity less that of the stored part, as long as the ids that are missing
    follow each other: then they can be stored as one row.
    """
    wanted = (found.first_id < before) & (found.trade_id > after)
    low = np.searchsorted(known.trade_id, found.first_id, "left")
    high = np.searchsorted(known.first_id, found.trade_id, "right")
    used: Bools = wanted & (high <= low) & (found.first_id > after) & (found.trade_id < before)
    parts = [found.take(used)]
    unclear = []
    for row in np.flatnonzero(wanted & ~used):
        part = _part(found.take(slice(row, row + 1)), known.take(slice(low[row], high[row])), after, before)
        if part is None:
            unclear.append(int(found.ts_ms[row]))
        elif len(part):
            parts.append(part)
            used[row] = True
    return Remainder(merged(parts), used, np.array(unclear, np.int64))


def merged(parts: Sequence[Ticks]) -> Ticks:
    """Trades of one symbol from several places, of which no two hold the same, in order of id."""
    joined = parts[0].joined(*parts[1:])
    return joined.take(np.argsort(joined.trade_id))


def _part(row: Ticks, known: Ticks, after: int, before: int) -> Ticks | None:
    """What one row adds to the stored rows that overlap it; None when that cannot be known."""
    first, last = int(row.first_id[0]), int(row.trade_id[0])
    missing = _runs(first, last, known)
    if not missing:
        return row.take(slice(0, 0))
    low, high = missing[0]
    # Beyond the gap something is missing for another reason, or a stored row is not of this one alone.
    if len(missing) > 1 or low <= after or high >= before:
        return None
    if (known.first_id < first).any() or (known.trade_id > last).any():
        return None
    quanta = int(to_quanta(row.qty).sum()) - int(to_quanta(known.qty).sum())
    same = (known.price == row.price[0]) & (known.buyer_is_maker == row.buyer_is_maker[0])
    if quanta < 0 or not same.all():
        return None
    if quanta == 0:
        return row.take(slice(0, 0))  # the missing ids of it were no trades
    early = known.ts_ms[known.trade_id < low]
    return Ticks(
        row.symbol,
        trade_id=np.array([high]),
        first_id=np.array([low]),
        ts_ms=np.array([max(int(row.ts_ms[0]), int(early.max(initial=0)))]),
        price=row.price,
        qty=np.array([from_quanta(quanta)]),
        buyer_is_maker=row.buyer_is_maker,
    )


def _runs(first: int, last: int, known: Ticks) -> list[tuple[int, int]]:
    """The ids from ``first`` to ``last`` that no stored row stands for, as runs."""
    runs, at = [], first
    for start, end in zip(known.first_id.tolist(), known.trade_id.tolist(), strict=True):
        if start > at:
            runs.append((at, min(start - 1, last)))
        at = max(at, end + 1)
    if at <= last:
        runs.append((at, last))
    return runs
