"""What a round trip of both legs costs, in basis points of gross notional, each term with its formula.

A term that is not known is None and named; it is never taken for zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.spread import edge_bps
from analytics.verdict import Legs
from core.clock import HOUR_MS
from core.types import Floats, Ticks

MIN_TURNS: Final = 20  # changes of the taker's side that an estimate of the price spread rests on
TURN_MS: Final = 1000  # a change of side within this time: later the price itself has moved
NEVER_H: Final = 1_000_000  # hours between the settlements of a contract that has none: no position is held so long


@dataclass(frozen=True, slots=True)
class Funding:
    """One symbol's funding as the exchange announces it."""

    rate: float  # per settlement, a fraction; positive: longs pay shorts
    interval_h: float  # hours between settlements; NEVER_H: a delivery contract, it has none
    next_ms: int  # the next settlement

    def __post_init__(self) -> None:
        if not self.interval_h > 0:
            raise ValueError(f"interval_h must be > 0, was {self.interval_h}")


@dataclass(frozen=True, slots=True)
class CostSplit:
    """A round trip, bps of gross notional (both legs' notionals added). Positive costs, negative earns."""

    fees_bps: float
    half_spreads_bps: float | None = None  # None: no estimate yet
    funding_bps: float | None = None  # over the mean hold; negative: received
    formula: str = ""  # the sum as text, term by term

    @property
    def total_bps(self) -> float:
        """The known terms together: the whole cost only when nothing is ``missing``.

        >>> CostSplit(10.0, 1.5, None).total_bps
        11.5
        """
        return self.fees_bps + (self.half_spreads_bps or 0.0) + (self.funding_bps or 0.0)

    @property
    def hurdle_bps(self) -> float:
        """What a record has to return more than: the known cost, and never less than nothing.

        Where more is received than paid, a record of losses would pass else: it is not the record that supports that.

        >>> CostSplit(10.0, 1.5, -3.0).hurdle_bps, CostSplit(10.0, 1.5, -20.0).hurdle_bps
        (8.5, 0.0)
        """
        return max(self.total_bps, 0.0)

    @property
    def missing(self) -> tuple[str, ...]:
        """The terms that are not known.

        >>> CostSplit(10.0, 1.5, None).missing
        ('funding',)
        """
        named = (("half price-spreads", self.half_spreads_bps), ("funding", self.funding_bps))
        return tuple(name for name, value in named if value is None)


def round_trip(
    legs: Legs,
    *,
    fee_y_bps: float,
    fee_x_bps: float,
    half_y_bps: float | None = None,
    half_x_bps: float | None = None,
    funding_y: Funding | None = None,
    funding_x: Funding | None = None,
    now_ms: int | None = None,
    hold_s: float | None = None,
) -> CostSplit:
    """Cost of entering and leaving both legs.

    Parameters
    ----------
    legs : Legs
        Sides and notionals. Each leg's share w of the gross notional weighs its costs.
    fee_y_bps, fee_x_bps : float
        Fee of one fill, bps of that leg's notional; paid on the way in and on the way out.
    half_y_bps, half_x_bps : float, optional
        Half of each leg's price spread, bps; paid as often as a fee. See ``half_spread_bps``.
    funding_y, funding_x : Funding, optional
    now_ms : int, optional
        Exchange time of the entry.
    hold_s : float, optional
        Mean hold, from the record. Funding is paid at the settlements in ``(now, now + hold]``.
    """
    gross = legs.notional_y + legs.notional_x
    w_y, w_x = legs.notional_y / gross, legs.notional_x / gross
    fees = 2.0 * (w_y * fee_y_bps + w_x * fee_x_bps)
    parts = [f"fees 2 × ({w_y:.3f} × {fee_y_bps:g} + {w_x:.3f} × {fee_x_bps:g}) = {fees:.2f}"]

    halves = None
    if half_y_bps is not None and half_x_bps is not None:
        halves = 2.0 * (w_y * half_y_bps + w_x * half_x_bps)
        parts.append(
            f"half price-spreads 2 × ({w_y:.3f} × {half_y_bps:.2f} + {w_x:.3f} × {half_x_bps:.2f}) = {halves:.2f}"
        )
    else:
        parts.append("half price-spreads unknown")

    funding = None
    if funding_y is not None and funding_x is not None and now_ms is not None and hold_s is not None:
        n_y, n_x = settlements(funding_y, now_ms, hold_s), settlements(funding_x, now_ms, hold_s)
        pays_y = (1.0 if legs.side_y == "BUY" else -1.0) * funding_y.rate * 1e4
        pays_x = (1.0 if legs.side_x == "BUY" else -1.0) * funding_x.rate * 1e4
        funding = w_y * n_y * pays_y + w_x * n_x * pays_x
        told = [
            "0 (no funding: delivery contract)" if of.interval_h == NEVER_H else f"{w:.3f} × {n} × {pays:+.2f}"
            for of, w, n, pays in ((funding_y, w_y, n_y, pays_y), (funding_x, w_x, n_x, pays_x))
        ]
        parts.append(f"funding {' + '.join(told)} = {funding:.2f}")
    else:
        parts.append("funding unknown")

    costs = CostSplit(fees, halves, funding, "")
    end = f"{'known so far' if costs.missing else 'total'} {costs.total_bps:.2f}"
    return CostSplit(fees, halves, funding, "; ".join([*parts, f"{end} bps of gross notional"]))


def settlements(funding: Funding, now_ms: int, hold_s: float) -> int:
    """Settlements that a position opened now and held ``hold_s`` seconds goes through: those in ``(now, now + hold]``.

    Where the one told is past already, the ones after it are counted, at the same interval.

    >>> settlements(Funding(rate=1e-4, interval_h=8.0, next_ms=3_600_000), now_ms=0, hold_s=9 * 3600)
    2
    """
    step_ms = funding.interval_h * HOUR_MS
    past = max(0, int((now_ms - funding.next_ms) // step_ms) + 1)
    upto = max(0, int((now_ms + hold_s * 1000.0 - funding.next_ms) // step_ms) + 1)
    return upto - past


def half_spread_bps(ticks: Ticks) -> float | None:
    """Half of the price spread, from prints: takers buy at the ask and sell at the bid.

    The median difference between neighbouring prints of opposite takers at most one second apart, halved. It is the
    touch's spread; an order larger than the touch pays more.

    Parameters
    ----------
    ticks : Ticks
        Recent trades of one symbol; a few hundred are plenty.

    Returns
    -------
    float or None
        Bps of the mid price, >= 0. None with fewer than 20 changes of side: not known.

    Notes
    -----
    Signed trades as in Huang and Stoll (1997), without their adverse-selection split: a round trip pays all of it.
    """
    turn = np.flatnonzero(ticks.buyer_is_maker[1:] != ticks.buyer_is_maker[:-1])
    turn = turn[np.abs(ticks.ts_ms[turn + 1] - ticks.ts_ms[turn]) <= TURN_MS]
    if len(turn) < MIN_TURNS:
        return None
    one, other = ticks.price[turn], ticks.price[turn + 1]
    sold_first = ticks.buyer_is_maker[turn]
    gap: Floats = np.where(sold_first, other - one, one - other) / (one + other) * 1e4  # (ask − bid) / 2 over mid
    return max(0.0, float(np.median(gap)))


def break_even_z(cost_bps: float, caught: float, sd: float, beta: float) -> float | None:
    """The |z| at which ``caught`` × the edge shown pays the cost; 0 where more is received, None where no z does.

    Parameters
    ----------
    cost_bps : float
        Bps of gross notional.
    caught : float
        Share of the shown edge that is expected back: the record's lower bound of κ, or 1 for all of it.
    sd : float
        Residual sd, log units.

    >>> round(break_even_z(10.0, caught=1.0, sd=0.0009, beta=0.8), 6)
    2.0
    """
    if not (caught > 0 and sd > 0):
        return None
    return max(cost_bps, 0.0) / edge_bps(caught * sd, beta)
