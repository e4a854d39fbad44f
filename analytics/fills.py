"""What one leg of a paper trade costs and returns: fills at the next candle, fee, half price-spread, funding.

Quote currency throughout. Nothing decides here; a leg is given its quantity and the candles it is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from analytics.funding import FundingRates
from core.types import Bools, Floats, Ints

FillAt = Literal["worse", "worst", "open", "close"]


@dataclass(frozen=True, slots=True)
class Execution:
    """How the rule's words become fills. The look is at a candle's end; the fill is in the next candle.

    "worse": both legs at its open or both at its close, whichever is worse for the position. "worst": each leg at the
    worse of its own two, a bound that no one moment offers: the common move of the legs, which is hedged, is charged
    to both of them.
    """

    fill: FillAt = "worse"
    stop: bool = True  # leave at |z| >= stop_z; the pair's record knows no stop

    def __post_init__(self) -> None:
        if self.fill not in get_args(FillAt):
            raise ValueError(f"fill must be one of {', '.join(get_args(FillAt))}, was {self.fill!r}")


@dataclass(frozen=True, slots=True)
class LegCosts:
    """What a leg costs beside its price. Assumptions of the caller: nothing unknown is taken for zero here."""

    fee_bps: float  # of each fill's notional
    half_spread_bps: float  # the same, for crossing half of the price spread
    funding: FundingRates


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """One leg's candles, at the rows that both legs share."""

    open_ms: Ints  # (n,)
    step_ms: int
    open: Floats  # (n,)
    close: Floats  # (n,)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution on paper."""

    row: int
    ms: int  # the candle's open, or its end
    price: float


@dataclass(frozen=True, slots=True)
class LegTrip:
    """One leg, in and out. Costs are positive where they cost."""

    qty: float  # base units; negative: sold first
    entry: Fill
    exit: Fill
    gross: float
    given_up: float  # what the same two candles' closes would have returned more
    fees: float
    half_spreads: float
    funding: float  # negative: received

    @property
    def net(self) -> float:
        """What is left."""
        return self.gross - self.fees - self.half_spreads - self.funding

    @property
    def traded(self) -> float:
        """Notional of both fills."""
        return abs(self.qty) * (self.entry.price + self.exit.price)


BPS: Final = 1e-4
FILL_BARS: Final = 3  # candles' lengths after its look within which an entry is filled: later it is another trade


def filled_in_time(open_ms: Ints, step_ms: int) -> Bools:
    """Whether an entry at the look of each row is filled at all: where the row after it does not come too late.

    Returns
    -------
    (n,) bool
        False for the last row.

    >>> filled_in_time(np.array([0, 60_000, 240_000, 480_000]), 60_000).tolist()
    [True, True, False, False]
    """
    soon = np.zeros(len(open_ms), np.bool_)
    soon[:-1] = np.diff(open_ms) <= FILL_BARS * step_ms
    return soon


def fills(bars: tuple[Bars, Bars], row: int, orders: tuple[float, float], at: FillAt) -> tuple[Fill, Fill]:
    """The fills of both legs' orders in the candles of a row. See ``Execution``.

    High and low are not used: a candle shows that they traded, not that this order would have.

    Parameters
    ----------
    orders : tuple of float
        Base units of each leg; negative: sold.
    """
    y, x = bars
    buy_y, buy_x = orders
    if at == "worst":
        return _fill(y, row, _paid_more_at_open(y, row, buy_y) > 0), _fill(
            x, row, _paid_more_at_open(x, row, buy_x) > 0
        )
    at_open = at == "open"
    if at == "worse":
        at_open = _paid_more_at_open(y, row, buy_y) + _paid_more_at_open(x, row, buy_x) > 0
    return _fill(y, row, at_open), _fill(x, row, at_open)


def _paid_more_at_open(bars: Bars, row: int, order: float) -> float:
    """Quote currency that an order costs more at the open than at the close."""
    return order * float(bars.open[row] - bars.close[row])


def _fill(bars: Bars, row: int, at_open: bool) -> Fill:
    start_ms = int(bars.open_ms[row])
    if at_open:
        return Fill(row, start_ms, float(bars.open[row]))
    return Fill(row, start_ms + bars.step_ms, float(bars.close[row]))


def last_close(bars: Bars) -> Fill:
    """Where a position stands when the data end."""
    row = len(bars.open_ms) - 1
    return Fill(row, int(bars.open_ms[row]) + bars.step_ms, float(bars.close[row]))


def leg_trip(qty: float, entry: Fill, exit_: Fill, bars: Bars, costs: LegCosts) -> LegTrip:
    """Account for one leg.

    >>> bars = Bars(np.array([0, 60_000]), 60_000, np.array([100.0, 101.0]), np.array([100.0, 102.0]))
    >>> costs = LegCosts(5.0, 1.0, FundingRates.none())
    >>> leg_trip(-2.0, Fill(0, 60_000, 100.0), Fill(1, 120_000, 102.0), bars, costs).net
    -4.2424
    """
    traded = abs(qty) * (entry.price + exit_.price)
    gross = qty * (exit_.price - entry.price)
    at_closes = qty * float(bars.close[exit_.row] - bars.close[entry.row])
    _, paid = funding_flows(qty, entry, exit_, bars, costs.funding)
    return LegTrip(
        qty=qty,
        entry=entry,
        exit=exit_,
        gross=gross,
        given_up=at_closes - gross,
        fees=traded * costs.fee_bps * BPS,
        half_spreads=traded * costs.half_spread_bps * BPS,
        funding=float(paid.sum()),
    )


def funding_flows(qty: float, entry: Fill, exit_: Fill, bars: Bars, rates: FundingRates) -> tuple[Ints, Floats]:
    """What a position pays at the settlements in ``(entry, exit]``; received: negative.

    The close of the newest candle that had ended stands for the mark price.

    Returns
    -------
    settle_ms, paid : (k,)
    """
    which = rates.between(entry.ms, exit_.ms)
    settle_ms = rates.settle_ms[which]
    newest = np.searchsorted(bars.open_ms, settle_ms - bars.step_ms, side="right") - 1
    return settle_ms, qty * bars.close[newest] * rates.rate[which]
