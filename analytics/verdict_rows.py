"""What the rule says at every row of a history: decide(), row by row, in one pass. Causal; no trades, no prices.

The checks are the same, written for columns. A test holds the two together: ``decide`` on the cut data gives the
verdict of the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.adf_rows import adf_rows
from analytics.costs import CostSplit
from analytics.excursions import entries
from analytics.params import MIN_BETA, NEEDED, REARM_Z, RELATED_P, WEAK_CORR
from analytics.record import Excursion, clean_rows, estimates, past_excursions, span_ms
from analytics.report import PairReport
from analytics.spread import edge_bps, gross_per_unit
from analytics.verdict import Verdict
from core.types import Bools, Floats, Ints

VERDICTS: Final = tuple(Verdict)
NOT_JUDGED: Final = -1

RowCosts = Callable[[int, float | None], CostSplit | None]
"""(row, the record's mean hold in seconds) -> a round trip as known at that look; None where nothing can be traded."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordRows:
    """(n,) the pair's own record as of each row, as ``record_of(...).summary()`` of the cut history gives it."""

    count: Ints  # mature, non-overlapping excursions of the span
    kappa: Floats  # NaN without any
    lower: Floats  # κ − 2.33 se; NaN while there are fewer than needed
    hold_s: Floats  # mean hold; NaN without any
    found: tuple[Excursion, ...]  # closed by the history's end, mature or not
    unfinished: tuple[Excursion, ...]  # entered, and not out yet


@dataclass(frozen=True, slots=True, eq=False)
class VerdictRows:
    """(n,) what was said at each row, and which rows may open a position."""

    code: NDArray[np.int8]  # index into VERDICTS; −1: a row of the history before, not judged
    entry: Bools  # TRADABLE at the one look of its excursion that is an entry
    z: Floats  # what the preset enters and leaves by
    record: RecordRows | None  # None where it decides nothing (classic)

    def at(self, row: int) -> Verdict | None:
        """The verdict of one row."""
        return None if self.code[row] == NOT_JUDGED else VERDICTS[self.code[row]]

    def rows_of(self, verdict: Verdict) -> Bools:
        """(n,) whether a row was given this verdict."""
        is_it: Bools = self.code == VERDICTS.index(verdict)
        return is_it


def verdict_rows(
    report: PairReport,
    costs: RowCosts,
    *,
    first_row: int = 0,
    clean_decides: bool = True,
    record_decides: bool = True,
) -> VerdictRows:
    """Judge every row of a report by its preset.

    Parameters
    ----------
    report : PairReport
        Of the whole history. Rows are aligned candles, so that no leg is ever older than the other: NO DATA does not
        occur.
    costs : RowCosts
        Asked only for rows at which nothing but the cost is open.
    first_row : int
        Judge from this row on; earlier rows are history only.
    clean_decides, record_decides : bool
        False leaves the clean-data check out, or has any mature record pass, to measure what these checks are worth.

    Returns
    -------
    VerdictRows
        Row i rests on rows up to i alone.
    """
    n, need = report.have_bars, report.need_bars
    at = np.arange(n)
    clean = clean_rows(report) if clean_decides else at >= need - 1
    judged = at >= max(first_row, need - 1)
    if report.params.preset == "classic":
        rows = _classic(report, clean, judged)
    else:
        rows = _evidence(report, costs, clean, judged, record_decides)
    rows.code[at < need - 1] = VERDICTS.index(Verdict.WARMING_UP)
    rows.code[:first_row] = NOT_JUDGED
    return rows


def record_rows(report: PairReport, clean: Bools) -> RecordRows:
    """The record as of every row, to the bit what adding the candles one by one gives.

    Parameters
    ----------
    report : PairReport
    clean : (n,) bool
        Whether the data were clean as of each row.
    """
    p, fits, open_ms = report.params, report.log_fits, report.open_ms
    found, leaving, current = past_excursions(open_ms, report.y, report.x, fits.z, fits.spread, fits.beta, clean, p)
    matures = np.array([e.row + p.fit_bars + 1 for e in found], np.int64)
    end = np.searchsorted(matures, np.arange(len(open_ms)), side="right")
    looks_ms = np.array([e.look_ms for e in found], np.int64)
    first = np.minimum(np.searchsorted(looks_ms, open_ms - span_ms(p)), end)
    other = np.ones(len(open_ms), np.bool_)  # rows whose record is not that of the row before
    other[1:] = (np.diff(first) != 0) | (np.diff(end) != 0)
    e, run = estimates(found, first[other], end[other], p), np.cumsum(other) - 1
    lower = np.where(e.n >= NEEDED, e.lower, np.nan)
    unfinished = tuple(e for e in (leaving, current) if e is not None)
    return RecordRows(e.n[run], e.kappa[run], lower[run], e.hold_s[run], tuple(found), unfinished)


def _evidence(report: PairReport, costs: RowCosts, clean: Bools, judged: Bools, record_decides: bool) -> VerdictRows:
    p, fits, z = report.params, report.log_fits, report.log_fits.z
    record = record_rows(report, clean)
    with np.errstate(invalid="ignore"):  # NaN passes no check, and fails none
        beyond = np.abs(z) >= p.entry_z
        hedgeable = fits.beta > MIN_BETA
        related, unrelated = report.eg_pvalue < RELATED_P, report.eg_pvalue >= RELATED_P
        weak = report.corr < WEAK_CORR
    trap = clean & beyond & (unrelated | weak)
    stretched = entries(z, p.entry_z, p.stop_z, p.lookback)
    candidate = judged & clean & hedgeable & related & ~trap & stretched & ~np.isnan(record.lower)
    tradable = np.zeros_like(judged)
    for i in np.flatnonzero(candidate).tolist():
        split = costs(i, float(record.hold_s[i]))
        if split is not None and not split.missing:
            pays = record.lower[i] * evidence_edge_bps(report, i) - split.hurdle_bps > 0
            tradable[i] = pays or not record_decides
    code = _codes(trap, clean & hedgeable & related, tradable)
    return VerdictRows(code, tradable, z, record)


def _classic(report: PairReport, clean: Bools, judged: Bools) -> VerdictRows:
    p, z = report.params, report.z_roll
    with np.errstate(invalid="ignore"):
        beyond = np.abs(z) >= p.entry_z
        hedgeable = report.log_fits.beta > MIN_BETA
        strong, weak = report.corr >= WEAK_CORR, report.corr < WEAK_CORR
        # Elsewhere the verdict is the same whatever the test says.
        open_ = np.flatnonzero(judged & clean & strong & (hedgeable | beyond))
        pvalue = np.full(len(z), np.nan)
        pvalue[open_] = adf_rows(report, open_)
        stationary, unsupported = pvalue < RELATED_P, pvalue >= RELATED_P
    trap = clean & beyond & (unsupported | weak)
    passed = clean & hedgeable & stationary & strong
    tradable = passed & beyond
    code = _codes(trap, passed, tradable)
    return VerdictRows(code, _first_of_each_excursion(tradable, z, judged), z, None)


def _codes(trap: Bools, passed: Bools, tradable: Bools) -> NDArray[np.int8]:
    """The verdict's order of precedence, from the last to the first."""
    code = np.full(len(trap), VERDICTS.index(Verdict.NOT_TRADABLE), np.int8)
    code[passed] = VERDICTS.index(Verdict.WAIT)
    code[tradable] = VERDICTS.index(Verdict.TRADABLE)
    code[trap] = VERDICTS.index(Verdict.TRAP)
    return code


def _first_of_each_excursion(tradable: Bools, z: Floats, judged: Bools) -> Bools:
    """Classic is TRADABLE for as long as z stays out; it is entered once, until |z| < 1 or a change of sign.

    An excursion that was on when judging began is entered: the recipe has no memory of it.
    """
    at = np.arange(len(z))
    with np.errstate(invalid="ignore"):
        over = np.abs(z) < REARM_Z
        over[1:] |= z[1:] * z[:-1] < 0
    since = np.maximum.accumulate(np.where(over, at, 0)) if len(z) else at
    newest = np.maximum.accumulate(np.where(tradable, at, -1)) if len(z) else at
    before = np.concatenate((np.array([-1]), newest[:-1])) if len(z) else at
    first: Bools = tradable & judged & (before < since)
    return first


def evidence_edge_bps(report: PairReport, row: int) -> float:
    """E at a row's look, of its log fit."""
    fits = report.log_fits
    return edge_bps(float(fits.z[row]) * float(fits.resid_sd[row]), float(fits.beta[row]))


def classic_edge_bps(report: PairReport, row: int) -> float:
    """What the rolling z shows at a row's look, bps of gross notional."""
    price_y, price_x, beta = float(report.y[row]), float(report.x[row]), float(report.beta[row])
    unit = gross_per_unit(price_y, price_x, beta, report.params.price_units)
    return abs(float(report.z_roll[row])) * float(report.z_sd[row]) / unit * 1e4


def shown_bps(report: PairReport, row: int) -> float:
    """The edge on the screen at a row's look, in the preset's own terms."""
    return (classic_edge_bps if report.params.preset == "classic" else evidence_edge_bps)(report, row)
