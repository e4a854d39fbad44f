"""What the rule said over a history and what its excursions returned, in bps of gross notional at one constant cost.

Simpler than ``analytics.backtest``, on purpose: filled at the next close like the record itself, without stop, so that
what was promised is compared with what was promised of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.costs import CostSplit
from analytics.params import NEEDED
from analytics.record import Excursion, clean_rows, close_out
from analytics.report import PairReport
from analytics.verdict import Verdict
from analytics.verdict_rows import VerdictRows, shown_bps, verdict_rows
from core.types import Bools, Floats


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


def walk_rule(report: PairReport, cost_bps: float, first_row: int = 0, clean_decides: bool = True) -> Walk:
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
    split = CostSplit(cost_bps, 0.0, 0.0)
    rows = verdict_rows(report, lambda _row, _hold_s: split, first_row=first_row, clean_decides=clean_decides)
    n = report.have_bars
    since = np.arange(n) >= max(first_row, report.need_bars - 1)
    tradable = rows.rows_of(Verdict.TRADABLE)
    record = rows.record
    if record is None:
        none = np.full(n, np.nan)
        return Walk(since, tradable, rows.entry, tuple(_classic_trades(report, rows, cost_bps)), 0, 0, none, none)
    mature = since & (record.count >= NEEDED)
    clean = clean_rows(report) if clean_decides else since
    free = [e for e in (*record.found, *record.unfinished) if mature[e.row]]
    return Walk(
        judged=mature | (since & ~clean),  # unclean data are judged whatever the record
        tradable=tradable,
        alerts=rows.entry,
        trades=tuple(
            _trade(e, cost_bps, float(record.lower[e.row]), float(record.kappa[e.row]))
            for e in record.found
            if tradable[e.row]
        ),
        free=len(free),
        flagged=sum(bool(tradable[e.row]) for e in free),
        kappa=record.kappa,
        lower=record.lower,
    )


def _classic_trades(report: PairReport, rows: VerdictRows, cost_bps: float) -> list[Trade]:
    p, z, n = report.params, report.z_roll, report.have_bars
    trades: list[Trade] = []
    free_from = 0
    for row in np.flatnonzero(rows.entry).tolist():
        if row < free_from:
            continue
        side = 1 if z[row] > 0 else -1
        with np.errstate(invalid="ignore"):
            over = np.flatnonzero(side * z[row + 1 : row + p.fit_bars] <= p.exit_z)
        exit_row = row + (int(over[0]) + 1 if len(over) else p.fit_bars)
        if exit_row >= n - 1:  # a fill needs the next close
            break
        free_from = exit_row
        beta = float(report.beta[row])
        ratio = beta * float(report.x[row]) / float(report.y[row]) if p.price_units else beta  # of notionals
        entered = Excursion(
            row,
            int(report.open_ms[row]),
            side,
            ratio,
            shown_bps(report, row),
            y_in=float(report.y[row + 1]),
            x_in=float(report.x[row + 1]),
            exit_row=exit_row,
        )
        done = close_out(entered, float(report.y[exit_row + 1]), float(report.x[exit_row + 1]))
        trades.append(_trade(done, cost_bps))
    return trades


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
