"""What happens on the simulated exchange: records, and the contracts they belong to. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

MARKET: Final = "MARKET"
NOT_A_TRADE: Final = "NA"  # carries an id of the chain, price and quantity "0"
INSURANCE_FUND: Final = "INSURANCE_FUND"
ADL: Final = "ADL"


class Record(NamedTuple):
    """One record of a trade stream, its texts as they go over the wire. Many a second: so a named tuple."""

    symbol: str
    id: int
    trade_ms: int  # T
    event_ms: int  # E
    price: str
    qty: str
    kind: str  # X: MARKET, NA, INSURANCE_FUND, ADL
    buyer_is_maker: bool


class Quote(NamedTuple):
    """Another message of a recording, sent on as it was received."""

    stream: str  # btcusdt@bookTicker
    event_ms: int
    data: bytes  # the payload's JSON text


Item = Record | Quote


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract: how its numbers are printed and what ``exchangeInfo`` says of it."""

    symbol: str
    price_decimals: int  # digits the exchange prints; the tick may be coarser
    qty_decimals: int
    tick: int = 1  # in units of the last printed digit
    base: str = ""
    quote: str = "USDT"
    status: str = "TRADING"
    contract_type: str = "PERPETUAL"
    min_notional: str = "5"
    funding_hours: int = 8
    onboard_ms: int = 1_569_398_400_000

    @property
    def delivered(self) -> bool:
        """Whether it ends on a day, and is never funded."""
        return self.contract_type == "CURRENT_QUARTER"

    @property
    def quote_decimals(self) -> int:
        """Digits of a price times a quantity."""
        return self.price_decimals + self.qty_decimals
