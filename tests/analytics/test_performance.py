"""The figures of a run, each from numbers that can be done by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.equity import daily_changes, drawdown
from analytics.fills import Fill, LegTrip
from analytics.performance import Summary, summarise, tail_loss
from analytics.round_trips import RoundTrip
from core.clock import DAY_MS, HOUR_MS
from core.types import Floats


def leg(gross: float, row_in: int, row_out: int) -> LegTrip:
    return LegTrip(1.0, Fill(row_in, 0, 500.0), Fill(row_out, 0, 500.0), gross, 1.5, 0.4, 0.1, 0.05)


def trade(gross: float, row_in: int, row_out: int) -> RoundTrip:
    """Half of the gross in each leg; 1.1 of costs."""
    half = leg(gross / 2, row_in, row_out)
    return RoundTrip(0, 0, 1, "zero", 2.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1000.0, half, half, 30.0, 6.0, 9.0)


def summary(trades: list[RoundTrip], equity: Floats | None = None, first_row: int = 0) -> Summary:
    n = 24 * 30
    equity = np.zeros(n) if equity is None else equity
    return summarise(trades, equity, np.arange(n) * HOUR_MS, HOUR_MS, first_row, 1000.0, np.random.default_rng(0))


def test_a_run_in_figures() -> None:
    s = summary([trade(5.0, 10, 46), trade(-3.0, 100, 136), replace(trade(4.0, 200, 272), reason="stop")])
    assert (s.trades, s.days, s.looks) == (3, 30.0, 720)
    assert s.exposure == pytest.approx((36 + 36 + 72) / 720)
    assert (s.gross, s.fees, s.half_spreads, s.funding) == pytest.approx((6.0, 2.4, 0.6, 0.3))
    assert s.net == pytest.approx(2.7)
    assert s.given_up == pytest.approx(9.0)  # part of the gross already
    assert s.net_bps == pytest.approx(9.0)
    assert s.hit_rate == pytest.approx(2 / 3)
    assert s.lost == 1
    assert s.mean_hold_bars == 48
    assert s.promised_bps == 6.0
    assert s.kept == pytest.approx(3.0)
    assert s.cost_share == pytest.approx(3.3 / 6.0)
    assert s.turnover_per_day == pytest.approx(3 * 2000 / 1000 / 30)
    assert s.interval is None  # three trades say nothing of their own error


def test_what_was_kept_of_a_promise_is_of_the_trades_that_were_promised_something() -> None:
    s = summary([trade(5.0, 10, 46), replace(trade(-30.0, 100, 136), promised_bps=None)])
    # 5 less 1.1 of costs on 1,000 is 39 bps
    assert s.promised_bps == 6.0
    assert s.kept == pytest.approx(39.0 - 6.0)
    nothing = summary([replace(trade(5.0, 10, 46), promised_bps=None)])
    assert (nothing.promised_bps, nothing.kept) == (None, None)


def test_a_run_without_trades_has_no_figures_of_trades() -> None:
    s = summary([])
    assert (s.trades, s.net, s.exposure, s.turnover_per_day) == (0, 0.0, 0.0, 0.0)
    assert (s.net_bps, s.interval, s.hit_rate, s.promised_bps, s.cost_share, s.kept, s.sharpe) == (None,) * 7


def test_a_cost_is_no_share_of_a_loss() -> None:
    assert summary([trade(-1.0, 1, 2)]).cost_share is None


def test_days_are_utc_days_and_one_without_a_candle_changes_nothing() -> None:
    open_ms = np.array([0, HOUR_MS, DAY_MS, 3 * DAY_MS + HOUR_MS])
    assert daily_changes(np.array([1.0, 2.0, 5.0, 4.0]), open_ms, 0).tolist() == [2.0, 3.0, 0.0, -1.0]
    assert daily_changes(np.array([0.0, 0.0, 5.0, 4.0]), open_ms, 2).tolist() == [5.0, 0.0, -1.0]
    assert daily_changes(np.array([0.0]), open_ms[:1], 1).tolist() == []


def test_sharpe_and_drawdown_of_a_known_curve() -> None:
    changes = np.tile([10.0, -4.0], 15)  # 30 days
    s = summary([], np.repeat(np.cumsum(changes), 24))
    assert s.sharpe is not None
    assert s.sharpe.ratio == pytest.approx(3.0 / changes.std(ddof=1))
    assert s.sharpe.annual == pytest.approx(3.0 / changes.std(ddof=1) * 365**0.5)
    assert s.drawdown == pytest.approx(4.0)
    assert s.drawdown_bps == pytest.approx(40.0)


def test_a_loss_from_the_start_is_a_drawdown() -> None:
    assert drawdown(np.array([-2.0, -5.0, 1.0, 0.0])).tolist() == [2.0, 5.0, 0.0, 1.0]
    assert drawdown(np.empty(0)).tolist() == []


def test_the_tail_is_the_worst_twentieth() -> None:
    days = np.random.default_rng(1).permutation(np.concatenate((np.full(57, 1.0), [-2.0, -4.0, -9.0])))
    assert tail_loss(days) == (2.0, 5.0)
    assert tail_loss(np.ones(19)) == (None, None)
