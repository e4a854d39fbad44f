"""The hedge fit and Engle-Granger test of every pair of a market at once, by a few matrix products.

A residual is y − βx of centred prices, so that each sum its Dickey-Fuller regression needs is a quadratic form in
(1, −β) of sums over the two legs, and those sums for all pairs are matrix products. With 2 lags four products do:
level by level, and change by change 0, 1 and 2 bars apart. The rest telescopes to the window's ends.

Where a form takes nearly everything off what it starts from, its digits are gone; such pairs (near-collinear legs,
a residual that is one jump at the end) are fitted again from their rows by ``scan_fits``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.scan_fits import CELLS, MEASURES, SURE, Gram, PairFits, fit_each, half_life_bars, last_t
from analytics.stationarity import mackinnon_p
from core.types import Bools, Floats

BLOCK: Final = 16_384  # pairs worked on at a time: temporaries of 128 KiB


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    """What the products are made of, for m series of n rows."""

    level: Floats  # (m, n) centred log prices
    change: Floats  # (m, n − 1)
    around: Floats  # (lags + 1, m, n − 1) change h bars before plus change h bars after
    squares: Floats  # (m,) Σ level²
    own: Floats  # (lags + 1, m) Σ change(t) change(t − h)

    @classmethod
    def of(cls, logs: Floats, lags: int) -> _Market:
        level = logs - logs.mean(axis=1, keepdims=True)
        change = np.diff(level, axis=1)
        around = np.zeros((lags + 1, *change.shape))
        around[0] = 2.0 * change
        for h in range(1, lags + 1):
            around[h, :, h:] += change[:, :-h]
            around[h, :, :-h] += change[:, h:]
        own = np.einsum("mt,hmt->hm", change, around) / 2
        return cls(level, change, around, np.einsum("mt,mt->m", level, level), own)


def fit_all(logs: Floats, lags: int, both_directions: bool = False) -> PairFits:
    """Fit every pair of rows: the later row is Y, the earlier one X; then also the other way round if wanted.

    Parameters
    ----------
    logs : (m, n) float, finite
        Log prices, one row a series, oldest first; no row flat.
    lags : int
        Lagged differences in the test, >= 0.
    both_directions : bool
        Every ordered pair.

    Returns
    -------
    PairFits
        Of m(m−1)/2 pairs, or m(m−1). Statistic and p equal ``stationarity.engle_granger`` to 1e-8 and better; not to
        the bit, for a linear-algebra library adds in its own order.

    Notes
    -----
    Engle and Granger (1987); MacKinnon (1994, 2010), two series, constant. Memory beyond the result is a multiple of
    ``logs`` and of ``BLOCK``, whatever the number of pairs.
    """
    m, n = logs.shape
    if m < 2:
        none = np.empty(0, np.int64)
        return PairFits(none, none, *np.empty((MEASURES, 0)))
    market = _Market.of(logs, lags)
    count = m * (m - 1) // (1 if both_directions else 2)
    y, x = np.empty(count, np.int64), np.empty(count, np.int64)
    out = np.empty((MEASURES, count))
    sure = np.empty(count, np.bool_)
    at = 0
    for rows, cols in _blocks(m, both_directions):
        i, j = np.arange(m)[rows, None], np.arange(m)[None, cols]
        wanted = j != i if both_directions else j > i
        to = slice(at, at + int(wanted.sum()))
        y[to], x[to] = (np.broadcast_to(leg, wanted.shape)[wanted] for leg in (j, i))
        with np.errstate(all="ignore"):  # what overflows or divides by nothing is not sure
            columns, good = _fit_block(market, rows, cols, lags)
        for into, column in zip(out, columns, strict=True):
            into[to] = column[wanted]
        sure[to] = good[wanted]
        at = to.stop
    again = np.flatnonzero(~sure)
    step = max(1, CELLS // n)
    for a in range(0, len(again), step):
        some = again[a : a + step]
        out[:, some] = fit_each(logs[y[some]], logs[x[some]], lags)
    return PairFits(y, x, *out)


def _blocks(m: int, both_directions: bool) -> Iterator[tuple[slice, slice]]:
    """Rows (the X of their pairs) and columns (the Y) of about ``BLOCK`` pairs each."""
    i = 0
    while i < m - (not both_directions):
        first = 0 if both_directions else i
        rows = max(1, BLOCK // (m - first))
        yield slice(i, min(i + rows, m)), slice(first, m)
        i += rows


def _fit_block(market: _Market, rows: slice, cols: slice, lags: int) -> tuple[tuple[Floats, ...], Bools]:
    """The measured columns of ``PairFits`` for X in ``rows`` and Y in ``cols``, as matrices; and which are sure."""
    n = market.level.shape[1]
    level_y, level_x = market.level[cols], market.level[rows]
    shared = level_x @ level_y.T
    beta = shared / market.squares[rows, None]
    ssr = market.squares[cols] - beta * shared
    products = market.change[rows] @ market.around[:, cols].transpose(0, 2, 1)
    own_y, own_x = market.own[:, cols], market.own[:, rows, None]
    forms = [own_y[h] - beta * (products[h] - beta * own_x[h]) for h in range(lags + 1)]

    def residual(t: int) -> Floats:
        e: Floats = level_y[:, t] - beta * level_x[:, t, None]
        return e

    head = [residual(k) for k in range(lags + 1)]
    tail = [residual(n - 1 - k) for k in range(lags + 1)]
    gram = _gram(forms, ssr, head, tail)
    size = lags + 1  # the change's own place; the level stands before it
    sure = ssr > SURE * market.squares[cols]
    sure &= forms[0] > SURE * (own_y[0] + beta * beta * own_x[0])
    for a in (*range(lags), size):
        sure &= gram[a, a] > SURE * forms[0]
    stat, good = last_t(gram, n - 1 - lags)
    resid_sd = np.sqrt(ssr / (n - 2))
    half = half_life_bars(ssr, head[0], tail[0], forms[0], n)
    corr = _return_corr(market, rows, cols, products[0] / 2)
    return (beta, corr, stat, mackinnon_p(stat, 2), resid_sd, tail[0] / resid_sd, half), sure & good


def _gram(forms: list[Floats], ssr: Floats, head: list[Floats], tail: list[Floats]) -> Gram:
    """The regression's products from sums over the whole window less the few terms at its ends.

    ``forms[h]`` is Σ Δe(t)Δe(t−h) wherever both exist; the regression's observations leave out the first ``lags``
    changes, and a change lagged by a also the last a.
    """
    lags = len(forms) - 1
    early = [head[k + 1] - head[k] for k in range(lags)]  # the first changes, in order of time
    late = [tail[k] - tail[k + 1] for k in range(lags)]  # the last changes, newest first
    d: Gram = {}  # Σ Δe(t−a) Δe(t−b), a <= b
    for h, form in enumerate(forms):
        for a in range(lags - h + 1):
            total = form
            for u in range(h, lags - a):
                total = total - early[u] * early[u - h]
            for u in range(a):
                total = total - late[u] * late[u + h]
            d[a, a + h] = total
    first = [e * e for e in head]
    last = [e * e for e in tail]
    level = ssr - last[0]
    for e in first[:-1]:
        level = level - e
    g: Gram = {(lags, lags): level, (lags + 1, lags + 1): d[0, 0]}
    g[lags, lags + 1] = (last[0] - first[lags] - d[0, 0]) / 2  # Σ e(t−1)Δe(t) telescopes
    for a in range(1, lags + 1):
        for b in range(a, lags + 1):
            g[a - 1, b - 1] = d[a, b]
        g[a - 1, lags + 1] = d[0, a]
        # Σ e(t−a)Δe(t−a) telescopes too; e(t−1) is e(t−a) plus the changes between
        cross = (last[a] - first[lags - a] + d[a, a]) / 2
        for b in range(1, a):
            cross = cross + d[b, a]
        g[a - 1, lags] = cross
    return g


def _return_corr(market: _Market, rows: slice, cols: slice, products: Floats) -> Floats:
    n = market.change.shape[1]
    drift = (market.level[:, -1] - market.level[:, 0]) / n
    spread = np.sqrt(market.own[0] - n * drift * drift)
    r: Floats = (products - n * drift[rows, None] * drift[cols]) / (spread[rows, None] * spread[cols])
    return np.clip(r, -1.0, 1.0, out=r)
