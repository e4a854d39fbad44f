"""p-values that answer for how many tests were made."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from statsmodels.stats.multitest import multipletests

from analytics.multiple import METHODS, Method, adjusted


@pytest.mark.parametrize("method", METHODS)
def test_they_equal_statsmodels(method: Method) -> None:
    p = np.random.default_rng(1).random(300) ** 3
    p[:5] = 0.0
    assert_allclose(adjusted(p, method), multipletests(p, method=f"fdr_{method}")[1], rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_what_was_not_tested_does_not_count(method: Method) -> None:
    p = np.random.default_rng(2).random(40)
    holes = np.insert(p, [0, 7, 40], np.nan)
    out = adjusted(holes, method)
    assert_allclose(out[~np.isnan(holes)], adjusted(p, method))
    assert np.isnan(out[np.isnan(holes)]).all()


def test_no_test_at_all() -> None:
    assert adjusted(np.empty(0)).shape == (0,)
    assert np.isnan(adjusted(np.full(3, np.nan))).all()


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ValueError, match="by, bh, was 'none'"):
        adjusted(np.array([0.5]), "none")  # type: ignore[arg-type]
