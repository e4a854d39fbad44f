"""When a position is opened and left, and what both legs together come to: by hand, to the cent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.equity import equity_of
from analytics.fills import Bars, Execution, LegCosts
from analytics.funding import FundingRates
from analytics.hedge import METHODS
from analytics.params import Params
from analytics.report import analyse
from analytics.round_trips import Position, RoundTrip, Ticket, fill_legs, hedge_at, positions, ticket_at
from analytics.ticket import legs_at, legs_of
from tests.analytics.pairs import candles, cointegrated

MIN = 60_000
PARAMS = Params(fit_bars=30, z_bars=10, notional=3000.0)
NO_FUNDING = FundingRates.none()
A_TICKET = Ticket(legs_at(100.0, 50.0, 0.5, 2.0, PARAMS), 0.5)


def taken(
    z: list[float], looks: list[int], params: Params = PARAMS, stop: bool = True, hedged: bool = True
) -> list[tuple[int, int, int, str]]:
    entry = np.isin(np.arange(len(z)), looks)
    found = positions(entry, np.array(z), params, Execution(stop=stop), lambda _: A_TICKET if hedged else None)
    return [(s.look, s.side, s.exit_look, s.reason) for s in found]


def test_a_position_is_left_at_the_first_look_past_zero() -> None:
    assert taken([0.0, 2.1, 2.5, 0.4, -0.1, 0.0, 0.0, 0.0], [1]) == [(1, 1, 4, "zero")]
    assert taken([0.0, -2.1, -2.5, 0.0, 0.0, 0.0, 0.0], [1]) == [(1, -1, 3, "zero")]


def test_it_is_left_before_zero_where_the_trader_says_so() -> None:
    early = replace(PARAMS, exit_z=0.5)
    assert taken([0.0, 2.1, 2.5, 0.4, -0.1, 0.0, 0.0], [1], early) == [(1, 1, 3, "zero")]


def test_the_stop_ends_it_on_its_own_side_only_and_only_if_wanted() -> None:
    z = [0.0, 2.1, 3.9, 4.0, 1.0, -0.1, 0.0, 0.0, 0.0]
    assert taken(z, [1]) == [(1, 1, 3, "stop")]
    assert taken(z, [1], stop=False) == [(1, 1, 5, "zero")]
    assert taken([0.0, -2.1, -4.2, 0.1, 0.0, 0.0, 0.0], [1]) == [(1, -1, 2, "stop")]


def test_the_time_limit_is_a_window_of_rows_and_zero_at_the_same_look_is_called_zero() -> None:
    long = [2.1] + [1.0] * 40
    assert taken(long, [0]) == [(0, 1, 30, "time")]
    assert taken([*long[:30], -0.1, *long[31:]], [0]) == [(0, 1, 30, "zero")]


def test_an_unknown_z_ends_nothing() -> None:
    nan = float("nan")
    assert taken([2.1, nan, nan, -0.5, 0.0, 0.0], [0]) == [(0, 1, 3, "zero")]


def test_what_is_open_when_the_data_end_is_closed_there() -> None:
    assert taken([0.0, 2.1, 1.0, 1.0, 1.0], [1]) == [(1, 1, 4, "end")]
    assert taken([0.0, 2.1, 1.0, 1.0, -1.0], [1]) == [(1, 1, 4, "end")]  # no candle is left to leave in


def test_nothing_is_opened_in_the_last_candle() -> None:
    assert taken([0.0, 0.0, 2.1, 1.0], [2]) == []
    assert taken([0.0, 2.1, 1.0, 1.0], [1]) == [(1, 1, 3, "end")]


def test_one_position_at_a_time_and_the_next_may_open_at_the_look_that_ends_the_one_before() -> None:
    z = [2.1, 2.2, 2.3, -2.4, -1.0, 0.2, 0.0, 0.0, 0.0]
    assert taken(z, [0, 1, 3]) == [(0, 1, 3, "zero"), (3, -1, 5, "zero")]


def test_an_entry_beyond_the_stop_is_not_taken() -> None:
    z = [4.5, 2.0, -0.1, 0.0, 0.0]
    assert taken(z, [0]) == []
    assert taken(z, [0], stop=False) == [(0, 1, 2, "zero")]


def test_without_a_hedge_nothing_is_opened_and_the_next_entry_is_free() -> None:
    assert taken([2.1, -0.1, 2.1, -0.1, 0.0, 0.0], [0, 2], hedged=False) == []


# ---- money


def leg_bars(opens: list[float], closes: list[float]) -> Bars:
    return Bars(np.arange(len(opens)) * MIN, MIN, np.array(opens), np.array(closes))


# The look is row 0: Y closes at 100, X at 50. In at row 1, out at row 3.
Y = leg_bars([100.0, 100.5, 99.0, 98.0, 97.0], [100.0, 101.0, 99.0, 97.5, 97.0])
X = leg_bars([50.0, 50.2, 50.5, 51.0, 50.0], [50.0, 50.1, 50.5, 50.8, 50.0])
COSTS = LegCosts(5.0, 1.0, NO_FUNDING), LegCosts(5.0, 2.0, NO_FUNDING)


def trip(
    z: float, beta: float = 0.5, *, execution: Execution | None = None, params: Params = PARAMS,
    costs: tuple[LegCosts, LegCosts] = COSTS, reason: str = "zero",
) -> RoundTrip:  # fmt: skip
    ticket = Ticket(legs_at(100.0, 50.0, beta, z, params), beta)
    at = Position(0, 1 if z > 0 else -1, 4 if reason == "end" else 2, reason, ticket)  # type: ignore[arg-type]
    y, x = fill_legs(at, (Y, X), costs, execution or Execution())
    return RoundTrip(0, 2 * MIN, at.side, at.reason, z, 0.0, 0.0, beta, 1e-3, beta, 3000.0, y, x, 20.0, 5.0, None)


def test_a_short_spread_at_the_worse_moment() -> None:
    # 3,000 gross at β = 0.5: sell 2,000 of Y = 20, buy 1,000 of X = 20.
    # In: at the opens 100.5 − 50.2 = 50.3 is received a unit, at the closes 101 − 50.1 = 50.9: the opens are worse.
    # Out: at the opens 98 − 51 = 47 is paid, at the closes 97.5 − 50.8 = 46.7: the opens again.
    t = trip(2.5)
    assert (t.y.qty, t.x.qty) == (-20.0, 20.0)
    assert (t.y.entry.price, t.y.exit.price, t.x.entry.price, t.x.exit.price) == (100.5, 98.0, 50.2, 51.0)
    assert t.gross == pytest.approx(20 * (50.3 - 47.0))  # 66.00
    assert t.fees == pytest.approx(20 * (100.5 + 98.0 + 50.2 + 51.0) * 5e-4)  # 2.997
    assert t.half_spreads == pytest.approx(20 * (100.5 + 98.0) * 1e-4 + 20 * (50.2 + 51.0) * 2e-4)  # 0.397 + 0.4048
    assert round(t.net, 2) == 62.20
    assert t.given_up == pytest.approx(20 * (50.9 - 46.7) - 66.0)  # 84 at the closes
    assert t.net_bps == pytest.approx(t.net / 3000 * 1e4)
    assert t.cost_bps + t.net_bps == pytest.approx(t.gross_bps)
    assert (t.in_row, t.out_row) == (1, 3)


def test_a_long_spread_at_the_worse_moment() -> None:
    # Bought at 50.9, the closes, rather than 50.3; sold at 46.7, the closes again, rather than 47.
    t = trip(-2.5)
    assert (t.y.entry.price, t.y.exit.price, t.x.entry.price, t.x.exit.price) == (101.0, 97.5, 50.1, 50.8)
    assert t.gross == pytest.approx(20 * (46.7 - 50.9))  # −84.00
    assert t.given_up == pytest.approx(0.0)
    assert round(t.net, 2) == -87.79  # fees 2.994, half spreads 0.397 + 0.4036


def test_each_leg_at_its_own_worst_moment() -> None:
    # Y sold at min(100.5, 101), bought back at max(98, 97.5); X bought at max(50.2, 50.1), sold at min(51, 50.8).
    t = trip(2.5, execution=Execution("worst"))
    assert (t.y.entry.price, t.y.exit.price, t.x.entry.price, t.x.exit.price) == (100.5, 98.0, 50.2, 50.8)
    assert t.gross == pytest.approx(20 * (100.5 - 98.0) + 20 * (50.8 - 50.2))  # 50 + 12 = 62.00
    assert t.given_up == pytest.approx(84.0 - 62.0)
    # Y bought at max(100.5, 101), sold at min(98, 97.5); X sold at min(50.2, 50.1), bought back at max(51, 50.8).
    assert trip(-2.5, execution=Execution("worst")).gross == pytest.approx(20 * (97.5 - 101.0) + 20 * (50.1 - 51.0))


@pytest.mark.parametrize(("fill", "gross"), [("open", 20 * 2.5 + 20 * 0.8), ("close", 20 * 3.5 + 20 * 0.7)])
def test_open_and_close_fills(fill: str, gross: float) -> None:
    t = trip(2.5, execution=Execution(fill))  # type: ignore[arg-type]
    assert t.gross == pytest.approx(gross)
    assert t.given_up == pytest.approx(84.0 - gross)


def test_a_negative_hedge_puts_both_legs_on_one_side() -> None:
    t = trip(2.5, beta=-0.5)
    assert (t.y.qty, t.x.qty) == (-20.0, -20.0)
    # Both sold at the opens, 150.7 together, not at the closes, 151.1; bought back at the opens, 149, not at 148.3.
    assert t.gross == pytest.approx(20 * (150.7 - 149.0))  # 34.00


def test_in_price_units_the_hedge_is_a_ratio_of_units() -> None:
    t = trip(2.5, beta=1.0, params=replace(PARAMS, price_units=True))
    assert (t.y.qty, t.x.qty) == (-20.0, 20.0)  # 3,000 / (100 + 1 × 50)


def test_at_the_end_both_legs_leave_at_the_last_close() -> None:
    t = trip(2.5, reason="end")
    assert t.gross == pytest.approx(20 * (100.5 - 97.0) + 20 * (50.0 - 50.2))
    assert t.out_row == 4


def test_each_leg_pays_its_own_funding_while_held() -> None:
    # Row 1's end and row 3's open: Y sold at the open of row 1 is short at minute 2; X bought at its open is long.
    rates_y = FundingRates(np.array([2 * MIN, 3 * MIN]), np.array([1e-3, 1e-3]))
    rates_x = FundingRates(np.array([2 * MIN, 4 * MIN]), np.array([-1e-3, 5e-3]))
    charged = LegCosts(0.0, 0.0, rates_y), LegCosts(0.0, 0.0, rates_x)
    t = trip(2.5, costs=charged, execution=Execution("worst"))  # which leaves the legs at different moments
    # Y bought back at the open of row 3, minute 3: still held at that settlement. X sold at the end of row 3, minute 4.
    assert t.y.funding == pytest.approx(-20 * (101.0 + 99.0) * 1e-3)  # received: longs pay shorts
    assert t.x.funding == pytest.approx(20 * (50.1 * -1e-3 + 50.8 * 5e-3))
    assert t.net == pytest.approx(t.gross - t.y.funding - t.x.funding)


def test_equity_books_each_cost_where_it_falls_and_ends_at_the_net() -> None:
    costs = LegCosts(5.0, 1.0, FundingRates(np.array([3 * MIN]), np.array([1e-3]))), LegCosts(5.0, 2.0, NO_FUNDING)
    t = trip(2.5, costs=costs)
    equity = equity_of([t], (Y, X), costs)
    into = 20 * 100.5 * 6e-4 + 20 * 50.2 * 7e-4
    assert equity[0] == 0.0
    assert equity[1] == pytest.approx(-into + 20 * (100.5 - 101.0) + 20 * (50.1 - 50.2))
    # Received at minute 3, the end of row 2, on Y's close there.
    assert equity[2] == pytest.approx(-into + 20 * (100.5 - 99.0) + 20 * (50.5 - 50.2) + 20 * 99.0 * 1e-3)
    assert equity[3] == equity[4] == pytest.approx(t.net)


# ---- the ticket of any row


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("price_units", [False, True])
def test_the_ticket_of_a_row_is_the_one_the_desk_shows_there(method: str, price_units: bool) -> None:
    y, x = cointegrated(np.random.default_rng(2), 80)
    params = Params(fit_bars=40, z_bars=10, method=method, price_units=price_units)
    whole = analyse(candles("YUSDT", y), candles("XUSDT", x), params)
    seen = analyse(candles("YUSDT", y[:61]), candles("XUSDT", x[:61]), params)
    z = float(whole.z[60])
    told = ticket_at(whole, 60, z)
    assert told is not None
    assert seen.hedge is not None
    assert told.hedge == seen.hedge.beta
    assert told.legs == legs_of(seen, z)


def test_where_the_hedge_has_no_answer_there_is_no_ticket() -> None:
    y, x = cointegrated(np.random.default_rng(2), 80)
    y[20:] = y[20]
    report = analyse(candles("YUSDT", y), candles("XUSDT", x), Params(fit_bars=40, z_bars=10))
    assert hedge_at(report, 79) is None
    assert ticket_at(report, 79, 2.0) is None
    assert ticket_at(report, 45, float("nan")) is None
