"""The benchmark's own trades: what the record's excursions returned where the rule flagged them."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.params import Params, Preset
from analytics.report import PairReport, analyse
from benchmarks.rule_walk import walk_rule
from tests.analytics.pairs import candles, cointegrated

COST = 2.0


def history(preset: Preset, n: int = 6000, price_units: bool = False) -> PairReport:
    y, x = cointegrated(np.random.default_rng(5), n, half_life=2.0, sd=1.5e-3)
    params = Params(fit_bars=80, z_bars=20, preset=preset, price_units=price_units)
    return analyse(candles("YUSDT", y), candles("XUSDT", x), params)


@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_a_trade_returns_what_its_closes_give(preset: Preset) -> None:
    report = history(preset)
    trades = walk_rule(report, COST).trades
    assert len(trades) > 5
    for t in trades:
        beta = float(report.log_fits.beta[t.row])
        y_in, x_in = report.y[t.row + 1], report.x[t.row + 1]
        y_out, x_out = report.y[t.exit_row + 1], report.x[t.exit_row + 1]
        gained = -t.side * ((y_out / y_in - 1) - beta * (x_out / x_in - 1)) / (1 + beta) * 1e4
        assert t.gross_bps == pytest.approx(gained)
        assert t.promised_bps < t.shown_bps


@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_the_past_does_not_change_when_the_future_is_cut(preset: Preset) -> None:
    report = history(preset, 1500)
    whole = walk_rule(report, COST)
    for end in (300, 755, 1200):
        part = walk_rule(
            analyse(candles("YUSDT", report.y[:end]), candles("XUSDT", report.x[:end]), report.params), COST
        )
        assert (part.tradable == whole.tradable[:end]).all()
        assert (part.alerts == whole.alerts[:end]).all()
        assert repr(part.trades) == repr(whole.trades[: len(part.trades)])  # a NaN equals nothing


def test_free_excursions_are_those_with_a_mature_record_and_flagged_ones_are_tradable() -> None:
    walk = walk_rule(history("evidence"), COST)
    assert 0 < walk.flagged <= walk.free
    assert walk.judged[walk.tradable].all()
    assert not walk.judged[np.isnan(walk.lower)].any()
