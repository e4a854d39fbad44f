"""What trades on paper amount to, on trades whose result is put in by hand."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from analytics.bootstrap import FEW, LEAST, group_interval
from analytics.paper import Book, scored
from analytics.paper_account import account
from analytics.paper_score import calibration, daily_bps, equity, score, scores_by
from core.clock import DAY_MS
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
    never = trade(0.0, in_ms=0, reason="unfilled")
    s = score([*trades, never, replace(trades[0], look_ms=1, state="open")], rng())
    assert (s.closed, s.unknown, s.running, s.dropped) == (4, 0, 1, 1)
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


def test_the_interval_draws_whole_days_of_closings() -> None:
    results = np.random.default_rng(5).normal(3.0, 20.0, 60)
    trades = [trade(float(r), day=i // 5, at=30 * (i % 5)) for i, r in enumerate(results)]
    shuffled = [trades[i] for i in np.random.default_rng(1).permutation(60)]
    expected = group_interval(results.reshape(12, 5).sum(axis=1), np.full(12, 5.0), rng())
    s = score(shuffled, rng())
    assert s.days == 12
    assert s.interval is not None
    assert expected is not None
    got = s.interval
    assert [got.mean, got.low, got.high] == pytest.approx([expected.mean, expected.low, expected.high])
    assert got.mean == pytest.approx(s.net_bps)


def test_a_hundred_trades_of_a_few_days_have_no_interval() -> None:
    s = score([trade(float(i % 7), day=i % (LEAST - 1), at=i) for i in range(100)], rng())
    assert (s.known, s.days, s.interval, s.lies) == (100, LEAST - 1, None, "few")


def test_trades_of_many_pairs_at_once_do_not_count_as_independent() -> None:
    missed = 0
    for seed in range(60):
        events = np.random.default_rng(seed).normal(0.0, 10.0, 20)
        s = score([trade(float(e) + k - 4.5, day=d, at=k) for d, e in enumerate(events) for k in range(10)], rng())
        assert s.interval is not None
        missed += not s.interval.low <= 0.0 <= s.interval.high
    assert missed <= 8  # 5; with blocks of trades 11


@pytest.mark.parametrize(
    ("count", "mean", "swing", "lies"),
    [
        (FEW - 1, 30.0, 40.0, "few"),
        (40, 30.0, 40.0, "above"),
        (40, 30.0, 20.0, "open"),  # not one loss
        (40, -30.0, 40.0, "below"),
        (40, 0.0, 40.0, "open"),
    ],
)
def test_which_side_of_nothing_the_mean_lies_on_is_said_only_where_it_can_be(
    count: int, mean: float, swing: float, lies: str
) -> None:
    s = score([trade(mean + (swing if i % 2 else -swing), day=i // 2) for i in range(count)], rng())
    assert s.lies == lies
    assert s.lost == sum(mean + (swing if i % 2 else -swing) <= 0 for i in range(count))


def test_the_sharpe_ratio_is_of_every_day_that_score_was_kept_and_a_year_has_365() -> None:
    results = np.random.default_rng(2).normal(5.0, 10.0, 20)
    trades = [trade(float(r), day=d) for d, r in enumerate(results)]
    first_ms = trades[0].out_ms
    daily = daily_bps(trades, first_ms, first_ms + 99 * DAY_MS)
    assert len(daily) == 100
    assert daily.tolist() == pytest.approx([*results, *[0.0] * 80])
    s = score(trades, rng(), (first_ms, first_ms + 99 * DAY_MS)).sharpe
    assert s is not None
    assert s.annual == pytest.approx(daily.mean() / daily.std(ddof=1) * np.sqrt(365))
    busy = score(trades, rng(), (first_ms, first_ms + 19 * DAY_MS)).sharpe
    assert busy is not None
    assert busy.annual > 1.9 * s.annual  # the same trades, without the days on which nothing paid
    assert score(trades, rng()).sharpe is None


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
