"""Ratios that answer for their length, their tails and the number tried."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.sharpe import SharpeRatio, deflated, expected_best, sharpe_ratio

# The worked example of Bailey and López de Prado (2014): an annual ratio of 2.5 over five years of 250 days, skewness
# −3, kurtosis 10, the best of 100 trials whose annual ratios have variance 1/2.
PAPER = SharpeRatio(ratio=2.5 / 250**0.5, observations=1250, skew=-3.0, kurtosis=10.0)
PAPER_VARIANCE = 0.5 / 250


def test_the_papers_example() -> None:
    assert expected_best(PAPER_VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated(PAPER, PAPER_VARIANCE, 100) == pytest.approx(0.9004, abs=5e-5)
    assert deflated(PAPER, PAPER_VARIANCE, 46) == pytest.approx(0.9505, abs=5e-5)


def test_the_expected_best_is_what_draws_of_noise_show() -> None:
    rng = np.random.default_rng(1)
    best = rng.normal(0.0, 0.3, (20_000, 25)).max(axis=1).mean()
    assert expected_best(0.09, 25) == pytest.approx(best, rel=0.02)


def test_one_setting_tried_is_not_deflated() -> None:
    assert expected_best(1.0, 1) == 0.0
    normal = SharpeRatio(0.1, 101, 0.0, 3.0)
    assert deflated(normal, 5.0, 1) == pytest.approx(0.8407, abs=1e-3)  # Φ(0.1 · 10 / √1.005)


def test_more_tries_never_help() -> None:
    told = [deflated(PAPER, PAPER_VARIANCE, n) for n in (1, 2, 5, 20, 200)]
    assert told == sorted(told, reverse=True)
    with pytest.raises(ValueError, match="tried"):
        expected_best(1.0, 0)


def test_the_standard_error_is_what_repeated_samples_show() -> None:
    rng = np.random.default_rng(2)
    days = rng.gamma(2.0, 1.0, (4000, 200)) - 1.8  # skewed to the right
    ratios = days.mean(axis=1) / days.std(axis=1, ddof=1)
    told = sharpe_ratio(days[0])
    assert told is not None
    exact = SharpeRatio(float(ratios.mean()), 200, skew=2**0.5, kurtosis=6.0)
    assert exact.se == pytest.approx(ratios.std(), rel=0.05)
    assert told.annual == pytest.approx(told.ratio * 365**0.5)


def test_few_days_or_days_all_alike_have_no_ratio() -> None:
    assert sharpe_ratio(np.arange(19.0)) is None
    assert sharpe_ratio(np.full(50, 0.1)) is None
