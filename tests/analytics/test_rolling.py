"""Every row of a rolling fit is what was known then, and equals the fit of its window taken by itself."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from analytics.rolling import Fits, eg_rows, fit_rows
from analytics.stationarity import engle_granger
from core.errors import DegenerateData
from core.types import Floats, Ints
from tests.analytics.pairs import cointegrated, unrelated


def pair(seed: int, n: int, holes: float = 0.0) -> tuple[Floats, Floats, Ints]:
    rng = np.random.default_rng(seed)
    y, x = cointegrated(rng, n) if seed % 2 else unrelated(rng, n)
    return np.log(y), np.log(x), 28_333_334 + np.cumsum(rng.geometric(1.0 - holes, n))


def rows(y: Floats, x: Floats, bars: int, slots: Ints) -> Floats:
    """All series of the fits and the test, stacked."""
    fits = fit_rows(y, x, bars, slots)
    series = [getattr(fits, f.name) for f in fields(Fits) if f.name != "bars"]
    return np.stack([*series, *eg_rows(y, x, fits, slots)])


@pytest.mark.parametrize("holes", [0.0, 0.4, 0.97])
@pytest.mark.parametrize("seed", [0, 1])
def test_each_row_equals_the_fit_of_its_own_window(seed: int, holes: float) -> None:
    y, x, slots = pair(seed, 400, holes)
    fits = fit_rows(y, x, 120, slots)
    stat, pvalue = eg_rows(y, x, fits, slots)
    assert np.isnan(fits.z[:119]).all()
    for i in range(119, 400, 7):
        w = slice(i - 119, i + 1)
        design = np.stack((np.ones(120), x[w] - x[i])).T
        (a, b), _, _, _ = np.linalg.lstsq(design, y[w], rcond=None)
        resid = y[w] - design @ [a, b]
        sd = np.sqrt((resid @ resid) / 118)
        assert_allclose(fits.beta[i], b, rtol=1e-9)
        assert_allclose(fits.alpha[i], a - b * x[i], rtol=1e-8)
        assert_allclose(fits.resid_sd[i], sd, rtol=1e-9)
        assert_allclose(fits.beta_se[i], sd / np.sqrt(((x[w] - x[w].mean()) ** 2).sum()), rtol=1e-9)
        assert_allclose(fits.z[i], resid[-1] / sd, rtol=1e-7, atol=1e-9)
        direct = engle_granger(y[w], x[w])
        assert_allclose([stat[i], pvalue[i]], [direct.stat, direct.pvalue], rtol=0, atol=1e-8)


@pytest.mark.parametrize("lags", [0, 1, 2, 4])
def test_the_rolling_test_equals_the_direct_one_for_any_number_of_lags(lags: int) -> None:
    y, x, slots = pair(4, 200)
    stat, _ = eg_rows(y, x, fit_rows(y, x, 100, slots), slots, lags)
    for i in (99, 150, 199):
        direct = engle_granger(y[i - 99 : i + 1], x[i - 99 : i + 1], lags)
        assert_allclose(stat[i], direct.stat, atol=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(30, 90), st.integers(1, 120), st.sampled_from([0.0, 0.5, 0.97]), st.data())
def test_a_row_depends_on_its_own_window_alone_to_the_bit(
    seed: int, bars: int, more: int, holes: float, data: st.DataObject
) -> None:
    y, x, slots = pair(seed, bars + more, holes)
    begin = data.draw(st.integers(0, more))
    end = data.draw(st.integers(begin + bars, bars + more))
    whole = rows(y, x, bars, slots)[:, begin + bars - 1 : end]
    part = rows(y[begin:end], x[begin:end], bars, slots[begin:end])[:, bars - 1 :]
    assert_array_equal(whole, part)


def test_flat_and_collinear_windows_have_no_statistic() -> None:
    y, x, slots = pair(1, 200)
    flat = y.copy()
    flat[:150] = 5.0
    fits = fit_rows(flat, x, 100, slots)
    assert np.isnan(fits.beta[:150]).all()
    assert np.isfinite(fits.beta[150:]).all()
    twin = 0.5 * x + 1e-9 * y
    fits = fit_rows(twin, x, 100, slots)
    stat, pvalue = eg_rows(twin, x, fits, slots)
    assert np.isnan(np.stack((fits.z, fits.resid_sd, stat, pvalue))).all()
    with pytest.raises(DegenerateData):
        engle_granger(twin[:100], x[:100])


def test_fewer_rows_than_a_window_give_no_row() -> None:
    y, x, slots = pair(1, 20)
    assert np.isnan(rows(y, x, 30, slots)).all()
    none = np.empty(0)
    assert rows(none, none, 30, np.empty(0, np.int64)).shape == (9, 0)
