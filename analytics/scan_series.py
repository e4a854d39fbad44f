"""Which series a scan can use, and why not the others: every one left out is named with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.params import MAX_STALE
from core.types import Bools, Floats, Ints, Texts

MIN_CLOSES: Final = 10  # different closes; a price that jumps between a few ticks looks like one that returns
QUIET: Final = 2  # newest intervals without a candle after which the pair's z is not of now


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A series that is in no pair of the scan."""

    symbol: str
    reason: str  # as shown


def usable(closes: Floats, symbols: Texts, bars: int) -> tuple[Bools, tuple[LeftOut, ...]]:
    """Mark the series that can be tested.

    Parameters
    ----------
    closes : (m, n) float
        One row a series, oldest first; NaN where an interval has no candle.
    symbols : (m,) str
        Of equal series the first stays.
    bars : int
        N.

    Returns
    -------
    kept : (m,) bool
    left_out : tuple of LeftOut
        The others, in the order given.
    """
    known = ~np.isnan(closes)
    count = known.sum(axis=1)
    n = closes.shape[1]
    wanted = max(bars, int(np.ceil((1.0 - MAX_STALE) * n)))
    bad = np.count_nonzero(known & ~((closes > 0) & (closes < np.inf)), axis=1) > 0
    quiet = np.count_nonzero(known[:, -QUIET:], axis=1) == 0
    different = _different(closes[:, -bars:])
    first: dict[bytes, str] = {}
    kept = np.zeros(len(closes), np.bool_)
    left_out = []
    for k, symbol in enumerate(symbols.tolist()):
        reason = ""
        if bad[k]:
            reason = "holds a price that is not a positive number"
        elif count[k] < wanted:
            reason = f"too short: {count[k]:,} of {n:,} intervals have a candle, {wanted:,} are needed"
        elif quiet[k]:
            reason = f"no candle in the newest {QUIET} intervals"
        elif different[k] == 1:
            reason = f"flat: one and the same close over {bars:,} candles"
        elif different[k] < MIN_CLOSES:
            reason = f"near-constant: {different[k]} different closes in {bars:,} candles"
        elif (twin := first.setdefault(closes[k].tobytes(), symbol)) != symbol:
            reason = f"the same closes as {twin}"
        kept[k] = not reason
        if reason:
            left_out.append(LeftOut(symbol, reason))
    return kept, tuple(left_out)


def stale_shares(closes: Floats) -> Floats:
    """Share of each series' intervals that have no candle or whose close is that of the candle before.

    Parameters
    ----------
    closes : (m, n) float
        As in ``usable``; n >= 2. The first interval is left out: what came before it is not known.

    Returns
    -------
    (m,) float

    >>> stale_shares(np.array([[1.0, 1.0, 2.0, np.nan, 2.0]])).tolist()
    [0.75]
    """
    fresh = np.count_nonzero(closes[:, 1:] != closes[:, :-1], axis=1)
    gappy = np.flatnonzero(np.isnan(closes).any(axis=1))
    for k in gappy:
        row = closes[k, ~np.isnan(closes[k])]
        fresh[k] = np.count_nonzero(row[1:] != row[:-1])
    shares: Floats = 1.0 - fresh / (closes.shape[1] - 1)
    return shares


def _different(closes: Floats) -> Ints:
    """(m,) how many different values each row holds, NaN not counted."""
    rows = np.sort(closes, axis=1)
    new = ~np.isnan(rows)  # sorted last
    new[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    count: Ints = np.count_nonzero(new, axis=1)
    return count
