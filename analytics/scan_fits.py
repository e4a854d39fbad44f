"""The hedge fit and Engle-Granger test of many pairs, each worked out from its own rows.

The slow and sure way of the scanner: for pairs whose candles have to be aligned first, and for those where
``scan_moments`` would lose digits. One pair costs some ten microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from analytics.stationarity import COLLINEAR, mackinnon_p
from core.types import Bools, Floats, Ints

CELLS: Final = 32_768  # values of one leg worked on at a time: a chunk stays near the cache
SURE: Final = 1e-4  # what must be left of a sum after a subtraction: four digits may go, eleven stay

Gram = dict[tuple[int, int], Floats]  # upper triangle of products, one array of pairs each


@dataclass(frozen=True, slots=True, eq=False)
class PairFits:
    """Least squares y = α + βx of p pairs, and what the residual says. (p,) columns.

    All NaN where a leg is flat or the two share too few candles. Where x explains y all but perfectly (see
    ``COLLINEAR``) the statistic is −inf with p = 0, as in statsmodels' ``coint``, and what describes the residual is
    NaN. A test that has no answer for another reason is NaN.
    """

    y: Ints  # row of each leg in what was given
    x: Ints
    beta: Floats  # hedge ratio: notional of X per notional of Y
    corr: Floats  # of the log returns inside the window
    stat: Floats  # Engle-Granger
    pvalue: Floats  # MacKinnon, two series
    resid_sd: Floats  # log units, N − 2 degrees of freedom
    z: Floats  # last residual / resid_sd
    half_life_bars: Floats  # AR(1) of the residual; infinite where nothing reverts

    def __len__(self) -> int:
        return len(self.y)

    def joined(self, more: PairFits) -> PairFits:
        """These pairs, then those of ``more``."""
        return PairFits(*(np.concatenate((getattr(self, f.name), getattr(more, f.name))) for f in fields(self)))


MEASURES: Final = len(fields(PairFits)) - 2  # columns that are measured


def fit_aligned(logs: Floats, y: Ints, x: Ints, bars: int, lags: int) -> PairFits:
    """Fit each pair over the newest ``bars`` rows in which both legs have a value.

    Parameters
    ----------
    logs : (m, n) float
        Log prices, one row a series, oldest first; NaN where an interval has no candle. Nothing is filled.
    y, x : (p,) int
        Rows of the legs.
    bars : int
        N.
    lags : int
        Lagged differences in the test, >= 0.

    Returns
    -------
    PairFits
        NaN where the two share fewer than N rows.
    """
    known = ~np.isnan(logs)
    out = np.full((MEASURES, len(y)), np.nan)
    step = max(1, CELLS // logs.shape[1])
    for a in range(0, len(y), step):
        left, right = y[a : a + step], x[a : a + step]
        both = known[left] & known[right]
        back = both[:, ::-1].cumsum(axis=1)[:, ::-1]  # how many common rows from here to the newest
        full = back[:, 0] >= bars
        newest = (both & (back <= bars))[full]
        one, other = (logs[leg[full]][newest].reshape(-1, bars) for leg in (left, right))
        out[:, a : a + step][:, full] = fit_each(one, other, lags)
    return PairFits(y, x, *out)


def fit_each(y: Floats, x: Floats, lags: int) -> Floats:
    """Fit y[k] on x[k] for each k.

    Parameters
    ----------
    y, x : (p, n) float, finite
        Log prices, oldest first.
    lags : int

    Returns
    -------
    (MEASURES, p) float
        The measured columns of ``PairFits``. Statistic and p equal ``stationarity.engle_granger`` within rounding.

    Notes
    -----
    Engle and Granger (1987); MacKinnon (1994, 2010). Modified Gram-Schmidt with the target last, as there.
    """
    n = y.shape[1]
    if not len(y):
        return np.empty((MEASURES, 0))
    flat = (y.max(axis=1) == y.min(axis=1)) | (x.max(axis=1) == x.min(axis=1))
    y, x = y - y.mean(axis=1, keepdims=True), x - x.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # such pairs are set to NaN below
        beta = _dot(x, y) / _dot(x, x)
        e = y - beta[:, None] * x
        ssr = _dot(e, e)
        stat = _level_t(e, lags)
        change = np.diff(e, axis=1)
        resid_sd = np.sqrt(ssr / (n - 2))
        half = half_life_bars(ssr, e[:, 0], e[:, -1], _dot(change, change), n)
        out = np.stack((beta, _return_corr(y, x), stat, mackinnon_p(stat, 2), resid_sd, e[:, -1] / resid_sd, half))
    out[2:, ~(ssr > COLLINEAR * _dot(y, y))] = np.array([-np.inf, 0.0, np.nan, np.nan, np.nan])[:, None]
    out[:, flat] = np.nan
    return out


def half_life_bars(ssr: Floats, first: Floats, last: Floats, squares: Floats, n: int) -> Floats:
    """Half-life of n residuals that add up to zero, as ``stationarity.half_life`` has it, from their sums alone.

    Parameters
    ----------
    ssr, squares : float arrays
        Sums of squared residuals and of their squared changes.
    first, last : float arrays
        The residuals at both ends: Σ e(t−1) and Σ e(t−1)Δe(t) telescope to them.
    """
    mean_level = -last / (n - 1)
    covered = (last * last - first * first - squares) / 2 - mean_level * (last - first)
    phi = covered / (ssr - last * last + mean_level * last)
    bars: Floats = -np.log(2.0) / np.log1p(np.clip(phi, -1.0, 0.0))
    return np.abs(np.where(np.isnan(phi), np.nan, bars))  # the sign of an infinity that a phi of −0 leaves


def last_t(gram: Gram, nobs: int) -> tuple[Floats, Bools]:
    """The t of a regression's last regressor, from products; and where its digits hold.

    Parameters
    ----------
    gram : Gram
        Upper triangle: the regressors, the one asked for last of them, then the target.
    nobs : int

    Notes
    -----
    Digits hold where enough of the target is left. Regressors that repeat one another leave nothing of it either, for
    here they and the target are one series at different lags.
    """
    g = dict(gram)
    target = max(g)[0]
    for k in range(target - 1):  # take each regressor out of everything after it
        for a in range(k + 1, target + 1):
            ratio = g[k, a] / g[k, k]
            for b in range(a, target + 1):
                g[a, b] = g[a, b] - ratio * g[k, b]
    level = target - 1
    coefficient = g[level, target] / g[level, level]
    rest = g[target, target] - coefficient * g[level, target]
    stat: Floats = coefficient * np.sqrt(g[level, level] / rest * (nobs - target))
    return stat, rest > SURE * gram[target, target]


def _level_t(e: Floats, lags: int) -> Floats:
    """The t of the level in Δe ~ lagged Δe + level, one regression a row."""
    change = np.diff(e, axis=1)
    n = change.shape[1]
    a = np.empty((len(e), lags + 2, n - lags))
    for i in range(1, lags + 1):
        a[:, i - 1] = change[:, lags - i : n - i]
    a[:, lags], a[:, lags + 1] = e[:, lags:-1], change[:, lags:]
    products = a @ a.transpose(0, 2, 1)
    stat, sure = last_t({(k, j): products[:, k, j] for k in range(lags + 2) for j in range(k, lags + 2)}, n - lags)
    stat[~sure] = _last_t_from_rows(a[~sure])
    return stat


def _last_t_from_rows(a: Floats) -> Floats:
    """As ``last_t``, from (p, c, n) regressors and target: modified Gram-Schmidt, for what products cannot tell.

    NaN where nothing is left of the target but rounding.
    """
    last = a.shape[1] - 1
    whole = _dot(a[:, last], a[:, last])
    ratio = length = np.empty(0)
    for j in range(last):
        length = _dot(a[:, j], a[:, j])
        ratios = np.matmul(a[:, j + 1 :], a[:, j, :, None])[:, :, 0] / length[:, None]
        a[:, j + 1 :] -= ratios[:, :, None] * a[:, None, j]
        ratio = ratios[:, 0]
    rest = _dot(a[:, last], a[:, last])
    stat = ratio * np.sqrt(length / rest * (a.shape[2] - last))
    return np.where(rest > 1e-20 * whole, stat, np.nan)


def _return_corr(y: Floats, x: Floats) -> Floats:
    a, b = np.diff(y, axis=1), np.diff(x, axis=1)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    r: Floats = np.clip(_dot(a, b) / np.sqrt(_dot(a, a) * _dot(b, b)), -1.0, 1.0)
    return r


def _dot(a: Floats, b: Floats) -> Floats:
    rows: Floats = np.matmul(a[:, None], b[:, :, None])[:, 0, 0]
    return rows
