"""The report: aligned, causal, and the same to the bit however much history was given."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from analytics.hedge import METHODS
from analytics.params import Params
from analytics.report import PairReport, analyse
from analytics.stationarity import adf, engle_granger, half_life
from core.types import Candles
from tests.analytics.pairs import START_MS, candles, cointegrated, unrelated

PARAMS = Params(fit_bars=40, z_bars=10)
ROWS = (
    "alpha",
    "beta",
    "beta_se",
    "resid_sd",
    "spread",
    "z",
    "z_mean",
    "z_sd",
    "z_roll",
    "corr",
    "eg_stat",
    "eg_pvalue",
)


def legs(seed: int, n: int, holes: float = 0.0, timeframe_s: int = 60) -> tuple[Candles, Candles]:
    """Two legs that miss candles independently."""
    rng = np.random.default_rng(seed)
    y, x = cointegrated(rng, n) if seed % 2 else unrelated(rng, n)
    keep_y, keep_x = rng.random((2, n)) >= holes
    return candles("YUSDT", y, timeframe_s).take(keep_y), candles("XUSDT", x, timeframe_s).take(keep_x)


def test_only_intervals_in_which_both_traded_are_rows() -> None:
    y, x = legs(1, 200, holes=0.3)
    report = analyse(y, x, PARAMS)
    both = set(y.open_ms.tolist()) & set(x.open_ms.tolist())
    assert report.open_ms.tolist() == sorted(both)
    assert report.y.tolist() == [y.close[y.open_ms == ms][0] for ms in report.open_ms]
    assert report.x.tolist() == [x.close[x.open_ms == ms][0] for ms in report.open_ms]
    assert report.have_bars == len(both)
    assert (report.newest_y_ms, report.newest_x_ms) == (y.open_ms[-1], x.open_ms[-1])


@pytest.mark.parametrize("rows", [[0, 1, 1, 2], [0, 2, 1, 3]], ids=["one twice", "one too late"])
@pytest.mark.parametrize("which", ["YUSDT", "XUSDT"])
def test_candles_out_of_order_or_twice_are_refused_and_never_paired_with_another_time(
    rows: list[int], which: str
) -> None:
    y, x = (leg.take(np.array(rows)) if leg.symbol == which else leg for leg in legs(1, 60))
    with pytest.raises(ValueError, match=f"opens of {which} must increase"):
        analyse(y, x, PARAMS)


def test_candles_off_the_grid_of_their_timeframe_are_refused() -> None:
    y, x = legs(1, 60)
    shifted = replace(x, open_ms=x.open_ms + 7)
    with pytest.raises(ValueError, match="opens of XUSDT must be whole multiples of 60 s"):
        analyse(y, shifted, PARAMS)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 160), st.sampled_from([0.0, 0.4]), st.booleans(), st.data())
def test_a_prefix_gives_the_same_rows_as_the_whole_cut(
    seed: int, n: int, holes: float, price_units: bool, data: st.DataObject
) -> None:
    params = Params(fit_bars=40, z_bars=10, price_units=price_units)
    y, x = legs(seed, n, holes)
    until = START_MS + 60_000 * data.draw(st.integers(0, n))
    whole, part = analyse(y, x, params), analyse(y.take(y.open_ms < until), x.take(x.open_ms < until), params)
    for name in (*ROWS, "open_ms", "unchanged_y", "unchanged_x"):
        assert_array_equal(getattr(whole, name)[: part.have_bars], getattr(part, name), err_msg=name)
    if part.have_bars >= params.need_bars:
        assert_array_equal(whole.stale_rows[: part.have_bars], part.stale_rows)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(50, 160), st.sampled_from([0.0, 0.3]))
def test_the_newest_look_needs_the_last_candles_only(seed: int, n: int, holes: float) -> None:
    y, x = legs(seed, n, holes)
    whole = analyse(y, x, PARAMS)
    if whole.have_bars < PARAMS.need_bars:
        return
    since = whole.open_ms[-PARAMS.need_bars]
    tail = analyse(y.take(y.open_ms >= since), x.take(x.open_ms >= since), PARAMS)
    assert tail.have_bars == PARAMS.need_bars
    for name in ROWS:
        assert_array_equal(getattr(tail, name)[-1], getattr(whole, name)[-1], err_msg=name)
    assert_array_equal(tail.z[-PARAMS.lookback :], whole.z[-PARAMS.lookback :])
    for name in ("engle_granger", "adf", "kpss", "half_life", "stale_share", "incomplete", "hedge"):
        assert getattr(tail, name) == getattr(whole, name), name
    assert_array_equal(tail.persistence, whole.persistence)


def test_its_numbers_are_those_of_the_window_taken_by_itself() -> None:
    y_close, x_close = cointegrated(np.random.default_rng(3), 90, half_life=0.4)
    report = analyse(candles("YUSDT", y_close), candles("XUSDT", x_close), PARAMS)
    y, x = np.log(report.y[-40:]), np.log(report.x[-40:])
    direct = engle_granger(y, x)
    assert report.engle_granger is not None
    assert_allclose(report.engle_granger.stat, direct.stat, atol=1e-9)
    assert (report.engle_granger.lags, report.engle_granger.nobs) == (direct.lags, direct.nobs)
    resid = y - report.alpha[-1] - report.beta[-1] * x
    assert report.adf is not None
    assert_allclose(report.adf.stat, adf(resid).stat, rtol=1e-6)
    assert report.half_life is not None
    assert_allclose(report.half_life.bars, half_life(resid).bars, rtol=1e-6)
    for j, p in enumerate(report.persistence):
        w = slice(90 - 2 * j - 40, 90 - 2 * j)
        assert_allclose(p, engle_granger(np.log(report.y[w]), np.log(report.x[w])).pvalue, atol=1e-8)
    returns = np.diff(np.log(np.stack((report.y, report.x))))[:, -10:]
    assert_allclose(report.corr[-1], np.corrcoef(returns)[0, 1])


def test_half_life_is_kept_to_itself_without_a_passed_test() -> None:
    reports = [analyse(*legs(seed, 60), PARAMS) for seed in range(0, 40, 2)]
    unsupported = [r for r in reports if r.eg_pvalue[-1] >= 0.05]
    assert unsupported
    assert all(r.half_life is None for r in unsupported)


def test_price_units_fit_prices_and_keep_the_rule_in_logs() -> None:
    y, x = legs(1, 60)
    prices, logs = analyse(y, x, Params(fit_bars=40, z_bars=10, price_units=True)), analyse(y, x, PARAMS)
    line = np.polynomial.Polynomial.fit(prices.x[-40:], prices.y[-40:], 1).convert().coef
    slope = [float(c) for c in line]
    assert_allclose([prices.alpha[-1], prices.beta[-1]], slope, rtol=1e-8)
    assert_allclose(prices.spread[-1], prices.y[-1] - slope[0] - slope[1] * prices.x[-1], rtol=1e-6)
    assert_array_equal(prices.log_fits.z, logs.z)
    assert prices.engle_granger == logs.engle_granger


@pytest.mark.parametrize("method", METHODS)
def test_another_method_changes_the_traded_hedge_and_nothing_of_the_rule(method: str) -> None:
    y, x = legs(1, 60)
    report, ols = analyse(y, x, Params(fit_bars=40, z_bars=10, method=method)), analyse(y, x, PARAMS)
    assert report.hedge is not None
    assert report.hedge.method == method
    assert_array_equal(report.z, ols.z)
    assert report.engle_granger == ols.engle_granger


def test_stale_share_counts_missing_and_unchanged_intervals_of_the_worse_leg() -> None:
    n = PARAMS.need_bars  # 50 rows: 49 intervals after the first
    y, x = np.linspace(100, 110, n + 3), np.linspace(50, 60, n + 3)
    y[10], y[20], y[21] = y[9], y[19], y[19]  # three unchanged closes
    keep = np.ones(n + 3, np.bool_)
    keep[[5, 30, 31]] = False  # X misses three intervals
    report = analyse(candles("YUSDT", y), candles("XUSDT", x).take(keep), PARAMS)
    assert report.have_bars == n
    assert report.stale_share == pytest.approx(3 / 52)  # either leg: 3 of the 52 intervals after the first
    y[40] = y[39]
    assert analyse(candles("YUSDT", y), candles("XUSDT", x).take(keep), PARAMS).stale_share == pytest.approx(4 / 52)


def test_incomplete_intervals_count_while_they_are_in_the_span() -> None:
    y, x = legs(1, PARAMS.need_bars + 5)
    at = y.open_ms
    assert analyse(y, x, PARAMS, at[[4]]).incomplete == 0
    assert analyse(y, x, PARAMS, at[[5]]).incomplete == 1
    assert analyse(y, x, PARAMS, np.array([at[5], at[5], at[-1], at[-1] + 60_000])).incomplete == 2
    assert analyse(y, x, PARAMS).incomplete == 0


def test_too_few_candles_are_nan_and_none_never_an_error() -> None:
    for n in (0, 1, 2, 39):
        y, x = legs(1, 60)
        report = analyse(y.take(slice(0, n)), x.take(slice(0, n)), PARAMS)
        assert report.have_bars == n
        assert np.isnan(report.z).all()
        for undefined in (report.engle_granger, report.adf, report.kpss, report.half_life, report.hedge):
            assert undefined is None
        assert np.isnan(report.persistence).all()


def test_flat_legs_have_no_statistics() -> None:
    _, x = legs(1, 60)
    report = analyse(candles("YUSDT", np.full(60, 64_000.1)), x, PARAMS)
    assert np.isnan(report.z).all()
    assert report.engle_granger is None
    assert report.stale_share == 1.0


def test_wrong_legs_are_named() -> None:
    y, x = legs(1, 60)
    with pytest.raises(ValueError, match="must be two symbols, were both YUSDT"):
        analyse(y, y, PARAMS)
    with pytest.raises(ValueError, match="must be of 300 s, were of 60 s"):
        analyse(y, x, Params(timeframe_s=300))
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="closes of ZUSDT must be finite and > 0"):
            analyse(y, candles("ZUSDT", np.append(np.ones(59), bad)), PARAMS)
    with pytest.raises(ValueError, match="method must be one of ols, tls"):
        analyse(y, x, Params(method="magic"))


def test_the_arguments_are_left_as_they_were() -> None:
    y, x = legs(1, 80, holes=0.1)
    before = [
        getattr(c, f.name).copy() for c in (y, x) for f in fields(Candles) if f.name not in {"symbol", "timeframe_s"}
    ]
    report = analyse(y, x, PARAMS)
    assert isinstance(report, PairReport)
    after = [getattr(c, f.name) for c in (y, x) for f in fields(Candles) if f.name not in {"symbol", "timeframe_s"}]
    for a, b in zip(before, after, strict=True):
        assert_array_equal(a, b)
