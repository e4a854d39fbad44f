"""A pair's own past excursions, and what they really returned: the record that check 5 rests on.

An excursion begins at the look (row e) that would have been an entry: stretched, armed, clean, hedgeable, whatever
its p. In at the next close; out at the close after the look at which the refitted z has crossed back, or after N
candles. It counts once its N-candle limit has passed: counting every closed one would count the quick winners first.

``record_of`` evaluates a history at once; ``advance`` adds candles one at a time at constant cost. Both give the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analytics.excursions import Arming, entries
from analytics.params import MAX_STALE, MIN_BETA, NEEDED, SIGMAS, Params
from analytics.report import PairReport
from core.types import Bools, Floats, Ints

DAY_MS: Final = 86_400_000
NOT_ARMED: Final = Arming()


@dataclass(frozen=True, slots=True)
class Excursion:
    """One past trade of the rule. Rows count the aligned candles of the history it was found in."""

    row: int  # the look
    side: int  # 1: the spread was sold (z > 0); −1: bought
    beta: float  # legs fixed at the look: notional 1 : β
    shown_bps: float  # E, the edge shown: |z|·sd/(1 + |β|), bps of gross notional
    y_in: float = float("nan")  # closes of the next candle
    x_in: float = float("nan")
    exit_row: int = -1  # the look that ended it; −1: still open
    gross_bps: float = float("nan")  # g, what it returned, bps of gross notional

    @property
    def hold_bars(self) -> int:
        """From fill to fill."""
        return self.exit_row - self.row


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """The pair's own past excursions in short: what share of the edge shown was really returned."""

    excursions: int  # mature and non-overlapping
    needed: int
    kappa: float | None = None  # share of the edge shown that came back
    kappa_se: float | None = None
    lower_bound: float | None = None  # κ − 2.33·se
    days_to_go: float | None = None  # until ``needed`` are there, at the pace so far
    mean_hold_s: float | None = None
    mean_shown_bps: float | None = None
    mean_gross_bps: float | None = None
    first_ms: int | None = None  # the history it rests on
    newest_ms: int | None = None

    @property
    def mature(self) -> bool:
        """Whether there are enough of them to say anything."""
        return self.excursions >= self.needed


@dataclass(frozen=True, slots=True)
class Record:
    """Everything needed to add the next candle. A value: adding gives a new one."""

    params: Params
    rows: int = 0
    first_ms: int | None = None  # the first row with a z
    newest_ms: int | None = None
    arming: Arming = NOT_ARMED
    leaving: Excursion | None = None  # its exit look was the newest row: out at the next close
    current: Excursion | None = None  # entered, not yet out
    waiting: tuple[Excursion, ...] = ()  # out, but their N candles have not passed
    n: int = 0
    sum_g: float = 0.0
    sum_e: float = 0.0
    sum_gg: float = 0.0
    sum_ge: float = 0.0
    sum_ee: float = 0.0
    sum_hold: int = 0

    def summary(self) -> RecordSummary:
        """κ = Σg/ΣE, se = sqrt(n/(n−1)·Σ(g − κE)²)/ΣE, and how far along the record is."""
        n, days = self.n, self._days()
        if n == 0:
            return RecordSummary(0, NEEDED, first_ms=self.first_ms, newest_ms=self.newest_ms)
        kappa = self.sum_g / self.sum_e
        se = None
        if n > 1:
            squares = self.sum_gg - 2.0 * kappa * self.sum_ge + kappa * kappa * self.sum_ee
            se = float(np.sqrt(n / (n - 1) * max(squares, 0.0))) / self.sum_e
        return RecordSummary(
            excursions=n,
            needed=NEEDED,
            kappa=kappa,
            kappa_se=se,
            lower_bound=None if se is None else kappa - SIGMAS * se,
            days_to_go=max(0, NEEDED - n) * days / n,
            mean_hold_s=self.sum_hold / n * self.params.timeframe_s,
            mean_shown_bps=self.sum_e / n,
            mean_gross_bps=self.sum_g / n,
            first_ms=self.first_ms,
            newest_ms=self.newest_ms,
        )

    def _days(self) -> float:
        """Days in which an excursion that is mature by now could have begun."""
        if self.first_ms is None or self.newest_ms is None:
            return 0.0
        limit_ms = (self.params.fit_bars + 1) * self.params.timeframe_s * 1000
        return max(0.0, (self.newest_ms - limit_ms - self.first_ms) / DAY_MS)


def clean_rows(report: PairReport) -> Bools:
    """(n,) whether check 1 passes at each row."""
    clean: Bools = (report.incomplete_rows == 0) & (report.stale_rows <= MAX_STALE)
    return clean


def record_of(report: PairReport) -> Record:
    """The record of a whole history.

    Parameters
    ----------
    report : PairReport
        Of all stored candles of the pair.

    Returns
    -------
    Record
        Equal to adding the rows one by one.
    """
    fits, clean, p = report.log_fits, clean_rows(report), report.params
    found, leaving, current = past_excursions(report.y, report.x, fits.z, fits.spread, fits.beta, clean, p)
    known = np.flatnonzero(~np.isnan(fits.z))
    record = Record(
        params=p,
        rows=report.have_bars,
        first_ms=int(report.open_ms[known[0]]) if len(known) else None,
        newest_ms=report.newest_ms,
        arming=Arming.after(fits.z, p.entry_z, p.stop_z),
        leaving=leaving,
        current=current,
        waiting=tuple(found),
    )
    return _matured(record)


def advance(record: Record, report: PairReport) -> Record:
    """Add the report's rows that are newer than the record's newest.

    Raises
    ------
    ValueError
        If the report does not reach back far enough: to the record's newest row, and N + N/4 rows beyond each new one
        unless it holds the whole history. Rows, or what was known at them, would be missing.
    """
    start = 0
    if record.newest_ms is not None:
        start = int(np.searchsorted(report.open_ms, record.newest_ms, side="right"))
        if start == 0 or report.open_ms[start - 1] != record.newest_ms:
            raise ValueError("the report must hold the candle that the record ends with")
        if start < min(report.need_bars - 1, record.rows):
            raise ValueError(f"the report must hold {report.need_bars - 1} candles before the first new one")
    if start == report.have_bars:
        return record
    fits, clean = report.log_fits, clean_rows(report)
    for i in range(start, report.have_bars):
        record = _step(
            record, int(report.open_ms[i]), float(report.y[i]), float(report.x[i]), float(fits.z[i]),
            float(fits.spread[i]), float(fits.beta[i]), bool(clean[i]),
        )  # fmt: skip
    return record


def past_excursions(
    y: Floats, x: Floats, z: Floats, spread: Floats, beta: Floats, clean: Bools, params: Params
) -> tuple[list[Excursion], Excursion | None, Excursion | None]:
    """Every closed excursion of a history, oldest first; the one that leaves at the next close; the one still open.

    Parameters
    ----------
    y, x : (n,) float
        Closes.
    z, spread, beta : (n,) float
        Of each row's own log fit.
    clean : (n,) bool
        Check 1 as of each row. An excursion counts if it is clean at its entry look and at its exit look.
    params : Params
        N, entry, exit and stop z.

    Notes
    -----
    Uses nothing after the row it reports on: what is closed by row t is the same whatever follows.
    """
    n, bars = len(z), params.fit_bars
    with np.errstate(invalid="ignore"):
        opens = entries(z, params.entry_z, params.stop_z, params.lookback) & clean & (beta > MIN_BETA)
        crossed = {1: np.flatnonzero(z <= params.exit_z), -1: np.flatnonzero(-z <= params.exit_z)}
    found: list[Excursion] = []
    leaving: Excursion | None = None
    free_from = 0
    for e in np.flatnonzero(opens).tolist():
        if e < free_from:
            continue  # still in the trade before: excursions that count do not overlap
        side = 1 if z[e] > 0 else -1
        excursion = Excursion(e, side, float(beta[e]), _shown_bps(float(spread[e]), float(beta[e])))
        if e + 1 < n:
            excursion = replace(excursion, y_in=float(y[e + 1]), x_in=float(x[e + 1]))
        exit_row = min(_next_after(crossed[side], e, otherwise=e + bars), e + bars)
        if exit_row >= n:
            return found, leaving, excursion
        free_from = exit_row
        excursion = replace(excursion, exit_row=exit_row)
        if clean[exit_row]:
            if exit_row == n - 1:
                leaving = excursion
            else:
                found.append(close_out(excursion, float(y[exit_row + 1]), float(x[exit_row + 1])))
    return found, leaving, None


def _step(
    record: Record, open_ms: int, y: float, x: float, z: float, spread: float, beta: float, clean: bool
) -> Record:
    p, i = record.params, record.rows
    waiting, current = record.waiting, record.current
    if record.leaving is not None:
        waiting = (*waiting, close_out(record.leaving, y, x))
    leaving = None
    if current is not None and current.row == i - 1:
        current = replace(current, y_in=y, x_in=x)
    if current is not None and (z * current.side <= p.exit_z or i == current.row + p.fit_bars):
        leaving, current = replace(current, exit_row=i) if clean else None, None
    arming, opens = record.arming.step(i, z, p.entry_z, p.stop_z, p.lookback)
    if opens and clean and beta > MIN_BETA and current is None:
        current = Excursion(i, 1 if z > 0 else -1, beta, _shown_bps(spread, beta))
    first_ms = record.first_ms if record.first_ms is not None or np.isnan(z) else open_ms
    return _matured(
        replace(
            record,
            rows=i + 1,
            first_ms=first_ms,
            newest_ms=open_ms,
            arming=arming,
            leaving=leaving,
            current=current,
            waiting=waiting,
        )
    )


def _matured(record: Record) -> Record:
    """Count the waiting excursions whose N candles have passed, oldest first."""
    passed = 0
    r = record
    for e in record.waiting:
        if e.row + record.params.fit_bars + 1 >= record.rows:
            break
        passed += 1
        g, shown = e.gross_bps, e.shown_bps
        r = replace(
            r, n=r.n + 1, sum_g=r.sum_g + g, sum_e=r.sum_e + shown, sum_gg=r.sum_gg + g * g,
            sum_ge=r.sum_ge + g * shown, sum_ee=r.sum_ee + shown * shown, sum_hold=r.sum_hold + e.hold_bars,
        )  # fmt: skip
    return replace(r, waiting=record.waiting[passed:]) if passed else r


def _next_after(rows: Ints, row: int, otherwise: int) -> int:
    at = int(np.searchsorted(rows, row, side="right"))
    return int(rows[at]) if at < len(rows) else otherwise


def _shown_bps(spread: float, beta: float) -> float:
    return abs(spread) / (1.0 + abs(beta)) * 1e4


def close_out(excursion: Excursion, y_out: float, x_out: float) -> Excursion:
    """The excursion with what it returned, both legs filled at these closes."""
    leg_y = y_out / excursion.y_in - 1.0
    leg_x = x_out / excursion.x_in - 1.0
    moved = (leg_y - excursion.beta * leg_x) / (1.0 + abs(excursion.beta))
    return replace(excursion, gross_bps=-excursion.side * moved * 1e4)
