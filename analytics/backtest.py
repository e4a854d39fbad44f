"""walk_forward(): what the rule would have said at every candle of a history, and what its trades returned.

The same words as ``decide``, evaluated for all rows at once; a test holds the two together row by row. Fits, records
and verdicts of a row know nothing after it; trades are filled at the next close, in and out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analytics.excursions import entries
from analytics.params import MIN_BETA, NEEDED, REARM_Z, RELATED_P, SIGMAS, WEAK_CORR, Params
from analytics.record import Excursion, clean_rows, close_out, past_excursions
from analytics.report import PairReport
from analytics.rolling import Fits, fit_rows, residuals_at
from analytics.spread import gross_per_unit
from analytics.stationarity import adf
from core.errors import DataError
from core.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Trade:
    """One alert that was taken. Bps of gross notional."""

    row: int  # the look
    exit_row: int  # the look that ended it
    side: int  # 1: the spread was sold
    shown_bps: float  # E, the edge on the screen
    promised_bps: float  # what the preset lets one expect, net of cost: the lower bound (evidence), E − cost (classic)
    middle_bps: float  # κE − cost: the record's own middle; NaN for classic
    gross_bps: float  # what it returned


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """(n,) rows: ``judged`` where the verdict rests on no unknown, ``tradable`` where it is TRADABLE."""

    judged: Bools
    tradable: Bools
    alerts: Bools  # tradable rows that a fresh excursion begins with: what would have been sent
    trades: tuple[Trade, ...]  # closed ones, one at a time
    free: int  # excursions that could have been traded, their record mature (evidence)
    flagged: int  # those that were TRADABLE at their entry
    kappa: Floats  # (n,) the record as of each row
    lower: Floats  # (n,) its lower bound; NaN while thin


def walk_forward(report: PairReport, cost_bps: float, first_row: int = 0, clean_decides: bool = True) -> Walk:
    """Run the report's preset over its own history.

    Parameters
    ----------
    report : PairReport
        Of the whole history.
    cost_bps : float
        Of a round trip, bps of gross notional, the same throughout.
    first_row : int
        Judge from this row on; earlier rows are history only.
    clean_decides : bool
        False leaves the clean-data check out, to measure what it is worth.

    Returns
    -------
    Walk
    """
    p = report.params
    n = report.have_bars
    clean = clean_rows(report) if clean_decides else np.arange(n) >= p.need_bars - 1
    since = np.arange(n) >= max(first_row, p.need_bars - 1)
    if p.preset == "classic":
        return _classic(report, cost_bps, clean, since)
    return _evidence(report, cost_bps, clean, since)


def _evidence(report: PairReport, cost_bps: float, clean: Bools, since: Bools) -> Walk:
    p, fits = report.params, report.log_fits
    found, leaving, current = past_excursions(report.y, report.x, fits.z, fits.spread, fits.beta, clean, p)
    count, kappa, lower = record_rows(found, p, report.have_bars)
    mature = since & clean & (count >= NEEDED)
    judged = mature | (since & ~clean)  # unclean data are judged whatever the record
    edge = np.abs(fits.spread) / (1.0 + np.abs(fits.beta)) * 1e4
    with np.errstate(invalid="ignore"):
        pays = lower * edge > cost_bps
        related = clean & (fits.beta > MIN_BETA) & (report.eg_pvalue < RELATED_P) & ~(report.corr < WEAK_CORR)
    opens = entries(fits.z, p.entry_z, p.stop_z, p.lookback)
    tradable = mature & related & opens & pays
    taken = [e for e in found if tradable[e.row]]
    unfinished = [e for e in (leaving, current) if e is not None]
    free = [e for e in [*found, *unfinished] if mature[e.row]]
    return Walk(
        judged=judged,
        tradable=tradable,
        alerts=tradable,
        trades=tuple(_trade(e, cost_bps, float(lower[e.row]), float(kappa[e.row])) for e in taken),
        free=len(free),
        flagged=sum(bool(tradable[e.row]) for e in free),
        kappa=kappa,
        lower=lower,
    )


def record_rows(found: list[Excursion], params: Params, n: int) -> tuple[Ints, Floats, Floats]:
    """The record as of every row: excursions that count by then, κ, and its lower bound (NaN while thin)."""
    matures = np.array([e.row + params.fit_bars + 1 for e in found], np.int64)
    g, shown = np.array([e.gross_bps for e in found]), np.array([e.shown_bps for e in found])
    count = np.searchsorted(matures, np.arange(n), side="right")
    sums = [np.concatenate(([0.0], np.cumsum(v))) for v in (g, shown, g * g, g * shown, shown * shown)]
    k = np.arange(len(found) + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = sums[0] / sums[1]
        squares = sums[2] - 2.0 * kappa * sums[3] + kappa * kappa * sums[4]
        lower = kappa - SIGMAS * np.sqrt(k / (k - 1) * np.maximum(squares, 0.0)) / sums[1]
    lower[:NEEDED] = np.nan
    return count, kappa[count], lower[count]


def _classic(report: PairReport, cost_bps: float, clean: Bools, since: Bools) -> Walk:
    p = report.params
    n, z = report.have_bars, report.z_roll
    with np.errstate(invalid="ignore"):
        candidate = since & clean & (report.log_fits.beta > MIN_BETA) & (np.abs(z) >= p.entry_z)
        candidate &= report.corr >= WEAK_CORR
    y, x, fits = np.log(report.y), np.log(report.x), report.log_fits
    if p.price_units:
        y, x = report.y, report.x
        fits = fit_rows(y, x, p.fit_bars, report.open_ms // report.step_ms)
    tradable = np.zeros(n, np.bool_)
    for i in np.flatnonzero(candidate):
        tradable[i] = _adf_passes(y, x, fits, int(i))
    alerts = np.zeros(n, np.bool_)
    trades: list[Trade] = []
    open_trade: Excursion | None = None
    armed, before = True, float("nan")
    for i in np.flatnonzero(since)[:-1].tolist():  # a fill needs the next close
        if open_trade is not None and (z[i] * open_trade.side <= p.exit_z or i == open_trade.row + p.fit_bars):
            done = replace(open_trade, exit_row=i)
            trades.append(_trade(close_out(done, float(report.y[i + 1]), float(report.x[i + 1])), cost_bps))
            open_trade = None
        armed = armed or abs(z[i]) < REARM_Z or z[i] * before < 0
        before = z[i]
        if tradable[i] and armed:
            alerts[i], armed = True, False
            open_trade = open_trade or _opened(report, i)
    none = np.full(n, np.nan)
    return Walk(since, tradable, alerts, tuple(trades), 0, 0, none, none)


def _adf_passes(y: Floats, x: Floats, fits: Fits, row: int) -> bool:
    residuals = residuals_at(y, x, fits, row)
    try:
        return residuals is not None and adf(residuals).pvalue < RELATED_P
    except DataError:
        return False


def _opened(report: PairReport, row: int) -> Excursion:
    y, x, beta = float(report.y[row]), float(report.x[row]), float(report.beta[row])
    units = report.params.price_units
    z = float(report.z_roll[row])
    shown = abs(z) * float(report.z_sd[row]) / gross_per_unit(y, x, beta, units) * 1e4
    ratio = beta * x / y if units else beta  # of notionals
    return Excursion(row, 1 if z > 0 else -1, ratio, shown, float(report.y[row + 1]), float(report.x[row + 1]))


def _trade(e: Excursion, cost_bps: float, lower: float = 1.0, kappa: float = float("nan")) -> Trade:
    return Trade(
        row=e.row,
        exit_row=e.exit_row,
        side=e.side,
        shown_bps=e.shown_bps,
        promised_bps=lower * e.shown_bps - cost_bps,
        middle_bps=kappa * e.shown_bps - cost_bps,
        gross_bps=e.gross_bps,
    )
