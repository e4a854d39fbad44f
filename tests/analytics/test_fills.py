"""One leg's fills and money, by hand and to the cent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.fills import Bars, Execution, Fill, FillAt, LegCosts, fills, last_close, leg_trip
from analytics.funding import FundingRates

MIN = 60_000


def bars(opens: list[float], closes: list[float], from_ms: int = 0) -> Bars:
    return Bars(from_ms + np.arange(len(opens)) * MIN, MIN, np.array(opens), np.array(closes))


# Row 1: Y falls from 100 to 98, X from 50 to 48.
FALLING = bars([90.0, 100.0], [90.0, 98.0]), bars([90.0, 50.0], [90.0, 48.0])
OPEN, CLOSE = MIN, 2 * MIN


@pytest.mark.parametrize(
    ("orders", "at", "prices", "ms"),
    [
        # Bought together at 100 + 50 or 98 + 48; sold together; 1 : 1 hedged both moments come to the same.
        ((1.0, 1.0), "worse", (100.0, 50.0), (OPEN, OPEN)),
        ((-1.0, -1.0), "worse", (98.0, 48.0), (CLOSE, CLOSE)),
        ((1.0, -1.0), "worse", (98.0, 48.0), (CLOSE, CLOSE)),
        # Y weighs more: its buyer would rather wait, and is not given that; X weighs more: its seller would not.
        ((2.0, -1.0), "worse", (100.0, 50.0), (OPEN, OPEN)),
        ((1.0, -2.0), "worse", (98.0, 48.0), (CLOSE, CLOSE)),
        ((-2.0, 1.0), "worse", (98.0, 48.0), (CLOSE, CLOSE)),
        # Each leg by itself: buyers at the higher, sellers at the lower.
        ((1.0, -1.0), "worst", (100.0, 48.0), (OPEN, CLOSE)),
        ((-1.0, 1.0), "worst", (98.0, 50.0), (CLOSE, OPEN)),
        ((2.0, -1.0), "open", (100.0, 50.0), (OPEN, OPEN)),
        ((2.0, -1.0), "close", (98.0, 48.0), (CLOSE, CLOSE)),
    ],
)
def test_fills_have_the_prices_and_the_times_chosen(
    orders: tuple[float, float], at: FillAt, prices: tuple[float, float], ms: tuple[int, int]
) -> None:
    y, x = fills(FALLING, 1, orders, at)
    assert (y, x) == (Fill(1, ms[0], prices[0]), Fill(1, ms[1], prices[1]))


@given(
    prices=st.lists(st.floats(1.0, 1000.0), min_size=4, max_size=4),
    orders=st.tuples(st.floats(-9.0, 9.0), st.floats(-9.0, 9.0)),
)
def test_no_choice_of_one_moment_is_worse_than_worse_and_worst_bounds_it(
    prices: list[float], orders: tuple[float, float]
) -> None:
    candle = bars([prices[0]], [prices[1]]), bars([prices[2]], [prices[3]])

    def paid(at: FillAt) -> float:
        y, x = fills(candle, 0, orders, at)
        return orders[0] * y.price + orders[1] * x.price

    assert paid("worse") == pytest.approx(max(paid("open"), paid("close")))
    assert paid("worst") >= paid("worse") - 1e-9


def test_an_unknown_way_to_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="worse, worst, open, close"):
        Execution(fill="mid")  # type: ignore[arg-type]


def test_a_long_leg_to_the_cent() -> None:
    # 3 × (104 − 100) = 12; fees 5 bps of 300 and of 312: 0.15 + 0.156; half spread 1 bp: 0.03 + 0.0312
    leg = leg_trip(3.0, Fill(0, MIN, 100.0), Fill(1, 2 * MIN, 104.0), bars([0.0] * 2, [100.0, 104.0]),
                   LegCosts(5.0, 1.0, FundingRates.none()))  # fmt: skip
    assert leg.gross == pytest.approx(12.0)
    assert leg.fees == pytest.approx(0.306)
    assert leg.half_spreads == pytest.approx(0.0612)
    assert leg.funding == 0.0
    assert leg.net == pytest.approx(11.6328)
    assert leg.traded == pytest.approx(612.0)


def test_a_short_leg_to_the_cent() -> None:
    leg = leg_trip(-3.0, Fill(0, MIN, 100.0), Fill(1, 2 * MIN, 104.0), bars([0.0] * 2, [100.0, 104.0]),
                   LegCosts(5.0, 0.0, FundingRates.none()))  # fmt: skip
    assert leg.gross == pytest.approx(-12.0)
    assert leg.net == pytest.approx(-12.306)


@pytest.mark.parametrize(
    ("entry_ms", "exit_ms", "paid"),
    [
        (MIN, 3 * MIN, 0.0),  # gone before the settlement at minute 4
        (MIN, 4 * MIN, 2.0 * 103.0 * 1e-4),  # held at it
        (4 * MIN, 5 * MIN, 0.0),  # opened at that very moment: not held before
        (4 * MIN - 1, 5 * MIN, 2.0 * 103.0 * 1e-4),
        (MIN, 6 * MIN, 2.0 * (103.0 * 1e-4 - 105.0 * 2e-4)),  # two settlements, the second one received
    ],
)
def test_funding_is_paid_at_its_settlements_on_the_notional_there(entry_ms: int, exit_ms: int, paid: float) -> None:
    candles = bars([100.0] * 6, [100.0, 101.0, 102.0, 103.0, 104.0, 105.0])
    rates = FundingRates(np.array([4 * MIN, 6 * MIN]), np.array([1e-4, -2e-4]))
    for qty, sign in ((2.0, 1.0), (-2.0, -1.0)):
        trip = leg_trip(qty, Fill(1, entry_ms, 1.0), Fill(5, exit_ms, 1.0), candles, LegCosts(0.0, 0.0, rates))
        assert trip.funding == pytest.approx(sign * paid, abs=1e-15)


def test_the_price_at_a_settlement_in_a_gap_is_the_last_one_known() -> None:
    candles = Bars(np.array([0, 10 * MIN]), MIN, np.array([100.0, 200.0]), np.array([101.0, 201.0]))
    rates = FundingRates(np.array([5 * MIN]), np.array([1e-3]))
    trip = leg_trip(1.0, Fill(0, MIN, 101.0), Fill(1, 11 * MIN, 201.0), candles, LegCosts(0.0, 0.0, rates))
    assert trip.funding == pytest.approx(0.101)


def test_the_last_close_ends_a_position_when_the_data_end() -> None:
    assert last_close(bars([1.0, 2.0], [3.0, 4.0])) == Fill(1, 2 * MIN, 4.0)
