"""Intervals that passed without a trustworthy candle. Values and their arithmetic; no clock, no store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.types import TIMEFRAMES_S, Gap, Ints

KLINE_MIN_S: Final = 60  # the exchange keeps no finer bars


@dataclass(frozen=True, slots=True)
class Hole:
    """Intervals ``first_ms … last_ms`` (opens) of one timeframe that passed without a trustworthy candle."""

    symbol: str
    timeframe_s: int
    first_ms: int
    last_ms: int
    late: bool = False  # every trade is stored by now; only the candle has to be built again

    @property
    def by_kline(self) -> bool:
        """Whether the exchange's own bar is to fill it."""
        return self.timeframe_s >= KLINE_MIN_S and not self.late

    @property
    def kind(self) -> tuple[str, int, bool]:
        """Holes of one kind are filled alike."""
        return self.symbol, self.timeframe_s, self.by_kline


def touched(gap: Gap) -> list[Hole]:
    """The intervals of every timeframe that a gap touches.

    >>> second, *_, hour = touched(Gap("A", 1, 5, 59_900, 61_000))
    >>> (second.first_ms, second.last_ms), (hour.first_ms, hour.last_ms)
    ((59000, 61000), (0, 0))
    """
    spans = ((s, s * 1000) for s in TIMEFRAMES_S)
    return [Hole(gap.symbol, s, gap.from_ms // ms * ms, gap.to_ms // ms * ms) for s, ms in spans]


def insert(holes: list[Hole], hole: Hole) -> None:
    """Add a hole to others, as one with those of its kind that it overlaps or continues.

    >>> holes = [Hole("A", 1, 0, 3000), Hole("A", 1, 9000, 9000)]
    >>> insert(holes, Hole("A", 1, 4000, 5000))
    >>> [(hole.first_ms, hole.last_ms) for hole in holes]
    [(9000, 9000), (0, 5000)]
    """
    ms = hole.timeframe_s * 1000
    for other in [h for h in holes if h.kind == hole.kind]:
        if other.first_ms <= hole.last_ms + ms and hole.first_ms <= other.last_ms + ms:
            holes.remove(other)
            hole = replace(hole, first_ms=min(hole.first_ms, other.first_ms), last_ms=max(hole.last_ms, other.last_ms))
    holes.append(hole)


def without(hole: Hole, from_ms: int, to_ms: int) -> list[Hole]:
    """What of a hole times from ``from_ms`` to ``to_ms``, both included, do not touch.

    >>> [(part.first_ms, part.last_ms) for part in without(Hole("A", 1, 0, 9000), 2500, 4000)]
    [(0, 1000), (5000, 9000)]
    """
    ms = hole.timeframe_s * 1000
    first, last = from_ms // ms * ms, to_ms // ms * ms
    if last < hole.first_ms or hole.last_ms < first:
        return [hole]
    parts = [replace(hole, last_ms=first - ms), replace(hole, first_ms=last + ms)]
    return [part for part in parts if part.first_ms <= part.last_ms]


def past(hole: Hole, passed_ms: int) -> list[Hole]:
    """The part of a hole that was over at ``passed_ms``; none when its first interval was not.

    >>> past(Hole("A", 1, 0, 9000), 2500)
    [Hole(symbol='A', timeframe_s=1, first_ms=0, last_ms=1000, late=False)]
    """
    ms = hole.timeframe_s * 1000
    last = min(hole.last_ms, passed_ms // ms * ms - ms)
    return [replace(hole, last_ms=last)] if last >= hole.first_ms else []


def spans_of(holes: Iterable[Hole], symbol: str, timeframe_s: int) -> list[tuple[int, int]]:
    """First and last opens of the holes of a symbol's timeframe."""
    return [(h.first_ms, h.last_ms) for h in holes if (h.symbol, h.timeframe_s) == (symbol, timeframe_s)]


def unknown_opens(
    spans: Iterable[tuple[int, int]], gaps: Iterable[Gap], timeframe_s: int, from_ms: int, *, lost: bool
) -> Ints:
    """Opens of intervals since ``from_ms`` known to be without a candle that should be there.

    Parameters
    ----------
    spans : iterable of (int, int)
        First and last open of stretches whose history has not come.
    gaps : iterable of Gap
        Those of the symbol.
    timeframe_s, from_ms : int
    lost : bool
        Without it only those that may still be repaired. Lost trades leave only fine candles unknown: from 1 min up
        the exchange's own bars stand in.
    """
    ms = timeframe_s * 1000
    found = [(a, b) for a, b in spans if b >= from_ms]
    found += [
        (gap.from_ms // ms * ms, gap.to_ms // ms * ms)
        for gap in gaps
        if gap.state == "open" or (lost and gap.state == "lost" and timeframe_s < KLINE_MIN_S)
    ]
    opens: list[Ints] = [np.arange(max(a, from_ms), b + 1, ms, dtype=np.int64) for a, b in found]
    return np.unique(np.concatenate(opens)) if opens else np.empty(0, np.int64)
