"""Bars as the exchange counts them: whole numbers of the last digit, minutes rolled up into every interval. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Final

import numpy as np

from core.types import Ints

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS  # 1970-01-05, the first Monday of the epoch
# fmt: off
INTERVALS_MS: Final = {
    "1m": MINUTE_MS, "3m": 3 * MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS, "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS, "2h": 2 * HOUR_MS, "4h": 4 * HOUR_MS, "6h": 6 * HOUR_MS, "8h": 8 * HOUR_MS, "12h": 12 * HOUR_MS,
    "1d": DAY_MS, "3d": 3 * DAY_MS, "1w": WEEK_MS,
}
# fmt: on
MONTH: Final = "1M"
INTERVALS: Final = (*INTERVALS_MS, MONTH)


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars as columns of equal length, oldest first. Prices and quantities count units of their last digit."""

    open_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints  # base
    quote_volume: Ints
    count: Ints  # executions; 0: a flat bar, open = high = low = close = the previous close
    buy_volume: Ints  # base bought by takers
    buy_quote: Ints

    def __len__(self) -> int:
        return len(self.open_ms)

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Bars:
        """Bars from rows in field order."""
        if not rows:
            return cls(*(np.empty(0, np.int64) for _ in fields(cls)))
        return cls(*(_column(column) for column in zip(*rows, strict=True)))

    def take(self, which: object) -> Bars:
        """The rows that a slice, a mask or an index array names."""
        return Bars(*(getattr(self, f.name)[which] for f in fields(self)))

    @staticmethod
    def join(parts: Sequence[Bars]) -> Bars:
        """Several runs of bars, one after the other."""
        return Bars(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Bars)))


def open_of(interval: str, at_ms: int) -> int:
    """When the bar that holds a moment opens.

    >>> open_of("5m", 301_000), open_of("1w", MONDAY_MS + 1) == MONDAY_MS, open_of("1M", 32 * DAY_MS) // DAY_MS
    (300000, True, 31)
    """
    if interval == MONTH:
        day = datetime.fromtimestamp(at_ms / 1000, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp() * 1000)
    step = INTERVALS_MS[interval]
    offset = MONDAY_MS if interval == "1w" else 0
    return (at_ms - offset) // step * step + offset


def next_open(interval: str, open_ms: int) -> int:
    """When the bar after the one that opens at ``open_ms`` opens."""
    if interval == MONTH:
        return open_of(MONTH, open_ms + 32 * DAY_MS)
    return open_ms + INTERVALS_MS[interval]


def opens(interval: str, first_ms: int, last_ms: int) -> list[int]:
    """Opening times of the bars that hold the moments ``first_ms`` to ``last_ms``."""
    at, last = open_of(interval, first_ms), open_of(interval, last_ms)
    if interval != MONTH:
        return list(range(at, last + 1, INTERVALS_MS[interval]))
    out = []
    while at <= last:
        out.append(at)
        at = next_open(MONTH, at)
    return out


def roll_up(base: Bars, at: Sequence[int], end_ms: int, before: int | None) -> Bars:
    """Finer bars, oldest first, as bars that open at the times ``at``; the last one ends at ``end_ms``.

    A bar opens at its first execution: base bars without any count for nothing. A bar without any is flat at the
    close before it (``before`` for the first ones); where there is no close before, it is left out.
    """
    traded = base.take(base.count > 0)
    edges = np.searchsorted(traded.open_ms, np.array([*at, end_ms], np.int64))
    full = np.flatnonzero(edges[:-1] < edges[1:])
    starts, ends = edges[full], edges[full + 1]
    if len(full):
        traded = traded.take(slice(int(starts[0]), int(ends[-1])))
        ends, starts = ends - starts[0], starts - starts[0]
        columns: dict[str, Ints] = {
            "open": traded.open[starts],
            "high": np.maximum.reduceat(traded.high, starts),
            "low": np.minimum.reduceat(traded.low, starts),
            "close": traded.close[ends - 1],
        }
        for name in ("volume", "quote_volume", "count", "buy_volume", "buy_quote"):
            columns[name] = np.add.reduceat(_roomy(getattr(traded, name)), starts)
    else:
        empty = np.empty(0, np.int64)
        columns = {f.name: empty for f in fields(Bars)[1:]}
    position = np.searchsorted(full, np.arange(len(at)), side="right") - 1  # the newest full bar up to here
    has = np.zeros(len(at), bool)
    has[full] = True
    closes = np.concatenate([[before if before is not None else -1], columns["close"]])[position + 1]
    out = {name: np.where(has, _spread(column, position), 0) for name, column in columns.items()}
    for name in ("open", "high", "low", "close"):
        out[name] = np.where(has, out[name], closes)
    known = has | (position >= 0) | (before is not None)
    return Bars(open_ms=np.array(at, np.int64), **out).take(known)


def _column(values: Sequence[int]) -> Ints:
    """As 64-bit numbers where they fit. Prices of 8 digits times quantities of 1e9 do not: then Python's own."""
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)


def _roomy(column: Ints) -> Ints:
    """The column in a type that holds its sum."""
    return column if float(column.sum(dtype=float)) < 2**62 else column.astype(object)


def _spread(column: Ints, position: Ints) -> Ints:
    """The value of the newest full bar for every bar; 0 where there is none yet."""
    if len(column) == 0:
        return np.zeros(len(position), np.int64)
    return column[np.maximum(position, 0)]


def last_before(keys: Sequence[int], key: int) -> int:
    """Index of the newest of sorted keys below ``key``; −1 where there is none."""
    return bisect_right(keys, key - 1) - 1
