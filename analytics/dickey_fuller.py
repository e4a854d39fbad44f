"""The Dickey-Fuller regression of many series at once: the number of lagged differences, and the t of the level.

Series are rows (m, n), and none's numbers depend on what it is computed beside: to the bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.errors import DegenerateData, NotEnoughData
from core.types import Floats, Ints

CLOSE: Final = 1e-6  # two criteria nearer than this are told apart by the slower sums, to the bit
PIVOT: Final = 1e-6  # of what a column was, left after the columns before it: below, rounding may speak


def aic_lags(e: Floats, most: int, constant: bool) -> Ints:
    """(m,) lags of 0 … ``most`` with the least AIC, all fitted to the same observations; the fewest of equals.

    From the sums of products of the columns, which follow from one another along the diagonals. Only an order is read
    off them: where rounding could decide it, the regression itself does.

    Raises
    ------
    DegenerateData
        The differences of a series repeat one another, or explain it without remainder.
    """
    if not most:
        return np.zeros(len(e), np.int64)
    aic = _aic(e, most, constant)
    least, second = np.partition(aic, 1, axis=1)[:, :2].T
    for k in np.flatnonzero(~(second - least >= CLOSE)).tolist():
        aic[k] = _aic_by_columns(e[k : k + 1], most, constant)
    lags: Ints = np.argmin(aic, axis=1)
    return lags


def level_t(e: Floats, lags: int, constant: bool) -> tuple[Floats, int]:
    """(m,) the t of the level in Δe ~ level + lagged Δ (+ constant), and the number of observations.

    Raises
    ------
    NotEnoughData, DegenerateData
    """
    rows = _columns(e, lags, constant)
    rows = np.concatenate(
        (rows[:, 1:-1], rows[:, :1], rows[:, -1:]), axis=1
    )  # the level next to last: its t is read off
    n = rows.shape[2]
    spare = n - (lags + 1) - int(constant)
    if spare < 1:
        raise NotEnoughData(needed=e.shape[1] + 1 - spare, got=e.shape[1])
    r, lengths = _orthogonalised(rows)
    variance = lengths[:, -1] / spare
    if not (variance > 0).all():
        raise DegenerateData("the series is explained without remainder")
    t: Floats = r[:, -2, -1] * np.sqrt(lengths[:, -2] / variance)
    return t, n


def _aic(e: Floats, most: int, constant: bool) -> Floats:
    """(m, most + 1) criteria; NaN where the sums cannot tell."""
    g, n = _products(e, most, constant)
    # The last row of the triangle holds the target along each column cleared of those before it.
    triangle = _triangles(g)
    squares = triangle[:, -1] ** 2
    with np.errstate(invalid="ignore"):
        sure = (triangle.diagonal(axis1=1, axis2=2) ** 2 >= PIVOT * g.diagonal(axis1=1, axis2=2)).all(axis=1)
    squares[~sure] = np.nan
    return _criteria(_left(squares[:, :-1], squares[:, -1]), n)


def _triangles(g: Floats) -> Floats:
    """Cholesky's; NaN for a matrix that has none."""
    try:
        triangles = np.linalg.cholesky(g)
    except np.linalg.LinAlgError:
        if len(g) == 1:
            return np.full_like(g, np.nan)
        return np.concatenate([_triangles(one[None]) for one in g])
    return np.asarray(triangles, np.float64)


def _aic_by_columns(e: Floats, most: int, constant: bool) -> Floats:
    rows = _columns(e, most, constant)
    r, lengths = _orthogonalised(rows)
    ssr = _left(r[:, :-1, -1] ** 2 * lengths[:, :-1], lengths[:, -1])
    if not ssr.min() > 0:
        raise DegenerateData("the series is explained without remainder")
    return _criteria(ssr, rows.shape[2])


def _left(gained: Floats, left: Floats) -> Floats:
    """The squared residual with 0, 1, … lags, from what each column takes off it, in this order; the level first."""
    ssr: Floats = left[:, None] + (gained[:, ::-1].cumsum(axis=1)[:, ::-1] - gained)
    return ssr


def _criteria(ssr: Floats, n: int) -> Floats:
    aic: Floats = n * np.log(ssr) + 2.0 * np.arange(ssr.shape[1])
    return aic


def _products(e: Floats, lags: int, constant: bool) -> tuple[Floats, int]:
    """Sums of products (m, c, c) of the columns below, and the number of observations."""
    change = np.diff(e, axis=1)
    m, n = len(e), change.shape[1] - lags
    level = e[:, lags:-1]
    # Of the level, the target and Δ at lags 1 … ``lags``, in this order; the upper half is filled. A library's dot
    # product will do: its rounding is not read off.
    g = np.zeros((m, lags + 2, lags + 2))
    for k in range(m):
        g[k, 0, 1:] = np.correlate(change[k], level[k])[::-1]
        g[k, 1, 1:] = np.correlate(change[k], change[k, lags:])[::-1]
    g[:, 0, 0] = (level * level).sum(axis=1)
    # One lag more on both sides: the same products, one added in front and one dropped behind.
    front, behind = change[:, :lags][:, ::-1], change[:, n:][:, ::-1]
    moved = front[:, :, None] * front[:, None] - behind[:, :, None] * behind[:, None]
    for i in range(lags):
        g[:, i + 2, i + 2 :] = g[:, i + 1, i + 1 : -1] + moved[:, i, i:]
    if constant:
        back = lags - np.arange(lags + 1)
        sums = np.concatenate((level.sum(axis=1)[:, None], e[:, back + n] - e[:, back]), axis=1)
        g -= sums[:, :, None] * sums[:, None] / n
    order = np.array([0, *range(2, lags + 2), 1])  # the target last
    return g[:, np.minimum.outer(order, order), np.maximum.outer(order, order)], n


def _columns(e: Floats, lags: int, constant: bool) -> Floats:
    """(m, c, n): level, Δ at lags 1 … ``lags``, and Δ itself last, on their shared observations; less their means."""
    change = np.diff(e, axis=1)
    n = change.shape[1]
    lagged = (change[:, lags - i : n - i] for i in range(1, lags + 1))
    rows = np.stack([e[:, lags:-1], *lagged, change[:, lags:]], axis=1)
    return rows - rows.mean(axis=2, keepdims=True) if constant else rows


def _orthogonalised(rows: Floats) -> tuple[Floats, Floats]:
    """Modified Gram-Schmidt: each row less its part along the rows above. Returns R (m, c, c), squared lengths (m, c).

    Written out in elementwise operations: a linear-algebra library may add in another order on another machine or
    thread count, and journal rows are compared to the bit. Putting the target last makes it as stable as
    Householder's QR (Björck 1967).
    """
    a = rows.copy()
    m, c, _ = a.shape
    whole = (a * a).sum(axis=2)
    r = np.tile(np.eye(c), (m, 1, 1))
    lengths = np.empty((m, c))
    for j in range(c):
        row = a[:, j]
        lengths[:, j] = (row * row).sum(axis=1)
        if j + 1 < c:
            if not (lengths[:, j] > 1e-20 * whole[:, j]).all():
                raise DegenerateData("the lagged differences repeat one another: the regression has no answer")
            below = a[:, j + 1 :]
            r[:, j, j + 1 :] = (below * row[:, None]).sum(axis=2) / lengths[:, j, None]
            below -= r[:, j, j + 1 :, None] * row[:, None]
    return r, lengths
