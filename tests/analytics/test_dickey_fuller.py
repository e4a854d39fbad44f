"""The number of lags is that of the regression itself, and where the quick sums cannot tell it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import dickey_fuller
from analytics.dickey_fuller import _aic, _aic_by_columns, aic_lags
from core.errors import DegenerateData


@given(st.integers(0, 2**32 - 1), st.integers(40, 1_100), st.integers(0, 22), st.booleans(), st.floats(0.0, 1.0))
def test_both_ways_give_one_answer(seed: int, n: int, most: int, constant: bool, walk: float) -> None:
    rng = np.random.default_rng(seed)
    e = walk * np.cumsum(rng.normal(size=n)) + rng.normal(size=n)
    most = min(most, n // 2 - 4)
    e = e - e.mean() if constant else e
    slow, quick = _aic_by_columns(e, most, constant), _aic(e, most, constant)
    assert quick is not None
    assert quick == pytest.approx(slow, abs=1e-7)
    assert aic_lags(e, most, constant) == int(np.argmin(slow))


def test_where_rounding_could_decide_the_regression_does(monkeypatch: pytest.MonkeyPatch) -> None:
    e = np.random.default_rng(3).normal(size=300)
    e -= e.mean()
    told = _aic_by_columns(e, 5, constant=True)
    monkeypatch.setattr(dickey_fuller, "_aic", lambda *_: told - told + np.array([3, 1, 1 + 1e-7, 4, 5, 6.0]))
    assert aic_lags(e, 5, constant=True) == int(np.argmin(told))


def test_columns_that_all_but_repeat_one_another_are_left_to_the_regression() -> None:
    beat = np.tile([1.0, -1.0], 200) + 1e-5 * np.random.default_rng(4).normal(size=400)
    beat -= beat.mean()
    assert _aic(beat, 10, constant=True) is None
    assert 0 <= aic_lags(beat, 10, constant=True) <= 10
    with pytest.raises(DegenerateData):
        aic_lags(np.tile([1.0, -1.0], 200), 10, constant=True)
