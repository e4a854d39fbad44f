"""The year's benchmark goes the way a user goes, on a short year too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytics.params import Params
from analytics.trial import TrialAsk
from benchmarks.backtest_year import measured
from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange


def test_what_is_fetched_once_is_run_with_both_presets_and_not_fetched_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = TrialAsk("ETHUSDT", "BTCUSDT", Params(timeframe_s=900), 10, redraws=0)
    with SimulatedExchange.making(MarketPlan(seed=3, rate=60.0), limits=Limits(weight_per_minute=100_000)) as exchange:
        measured(ask, exchange.rest_url, tmp_path / "year.db")
        said = capsys.readouterr().out
        assert "1,920 candles fetched" in said
        assert "| evidence | " in said
        assert "| classic  | " in said
        assert "settlements from the exchange" in said
        measured(ask, exchange.rest_url, tmp_path / "year.db")
        assert re.search(r"\n[02] candles fetched", capsys.readouterr().out)  # a bar may have closed meanwhile
