"""Trades of one symbol in, confirmed and complete candles out, for every timeframe at once. No I/O, no clock."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

import numpy as np

from core.exact import MAX_BATCH_UNITS, QUANTA_PER_UNIT, from_quanta, to_quanta
from core.types import TIMEFRAMES_S, Candles, Ticks

# Below this many trades a plain loop is faster than numpy's fixed cost of some 20 µs a batch.
_SMALL_BATCH: Final = 24
_BEGINNING: Final = -(1 << 62)  # before any time
# How long after its end a gap still explains a late trade. Late trades are seconds late, not days.
_GAP_MEMORY_MS: Final = 86_400_000

# open_ms, open, high, low, close, quanta, count: consecutive trades of one base interval, in id order
_Partial = tuple[int, float, float, float, float, int, int]


class CandleBuilder:
    """Candles of one symbol, built as its trades arrive in increasing id order.

    A candle holds the trades whose time lies in ``[open, open + timeframe)``; its open and close are the first and
    last of them by id, since trade times may step back. It is *confirmed* when the watermark has reached
    ``open + timeframe + grace``, and given out only when no known gap touches it. An interval without a trade gives
    no candle.

    Safe from any thread: the lock guards the forming candles. One thread adds and confirms; others look.

    >>> builder = CandleBuilder("BTCUSDT", grace_ms=500, timeframes_s=(1,))
    >>> ids, ones = np.array([1, 2]), np.ones(2)
    >>> builder.add(Ticks("BTCUSDT", ids, ids, np.array([5100, 5900]), ones, ones / 10, np.zeros(2, np.bool_)))
    >>> builder.confirm(6499)
    {}
    >>> builder.confirm(6500)[1].volume
    array([0.2])
    """

    def __init__(self, symbol: str, *, grace_ms: int, timeframes_s: Sequence[int] = TIMEFRAMES_S) -> None:
        if grace_ms < 0:
            raise ValueError(f"grace_ms must be >= 0, was {grace_ms}")
        if not timeframes_s or min(timeframes_s) < 1 or len(set(timeframes_s)) != len(timeframes_s):
            raise ValueError(f"timeframes_s must be distinct whole seconds >= 1, was {timeframes_s}")
        self.symbol = symbol
        self._grace_ms = grace_ms
        self._base_ms = math.gcd(*timeframes_s) * 1000
        self._frames = {s: _Frame(s) for s in sorted(timeframes_s)}
        self._due_ms = _BEGINNING  # no watermark before it can confirm anything
        self._gaps: list[tuple[int, int]] = []  # disjoint, in order, both ends included
        self._late: set[tuple[int, int]] = set()
        self._incomplete: list[tuple[int, int, int]] = []
        self._lock = threading.Lock()

    def add(self, ticks: Ticks) -> None:
        """Take trades with ids above all before. Trades of intervals already passed are told by :meth:`late`."""
        if not len(ticks):
            return
        partials = (_plainly if len(ticks) < _SMALL_BATCH else _by_columns)(ticks, self._base_ms)
        with self._lock:
            for frame in self._frames.values():
                missed = frame.merge(partials)
                for open_ms in missed:
                    self._missed(frame, open_ms)

    def gap(self, from_ms: int | None, to_ms: int) -> None:
        """Trades may be missing anywhere in ``[from_ms, to_ms]``; None: everything before, as at the start.

        Every interval the span touches is incomplete: it is never given out, and told by :meth:`incomplete` once
        passed, at once when it has passed already.
        """
        start = _BEGINNING if from_ms is None else from_ms
        if to_ms < start:
            raise ValueError(f"to_ms must be >= from_ms, was {to_ms} < {from_ms}")
        with self._lock:
            for frame in self._frames.values():
                if frame.passed_ms != _BEGINNING:
                    low_ms = frame.first_ms if from_ms is None else _BEGINNING
                    self._tell(frame, start, to_ms, low_ms, frame.passed_ms)
            apart = []
            for known in self._gaps:
                if known[0] <= to_ms and start <= known[1]:
                    start, to_ms = min(start, known[0]), max(to_ms, known[1])
                else:
                    apart.append(known)
            insort(apart, (start, to_ms))
            self._gaps = apart

    def confirm(self, watermark_ms: int) -> dict[int, Candles]:
        """Give out what the watermark confirms: timeframe to candles, oldest first, each candle once.

        The watermark is the newest exchange time seen; a lower one than before changes nothing.
        """
        if watermark_ms < self._due_ms:
            return {}
        confirmed: dict[int, Candles] = {}
        with self._lock:
            for timeframe_s, frame in self._frames.items():
                end_ms = (watermark_ms - self._grace_ms) // frame.ms * frame.ms
                if end_ms > frame.passed_ms:
                    complete = self._pass(frame, end_ms)
                    if complete:
                        confirmed[timeframe_s] = self._candles(timeframe_s, complete)
            self._due_ms = min(f.passed_ms + f.ms for f in self._frames.values()) + self._grace_ms
            oldest = min(f.passed_ms for f in self._frames.values()) - _GAP_MEMORY_MS
            if self._gaps and self._gaps[0][1] < oldest:
                self._gaps = [known for known in self._gaps if known[1] >= oldest]
        return confirmed

    def late(self) -> list[tuple[int, int]]:
        """Drain (timeframe, open) of intervals that got a trade after they had passed; rebuild them from the store."""
        with self._lock:
            late, self._late = sorted(self._late), set()
        return late

    def incomplete(self) -> list[tuple[int, int, int]]:
        """Drain (timeframe, first open, last open) of runs of intervals that passed but touch a gap.

        Told again when a late trade reaches one: a repair made before it lacks that trade.
        """
        with self._lock:
            told, self._incomplete = self._incomplete, []
        return told

    def _pass(self, frame: _Frame, end_ms: int) -> list[_Partial]:
        """Move a frame's boundary to ``end_ms``; return the complete candles before it."""
        opens = sorted(t for t in frame.rows if t < end_ms)
        if frame.passed_ms == _BEGINNING:
            seen = [*frame.rows, *(frame.open_of(to if start == _BEGINNING else start) for start, to in self._gaps)]
            frame.first_ms = frame.passed_ms = min([*seen, end_ms])
        for start, to in self._gaps:
            self._tell(frame, start, to, frame.passed_ms, end_ms)
        frame.passed_ms = end_ms
        rows = [(t, *frame.rows.pop(t)) for t in opens]
        return [row for row in rows if not self._touched(row[0], frame.ms)]

    def _missed(self, frame: _Frame, open_ms: int) -> None:
        """Note a trade that came after its interval had passed."""
        if self._touched(open_ms, frame.ms):
            self._incomplete.append((frame.timeframe_s, open_ms, open_ms))
        else:
            self._late.add((frame.timeframe_s, open_ms))
        frame.first_ms = min(frame.first_ms, open_ms)

    def _tell(self, frame: _Frame, start: int, to: int, low_ms: int, end_ms: int) -> None:
        """Report the intervals from ``low_ms`` up to, not including, ``end_ms`` that [start, to] touches."""
        first = max(frame.open_of(start), low_ms)
        last = min(frame.open_of(to), end_ms - frame.ms)
        if first <= last:
            self._incomplete.append((frame.timeframe_s, first, last))

    def _touched(self, open_ms: int, ms: int) -> bool:
        # The first gap that ends at or after the open is the only one that can touch it: they are disjoint.
        at = bisect_left(self._gaps, open_ms, key=lambda known: known[1])
        return at < len(self._gaps) and self._gaps[at][0] < open_ms + ms

    def _candles(self, timeframe_s: int, rows: Sequence[_Partial]) -> Candles:
        if not rows:
            return Candles.empty(self.symbol, timeframe_s)
        t, o, h, low, c, quanta, count = zip(*rows, strict=True)
        return Candles(
            self.symbol,
            timeframe_s,
            np.array(t, np.int64),
            np.array(o, np.float64),
            np.array(h, np.float64),
            np.array(low, np.float64),
            np.array(c, np.float64),
            np.array([from_quanta(q) for q in quanta], np.float64),
            np.array(count, np.int64),
            np.full(len(rows), "trades", "U8"),
        )


class _Frame:
    """One timeframe's forming candles: open time to [open, high, low, close, quanta, count]."""

    __slots__ = ("first_ms", "ms", "passed_ms", "rows", "timeframe_s")

    def __init__(self, timeframe_s: int) -> None:
        self.timeframe_s = timeframe_s
        self.ms = timeframe_s * 1000
        self.rows: dict[int, list] = {}  # type: ignore[type-arg]  # mixed on purpose: this is the hot loop
        self.passed_ms = _BEGINNING  # intervals that open before it have been given out or dropped
        self.first_ms = _BEGINNING  # the first of them

    def open_of(self, ts_ms: int) -> int:
        return ts_ms - ts_ms % self.ms

    def merge(self, partials: Sequence[_Partial]) -> list[int]:
        """Add to the forming candles; return the opens of intervals that had already passed."""
        ms, rows, passed = self.ms, self.rows, []
        for t, o, h, low, c, quanta, count in partials:
            open_ms = t - t % ms
            row = rows.get(open_ms)
            if row is None:
                if open_ms < self.passed_ms:
                    passed.append(open_ms)
                else:
                    rows[open_ms] = [o, h, low, c, quanta, count]
                continue
            if h > row[1]:  # noqa: PLR1730 (a call costs more than the whole merge saves)
                row[1] = h
            if low < row[2]:  # noqa: PLR1730
                row[2] = low
            row[3] = c
            row[4] += quanta
            row[5] += count
        return passed


def _plainly(ticks: Ticks, base_ms: int) -> list[_Partial]:
    """Runs of consecutive trades in one base interval, by a loop. Equal to :func:`_by_columns`."""
    partials: list[_Partial] = []
    bucket, o, h, low, c, quanta, count = -1, 0.0, 0.0, 0.0, 0.0, 0, 0
    for t, price, qty, newest, first in zip(
        ticks.ts_ms.tolist(),
        ticks.price.tolist(),
        ticks.qty.tolist(),
        ticks.trade_id.tolist(),
        ticks.first_id.tolist(),
        strict=True,
    ):
        if count and t // base_ms == bucket:
            h = max(h, price)
            low = min(low, price)
            quanta += round(qty * QUANTA_PER_UNIT)
            count += newest - first + 1
        else:
            if count:
                partials.append((bucket * base_ms, o, h, low, c, quanta, count))
            bucket, o, h, low = t // base_ms, price, price, price
            quanta, count = round(qty * QUANTA_PER_UNIT), newest - first + 1
        c = price
    partials.append((bucket * base_ms, o, h, low, c, quanta, count))
    return partials


def _by_columns(ticks: Ticks, base_ms: int) -> list[_Partial]:
    """Runs of consecutive trades in one base interval, by numpy."""
    bucket = ticks.ts_ms // base_ms
    starts = np.concatenate(([0], np.flatnonzero(bucket[1:] != bucket[:-1]) + 1))
    ends = np.append(starts[1:], len(ticks))
    if ticks.qty.sum() < MAX_BATCH_UNITS:
        quanta = np.add.reduceat(to_quanta(ticks.qty), starts).tolist()
    else:  # the sum would leave int64: Python's integers have no end
        each = [round(qty * QUANTA_PER_UNIT) for qty in ticks.qty.tolist()]
        quanta = [sum(each[a:b]) for a, b in zip(starts, ends, strict=True)]
    return list(
        zip(
            (bucket[starts] * base_ms).tolist(),
            ticks.price[starts].tolist(),
            np.maximum.reduceat(ticks.price, starts).tolist(),
            np.minimum.reduceat(ticks.price, starts).tolist(),
            ticks.price[ends - 1].tolist(),
            quanta,
            (np.add.reduceat(ticks.trade_id - ticks.first_id, starts) + (ends - starts)).tolist(),
            strict=True,
        )
    )
