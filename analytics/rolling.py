"""The hedge fit of every window of a history: each row is what was known at its candle, and never changes again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.stationarity import COLLINEAR, mackinnon_p
from analytics.windows import Blocks, RunningSums, changes, flat_rows, full_rows, window_moments
from core.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """Least squares y = α + β x over the N rows that end at each row. (n,) arrays; NaN until N rows are there.

    Where a leg is flat over the window, or x explains y all but perfectly, nothing is left over to measure: NaN too.
    """

    bars: int
    alpha: Floats
    beta: Floats
    beta_se: Floats
    resid_sd: Floats  # N − 2 degrees of freedom
    spread: Floats  # the window's last residual
    z: Floats  # spread / resid_sd
    ssr: Floats  # sum of squared residuals

    @classmethod
    def empty(cls) -> Fits:
        """Of no rows."""
        none = np.empty(0)
        return cls(0, none, none, none, none, none, none, none)

    def rows(self, which: slice) -> Fits:
        """Those of some rows."""
        return Fits(
            self.bars,
            *(
                column[which]
                for column in (self.alpha, self.beta, self.beta_se, self.resid_sd, self.spread, self.z, self.ssr)
            ),
        )


def fit_rows(y: Floats, x: Floats, bars: int, slots: Ints, heads: Ints | None = None) -> Fits:
    """Fit every full window.

    Parameters
    ----------
    y, x : (n,) float, finite
        Log prices (or prices), oldest first.
    bars : int
        N, >= 10.
    slots : (n,) int
        Strictly increasing positions in time, ``open_ms // timeframe_ms``. They anchor the sums, see ``windows``.
    heads : (p,) int, optional
        The rows are the histories of several pairs, one after another, that begin at these.

    Returns
    -------
    Fits
        A row uses its own N candles and nothing else: neither later rows nor where the history begins.

    Notes
    -----
    Ordinary least squares; the standard error of β is the textbook one, for uncorrelated residuals. Spread residuals
    are correlated, so that it is too small: shown, never decided on.
    """
    n = len(y)
    out = np.full((7, n), np.nan)
    last = full_rows(n, bars, heads)
    if len(last):
        m = window_moments(np.stack((y, x)), Blocks.anchored(slots, bars, heads), bars, last)
        yy, xy, xx = m.products
        with np.errstate(divide="ignore", invalid="ignore"):  # flat windows are set to NaN below
            beta = xy / xx
            ssr = yy - xy * xy / xx
            resid_sd = np.sqrt(np.maximum(ssr, 0.0) / (bars - 2))
            spread = beta * m.offset[1] - m.offset[0]
            alpha = y[last] + m.offset[0] - beta * (x[last] + m.offset[1])
            rows = np.stack((alpha, beta, resid_sd / np.sqrt(xx), resid_sd, spread, spread / resid_sd, ssr))
            undefined = ~(ssr > COLLINEAR * yy)
        undefined |= flat_rows(y, bars)[last] | flat_rows(x, bars)[last]
        rows[:, undefined] = np.nan
        out[:, last] = rows
    return Fits(bars, *out)


def residuals_at(y: Floats, x: Floats, fits: Fits, rows: Ints) -> Floats:
    """(m, N) residuals of the fits that end at these rows, oldest first; the fits must be defined there."""
    at = rows[:, None] + np.arange(1 - fits.bars, 1)
    last = rows[:, None]
    resid: Floats = fits.spread[last] + (y[at] - y[last]) - fits.beta[last] * (x[at] - x[last])
    return resid


def eg_rows(
    y: Floats,
    x: Floats,
    fits: Fits,
    slots: Ints,
    lags: int = 2,
    *,
    only: Ints | None = None,
    heads: Ints | None = None,
) -> tuple[Floats, Floats]:
    """Engle-Granger of every window, at a cost that does not know the window's length.

    A residual is y − α − βx, so that every sum the Dickey-Fuller regression needs is a quadratic form in (1, −β) of
    sums over lagged differences of the prices; products of level and difference telescope to the window's ends.

    Parameters
    ----------
    y, x, fits, slots
        As given to ``fit_rows``, and what it gave.
    lags : int
        Lagged differences of the residual.
    only : (m,) int, optional
        The rows wanted; the others are NaN.
    heads : (p,) int, optional
        As given to ``fit_rows``.

    Returns
    -------
    stat, pvalue : (n,) float
        Equal to ``stationarity.engle_granger`` of the row's window within rounding; NaN where the fit is.
    """
    stat, pvalue = np.full((2, len(y)), np.nan)
    rows = np.arange(len(y)) if only is None else only
    rows = rows[~np.isnan(fits.beta[rows])]
    if len(rows):
        blocks = Blocks.anchored(slots, fits.bars - 2 * lags - 1, heads)
        stat[rows] = _eg_stats(y, x, fits, blocks, lags, rows)
        pvalue[rows] = mackinnon_p(stat[rows], 2)
    return stat, pvalue


def _eg_stats(y: Floats, x: Floats, fits: Fits, blocks: Blocks, lags: int, i: Ints) -> Floats:
    bars = fits.bars
    s = i - (bars - 1)  # the window is rows s … i
    beta = fits.beta[i]
    dy, dx = changes(y), changes(x)
    back = np.arange(lags + 1)[:, None]

    def residual(at: Ints) -> Floats:
        # Relative to the last residual: α cancels, and with it the digits that a price level would cost.
        r: Floats = fits.spread[i] + (y[at] - y[i]) - beta * (x[at] - x[i])
        return r

    def change(at: Ints) -> Floats:
        c: Floats = dy[at] - beta * dx[at]
        return c

    # d[a, b] = Σ Δe(t−a) Δe(t−b) over the regression's observations t = s + lags + 1 … i. The sums over the rows that
    # all a share are windowed; the few rows at the ends that differ are added one by one.
    d = np.empty((lags + 1, lags + 1, len(i)))
    sums = RunningSums.of(_lagged_products(dy, dx, lags), blocks)
    early, late = change(s + back), change(i - back)  # Δe(s) …; Δe(i), Δe(i − 1) …
    for h in range(lags + 1):
        yy, xy, xx = sums.over(s + lags + 1, i - (lags - h), slice(3 * h, 3 * h + 3))
        shared = yy - beta * xy + beta * beta * xx
        for a in range(lags - h + 1):
            total = shared
            for u in range(lags + 1 - a, lags + 1):
                total = total + early[u] * early[u - h]
            for u in range(a, lags - h):
                total = total + late[u] * late[u + h]
            d[a, a + h] = d[a + h, a] = total

    ends, tail = residual(s + back), residual(i - back)
    # g: the regression's Gram matrix, in the order Δe(t−1) … Δe(t−lags), e(t−1), Δe(t)
    size = lags + 2
    g = np.empty((size, size, len(i)))
    for a in range(1, lags + 1):
        for b in range(1, lags + 1):
            g[a - 1, b - 1] = d[a, b]
        g[a - 1, -1] = g[-1, a - 1] = d[a, 0]
    g[-1, -1] = d[0, 0]
    level = fits.ssr[i] - tail[0] ** 2
    for k in range(lags):
        level = level - ends[k] ** 2
    g[lags, lags] = level
    # Σ e(t−1) Δe(t) = (e_i² − e_{s+lags}² − Σ Δe²) / 2
    g[lags, -1] = g[-1, lags] = (tail[0] ** 2 - ends[lags] ** 2 - d[0, 0]) / 2
    for a in range(1, lags + 1):
        # Σ e(t−a) Δe(t−a) telescopes; e(t−1) is e(t−a) plus the differences between
        cross = (tail[a] ** 2 - ends[lags - a] ** 2 + d[a, a]) / 2
        for b in range(1, a):
            cross = cross + d[b, a]
        g[lags, a - 1] = g[a - 1, lags] = cross
    return last_t(g, bars - 1 - lags)


def _lagged_products(dy: Floats, dx: Floats, lags: int) -> Floats:
    """(3(lags + 1), n) products of changes h rows apart, for each h: y with y, y with x either way, x with x."""
    n = len(dy)
    out = np.full((3 * (lags + 1), n), np.nan)
    for h in range(lags + 1):
        back_y, back_x, y, x = dy[: n - h], dx[: n - h], dy[h:], dx[h:]
        out[3 * h, h:], out[3 * h + 1, h:], out[3 * h + 2, h:] = y * back_y, y * back_x + x * back_y, x * back_x
    return out


def last_t(g: Floats, nobs: int) -> Floats:
    """The t of the last regressor, from Gram matrices (c, c, m) whose last row and column are the target.

    Of ``nobs`` observations, less one where a constant was taken out before. NaN where it has no variance.
    """
    g = g.copy()
    c = len(g)
    with np.errstate(divide="ignore", invalid="ignore"):
        for k in range(c - 2):  # take each lagged difference out of everything below it
            ratio = g[k, k + 1 :] / g[k, k]
            g[k + 1 :, k + 1 :] -= ratio[:, None] * g[k, None, k + 1 :]
        coefficient = g[-2, -1] / g[-2, -2]
        variance = (g[-1, -1] - coefficient * g[-2, -1]) / (nobs - (c - 1))
        stat: Floats = coefficient * np.sqrt(g[-2, -2] / variance)
    undefined: Bools = ~((g[-2, -2] > 0) & (variance > 0))
    stat[undefined] = np.nan
    return stat
