"""The Classic preset's test at many rows of a history: plain ADF of each row's own fitted spread, lags by AIC.

``stationarity.adf`` regresses one window at a time on up to two dozen lagged differences. A residual is y − α − βx, so
that every sum those regressions need is a quadratic form in (1, −β) of sums over the prices' differences; the sums over
the window are taken once for all rows, those of other lags follow by adding and dropping single differences at the
window's ends.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.dickey_fuller import CLOSE
from analytics.params import RELATED_P
from analytics.report import PairReport
from analytics.rolling import last_t
from analytics.stationarity import adf, lag_limit, mackinnon_p
from analytics.windows import Blocks, RunningSums
from core.errors import DataError
from core.types import Bools, Floats, Ints

PART: Final = 256  # rows regressed at a time: their matrices stay in the processor's cache
PIVOT: Final = 1e-9  # of what a column was, left after the columns before it: below, rounding may speak


def adf_rows(report: PairReport, rows: Ints) -> Floats:
    """P-values of ``adf`` on the residuals of the shown fit that ends at each row.

    Parameters
    ----------
    report : PairReport
    rows : (m,) int

    Returns
    -------
    (m,) float
        Equal to ``adf`` within about 1e-8, and on the same side of the rule's threshold; where rounding could choose
        another number of lags or another side, it is ``adf``'s own. NaN where the fit or the test is undefined.
    """
    out = np.full(len(rows), np.nan)
    fitted = np.flatnonzero(~np.isnan(report.beta[rows]))
    if not len(fitted):
        return out
    windows = _Windows.of(report, rows[fitted])
    lags, sure = _aic_lags(windows)
    stat = np.full(len(fitted), np.nan)
    for chosen in np.unique(lags).tolist():
        which = np.flatnonzero(lags == chosen)
        for first in range(0, len(which), 16 * PART):
            part = which[first : first + 16 * PART]
            # One observation less for the constant.
            stat[part] = last_t(windows.gram(part, chosen, chosen), windows.bars - 2 - chosen)
    pvalue = mackinnon_p(stat, 1)
    unsure = ~sure | np.isnan(pvalue) | (np.abs(pvalue - RELATED_P) < CLOSE)
    for k in np.flatnonzero(unsure).tolist():
        pvalue[k] = np.nan
        with suppress(DataError):
            pvalue[k] = adf(windows.residuals(k)).pvalue
    out[fitted] = pvalue
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """The windows that end at m rows, and what their regressions are made of."""

    y: Floats
    x: Floats
    last: Ints  # (m,)
    bars: int
    most: int  # lagged differences, at most
    beta: Floats  # (m,)
    spread: Floats  # (m,) the last residual
    ssr: Floats  # (m,)
    products: Floats  # (most + 1, m) Σ Δe(t) Δe(t − h) over t = first + most + 1 … last, for h = 0 … most

    @classmethod
    def of(cls, report: PairReport, rows: Ints) -> _Windows:
        p = report.params
        y, x = (report.y, report.x) if p.price_units else (np.log(report.y), np.log(report.x))
        bars, most, beta = p.fit_bars, lag_limit(p.fit_bars), report.beta[rows]
        blocks = Blocks.anchored(report.open_ms // report.step_ms, bars - 1 - most)
        dy, dx = np.diff(y, prepend=np.nan), np.diff(x, prepend=np.nan)
        products = np.empty((most + 1, len(rows)))
        for h in range(most + 1):
            back_y, back_x = np.full_like(dy, np.nan), np.full_like(dx, np.nan)
            back_y[h:], back_x[h:] = dy[: len(dy) - h], dx[: len(dx) - h]
            moved = np.stack((dy * back_y, dy * back_x + dx * back_y, dx * back_x))
            yy, xy, xx = RunningSums.of(moved, blocks).over(rows - (bars - 1) + most + 1, rows)
            products[h] = yy - beta * xy + beta * beta * xx
        ssr = report.resid_sd[rows] ** 2 * (bars - 2)
        return cls(y, x, rows, bars, most, beta, report.spread[rows], ssr, products)

    def residuals(self, which: int) -> Floats:
        """(N,) of one window, oldest first."""
        row = int(self.last[which])
        w = slice(row - self.bars + 1, row + 1)
        e: Floats = self.spread[which] + (self.y[w] - self.y[row]) - self.beta[which] * (self.x[w] - self.x[row])
        return e

    def gram(self, which: Ints, lags: int, skip: int) -> Floats:
        """Gram matrices of the regression with constant, columns about their means.

        Parameters
        ----------
        which : (k,) int
            Windows.
        lags : int
        skip : int
            Differences left out at the window's beginning, >= lags.

        Returns
        -------
        (lags + 2, lags + 2, k) float
            In the order Δe(t−1) … Δe(t−lags), e(t−1), Δe(t).
        """
        head = self._ends(which, np.arange(self.most + 1) - (self.bars - 1))  # e of the first rows …
        tail = self._ends(which, -np.arange(lags + 2))  # … and of the last, newest first
        early, late = np.diff(head, axis=0), -np.diff(tail, axis=0)  # Δe(first + 1) …; Δe(last), Δe(last − 1) …
        d = np.empty((lags + 1, lags + 1, len(which)))  # d[a, b] = Σ Δe(t − a) Δe(t − b)
        for h in range(lags + 1):
            # Those that the longest regression leaves out and this one does not.
            total = self.products[h, which] + (early[skip:] * early[skip - h : self.most - h]).sum(axis=0)
            d[0, h] = d[h, 0] = total
            for a in range(1, lags - h + 1):  # one step back in time: one product joins, one leaves
                total = total + early[skip - a] * early[skip - a - h] - late[a - 1] * late[a - 1 + h]
                d[a, a + h] = d[a + h, a] = total
        size, nobs = lags + 2, self.bars - 1 - skip
        g = np.empty((size, size, len(which)))
        g[:lags, :lags] = d[1:, 1:]
        g[:lags, -1] = g[-1, :lags] = d[1:, 0]
        g[-1, -1] = d[0, 0]
        g[lags, lags] = self.ssr[which] - (head[:skip] ** 2).sum(axis=0) - tail[0] ** 2
        g[lags, -1] = g[-1, lags] = (tail[0] ** 2 - head[skip] ** 2 - d[0, 0]) / 2
        for a in range(1, lags + 1):
            # e(t−a) Δe(t−a) telescopes; e(t−1) is e(t−a) and the differences between.
            cross = (tail[a] ** 2 - head[skip - a] ** 2 + d[a, a]) / 2 + d[1:a, a].sum(axis=0)
            g[lags, a - 1] = g[a - 1, lags] = cross
        # Residuals add up to 0 over their window; sums of differences telescope.
        sums = np.empty((size, len(which)))
        sums[:lags] = tail[1 : lags + 1] - head[skip - np.arange(1, lags + 1)]
        sums[lags] = -head[:skip].sum(axis=0) - tail[0]
        sums[-1] = tail[0] - head[skip]
        centred: Floats = g - sums[:, None] * sums[None] / nobs
        return centred

    def _ends(self, which: Ints, steps: Ints) -> Floats:
        """(steps, k) residuals at so many rows from each window's last."""
        last = self.last[which]
        at = last + steps[:, None]
        e: Floats = self.spread[which] + (self.y[at] - self.y[last]) - self.beta[which] * (self.x[at] - self.x[last])
        return e


def _aic_lags(windows: _Windows) -> tuple[Ints, Bools]:
    """The number of lags of every window, and whether rounding could not have chosen another."""
    most, m = windows.most, len(windows.last)
    lags, sure = np.zeros(m, np.int64), np.zeros(m, np.bool_)
    nobs = windows.bars - 1 - most
    order = [most, *range(most), most + 1]  # the level first, then the lags one by one
    for first in range(0, m, PART):
        part = np.arange(first, min(m, first + PART))
        g = windows.gram(part, most, most)[np.ix_(order, order)]
        ssr = np.empty((most + 1, len(part)))
        good = np.ones(len(part), np.bool_)
        size = g[range(most + 2), range(most + 2)].copy()
        with np.errstate(divide="ignore", invalid="ignore"):  # such windows are asked of adf itself
            for k in range(most + 1):
                good &= g[k, k] > PIVOT * size[k]
                ratio = g[k, k + 1 :] / g[k, k]
                g[k + 1 :, k + 1 :] -= ratio[:, None] * g[k, None, k + 1 :]
                ssr[k] = g[-1, -1]
            aic = nobs * np.log(ssr) + 2.0 * np.arange(most + 1)[:, None]
        good &= (ssr > PIVOT * size[-1]).all(axis=0)
        aic[:, ~good] = 0.0
        lags[part] = aic.argmin(axis=0)
        best, second = np.partition(aic, 1, axis=0)[:2] if most else (aic[0], aic[0] + 1.0)
        sure[part] = good & (second - best > CLOSE)
    return lags, sure
