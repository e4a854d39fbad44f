"""The spread: what is left of Y when β of X is taken off, in log prices or in prices."""

from __future__ import annotations

from typing import TypeVar, overload

import numpy as np

from core.types import Floats

Numbers = TypeVar("Numbers", float, Floats)


@overload
def spread(y: Floats, x: Floats, alpha: float, beta: float, price_units: bool = False) -> Floats: ...
@overload
def spread(y: float, x: float, alpha: float, beta: float, price_units: bool = False) -> float: ...
def spread(
    y: Floats | float, x: Floats | float, alpha: float, beta: float, price_units: bool = False
) -> Floats | float:
    """``ln Y − (α + β ln X)``, or ``Y − (α + βX)`` in price units.

    Parameters
    ----------
    y, x : float or (n,) float
        Prices, > 0.

    >>> spread(np.e, 1.0, alpha=0.0, beta=1.0)
    1.0
    """
    if price_units:
        return y - (alpha + beta * x)
    s = np.log(y) - (alpha + beta * np.log(x))
    return float(s) if np.ndim(s) == 0 else s


def price_of_y(level: float, x: float, alpha: float, beta: float, price_units: bool = False) -> float:
    """The price of Y at which the spread would stand at ``level``, X and the fit unchanged.

    >>> price_of_y(0.0, 4.0, alpha=0.0, beta=0.5)
    2.0
    """
    if price_units:
        return alpha + beta * x + level
    return float(np.exp(alpha + beta * np.log(x) + level))


def edge_bps(size: Numbers, beta: Numbers) -> Numbers:
    """E, what a spread of ``size`` in logs shows: |size|/(1 + |β|), in bps of the gross notional of both legs.

    >>> edge_bps(-0.0018, beta=0.5)
    12.0
    """
    return abs(size) * 1e4 / (1.0 + abs(beta))


def gross_per_unit(y: float, x: float, beta: float, price_units: bool = False) -> float:
    """Gross notional of both legs per unit of spread: a spread change divided by it is a return on gross notional.

    In logs 1 + |β|, for β is a notional ratio; in prices Y + |β|X, for β is a ratio of units.

    >>> gross_per_unit(2000.0, 60000.0, beta=0.5)
    1.5
    """
    return y + abs(beta) * x if price_units else 1.0 + abs(beta)
