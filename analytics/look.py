"""What one look leaves behind for the screen: the report, the decision, its costs and the pair's record."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.costs import CostSplit
from analytics.decision import Decision
from analytics.record import RecordSummary
from analytics.report import PairReport


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One evaluation of the rule at one confirmed candle. Compared by identity: one look, one object."""

    report: PairReport
    decision: Decision
    costs: CostSplit | None = None  # None: not known
    record: RecordSummary | None = None  # None: nothing is known of it yet
