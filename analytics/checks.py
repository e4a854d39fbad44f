"""The questions a look asks, one function each: a case in, a Check out. The registry is CHECKS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from math import isnan, nan
from typing import Final

from analytics.check_words import bars_text, decimals, p_text, r_text, thin_record, z_text
from analytics.costs import CostSplit, break_even_z
from analytics.excursions import Stage, stage
from analytics.params import MAX_STALE, MIN_BETA, NEEDED, REARM_Z, RELATED_P, WEAK_CORR, Params
from analytics.presets import PRESETS
from analytics.record import RecordSummary
from analytics.report import PairReport
from analytics.spread import edge_bps
from analytics.stationarity import TestResult
from analytics.verdict import Check

STRONG_CORR: Final = 0.8  # the only thing that separated reverting excursions on held-out candles, and not on all
PERSISTENT_P: Final = 0.01
PERSISTENT_NEWEST_P: Final = 0.10
SPENT: Final[Mapping[Stage, str]] = {"past": "entry is past", "unseen": "beginning was not seen"}


@dataclass(frozen=True)
class Case:
    """What a check may look at. Checks are asked of a report that has at least one row."""

    report: PairReport
    costs: CostSplit | None = None
    record: RecordSummary | None = None

    @property
    def params(self) -> Params:
        """The report's."""
        return self.report.params

    @property
    def z(self) -> float:
        """Of the newest log fit; NaN without one."""
        rows = self.report.log_fits.z
        return float(rows[-1]) if len(rows) else nan

    @cached_property
    def spent(self) -> str:
        """Why a stretch would be no entry now, of this excursion; empty: it would be one."""
        if not abs(self.z) >= REARM_Z:  # as most are: it arms
            return ""
        p = self.params
        return SPENT.get(stage(self.report.log_fits.z[-(p.lookback + 1) :], p.entry_z, p.stop_z), "")

    def check(
        self,
        key: str,
        question: str,
        *,
        value: float | None,
        text: str,
        threshold: str,
        margin: float | None,
        passed: bool | None,
        flips: str,
    ) -> Check:
        """An answer as of the newest candle. The preset has it decide or inform; ``passed`` None: unknown."""
        return Check(
            key=key,
            question=question,
            value=value,
            value_text=text,
            threshold_text=threshold,
            margin=margin,
            state="unknown" if passed is None else "passed" if passed else "failed",
            flips=flips,
            as_of_ms=self.report.newest_ms,
            deciding=key in PRESETS[self.params.preset].deciding,
        )


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
    return case.check(
        "clean",
        "Are the data clean?",
        value=share,
        text=f"{holes} incomplete, {100 * share:.{decimals(1, 100 * share, 100 * MAX_STALE)}f}% stale",
        threshold=f"0 incomplete, at most {MAX_STALE:.0%} stale",
        margin=-float(holes) if holes else MAX_STALE - share,
        passed=good,
        flips=flips,
    )


def hedgeable(case: Case) -> Check:
    """A β at or below 0.1 leaves no neutral position."""
    beta = float(case.report.log_fits.beta[-1])
    below = "below, X hedges next to nothing of Y" if beta > 0 else "at 0 or below both legs are on one side"
    return _above(
        case, "hedgeable", "Can X hedge Y?", beta, MIN_BETA,
        f"β = {beta:.{decimals(3, beta, MIN_BETA)}f}", f"β > {MIN_BETA:g}",
        f"Fails at β ≤ {MIN_BETA:g}: {below}.", f"Passes when β rises above {MIN_BETA:g}: {below}.",
        unknown=f"β {_why_undefined(case)}", strict=True,
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
    p, z, spent = case.params, case.z, case.spent
    size = abs(z)
    flips, margin = f"Fails below |z| = {p.entry_z:g} or from {p.stop_z:g} on.", min(size - p.entry_z, p.stop_z - size)
    if spent:
        flips = f"Passes at |z| = {p.entry_z:g}, once |z| < {REARM_Z:g} or a change of sign has armed it again."
        margin = REARM_Z - size
    elif size < p.entry_z:
        flips = f"Passes at |z| = {p.entry_z:g}."
    elif size >= p.stop_z:
        flips = f"Passes when |z| comes back below {p.stop_z:g}."
    unknown = isnan(z)
    said = z_text(z, p.entry_z, p.stop_z, REARM_Z) + (f", {spent}" if spent else "")
    return case.check(
        "stretched",
        "Is the spread stretched, and is this the excursion's entry?",
        value=None if unknown else z,
        text=f"z {_why_undefined(case)}" if unknown else said,
        threshold=f"{p.entry_z:g} ≤ |z| < {p.stop_z:g}, one entry per excursion",
        margin=None if unknown else margin,
        passed=None if unknown else p.entry_z <= size < p.stop_z and not spent,
        flips="Known once the fit is defined." if unknown else flips,
    )


def z_roll(case: Case) -> Check:
    """Classic's entry: the rolling z."""
    p, z = case.params, float(case.report.z_roll[-1])
    return _above(
        case, "z_roll", f"Is the spread beyond {p.entry_z:g} standard deviations of its last {p.z_bars} bars?",
        abs(z), p.entry_z, z_text(z, p.entry_z), f"|z| ≥ {p.entry_z:g}",
        f"Fails when |z| falls below {p.entry_z:g}.", f"Passes at |z| = {p.entry_z:g}.",
        unknown=f"z {_why_undefined(case)}", value=z,
    )  # fmt: skip


def corr(case: Case) -> Check:
    """Rolling correlation of log returns."""
    threshold = WEAK_CORR if case.params.preset == "classic" else STRONG_CORR
    r = float(case.report.corr[-1])
    return _above(
        case, "corr", f"Do the returns of the last {case.params.z_bars} bars move together?", r, threshold,
        r_text(r, threshold), f"r ≥ {threshold:g}", f"Fails below {threshold:g}.", f"Passes at {threshold:g}.",
        unknown="r undefined, as a leg has not moved or there are too few candles",
    )  # fmt: skip


def record(case: Case) -> Check:
    """Does the lower bound of what its own past excursions returned pay the cost?

    What is received does not make up for losses: the lower bound must be above 0 whatever the cost.
    """
    rec, costs, z = case.record, case.costs, case.z
    said = partial(case.check, "record", "Does its own record pay the cost?")
    if rec is None or rec.lower_bound is None or not rec.mature or isnan(z):
        flips = f"Known after {rec.needed if rec else NEEDED} mature excursions."
        cost_text = _cost_text(costs, 1)
        return said(value=None, text=thin_record(rec), threshold=cost_text, margin=None, passed=None, flips=flips)
    z = max(abs(z), case.params.entry_z)
    fits = case.report.log_fits
    sd, beta = float(fits.resid_sd[-1]), float(fits.beta[-1])
    promise = rec.lower_bound * edge_bps(z * sd, beta)
    places = 1 if costs is None else decimals(1, promise, costs.hurdle_bps)
    text = f"at least {promise:+.{places}f} bps of gross at |z| = {z:.2f}, from {rec.excursions} excursions"
    said = partial(said, value=promise, text=text, threshold=_cost_text(costs, places))
    if costs is None:
        return said(margin=None, passed=None, flips="Known once costs are.")
    margin = promise - costs.hurdle_bps
    if margin > 0 and costs.missing:
        return said(margin=None, passed=None, flips=f"Known once {' and '.join(costs.missing)} are known.")
    even = break_even_z(costs.total_bps, rec.lower_bound, sd, beta)
    flips = "No z pays: the lower bound of what past excursions returned is not above 0."
    if even == 0:
        flips = "Fails when the lower bound of what past excursions returned is not above 0."
    elif even is not None:
        flips = f"Pays from |z| = {even:.{decimals(2, even, z)}f} on at this cost{_and_unknown(costs)}."
        stop_z = case.params.stop_z
        if even >= stop_z:
            from_z = f"{even:.{decimals(1, even, stop_z)}f}"
            flips = f"Would pay from |z| = {from_z} on, which is beyond the stop at {stop_z:g}."
    return said(margin=margin, passed=margin > 0, flips=flips)


def _cost_text(costs: CostSplit | None, places: int) -> str:
    if costs is None:
        return "cost unknown"
    total = costs.total_bps
    text = f"> {total:.{places}f} bps cost" if total >= 0 else f"> 0 bps, though {-total:.{places}f} bps are received"
    return text + _and_unknown(costs)


def _and_unknown(costs: CostSplit) -> str:
    return f" + unknown {' and '.join(costs.missing)}" if costs.missing else ""


def persists(pvalues: Iterable[float]) -> bool:
    """The persistence gate: at least 4 of 6 checkpoints (newest first) below .01, and the newest below .10."""
    newest, *_ = back = list(pvalues)
    return sum(p < PERSISTENT_P for p in back) >= 4 and bool(newest < PERSISTENT_NEWEST_P)


def persistence(case: Case) -> Check:
    """Was the relationship there over the last quarter window, not only now?"""
    p = case.report.persistence.tolist()
    known = [v for v in p if not isnan(v)]
    low, whole = sum(v < PERSISTENT_P for v in known), len(known) == 6
    enough, newest_low = low >= 4, p[0] < PERSISTENT_NEWEST_P
    text, wants = f"{low} of {len(known)} p-values below {PERSISTENT_P:g}", []
    if whole:
        text += f", the newest {p_text(p[0], PERSISTENT_NEWEST_P)}"
        wants += [] if enough else [f"four of the six checkpoints are below p = {PERSISTENT_P:g}"]
        wants += [] if newest_low else [f"the newest is below {PERSISTENT_NEWEST_P:g}"]
    flips = f"Passes once {' and '.join(wants)}."
    if not whole:
        flips = "Known once all six checkpoints can be tested."
    elif not wants:
        flips = (
            f"Fails with fewer than four of the six checkpoints below p = {PERSISTENT_P:g},"
            f" or the newest at {PERSISTENT_NEWEST_P:g} or above."
        )
    return case.check(
        "persistence",
        "Has the relationship held through the last checkpoints?",
        value=float(low) if whole else None,
        text=text,
        threshold=f"4 of 6, and the newest below {PERSISTENT_NEWEST_P:g}",
        margin=float(low - 4) if whole and (newest_low or not enough) else None,  # else it is not a matter of counting
        passed=persists(p) if whole else None,
        flips=flips,
    )


def half_life(case: Case) -> Check:
    """How long a deviation lasts; said only when "related" passes, for noise shows a half-life too."""
    h, bars = case.report.half_life, case.params.fit_bars
    limit = bars / 4
    good = h is not None and h.high <= limit
    test = case.report.engle_granger
    if h is not None:
        text = f"{bars_text(h.bars)} bars (95 %: {bars_text(h.low)} to {bars_text(h.high, limit)})"
        flips = f"Fails when the interval ends above {limit:g} bars."
        if not good:
            flips = f"Passes when the interval ends at {limit:g} bars or before."
    elif test is not None and test.pvalue >= RELATED_P:
        text, flips = "not shown: not supported by the data", "Known once the relationship is supported."
    else:
        text, flips = _why_undefined(case), "Known once it can be computed."
    return case.check(
        "half_life",
        "How fast does a deviation go away?",
        value=None if h is None else h.bars,
        text=text,
        threshold=f"upper end at most N/4 = {limit:g} bars",
        margin=None if h is None else limit - h.high,
        passed=None if h is None else good,
        flips=flips,
    )


def kpss(case: Case) -> Check:
    """KPSS of the residual: here a small p speaks against stationarity."""
    t = case.report.kpss
    text = f"KPSS {_why_undefined(case)}"
    if t is not None:  # the published table ends at .01 and .10
        text = (
            "KPSS p ≥ 0.10" if t.pvalue >= 0.1 else "KPSS p ≤ 0.01" if t.pvalue <= 0.01 else f"KPSS {p_text(t.pvalue)}"
        )
    return case.check(
        "kpss",
        "Does nothing speak against a stationary spread (KPSS)?",
        value=None if t is None else t.pvalue,
        text=text,
        threshold="p ≥ 0.05",
        margin=None if t is None else t.pvalue - 0.05,
        passed=None if t is None else t.pvalue >= 0.05,
        flips="Fails when p falls below 0.05." if t is None or t.pvalue >= 0.05 else "Passes when p rises to 0.05.",
    )


def hedge_error(case: Case) -> Check:
    """β ± its standard error."""
    fits = case.report.log_fits
    beta, se = float(fits.beta[-1]), float(fits.beta_se[-1])
    places = decimals(3, beta - 2 * se, MIN_BETA)
    return _above(
        case, "hedge_error", "How sure is the hedge ratio?", beta - 2 * se, MIN_BETA,
        f"β = {beta:.{places}f} ± {se:.{places}f}",
        f"β − 2 se > {MIN_BETA:g}", "Fails when β − 2 se falls to 0.1.", "Passes when β − 2 se rises above 0.1.",
        unknown=f"β {_why_undefined(case)}", value=beta, strict=True,
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


def _p_below(case: Case, key: str, question: str, test: TestResult | None, name: str, why: str) -> Check:
    p = None if test is None else test.pvalue
    good = p is not None and p < RELATED_P
    flips = f"Fails when p rises to {RELATED_P:g}." if good else f"Passes when p falls below {RELATED_P:g}: {why}."
    if p is None:
        flips = "Known once it can be tested."
    return case.check(
        key,
        question,
        value=p,
        text=f"{name} {p_text(p)}" if p is not None else f"{name} {_why_undefined(case)}",
        threshold=f"p < {RELATED_P:g}",
        margin=None if p is None else RELATED_P - p,
        passed=None if p is None else good,
        flips=flips,
    )


def _why_undefined(case: Case) -> str:
    if case.report.have_bars < case.params.fit_bars:
        return f"needs {case.params.fit_bars} candles, has {case.report.have_bars}"
    return "undefined, as a leg is flat or the legs are collinear"


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
    unknown: str,
    value: float | None = None,
    strict: bool = False,
) -> Check:
    known = not isnan(number)
    good = number > threshold if strict else number >= threshold
    return case.check(
        key,
        question,
        value=(number if value is None else value) if known else None,
        text=text if known else unknown,
        threshold=threshold_text,
        margin=number - threshold if known else None,
        passed=good if known else None,
        flips=(fails if good else passes) if known else "Known once it can be computed.",
    )
