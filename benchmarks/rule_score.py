"""Counting for the rule's benchmark: ratios with standard errors, clustered by what is independent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from analytics.checks import persists
from analytics.report import PairReport
from benchmarks.rule_walk import Walk
from core.clock import DAY_MS


@dataclass(frozen=True, slots=True)
class Ratio:
    """Σa/Σb over clusters, with its standard error."""

    value: float
    se: float
    count: float  # Σb

    def text(self, scale: float = 1.0, digits: int = 2) -> str:
        """As printed; a dash where there is nothing to divide by."""
        if self.count == 0:
            return "–"
        if self.value == 0:  # none seen is not none: the 95 % limit is three in as many
            return f"0 (< {3 / self.count * scale:.{digits}f})"
        return f"{self.value * scale:.{digits}f} ± {self.se * scale:.{digits}f}"


def ratio(clusters: dict[Hashable, tuple[float, float]]) -> Ratio:
    """A ratio of sums; clusters are independent of one another, their members need not be (linearised variance)."""
    a, b = np.array(list(clusters.values()), np.float64).reshape(-1, 2).T
    if b.sum() == 0:
        return Ratio(float("nan"), float("nan"), 0.0)
    r = a.sum() / b.sum()
    k = int((b > 0).sum())
    se = float("nan") if k < 2 else float(np.sqrt(k / (k - 1) * ((a - r * b) ** 2).sum()) / b.sum())
    return Ratio(float(r), se, float(b.sum()))


@dataclass
class Tally:
    """What a preset did in one market."""

    alerts: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # alerts, judged pair-days
    alert_days: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # days with an alert, days
    flagged: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # flagged, free excursions
    net: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # by cluster: Σ realised net, trades
    gross: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    promised: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    middle: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    off_middle: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # Σ (net − middle)
    gate: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # Σ persistence passed, trades
    net_passed: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # Σ net, where it passed
    net_failed: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # … and where it failed
    kappa: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # Σ gross, Σ edge shown

    def add(self, pair: Hashable, walk: Walk, report: PairReport, cost_bps: float, by_day: bool) -> None:
        """Count one pair's walk. Clusters are pairs, or days of the calendar where all pairs share one market."""
        open_ms, back = report.open_ms, np.arange(6) * (report.params.fit_bars // 20)
        day_of = open_ms // DAY_MS
        a_day = DAY_MS / int(np.diff(open_ms).min())
        judged, alerted = day_of[walk.judged], day_of[walk.alerts]
        alerts_on, with_alert = Counter(alerted.tolist()), set(alerted.tolist())
        for day, rows in Counter(judged.tolist()).items():
            key: Hashable = day if by_day else pair
            _add(self.alerts, key, alerts_on[day], rows / a_day)
            _add(self.alert_days, key, float(day in with_alert), 1.0)
        _add(self.flagged, pair, walk.flagged, walk.free)
        for t in walk.trades:
            key = int(day_of[t.row]) if by_day else pair
            net = t.gross_bps - cost_bps
            _add(self.net, key, net, 1.0)
            _add(self.gross, key, t.gross_bps, 1.0)
            _add(self.promised, key, t.promised_bps, 1.0)
            _add(self.middle, key, t.middle_bps, 1.0)
            _add(self.off_middle, key, net - t.middle_bps, 1.0)
            held = persists(report.eg_pvalue[t.row - back])
            _add(self.gate, key, float(held), 1.0)
            _add(self.net_passed if held else self.net_failed, key, net, 1.0)
            _add(self.kappa, key, t.gross_bps, t.shown_bps)


def _add(into: dict[Hashable, tuple[float, float]], key: Hashable, a: float, b: float) -> None:
    old = into.get(key, (0.0, 0.0))
    into[key] = (old[0] + a, old[1] + b)
