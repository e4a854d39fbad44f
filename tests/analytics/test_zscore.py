"""z is causal, says nothing of flat windows, and equals the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from analytics.rolling import fit_rows
from analytics.zscore import residual_zscore, zscore
from core.types import Floats
from tests.analytics.pairs import cointegrated

spreads = arrays(np.float64, st.integers(0, 200), elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan))


@given(spreads, st.integers(2, 20), st.integers(0, 200))
def test_the_past_does_not_change_when_the_future_is_cut(spread: Floats, window: int, cut: int) -> None:
    assert_array_equal(zscore(spread, window)[:cut], zscore(spread[:cut], window))


@given(spreads, st.integers(2, 20))
def test_a_window_with_a_nan_has_no_z_and_its_neighbours_do(spread: Floats, window: int) -> None:
    z = zscore(spread, window)
    for i in range(len(spread)):
        w = spread[max(0, i - window + 1) : i + 1]
        undefined = len(w) < window or np.isnan(w).any() or w.max() == w.min()
        assert np.isnan(z[i]) == undefined


def test_z_equals_the_textbook_at_a_high_price_level() -> None:
    spread = 64_000.0 + np.random.default_rng(3).normal(0.0, 0.5, 300)
    z = zscore(spread, 60)
    for i in range(59, 300):
        w = spread[i - 59 : i + 1]
        assert_allclose(z[i], (w[-1] - w.mean()) / w.std(ddof=1), rtol=1e-9, atol=1e-9)


def test_twenty_equal_prices_have_no_z() -> None:
    assert np.isnan(zscore(np.full(20, 64_000.1), 20)).all()


def test_an_infinite_value_spoils_its_own_windows_only() -> None:
    spread = np.arange(30.0) % 7
    spread[10] = np.inf
    assert np.flatnonzero(np.isnan(zscore(spread, 5))).tolist() == [0, 1, 2, 3, 10, 11, 12, 13, 14]


def test_a_bad_window_is_named() -> None:
    for window in (1, 2.5):
        with pytest.raises(ValueError, match=f"window must be a whole number >= 2, was {window}"):
            zscore(np.ones(3), window)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="spread must be 1-D"):
        zscore(np.ones((3, 3)), 2)


def test_the_rolling_z_uses_the_residuals_of_its_own_fit() -> None:
    prices_y, prices_x = cointegrated(np.random.default_rng(2), 160)
    y, x, slots = np.log(prices_y), np.log(prices_x), np.arange(160) + 999
    fits = fit_rows(y, x, 100, slots)
    z, mean, sd = residual_zscore(y, x, fits, 20, slots)
    assert np.isnan(z[:99]).all()
    for i in range(99, 160):
        resid = (y - fits.alpha[i] - fits.beta[i] * x)[i - 19 : i + 1]
        assert_allclose([mean[i], sd[i]], [resid.mean(), resid.std(ddof=1)], rtol=1e-9, atol=1e-15)
        assert_allclose(z[i], (resid[-1] - resid.mean()) / resid.std(ddof=1), rtol=1e-8, atol=1e-10)


def test_two_flat_legs_have_no_rolling_z_though_the_fit_is_defined() -> None:
    prices_y, prices_x = cointegrated(np.random.default_rng(2), 120)
    y, x, slots = np.log(prices_y), np.log(prices_x), np.arange(120)
    y[-20:], x[-20:] = y[-20], x[-20]
    fits = fit_rows(y, x, 100, slots)
    z, _, _ = residual_zscore(y, x, fits, 20, slots)
    assert np.isfinite(fits.z[-1])
    assert np.isnan(z[-1])
    assert np.isfinite(z[-2])
