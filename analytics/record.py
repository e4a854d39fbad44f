"""A pair's own past excursions, and what they really returned: what the check "record" rests on.

An excursion begins at the look (row e) that would have been an entry: stretched, armed, clean, hedgeable, whatever
its p. In at the next close; out at the close after the look at which the refitted z has crossed back, or after N
candles. It counts once its N-candle limit has passed: counting every closed one would count the quick winners first;
and until its look is older than the record's span, so that a record says the same however long it has been kept.

``record_of`` evaluates a history at once; ``advance`` adds candles one at a time. Both give the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Final

import numpy as np

from analytics.excursions import Arming, entries, next_after
from analytics.params import MAX_STALE, MIN_BETA, NEEDED, SIGMAS, Params
from analytics.report import PairReport
from analytics.spread import edge_bps
from core.clock import DAY_MS
from core.types import Bools, Floats, Ints

RECORD_DAYS: Final[Mapping[int, int]] = {60: 30, 300: 60, 900: 120, 3600: 180}  # a record's span
FINE_RECORD_BARS: Final = 60_000  # … below 1 min, of which the exchange keeps no history
NOT_ARMED: Final = Arming()


@dataclass(frozen=True, slots=True)
class Excursion:
    """One past trade of the rule. Rows count the aligned candles of the history it was found in."""

    row: int  # the look
    look_ms: int  # its candle's open
    side: int  # 1: the spread was sold (z > 0); −1: bought
    beta: float  # legs fixed at the look: notional 1 : β
    shown_bps: float  # E, the edge shown
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

    excursions: int  # mature, non-overlapping, their looks within the span
    needed: int
    kappa: float | None = None  # share of the edge shown that came back
    kappa_se: float | None = None
    lower_bound: float | None = None  # κ − 2.33·se
    days_to_go: float | None = None  # until ``needed`` are there; None: at the pace so far a span never has so many
    mean_hold_s: float | None = None
    mean_shown_bps: float | None = None
    mean_gross_bps: float | None = None
    first_ms: int | None = None  # the history it rests on, at most the span
    newest_ms: int | None = None

    @property
    def mature(self) -> bool:
        """Whether there are enough of them to say anything."""
        return self.excursions >= self.needed


NOTHING: Final = RecordSummary(0, NEEDED)


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
    counted: tuple[Excursion, ...] = ()  # mature, their looks within the span; oldest first
    told: RecordSummary = NOTHING  # what those say, without times

    def summary(self) -> RecordSummary:
        """What the counted excursions say, and how far along the record is."""
        told, first_ms, to_go = self.told, self.first_ms, self.told.days_to_go
        if self.first_ms is not None and self.newest_ms is not None:
            span = span_ms(self.params)
            first_ms = max(self.first_ms, self.newest_ms - span)
            # An excursion that is mature by now began at least so long ago.
            limit_ms = (self.params.fit_bars + 1) * self.params.timeframe_s * 1000
            days, most_days = (self.newest_ms - first_ms - limit_ms) / DAY_MS, (span - limit_ms) / DAY_MS
            n, to_go = told.excursions, None
            if n >= NEEDED:
                to_go = 0.0
            elif n and NEEDED * days <= n * most_days:
                to_go = (NEEDED - n) * days / n
        return RecordSummary(
            told.excursions, told.needed, told.kappa, told.kappa_se, told.lower_bound, to_go,
            told.mean_hold_s, told.mean_shown_bps, told.mean_gross_bps, first_ms, self.newest_ms,
        )  # fmt: skip


def span_ms(params: Params) -> int:
    """An excursion counts while its look is at most so much older than the newest candle."""
    days = RECORD_DAYS.get(params.timeframe_s)
    return FINE_RECORD_BARS * params.timeframe_s * 1000 if days is None else days * DAY_MS


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """(m,) what each of m sets of excursions says of the share κ = Σg/ΣE that comes back. NaN: nothing."""

    n: Ints
    kappa: Floats
    se: Floats  # sqrt(n/(n−1)·Σ(g − κE)²)/ΣE; NaN for fewer than two
    hold_s: Floats  # means
    shown_bps: Floats
    gross_bps: Floats

    @property
    def lower(self) -> Floats:
        """κ − 2.33·se."""
        return self.kappa - SIGMAS * self.se


def estimates(found: Sequence[Excursion], first: Ints, end: Ints, params: Params) -> Estimates:
    """What runs of a list say.

    Parameters
    ----------
    found : (k,) Excursion
        Closed ones.
    first, end : (m,) int
        Run j is ``found[first[j]:end[j]]``. Each is summed on its own: a running sum would drift.
    """
    g, shown = np.array([e.gross_bps for e in found]), np.array([e.shown_bps for e in found])
    hold = np.array([float(e.hold_bars) for e in found])
    terms = np.zeros((6, len(found) + 1))  # ``reduceat`` takes no index past the end
    terms[:, :-1] = g, shown, g * g, g * shown, shown * shown, hold
    n = end - first
    sums = np.add.reduceat(terms, np.column_stack((first, end)).ravel(), axis=1)[:, ::2]
    g_sum, e_sum, gg_sum, ge_sum, ee_sum, hold_sum = np.where(n > 0, sums, 0.0)  # of an empty run: its first index
    with np.errstate(invalid="ignore", divide="ignore"):  # nothing divided by nothing
        kappa = g_sum / e_sum
        squares = np.maximum(gg_sum - 2.0 * kappa * ge_sum + kappa * kappa * ee_sum, 0.0)
        se = np.where(n > 1, np.sqrt(n / (n - 1) * squares) / e_sum, np.nan)
        return Estimates(n, kappa, se, hold_sum / n * params.timeframe_s, e_sum / n, g_sum / n)


def clean_rows(report: PairReport, first: int = 0) -> Bools:
    """(n − first,) whether the check "clean" passes at each row from the first on."""
    clean: Bools = (report.incomplete_rows[first:] == 0) & (report.stale_rows[first:] <= MAX_STALE)
    return clean


def record_of(report: PairReport) -> Record:
    """The record of a whole history.

    Parameters
    ----------
    report : PairReport
        Of the candles of the span, and of N + N/4 + N more. Older ones change nothing: an excursion lasts N rows at
        most, so that what was open when the span began is known. (Unless trades that ended by that limit followed one
        another since before: then it may be one excursion more or less, until the span has left that stretch.)

    Returns
    -------
    Record
        Equal to adding the rows one by one.
    """
    fits, clean, p = report.log_fits, clean_rows(report), report.params
    found, leaving, current = past_excursions(
        report.open_ms, report.y, report.x, fits.z, fits.spread, fits.beta, clean, p
    )
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
    return _counting(record)


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
        start = int(report.open_ms.searchsorted(record.newest_ms, side="right"))
        if start == 0 or report.open_ms[start - 1] != record.newest_ms:
            raise ValueError("the report must hold the candle that the record ends with")
        if start < min(report.need_bars - 1, record.rows):
            raise ValueError(f"the report must hold {report.need_bars - 1} candles before the first new one")
    if start == report.have_bars:
        return record
    fits, clean = report.log_fits, clean_rows(report, start)
    for i in range(start, report.have_bars):
        record = _step(
            record, int(report.open_ms[i]), float(report.y[i]), float(report.x[i]), float(fits.z[i]),
            float(fits.spread[i]), float(fits.beta[i]), bool(clean[i - start]),
        )  # fmt: skip
    return record


def past_excursions(
    open_ms: Ints, y: Floats, x: Floats, z: Floats, spread: Floats, beta: Floats, clean: Bools, params: Params
) -> tuple[list[Excursion], Excursion | None, Excursion | None]:
    """Every closed excursion of a history, oldest first; the one that leaves at the next close; the one still open.

    Parameters
    ----------
    open_ms : (n,) int
    y, x : (n,) float
        Closes.
    z, spread, beta : (n,) float
        Of each row's own log fit.
    clean : (n,) bool
        Whether the data were clean as of each row. An excursion counts if they were at its entry look and at its exit
        look.
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
        shown_bps = edge_bps(float(spread[e]), float(beta[e]))
        excursion = Excursion(e, int(open_ms[e]), side, float(beta[e]), shown_bps)
        if e + 1 < n:
            excursion = replace(excursion, y_in=float(y[e + 1]), x_in=float(x[e + 1]))
        exit_row = min(next_after(crossed[side], e, otherwise=e + bars), e + bars)
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
        current = Excursion(i, open_ms, 1 if z > 0 else -1, beta, edge_bps(spread, beta))
    first_ms = record.first_ms if record.first_ms is not None or isnan(z) else open_ms
    return _counting(
        Record(p, i + 1, first_ms, open_ms, arming, leaving, current, waiting, record.counted, record.told)
    )


def _counting(record: Record) -> Record:
    """Count the waiting excursions whose N candles have passed, and no longer those whose looks have left the span."""
    if record.newest_ms is None:
        return record
    p = record.params
    passed = bisect_left(record.waiting, record.rows - p.fit_bars - 1, key=lambda e: e.row)
    counted = record.counted + record.waiting[:passed]
    left = bisect_left(counted, record.newest_ms - span_ms(p), key=lambda e: e.look_ms)
    if not passed and not left:
        return record
    return replace(record, waiting=record.waiting[passed:], counted=counted[left:], told=_told(counted[left:], p))


def _told(counted: tuple[Excursion, ...], params: Params) -> RecordSummary:
    if not counted:
        return NOTHING
    e = estimates(counted, np.array([0]), np.array([len(counted)]), params)
    several = len(counted) > 1
    return RecordSummary(
        excursions=len(counted),
        needed=NEEDED,
        kappa=float(e.kappa[0]),
        kappa_se=float(e.se[0]) if several else None,
        lower_bound=float(e.lower[0]) if several else None,
        mean_hold_s=float(e.hold_s[0]),
        mean_shown_bps=float(e.shown_bps[0]),
        mean_gross_bps=float(e.gross_bps[0]),
    )


def close_out(excursion: Excursion, y_out: float, x_out: float) -> Excursion:
    """The excursion with what it returned, both legs filled at these closes."""
    leg_y = y_out / excursion.y_in - 1.0
    leg_x = x_out / excursion.x_in - 1.0
    moved = (leg_y - excursion.beta * leg_x) / (1.0 + abs(excursion.beta))
    return replace(excursion, gross_bps=-excursion.side * moved * 1e4)
