"""The number of lags is that of the regression itself, and where the quick sums cannot tell it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import dickey_fuller
from analytics.dickey_fuller import _aic, _aic_by_columns, aic_lags, level_t
from core.errors import DegenerateData


@given(st.integers(0, 2**32 - 1), st.integers(40, 1_100), st.integers(0, 22), st.booleans(), st.floats(0.0, 1.0))
def test_both_ways_give_one_answer(seed: int, n: int, most: int, constant: bool, walk: float) -> None:
    rng = np.random.default_rng(seed)
    e = walk * np.cumsum(rng.normal(size=n)) + rng.normal(size=n)
    most = min(most, n // 2 - 4)
    e = e - e.mean() if constant else e
    slow, quick = _aic_by_columns(e[None], most, constant), _aic(e[None], most, constant)
    assert quick == pytest.approx(slow, abs=1e-7)
    assert aic_lags(e[None], most, constant) == [np.argmin(slow)]


def test_where_rounding_could_decide_the_regression_does(monkeypatch: pytest.MonkeyPatch) -> None:
    e = np.random.default_rng(3).normal(size=(3, 300))
    e -= e.mean(axis=1, keepdims=True)
    told = [int(np.argmin(_aic_by_columns(row[None], 5, constant=True))) for row in e]
    close, clear = [3, 1, 1 + 1e-7, 4, 5, 6.0], [3, 9, 9, 4, 1, 6.0]
    monkeypatch.setattr(dickey_fuller, "_aic", lambda *_: np.array([close, clear, [np.nan] * 6]))
    assert aic_lags(e, 5, constant=True).tolist() == [told[0], 4, told[2]]


def test_columns_that_all_but_repeat_one_another_are_left_to_the_regression() -> None:
    beat = np.tile([1.0, -1.0], 200) + 1e-5 * np.random.default_rng(4).normal(size=400)
    noise = np.random.default_rng(5).normal(size=400)
    both = np.stack((beat - beat.mean(), noise - noise.mean()))
    assert np.isnan(_aic(both, 10, constant=True)).all(axis=1).tolist() == [True, False]
    assert (aic_lags(both, 10, constant=True) <= 10).all()
    with pytest.raises(DegenerateData):
        aic_lags(np.tile([1.0, -1.0], 200)[None], 10, constant=True)


@given(st.integers(0, 2**32 - 1), st.integers(60, 1_100), st.booleans())
def test_what_a_series_stands_beside_changes_no_bit(seed: int, n: int, constant: bool) -> None:
    rng = np.random.default_rng(seed)
    e = np.cumsum(rng.normal(size=(7, n)), axis=1) * 10.0 ** rng.integers(-9, 5, (7, 1))
    lags = aic_lags(e, 8, constant)
    assert lags.tolist() == [int(aic_lags(row[None], 8, constant)[0]) for row in e]
    for used in range(3):
        stat, _ = level_t(e, used, constant)
        assert stat.tolist() == [float(level_t(row[None], used, constant)[0][0]) for row in e]
