"""What a run amounts to, in the figures traders ask for. None where a figure would rest on too little.

Written out here: each is a line of numpy, and the libraries that offer them bring charts and downloaders along.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.bootstrap import Interval, mean_interval
from analytics.equity import daily_changes, drawdown
from analytics.round_trips import RoundTrip
from analytics.sharpe import LEAST_DAYS, SharpeRatio, sharpe_ratio
from core.clock import DAY_MS
from core.types import Bools, Floats, Ints

TAIL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in figures. Money in quote currency; bps of the gross notional of a trade, which is the capital here."""

    trades: int
    days: float  # tested
    looks: int  # tested
    exposure: float  # share of the tested candles with an open position; 0 to 1
    gross: float
    given_up: float  # what fills at the next closes, as the record assumes them, would have returned more
    fees: float
    half_spreads: float
    funding: float
    net: float
    net_bps: float | None  # mean per trade
    interval: Interval | None  # the same, bps, with its block-bootstrap interval
    hit_rate: float | None  # share of trades with net > 0
    lost: int  # the others
    mean_hold_bars: float | None
    promised_bps: float | None  # mean of what was promised, net, over the trades that were promised something …
    kept: float | None  # … what those returned beyond it, net; below 0: less came than was promised
    cost_share: float | None  # costs over gross; None unless gross > 0: there is nothing to have a share of
    turnover_per_day: float  # notional of all fills, in capitals a day
    sharpe: SharpeRatio | None  # of daily changes
    drawdown: float  # deepest, quote currency, at closes
    drawdown_bps: float
    var_bps: float | None  # on the worst 5 % of days at least this was lost
    shortfall_bps: float | None  # and on average this


def summarise(
    trades: Sequence[RoundTrip],
    equity: Floats,
    open_ms: Ints,
    step_ms: int,
    first_row: int,
    notional: float,
    rng: np.random.Generator,
) -> Summary:
    """The figures of a run.

    Parameters
    ----------
    trades : sequence of RoundTrip
        Oldest first.
    equity : (n,) float
        See ``equity_of``.
    open_ms : (n,) int
    step_ms : int
        Length of a candle.
    first_row : int
        The first tested row.
    notional : float
        Gross notional of a trade: the capital that all shares are of. Leverage is the reader's.
    rng : Generator
        For the interval.
    """
    looks = max(0, len(open_ms) - first_row)
    days = (int(open_ms[-1]) + step_ms - int(open_ms[first_row])) / DAY_MS if looks else 0.0
    net = np.array([t.net_bps for t in trades])
    gross = _sum(t.gross for t in trades)
    cost = _sum(t.cost for t in trades)
    daily = daily_changes(equity, open_ms, first_row) / notional
    worst = float(drawdown(equity[first_row:]).max(initial=0.0))
    var, shortfall = tail_loss(daily)
    promised = np.array([np.nan if t.promised_bps is None else t.promised_bps for t in trades])
    told = ~np.isnan(promised)
    return Summary(
        trades=len(trades),
        days=days,
        looks=looks,
        exposure=sum(t.out_row - t.in_row for t in trades) / looks if looks else 0.0,
        gross=gross,
        given_up=_sum(t.given_up for t in trades),
        fees=_sum(t.fees for t in trades),
        half_spreads=_sum(t.half_spreads for t in trades),
        funding=_sum(t.funding for t in trades),
        net=gross - cost,
        net_bps=_mean(net),
        interval=mean_interval(net, rng),
        hit_rate=_mean(net > 0),
        lost=int(np.count_nonzero(net <= 0)),
        mean_hold_bars=_mean([t.out_row - t.in_row for t in trades]),
        promised_bps=_mean(promised[told]),
        kept=_mean((net - promised)[told]),
        cost_share=cost / gross if gross > 0 else None,
        turnover_per_day=_sum(t.traded for t in trades) / notional / days if days else 0.0,
        sharpe=sharpe_ratio(daily),
        drawdown=worst,
        drawdown_bps=worst / notional * 1e4,
        var_bps=None if var is None else var * 1e4,
        shortfall_bps=None if shortfall is None else shortfall * 1e4,
    )


def tail_loss(daily: Floats) -> tuple[float | None, float | None]:
    """Historical value at risk and expected shortfall of daily changes, as losses; negative: even then a gain.

    The worst ⌊d/20⌋ of d days, at least one, are the tail: its mildest day and its mean.

    >>> tail_loss(np.array([-3.0, -2.0] + [1.0] * 38))
    (2.0, 2.5)
    """
    if len(daily) < LEAST_DAYS:
        return None, None
    worst = np.sort(daily)[: max(1, int(TAIL * len(daily)))]
    return float(-worst[-1]), float(-worst.mean())


def _mean(values: Sequence[float] | Floats | Bools) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _sum(values: Iterable[float]) -> float:
    return float(sum(values))
