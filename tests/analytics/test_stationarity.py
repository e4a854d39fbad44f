"""The tests equal statsmodels and arch, and never answer for data that cannot be tested."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import arch.unitroot
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from statsmodels.tsa.stattools import adfuller, coint
from statsmodels.tsa.stattools import kpss as reference_kpss

from analytics.stationarity import adf, engle_granger, half_life, kpss, mackinnon_p
from core.errors import DataError, DegenerateData, NotEnoughData
from core.types import Floats
from tests.analytics.pairs import cointegrated, reverting, unrelated, walk

# US inflation and log GDP on log consumption, statsmodels' macrodata; statsmodels 0.15.0 and arch 8.0.0 agree
ADF_STAT, ADF_LAGS, ADF_NOBS = -3.054514496257235, 2, 200
EG_STAT, EG_PVALUE = -3.1013990465379675, 0.08802215805427988
KPSS_STAT, KPSS_LAGS = 0.3846740207203457, 9


def macro(column: str) -> Floats:
    return np.asarray(sm.datasets.macrodata.load_pandas().data[column], np.float64)


def test_reference_values() -> None:
    r = adf(macro("infl"))
    assert (r.lags, r.nobs, r.null) == (ADF_LAGS, ADF_NOBS, "unit root")
    assert_allclose(r.stat, ADF_STAT, atol=1e-10)
    e = engle_granger(np.log(macro("realgdp")), np.log(macro("realcons")))
    assert_allclose([e.stat, e.pvalue], [EG_STAT, EG_PVALUE], atol=1e-10)
    assert (e.lags, e.null) == (2, "no cointegration")
    k = kpss(macro("infl"))
    assert_allclose(k.stat, KPSS_STAT, atol=1e-12)
    assert k.lags == KPSS_LAGS


@pytest.mark.parametrize("n", [25, 120, 700])
@pytest.mark.parametrize("seed", range(6))
def test_they_equal_statsmodels_on_simulated_series(n: int, seed: int) -> None:
    rng = np.random.default_rng(100 * n + seed)
    prices_y, prices_x = cointegrated(rng, n) if seed % 2 else unrelated(rng, n)
    y, x = np.log(prices_y), np.log(prices_x)
    y, x = y - y.mean(), x - x.mean()  # a level changes nothing but the reference's own digits: 1e-8 of them at n = 25
    for lags in (0, 1, 2, 4):
        ours, theirs = engle_granger(y, x, lags), coint(y, x, trend="c", maxlag=lags, autolag=None)
        assert_allclose([ours.stat, ours.pvalue], theirs[:2], rtol=0, atol=1e-8)
        fixed, their = adf(y, lags), adfuller(y, maxlag=lags, autolag=None, result_object=True)
        assert_allclose([fixed.stat, fixed.pvalue], [their.statistic, their.pvalue], rtol=0, atol=1e-8)
        assert fixed.nobs == their.nobs
    for series in (y, y - x):
        ours, their = adf(series), adfuller(series, result_object=True)
        assert_allclose([ours.stat, ours.pvalue], [their.statistic, their.pvalue], rtol=0, atol=1e-8)
        assert (ours.lags, ours.nobs) == (their.lags, their.nobs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs warns where the table ends
            level = reference_kpss(series, result_object=True)
        ours = kpss(series)
        assert_allclose([ours.stat, ours.pvalue], [level.statistic, level.pvalue], rtol=1e-9)
        assert ours.lags == level.lags


def test_no_constant_equals_statsmodels_too() -> None:
    e = reverting(np.random.default_rng(3), 300, 20.0, 1.0)
    ours, theirs = adf(e, 2, "n"), adfuller(e, 2, "n", None, result_object=True)
    assert_allclose([ours.stat, ours.pvalue], [theirs.statistic, theirs.pvalue], atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_statistics_agree_with_arch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, x = (np.log(v) for v in (cointegrated(rng, 400) if seed % 2 else unrelated(rng, 400)))
    assert_allclose(engle_granger(y, x).stat, arch.unitroot.engle_granger(y, x, trend="c", lags=2).stat, atol=1e-9)
    assert_allclose(adf(y, 3).stat, arch.unitroot.ADF(y, lags=3, trend="c").stat, atol=1e-9)
    # Their p-values come from other response surfaces: alike, not equal.
    ours, theirs = engle_granger(y, x).pvalue, arch.unitroot.engle_granger(y, x, trend="c", lags=2).pvalue
    assert_allclose(ours, theirs, atol=5e-3)


def test_p_values_follow_the_table_over_its_whole_range() -> None:
    from statsmodels.tsa.adfvalues import mackinnonp

    stats = np.concatenate((np.linspace(-30, 3, 500), [np.nan]))
    for series in (1, 2):
        expected = [mackinnonp(t, "c", series) for t in stats[:-1]]
        ours = mackinnon_p(stats, series)
        assert_allclose(ours[:-1], expected, rtol=0, atol=1e-14)
        assert np.isnan(ours[-1])


@pytest.mark.parametrize("test", [adf, half_life, kpss])
def test_what_cannot_be_tested_is_a_named_error(test: Callable[[Floats], object]) -> None:
    with pytest.raises(DegenerateData):
        test(np.full(100, 64_000.1))
    with pytest.raises(DegenerateData):
        test(np.array([1.0, np.nan, 2.0] * 20))
    with pytest.raises(NotEnoughData):
        test(np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="1-D"):
        test(np.ones((5, 5)))


def test_a_trend_that_is_not_taken_off_is_refused() -> None:
    series = walk(np.random.default_rng(1), 100)
    with pytest.raises(ValueError, match="trend must be 'c' or 'n', was 'ct'"):
        adf(series, trend="ct")  # type: ignore[arg-type]


def test_engle_granger_refuses_degenerate_pairs() -> None:
    rng = np.random.default_rng(1)
    x, y = walk(rng, 100), walk(rng, 100)
    for bad_y, bad_x in (
        (np.full(100, 1.1), x),
        (y, np.full(100, 1.1)),
        (2 * x + 1, x),
        (y, np.where(x > x[9], np.nan, x)),
    ):
        with pytest.raises(DegenerateData):
            engle_granger(bad_y, bad_x)
    with pytest.raises(NotEnoughData) as caught:
        engle_granger(y[:5], x[:5])
    assert (caught.value.needed, caught.value.got) == (6, 5)
    with pytest.raises(ValueError, match="equal length"):
        engle_granger(y, x[:50])
    with pytest.raises(ValueError, match="lags must be >= 0"):
        engle_granger(y, x, -1)


def test_the_collinear_guard_stands_where_statsmodels_has_it() -> None:
    rng = np.random.default_rng(5)
    x, noise = walk(rng, 300), rng.normal(size=300)
    noise -= np.polynomial.Polynomial.fit(x, noise, 1)(x)
    for unexplained, refused in ((1.4e-6, True), (1.6e-6, False)):
        y = x + noise * np.sqrt(unexplained / (1 - unexplained) * x.var() / noise.var())
        if refused:
            with pytest.raises(DegenerateData):
                engle_granger(y, x)
        else:
            assert_allclose(engle_granger(y, x).stat, coint(y, x, maxlag=2, autolag=None)[0], rtol=1e-8)


def test_a_series_explained_without_remainder_is_an_error() -> None:
    with pytest.raises(DataError):
        adf(np.arange(100.0))
    with pytest.raises(DataError):
        adf(0.5 ** np.arange(60.0), 0, "n")


@settings(max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from([0.0, 1.0, np.nan, np.inf]), max_size=40))
def test_any_input_gives_numbers_in_range_or_a_named_error(values: list[float]) -> None:
    for test in (adf, kpss):
        try:
            r = test(np.array(values))
        except DataError:
            continue
        assert np.isfinite(r.stat)
        assert 0.0 <= r.pvalue <= 1.0


def test_half_life_finds_the_one_that_was_built_in() -> None:
    e = reverting(np.random.default_rng(8), 20_000, 25.0, 1.0)
    h = half_life(e)
    assert h.low < 25.0 < h.high
    assert h.bars == pytest.approx(25.0, rel=0.15)


def test_a_series_that_runs_away_has_an_infinite_half_life() -> None:
    h = half_life(1.05 ** np.arange(100.0) + 1e-9 * np.random.default_rng(1).normal(size=100))
    assert h.bars == h.low == h.high == np.inf


def test_half_life_of_an_ar1_by_hand() -> None:
    # e = 1, .5, .25, .125 … has φ = −.5 exactly: one bar
    assert half_life(0.5 ** np.arange(10.0)).bars == pytest.approx(1.0)
