"""Mark and index prices and funding rates: made up from the last price and the time alone, in the exchange's shapes."""

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
    rate: float  # running estimate for the coming settlement, a fraction
    next_funding_ms: int


def next_funding(instrument: Instrument, now_ms: int) -> int:
    """When funding is settled next: every so many hours of the UTC day.

    >>> next_funding(Instrument("BTCUSDT", 2, 3), 9 * HOUR_MS) == 16 * HOUR_MS
    True
    """
    step = instrument.funding_hours * HOUR_MS
    return (now_ms // step + 1) * step


def marked(instrument: Instrument, price: float, now_ms: int) -> Mark:
    """The mark near a price; the rate drifts within ±0.02 % and differs by contract."""
    phase = zlib.crc32(instrument.symbol.encode()) % 628 / 100
    hours = now_ms / HOUR_MS
    rate = 0.00005 + 0.00015 * math.sin(phase + hours / 11)
    index = price * (1 + 0.00004 * math.sin(phase + hours * 3))
    return Mark(instrument.symbol, price, index, rate, next_funding(instrument, now_ms))
