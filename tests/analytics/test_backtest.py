"""The backtest says of every row what decide() says when it stands there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from analytics.backtest import record_rows, walk_forward
from analytics.costs import CostSplit
from analytics.decision import Freshness, Verdict, decide
from analytics.params import Params, Preset
from analytics.record import clean_rows, past_excursions, record_of
from analytics.report import PairReport, analyse
from tests.analytics.pairs import candles, cointegrated, reverting, walk

COST = 4.0
COSTS = CostSplit(COST, 0.0, 0.0)


def history(preset: Preset, n: int = 5000, price_units: bool = False) -> PairReport:
    rng = np.random.default_rng(21)
    log_x = walk(rng, n, sd=4e-3)
    y, x = np.exp(0.8 * log_x + reverting(rng, n, 2.0, 1.2e-3)), np.exp(log_x)
    for i in np.flatnonzero(rng.random(n) < 0.07):  # some stale closes: the clean-data check has work
        if i:
            y[i], x[i] = y[i - 1], x[i - 1]
    params = Params(fit_bars=80, z_bars=20, preset=preset, price_units=price_units)
    return analyse(candles("YUSDT", y), candles("XUSDT", x), params)


def verdict_at(report: PairReport, row: int) -> Verdict:
    """What the desk would have said, with nothing after the row in the world."""
    end = row + 1
    y, x = candles("YUSDT", report.y[:end]), candles("XUSDT", report.x[:end])
    seen = analyse(y, x, report.params)
    fresh = Freshness.as_of(seen.newest_y_ms, seen.newest_x_ms, timeframe_s=60)
    return decide(seen, freshness=fresh, costs=COSTS, record=record_of(seen).summary()).verdict


@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("price_units", [False, True])
def test_a_row_is_tradable_exactly_when_decide_says_so_there(preset: Preset, price_units: bool) -> None:
    report = history(preset, price_units=price_units)
    walk = walk_forward(report, COST)
    said = set(np.flatnonzero(walk.tradable).tolist())
    assert len(said) > 5
    rng = np.random.default_rng(0)
    for row in {*sorted(said)[:40], *rng.integers(0, report.have_bars, 60).tolist()}:
        assert (verdict_at(report, row) is Verdict.TRADABLE) == (row in said), row


def test_the_record_of_each_row_is_the_one_known_there() -> None:
    report = history("evidence")
    fits = report.log_fits
    found, _, _ = past_excursions(report.y, report.x, fits.z, fits.spread, fits.beta, clean_rows(report), report.params)
    count, kappa, lower = record_rows(found, report.params, report.have_bars)
    for row in range(100, report.have_bars, 331):
        end = row + 1
        seen = analyse(candles("YUSDT", report.y[:end]), candles("XUSDT", report.x[:end]), report.params)
        s = record_of(seen).summary()
        assert s.excursions == count[row]
        if s.excursions:
            assert s.kappa == kappa[row]
        if s.mature:
            assert s.lower_bound == pytest.approx(lower[row], rel=1e-12)
        else:
            assert np.isnan(lower[row])


@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_the_past_does_not_change_when_the_future_is_cut(preset: Preset) -> None:
    report = history(preset, 900)
    whole = walk_forward(report, COST)
    for end in (300, 555, 800):
        part_report = analyse(candles("YUSDT", report.y[:end]), candles("XUSDT", report.x[:end]), report.params)
        part = walk_forward(part_report, COST)
        assert (part.tradable == whole.tradable[:end]).all()
        assert (part.alerts[: end - 1] == whole.alerts[: end - 1]).all()
        assert repr(part.trades) == repr(whole.trades[: len(part.trades)])  # a NaN equals nothing


def test_a_trade_returns_what_its_fills_give() -> None:
    report = history("evidence")
    trades = walk_forward(report, COST).trades
    assert trades
    for t in trades:
        beta = float(report.log_fits.beta[t.row])
        y_in, x_in = report.y[t.row + 1], report.x[t.row + 1]
        y_out, x_out = report.y[t.exit_row + 1], report.x[t.exit_row + 1]
        gained = -t.side * ((y_out / y_in - 1) - beta * (x_out / x_in - 1)) / (1 + beta) * 1e4
        assert t.gross_bps == pytest.approx(gained)
        assert t.promised_bps < t.middle_bps < t.shown_bps


def test_classic_alerts_once_per_excursion_of_its_own_z() -> None:
    report = history("classic")
    walk = walk_forward(report, COST)
    at = np.flatnonzero(walk.alerts)
    assert len(at) > 5
    assert walk.tradable[at].all()
    for one, other in pairwise(at):
        between = report.z_roll[one : other + 1]
        assert (np.abs(between) < 1).any() or (between[1:] * between[:-1] < 0).any()


def test_leaving_the_clean_data_check_out_lets_stale_rows_through() -> None:
    rng = np.random.default_rng(3)
    y, x = cointegrated(rng, 3000, half_life=2.0)
    for i in np.flatnonzero(rng.random(3000) < 0.5):
        y[i] = y[i - 1]
    report = analyse(candles("YUSDT", y), candles("XUSDT", x), Params(fit_bars=40, z_bars=20, preset="classic"))
    kept, without = walk_forward(report, COST), walk_forward(report, COST, clean_decides=False)
    assert kept.judged.sum() == without.judged.sum() == 3000 - 49
    assert not kept.tradable.any()
    assert (without.judged >= without.tradable).all()
