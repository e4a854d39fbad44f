"""Candles that both legs of a pair have, of several pairs one after another: one pass of arithmetic serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.windows import changes, full_rows
from core.types import Bools, Candles, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """What one symbol's candles say by themselves."""

    candles: Candles
    log: Floats  # of the closes
    unchanged: Bools  # close equal to that of the candle before
    fresh: Ints  # candles up to each with another close than before it

    @classmethod
    def of(cls, candles: Candles) -> Leg:
        """Of candles by time, with closes above 0."""
        close = candles.close
        unchanged = np.zeros(len(close), np.bool_)
        unchanged[1:] = close[1:] == close[:-1]
        return cls(candles, np.log(close), unchanged, np.cumsum(~unchanged))


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Rows are the intervals in which both legs of a pair traded; ``heads[j]`` … ``ends[j] - 1`` are pair j's."""

    heads: Ints  # (p,)
    ends: Ints  # (p,)
    step_ms: Ints  # (p,)
    open_ms: Ints  # (n,)
    slots: Ints  # (n,) position in time, ``open_ms // step_ms``
    y: Floats  # (n,) closes
    x: Floats
    log_y: Floats
    log_x: Floats
    unchanged_y: Bools
    unchanged_x: Bools
    fresh_y: Ints  # (n,) as the leg's
    fresh_x: Ints

    @classmethod
    def of(cls, pairs: Sequence[tuple[Leg, Leg]], most: int | None) -> Aligned:
        """Of the newest ``most`` rows of each pair; None: of all."""
        columns: list[tuple[Ints | Floats | Bools, ...]] = []
        for y, x in pairs:
            open_ms, at_y, at_x = _aligned(y.candles.open_ms, x.candles.open_ms, most)
            by_leg = (
                (values_y[at_y], values_x[at_x])
                for values_y, values_x in (
                    (y.candles.close, x.candles.close),
                    (y.log, x.log),
                    (y.unchanged, x.unchanged),
                    (y.fresh, x.fresh),
                )
            )
            slots = open_ms // (y.candles.timeframe_s * 1000)
            columns.append((open_ms, slots, *(column for both in by_leg for column in both)))
        ends = np.cumsum([len(each[0]) for each in columns])
        step_ms = np.array([y.candles.timeframe_s * 1000 for y, _ in pairs])
        return cls(
            ends - [len(each[0]) for each in columns], ends, step_ms, *map(np.concatenate, zip(*columns, strict=True))
        )

    def newest(self, bars: int) -> Ints:
        """The newest row of each pair that has at least so many."""
        return self.ends[self.ends - self.heads >= bars] - 1

    def returns(self, log: Floats) -> Floats:
        """(n,) what was added since the pair's row before; NaN at its first."""
        out = changes(log)
        out[self.heads[self.heads < len(out)]] = np.nan
        return out

    def spans(self, bars: int) -> tuple[Ints, Ints]:
        """First and last rows of the runs of ``bars`` rows; of a pair that has fewer, all it has."""
        last = np.union1d(full_rows(len(self.open_ms), bars, self.heads), self.newest(1))
        return np.maximum(last - (bars - 1), self.heads[self.of_row(last)]), last

    def of_row(self, rows: Ints) -> Ints:
        """Which pair each of these rows is of."""
        return np.searchsorted(self.ends, rows, side="right")


def stale_rows(rows: Aligned, spans: tuple[Ints, Ints]) -> Floats:
    """Worse leg's stale share over ``rows.spans(…)``, at the last row of each; NaN elsewhere.

    The span's first interval is left out: whether its close changed depends on a candle before the span.
    """
    out = np.full(len(rows.open_ms), np.nan)
    first, last = spans
    intervals = (rows.open_ms[last] - rows.open_ms[first]) // rows.step_ms[rows.of_row(last)]
    fresh = np.minimum(*(each[last] - each[first] for each in (rows.fresh_y, rows.fresh_x)))
    out[last] = (intervals - fresh) / np.maximum(intervals, 1)
    return out


def incomplete_rows(rows: Aligned, spans: tuple[Ints, Ints], holes: Sequence[Ints | None]) -> Ints:
    """Intervals known to be incomplete from the first to the last row of each span; −1 elsewhere.

    Parameters
    ----------
    rows : Aligned
    spans : (m,) int, (m,) int
        ``rows.spans(…)``.
    holes : (p,) of (k,) int, optional
        Opens of such intervals, by pair.
    """
    out = np.full(len(rows.open_ms), -1)
    first, last = spans
    out[last] = 0
    for pair, opens in enumerate(holes):
        if opens is not None and len(opens):
            known, own = np.unique(opens), rows.of_row(last) == pair
            until = np.searchsorted(known, rows.open_ms[last[own]], side="right")
            out[last[own]] = until - np.searchsorted(known, rows.open_ms[first[own]], side="left")
    return out


def _aligned(a: Ints, b: Ints, most: int | None) -> tuple[Ints, Ints | slice, Ints | slice]:
    """The newest ``most`` opens that both legs have, and the rows at which each has them."""
    if np.array_equal(a, b):  # as good as always
        newest = slice(0 if most is None else max(0, len(a) - most), None)
        return a[newest], newest, newest
    newest = slice(None if most is None else -most, None)
    open_ms, at_a, at_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return open_ms[newest], at_a[newest], at_b[newest]
