"""What trades on paper amount to, on trades whose result is put in by hand."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from analytics.bootstrap import mean_interval
from analytics.equity import DAY_MS
from analytics.paper import Book, scored
from analytics.paper_account import account
from analytics.paper_score import FEW, calibration, daily_bps, equity, score, scores_by
from core.paper import PaperTrade
from tests.analytics.looks import MINUTE_MS, PARAMS, START_MS, look


def trade(net_bps: float, *, day: int = 0, at: int = 0, **more: object) -> PaperTrade:
    """A closed trade of 10,000 that returned this much net, held for ten minutes."""
    _, (new,) = scored(Book(), look(0, 2.5, 100.0, 50.0, "TRADABLE"), PARAMS)
    in_ms = START_MS + day * DAY_MS + at * MINUTE_MS
    done = replace(
        new, look_ms=in_ms - MINUTE_MS, state="closed", fee_bps=0.0, in_ms=in_ms, in_y=100.0, in_x=50.0,
        in_fill="touch", in_half_bps=0.0, out_ms=in_ms + 10 * MINUTE_MS, out_y=100.0 - net_bps / 50.0, out_x=50.0,
        out_fill="candle", out_half_bps=0.0, reason="zero",
    )  # fmt: skip
    return replace(done, **more)  # type: ignore[arg-type]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_figures_of_a_handful() -> None:
    trades = [trade(30.0, at=0), trade(-10.0, at=20), trade(-40.0, at=40), trade(20.0, at=60)]
    money = account(trades[0])
    assert money is not None
    assert money.net_bps == pytest.approx(30.0)
    s = score([*trades, replace(trades[0], look_ms=1, state="open")], rng())
    assert (s.closed, s.unknown, s.running) == (4, 0, 1)
    assert [s.net_bps, s.net, s.hit_rate, s.hold_s] == pytest.approx([0.0, 0.0, 0.5, 600.0])
    assert [s.promised_bps, s.kept_bps] == pytest.approx([8.0, -8.0])
    assert s.drawdown == pytest.approx(50.0)  # after +30 it fell by 10 and 40
    assert s.at_touch == 4
    assert s.interval is None  # too few
    assert s.sharpe is None


def test_without_a_trade_nothing_is_claimed() -> None:
    s = score([], rng())
    assert (s.closed, s.net_bps, s.interval, s.hit_rate, s.promised_bps, s.kept_bps) == (
        0,
        None,
        None,
        None,
        None,
        None,
    )
    assert calibration([]) == ()
    assert len(equity([]).ms) == 0


def test_a_trade_whose_net_is_not_known_is_counted_and_in_no_figure() -> None:
    s = score([trade(30.0), trade(999.0, at=20, funding_unknown=1), trade(999.0, at=40, in_half_bps=nan)], rng())
    assert (s.closed, s.unknown, s.known) == (3, 2, 1)
    assert s.net_bps == pytest.approx(30.0)


def test_the_interval_is_the_block_bootstraps_of_the_trades_in_order_of_their_closing() -> None:
    results = np.random.default_rng(5).normal(3.0, 20.0, 60)
    trades = [trade(float(r), at=i) for i, r in enumerate(results)]
    shuffled = [trades[i] for i in np.random.default_rng(1).permutation(60)]
    expected = mean_interval(results, rng())
    got = score(shuffled, rng()).interval
    assert got is not None
    assert expected is not None
    assert [got.mean, got.low, got.high] == pytest.approx([expected.mean, expected.low, expected.high])
    assert FEW <= 60


def test_the_sharpe_ratio_is_of_days_and_a_year_has_365() -> None:
    trades = [trade(float(r), day=d) for d, r in enumerate(np.random.default_rng(2).normal(5.0, 10.0, 30)) if d != 7]
    daily = daily_bps(trades)
    assert len(daily) == 30
    assert daily[7] == 0.0
    s = score(trades, rng()).sharpe
    assert s is not None
    assert s.annual == pytest.approx(daily.mean() / daily.std(ddof=1) * np.sqrt(365))


def test_equity_counts_trades_when_they_are_closed() -> None:
    e = equity([trade(20.0, at=30), trade(-5.0, at=0)])
    assert e.net.tolist() == pytest.approx([-5.0, 15.0])
    assert e.below.tolist() == pytest.approx([5.0, 0.0])
    assert (np.diff(e.ms) > 0).all()


def test_promised_against_realised_in_bins_of_equal_count() -> None:
    few = [trade(float(i), at=i, promised_bps=float(10 - i)) for i in range(5)]
    (only,) = calibration(few)
    assert (only.count, only.low, only.high) == (5, 6.0, 10.0)
    assert [only.promised, only.realised] == pytest.approx([8.0, 2.0])
    assert only.se == pytest.approx(np.std(range(5), ddof=1) / np.sqrt(5))
    many = [trade(2.0 * i, at=i, promised_bps=float(i)) for i in range(40)]
    bins = calibration([*many, trade(999.0, at=99, promised_bps=nan)])
    assert [b.count for b in bins] == [10, 10, 10, 10]
    assert [b.realised for b in bins] == pytest.approx([2 * b.promised for b in bins])
    assert len(calibration([trade(1.0, at=i, promised_bps=float(i)) for i in range(90)])) == 5
    assert calibration([trade(1.0)])[0].se is None


def test_groups_do_not_depend_on_one_another() -> None:
    a = [trade(float(i % 7), at=i) for i in range(20)]
    b = [trade(-5.0, at=i, pair="AUSDT/BUSDT") for i in range(3)]
    found = dict(scores_by([*b, *a], lambda t: t.pair))
    assert list(found) == ["YUSDT/XUSDT", "AUSDT/BUSDT"]
    assert found["YUSDT/XUSDT"] == dict(scores_by(a, lambda t: t.pair))["YUSDT/XUSDT"]
    assert found["AUSDT/BUSDT"].net_bps == pytest.approx(-5.0)
