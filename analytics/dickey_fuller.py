"""The Dickey-Fuller regression of one series: the number of lagged differences, and the t of the level."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.errors import DegenerateData, NotEnoughData
from core.types import Floats

CLOSE: Final = 1e-6  # two criteria nearer than this are told apart by the slower sums, to the bit
PIVOT: Final = 1e-6  # of what a column was, left after the columns before it: below, rounding may speak


def aic_lags(e: Floats, most: int, constant: bool) -> int:
    """The lags of 0 … ``most`` with the least AIC, all fitted to the same observations; the fewest of equals.

    From the sums of products of the columns, which follow from one another along the diagonals. Only an order is read
    off them: where rounding could decide it, the regression itself does.

    Raises
    ------
    DegenerateData
        The differences repeat one another, or explain the series without remainder.
    """
    aic = _aic(e, most, constant)
    if aic is None or (np.partition(aic, 1)[1] if most else np.inf) - aic.min() < CLOSE:
        aic = _aic_by_columns(e, most, constant)
    return int(np.argmin(aic))


def level_t(e: Floats, lags: int, constant: bool) -> tuple[float, int]:
    """The t of the level in Δe ~ level + lagged Δ (+ constant), and the number of observations.

    Raises
    ------
    NotEnoughData, DegenerateData
    """
    rows = _columns(e, lags, constant)
    rows = np.concatenate((rows[1:-1], rows[:1], rows[-1:]))  # the level next to last: its t is then read off
    n = rows.shape[1]
    spare = n - (lags + 1) - int(constant)
    if spare < 1:
        raise NotEnoughData(needed=len(e) + 1 - spare, got=len(e))
    r, lengths = _orthogonalised(rows)
    variance = lengths[-1] / spare
    if not variance > 0:
        raise DegenerateData("the series is explained without remainder")
    return float(r[-2, -1] * np.sqrt(lengths[-2] / variance)), n


def _aic(e: Floats, most: int, constant: bool) -> Floats | None:
    """(most + 1,) criteria; None where the sums cannot tell."""
    g, n = _products(e, most, constant)
    try:
        # The last row of the triangle holds the target along each column cleared of those before it.
        triangle = np.linalg.cholesky(g)
    except np.linalg.LinAlgError:
        return None
    squares = triangle[-1] ** 2
    if (triangle.diagonal() ** 2 < PIVOT * g.diagonal()).any():
        return None
    return _criteria(squares[:-1], squares[-1], n)


def _aic_by_columns(e: Floats, most: int, constant: bool) -> Floats:
    rows = _columns(e, most, constant)
    r, lengths = _orthogonalised(rows)
    return _criteria(r[:-1, -1] ** 2 * lengths[:-1], lengths[-1], rows.shape[1])


def _criteria(gained: Floats, left: float, n: int) -> Floats:
    """AIC of each number of lags, from what each column takes off the squared residual, in this order."""
    ssr = left + (gained[::-1].cumsum()[::-1] - gained)
    if not ssr.min() > 0:
        raise DegenerateData("the series is explained without remainder")
    aic: Floats = n * np.log(ssr) + 2.0 * np.arange(len(ssr))
    return aic


def _products(e: Floats, lags: int, constant: bool) -> tuple[Floats, int]:
    """Sums of products (c, c) of the columns below, and the number of observations."""
    change = np.diff(e)
    n = len(change) - lags
    level = e[lags:-1]
    lagged = np.lib.stride_tricks.sliding_window_view(change, n)[::-1]  # row i: Δ at lag i, the target first
    g = np.zeros((lags + 2, lags + 2))  # the upper half is filled
    g[1, 1:] = (lagged * change[lags:]).sum(axis=1)
    # One lag more on both sides: the same products, one added in front and one dropped behind.
    front, behind = change[:lags][::-1], change[n:][::-1]
    moved = front[:, None] * front - behind[:, None] * behind
    for i in range(lags):
        g[i + 2, i + 2 :] = g[i + 1, i + 1 : -1] + moved[i, i:]
    g[0, 0], g[0, 1:] = (level * level).sum(), (lagged * level).sum(axis=1)
    if constant:
        sums = np.concatenate(([level.sum()], lagged.sum(axis=1)))
        g -= sums[:, None] * sums / n
    order = np.array([0, *range(2, lags + 2), 1])
    whole = np.triu(g) + np.triu(g, 1).T
    return whole[order[:, None], order], n


def _columns(e: Floats, lags: int, constant: bool) -> Floats:
    """Rows: level, Δ at lags 1 … ``lags``, and Δ itself last, on the observations they share; less their means."""
    change = np.diff(e)
    n = len(change)
    rows = np.stack([e[lags:-1], *(change[lags - i : n - i] for i in range(1, lags + 1)), change[lags:]])
    return rows - rows.mean(axis=1, keepdims=True) if constant else rows


def _orthogonalised(rows: Floats) -> tuple[Floats, Floats]:
    """Modified Gram-Schmidt: each row less its part along the rows above. Returns R (c, c) and squared lengths (c,).

    Written out in elementwise operations: a linear-algebra library may add in another order on another machine or
    thread count, and journal rows are compared to the bit. Putting the target last makes it as stable as
    Householder's QR (Björck 1967).
    """
    a = rows.copy()
    c = len(a)
    r = np.eye(c)
    lengths = np.empty(c)
    product = np.empty_like(a)
    for j in range(c):
        lengths[j] = (a[j] * a[j]).sum()
        if j + 1 < c:
            if not lengths[j] > 1e-20 * (rows[j] * rows[j]).sum():
                raise DegenerateData("the lagged differences repeat one another: the regression has no answer")
            below, part = a[j + 1 :], product[j + 1 :]
            np.multiply(below, a[j], out=part)
            r[j, j + 1 :] = part.sum(axis=1) / lengths[j]
            np.multiply(r[j, j + 1 :, None], a[j], out=part)
            below -= part
    return r, lengths
