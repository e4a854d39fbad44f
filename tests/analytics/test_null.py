"""Luck as the reader sees it: candles that keep everything but the relationship, and the rule on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.backtest import WalkForward, aligned_bars, walk_forward, walk_report
from analytics.fills import Execution, FillAt
from analytics.null import NullRun, Outcome, null_runs, redrawn
from analytics.params import Params, Preset
from analytics.report import analyse
from analytics.stationarity import engle_granger
from benchmarks.rule_markets import fat_tailed, garch, plain, reverting
from core.types import Candles, Floats
from tests.analytics.pairs import FEES_ONLY, candles

AT_CLOSE = Execution("close", stop=False)  # as the record is kept


def legs_of(log_y: Floats, log_x: Floats) -> tuple[Candles, Candles]:
    """Candles that open where the one before closed, with a high and a low beyond."""
    legs = []
    for symbol, close in (("YUSDT", np.exp(log_y)), ("XUSDT", np.exp(log_x))):
        opened = np.concatenate((close[:1], close[:-1]))
        wide = replace(candles(symbol, close), open=opened)
        legs.append(replace(wide, high=np.maximum(opened, close) * 1.001, low=np.minimum(opened, close) * 0.999))
    return legs[0], legs[1]


def related(seed: int, n: int, half_life: float = 5.0) -> tuple[Candles, Candles]:
    y, x = reverting(half_life)(np.random.default_rng(seed), 1, n)
    return legs_of(y[0], x[0])


def returns(leg: Candles) -> Floats:
    out: Floats = np.diff(np.log(leg.close))
    return out


# ---- the redrawn candles


@pytest.mark.parametrize("half_life", [2.0, 10.0])
def test_the_relationship_is_gone_and_the_test_finds_it_as_often_as_chance_does(half_life: float) -> None:
    rng = np.random.default_rng(5)
    found = before = windows = 0
    for seed in range(4):
        y, x = related(seed, 24_000, half_life)
        drawn_y, drawn_x = redrawn(y, x, rng, 40.0)
        for first in range(0, 24_000, 400):
            w = slice(first, first + 400)
            before += engle_granger(np.log(y.close[w]), np.log(x.close[w])).pvalue < 0.05
            found += engle_granger(np.log(drawn_y.close[w]), np.log(drawn_x.close[w])).pvalue < 0.05
            windows += 1
    assert before / windows > 0.8
    assert found / windows == pytest.approx(0.05, abs=3.3 * (0.05 * 0.95 / windows) ** 0.5)


def test_sizes_tails_and_correlation_stay() -> None:
    y, x = garch(np.random.default_rng(3), 1, 60_000)
    true_y, true_x = legs_of(y[0], x[0])
    drawn_y, drawn_x = redrawn(true_y, true_x, np.random.default_rng(4), 100.0)
    for true, drawn in ((true_y, drawn_y), (true_x, drawn_x)):
        a, b = returns(true), returns(drawn)
        assert b.std() == pytest.approx(a.std(), rel=0.05)
        assert np.quantile(np.abs(b), 0.99) == pytest.approx(np.quantile(np.abs(a), 0.99), rel=0.05)
    wanted = np.corrcoef(returns(true_y), returns(true_x))[0, 1]
    assert np.corrcoef(returns(drawn_y), returns(drawn_x))[0, 1] == pytest.approx(wanted, abs=0.02)

    def clustering(leg: Candles) -> float:
        size = np.abs(returns(leg))
        return float(np.corrcoef(size[1:], size[:-1])[0, 1])

    assert clustering(true_x) > 0.1
    assert clustering(drawn_x) == pytest.approx(clustering(true_x), abs=0.03)


def test_candles_stay_candles_at_the_same_times() -> None:
    y, x = related(1, 500)
    kept = np.arange(500) % 7 != 3
    drawn_y, drawn_x = redrawn(y.take(kept), x, np.random.default_rng(4), 10.0)
    for true, drawn in ((y, drawn_y), (x, drawn_x)):
        assert (drawn.open_ms == y.open_ms[kept]).all()  # only where both traded
        assert (drawn.symbol, drawn.timeframe_s) == (true.symbol, true.timeframe_s)
        assert (drawn.high >= np.maximum(drawn.open, drawn.close)).all()
        assert (drawn.low <= np.minimum(drawn.open, drawn.close)).all()
        assert (drawn.low > 0).all()
        assert drawn.close[0] == true.close[0]
        assert not np.allclose(drawn.close[1:], true.close[kept][1:])


def test_stale_closes_stay_stale() -> None:
    y, x = related(1, 4000)
    still = np.random.default_rng(2).random(4000) < 0.3
    rows = np.maximum.accumulate(np.where(still, 0, np.arange(4000)))
    y = replace(y, close=y.close[rows])
    drawn, _ = redrawn(y, x, np.random.default_rng(4), 50.0)
    assert (np.diff(y.close) == 0).mean() == pytest.approx(0.3, abs=0.03)
    assert (np.diff(drawn.close) == 0).mean() == pytest.approx(0.3, abs=0.03)


def test_legs_that_hardly_overlap_or_do_not_move_are_given_back() -> None:
    y, x = related(1, 10)
    rng = np.random.default_rng(0)
    one = redrawn(y.take(slice(0, 1)), x, rng, 5.0)
    assert [len(leg) for leg in one] == [1, 1]
    flat = replace(x, open=np.full(10, 5.0), close=np.full(10, 5.0), high=np.full(10, 5.0), low=np.full(10, 5.0))
    assert (redrawn(y, flat, rng, 5.0)[1].close == 5.0).all()


# ---- the rule on markets that are known


def run(legs: tuple[Candles, Candles], preset: Preset, fee_bps: float, fill: FillAt = "close") -> WalkForward:
    params = Params(fit_bars=100, z_bars=20, preset=preset, fee_bps=fee_bps)
    return walk_forward(*legs, params, FEES_ONLY, execution=Execution(fill, stop=False))


@pytest.mark.parametrize("market", [plain, fat_tailed, garch])
@pytest.mark.parametrize("preset", ["classic", "evidence"])
def test_without_a_relationship_a_trade_nets_the_cost_with_its_sign_turned(market: object, preset: Preset) -> None:
    net: list[float] = []
    params = Params(fit_bars=100, z_bars=20, preset=preset, fee_bps=5.0)
    for seed in range(3):
        y, x = market(np.random.default_rng(seed), 1, 40_000)  # type: ignore[operator]
        legs = legs_of(y[0], x[0])
        report = analyse(*legs, params)
        # The record lets next to nothing through here. Without its say it shows that nothing else gives or takes.
        walked = walk_report(report, aligned_bars(report, *legs), FEES_ONLY, AT_CLOSE, record_decides=False)
        net += [t.net_bps for t in walked.trades]
    assert len(net) > 60
    error = np.std(net, ddof=1) / len(net) ** 0.5
    assert np.mean(net) == pytest.approx(-10.0, abs=3.0 * error)
    assert error < 5.0


def test_at_a_real_fee_evidence_hardly_trades_without_a_relationship() -> None:
    trades = 0
    for seed in range(5):
        y, x = plain(np.random.default_rng(seed), 1, 40_000)
        trades += run(legs_of(y[0], x[0]), "evidence", 5.0).summary.trades
    assert trades <= 2


@pytest.mark.parametrize("half_life", [5.0, 10.0])
def test_on_planted_pairs_evidence_wins_what_it_promised(half_life: float) -> None:
    legs = related(1, 40_000, half_life)
    params = Params(fit_bars=200, z_bars=60)
    run = walk_forward(*legs, params, FEES_ONLY, execution=AT_CLOSE)
    s, middle_bps = run.summary, np.mean([t.middle_bps for t in run.trades if t.middle_bps is not None])
    assert s.trades > 50
    assert s.interval is not None
    assert s.interval.low > 0
    assert s.promised_bps is not None
    assert s.interval.high > s.promised_bps  # the lower bound was one
    assert s.interval.low < middle_bps + 1.5


def test_the_worse_of_open_and_close_only_ever_takes() -> None:
    legs = related(1, 20_000)
    at_close, worse = (run(legs, "evidence", 5.0, fill) for fill in ("close", "worse"))
    assert [t.look_ms for t in worse.trades] == [t.look_ms for t in at_close.trades]
    assert all(t.given_up >= 0 for t in worse.trades)
    assert worse.summary.gross + worse.summary.given_up == pytest.approx(at_close.summary.gross)


# ---- side by side


def test_real_and_redrawn_runs_stand_side_by_side() -> None:
    legs = related(2, 12_000)
    params, costs = Params(fit_bars=100, z_bars=20), FEES_ONLY
    s = walk_forward(*legs, params, costs, execution=AT_CLOSE).summary
    drawn = list(null_runs(*legs, params, costs, np.random.default_rng(1), runs=9, execution=AT_CLOSE))
    told = NullRun(Outcome.of(s), tuple(drawn))
    assert s.net > 0
    assert len(told.drawn) == 9
    assert told.as_good == pytest.approx(0.1)
    assert told.trades < 0.2 * s.trades
    again = list(null_runs(*legs, params, costs, np.random.default_rng(1), runs=2, execution=AT_CLOSE))
    assert drawn[:2] == again
    with pytest.raises(ValueError, match="runs"):
        next(null_runs(*legs, params, costs, np.random.default_rng(1), runs=0))


def test_the_share_as_good_counts_the_true_run_in_and_ties() -> None:
    real = Outcome(10, 5.0, 0.5)
    drawn = (Outcome(4, 5.0, 1.0), Outcome(0, 0.0, None), Outcome(6, -3.0, -2.0))
    told = NullRun(real, drawn)
    assert told.as_good == pytest.approx((1 + 1) / (1 + 3))
    assert told.trades == pytest.approx(10 / 3)
    assert told.net_bps == pytest.approx((4 * 1.0 + 6 * -2.0) / 10)
    assert NullRun(real, ()).net_bps is None
    assert (NullRun(real, ()).as_good, NullRun(real, ()).trades) == (1.0, 0.0)
