"""What luck looks like: the same rule on candles of the same pair whose relationship has been taken away.

Joint log returns are drawn again in blocks, both legs from the same rows, and the part of Y's return that X does not
explain gets a random sign at every row. Sizes, tails, correlation, quiet and wild hours, stale closes and each candle's
own shape stay; the spread becomes a walk of the same steps that remembers nothing.

Blocks alone would not do: reversion lives inside them, and with ten rows a block the Engle-Granger test still finds
a relationship in 6 to 29 % of the redrawn windows of a real pair. Nor would scrambled phases: the same in both legs,
they keep every auto- and cross-correlation, and a spread that comes back is nothing else; phases of their own leave
legs that do not even move together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.backtest import AT_THE_DESK, Frictions, walk_forward
from analytics.bootstrap import block_rows
from analytics.fills import Execution
from analytics.params import Params
from analytics.performance import Summary
from core.types import Candles, Floats, Ints

BLOCKS_A_WINDOW: Final = 10  # of the fit


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run in short."""

    trades: int
    net: float  # quote currency
    net_bps: float | None  # mean per trade

    @classmethod
    def of(cls, summary: Summary) -> Outcome:
        """The short of it."""
        return cls(summary.trades, summary.net, summary.net_bps)


@dataclass(frozen=True, slots=True)
class NullRun:
    """The run on the true candles beside runs on redrawn ones."""

    real: Outcome
    drawn: tuple[Outcome, ...]

    @property
    def no_worse(self) -> int:
        """Redrawn runs that won as much in all as the true one, or more."""
        return sum(drawn.net >= self.real.net for drawn in self.drawn)

    @property
    def as_good(self) -> float:
        """Share of runs that won as much in all, the true one counted in: (1 + k) / (1 + m), a p-value.

        Davison and Hinkley (1997), ch. 4. A run without trades won 0.
        """
        return (1 + self.no_worse) / (1 + len(self.drawn))

    @property
    def net_bps(self) -> float | None:
        """Mean net of all trades on redrawn candles."""
        told = [(d.trades, d.net_bps) for d in self.drawn if d.net_bps is not None]
        trades = sum(count for count, _ in told)
        return sum(count * bps for count, bps in told) / trades if trades else None

    @property
    def trades(self) -> float:
        """Mean number of trades a redrawn run."""
        return sum(d.trades for d in self.drawn) / len(self.drawn) if self.drawn else 0.0


def null_runs(
    candles_y: Candles,
    candles_x: Candles,
    params: Params,
    costs: Frictions,
    rng: np.random.Generator,
    *,
    runs: int = 20,
    execution: Execution = AT_THE_DESK,
    incomplete_ms: Ints | None = None,
) -> Iterator[Outcome]:
    """The rule on redrawn candles, one run after the other, so that a reader can watch them come.

    Parameters
    ----------
    candles_y, candles_x, params, costs, execution, incomplete_ms
        As for ``walk_forward``. All of the history is redrawn: a record is part of the luck.
    rng : Generator
    runs : int
        >= 1. With m of them the smallest share that can be found is 1 / (m + 1).
    """
    if runs < 1:
        raise ValueError(f"runs must be >= 1, was {runs}")
    block = max(1.0, params.fit_bars / BLOCKS_A_WINDOW)
    for _ in range(runs):
        y, x = redrawn(candles_y, candles_x, rng, block)
        run = walk_forward(y, x, params, costs, execution=execution, incomplete_ms=incomplete_ms)
        yield Outcome.of(run.summary)


def redrawn(
    candles_y: Candles, candles_x: Candles, rng: np.random.Generator, mean_block: float
) -> tuple[Candles, Candles]:
    """Candles of the same two symbols at the same times, without a relationship between their levels.

    Parameters
    ----------
    candles_y, candles_x : Candles
        Only intervals in which both legs traded are used and returned.
    rng : Generator
    mean_block : float
        Mean rows of a block; see ``block_rows``.

    Returns
    -------
    tuple of Candles
        The first candle of each leg is kept: prices go on from there. Volume and count come with the drawn candle.

    Notes
    -----
    r_Y = b r_X + u by least squares through 0 over all rows. Rows are drawn by the stationary bootstrap (Politis and
    Romano 1994); the signs of u are the wild bootstrap's (Liu 1988). A close of Y that did not change stays unchanged.
    """
    _, at_y, at_x = np.intersect1d(candles_y.open_ms, candles_x.open_ms, assume_unique=True, return_indices=True)
    y, x = candles_y.take(at_y), candles_x.take(at_x)
    n = len(y)
    if n < 2:
        return y, x
    r_y, r_x = np.diff(np.log(y.close)), np.diff(np.log(x.close))
    squares = (r_x * r_x).sum()
    explained = r_x * ((r_y * r_x).sum() / squares if squares > 0 else 0.0)
    drawn = block_rows(rng, n - 1, (n - 1,), mean_block)
    sign = np.where(r_y[drawn] == 0, 1.0, rng.choice([-1.0, 1.0], n - 1))
    return _redraw(y, drawn, explained[drawn] + sign * (r_y - explained)[drawn]), _redraw(x, drawn, r_x[drawn])


def _redraw(candles: Candles, drawn: Ints, returns: Floats) -> Candles:
    """A leg that makes these returns, its candles shaped like those drawn."""
    rows = np.concatenate((np.zeros(1, np.int64), drawn + 1))
    # Unchanged stays unchanged to the bit: a sum of logs would lose it to rounding.
    moved = np.concatenate(([True], candles.close[drawn + 1] != candles.close[drawn]))
    path = candles.close[0] * np.exp(np.concatenate(([0.0], np.cumsum(np.where(moved[1:], returns, 0.0)))))
    close = path[np.maximum.accumulate(np.where(moved, np.arange(len(rows)), 0))]
    gap = candles.open[1:] / candles.close[:-1]
    opened = np.concatenate((candles.open[:1], close[:-1] * gap[drawn]))
    high, low = candles.high / candles.close, candles.low / candles.close
    return Candles(
        symbol=candles.symbol,
        timeframe_s=candles.timeframe_s,
        open_ms=candles.open_ms,
        open=opened,
        high=np.maximum(np.maximum(opened, close), close * high[rows]),
        low=np.minimum(np.minimum(opened, close), close * low[rows]),
        close=close,
        volume=candles.volume[rows],
        trade_count=candles.trade_count[rows],
        provenance=candles.provenance[rows],
    )
