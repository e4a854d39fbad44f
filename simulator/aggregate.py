"""The exchange's aggregation rule: fills of one price and one taking side within 100 ms are one aggregate. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from simulator.decimals import printed, scaled
from simulator.records import MARKET, Record

WINDOW_MS: Final = 100


class Aggregate(NamedTuple):
    """One row of ``aggTrades``; ``trade_ms`` is the time of its first fill."""

    id: int
    price: str
    qty: str
    first_id: int
    last_id: int
    trade_ms: int
    buyer_is_maker: bool


class Aggregator:
    """Builds one symbol's aggregates from its records in id order.

    Only MARKET fills are aggregated. Any other record and any id left out ends the open aggregate, so that the ids
    ``first_id`` to ``last_id`` are all fills and holes lie between aggregates. ``id`` is consecutive.
    """

    def __init__(self, next_id: int, qty_decimals: int) -> None:
        self._next_id = next_id
        self._qty_decimals = qty_decimals
        self._first: Record | None = None
        self._last_id = 0
        self._qty = 0

    @property
    def open_since_ms(self) -> int | None:
        """Trade time of the first fill of the open aggregate, None where none is open."""
        return self._first.trade_ms if self._first is not None else None

    def add(self, record: Record, qty: int) -> Aggregate | None:
        """Take the next record; ``qty`` is its quantity in units of the last digit. Returns what it completed."""
        first = self._first
        if record.kind == MARKET and first is not None:
            joins = (
                record.id == self._last_id + 1
                and record.price == first.price
                and record.buyer_is_maker == first.buyer_is_maker
                and first.trade_ms <= record.trade_ms < first.trade_ms + WINDOW_MS
            )
            if joins:
                self._last_id = record.id
                self._qty += qty
                return None
        done = self.close()
        if record.kind == MARKET:
            self._first, self._last_id, self._qty = record, record.id, qty
        return done

    def close(self) -> Aggregate | None:
        """Complete the open aggregate: its 100 ms have passed, or another record ended it."""
        first = self._first
        if first is None:
            return None
        self._first = None
        self._next_id += 1
        qty = printed(self._qty, self._qty_decimals) if self._last_id != first.id else first.qty
        return Aggregate(
            self._next_id - 1, first.price, qty, first.id, self._last_id, first.trade_ms, first.buyer_is_maker
        )


class AggregateLog:
    """The newest completed aggregates of one symbol, as columns; ids are consecutive, so they need no column."""

    def __init__(self, qty_decimals: int) -> None:
        self._qty_decimals = qty_decimals
        self._base = 0  # id of the oldest one kept
        self._first, self._last, self._times, self._qtys = (array("q") for _ in range(4))
        self._prices: list[str] = []
        self._maker = bytearray()
        self.forgot = False  # whether any had to leave
        self._ordered = True  # a recording's times may step back

    def __len__(self) -> int:
        return len(self._times)

    @property
    def oldest(self) -> tuple[int, int] | None:
        """Id and time of the oldest one kept; None where there is none."""
        return (self._base, self._times[0]) if self._times else None

    def add(self, aggregate: Aggregate) -> None:
        """Keep the next one."""
        if not self._times:
            self._base = aggregate.id
        elif aggregate.trade_ms < self._times[-1]:
            self._ordered = False
        self._first.append(aggregate.first_id)
        self._last.append(aggregate.last_id)
        self._times.append(aggregate.trade_ms)
        self._qtys.append(scaled(aggregate.qty, self._qty_decimals))
        self._prices.append(aggregate.price)
        self._maker.append(aggregate.buyer_is_maker)

    def forget(self) -> None:
        """Drop the older half."""
        surplus = len(self._times) // 2
        self.forgot = self.forgot or surplus > 0
        self._base += surplus
        for column in (self._first, self._last, self._times, self._qtys):
            del column[:surplus]
        del self._prices[:surplus]
        del self._maker[:surplus]

    def read(
        self, limit: int, from_id: int | None = None, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Aggregate]:
        """Oldest first: from an id, or of a time range; the newest ones where no lower bound is given."""
        rows: Sequence[int] = range(len(self._times))
        if from_id is not None:
            rows = rows[max(0, from_id - self._base) :]
        if start_ms is not None or end_ms is not None:
            low = start_ms if start_ms is not None else 0
            high = end_ms if end_ms is not None else 1 << 62
            if self._ordered:
                rows = rows[bisect_left(self._times, low) : bisect_right(self._times, high)]
            else:
                rows = [i for i in rows if low <= self._times[i] <= high]
        rows = rows[-limit:] if from_id is None and start_ms is None else rows[:limit]
        return [
            Aggregate(
                self._base + i,
                self._prices[i],
                printed(self._qtys[i], self._qty_decimals),
                self._first[i],
                self._last[i],
                self._times[i],
                bool(self._maker[i]),
            )
            for i in rows
        ]
