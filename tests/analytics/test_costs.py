"""Costs to the cent; what is not known is said."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from analytics.costs import NEVER_H, CostSplit, Funding, break_even_z, half_spread_bps, round_trip, settlements
from analytics.funding import announced
from analytics.verdict import Legs
from core.clock import HOUR_MS
from core.types import MarkPrice, Ticks

# sell 6,000 of Y, buy 4,000 of X
LEGS = Legs("SELL", "BUY", qty_y=2.0, qty_x=0.1, notional_y=6_000.0, notional_x=4_000.0)


def test_a_round_trip_by_hand() -> None:
    got = round_trip(
        LEGS,
        fee_y_bps=5.0,
        fee_x_bps=2.0,
        half_y_bps=0.5,
        half_x_bps=1.0,
        funding_y=Funding(rate=0.0001, interval_h=8, next_ms=2 * HOUR_MS),
        funding_x=Funding(rate=0.0003, interval_h=4, next_ms=2 * HOUR_MS),
        now_ms=0,
        hold_s=7 * 3600,
    )
    dollars = {
        "fees": 2 * (6_000 * 5e-4 + 4_000 * 2e-4),  # 7.60 USDT on 10,000
        "half": 2 * (6_000 * 0.5e-4 + 4_000 * 1e-4),  # 1.40
        "funding": -1 * 6_000 * 1e-4 + 2 * 4_000 * 3e-4,  # short receives 0.60 once; long pays 1.20 twice
    }
    assert got.fees_bps == pytest.approx(dollars["fees"])  # bps of 10,000 are USDT
    assert got.half_spreads_bps == pytest.approx(dollars["half"])
    assert got.funding_bps == pytest.approx(dollars["funding"])
    assert got.total_bps == pytest.approx(7.6 + 1.4 + 1.8)
    assert got.missing == ()
    assert got.formula == (
        "fees 2 × (0.600 × 5 + 0.400 × 2) = 7.60; half price-spreads 2 × (0.600 × 0.50 + 0.400 × 1.00) = 1.40;"
        " funding 0.600 × 1 × -1.00 + 0.400 × 2 × +3.00 = 1.80; total 10.80 bps of gross notional"
    )


def test_a_delivery_contract_is_never_funded_and_the_formula_says_so() -> None:
    mark = MarkPrice("BTCUSDT_261225", 0, 100.0, 100.0, 0.0, next_funding_ms=0)
    none = announced(mark, NEVER_H, at_ms=90 * HOUR_MS)
    paid = Funding(rate=0.0003, interval_h=8, next_ms=96 * HOUR_MS)
    split = partial(round_trip, LEGS, fee_y_bps=0, fee_x_bps=0, funding_y=none, now_ms=90 * HOUR_MS, hold_s=8 * 3600)
    assert split(funding_x=paid).funding_bps == pytest.approx(0.4 * 3.0)
    assert "; funding 0 (no funding: delivery contract) + 0.400 × 1 × +3.00 = 1.20;" in split(funding_x=paid).formula
    assert split(funding_x=none).funding_bps == 0.0


def test_four_taker_fills_cost_ten_bps_of_gross_whatever_the_split() -> None:
    assert round_trip(LEGS, fee_y_bps=5.0, fee_x_bps=5.0).fees_bps == pytest.approx(10.0)


def test_an_unknown_term_is_said_and_never_zero() -> None:
    got = round_trip(LEGS, fee_y_bps=5.0, fee_x_bps=5.0, half_y_bps=0.5)
    assert got.half_spreads_bps is None
    assert got.funding_bps is None
    assert got.missing == ("half price-spreads", "funding")
    assert "half price-spreads unknown; funding unknown; known so far 10.00" in got.formula
    assert CostSplit(10.0, 1.0, 0.0).missing == ()


def test_funding_is_paid_at_settlements_inside_the_hold() -> None:
    eight_hourly = Funding(rate=1e-4, interval_h=8, next_ms=100 * HOUR_MS)
    now = 99 * HOUR_MS
    assert settlements(eight_hourly, now, hold_s=3599.0) == 0
    assert settlements(eight_hourly, now, hold_s=3600.0) == 1
    assert settlements(eight_hourly, now, hold_s=9 * 3600.0 - 1) == 1
    assert settlements(eight_hourly, now, hold_s=9 * 3600.0) == 2


@pytest.mark.parametrize("late_h", [0, 2, 8, 30])
def test_a_settlement_that_is_past_is_not_paid_again(late_h: int) -> None:
    told = Funding(rate=1e-4, interval_h=8, next_ms=16 * HOUR_MS)
    now = told.next_ms + late_h * HOUR_MS
    ahead_h = 8 - late_h % 8  # the ones after it go on at the same hours
    assert settlements(told, now, hold_s=0.0) == 0
    assert settlements(told, now, hold_s=ahead_h * 3600.0 - 1) == 0
    assert settlements(told, now, hold_s=ahead_h * 3600.0) == 1
    assert settlements(told, now, hold_s=(ahead_h + 8) * 3600.0) == 2


def test_settlements_without_hours_between_them_are_refused() -> None:
    with pytest.raises(ValueError, match="interval_h must be > 0, was 0"):
        Funding(rate=1e-4, interval_h=0, next_ms=HOUR_MS)


def test_both_legs_long_pay_both() -> None:
    both = Legs("BUY", "BUY", 1.0, 1.0, 5_000.0, 5_000.0)
    f = Funding(rate=0.0002, interval_h=8, next_ms=1000)
    got = round_trip(both, fee_y_bps=0, fee_x_bps=0, funding_y=f, funding_x=f, now_ms=0, hold_s=1.0)
    assert got.funding_bps == pytest.approx(2.0)


def prints(sides: list[bool], bid: float, ask: float, gap_ms: int = 10) -> Ticks:
    maker = np.array(sides)
    i = np.arange(len(sides))
    price = np.where(maker, bid, ask)
    return Ticks("A", i, i, i * gap_ms, price, np.ones(len(sides)), maker)


def test_half_spread_is_read_from_changes_of_the_takers_side() -> None:
    assert half_spread_bps(prints([True, False] * 15, 99.99, 100.01)) == pytest.approx(1.0)


def test_too_few_changes_or_too_far_apart_mean_unknown() -> None:
    assert half_spread_bps(prints([True, False] * 10, 99.99, 100.01)) is None  # 19 changes
    assert half_spread_bps(prints([True] * 500, 99.99, 100.01)) is None
    assert half_spread_bps(prints([True, False] * 50, 99.99, 100.01, gap_ms=1001)) is None
    assert half_spread_bps(Ticks.empty("A")) is None


def test_a_drifting_price_does_not_fake_a_spread() -> None:
    t = prints([True, False] * 200, 100.0, 100.0)
    drifting = Ticks("A", t.trade_id, t.first_id, t.ts_ms, t.price + 0.001 * t.trade_id, t.qty, t.buyer_is_maker)
    assert half_spread_bps(drifting) == pytest.approx(0.0, abs=0.06)


def test_break_even_z_pays_exactly_the_cost() -> None:
    z = break_even_z(10.0, caught=0.5, sd=0.0012, beta=-0.5)
    assert z is not None
    assert 0.5 * z * 0.0012 * 1e4 / 1.5 == pytest.approx(10.0)
    assert break_even_z(10.0, caught=0.0, sd=0.001, beta=1.0) is None
    assert break_even_z(10.0, caught=-0.1, sd=0.001, beta=1.0) is None
    assert break_even_z(10.0, caught=1.0, sd=float("nan"), beta=1.0) is None


def test_what_is_received_lowers_what_must_be_returned_to_nothing_and_no_further() -> None:
    assert CostSplit(10.0, 1.0, -3.0).hurdle_bps == 8.0
    assert CostSplit(10.0, 1.0, -14.0).hurdle_bps == 0.0
    assert break_even_z(-3.0, caught=0.1, sd=0.001, beta=0.8) == 0.0
    assert break_even_z(-3.0, caught=-0.1, sd=0.001, beta=0.8) is None
