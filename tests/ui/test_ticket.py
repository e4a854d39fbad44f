"""The ticket's arithmetic: rounding, minimum sizes, what stays unhedged, break-even."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analytics.look import Look
from analytics.params import Params
from tests.ui.seeded import CATALOGUE, look
from ui.panels.ticket import markup
from ui.ticket import Ticket, ticket


def the(seen: Look) -> Ticket:
    made = ticket(seen, CATALOGUE)
    assert made is not None
    return made


def test_quantities_are_whole_steps_and_y_never_more_than_asked_for() -> None:
    seen = look("tradable", "ETHUSDT", "BTCUSDT", Params())
    legs, made = seen.decision.legs, the(seen)
    assert legs is not None
    for leg in made.legs:
        assert leg.qty / 0.001 == pytest.approx(round(leg.qty / 0.001))
    assert legs.qty_y - 0.001 < made.legs[0].qty <= legs.qty_y


@pytest.mark.parametrize("notional", [900.0, 5_000.0, 10_000.0, 31_415.0])
def test_rounding_leaves_at_most_half_a_step_of_x_unhedged(notional: float) -> None:
    made = the(look("tradable", "ETHUSDT", "BTCUSDT", Params(notional=notional)))
    x = made.legs[1]
    assert abs(made.residual) <= 0.5001 * 0.001 * x.notional / x.qty


def test_the_sides_follow_the_sign_of_z() -> None:
    assert [leg.side for leg in the(look("tradable", "ETHUSDT", "BTCUSDT", Params())).legs] == ["SELL", "BUY"]
    assert [leg.side for leg in the(look("thin", "ETHUSDT", "BTCUSDT", Params())).legs] == ["BUY", "SELL"]


def test_what_rounding_leaves_unhedged_is_the_short_side_of_the_hedge() -> None:
    seen = look("tradable", "ETHUSDT", "BTCUSDT", Params())
    made, legs = the(seen), seen.decision.legs
    assert legs is not None
    y, x = made.legs
    beta = legs.notional_x / legs.notional_y
    assert made.residual == pytest.approx(x.notional - beta * y.notional)  # X is bought: positive is net long


def test_a_size_the_exchange_would_refuse_says_why() -> None:
    small = the(look("tradable", "ETHUSDT", "BTCUSDT", Params(notional=10.0)))
    assert small.legs[1].problem == "below the minimum quantity 0.001"
    middle = the(look("tradable", "SOLUSDT", "ADAUSDT", Params(notional=11.0)))
    assert "minimum" in middle.legs[0].problem


def test_a_contract_without_a_step_is_not_rounded() -> None:
    seen = look("tradable", "ETHUSDT", "BTCUSDT", Params())
    stepless = {symbol: replace(info, step_size=0.0) for symbol, info in CATALOGUE.items()}
    made = ticket(seen, stepless)
    assert made is not None
    assert seen.decision.legs is not None
    assert (made.legs[0].qty, made.legs[0].step) == (seen.decision.legs.qty_y, None)
    assert made.legs[0].problem == ""


def test_a_contract_the_exchange_has_not_described_is_not_rounded() -> None:
    made = ticket(look("tradable", "ETHUSDT", "BTCUSDT", Params()), {})
    assert made is not None
    assert made.legs[0].problem == "step size unknown"


def test_break_even_is_the_z_whose_full_return_pays_the_cost() -> None:
    seen = look("tradable", "ETHUSDT", "BTCUSDT", Params())
    made, fits = the(seen), seen.report.log_fits
    assert made.break_even_z is not None
    assert seen.costs is not None
    back = made.break_even_z * fits.resid_sd[-1] * 1e4 / (1 + abs(fits.beta[-1]))
    assert back == pytest.approx(seen.costs.total_bps)


def test_a_break_even_of_the_costs_known_so_far_is_the_least_it_can_be() -> None:
    seen = look("tradable", "ETHUSDT", "BTCUSDT", Params())
    assert seen.costs is not None
    assert "at least |z|" not in markup(the(seen))
    assert "at least |z|" in markup(the(replace(seen, costs=replace(seen.costs, half_spreads_bps=None))))


def test_without_costs_nothing_is_said_of_break_even() -> None:
    assert the(replace(look("tradable", "ETHUSDT", "BTCUSDT", Params()), costs=None)).break_even_z is None


def test_the_stop_is_on_the_trades_own_side() -> None:
    assert the(look("thin", "ETHUSDT", "BTCUSDT", Params(stop_z=3.5))).stop_z == -3.5


def test_money_has_its_currency_and_what_is_left_its_side() -> None:
    made = the(look("tradable", "ETHUSDT", "BTCUSDT", Params()))
    assert f"{made.legs[0].notional:,.2f} USDT" in markup(made)
    assert "12.34 USDT net short" in markup(replace(made, residual=-12.34))
    assert "12.34 USDT net long" in markup(replace(made, residual=12.34))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (Params(timeframe_s=1, fit_bars=60, z_bars=20), "60 candles of 1s, 60 s"),
        (Params(), "1000 candles of 1m, 16.7 h"),
    ],
)
def test_a_time_limit_is_said_in_a_unit_that_can_be_read(params: Params, text: str) -> None:
    assert replace(the(look("tradable", "ETHUSDT", "BTCUSDT", params)), example=True).limit_text == text


def test_a_pair_without_a_fit_has_no_ticket() -> None:
    assert ticket(look("warming", "ETHUSDT", "BTCUSDT", Params()), CATALOGUE) is None
