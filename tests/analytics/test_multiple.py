"""p-values that answer for how many tests were made."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose
from statsmodels.stats.multitest import multipletests

from analytics.multiple import adjusted


def test_they_equal_statsmodels() -> None:
    p = np.random.default_rng(1).random(300) ** 3
    p[:5] = 0.0
    assert_allclose(adjusted(p), multipletests(p, method="fdr_by")[1], rtol=1e-12)


def test_what_was_not_tested_does_not_count() -> None:
    p = np.random.default_rng(2).random(40)
    holes = np.insert(p, [0, 7, 40], np.nan)
    out = adjusted(holes)
    assert_allclose(out[~np.isnan(holes)], adjusted(p))
    assert np.isnan(out[np.isnan(holes)]).all()


def test_a_list_is_as_good_as_an_array() -> None:
    p = [0.01, 0.2, 0.5]
    assert_allclose(adjusted(p), adjusted(np.array(p)))  # type: ignore[arg-type]


def test_no_test_at_all() -> None:
    assert adjusted(np.empty(0)).shape == (0,)
    assert np.isnan(adjusted(np.full(3, np.nan))).all()
