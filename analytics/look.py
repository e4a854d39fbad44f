"""What one look leaves behind for the screen: report, decision, its costs, the pair's record, the journal's rows."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.costs import CostSplit
from analytics.decision import Decision, Verdict
from analytics.record import RecordSummary
from analytics.report import PairReport

__all__ = ["CostSplit", "Look", "RecordSummary", "Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """One row of the journal: what a look said at the time. Never rewritten."""

    candle_ms: int
    verdict: Verdict
    reason: str
    beta: float | None
    spread: float | None
    z: float | None  # the z the preset decides by
    corr: float | None
    pvalue: float | None
    note: str = ""  # for example "repaired" for a candle that a late repair has changed since


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One evaluation of the rule at one confirmed candle. Compared by identity: one look, one object."""

    report: PairReport
    decision: Decision
    costs: CostSplit | None = None  # None: not known
    record: RecordSummary | None = None  # None: the preset has none, or nothing is known yet
