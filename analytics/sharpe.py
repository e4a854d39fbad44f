"""Sharpe ratios that answer for their length, their tails and for how many were tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import kurtosis, skew

from core.types import Floats

EULER: Final = float(np.euler_gamma)
YEAR_ROOT: Final = 365.0**0.5  # this market never closes
LEAST_DAYS: Final = 20


@dataclass(frozen=True, slots=True)
class SharpeRatio:
    """Of one observation each: a day's. Not annualised, nothing taken off for a riskless rate."""

    ratio: float
    observations: int
    skew: float
    kurtosis: float  # 3 for a normal distribution

    @property
    def se(self) -> float:
        """Standard error, for returns that are neither normal nor correlated (Mertens 2002)."""
        s, k = self.skew, self.kurtosis
        inside = 1.0 - s * self.ratio + (k - 1.0) / 4.0 * self.ratio**2
        return float(np.sqrt(max(inside, 0.0) / (self.observations - 1)))

    @property
    def annual(self) -> float:
        """Times √365."""
        return self.ratio * YEAR_ROOT

    @property
    def annual_se(self) -> float:
        """Times √365."""
        return self.se * YEAR_ROOT


def sharpe_ratio(daily: Floats) -> SharpeRatio | None:
    """Mean over standard deviation (ddof 1) of daily changes.

    Parameters
    ----------
    daily : (d,) float
        Any unit.

    Returns
    -------
    SharpeRatio or None
        None with fewer than 20 days, or where all days are the same.

    Notes
    -----
    Sharpe (1966, 1994).
    """
    if len(daily) < LEAST_DAYS or daily.max() == daily.min():
        return None
    return SharpeRatio(
        ratio=float(daily.mean() / daily.std(ddof=1)),
        observations=len(daily),
        skew=float(skew(daily)),
        kurtosis=float(kurtosis(daily, fisher=False)),
    )


def expected_best(variance: float, tried: int) -> float:
    """The best ratio to be expected of ``tried`` settings none of which is worth anything.

    Parameters
    ----------
    variance : float
        Of the ratios over the settings tried.
    tried : int
        >= 1. One setting: 0, for then nothing was chosen.
    """
    if tried < 1:
        raise ValueError(f"tried must be >= 1, was {tried}")
    if tried == 1:
        return 0.0
    one, other = ndtri(1.0 - 1.0 / tried), ndtri(1.0 - 1.0 / (tried * np.e))
    return float(np.sqrt(variance) * ((1.0 - EULER) * one + EULER * other))


def deflated(sharpe: SharpeRatio, variance: float, tried: int) -> float:
    """The probability that the true ratio is above what the best of ``tried`` worthless ones would have shown.

    Parameters
    ----------
    sharpe : SharpeRatio
        Of the setting in question.
    variance : float
        Of the ratios over all settings tried, in the same unit. Settings that resemble one another show too little of
        it, and with too little the result is far too mild: a ratio worth nothing has 1/(T − 1) by chance alone.
    tried : int
        How many they were. Where few of them are independent, this many are on the strict side.

    Returns
    -------
    float
        From 0 to 1. With one setting tried it is the probabilistic Sharpe ratio against 0.

    Notes
    -----
    Bailey and López de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (5):

        DSR = Φ( (SR − SR₀) √(T − 1) / √(1 − γ₃ SR + (γ₄ − 1)/4 · SR²) )
        SR₀ = √V · ( (1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e)) )

    with skewness γ₃ and kurtosis γ₄ of the T returns, V the variance of the ratios over the N trials, and γ Euler's
    constant.
    """
    if not sharpe.se > 0:
        raise ValueError("the ratio's standard error must be > 0")
    return float(ndtr((sharpe.ratio - expected_best(variance, tried)) / sharpe.se))
