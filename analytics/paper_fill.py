"""What an order would have met: the best estimate of the touch from prints, for one side of one symbol. Pure."""

from __future__ import annotations

from analytics.costs import TURN_MS, half_spread_bps
from core.types import Ticks


def executable(ticks: Ticks, buys: bool, after_id: int = -1) -> float | None:
    """The price that a small taker order would have had at the newest print.

    Parameters
    ----------
    ticks : Ticks
        Recent trades of one symbol, ordered by id.
    buys : bool
        Whether the order buys: takers buy at the ask and sell at the bid.
    after_id : int
        The newest print when the order could first have been sent: neither it nor one before it is the order's price.

    Returns
    -------
    float or None
        The newest print of that side, where it is at most a second older than the newest print. Else the newest
        print, moved across the price spread that neighbouring prints show. None where neither is known.
    """
    if not len(ticks) or ticks.trade_id[-1] <= after_id:
        return None
    same = (~ticks.buyer_is_maker if buys else ticks.buyer_is_maker).nonzero()[0]
    if len(same) and ticks.trade_id[same[-1]] > after_id and ticks.ts_ms[same[-1]] >= ticks.ts_ms[-1] - TURN_MS:
        return float(ticks.price[same[-1]])
    half = half_spread_bps(ticks)
    if half is None:
        return None
    across = 2.0 * half * 1e-4
    return float(ticks.price[-1]) * (1.0 + across if buys else 1.0 - across)
