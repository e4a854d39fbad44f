"""A second opinion on the few pairs that pass: the same test with errors that know that volatility comes in clusters.

MacKinnon's table is for noise of one size. Where calm and storm take turns, a few large moves can carry the t of a
whole window; far out in the tail, where a scan of thousands of pairs looks, that names pairs that are not related.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.types import Floats, Ints

CELLS: Final = 262_144  # values of one leg worked on at a time


def robust_t(logs: Floats, y: Ints, x: Ints, bars: int, lags: int) -> Floats:
    """Engle-Granger's t of each pair with heteroskedasticity-consistent errors.

    Parameters
    ----------
    logs : (m, n) float
        Log prices, one row a series, oldest first; NaN where an interval has no candle.
    y, x : (p,) int
        Rows of the legs; each pair has at least ``bars`` common rows and a residual that can be tested.
    bars : int
        N, the newest common rows.
    lags : int

    Returns
    -------
    (p,) float

    Notes
    -----
    HC3 of MacKinnon and White (1985): each squared error is divided by (1 − leverage)², as if that row had been left
    out.
    """
    out = np.empty(len(y))
    step = max(1, CELLS // max(logs.shape[1], 1))
    for a in range(0, len(y), step):
        one, other = logs[y[a : a + step]], logs[x[a : a + step]]
        both = ~(np.isnan(one) | np.isnan(other))
        newest = both & (both[:, ::-1].cumsum(axis=1)[:, ::-1] <= bars)
        out[a : a + step] = _level_t(_residuals(one[newest].reshape(-1, bars), other[newest].reshape(-1, bars)), lags)
    return out


def _residuals(y: Floats, x: Floats) -> Floats:
    y, x = y - y.mean(axis=1, keepdims=True), x - x.mean(axis=1, keepdims=True)
    e: Floats = y - ((x * y).sum(axis=1) / (x * x).sum(axis=1))[:, None] * x
    return e


def _level_t(e: Floats, lags: int) -> Floats:
    """The t of the level in Δe ~ level + lagged Δe."""
    change = np.diff(e, axis=1)
    n = change.shape[1]
    rows = np.stack([e[:, lags:-1], *(change[:, lags - i : n - i] for i in range(1, lags + 1))], axis=2)
    target = change[:, lags:]
    q, r = np.linalg.qr(rows)
    in_q = np.einsum("pnk,pn->pk", q, target)
    error = target - np.einsum("pnk,pk->pn", q, in_q)
    left_out = error / (1.0 - np.einsum("pnk,pnk->pn", q, q))
    level = np.linalg.inv(r)[:, 0]  # the level's coefficient is this combination of what q carries
    weight = np.einsum("pnk,pk->pn", q, level)  # and that one of the target's rows
    t: Floats = np.einsum("pk,pk->p", level, in_q) / np.sqrt(np.einsum("pn,pn->p", weight**2, left_out**2))
    return t
