"""Funding: what was settled, when and at what rate, and what of it a look at a given time could know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.costs import NEVER_H, Funding
from core.clock import HOUR_MS
from core.types import Floats, Ints, MarkPrice

USUAL_HOURS: Final = 8  # between settlements, of a contract that the exchange does not list otherwise
FRESH_MS: Final = 60_000  # a running rate older than this at its settlement may not be the one that was settled


@dataclass(frozen=True, slots=True, eq=False)
class FundingRates:
    """One symbol's settlements, oldest first. A history, not a forecast.

    The exchange prints their times some milliseconds late: round them to the minute, or a position opened at that very
    end of a candle would pay for the hours before it.
    """

    settle_ms: Ints  # (k,) strictly increasing
    rate: Floats  # (k,) a fraction of notional; positive: longs pay shorts
    interval_h: float = USUAL_HOURS  # between them, until two were seen

    def __post_init__(self) -> None:
        if self.settle_ms.shape != self.rate.shape or self.settle_ms.ndim != 1:
            raise ValueError(f"one rate a settlement, were {self.rate.shape} for {self.settle_ms.shape}")
        if (np.diff(self.settle_ms) <= 0).any():
            raise ValueError("settle_ms must increase")
        if not np.isfinite(self.rate).all():
            raise ValueError("rates must be finite")
        if not self.interval_h > 0:
            raise ValueError(f"interval_h must be > 0, was {self.interval_h}")

    @classmethod
    def none(cls) -> FundingRates:
        """An assumption, not a lack of knowledge: nothing is ever settled."""
        return cls(np.empty(0, np.int64), np.empty(0))

    @classmethod
    def flat(cls, rate: float, from_ms: int, to_ms: int, interval_h: float = 8.0) -> FundingRates:
        """One rate throughout, at multiples of the interval since midnight UTC; known from ``from_ms`` on.

        >>> FundingRates.flat(1e-4, from_ms=0, to_ms=60_000_000).settle_ms.tolist()
        [0, 28800000, 57600000]
        """
        step_ms = round(interval_h * HOUR_MS)
        settle_ms = np.arange(from_ms // step_ms, to_ms // step_ms + 1, dtype=np.int64) * step_ms
        return cls(settle_ms, np.full(len(settle_ms), float(rate)), interval_h)

    def known_at(self, ms: int) -> Funding | None:
        """What a look at this time could rest on: settlements up to it, and nothing of those after.

        The running rate that the exchange announces is not kept by anybody; the last settled one stands for it. When
        the next one comes is reckoned from the last two, for hours between settlements are changed at times.

        Returns
        -------
        Funding or None
            None before the first settlement: nothing is known yet. A rate of 0 where nothing is ever settled.
        """
        usual_ms = round(self.interval_h * HOUR_MS)
        if not len(self.settle_ms):
            return Funding(0.0, self.interval_h, (ms // usual_ms + 1) * usual_ms)
        after = int(np.searchsorted(self.settle_ms, ms, side="right"))
        if after == 0:
            return None
        last_ms = int(self.settle_ms[after - 1])
        step_ms = last_ms - int(self.settle_ms[after - 2]) if after > 1 else usual_ms
        next_ms = last_ms + ((ms - last_ms) // step_ms + 1) * step_ms
        return Funding(float(self.rate[after - 1]), step_ms / HOUR_MS, next_ms)

    def between(self, after_ms: int, upto_ms: int) -> slice:
        """Settlements in ``(after_ms, upto_ms]``: those that a position held between the two goes through."""
        first, end = np.searchsorted(self.settle_ms, [after_ms, upto_ms], side="right").tolist()
        return slice(first, max(first, end))


def hours_between(listed: Mapping[str, int] | None, symbol: str) -> int | None:
    """Hours between a contract's settlements.

    Parameters
    ----------
    listed : mapping of symbol to hours, or None
        What the exchange lists: only contracts that may differ from the usual; 0: one whose hours it does not say,
        ``NEVER_H``: a delivery contract. None: its list is not known.

    >>> [hours_between(listed, "LPTUSDT") for listed in ({"LPTUSDT": 4}, {}, {"LPTUSDT": 0}, None)]
    [4, 8, None, None]
    """
    return None if listed is None else listed.get(symbol, USUAL_HOURS) or None


def announced(mark: MarkPrice, hours: int, at_ms: int) -> Funding | None:
    """What an announcement says of the funding ahead of a look at this time; it need not be of the same time.

    Parameters
    ----------
    mark : MarkPrice
        The running rate, and when it is settled.
    hours : int
        Between settlements; ``NEVER_H``: a delivery contract's funding is none, and known.
    at_ms : int
        End of the look's candle.

    Returns
    -------
    Funding or None
        None where the announcement is of another period: the settlements between the two, or after, are not known. A
        rate that was settled just then stands for the next one until that is announced, as in a history.

    >>> mark = MarkPrice("BTCUSDT", 9 * HOUR_MS, 1.0, 1.0, 0.0001, next_funding_ms=16 * HOUR_MS)
    >>> announced(mark, 8, at_ms=8 * HOUR_MS)
    Funding(rate=0.0001, interval_h=8.0, next_ms=57600000)
    >>> announced(mark, 8, at_ms=3 * HOUR_MS) is None  # 08:00 was still ahead then
    True
    >>> announced(mark, NEVER_H, at_ms=3 * HOUR_MS).rate
    0.0
    """
    if hours == NEVER_H:
        return Funding(0.0, NEVER_H, at_ms + NEVER_H * HOUR_MS)
    step_ms = hours * HOUR_MS
    next_ms = mark.next_funding_ms
    if 0 < next_ms <= at_ms and next_ms - mark.event_ms <= FRESH_MS:
        next_ms += step_ms
    if not (next_ms > 0 and at_ms < next_ms <= at_ms + step_ms):
        return None
    return Funding(mark.funding_rate, float(hours), next_ms)
