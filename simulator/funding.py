"""Mark and index prices and funding rates: made up from the last price and the time alone, in the exchange's shapes.

A delivery contract has no funding: where others have a rate it has an empty text, and 0 for the time.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

from simulator.bars import HOUR_MS
from simulator.records import Instrument


@dataclass(frozen=True, slots=True)
class Mark:
    """One contract's mark price and its funding, as of a moment. Prices in quote currency."""

    symbol: str
    mark: float
    index: float
    rate: float | None  # running estimate for the coming settlement, a fraction; None: never funded
    next_funding_ms: int

    @property
    def rate_text(self) -> str:
        """As the exchange prints it."""
        return "" if self.rate is None else f"{self.rate:.8f}"


def next_funding(instrument: Instrument, now_ms: int) -> int:
    """When funding is settled next: every so many hours of the UTC day; 0: never.

    >>> next_funding(Instrument("BTCUSDT", 2, 3), 9 * HOUR_MS) == 16 * HOUR_MS
    True
    """
    if instrument.delivered:
        return 0
    step = instrument.funding_hours * HOUR_MS
    return (now_ms // step + 1) * step


def marked(instrument: Instrument, price: float, now_ms: int) -> Mark:
    """The mark near a price; the rate drifts within ±0.02 % and differs by contract."""
    phase = zlib.crc32(instrument.symbol.encode()) % 628 / 100
    hours = now_ms / HOUR_MS
    rate = None if instrument.delivered else 0.00005 + 0.00015 * math.sin(phase + hours / 11)
    index = price * (1 + 0.00004 * math.sin(phase + hours * 3))
    return Mark(instrument.symbol, price, index, rate, next_funding(instrument, now_ms))
