"""The trade, its trigger, and the live score, checked by putting the numbers back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analytics.hedge import HedgeFit
from analytics.live import Touch, score_live, touch
from analytics.params import Params
from analytics.report import PairReport, analyse
from analytics.spread import edge_bps, gross_per_unit, price_of_y, spread
from analytics.ticket import legs_of, price_at, trigger_of
from core.errors import DegenerateData, NotEnoughData
from core.types import Ticks
from tests.analytics.pairs import candles, cointegrated, report_saying


def report_of(n: int = 60, **params: object) -> PairReport:
    y, x = cointegrated(np.random.default_rng(6), n)
    p = Params(fit_bars=40, z_bars=10, **params)  # type: ignore[arg-type]
    return analyse(candles("YUSDT", y), candles("XUSDT", x), p)


@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("price_units", [False, True])
def test_a_close_at_the_trigger_price_stands_at_the_entry(preset: str, price_units: bool) -> None:
    report = report_of(preset=preset, price_units=price_units)
    t = trigger_of(report)
    assert t is not None
    assert abs(t.z) < 2
    if preset == "evidence":  # always in logs
        fits = report.log_fits
        level = spread(t.trigger_price_y, float(report.x[-1]), float(fits.alpha[-1]), float(fits.beta[-1]))
        reached = level / fits.resid_sd[-1]
    else:
        level = spread(
            t.trigger_price_y, float(report.x[-1]), float(report.alpha[-1]), float(report.beta[-1]), price_units
        )
        reached = (level - report.z_mean[-1]) / report.z_sd[-1]
    assert reached == pytest.approx(t.entry_z, rel=1e-6)
    assert t.distance_z == pytest.approx(abs(t.entry_z - t.z))
    assert t.distance_bps == pytest.approx(abs(t.trigger_price_y / report.y[-1] - 1) * 1e4)


def test_beyond_the_entry_no_distance_is_left() -> None:
    t = trigger_of(report_saying(z=[0.4, -2.7]))
    assert t is not None
    assert (t.entry_z, t.distance_z, t.distance_bps) == (-2.0, 0.0, 0.0)


def test_no_fit_no_trigger_and_no_legs() -> None:
    report = report_of(10)
    assert trigger_of(report) is None
    assert legs_of(report, 1.0) is None
    assert legs_of(report_of(), float("nan")) is None


@pytest.mark.parametrize("price_units", [False, True])
def test_the_legs_make_one_move_of_the_spread_pay_the_same_whichever_leg_moved(price_units: bool) -> None:
    report = report_of(price_units=price_units)
    legs = legs_of(report, 2.0)
    assert legs is not None
    assert report.hedge is not None
    assert legs.notional_y + legs.notional_x == pytest.approx(10_000.0)
    assert legs.qty_y * report.y[-1] == pytest.approx(legs.notional_y)
    ratio = legs.qty_x / legs.qty_y if price_units else legs.notional_x / legs.notional_y
    assert ratio == pytest.approx(report.hedge.beta)


def test_a_negative_hedge_puts_both_legs_on_one_side() -> None:
    report = replace(report_of(), hedge=HedgeFit(0.0, -0.5, 0.1, 0.001, "ols"))
    sold, bought = legs_of(report, 2.0), legs_of(report, -2.0)
    assert sold is not None
    assert bought is not None
    assert (sold.side_y, sold.side_x, bought.side_y, bought.side_x) == ("SELL", "SELL", "BUY", "BUY")
    assert sold.notional_x == pytest.approx(10_000 / 3)


def test_the_legs_follow_the_method_chosen() -> None:
    tls, ols = legs_of(report_of(method="tls"), 1.0), legs_of(report_of(), 1.0)
    assert tls is not None
    assert ols is not None
    assert tls.notional_x != ols.notional_x


def test_the_edge_is_what_the_trade_returns_if_the_spread_goes_home() -> None:
    report = report_of()
    fits = report.log_fits
    beta = float(fits.beta[-1])
    y, x = float(report.y[-1]), float(report.x[-1])
    home = price_of_y(0.0, x, float(fits.alpha[-1]), beta)
    returned = abs(np.log(home / y)) / (1 + beta) * 1e4
    assert edge_bps(float(fits.spread[-1]), beta) == pytest.approx(returned, rel=1e-6)


def test_spread_and_price_are_inverses_in_both_units() -> None:
    for units in (False, True):
        level = spread(2000.0, 60_000.0, 1.5, 0.03, units)
        assert price_of_y(level, 60_000.0, 1.5, 0.03, units) == pytest.approx(2000.0)
    assert gross_per_unit(2000.0, 60_000.0, -0.03, price_units=True) == pytest.approx(3800.0)
    assert_allclose(spread(np.array([1.0, np.e]), np.array([1.0, 1.0]), 0.0, 1.0), [0.0, 1.0])


# ---- live ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("price_units", [False, True])
def test_the_newest_close_scores_its_own_confirmed_z(price_units: bool) -> None:
    report = report_of(price_units=price_units)
    live = score_live(report, float(report.y[-1]), float(report.x[-1]), 123)
    assert live.ts_ms == 123
    assert_allclose(
        [live.spread, live.z, live.z_roll],
        [report.spread[-1], report.log_fits.z[-1], report.z_roll[-1]],
        rtol=1e-5,
        atol=1e-9,
    )
    assert live.z_sell_spread is live.z_buy_spread is None


def test_executable_scores_sell_the_rich_leg_where_takers_sold() -> None:
    report = report_of()
    y, x = float(report.y[-1]), float(report.x[-1])
    tick_y, tick_x = Touch(sold=y * 0.9999, bought=y * 1.0001), Touch(sold=x * 0.9999, bought=x * 1.0001)
    live = score_live(report, y, x, 1, tick_y, tick_x)
    assert live.z_sell_spread == pytest.approx(score_live(report, y * 0.9999, x * 1.0001, 1).z)
    assert live.z_buy_spread == pytest.approx(score_live(report, y * 1.0001, x * 0.9999, 1).z)
    assert live.z_sell_spread is not None
    assert live.z_buy_spread is not None
    assert live.z_sell_spread < live.z < live.z_buy_spread  # either way the price spread is paid
    negative = replace(report, log_fits=replace(report.log_fits, beta=-report.log_fits.beta))
    one_sided = score_live(negative, y, x, 1, tick_y, tick_x)
    assert one_sided.z_sell_spread == pytest.approx(score_live(negative, y * 0.9999, x * 0.9999, 1).z)


@pytest.mark.parametrize("price_units", [False, True])
@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_executable_scores_are_on_the_scale_that_the_preset_decides_by(preset: str, price_units: bool) -> None:
    report = report_of(preset=preset, price_units=price_units)
    y, x = float(report.y[-1]), float(report.x[-1])
    live = score_live(report, y, x, 1, Touch(y, y), Touch(x, x))  # no price spread: nothing but the scale differs
    deciding = live.z if preset == "evidence" else live.z_roll
    assert (live.z_sell_spread, live.z_buy_spread) == pytest.approx((deciding, deciding), rel=1e-12)


def test_without_a_fit_there_is_no_live_score() -> None:
    for n in (0, 39):
        with pytest.raises(NotEnoughData, match=f"needs 40 observations, got {n}"):
            score_live(report_of(n), 1.0, 1.0, 1)


def test_two_legs_that_move_as_one_have_no_fit_to_score_with() -> None:
    x = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 1e-3, 60)))
    report = analyse(candles("YUSDT", 2.0 * x), candles("XUSDT", x), Params(fit_bars=40, z_bars=10))
    with pytest.raises(DegenerateData, match="one explains the other"):
        score_live(report, 2.0, 1.0, 1)


@pytest.mark.parametrize("price_units", [False, True])
@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("z", [-2.0, 1.5])
def test_a_trade_at_the_price_that_was_told_stands_at_the_level_that_was_asked(
    preset: str, price_units: bool, z: float
) -> None:
    report = report_of(preset=preset, price_units=price_units)
    x = 1.003 * float(report.x[-1])
    live = score_live(report, price_at(report, z, x), x, 1)
    assert (live.z if preset == "evidence" else live.z_roll) == pytest.approx(z, rel=1e-6)


def test_the_touch_needs_both_sides() -> None:
    i = np.arange(4)
    maker = np.array([True, False, True, False])
    t = Ticks("A", i, i, i, np.array([9.0, 11.0, 9.5, 11.5]), np.ones(4), maker)
    assert touch(t, since_ms=2) == Touch(sold=9.5, bought=11.5)
    assert touch(t, since_ms=3) is None  # nobody sold since
    assert touch(t.take(maker), 0) is None
    assert touch(Ticks.empty("A"), 0) is None
