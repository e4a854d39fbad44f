"""Do two legs move together? Correlation of their log returns, never of price levels."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from analytics.windows import Blocks, cut_out, flat_rows, full_rows, window_moments
from core.types import Floats, Ints


def rolling_correlation(
    a: Floats, b: Floats, window: int, slots: Ints | None = None, *, only: Ints | None = None
) -> Floats:
    """Correlate the ``window`` pairs of values that end at each row.

    Parameters
    ----------
    a, b : (n,) float
        Log returns. Price levels of two trending coins correlate at .7 or more in three windows of four without any
        relationship, so they are of no use here.
    window : int
        A whole number >= 2.
    slots : (n,) int, optional
        Positions in time (``open_ms // timeframe_ms``), so that a row does not depend on where the history begins.
        Row numbers when absent.
    only : (m,) int, optional
        Rows wanted, each >= ``window - 1``; the others are NaN. Needed where the rows are several histories.

    Returns
    -------
    (n,) float
        From −1 to 1. NaN for the first ``window - 1`` rows, and where the window holds a NaN or either series is flat.
        Uses nothing after t.

    Raises
    ------
    ValueError
        If the series differ in length, or for another window.

    >>> rolling_correlation(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0]), window=3)
    array([nan, nan,  1.])
    """
    if len(a) != len(b):
        raise ValueError(f"a and b must have equal length, were {len(a)} and {len(b)}")
    if not isinstance(window, Integral) or window < 2:
        raise ValueError(f"window must be a whole number >= 2, was {window}")
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    out = np.full(len(a), np.nan)
    wanted = full_rows(len(a), window) if only is None else only
    if not len(wanted):
        return out
    slots = np.arange(len(a)) if slots is None else slots
    heads, last = None, wanted
    if only is not None:
        rows, heads = cut_out(only, window)
        a, b, slots, last = a[rows], b[rows], slots[rows], heads + window - 1
    blocks = Blocks.anchored(slots, window, heads)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # such windows become NaN
        aa, ab, bb = window_moments(np.stack((a, b)), blocks, window, last).products
        r = np.clip(ab / np.sqrt(aa * bb), -1.0, 1.0)
    r[~((aa > 0) & (bb > 0)) | (flat_rows(a, window) | flat_rows(b, window))[last]] = np.nan
    out[wanted] = r
    return out
