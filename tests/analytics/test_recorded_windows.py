"""On real candles: hundreds of windows equal statsmodels, and a prefix of the report is the report's prefix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from statsmodels.tsa.stattools import adfuller, coint

from analytics.params import Params
from analytics.report import analyse
from analytics.rolling import eg_rows, fit_rows
from analytics.stationarity import adf, engle_granger
from core.types import Candles, Floats, Ints
from tests.analytics.pairs import candles

pytestmark = pytest.mark.recording


@pytest.fixture(scope="module")
def closes(shared_data: Path) -> dict[str, tuple[Ints, Floats]]:
    path = shared_data / "candles_5m_usdm_55sym_20230704_20230802.csv.gz"
    table = pd.read_csv(path, usecols=["open_time_ms", "symbol", "close"])
    return {
        str(symbol): (rows["open_time_ms"].to_numpy(np.int64), rows["close"].to_numpy(np.float64))
        for symbol, rows in table.groupby("symbol")
    }


@pytest.mark.parametrize("windows", [250, pytest.param(1_000, marks=pytest.mark.long)])
def test_windows_drawn_at_random_equal_statsmodels(closes: dict[str, tuple[Ints, Floats]], windows: int) -> None:
    rng = np.random.default_rng(20230704)
    names = sorted(closes)
    worst = np.zeros(4)
    for _ in range(windows):
        one, other = rng.choice(names, 2, replace=False)
        bars = int(rng.choice([200, 300, 500, 1000]))
        end = int(rng.integers(bars, len(closes[one][1])))
        w = slice(end - bars, end)
        y, x = np.log(closes[one][1][w]), np.log(closes[other][1][w])
        theirs = coint(y, x, trend="c", maxlag=2, autolag=None)
        ours = engle_granger(y, x)
        slots = closes[one][0][w] // 300_000
        rolled, rolled_p = eg_rows(y, x, fit_rows(y, x, bars, slots), slots)
        worst[0] = max(worst[0], abs(ours.stat - theirs[0]), abs(rolled[-1] - theirs[0]))
        worst[1] = max(worst[1], abs(ours.pvalue - theirs[1]), abs(rolled_p[-1] - theirs[1]))
        plain, reference = adf(y), adfuller(y, result_object=True)
        assert plain.lags == reference.lags
        worst[2] = max(worst[2], abs(plain.stat - reference.statistic))
        worst[3] = max(worst[3], abs(plain.pvalue - reference.pvalue))
    assert (worst < 1e-8).all(), worst


def test_rows_do_not_repaint(closes: dict[str, tuple[Ints, Floats]]) -> None:
    params = Params(timeframe_s=300)

    def leg(symbol: str, rows: slice) -> Candles:
        open_ms, close = closes[symbol]
        return candles(symbol, close[rows], 300, open_ms[rows])

    whole = analyse(leg("ETHUSDT", slice(None)), leg("BTCUSDT", slice(None)), params)
    rng = np.random.default_rng(1)
    for end in rng.integers(params.need_bars, whole.have_bars, 12):
        tail = slice(int(end) - params.need_bars, int(end))
        part = analyse(leg("ETHUSDT", tail), leg("BTCUSDT", tail), params)
        for name in ("alpha", "beta", "beta_se", "resid_sd", "spread", "z", "z_roll", "corr", "eg_stat", "eg_pvalue"):
            rows, cut = getattr(whole, name)[tail], getattr(part, name)
            assert_array_equal(rows[params.fit_bars :], cut[params.fit_bars :], err_msg=name)
        assert part.stale_share == whole.stale_rows[end - 1]
