"""ADF of every window at once is adf() of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics import adf_rows as module
from analytics.adf_rows import adf_rows
from analytics.params import Params
from analytics.report import PairReport, analyse
from analytics.rolling import fit_rows, residuals_at
from analytics.stationarity import adf
from core.errors import DataError
from core.types import Floats, Ints
from tests.analytics.pairs import candles, cointegrated, unrelated


def one_by_one(report: PairReport, rows: Ints) -> Floats:
    p = report.params
    y, x = (report.y, report.x) if p.price_units else (np.log(report.y), np.log(report.x))
    fits = fit_rows(y, x, p.fit_bars, report.open_ms // report.step_ms)
    out = np.full(len(rows), np.nan)
    for k, row in enumerate(rows.tolist()):
        if np.isnan(fits.beta[row]):
            continue
        try:
            out[k] = adf(residuals_at(y, x, fits, np.array([row]))[0]).pvalue
        except DataError:
            continue
    return out


def same(report: PairReport, rows: Ints) -> Floats:
    got, expected = adf_rows(report, rows), one_by_one(report, rows)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8)
    return got


@pytest.mark.parametrize("bars", [30, 31, 60, 200, 500])
@pytest.mark.parametrize("price_units", [False, True])
@pytest.mark.parametrize("related", [False, True])
def test_each_row_is_adf_of_its_own_residuals(bars: int, price_units: bool, related: bool) -> None:
    rng = np.random.default_rng(bars)
    y, x = cointegrated(rng, 1200) if related else unrelated(rng, 1200)
    params = Params(fit_bars=bars, z_bars=20, price_units=price_units)
    report = analyse(candles("YUSDT", y), candles("XUSDT", x), params)
    got = same(report, np.sort(rng.integers(bars - 1, 1200, 60)))
    assert len(np.unique(got)) > 50


def test_no_answer_came_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = unrelated(np.random.default_rng(0), 600)
    report = analyse(candles("YUSDT", y), candles("XUSDT", x), Params(fit_bars=100, z_bars=20))
    rows = np.arange(99, 600)
    expected = one_by_one(report, rows)

    def slow(_: Floats) -> None:
        raise AssertionError("asked of adf")

    monkeypatch.setattr(module, "adf", slow)
    np.testing.assert_allclose(adf_rows(report, rows), expected, rtol=0, atol=1e-8)


def test_gaps_flat_legs_and_lockstep_are_answered_as_adf_answers_them() -> None:
    rng = np.random.default_rng(4)
    y, x = cointegrated(rng, 900)
    y[200:330] = y[200]  # a flat leg: no fit
    y[500:640] = 2.0 * x[500:640]  # lockstep: nothing is left to test
    x[700:760] = x[700]  # partly flat
    kept = rng.random(900) > 0.05
    legs = [candles(s, v).take(kept) for s, v in (("YUSDT", y), ("XUSDT", x))]
    report = analyse(legs[0], legs[1], Params(fit_bars=50, z_bars=20))
    got = same(report, np.arange(report.have_bars))
    assert 100 < np.isnan(got).sum() < report.have_bars - 200


def test_a_level_of_many_digits_costs_none() -> None:
    rng = np.random.default_rng(9)
    x = 64000.0 + np.cumsum(rng.normal(0, 1e-2, 700))
    y = 3000.0 + 0.05 * x + rng.normal(0, 1e-3, 700)
    report = analyse(candles("YUSDT", y), candles("XUSDT", x), Params(fit_bars=200, z_bars=20, price_units=True))
    same(report, np.arange(199, 700, 5))


@pytest.mark.recording
def test_recorded_candles_give_the_same(shared_data: Path) -> None:
    rows = pd.read_csv(
        shared_data / "candles_5m_usdm_55sym_20230704_20230802.csv.gz", usecols=["open_time_ms", "symbol", "close"]
    )
    legs = [
        candles(str(s), leg["close"].to_numpy(), 300, leg["open_time_ms"].to_numpy(np.int64))
        for s, leg in rows[rows["symbol"].isin(["BTCUSDT", "ETHUSDT"])].groupby("symbol")
    ]
    report = analyse(legs[0], legs[1], Params(timeframe_s=300))
    same(report, np.arange(499, report.have_bars, 97))
