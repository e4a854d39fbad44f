"""decide(): a report in, a verdict with its reasons out. The same function serves screen, journal and backtest."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from analytics.check_words import decimals, p_text, r_text, z_text
from analytics.checks import CHECKS, Case
from analytics.costs import CostSplit, round_trip
from analytics.params import REARM_Z, WEAK_CORR
from analytics.presets import PRESETS, PresetInfo
from analytics.record import RecordSummary
from analytics.report import PairReport
from analytics.ticket import deciding_z, legs_of, trigger_of
from analytics.verdict import Check, CheckState, Decision, Freshness, Legs, LiveScore, Trigger, Verdict

__all__ = [
    "CHECKS", "PRESETS", "Check", "CheckState", "Decision", "Freshness", "Legs", "LiveScore", "PresetInfo", "Trigger",
    "Verdict", "decide",
]  # fmt: skip


def decide(
    report: PairReport,
    *,
    freshness: Freshness,
    costs: CostSplit | None = None,
    record: RecordSummary | None = None,
) -> Decision:
    """Judge the newest row of a report.

    Parameters
    ----------
    report : PairReport
    freshness : Freshness
        How current the data are; ``Freshness.as_of(...)`` for a look at the past.
    costs : CostSplit, optional
        Of a round trip now, from ``costs.round_trip``. None: only the fees of ``report.params`` are known.
    record : RecordSummary, optional
        The pair's own past excursions as of this candle.

    Returns
    -------
    Decision
        The verdict is the first that applies:

        1. NO DATA: a leg is silent, or its newest confirmed candle ended more than two timeframes (and the time that
           confirming takes) ago.
        2. WARMING UP: fewer than N + N/4 aligned candles.
        3. TRAP: clean data and |z| at or beyond entry, while the relationship is not supported or the correlation of
           returns is weak.
        4. NOT TRADABLE: not clean, not hedgeable, or the relationship not supported (or not testable).
        5. WAIT: any other deciding check has not passed.
        6. TRADABLE: every deciding check passes.
    """
    info = PRESETS[report.params.preset]
    case = Case(report, costs or _fees_only(report), record)
    asked = (*info.deciding, *info.informing) if report.have_bars else ()
    checks = {key: CHECKS[key](case) for key in asked}
    net_bps, ready_in_s = _net_bps(case, checks), None
    if reason := _why_no_data(report, freshness):
        verdict = Verdict.NO_DATA
    elif report.have_bars < report.need_bars:
        ready_in_s = float((report.need_bars - report.have_bars) * report.params.timeframe_s)
        verdict, reason, net_bps = Verdict.WARMING_UP, _warming_up(report, ready_in_s), None
    else:
        verdict, reason = _judge(case, info, checks, net_bps)
    return Decision(
        verdict=verdict,
        reason=reason,
        checks=tuple(checks.values()),
        regime=_regime(report, checks) if checks and verdict != Verdict.WARMING_UP else "Not known yet.",
        candle_ms=report.newest_ms,
        rule=f"{report.params.preset} {info.version}",
        trigger=trigger_of(report),
        legs=legs_of(report, deciding_z(report)),
        expected_net_bps=net_bps,
        cost_bps=None if case.costs is None else case.costs.total_bps,
        ready_in_s=ready_in_s,
        have_bars=report.have_bars,
        need_bars=report.need_bars,
        armed=report.params.preset != "evidence" or not case.spent,
    )


def _fees_only(report: PairReport) -> CostSplit | None:
    legs = legs_of(report, deciding_z(report))
    if legs is None:
        return None
    return round_trip(legs, fee_y_bps=report.params.fee_bps, fee_x_bps=report.params.fee_bps)


def _why_no_data(report: PairReport, freshness: Freshness) -> str:
    """Why nothing current can be said, as a sentence; empty when it can."""
    if freshness.reason:
        return freshness.reason
    if freshness.silent:
        return f"No data: the stream of {' and '.join(freshness.silent)} is silent."
    if freshness.watermark_ms is None:
        return "No data: nothing has been received yet."
    for symbol, newest_ms in ((report.symbol_y, report.newest_y_ms), (report.symbol_x, report.newest_x_ms)):
        if newest_ms is None:
            continue
        age_s = (freshness.watermark_ms - newest_ms - report.step_ms) / 1000.0
        limit_s = 2 * report.params.timeframe_s + freshness.grace_ms / 1000.0
        if age_s > limit_s:
            return f"No data: {symbol}'s newest confirmed candle ended {age_s:.0f} s ago, more than {limit_s:g} s."
    return ""


def _warming_up(report: PairReport, left_s: float) -> str:
    return (
        f"Warming up: {report.have_bars} of {report.need_bars} candles that both legs share;"
        f" {report.need_bars - report.have_bars} to go, {_duration(left_s)} at best."
    )


def _net_bps(case: Case, checks: Mapping[str, Check]) -> float | None:
    """What the record promises beyond a cost that is wholly known."""
    told = checks.get("record")
    if told is None or told.value is None or told.margin is None or case.costs is None or case.costs.missing:
        return None
    return told.value - case.costs.total_bps


def _judge(case: Case, info: PresetInfo, checks: Mapping[str, Check], net_bps: float | None) -> tuple[Verdict, str]:
    p = case.params
    z = deciding_z(case.report)
    beyond = abs(z) >= p.entry_z
    unsupported = [checks[key] for key in info.relationship if checks[key].state == "failed"]
    weak = checks["corr"].value is not None and checks["corr"].value < WEAK_CORR
    if checks["clean"].state == "passed" and beyond and (unsupported or weak):
        without = _unsupported(unsupported[0]) if unsupported else _weak(checks["corr"])
        return Verdict.TRAP, f"Stretched to {_z(case)} without a relationship. {without}"
    for key in ("clean", "hedgeable", *info.relationship):
        if checks[key].state != "passed":
            return Verdict.NOT_TRADABLE, _not_tradable(checks[key])
    for key in info.deciding:
        if checks[key].state != "passed":
            return Verdict.WAIT, _wait(case, checks[key])
    return Verdict.TRADABLE, _tradable(case, net_bps)


def _not_tradable(check: Check) -> str:
    if check.key == "clean":
        return f"Data not clean: {check.value_text}; needs {check.threshold_text}."
    if check.state == "unknown":
        return f"Cannot be judged: {check.value_text}."
    if check.key == "hedgeable":
        return f"Not hedgeable: {check.value_text}, needs {check.threshold_text}."
    return _unsupported(check)


def _unsupported(check: Check) -> str:
    if check.key == "corr":
        return _weak(check)
    return f"Not supported by the data: {check.value_text}, needs {check.threshold_text.removeprefix('p ')}."


def _weak(check: Check) -> str:
    assert check.value is not None, "weak is a value"
    return f"The returns hardly move together: {r_text(check.value, WEAK_CORR)}, needs at least {WEAK_CORR:g}."


def _wait(case: Case, check: Check) -> str:
    p, z = case.params, deciding_z(case.report)
    if check.state == "unknown" and check.key != "record":
        return f"Related, but it cannot be judged: {check.value_text}."
    if check.key in {"stretched", "z_roll"}:
        if check.key == "stretched" and case.spent:
            return (
                f"Related, {_z(case)}, but this excursion's {case.spent}; armed again after |z| < {REARM_Z:g}"
                " or a change of sign."
            )
        if abs(z) < p.entry_z:
            short = p.entry_z - abs(z)
            away = f"{short:.{decimals(2, short, 0.0)}f} short of {p.entry_z:g}"
            return f"Related, not stretched yet: {_z(case)}, {away}."
        return f"Related, but stretched beyond the stop: {_z(case)}, needs |z| below {p.stop_z:g}."
    if check.state == "unknown":
        if case.record is None:
            return f"Stretched at {_z(case)}, but what its past excursions returned is not known."
        if case.record.mature:
            unknown = " and ".join(case.costs.missing) if case.costs is not None else "cost"
            return f"Stretched at {_z(case)}; whether its record pays is unknown without {unknown}."
        return f"Stretched at {_z(case)}, but the record is too thin: {check.value_text.removeprefix('record: ')}."
    pays_not = f"{check.value_text}, needs {check.threshold_text}"
    return f"Stretched at {_z(case)}, but its own record does not pay: {pays_not}."


def _tradable(case: Case, net_bps: float | None) -> str:
    z = deciding_z(case.report)
    act = "sell" if z > 0 else "buy"
    if case.params.preset == "classic":
        return f"The classic recipe says {act} the spread at {_z(case)}. It says so without a relationship too, often."
    assert net_bps is not None, "the record check has passed"
    net = f"{net_bps:+.{decimals(1, net_bps, 0.0)}f}"
    reason = f"Its own record supports it: {act} the spread at {_z(case)}; lower bound {net} bps net of cost."
    if case.params.method != "ols" or case.params.price_units:
        reason += " The hedge chosen is another than the one tested: test and record are of least squares in logs."
    return reason


def _z(case: Case) -> str:
    return z_text(deciding_z(case.report), case.params.entry_z, case.params.stop_z)


def _regime(report: PairReport, checks: Mapping[str, Check]) -> str:
    """What the preset's own test supports, and no more."""
    check = checks["related" if report.params.preset == "evidence" else "adf"]
    if check.value is None:
        return f"Cannot be tested: {check.value_text}."
    if check.state == "failed":
        return _unsupported(check)
    test = "Engle-Granger" if check.key == "related" else "plain ADF on a fitted spread"
    return f"Mean reversion supported ({test}, {p_text(check.value)})."


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if isfinite(seconds) else "unknown"
