"""Correlation of returns: causal, undefined for flat legs, equal to the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from analytics.correlation import rolling_correlation
from analytics.windows import changes
from core.types import Floats

pairs = arrays(np.float64, st.tuples(st.just(2), st.integers(0, 120)), elements=st.floats(-1, 1) | st.just(np.nan))


@given(pairs, st.integers(2, 20), st.integers(0, 120))
def test_the_past_does_not_change_when_the_future_is_cut(pair: Floats, window: int, cut: int) -> None:
    a, b = pair
    assert_array_equal(rolling_correlation(a, b, window)[:cut], rolling_correlation(a[:cut], b[:cut], window))


@given(pairs, st.integers(2, 20))
def test_it_is_from_minus_one_to_one_or_undefined(pair: Floats, window: int) -> None:
    r = rolling_correlation(pair[0], pair[1], window)
    assert ((r >= -1) & (r <= 1) | np.isnan(r)).all()


def test_it_equals_numpys_for_each_window() -> None:
    a, b = np.random.default_rng(5).normal(size=(2, 200)) * 1e-3
    r = rolling_correlation(a, b, 60)
    assert_allclose(
        r[59:], [np.corrcoef(a[i - 59 : i + 1], b[i - 59 : i + 1])[0, 1] for i in range(59, 200)], rtol=1e-9
    )


def test_a_leg_that_does_not_move_correlates_with_nothing() -> None:
    b = np.random.default_rng(5).normal(size=30)
    assert np.isnan(rolling_correlation(np.zeros(30), b, 10)).all()
    assert np.isnan(rolling_correlation(np.full(30, 0.1), b, 10)).all()


def test_where_the_history_begins_changes_no_bit() -> None:
    a, b = np.random.default_rng(6).normal(size=(2, 300))
    slots = np.arange(300) + 123_456
    whole = rolling_correlation(a, b, 40, slots)
    assert_array_equal(whole[100 + 39 :], rolling_correlation(a[100:], b[100:], 40, slots[100:])[39:])


def test_returns_begin_with_an_unknown_one() -> None:
    assert_allclose(changes(np.log(np.array([1.0, np.e, np.e]))), [np.nan, 1.0, 0.0])


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="equal length, were 2 and 3"):
        rolling_correlation(np.ones(2), np.ones(3), 2)
    for window in (0, 2.5):
        with pytest.raises(ValueError, match=f"window must be a whole number >= 2, was {window}"):
            rolling_correlation(np.ones(3), np.ones(3), window)  # type: ignore[arg-type]


def test_whole_numbers_correlate_like_any_others() -> None:
    a, b = np.array([1, 3, 2, 5]), [2, 5, 5, 9]
    assert_allclose(rolling_correlation(a, b, 4)[-1], np.corrcoef(a, b)[0, 1])  # type: ignore[arg-type]
