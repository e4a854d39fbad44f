"""The newest trades of each symbol, in memory, for everything that is live. No I/O, no clock."""

from __future__ import annotations

import threading
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.types import Ticks, Trade


class Ring:
    """The newest ``capacity`` trades per symbol, in preallocated columns.

    Safe from any thread. The one lock guards the columns and is held only to copy into or out of them.

    >>> ring = Ring(capacity=2)
    >>> ring.last("BTCUSDT") is None, len(ring.snapshot("BTCUSDT"))
    (True, 0)
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be >= 1, was {capacity}")
        self._capacity = capacity
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}

    def put(self, ticks: Ticks) -> None:
        """Append trades newer than all before; the oldest make room. O(len(ticks)); the values are copied."""
        if not len(ticks):
            return
        with self._lock:
            lane = self._lanes.get(ticks.symbol)
            if lane is None:
                lane = self._lanes[ticks.symbol] = _Lane(self._capacity)
            lane.append(ticks)

    def snapshot(self, symbol: str, n: int | None = None) -> Ticks:
        """Copy the newest ``n`` trades (all that are kept for None), oldest first; empty for an unknown symbol."""
        if n is not None and n < 0:
            raise ValueError(f"n must be >= 0, was {n}")
        with self._lock:
            lane = self._lanes.get(symbol)
            return Ticks.empty(symbol) if lane is None else lane.newest(symbol, n)

    def last(self, symbol: str) -> Trade | None:
        """The newest trade; None before the first."""
        newest = self.snapshot(symbol, 1)
        return newest.row(0) if len(newest) else None

    def executable(self, symbol: str, since_ms: int) -> tuple[float | None, float | None]:
        """Prices of the last taker buy and of the last taker sell, None for one from before ``since_ms``; O(1)."""
        with self._lock:
            lane = self._lanes.get(symbol)
            if lane is None:
                return None, None
            (bought_ms, bought), (sold_ms, sold) = lane.taker_buy, lane.taker_sell
            return bought if bought_ms >= since_ms else None, sold if sold_ms >= since_ms else None

    def drop(self, symbol: str) -> None:
        """Forget a symbol and free its memory."""
        with self._lock:
            self._lanes.pop(symbol, None)


class _Lane:
    """One symbol's columns. ``at`` is where the next trade goes; ``held`` rows before it are filled."""

    __slots__ = ("at", "columns", "held", "taker_buy", "taker_sell")

    def __init__(self, capacity: int) -> None:
        i, f, b = np.int64, np.float64, np.bool_
        self.columns: tuple[NDArray[Any], ...] = tuple(np.empty(capacity, dtype) for dtype in (i, i, i, f, f, b))
        self.at = 0
        self.held = 0
        self.taker_buy: tuple[float, float | None] = (-inf, None)  # when, and at which price
        self.taker_sell: tuple[float, float | None] = (-inf, None)

    def append(self, ticks: Ticks) -> None:
        capacity, n = len(self.columns[0]), len(ticks)
        new = ticks if n <= capacity else ticks.take(slice(n - capacity, n))
        given = (new.trade_id, new.first_id, new.ts_ms, new.price, new.qty, new.buyer_is_maker)
        kept = min(n, capacity)
        room = capacity - self.at  # rows up to the end of the columns; the rest goes to their beginning
        for column, values in zip(self.columns, given, strict=True):
            if kept <= room:
                column[self.at : self.at + kept] = values
            else:
                column[self.at :] = values[:room]
                column[: kept - room] = values[room:]
        self.at = (self.at + kept) % capacity
        self.held = min(self.held + kept, capacity)

        sold = ticks.buyer_is_maker[::-1]  # newest first: argmin finds the last taker buy, argmax the last sell
        buy, sell = int(sold.argmin()), int(sold.argmax())
        if not sold[buy]:
            self.taker_buy = int(ticks.ts_ms[n - 1 - buy]), float(ticks.price[n - 1 - buy])
        if sold[sell]:
            self.taker_sell = int(ticks.ts_ms[n - 1 - sell]), float(ticks.price[n - 1 - sell])

    def newest(self, symbol: str, n: int | None) -> Ticks:
        wanted = self.held if n is None else min(n, self.held)
        start = self.at - wanted
        if start >= 0:
            columns: tuple[NDArray[Any], ...] = tuple(column[start : self.at].copy() for column in self.columns)
        else:
            columns = tuple(np.concatenate((column[start:], column[: self.at])) for column in self.columns)
        return Ticks(symbol, *columns)
