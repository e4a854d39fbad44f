"""Every verdict by hand, their precedence, and what each check says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.checks import CHECKS, Case
from analytics.costs import CostSplit
from analytics.decision import PRESETS, Check, Decision, Freshness, Verdict, decide
from analytics.params import Params, Preset
from analytics.record import RecordSummary
from analytics.report import PairReport
from tests.analytics.pairs import report_saying

V = Verdict
CLASSIC = Params(fit_bars=40, z_bars=10, preset="classic")
COSTS = CostSplit(fees_bps=10.0, half_spreads_bps=0.5, funding_bps=-0.3)  # 10.2 bps
RICH = RecordSummary(25, 20, kappa=1.05, kappa_se=0.05, lower_bound=1.05 - 2.33 * 0.05, days_to_go=0.0)
POOR = RecordSummary(25, 20, kappa=0.10, kappa_se=0.03, lower_bound=0.10 - 2.33 * 0.03, days_to_go=0.0)
THIN = RecordSummary(7, 20, kappa=0.12, kappa_se=0.40, lower_bound=0.12 - 2.33 * 0.4, days_to_go=13.0)
OPENING = [0.4, 2.2]  # the newest row is the excursion's entry


def now(report: PairReport, later_s: float = 0.0) -> Freshness:
    f = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=report.params.timeframe_s)
    assert f.watermark_ms is not None
    return replace(f, watermark_ms=f.watermark_ms + int(later_s * 1000))


def say(report: PairReport, record: RecordSummary | None = RICH, costs: CostSplit | None = COSTS) -> Decision:
    return decide(report, freshness=now(report), costs=costs, record=record)


def check(decision: Decision, key: str) -> Check:
    return next(c for c in decision.checks if c.key == key)


# ---- each verdict of the evidence preset -----------------------------------------------------------------------


def test_tradable_when_every_deciding_check_passes() -> None:
    d = say(report_saying(z=OPENING, sd=0.0012))
    assert d.verdict is V.TRADABLE
    assert [c.state for c in d.checks if c.deciding] == ["passed"] * 5
    assert [c.key for c in d.checks if c.deciding] == ["clean", "hedgeable", "related", "stretched", "record"]
    # E = 2.2 · 12 bps / 1.8 = 14.667; lower bound .9335 of it = 13.692; less 10.2
    assert d.expected_net_bps == pytest.approx(0.9335 * 2.2 * 12.0 / 1.8 - 10.2)
    assert d.cost_bps == pytest.approx(10.2)
    assert d.reason == ("Its own record supports it: sell the spread at z = +2.20; lower bound +3.5 bps net of cost.")
    assert d.rule == "evidence 2"
    assert d.legs is not None
    assert (d.legs.side_y, d.legs.side_x) == ("SELL", "BUY")
    assert d.legs.notional_y == pytest.approx(10_000 / 1.8)
    assert d.legs.notional_x == pytest.approx(10_000 * 0.8 / 1.8)


def test_tradable_on_the_other_side() -> None:
    d = say(report_saying(z=[-0.4, -2.2], sd=0.0012))
    assert d.verdict is V.TRADABLE
    assert d.legs is not None
    assert (d.legs.side_y, d.legs.side_x) == ("BUY", "SELL")
    assert "buy the spread at z = -2.20" in d.reason


def test_another_hedge_than_the_tested_one_is_said() -> None:
    for params in (Params(fit_bars=40, z_bars=10, method="huber"), Params(fit_bars=40, z_bars=10, price_units=True)):
        assert "another than the one tested" in say(report_saying(z=OPENING, sd=0.0012, params=params)).reason


def test_wait_while_not_stretched() -> None:
    d = say(report_saying(z=[0.4, 1.4], sd=0.0012))
    assert d.verdict is V.WAIT
    assert d.reason == "Related, not stretched yet: z = +1.40, 0.60 short of 2."
    assert d.trigger is not None
    assert d.trigger.distance_z == pytest.approx(0.6)
    assert check(d, "stretched").margin == pytest.approx(-0.6)
    # what it would pay at the trigger, not at z = 1.4
    assert d.expected_net_bps == pytest.approx(0.9335 * 2.0 * 12.0 / 1.8 - 10.2)


def test_wait_while_the_record_is_thin() -> None:
    d = say(report_saying(z=OPENING), record=THIN)
    assert d.verdict is V.WAIT
    assert d.reason == (
        "Stretched at z = +2.20, but the record is too thin: 7 of 20 excursions, about 13 days to go;"
        " so far it caught 12% of what was shown (± 40%)."
    )
    assert check(d, "record").state == "unknown"
    assert d.expected_net_bps is None


def test_wait_without_any_record() -> None:
    d = say(report_saying(z=OPENING), record=None)
    assert (d.verdict, check(d, "record").state) == (V.WAIT, "unknown")
    assert d.reason == "Stretched at z = +2.20, but what its past excursions returned is not known."


def test_wait_when_the_record_does_not_pay() -> None:
    d = say(report_saying(z=OPENING, sd=0.0012), record=POOR)
    assert d.verdict is V.WAIT
    assert d.reason.startswith("Stretched at z = +2.20, but its own record does not pay: at least +0.4 bps of gross")
    assert check(d, "record").state == "failed"
    assert "beyond the stop" in check(d, "record").flips
    d = say(report_saying(z=OPENING), record=replace(POOR, lower_bound=-0.02))
    assert check(d, "record").flips.startswith("No z pays")


def test_wait_when_a_cost_is_unknown_and_the_known_ones_are_paid() -> None:
    d = say(report_saying(z=OPENING, sd=0.0012), costs=CostSplit(10.0, 0.5, None))
    assert d.verdict is V.WAIT
    assert d.reason == "Stretched at z = +2.20; whether its record pays is unknown without funding."
    assert d.expected_net_bps is None
    dear = say(report_saying(z=OPENING, sd=0.0012), costs=CostSplit(14.0, 0.5, None))
    assert check(dear, "record").state == "failed"


RECEIVED = CostSplit(fees_bps=10.0, half_spreads_bps=1.0, funding_bps=-14.0)  # −3 bps


def test_what_funding_alone_would_carry_is_not_what_the_record_supports() -> None:
    # E = 2.2 · 12 bps / 1.8 = 14.667; the lower bound is a loss of 0.29
    d = say(report_saying(z=OPENING, sd=0.0012), record=replace(POOR, lower_bound=-0.02), costs=RECEIVED)
    record = check(d, "record")
    assert (d.verdict, record.state) == (V.WAIT, "failed")
    assert record.margin == pytest.approx(-0.02 * 2.2 * 12.0 / 1.8)
    assert record.flips == "No z pays: the lower bound of what past excursions returned is not above 0."
    assert d.reason == (
        "Stretched at z = +2.20, but its own record does not pay: at least -0.3 bps of gross at |z| = 2.20,"
        " from 25 excursions, needs > 0 bps, though 3.0 bps are received."
    )
    at_nothing = say(report_saying(z=OPENING, sd=0.0012), record=replace(POOR, lower_bound=0.0), costs=RECEIVED)
    assert at_nothing.verdict is V.WAIT


def test_a_record_above_nothing_pays_a_cost_that_is_received() -> None:
    d = say(report_saying(z=OPENING, sd=0.0012), record=POOR, costs=RECEIVED)
    promise = POOR.lower_bound * 2.2 * 12.0 / 1.8  # type: ignore[operator]
    assert d.verdict is V.TRADABLE
    assert check(d, "record").margin == pytest.approx(promise)
    assert check(d, "record").flips == "Fails when the lower bound of what past excursions returned is not above 0."
    assert d.expected_net_bps == pytest.approx(promise + 3.0)  # what is received is part of the net
    assert d.reason.endswith(f"lower bound {promise + 3.0:+.1f} bps net of cost.")


def test_a_cost_known_in_part_is_not_called_the_cost() -> None:
    dear = say(report_saying(z=OPENING, sd=0.0012), costs=CostSplit(14.0, 0.5, None))
    assert check(dear, "record").flips == "Pays from |z| = 2.33 on at this cost + unknown funding."
    assert dear.expected_net_bps is None


def test_wait_beyond_the_stop() -> None:
    d = say(report_saying(z=[0.4, 4.0], sd=0.0012))
    assert d.verdict is V.WAIT
    assert d.reason == "Related, but stretched beyond the stop: z = +4.00, needs |z| below 4."
    assert say(report_saying(z=[0.4, 3.999], sd=0.0012)).verdict is V.TRADABLE


def test_wait_when_this_excursions_entry_is_past_and_tradable_once_armed_again() -> None:
    late = report_saying(z=[0.4, 2.3, 2.2], sd=0.0012)
    d = say(late)
    assert d.verdict is V.WAIT
    assert d.reason == (
        "Related, z = +2.20, but this excursion's entry is past; armed again after |z| < 1 or a change of sign."
    )
    assert check(d, "stretched").margin == pytest.approx(1.0 - 2.2)
    assert say(report_saying(z=[0.4, 2.3, 1.2, 2.2], sd=0.0012)).verdict is V.WAIT
    assert say(report_saying(z=[0.4, 2.3, 0.9, 2.2], sd=0.0012)).verdict is V.TRADABLE
    assert say(report_saying(z=[0.4, 2.3, -2.2], sd=0.0012)).verdict is V.TRADABLE


def test_an_excursion_whose_beginning_was_not_seen_has_no_entry() -> None:
    d = say(report_saying(z=[2.2], sd=0.0012))
    assert d.verdict is V.WAIT
    assert "but this excursion's beginning was not seen; armed again after" in d.reason


def test_not_tradable_without_support() -> None:
    d = say(report_saying(z=[0.4, 1.4], p=0.31))
    assert d.verdict is V.NOT_TRADABLE
    assert d.reason == "Not supported by the data: Engle-Granger p = 0.310, needs < 0.05."
    assert d.regime == d.reason
    assert "trend" not in d.reason


def test_p_at_the_threshold_does_not_pass() -> None:
    assert say(report_saying(z=[0.4, 1.4], p=0.05)).verdict is V.NOT_TRADABLE
    assert say(report_saying(z=[0.4, 1.4], p=0.0499)).verdict is V.WAIT


def test_not_tradable_when_untestable() -> None:
    d = say(report_saying(z=OPENING, p=None))
    assert d.verdict is V.NOT_TRADABLE
    assert d.reason.startswith("Cannot be judged: Engle-Granger undefined")
    assert d.regime.startswith("Cannot be tested")


@pytest.mark.parametrize("beta", [0.1, 0.0, -0.8])
def test_not_tradable_when_both_legs_would_be_on_one_side(beta: float) -> None:
    d = say(report_saying(z=OPENING, beta=beta))
    assert d.verdict is V.NOT_TRADABLE
    assert d.reason == f"Not hedgeable: β = {beta:.3f}, needs β > 0.1."
    assert check(d, "hedgeable").margin == pytest.approx(beta - 0.1)
    if beta < 0:
        assert d.legs is not None
        assert (d.legs.side_y, d.legs.side_x) == ("SELL", "SELL")


def test_not_tradable_on_unclean_data() -> None:
    d = say(report_saying(z=OPENING, incomplete=1))
    assert d.verdict is V.NOT_TRADABLE
    assert d.reason == "Data not clean: 1 incomplete, 0.0% stale; needs 0 incomplete, at most 10% stale."
    assert say(report_saying(z=OPENING, stale=0.1001)).verdict is V.NOT_TRADABLE
    assert say(report_saying(z=OPENING, stale=0.10, sd=0.0012)).verdict is V.TRADABLE


def test_trap_when_stretched_without_a_relationship() -> None:
    d = say(report_saying(z=OPENING, p=0.31))
    assert d.verdict is V.TRAP
    assert d.reason == (
        "Stretched to z = +2.20 without a relationship."
        " Not supported by the data: Engle-Granger p = 0.310, needs < 0.05."
    )


def test_trap_when_stretched_while_returns_hardly_move_together() -> None:
    d = say(report_saying(z=OPENING, corr=0.69, sd=0.0012))
    assert d.verdict is V.TRAP
    assert "r = 0.69, needs at least 0.7" in d.reason
    assert say(report_saying(z=OPENING, corr=0.70, sd=0.0012)).verdict is V.TRADABLE
    assert say(report_saying(z=[0.4, 1.4], corr=0.1)).verdict is V.WAIT


def test_trap_holds_beyond_the_stop_and_after_the_entry() -> None:
    assert say(report_saying(z=[0.4, 6.0], p=0.31)).verdict is V.TRAP
    assert say(report_saying(z=[0.4, 2.3, 2.2], p=0.31)).verdict is V.TRAP


def test_warming_up_says_what_is_missing_and_how_long() -> None:
    r = report_saying(z=OPENING, have=43)
    d = say(r)
    assert d.verdict is V.WARMING_UP
    assert (d.have_bars, d.need_bars, d.ready_in_s) == (43, 50, 420.0)
    assert d.reason == "Warming up: 43 of 50 candles that both legs share; 7 to go, 7 min at best."
    empty = report_saying(z=[0.0], have=0)
    assert decide(empty, freshness=Freshness(watermark_ms=1)).verdict is V.WARMING_UP


# ---- no data -----------------------------------------------------------------------------------------------------


def test_no_data_when_a_leg_is_silent() -> None:
    r = report_saying(z=OPENING)
    d = decide(r, freshness=replace(now(r), silent=("YUSDT",)), record=RICH, costs=COSTS)
    assert (d.verdict, d.reason) == (V.NO_DATA, "No data: the stream of YUSDT is silent.")
    assert decide(r, freshness=Freshness(reason="No data: the exchange answered 451.")).reason.endswith("451.")
    assert decide(r, freshness=Freshness()).verdict is V.NO_DATA


def test_no_data_when_the_newest_candle_of_either_leg_is_older_than_two_timeframes() -> None:
    r = report_saying(z=OPENING, sd=0.0012)
    assert decide(r, freshness=now(r, 120.0), record=RICH, costs=COSTS).verdict is V.TRADABLE
    d = decide(r, freshness=now(r, 120.1), record=RICH, costs=COSTS)
    assert d.verdict is V.NO_DATA
    assert d.reason == "No data: YUSDT's newest confirmed candle ended 120 s ago, more than 120 s."
    assert r.newest_x_ms is not None
    behind = replace(r, newest_x_ms=r.newest_x_ms - 180_000)
    assert decide(behind, freshness=now(r), record=RICH, costs=COSTS).reason.startswith("No data: XUSDT's")


def test_the_time_that_confirming_a_candle_takes_is_not_counted_against_it() -> None:
    r = report_saying(z=OPENING, sd=0.0012)
    late = replace(now(r, 150.0), grace_ms=30_000)
    assert decide(r, freshness=late, record=RICH, costs=COSTS).verdict is V.TRADABLE
    d = decide(r, freshness=replace(now(r, 151.0), grace_ms=30_000), record=RICH, costs=COSTS)
    assert d.reason == "No data: YUSDT's newest confirmed candle ended 151 s ago, more than 150 s."


# ---- precedence --------------------------------------------------------------------------------------------------

EVERYTHING_WRONG = {"p": 0.5, "corr": 0.1, "beta": -1.0, "incomplete": 3, "stale": 0.5}


def test_precedence_from_the_top() -> None:
    short = report_saying(z=OPENING, have=43, **EVERYTHING_WRONG)  # type: ignore[arg-type]
    silent = replace(now(short), silent=("XUSDT",))
    assert decide(short, freshness=silent).verdict is V.NO_DATA  # before WARMING UP
    assert decide(short, freshness=now(short)).verdict is V.WARMING_UP  # before TRAP and NOT TRADABLE
    unclean = report_saying(z=OPENING, **EVERYTHING_WRONG)  # type: ignore[arg-type]
    assert say(unclean).verdict is V.NOT_TRADABLE  # a stretch in unclean data may not be one: no TRAP
    assert say(unclean).reason.startswith("Data not clean")
    assert say(report_saying(z=OPENING, p=0.5, beta=-1.0)).verdict is V.TRAP  # before NOT TRADABLE
    assert say(report_saying(z=[0.4, 1.4], p=0.5, beta=-1.0)).reason.startswith("Not hedgeable")
    assert say(report_saying(z=OPENING, corr=0.1), record=THIN).verdict is V.TRAP  # before WAIT
    assert say(report_saying(z=[0.4, 1.0], p=0.5), record=THIN).verdict is V.NOT_TRADABLE  # before WAIT
    assert say(report_saying(z=[0.4, 1.4], sd=0.0012), record=THIN).reason.startswith("Related, not stretched yet")


# ---- classic -----------------------------------------------------------------------------------------------------


def classic(**numbers: object) -> Decision:
    report = report_saying(params=CLASSIC, **{"z": [0.0, 0.1], **numbers})  # type: ignore[arg-type]
    return say(report, record=None, costs=None)


def test_classic_asks_adf_correlation_and_the_rolling_z() -> None:
    d = classic(z_roll=2.1, p=0.9)
    assert d.verdict is V.TRADABLE
    assert [c.key for c in d.checks if c.deciding] == ["clean", "hedgeable", "adf", "corr", "z_roll"]
    assert "without a relationship too" in d.reason
    assert d.rule == "classic 1"
    assert classic(z_roll=-2.1).legs.side_y == "BUY"  # type: ignore[union-attr]
    assert classic(z_roll=5.0).verdict is V.TRADABLE  # the recipe knows no upper bound and no re-arming


def test_classic_waits_traps_and_refuses() -> None:
    assert classic(z_roll=1.9).reason == "Related, not stretched yet: z = +1.90, 0.10 short of 2."
    assert classic(z_roll=1.9, adf_p=0.2).verdict is V.NOT_TRADABLE
    assert classic(z_roll=1.9, corr=0.6).verdict is V.NOT_TRADABLE
    assert classic(z_roll=2.1, adf_p=0.2).verdict is V.TRAP
    assert classic(z_roll=2.1, corr=0.6).verdict is V.TRAP
    assert classic(z_roll=2.1, beta=-0.5).verdict is V.NOT_TRADABLE
    assert classic(z_roll=2.1, incomplete=1, adf_p=0.2).verdict is V.NOT_TRADABLE
    assert classic(z_roll=float("nan")).verdict is V.WAIT


def test_classic_measures_its_trigger_in_rolling_z() -> None:
    d = classic(z_roll=-0.5)
    assert d.trigger is not None
    assert (d.trigger.z, d.trigger.entry_z, d.trigger.distance_z) == (-0.5, -2.0, 1.5)


# ---- the registry ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_names_known_checks_once_and_says_how_often_it_is_wrong(preset: Preset) -> None:
    info = PRESETS[preset]
    keys = (*info.deciding, *info.informing)
    assert sorted(keys) == sorted(CHECKS)
    assert set(info.relationship) <= set(info.deciding)
    assert info.deciding[:2] == ("clean", "hedgeable")
    assert any(ch.isdigit() for ch in info.false_alarms)


@pytest.mark.parametrize("key", CHECKS)
def test_every_check_answers_in_full_for_any_report(key: str) -> None:
    reports = [
        report_saying(z=OPENING),
        report_saying(z=[np.nan], p=None, adf_p=None, corr=np.nan, beta=np.nan, sd=np.nan, z_roll=np.nan),
        report_saying(z=OPENING, **EVERYTHING_WRONG),  # type: ignore[arg-type]
        report_saying(z=[0.0], have=3),
    ]
    for report in reports:
        for record in (None, THIN, RICH, POOR):
            c = CHECKS[key](Case(report, COSTS, record))
            assert c.key == key
            assert c.question.endswith("?")
            assert c.flips.endswith(".")
            assert c.value_text
            assert c.threshold_text
            assert c.as_of_ms == report.newest_ms
            assert "nan" not in (c.value_text + c.threshold_text + c.flips).lower()
            if c.state == "unknown":
                assert c.margin is None
            elif c.margin is not None:
                assert (c.margin >= 0) == (c.state == "passed") or c.margin == 0
            assert c.value is None or not np.isnan(c.value)
