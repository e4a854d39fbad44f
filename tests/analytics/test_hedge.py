"""Whoever adds a hedge method gets these for free."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

from analytics.hedge import METHODS, TITLES, HedgeFit, huber, kalman, ols, theil_sen, total_least_squares
from core.errors import DegenerateData, NotEnoughData
from core.types import Floats
from tests.analytics.pairs import walk

Method = Callable[[Floats, Floats], HedgeFit]
RNG = np.random.default_rng(11)
X = walk(RNG, 400, sd=1e-2)
NOISE = RNG.normal(0.0, 2e-3, 400)


@pytest.mark.parametrize("fit", METHODS.values(), ids=METHODS)
class TestEveryMethod:
    """The contract."""

    def test_it_finds_a_line_without_noise(self, fit: Method) -> None:
        got = fit(2.5 * X + 7.0, X)
        assert got.beta == pytest.approx(2.5)
        assert got.alpha == pytest.approx(7.0)
        assert got.resid_sd == pytest.approx(0.0, abs=1e-10)
        assert got.beta_se == pytest.approx(0.0, abs=1e-10)

    def test_it_finds_a_slope_under_noise_within_its_own_error(self, fit: Method) -> None:
        got = fit(2.5 * X + 7.0 + NOISE, X)
        assert abs(got.beta - 2.5) < 4 * got.beta_se
        assert 0 < got.beta_se < 0.05
        assert got.resid_sd == pytest.approx(2e-3, rel=0.15)

    def test_a_negative_slope_stays_negative(self, fit: Method) -> None:
        assert fit(-0.7 * X + NOISE, X).beta == pytest.approx(-0.7, abs=0.05)

    def test_units_do_not_matter(self, fit: Method) -> None:
        small = fit(0.8 * X + NOISE, X)
        large = fit(1e4 * (0.8 * X + NOISE), 1e4 * X)
        assert large.beta == pytest.approx(small.beta, rel=1e-4)

    def test_it_says_its_name(self, fit: Method) -> None:
        assert METHODS[fit(X + NOISE, X).method] is fit

    def test_it_has_a_name_to_show(self, fit: Method) -> None:
        assert TITLES[fit(X + NOISE, X).method]

    def test_what_cannot_be_fitted_is_a_named_error(self, fit: Method) -> None:
        with pytest.raises(DegenerateData):
            fit(X, np.full(400, 3.0))
        with pytest.raises(DegenerateData):
            fit(np.full(400, 3.0), X)
        with pytest.raises(DegenerateData):
            fit(np.where(X[0] < X, np.nan, X), X)
        with pytest.raises(NotEnoughData):
            fit(X[:5], X[:5])
        with pytest.raises(ValueError, match="equal length"):
            fit(X, X[:50])

    def test_rows_are_paired_by_their_order_whatever_they_came_in(self, fit: Method) -> None:
        y, want = 0.8 * X + NOISE, fit(0.8 * X + NOISE, X)
        later = pd.RangeIndex(200, 600)  # an index that pandas would pair the rows by
        assert fit(pd.Series(y), pd.Series(X, later)) == want  # type: ignore[arg-type]
        assert fit(y.tolist(), X.tolist()) == want

    def test_it_changes_nothing_it_was_given(self, fit: Method) -> None:
        y, x = X + NOISE, X.copy()
        before = y.copy()
        fit(y, x)
        assert (y == before).all()
        assert (x == X).all()


def test_least_squares_equals_statsmodels() -> None:
    y = 1.3 * X + NOISE
    theirs = sm.OLS(y, sm.add_constant(X)).fit()
    ours = ols(y, X)
    assert_allclose([ours.alpha, ours.beta, ours.beta_se], [*theirs.params, theirs.bse[1]], rtol=1e-8)
    assert_allclose(ours.resid_sd, np.sqrt(theirs.mse_resid), rtol=1e-10)


def test_huber_equals_statsmodels() -> None:
    y = 1.3 * X + np.random.default_rng(4).standard_t(2, 400) * 2e-3
    theirs = sm.RLM(y, sm.add_constant(X - X.mean())).fit(maxiter=500, tol=1e-13)
    ours = huber(y, X)
    assert_allclose([ours.beta, ours.beta_se], [theirs.params[1], theirs.bse[1]], rtol=1e-7)
    assert_allclose(ours.alpha, theirs.params[0] - theirs.params[1] * X.mean(), rtol=1e-7)


def test_total_least_squares_inverts_when_the_legs_are_swapped() -> None:
    y = 1.3 * X + NOISE * 5
    assert total_least_squares(y, X).beta * total_least_squares(X, y).beta == pytest.approx(1.0)
    assert ols(y, X).beta * ols(X, y).beta < 0.9999


@pytest.mark.parametrize("fit", [huber, theil_sen], ids=["huber", "theil_sen"])
def test_robust_methods_shrug_at_wild_candles(fit: Method) -> None:
    y = 0.8 * X + NOISE
    y[np.argsort(X)[-20:]] += 0.5
    assert abs(fit(y, X).beta - 0.8) < 0.1
    assert abs(ols(y, X).beta - 0.8) > 0.3


def test_theil_sen_copes_with_more_rows_than_its_pairs_would_fit() -> None:
    rng = np.random.default_rng(2)
    x = walk(rng, 4000)
    assert theil_sen(0.8 * x + rng.normal(0, 1e-3, 4000), x).beta == pytest.approx(0.8, abs=0.01)


def test_kalman_follows_a_hedge_ratio_that_drifts() -> None:
    rng = np.random.default_rng(6)
    x = walk(rng, 600, sd=1e-2, start=0.0)
    beta = np.linspace(0.5, 1.5, 600)
    y = beta * x + rng.normal(0, 1e-4, 600)
    got = kalman(y, x)
    assert abs(got.beta - 1.5) < 0.1
    assert abs(ols(y, x).beta - 1.5) > 0.2
    assert abs(got.beta - 1.5) < 4 * got.beta_se
