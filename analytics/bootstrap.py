"""Drawing again in blocks, so that neighbours stay neighbours. scipy's bootstrap draws single values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.types import Floats, Ints

DRAWS: Final = 2_000
LEAST: Final = 10  # values below which an interval would claim more than they hold
FEW: Final = 30  # values below which an interval that leaves out 0 concludes nothing
LOSSES: Final = 5  # below 0, fewer than which one above 0 concludes nothing
OUTSIDE: Final = (0.025, 0.975)  # quantiles of the means drawn that an interval ends at
PART: Final = 2_000_000  # drawn at a time, to spare the memory


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and what it could as well have been: 95 % of the means drawn lie between."""

    mean: float
    low: float
    high: float


def block_rows(rng: np.random.Generator, rows: int, size: tuple[int, ...], mean_block: float) -> Ints:
    """Row numbers drawn in runs of random length, the last axis in order; past the end the first row follows.

    Parameters
    ----------
    rows : int
        Rows there are; >= 1.
    size : tuple of int
        Shape of what is drawn; runs go along the last axis.
    mean_block : float
        Mean length of a run, geometrically distributed; >= 1. 1: single rows.

    Notes
    -----
    The stationary bootstrap (Politis and Romano 1994).
    """
    if rows < 1 or mean_block < 1:
        raise ValueError(f"rows and mean_block must be >= 1, were {rows} and {mean_block}")
    begins = rng.random(size) < 1.0 / mean_block
    begins[..., :1] = True
    at = np.broadcast_to(np.arange(size[-1]), size)
    since = np.maximum.accumulate(np.where(begins, at, 0), axis=-1)
    starts = np.take_along_axis(rng.integers(0, rows, size), since, axis=-1)
    drawn: Ints = (starts + at - since) % rows
    return drawn


def mean_interval(values: Floats, rng: np.random.Generator) -> Interval | None:
    """The mean of a sequence with its percentile interval.

    Parameters
    ----------
    values : (n,) float
        In order of time.

    Returns
    -------
    Interval or None
        None with fewer than 10 values. Of independent normal values 95 % held the truth in 86 % of draws with 10, 87 %
        with 20, 91 % with 30 and 92 % with 60. Of values of which one in twenty is a large loss, and whose true mean is
        0, the low end was above 0 in 36 % with 20, 23 % with 30 and 9 % with 60, for 2.5: see ``few_losses``.

    Notes
    -----
    Blocks of n^(1/3) values on average: trades close in time share their market.
    """
    return _interval(values, np.ones(len(values)), len(values) ** (1.0 / 3.0), rng)


def group_interval(sums: Floats, counts: Floats, rng: np.random.Generator) -> Interval | None:
    """The mean of values that come in groups, such as days, with its interval: only groups are independent.

    Parameters
    ----------
    sums, counts : (g,) float
        Of the values of each group, and how many they are; >= 1.

    Returns
    -------
    Interval or None
        None with fewer than 10 groups. Where one event decided each group, 95 % held the truth in 89 % of draws with 10
        groups, 92 % with 20 and 94 % with 30.

    Notes
    -----
    Whole groups are drawn (Davison and Hinkley 1997, section 3.8); the mean is the ratio of the sums drawn.
    """
    return _interval(sums, counts, 1.0, rng)


def few_losses(lost: int) -> str:
    """Why an interval above 0 says little where so few of its values are below 0; empty: they are enough.

    What was hardly seen cannot be drawn: without a large loss among the values there is none in the interval.
    """
    if lost >= LOSSES:
        return ""
    return (
        f"only {lost} of them lost: how large a loss can be is hardly known"
        if lost
        else "no loss seen yet: its size is unknown"
    )


def _interval(sums: Floats, counts: Floats, mean_block: float, rng: np.random.Generator) -> Interval | None:
    n = len(sums)
    if n < LEAST:
        return None
    means = np.empty(DRAWS)
    part = max(1, PART // n)
    for first in range(0, DRAWS, part):
        draws = min(part, DRAWS - first)
        rows = block_rows(rng, n, (draws, n), mean_block)
        means[first : first + draws] = sums[rows].sum(axis=1) / counts[rows].sum(axis=1)
    low, high = np.quantile(means, OUTSIDE).tolist()
    return Interval(float(sums.sum() / counts.sum()), low, high)
