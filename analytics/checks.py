"""The questions a look asks, one function each: a case in, a Check out. The registry is CHECKS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from analytics.costs import CostSplit, break_even_z
from analytics.excursions import entries
from analytics.params import MAX_STALE, MIN_BETA, NEEDED, REARM_Z, RELATED_P, WEAK_CORR, Params
from analytics.record import RecordSummary
from analytics.report import PairReport
from analytics.spread import edge_bps
from analytics.stationarity import TestResult
from analytics.verdict import Check, CheckState
from core.types import Floats

STRONG_CORR: Final = 0.8  # the only thing that separated reverting excursions on held-out candles, and not on all
PERSISTENT_P: Final = 0.01
PERSISTENT_NEWEST_P: Final = 0.10


@dataclass(frozen=True)
class Case:
    """What a check may look at. The report has at least one row."""

    report: PairReport
    costs: CostSplit | None = None
    record: RecordSummary | None = None

    @property
    def params(self) -> Params:
        """The report's."""
        return self.report.params

    @cached_property
    def z(self) -> float:
        """Of the newest log fit."""
        return float(self.report.log_fits.z[-1])

    @cached_property
    def entry_rows(self) -> np.ndarray:
        """Rows of the last N/4 + 1 that open an excursion."""
        p = self.params
        z = self.report.log_fits.z[-(p.lookback + 1) :]
        rows: np.ndarray = np.flatnonzero(entries(z, p.entry_z, p.stop_z, p.lookback)) + self.report.have_bars - len(z)
        return rows

    @property
    def opens(self) -> bool:
        """Whether the newest row is its excursion's entry."""
        return bool(len(self.entry_rows)) and int(self.entry_rows[-1]) == self.report.have_bars - 1


def clean(case: Case) -> Check:
    """No candle of the span is incomplete, and neither leg trades too seldom."""
    r = case.report
    holes, share = r.incomplete, r.stale_share
    good = holes == 0 and share <= MAX_STALE
    flips = f"Fails with one incomplete candle, or when more than {MAX_STALE:.0%} of either leg's intervals are stale."
    if holes:
        flips = "Passes once the gap is repaired, or its candles have left the span."
    elif not good:
        flips = f"Passes when at most {MAX_STALE:.0%} of the intervals are stale: a longer timeframe has fewer of them."
    return Check(
        key="clean",
        question="Are the data clean?",
        value=share,
        value_text=f"{holes} incomplete, {share:.1%} stale",
        threshold_text=f"0 incomplete, at most {MAX_STALE:.0%} stale",
        margin=-float(holes) if holes else MAX_STALE - share,
        state=_state(good),
        flips=flips,
        as_of_ms=r.newest_ms,
    )


def hedgeable(case: Case) -> Check:
    """A β at or below 0.1 leaves no neutral position."""
    beta = float(case.report.log_fits.beta[-1])
    return _above(
        case, "hedgeable", "Can X hedge Y?", beta, MIN_BETA, f"β = {beta:.3f}", f"β > {MIN_BETA:g}",
        "Fails at β ≤ 0.1: both legs would then be on one side.",
        "Passes when β rises above 0.1: below, no neutral position exists.",
        strict=True,
    )  # fmt: skip


def related(case: Case) -> Check:
    """Engle-Granger of the fit: the test the Evidence preset rests on."""
    return _p_below(
        case, "related", "Do the two move together for good?", case.report.engle_granger, "Engle-Granger",
        "the residual must return to its mean more often than chance explains",
    )  # fmt: skip


def adf_test(case: Case) -> Check:
    """Plain ADF of the fitted spread: Classic's test, with the table for a spread that was not fitted."""
    return _p_below(
        case, "adf", "Does the fitted spread look stationary (plain ADF)?", case.report.adf, "ADF",
        "read it with care: on a fitted spread this table rejects three times too often",
    )  # fmt: skip


def stretched(case: Case) -> Check:
    """z between entry and stop, at the one look of the excursion that is its entry."""
    p, z = case.params, case.z
    size = abs(z)
    inside = p.entry_z <= size < p.stop_z
    if np.isnan(z):
        flips, margin = "Known once the fit is defined.", None
    elif size < p.entry_z:
        flips, margin = f"Passes at |z| = {p.entry_z:g}.", size - p.entry_z
    elif size >= p.stop_z:
        flips, margin = (
            f"Passes when |z| comes back below {p.stop_z:g} in an excursion not yet entered.",
            p.stop_z - size,
        )
    elif not case.opens:
        flips, margin = "This excursion's entry is past; armed again after |z| < 1 or a change of sign.", REARM_Z - size
    else:
        flips, margin = (
            f"Fails below |z| = {p.entry_z:g} or from {p.stop_z:g} on.",
            min(size - p.entry_z, p.stop_z - size),
        )
    late = ", entry past" if inside and not case.opens else ""
    return Check(
        key="stretched",
        question="Is the spread stretched, and is this the excursion's entry?",
        value=_known(z),
        value_text="unknown" if np.isnan(z) else f"z = {z:+.2f}{late}",
        threshold_text=f"{p.entry_z:g} ≤ |z| < {p.stop_z:g}, one entry per excursion",
        margin=margin,
        state="unknown" if np.isnan(z) else _state(inside and case.opens),
        flips=flips,
        as_of_ms=case.report.newest_ms,
    )


def z_roll(case: Case) -> Check:
    """Classic's entry: the rolling z."""
    p, z = case.params, float(case.report.z_roll[-1])
    return _above(
        case, "z_roll", f"Is the spread beyond {p.entry_z:g} standard deviations of its last {p.z_bars} bars?",
        abs(z), p.entry_z, f"z = {z:+.2f}", f"|z| ≥ {p.entry_z:g}",
        f"Fails when |z| falls below {p.entry_z:g}.", f"Passes at |z| = {p.entry_z:g}.",
        value=z,
    )  # fmt: skip


def corr(case: Case) -> Check:
    """Rolling correlation of log returns."""
    threshold = WEAK_CORR if case.params.preset == "classic" else STRONG_CORR
    r = float(case.report.corr[-1])
    return _above(
        case, "corr", f"Do the returns of the last {case.params.z_bars} bars move together?", r, threshold,
        f"r = {r:.2f}", f"r ≥ {threshold:g}", f"Fails below {threshold:g}.", f"Passes at {threshold:g}.",
    )  # fmt: skip


def record(case: Case) -> Check:
    """Does the lower bound of what its own past excursions returned pay the cost?

    What is received does not make up for losses: the lower bound must be above 0 whatever the cost.
    """
    rec, costs = case.record, case.costs
    question = "Does its own record pay the cost?"
    cost_text, more = "cost unknown", ""
    if costs is not None:
        more = f" + unknown {' and '.join(costs.missing)}" if costs.missing else ""
        total = costs.total_bps
        cost_text = f"> {total:.1f} bps cost" if total >= 0 else f"> 0 bps, though {-total:.1f} bps are received"
        cost_text += more
    newest = case.report.newest_ms
    if rec is None or rec.lower_bound is None or not rec.mature or np.isnan(case.z):
        flips = f"Known after {rec.needed if rec else NEEDED} mature excursions."
        text = thin_record(rec)
        return Check("record", question, None, text, cost_text, None, "unknown", flips, newest)
    z = max(abs(case.z), case.params.entry_z)
    fits = case.report.log_fits
    sd, beta = float(fits.resid_sd[-1]), float(fits.beta[-1])
    promise = rec.lower_bound * edge_bps(z * sd, beta)
    text = f"at least {promise:+.1f} bps of gross at |z| = {z:.2f}, from {rec.excursions} excursions"
    if costs is None:
        return Check("record", question, promise, text, cost_text, None, "unknown", "Known once costs are.", newest)
    margin = promise - costs.hurdle_bps
    if margin > 0 and costs.missing:
        flips = f"Known once {' and '.join(costs.missing)} are known."
        return Check("record", question, promise, text, cost_text, None, "unknown", flips, newest)
    state = _state(margin > 0)
    even = break_even_z(costs.total_bps, rec.lower_bound, sd, beta)
    flips = "No z pays: the lower bound of what past excursions returned is not above 0."
    if even == 0:
        flips = "Fails when the lower bound of what past excursions returned is not above 0."
    elif even is not None:
        flips = f"Pays from |z| = {even:.2f} on at this cost{more}."
        if even >= case.params.stop_z:
            flips = f"Would pay from |z| = {even:.1f} on, which is beyond the stop at {case.params.stop_z:g}."
    return Check("record", question, promise, text, cost_text, margin, state, flips, newest)


def persists(pvalues: Floats) -> bool:
    """The persistence gate: at least 4 of 6 checkpoints (newest first) below .01, and the newest below .10."""
    return int((pvalues < PERSISTENT_P).sum()) >= 4 and bool(pvalues[0] < PERSISTENT_NEWEST_P)


def persistence(case: Case) -> Check:
    """Was the relationship there over the last quarter window, not only now?"""
    p = case.report.persistence
    known = p[~np.isnan(p)]
    low = int((known < PERSISTENT_P).sum())
    return Check(
        key="persistence",
        question="Has the relationship held through the last checkpoints?",
        value=float(low) if len(known) == 6 else None,
        value_text=f"{low} of {len(known)} p-values below {PERSISTENT_P:g}",
        threshold_text=f"4 of 6, and the newest below {PERSISTENT_NEWEST_P:g}",
        margin=float(low - 4) if len(known) == 6 else None,
        state=_state(persists(p)) if len(known) == 6 else "unknown",
        flips=f"Needs four of the six checkpoints below p = {PERSISTENT_P:g}.",
        as_of_ms=case.report.newest_ms,
    )


def half_life(case: Case) -> Check:
    """How long a deviation lasts; said only when "related" passes, for noise shows a half-life too."""
    h, bars = case.report.half_life, case.params.fit_bars
    limit = bars / 4
    good = h is not None and h.high <= limit
    text = "not shown: not supported by the data"
    if h is not None:
        text = f"{h.bars:.1f} bars (95 %: {h.low:.1f} to {h.high:.1f})"
    return Check(
        key="half_life",
        question="How fast does a deviation go away?",
        value=None if h is None else h.bars,
        value_text=text,
        threshold_text=f"upper end at most N/4 = {limit:g} bars",
        margin=None if h is None else limit - h.high,
        state="unknown" if h is None else _state(good),
        flips=f"Passes when the interval ends below {limit:g} bars.",
        as_of_ms=case.report.newest_ms,
    )


def kpss(case: Case) -> Check:
    """KPSS of the residual: here a small p speaks against stationarity."""
    t = case.report.kpss
    text = "unknown"
    if t is not None:  # the published table ends at .01 and .10
        text = (
            "KPSS p ≥ 0.10" if t.pvalue >= 0.1 else "KPSS p ≤ 0.01" if t.pvalue <= 0.01 else f"KPSS p = {t.pvalue:.3f}"
        )
    return Check(
        key="kpss",
        question="Does nothing speak against a stationary spread (KPSS)?",
        value=None if t is None else t.pvalue,
        value_text=text,
        threshold_text="p ≥ 0.05",
        margin=None if t is None else t.pvalue - 0.05,
        state="unknown" if t is None else _state(t.pvalue >= 0.05),
        flips="Fails when p falls below 0.05." if t is None or t.pvalue >= 0.05 else "Passes when p rises to 0.05.",
        as_of_ms=case.report.newest_ms,
    )


def hedge_error(case: Case) -> Check:
    """β ± its standard error."""
    fits = case.report.log_fits
    beta, se = float(fits.beta[-1]), float(fits.beta_se[-1])
    return _above(
        case, "hedge_error", "How sure is the hedge ratio?", beta - 2 * se, MIN_BETA, f"β = {beta:.3f} ± {se:.3f}",
        f"β − 2 se > {MIN_BETA:g}", "Fails when β − 2 se falls to 0.1.", "Passes when β − 2 se rises above 0.1.",
        value=beta, strict=True,
    )  # fmt: skip


CHECKS: Final[Mapping[str, Callable[[Case], Check]]] = {
    "clean": clean,
    "hedgeable": hedgeable,
    "related": related,
    "stretched": stretched,
    "record": record,
    "adf": adf_test,
    "z_roll": z_roll,
    "corr": corr,
    "persistence": persistence,
    "half_life": half_life,
    "kpss": kpss,
    "hedge_error": hedge_error,
}


def thin_record(rec: RecordSummary | None) -> str:
    """A record too short to judge by, in words."""
    if rec is None:
        return "record: unknown"
    text = f"record: {rec.excursions} of {rec.needed} excursions"
    if rec.days_to_go is not None and not rec.mature:
        text += f", about {days_text(rec.days_to_go)} to go"
    if rec.kappa is not None:
        text += f"; so far it caught {rec.kappa:.0%} of what was shown"
        text += f" (± {rec.kappa_se:.0%})" if rec.kappa_se is not None else ""
    return text


def days_text(days: float) -> str:
    """A time to wait, as shown.

    >>> days_text(13.2), days_text(0.25), days_text(0.01)
    ('13 days', '6 hours', '14 minutes')
    """
    if days >= 2:
        return f"{days:.0f} days"
    hours = days * 24
    return f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"


def _p_below(case: Case, key: str, question: str, test: TestResult | None, name: str, why: str) -> Check:
    p = None if test is None else test.pvalue
    good = p is not None and p < RELATED_P
    flips = f"Fails when p rises to {RELATED_P:g}." if good else f"Passes when p falls below {RELATED_P:g}: {why}."
    return Check(
        key=key,
        question=question,
        value=p,
        value_text=f"{name} {p_text(p)}" if p is not None else f"{name} {_why_undefined(case)}",
        threshold_text=f"p < {RELATED_P:g}",
        margin=None if p is None else RELATED_P - p,
        state="unknown" if p is None else _state(good),
        flips=flips,
        as_of_ms=case.report.newest_ms,
    )


def _why_undefined(case: Case) -> str:
    if case.report.have_bars < case.params.fit_bars:
        return f"needs {case.params.fit_bars} candles, has {case.report.have_bars}"
    return "undefined: a leg is flat or the legs are collinear"


def _above(
    case: Case,
    key: str,
    question: str,
    number: float,
    threshold: float,
    text: str,
    threshold_text: str,
    fails: str,
    passes: str,
    *,
    value: float | None = None,
    strict: bool = False,
) -> Check:
    unknown = bool(np.isnan(number))
    good = number > threshold if strict else number >= threshold
    return Check(
        key=key,
        question=question,
        value=None if unknown else number if value is None else value,
        value_text="unknown" if unknown else text,
        threshold_text=threshold_text,
        margin=None if unknown else number - threshold,
        state="unknown" if unknown else _state(good),
        flips=fails if good else passes,
        as_of_ms=case.report.newest_ms,
    )


def p_text(p: float) -> str:
    """A p-value as shown.

    >>> p_text(0.0314), p_text(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _state(good: bool) -> CheckState:
    return "passed" if good else "failed"


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
