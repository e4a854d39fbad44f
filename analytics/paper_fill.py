"""What an order would have met: the best estimate of the touch from prints, for one side of one symbol. Pure."""

from __future__ import annotations

from analytics.costs import TURN_MS, half_spread_bps
from core.types import Ticks


def executable(ticks: Ticks, buys: bool, since_ms: int = 0) -> float | None:
    """The price that a small taker order would have had at the newest print.

    Parameters
    ----------
    ticks : Ticks
        Recent trades of one symbol, ordered by id.
    buys : bool
        Whether the order buys: takers buy at the ask and sell at the bid.
    since_ms : int
        When the order could have been sent: no print before then is its price.

    Returns
    -------
    float or None
        The newest print of that side, where it is at most a second older than the newest print. Else the newest
        print, moved across the price spread that neighbouring prints show. None where neither is known.
    """
    if not len(ticks) or ticks.ts_ms[-1] < since_ms:
        return None
    same = (~ticks.buyer_is_maker if buys else ticks.buyer_is_maker).nonzero()[0]
    if len(same) and ticks.ts_ms[same[-1]] >= max(since_ms, int(ticks.ts_ms[-1]) - TURN_MS):
        return float(ticks.price[same[-1]])
    half = half_spread_bps(ticks)
    if half is None:
        return None
    across = 2.0 * half * 1e-4
    return float(ticks.price[-1]) * (1.0 + across if buys else 1.0 - across)
