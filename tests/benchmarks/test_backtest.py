"""The backtest's benchmark prints what it measured, on small inputs too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.params import Params
from analytics.report import analyse
from benchmarks.backtest import MARKETS, load, notebook, recorded, seeded, speed


def test_the_loop_says_what_the_rows_say() -> None:
    legs = seeded(MARKETS[0], 1400)
    params = Params()
    report = analyse(*legs, params)
    y, x = (np.log(leg.close) for leg in legs)
    for row in (1250, 1333, 1399):
        z, p, corr = notebook(y, x, row, params)
        assert z == pytest.approx(report.log_fits.z[row], abs=1e-8)
        assert p == pytest.approx(report.eg_pvalue[row], abs=1e-8)
        assert corr == pytest.approx(report.corr[row], abs=1e-8)


def test_speed_is_printed_beside_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    speed(1500, 1, 2)
    said = capsys.readouterr().out
    assert "1,500 candles of 1 minute" in said
    assert "Evidence in at most 5 s of one core" in said
    assert "times faster" in said


def klines(path: Path) -> None:
    legs = seeded(MARKETS[0], 700)
    rows = [
        pd.DataFrame(
            {"open_time_ms": leg.open_ms, "symbol": leg.symbol, "open": leg.open, "high": leg.high, "low": leg.low,
             "close": leg.close, "volume": np.where(np.arange(700) == 5, 0.0, 1.0)}
        )
        for leg in legs
    ]  # fmt: skip
    pd.concat(rows).assign(open_time_ms=lambda t: t["open_time_ms"] * 15).to_csv(path, index=False)


def test_recorded_klines_are_run_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    klines(tmp_path / "k.csv.gz")
    recorded(tmp_path / "k.csv.gz", [("YUSDT", "XUSDT")], null=2)
    said = capsys.readouterr().out
    assert "900 s candles, N = 200" in said
    assert said.count("| YUSDT/XUSDT | ") == 6
    assert said.count("redrawn 2 times") == 2


def test_a_kline_without_trades_is_no_candle_and_an_absent_symbol_is_named(tmp_path: Path) -> None:
    klines(tmp_path / "k.csv")
    assert len(load(tmp_path / "k.csv", {"YUSDT"})["YUSDT"]) == 699
    with pytest.raises(SystemExit, match=r"k\.csv has no AUSDT, ZUSDT"):
        load(tmp_path / "k.csv", {"YUSDT", "ZUSDT", "AUSDT"})
