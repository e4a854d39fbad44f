"""Seeded markets for the rule's error rates: pairs without a relationship, real pairs, pairs that break.

One-minute log closes, as (pairs, bars) arrays. Nothing here is fitted to anything: scales are those of a busy coin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from core.types import Floats

VOL = 15e-4  # of a one-minute return
BETA = 0.8
NULL_CORR = 0.8
SPREAD_SD = 20e-4  # of a real pair's spread: 44 bps at two standard deviations, 25 bps of gross notional
DAY = 1440


@dataclass(frozen=True, slots=True)
class Market:
    """A kind of pair and how to draw some."""

    name: str
    draw: Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]  # (rng, pairs, bars) -> log y, log x
    real: bool = False
    half_spread_bps: float = 0.5  # what a taker pays on each fill beside the fee
    breaks_at: float | None = None  # share of the history after which the relationship is gone


def _from_shocks(common: Floats, own: Floats) -> tuple[Floats, Floats]:
    y = NULL_CORR * common + np.sqrt(1 - NULL_CORR**2) * own
    return 7.0 + np.cumsum(VOL * y, axis=1), 10.0 + np.cumsum(VOL * common, axis=1)


def plain(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
    """Two random walks, returns correlated at .8, no relationship of levels."""
    common, own = rng.normal(size=(2, pairs, bars))
    return _from_shocks(common, own)


def fat_tailed(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
    """The same with Student t(3) shocks."""
    common, own = rng.standard_t(3, size=(2, pairs, bars)) / np.sqrt(3.0)
    return _from_shocks(common, own)


def garch(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
    """The same with volatility that clusters: GARCH(1,1), .08 and .90, in both shocks."""
    shocks = rng.normal(size=(bars, 2, pairs))
    variance = np.ones((2, pairs))
    for t in range(bars):
        shocks[t] *= np.sqrt(variance)
        variance = 0.02 + 0.08 * shocks[t] ** 2 + 0.90 * variance
    return _from_shocks(np.ascontiguousarray(shocks[:, 0].T), np.ascontiguousarray(shocks[:, 1].T))


BOUNCE = 5e-4


def bounce(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
    """The same, each close printed at the bid or the ask, 5 bps to either side."""
    y, x = plain(rng, pairs, bars)
    return y + BOUNCE * rng.choice([-1.0, 1.0], y.shape), x + BOUNCE * rng.choice([-1.0, 1.0], x.shape)


def stale(share: float) -> Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]:
    """The same, but a share of Y's closes are unchanged: it did not trade in those minutes."""

    def draw(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
        y, x = plain(rng, pairs, bars)
        traded = rng.random(y.shape) >= share
        traded[:, 0] = True
        latest = np.maximum.accumulate(np.where(traded, np.arange(bars), 0), axis=1)
        return np.take_along_axis(y, latest, axis=1), x

    return draw


def reverting(half_life: float) -> Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]:
    """A real pair: ln Y = .8 ln X + an AR(1) spread."""

    def draw(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
        x = 10.0 + np.cumsum(VOL * rng.normal(size=(pairs, bars)), axis=1)
        return BETA * x - 1.0 + _ar1(rng, pairs, bars, half_life), x

    return draw


def breaking(half_life: float, at: float) -> Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]:
    """A real pair whose spread becomes a random walk, with the same steps, after a share ``at`` of its history."""

    def draw(rng: np.random.Generator, pairs: int, bars: int) -> tuple[Floats, Floats]:
        x = 10.0 + np.cumsum(VOL * rng.normal(size=(pairs, bars)), axis=1)
        held = int(at * bars)
        spread = np.empty((pairs, bars))
        spread[:, :held] = _ar1(rng, pairs, held, half_life)
        step_sd = SPREAD_SD * np.sqrt(1.0 - 0.25 ** (1.0 / half_life))
        steps = rng.normal(0.0, step_sd, (pairs, bars - held))
        spread[:, held:] = spread[:, held - 1 : held] + np.cumsum(steps, axis=1)
        return BETA * x - 1.0 + spread, x

    return draw


def _ar1(rng: np.random.Generator, pairs: int, bars: int, half_life: float) -> Floats:
    phi = 0.5 ** (1.0 / half_life)
    noise = rng.normal(0.0, SPREAD_SD * np.sqrt(1.0 - phi * phi), (pairs, bars))
    noise[:, 0] = rng.normal(0.0, SPREAD_SD, pairs)
    out: Floats = lfilter([1.0], [1.0, -phi], noise, axis=1)
    return out


BREAK_AT = 2 / 3

MARKETS = (
    Market("no relationship: plain", plain),
    Market("no relationship: fat tails", fat_tailed),
    Market("no relationship: GARCH", garch),
    Market("no relationship: bounce", bounce, half_spread_bps=5.0),
    Market("no relationship: 9 % stale", stale(0.09)),
    Market("no relationship: 50 % stale", stale(0.5)),
    Market("real pair, half-life 10", reverting(10), real=True),
    Market("real pair, half-life 20", reverting(20), real=True),
    Market("real pair, half-life 40", reverting(40), real=True),
    Market("real pair (10) that breaks", breaking(10, BREAK_AT), real=True, breaks_at=BREAK_AT),
)
