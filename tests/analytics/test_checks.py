"""What each check says: never more than is so, and each number on its own side of its threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.check_words import decimals
from analytics.checks import CHECKS, Case
from analytics.costs import CostSplit
from analytics.decision import Check, Decision, Freshness, Verdict, decide
from analytics.params import Params
from analytics.record import RecordSummary
from analytics.report import HalfLife, PairReport, analyse
from tests.analytics.pairs import candles, report_saying, walk

COSTS = CostSplit(fees_bps=10.0, half_spreads_bps=0.5, funding_bps=-0.3)
RICH = RecordSummary(25, 20, kappa=1.05, kappa_se=0.05, lower_bound=0.9)


def say(report: PairReport, record: RecordSummary | None = RICH, costs: CostSplit | None = COSTS) -> Decision:
    fresh = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=60)
    return decide(report, freshness=fresh, costs=costs, record=record)


def ask(key: str, report: PairReport, record: RecordSummary | None = RICH, costs: CostSplit | None = COSTS) -> Check:
    return CHECKS[key](Case(report, costs, record))


# ---- the excursion -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z", [[0.4, 1.5], [0.4, 4.5], [0.4, 2.3, 0.6], [1.5, -1.2]], ids=str)
def test_a_stretch_passes_at_the_entry_while_the_excursions_entry_is_to_come(z: list[float]) -> None:
    c, d = ask("stretched", report_saying(z=z)), say(report_saying(z=z))
    assert c.flips == ("Passes when |z| comes back below 4." if z[-1] >= 4 else "Passes at |z| = 2.")
    assert d.armed


@pytest.mark.parametrize(
    ("z", "why"),
    [
        ([0.4, 2.3, 1.5], "entry is past"),
        ([0.4, 2.3, 2.2], "entry is past"),
        ([0.4, 2.3, 4.5], "entry is past"),
        ([1.5], "beginning was not seen"),
        ([2.2], "beginning was not seen"),
        ([4.5], "beginning was not seen"),
    ],
    ids=str,
)
def test_where_a_stretch_would_be_no_entry_it_says_what_must_come_first(z: list[float], why: str) -> None:
    c, d = ask("stretched", report_saying(z=z)), say(report_saying(z=z, sd=0.0012))
    assert c.flips == "Passes at |z| = 2, once |z| < 1 or a change of sign has armed it again."
    assert c.state == "failed"
    assert c.margin == pytest.approx(1.0 - z[-1])
    assert c.value_text == f"z = {z[-1]:+.2f}, {why}"
    assert (d.verdict, d.armed) == (Verdict.WAIT, False)
    assert d.reason == (
        f"Related, z = {z[-1]:+.2f}, but this excursion's {why}; armed again after |z| < 1 or a change of sign."
    )


def test_classic_has_no_memory_of_an_excursion() -> None:
    assert say(report_saying(z=[0.4, 2.3, 1.5], params=Params(fit_bars=40, z_bars=10, preset="classic"))).armed


# ---- rounding ----------------------------------------------------------------------------------------------------


@given(st.floats(-10, 10), st.sampled_from([0.0, 0.05, 0.1, 0.7, 2.0, 2.005, -0.3]), st.integers(0, 3))
def test_what_is_written_lies_where_the_number_lies(value: float, threshold: float, least: int) -> None:
    written = float(f"{value:.{decimals(least, value, threshold)}f}")
    if abs(value - threshold) > 1e-15 or value == threshold:
        assert (written < threshold, written > threshold) == (value < threshold, value > threshold)


@pytest.mark.parametrize(
    ("key", "numbers", "text"),
    [
        ("related", {"p": 0.0499}, "Engle-Granger p = 0.0499"),
        ("related", {"p": 0.0501}, "Engle-Granger p = 0.0501"),
        ("related", {"p": 0.05}, "Engle-Granger p = 0.050"),
        ("clean", {"stale": 0.1004}, "0 incomplete, 10.04% stale"),
        ("clean", {"stale": 0.10}, "0 incomplete, 10.0% stale"),
        ("hedgeable", {"beta": 0.1004}, "β = 0.1004"),
        ("corr", {"corr": 0.7996}, "r = 0.7996"),
        ("stretched", {"z": [0.4, 1.998]}, "z = +1.998"),
        ("stretched", {"z": [-0.4, -3.9996]}, "z = -3.9996"),
        ("z_roll", {"z_roll": 1.9999}, "z = +1.9999"),
    ],
)
def test_a_number_near_its_threshold_shows_which_side_it_is_on(key: str, numbers: dict[str, object], text: str) -> None:
    assert ask(key, report_saying(**{"z": [0.4, 2.2], **numbers})).value_text == text  # type: ignore[arg-type]


def test_reasons_show_it_too() -> None:
    assert say(report_saying(z=[0.4, 1.998])).reason == "Related, not stretched yet: z = +1.998, 0.002 short of 2."
    assert "r = 0.6999, needs at least 0.7" in say(report_saying(z=[0.4, 2.2], corr=0.6999)).reason
    assert say(report_saying(z=[0.4, 1.0], p=0.0499)).regime.endswith("(Engle-Granger, p = 0.0499).")


def test_a_record_that_pays_by_a_hair_shows_the_hair() -> None:
    report = report_saying(z=[0.4, 2.2], sd=0.0012)
    promise = 2.2 * 12.0 / 1.8
    for lower, state in ((10.2 / promise + 1e-4, "passed"), (10.2 / promise - 1e-4, "failed")):
        c = ask("record", report, replace(RICH, lower_bound=lower))
        shown = float(c.value_text.removeprefix("at least ").split()[0])
        cost = float(c.threshold_text.split()[1])
        assert c.state == state
        assert (shown > cost) == (state == "passed")


# ---- words -------------------------------------------------------------------------------------------------------


def test_both_legs_are_on_one_side_only_from_zero_down() -> None:
    for beta, below in ((0.8, "next to nothing"), (0.05, "next to nothing"), (0.0, "one side"), (-0.5, "one side")):
        c = ask("hedgeable", report_saying(z=[0.4, 1.4], beta=beta))
        assert below in c.flips
        assert c.flips.startswith("Fails" if beta > 0.1 else "Passes")


@pytest.mark.parametrize(
    ("p", "state", "margin", "flips"),
    [
        ([0.001] * 6, "passed", 2.0, "Fails with fewer than four of the six checkpoints below p = 0.01, or"),
        ([0.12] + [0.001] * 5, "failed", None, "Passes once the newest is below 0.1."),
        ([0.001] * 3 + [0.2] * 3, "failed", -1.0, "Passes once four of the six checkpoints are below p = 0.01."),
        ([0.2] * 6, "failed", -4.0, "Passes once four of the six checkpoints are below p = 0.01 and the newest is"),
        ([0.001] * 3 + [np.nan] * 3, "unknown", None, "Known once all six checkpoints can be tested."),
    ],
    ids=["held", "newest too high", "too few", "both", "too short"],
)
def test_persistence_says_which_half_of_it_is_open(
    p: list[float], state: str, margin: float | None, flips: str
) -> None:
    c = ask("persistence", replace(report_saying(z=[0.4, 1.4]), persistence=np.array(p)))
    assert (c.state, c.margin) == (state, margin)
    assert c.flips.startswith(flips)
    assert ("the newest p" in c.value_text) == (state != "unknown")


def test_a_half_life_says_what_would_flip_the_state_it_is_in() -> None:
    report = report_saying(z=[0.4, 1.4])  # N/4 = 10

    def asked(half_life: HalfLife | None, p: float | None = 0.001) -> Check:
        test = None if p is None or report.engle_granger is None else replace(report.engle_granger, pvalue=p)
        return ask("half_life", replace(report, half_life=half_life, engle_granger=test))

    assert asked(HalfLife(5.0, 3.0, 9.0)).flips == "Fails when the interval ends above 10 bars."
    long = asked(HalfLife(5.0, 3.0, 10.04))
    assert (long.state, long.flips) == ("failed", "Passes when the interval ends at 10 bars or before.")
    assert long.value_text == "5.0 bars (95 %: 3.0 to 10.04)"
    assert asked(HalfLife(8.0, 3.0, float("inf"))).value_text == "8.0 bars (95 %: 3.0 to ∞)"
    assert asked(None, 0.2).value_text == "not shown: not supported by the data"
    for p in (0.001, None):  # it is not the data that say so
        assert "undefined" in asked(None, p).value_text


def test_two_legs_that_move_as_one_cannot_be_judged_and_it_says_why() -> None:
    x = np.exp(walk(np.random.default_rng(0), 60))
    as_one = analyse(candles("YUSDT", 2.0 * x), candles("XUSDT", x), Params(fit_bars=40, z_bars=10))
    why = "undefined, as a leg is flat or the legs are collinear"
    assert say(as_one).reason == f"Cannot be judged: β {why}."
    for key, name in (("hedgeable", "β"), ("related", "Engle-Granger"), ("stretched", "z"), ("kpss", "KPSS")):
        assert ask(key, as_one).value_text == f"{name} {why}"
    assert ask("hedgeable", report_saying(z=[0.0], have=3, beta=np.nan)).value_text == "β needs 40 candles, has 3"
