"""Sums over moving windows in time proportional to the history, each a function of its own window's rows alone.

A running sum that drops old rows carries their rounding for ever, so that a number would depend on where the loaded
history begins. Here time is cut into blocks at fixed clock times, each shorter than a window. A window then is the
end of one block, perhaps whole blocks, and the beginning of another; the sums of all ends and all beginnings are two
cumulative sums. Nothing is ever subtracted, and neither older nor newer rows reach a window's number: it is the same
to the bit whether a thousand candles were loaded or a million. (The two-sided block scan is van Herk's, 1992.)

Products are summed about a price inside the window, so that a price level of 64,000 costs no digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.types import Bools, Floats, Ints

LONG: Final = 64  # rows to a block, on average, from which a call for each costs less than a table of them


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Rows grouped into blocks of clock time. Block numbers count non-empty blocks from the first loaded one."""

    of: Ints  # (n,) each row's block
    first: Ints  # (k,) each block's first row
    last: Ints  # (k,) each block's last row

    @classmethod
    def anchored(cls, slots: Ints, shortest: int, heads: Ints | None = None) -> Blocks:
        """Cut rows so that every run of ``shortest`` rows or more reaches over at least two blocks.

        Parameters
        ----------
        slots : (n,) int
            Strictly increasing whole positions in time: ``open_ms // timeframe_ms``, or plain row numbers.
        shortest : int
            >= 2.
        heads : (p,) int, optional
            Several histories, one after another, begin at these rows; none shares a block with another.
        """
        number = slots // (shortest - 1)
        starts = np.flatnonzero(np.diff(number)) + 1
        if heads is not None:
            starts = np.union1d(starts, heads[(heads > 0) & (heads < len(slots))])
        first = np.concatenate(([0], starts)).astype(np.int64) if len(slots) else np.empty(0, np.int64)
        last = np.append(first[1:], len(slots)).astype(np.int64) - 1 if len(slots) else first
        of = np.zeros(len(slots), np.int64)
        of[starts] = 1
        return cls(np.cumsum(of), first, last)


@dataclass(frozen=True, slots=True, eq=False)
class RunningSums:
    """What the sums of (c, n) series over any windows are put together from."""

    blocks: Blocks
    prefix: Floats  # (c, n) from the beginning of a row's block
    suffix: Floats  # (c, n) to its end

    @classmethod
    def of(cls, values: Floats, blocks: Blocks) -> RunningSums:
        """Of (c, n) series as rows. NaN reaches exactly the windows that hold one, and those whose blocks begin with
        it."""
        return cls(blocks, _prefix(values, blocks), _suffix(values, blocks))

    def over(self, first: Ints, last: Ints, series: slice = slice(None)) -> Floats:
        """(c, m) sums of rows ``first[j] … last[j]``, of these series. Each window must reach over two blocks."""
        blocks, prefix = self.blocks, self.prefix[series]
        total = self.suffix[series][:, first]
        for into, block in _between(blocks.of[first], blocks.of[last]):
            total[:, into] += prefix[:, blocks.last[block]]
        total += prefix[:, last]
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means and centred products of k series over m windows."""

    offset: Floats  # (k, m) the window's mean minus the value in its last row
    products: Floats  # (k(k+1)/2, m) sums of products about the means: (0,0), (0,1), …, (1,1), …


def window_moments(values: Floats, blocks: Blocks, bars: int, last: Ints) -> Moments:
    """Means and centred products over the windows of ``bars`` rows that end at the rows ``last``.

    Parameters
    ----------
    values : (k, n) float, finite
    blocks : Blocks
        Cut with ``shortest <= bars``.
    last : (m,) int
        Each >= bars − 1.
    """
    k = len(values)
    pairs = [(i, j) for i in range(k) for j in range(i, k)]
    first = last - (bars - 1)
    left, right = blocks.of[first], blocks.of[last]
    origin = values[:, blocks.first]  # each block is summed about its own first value …
    after = np.concatenate((origin[:, 1:], origin[:, :1]), axis=1)  # … and, when it begins a window, about the next's
    prefix = _prefix(_with_products(values - origin[:, blocks.of], pairs), blocks)
    suffix = _suffix(_with_products(values - after[:, blocks.of], pairs), blocks)

    total = suffix[:, first]
    rows = blocks.last[left] - first + 1
    for into, block in _between(left, right):
        total[:, into] += prefix[:, blocks.last[block]]
        rows[into] += blocks.last[block] - blocks.first[block] + 1
        _move(total, into, origin[:, block] - origin[:, block + 1], rows[into], pairs)
    total += prefix[:, last]

    means, products = total[:k] / bars, total[k:]
    for at, (i, j) in enumerate(pairs):
        products[at] -= total[i] * means[j]
    return Moments(origin[:, right] - values[:, last] + means, products)


def full_rows(n: int, bars: int, heads: Ints | None = None) -> Ints:
    """Rows of ``n`` at which a window of ``bars`` rows of their own history ends; ``heads`` as for ``Blocks``.

    >>> full_rows(6, 2, np.array([0, 4])).tolist()
    [1, 2, 3, 5]
    """
    at = np.arange(n)
    if heads is None:
        return at[bars - 1 :]
    return at[at - np.repeat(heads, np.diff(heads, append=n)) >= bars - 1]


def cut_out(last: Ints, bars: int) -> tuple[Ints, Ints]:
    """The rows of the windows that end at the rows ``last``, one window after another, and where each begins.

    >>> rows, heads = cut_out(np.array([4, 9]), 3)
    >>> rows.tolist(), heads.tolist()
    ([2, 3, 4, 7, 8, 9], [0, 3])
    """
    rows = (last[:, None] + np.arange(1 - bars, 1)).ravel()
    return rows, np.arange(len(last)) * bars


def changes(values: Floats) -> Floats:
    """(n,) what was added since the row before; NaN first.

    >>> changes(np.array([1.0, 3.0])).tolist()
    [nan, 2.0]
    """
    out = np.empty_like(values)
    out[:1] = np.nan
    np.subtract(values[1:], values[:-1], out=out[1:])
    return out


def flat_rows(values: Floats, bars: int) -> Bools:
    """Whether all of the last ``bars`` values are one and the same, at each row of (n,) values; compared, not computed.

    >>> flat_rows(np.array([1.0, 2.0, 2.0, 2.0]), bars=3)
    array([False, False, False,  True])
    """
    change = np.ones(len(values), np.bool_)
    change[1:] = values[1:] != values[:-1]
    if len(values) - np.count_nonzero(change) < bars - 1:  # not enough of them in all
        return np.full(len(values), bars <= 1)
    at = np.arange(len(values))
    since = np.maximum.accumulate(np.where(change, at, 0))
    flat: Bools = (at - since + 1 >= bars) & (at >= bars - 1)
    return flat


def _between(left: Ints, right: Ints) -> list[tuple[Ints, Ints]]:
    """Whole blocks strictly between, step by step: which windows take one more, and which block each takes."""
    steps = []
    for distance in range(1, int((right - left).max(initial=0))):
        into = np.flatnonzero(left + distance < right)
        steps.append((into, left[into] + distance))
    return steps


def _with_products(d: Floats, pairs: list[tuple[int, int]]) -> Floats:
    k = len(d)
    out = np.empty((k + len(pairs), d.shape[1]))
    out[:k] = d
    for at, (i, j) in enumerate(pairs, k):
        np.multiply(d[i], d[j], out=out[at])
    return out


def _move(total: Floats, into: Ints, by: Floats, rows: Ints, pairs: list[tuple[int, int]]) -> None:
    """Re-express sums about r as sums about r − by, where a window's sums so far hold ``rows`` rows."""
    k = len(by)
    for at, (i, j) in enumerate(pairs):
        total[k + at, into] += by[i] * total[j, into] + by[j] * total[i, into] + rows * by[i] * by[j]
    for i in range(k):
        total[i, into] += rows * by[i]


def _prefix(values: Floats, blocks: Blocks) -> Floats:
    """Cumulative sums that start afresh at each block, added row by row from its first."""
    n, count = values.shape[1], len(blocks.first)
    out = np.empty_like(values)
    if n >= LONG * count:
        for a, b in zip(blocks.first.tolist(), (blocks.last + 1).tolist(), strict=True):
            np.add.accumulate(values[:, a:b], axis=1, out=out[:, a:b])
        return out
    longest = int((blocks.last - blocks.first).max(initial=-1)) + 1
    if count * longest <= 4 * n:  # a table with a line for each block: one sum along all of them
        cells = np.minimum(blocks.first[:, None] + np.arange(longest), n - 1)
        sums = np.cumsum(np.take(values, cells, axis=1), axis=2)
        line = np.repeat(np.arange(count), blocks.last - blocks.first + 1)
        cell = line * longest + np.arange(n) - blocks.first[line]
        return np.take(sums.reshape(len(values), -1), cell, axis=1)
    out[:, blocks.first] = values[:, blocks.first]  # short blocks and a few long ones: one step into all at a time
    for step in range(1, longest):
        at = blocks.first + step
        at = at[at <= blocks.last]
        out[:, at] = out[:, at - 1] + values[:, at]
    return out


def _suffix(values: Floats, blocks: Blocks) -> Floats:
    """Sums from each row to the end of its block, added from the end."""
    n = values.shape[1]
    mirrored = Blocks(blocks.of, n - 1 - blocks.last[::-1], n - 1 - blocks.first[::-1])
    return _prefix(values[:, ::-1], mirrored)[:, ::-1]
