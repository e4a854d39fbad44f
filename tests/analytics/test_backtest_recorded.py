"""A month of recorded 5-minute candles through both presets, checked against decide() on the candles up to then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.backtest import Frictions, cost_at, walk_forward
from analytics.decision import Freshness, Verdict, decide
from analytics.fills import LegCosts
from analytics.funding import FundingRates
from analytics.params import Params, Preset
from analytics.record import record_of
from analytics.report import analyse
from analytics.ticket import deciding_z, legs_of
from core.types import Candles

pytestmark = pytest.mark.recording


def leg(rows: pd.DataFrame, symbol: str) -> Candles:
    own = rows[(rows["symbol"] == symbol) & (rows["volume"] > 0)]
    opened, high, low, close, volume = (own[n].to_numpy(float) for n in ("open", "high", "low", "close", "volume"))
    n = len(own)
    return Candles(
        symbol, 300, own["open_time_ms"].to_numpy(np.int64), opened, high, low, close, volume,
        np.ones(n, np.int64), np.full(n, "kline", dtype="U8"),
    )  # fmt: skip


@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_a_month_finishes_adds_up_and_says_what_decide_says(shared_data: Path, preset: Preset) -> None:
    rows = pd.read_csv(shared_data / "candles_5m_usdm_55sym_20230704_20230802.csv.gz")
    y, x = leg(rows, "ETCUSDT"), leg(rows, "ETHUSDT")
    rates = FundingRates.flat(1e-4, int(y.open_ms[0]), int(y.open_ms[-1]))
    # At maker fees, so that the record has something to decide.
    params, costs = Params(timeframe_s=300, preset=preset, fee_bps=1.0), Frictions(0.5, 0.5, rates, rates)
    run = walk_forward(y, x, params, costs)
    assert run.summary.trades > 0
    assert run.equity[-1] == pytest.approx(sum(t.net for t in run.trades), abs=1e-8)
    assert run.summary.net == pytest.approx(run.equity[-1], abs=1e-8)

    rng = np.random.default_rng(0)
    chosen = set(rng.integers(0, run.report.have_bars, 12).tolist())
    chosen |= set(rng.permutation(np.flatnonzero(run.verdicts.rows_of(Verdict.TRADABLE)))[:8].tolist())
    charged = LegCosts(1.0, 0.5, rates)
    for row in sorted(chosen):
        end_ms = run.report.open_ms[row]
        seen = analyse(y.take(y.open_ms <= end_ms), x.take(x.open_ms <= end_ms), params)
        record, legs = record_of(seen).summary(), legs_of(seen, deciding_z(seen))
        told = None if legs is None else cost_at(legs, (charged, charged), int(end_ms) + 300_000, record.mean_hold_s)
        fresh = Freshness.as_of(seen.newest_y_ms, seen.newest_x_ms, timeframe_s=300)
        assert run.verdicts.at(row) is decide(seen, freshness=fresh, costs=told, record=record).verdict, row
