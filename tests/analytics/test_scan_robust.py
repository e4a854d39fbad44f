"""The scanner's second opinion equals statsmodels' HC3, and stops what only a storm made look related."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

from analytics.scan_robust import robust_t
from analytics.scanner import FALSE_RATE, scan, why
from core.types import Floats


def hc3(y: Floats, x: Floats, lags: int) -> float:
    """The reference: two regressions of statsmodels."""
    e = np.asarray(sm.OLS(y, sm.add_constant(x)).fit().resid)
    change = np.diff(e)
    n = len(change)
    rows = np.column_stack([e[lags:-1], *(change[lags - i : n - i] for i in range(1, lags + 1))])
    return float(sm.OLS(change[lags:], rows).fit(cov_type="HC3").tvalues[0])


@pytest.mark.parametrize("lags", [0, 1, 2, 5])
def test_equals_statsmodels_on_the_newest_common_candles(lags: int) -> None:
    rng = np.random.default_rng(lags)
    logs = np.cumsum(rng.standard_t(3, size=(5, 260)) * 1e-3, axis=1)
    logs[1] = 0.7 * logs[0] + 1e-3 * rng.normal(size=260)
    logs[3, rng.random(260) < 0.1] = np.nan
    y, x = np.array([1, 2, 3, 4]), np.array([0, 0, 2, 3])
    expected = []
    for a, b in zip(y, x, strict=True):
        both = np.flatnonzero(~np.isnan(logs[a] + logs[b]))[-200:]
        expected.append(hc3(logs[a, both], logs[b, both], lags))
    assert_allclose(robust_t(logs, y, x, 200, lags), expected, rtol=1e-9)


def test_a_storm_that_makes_walks_look_tied_makes_no_candidate() -> None:
    """One volatility for a whole market, calm and wild in turn; nothing in it is related."""
    passed = candidates = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        log_volatility = np.zeros(500)
        for k in range(1, 500):
            log_volatility[k] = 0.98 * log_volatility[k - 1] + 0.15 * rng.normal()
        walks = np.cumsum(1e-3 * np.exp(log_volatility) * rng.normal(size=(40, 500)), axis=1)
        result = scan(np.exp(walks), [f"S{k:02}" for k in range(40)])
        passed += bool((result.adjusted <= FALSE_RATE).any())
        candidates += result.found > 0
        for row in np.flatnonzero((result.adjusted <= FALSE_RATE) & ~(result.robust_pvalue <= result.robust_limit)):
            assert why(result, int(row)).startswith("Carried by a few wild moves: t = ")
    assert passed >= 8
    assert candidates <= passed // 3


@pytest.mark.parametrize("size", [0.1, 0.5])
def test_one_wild_close_makes_walks_look_tied_and_no_candidate(size: float) -> None:
    """A bad print that is gone with the next candle reverts at once, and is all that the plain test sees."""
    passed = candidates = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = np.cumsum(rng.normal(0, 1e-3, 500))
        y = 0.5 * x + np.cumsum(rng.normal(0, 1e-3, 500))
        y[250] += size
        result = scan(np.exp(np.vstack([x, y])), ["XUSDT", "YUSDT"])
        passed += bool((result.adjusted <= FALSE_RATE).any())
        candidates += result.found
    assert passed >= 25
    assert candidates == 0
