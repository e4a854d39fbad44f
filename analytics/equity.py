"""What a run had won at each candle, day by day, and how far below its best it stood. Not compounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytics.fills import BPS, Bars, LegCosts, LegTrip, funding_flows
from analytics.round_trips import RoundTrip
from core.clock import DAY_MS
from core.types import Floats, Ints


def equity_of(trades: Sequence[RoundTrip], bars: tuple[Bars, Bars], costs: tuple[LegCosts, LegCosts]) -> Floats:
    """Won since the beginning, at the end of each row: closed trades, and the open one at its closes.

    Parameters
    ----------
    trades : sequence of RoundTrip
        One at a time, oldest first.
    bars, costs
        Of both legs, as the trades were made with.

    Returns
    -------
    (n,) float
        Costs are booked where they fall: half at the entry, half at the exit, funding at its settlement. Uses nothing
        after a row. The last value is the sum of all net results.
    """
    n = len(bars[0].open_ms)
    booked, marked = np.zeros(n), np.zeros(n)
    for trade in trades:
        for leg, leg_bars, leg_costs in zip((trade.y, trade.x), bars, costs, strict=True):
            _book(leg, leg_bars, leg_costs, booked, marked)
    equity: Floats = np.cumsum(booked) + marked
    return equity


def _book(leg: LegTrip, bars: Bars, costs: LegCosts, booked: Floats, marked: Floats) -> None:
    held = slice(leg.entry.row, leg.exit.row)
    marked[held] += leg.qty * (bars.close[held] - leg.entry.price)
    paid_in = abs(leg.qty) * leg.entry.price * (costs.fee_bps + costs.half_spread_bps) * BPS
    booked[leg.entry.row] -= paid_in
    booked[leg.exit.row] += leg.gross - (leg.fees + leg.half_spreads - paid_in)
    settle_ms, paid = funding_flows(leg.qty, leg.entry, leg.exit, bars, costs.funding)
    # At the first row that had ended by then: in a gap the settlement is not known to the row before it.
    np.subtract.at(booked, np.searchsorted(bars.open_ms, settle_ms - bars.step_ms), paid)


def daily_changes(equity: Floats, open_ms: Ints, first_row: int) -> Floats:
    """What each UTC day from the first tested row's to the last row's added; 0 for a day without a candle.

    Returns
    -------
    (days,) float
        They add up to the whole. The first and the last day may be parts of one.

    >>> daily_changes(np.array([0.0, 1.0, 4.0]), np.array([0, 1000, DAY_MS]), first_row=0).tolist()
    [1.0, 3.0]
    """
    if first_row >= len(open_ms):
        return np.empty(0)
    first_day, last_day = int(open_ms[first_row]) // DAY_MS, int(open_ms[-1]) // DAY_MS
    ends = np.searchsorted(open_ms, (np.arange(first_day, last_day + 1) + 1) * DAY_MS) - 1
    return np.diff(equity[ends], prepend=0.0)


def drawdown(equity: Floats) -> Floats:
    """How far each value is below the best so far, the start at 0 included; >= 0.

    >>> drawdown(np.array([-1.0, 2.0, 0.5])).tolist()
    [1.0, 0.0, 1.5]
    """
    best = np.maximum(np.maximum.accumulate(equity), 0.0) if len(equity) else equity
    below: Floats = best - equity
    return below
