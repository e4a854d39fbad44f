"""Do two legs move together? Correlation of their log returns, never of price levels."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from analytics.windows import Blocks, changes, flat_rows, window_moments
from core.types import Floats, Ints


def log_returns(close: Floats) -> Floats:
    """(n,) log return from the row before; NaN first.

    >>> log_returns(np.array([100.0, 100.0])).tolist()
    [nan, 0.0]
    """
    return changes(np.log(np.ascontiguousarray(close)))


def rolling_correlation(a: Floats, b: Floats, window: int, slots: Ints | None = None) -> Floats:
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
    n = len(a)
    out = np.full(n, np.nan)
    if n < window:
        return out
    last = np.arange(window - 1, n)
    blocks = Blocks.anchored(np.arange(n) if slots is None else slots, window)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # such windows become NaN
        aa, ab, bb = window_moments(np.stack((a, b)), blocks, window, last).products
        r = np.clip(ab / np.sqrt(aa * bb), -1.0, 1.0)
    r[~((aa > 0) & (bb > 0)) | (flat_rows(a, window) | flat_rows(b, window))[last]] = np.nan
    out[last] = r
    return out
