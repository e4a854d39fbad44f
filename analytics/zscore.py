"""How unusual is a value, in standard deviations of the window that ends at it."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from analytics.rolling import Fits
from analytics.windows import Blocks, cut_out, flat_rows, full_rows, window_moments
from core.types import Floats, Ints


def zscore(spread: Floats, window: int) -> Floats:
    """Standardise each value by the window that ends at it.

    Parameters
    ----------
    spread : (n,) float
        Any unit; oldest first, evenly spaced.
    window : int
        Observations per window, the current one included; a whole number >= 2.

    Returns
    -------
    (n,) float
        Standard deviations (ddof = 1). NaN for the first ``window - 1`` values and where the window is flat or holds
        a value that is not finite. Uses nothing after t.

    Raises
    ------
    ValueError
        If ``spread`` is not 1-D, or for another window.

    Notes
    -----
    Gatev, Goetzmann, Rouwenhorst (2006), a rolling window for their fixed formation period.

    >>> zscore(np.array([1.0, 2.0, 3.0]), window=3)
    array([nan, nan,  1.])
    """
    values = np.ascontiguousarray(spread, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"spread must be 1-D, had {values.ndim} dimensions")
    if not isinstance(window, Integral) or window < 2:
        raise ValueError(f"window must be a whole number >= 2, was {window}")
    n = len(values)
    out = np.full(n, np.nan)
    if n < window:
        return out
    last = np.arange(window - 1, n)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # such windows become NaN
        m = window_moments(values[None], Blocks.anchored(np.arange(n), window), window, last)
        sd = np.sqrt(m.products[0] / (window - 1))
        z = -m.offset[0] / sd
    z[~(np.isfinite(sd) & (sd > 0)) | flat_rows(values, window)[last]] = np.nan
    out[last] = z
    return out


def residual_zscore(
    y: Floats, x: Floats, fits: Fits, window: int, slots: Ints, *, only: Ints | None = None
) -> tuple[Floats, Floats, Floats]:
    """The last residual of each row's own fit against the mean and sd of that fit's residuals over ``window`` bars.

    The usual rolling z mixes residuals of different fits; here all of a row's residuals are of its own fit, known at
    its candle. Its mean still walks to the price: read it for timing, not as evidence.

    Parameters
    ----------
    y, x : (n,) float
        What the fits were made of.
    fits : Fits
    window : int
        W, from 2 to ``fits.bars``.
    slots : (n,) int
        As given to ``fit_rows``.
    only : (m,) int, optional
        Rows wanted, at which a window of the fit ends; the others are NaN. Needed where the rows are several histories.

    Returns
    -------
    z, mean, sd : (n,) float
        ddof = 1. NaN where the fit is, and where both legs are flat over the window.
    """
    out = np.full((3, len(y)), np.nan)
    wanted = full_rows(len(y), fits.bars) if only is None else only
    if len(wanted):
        beta, spread = fits.beta[wanted], fits.spread[wanted]
        heads, last = None, wanted
        if only is not None:
            rows, heads = cut_out(only, window)
            y, x, slots, last = y[rows], x[rows], slots[rows], heads + window - 1
        m = window_moments(np.stack((y, x)), Blocks.anchored(slots, window, heads), window, last)
        yy, xy, xx = m.products
        mean = spread + m.offset[0] - beta * m.offset[1]
        squares = yy - 2.0 * beta * xy + beta * beta * xx
        # Two legs that move in lockstep leave only rounding; 1e-13 of their own movement is that.
        undefined = ~(squares > 1e-13 * (yy + beta * beta * xx)) | (flat_rows(y, window) & flat_rows(x, window))[last]
        sd = np.sqrt(np.maximum(squares, 0.0) / (window - 1))
        sd[undefined] = np.nan
        mean[undefined] = np.nan
        out[:, wanted] = np.stack(((spread - mean) / sd, mean, sd))
    return out[0], out[1], out[2]
